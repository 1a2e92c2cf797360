//! Bodies of the running system: decisions, reviews, stops, drills, probes.

use crate::facts::Facts;
use crate::{
    Action, Answer, DecisionId, Digest, ElementPath, EventId, LogPoint, Protocol, ReviewId, StreamEnd, Verdict,
};
use serde::{Deserialize, Serialize};

/// Tokens that a model call used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens.
    pub input: u64,
    /// Output tokens.
    pub output: u64,
}

/// How the candidate came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// The guard rendered the prompt and called the model.
    Run,
    /// A client of the model's own protocol called through the guard.
    Proxy,
    /// The caller submitted the output.
    Decide,
}

/// A decision was made. Payloads: `input`, `output` (the candidate judged), `released` (after a `modify`), `case`
/// (the caller's case id), `aside` (what judges and further samples said).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionMade {
    /// The decision.
    pub decision: DecisionId,
    /// The step.
    pub step: String,
    /// HMAC of the case id under the workflow's secret, hexadecimal.
    pub case: String,
    /// HMAC of caller, step, case and input under the workflow's secret: asking again is not another chance.
    pub ask: String,
    /// How the candidate came.
    pub entry: Entry,
    /// Everything that `decide` read.
    pub facts: Facts,
    /// What the guard concluded.
    pub verdict: Verdict,
    /// What was done with the output.
    pub action: Action,
    /// A stable code for the outcome (`allowed`, `output_denied`, `review_pending`, …).
    pub code: String,
    /// The elements that brought about the verdict, strictest first.
    pub because: Vec<ElementPath>,
    /// The certificate that the decision was weighed under: threshold, number and model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The review that was opened, and for which role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewOpened>,
    /// Whether the decision was drawn for audit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub audit: bool,
    /// The model's identity, as it answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Tokens of all attempts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// What the caller spoke, where its own call was passed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<Protocol>,
    /// How many requests the models' providers were sent for it, as far as is known: repetitions, other models and
    /// samples together. A judge's stand in its own decision.
    #[serde(default, skip_serializing_if = "crate::event::is_zero")]
    pub requests: u64,
    /// The decision on whose behalf it was made: a judge's, about another's output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behalf: Option<DecisionId>,
    /// How its stream was released, where that was in windows: before the verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamReleased>,
    /// Further samples that were answered, beside the attempts: a provider bills these too.
    #[serde(default, skip_serializing_if = "crate::event::is_zero")]
    pub samples: u64,
    /// The model that answered, where it was not the step's first: `provider/name`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// What the calls cost by the factory's prices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    /// Calls whose provider did not say what they used: a bound that is never too small, a token for each byte.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreported: Option<Usage>,
    /// HMAC of caller, step, stated case and input, whatever the rest of the call says: asking otherwise is not another
    /// chance. None where no case was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
}

/// What calls cost.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Cost {
    /// Millionths of the currency's unit.
    pub micros: u64,
    /// The currency, as the factory's prices name it (`EUR`).
    pub currency: String,
}

/// A stream that was released in windows.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StreamReleased {
    /// The event that was durable before its first byte left.
    pub opened: EventId,
    /// Bytes of inspected text that left.
    pub released: u64,
    /// How it ended.
    pub end: StreamEnd,
}

/// A stream is about to be released in windows: recorded before its first byte leaves, so that a crash in between
/// leaves a trace. Its decision follows when it ends. Payloads: `case`, `input`.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StreamOpened {
    /// The decision that will be made.
    pub decision: DecisionId,
    /// The step.
    pub step: String,
    /// HMAC of the case id.
    pub case: String,
    /// HMAC of the ask.
    pub ask: String,
    /// The most bytes that leave ahead of an inspection.
    pub window: u64,
    /// A rehearsal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
}

/// A system step asked whether it may act for a case, and was answered. An admission is good once.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct StepAdmitted {
    /// The system step.
    pub step: String,
    /// HMAC of the case id.
    pub case: String,
    /// The decision that it acts on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    /// Whether it may.
    pub admitted: bool,
    /// A stable code: `admitted`, `not_settled`, `other_output`, `used`, `workflow_stopped`, `not_released`.
    pub code: String,
    /// The elements that stood against it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<ElementPath>,
}

/// A review that a decision opened.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewOpened {
    /// The review.
    pub review: ReviewId,
    /// The role that answers.
    pub to: String,
    /// Only a decision of the person's own is possible: a `never` was violated.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// When it is late, in milliseconds after the decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within_ms: Option<u64>,
    /// The output is known to be bad, and was put among the reviews to see whether people catch it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub seeded: bool,
}

