//! What a person signs with a key of their own.

use crate::event::ApprovalGiven;
use crate::{Body, CanonicalError, Digest, Event, EventId, LogName, Stage, canonical};
use serde::Serialize;

/// The namespace of Seatrial's SSH signatures: a signature made for something else is none for an approval.
pub const SIGNATURE_NAMESPACE: &str = "seatrial";

/// What kind of statement it is, with its version: the first thing in the bytes that are signed.
pub const APPROVAL_STATEMENT: &str = "seatrial.approval/1";

/// An approval as its giver signs it: everything that it is bound to, and nothing that is known only afterwards. It
/// follows from the event and the log's origin alone, so anybody can write the same bytes again and check them.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct ApprovalStatement {
    /// [`APPROVAL_STATEMENT`].
    pub statement: &'static str,
    /// The log's origin: the factory and the workflow, and whether it is a simulation.
    pub origin: String,
    /// The workflow.
    pub workflow: LogName,
    /// The obligation.
    pub obligation: String,
    /// The stage whose gate asks for it.
    pub stage: Stage,
    /// The role in which it is given.
    pub role: String,
    /// The key of the obligation: exactly what is approved.
    pub key: Digest,
    /// The spec that the key was computed from.
    pub spec: Option<Digest>,
    /// Who approves.
    pub who: String,
    /// The approval that it reaffirms.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reaffirms: Option<EventId>,
    /// The newest approval of the obligation that the same person gave before: with it, no signature fits twice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<EventId>,
}

impl ApprovalStatement {
    /// The statement behind an approval's event; none where the event is no approval of exactly one obligation.
    #[must_use]
    pub fn of(event: &Event, origin: &str) -> Option<Self> {
        let Body::ApprovalGiven(ApprovalGiven { stage, role, shown, reaffirms, after, .. }) = &event.body else {
            return None;
        };
        let [evidence] = event.evidence.as_slice() else { return None };
        (evidence.key == *shown).then(|| Self {
            statement: APPROVAL_STATEMENT,
            origin: origin.to_owned(),
            workflow: event.log.clone(),
            obligation: evidence.obligation.clone(),
            stage: *stage,
            role: role.clone(),
            key: *shown,
            spec: event.spec,
            who: event.actor.id.clone(),
            reaffirms: *reaffirms,
            after: *after,
        })
    }

    /// The exact bytes that are signed: RFC 8785, without a newline at the end.
    ///
    /// # Errors
    /// Where a value has no canonical form; a statement's values all have.
    pub fn bytes(&self) -> Result<Vec<u8>, CanonicalError> {
        canonical(self)
    }
}
