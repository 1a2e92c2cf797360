//! What the gateway, the server and the command line ask the factory for, and what it answers. Plain data.

mod serving;
mod standing;

pub use serving::{AdmitInput, Admitted, ResumedAll, StoppedAll};
pub use standing::{InForce, LapseView, RetiredView, WorkflowSummary};

use seatrial_guard::Part;
use seatrial_guard::port::{Protocol, Reply};
use seatrial_model::event::{Entry, StreamReleased, TokenKind, Usage};
use seatrial_model::{
    Action, Answer, Commitment, Confidence, DecisionId, Digest, ElementPath, EventId, Facts, Finding, LogName,
    Principal, ReviewId, Time, Untrusted, Verdict,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;

/// An authenticated caller: a principal, and what its token allows.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Who.
    pub principal: Principal,
    /// The kind of token; none for whoever holds the machine.
    pub token: Option<TokenKind>,
    /// The steps that a `caller` token may call: `workflow/step`, `workflow/*` or `*`.
    pub steps: Vec<String>,
}

/// One request to pass a case through a step's guard.
#[derive(Clone, Debug)]
pub struct Passage {
    /// The workflow.
    pub workflow: String,
    /// The step.
    pub step: String,
    /// How the candidate comes.
    pub entry: PassageEntry,
    /// The caller's case id; made and returned where there is none.
    pub case: Option<String>,
    /// Serve the candidate spec in rehearsal instead of the release in force.
    pub rehearsal: bool,
    /// Whether it asks again.
    pub again: Again,
}

/// How the candidate comes.
#[derive(Clone, Debug)]
pub enum PassageEntry {
    /// The guard renders the prompt and calls the model.
    Run {
        /// The step's input.
        input: Value,
    },
    /// A client of the model's own protocol called.
    Proxy {
        /// The step's input, as the gateway read it from the call.
        input: Value,
        /// The call.
        call: Arc<dyn ClientCall>,
    },
    /// The caller made the call itself and submits the output.
    Decide {
        /// The step's input.
        input: Value,
        /// The output's exact text.
        output: String,
        /// The caller's own confidence.
        confidence: Option<f64>,
    },
}

/// A client's own call in a model's protocol, as the gateway read it. Which fields the model must not see is said by
/// the spec that is served at that moment, so they are taken out here, not before.
pub trait ClientCall: std::fmt::Debug + Send + Sync {
    /// Its protocol.
    fn protocol(&self) -> Protocol;

    /// Whether the answer is to be a stream.
    fn stream(&self) -> bool;

    /// Its body as it came.
    fn received(&self) -> &[u8];

