//! The threads that write. A log belongs to one lane of a node; what waits there shares one transaction.
//!
//! A transaction holds the log's row: nobody else appends meanwhile, so a batch has its index when it is decided, and is
//! acknowledged when the transaction is committed. `epoch` counts the transactions of a log: where it is what this node
//! left, what this node holds in memory is what the database says.

mod commit;
mod jobs;
mod settle;

use super::db::Db;
use super::signer::SignJob;
use super::told::Told;
use super::view::{LogRow, PgRows, PgView, Writing, hold_log};
use crate::batch::{Batch, Committed};
use crate::contract::Work;
use crate::error::StoreError;
use crate::fold::ViewTiles;
use crate::folder::Folder;
use crate::import::{Piece, new_keys};
use crate::keys::KeySource;
use crate::lookup::{of_event, of_payload};
use crate::prepare::{Prepared, look_up, prepare};
use crate::rows::{Projector, RowsReport};
use seatrial_ledger::{Frontier, Tile};
use seatrial_model::{Body, LogName};
use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// The most batches that share a commit.
const GROUP_JOBS_MAX: usize = 256;

/// The most bytes that share a commit, about.
const GROUP_BYTES_MAX: usize = 8 << 20;

/// Where an answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// Makes a log's first batch, given its key.
pub(crate) type First = Box<dyn FnOnce(&str) -> Batch + Send>;

/// What a lane is asked for.
pub(crate) enum Job {
    Transact {
        log: LogName,
        work: Work,
        reply: Reply<Committed>,
        permit: OwnedSemaphorePermit,
    },
    Open {
        log: LogName,
        origin: String,
        first: First,
        reply: Reply<Committed>,
    },
    BeginImport {
        log: LogName,
        origin: String,
        key: String,
        reply: Reply<()>,
    },
    Import {
        log: LogName,
        piece: Piece,
        reply: Reply<u64>,
    },
    /// The key is on this node's disk.
    Adopt {
        log: LogName,
        key: String,
        checkpoint: String,
        last: Batch,
        reply: Reply<Committed>,
    },
    Rebuild {
        log: LogName,
        reply: Reply<RowsReport>,
    },
    /// Folds a log's rows again, where another version folded them.
    Renew {
        log: LogName,
        reply: Reply<bool>,
    },
    Close {
        reply: Sender<()>,
    },
}

/// A log as this lane left it.
struct Known {
    epoch: i64,
    frontier: Frontier,
}

/// One log within the open transaction.
struct Open {
    log: LogName,
    row: LogRow,
    frontier: Frontier,
    /// The size before the transaction.
    before: u64,
    /// Tiles that became full in it.
    filled: Vec<Tile>,
    /// The key that it makes the log's own.
    key: Option<String>,
}

/// A batch within the open transaction.
struct Done {
    prepared: Prepared,
    key: Option<String>,
    committed: Committed,
}

/// One of the threads that write.
pub(crate) struct Lane {
    pub(crate) db: Db,
    pub(crate) folder: Folder,
    pub(crate) keys: KeySource,
    pub(crate) projector: Arc<dyn Projector>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) signer: Sender<SignJob>,
    pub(crate) told: Arc<Told>,
    logs: HashMap<LogName, Known>,
    writing: Writing,
}

impl Lane {
    pub(crate) fn new(
        db: Db,
        (folder, keys): (Folder, KeySource),
        projector: Arc<dyn Projector>,
        (jobs, signer): (Receiver<Job>, Sender<SignJob>),
        told: Arc<Told>,
    ) -> Self {
        let (logs, writing) = (HashMap::new(), Writing::default());
        Self { db, folder, keys, projector, jobs, signer, told, logs, writing }
    }

    /// Runs until it is closed, or nobody can ask any more.
    pub(crate) fn run(mut self) {
        let mut queue = VecDeque::new();
        loop {
            if queue.is_empty() {
                match self.jobs.recv() {
                    Ok(job) => queue.push_back(job),
                    Err(_) => return,
                }
            }
            while queue.len() < GROUP_JOBS_MAX {
                match self.jobs.try_recv() {
                    Ok(job) => queue.push_back(job),
                    Err(_) => break,
                }
            }
            match queue.pop_front() {
                Some(Job::Close { reply }) => {
                    let _ = reply.send(());
                    return;
                }
                Some(Job::Transact { log, work, reply, permit }) => {
                    let mut group = vec![(work, reply, permit)];
                    while let Some(Job::Transact { .. }) = queue.front().filter(|job| job.is_of(&log)) {
                        if let Some(Job::Transact { work, reply, permit, .. }) = queue.pop_front() {
                            group.push((work, reply, permit));
                        }
                    }
                    self.group(&log, group);
                }
                Some(job) => self.alone(job),
                None => {}
            }
        }
    }

