//! The store that keeps nothing: for tests, and for looking at a log that is durable elsewhere.

mod view;

use self::view::MemoryView;
use crate::batch::{Commit, Committed, Erased, Held, NewPayload, Payload};
use crate::contract::{Attest, LogInfo, OpenLog, ReadWork, Reader, Secret, Store, Work};
use crate::error::StoreError;
use crate::fold::{MemoryRows, check_rows, checked};
use crate::import::{Adopt, Piece, check_covers, new_keys, prepare_piece};
use crate::keys::{self, KeySource, Seed};
use crate::lookup::{Lookup, of_event, of_payload};
use crate::mirror::check_mirror;
use crate::prepare::{Prepared, look_up, prepare};
use crate::rows::{Projector, RowsReport};
use crate::sqlite::{SUBSCRIBER_LAG_MAX, check_secret};
use futures_util::future::{BoxFuture, ready};
use seatrial_ledger::{Checkpoint, Frontier, Note, NoteSignature, Signer};
use seatrial_model::{Body, Commitment, Digest, Event, EventId, LogName, LogPoint};
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

#[derive(Clone, Default)]
struct State {
    logs: BTreeMap<LogName, Log>,
    secrets: BTreeMap<(String, String), Secret>,
    closed: bool,
}

/// Stands for the entry that says of a payload that it did not come along, until that entry is there.
const LEFT_OUT: u64 = u64::MAX;

#[derive(Clone)]
struct Log {
    /// None while it is taken over from elsewhere.
    signer: Option<Signer>,
    origin: String,
    /// The key in force, as the entries say.
    key: String,
    /// The key before it, until a checkpoint is signed by both.
    before: Option<Signer>,
    /// The key that is to follow.
    staged: Option<Signer>,
    entries: Vec<Vec<u8>>,
    ids: BTreeMap<EventId, u64>,
    frontier: Frontier,
    tiles: BTreeMap<(u8, u64), Vec<u8>>,
    blobs: BTreeMap<Digest, Vec<u8>>,
    payloads: BTreeMap<Commitment, Payload>,
    /// Their commitments, in the order of their events.
    order: Vec<Commitment>,
    lookups: BTreeSet<(Lookup, u64)>,
    rows: MemoryRows,
    signed: Option<(u64, String)>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new(projector: Arc<dyn Projector>, keys: KeySource) -> Self {
        Self { state: Mutex::default(), projector, keys, commits: broadcast::Sender::new(SUBSCRIBER_LAG_MAX) }
    }

    /// A store of its own that begins as this one stands now, with the same keys: what a backup is, and what many histories
    /// with one beginning are made of.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            state: Mutex::new(self.state().clone()),
            projector: Arc::clone(&self.projector),
            keys: self.keys.clone(),
            commits: broadcast::Sender::new(SUBSCRIBER_LAG_MAX),
        }
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
            let batch = work(&view).map_err(StoreError::Refused)?;
            let rotated = log.rotated(name, &batch.events)?;
            let mut prepared = prepare(&view, batch)?;
            look_up(&view, &mut prepared)?;
            Ok((prepared, rotated))
        }));
        let (prepared, rotated) = prepared.unwrap_or(Err(StoreError::Panicked))?;
        let committed = self.apply(name, log, &prepared)?;
        if rotated {
            log.rotate();
        }
        Ok(committed)
    }

    fn apply(&self, name: &LogName, log: &mut Log, prepared: &Prepared) -> Result<Committed, StoreError> {
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
        for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
            let lookups = of_event(self.projector.found_by(&entry.event));
            log.lookups.extend(lookups.map(|lookup| (lookup, index)));
        }
        let committed = log.write(prepared);
        let events: Vec<_> = prepared.entries.iter().map(|e| Arc::clone(&e.event)).collect();
        if !events.is_empty() {
            let commit = Commit { log: name.clone(), first_index: committed.first_index, events, foreign: false };
            // Nobody has to listen.
            let _ = self.commits.send(Arc::new(commit));
        }
        Ok(committed)
    }
}

impl Log {
    fn new(origin: &str, key: &str, signer: Option<Signer>) -> Self {
        Self {
            signer,
            origin: origin.to_owned(),
            key: key.to_owned(),
            before: None,
            staged: None,
            entries: Vec::new(),
            ids: BTreeMap::new(),
            frontier: Frontier::new(),
            tiles: BTreeMap::new(),
            blobs: BTreeMap::new(),
            payloads: BTreeMap::new(),
            order: Vec::new(),
            lookups: BTreeSet::new(),
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
            let lookups = of_payload(&payload.commitment, case.as_deref());
            self.lookups.extend(lookups.map(|lookup| (lookup, payload.index)));
            let held = Held { salt, bytes, kind, case, expires, index: payload.index };
            self.order.push(payload.commitment);
            self.payloads.insert(payload.commitment, Payload::Held(held));
        }
        for (_, absent) in &prepared.absent {
            self.order.push(absent.commitment);
            let gone = Erased { kind: absent.kind.clone(), by: absent.erased_by.unwrap_or(LEFT_OUT) };
            self.payloads.insert(absent.commitment, Payload::Erased(gone));
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
            origin: self.origin.clone(),
            key: self.key.clone(),
            size: self.frontier.size(),
            root: self.frontier.root(),
        }
    }

