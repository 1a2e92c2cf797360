//! A sprint's report.

use seatrial_model::ElementPath;
use std::collections::BTreeMap;

/// Tallies.
pub struct Tallies {
    /// x
    pub x: BTreeMap<ElementPath, u64>,
}
/// R
pub struct SprintReport;
