//! Where the verifier reads from.

use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, Note, Tile, TilePath, TileReader, TileTree, TlogProof};
use seatrial_model::event::{ApprovalGiven, Body, FactoryDeclared, SpecSubmitted, ThresholdTested};
use seatrial_model::{Commitment, Digest, Salt};
use std::fmt;

/// Why something was not read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{place}` was not read: {reason}")]
pub struct SourceError {
    /// What was asked for, as a path of the export's layout.
    pub place: String,
    /// Why it was not read.
    pub reason: String,
}

impl SourceError {
    /// An error about something.
    pub fn new(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { place: place.into(), reason: reason.into() }
    }
}

/// A payload that is still held.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Opens the commitment, together with the bytes.
    pub salt: Salt,
    /// The exact bytes as received.
    pub bytes: Vec<u8>,
    /// Its name in the event (`input`, `output`, `reason`, `case`).
    pub kind: String,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data never reaches a log line by way of a `{:?}`.
        write!(f, "Held({}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// One log, at one moment: all answers belong to the newest checkpoint's tree. A store implements it over one
/// consistent read; [`Folder`](crate::Folder) over an export.
pub trait Source {
    /// The newest signed checkpoint, as issued; none where there is none.
    ///
    /// # Errors
    /// Where it cannot be read; so it is for every method here.
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError>;

    /// Earlier signed checkpoints that are at hand, each with the place it was found at.
    ///
    /// # Errors
    /// Where they cannot be read.
    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError>;

    /// A tile of hashes or an entry bundle, exactly as wide as the path says; none where there is none.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError>;

    /// The blobs held.
    ///
    /// # Errors
    /// Where they cannot be listed.
    fn blobs(&self) -> Result<Vec<Digest>, SourceError>;

    /// A blob, under the digest by which it is kept; none where it is not held.
    ///
    /// # Errors
    /// Where it cannot be read.
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError>;

    /// The payloads held.
    ///
    /// # Errors
    /// Where they cannot be listed.
    fn payloads(&self) -> Result<Vec<Commitment>, SourceError>;

    /// A payload, under the commitment by which it is kept; none where it is not held (erased, or left out of the
    /// export).
    ///
    /// # Errors
    /// Where it cannot be read.
    fn payload(&self, commitment: &Commitment) -> Result<Option<Held>, SourceError>;

    /// Whatever else is there, which nobody checks: files of no kind that the verifier knows.
    ///
    /// # Errors
    /// Where they cannot be listed.
    fn others(&self, _size: u64) -> Result<Vec<String>, SourceError> {
        Ok(Vec::new())
    }
}

/// The place of a blob in an export.
#[must_use]
pub(crate) fn blob_place(digest: &Digest) -> String {
    format!("blobs/{}", digest.hex())
}

/// The place of a payload in an export.
#[must_use]
pub(crate) fn payload_place(commitment: &Commitment) -> String {
    format!("payloads/{}", commitment.0.hex())
}

/// Every blob that an event's body names, with what it is. These are never erased, so each must be held.
#[must_use]
pub fn blobs_of(body: &Body) -> Vec<(&'static str, Digest)> {
    match body {
        Body::FactoryDeclared(b) => of_factory(b),
        Body::PeopleChanged(b) => vec![("the people", b.held)],
        Body::PeopleApproved(b) => vec![("the people", b.held)],
        Body::SpecSubmitted(b) => of_spec(b),
        Body::ModelTrained(b) => vec![("the model", b.model)],
        Body::EvaluationRecorded(b) => vec![("the results", b.results)],
        Body::ThresholdTested(ThresholdTested { certificate, .. }) => vec![("the curve", certificate.curve)],
        Body::SprintClosed(b) => vec![("the report", b.report)],
        Body::ReleaseCut(b) => vec![("the list of obligations", b.obligations)],
        Body::DocumentFiled(b) => vec![("the document", b.document)],
        Body::AttestationAccepted(b) => vec![("the envelope", b.envelope)],
        Body::PilotReported(b) => vec![("the pilot's findings", b.report)],
        Body::ReplayRecorded(b) => vec![("the changed decisions", b.results)],
        Body::EvaluationPart(b) => vec![("the part's results", b.results)],
        Body::ApprovalGiven(b) => of_approval(b),
        // Named one by one: a new kind of event has to say here whether it names blobs.
        Body::FactoryOpened(_)
        | Body::TokenIssued(_)
        | Body::TokenRevoked(_)
        | Body::ClockAdvanced(_)
        | Body::LogOpened(_)
        | Body::NodeRecovered(_)
        | Body::QuestionSettled(_)
        | Body::ExamplesSealed(_)
        | Body::ThresholdProposed(_)
        | Body::CertificateRevoked(_)
        | Body::SprintOpened(_)
        | Body::ApprovalWithdrawn(_)
        | Body::DecisionMade(_)
        | Body::StreamOpened(_)
        | Body::StepAdmitted(_)
        | Body::DecisionEffect(_)
        | Body::DecisionOverridden(_)
        | Body::OutcomeRecorded(_)
        | Body::ReviewClaimed(_)
        | Body::ReviewAnswered(_)
        | Body::WorkflowStopped(_)
        | Body::WorkflowResumed(_)
        | Body::DrillDone(_)
        | Body::ProbeRun(_)
        | Body::TraceAudited(_)
        | Body::PayloadErased(_)
        | Body::ResponsibilityAccepted(_)
        | Body::WaiverRequested(_)
        | Body::WaiverGranted(_)
        | Body::WaiverEnded(_)
        | Body::ReleaseLapsed(_)
        | Body::ReleaseRestored(_)
        | Body::ReleaseRolledBack(_)
        | Body::WorkflowRetired(_)
        | Body::OutcomeMeasured(_)
        | Body::AssumptionChecked(_)
        | Body::EvaluationStarted(_)
        | Body::AuditMissed(_)
        | Body::SprintNoted(_)
        | Body::ReconciliationDone(_)
        | Body::IncidentOpened(_)
        | Body::IncidentUpdated(_)
        | Body::IncidentReviewed(_)
        | Body::RightsEnded(_)
        | Body::RightsKept(_)
        | Body::LogKeyRotated(_)
        | Body::CheckpointCosigned(_)
        | Body::PackAcknowledged(_)
        | Body::LogRestored(_)
        | Body::PackGenerated(_) => Vec::new(),
    }
}

fn of_factory(b: &FactoryDeclared) -> Vec<(&'static str, Digest)> {
    let policies = b.policies.values().map(|digest| ("a file of policies", *digest));
    let directory = b.directory.values().map(|digest| ("a file of the directory", *digest));
    policies.chain(directory).chain([("the factory's file", b.file)]).collect()
}

fn of_spec(b: &SpecSubmitted) -> Vec<(&'static str, Digest)> {
    let files = b.files.values().map(|digest| ("a file of the spec", *digest));
    files.chain([("the list of elements", b.elements)]).collect()
}

fn of_approval(b: &ApprovalGiven) -> Vec<(&'static str, Digest)> {
    let directory = b.directory.iter().map(|d| ("the factory's file", *d));
    b.signature.iter().map(|s| ("the signature", *s)).chain(directory).collect()
}

/// The tiles of a source, as wide as they are in the tree of one size: what proofs are made from.
pub struct SourceTiles<'a, S: ?Sized> {
    source: &'a S,
    size: u64,
}

