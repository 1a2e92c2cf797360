//! What goes into a commit, and what comes out of it.

use crate::prepare::Sealed;
use seatrial_model::{Commitment, Event, EventId, LogName, Salt, Time};
use std::fmt;
use std::sync::Arc;

/// The most events in one batch: a batch is one use case's writing, and its commit holds up all others.
pub const BATCH_EVENTS_MAX: usize = 10_000;

/// The largest payload: a document with its images fits, and a row stays far under the database's own limit.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// The largest blob: an embedded model or a set of examples fits.
pub const BLOB_BYTES_MAX: usize = 256 << 20;

/// Everything that becomes durable together, or not at all.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The events, in the order of their indexes.
    pub events: Vec<Event>,
    /// Events that were checked and written out before, each with its payloads: they come after the others.
    pub sealed: Vec<Sealed>,
    /// Payloads that one of these events commits to.
    pub payloads: Vec<NewPayload>,
    /// Blobs; one that is held already stays as it is.
    pub blobs: Vec<Vec<u8>>,
    /// Payloads whose bytes and salt are erased; one of the events is the `payload.erased` that says so.
    pub erase: Vec<Commitment>,
}

impl Batch {
    /// A batch of one event.
    #[must_use]
    pub fn of(event: Event) -> Self {
        Self { events: vec![event], ..Self::default() }
    }

    /// All of its events, in the order of their indexes.
    pub fn all_events(&self) -> impl Iterator<Item = &Event> {
        self.events.iter().chain(self.sealed.iter().map(Sealed::event))
    }
}

/// A payload to be kept: personal data, with a retention, outside the log.
#[derive(Clone)]
pub struct NewPayload {
    /// Drawn by the caller; kept with the bytes and erased with them.
    pub salt: Salt,
    /// The exact bytes as received.
    pub bytes: Vec<u8>,
    /// Its name in the event (`input`, `output`, `reason`, `case`).
    pub kind: String,
    /// The case it belongs to, as HMAC, so that it can be erased by case.
    pub case: Option<String>,
    /// When its retention ends.
    pub expires: Option<Time>,
}

impl NewPayload {
    /// What an event holds of it.
    #[must_use]
    pub fn commitment(&self) -> Commitment {
        Commitment::of(&self.salt, &self.bytes)
    }
}

impl fmt::Debug for NewPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data never reaches a log line by way of a `{:?}`.
        write!(f, "NewPayload({}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// A payload as it is kept now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Payload {
    /// It is held.
    Held(Held),
    /// It was held and has been erased.
    Erased(Erased),
}

impl Payload {
    /// The payload, where it is still held.
    #[must_use]
    pub fn held(self) -> Option<Held> {
        match self {
            Self::Held(held) => Some(held),
            Self::Erased(_) => None,
        }
    }
}

/// A payload that is held.
#[derive(Clone, PartialEq, Eq)]
pub struct Held {
    /// Opens the commitment, together with the bytes.
    pub salt: Salt,
    /// The exact bytes as received.
    pub bytes: Vec<u8>,
    /// Its name in the event.
    pub kind: String,
    /// The case it belongs to, as HMAC.
    pub case: Option<String>,
    /// When its retention ends.
    pub expires: Option<Time>,
    /// The index of the first event that commits to it.
    pub index: u64,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({}, {} bytes)", self.kind, self.bytes.len())
    }
}

/// What is left of an erased payload.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Erased {
    /// Its name in the event.
    pub kind: String,
    /// The index of the `payload.erased` event: who erased it, when and why.
    pub by: u64,
}

/// A batch that is durable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Committed {
    /// The index of the batch's first event; the log's size where the batch has none.
    pub first_index: u64,
    /// The log's size just after this batch.
    pub size: u64,
    /// The ids of the batch's events, in order.
    pub events: Vec<EventId>,
}

/// Told to subscribers after the batch has become durable.
#[derive(Clone, Debug)]
pub struct Commit {
    /// The log.
    pub log: LogName,
    /// The index of the first event.
    pub first_index: u64,
    /// The events, in order.
    pub events: Vec<Arc<Event>>,
    /// Whether another node of the fleet made it.
    pub foreign: bool,
}