/// The caller of a *decide* reported what it did with the output.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionEffect {
    /// The decision.
    pub decision: DecisionId,
    /// What was done.
    pub action: Action,
}

/// A person overrode a decision. Payloads: `output` (the new one, where there is one), `reason` (free text).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DecisionOverridden {
    /// The decision.
    pub decision: DecisionId,
    /// One of the reasons that the spec lists.
    pub reason: String,
    /// What the person did with the output: `allow` (released it), `modify` (another one), `block`.
    pub action: Action,
}

/// The truth about a decision became known. Payload: `truth`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct OutcomeRecorded {
    /// The decision.
    pub decision: DecisionId,
    /// Whether the decision was wrong, by the threshold's `wrong_when`.
    pub wrong: bool,
    /// Whether truth had matured by then; only then it feeds the statistics.
    pub matured: bool,
    /// The threshold that the outcome speaks to, where the decision passed under one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ElementPath>,
}

/// A review was claimed, so that two people do not answer the same one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewClaimed {
    /// The review.
    pub review: ReviewId,
    /// Its decision.
    pub decision: DecisionId,
}

/// A review was answered. Payloads: `output` (edited, or the person's own), `reason`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReviewAnswered {
    /// The review.
    pub review: ReviewId,
    /// Its decision.
    pub decision: DecisionId,
    /// The answer.
    pub answer: Answer,
    /// The commitment of the exact output that the person saw.
    pub seen: crate::Commitment,
    /// How long the person had it before them, in milliseconds; none where the surface could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_ms: Option<u64>,
    /// Whether the output may be used (no stop, release not revoked, `never` rules pass), or the answer is
    /// `superseded`.
    pub usable: bool,
    /// Where the output had been seeded, known to be bad: whether this answer caught it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caught: Option<bool>,
}

/// The workflow, or a step, was stopped. Payload: `reason`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkflowStopped {
    /// `steps.<name>`, or the root for the whole workflow.
    pub element: ElementPath,
    /// Only marked requests are stopped: a drill's stop. Cases go on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// The whole factory was stopped: this stands apart from a stop of the workflow itself.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub factory: bool,
}

/// It was resumed, by another principal than the one who stopped. Payload: `reason`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkflowResumed {
    /// What was resumed.
    pub element: ElementPath,
    /// The event of the stop.
    pub stop: EventId,
    /// What was stopped were marked requests only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub marked: bool,
    /// What was resumed was a stop of the whole factory.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub factory: bool,
    /// Whoever stopped resumed it, by a policy of the factory that names this.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub break_glass: bool,
}

/// A control was exercised.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DrillDone {
    /// `stop`, `override`, `escalation`, `degraded`, `incident`, `restore`, `key-rotation`.
    pub control: String,
    /// From the request to the last affected answer, in milliseconds.
    pub effective_ms: u64,
    /// The greatest that the spec allows, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allowed_ms: Option<u64>,
    /// Marked requests refused after the stop took effect: the proof that it did.
    pub refused: u64,
    /// The events of the exercise (stop, resume, decisions).
    pub events: Vec<EventId>,
    /// The elements whose runbook was followed (`responsibilities.exceptions`, `steps.assess.fallback`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runbooks: Vec<ElementPath>,
    /// Marked cases that were finished by the step's fallback.
    #[serde(default, skip_serializing_if = "crate::event::is_zero")]
    pub finished: u64,
    /// A restore drill: the log as it was found again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<LogPoint>,
}

/// One probe of one rule.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Probe {
    /// The rule.
    pub rule: ElementPath,
    /// The marked decision that provoked it.
    pub decision: DecisionId,
    /// Whether the rule objected, and the output stayed inside.
    pub enforced: bool,
}

/// Live probes through the serving path, in rehearsal.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ProbeRun {
    /// One for each `forbid` and `never`.
    pub probes: Vec<Probe>,
    /// The digest of the program that served them.
    pub program: Digest,
}

/// Sampled decisions were reconstructed from the log and recomputed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TraceAudited {
    /// How many were sampled.
    pub sampled: u64,
    /// Of these, verdicts that recompute.
    pub verdicts: u64,
    /// Of these, findings that recompute from payloads still held.
    pub findings: u64,
    /// Whether they were rehearsal's.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
}

/// Payloads were erased.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PayloadErased {
    /// The case, as HMAC.
    pub case: String,
    /// How many payloads.
    pub payloads: u64,
    /// `request`, or `retention`.
    pub reason: String,
}