impl<'a, S: Source + ?Sized> SourceTiles<'a, S> {
    /// The tiles of the tree of this size, which is the newest checkpoint's.
    pub const fn new(source: &'a S, size: u64) -> Self {
        Self { source, size }
    }
}

impl<S: Source + ?Sized> TileReader for SourceTiles<'_, S> {
    fn tile(&self, level: u8, n: u64, _width: u16) -> Result<Vec<Digest>, String> {
        let path = TilePath { tree: TileTree::Hashes(level), n, width: width_at(self.size, level, n) };
        let bytes = self.source.tile(path).map_err(|e| e.reason)?.ok_or("it is missing")?;
        Ok(Tile::from_bytes(level, n, &bytes).map_err(|e| e.to_string())?.hashes)
    }
}

/// The `tlog-proof` file of one entry: its inclusion in the newest checkpoint, to be checked offline by anybody who
/// has the log's key.
///
/// # Errors
/// Where there is no checkpoint, it is damaged, has no such entry, or a tile cannot be read.
pub fn prove<S: Source + ?Sized>(source: &S, index: u64) -> Result<TlogProof, SourceError> {
    let damaged = |e: &dyn std::error::Error| SourceError::new("checkpoint", e.to_string());
    let note = source.checkpoint()?.ok_or_else(|| SourceError::new("checkpoint", "there is none"))?;
    let note = Note::parse(&note).map_err(|e| damaged(&e))?;
    let size = Checkpoint::parse(note.text()).map_err(|e| damaged(&e))?.size;
    TlogProof::make(&SourceTiles::new(source, size), index, note)
        .map_err(|e| SourceError::new(format!("entry {index}"), e.to_string()))
}
