//! The log of a workflow.

use super::EventRef;
use seatrial_model::{Digest, Time};
use serde::{Deserialize, Serialize};

/// The log's head and some of its entries, newest first.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LogPage {
    /// The checkpoint's origin.
    pub origin: String,
    /// How many entries are acknowledged.
    pub entries: u64,
    /// The newest signed checkpoint: its size.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// When it was signed.
    pub signed_at: Option<Time>,
    /// The verifier key, in the form of a C2SP signed note.
    pub key: String,
    /// Names of those who cosigned it.
    pub witnesses: Vec<String>,
    /// Entries.
    pub rows: Vec<LogRow>,
    /// The entry to give as `before` for older ones.
    pub older: Option<u64>,
    /// The command that verifies all of it.
    pub verify: String,
    /// The command that exports it.
    pub export: String,
}

/// An entry.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LogRow {
    /// The event.
    pub event: EventRef,
    /// What it says, in a few words.
    pub says: String,
    /// The RFC 6962 leaf hash.
    pub leaf: Digest,
    /// The whole event, as indented JSON.
    pub json: String,
}
