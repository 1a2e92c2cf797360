//! How every obligation stands: a fold over the log's delivery events.

mod attested;
mod documents;
mod facts;
mod handover;
mod human;
mod measured;
mod operation;
mod owners;
mod running;
mod stale;
mod waive;
mod witnessed;

pub use facts::{
    Cosigned, HandoverNow, InForceNow, LiveToken, Oversight, PilotNow, ReviewLoad, Running, TransferBar, TransferNow,
};
pub use handover::{RESTORED_DAYS, RightsEnd, TRANSFER_ACTIONS_MIN, rights_end};
pub use measured::meets;
pub use operation::OVERSIGHT_BAR;
pub use owners::PEOPLE_MIN;
pub use waive::{WaiverRecord, WaiverStanding, waiver_refusal, waivers};
pub use witnessed::COSIGNED_AGE_MAX_MS;

use crate::define::{Duty, Input, Obligation, alias_age, obligations};
use crate::key::{Inputs, Keys, LoggedInputs};
use crate::people::Grace;
use crate::release;
use crate::state::{Considered, InputChange, ObligationState, State};
use operation::drills;
use seatrial_model::event::{ApprovalGiven, PilotReported, QuestionSettled, SpecSubmitted};
use seatrial_model::{Body, Digest, ElementPath, EventId, Evidence, Logged, Side, Span, Stage, Time};
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
    let mut logged = LoggedInputs { report: fold.report.map(|(_, r)| r.report), ..LoggedInputs::default() };
    let mut states: Vec<ObligationState> = Vec::with_capacity(others.len());
    for obligation in others {
        let state = fold.state_of(obligation, &logged, &states);
        logged.keys.insert(state.obligation.id.clone(), state.key);
        states.push(state);
    }
    logged.state = Some(release::state_digest(&states));
    for obligation in release {
        let state = fold.state_of(obligation, &logged, &states);
        states.push(state);
    }
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
    /// Where it is stale: the elements that changed.
    pub(crate) changed: Vec<ElementPath>,
    /// Where it is stale: the people who changed.
    pub(crate) changed_inputs: Vec<InputChange>,
    /// Where it stands on people who are not there.
    pub(crate) grace: Vec<Grace>,
}

impl Outcome {
    pub(crate) fn new(state: State, why: impl Into<String>) -> Self {
        Self {
            state,
            why: why.into(),
            events: Vec::new(),
            considered: Vec::new(),
            changed: Vec::new(),
            changed_inputs: Vec::new(),
            grace: Vec::new(),
        }
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

/// How many events under other keys than today's are looked at for each obligation: they show what it went stale by, and
/// that is the newest. Without an end the state of an old workflow would take as long as its history is.
const OTHER_KEYS_MAX: usize = 100;

/// An event that carries evidence for an obligation.
#[derive(Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) logged: &'a Logged,
    pub(crate) evidence: &'a Evidence,
    /// Whether it was made under the key of today, and is not too old.
    pub(crate) current: bool,
    /// The age that it has passed, although its key is the key of today.
    pub(crate) aged: Option<Span>,
}

impl Claim<'_> {
    pub(crate) fn id(&self) -> EventId {
        self.logged.event.id
    }

    /// Why it is not current: it is too old, or else what the caller says.
    pub(crate) fn outdated(&self, otherwise: &str) -> String {
        self.aged.map_or_else(|| otherwise.to_owned(), |age| format!("older than {age}"))
    }

    pub(crate) fn considered(&self, counts: bool, why: impl Into<String>) -> Considered {
        considered(self.logged, counts, why)
    }
}

pub(crate) fn considered(logged: &Logged, counts: bool, why: impl Into<String>) -> Considered {
    let event = &logged.event;
    Considered {
        event: event.id,
        index: logged.index,
        kind: event.body.kind(),
        by: event.actor.id.clone(),
        counts,
        why: why.into(),
    }
}

