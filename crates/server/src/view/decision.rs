//! Decisions: the list, and one with its whole chain.

use super::EventRef;
use seatrial_model::facts::{CheckKind, FindingResult};
use seatrial_model::{Action, Answer, Commitment, DecisionId, Digest, ReviewId, Stage, Time, Untrusted, Verdict};
use serde::{Deserialize, Serialize};

/// A page of the list of decisions, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Decisions {
    /// The workflow's steps, for the filter.
    pub steps: Vec<String>,
    /// What was asked for.
    pub filter: DecisionFilter,
    /// The rows.
    pub rows: Vec<DecisionRow>,
    /// The entry to give as `before` for older ones; none on the last page.
    pub older: Option<u64>,
    /// How many match in all, where that is known.
    pub total: Option<u64>,
}

/// Which decisions are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct DecisionFilter {
    /// Only with this verdict.
    #[serde(default)]
    pub verdict: Option<Verdict>,
    /// Only of this step.
    #[serde(default)]
    pub step: Option<String>,
    /// Only entries below this one.
    #[serde(default)]
    pub before: Option<u64>,
}

/// A row of the list.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionRow {
    /// The decision.
    pub decision: DecisionId,
    /// Its entry.
    pub index: u64,
    /// When.
    pub time: Time,
    /// The caller's case id; none where it was erased.
    pub case: Option<Untrusted>,
    /// The step.
    pub step: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// Whether a person still has to answer.
    pub pending: bool,
    /// The confidence, 0 to 1.
    pub confidence: f64,
    /// The elements that brought it about.
    pub because: Vec<String>,
    /// A person overrode it.
    pub overridden: bool,
    /// A rehearsal.
    pub rehearsal: bool,
    /// Whoever looks has its blind audit before them: what the AI said is not shown.
    pub blind: bool,
}

/// One decision with its whole chain.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DecisionPage {
    /// The decision.
    pub decision: DecisionId,
    /// Its event.
    pub event: EventRef,
    /// The case.
    pub case: Payload,
    /// The step.
    pub step: String,
    /// How the candidate came: `run`, `proxy`, `decide`.
    pub entry: String,
    /// The stage of the release in force.
    pub stage: Stage,
    /// The release in force; none in rehearsal.
    pub release: Option<Digest>,
    /// The spec.
    pub spec: Option<Digest>,
    /// A rehearsal.
    pub rehearsal: bool,
    /// Shadow mode: judged, not acted upon.
    pub shadow: bool,
    /// The model's identity, as it answered.
    pub model: Option<String>,
    /// How often the model was asked.
    pub attempts: u32,
    /// The input.
    pub input: Payload,
    /// The candidate that was judged.
    pub output: Payload,
    /// What left, where it is another text: redacted, edited, or a person's own.
    pub released: Option<Payload>,
    /// Parts that no check inspected; empty: all were.
    pub uninspected: Vec<String>,
    /// What every check found.
    pub findings: Vec<FindingLine>,
    /// The confidence.
    pub confidence: ConfidenceLine,
    /// Every `escalate` rule.
    pub whens: Vec<WhenLine>,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// The elements that brought the verdict about, strictest first.
    pub because: Vec<Because>,
    /// The review.
    pub review: Option<ReviewLine>,
    /// The override.
    pub overridden: Option<OverrideLine>,
    /// The truth.
    pub outcome: Option<OutcomeLine>,
    /// The audit.
    pub audit: Option<AuditLine>,
    /// Its inclusion in the log.
    pub inclusion: Inclusion,
    /// What followed, in order.
    pub followed_by: Vec<EventRef>,
}

/// A payload as it can be shown.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "payload", rename_all = "snake_case")]
pub enum Payload {
    /// Still held.
    Held {
        /// Its parts, in order.
        fields: Vec<Field>,
        /// Its commitment in the log.
        commitment: Commitment,
    },
    /// Erased.
    Erased {
        /// When.
        on: Time,
        /// By whom.
        by: String,
        /// The commitment that stays in the log.
        commitment: Option<Commitment>,
    },
    /// There never was one, and why.
    None {
        /// Why.
        why: String,
    },
}

/// One part of a payload.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Field {
    /// The part, as an RFC 6901 pointer; empty for the whole text. Names in it come from outside, too.
    pub pointer: Untrusted,
    /// Its text.
    pub value: Untrusted,
    /// The model never saw it.
    pub withheld: bool,
    /// Where checks found something.
    pub marks: Vec<Mark>,
}

/// Where in a field a check found something: byte offsets into its text.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Mark {
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
    /// The check.
    pub path: String,
    /// Its code (which detector).
    pub code: String,
}

/// What a check found.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct FindingLine {
    /// The check's element.
    pub path: String,
    /// Its kind.
    pub kind: CheckKind,
    /// What it found.
    pub result: FindingResult,
    /// Its code.
    pub code: String,
    /// The rule as written.
    pub rule: String,
    /// The spec's reason for it.
    pub reason: String,
    /// How many places.
    pub places: u64,
}

/// The confidence and where it came from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ConfidenceLine {
    /// The source that the spec names.
    pub source: String,
    /// 0 to 1.
    pub value: f64,
    /// A usable number was there.
    pub present: bool,
    /// The threshold in force: element, number.
    pub threshold: Option<(String, f64)>,
    /// How its certificate stands: `certified`, `none`, `revoked`.
    pub certificate: Option<String>,
}

/// An `escalate` rule.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WhenLine {
    /// The rule's element.
    pub path: String,
    /// The condition as written.
    pub rule: String,
    /// It holds.
    pub holds: bool,
    /// It could not be evaluated, and holds for that reason.
    pub failed: bool,
}

/// An element that brought the verdict about.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Because {
    /// The element.
    pub path: String,
    /// In words, from the spec.
    pub text: String,
}

/// A decision's review.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReviewLine {
    /// The review.
    pub review: ReviewId,
    /// The role that answers.
    pub to: String,
    /// When it is late.
    pub due: Option<Time>,
    /// The answer.
    pub answer: Option<AnswerLine>,
}

/// A person's answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AnswerLine {
    /// The answer.
    pub answer: Answer,
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why; none where it was erased or not given.
    pub reason: Option<Untrusted>,
    /// Whether it could be used; otherwise it is superseded.
    pub usable: bool,
    /// How long the person had it before them.
    pub shown_ms: Option<u64>,
}

/// An override.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OverrideLine {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why, in the spec's word.
    pub reason: String,
    /// Why, in the person's.
    pub note: Option<Untrusted>,
    /// What was done.
    pub action: Action,
}

/// The truth, once known.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OutcomeLine {
    /// When it was recorded.
    pub at: Time,
    /// The decision was wrong.
    pub wrong: bool,
    /// Truth had matured.
    pub matured: bool,
    /// Its text.
    pub truth: Payload,
}

/// An audit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditLine {
    /// The auditor answers before seeing the AI's answer.
    pub blind: bool,
    /// Whether it was answered, and what it said.
    pub answered: Option<bool>,
    /// Who and when.
    pub by: Option<(String, Time)>,
}

/// Where an entry is in the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Inclusion {
    /// The entry.
    pub index: u64,
    /// The checkpoint's size.
    pub size: u64,
    /// The checkpoint's root.
    pub root: Digest,
    /// Whether a signed checkpoint includes it already.
    pub signed: bool,
    /// The command that checks it.
    pub command: String,
}