    /// Headers that its protocol gives a meaning; never one that holds a key.
    fn headers(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Parts of the call that no check can look into (`input.messages.2.image`): they pass, and are said to be not
    /// inspected.
    fn not_inspected(&self) -> Vec<String> {
        Vec::new()
    }

    /// Its body with `strip` applied to everything in it that can hold a step's input.
    ///
    /// # Errors
    /// Why a part of it cannot be searched for fields, in words: then the model is not asked at all.
    fn stripped(&self, strip: &dyn Fn(&Value) -> Value) -> Result<Vec<u8>, String>;
}

/// Whether a request asks again.
#[derive(Clone, Debug, Default)]
pub struct Again {
    /// `Idempotency-Key`.
    pub key: Option<String>,
    /// The SDK's retry count.
    pub retries: u32,
    /// `x-seatrial-retry: new`: decide afresh.
    pub afresh: bool,
}

/// A decision was made and is durable (or an earlier one was joined).
#[derive(Clone, Debug)]
pub struct Passed {
    /// The decision.
    pub decision: DecisionId,
    /// The case id, the caller's or one made.
    pub case: String,
    /// The release in force; none in rehearsal.
    pub release: Option<Digest>,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// A stable code for the outcome: `allowed`, `modified`, `input_denied`, `output_denied`, `review_pending`,
    /// `workflow_stopped`, `not_released`, `model_unreachable`.
    pub code: String,
    /// The elements that brought it about.
    pub because: Vec<ElementPath>,
    /// All findings.
    pub findings: Vec<Finding>,
    /// The confidence.
    pub confidence: Confidence,
    /// `all`, or what was not inspected.
    pub inspected: String,
    /// The output that may leave: the candidate's text, or the redacted one; none where nothing may.
    pub output: Option<String>,
    /// All parts that may leave, where they are not the upstream's own reply: redacted ones, and those of a decision that
    /// was joined (its finish reasons, ids and log-probabilities are not kept). Empty where the output says it all.
    pub parts: Vec<Part>,
    /// The upstream's reply, for a proxied call whose reply leaves unchanged.
    pub reply: Option<Arc<Reply>>,
    /// The review that was opened.
    pub review: Option<ReviewId>,
    /// Tokens used.
    pub usage: Option<Usage>,
    /// The model's identity as it answered.
    pub model: Option<String>,
    /// An earlier decision was joined instead of a new one made.
    pub joined: bool,
}

/// A request was refused before any decision; nothing was decided and nothing left.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The token is unknown, expired or revoked.
    #[error("the token is not valid; nothing was done. Ask an operator for one: `seatrial token issue`")]
    Unauthenticated,
    /// The caller may not do this.
    #[error("{0}; nothing was done")]
    Forbidden(String),
    /// There is no such thing.
    #[error("{0}; nothing was done")]
    NotFound(String),
    /// The request makes no sense.
    #[error("{0}; nothing was done")]
    Invalid(String),
    /// The step withholds fields of its input, and they cannot be taken out of a client's own call.
    #[error("this step withholds fields of its input from the model, and {0}; the model was not called")]
    CannotWithhold(String),
    /// Something changed in between.
    #[error("{message}; nothing was done")]
    Conflict {
        /// What changed.
        message: String,
        /// The key that holds now, where keys are compared.
        now: Option<String>,
    },
    /// What was judged is another than what stands now.
    #[error("{message}; nothing was done")]
    Changed {
        /// What changed, in words.
        message: String,
        /// The key that holds now.
        now: String,
        /// Paths of elements, names of inputs, ids of obligations that are others than they were.
        changed: Vec<String>,
    },
    /// No release is in force for this.
    #[error("`{workflow}` is not released: {}; nothing was decided", missing.join(", "))]
    NotReleased {
        /// The workflow.
        workflow: String,
        /// What is missing.
        missing: Vec<String>,
    },
    /// The workflow or step is stopped.
    #[error("`{element}` of `{workflow}` is stopped since {since}; nothing was decided. {instead}")]
    Stopped {
        /// The workflow.
        workflow: String,
        /// What is stopped.
        element: String,
        /// Since when.
        since: Time,
        /// How business goes on.
        instead: String,
    },
    /// Too many requests.
    #[error("the limit of `{step}` is reached: {limit}; nothing was decided")]
    TooMany {
        /// The step.
        step: String,
        /// The limit, as the spec says it (`30 calls a minute`, `20000 tokens a day`, `50 EUR a day`).
        limit: String,
        /// Seconds until another may be tried.
        retry_after_s: u64,
    },
    /// The record cannot be made, so nothing happened.
    #[error("the decision could not be recorded, so it did not happen and nothing leaves: {0}")]
    NotRecorded(String),
    /// Whether the record is there is not known: the store was lost under the commit. Nothing leaves.
    #[error("it is not known whether this was recorded, and nothing leaves: {0}")]
    Unsettled(String),
    /// The model cannot be reached, and there is no way to go on without it. The text says what was not done.
    #[error("the model cannot be reached: {0}")]
    ModelUnreachable(String),
    /// A fault of ours.
    #[error("an internal fault: {0}; nothing was done")]
    Internal(String),
}

/// A decision with its whole chain.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionChain {
    /// The log it is in.
    pub workflow: LogName,
    /// Its entry.
    pub index: u64,
    /// Its event.
    pub event: EventId,
    /// The decision.
    pub decision: DecisionId,
    /// When.
    pub time: Time,
    /// The step.
    pub step: String,
    /// Who called.
    pub caller: Principal,
    /// How the candidate came.
    pub entry: Entry,
    /// The release in force.
    pub release: Option<Digest>,
    /// The spec.
    pub spec: Option<Digest>,
    /// Everything that `decide` read.
    pub facts: Facts,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// What brought it about.
    pub because: Vec<ElementPath>,
    /// `pending` (a person has to answer), `settled` (an output may leave, or none ever will), `superseded`.
    pub status: DecisionStatus,
    /// The case id.
    pub case: Held,
    /// The input.
    pub input: Held,
    /// The candidate that was judged.
    pub output: Held,
    /// What may leave now: the candidate, the redacted, the edited, or the person's own.
    pub released: Option<Held>,
    /// The model's identity.
    pub model: Option<String>,
    /// Tokens that were used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The model that answered, where it was not the step's first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fallback: Option<String>,
    /// The decision on whose behalf it was made: a judge's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behalf: Option<DecisionId>,
    /// The review, where one was opened.
    pub review: Option<ReviewView>,
    /// The override, where there is one.
    pub overridden: Option<OverrideView>,
    /// The truth, where it is known.
    pub outcome: Option<OutcomeView>,
    /// Whether it was drawn for audit.
    pub audit: bool,
    /// A blind audit of it waits for whoever looks. The output is hidden, and what was computed from it is left out:
    /// of `facts` the findings on it, the `when`s and the confidence's value, and the truth.
    pub blind: bool,
    /// How its stream left, where that was in windows: before the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamReleased>,
    /// Events that followed, in order: (index, event id, kind).
    pub followed_by: Vec<(u64, EventId, String)>,
}

