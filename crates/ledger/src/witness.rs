//! Witnesses (C2SP `tlog-witness`): what a log asks (`add-checkpoint`), and what a witness answers.
//!
//! A witness keeps, for each log that it knows, the newest checkpoint that it cosigned, and cosigns nothing that does not
//! extend it. Keeping it durably before the answer leaves is the caller's part: [`Witness::consider`] decides and changes
//! nothing, [`Witness::keep`] takes it.

use crate::checkpoint::Checkpoint;
use crate::note::{Note, Signer, VerifierKey};
use crate::proof::{PROOF_HASHES_MAX, verify_consistency};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_model::{Digest, LogPoint};
use std::collections::BTreeMap;
use std::fmt;

/// The largest request that is read: a proof, and a checkpoint with room for many signatures.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;

/// The most hashes of a consistency proof that are read (C2SP `tlog-witness`).
pub const PROOF_LINES_MAX: usize = 63;

const _: () = assert!(PROOF_LINES_MAX <= PROOF_HASHES_MAX, "a proof that is read can be checked");

/// What the size in an answer of 409 is called.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// A request to cosign a checkpoint.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AddCheckpoint {
    /// The size up to which the witness knows the log, as the asker believes.
    pub old: u64,
    /// That the checkpoint extends the log at that size.
    pub proof: Vec<Digest>,
    /// The checkpoint, signed by its log.
    pub note: Note,
}

/// A request that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is no request to cosign a checkpoint: {0}")]
pub struct RequestError(&'static str);

impl AddCheckpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// [`RequestError`] where it is none, or larger than is read.
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > REQUEST_BYTES_MAX {
            return Err(RequestError("it is larger than 65536 bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| RequestError("it is not UTF-8"))?;
        let (head, note) = text.split_once("\n\n").ok_or(RequestError("no empty line stands before the checkpoint"))?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix("old "));
        let old = old.and_then(decimal).ok_or(RequestError("its first line is not `old SIZE`"))?;
        let mut proof = Vec::new();
        for line in lines {
            if proof.len() == PROOF_LINES_MAX {
                return Err(RequestError("its proof has more than 63 hashes"));
            }
            let hash = BASE64.decode(line).ok().and_then(|b| <[u8; 32]>::try_from(b).ok());
            proof.push(Digest::from_bytes(
                hash.ok_or(RequestError("a line of its proof is not the base64 of 32 bytes"))?,
            ));
        }
        let note = Note::parse(note.as_bytes()).map_err(|_| RequestError("its checkpoint is not a signed note"))?;
        Ok(Self { old, proof, note })
    }
}

/// A size, as C2SP writes it: no sign, no leading zeroes.
fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let one_spelling = text.len() == 1 || !text.starts_with('0');
    if digits && one_spelling { text.parse().ok() } else { None }
}

impl fmt::Display for AddCheckpoint {
    /// The request's body.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", BASE64.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.note)
    }
}

/// Why a witness does not cosign; each is one status of HTTP.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Objection {
    /// 400: the request is none, or contradicts itself.
    #[error("nothing was cosigned: {0}")]
    Malformed(String),
    /// 403: no key that the witness has for this log signed it.
    #[error("nothing was cosigned: {0}")]
    NotSigned(String),
    /// 404: the witness does not know the log.
    #[error("nothing was cosigned: the log `{0}` is not known here; its verifier key has to be given with `--log`")]
    UnknownLog(String),
    /// 409: the asker believes in another size than the one that was cosigned last, or says another root for it.
    #[error("nothing was cosigned: {what}; the newest checkpoint cosigned here has the size {size}")]
    Conflict {
        /// The size that was cosigned last.
        size: u64,
        /// What is in conflict.
        what: &'static str,
    },
    /// 422: the checkpoint does not extend what was cosigned before: history was rewritten, or the proof is wrong.
    #[error(
        "nothing was cosigned: the checkpoint does not extend the one of size {size} that was cosigned before: {what}"
    )]
    Inconsistent {
        /// The size that was cosigned last.
        size: u64,
        /// What the proof says.
        what: String,
    },
}

impl Objection {
    /// The status of HTTP that says it (C2SP `tlog-witness`).
    #[must_use]
    pub const fn status(&self) -> u16 {
        match self {
            Self::Malformed(_) => 400,
            Self::NotSigned(_) => 403,
            Self::UnknownLog(_) => 404,
            Self::Conflict { .. } => 409,
            Self::Inconsistent { .. } => 422,
        }
    }
}

/// A checkpoint that a witness will cosign once it is kept.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Considered {
    /// The log.
    pub origin: String,
    /// What the log says of itself.
    pub point: LogPoint,
    /// The note as it came, with the log's signatures: what is kept.
    pub note: Note,
}

