//! A database that many nodes write to, and what becomes of their calls: `docs/concepts/fault-model.md` as code. The truth
//! is one [`MemoryStore`]; reads may be answered by a copy that lags behind.

use super::run::{Owner, Sim};
use futures_util::future::{BoxFuture, FutureExt as _};
use seatrial_ledger::NoteSignature;
use seatrial_model::{Commitment, Digest, Event, EventId, LogName, LogPoint, Time};
use seatrial_store::{
    Adopt, Attest, Batch, Commit, Committed, Entry, LogInfo, MemoryStore, NewPayload, OpenLog, Payload, Piece,
    ReadWork, Reader, ReaderExt as _, Row, RowsReport, Scan, Secret, Seed, Store, StoreError, View, Work,
};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::{broadcast, oneshot};

/// How far a read on another node may lie behind, in milliseconds.
pub const LAG_MS: u64 = 400;
/// How late a node may be told of another's commit.
pub const TOLD_MS: u64 = 300;

/// What goes wrong how often, in a thousand.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// A write fails, and nothing is there.
    pub before: u64,
    /// The commit is there, and its answer is lost.
    pub lost: u64,
    /// Where an answer was lost: whether the commit is there cannot be found out either.
    pub unsettled: u64,
    /// A read fails.
    pub read: u64,
    /// A read is answered by the copy that lags.
    pub stale: u64,
    /// The longest way there or back, in milliseconds.
    pub slow: u64,
}

impl Faults {
    pub const NONE: Self = Self { before: 0, lost: 0, unsettled: 0, read: 0, stale: 0, slow: 3 };
    pub const SOME: Self = Self { before: 25, lost: 35, unsettled: 500, read: 15, stale: 300, slow: 30 };
}

/// A bug that is planted, so that the checks are seen to find it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plant {
    /// A commit is acknowledged before it is durable.
    AckBeforeDurable,
    /// After an answer that was lost the same batch is sent again, and what comes of that is answered.
    BlindRetry,
    /// A precondition is read from the copy that lags, before the commit.
    StalePrecondition,
    /// The commit does not read stops.
    StopNotReread,
    /// A crash in the middle of a commit leaves a part of it.
    Torn,
    /// A read does not see what the same node was acknowledged.
    ReadsBehind,
}

#[derive(Default)]
struct State {
    /// Commits that the copy has not taken over yet: their number, when they were made, and what they are.
    behind: VecDeque<(u64, u64, LogName, Piece)>,
    commits: u64,
    /// Up to which commit each node has seen.
    seen: Vec<u64>,
    /// When each node is told of the newest commit.
    told: Vec<u64>,
    nodes: Vec<Option<broadcast::Sender<Arc<Commit>>>>,
    down_until: u64,
    /// What was acknowledged.
    acknowledged: Vec<(LogName, Committed)>,
    /// What was answered to be not recorded.
    denied: Vec<(LogName, Vec<EventId>, String)>,
    faults: Option<Faults>,
    /// Checkpoints as they were handed out.
    pub notes: Vec<(LogName, String)>,
}

/// The database.
pub struct Db {
    pub sim: Sim,
    pub truth: MemoryStore,
    copy: MemoryStore,
    pub plant: Option<Plant>,
    state: Mutex<State>,
}

