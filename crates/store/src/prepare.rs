//! Checks a batch before anything of it is written: the same for every store.

use crate::batch::{BATCH_EVENTS_MAX, BLOB_BYTES_MAX, Batch, NewPayload, PAYLOAD_BYTES_MAX, Payload};
use crate::contract::View;
use crate::error::{BatchError, StoreError};
use crate::import::Absent;
use seatrial_ledger::leaf_hash;
use seatrial_model::event::{ENTRY_BYTES_MAX, ENVELOPE_VERSION};
use seatrial_model::{Body, CanonicalError, Commitment, Digest, Event, EventId, LogName};
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

#[derive(Clone, Debug)]
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
    /// Its salt was drawn for it: no other has this commitment.
    pub(crate) fresh: bool,
}

/// An event with its canonical bytes, its leaf and its payloads' commitments: checked and hashed by whoever made it,
/// so that the one thread that writes has little left to do.
#[derive(Clone, Debug)]
pub struct Sealed {
    entry: PreparedEntry,
    payloads: Vec<(Commitment, NewPayload)>,
}

impl Sealed {
    /// Checks and hashes an event of this log and its payloads, whose salts were drawn for it: that they are new to the
    /// log is not looked up.
    ///
    /// # Errors
    /// [`StoreError::Batch`] with what is wrong with them; nothing would be recorded.
    pub fn new(log: &LogName, event: Event, payloads: Vec<NewPayload>) -> Result<Self, StoreError> {
        if matches!(event.body, Body::PayloadErased(_) | Body::LogKeyRotated(_) | Body::LogRestored(_)) {
            return Err(BatchError::NotSealed(event.id).into());
        }
        let entry = entry(log, event)?;
        let mut sealed = Vec::with_capacity(payloads.len());
        for new in payloads {
            limit("a payload's length in bytes", new.bytes.len(), PAYLOAD_BYTES_MAX)?;
            let commitment = new.commitment();
            if !entry.event.payloads.values().any(|found| *found == commitment) {
                return Err(BatchError::Uncommitted(commitment).into());
            }
            sealed.push((commitment, new));
        }
        Ok(Self { entry, payloads: sealed })
    }

    /// The event.
    #[must_use]
    pub fn event(&self) -> &Event {
        &self.entry.event
    }
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

/// Checks a batch for the log that the view shows. That ids and payloads are new to the log is not looked up here: a
/// database finds out when it writes them; [`look_up`] does it for a store that could not take the writing back.
pub(crate) fn prepare(view: &dyn View, batch: Batch) -> Result<Prepared, StoreError> {
    let first_index = view.size()?;
    let Batch { events, sealed, payloads, blobs, erase } = batch;
    limit("the number of events", events.len() + sealed.len(), BATCH_EVENTS_MAX)?;
    let mut entries = Vec::with_capacity(events.len() + sealed.len());
    for event in events {
        entries.push(entry(view.log(), event)?);
    }
    let mut sealed_payloads = Vec::new();
    for (index, Sealed { entry, payloads }) in (first_index + entries.len() as u64..).zip(sealed) {
        if entry.event.log != *view.log() {
            return Err(BatchError::OtherLog { id: entry.event.id, says: entry.event.log.clone() }.into());
        }
        entries.push(entry);
        sealed_payloads.extend(payloads.into_iter().map(|(commitment, new)| PreparedPayload {
            commitment,
            index,
            new,
            fresh: true,
        }));
    }
    if let Some(id) = repeated(&entries) {
        return Err(BatchError::DuplicateId(id).into());
    }
    let erased_by = (first_index..).zip(&entries).find(|(_, e)| matches!(e.event.body, Body::PayloadErased(_)));
    let erased_by = match erased_by {
        Some((index, _)) => index,
        None if erase.is_empty() => 0,
        None => return Err(BatchError::SilentErasure.into()),
    };
    let mut payloads = new_payloads(first_index, &entries, payloads)?;
    payloads.append(&mut sealed_payloads);
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
    let bytes = event.leaf().map_err(|source| match source {
        // It would be written as `null`, and could never be read back.
        CanonicalError::NotFinite => BatchError::NotReadable(id),
        source => BatchError::NotCanonical { id, source },
    })?;
    if bytes.len() > ENTRY_BYTES_MAX {
        return Err(BatchError::EntryTooLong { id, bytes: bytes.len() });
    }
    // A leaf is for ever: what could not be read back must not become one. Of decisions there are thousands a second:
    // their types are shown to read back by tests, and each that is made under test is read back here.
    let often = matches!(event.body, Body::DecisionMade(_));
    if (!often || cfg!(debug_assertions)) && serde_json::from_slice::<Event>(&bytes).ok().as_ref() != Some(&event) {
        return Err(BatchError::NotReadable(id));
    }
    let leaf = leaf_hash(&bytes);
    Ok(PreparedEntry { event: Arc::new(event), bytes, leaf })
}

/// An id that is there twice.
fn repeated(entries: &[PreparedEntry]) -> Option<EventId> {
    let mut ids = BTreeSet::new();
    // Almost every batch has one event.
    entries.iter().filter(|_| entries.len() > 1).map(|e| e.event.id).find(|id| !ids.insert(*id))
}

/// That ids and payloads are new to the log; a payload that is held already is left out.
pub(crate) fn look_up(view: &dyn View, prepared: &mut Prepared) -> Result<(), StoreError> {
    for entry in &prepared.entries {
        if view.event_index(entry.event.id)?.is_some() {
            return Err(BatchError::DuplicateId(entry.event.id).into());
        }
    }
    let mut new = Vec::with_capacity(prepared.payloads.len());
    for payload in std::mem::take(&mut prepared.payloads) {
        match view.payload(&payload.commitment)? {
            None => new.push(payload),
            Some(Payload::Held(_)) => {}
            Some(Payload::Erased(_)) => return Err(BatchError::ErasedBefore(payload.commitment).into()),
        }
    }
    prepared.payloads = new;
    Ok(())
}

fn new_payloads(
    first_index: u64,
    entries: &[PreparedEntry],
    payloads: Vec<NewPayload>,
) -> Result<Vec<PreparedPayload>, StoreError> {
    if payloads.is_empty() {
        return Ok(Vec::new());
    }
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
        if seen.insert(commitment) {
            prepared.push(PreparedPayload { commitment, index, new, fresh: false });
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
