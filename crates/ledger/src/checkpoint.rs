//! Checkpoints (C2SP `tlog-checkpoint`): a log's origin, size and root, as the text of a signed note.

use crate::note::{Note, NoteError, Signer, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_model::Digest;
use std::fmt;

/// The greatest size that is read: sizes are also written as JSON, whose integers are exact up to 2^53.
pub const SIZE_MAX: u64 = 1 << 53;

/// Why a checkpoint was not read or not accepted.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is no checkpoint.
    #[error("this is not a checkpoint: {0}")]
    Malformed(&'static str),
    /// It is another log's.
    #[error("the checkpoint is of the log `{got}`, not of `{want}`: it was not accepted")]
    Origin {
        /// Whose it is.
        got: String,
        /// Whose it should be.
        want: String,
    },
    /// The signed note is broken, or not signed by a known key.
    #[error(transparent)]
    Note(#[from] NoteError),
}

/// What a log says of itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checkpoint {
    /// The log's unique name: `<factory>/<workflow>`.
    pub origin: String,
    /// How many entries.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
    /// Lines after these three; C2SP advises against any.
    pub extensions: Vec<String>,
}

impl Checkpoint {
    /// A checkpoint without extension lines.
    #[must_use]
    pub fn new(origin: impl Into<String>, size: u64, root: Digest) -> Self {
        Self { origin: origin.into(), size, root, extensions: Vec::new() }
    }

    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`CheckpointError::Malformed`] where it is not a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let malformed = CheckpointError::Malformed;
        let body = text.strip_suffix('\n').ok_or(malformed("it does not end in a newline"))?;
        let mut lines = body.split('\n');
        let origin = lines.next().filter(|l| !l.is_empty()).ok_or(malformed("its origin is empty"))?;
        let size = lines.next().ok_or(malformed("it has no size"))?;
        let digits = !size.is_empty() && size.bytes().all(|b| b.is_ascii_digit());
        if !digits || (size.len() > 1 && size.starts_with('0')) {
            return Err(malformed("its size is not a decimal number without leading zeroes"));
        }
        let size = size.parse().ok().filter(|s| *s <= SIZE_MAX).ok_or(malformed("its size is beyond 2^53"))?;
        let root = lines.next().ok_or(malformed("it has no root"))?;
        let root = BASE64.decode(root).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
        let root = Digest::from_bytes(root.ok_or(malformed("its root is not the base64 of 32 bytes"))?);
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        if extensions.iter().any(String::is_empty) {
            return Err(malformed("an extension line is empty"));
        }
        Ok(Self { origin: origin.to_owned(), size, root, extensions })
    }

    /// The note that says this, signed.
    ///
    /// # Errors
    /// [`NoteError::Malformed`] where the origin or an extension line holds control characters.
    pub fn sign(&self, signer: &Signer) -> Result<Note, CheckpointError> {
        let text = self.to_string();
        // What would read back as something else is not signed.
        if Self::parse(&text)? != *self {
            return Err(CheckpointError::Malformed("its origin or an extension line holds a newline"));
        }
        let mut note = Note::new(text)?;
        note.sign(signer);
        Ok(note)
    }

    /// Reads a signed checkpoint, and accepts it only as one of the log that the key is named after. The
    /// signatures of witnesses are in the note that is returned.
    ///
    /// # Errors
    /// Where the note is broken, not signed by this key, or of another origin.
    pub fn open(bytes: &[u8], key: &VerifierKey) -> Result<(Self, Note), CheckpointError> {
        let note = Note::parse(bytes)?;
        note.verify(std::slice::from_ref(key))?;
        let checkpoint = Self::parse(note.text())?;
        if checkpoint.origin != key.name() {
            return Err(CheckpointError::Origin { got: checkpoint.origin, want: key.name().to_owned() });
        }
        Ok((checkpoint, note))
    }
}

impl fmt::Display for Checkpoint {
    /// The text of the note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.origin, self.size, BASE64.encode(self.root.as_bytes()))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests;