impl Db {
    pub fn new(sim: &Sim, base: &MemoryStore, nodes: usize, plant: Option<Plant>) -> Arc<Self> {
        let state = State { seen: vec![0; nodes], told: vec![0; nodes], nodes: vec![None; nodes], ..State::default() };
        Arc::new(Self { sim: sim.clone(), truth: base.fork(), copy: base.fork(), plant, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn set_faults(&self, faults: Faults) {
        self.state().faults = Some(faults);
    }

    fn faults(&self) -> Faults {
        self.state().faults.unwrap_or(Faults::NONE)
    }

    /// Nobody reaches the database for so long.
    pub fn go_down(&self, ms: u64) {
        let until = self.sim.now() + ms;
        self.state().down_until = until;
    }

    pub fn acknowledged(&self) -> Vec<(LogName, Committed)> {
        self.state().acknowledged.clone()
    }

    pub fn denied(&self) -> Vec<(LogName, Vec<EventId>, String)> {
        self.state().denied.clone()
    }

    pub fn notes(&self) -> Vec<(LogName, String)> {
        self.state().notes.clone()
    }

    fn is_down(&self) -> bool {
        self.sim.now() < self.state().down_until
    }

    async fn way(&self) {
        let slow = self.faults().slow;
        self.sim.sleep(self.sim.below(slow + 1)).await;
    }

    /// What the truth holds, read at once.
    pub fn look<T: Send + 'static>(
        &self,
        log: &LogName,
        work: impl FnOnce(&dyn View) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.truth.read_with(log, work).now_or_never().unwrap()
    }

    /// Every event of a log.
    pub fn events(&self, log: &LogName) -> Vec<(u64, Event)> {
        let (mut all, mut from) = (Vec::new(), 0);
        loop {
            let page = self.truth.events(log, from, 1_000).now_or_never().unwrap().unwrap();
            let Some((last, _)) = page.last() else { return all };
            from = last + 1;
            all.extend(page);
        }
    }

    /// Brings the copy up to a commit, and up to what lies back longer than the lag that is drawn.
    fn catch_up(&self, seen: u64) {
        let oldest = self.sim.now().saturating_sub(self.sim.below(LAG_MS));
        loop {
            let mut state = self.state();
            let due = state.behind.front().is_some_and(|(number, at, ..)| *number <= seen || *at <= oldest);
            let Some((.., log, piece)) = (if due { state.behind.pop_front() } else { None }) else { return };
            drop(state);
            self.copy.import(&log, piece).now_or_never().unwrap().unwrap();
        }
    }

    /// A commit was made: the copy will have it, and every node be told of it.
    fn made(self: &Arc<Self>, node: usize, unsettled: bool, log: &LogName, committed: &Committed, blobs: Vec<Vec<u8>>) {
        let (first, size) = (committed.first_index, committed.size);
        let (entries, payloads, events) = self.look(log, move |view| parts(view, first, size)).unwrap();
        let piece = Piece { entries, payloads, absent: Vec::new(), blobs };
        let kinds: Vec<&str> = events.iter().map(|e| e.body.kind()).collect();
        self.sim.note(format!("commit {log} {first} {} by {node}", kinds.join(",")));
        let mut state = self.state();
        state.commits += 1;
        let (number, now) = (state.commits, self.sim.now());
        state.behind.push_back((number, now, log.clone(), piece));
        let nodes = state.told.len();
        for to in 0..nodes {
            let late = if to == node && !unsettled { 0 } else { self.sim.below(TOLD_MS) };
            let due = (now + late).max(state.told[to] + 1);
            state.told[to] = due;
            let commit = Commit {
                log: log.clone(),
                first_index: first,
                events: events.clone(),
                foreign: to != node || unsettled,
            };
            let (db, commit) = (Arc::clone(self), Arc::new(commit));
            self.sim.spawn(Owner::Wire, async move {
                db.sim.sleep(due - now).await;
                let mut state = db.state();
                if let Some(to) = state.nodes[to].clone() {
                    drop(to.send(commit));
                }
                state.seen[to] = state.seen[to].max(number);
            });
        }
    }

    fn answered(&self, log: &LogName, ids: Vec<EventId>, outcome: &Result<Committed, StoreError>) {
        match outcome {
            Ok(committed) => self.state().acknowledged.push((log.clone(), committed.clone())),
            Err(StoreError::Unsettled(_) | StoreError::Stopped(_)) => {}
            Err(error) => self.state().denied.push((log.clone(), ids, error.to_string())),
        }
    }
}

type Parts = (Vec<Vec<u8>>, Vec<NewPayload>, Vec<Arc<Event>>);

/// What a commit wrote.
fn parts(view: &dyn View, first: u64, size: u64) -> Result<Parts, StoreError> {
    let count = usize::try_from(size - first).unwrap();
    let (mut entries, mut payloads, mut events) = (Vec::new(), Vec::new(), Vec::new());
    for entry in view.entries(first, count)? {
        let event = entry.event(view.log())?;
        for commitment in event.payloads.values() {
            if let Some(Payload::Held(held)) = view.payload(commitment)? {
                let (salt, bytes, kind) = (held.salt, held.bytes, held.kind);
                payloads.push(NewPayload { salt, bytes, kind, case: held.case, expires: held.expires });
            }
        }
        entries.push(entry.bytes);
        events.push(Arc::new(event));
    }
    Ok((entries, payloads, events))
}

/// The database as one node reaches it, in one of its lives.
pub struct NodeStore {
    db: Arc<Db>,
    node: usize,
    commits: broadcast::Sender<Arc<Commit>>,
    alive: Arc<AtomicBool>,
}

impl NodeStore {
    pub fn new(db: &Arc<Db>, node: usize) -> Self {
        let commits = broadcast::Sender::new(1_024);
        db.state().nodes[node] = Some(commits.clone());
        let alive = Arc::new(true.into());
        Self { db: Arc::clone(db), node, commits, alive }
    }

    /// Whether an answer still reaches somebody.
    pub fn lives(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.alive)
    }

    /// One call: on its way, done, on its way back. What it does is done whether or not somebody still waits.
    fn call<T: Send + 'static>(
        &self,
        done: impl FnOnce(&Db) -> Result<T, StoreError> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let db = Arc::clone(&self.db);
        Box::pin(async move {
            db.way().await;
            if db.is_down() || db.sim.in_thousand(db.faults().read) {
                return Err(away());
            }
            let answer = done(&db);
            db.way().await;
            answer
        })
    }
}

