//! Checks a batch before anything of it is written: the same for every store.

use crate::batch::{BATCH_EVENTS_MAX, BLOB_BYTES_MAX, Batch, NewPayload, PAYLOAD_BYTES_MAX, Payload};
use crate::contract::View;
use crate::error::{BatchError, StoreError};
use crate::import::Absent;
use seatrial_ledger::leaf_hash;
use seatrial_model::event::{ENTRY_BYTES_MAX, ENVELOPE_VERSION};
use seatrial_model::{Body, Commitment, Digest, Event, EventId, LogName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A batch that can be written as it is.
pub(crate) struct Prepared {
    pub(crate) first_index: u64,
    pub(crate) entries: Vec<PreparedEntry>,
    pub(crate) payloads: Vec<PreparedPayload>,
    /// Payloads of a log taken over that did not come along, each with the entry that commits to it.
    pub(crate) absent: Vec<(u64, Absent)>,
    pub(crate) blobs: Vec<(Digest, Vec<u8>)>,
    /// Payloads that are held now and are erased by the event at `erased_by`.
    pub(crate) erase: Vec<Commitment>,
    pub(crate) erased_by: u64,
}

pub(crate) struct PreparedEntry {
    pub(crate) event: Arc<Event>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) leaf: Digest,
}

pub(crate) struct PreparedPayload {
    pub(crate) commitment: Commitment,
    /// The first event that commits to it.
    pub(crate) index: u64,
    pub(crate) new: NewPayload,
}

impl Prepared {
    /// About how many bytes will be written.
    pub(crate) fn bytes(&self) -> usize {
        let entries: usize = self.entries.iter().map(|e| e.bytes.len()).sum();
        let payloads: usize = self.payloads.iter().map(|p| p.new.bytes.len()).sum();
        let blobs: usize = self.blobs.iter().map(|(_, b)| b.len()).sum();
        entries + payloads + blobs
    }

    pub(crate) fn ids(&self) -> Vec<EventId> {
        self.entries.iter().map(|e| e.event.id).collect()
    }

    pub(crate) fn leaves(&self) -> Vec<Digest> {
        self.entries.iter().map(|e| e.leaf).collect()
    }
}

/// Checks a batch against the log as the view shows it.
pub(crate) fn prepare(view: &dyn View, batch: Batch) -> Result<Prepared, StoreError> {
    let first_index = view.size()?;
    let Batch { events, payloads, blobs, erase } = batch;
    limit("the number of events", events.len(), BATCH_EVENTS_MAX)?;
    let mut ids = BTreeSet::new();
    let mut entries = Vec::with_capacity(events.len());
    for event in events {
        if !ids.insert(event.id) || view.event_index(event.id)?.is_some() {
            return Err(BatchError::DuplicateId(event.id).into());
        }
        entries.push(entry(view.log(), event)?);
    }
    let erased_by = (first_index..).zip(&entries).find(|(_, e)| matches!(e.event.body, Body::PayloadErased(_)));
    let erased_by = match erased_by {
        Some((index, _)) => index,
        None if erase.is_empty() => 0,
        None => return Err(BatchError::SilentErasure.into()),
    };
    let payloads = new_payloads(view, first_index, &entries, payloads)?;
    let erase = erasures(view, erase)?;
    let blobs = blobs.into_iter().map(|bytes| {
        limit("a blob's length in bytes", bytes.len(), BLOB_BYTES_MAX)?;
        Ok((Digest::of(&bytes), bytes))
    });
    let blobs = blobs.collect::<Result<_, BatchError>>()?;
    Ok(Prepared { first_index, entries, payloads, absent: Vec::new(), blobs, erase, erased_by })
}

fn limit(what: &'static str, is: usize, max: usize) -> Result<(), BatchError> {
    if is > max { Err(BatchError::TooLarge { what, is, max }) } else { Ok(()) }
}

fn entry(log: &LogName, event: Event) -> Result<PreparedEntry, BatchError> {
    let id = event.id;
    if event.log != *log {
        return Err(BatchError::OtherLog { id, says: event.log });
    }
    if event.v != ENVELOPE_VERSION {
        return Err(BatchError::EnvelopeVersion { id, version: event.v });
    }
    let bytes = event.leaf().map_err(|source| BatchError::NotCanonical { id, source })?;
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(BatchError::EntryTooLong { id, bytes: bytes.len() });
    }
    // A leaf is for ever: what could not be read back (a NaN is written as `null`) must not become one.
    if serde_json::from_slice::<Event>(&bytes).ok().as_ref() != Some(&event) {
        return Err(BatchError::NotReadable(id));
    }
    let leaf = leaf_hash(&bytes);
    Ok(PreparedEntry { event: Arc::new(event), bytes, leaf })
}

fn new_payloads(
    view: &dyn View,
    first_index: u64,
    entries: &[PreparedEntry],
    payloads: Vec<NewPayload>,
) -> Result<Vec<PreparedPayload>, StoreError> {
    let mut committed = BTreeMap::new();
    for (index, entry) in (first_index..).zip(entries) {
        for commitment in entry.event.payloads.values() {
            committed.entry(*commitment).or_insert(index);
        }
    }
    let mut seen = BTreeSet::new();
    let mut prepared = Vec::with_capacity(payloads.len());
    for new in payloads {
        limit("a payload's length in bytes", new.bytes.len(), PAYLOAD_BYTES_MAX)?;
        let commitment = new.commitment();
        let Some(index) = committed.get(&commitment).copied() else {
            return Err(BatchError::Uncommitted(commitment).into());
        };
        if !seen.insert(commitment) {
            continue;
        }
        match view.payload(&commitment)? {
            None => prepared.push(PreparedPayload { commitment, index, new }),
            Some(Payload::Held(_)) => {}
            Some(Payload::Erased(_)) => return Err(BatchError::ErasedBefore(commitment).into()),
        }
    }
    Ok(prepared)
}

fn erasures(view: &dyn View, erase: Vec<Commitment>) -> Result<Vec<Commitment>, StoreError> {
    let mut held = BTreeSet::new();
    for commitment in erase {
        match view.payload(&commitment)? {
            None => return Err(BatchError::NeverHeld(commitment).into()),
            Some(Payload::Held(_)) => {
                held.insert(commitment);
            }
            // Who erased it first stays on record.
            Some(Payload::Erased(_)) => {}
        }
    }
    Ok(held.into_iter().collect())
}
