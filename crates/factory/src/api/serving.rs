//! Admission of system steps, and the switch of the whole factory.

use crate::api::StopEffect;
use seatrial_model::{DecisionId, ElementPath, EventId, LogName, Time};
use serde::Serialize;

/// A system step asks before it acts.
#[derive(Clone, Debug)]
pub struct AdmitInput {
    /// The workflow.
    pub workflow: String,
    /// The system step that wants to act.
    pub step: String,
    /// The case, as its caller named it: cases belong to the principal that opened them.
    pub case: String,
    /// The decision that it acts on. A step with `requires` names one.
    pub decision: Option<DecisionId>,
    /// The output that it acts on: it has to be the one that left by that decision.
    pub output: Option<String>,
}

/// The answer to a system step, recorded either way. Only `admitted` means that it may act, and only once.
#[derive(Clone, Debug, Serialize)]
pub struct Admitted {
    /// The event.
    pub event: EventId,
    /// When.
    pub at: Time,
    /// The system step.
    pub step: String,
    /// The case.
    pub case: String,
    /// The decision that it acts on.
    pub decision: Option<DecisionId>,
    /// Whether it may.
    pub admitted: bool,
    /// A stable code: `admitted`, `not_settled`, `other_output`, `used`, `workflow_stopped`, `not_released`.
    pub code: String,
    /// The elements that stood against it.
    pub because: Vec<ElementPath>,
}

/// The whole factory was stopped, workflow by workflow.
#[derive(Clone, Debug, Serialize)]
pub struct StoppedAll {
    /// When the last of them took effect.
    pub at: Time,
    /// Milliseconds from the request to the last affected answer.
    pub effective_ms: u64,
    /// Requests that were in flight and got no output.
    pub cut: u64,
    /// What took effect where.
    pub stopped: Vec<(LogName, StopEffect)>,
    /// Workflows that are not stopped by this, and why: empty where it took effect everywhere.
    pub failed: Vec<(LogName, String)>,
}

/// The whole factory was resumed, workflow by workflow.
#[derive(Clone, Debug, Serialize)]
pub struct ResumedAll {
    /// The events.
    pub resumed: Vec<(LogName, EventId)>,
    /// Workflows that stay stopped on their own, since before or meanwhile: they are resumed by themselves.
    pub still_stopped: Vec<LogName>,
    /// Workflows that were not resumed, and why.
    pub failed: Vec<(LogName, String)>,
}
