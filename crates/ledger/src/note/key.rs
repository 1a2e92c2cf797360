//! Keys of signed notes: the signer's, made from a seed that the caller drew, and the verifier's.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use seatrial_model::digest::{hex, unhex};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// The bytes of an Ed25519 seed.
pub const SEED_BYTES: usize = 32;

/// The longest key name: an origin, with room; names are repeated in every signature line.
pub const KEY_NAME_BYTES_MAX: usize = 512;

/// Why a key was not made or read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The name cannot be a key's.
    #[error("`{0}` is not a key name: use 1 to 512 bytes without spaces and `+`")]
    Name(String),
    /// The text is no verifier key.
    #[error("`{0}` is not a verifier key: write `<name>+<8 hexadecimal digits>+<base64>`")]
    Malformed(String),
    /// The key's id is not the hash of its name and public key.
    #[error("the verifier key of `{name}` was not accepted: its id is `{got}`, and should be `{want}`")]
    Id {
        /// The key's name.
        name: String,
        /// The id in the text.
        got: String,
        /// The id that belongs there.
        want: String,
    },
    /// The key is of a kind that is not supported.
    #[error(
        "the verifier key of `{name}` was not accepted: its kind is `{kind:#04x}`, supported are `0x01` and `0x04`"
    )]
    Kind {
        /// The key's name.
        name: String,
        /// The signature type byte.
        kind: u8,
    },
    /// The public key is not a point of Ed25519.
    #[error("the verifier key of `{0}` was not accepted: it is not an Ed25519 public key")]
    PublicKey(String),
}

/// What a key signs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum KeyKind {
    /// 0x01: the note's text.
    Note,
    /// 0x04: a checkpoint with the time at which it was seen (`cosignature/v1`).
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Note => 1,
            Self::Cosignature => 4,
        }
    }
}

/// Whether a text can be a key's name: not empty, without Unicode spaces, control characters and `+`.
pub(crate) fn is_key_name(name: &str) -> bool {
    let bad = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    !name.is_empty() && name.len() <= KEY_NAME_BYTES_MAX && !name.chars().any(bad)
}

/// A key that verifies, written `<name>+<id>+<base64 of kind and public key>`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: u32,
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update([b'\n', kind.byte()]);
        hasher.update(key.as_bytes());
        let [a, b, c, d, ..]: [u8; 32] = hasher.finalize().into();
        Self { name: name.to_owned(), kind, id: u32::from_be_bytes([a, b, c, d]), key }
    }

    /// The key's name: a log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The key id: the first four bytes of SHA-256(name ‖ newline ‖ kind ‖ public key).
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.id
    }

    /// What it verifies.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether this Ed25519 signature fits the message.
    #[must_use]
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        // Strict: no public key of small order, under which one signature fits many messages.
        Signature::from_slice(signature).is_ok_and(|s| self.key.verify_strict(message, &s).is_ok())
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = std::iter::once(self.kind.byte()).chain(*self.key.as_bytes()).collect();
        write!(f, "{}+{:08x}+{}", self.name, self.id, BASE64.encode(bytes))
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(s: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed(s.chars().take(120).collect());
        let (name, rest) = s.split_once('+').ok_or_else(malformed)?;
        // Base64 has a `+` of its own: only the first two separate.
        let (id, encoded) = rest.split_once('+').ok_or_else(malformed)?;
        if !is_key_name(name) {
            return Err(KeyError::Name(name.chars().take(120).collect()));
        }
        let got: [u8; 4] = unhex(id).and_then(|b| b.try_into().ok()).ok_or_else(malformed)?;
        let bytes = BASE64.decode(encoded).map_err(|_| malformed())?;
        let (kind, public) = bytes.split_first().ok_or_else(malformed)?;
        let kind = match kind {
            1 => KeyKind::Note,
            4 => KeyKind::Cosignature,
            other => return Err(KeyError::Kind { name: name.to_owned(), kind: *other }),
        };
        let key = public.try_into().ok().and_then(|p| VerifyingKey::from_bytes(p).ok());
        let key = Self::new(name, kind, key.ok_or_else(|| KeyError::PublicKey(name.to_owned()))?);
        let want = key.id.to_be_bytes();
        if got == want { Ok(key) } else { Err(KeyError::Id { name: key.name, got: hex(&got), want: hex(&want) }) }
    }
}

/// A key that signs notes under its name. It never shows itself: there is no way back to the seed, and
/// `Debug` prints the verifier key. Its memory is wiped when it is dropped.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    verifier: VerifierKey,
}

impl Signer {
    /// The key of this seed: 32 random bytes that the caller drew and keeps.
    ///
    /// # Errors
    /// [`KeyError::Name`] where the name cannot be a key's.
    pub fn from_seed(name: &str, seed: &[u8; SEED_BYTES]) -> Result<Self, KeyError> {
        if !is_key_name(name) {
            return Err(KeyError::Name(name.chars().take(120).collect()));
        }
        let key = SigningKey::from_bytes(seed);
        let verifier = VerifierKey::new(name, KeyKind::Note, key.verifying_key());
        Ok(Self { key, verifier })
    }

    /// The key's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// The key id of its note signatures.
    #[must_use]
    pub const fn id(&self) -> u32 {
        self.verifier.id()
    }

    /// The key that verifies what it signs: this is the one to give to others.
    #[must_use]
    pub const fn verifier_key(&self) -> &VerifierKey {
        &self.verifier
    }

    /// The key that verifies its cosignatures.
    #[must_use]
    pub fn cosigner_key(&self) -> VerifierKey {
        VerifierKey::new(self.name(), KeyKind::Cosignature, self.key.verifying_key())
    }

    /// Signs bytes with Ed25519 (RFC 8032): the same key and bytes always give the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.verifier)
    }
}

#[cfg(test)]
mod tests;
