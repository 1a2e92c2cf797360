//! What the factory tells whoever watches it run: names, verdicts, counts and durations, and nothing of what was said.
//! Neither inputs nor outputs, case ids, reasons or tokens are among it, so an observer cannot let them out.

mod model;
mod state;

pub(crate) use model::{Watched, WatchedModel};
pub use state::{OPEN_REVIEWS_MAX, Running};

use crate::api::{Passage, PassageEntry, Passed, Refused};
use crate::factory::Factory;
use seatrial_model::event::{Entry, Usage};
use seatrial_model::{Action, DecisionId, Digest, Protocol, StreamEnd, Verdict};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// Whoever watches the factory run. It is called on the path of a request, beside which nothing else runs: whatever
/// takes time is for a thread of its own.
pub trait Observer: Send + Sync + 'static {
    /// A request for a step begins.
    fn began(&self, began: &Began<'_>) {
        let _ = began;
    }

    /// A decision was made and is durable, or an earlier one was joined.
    fn decided(&self, decided: &Decided<'_>) {
        let _ = decided;
    }

    /// A request was refused before any decision.
    fn refused(&self, refused: &RefusedCall<'_>) {
        let _ = refused;
    }

    /// A model was asked.
    fn asked(&self, call: &ModelCall<'_>) {
        let _ = call;
    }
}

/// Who watches, once that is said.
pub(crate) type Cell = Arc<OnceLock<Arc<dyn Observer>>>;

/// A request that begins.
#[derive(Clone, Copy, Debug)]
pub struct Began<'a> {
    /// The workflow, as the request names it.
    pub workflow: &'a str,
    /// The step, as the request names it.
    pub step: &'a str,
    /// How the candidate comes.
    pub entry: Entry,
    /// What the caller speaks, for a call of its own.
    pub protocol: Option<Protocol>,
    /// A rehearsal.
    pub rehearsal: bool,
}

/// A decision, without anything that was said.
#[derive(Clone, Debug)]
pub struct Decided<'a> {
    /// The workflow.
    pub workflow: &'a str,
    /// The step.
    pub step: &'a str,
    /// How the candidate came.
    pub entry: Entry,
    /// What the caller spoke, for a call of its own.
    pub protocol: Option<Protocol>,
    /// A rehearsal.
    pub rehearsal: bool,
    /// The decision.
    pub decision: DecisionId,
    /// The release in force.
    pub release: Option<Digest>,
    /// HMAC of the case id under the workflow's secret.
    pub case: &'a str,
    /// The verdict.
    pub verdict: Verdict,
    /// The action.
    pub action: Action,
    /// The outcome's code.
    pub code: &'a str,
    /// The model's identity, as it answered.
    pub model: Option<&'a str>,
    /// Tokens used.
    pub usage: Option<Usage>,
    /// Confidence, and whether there was any.
    pub confidence: (f64, bool),
    /// Whether all parts were inspected.
    pub inspected_all: bool,
    /// Whether a review was opened.
    pub review: bool,
    /// Whether an earlier decision was joined instead of a new one made.
    pub joined: bool,
    /// How its stream ended, where that left in windows.
    pub stream: Option<StreamEnd>,
    /// How long it took.
    pub took: Took,
}

/// Where the time of a request went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Took {
    /// All of it, up to the durable decision: a hold that waits for a person comes after.
    pub total: Duration,
    /// Admission: release, rights, stop, limits, earlier attempts, the input's checks.
    pub admit: Duration,
    /// The candidate: the model's answer, and what the checks made of it.
    pub candidate: Duration,
    /// The record: deciding, and making it durable.
    pub record: Duration,
}

/// A request that was refused.
#[derive(Clone, Copy, Debug)]
pub struct RefusedCall<'a> {
    /// The workflow, where there is one of this name.
    pub workflow: Option<&'a str>,
    /// The step, where there is one of this name.
    pub step: Option<&'a str>,
    /// A stable code.
    pub code: &'static str,
    /// A rehearsal.
    pub rehearsal: bool,
    /// How long it took.
    pub took: Duration,
}

/// A model that was asked.
#[derive(Clone, Copy, Debug)]
pub struct ModelCall<'a> {
    /// The workflow on whose behalf.
    pub workflow: &'a str,
    /// The step on whose behalf.
    pub step: &'a str,
    /// The provider, as the factory's file names it.
    pub provider: &'a str,
    /// What kind of provider it is: `openai`, `anthropic`, `classifier`.
    pub kind: &'static str,
    /// The model that was asked for.
    pub model: &'a str,
    /// The model that answered.
    pub answered: Option<&'a str>,
    /// `ok`, or why there was no reply: `unreachable`, `timed_out`, `limited`, `rejected`, `unreadable`, `cancelled`.
    pub outcome: &'static str,
    /// Tokens used.
    pub usage: Option<Usage>,
    /// Requests that the provider was sent.
    pub requests: u64,
    /// Whether the reply was handed out while it came.
    pub streamed: bool,
    /// How long it took; for a stream, to its end.
    pub took: Duration,
}

