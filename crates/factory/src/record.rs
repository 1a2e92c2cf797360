//! Recording: the decision is made inside the commit, on the state that holds there, and is durable before anybody
//! sees the output. If it cannot be recorded, it did not happen.

mod state;

pub(crate) use state::Remembered;

use crate::api::{DecisionStatus, Held, Passed, Refused};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, Served};
use crate::join::{Asked, AskedAgain};
use crate::project::DecisionRec;
use crate::serve::{Obtained, bounds};
use seatrial_guard::candidate::{INPUT_PART, payload_of};
use seatrial_guard::decide::codes;
use seatrial_guard::{CHECKS_VERSION, Candidate, DECIDE_VERSION, Decision, Part, PartKind, decide, draw};
use seatrial_model::event::{DecisionMade, Entry, ReviewOpened, StreamOpened, StreamReleased};
use seatrial_model::facts::{FACTS_VERSION, Inspected, OnLapse, ReviewAll};
use seatrial_model::{
    Body, DecisionId, Digest, ElementPath, Event, EventId, Facts, Finding, LogName, Principal, Protocol, ReviewId,
    Stage, StreamEnd, Subject, Time,
};
use seatrial_spec::workflow::PilotGate;
use seatrial_store::{Batch, Sealed, StoreError, StoreExt as _, TransactError, View};
use state::State;
use std::sync::Arc;

/// The most parts of a call that a decision names as not inspected: an entry of the log is at most 65 535 bytes.
const NOT_INSPECTED_MAX: usize = 32;

/// Everything that is known when a decision is to be recorded.
pub(crate) struct Record {
    pub(crate) decision: DecisionId,
    pub(crate) review: ReviewId,
    pub(crate) served: Arc<Served>,
    pub(crate) step: String,
    pub(crate) caller: Principal,
    pub(crate) entry: Entry,
    pub(crate) acts: bool,
    pub(crate) rehearsal: bool,
    /// Known to be bad: it looks like any other until somebody answered its review.
    pub(crate) seeded: bool,
    /// What the caller spoke, for a call of its own.
    pub(crate) protocol: Option<Protocol>,
    /// The decision on whose behalf this one is made.
    pub(crate) behalf: Option<DecisionId>,
    /// How its stream was released, where that was in windows.
    pub(crate) stream: Option<Windowed>,
    pub(crate) input: String,
    /// Parts of the call that no check looks into.
    pub(crate) not_inspected: Vec<String>,
    pub(crate) input_findings: Vec<Finding>,
    /// Slices with a guarantee of their own that the input lies in, each with whether that could not be told.
    pub(crate) slices: Vec<(ElementPath, bool)>,
    pub(crate) asked: Asked,
    /// By what it joins a decision that another node made meanwhile.
    pub(crate) again: AskedAgain,
    pub(crate) obtained: Obtained,
}

impl Record {
    /// When its payloads may be erased.
    fn expires(&self, now: Time) -> Option<Time> {
        let step = self.served.workflow.step(&self.step);
        step.and_then(|s| s.trace.payloads).map(|span| now.plus_millis(span.signed_millis()))
    }
}

/// Why a decision is not recorded.
enum Not {
    /// It is refused.
    Refused(Refused),
    /// Another node decided the same ask meanwhile: that decision is the answer.
    Twice(Box<DecisionRec>),
}

/// A stream that left in windows, as far as that is known before its verdict.
#[derive(Clone)]
pub(crate) struct Windowed {
    /// The event that was durable before its first byte left.
    pub(crate) opened: EventId,
    /// Bytes of text that left.
    pub(crate) released: u64,
    /// Bytes of text that leave if the verdict lets them.
    pub(crate) rest: u64,
    pub(crate) end: StreamEnd,
}

impl Windowed {
    /// How it was released, under this verdict.
    fn under(&self, decision: &Decision) -> StreamReleased {
        let let_go = decision.action == seatrial_model::Action::Allow;
        let (rest, end) = match self.end {
            StreamEnd::Complete if let_go => (self.rest, StreamEnd::Complete),
            StreamEnd::Complete if decision.code == codes::WORKFLOW_STOPPED => (0, StreamEnd::Stopped),
            StreamEnd::Complete => (0, StreamEnd::Violated),
            end => (0, end),
        };
        StreamReleased { opened: self.opened, released: self.released.saturating_add(rest), end }
    }
}