/// What of the log does not depend on the obligation asked for: one pass over the events, whatever their number.
pub(crate) struct Fold<'a> {
    pub(crate) input: &'a StatusInput<'a>,
    pub(crate) keys: Keys<'a>,
    /// Events with evidence, by the obligation's id, oldest first.
    by_obligation: BTreeMap<&'a str, Vec<&'a Logged>>,
    /// Specs submitted, oldest first.
    pub(crate) submissions: Vec<(&'a Logged, &'a SpecSubmitted)>,
    /// How each question was settled, oldest first.
    pub(crate) settled: BTreeMap<&'a ElementPath, Vec<(&'a Logged, &'a QuestionSettled)>>,
    /// The index of each stage's newest release.
    released: BTreeMap<Stage, u64>,
    /// The approvals.
    pub(crate) approvals: BTreeMap<EventId, (&'a Logged, &'a ApprovalGiven)>,
    /// What principals of the delivery side did at the controls.
    pub(crate) by_delivery: BTreeMap<EventId, &'a Logged>,
    /// The newest report on a pilot.
    pub(crate) report: Option<(&'a Logged, &'a PilotReported)>,
    /// Approvals taken back: approval → (who, event).
    pub(crate) withdrawn: BTreeMap<EventId, (String, EventId)>,
    /// Certificates revoked: certificate → (reason, event).
    pub(crate) revoked: BTreeMap<EventId, (String, EventId)>,
    /// Waivers of this stage.
    waivers: waive::Waivers<'a>,
}

impl<'a> Fold<'a> {
    fn new(input: &'a StatusInput<'a>) -> Self {
        let mut fold = Self {
            input,
            keys: Keys::new(input.workflow, input.factory, input.inputs, input.now),
            by_obligation: BTreeMap::new(),
            submissions: Vec::new(),
            settled: BTreeMap::new(),
            released: BTreeMap::new(),
            approvals: BTreeMap::new(),
            by_delivery: BTreeMap::new(),
            report: None,
            withdrawn: BTreeMap::new(),
            revoked: BTreeMap::new(),
            waivers: waive::Waivers::default(),
        };
        for logged in input.events {
            fold.read(logged);
        }
        fold
    }

    fn read(&mut self, logged: &'a Logged) {
        let event = &logged.event;
        for evidence in &event.evidence {
            let of_id = self.by_obligation.entry(&evidence.obligation).or_default();
            // One event may carry the id twice: an approval with one scope for each stage.
            if of_id.last().is_none_or(|last| last.index != logged.index) {
                of_id.push(logged);
            }
        }
        match &event.body {
            Body::SpecSubmitted(s) => self.submissions.push((logged, s)),
            Body::QuestionSettled(q) => self.settled.entry(&q.question).or_default().push((logged, q)),
            Body::ReleaseCut(r) => drop(self.released.insert(r.stage, logged.index)),
            Body::ApprovalGiven(a) => drop(self.approvals.insert(event.id, (logged, a))),
            Body::ApprovalWithdrawn(w) => {
                self.withdrawn.insert(w.approval, (event.actor.id.clone(), event.id));
            }
            Body::CertificateRevoked(r) => drop(self.revoked.insert(r.certificate, (r.reason.clone(), event.id))),
            Body::PilotReported(r) => self.report = Some((logged, r)),
            Body::WaiverRequested(_) | Body::WaiverGranted(_) | Body::WaiverEnded(_) => self.waivers.read(logged),
            Body::WorkflowStopped(_)
            | Body::WorkflowResumed(_)
            | Body::DecisionOverridden(_)
            | Body::ReviewAnswered(_)
            | Body::IncidentOpened(_)
            | Body::IncidentUpdated(_)
            | Body::IncidentReviewed(_)
                if event.actor.side == Side::Delivery =>
            {
                self.by_delivery.insert(event.id, logged);
            }
            _ => {}
        }
    }

    /// Whether production's measures hold: for production itself, and for what is owned.
    pub(crate) const fn in_production(&self) -> bool {
        self.input.stage.in_production()
    }

    /// The newest release of the stage whose obligation it is: what is owned keeps production's.
    pub(crate) fn released(&self, obligation: &Obligation) -> Option<u64> {
        let stage =
            if obligation.is_for(self.input.stage.measure()) { self.input.stage.measure() } else { self.input.stage };
        self.released.get(&stage).copied()
    }

