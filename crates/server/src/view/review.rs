//! Reviews: the queue, and one question put to a person.

use super::{AnswerLine, Because, ConfidenceLine, FindingLine, Payload};
use seatrial_model::{Answer, Commitment, DecisionId, ReviewId, Time, Untrusted};
use serde::{Deserialize, Serialize};

/// The queue of open reviews, the most urgent first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Reviews {
    /// Roles that have reviews here, for the filter.
    pub roles: Vec<String>,
    /// Only for this role.
    pub role: Option<String>,
    /// The rows.
    pub rows: Vec<ReviewRow>,
    /// How many more there are than are shown.
    pub more: u64,
    /// Answered today.
    pub answered_today: u64,
}

/// What a review asks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewKind {
    /// May this output leave?
    Review,
    /// A `never` was violated: the person decides afresh.
    Own,
    /// Was this allowed output right?
    Audit,
    /// What would you have decided? The AI's answer is not shown.
    BlindAudit,
}

impl ReviewKind {
    /// In the words of the queue.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Own => "own decision",
            Self::Audit => "audit",
            Self::BlindAudit => "blind audit",
        }
    }
}

/// A review in the queue.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReviewRow {
    /// The review.
    pub review: ReviewId,
    /// What it asks.
    pub kind: ReviewKind,
    /// The case; none where it was erased.
    pub case: Option<Untrusted>,
    /// The step.
    pub step: String,
    /// The role that answers.
    pub to: String,
    /// When it was opened.
    pub opened: Time,
    /// When it is late.
    pub due: Option<Time>,
    /// Who claimed it.
    pub claimed_by: Option<String>,
    /// The elements that brought it about.
    pub because: Vec<String>,
    /// A rehearsal.
    pub rehearsal: bool,
}

/// One review.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReviewPage {
    /// The review.
    pub review: ReviewId,
    /// Its decision.
    pub decision: DecisionId,
    /// What it asks.
    pub kind: ReviewKind,
    /// The step.
    pub step: String,
    /// What the step does.
    pub does: String,
    /// The role that answers.
    pub to: String,
    /// When it was opened.
    pub opened: Time,
    /// When it is late.
    pub due: Option<Time>,
    /// Who claimed it.
    pub claimed_by: Option<String>,
    /// The case.
    pub case: Payload,
    /// The input.
    pub input: Payload,
    /// The AI's answer; none where a blind audit must not show it.
    pub proposal: Option<Proposal>,
    /// Why a person is asked.
    pub because: Vec<Because>,
    /// The commitment of the exact output that is judged.
    pub seen: Commitment,
    /// The answers that are open to whoever looks; empty where they may not answer.
    pub answers: Vec<Answer>,
    /// Why whoever looks may not answer.
    pub barred: Option<String>,
    /// The fields of an edited or own output.
    pub edit: Vec<EditField>,
    /// The answer, where it was given.
    pub answered: Option<AnswerLine>,
    /// The next open review, for going on.
    pub next: Option<ReviewId>,
    /// The one before it in the queue.
    pub previous: Option<ReviewId>,
    /// A rehearsal.
    pub rehearsal: bool,
    /// Where the output had been seeded, known to be bad: whether the answer caught it. Nothing before the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seeded: Option<bool>,
}

/// The AI's answer as the reviewer sees it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Proposal {
    /// The candidate.
    pub output: Payload,
    /// What accepting releases, where it is another text: the redacted one.
    pub redacted: Option<Payload>,
    /// The confidence.
    pub confidence: ConfidenceLine,
    /// What checks found, the objections first.
    pub findings: Vec<FindingLine>,
}

/// A field of an edited or own output, by the output type's schema.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EditField {
    /// Its name in the output.
    pub name: String,
    /// What it means, from the schema.
    pub label: String,
    /// How it is entered.
    pub kind: EditKind,
    /// Its present value; empty in a blind audit and for a decision of one's own.
    pub value: Untrusted,
    /// It must be given.
    pub required: bool,
}

/// How a field is entered.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum EditKind {
    /// Text.
    Text,
    /// A number.
    Number {
        /// Only whole ones.
        whole: bool,
    },
    /// Yes or no.
    Boolean,
    /// One of these.
    Choice {
        /// The values.
        of: Vec<String>,
    },
    /// Anything else, as JSON.
    Json,
}

/// What a person sent as the answer to a review.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AnswerSent {
    /// The answer.
    pub answer: Answer,
    /// The edited or own output as JSON text.
    pub output: Option<String>,
    /// Why.
    pub reason: String,
    /// The commitment of the output that the person saw.
    pub seen: Commitment,
    /// How long it was shown; none where that cannot be told.
    pub shown_ms: Option<u64>,
}