impl Factory {
    /// Decides, and makes it durable. What the decision depends on is read inside the commit; it is worked out before,
    /// on what the newest commit saw, and worked out again in the commit where that is no longer so.
    pub(crate) async fn record(&self, handle: &Handle, record: Record) -> Result<Passed, Refused> {
        let guessed = match handle.remembered.of(&record) {
            Some(state) => Some((self.decided(&handle.log, &record, &state)?, state)),
            None => None,
        };
        let (factory, log, remembered) = (self.clone(), handle.log.clone(), Arc::clone(&handle.remembered));
        let case = record.asked.case.clone();
        let done = self
            .0
            .store
            .transact_with::<Passed, Not, _>(&handle.log, move |view| {
                // On one node attempts of the same ask wait for each other. Others may have decided it meanwhile. What left in
                // windows is recorded all the same.
                if view.is_shared()
                    && record.stream.is_none()
                    && let Some(rec) = record.again.joins(view, factory.now())?
                {
                    return Err(TransactError::Refused(Not::Twice(Box::new(rec))));
                }
                let guess = guessed.as_ref().map(|(_, state)| state);
                let state = State::read(view, &factory, &record, (&remembered, guess))?;
                let decided = match guessed {
                    Some((decided, guess)) if guess.decides_as(&state, &record, factory.now()) => Ok(decided),
                    _ => factory.decided(&log, &record, &state),
                };
                decided.map_err(|refused| TransactError::Refused(Not::Refused(refused)))
            })
            .await;
        match done {
            Ok((_, passed)) => Ok(passed),
            Err(TransactError::Refused(Not::Refused(refused))) => Err(refused),
            Err(TransactError::Refused(Not::Twice(rec))) => self.passed_again(handle, *rec, case).await,
            Err(TransactError::Store(error)) => Err(not_recorded(error)),
        }
    }

    /// Records that a stream is about to leave in windows, and gives the event; none where what is in force now would not
    /// let it go even if nothing objected: a stop, a ceiling that is reached, a review before.
    pub(crate) async fn record_opened(
        &self,
        handle: &Handle,
        record: Record,
        window: u64,
    ) -> Result<(Record, Option<EventId>), Refused> {
        let factory = self.clone();
        let log = handle.log.clone();
        let done = self
            .0
            .store
            .transact_with::<(Record, Option<EventId>), Refused, _>(&handle.log, move |view| {
                let state = state_of(view, &factory, &record)?;
                if !factory.would_leave(&record, &state) {
                    return Ok((Batch::default(), (record, None)));
                }
                let batch = factory.stream_opened(&log, &record, window).map_err(TransactError::Refused)?;
                let event = batch.events.first().map(|e| e.id);
                Ok((batch, (record, event)))
            })
            .await;
        match done {
            Ok((_, opened)) => Ok(opened),
            Err(TransactError::Refused(refused)) => Err(refused),
            Err(TransactError::Store(error)) => Err(not_recorded(error)),
        }
    }

    /// Whether an output without objections would leave.
    fn would_leave(&self, record: &Record, state: &State) -> bool {
        let Some(program) = record.served.program.step(&record.step) else { return false };
        let plan = program.plan();
        let audit = plan.audit.as_ref().map(|a| a.path.clone());
        let facts = facts_of(&record.served, record, state, self.now(), audit);
        decide(plan, &facts).action == seatrial_model::Action::Allow
    }

    fn stream_opened(&self, log: &LogName, record: &Record, window: u64) -> Result<Batch, Refused> {
        let body = Body::StreamOpened(StreamOpened {
            decision: record.decision,
            step: record.step.clone(),
            case: record.asked.case_tag.clone(),
            ask: record.asked.tag.clone(),
            window,
            rehearsal: record.rehearsal,
        });
        let event = self.about(log, record, body)?;
        let mut payloads = Vec::with_capacity(2);
        let mut event = event;
        let (case, expires) = (Some(record.asked.case_tag.as_str()), record.expires(event.time));
        for (kind, text) in [("case", &record.asked.case), ("input", &record.input)] {
            payload(&mut payloads, &mut event.payloads, kind, text.clone().into_bytes(), case, expires)
                .map_err(internal)?;
        }
        Ok(Batch { events: vec![event], payloads, ..Batch::default() })
    }

