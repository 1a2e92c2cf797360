//! Releases and workflows, as they stand.

use seatrial_model::event::{PilotTerms, ReleasedWaiver};
use seatrial_model::facts::OnLapse;
use seatrial_model::{Digest, ElementPath, EventId, LogName, Stage, Time};
use serde::Serialize;
use std::collections::BTreeMap;

/// The release in force of a workflow.
#[derive(Clone, Debug, Serialize)]
pub struct InForce {
    /// The digest of its statement.
    pub release: Digest,
    /// The event.
    pub event: EventId,
    /// Its stage.
    pub stage: Stage,
    /// The spec.
    pub spec: Digest,
    /// When it was cut.
    pub since: Time,
    /// When it ends.
    pub until: Option<Time>,
    /// What it was signed as.
    pub level: String,
    /// A pilot's ceiling a day.
    pub per_day: Option<u64>,
    /// A pilot's terms.
    pub pilot: Option<PilotTerms>,
    /// Waivers that it stands on.
    pub waivers: Vec<ReleasedWaiver>,
    /// It is of a workflow that was handed over, and has no hypercare.
    pub owned: bool,
    /// When it came back into force by a rollback.
    pub back: Option<Time>,
    /// What it lost since it was cut, where it lapsed.
    pub lapsed: Option<LapseView>,
}

/// A release lost something that it stood on.
#[derive(Clone, Debug, Serialize)]
pub struct LapseView {
    /// The event that says so.
    pub event: EventId,
    /// Since when.
    pub since: Time,
    /// Obligations that it lost: id → the state they were found in.
    pub lost: BTreeMap<String, String>,
    /// What the spec wants then; in force already.
    pub reaction: OnLapse,
}

/// A workflow is no longer served.
#[derive(Clone, Debug, Serialize)]
pub struct RetiredView {
    /// The event that says so.
    pub event: EventId,
    /// Since when.
    pub since: Time,
    /// By whom.
    pub by: String,
}

/// How a workflow stands, for the overview and the board.
#[derive(Clone, Debug, Serialize)]
pub struct WorkflowSummary {
    /// Its name.
    pub name: LogName,
    /// Its title; empty while no spec was submitted.
    pub title: String,
    /// The release in force.
    pub in_force: Option<InForce>,
    /// It is retired: nothing of it is served any more.
    pub retired: Option<RetiredView>,
    /// The newest submitted spec.
    pub candidate: Option<Digest>,
    /// The newest submitted spec is another than the released one.
    pub ahead: bool,
    /// What is stopped: element, since when, by whom.
    pub stopped: Vec<(ElementPath, Time, String)>,
    /// Decisions by verdict, in all (rehearsals left out).
    pub verdicts: BTreeMap<String, u64>,
    /// The same, today (UTC).
    pub today: BTreeMap<String, u64>,
    /// Open reviews.
    pub reviews_open: u64,
    /// The log's size.
    pub log_size: u64,
}
