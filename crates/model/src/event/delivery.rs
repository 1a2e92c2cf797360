//! Bodies of the delivery layers: spec, sprint, governance, ownership.

use super::{PilotTerms, ReleasedWaiver, Share};
use crate::{Digest, ElementPath, EventId, LogPoint, SprintId, Stage, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A spec was submitted to the store; the envelope's `spec` is its digest, its actor the author.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SpecSubmitted {
    /// The spec's files: path within the workflow's folder → blob.
    pub files: BTreeMap<String, Digest>,
    /// Blob: the RFC 8785 list of [path, digest as written, digest as compiled] of every element.
    pub elements: Digest,
    /// How many elements.
    pub element_count: u64,
    /// The spec submitted before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Paths added since then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<ElementPath>,
    /// Paths removed since then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<ElementPath>,
    /// Paths changed in meaning since then.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ElementPath>,
}

/// A question was answered, or withdrawn; its text is the payload `text`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QuestionSettled {
    /// `questions.<name>`.
    pub question: ElementPath,
    /// The element's digest as written, so that another question under that name is not settled by this.
    pub element: Digest,
    /// Withdrawn with a reason, instead of answered.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withdrawn: bool,
    /// The events that the answer cites; an answer cites at least one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<EventId>,
}

/// A sprint was opened; its goal is the payload `goal`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SprintOpened {
    /// The sprint.
    pub sprint: SprintId,
    /// Its number in this workflow, from 1.
    pub number: u64,
    /// Questions it means to answer.
    pub questions: Vec<ElementPath>,
    /// Obligations it means to discharge.
    pub obligations: Vec<String>,
    /// How every obligation of production stood at its start: id → state.
    pub states: BTreeMap<String, String>,
    /// Roles of the spec that somebody present held at its start, of all that it names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Share>,
}

/// A sprint was closed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SprintClosed {
    /// The sprint.
    pub sprint: SprintId,
    /// Blob: the report with the four answers, each with numbers and the events it cites.
    pub report: Digest,
    /// How every obligation of production stood at its end: id → state.
    pub states: BTreeMap<String, String>,
}

/// An approval was given, over exactly the evidence keys that stand in the envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApprovalGiven {
    /// The stage whose gate asks for it.
    pub stage: Stage,
    /// The role in which the principal approved.
    pub role: String,
    /// The digest of what was shown.
    pub shown: Digest,
    /// How long it was shown, in milliseconds; none where the surface could not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown_ms: Option<u64>,
    /// The approval that it reaffirms: what was approved changed, was read again, and still holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaffirms: Option<EventId>,
    /// Blob: the person's own SSH signature (`ssh-keygen -Y` format) over what was approved; the actor's assurance is
    /// then `signed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Digest>,
    /// Blob, with a signature: the factory's file in which the person's key stands, so that an export stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<Digest>,
    /// The newest approval of the obligation that the same person gave before: what they had looked at last. What is
    /// signed names it, so that no signature fits twice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<EventId>,
}

impl ApprovalGiven {
    /// A plain approval: unsigned, the person's first of the obligation, shown for nobody knows how long.
    #[must_use]
    pub fn new(stage: Stage, role: impl Into<String>, shown: Digest) -> Self {
        Self {
            stage,
            role: role.into(),
            shown,
            shown_ms: None,
            reaffirms: None,
            signature: None,
            directory: None,
            after: None,
        }
    }
}

/// An approval was withdrawn.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ApprovalWithdrawn {
    /// The event of the approval.
    pub approval: EventId,
}

/// How one obligation stood when a release was cut.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReleasedObligation {
    /// Its id.
    pub id: String,
    /// Its state.
    pub state: String,
    /// Its evidence key.
    pub key: Digest,
    /// The events that discharge it.
    pub events: Vec<EventId>,
}

/// A release was cut: the signed statement that all obligations of a stage are discharged. Its digest, the
/// *release digest*, is SHA-256 over the RFC 8785 form of this body.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReleaseCut {
    /// The workflow.
    pub workflow: String,
    /// The stage.
    pub stage: Stage,
    /// The spec released.
    pub spec: Digest,
    /// SHA-256 of the sorted list of [obligation id, state, evidence key, events], `release.approval` left out.
    pub state: Digest,
    /// Blob: that list (of [`ReleasedObligation`]), `release.approval` included.
    pub obligations: Digest,
    /// `SEATRIAL_PRODUCTION`, `SEATRIAL_PILOT`, or `SEATRIAL_SIMULATION`.
    pub level: String,
    /// Models by step, as they identify themselves, with the blob of an embedded one.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub models: BTreeMap<String, String>,
    /// A pilot's end, or the end of production's hypercare.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Time>,
    /// A pilot's ceiling a day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<u64>,
    /// A pilot's terms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pilot: Option<PilotTerms>,
    /// Waivers that it stands on; then the level ends in `_WAIVED`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<ReleasedWaiver>,
}

/// A responsibility was accepted by a person for themselves, over what they take on (the envelope's evidence key).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResponsibilityAccepted {
    /// `responsibilities.<name>`.
    pub responsibility: ElementPath,
    /// The receiving role in which it is taken.
    pub role: String,
    /// The digest of what was shown.
    pub shown: Digest,
}

/// A handover pack was generated.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PackGenerated {
    /// The digest of the pack's page.
    pub page: Digest,
    /// The log as the pack shows it.
    pub log: LogPoint,
    /// What is still missing for the handover: obligation ids.
    pub missing: Vec<String>,
    /// The digest of the folder's `MANIFEST`, which names every file with its digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Digest>,
}