    /// An event about a record's decision, under what is in force.
    fn about(&self, log: &LogName, record: &Record, body: Body) -> Result<Event, Refused> {
        let mut event = self.event(log, record.caller.clone(), body).map_err(internal)?;
        event.time = self.now();
        event.subject = Subject {
            element: Some(ElementPath::new(format!("steps.{}", record.step))),
            decision: Some(record.decision),
            release: None,
        };
        event.spec = Some(record.served.workflow.digest);
        let release = record.served.release.as_ref().filter(|_| !record.rehearsal);
        event.release = release.map(|r| r.release);
        Ok(event)
    }

    /// Decides on a state, and makes the batch that records it.
    fn decided(&self, log: &LogName, record: &Record, state: &State) -> Result<(Batch, Passed), Refused> {
        let now = self.now();
        let served = Arc::clone(&record.served);
        let program = served.program.step(&record.step).ok_or_else(|| internal("the step was not compiled"))?;
        let plan = program.plan();
        let facts = facts_of(&served, record, state, now, plan.audit.as_ref().map(|a| a.path.clone()));
        let decision = decide(plan, &facts);
        let inspected = inspected_summary(&facts);
        let made = DecisionMade {
            decision: record.decision,
            step: record.step.clone(),
            case: record.asked.case_tag.clone(),
            ask: record.asked.tag.clone(),
            entry: record.entry,
            verdict: decision.verdict,
            action: decision.action,
            code: decision.code.to_owned(),
            because: decision.because.clone(),
            certificate: state.certificate(),
            review: review_of(&decision, record),
            audit: decision.audit,
            model: record.obtained.model.clone(),
            usage: record.obtained.usage,
            protocol: record.protocol,
            requests: record.obtained.requests,
            behalf: record.behalf,
            stream: record.stream.as_ref().map(|s| s.under(&decision)),
            samples: record.obtained.samples,
            fallback: record.obtained.fallback.clone(),
            cost: record.obtained.cost.clone(),
            unreported: record.obtained.unreported,
            question: record.asked.question.clone(),
            facts,
        };
        let review = made.review.as_ref().map(|r| r.review);
        let mut event = self.event(log, record.caller.clone(), Body::DecisionMade(made)).map_err(internal)?;
        event.time = now;
        event.subject = Subject {
            element: Some(ElementPath::new(format!("steps.{}", record.step))),
            decision: Some(record.decision),
            release: None,
        };
        event.spec = Some(served.workflow.digest);
        event.release = if record.rehearsal { None } else { served.release.as_ref().map(|r| r.release) };
        let batch = self.with_payloads(event, record)?;
        let passed = Passed {
            decision: record.decision,
            case: record.asked.case.clone(),
            release: if record.rehearsal { None } else { served.release.as_ref().map(|r| r.release) },
            verdict: decision.verdict,
            action: decision.action,
            code: decision.code.to_owned(),
            because: decision.because.clone(),
            findings: [record.input_findings.as_slice(), &record.obtained.judgement.findings].concat(),
            confidence: record.obtained.judgement.confidence.clone(),
            inspected,
            output: leaving(&decision, &record.obtained),
            parts: changed_parts(&decision, &record.obtained),
            reply: record.obtained.reply.clone().filter(|_| {
                // Where it was redacted, it is what the redacted parts are put into: ids, usage, why each choice ended.
                matches!(decision.action, seatrial_model::Action::Allow | seatrial_model::Action::Modify)
            }),
            review,
            usage: record.obtained.usage,
            model: record.obtained.model.clone(),
            joined: false,
        };
        Ok((batch, passed))
    }

    fn with_payloads(&self, mut event: Event, record: &Record) -> Result<Batch, Refused> {
        let mut payloads = Vec::with_capacity(4);
        let expires = record.expires(event.time);
        let case = Some(record.asked.case_tag.as_str());
        let mut keep = |kind: &str, bytes: Vec<u8>| {
            payload(&mut payloads, &mut event.payloads, kind, bytes, case, expires).map_err(internal)
        };
        keep("case", record.asked.case.clone().into_bytes())?;
        keep("input", record.input.clone().into_bytes())?;
        if let Some(candidate) = &record.obtained.candidate {
            keep("output", candidate.clone().into_bytes())?;
        }
        if !record.obtained.aside.is_empty() {
            keep("aside", serde_json::to_vec(&record.obtained.aside).map_err(internal)?)?;
        }
        if let Some(modified) = &record.obtained.judgement.modified {
            keep("released", payload_of(&modified.parts).into_bytes())?;
        }
        let sealed = vec![Sealed::new(&event.log.clone(), event, payloads).map_err(not_recorded)?];
        Ok(Batch { sealed, ..Batch::default() })
    }

