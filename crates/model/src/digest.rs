//! SHA-256 digests, salts and salted commitments.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

/// A text that is not a digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a digest: write `sha256:` and 64 hexadecimal digits")]
pub struct ParseDigestError(String);

/// A SHA-256 digest, written `sha256:<64 hex digits>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }

    /// The digest of the RFC 8785 form of a value.
    ///
    /// # Errors
    /// Where the value has no canonical form.
    pub fn of_canonical<T: Serialize + ?Sized>(value: &T) -> Result<Self, crate::CanonicalError> {
        Ok(Self::of(&crate::canonical(value)?))
    }

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

    /// The 64 hexadecimal digits, without the prefix: a file name.
    #[must_use]
    pub fn hex(&self) -> String {
        hex(&self.0)
    }

    /// The first 12 hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.hex().chars().take(12).collect()
    }
}

/// Lower-case hexadecimal digits of bytes.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len() * 2];
    write_hex(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

fn write_hex(bytes: &[u8], digits: &mut [u8]) {
    let digit = |d: u8| if d < 10 { b'0' + d } else { b'a' + (d - 10) };
    for (pair, byte) in digits.as_chunks_mut().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 0xf)];
    }
}

/// The bytes of hexadecimal digits; `None` where the text is not that.
#[must_use]
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    text.as_bytes()
        .chunks(2)
        .map(|pair| std::str::from_utf8(pair).ok().and_then(|p| u8::from_str_radix(p, 16).ok()))
        .collect()
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = *b"sha256:0000000000000000000000000000000000000000000000000000000000000000";
        if let Some((_, digits)) = text.split_first_chunk_mut::<7>() {
            write_hex(&self.0, digits);
        }
        f.write_str(std::str::from_utf8(&text).unwrap_or_default())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({})", self.short())
    }
}

impl FromStr for Digest {
    type Err = ParseDigestError;

    fn from_str(s: &str) -> Result<Self, ParseDigestError> {
        let error = || ParseDigestError(s.chars().take(80).collect());
        let digits = s.strip_prefix("sha256:").ok_or_else(error)?;
        let bytes = unhex(digits).ok_or_else(error)?;
        // Upper-case digits would make two spellings of one digest.
        if digits.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(error());
        }
        Ok(Self(bytes.try_into().map_err(|_| error())?))
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// 32 random bytes, drawn by the caller, kept with a payload and erased with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Salt(pub [u8; 32]);

impl fmt::Debug for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// SHA-256(salt ‖ exact bytes) of a payload: what a leaf may hold of personal data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Commitment(pub Digest);

impl Commitment {
    /// The commitment to these bytes under this salt.
    #[must_use]
    pub fn of(salt: &Salt, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(salt.0);
        hasher.update(bytes);
        Self(Digest(hasher.finalize().into()))
    }
}

impl fmt::Display for Commitment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