    fn sign(&mut self, log: &LogName) -> Result<String, StoreError> {
        let size = self.frontier.size();
        if let Some((_, note)) = self.signed.as_ref().filter(|(signed, _)| *signed == size) {
            return Ok(note.clone());
        }
        let signer = self.signer(log)?;
        let mut note = Checkpoint::new(self.origin.as_str(), size, self.frontier.root())
            .sign(self.before.as_ref().unwrap_or(signer))
            .map_err(|e| StoreError::Key { log: log.clone(), what: e.to_string() })?;
        note.sign(signer);
        let note = note.to_string();
        self.before = None;
        self.signed = Some((size, note.clone()));
        Ok(note)
    }

    fn signer(&self, log: &LogName) -> Result<&Signer, StoreError> {
        let none = || StoreError::Key { log: log.clone(), what: "the log is still being taken over".to_owned() };
        self.signer.as_ref().ok_or_else(none)
    }

    /// The key that a batch makes the log's own: it follows the one in force, and is ready.
    fn rotated(&self, log: &LogName, events: &[Event]) -> Result<bool, StoreError> {
        let mut found = new_keys(events);
        let Some((event, new)) = found.next() else { return Ok(false) };
        let follows = match &event.body {
            Body::LogKeyRotated(rotated) => rotated.old == self.key,
            _ => false,
        };
        let staged = self.staged.as_ref().is_some_and(|staged| staged.verifier_key().to_string() == new);
        if found.next().is_some() || !follows || !staged {
            let what = "the next key is not the one that the event names; begin again";
            return Err(StoreError::Invalid(format!("the key of the log `{log}` was not changed: {what}")));
        }
        Ok(true)
    }

    fn rotate(&mut self) {
        if let Some(staged) = self.staged.take() {
            self.key = staged.verifier_key().to_string();
            self.before = self.signer.replace(staged);
        }
    }

    fn held(&self) -> impl Iterator<Item = (&Commitment, &Held)> {
        self.order.iter().filter_map(|commitment| match self.payloads.get(commitment) {
            Some(Payload::Held(held)) => Some((commitment, held)),
            _ => None,
        })
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
            let key = signer.verifier_key().to_string();
            let mut new = Log::new(&opening.origin, &key, Some(signer));
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
        now(self.with(log, |found| what.sign(log, found.signer(log)?)))
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        now(self.with(log, |found| {
            let seed = seed.map_or_else(|| keys::draw(log), Ok)?;
            let next = keys::signer(log, &found.origin, &seed)?;
            let key = next.verifier_key().to_string();
            if key == found.key {
                let what = "the key in force cannot follow itself; no key was staged".to_owned();
                return Err(StoreError::Key { log: log.clone(), what });
            }
            found.staged = Some(next);
            Ok(key)
        }))
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        now(self.with(log, |found| {
            let size = found.frontier.size();
            let newest = found.signed.as_mut().filter(|(signed, _)| *signed == point.size && size == point.size);
            let Some((_, text)) = newest.filter(|_| found.frontier.root() == point.root) else { return Ok(false) };
            let mut note = Note::parse(text.as_bytes())
                .map_err(|e| StoreError::Damaged { log: log.clone(), what: e.to_string() })?;
            lines.into_iter().for_each(|line| note.add(line));
            *text = note.to_string();
            Ok(true)
        }))
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        let mut state = self.state();
        if state.closed {
            return now(Err(StoreError::Closed));
        }
        if state.logs.contains_key(log) {
            return now(Err(StoreError::LogExists(log.clone())));
        }
        state.logs.insert(log.clone(), Log::new(origin, key, None));
        now(Ok(()))
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        now(self.with(log, |found| {
            let prepared = prepare_piece(&MemoryView { name: log, log: found }, piece)?;
            let committed = self.apply(log, found, &prepared)?;
            let events: Vec<Event> = prepared.entries.iter().map(|e| (*e.event).clone()).collect();
            if let Some((_, key)) = new_keys(&events).last() {
                key.clone_into(&mut found.key);
            }
            Ok(committed.size)
        }))
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        now(self.with(log, |found| {
            let Adopt { checkpoint, key, last } = how;
            let point = LogPoint { size: found.frontier.size(), root: found.frontier.root() };
            check_covers(log, &checkpoint, &found.origin, &point)?;
            let drawn = key.is_none();
            let signer = keys::signer(log, &found.origin, &key.map_or_else(|| keys::draw(log), Ok)?)?;
            let key = signer.verifier_key().to_string();
            if !drawn && key != found.key {
                let what = format!("it is `{key}`, and the log was signed with `{}`", found.key);
                return Err(StoreError::Key { log: log.clone(), what });
            }
            let batch = last(drawn.then_some(key.as_str()));
            let view = MemoryView { name: log, log: found };
            let mut prepared = prepare(&view, batch)?;
            look_up(&view, &mut prepared)?;
            let committed = self.apply(log, found, &prepared)?;
            for payload in found.payloads.values_mut() {
                if let Payload::Erased(erased) = payload
                    && erased.by == LEFT_OUT
                {
                    erased.by = point.size;
                }
            }
            found.signer = Some(signer);
            found.key = key;
            Ok(committed)
        }))
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        now(self.with(log, |found| {
            let view = MemoryView { name: log, log: found };
            let (folded, report) = checked(&view, &*self.projector)?;
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