impl Factory {
    /// Names who watches this factory run; the first that is named stays. Requests and model calls from now on are
    /// told.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        if self.0.observer.set(observer).is_err() {
            tracing::debug!("somebody watches this factory already");
        }
    }

    pub(crate) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.0.observer.get()
    }
}

/// One request, watched from its beginning to its end.
pub(crate) struct Observation {
    observer: Option<Arc<dyn Observer>>,
    workflow: String,
    step: String,
    entry: Entry,
    protocol: Option<Protocol>,
    rehearsal: bool,
    known: bool,
    case: String,
    began: Instant,
    admitted: Option<Instant>,
    obtained: Option<Instant>,
    recorded: Option<Instant>,
    stream: Option<StreamEnd>,
}

impl Observation {
    /// A request begins.
    pub(crate) fn begin(factory: &Factory, passage: &Passage) -> Self {
        let protocol = match &passage.entry {
            PassageEntry::Proxy { call, .. } => Some(call.protocol()),
            _ => None,
        };
        let observer = factory.observer().cloned();
        let named = |name: &String| if observer.is_some() { name.clone() } else { String::new() };
        let observation = Self {
            workflow: named(&passage.workflow),
            step: named(&passage.step),
            entry: passage.entry.kind(),
            protocol,
            rehearsal: passage.rehearsal,
            known: false,
            case: String::new(),
            began: Instant::now(),
            admitted: None,
            obtained: None,
            recorded: None,
            stream: None,
            observer,
        };
        if let Some(observer) = &observation.observer {
            observer.began(&Began {
                workflow: &observation.workflow,
                step: &observation.step,
                entry: observation.entry,
                protocol,
                rehearsal: passage.rehearsal,
            });
        }
        observation
    }

    /// There is such a workflow and step: their names are the spec's own.
    pub(crate) const fn known(&mut self) {
        self.known = true;
    }

    /// The case's HMAC is known.
    pub(crate) fn case(&mut self, tag: &str) {
        if self.observer.is_some() {
            tag.clone_into(&mut self.case);
        }
    }

    /// It may go on.
    pub(crate) fn admitted(&mut self) {
        self.admitted = Some(Instant::now());
    }

    /// The candidate is here, and judged.
    pub(crate) fn obtained(&mut self) {
        self.obtained = Some(Instant::now());
    }

    /// The decision is durable. What follows is waiting for a person.
    pub(crate) fn recorded(&mut self) {
        self.recorded = Some(Instant::now());
    }

    /// Its stream left in windows, and ended like this.
    pub(crate) const fn streamed(&mut self, end: StreamEnd) {
        self.stream = Some(end);
    }

    /// It ended.
    pub(crate) fn end(self, done: &Result<Passed, Refused>) {
        let Some(observer) = &self.observer else { return };
        let now = self.recorded.unwrap_or_else(Instant::now);
        let total = now.duration_since(self.began);
        match done {
            Ok(passed) => observer.decided(&self.decided(passed, now, total)),
            Err(refused) => observer.refused(&RefusedCall {
                workflow: self.known.then_some(self.workflow.as_str()),
                step: self.known.then_some(self.step.as_str()),
                code: refused.code(),
                rehearsal: self.rehearsal,
                took: total,
            }),
        }
    }

    fn decided<'a>(&'a self, passed: &'a Passed, now: Instant, total: Duration) -> Decided<'a> {
        let admitted = self.admitted.unwrap_or(now);
        let obtained = self.obtained.unwrap_or(admitted);
        Decided {
            workflow: &self.workflow,
            step: &self.step,
            entry: self.entry,
            protocol: self.protocol,
            rehearsal: self.rehearsal,
            decision: passed.decision,
            release: passed.release,
            case: &self.case,
            verdict: passed.verdict,
            action: passed.action,
            code: &passed.code,
            model: passed.model.as_deref(),
            usage: passed.usage,
            confidence: (passed.confidence.value, passed.confidence.present),
            inspected_all: passed.inspected == "all",
            review: passed.review.is_some(),
            joined: passed.joined,
            stream: self.stream,
            took: Took {
                total,
                admit: admitted.duration_since(self.began),
                candidate: obtained.saturating_duration_since(admitted),
                record: now.saturating_duration_since(obtained),
            },
        }
    }
}

impl Refused {
    /// A stable code, as the wire has it.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unauthenticated => "invalid_api_key",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Invalid(_) => "invalid_request",
            Self::CannotWithhold(_) => "cannot_withhold",
            Self::Conflict { .. } | Self::Changed { .. } => "conflict",
            Self::NotReleased { .. } => "not_released",
            Self::Stopped { .. } => "workflow_stopped",
            Self::TooMany { .. } => "rate_limit_exceeded",
            Self::NotRecorded(_) => "record_failed",
            Self::Unsettled(_) => "record_unsettled",
            Self::ModelUnreachable(_) => "model_unreachable",
            Self::Internal(_) => "internal_error",
        }
    }
}
