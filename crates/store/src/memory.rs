//! The store that keeps nothing: for tests, and for looking at a log that is durable elsewhere.

use crate::batch::{Commit, Committed, Erased, Held, NewPayload, Payload};
use crate::contract::{Attest, ENTRIES_READ_MAX, Entry, LogInfo, OpenLog, ReadWork, Reader, Secret, Store, View, Work};
use crate::error::StoreError;
use crate::fold::{MemoryRows, check_rows, compare, fold};
use crate::keys::{self, KeySource};
use crate::mirror::check_mirror;
use crate::prepare::{Prepared, prepare};
use crate::rows::{Projector, Row, Rows as _, RowsReport, Scan};
use crate::sqlite::{SUBSCRIBER_LAG_MAX, check_secret};
use futures_util::future::{BoxFuture, ready};
use seatrial_ledger::{Checkpoint, Frontier, Signer};
use seatrial_model::{Commitment, Digest, EventId, LogName, Time};
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// A store in memory. Its rows are a fold over events as everywhere; what ends with the process is durability.
pub struct MemoryStore {
    state: Mutex<State>,
    projector: Arc<dyn Projector>,
    keys: KeySource,
    commits: broadcast::Sender<Arc<Commit>>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<LogName, Log>,
    secrets: BTreeMap<(String, String), Secret>,
    closed: bool,
}

struct Log {
    signer: Signer,
    entries: Vec<Vec<u8>>,
    ids: BTreeMap<EventId, u64>,
    frontier: Frontier,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    payloads: BTreeMap<Commitment, Payload>,
    rows: MemoryRows,
    signed: Option<(u64, String)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(projector: Arc<dyn Projector>, keys: KeySource) -> Self {
        Self { state: Mutex::default(), projector, keys, commits: broadcast::Sender::new(SUBSCRIBER_LAG_MAX) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, log: &LogName, run: impl FnOnce(&mut Log) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        run(state.logs.get_mut(log).ok_or_else(|| StoreError::NoLog(log.clone()))?)
    }

    fn commit(&self, name: &LogName, log: &mut Log, work: Work) -> Result<Committed, StoreError> {
        let prepared = catch_unwind(AssertUnwindSafe(|| {
            let view = MemoryView { name, log };
            prepare(&view, work(&view).map_err(StoreError::Refused)?)
        }))
        .unwrap_or(Err(StoreError::Panicked))?;
        log.rows.watch();
        let projected = catch_unwind(AssertUnwindSafe(|| {
            (prepared.first_index..).zip(&prepared.entries).try_for_each(|(index, entry)| {
                self.projector
                    .apply(index, &entry.event, &mut log.rows)
                    .map_err(|source| StoreError::project(entry.event.id, source))
            })
        }))
        .unwrap_or(Err(StoreError::Panicked));
        if let Err(error) = projected {
            log.rows.take_back();
            return Err(error);
        }
        log.rows.keep();
        let committed = log.write(&prepared);
        let events: Vec<_> = prepared.entries.iter().map(|e| Arc::clone(&e.event)).collect();
        if !events.is_empty() {
            let commit = Commit { log: name.clone(), first_index: committed.first_index, events };
            // Nobody has to listen.
            let _ = self.commits.send(Arc::new(commit));
        }
        Ok(committed)
    }
}

impl Log {
    fn new(signer: Signer) -> Self {
        Self {
            signer,
            entries: Vec::new(),
            ids: BTreeMap::new(),
            frontier: Frontier::new(),
            tiles: BTreeMap::new(),
            blobs: BTreeMap::new(),
            payloads: BTreeMap::new(),
            rows: MemoryRows::default(),
            signed: None,
        }
    }

    /// Nothing here can fail: a batch is written whole.
    fn write(&mut self, prepared: &Prepared) -> Committed {
        for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
            self.entries.push(entry.bytes.clone());
            self.ids.insert(entry.event.id, index);
        }
        let appended = self.frontier.extend(&prepared.leaves());
        for tile in appended.tiles {
            self.tiles.insert((tile.level, tile.n), tile.to_bytes());
        }
        for payload in &prepared.payloads {
            let new = payload.new.clone();
            let NewPayload { salt, bytes, kind, case, expires } = new;
            let held = Held { salt, bytes, kind, case, expires, index: payload.index };
            self.payloads.insert(payload.commitment, Payload::Held(held));
        }
        for (digest, bytes) in &prepared.blobs {
            self.blobs.entry(*digest).or_insert_with(|| bytes.clone());
        }
        for commitment in &prepared.erase {
            if let Some(payload) = self.payloads.get_mut(commitment)
                && let Payload::Held(held) = payload
            {
                *payload = Payload::Erased(Erased { kind: held.kind.clone(), by: prepared.erased_by });
            }
        }
        Committed { first_index: prepared.first_index, size: appended.size, events: prepared.ids() }
    }

    fn info(&self, log: &LogName) -> LogInfo {
        LogInfo {
            log: log.clone(),
            origin: self.signer.name().to_owned(),
            key: self.signer.verifier_key().to_string(),
            size: self.frontier.size(),
            root: self.frontier.root(),
        }
    }