/// A witness: its key, the logs that it knows, and the newest checkpoint that it cosigned of each.
#[derive(Clone, Debug)]
pub struct Witness {
    signer: Signer,
    logs: BTreeMap<String, Vec<VerifierKey>>,
    newest: BTreeMap<String, LogPoint>,
}

impl Witness {
    /// A witness that knows no log.
    #[must_use]
    pub fn new(signer: Signer) -> Self {
        Self { signer, logs: BTreeMap::new(), newest: BTreeMap::new() }
    }

    /// The key that verifies its cosignatures.
    #[must_use]
    pub fn key(&self) -> VerifierKey {
        self.signer.cosigner_key()
    }

    /// Makes a log known, by its key; a log whose key was rotated has several.
    pub fn trust(&mut self, key: VerifierKey) {
        let keys = self.logs.entry(key.name().to_owned()).or_default();
        if !keys.contains(&key) {
            keys.push(key);
        }
    }

    /// The logs that it knows, by their origins.
    pub fn logs(&self) -> impl Iterator<Item = &str> {
        self.logs.keys().map(String::as_str)
    }

    /// The newest checkpoint of a log that it cosigned.
    #[must_use]
    pub fn newest(&self, origin: &str) -> Option<&LogPoint> {
        self.newest.get(origin)
    }

    /// Decides about a request. Nothing is changed: what comes out is to be kept durably, then told to
    /// [`keep`](Self::keep), and only then [`cosign`](Self::cosign)ed.
    ///
    /// # Errors
    /// [`Objection`].
    pub fn consider(&self, body: &[u8]) -> Result<Considered, Objection> {
        let request = AddCheckpoint::parse(body).map_err(|e| Objection::Malformed(e.to_string()))?;
        let checkpoint = Checkpoint::parse(request.note.text()).map_err(|e| Objection::Malformed(e.to_string()))?;
        let keys = self.logs.get(&checkpoint.origin);
        let keys = keys.ok_or_else(|| Objection::UnknownLog(checkpoint.origin.chars().take(200).collect()))?;
        request.note.verify(keys).map_err(|e| Objection::NotSigned(e.to_string()))?;
        if request.old > checkpoint.size {
            let what = format!("the old size {} is beyond the checkpoint's, {}", request.old, checkpoint.size);
            return Err(Objection::Malformed(what));
        }
        let point = LogPoint { size: checkpoint.size, root: checkpoint.root };
        let known = self.newest.get(&checkpoint.origin);
        let size = known.map_or(0, |known| known.size);
        if request.old != size {
            return Err(Objection::Conflict { size, what: "the old size is another one" });
        }
        let root = known.map_or_else(crate::empty_root, |known| known.root);
        if size == point.size && size > 0 && root != point.root {
            return Err(Objection::Conflict { size, what: "the checkpoint has another root at that size" });
        }
        verify_consistency(&request.proof, size, &root, point.size, &point.root)
            .map_err(|e| Objection::Inconsistent { size, what: e.to_string() })?;
        Ok(Considered { origin: checkpoint.origin, point, note: request.note })
    }

    /// Takes a checkpoint as the newest one of its log: that it was considered here is the caller's word, or that it is
    /// the one kept before the last end.
    pub fn keep(&mut self, origin: &str, point: LogPoint) {
        self.newest.insert(origin.to_owned(), point);
    }

    /// Reads back what was kept: the newest note cosigned of a log.
    ///
    /// # Errors
    /// In words, where it is no checkpoint of a log known here: a witness that forgot must not cosign again from nothing.
    pub fn restore(&mut self, note: &[u8]) -> Result<(), String> {
        let note = Note::parse(note).map_err(|e| e.to_string())?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|e| e.to_string())?;
        self.keep(&checkpoint.origin, LogPoint { size: checkpoint.size, root: checkpoint.root });
        Ok(())
    }

    /// The signature line (with its newline) for a checkpoint that is kept; `time_s` is in seconds since 1970.
    #[must_use]
    pub fn cosign(&self, considered: &Considered, time_s: u64) -> String {
        let mut note = considered.note.clone();
        note.cosign(&self.signer, time_s);
        note.signatures().last().map(|signature| format!("{signature}\n")).unwrap_or_default()
    }

    /// All three in one step, in memory: for tests, and for whoever keeps nothing.
    ///
    /// # Errors
    /// [`Objection`].
    pub fn add_checkpoint(&mut self, body: &[u8], time_s: u64) -> Result<String, Objection> {
        let considered = self.consider(body)?;
        self.keep(&considered.origin, considered.point.clone());
        Ok(self.cosign(&considered, time_s))
    }
}

#[cfg(test)]
mod tests;
