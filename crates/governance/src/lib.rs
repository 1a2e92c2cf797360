//! Layer 3, governing: obligations, staleness, approvals, stages, releases.
//!
//! Readiness is computed, not declared. A checked workflow yields [`obligations`]; each has a [`key::key`] over
//! exactly what it depends on; [`status`] folds the log's delivery events into the state of every one; a
//! [`release`] states that none is missing. [`policy`] says who may do what.
//!
//! Nothing here does I/O or reads a clock.

pub mod define;
pub mod explain;
pub mod key;
pub mod next;
pub mod people;
pub mod policy;
pub mod release;
pub mod state;
pub mod status;

#[cfg(test)]
mod fixture;

pub use define::{Basis, DRILLS, DrillKind, Duty, Input, Obligation, Which, obligations, waiver_limit_days};
pub use explain::{Explanation, explain};
pub use key::{Inputs, ModelIdentity, evidence};
pub use next::{NextStep, next};
pub use state::{Considered, InputChange, ObligationState, State, WaiverState};
pub use status::{CheckFinding, Running, StatusInput, specs_cited, status};
