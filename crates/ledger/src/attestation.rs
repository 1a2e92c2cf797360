//! Attestations of others: in-toto Statements v1 in DSSE envelopes, checked against the keys that somebody trusts.
//!
//! Sources: the in-toto attestation framework (`spec/v1/envelope.md`, `spec/v1/statement.md`), DSSE protocol 1.0.

use crate::dsse::{Envelope, IN_TOTO, base64_of, pae};
use ed25519_dalek::{Signature, VerifyingKey};
use seatrial_model::{AttestorKey, Digest, Time};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The largest envelope: a bill of materials as predicate fits; it is kept for ever, beside the log.
pub const ENVELOPE_BYTES_MAX: usize = 10 * 1024 * 1024;
/// The most signatures of an envelope that are looked at: each is tried with each key.
pub const SIGNATURES_MAX: usize = 64;
/// The type of a statement.
pub const STATEMENT: &str = "https://in-toto.io/Statement/v1";

/// Why an attestation was not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AttestationError {
    /// Too large.
    #[error("the envelope has {0} bytes, the limit is {ENVELOPE_BYTES_MAX}")]
    Size(usize),
    /// It is no envelope.
    #[error("it is no DSSE envelope: {0}")]
    Envelope(String),
    /// Its payload is something else.
    #[error("its payload is of the type `{0}`, and `{IN_TOTO}` is read")]
    PayloadType(String),
    /// No key was given.
    #[error("no key was given: a signature by anybody at all would show nothing")]
    NoKey,
    /// A key is no key.
    #[error("the key {0} is no point of Ed25519, or one under which a signature fits many messages")]
    WeakKey(Digest),
    /// Nobody trusted signed it.
    #[error("no signature in it is good by {}", keys_shown(.0))]
    NotSigned(Vec<Digest>),
    /// What was signed is no statement.
    #[error("what was signed is no in-toto Statement: {0}")]
    Statement(String),
    /// It is a statement of another version.
    #[error("the statement is of the type `{0}`, and `{STATEMENT}` is read")]
    StatementType(String),
}

fn keys_shown(keys: &[Digest]) -> String {
    let ids: Vec<String> = keys.iter().map(Digest::short).collect();
    if ids.len() == 1 { format!("the key {}", ids.concat()) } else { format!("any of the keys {}", ids.join(", ")) }
}

/// A statement that somebody trusted signed.
#[derive(Clone, PartialEq, Debug)]
pub struct Attested {
    /// The key by which its signature is good.
    pub key: AttestorKey,
    /// The digest of the bytes that were signed as payload.
    pub payload: Digest,
    /// The statement.
    pub statement: Statement,
}

/// An in-toto Statement v1.
#[derive(Clone, PartialEq, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    /// What it is about.
    pub subject: Vec<StatementSubject>,
    /// The type of the predicate.
    pub predicate_type: String,
    /// What is said of the subjects.
    #[serde(default)]
    pub predicate: Value,
}

/// One subject of a statement.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct StatementSubject {
    /// What it is called.
    #[serde(default)]
    pub name: String,
    /// Its digests by algorithm.
    pub digest: BTreeMap<String, String>,
}

impl StatementSubject {
    /// Its SHA-256; none where it has none.
    #[must_use]
    pub fn sha256(&self) -> Option<Digest> {
        format!("sha256:{}", self.digest.get("sha256")?).parse().ok()
    }
}

impl Statement {
    /// Whether this is among its subjects.
    #[must_use]
    pub fn is_about(&self, digest: &Digest) -> bool {
        self.subject.iter().any(|s| s.sha256().as_ref() == Some(digest))
    }

    /// The time at a path of the predicate (`runDetails.metadata.finishedOn`); none where there is none.
    #[must_use]
    pub fn time_at(&self, path: &str) -> Option<Time> {
        let found = path.split('.').try_fold(&self.predicate, |value, name| value.get(name))?;
        found.as_str()?.parse().ok()
    }
}

/// Opens an envelope: a signature in it is by one of these keys, and what it is over is a statement.
///
/// # Errors
/// [`AttestationError`]: it shows nothing.
pub fn open(envelope: &[u8], keys: &[AttestorKey]) -> Result<Attested, AttestationError> {
    if envelope.len() > ENVELOPE_BYTES_MAX {
        return Err(AttestationError::Size(envelope.len()));
    }
    let no_envelope = |why: &dyn std::fmt::Display| AttestationError::Envelope(why.to_string());
    let envelope: Envelope = serde_json::from_slice(envelope).map_err(|e| no_envelope(&e))?;
    if envelope.payload_type != IN_TOTO {
        return Err(AttestationError::PayloadType(envelope.payload_type.chars().take(120).collect()));
    }
    if envelope.signatures.len() > SIGNATURES_MAX {
        return Err(no_envelope(&format!(
            "it has {} signatures, the limit is {SIGNATURES_MAX}",
            envelope.signatures.len()
        )));
    }
    let payload = base64_of(&envelope.payload).ok_or_else(|| no_envelope(&"its payload is not base64"))?;
    let key = signer(&envelope, &payload, keys)?;
    // Only now: what nobody trusted has signed is not read.
    let statement: Statement =
        serde_json::from_slice(&payload).map_err(|e| AttestationError::Statement(e.to_string()))?;
    if statement.kind != STATEMENT {
        return Err(AttestationError::StatementType(statement.kind.chars().take(120).collect()));
    }
    Ok(Attested { key, payload: Digest::of(&payload), statement })
}

/// The first of the keys by which a signature is good. Key ids in the envelope are hints, and nothing follows from them.
fn signer(envelope: &Envelope, payload: &[u8], keys: &[AttestorKey]) -> Result<AttestorKey, AttestationError> {
    if keys.is_empty() {
        return Err(AttestationError::NoKey);
    }
    let message = pae(&envelope.payload_type, payload);
    let signatures: Vec<Signature> =
        envelope.signatures.iter().filter_map(|s| Signature::from_slice(&base64_of(&s.sig)?).ok()).collect();
    for key in keys {
        let point = VerifyingKey::from_bytes(key.as_bytes()).ok().filter(|point| !point.is_weak());
        let point = point.ok_or_else(|| AttestationError::WeakKey(key.id()))?;
        if signatures.iter().any(|s| point.verify_strict(&message, s).is_ok()) {
            return Ok(*key);
        }
    }
    Err(AttestationError::NotSigned(keys.iter().map(AttestorKey::id).collect()))
}

#[cfg(test)]
mod tests;
