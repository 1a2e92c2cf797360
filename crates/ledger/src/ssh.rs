//! Signatures that people make with their own SSH keys (`ssh-keygen -Y sign`): reading them, and checking them against
//! the keys that a person is known by.
//!
//! Sources: OpenSSH's `PROTOCOL.sshsig`; the armour is its own (`-----BEGIN SSH SIGNATURE-----`). Ed25519 and ECDSA on
//! P-256 are accepted, both also from a hardware key (`sk-`). RSA is not: its implementations leak through timing, and
//! everybody who has `ssh-keygen` can make an Ed25519 key.

use ssh_key::{Algorithm, EcdsaCurve, HashAlg, LineEnding, PublicKey, SshSig};
use std::fmt;

/// The longest signature that is read: an armoured one of the accepted kinds has less than a kilobyte.
pub const SIGNATURE_BYTES_MAX: usize = 16 * 1024;

/// The longest public key that is read, comment included.
pub const KEY_BYTES_MAX: usize = 4 * 1024;

/// Why a signature was not accepted.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SshError {
    /// It is no signature in the armour of `ssh-keygen -Y sign`.
    #[error("it is no SSH signature: {0}")]
    Malformed(String),
    /// A key is no OpenSSH public key.
    #[error("`{shown}` is no OpenSSH public key: {why}")]
    Key {
        /// The beginning of the key.
        shown: String,
        /// Why.
        why: String,
    },
    /// The key is of a kind that is not accepted.
    #[error("keys of the kind `{0}` are not accepted: `ssh-keygen -t ed25519` makes one that is")]
    Kind(String),
    /// The signature was made for something else.
    #[error("it was made in the namespace `{got}`, and `{want}` is asked for: `ssh-keygen -Y sign -n {want}`")]
    Namespace {
        /// The signature's.
        got: String,
        /// The one asked for.
        want: String,
    },
    /// The signature was made with a key that is none of the person's.
    #[error("it was made with the key {0}, which is none of the keys given")]
    UnknownKey(String),
    /// The signature is not over these bytes.
    #[error("the signature does not fit what was signed")]
    Mismatch,
}

/// A person's public key, in OpenSSH's form (`ssh-ed25519 AAAA… comment`).
#[derive(Clone, PartialEq, Eq)]
pub struct SshKey(PublicKey);

impl SshKey {
    /// Reads a public key of an accepted kind.
    ///
    /// # Errors
    /// [`SshError::Key`] where it is none, [`SshError::Kind`] where its kind is not accepted.
    pub fn parse(text: &str) -> Result<Self, SshError> {
        let bad = |why: String| SshError::Key { shown: text.chars().take(24).collect(), why };
        if text.len() > KEY_BYTES_MAX {
            return Err(bad(format!("it has {} bytes, the limit is {KEY_BYTES_MAX}", text.len())));
        }
        let key = PublicKey::from_openssh(text.trim()).map_err(|e| bad(e.to_string()))?;
        accepted(&key.algorithm())?;
        Ok(Self(key))
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.0.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The key without its comment, as a line of an `allowed_signers` file needs it.
    ///
    /// # Errors
    /// [`SshError::Key`] where it cannot be written, which a key that was read can.
    pub fn line(&self) -> Result<String, SshError> {
        let key = PublicKey::from(self.0.key_data().clone());
        key.to_openssh().map_err(|e| SshError::Key { shown: self.fingerprint(), why: e.to_string() })
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SshKey({})", self.fingerprint())
    }
}

fn accepted(algorithm: &Algorithm) -> Result<(), SshError> {
    match algorithm {
        Algorithm::Ed25519
        | Algorithm::SkEd25519
        | Algorithm::SkEcdsaSha2NistP256
        | Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 } => Ok(()),
        other => Err(SshError::Kind(other.as_str().to_owned())),
    }
}

/// Checks a signature over a message against the keys that a person is known by. Gives the key that made it.
///
/// # Errors
/// [`SshError`]: the signature proves nothing.
pub fn verify<'k>(
    keys: &'k [SshKey],
    namespace: &str,
    message: &[u8],
    signature: &[u8],
) -> Result<&'k SshKey, SshError> {
    if signature.len() > SIGNATURE_BYTES_MAX {
        return Err(SshError::Malformed(format!(
            "it has {} bytes, the limit is {SIGNATURE_BYTES_MAX}",
            signature.len()
        )));
    }
    let armoured = signature;
    let signature = SshSig::from_pem(armoured).map_err(|e| SshError::Malformed(e.to_string()))?;
    accepted(&signature.algorithm())?;
    // It is not among what is signed.
    if signature.version() != SshSig::VERSION {
        return Err(SshError::Malformed(format!("its version is {}, and 1 is known", signature.version())));
    }
    // Nor are the lengths of its parts, with which the reader is lenient: there is one way to write a signature.
    let written = signature.to_pem(LineEnding::LF).map_err(|e| SshError::Malformed(e.to_string()))?;
    if !dense(written.as_bytes()).eq(dense(armoured)) {
        return Err(SshError::Malformed("it is not written as OpenSSH writes it".to_owned()));
    }
    if signature.namespace() != namespace {
        let got: String = signature.namespace().chars().take(80).collect();
        return Err(SshError::Namespace { got, want: namespace.to_owned() });
    }
    let made_by = signature.public_key();
    let key = keys
        .iter()
        .find(|key| key.0.key_data() == made_by)
        .ok_or_else(|| SshError::UnknownKey(made_by.fingerprint(HashAlg::Sha256).to_string()))?;
    key.0.verify(namespace, message, &signature).map_err(|_| SshError::Mismatch)?;
    Ok(key)
}

/// Without white space: how lines are broken is nobody's concern.
fn dense(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().copied().filter(|b| !b.is_ascii_whitespace())
}

#[cfg(test)]
mod tests;
