//! Signed notes (C2SP `signed-note`) with Ed25519, and timestamped cosignatures (C2SP `tlog-cosignature`).

mod key;

pub use key::{KeyError, KeyKind, SEED_BYTES, Signer, VerifierKey};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::fmt;

/// The largest note that is read: a text, and signatures of up to 5 kB each.
pub const NOTE_BYTES_MAX: usize = 1 << 20;

/// The most signatures that are read; C2SP asks for at least 16.
pub const SIGNATURES_MAX: usize = 100;

/// What a signature line begins with.
const LINE: &str = "\u{2014} ";

/// Why a note was not read or not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoteError {
    /// It is larger than any note that is read.
    #[error("the note of `{0}` bytes was not read: at most 1048576 are")]
    TooLarge(usize),
    /// It holds more signatures than are read.
    #[error("the note was not read: it holds more than 100 signatures")]
    TooManySignatures,
    /// It is no signed note.
    #[error("this is not a signed note: {0}")]
    Malformed(&'static str),
    /// A signature by a known key does not fit the text.
    #[error("the signature by `{0}` does not fit the text: the note was not accepted")]
    BadSignature(String),
    /// No known key signed it.
    #[error("none of the `{known}` known keys signed the note (it names {named}): it was not accepted")]
    NotSigned {
        /// How many keys were known.
        known: usize,
        /// The key names in its signature lines.
        named: String,
    },
}

/// One signature line, by a known key or by one that is not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// Its key id.
    pub id: u32,
    /// The signature: 64 bytes of Ed25519, 8 more in front in a cosignature, anything in other kinds.
    pub signature: Vec<u8>,
}

/// A text and the signatures under it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature that was found good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verified {
    /// The name of the key.
    pub name: String,
    /// Its key id.
    pub id: u32,
    /// When it was given, in seconds since 1970: cosignatures only.
    pub time_s: Option<u64>,
}

impl Note {
    /// A note with this text and no signature yet.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] where the text does not end in a newline or holds other control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        check_text(&text)?;
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Reads a signed note. Nothing is verified by this: see [`verify`](Self::verify).
    ///
    /// # Errors
    /// Where it is too large or not a signed note.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge(bytes.len()));
        }
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Malformed("it is not UTF-8"))?;
        let blank = note.rfind("\n\n").ok_or(NoteError::Malformed("no empty line stands before the signatures"))?;
        let (text, lines) = note.split_at(blank + 1);
        check_text(text)?;
        let lines = lines.strip_prefix('\n').unwrap_or(lines);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Malformed("it does not end in a newline"))?;
        let mut signatures = Vec::new();
        for line in lines.split('\n') {
            if signatures.len() == SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            signatures.push(NoteSignature::parse(line)?);
        }
        Ok(Self { text: text.to_owned(), signatures })
    }

    /// The text that is signed, its last newline included.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Every signature line, of known and unknown keys.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Signs the text with one more key; a signature by the same key is replaced.
    pub fn sign(&mut self, signer: &Signer) {
        self.add(NoteSignature {
            name: signer.name().to_owned(),
            id: signer.id(),
            signature: signer.sign(self.text.as_bytes()).to_vec(),
        });
    }

    /// Adds a timestamped cosignature (`cosignature/v1`); `time_s` is in seconds since 1970. It fits only
    /// [`VerifierKey`]s of kind [`KeyKind::Cosignature`].
    pub fn cosign(&mut self, signer: &Signer, time_s: u64) {
        let mut signature = time_s.to_be_bytes().to_vec();
        signature.extend_from_slice(&signer.sign(cosigned(time_s, &self.text).as_bytes()));
        self.add(NoteSignature { name: signer.name().to_owned(), id: signer.cosigner_key().id(), signature });
    }

    /// Adds a signature that was made elsewhere; one by the same key is replaced.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.retain(|s| s.name != signature.name || s.id != signature.id);
        self.signatures.push(signature);
    }

    /// Checks every signature by a known key. Signatures by unknown keys are ignored, as C2SP asks.
    ///
    /// # Errors
    /// [`NoteError::BadSignature`] where any signature by a known key does not fit;
    /// [`NoteError::NotSigned`] where there is none by a known key.
    pub fn verify(&self, known: &[VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        let mut good: Vec<Verified> = Vec::new();
        for signature in &self.signatures {
            let by = |key: &&VerifierKey| key.name() == signature.name && key.id() == signature.id;
            let Some(key) = known.iter().find(by) else { continue };
            let time_s = self.verify_one(key, signature)?;
            if !good.iter().any(|g| g.name == signature.name && g.id == signature.id) {
                good.push(Verified { name: signature.name.clone(), id: signature.id, time_s });
            }
        }
        if good.is_empty() {
            let named: Vec<String> = self.signatures.iter().take(8).map(|s| format!("`{}`", s.name)).collect();
            return Err(NoteError::NotSigned { known: known.len(), named: named.join(", ") });
        }
        Ok(good)
    }

    fn verify_one(&self, key: &VerifierKey, signature: &NoteSignature) -> Result<Option<u64>, NoteError> {
        let bad = || NoteError::BadSignature(signature.name.clone());
        match key.kind() {
            KeyKind::Note => {
                let good = key.verify(self.text.as_bytes(), &signature.signature);
                if good { Ok(None) } else { Err(bad()) }
            }
            KeyKind::Cosignature => {
                let (time, rest) = signature.signature.split_first_chunk::<8>().ok_or_else(bad)?;
                let time_s = u64::from_be_bytes(*time);
                let good = key.verify(cosigned(time_s, &self.text).as_bytes(), rest);
                if good { Ok(Some(time_s)) } else { Err(bad()) }
            }
        }
    }
}

/// The message of a `cosignature/v1`.
fn cosigned(time_s: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

/// A text ends in a newline and holds no other control character.
fn check_text(text: &str) -> Result<(), NoteError> {
    if !text.ends_with('\n') {
        return Err(NoteError::Malformed("its text does not end in a newline"));
    }
    if text.bytes().any(|b| b < b' ' && b != b'\n') {
        return Err(NoteError::Malformed("it holds control characters"));
    }
    Ok(())
}

impl NoteSignature {
    /// Reads one signature line, without its newline.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] where it is none.
    pub fn parse(line: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed("a signature line is not `\u{2014} <name> <base64>`");
        let parts = line.strip_prefix(LINE).and_then(|rest| rest.split_once(' '));
        let Some((name, encoded)) = parts.filter(|(name, _)| key::is_key_name(name)) else { return Err(malformed) };
        let bytes = BASE64.decode(encoded).map_err(|_| NoteError::Malformed("a signature is not base64"))?;
        match bytes.split_first_chunk::<4>() {
            Some((id, signature)) if !signature.is_empty() => {
                Ok(Self { name: name.to_owned(), id: u32::from_be_bytes(*id), signature: signature.to_vec() })
            }
            _ => Err(NoteError::Malformed("a signature is too short")),
        }
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = self.id.to_be_bytes().iter().chain(&self.signature).copied().collect();
        write!(f, "{LINE}{} {}", self.name, BASE64.encode(bytes))
    }
}

impl fmt::Display for Note {
    /// The note as it is stored and served.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

#[cfg(test)]
mod tests;
