//! Events: what the log is made of.
//!
//! An event is written once, as RFC 8785 bytes; those bytes are the leaf. No leaf holds text that a
//! caller, a model or a reviewer supplied, nor an unsalted digest of it: such text is a *payload*, and
//! the event holds its salted [`Commitment`].

mod assure;
mod delivery;
mod factory;
mod governed;
mod owned;
mod runtime;

pub use assure::*;
pub use delivery::*;
pub use factory::*;
pub use governed::*;
pub use owned::*;
pub use runtime::*;

use crate::{Commitment, DecisionId, Digest, ElementPath, EventId, LogName, Principal, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The version of the envelope.
pub const ENVELOPE_VERSION: u32 = 1;

/// The largest entry of a log: an entry bundle has a 16-bit length before each.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// One event of a log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// Version of this envelope: [`ENVELOPE_VERSION`].
    pub v: u32,
    /// A UUIDv7 with its prefix.
    pub id: EventId,
    /// When it happened, by the node's clock.
    pub time: Time,
    /// The log it belongs to.
    pub log: LogName,
    /// Whether the factory is a simulation; such an event says so for ever.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub simulation: bool,
    /// Who acted.
    pub actor: Principal,
    /// What it is about.
    #[serde(default)]
    pub subject: Subject,
    /// The spec that the event speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Digest>,
    /// The release in force (the digest of its statement).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
    /// What it is evidence for, with the keys that it was made under.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<Evidence>,
    /// Commitments to its payloads, by name (`input`, `output`, `reason`, `case`).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub payloads: BTreeMap<String, Commitment>,
    /// The factory's log when people are relied on, so that an export stands alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<LogPoint>,
    /// `kind` (with its version) and `body`.
    #[serde(flatten)]
    pub body: Body,
}

/// An event with its place in its log: what a fold reads and a citation names.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    /// The entry's index.
    pub index: u64,
    /// The event.
    pub event: Arc<Event>,
}

/// What an event is about.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Subject {
    /// An element of the spec.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ElementPath>,
    /// A decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionId>,
    /// A release, by the digest of its statement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
}

/// A point in a log: its size and root.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LogPoint {
    /// How many entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
}

/// What an event is evidence for. The obligation's state follows from the event's body, and counts only
/// while [`Evidence::key`] is the key that the obligation has today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Evidence {
    /// The obligation's id (`eval.golden`).
    pub obligation: String,
    /// SHA-256 over the RFC 8785 form of [obligation id, version of its definition, parameters, scope value, inputs].
    pub key: Digest,
    /// The external inputs that went into the key, as they were, so that a change can be named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
}

