//! Reads and writes that are one call.

use super::{Entry, Reader, Store, View};
use crate::batch::{Batch, Committed, Payload};
use crate::error::{Refusal, StoreError};
use crate::rows::{Row, Scan};
use seatrial_model::{Commitment, Digest, Event, EventId, LogName};
use std::any::Any;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

/// Why a typed transaction did not come about.
#[derive(Debug)]
pub enum TransactError<E> {
    /// The caller's own reason.
    Refused(E),
    /// The store's.
    Store(StoreError),
}

impl<E> From<StoreError> for TransactError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reads that are one call, on any [`Reader`].
pub trait ReaderExt: Reader {
    /// Runs `work` on one consistent state of a log, and gives what it came to.
    fn read_with<T, F>(&self, log: &LogName, work: F) -> impl Future<Output = Result<T, StoreError>> + Send
    where
        T: Send + 'static,
        F: FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
    {
        let slot = Slot::new();
        let inner = slot.clone();
        let done = self.read(log, Box::new(move |view| inner.put(work(view))));
        async move {
            done.await?;
            slot.take().unwrap_or(Err(StoreError::Panicked))
        }
    }

    /// How many entries a log has.
    fn size(&self, log: &LogName) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.read_with(log, |view| view.size())
    }

    /// One event.
    fn event(&self, log: &LogName, index: u64) -> impl Future<Output = Result<Option<Event>, StoreError>> + Send {
        self.read_with(log, move |view| view.event(index))
    }

    /// One event by its id, with its index.
    fn event_by_id(
        &self,
        log: &LogName,
        id: EventId,
    ) -> impl Future<Output = Result<Option<(u64, Event)>, StoreError>> + Send {
        self.read_with(log, move |view| view.event_by_id(id))
    }

    /// Events from an index on, at most `limit` and [`ENTRIES_READ_MAX`](super::ENTRIES_READ_MAX), with their indexes.
    fn events(
        &self,
        log: &LogName,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<(u64, Event)>, StoreError>> + Send {
        self.read_with(log, move |view| {
            view.entries(from, limit)?.into_iter().map(|e| Ok((e.index, e.event(view.log())?))).collect()
        })
    }

    /// Entries as their bytes, from an index on, at most `limit` and [`ENTRIES_READ_MAX`](super::ENTRIES_READ_MAX).
    fn entries(
        &self,
        log: &LogName,
        from: u64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Entry>, StoreError>> + Send {
        self.read_with(log, move |view| view.entries(from, limit))
    }

    /// The hashes of a tile as far as they stand.
    fn tile(
        &self,
        log: &LogName,
        level: u8,
        n: u64,
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send {
        self.read_with(log, move |view| view.tile(level, n))
    }

    /// A blob.
    fn blob(&self, log: &LogName, digest: Digest) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send {
        self.read_with(log, move |view| view.blob(&digest))
    }

    /// A payload, held or erased.
    fn payload(
        &self,
        log: &LogName,
        commitment: Commitment,
    ) -> impl Future<Output = Result<Option<Payload>, StoreError>> + Send {
        self.read_with(log, move |view| view.payload(&commitment))
    }

    /// A row of a projection.
    fn row(
        &self,
        log: &LogName,
        table: &str,
        key: &[u8],
    ) -> impl Future<Output = Result<Option<Vec<u8>>, StoreError>> + Send {
        let (table, key) = (table.to_owned(), key.to_vec());
        self.read_with(log, move |view| view.row(&table, &key))
    }

    /// A range of rows.
    fn scan(&self, log: &LogName, scan: Scan) -> impl Future<Output = Result<Vec<Row>, StoreError>> + Send {
        self.read_with(log, move |view| view.scan(&scan))
    }
}

impl<R: Reader + ?Sized> ReaderExt for R {}

/// Writes that are one call, on any [`Store`].
pub trait StoreExt: Store {
    /// Appends a batch without a precondition.
    fn append(&self, log: &LogName, batch: Batch) -> impl Future<Output = Result<Committed, StoreError>> + Send {
        self.transact(log, Box::new(move |_| Ok(batch)))
    }

    /// [`Store::transact`] with the caller's own types: what the work came to besides its batch, and why it refused.
    /// A [`StoreError`] met inside is [`TransactError::Store`].
    fn transact_with<T, E, F>(
        &self,
        log: &LogName,
        work: F,
    ) -> impl Future<Output = Result<(Committed, T), TransactError<E>>> + Send
    where
        T: Send + 'static,
        E: Any + Send + Sync,
        F: FnOnce(&dyn View) -> Result<(Batch, T), TransactError<E>> + Send + 'static,
    {
        let slot = Slot::new();
        let inner = slot.clone();
        let done = self.transact(
            log,
            Box::new(move |view| match work(view) {
                Ok((batch, value)) => {
                    inner.put(Ok(value));
                    Ok(batch)
                }
                Err(error) => {
                    inner.put(Err(error));
                    Err(Refusal::new(()))
                }
            }),
        );
        async move {
            match (done.await, slot.take()) {
                (Ok(committed), Some(Ok(value))) => Ok((committed, value)),
                (Err(StoreError::Refused(_)), Some(Err(error))) => Err(error),
                (Err(error), _) => Err(TransactError::Store(error)),
                (Ok(_), _) => Err(TransactError::Store(StoreError::Panicked)),
            }
        }
    }
}

impl<S: Store + ?Sized> StoreExt for S {}

/// Where a closure on another thread leaves its value.
struct Slot<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Slot<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Slot<T> {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(None)))
    }

    fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(value);
    }

    fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
