//! An outsider's monitor: what is served now, against what was seen before. It remembers one checkpoint and one key, reads
//! what is new, and says what cannot be true of one honest log.
//!
//! It checks the log itself: signature, growth, tiles, entries, keys, cosignatures. Verdicts, findings, blobs and payloads
//! are checked by [`verify()`](crate::verify()) over an export.

mod grown;
mod look;

pub use look::look;

use crate::source::SourceError;
use seatrial_ledger::{Checkpoint, VerifierKey};
use seatrial_model::{Digest, EventId, LogPoint, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How old the newest cosignature of a witness that is required may be: as readiness has it.
pub const WITNESSED_MS_MAX: i64 = 24 * 60 * 60 * 1_000;

/// What a monitor keeps between two looks: a file of its own, out of the operator's reach.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remembered {
    /// The verifier key in force by then.
    pub key: String,
    /// The signed checkpoint, exactly as it was served.
    pub checkpoint: String,
    /// When it was first seen to be as long as it is.
    pub grew: Time,
    /// The newest cosignature of each witness that the log holds, by the witness's key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cosigned: BTreeMap<String, CosignedAt>,
}

/// What a witness cosigned, and when.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosignedAt {
    /// The log by then.
    pub point: LogPoint,
    /// By the witness's clock, in seconds since 1970.
    pub time_s: u64,
}

impl Remembered {
    /// What it says of the log.
    ///
    /// # Errors
    /// In words, where it is damaged: then nothing may be concluded from it.
    pub fn opened(&self) -> Result<(VerifierKey, Checkpoint), String> {
        let key: VerifierKey = self.key.parse().map_err(|e| format!("its key is none: {e}"))?;
        let (checkpoint, _) = Checkpoint::open(self.checkpoint.as_bytes(), &key).map_err(|e| e.to_string())?;
        Ok((key, checkpoint))
    }
}

/// What is wrong. Each is one for which the operator owes an explanation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "alarm", rename_all = "kebab-case")]
pub enum Alarm {
    /// Two signed checkpoints that cannot both be of one history.
    Fork {
        /// What was seen before.
        seen: LogPoint,
        /// What is shown now.
        shown: LogPoint,
    },
    /// The log is shorter than it was.
    #[serde(rename = "rollback")]
    RolledBack {
        /// What was seen before.
        seen: LogPoint,
        /// What is shown now.
        shown: LogPoint,
    },
    /// No key that is known signed the checkpoint, or it is none.
    BadSignature {
        /// In words.
        why: String,
    },
    /// Something that belongs to the signed tree is not served.
    Missing {
        /// Where it should be.
        place: String,
    },
    /// What is served is not what was signed.
    Wrong {
        /// Where.
        place: String,
        /// In words.
        why: String,
    },
    /// A key follows that the one before it did not name.
    KeyNotVouched {
        /// At which entry.
        index: u64,
        /// In words.
        why: String,
    },
    /// A witness that is required has not cosigned lately. The log may be in order all the same.
    NotWitnessed {
        /// The witness.
        witness: String,
        /// In words.
        why: String,
    },
    /// It did not grow, though it should have. It may be in order all the same.
    Standing {
        /// For how long, in milliseconds.
        ms: u64,
    },
}

impl fmt::Display for Alarm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fork { seen, shown } => write!(
                f,
                "fork: `{}` entries with the root {} were signed before, and what is signed now (`{}` entries, root {}) does \
                 not begin with them",
                seen.size, seen.root, shown.size, shown.root
            ),
            Self::RolledBack { seen, shown } => {
                write!(f, "rollback: the log had `{}` entries, and shows `{}` now", seen.size, shown.size)
            }
            Self::BadSignature { why } => write!(f, "bad signature: the checkpoint is not accepted: {why}"),
            Self::Missing { place } => write!(f, "missing: `{place}` is not served, and belongs to the signed tree"),
            Self::Wrong { place, why } => write!(f, "wrong: `{place}` is not what was signed: {why}"),
            Self::KeyNotVouched { index, why } => {
                write!(f, "key: entry {index} names a key that is not vouched for: {why}")
            }
            Self::NotWitnessed { witness, why } => write!(f, "witness: `{witness}` has not cosigned: {why}"),
            Self::Standing { ms } => write!(f, "standing: the log has not grown for {} s", ms / 1_000),
        }
    }
}

/// Why a look came to nothing.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum LookError {
    /// Something could not be read; that says nothing about the log.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// What was remembered is damaged.
    #[error("what was remembered cannot be used: {0}")]
    Remembered(String),
    /// An alarm.
    #[error("{0}")]
    Alarm(Alarm),
}

impl From<Alarm> for LookError {
    fn from(alarm: Alarm) -> Self {
        Self::Alarm(alarm)
    }
}

/// An entry that was not there before.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NewEntry {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// Its id.
    pub id: EventId,
    /// When.
    pub time: Time,
    /// Who.
    pub actor: String,
    /// What kind of event.
    pub kind: String,
}

/// A look that found one history, signed and whole.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Looked {
    /// The log.
    pub origin: String,
    /// What was seen before; none at the first look.
    pub seen: Option<LogPoint>,
    /// What is shown now.
    pub point: LogPoint,
    /// The key in force now.
    pub key: String,
    /// How often the key changed hands since the last look.
    pub rotations: u64,
    /// How many entries are new.
    pub entries: u64,
    /// What needs an explanation though the history is one: no witness, no growth.
    pub alarms: Vec<Alarm>,
    /// To be kept for the next look.
    #[serde(skip)]
    pub remember: Remembered,
}

/// What the monitor trusts and expects.
#[derive(Clone, Debug)]
pub struct Watch {
    /// The log's key, from a source other than the log.
    pub key: VerifierKey,
    /// Witnesses that must have cosigned within [`WITNESSED_MS_MAX`].
    pub witnesses: Vec<VerifierKey>,
    /// The log is expected to grow within so many milliseconds.
    pub grows_within_ms: Option<u64>,
    /// The present time.
    pub now: Time,
}