/// Every kind of event with its body. The kind carries its version; a changed body is a new kind.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", content = "body")]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a decision, the largest of them")]
pub enum Body {
    // -- the factory's own log
    /// A factory was opened.
    #[serde(rename = "factory.opened/1")]
    FactoryOpened(FactoryOpened),
    /// Its people, roles and providers were declared.
    #[serde(rename = "factory.declared/1")]
    FactoryDeclared(FactoryDeclared),
    /// A token was issued.
    #[serde(rename = "token.issued/1")]
    TokenIssued(TokenIssued),
    /// A token was revoked.
    #[serde(rename = "token.revoked/1")]
    TokenRevoked(TokenRevoked),
    /// A simulation's clock was moved forward.
    #[serde(rename = "clock.advanced/1")]
    ClockAdvanced(ClockAdvanced),
    // -- every log
    /// A log was opened: its first event.
    #[serde(rename = "log.opened/1")]
    LogOpened(LogOpened),
    /// A node came back after it had ended without closing.
    #[serde(rename = "node.recovered/1")]
    NodeRecovered(NodeRecovered),
    // -- layer 1
    /// A spec was submitted to the store.
    #[serde(rename = "spec.submitted/1")]
    SpecSubmitted(SpecSubmitted),
    /// A question was answered or withdrawn.
    #[serde(rename = "question.settled/1")]
    QuestionSettled(QuestionSettled),
    // -- layer 2
    /// The embedded model was trained.
    #[serde(rename = "model.trained/1")]
    ModelTrained(ModelTrained),
    /// A set of examples was evaluated.
    #[serde(rename = "evaluation.recorded/1")]
    EvaluationRecorded(EvaluationRecorded),
    /// Certification examples were sealed.
    #[serde(rename = "examples.sealed/1")]
    ExamplesSealed(ExamplesSealed),
    /// A threshold was proposed.
    #[serde(rename = "threshold.proposed/1")]
    ThresholdProposed(ThresholdProposed),
    /// A certification was attempted: certified or not.
    #[serde(rename = "threshold.tested/1")]
    ThresholdTested(ThresholdTested),
    /// A certificate was revoked.
    #[serde(rename = "certificate.revoked/1")]
    CertificateRevoked(CertificateRevoked),
    /// A sprint was opened.
    #[serde(rename = "sprint.opened/1")]
    SprintOpened(SprintOpened),
    /// A sprint was closed, with its four answers.
    #[serde(rename = "sprint.closed/1")]
    SprintClosed(SprintClosed),
    /// An evaluation was begun.
    #[serde(rename = "evaluation.started/1")]
    EvaluationStarted(EvaluationStarted),
    /// A part of an evaluation was done.
    #[serde(rename = "evaluation.part/1")]
    EvaluationPart(EvaluationPart),
    /// Recorded decisions were decided again under another spec.
    #[serde(rename = "replay.recorded/1")]
    ReplayRecorded(ReplayRecorded),
    /// A note or finding of a sprint.
    #[serde(rename = "sprint.noted/1")]
    SprintNoted(SprintNoted),
    /// What a pilot showed.
    #[serde(rename = "pilot.reported/1")]
    PilotReported(PilotReported),
    /// An outcome of the workflow was measured.
    #[serde(rename = "outcome.measured/1")]
    OutcomeMeasured(OutcomeMeasured),
    /// An assumption was checked over its window.
    #[serde(rename = "assumption.checked/1")]
    AssumptionChecked(AssumptionChecked),
    // -- layer 3
    /// An approval was given.
    #[serde(rename = "approval.given/1")]
    ApprovalGiven(ApprovalGiven),
    /// An approval was withdrawn.
    #[serde(rename = "approval.withdrawn/1")]
    ApprovalWithdrawn(ApprovalWithdrawn),
    /// A release was cut.
    #[serde(rename = "release.cut/1")]
    ReleaseCut(ReleaseCut),
    /// A waiver was asked for.
    #[serde(rename = "waiver.requested/1")]
    WaiverRequested(WaiverRequested),
    /// It was granted, by somebody else.
    #[serde(rename = "waiver.granted/1")]
    WaiverGranted(WaiverGranted),
    /// It was ended before its time.
    #[serde(rename = "waiver.ended/1")]
    WaiverEnded(WaiverEnded),
    /// A document was filed as evidence.
    #[serde(rename = "document.filed/1")]
    DocumentFiled(DocumentFiled),
    /// What somebody else attests was accepted as evidence.
    #[serde(rename = "attestation.accepted/1")]
    AttestationAccepted(AttestationAccepted),
    /// A release lost something that it stood on.
    #[serde(rename = "release.lapsed/1")]
    ReleaseLapsed(ReleaseLapsed),
    /// A lapsed release stands again.
    #[serde(rename = "release.restored/1")]
    ReleaseRestored(ReleaseRestored),
    /// An earlier release is in force again.
    #[serde(rename = "release.rolled-back/1")]
    ReleaseRolledBack(ReleaseRolledBack),
    /// The workflow is no longer served.
    #[serde(rename = "workflow.retired/1")]
    WorkflowRetired(WorkflowRetired),
    // -- layer 4
    /// A decision was made.
    #[serde(rename = "decision.made/1")]
    DecisionMade(DecisionMade),
    /// A stream is about to be released in windows.
    #[serde(rename = "stream.opened/1")]
    StreamOpened(StreamOpened),
    /// A system step asked whether it may act.
    #[serde(rename = "step.admitted/1")]
    StepAdmitted(StepAdmitted),
    /// The caller of a *decide* reported what it did.
    #[serde(rename = "decision.effect/1")]
    DecisionEffect(DecisionEffect),
    /// A person overrode a decision.
    #[serde(rename = "decision.overridden/1")]
    DecisionOverridden(DecisionOverridden),
    /// The truth about a decision became known.
    #[serde(rename = "outcome.recorded/1")]
    OutcomeRecorded(OutcomeRecorded),
    /// A review was claimed.
    #[serde(rename = "review.claimed/1")]
    ReviewClaimed(ReviewClaimed),
    /// A review was answered.
    #[serde(rename = "review.answered/1")]
    ReviewAnswered(ReviewAnswered),
    /// The workflow, or a step, was stopped.
    #[serde(rename = "workflow.stopped/1")]
    WorkflowStopped(WorkflowStopped),
    /// It was resumed.
    #[serde(rename = "workflow.resumed/1")]
    WorkflowResumed(WorkflowResumed),
    /// A control was exercised.
    #[serde(rename = "drill.done/1")]
    DrillDone(DrillDone),
    /// Live probes provoked every `forbid` and `never`.
    #[serde(rename = "probe.run/1")]
    ProbeRun(ProbeRun),
    /// Sampled decisions were reconstructed and recomputed.
    #[serde(rename = "trace.audited/1")]
    TraceAudited(TraceAudited),
    /// Payloads were erased.
    #[serde(rename = "payload.erased/1")]
    PayloadErased(PayloadErased),
    /// An audit was left unanswered past its time.
    #[serde(rename = "audit.missed/1")]
    AuditMissed(AuditMissed),
    /// Case ids were reconciled with the system of record.
    #[serde(rename = "reconciliation.done/1")]
    ReconciliationDone(ReconciliationDone),
    // -- layer 5
    /// A responsibility was accepted.
    #[serde(rename = "responsibility.accepted/1")]
    ResponsibilityAccepted(ResponsibilityAccepted),
    /// A handover pack was generated.
    #[serde(rename = "pack.generated/1")]
    PackGenerated(PackGenerated),
    /// An incident was opened.
    #[serde(rename = "incident.opened/1")]
    IncidentOpened(IncidentOpened),
    /// Something about it was noted or decided.
    #[serde(rename = "incident.updated/1")]
    IncidentUpdated(IncidentUpdated),
    /// It was reviewed afterwards.
    #[serde(rename = "incident.reviewed/1")]
    IncidentReviewed(IncidentReviewed),
    /// The rights of a side end.
    #[serde(rename = "rights.ended/1")]
    RightsEnded(RightsEnded),
    /// They do not end, or are given again.
    #[serde(rename = "rights.kept/1")]
    RightsKept(RightsKept),
    /// The log is signed by another key.
    #[serde(rename = "log.key-rotated/1")]
    LogKeyRotated(LogKeyRotated),
    /// A witness cosigned a checkpoint.
    #[serde(rename = "checkpoint.cosigned/1")]
    CheckpointCosigned(CheckpointCosigned),
    /// A handover pack was acknowledged.
    #[serde(rename = "pack.acknowledged/1")]
    PackAcknowledged(PackAcknowledged),
    /// A log was restored from its export.
    #[serde(rename = "log.restored/1")]
    LogRestored(LogRestored),
    /// The people of the factory changed.
    #[serde(rename = "people.changed/1")]
    PeopleChanged(PeopleChanged),
    /// What adds rights to people was approved.
    #[serde(rename = "people.approved/1")]
    PeopleApproved(PeopleApproved),
}

