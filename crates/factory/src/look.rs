//! Reading for people: the log's entries, the texts that events committed to, a day's figures, and what somebody may
//! do. Nothing here changes anything.

mod watch;

pub use watch::{AssumptionLook, CertificateLook, WatchLook, WatchState};

use crate::api::{Caller, Held, Refused, ReviewView};
use crate::decisions::held;
use crate::factory::{Factory, not_recorded};
use crate::handle::{row, rows};
use crate::project::{DecisionRec, ReviewRec, ReviewState, TokenRec};
use seatrial_ledger::{Checkpoint, Note, leaf_hash};
use seatrial_model::{Commitment, Day, DecisionId, Digest, Event, EventId, LogName, LogPoint, Logged, ReviewId};
use seatrial_spec::Workflow;
use seatrial_sprint::SprintReport;
use seatrial_store::{ReaderExt as _, Scan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most entries that one look at the log gives: a page of them is read by a person.
pub const LOOK_ENTRIES_MAX: usize = 200;

/// An entry of a log, as a person looks at it.
#[derive(Clone, Debug)]
pub struct EntryLook {
    /// Its index.
    pub index: u64,
    /// The RFC 6962 leaf hash of its bytes.
    pub leaf: Digest,
    /// The event.
    pub event: Event,
}

/// What a list says of a decision besides its row.
#[derive(Clone, Debug)]
pub struct DecisionHead {
    /// The case id.
    pub case: Held,
    /// A person overrode it.
    pub overridden: bool,
    /// A person still has to answer its review.
    pub waits: bool,
    /// The role whose audit of it is open, where one is.
    pub audit_open: Option<String>,
    /// The spec that it was made under.
    pub spec: Option<Digest>,
    /// Its step.
    pub step: String,
    /// Whom it is to be shown as called by, where that is not who the event names.
    pub shown_caller: Option<String>,
}

impl Factory {
    /// Entries of a workflow's log below `before`, the newest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn recent_events(
        &self,
        workflow: &str,
        before: Option<u64>,
        limit: usize,
    ) -> Result<Vec<EntryLook>, Refused> {
        let handle = self.handle(workflow)?;
        let limit = limit.clamp(1, LOOK_ENTRIES_MAX);
        let read = self.0.store.read_with(&handle.log, move |view| {
            let end = view.size()?.min(before.unwrap_or(u64::MAX));
            let from = end.saturating_sub(limit as u64);
            let entries = view.entries(from, usize::try_from(end - from).unwrap_or(limit))?;
            let mut seen = Vec::with_capacity(entries.len());
            for entry in entries.into_iter().rev() {
                let (index, leaf) = (entry.index, leaf_hash(&entry.bytes));
                seen.push(EntryLook { index, leaf, event: entry.event(view.log())? });
            }
            Ok(seen)
        });
        read.await.map_err(not_recorded)
    }

    /// Events of a workflow's log by their ids; one that is not there is left out.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn events_of(&self, workflow: &str, ids: Vec<EventId>) -> Result<BTreeMap<EventId, Logged>, Refused> {
        let handle = self.handle(workflow)?;
        let read = self.0.store.read_with(&handle.log, move |view| {
            let mut found = BTreeMap::new();
            for id in ids {
                if let Some((index, event)) = view.event_by_id(id)? {
                    found.insert(id, Logged { index, event: Arc::new(event) });
                }
            }
            Ok(found)
        });
        read.await.map_err(not_recorded)
    }

    /// All delivery events of a workflow, in order.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn history(&self, workflow: &str) -> Result<Vec<Logged>, Refused> {
        let handle = self.handle(workflow)?;
        self.delivery_events(&handle.log).await.map_err(not_recorded)
    }

    /// Size and root of the newest signed checkpoint.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn signed_point(&self, workflow: &str) -> Result<Option<LogPoint>, Refused> {
        let handle = self.handle(workflow)?;
        let note = self.0.store.checkpoint(&handle.log).await.map_err(not_recorded)?;
        let checkpoint =
            note.and_then(|n| Note::parse(n.as_bytes()).ok()).and_then(|n| Checkpoint::parse(n.text()).ok());
        Ok(checkpoint.map(|c| LogPoint { size: c.size, root: c.root }))
    }

    /// A text that an event committed to.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn text(&self, workflow: &str, commitment: Option<Commitment>) -> Result<Held, Refused> {
        let handle = self.handle(workflow)?;
        self.0.store.read_with(&handle.log, move |view| held(view, commitment)).await.map_err(not_recorded)
    }

    /// The picture of a certificate's curve; of nothing else that the log keeps.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where no certificate has it.
    pub async fn curve(&self, workflow: &str, curve: Digest) -> Result<Vec<u8>, Refused> {
        let handle = self.handle(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let is_curve = |e: &Logged| matches!(&e.event.body, seatrial_model::Body::ThresholdTested(t) if t.certificate.curve == curve);
        let bytes = match events.iter().any(is_curve) {
            true => self.0.store.blob(&handle.log, curve).await.map_err(not_recorded)?,
            false => None,
        };
        bytes.ok_or_else(|| Refused::NotFound(format!("no certificate has the curve `{}`", curve.short())))
    }

    /// The report of a closed sprint, by its blob.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn sprint_report(&self, workflow: &str, report: Digest) -> Result<Option<SprintReport>, Refused> {
        let handle = self.handle(workflow)?;
        let bytes = self.0.store.blob(&handle.log, report).await.map_err(not_recorded)?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Open reviews of a workflow for every role, the oldest first, at most `limit`: for people who look at the queue,
    /// whether they answer or not.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn queue(&self, workflow: &str, limit: usize) -> Result<Vec<ReviewView>, Refused> {
        let handle = self.handle(workflow)?;
        let name = handle.log.clone();
        let read =
            self.0.store.read_with(&handle.log, move |view| crate::reviews::open_reviews(view, &name, None, limit));
        read.await.map_err(not_recorded)
    }

    /// What was counted on a day (UTC): `verdict/allow`, `answer/edit`, `overrides`, …
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn day_counts(&self, workflow: &str, day: Day) -> Result<BTreeMap<String, u64>, Refused> {
        let handle = self.handle(workflow)?;
        let read = self.0.store.read_with(&handle.log, move |view| {
            let prefix = format!("{day}/");
            let found: Vec<(Vec<u8>, u64)> = rows(view, &Scan::all("tally").prefix(prefix.clone()))?;
            let name = |key: &[u8]| String::from_utf8_lossy(key.get(prefix.len()..).unwrap_or_default()).into_owned();
            Ok(found.iter().map(|(key, n)| (name(key), *n)).collect())
        });
        read.await.map_err(not_recorded)
    }

    /// What lists say of these decisions; one that is not there is left out.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn heads(
        &self,
        workflow: &str,
        decisions: Vec<DecisionId>,
    ) -> Result<BTreeMap<DecisionId, DecisionHead>, Refused> {
        let handle = self.handle(workflow)?;
        let read = self.0.store.read_with(&handle.log, move |view| {
            let mut found = BTreeMap::new();
            for id in decisions {
                let Some(rec) = row::<DecisionRec>(view, "decision", id.uuid().as_bytes())? else { continue };
                let review: Option<ReviewRec> = match rec.review {
                    Some(review) => row(view, "review", review.uuid().as_bytes())?,
                    None => None,
                };
                let open = review.filter(|r| matches!(r.state, ReviewState::Open | ReviewState::Claimed));
                let head = DecisionHead {
                    case: held(view, rec.payloads.get("case").copied())?,
                    overridden: rec.overridden.is_some(),
                    waits: open.as_ref().is_some_and(|r| !r.audit),
                    audit_open: open.filter(|r| r.audit).map(|r| r.to),
                    spec: rec.spec,
                    shown_caller: match rec.hidden {
                        true => crate::seeds::like_in(view, &rec.step)?.map(|(by, _)| by.caller.id),
                        false => None,
                    },
                    step: rec.step,
                };
                found.insert(id, head);
            }
            Ok(found)
        });
        read.await.map_err(not_recorded)
    }

    /// A spec of this workflow, by its digest; what is shown now where none is named.
    ///
    /// # Errors
    /// [`Refused`] where the store does not hold it.
    pub async fn spec_at(&self, workflow: &str, spec: Option<Digest>) -> Result<Arc<Workflow>, Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let Some(spec) = spec else { return self.shown_spec(workflow) };
        let known = [&live.in_force, &live.candidate].into_iter().flatten().find(|s| s.workflow.digest == spec);
        match known {
            Some(served) => Ok(Arc::clone(&served.workflow)),
            None => {
                let loaded = self.load_old(&handle.log, spec).await;
                loaded.map(|served| served.workflow).map_err(crate::factory::internal)
            }
        }
    }

    /// Why something that should be served is not; none where all is well.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub fn broken(&self, workflow: &str) -> Result<Option<String>, Refused> {
        Ok(self.handle(workflow)?.live.load().broken.clone())
    }

    /// Whether somebody may stop this workflow.
    ///
    /// # Errors
    /// [`Refused`], saying why not.
    pub fn may_stop(&self, caller: &Caller, workflow: &str) -> Result<(), Refused> {
        let handle = self.handle(workflow)?;
        self.may_switch(caller, &handle, seatrial_governance::policy::Action::Stop, false)
    }

    /// Whether somebody may resume what this person stopped.
    ///
    /// # Errors
    /// [`Refused`], saying why not.
    pub fn may_resume(&self, caller: &Caller, workflow: &str, stopped_by: &str) -> Result<(), Refused> {
        let handle = self.handle(workflow)?;
        self.may_resume_from(caller, &handle, stopped_by).map(drop)
    }

    /// Whether somebody may answer a review, by the spec that its decision was made under.
    ///
    /// # Errors
    /// [`Refused`], saying why not.
    pub async fn may_answer_review(&self, caller: &Caller, review: ReviewId) -> Result<(), Refused> {
        let (handle, rec, decision) = self.review_rec(review).await?;
        let served = self.spec_of(&handle, &decision).await?;
        self.may_answer(caller, &served, &rec)
    }

    /// Whether a token of that public name still authenticates: known, not revoked, not expired.
    ///
    /// # Errors
    /// [`Refused`] where the store fails.
    pub async fn token_stands(&self, name: &str) -> Result<bool, Refused> {
        let (log, key) = (LogName::factory(), name.to_owned());
        let read = self.0.store.read_with(&log, move |view| row::<TokenRec>(view, "token", key.as_bytes()));
        let rec = read.await.map_err(not_recorded)?;
        Ok(rec.is_some_and(|r| !r.revoked && self.now() < r.expires))
    }
}