fn away() -> StoreError {
    StoreError::Database("the connection was refused".to_owned())
}

/// What a commit would write, noted while its work runs.
#[derive(Clone, Default)]
struct Noted(Arc<Mutex<(Vec<EventId>, Vec<Vec<u8>>)>>);

impl Noted {
    fn note(&self, batch: &Batch) {
        let ids = batch.all_events().map(|e| e.id).collect();
        *self.0.lock().unwrap() = (ids, batch.blobs.clone());
    }

    fn take(&self) -> (Vec<EventId>, Vec<Vec<u8>>) {
        self.0.lock().unwrap().clone()
    }
}

/// One transaction at the database; gives what came of it, and the batch where a planted bug wants it again.
fn commit(
    db: &Arc<Db>,
    (node, unsettled): (usize, bool),
    log: &LogName,
    work: Work,
    noted: &Noted,
) -> Result<Committed, StoreError> {
    let inner = noted.clone();
    let plant = db.plant;
    let again = Arc::new(Mutex::new(None));
    let keep = Arc::clone(&again);
    let work: Work = Box::new(move |view| {
        let blind = Blind(view);
        let batch = work(if plant == Some(Plant::StopNotReread) { &blind } else { view })?;
        inner.note(&batch);
        *keep.lock().unwrap() = Some(batch.clone());
        Ok(batch)
    });
    if plant == Some(Plant::Torn) && db.sim.in_thousand(db.faults().lost) {
        let mut batch = before(&db.truth, log, work)?;
        batch.events.truncate(1);
        let committed = append(db, log, batch)?;
        db.made(node, true, log, &committed, Vec::new());
        return Err(StoreError::Unsettled("the database crashed".to_owned()));
    }
    let outcome = if plant == Some(Plant::StalePrecondition) {
        db.catch_up(0);
        before(&db.copy, log, work).and_then(|batch| append(db, log, batch))
    } else {
        db.truth.transact(log, work).now_or_never().unwrap()
    };
    let (_, blobs) = noted.take();
    if let Ok(committed) = &outcome
        && !committed.events.is_empty()
    {
        db.made(node, unsettled, log, committed, blobs);
        if plant == Some(Plant::BlindRetry) && db.sim.in_thousand(db.faults().lost * 3) {
            let batch = again.lock().unwrap().take().unwrap_or_default();
            return append(db, log, batch);
        }
    }
    outcome
}

fn append(db: &Db, log: &LogName, batch: Batch) -> Result<Committed, StoreError> {
    db.truth.transact(log, Box::new(move |_| Ok(batch))).now_or_never().unwrap()
}

/// Runs work outside a commit.
fn before(store: &MemoryStore, log: &LogName, work: Work) -> Result<Batch, StoreError> {
    let slot = Arc::new(Mutex::new(None));
    let inner = Arc::clone(&slot);
    let read: ReadWork = Box::new(move |view| *inner.lock().unwrap() = Some(work(view)));
    store.read(log, read).now_or_never().unwrap()?;
    let came = slot.lock().unwrap().take().unwrap();
    came.map_err(StoreError::Refused)
}

impl Reader for NodeStore {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        let (node, log) = (self.node, log.clone());
        self.call(move |db| {
            if db.sim.in_thousand(db.faults().stale) {
                // What this node was told, or wrote itself, it sees.
                let seen = db.state().seen[node];
                db.catch_up(if db.plant == Some(Plant::ReadsBehind) { 0 } else { seen });
                return db.copy.read(&log, work).now_or_never().unwrap();
            }
            db.truth.read(&log, work).now_or_never().unwrap()
        })
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        self.call(|db| db.truth.logs().now_or_never().unwrap())
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.checkpoint(&log).now_or_never().unwrap())
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.check_rows(&log).now_or_never().unwrap())
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.check_mirror(&log).now_or_never().unwrap())
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.call(|_| Ok(Vec::new()))
    }
}

