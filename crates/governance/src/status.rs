//! How every obligation stands: a fold over the log's delivery events.

mod human;
mod facts;
mod measured;
mod running;
mod stale;
mod waive;

pub use facts::{Oversight, PilotNow, ReviewLoad, Running};

use crate::define::{Duty, Input, Obligation, obligations};
use crate::key::{Inputs, Keys};
use crate::release;
use crate::state::{Considered, ObligationState, State};
use seatrial_model::{Digest, EventId, Evidence, Logged, Stage, Time};
use seatrial_spec::workflow::Element;
use seatrial_spec::{FactorySpec, Workflow};
use std::collections::{BTreeMap, BTreeSet};

/// A finding of the checker that blocks a stage.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CheckFinding {
    /// Its code (`ST0101`).
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// The first stage that it blocks.
    pub blocks: Stage,
}

impl CheckFinding {
    /// Those of the checker's diagnostics that block a stage; advice blocks none.
    #[must_use]
    pub fn of(diagnostics: &[seatrial_spec::Diagnostic]) -> Vec<Self> {
        let blocking = diagnostics.iter().filter_map(|d| Some((d, d.blocks?)));
        blocking
            .map(|(d, blocks)| Self { code: d.code.as_str().to_owned(), message: d.message.clone(), blocks })
            .collect()
    }
}

/// Everything that readiness is computed from.
#[derive(Clone, Copy, Debug)]
pub struct StatusInput<'a> {
    /// The checked spec.
    pub workflow: &'a Workflow,
    /// People, profile, kind.
    pub factory: &'a FactorySpec,
    /// The delivery events of the workflow's log, in the log's order (running ones may be among them).
    pub events: &'a [Logged],
    /// The external inputs as they stand.
    pub inputs: &'a Inputs,
    /// Element tables of earlier specs by spec digest, so that staleness can name the path; see [`specs_cited`].
    pub old_elements: &'a BTreeMap<Digest, Vec<Element>>,
    /// What the running system shows beyond its delivery events.
    pub running: &'a Running,
    /// Now.
    pub now: Time,
    /// What the checker found.
    pub findings: &'a [CheckFinding],
    /// The stage asked for.
    pub stage: Stage,
}

/// The specs whose element tables [`status`] may want: those that evidence was made under.
#[must_use]
pub fn specs_cited(events: &[Logged]) -> BTreeSet<Digest> {
    events.iter().filter(|e| !e.event.evidence.is_empty()).filter_map(|e| e.event.spec).collect()
}

/// The state of every obligation of the stage, in the order of the layers, `release.approval` last.
#[must_use]
pub fn status(input: &StatusInput<'_>) -> Vec<ObligationState> {
    let fold = Fold::new(input);
    let all: Vec<Obligation> =
        obligations(input.workflow, input.factory).into_iter().filter(|o| o.is_for(input.stage)).collect();
    let (release, others): (Vec<Obligation>, Vec<Obligation>) = all.into_iter().partition(|o| o.duty == Duty::Release);
    let mut states: Vec<ObligationState> = others.into_iter().map(|o| fold.state_of(o, None)).collect();
    let digest = release::state_digest(&states);
    states.extend(release.into_iter().map(|o| fold.state_of(o, Some(digest))));
    if let Some(last) = states.last().filter(|s| s.obligation.inputs.contains(&Input::State)).cloned()
        && last.state != State::Discharged
    {
        let open = states.iter().filter(|s| !s.state.is_settled() && s.obligation.id != last.obligation.id).count();
        // Approving a state in which something is missing would only go stale with the next event.
        if open > 0
            && let Some(last) = states.last_mut()
        {
            last.next = None;
            last.why = format!("{}; first discharge the {open} other(s)", last.why);
        }
    }
    states
}

/// What the events said about one obligation.
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) why: String,
    pub(crate) events: Vec<EventId>,
    pub(crate) considered: Vec<Considered>,
}

impl Outcome {
    pub(crate) fn new(state: State, why: impl Into<String>) -> Self {
        Self { state, why: why.into(), events: Vec::new(), considered: Vec::new() }
    }

    pub(crate) fn on(mut self, events: impl IntoIterator<Item = EventId>) -> Self {
        self.events.extend(events);
        self.events.sort_unstable();
        self.events.dedup();
        self
    }
}

/// The most things that a reason names; the rest are counted.
const NAMED_MAX: usize = 4;

fn name_some(what: &[String]) -> String {
    let more = what.len().saturating_sub(NAMED_MAX);
    let named: Vec<&str> = what.iter().take(NAMED_MAX).map(String::as_str).collect();
    if more == 0 { named.join(", ") } else { format!("{}, and {more} more", named.join(", ")) }
}

/// An event that carries evidence for an obligation.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) logged: &'a Logged,
    pub(crate) evidence: &'a Evidence,
    /// Whether it was made under the key of today.
    pub(crate) current: bool,
}

impl Claim<'_> {
    pub(crate) fn id(&self) -> EventId {
        self.logged.event.id
    }

    pub(crate) fn considered(&self, counts: bool, why: impl Into<String>) -> Considered {
        let event = &self.logged.event;
        Considered {
            event: event.id,
            index: self.logged.index,
            kind: event.body.kind(),
            by: event.actor.id.clone(),
            counts,
            why: why.into(),
        }
    }
}

