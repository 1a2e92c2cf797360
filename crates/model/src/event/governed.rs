//! Bodies of governed delivery: waivers, documents, findings, what becomes of a release, what is watched.

use crate::facts::OnLapse;
use crate::{AttestorKey, DecisionId, Digest, ElementPath, EventId, SprintId, Stage, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A waiver was asked for. Payloads: `reason`, `measure` (what is done instead). It waives nothing before somebody
/// else grants it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaiverRequested {
    /// The obligation.
    pub obligation: String,
    /// For which stage.
    pub stage: Stage,
    /// Its end.
    pub until: Time,
    /// The waiver that it renews: the days are counted in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renews: Option<EventId>,
    /// The key of the obligation as it was shown.
    pub shown: Digest,
}

/// A waiver was granted by another person than its requester.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaiverGranted {
    /// The event that asked for it.
    pub waiver: EventId,
    /// The role in which the principal granted it.
    pub role: String,
    /// The digest of what was shown: the request's leaf.
    pub shown: Digest,
}

/// A waiver was ended before its time. Payload: `reason`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WaiverEnded {
    /// The event that asked for it.
    pub waiver: EventId,
}

/// A document was filed as evidence for an obligation: a report of validation, a contract.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct DocumentFiled {
    /// The obligation.
    pub obligation: String,
    /// Blob: the document.
    pub document: Digest,
    /// Its file's name.
    pub name: String,
    /// How many bytes it has.
    pub bytes: u64,
}

/// A signed statement of somebody else (in-toto, in a DSSE envelope) was accepted as evidence for an obligation of the
/// factory's own. Everything in here follows from the envelope, so that anybody with the blob can check it again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AttestationAccepted {
    /// The obligation.
    pub obligation: String,
    /// Blob: the envelope, as it was given.
    pub envelope: Digest,
    /// The digest of the signed statement: the same one in another envelope is the same.
    pub statement: Digest,
    /// The key by which the signature was found good.
    pub key: AttestorKey,
    /// The type of the statement's predicate.
    pub predicate: String,
    /// What it is about: the one of its subjects that the obligation asks for.
    pub subject: Digest,
    /// How many subjects it has.
    pub subjects: u64,
    /// From when on its age counts: the time that it states, where the obligation asks for one; else when this statement
    /// was first accepted.
    pub since: Time,
}

/// The terms of a pilot, fixed before its first decision.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PilotTerms {
    /// Its number in this workflow, from 1. Another number is another pilot, and has a ceiling of its own.
    pub number: u64,
    /// The digest of the terms: end, ceiling, mode, review, criterion.
    pub terms: Digest,
    /// The release of the pilot before it, whose terms were others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// Shadow: the guard judges and changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// The criterion to go on, as written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continue_if: Option<String>,
}

/// A waiver that a release stands on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReleasedWaiver {
    /// The obligation.
    pub obligation: String,
    /// The event that asked for it.
    pub waiver: EventId,
    /// Its end.
    pub until: Time,
}

/// What a pilot showed: its four findings, computed from the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct PilotReported {
    /// The pilot's number.
    pub pilot: u64,
    /// Its newest release.
    pub release: Digest,
    /// Blob: the report with the four findings, each with numbers and the events it cites.
    pub report: Digest,
    /// How many decisions it made.
    pub decisions: u64,
    /// Whether the criterion to go on is met; none where the spec has none, or the figures do not tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<bool>,
    /// The figures that the criterion was evaluated on.
    pub metrics: BTreeMap<String, f64>,
}

/// A release lost something that it stood on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReleaseLapsed {
    /// The release.
    pub release: Digest,
    /// Obligations that it lost: id → the state they are in.
    pub lost: BTreeMap<String, String>,
    /// What the spec wants then.
    pub reaction: OnLapse,
}

/// A lapsed release stands again: nothing of what it had lost is missing any more.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReleaseRestored {
    /// The release.
    pub release: Digest,
}

/// An earlier release is in force again. Payload: `reason`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReleaseRolledBack {
    /// The release that was in force.
    pub from: Digest,
    /// The release that is in force from here on.
    pub to: Digest,
}

/// The workflow is no longer served. Payloads: `reason`, `evidence` (where its evidence went).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct WorkflowRetired {
    /// The release that was in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
}

