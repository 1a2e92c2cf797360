//! Drills: a control exercised on marked requests through the real path, timed, and recorded.
//!
//! A drill's stop is a stop: the same switch, the same event, the same way to cut what is in flight. It reaches marked
//! requests alone, so cases go on as if there were no drill. A drill that needs a person's answer has two halves: it is
//! opened, people answer through the review queue as they always do, and it is closed over what the log then says.

mod guide;
mod hands;
mod list;
mod restore;
mod switched;

pub use guide::{DrillGuide, Runbook};
pub use hands::{MarkedReview, OpenedDrill};
pub use list::{DrillLook, LastDrill};
pub use restore::RestoreDrill;
pub(crate) use switched::Half;
pub use switched::WaitingDrill;

use crate::api::{Caller, Passage, Passed, Refused};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::rehearse::rehearsal_passages;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::DrillDone;
use seatrial_model::{Action, Body, DecisionId, ElementPath, EventId, LogPoint, Side, Stage};
use seatrial_spec::Workflow;
use seatrial_store::{Batch, StoreExt as _};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::MutexGuard;

/// How many marked requests are tried until one is decided as a drill needs it.
const TRIES_MAX: usize = 200;

/// How a drill is done.
#[derive(Clone, Copy)]
pub struct DrillOptions<'t> {
    /// Is told each step as it is done.
    pub tell: &'t (dyn Fn(&str) + Send + Sync),
    /// How long a stop drill waits for the people of the fallback to finish the marked cases that it refused, in
    /// milliseconds. Where it does not wait, it hands none over.
    pub finish_ms: u64,
}

impl Default for DrillOptions<'_> {
    fn default() -> Self {
        Self { tell: &|_| {}, finish_ms: 0 }
    }
}

impl fmt::Debug for DrillOptions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DrillOptions").field("finish_ms", &self.finish_ms).finish_non_exhaustive()
    }
}

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
    /// Marked cases that were finished by the step's fallback.
    pub finished: u64,
    /// The side of whoever did it.
    pub side: Side,
    /// Why it does not count for production; none where it does.
    pub not_production: Option<String>,
    /// What was done, in order.
    pub steps: Vec<String>,
    /// The drill incident that was opened and reviewed in it.
    pub incident: Option<u64>,
}

impl Drilled {
    /// Whether it took effect within the time that the spec allows.
    #[must_use]
    pub fn in_time(&self) -> bool {
        // A restore and a rotation are recorded only where they were found to hold.
        let took_effect = self.refused > 0 || matches!(self.control.as_str(), "restore" | "key-rotation");
        took_effect && self.allowed_ms.is_none_or(|allowed| self.effective_ms <= allowed)
    }
}

/// What is to be recorded of a drill.
#[derive(Debug, Default)]
pub(crate) struct Done<'d> {
    pub(crate) control: &'d str,
    pub(crate) effective_ms: u64,
    /// The longest allowed where the gate says nothing.
    pub(crate) otherwise_ms: Option<u64>,
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) finished: u64,
    pub(crate) events: Vec<EventId>,
    /// The elements whose runbook was followed.
    pub(crate) runbooks: Vec<ElementPath>,
    /// A restore drill: the log as it was found again.
    pub(crate) restored: Option<LogPoint>,
    pub(crate) steps: Vec<String>,
    pub(crate) incident: Option<u64>,
}

/// The steps of a drill, told as they are done and kept.
pub(crate) struct Steps<'t> {
    options: DrillOptions<'t>,
    done: Vec<String>,
}

impl<'t> Steps<'t> {
    pub(crate) const fn new(options: DrillOptions<'t>) -> Self {
        Self { options, done: Vec::new() }
    }

    pub(crate) fn tell(&mut self, step: String) {
        (self.options.tell)(&step);
        self.done.push(step);
    }
}

