//! Responsibilities and gates.

use super::{Bar, Expr};
use seatrial_model::facts::{OnLapse, ReviewAll};
use seatrial_model::{Day, PathPattern, Span};
use std::collections::BTreeMap;

/// One of the five responsibilities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Responsibility {
    /// The delivery side's role.
    pub delivery: Option<String>,
    /// The receiving side's role.
    pub receiving: Option<String>,
    /// A runbook's file.
    pub runbook: Option<String>,
    /// The independent role that challenges.
    pub challenged_by: Option<String>,
}

/// The five, in the order of the design.
pub const RESPONSIBILITIES: [&str; 5] = ["workflow", "changes", "exceptions", "behaviour", "evolution"];

/// The gates.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gates {
    /// To the pilot.
    pub pilot: Option<PilotGate>,
    /// To production.
    pub production: Option<ProductionGate>,
    /// To the new owner.
    pub handover: Option<HandoverGate>,
}

/// An approval that a gate asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GateApproval {
    /// The role.
    pub by: String,
    /// Over which elements.
    pub over: Vec<PathPattern>,
}

/// The pilot: bounded, not just lighter.
#[derive(Clone, PartialEq, Debug)]
pub struct PilotGate {
    /// The last day.
    pub until: Option<Day>,
    /// The ceiling a day.
    pub per_day: Option<u64>,
    /// Shadow instead of live.
    pub shadow: bool,
    /// Which decisions go to a person, and when.
    pub review: Option<ReviewAll>,
    /// The criterion to go on.
    pub continue_if: Option<Expr>,
    /// Approvals.
    pub approvals: Vec<GateApproval>,
}

/// Production.
#[derive(Clone, PartialEq, Debug)]
pub struct ProductionGate {
    /// Bars by example set.
    pub evaluation: BTreeMap<String, Bar>,
    /// Longest time by control.
    pub drills: BTreeMap<String, Span>,
    /// How long the delivery side still helps.
    pub hypercare: Option<Span>,
    /// What happens when the release lapses.
    pub on_lapse: OnLapse,
    /// Approvals.
    pub approvals: Vec<GateApproval>,
}

/// The handover.
#[derive(Clone, PartialEq, Debug)]
pub struct HandoverGate {
    /// The transfer index's bar.
    pub transfer_index: Option<Bar>,
    /// Its window.
    pub over: Option<Span>,
}
