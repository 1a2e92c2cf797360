//! Reconciliation: whether what passed is what is recorded. The ids of cases stay here; the log gets counts.

mod calls;

pub use calls::{BILL_LINES_MAX, BilledCalls, CallsInput, ModelDay, ReconciledCalls};

use crate::api::{Caller, Held, Refused};
use crate::decisions::held;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::join::{decisions_of, tag};
use crate::metrics::each_decision;
use crate::project::CALLER;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::ReconciliationDone;
use seatrial_model::{Body, Commitment, EventId, Time, Untrusted};
use seatrial_store::{Batch, ReaderExt as _, Scan, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};

/// The most ids of one reconciliation: they are held in memory, once for each caller.
pub const RECONCILE_IDS_MAX: usize = 1_000_000;

/// The most differences that are listed; all are counted.
pub const DIFFERENCES_MAX: usize = 1_000;

/// The cases of the system of record in a window.
#[derive(Clone, Debug)]
pub struct ReconcileInput {
    /// Their ids, as the callers stated them.
    pub ids: Vec<String>,
    /// The window's start.
    pub from: Time,
    /// The window's end.
    pub until: Time,
}

/// What a reconciliation came to. The lists are for whoever runs it; the log holds the counts alone.
#[derive(Clone, Debug)]
pub struct Reconciled {
    /// The event.
    pub event: EventId,
    /// What was counted.
    pub done: ReconciliationDone,
    /// Their ids that were never recorded here: they passed around the guard, or not at all.
    pub unrecorded: Vec<Untrusted>,
    /// Cases recorded here that they do not know: the id where it is held still, else its HMAC.
    pub unknown: Vec<Untrusted>,
}

/// The cases that were recorded in a window: HMAC → the caller's id for it, where it is held still.
type Cases = BTreeMap<String, Option<Commitment>>;

impl Factory {
    /// Compares the case ids of the system of record with the recorded ones, and records how many differ.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn reconcile(
        &self,
        caller: &Caller,
        workflow: &str,
        input: ReconcileInput,
    ) -> Result<Reconciled, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_reconcile(caller, &served, input.from, input.until)?;
        let theirs: BTreeSet<String> =
            input.ids.into_iter().map(|id| id.trim().to_owned()).filter(|id| !id.is_empty()).collect();
        if theirs.len() > RECONCILE_IDS_MAX {
            return Err(Refused::Invalid(format!(
                "at most {RECONCILE_IDS_MAX} ids are reconciled at once; take a shorter window"
            )));
        }
        let (cases, callers) = self.recorded_cases(&handle, input.from, input.until).await?;
        let (unrecorded, known) = self.unrecorded(&handle, &theirs, &callers, &cases).await?;
        let unknown: Vec<(String, Option<Commitment>)> =
            cases.iter().filter(|(tag, _)| !known.contains(*tag)).map(|(tag, id)| (tag.clone(), *id)).collect();
        let done = ReconciliationDone {
            of: "cases".to_owned(),
            from: input.from,
            until: input.until,
            theirs: theirs.len() as u64,
            ours: cases.len() as u64,
            unrecorded: unrecorded.len() as u64,
            unknown: unknown.len() as u64,
        };
        let id = self.reconciled(caller, &handle, &served, done.clone()).await?;
        Ok(Reconciled {
            event: id,
            done,
            unrecorded: unrecorded.into_iter().take(DIFFERENCES_MAX).map(Untrusted::new).collect(),
            unknown: self.names_of(&handle, unknown).await?,
        })
    }

    fn may_reconcile(&self, caller: &Caller, served: &Served, from: Time, until: Time) -> Result<(), Refused> {
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Drill, &circumstances)?;
        if until <= from {
            return Err(Refused::Invalid("a window ends after it begins".to_owned()));
        }
        Ok(())
    }

    async fn reconciled(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        done: ReconciliationDone,
    ) -> Result<EventId, Refused> {
        let body = Body::ReconciliationDone(done);
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.evidence = self.evidence(&handle.log, &served.workflow, &["runtime.complete"]).await?;
        event.people = self.people_point().await.map_err(not_recorded)?;
        let id = event.id;
        self.0.store.append(&handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(id)
    }

    /// The cases that were decided in a window, rehearsals left out, and everybody who ever called.
    async fn recorded_cases(
        &self,
        handle: &Handle,
        from: Time,
        until: Time,
    ) -> Result<(Cases, BTreeSet<String>), Refused> {
        self.0
            .store
            .read_with(&handle.log, move |view| {
                let mut cases = Cases::new();
                each_decision(view, from, until, &mut |rec, _| {
                    cases.insert(rec.case.clone(), rec.payloads.get("case").copied());
                    Ok(())
                })?;
                let callers = view.scan(&Scan::all(CALLER))?;
                let callers = callers.into_iter().map(|(key, _)| String::from_utf8_lossy(&key).into_owned());
                Ok((cases, callers.collect()))
            })
            .await
            .map_err(not_recorded)
    }

    /// Their ids that were never recorded, and the HMACs of all that were stated.
    async fn unrecorded(
        &self,
        handle: &Handle,
        theirs: &BTreeSet<String>,
        callers: &BTreeSet<String>,
        cases: &Cases,
    ) -> Result<(Vec<String>, BTreeSet<String>), Refused> {
        let mut known = BTreeSet::new();
        // An id that is not in the window may have been decided before or after it.
        let mut elsewhere: Vec<(String, Vec<String>)> = Vec::new();
        for id in theirs {
            let mut tags = Vec::with_capacity(callers.len());
            for caller in callers {
                tags.push(tag(&handle.secret, &[b"case", caller.as_bytes(), id.as_bytes()])?);
            }
            let inside = tags.iter().any(|tag| cases.contains_key(tag));
            known.extend(tags.iter().cloned());
            if !inside {
                elsewhere.push((id.clone(), tags));
            }
        }
        let unrecorded = self
            .0
            .store
            .read_with(&handle.log, move |view| {
                let mut unrecorded = Vec::new();
                for (id, tags) in elsewhere {
                    let mut found = false;
                    for tag in tags {
                        found = found || !decisions_of(view, &tag, 1)?.is_empty();
                    }
                    if !found {
                        unrecorded.push(id);
                    }
                }
                Ok(unrecorded)
            })
            .await
            .map_err(not_recorded)?;
        Ok((unrecorded, known))
    }

    /// Cases by the id that the caller gave, where it is held still.
    async fn names_of(
        &self,
        handle: &Handle,
        cases: Vec<(String, Option<Commitment>)>,
    ) -> Result<Vec<Untrusted>, Refused> {
        self.0
            .store
            .read_with(&handle.log, move |view| {
                let mut names = Vec::new();
                for (tag, id) in cases.into_iter().take(DIFFERENCES_MAX) {
                    names.push(match held(view, id)? {
                        Held::Text { text, .. } => text,
                        _ => Untrusted::new(format!("hmac:{tag}")),
                    });
                }
                Ok(names)
            })
            .await
            .map_err(not_recorded)
    }
}
