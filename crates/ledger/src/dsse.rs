//! DSSE envelopes (Dead Simple Signing Envelope, protocol 1.0): signed statements about what the log holds.

use crate::note::{Signer, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD as BASE64, URL_SAFE};
use serde::{Deserialize, Serialize};

/// The payload type of in-toto statements.
pub const IN_TOTO: &str = "application/vnd.in-toto+json";

/// The pre-authentication encoding: what is signed instead of the payload alone.
#[must_use]
pub fn pae(payload_type: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

/// Why an envelope was not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum DsseError {
    /// The payload is not base64.
    #[error("the envelope was not accepted: its payload is not base64")]
    Payload,
    /// No signature in it fits the key.
    #[error("the envelope was not accepted: no signature in it is by `{0}`")]
    NotSigned(String),
}

/// A signed payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The payload, base64.
    pub payload: String,
    /// Who signed it.
    pub signatures: Vec<EnvelopeSignature>,
}

/// One signature of an envelope.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct EnvelopeSignature {
    /// A hint only, never trusted: the key's name and id, as in `<name>+<id>`.
    #[serde(default)]
    pub keyid: String,
    /// The signature over [`pae`], base64.
    pub sig: String,
}

impl Envelope {
    /// Signs a payload.
    #[must_use]
    pub fn sign(payload_type: &str, payload: &[u8], signer: &Signer) -> Self {
        let sig = BASE64.encode(signer.sign(&pae(payload_type, payload)));
        let keyid = format!("{}+{:08x}", signer.name(), signer.id());
        Self {
            payload_type: payload_type.to_owned(),
            payload: BASE64.encode(payload),
            signatures: vec![EnvelopeSignature { keyid, sig }],
        }
    }

    /// The payload, once a signature by this key was found good.
    ///
    /// # Errors
    /// Where the payload is not base64, or no signature fits the key.
    pub fn verify(&self, key: &VerifierKey) -> Result<Vec<u8>, DsseError> {
        let payload = BASE64.decode(&self.payload).map_err(|_| DsseError::Payload)?;
        let message = pae(&self.payload_type, &payload);
        let fits = |s: &EnvelopeSignature| BASE64.decode(&s.sig).is_ok_and(|sig| key.verify(&message, &sig));
        if self.signatures.iter().any(fits) { Ok(payload) } else { Err(DsseError::NotSigned(key.name().to_owned())) }
    }
}

/// Base64 as DSSE has it: whoever writes an envelope chooses the standard alphabet or the one for addresses.
pub(crate) fn base64_of(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).or_else(|_| URL_SAFE.decode(text)).ok()
}

#[cfg(test)]
mod tests;
