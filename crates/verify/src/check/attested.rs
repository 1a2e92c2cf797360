//! What others attest: the signature and the statement again, from the envelope that is held.

use crate::report::Verified;
use crate::source::Source;
use seatrial_ledger::attestation;
use seatrial_model::event::AttestationAccepted;
use seatrial_model::{Body, Digest, Event};

/// Checks an event that accepted an attestation: what it says follows from the envelope.
pub(super) fn visit<S: Source + ?Sized>(place: &str, event: &Event, source: &S, report: &mut Verified) {
    let Body::AttestationAccepted(accepted) = &event.body else { return };
    match check(event, accepted, source) {
        Ok(()) => report.attestations += 1,
        Err(why) => report.problem(place, format!("the attestation does not count: {why}")),
    }
}

fn check<S: Source + ?Sized>(event: &Event, accepted: &AttestationAccepted, source: &S) -> Result<(), String> {
    let envelope = source.blob(&accepted.envelope).map_err(|e| e.to_string())?.ok_or("its envelope is not held")?;
    // The check of blobs says it of its own file; here it must not count either.
    if Digest::of(&envelope) != accepted.envelope {
        return Err("its envelope is another".to_owned());
    }
    let attested = attestation::open(&envelope, &[accepted.key]).map_err(|e| e.to_string())?;
    if attested.payload != accepted.statement {
        return Err("it says another digest of the statement".to_owned());
    }
    let statement = &attested.statement;
    if statement.predicate_type != accepted.predicate {
        return Err("the statement has a predicate of another type".to_owned());
    }
    if !statement.is_about(&accepted.subject) || statement.subject.len() as u64 != accepted.subjects {
        return Err("the statement is about something else".to_owned());
    }
    if !event.evidence.iter().any(|e| e.obligation == accepted.obligation) {
        return Err(format!("it is no evidence for `{}`", accepted.obligation));
    }
    Ok(())
}
