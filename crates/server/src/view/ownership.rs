//! Ownership.

use super::ObligationState;
use seatrial_factory::OwnershipLook;

/// How far a workflow is taken over.
#[derive(Clone, Debug)]
pub struct OwnershipPage {
    /// What the factory says.
    pub look: OwnershipLook,
    /// The handover's own obligations.
    pub handover: Vec<OwnershipLine>,
    /// What else is missing for `owned`.
    pub missing: Vec<OwnershipLine>,
}

/// An obligation on that page.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OwnershipLine {
    /// Its id.
    pub id: String,
    /// How it stands.
    pub state: ObligationState,
    /// Why.
    pub why: String,
    /// What to do next, as a command.
    pub next: Option<String>,
}
