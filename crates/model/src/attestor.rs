//! The public keys of others who attest something: Ed25519, in each of the forms in which such a key is handed over.

use crate::Digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// The longest text of a key: an OpenSSH line with a long comment has less.
pub const ATTESTOR_KEY_BYTES_MAX: usize = 4 * 1024;

/// What an Ed25519 key begins with as a SubjectPublicKeyInfo (RFC 8410): the algorithm, and the length of what follows.
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];
/// What it begins with as OpenSSH writes it (RFC 8709): its type and the length of what follows, both counted.
const OPENSSH: [u8; 19] = *b"\0\0\0\x0bssh-ed25519\0\0\0\x20";
const BEGIN: &str = "-----BEGIN PUBLIC KEY-----";
const END: &str = "-----END PUBLIC KEY-----";

/// A text that is no key of an attestor.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "`{shown}` is not an Ed25519 public key: write it as PEM (`-----BEGIN PUBLIC KEY-----`), as a line of OpenSSH \
     (`ssh-ed25519 AAAA…`) or as a verifier key (`<name>+<8 hexadecimal digits>+<base64>`)"
)]
pub struct ParseAttestorKeyError {
    /// The beginning of the text.
    shown: String,
}

/// An Ed25519 public key: its 32 bytes. Whether they are a point is seen where a signature is checked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttestorKey([u8; 32]);

impl AttestorKey {
    /// From the raw 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The raw 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The key as a SubjectPublicKeyInfo: what stands in a PEM file.
    #[must_use]
    pub fn spki(&self) -> Vec<u8> {
        [SPKI.as_slice(), self.0.as_slice()].concat()
    }

    /// Its id: the SHA-256 of [`Self::spki`], as `openssl pkey -pubin -outform DER | sha256sum` has it.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of(&self.spki())
    }

    fn after(prefix: &[u8], bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.strip_prefix(prefix)?.try_into().ok()?))
    }

    fn read(text: &str) -> Option<Self> {
        if text.len() > ATTESTOR_KEY_BYTES_MAX {
            return None;
        }
        if let Some(rest) = text.strip_prefix(BEGIN) {
            let body: String = rest.strip_suffix(END)?.split_ascii_whitespace().collect();
            return Self::after(&SPKI, &STANDARD.decode(body).ok()?);
        }
        if let Some(rest) = text.strip_prefix("ssh-ed25519 ") {
            let body = rest.split_ascii_whitespace().next()?;
            return Self::after(&OPENSSH, &STANDARD.decode(body).ok()?);
        }
        match text.split_once('+').and_then(|(name, rest)| Some((name, rest.split_once('+')?))) {
            Some((name, (id, encoded))) if id.len() == 8 && !encoded.is_empty() => Self::of_note(name, id, encoded),
            _ => Self::after(&SPKI, &STANDARD.decode(text).ok()?),
        }
    }

    /// A verifier key of C2SP's signed notes. Its id belongs to its name, so a name that was changed is seen.
    fn of_note(name: &str, id: &str, encoded: &str) -> Option<Self> {
        let key = Self::after(&[1], &STANDARD.decode(encoded).ok()?)?;
        let named = [name.as_bytes(), b"\n\x01", &key.0].concat();
        let fits = Digest::of(&named).hex().starts_with(&id.to_ascii_lowercase());
        let good = !name.is_empty() && !name.chars().any(|c| c.is_whitespace() || c.is_control());
        (fits && good).then_some(key)
    }
}

impl FromStr for AttestorKey {
    type Err = ParseAttestorKeyError;

    fn from_str(text: &str) -> Result<Self, ParseAttestorKeyError> {
        let text = text.trim();
        let shown = || text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(40).collect();
        Self::read(text).ok_or_else(|| ParseAttestorKeyError { shown: shown() })
    }
}

/// The base64 of its SubjectPublicKeyInfo: one of the forms that are read.
impl fmt::Display for AttestorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.spki()))
    }
}

impl fmt::Debug for AttestorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AttestorKey({self})")
    }
}

impl Serialize for AttestorKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AttestorKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
