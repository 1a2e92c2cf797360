//! Drills: a control exercised on marked requests through the real path, timed, and recorded.
//!
//! A drill that needs a person's answer has two halves: it is opened, people answer through the review queue as they
//! always do, and it is closed over what the log then says.

mod hands;

pub use hands::{MarkedReview, OpenedDrill};

use crate::api::{Caller, Passage, Passed, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::rehearse::rehearsal_passages;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::DrillDone;
use seatrial_model::{Action, Body, DecisionId, ElementPath, EventId};
use seatrial_spec::Workflow;
use seatrial_store::{Batch, StoreExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// How many marked requests a stop drill sends after the stop: all of them have to be refused.
const REFUSALS: u64 = 20;

/// How many marked requests are tried until one is decided as a drill needs it.
const TRIES_MAX: usize = 200;

/// What a drill came to.
#[derive(Clone, Debug)]
pub struct Drilled {
    /// The event.
    pub event: EventId,
    /// The control.
    pub control: String,
    /// From the request to its last effect.
    pub effective_ms: u64,
    /// The longest that the spec allows.
    pub allowed_ms: Option<u64>,
    /// Marked requests that were answered in it.
    pub answered: u64,
    /// Marked outputs that did not leave as they were: the proof that it took effect.
    pub refused: u64,
}

impl Drilled {
    /// Whether it took effect within the time that the spec allows.
    #[must_use]
    pub fn in_time(&self) -> bool {
        self.refused > 0 && self.allowed_ms.is_none_or(|allowed| self.effective_ms <= allowed)
    }
}

/// What is to be recorded of a drill.
struct Done<'d> {
    control: &'d str,
    effective_ms: u64,
    /// The longest allowed where the gate says nothing.
    otherwise_ms: Option<u64>,
    answered: u64,
    refused: u64,
    events: Vec<EventId>,
    /// The elements whose runbook was followed.
    runbooks: Vec<ElementPath>,
}

impl Factory {
    /// Whoever exercises a control may, and what it is exercised on.
    fn drilling(&self, caller: &Caller, workflow: Option<&str>) -> Result<(String, Arc<Handle>, Arc<Served>), Refused> {
        let name = self.name_of(workflow)?;
        let (handle, served) = self.submitted(&name)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Drill, &circumstances)?;
        Ok((name, handle, served))
    }

    async fn drilled(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        done: Done<'_>,
    ) -> Result<Drilled, Refused> {
        let gate = served.workflow.gates.production.as_ref().and_then(|g| g.drills.get(done.control));
        let allowed_ms = gate.map(|span| span.as_millis()).or(done.otherwise_ms);
        let followed = !done.runbooks.is_empty();
        let body = DrillDone {
            control: done.control.to_owned(),
            effective_ms: done.effective_ms,
            allowed_ms,
            refused: done.refused,
            events: done.events,
            runbooks: done.runbooks,
            finished: 0,
            restored: None,
        };
        let mut event = self.event(&handle.log, caller.principal.clone(), Body::DrillDone(body)).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        let drill = format!("drill.{}", done.control);
        let mut obligations = vec![drill.as_str()];
        if followed {
            obligations.push("ownership.runbooks");
        }
        event.evidence = self.evidence(&handle.log, &served.workflow, &obligations).await?;
        event.people = self.people_point().await.map_err(not_recorded)?;
        let id = event.id;
        self.0.store.append(&handle.log, Batch::of(event)).await.map_err(not_recorded)?;
        Ok(Drilled {
            event: id,
            control: done.control.to_owned(),
            effective_ms: done.effective_ms,
            allowed_ms,
            answered: done.answered,
            refused: done.refused,
        })
    }

    /// A stop drill: marked requests run, one person stops, everything is refused, another person resumes.
    ///
    /// # Errors
    /// [`Refused`]; where the stop itself went through, the workflow stays stopped.
    pub async fn drill_stop(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
    ) -> Result<Drilled, Refused> {
        let (name, handle, served) = self.drilling(stopper, workflow)?;
        let passages = rehearsal_passages(&served)?;
        let marked = passages.into_iter().next().ok_or_else(no_example)?;
        let (answered, going) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(true)));
        let traffic = self.marked_traffic(stopper, &marked, &answered, &going);
        let drill = async {
            while answered.load(Ordering::Relaxed) < 3 && going.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            let stop = self.stop(stopper, &name, None, "stop drill").await;
            let mut refused = 0;
            if stop.is_ok() {
                for _ in 0..REFUSALS {
                    let again = self.pass(stopper, marked.clone()).await;
                    refused += u64::from(matches!(again, Err(Refused::Stopped { .. })));
                }
            }
            going.store(false, Ordering::Relaxed);
            stop.map(|stop| (stop, refused))
        };
        let (result, ()) = tokio::join!(drill, traffic);
        let (stop, refused) = result?;
        let resumed = self.resume(resumer, &name, None, "stop drill over").await?;
        let done = Done {
            control: "stop",
            effective_ms: stop.effective_ms,
            otherwise_ms: None,
            answered: answered.load(Ordering::Relaxed),
            refused,
            events: vec![stop.event, resumed],
            runbooks: Vec::new(),
        };
        self.drilled(stopper, &handle, &served, done).await
    }

    /// Marked requests, one after the other, until told to end.
    async fn marked_traffic(&self, caller: &Caller, marked: &Passage, answered: &AtomicU64, going: &AtomicBool) {
        while going.load(Ordering::Relaxed) {
            match self.pass(caller, marked.clone()).await {
                Ok(_) => {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(Refused::Stopped { .. }) => {}
                Err(_) => going.store(false, Ordering::Relaxed),
            }
            tokio::task::yield_now().await;
        }
    }

    /// An override drill: a marked decision whose output may leave is taken back by somebody who may override, and
    /// nothing of it can be had any more.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded as a drill.
    pub async fn drill_override(&self, caller: &Caller, workflow: Option<&str>) -> Result<Drilled, Refused> {
        let (_, handle, served) = self.drilling(caller, workflow)?;
        let passed = self.to_take_back(caller, &served).await?;
        let began = Instant::now();
        let overridden = self.take_back(caller, &served, &passed, "override drill").await?;
        let effective_ms = elapsed(began);
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let done = Done {
            control: "override",
            effective_ms,
            otherwise_ms: None,
            answered: 1,
            refused: u64::from(rec.overridden.is_some() && rec.released.is_none()),
            events: vec![rec.event, overridden],
            runbooks: Vec::new(),
        };
        self.drilled(caller, &handle, &served, done).await
    }

    /// An incident drill: a marked decision that should not have left; one person stops the workflow and takes the
    /// decision back, another resumes.
    ///
    /// # Errors
    /// [`Refused`]; where the stop itself went through, the workflow stays stopped.
    pub async fn drill_incident(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
    ) -> Result<Drilled, Refused> {
        let (name, handle, served) = self.drilling(stopper, workflow)?;
        let passed = self.to_take_back(stopper, &served).await?;
        let began = Instant::now();
        let stop = self.stop(stopper, &name, None, "incident drill").await?;
        let taken = self.take_back(stopper, &served, &passed, "incident drill").await;
        let effective_ms = elapsed(began);
        let resumed = self.resume(resumer, &name, None, "incident drill over").await?;
        let taken = taken?;
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let done = Done {
            control: "incident",
            effective_ms,
            otherwise_ms: None,
            answered: 1,
            refused: u64::from(rec.overridden.is_some() && rec.released.is_none()),
            events: vec![rec.event, stop.event, taken, resumed],
            runbooks: incident_runbooks(&served.workflow),
        };
        self.drilled(stopper, &handle, &served, done).await
    }

    /// A marked decision to be taken back: one whose output leaves; where everything waits for a person, one that waits.
    async fn to_take_back(&self, caller: &Caller, served: &Served) -> Result<Passed, Refused> {
        let marked = |p: &Passage| served.workflow.step(&p.step).is_some_and(|s| s.overrides.is_some());
        let found = match self.marked_decision(caller, served, marked, |p| p.output.is_some()).await? {
            Some(passed) => Some(passed),
            None => self.marked_decision(caller, served, marked, |p| p.review.is_some()).await?,
        };
        found.ok_or_else(|| {
            Refused::Invalid(
                "no example in a step with `override` comes to an output, so there is nothing to take back; add one that does: `seatrial example add`, or a line in its file"
                    .to_owned(),
            )
        })
    }

    /// Takes a marked decision back, for the last reason that the spec lists.
    async fn take_back(
        &self,
        caller: &Caller,
        served: &Served,
        passed: &Passed,
        text: &str,
    ) -> Result<EventId, Refused> {
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let rules = served.workflow.step(&rec.step).and_then(|s| s.overrides.as_ref());
        let reason = rules.and_then(|r| r.reasons.last()).cloned().unwrap_or_default();
        self.override_decision(caller, passed.decision, Action::Block, &reason, text, None).await
    }

    /// A marked request that is decided as wanted; none where no example is.
    async fn marked_decision(
        &self,
        caller: &Caller,
        served: &Served,
        fitting: impl Fn(&Passage) -> bool,
        wanted: impl Fn(&Passed) -> bool,
    ) -> Result<Option<Passed>, Refused> {
        let passages = rehearsal_passages(served)?;
        if passages.is_empty() {
            return Err(no_example());
        }
        for passage in passages.into_iter().filter(|p| fitting(p)).take(TRIES_MAX) {
            let passed = self.pass(caller, passage).await?;
            if wanted(&passed) {
                return Ok(Some(passed));
            }
        }
        Ok(None)
    }

    /// The event of a decision.
    async fn event_of(&self, decision: DecisionId) -> Result<EventId, Refused> {
        self.decision_rec(decision).await.map(|(_, rec)| rec.event)
    }
}

/// An incident is handled by the runbook of whoever handles exceptions and incidents.
fn incident_runbooks(workflow: &Workflow) -> Vec<ElementPath> {
    let exceptions = workflow.responsibilities.get("exceptions").filter(|r| r.runbook.is_some());
    exceptions.map(|_| ElementPath::new("responsibilities.exceptions")).into_iter().collect()
}

fn no_example() -> Refused {
    Refused::Invalid("there is no example to send as a marked request: add one to the spec".to_owned())
}

fn elapsed(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