/// Where a decision stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DecisionStatus {
    /// A person has to answer.
    Pending,
    /// Settled.
    Settled,
}

/// A payload as it can be shown.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Held {
    /// Still held.
    Text {
        /// The text.
        text: Untrusted,
        /// Its commitment in the log.
        commitment: Commitment,
    },
    /// Erased: when, by whom.
    Erased {
        /// When.
        on: Time,
        /// By whom.
        by: String,
    },
    /// Held, and not shown: a blind audit waits for whoever looks, and is answered first.
    Hidden {
        /// Its commitment in the log: what the answer speaks of.
        commitment: Commitment,
    },
    /// There never was one.
    None,
}

impl Held {
    /// The same without its text, for somebody who must not see it yet.
    #[must_use]
    pub fn hidden(self) -> Self {
        match self {
            Self::Text { commitment, .. } => Self::Hidden { commitment },
            other => other,
        }
    }
}

/// A review as people see it.
#[derive(Clone, Debug, Serialize)]
pub struct ReviewView {
    /// The review.
    pub review: ReviewId,
    /// The workflow.
    pub workflow: LogName,
    /// Its decision.
    pub decision: DecisionId,
    /// The step.
    pub step: String,
    /// The role that answers.
    pub to: String,
    /// Only a decision of the person's own is possible.
    pub own: bool,
    /// An audit of an allowed decision, by sampling.
    pub audit: bool,
    /// `open`, `claimed`, `answered`, `superseded` (an override settled the decision).
    pub state: String,
    /// Who claimed it.
    pub claimed_by: Option<String>,
    /// When it was opened.
    pub opened: Time,
    /// When it is late.
    pub due: Option<Time>,
    /// What brought it about.
    pub because: Vec<ElementPath>,
    /// The answer and who gave it, when.
    pub answer: Option<(Answer, String, Time)>,
    /// Whether the answer could be used.
    pub usable: Option<bool>,
    /// Whether the decision was a rehearsal's.
    pub rehearsal: bool,
    /// Where the output had been seeded, known to be bad: whether the answer caught it. Nothing before the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seeded: Option<bool>,
}

/// An override.
#[derive(Clone, Debug, Serialize)]
pub struct OverrideView {
    /// Who.
    pub by: String,
    /// When.
    pub at: Time,
    /// Why, in the spec's words.
    pub reason: String,
    /// What was done.
    pub action: Action,
}

/// A truth.
#[derive(Clone, Debug, Serialize)]
pub struct OutcomeView {
    /// When it was recorded.
    pub at: Time,
    /// Whether the decision was wrong.
    pub wrong: bool,
    /// Whether it had matured.
    pub matured: bool,
}

/// A row of the list of decisions.
#[derive(Clone, Debug, Serialize)]
pub struct DecisionRow {
    /// The decision.
    pub decision: DecisionId,
    /// Its entry.
    pub index: u64,
    /// When.
    pub time: Time,
    /// The step.
    pub step: String,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// Where it stands.
    pub status: DecisionStatus,
    /// The confidence.
    pub confidence: f64,
    /// What brought it about.
    pub because: Vec<ElementPath>,
    /// A rehearsal.
    pub rehearsal: bool,
}

/// A person's answer to a review.
#[derive(Clone, Debug)]
pub struct ReviewAnswerInput {
    /// The answer.
    pub answer: Answer,
    /// The edited or own output, as JSON text.
    pub output: Option<String>,
    /// Why.
    pub reason: String,
    /// How long the person had it before them.
    pub shown_ms: Option<u64>,
    /// The commitment of the output that the person saw; the surface got it with the review.
    pub seen: Commitment,
}

/// A stop as it took effect.
#[derive(Clone, Debug, Serialize)]
pub struct StopEffect {
    /// The event.
    pub event: EventId,
    /// When it took effect.
    pub at: Time,
    /// Milliseconds from the request to the last affected answer.
    pub effective_ms: u64,
    /// Requests that were in flight and got no output.
    pub cut: u64,
}