    /// One commit of as many batches as wait.
    fn group(&mut self, log: &LogName, group: Vec<(Work, Reply<Committed>, OwnedSemaphorePermit)>) {
        let mut open = match self.begin(log) {
            Ok(open) => open,
            Err(error) => {
                for (_, reply, _) in group {
                    let _ = reply.send(Err(again(&error)));
                }
                return;
            }
        };
        let (mut done, mut waiting, mut bytes) = (Vec::new(), Vec::new(), 0);
        let mut lost: Option<StoreError> = None;
        for (work, reply, permit) in group {
            if let Some(error) = &lost {
                let _ = reply.send(Err(again(error)));
                continue;
            }
            match self.run_batch(&mut open, work, &done) {
                Ok(ran) => {
                    bytes += ran.prepared.bytes();
                    done.push(ran);
                    waiting.push((reply, permit));
                }
                Err(Failed::Alone(error)) => drop(reply.send(Err(error))),
                Err(Failed::All(error)) => {
                    lost = Some(again(&error));
                    let _ = reply.send(Err(error));
                }
            }
            if bytes > GROUP_BYTES_MAX && lost.is_none() {
                // What follows gets a transaction of its own.
                let committed = self.commit(&mut open, &done);
                Self::answer(std::mem::take(&mut done), std::mem::take(&mut waiting), committed);
                bytes = 0;
                match self.begin(log) {
                    Ok(next) => open = next,
                    Err(error) => lost = Some(error),
                }
            }
        }
        let committed = match lost {
            Some(error) => {
                self.take_back();
                Err(error)
            }
            None => self.commit(&mut open, &done),
        };
        Self::answer(done, waiting, committed);
    }

    /// Begins a transaction that holds the log.
    fn begin(&mut self, log: &LogName) -> Result<Open, StoreError> {
        let begun = self.db.ready().and_then(|()| {
            self.db.batch("BEGIN")?;
            self.hold(log)
        });
        if begun.is_err() {
            self.take_back();
        }
        begun
    }

    fn hold(&mut self, log: &LogName) -> Result<Open, StoreError> {
        let row = hold_log(&self.db, log)?;
        let (expected, found) = (i64::from(self.projector.version()), row.rows_version);
        if found != expected {
            let number = |version| u32::try_from(version).unwrap_or(u32::MAX);
            return Err(StoreError::RowsVersion { log: log.clone(), found: number(found), expected: number(expected) });
        }
        let frontier = match self.logs.remove(log).filter(|known| known.epoch == row.epoch) {
            Some(known) => known.frontier,
            None => {
                // Another node wrote, or this one begins: what it holds in memory says nothing.
                self.writing.hot.forget();
                load(&self.db, log, &row)?
            }
        };
        let (log, before, filled) = (log.clone(), row.info.size, Vec::new());
        Ok(Open { log, row, frontier, before, filled, key: None })
    }

    /// Decides on a batch, and takes it into the transaction. Until it begins to write, one that fails leaves nothing
    /// behind; one that fails later takes the transaction back, and what others wrote before it is written again.
    fn run_batch(&mut self, open: &mut Open, work: Work, before: &[Done]) -> Result<Done, Failed> {
        let decided = catch_unwind(AssertUnwindSafe(|| self.decide(open, work))).unwrap_or(Err(StoreError::Panicked));
        let (prepared, key) = match decided {
            Ok(decided) => decided,
            Err(error) if self.works() => return Err(Failed::Alone(error)),
            Err(error) => return Err(Failed::All(error)),
        };
        let written = catch_unwind(AssertUnwindSafe(|| self.write(open, &prepared)));
        match written.unwrap_or(Err(StoreError::Panicked)) {
            Ok(committed) => {
                if key.is_some() {
                    open.key.clone_from(&key);
                }
                Ok(Done { prepared, key, committed })
            }
            Err(error) => match self.write_again(open, before) {
                Ok(()) => Err(Failed::Alone(error)),
                Err(lost) => Err(Failed::All(lost)),
            },
        }
    }

    /// Whether the transaction goes on: an error of the database ends it.
    fn works(&mut self) -> bool {
        self.db.is_there() && self.db.batch("SELECT").is_ok()
    }

    fn decide(&self, open: &Open, work: Work) -> Result<(Prepared, Option<String>), StoreError> {
        let view = self.view(open);
        let batch = work(&view).map_err(StoreError::Refused)?;
        let key = self.rotated(open, &batch)?;
        // Sealed ones are new by how they were made; the tables' own keys refuse them otherwise.
        let looked = !batch.events.is_empty() || !batch.payloads.is_empty();
        let mut prepared = prepare(&view, batch)?;
        if looked {
            look_up(&view, &mut prepared)?;
        }
        Ok((prepared, key))
    }