    fn sign(&mut self, log: &LogName) -> Result<String, StoreError> {
        let size = self.frontier.size();
        if let Some((_, note)) = self.signed.as_ref().filter(|(signed, _)| *signed == size) {
            return Ok(note.clone());
        }
        let note = Checkpoint::new(self.signer.name(), size, self.frontier.root())
            .sign(&self.signer)
            .map_err(|e| StoreError::Key { log: log.clone(), what: e.to_string() })?
            .to_string();
        self.signed = Some((size, note.clone()));
        Ok(note)
    }

    fn held(&self) -> impl Iterator<Item = (&Commitment, &Held)> {
        self.payloads.iter().filter_map(|(commitment, payload)| match payload {
            Payload::Held(held) => Some((commitment, held)),
            Payload::Erased(_) => None,
        })
    }
}

struct MemoryView<'a> {
    name: &'a LogName,
    log: &'a Log,
}

impl View for MemoryView<'_> {
    fn log(&self) -> &LogName {
        self.name
    }

    fn size(&self) -> Result<u64, StoreError> {
        Ok(self.log.frontier.size())
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = (from..).zip(self.log.entries.iter().skip(skip)).take(limit.min(ENTRIES_READ_MAX));
        Ok(entries.map(|(index, bytes)| Entry { index, bytes: bytes.clone() }).collect())
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        Ok(self.log.ids.get(&id).copied())
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.rows.get(table, key)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        Ok(self.log.rows.scan_rows(scan))
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let tables: BTreeSet<&String> = self.log.rows.rows.keys().map(|(table, _)| table).collect();
        Ok(tables.into_iter().cloned().collect())
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.log.blobs.get(digest).cloned())
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        let beyond = |digest: &&Digest| after.is_none_or(|after| **digest > after);
        Ok(self.log.blobs.keys().filter(beyond).take(limit).copied().collect())
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        Ok(self.log.payloads.get(commitment).cloned())
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        let held = self.log.held().map(|(commitment, _)| *commitment);
        Ok(held.filter(|commitment| after.is_none_or(|after| *commitment > after)).take(limit).collect())
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        let held = self.log.held().filter(|(_, held)| held.case.as_deref() == Some(case));
        Ok(held.map(|(commitment, _)| *commitment).collect())
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        let expired = self.log.held().filter_map(|(commitment, held)| {
            let expires = held.expires.filter(|expires| *expires < now)?;
            Some((expires, *commitment, held.case.clone()))
        });
        let expired: BTreeSet<_> = expired.collect();
        Ok(expired.into_iter().map(|(_, commitment, case)| (commitment, case)).take(limit).collect())
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.log.tiles.get(&(level, n)).cloned())
    }
}

/// What is computed at once is a future all the same.
fn now<'a, T: Send + 'a>(outcome: Result<T, StoreError>) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(ready(outcome))
}

impl Reader for MemoryStore {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        now(self.with(log, |found| {
            catch_unwind(AssertUnwindSafe(|| work(&MemoryView { name: log, log: found })))
                .map_err(|_| StoreError::Panicked)
        }))
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        now(Ok(self.state().logs.iter().map(|(name, log)| log.info(name)).collect()))
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        // No thread signs in the background: what is asked for is signed then.
        now(self.with(log, |found| found.sign(log).map(Some)))
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        now(self.with(log, |found| check_rows(&MemoryView { name: log, log: found }, &*self.projector)))
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        now(self.with(log, |found| check_mirror(&MemoryView { name: log, log: found }, &found.info(log))))
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        now(Ok(Vec::new()))
    }
}

impl Store for MemoryStore {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let opened = || {
            let mut state = self.state();
            if state.closed {
                return Err(StoreError::Closed);
            }
            if state.logs.contains_key(log) {
                return Err(StoreError::LogExists(log.clone()));
            }
            let seed = match &self.keys {
                KeySource::Files => keys::draw(log)?,
                KeySource::Seed(seed) => keys::derive(seed, &opening.origin),
            };
            let signer = keys::signer(log, &opening.origin, &seed)?;
            let batch = (opening.first)(&signer.verifier_key().to_string());
            if batch.events.is_empty() {
                return Err(StoreError::Invalid(format!(
                    "the log `{log}` was not opened: its first batch has no event"
                )));
            }
            let mut new = Log::new(signer);
            let committed = self.commit(log, &mut new, Box::new(move |_| Ok(batch)))?;
            state.logs.insert(log.clone(), new);
            Ok(committed)
        };
        now(opened())
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        now(self.with(log, |found| self.commit(log, found, work)))
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        now(self.with(log, |found| found.sign(log)))
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        now(self.with(log, |found| what.sign(log, &found.signer)))
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        now(self.with(log, |found| {
            let view = MemoryView { name: log, log: found };
            let (folded, events) = fold(&view, &*self.projector)?;
            let report = compare(&view, &folded, events)?;
            found.rows = folded;
            Ok(report)
        }))
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        now(check_secret(kind, &secret).map(|()| {
            self.state().secrets.insert((kind.to_owned(), key.to_owned()), secret);
        }))
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        now(Ok(self.state().secrets.get(&(kind.to_owned(), key.to_owned())).cloned()))
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let state = self.state();
        let keys = state.secrets.keys().filter(|(found, _)| found == kind).map(|(_, key)| key.clone());
        now(Ok(keys.collect()))
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        now(Ok(self.state().secrets.remove(&(kind.to_owned(), key.to_owned())).is_some()))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.state().closed = true;
        now(Ok(()))
    }
}