    /// An earlier decision, for somebody who asks again.
    pub(crate) async fn passed_again(
        &self,
        handle: &Handle,
        rec: DecisionRec,
        case: String,
    ) -> Result<Passed, Refused> {
        let chain = self.chain_of(&handle.log, rec.clone()).await.map_err(not_recorded)?;
        let output = match (&chain.released, rec.status) {
            // What is known to be bad leaves to nobody.
            _ if rec.seeded => None,
            (Some(Held::Text { text, .. }), DecisionStatus::Settled) => Some(text.raw().to_owned()),
            _ => None,
        };
        // What the model wrote is kept in parts: tool calls and further choices leave again as they left before. What a
        // person wrote is one text.
        let own = ["output", "released"].iter().any(|kind| rec.payloads.get(*kind).copied() == rec.released);
        let parts = output.as_ref().filter(|_| own).and_then(|text| kept_parts(&chain.facts, text)).unwrap_or_default();
        let redacted = own && rec.payloads.get("released").copied() == rec.released;
        let (output, parts) = match parts.as_slice() {
            [only] if only.kind == PartKind::Text => (output, Vec::new()),
            several if redacted => (first_text(several).or(output), parts),
            _ => (output, parts),
        };
        let code = match (rec.status, &output) {
            (DecisionStatus::Settled, Some(_)) => "allowed".to_owned(),
            // A person withheld it: there is nobody left to wait for.
            (DecisionStatus::Settled, None) if rec.code == codes::REVIEW_PENDING => codes::OUTPUT_DENIED.to_owned(),
            _ => rec.code.clone(),
        };
        // Where none was stated, the case is the one that the first attempt was given.
        let case = match chain.case {
            Held::Text { text, .. } => text.raw().to_owned(),
            _ => case,
        };
        Ok(Passed {
            decision: rec.decision,
            case,
            release: rec.release,
            verdict: rec.verdict,
            action: rec.action,
            code,
            because: rec.because.clone(),
            findings: [chain.facts.input.as_slice(), &chain.facts.findings].concat(),
            confidence: chain.facts.confidence.clone(),
            inspected: inspected_summary(&chain.facts),
            output,
            parts,
            reply: None,
            review: rec.review,
            usage: chain.usage,
            model: chain.model,
            joined: true,
        })
    }
}

/// Reads, inside the commit, what may have changed since the request came in.
fn state_of(view: &dyn View, factory: &Factory, record: &Record) -> Result<State, StoreError> {
    State::read(view, factory, record, (&Remembered::default(), None))
}

fn facts_of(served: &Served, record: &Record, state: &State, now: Time, audit: Option<ElementPath>) -> Facts {
    let judgement = &record.obtained.judgement;
    let stage = match &served.release {
        _ if record.rehearsal => Stage::Draft,
        _ if state.standing.retired => Stage::Retired,
        release => release.as_ref().map_or(Stage::Draft, |r| r.stage),
    };
    // What is seeded is asked about as the release in force asks about everything.
    let like = served.release.as_ref().filter(|_| record.seeded).map_or(stage, |r| r.stage);
    let pilot: Option<&PilotGate> = served.workflow.gates.pilot.as_ref().filter(|_| like == Stage::Pilot);
    let statement = served.release.as_ref().map_or(served.workflow.digest, |r| r.release);
    let shadow = pilot.is_some_and(|p| p.shadow);
    // In shadow nothing is held back, so nobody is asked before; what was let through can be audited after.
    let holds = |review: &ReviewAll| !shadow || *review == ReviewAll::After;
    Facts {
        v: FACTS_VERSION,
        decide: DECIDE_VERSION,
        checks: CHECKS_VERSION,
        stage,
        rehearsal: record.rehearsal,
        shadow,
        stopped: state.standing.stopped,
        bounds: bounds(served, now, state.today),
        lapsed: stricter(state.standing.lapsed, lapsed(served, now)),
        // What a judge said goes into another decision, and that one is looked at.
        review_all: pilot
            .filter(|_| record.behalf.is_none())
            .map(|p| p.review.unwrap_or(ReviewAll::Before))
            .filter(holds),
        acts: record.acts,
        input: record.input_findings.clone(),
        no_candidate: record.obtained.no_candidate.clone(),
        findings: judgement.findings.clone(),
        after_modify: judgement.after_modify.clone(),
        attempts: record.obtained.attempts,
        confidence: judgement.confidence.clone(),
        whens: judgement.whens.clone(),
        thresholds: state.thresholds(),
        slices: state.slices(&record.slices),
        draw: audit.map_or(1.0, |path| draw_of(&statement, &path, &record.decision)),
        inspected: inspected(judgement.inspected.clone(), &record.not_inspected),
    }
}