/// An outcome of the workflow was measured. Payload: `note` (how, by what source).
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct OutcomeMeasured {
    /// `outcomes.<name>`.
    pub outcome: ElementPath,
    /// The element's digest as written: another outcome under this name was not measured by this.
    pub element: Digest,
    /// The figure, in the unit of its target.
    pub value: f64,
    /// The window's start.
    pub from: Time,
    /// The window's end.
    pub until: Time,
    /// Of how many cases, where it is a share.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cases: Option<u64>,
}

/// An assumption was checked over its window.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssumptionChecked {
    /// `assumptions.<name>`.
    pub assumption: ElementPath,
    /// The element's digest as compiled.
    pub element: Digest,
    /// Whether it holds.
    pub holds: bool,
    /// The window's start.
    pub from: Time,
    /// The window's end.
    pub until: Time,
    /// The figures it was evaluated on.
    pub metrics: BTreeMap<String, f64>,
}

/// How many decisions need a person, before and after a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct BeforeAfter {
    /// As they were decided.
    pub before: u64,
    /// Under the changed spec.
    pub after: u64,
}

/// Recorded decisions were decided again under another spec (the envelope's).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReplayRecorded {
    /// The first entry of the log that was looked at, and the one after the last.
    pub entries: (u64, u64),
    /// Decisions recorded there, rehearsals left out.
    pub decisions: u64,
    /// Decided again: only these count for a gate.
    pub again: u64,
    /// Whose outputs would be others: prompt, model or output type changed.
    pub need_outputs: u64,
    /// Whose payloads were erased.
    pub erased: u64,
    /// Of steps that the changed spec does not have.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub gone: u64,
    /// Verdicts that changed.
    pub changed: u64,
    /// `allow→escalate` → how many.
    pub changes: BTreeMap<String, u64>,
    /// Of those changed, by the element that brings about the new verdict.
    pub rules: BTreeMap<ElementPath, u64>,
    /// Decisions that need a person.
    pub reviews: BeforeAfter,
    /// Overridden decisions of those decided again, and how many of these would have been routed differently.
    pub overrides: BeforeAfter,
    /// Thresholds that were weighed as if they were certified: there was no certificate for their number yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assumed: Vec<ElementPath>,
    /// Blob: each changed decision with its verdicts.
    pub results: Digest,
}

const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// An evaluation was begun; its parts follow, so that an interrupted one goes on where it stopped.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EvaluationStarted {
    /// The set.
    pub set: String,
    /// The digest of its examples, canonicalised.
    pub examples: Digest,
    /// The model's identity.
    pub model: String,
    /// How often each example is asked.
    pub repeats: u64,
    /// How many answers there will be.
    pub total: u64,
    /// The digest of all that has to be the same for it to be continued: spec, set, examples, model, versions of the
    /// checks and of `decide`, repeats, total.
    pub key: Digest,
}

/// A part of an evaluation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EvaluationPart {
    /// The event that began it.
    pub evaluation: EventId,
    /// Blob: the results of this part, by example and repeat.
    pub results: Digest,
    /// How many they are.
    pub answers: u64,
}

/// An audit was left unanswered past its time: it counts as wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct AuditMissed {
    /// The decision.
    pub decision: DecisionId,
    /// The threshold that it passed under.
    pub threshold: ElementPath,
}

/// A note or finding of a sprint; its text is the payload `text`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SprintNoted {
    /// The sprint; none where an incident's review found it while no sprint was open: it is the next one's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sprint: Option<SprintId>,
    /// A finding cites at least one event; a note need not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finding: bool,
    /// The element that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ElementPath>,
    /// The events that it cites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<EventId>,
}

/// Case ids of the system of record were reconciled with the recorded ones.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReconciliationDone {
    /// `cases`, or `calls` of a provider's bill.
    pub of: String,
    /// The window's start.
    pub from: Time,
    /// The window's end.
    pub until: Time,
    /// How many the other side has.
    pub theirs: u64,
    /// How many were recorded here.
    pub ours: u64,
    /// Theirs that were not recorded here.
    pub unrecorded: u64,
    /// Ours that the other side does not know.
    pub unknown: u64,
}