impl Body {
    /// The kind with its version, as it stands in the event.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::FactoryOpened(_) => "factory.opened/1",
            Self::FactoryDeclared(_) => "factory.declared/1",
            Self::TokenIssued(_) => "token.issued/1",
            Self::TokenRevoked(_) => "token.revoked/1",
            Self::ClockAdvanced(_) => "clock.advanced/1",
            Self::LogOpened(_) => "log.opened/1",
            Self::NodeRecovered(_) => "node.recovered/1",
            Self::SpecSubmitted(_) => "spec.submitted/1",
            Self::QuestionSettled(_) => "question.settled/1",
            Self::ModelTrained(_) => "model.trained/1",
            Self::EvaluationRecorded(_) => "evaluation.recorded/1",
            Self::ExamplesSealed(_) => "examples.sealed/1",
            Self::ThresholdProposed(_) => "threshold.proposed/1",
            Self::ThresholdTested(_) => "threshold.tested/1",
            Self::CertificateRevoked(_) => "certificate.revoked/1",
            Self::SprintOpened(_) => "sprint.opened/1",
            Self::SprintClosed(_) => "sprint.closed/1",
            Self::ApprovalGiven(_) => "approval.given/1",
            Self::ApprovalWithdrawn(_) => "approval.withdrawn/1",
            Self::ReleaseCut(_) => "release.cut/1",
            Self::DecisionMade(_) => "decision.made/1",
            Self::StreamOpened(_) => "stream.opened/1",
            Self::StepAdmitted(_) => "step.admitted/1",
            Self::DecisionEffect(_) => "decision.effect/1",
            Self::DecisionOverridden(_) => "decision.overridden/1",
            Self::OutcomeRecorded(_) => "outcome.recorded/1",
            Self::ReviewClaimed(_) => "review.claimed/1",
            Self::ReviewAnswered(_) => "review.answered/1",
            Self::WorkflowStopped(_) => "workflow.stopped/1",
            Self::WorkflowResumed(_) => "workflow.resumed/1",
            Self::DrillDone(_) => "drill.done/1",
            Self::ProbeRun(_) => "probe.run/1",
            Self::TraceAudited(_) => "trace.audited/1",
            Self::PayloadErased(_) => "payload.erased/1",
            Self::ResponsibilityAccepted(_) => "responsibility.accepted/1",
            Self::EvaluationStarted(_) => "evaluation.started/1",
            Self::EvaluationPart(_) => "evaluation.part/1",
            Self::ReplayRecorded(_) => "replay.recorded/1",
            Self::SprintNoted(_) => "sprint.noted/1",
            Self::PilotReported(_) => "pilot.reported/1",
            Self::OutcomeMeasured(_) => "outcome.measured/1",
            Self::AssumptionChecked(_) => "assumption.checked/1",
            Self::WaiverRequested(_) => "waiver.requested/1",
            Self::WaiverGranted(_) => "waiver.granted/1",
            Self::WaiverEnded(_) => "waiver.ended/1",
            Self::DocumentFiled(_) => "document.filed/1",
            Self::AttestationAccepted(_) => "attestation.accepted/1",
            Self::ReleaseLapsed(_) => "release.lapsed/1",
            Self::ReleaseRestored(_) => "release.restored/1",
            Self::ReleaseRolledBack(_) => "release.rolled-back/1",
            Self::WorkflowRetired(_) => "workflow.retired/1",
            Self::AuditMissed(_) => "audit.missed/1",
            Self::ReconciliationDone(_) => "reconciliation.done/1",
            Self::PackGenerated(_) => "pack.generated/1",
            Self::IncidentOpened(_) => "incident.opened/1",
            Self::IncidentUpdated(_) => "incident.updated/1",
            Self::IncidentReviewed(_) => "incident.reviewed/1",
            Self::RightsEnded(_) => "rights.ended/1",
            Self::RightsKept(_) => "rights.kept/1",
            Self::LogKeyRotated(_) => "log.key-rotated/1",
            Self::CheckpointCosigned(_) => "checkpoint.cosigned/1",
            Self::PackAcknowledged(_) => "pack.acknowledged/1",
            Self::LogRestored(_) => "log.restored/1",
            Self::PeopleChanged(_) => "people.changed/1",
            Self::PeopleApproved(_) => "people.approved/1",
        }
    }

    /// Whether the event belongs to the running system (many), not to delivery (few). The delivery events of a
    /// workflow are read whole, to compute readiness; running ones only through projections.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        matches!(
            self,
            Self::DecisionMade(_)
                | Self::StreamOpened(_)
                | Self::StepAdmitted(_)
                | Self::DecisionEffect(_)
                | Self::DecisionOverridden(_)
                | Self::OutcomeRecorded(_)
                | Self::ReviewClaimed(_)
                | Self::ReviewAnswered(_)
                | Self::PayloadErased(_)
                | Self::EvaluationStarted(_)
                | Self::EvaluationPart(_)
                | Self::AuditMissed(_)
                | Self::CheckpointCosigned(_)
        )
    }
}

impl Event {
    /// The canonical bytes: the leaf.
    ///
    /// # Errors
    /// Where a number has no canonical form, or is not finite: a leaf is read back.
    pub fn leaf(&self) -> Result<Vec<u8>, crate::CanonicalError> {
        crate::canonical_finite(self)
    }
}

/// Whether a count that was added later is left out of the leaf, so that earlier leaves keep their bytes.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
pub(crate) const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[cfg(test)]
mod tests;
