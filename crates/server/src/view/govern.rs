//! Judgement and releases: an approval, waivers, releases and pilots, what changed since the release.

use super::{EventRef, ObligationState};
use seatrial_model::{Digest, EventId, Stage, Time, Untrusted};
use serde::{Deserialize, Serialize};

/// What is approved: exactly what the approval is bound to.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ApprovePage {
    /// The obligation.
    pub obligation: String,
    /// What must be shown.
    pub title: String,
    /// The stage.
    pub stage: Stage,
    /// How it stands.
    pub state: ObligationState,
    /// Why.
    pub why: String,
    /// The key that the approval is bound to.
    pub key: Digest,
    /// The spec.
    pub spec: Digest,
    /// The roles whose holders can approve it.
    pub roles: Vec<String>,
    /// Those of them that whoever looks holds.
    pub mine: Vec<String>,
    /// What stands at the elements that it covers.
    pub text: Vec<(String, String)>,
    /// How many elements it covers.
    pub elements: u64,
    /// External inputs of the key.
    pub inputs: Vec<(String, String)>,
    /// The other obligations as they stand, for a release's approval.
    pub obligations: Vec<(String, ObligationState)>,
    /// What changed since whoever looks approved it last, or since anybody did.
    pub since: Option<Since>,
    /// It was approved, and something of it changed: whoever read it again can say that it still holds.
    pub can_reaffirm: bool,
}

/// What changed since an earlier approval.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Since {
    /// The approval.
    pub event: Option<EventRef>,
    /// Who gave it.
    pub by: String,
    /// When.
    pub at: Time,
    /// Whoever looks gave it.
    pub own: bool,
    /// It was withdrawn.
    pub withdrawn: bool,
    /// What changed; empty where nothing did.
    pub changes: Vec<ChangeLine>,
}

/// One thing that is another than it was.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangeLine {
    /// `element`, `input`, `obligation`.
    pub what: String,
    /// Its path or name.
    pub name: String,
    /// What it was.
    pub was: Option<String>,
    /// What it is.
    pub now: Option<String>,
}

/// An approval as the form sends it.
#[derive(Clone, PartialEq, Debug)]
pub struct ApprovalSent {
    /// The stage.
    pub stage: Stage,
    /// The role.
    pub role: Option<String>,
    /// The key that was shown.
    pub key: Digest,
    /// How long it was shown.
    pub shown_ms: Option<u64>,
    /// Re-read, still holds: not a first approval.
    pub reaffirm: bool,
}

/// Waivers of both gates.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WaiversPage {
    /// The newest first.
    pub waivers: Vec<WaiverLine>,
    /// What can be waived now: stage, obligation, how it stands.
    pub waivable: Vec<(Stage, String, ObligationState)>,
    /// The longest that a waiver lasts: for a pilot, for production, in days.
    pub days_max: (u64, u64),
}

/// A waiver.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WaiverLine {
    /// The event that asked for it.
    pub request: EventId,
    /// The same as a reference.
    pub event: Option<EventRef>,
    /// The obligation.
    pub obligation: String,
    /// The stage.
    pub stage: Stage,
    /// How it stands, in a word: `asked`, `in_force`, `ended`, `expired`, `refused`.
    pub standing: String,
    /// Why.
    pub why: String,
    /// Who asked, and when.
    pub requested: (String, Time),
    /// Who granted it, in which role.
    pub granted: Option<(String, String)>,
    /// Its end.
    pub until: Time,
    /// How many days it comes to in all.
    pub days: u64,
    /// Why the obligation cannot be discharged now.
    pub reason: Option<Untrusted>,
    /// What is done instead.
    pub measure: Option<Untrusted>,
    /// Whoever looks asked for it, and so cannot grant it.
    pub own: bool,
    /// Whether it waits for somebody to grant it.
    pub waits: bool,
    /// Whether it waives now.
    pub in_force: bool,
}

/// A waiver as the form asks for it.
#[derive(Clone, PartialEq, Debug)]
pub struct WaiverSent {
    /// The stage.
    pub stage: Stage,
    /// The obligation.
    pub obligation: String,
    /// Why.
    pub reason: Untrusted,
    /// What is done instead.
    pub measure: Untrusted,
    /// Its last day, as `2026-12-31`.
    pub until: String,
}

/// Releases and pilots.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReleasesPage {
    /// Every release, the newest first.
    pub releases: Vec<ReleaseRow>,
    /// Every pilot, the newest first.
    pub pilots: Vec<PilotRow>,
}

/// A release.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// The digest of its statement.
    pub release: Digest,
    /// Its stage.
    pub stage: Stage,
    /// What it was signed as.
    pub level: String,
    /// The spec released.
    pub spec: Digest,
    /// When it was cut.
    pub since: Time,
    /// When it ends.
    pub until: Option<Time>,
    /// Who cut it.
    pub by: String,
    /// The event.
    pub event: Option<EventRef>,
    /// It is in force.
    pub in_force: bool,
    /// Why it can no longer be put in force.
    pub ended: Option<String>,
    /// A rollback to it would be possible, as far as the page can tell.
    pub can_return: bool,
}

/// A pilot.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PilotRow {
    /// Its number.
    pub number: u64,
    /// The guard judges and changes nothing.
    pub shadow: bool,
    /// The criterion to go on.
    pub continue_if: Option<String>,
    /// From.
    pub from: Time,
    /// Its end.
    pub until: Option<Time>,
    /// Its ceiling a day.
    pub per_day: Option<u64>,
    /// One of its releases is in force.
    pub in_force: bool,
    /// Decisions in all.
    pub decisions: u64,
    /// Decisions today.
    pub today: u64,
    /// How many releases it had.
    pub releases: u64,
    /// Its reports: event, when, whether its criterion was met.
    pub reports: Vec<(EventId, Time, Option<bool>)>,
}

/// What a pilot showed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PilotReportPage {
    /// The event.
    pub event: Option<EventRef>,
    /// The pilot's number.
    pub pilot: u64,
    /// It ran in shadow.
    pub shadow: bool,
    /// From, until.
    pub window: (Time, Time),
    /// Its decisions.
    pub decisions: u64,
    /// Whether the criterion to go on is met.
    pub continues: Option<bool>,
    /// The four findings.
    pub findings: Vec<PilotFinding>,
}

/// One of a pilot's four findings.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PilotFinding {
    /// The question.
    pub question: String,
    /// `yes`, `no`, `listed`, `unknown`.
    pub answer: String,
    /// In a sentence.
    pub says: String,
    /// Figures: what, value, what it cites.
    pub figures: Vec<(String, String, Vec<EventRef>)>,
}

/// What the newest spec changes in the released one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DiffPage {
    /// The released spec; none where nothing is released.
    pub released: Option<Digest>,
    /// The newest submitted spec.
    pub submitted: Option<Digest>,
    /// What differs, what asks for most attention first.
    pub items: Vec<DiffLine>,
    /// Obligations that are stale now: stage, id, the paths that changed.
    pub stale: Vec<(Stage, String, Vec<String>)>,
}

/// One difference.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct DiffLine {
    /// The element.
    pub path: String,
    /// `added`, `removed`, `changed`.
    pub how: String,
    /// `widens`, `narrows`, `unclear`, `neutral`.
    pub direction: String,
    /// Why, with the old and the new value.
    pub why: String,
    /// Only its prose changed: it compiles to the same.
    pub prose: bool,
}