impl Store for NodeStore {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.open_log(&log, opening).now_or_never().unwrap())
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let (tell, told) = oneshot::channel();
        let (db, node, log, alive) = (Arc::clone(&self.db), self.node, log.clone(), self.lives());
        self.db.sim.spawn(Owner::Wire, async move {
            db.way().await;
            let faults = db.faults();
            // A node that crashed before its call was on the wire: nothing is there. Else the call goes on without it.
            let unsent = !alive.load(Ordering::SeqCst) && db.sim.in_thousand(500);
            if unsent || db.is_down() || db.sim.in_thousand(faults.before) {
                drop(tell.send(Err(away())));
                return;
            }
            let noted = Noted::default();
            if db.plant == Some(Plant::AckBeforeDurable) {
                acknowledge_before(&db, node, &log, work, &alive, tell).await;
                return;
            }
            let lost = db.sim.in_thousand(faults.lost);
            // Where it cannot be found out either, the node hears of its own commit as of another's.
            let unsettled = lost && db.sim.in_thousand(faults.unsettled);
            let outcome = commit(&db, (node, unsettled), &log, work, &noted);
            db.way().await;
            let written = matches!(&outcome, Ok(committed) if !committed.events.is_empty());
            let outcome = if unsettled && written {
                Err(StoreError::Unsettled("the connection was lost".to_owned()))
            } else {
                if lost {
                    // It asks again, over another connection, by the ids of its events.
                    db.sim.sleep(100).await;
                }
                outcome
            };
            let (ids, _) = noted.take();
            if alive.load(Ordering::SeqCst) {
                db.answered(&log, ids, &outcome);
                let mut state = db.state();
                state.seen[node] = state.commits;
                drop(state);
                drop(tell.send(outcome));
            }
        });
        Box::pin(async move { told.await.unwrap_or_else(|_| Err(away())) })
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| {
            let note = db.truth.sign_now(&log).now_or_never().unwrap()?;
            db.state().notes.push((log, note.clone()));
            Ok(note)
        })
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.attest(&log, what).now_or_never().unwrap())
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.stage_key(&log, seed).now_or_never().unwrap())
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.add_cosignatures(&log, point, lines).now_or_never().unwrap())
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        let (log, origin, key) = (log.clone(), origin.to_owned(), key.to_owned());
        self.call(move |db| db.truth.begin_import(&log, &origin, &key).now_or_never().unwrap())
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.import(&log, piece).now_or_never().unwrap())
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.adopt(&log, how).now_or_never().unwrap())
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        self.call(move |db| db.truth.rebuild(&log).now_or_never().unwrap())
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_put(&kind, &key, secret).now_or_never().unwrap())
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_get(&kind, &key).now_or_never().unwrap())
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let kind = kind.to_owned();
        self.call(move |db| db.truth.secret_list(&kind).now_or_never().unwrap())
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        self.call(move |db| db.truth.secret_delete(&kind, &key).now_or_never().unwrap())
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

/// The planted bug: answered first, written later, where the node still lives.
async fn acknowledge_before(
    db: &Arc<Db>,
    node: usize,
    log: &LogName,
    work: Work,
    alive: &AtomicBool,
    tell: oneshot::Sender<Result<Committed, StoreError>>,
) {
    let batch = match before(&db.truth, log, work) {
        Ok(batch) => batch,
        Err(error) => return drop(tell.send(Err(error))),
    };
    let first_index = db.look(log, |view| view.size()).unwrap();
    let events: Vec<EventId> = batch.all_events().map(|e| e.id).collect();
    let committed = Committed { first_index, size: first_index + events.len() as u64, events };
    db.answered(log, Vec::new(), &Ok(committed.clone()));
    drop(tell.send(Ok(committed)));
    db.sim.sleep(20).await;
    if alive.load(Ordering::SeqCst) {
        let blobs = batch.blobs.clone();
        if let Ok(committed) = append(db, log, batch) {
            db.made(node, false, log, &committed, blobs);
        }
    }
}

/// The planted bug: a view in which nothing is stopped.
struct Blind<'a>(&'a dyn View);

impl View for Blind<'_> {
    fn log(&self) -> &LogName {
        self.0.log()
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.0.size()
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.entries(from, limit)
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        self.0.event_index(id)
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.row(table, key)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        if scan.table == "stop" { Ok(Vec::new()) } else { self.0.scan(scan) }
    }

    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError> {
        self.0.about(name, key, limit)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.blob(digest)
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.0.blobs(after, limit)
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        self.0.payload(commitment)
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.0.payloads(after, limit)
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        self.0.payloads_of_case(case)
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        self.0.payloads_expired(now, limit)
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.0.tables()
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.tile(level, n)
    }
}
