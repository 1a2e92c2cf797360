//! The whole chain behind an obligation's state, down to paths and events.

use crate::define::{Basis, Which};
use crate::key::Keys;
use crate::people::Grace;
use crate::state::{Considered, InputChange, ObligationState, State, WaiverState};
use crate::status::StatusInput;
use seatrial_model::words::Layer;
use seatrial_model::{Digest, ElementPath, EventId, PathPattern, Span, Stage};
use seatrial_spec::ScopeEntry;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The chain, as data: the command line and the pages render it.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// The obligation.
    pub obligation: String,
    /// One line for people.
    pub title: String,
    /// Its layer.
    pub layer: Layer,
    /// The stage asked for.
    pub stage: Stage,
    /// The stages that need it.
    pub stages: Vec<Stage>,
    /// How it stands.
    pub state: State,
    /// How it stands beneath a waiver.
    pub under: State,
    /// Why.
    pub why: String,
    /// The waiver in force.
    pub waiver: Option<WaiverState>,
    /// What kind of thing discharges it.
    pub basis: Basis,
    /// Who may produce that.
    pub by: String,
    /// Whether it can be waived at all.
    pub waivable: bool,
    /// How old its evidence may be.
    pub max_age: Option<Span>,
    /// The definition's version.
    pub definition: u32,
    /// The patterns of its scope.
    pub patterns: Vec<PathPattern>,
    /// `written` or `compiled`.
    pub digests: &'static str,
    /// The scope's value: every element with its digest.
    pub scope: Vec<ScopeEntry>,
    /// Parameters of the key.
    pub parameters: BTreeMap<String, Value>,
    /// External inputs of the key.
    pub inputs: BTreeMap<String, String>,
    /// The key.
    pub key: Digest,
    /// The events that it rests on.
    pub events: Vec<EventId>,
    /// Every event that was looked at.
    pub considered: Vec<Considered>,
    /// Elements that changed since it was shown.
    pub changed: Vec<ElementPath>,
    /// Inputs that changed since.
    pub changed_inputs: Vec<InputChange>,
    /// Where it stands on people who left or are away: who, and for how long still.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub grace: Vec<Grace>,
    /// Where it rests on what was shown under another spec: why that counts all the same.
    pub cut_off: Option<String>,
    /// What to do next, in words.
    pub help: String,
    /// What to do next, as a command.
    pub next: Option<String>,
}

/// Explains a state that [`crate::status`] computed from this very input.
#[must_use]
pub fn explain(input: &StatusInput<'_>, state: &ObligationState) -> Explanation {
    let obligation = &state.obligation;
    let keys = Keys::new(input.workflow, input.factory, input.inputs, input.now);
    Explanation {
        obligation: obligation.id.clone(),
        title: obligation.title.clone(),
        layer: obligation.layer,
        stage: state.stage,
        stages: obligation.stages.iter().copied().collect(),
        state: state.state,
        under: state.under,
        why: state.why.clone(),
        waiver: state.waiver.clone(),
        basis: obligation.basis,
        by: obligation.by.clone(),
        waivable: obligation.waivable,
        max_age: obligation.max_age,
        definition: obligation.version,
        patterns: obligation.scope.clone(),
        digests: match obligation.which {
            Which::Written => "written",
            Which::Compiled => "compiled",
        },
        scope: keys.scope(obligation),
        parameters: obligation.parameters.clone(),
        inputs: state.inputs.clone(),
        key: state.key,
        events: state.events.clone(),
        considered: state.considered.clone(),
        changed: state.changed.clone(),
        changed_inputs: state.changed_inputs.clone(),
        grace: state.grace.clone(),
        cut_off: cut_off(input, state),
        help: obligation.help.clone(),
        next: state.next.clone(),
    }
}

/// The early cut-off, in words: the spec is another, the key is the same.
fn cut_off(input: &StatusInput<'_>, state: &ObligationState) -> Option<String> {
    let cited = input.events.iter().filter(|e| state.events.contains(&e.event.id) && !e.event.evidence.is_empty());
    let before: Vec<u64> =
        cited.filter(|e| e.event.spec.is_some_and(|s| s != input.workflow.digest)).map(|e| e.index).collect();
    let first = before.first()?;
    let others = if before.len() > 1 { format!(" and {} other(s)", before.len() - 1) } else { String::new() };
    Some(format!(
        "entry {first}{others} was recorded under another spec; nothing that this obligation depends on is another since, so it counts"
    ))
}

#[cfg(test)]
mod tests;