fn draw_of(statement: &Digest, path: &ElementPath, decision: &DecisionId) -> f64 {
    draw(statement, path, decision)
}

/// The stricter of two reactions.
fn stricter(one: Option<OnLapse>, other: Option<OnLapse>) -> Option<OnLapse> {
    let rank = |reaction: &OnLapse| match reaction {
        OnLapse::Warn => 0,
        OnLapse::Escalate => 1,
        OnLapse::Stop => 2,
    };
    [one, other].into_iter().flatten().max_by_key(rank)
}

/// A production release lapses when its hypercare ends and nobody took the workflow over.
fn lapsed(served: &Served, now: Time) -> Option<OnLapse> {
    let release = served.release.as_ref().filter(|r| r.stage == Stage::Production)?;
    let until = release.until?;
    let gate = served.workflow.gates.production.as_ref()?;
    (now > until).then_some(gate.on_lapse)
}

fn review_of(decision: &Decision, record: &Record) -> Option<ReviewOpened> {
    decision.review.as_ref().map(|ask| ReviewOpened {
        review: record.review,
        to: ask.to.clone(),
        own: ask.own,
        within_ms: ask.within_ms,
        seeded: record.seeded,
    })
}

/// What may leave: the candidate, or the redacted one.
fn leaving(decision: &Decision, obtained: &Obtained) -> Option<String> {
    use seatrial_model::{Action, Verdict};
    match decision.action {
        Action::Allow => obtained.candidate.clone(),
        Action::Modify => obtained.modified_text(),
        Action::Advised if decision.verdict == Verdict::Modify => obtained.modified_text(),
        Action::Advised if decision.verdict < Verdict::Modify => obtained.candidate.clone(),
        _ => None,
    }
}

fn first_text(parts: &[Part]) -> Option<String> {
    parts.iter().find(|p| p.kind == PartKind::Text).map(|p| p.text.clone())
}

/// The parts that a payload of the answer keeps.
fn kept_parts(facts: &Facts, text: &str) -> Option<Vec<Part>> {
    let names: Vec<&str> = facts.inspected.iter().map(|i| i.part.as_str()).collect();
    Candidate::rebuild(&names, text.as_bytes(), None).map(|candidate| candidate.parts).ok()
}

/// What was inspected by which checks, and at the end what of the call was inspected by none.
fn inspected(mut parts: Vec<Inspected>, not: &[String]) -> Vec<Inspected> {
    let unseen = |part: String| Inspected { part, by: Vec::new() };
    parts.extend(not.iter().take(NOT_INSPECTED_MAX).cloned().map(unseen));
    if let Some(more) = not.len().checked_sub(NOT_INSPECTED_MAX).filter(|more| *more > 0) {
        parts.push(unseen(format!("{INPUT_PART}and {more} more")));
    }
    parts
}

/// The redacted parts, where these leave.
fn changed_parts(decision: &Decision, obtained: &Obtained) -> Vec<Part> {
    use seatrial_model::{Action, Verdict};
    let leaves = decision.action == Action::Modify
        || (decision.action == Action::Advised && decision.verdict == Verdict::Modify);
    let modified = obtained.judgement.modified.as_ref().filter(|_| leaves);
    modified.map(|m| m.parts.clone()).unwrap_or_default()
}

/// `all`, or the parts that nobody inspected.
pub(crate) fn inspected_summary(facts: &Facts) -> String {
    let not: Vec<&str> = facts.inspected.iter().filter(|i| i.by.is_empty()).map(|i| i.part.as_str()).collect();
    if not.is_empty() { "all".to_owned() } else { format!("not {}", not.join(", ")) }
}
