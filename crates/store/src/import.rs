//! A log taken over from elsewhere, byte for byte: its entries, blobs and payloads, and the checkpoint that was signed of
//! it. Whoever hands it over has verified it; here only what would break the store is checked.

use crate::batch::{BATCH_EVENTS_MAX, BLOB_BYTES_MAX, Batch, NewPayload, PAYLOAD_BYTES_MAX};
use crate::contract::View;
use crate::error::{BatchError, StoreError};
use crate::keys::Seed;
use crate::prepare::{Prepared, PreparedEntry, PreparedPayload};
use seatrial_ledger::{Checkpoint, Note, leaf_hash};
use seatrial_model::{Body, Commitment, Digest, Event, LogName, LogPoint};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most bytes of entries in one piece: a piece is one commit.
pub const PIECE_BYTES_MAX: usize = 64 << 20;

/// A part of a log, in its order.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// The entries' exact bytes.
    pub entries: Vec<Vec<u8>>,
    /// Payloads that these entries commit to.
    pub payloads: Vec<NewPayload>,
    /// Payloads that these entries commit to and that are not held.
    pub absent: Vec<Absent>,
    /// Blobs.
    pub blobs: Vec<Vec<u8>>,
}

/// A payload that did not come along.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// What its event holds of it.
    pub commitment: Commitment,
    /// Its name in the event.
    pub kind: String,
    /// The entry that erased it; none where it was only left out.
    pub erased_by: Option<u64>,
}

/// Makes the batch that ends a restore, given the new key where one was drawn.
pub type Last = Box<dyn FnOnce(Option<&str>) -> Batch + Send>;

/// How a log that was taken over goes on.
pub struct Adopt {
    /// The newest checkpoint that was signed of it, as it was signed.
    pub checkpoint: String,
    /// The seed of the key that signed it; without it a new key is drawn, which the old one does not vouch for.
    pub key: Option<Seed>,
    /// Makes the batch that says so (`log.restored`), given the new key where one was drawn.
    pub last: Last,
}

/// That the checkpoint is over exactly what was taken over.
pub(crate) fn check_covers(log: &LogName, checkpoint: &str, origin: &str, point: &LogPoint) -> Result<(), StoreError> {
    let wrong = |what: String| StoreError::Damaged { log: log.clone(), what };
    let note = Note::parse(checkpoint.as_bytes()).map_err(|e| wrong(e.to_string()))?;
    let said = Checkpoint::parse(note.text()).map_err(|e| wrong(e.to_string()))?;
    if said.origin != origin {
        return Err(wrong(format!("its checkpoint is of the log `{}`, and it is `{origin}`", said.origin)));
    }
    if said.size != point.size || said.root != point.root {
        let (size, root) = (point.size, point.root);
        return Err(wrong(format!(
            "its checkpoint has {} entries with the root {}, taken over were {size} with the root {root}",
            said.size, said.root
        )));
    }
    Ok(())
}

/// A verifier key for an event of this batch that changes it; `log.restored` does so where a key did not come along.
pub(crate) fn new_keys<'a>(events: impl IntoIterator<Item = &'a Event>) -> impl Iterator<Item = (&'a Event, &'a str)> {
    events.into_iter().filter_map(|event| match &event.body {
        Body::LogKeyRotated(b) => Some((event, b.new.as_str())),
        Body::LogRestored(b) => b.key.as_deref().map(|key| (event, key)),
        _ => None,
    })
}

/// Checks a piece before anything of it is written.
pub(crate) fn prepare_piece(view: &dyn View, piece: Piece) -> Result<Prepared, StoreError> {
    let log = view.log();
    let first_index = view.size()?;
    let damaged = |what: String| StoreError::Damaged { log: log.clone(), what };
    let bytes: usize = piece.entries.iter().map(Vec::len).sum();
    for (what, is, max) in [
        ("the number of events", piece.entries.len(), BATCH_EVENTS_MAX),
        ("the length of the entries in bytes", bytes, PIECE_BYTES_MAX),
        ("a blob's length in bytes", piece.blobs.iter().map(Vec::len).max().unwrap_or(0), BLOB_BYTES_MAX),
        (
            "a payload's length in bytes",
            piece.payloads.iter().map(|p| p.bytes.len()).max().unwrap_or(0),
            PAYLOAD_BYTES_MAX,
        ),
    ] {
        if is > max {
            return Err(BatchError::TooLarge { what, is, max }.into());
        }
    }
    let (mut ids, mut committed) = (BTreeSet::new(), BTreeMap::new());
    let mut entries = Vec::with_capacity(piece.entries.len());
    for (index, bytes) in (first_index..).zip(piece.entries) {
        let event: Event =
            serde_json::from_slice(&bytes).map_err(|e| damaged(format!("entry {index} is no event: {e}")))?;
        if event.leaf().ok().as_deref() != Some(bytes.as_slice()) {
            return Err(damaged(format!("the bytes of entry {index} are not the canonical form of an event")));
        }
        if event.log != *log {
            return Err(BatchError::OtherLog { id: event.id, says: event.log }.into());
        }
        if !ids.insert(event.id) || view.event_index(event.id)?.is_some() {
            return Err(BatchError::DuplicateId(event.id).into());
        }
        if matches!(event.body, Body::LogOpened(_)) != (index == 0) {
            return Err(damaged("a log begins with `log.opened`, and has it once".to_owned()));
        }
        for commitment in event.payloads.values() {
            committed.entry(*commitment).or_insert(index);
        }
        let leaf = leaf_hash(&bytes);
        entries.push(PreparedEntry { event: Arc::new(event), bytes, leaf });
    }
    let payloads = piece.payloads.into_iter().map(|new| (new.commitment(), Some(new), None));
    let absent = piece.absent.into_iter().map(|absent| (absent.commitment, None, Some(absent)));
    let (mut held, mut gone, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
    for (commitment, new, absent) in payloads.chain(absent) {
        let index = committed.get(&commitment).copied().ok_or(BatchError::Uncommitted(commitment))?;
        if !seen.insert(commitment) || view.payload(&commitment)?.is_some() {
            continue;
        }
        held.extend(new.map(|new| PreparedPayload { commitment, index, new, fresh: false }));
        gone.extend(absent.map(|absent| (index, absent)));
    }
    let blobs = piece.blobs.into_iter().map(|bytes| (Digest::of(&bytes), bytes)).collect();
    Ok(Prepared { first_index, entries, payloads: held, absent: gone, blobs, erase: Vec::new(), erased_by: 0 })
}
