//! What is still missing for a handover: what governance says of its obligations, and nothing computed a second time.

use crate::PackInput;
use serde::Serialize;

/// Something missing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Gap {
    /// The obligation.
    pub obligation: String,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: String,
}

/// What to look at where an obligation names no command of its own: others come first.
const STATUS: &str = "seatrial status --stage owned";

/// What is missing for a handover, production's obligations first. Empty means that it can be released as owned.
#[must_use]
pub fn gaps(input: &PackInput<'_>) -> Vec<Gap> {
    let open = input.obligations.iter().filter(|o| !o.settled);
    open.map(|o| Gap {
        obligation: o.id.clone(),
        why: format!("{}: {}", o.state, o.why),
        next: o.next.as_deref().unwrap_or(STATUS).to_owned(),
    })
    .collect()
}
