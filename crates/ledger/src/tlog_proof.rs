//! C2SP `tlog-proof` files: one entry's inclusion in a signed checkpoint, to be checked offline.

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::note::{NOTE_BYTES_MAX, Note, VerifierKey};
use crate::proof::{PROOF_HASHES_MAX, ProofError, TileReader, inclusion, verify_inclusion};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_model::Digest;
use std::fmt;

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// The largest file that is read: a note, the hashes, and as much extra data as a note may have text.
pub const PROOF_BYTES_MAX: usize = 2 * NOTE_BYTES_MAX;

/// Why a proof file was not read, or proves nothing.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlogProofError {
    /// It is no proof file.
    #[error("this is not a `tlog-proof` file: {0}")]
    Malformed(&'static str),
    /// Its checkpoint was not accepted.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The hashes do not lead to the checkpoint's root.
    #[error(transparent)]
    Proof(#[from] ProofError),
}

/// A proof that an entry is in a log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TlogProof {
    /// Data that is not authenticated by the proof.
    pub extra: Option<Vec<u8>>,
    /// The entry's index.
    pub index: u64,
    /// The inclusion proof, from the leaf's sibling upwards.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint, as the log issued it.
    pub checkpoint: Note,
}

impl TlogProof {
    /// Makes the proof for an entry in the tree of this signed checkpoint.
    ///
    /// # Errors
    /// Where the note is no checkpoint, the entry is not in its tree, or a tile cannot be read.
    pub fn make<R: TileReader + ?Sized>(tiles: &R, index: u64, checkpoint: Note) -> Result<Self, TlogProofError> {
        let size = Checkpoint::parse(checkpoint.text())?.size;
        Ok(Self { extra: None, index, hashes: inclusion(tiles, index, size)?, checkpoint })
    }

    /// Reads a proof file. Nothing is verified by this: see [`verify`](Self::verify).
    ///
    /// # Errors
    /// [`TlogProofError::Malformed`] where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, TlogProofError> {
        let malformed = TlogProofError::Malformed;
        if bytes.len() > PROOF_BYTES_MAX {
            return Err(malformed("it is larger than 2 MiB"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (head, checkpoint) =
            text.split_once("\n\n").ok_or(malformed("no empty line stands before its checkpoint"))?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(malformed("its first line is not `c2sp.org/tlog-proof@v1`"));
        }
        let extra = match lines.peek().and_then(|l| l.strip_prefix("extra ")) {
            None => None,
            Some(encoded) => Some(BASE64.decode(encoded).map_err(|_| malformed("its extra data is not base64"))?),
        };
        if extra.is_some() {
            lines.next();
        }
        let index = lines.next().and_then(|l| l.strip_prefix("index ")).ok_or(malformed("it has no index"))?;
        let number: u64 = index.parse().map_err(|_| malformed("its index is not a number"))?;
        if number.to_string() != index {
            return Err(malformed("its index is not written plainly"));
        }
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == PROOF_HASHES_MAX {
                return Err(malformed("it holds more hashes than any proof has"));
            }
            let hash = BASE64.decode(line).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
            hashes.push(Digest::from_bytes(hash.ok_or(malformed("a hash is not the base64 of 32 bytes"))?));
        }
        let checkpoint = Note::parse(checkpoint.as_bytes()).map_err(CheckpointError::from)?;
        Ok(Self { extra, index: number, hashes, checkpoint })
    }

    /// Checks that the log of this key contains an entry with this leaf hash at [`index`](Self::index), and
    /// returns the checkpoint that says so.
    ///
    /// # Errors
    /// Where the checkpoint is not signed by the key, or the hashes do not lead to its root.
    pub fn verify(&self, leaf: &Digest, key: &VerifierKey) -> Result<Checkpoint, TlogProofError> {
        let (checkpoint, _) = Checkpoint::open(self.checkpoint.to_string().as_bytes(), key)?;
        verify_inclusion(&self.hashes, self.index, leaf, checkpoint.size, &checkpoint.root)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for TlogProof {
    /// The file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash.as_bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests;