    fn view<'a>(&'a self, open: &'a Open) -> PgView<'a> {
        let size = open.frontier.size();
        PgView { db: &self.db, log: &open.log, id: open.row.id, size, writing: Some(&self.writing) }
    }

    /// Takes a batch into memory: its rows are folded, the rest waits to be sent.
    fn write(&self, open: &mut Open, prepared: &Prepared) -> Result<Committed, StoreError> {
        {
            let view = self.view(open);
            let mut rows = PgRows { view: &view, hot: &self.writing.hot };
            for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
                self.projector
                    .apply(index, &entry.event, &mut rows)
                    .map_err(|source| StoreError::project(entry.event.id, source))?;
            }
        }
        let mut buffer = self.writing.buffer.borrow_mut();
        buffer.add(prepared);
        for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
            buffer.find_by(index, of_event(self.projector.found_by(&entry.event)));
        }
        for payload in &prepared.payloads {
            buffer.find_by(payload.index, of_payload(&payload.commitment, payload.new.case.as_deref()));
        }
        for (index, absent) in &prepared.absent {
            buffer.find_by(*index, of_payload(&absent.commitment, None));
        }
        for entry in &prepared.entries {
            open.filled.extend(open.frontier.push(entry.leaf));
        }
        let (first_index, size) = (prepared.first_index, open.frontier.size());
        Ok(Committed { first_index, size, events: prepared.ids() })
    }

    /// Takes the transaction back, and writes in a new one what the batches before had come to: as long as no other node
    /// came in between.
    fn write_again(&mut self, open: &mut Open, before: &[Done]) -> Result<(), StoreError> {
        let (log, epoch) = (open.log.clone(), open.row.epoch);
        self.take_back();
        *open = self.begin(&log)?;
        if open.row.epoch != epoch {
            let what = "another node appended in between; nothing was recorded, try again";
            return Err(StoreError::Database(what.to_owned()));
        }
        for Done { prepared, key, .. } in before {
            self.write(open, prepared)?;
            if key.is_some() {
                open.key.clone_from(key);
            }
        }
        Ok(())
    }

    /// The key that a batch makes the log's own: it follows the one in force, and is ready on this node.
    fn rotated(&self, open: &Open, batch: &Batch) -> Result<Option<String>, StoreError> {
        let mut found = new_keys(batch.all_events());
        let Some((event, new)) = found.next() else { return Ok(None) };
        let log = &open.log;
        let refused =
            |what: &str| Err(StoreError::Invalid(format!("the key of the log `{log}` was not changed: {what}")));
        if found.next().is_some() {
            return refused("a batch changes it once");
        }
        let Body::LogKeyRotated(rotated) = &event.body else { return refused("only a rotation does that") };
        if rotated.old != *open.key.as_ref().unwrap_or(&open.row.info.key) {
            return refused("the key in force is another one by now; begin again");
        }
        match self.folder.staged(log, &open.row.info.origin)? {
            Some(staged) if staged.verifier_key().to_string() == new => Ok(Some(new.to_owned())),
            _ => refused("the next key is not the one that the event names; begin again"),
        }
    }

    /// Ends the transaction, if one is open, and forgets what it changed.
    fn take_back(&mut self) {
        self.logs.clear();
        self.writing.hot.forget();
        self.writing.buffer.borrow_mut().forget();
        if self.db.is_there() && self.db.batch("ROLLBACK").is_err() {
            self.db.let_go();
        }
    }
}

impl Job {
    fn is_of(&self, wanted: &LogName) -> bool {
        matches!(self, Self::Transact { log, .. } if log == wanted)
    }
}

/// How far a failure goes.
enum Failed {
    /// This batch.
    Alone(StoreError),
    /// All of the transaction.
    All(StoreError),
}

/// Reads a log's right edge, which must have the root that its row says.
fn load(db: &Db, log: &LogName, row: &LogRow) -> Result<Frontier, StoreError> {
    let damaged = |what: String| StoreError::Damaged { log: log.clone(), what };
    let view = PgView { db, log, id: row.id, size: row.info.size, writing: None };
    let frontier = Frontier::load(row.info.size, &ViewTiles(&view)).map_err(|e| damaged(e.to_string()))?;
    if frontier.root() != row.info.root {
        return Err(damaged(format!("its tiles have the root {}, it says {}", frontier.root(), row.info.root)));
    }
    Ok(frontier)
}

/// The same failure, for one more of those that shared the transaction.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(why) => StoreError::Full(why.clone()),
        StoreError::Unsettled(why) => StoreError::Unsettled(why.clone()),
        StoreError::NoLog(log) => StoreError::NoLog(log.clone()),
        StoreError::Database(why) => StoreError::Database(why.clone()),
        StoreError::RowsVersion { log, found, expected } => {
            StoreError::RowsVersion { log: log.clone(), found: *found, expected: *expected }
        }
        other => StoreError::Database(other.to_string()),
    }
}