/// What of the log does not depend on the obligation asked for.
pub(crate) struct Fold<'a> {
    pub(crate) input: &'a StatusInput<'a>,
    pub(crate) keys: Keys<'a>,
    /// Approvals taken back: approval → (who, event).
    pub(crate) withdrawn: BTreeMap<EventId, (String, EventId)>,
    /// Certificates revoked: certificate → (reason, event).
    pub(crate) revoked: BTreeMap<EventId, (String, EventId)>,
}

impl<'a> Fold<'a> {
    fn new(input: &'a StatusInput<'a>) -> Self {
        use seatrial_model::Body::{ApprovalWithdrawn, CertificateRevoked};
        let (mut withdrawn, mut revoked) = (BTreeMap::new(), BTreeMap::new());
        for logged in input.events {
            let event = &logged.event;
            match &event.body {
                ApprovalWithdrawn(w) => drop(withdrawn.insert(w.approval, (event.actor.id.clone(), event.id))),
                CertificateRevoked(r) => drop(revoked.insert(r.certificate, (r.reason.clone(), event.id))),
                _ => {}
            }
        }
        let keys = Keys::new(input.workflow, input.factory, input.inputs, input.now);
        Self { input, keys, withdrawn, revoked }
    }

    /// Every event with evidence for this id, oldest first.
    pub(crate) fn claims(&self, id: &str, key: Digest) -> Vec<Claim<'a>> {
        let mut out: Vec<Claim<'a>> = Vec::new();
        for logged in self.input.events {
            let mut of_id = logged.event.evidence.iter().filter(|e| e.obligation == id);
            // One event may carry the id twice: an approval with one scope for each stage.
            let Some(first) = of_id.next() else { continue };
            let evidence = std::iter::once(first).chain(of_id).find(|e| e.key == key).unwrap_or(first);
            out.push(Claim { logged, evidence, current: evidence.key == key });
        }
        out
    }

    fn state_of(&self, obligation: Obligation, state: Option<Digest>) -> ObligationState {
        let stage = self.input.stage;
        let inputs = self.keys.inputs(&obligation, state);
        let key = self.keys.key(&obligation, &inputs);
        let claims = self.claims(&obligation.id, key);
        let outcome = match obligation.not_applicable.get(&stage) {
            Some(why) => Outcome::new(State::NotApplicable, why),
            None => self.judge(&obligation, &claims),
        };
        let mut out = ObligationState {
            stage,
            state: outcome.state,
            under: outcome.state,
            why: outcome.why,
            waiver: None,
            key,
            inputs,
            events: outcome.events,
            changed: Vec::new(),
            changed_inputs: Vec::new(),
            considered: outcome.considered,
            next: (!outcome.state.is_settled()).then(|| obligation.command.clone()),
            obligation,
        };
        if out.state == State::Open && !out.considered.iter().any(|c| c.counts) {
            self.mark_stale(&mut out, &claims);
        }
        out.under = out.state;
        self.mark_waived(&mut out);
        out
    }

    fn judge(&self, obligation: &Obligation, claims: &[Claim<'a>]) -> Outcome {
        match &obligation.duty {
            Duty::SpecValid => self.valid(),
            Duty::Intent => self.intent(obligation, claims),
            Duty::Questions => self.questions(),
            Duty::Exercised => self.exercised(claims),
            Duty::Evaluated { set } => self.evaluated(set, obligation, claims),
            Duty::Forbidden { category, sets } => self.forbidden(category, sets, obligation, claims),
            Duty::Certified { threshold } => self.certified(threshold, obligation, claims),
            Duty::Risks => self.risks(obligation, claims),
            Duty::Approval { role } => self.approval(role, obligation, claims),
            Duty::Enforces => self.enforces(claims),
            Duty::Trace => self.trace(claims),
            Duty::Drill { control } => self.drill(control, claims),
            Duty::Assigned => self.assigned(),
            Duty::Accepted => self.accepted(claims),
            Duty::Release => self.release(obligation, claims),
        }
    }

    /// The checker's findings, recomputed: nothing that is recorded can stand for them.
    fn valid(&self) -> Outcome {
        let blocking: Vec<&CheckFinding> =
            self.input.findings.iter().filter(|f| f.blocks <= self.input.stage).collect();
        let submitted = self.input.events.iter().rev().find(|e| {
            e.event.spec == Some(self.input.workflow.digest)
                && matches!(e.event.body, seatrial_model::Body::SpecSubmitted(_))
        });
        match (blocking.first(), submitted) {
            (Some(first), _) => Outcome::new(
                State::Failed,
                format!(
                    "{} finding(s) block {}, the first: {} {}",
                    blocking.len(),
                    self.input.stage,
                    first.code,
                    first.message
                ),
            ),
            (None, Some(event)) => {
                Outcome::new(State::Discharged, "the checker finds nothing that blocks this stage").on([event.event.id])
            }
            (None, None) => Outcome::new(State::Open, "this spec was not submitted: `seatrial submit` records it"),
        }
    }
}

#[cfg(test)]
mod tests;