    /// The events with evidence for an obligation, oldest first: every one under the key of today, and of those under other
    /// keys the newest.
    pub(crate) fn claims(&self, obligation: &Obligation, key: Digest) -> Vec<Claim<'a>> {
        let age = self.age_of(obligation);
        // Runbooks are looked at one by one, whatever the key of all of them was.
        let others_max = if obligation.duty == Duty::Runbooks { usize::MAX } else { OTHER_KEYS_MAX };
        let mut others = 0;
        let mut out: Vec<Claim<'a>> = Vec::new();
        for logged in self.by_obligation.get(obligation.id.as_str()).into_iter().flatten().rev() {
            let mut of_id = logged.event.evidence.iter().filter(|e| e.obligation == obligation.id);
            let Some(first) = of_id.next() else { continue };
            let evidence = std::iter::once(first).chain(of_id).find(|e| e.key == key).unwrap_or(first);
            let same = evidence.key == key;
            others += usize::from(!same);
            if !same && others > others_max {
                continue;
            }
            let since = attested::counts_from(&logged.event);
            let old = |age: &Span| self.input.now.millis_since(since) > age.signed_millis();
            let aged = age.filter(old).filter(|_| same);
            out.push(Claim { logged, evidence, current: same && aged.is_none(), aged });
        }
        out.reverse();
        out
    }

    /// The greatest age of an obligation's evidence today.
    fn age_of(&self, obligation: &Obligation) -> Option<Span> {
        let is_alias = |input: &Input| match input {
            Input::Model(step) => self.input.inputs.models.get(step).is_some_and(|m| m.alias),
            _ => false,
        };
        let alias = obligation.inputs.iter().any(is_alias);
        let by_alias = alias.then(|| alias_age(obligation, &self.input.factory.profile)).flatten();
        obligation.max_age.into_iter().chain(by_alias).min_by_key(Span::as_millis)
    }

    fn state_of(&self, obligation: Obligation, logged: &LoggedInputs, others: &[ObligationState]) -> ObligationState {
        let stage = self.input.stage;
        let inputs = self.keys.inputs(&obligation, logged);
        let key = self.keys.key(&obligation, &inputs);
        let claims = self.claims(&obligation, key);
        let outcome = match obligation.not_applicable.get(&stage) {
            Some(why) => Outcome::new(State::NotApplicable, why),
            None => self.judge(&obligation, &claims, others),
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
            changed: outcome.changed,
            changed_inputs: outcome.changed_inputs,
            grace: outcome.grace,
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

    fn judge(&self, obligation: &Obligation, claims: &[Claim<'a>], others: &[ObligationState]) -> Outcome {
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
            Duty::Outcome { name } => self.outcome(name, obligation, claims),
            Duty::Findings => self.findings(obligation, claims),
            Duty::ReviewLoad => self.review_load(),
            Duty::Oversight => self.oversight(),
            Duty::Complete => self.complete(claims),
            Duty::Witnessed => self.witnessed(),
            Duty::Validated => self.validated(obligation, claims),
            Duty::Document { role } => self.document(role, obligation, claims),
            Duty::Attested { asked, about, .. } => self.attested(asked, *about, obligation, claims),
            Duty::Runbooks => self.runbooks(claims),
            Duty::Drills => drills(others),
            Duty::Unaided => self.unaided(),
            Duty::Access => self.access(),
            Duty::Pack => self.pack(claims),
            Duty::Index => self.transfer_index(),
            Duty::Release => self.release(obligation, claims),
        }
    }

    /// The checker's findings, recomputed: nothing that is recorded can stand for them.
    fn valid(&self) -> Outcome {
        let blocking: Vec<&CheckFinding> =
            self.input.findings.iter().filter(|f| f.blocks <= self.input.stage).collect();
        let of_this = |(logged, _): &&(&Logged, &SpecSubmitted)| logged.event.spec == Some(self.input.workflow.digest);
        let submitted = self.submissions.iter().rev().find(of_this).map(|(logged, _)| *logged);
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