impl Factory {
    /// Whoever exercises a control may, and what it is exercised on.
    pub(crate) fn drilling(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
    ) -> Result<(String, Arc<Handle>, Arc<Served>), Refused> {
        let name = self.name_of(workflow)?;
        let (handle, served) = self.submitted(&name)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Drill, &circumstances)?;
        Ok((name, handle, served))
    }

    /// Records a drill, and says whether it counts for production.
    pub(crate) async fn drilled(
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
            finished: done.finished,
            restored: done.restored,
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
            finished: done.finished,
            side: caller.principal.side,
            not_production: self.not_production(handle.log.as_str(), &drill, id).await?,
            steps: done.steps,
            incident: done.incident,
        })
    }

    /// Why a drill's event does not count for production, by the same computation that the gate makes.
    async fn not_production(
        &self,
        workflow: &str,
        obligation: &str,
        event: EventId,
    ) -> Result<Option<String>, Refused> {
        let standing = self.standing(workflow, Stage::Production).await?;
        let state = standing.states.into_iter().find(|s| s.obligation.id == obligation);
        let considered = state.and_then(|s| s.considered.into_iter().find(|c| c.event == event));
        Ok(considered.filter(|c| !c.counts).map(|c| c.why))
    }

    /// An override drill: a marked decision whose output may leave is taken back by somebody who may override, and
    /// nothing of it can be had any more.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded as a drill.
    pub async fn drill_override(&self, caller: &Caller, workflow: Option<&str>) -> Result<Drilled, Refused> {
        self.drill_override_with(caller, workflow, DrillOptions::default()).await
    }

    /// The same, told step by step.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded as a drill.
    pub async fn drill_override_with(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        options: DrillOptions<'_>,
    ) -> Result<Drilled, Refused> {
        let (_, handle, served) = self.drilling(caller, workflow)?;
        let _alone = alone(&handle)?;
        let mut steps = Steps::new(options);
        let passed = self.to_take_back(caller, &served).await?;
        steps.tell(format!("a marked case was decided: `{}`, {}", passed.decision, passed.verdict));
        let began = Instant::now();
        let overridden = self.take_back(caller, &served, &passed, "override drill").await?;
        let effective_ms = elapsed(began);
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let refused = u64::from(rec.overridden.is_some() && rec.released.is_none());
        steps.tell(format!("`{}` took it back: {}", caller.principal.id, left(refused)));
        let done = Done {
            control: "override",
            effective_ms,
            answered: 1,
            refused,
            events: vec![rec.event, overridden],
            steps: steps.done,
            ..Done::default()
        };
        self.drilled(caller, &handle, &served, done).await
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

/// The drill that is under way; two at once would answer for each other. What is inside waits for another person.
fn alone(handle: &Handle) -> Result<MutexGuard<'_, Option<Half>>, Refused> {
    let held = handle.drilling.try_lock().map_err(|_| under_way())?;
    if let Some(half) = held.as_ref().filter(|_| !handle.marked_stops.load().is_empty()) {
        let WaitingDrill { control, by, .. } = half.look();
        let message = format!("a {control} drill of `{by}` waits for another person, who finishes it first");
        return Err(Refused::Conflict { message, now: None });
    }
    Ok(held)
}

fn under_way() -> Refused {
    Refused::Conflict {
        message: "another drill of this workflow is under way; nothing was done: wait until it is over".to_owned(),
        now: None,
    }
}

/// An incident is handled by the runbook of whoever handles exceptions and incidents.
fn incident_runbooks(workflow: &Workflow) -> Vec<ElementPath> {
    let exceptions = workflow.responsibilities.get("exceptions").filter(|r| r.runbook.is_some());
    exceptions.map(|_| ElementPath::new("responsibilities.exceptions")).into_iter().collect()
}

fn left(refused: u64) -> &'static str {
    if refused > 0 { "nothing of it can be had any more" } else { "its output can still be had" }
}

fn no_example() -> Refused {
    Refused::Invalid("there is no example to send as a marked request: add one to the spec".to_owned())
}

fn elapsed(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
