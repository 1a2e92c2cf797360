//! A database that many nodes write to, and what becomes of their calls: `docs/concepts/fault-model.md` as code. The truth
//! is one [`MemoryStore`]; reads may be answered by a copy that lags behind.

mod blind;
mod node;

pub use node::NodeStore;

use super::run::{Owner, Sim};
use futures_util::future::{BoxFuture, FutureExt as _};
use seatrial_ledger::{NoteSignature, leaf_hash};
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

    /// The leaf hashes of a log, of which a run has far fewer entries than one read gives.
    pub fn leaves(&self, log: &LogName) -> Vec<Digest> {
        let entries = self.look(log, |view| view.entries(0, usize::MAX)).unwrap();
        entries.iter().map(|entry| leaf_hash(&entry.bytes)).collect()
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
