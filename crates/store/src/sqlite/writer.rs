//! The one thread that writes: it drains a queue, and commits what it finds there together.

mod imports;
mod quiet;

use super::append::{Applied, Held, LogState, append, append_prepared, insert_log, rebuild};
use super::job::{Job, Ran, Reply, Written, again, lost_error, refuse};
use super::schema::{classify, classify_ref};
use super::signer::{SignJob, Signing};
use super::view::{execute, log_row};
use crate::batch::{Batch, Commit, Committed};
use crate::contract::Work;
use crate::error::StoreError;
use crate::folder::Folder;
use crate::prepare::prepare;
use crate::rows::{Projector, RowsReport};
use rusqlite::{Connection, params};
use seatrial_model::LogName;
use std::collections::{BTreeMap, VecDeque};
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, broadcast};

/// The most batches that share one commit: enough to hide the disk's latency, few enough that none waits long.
pub const GROUP_JOBS_MAX: usize = 256;

/// A group is closed when it has written this much, so that one commit stays short.
pub const GROUP_BYTES_MAX: usize = 16 << 20;

/// How soon emptying the write-ahead log after an erasure is tried again, where a reader was in the way.
const SCRUB_EVERY: Duration = Duration::from_millis(500);

pub(crate) struct Writer {
    pub(crate) conn: Connection,
    pub(crate) projector: Arc<dyn Projector>,
    pub(crate) jobs: Receiver<Job>,
    pub(crate) signer: Sender<SignJob>,
    pub(crate) commits: broadcast::Sender<Arc<Commit>>,
    /// How many transactions were committed.
    pub(crate) count: Arc<AtomicU64>,
    pub(crate) folder: Folder,
    /// Held for as long as this thread runs.
    pub(crate) lock: File,
    /// Logs as they stand after the last commit.
    pub(crate) logs: BTreeMap<LogName, LogState>,
    pub(crate) held: Held,
    /// Whether the signer knows already that a log has grown.
    pub(crate) unsigned: Arc<AtomicBool>,
    pub(crate) stopped: Option<String>,
    /// Writing lookups failed, and nothing was committed since.
    pub(crate) tired: bool,
    /// Since when it was last tried to empty the write-ahead log, where erased bytes may still stand.
    pub(crate) scrub: Option<Instant>,
}

impl Writer {
    /// Runs until it is closed, or nobody can ask any more.
    pub(crate) fn run(mut self) {
        let mut queue = VecDeque::new();
        loop {
            if queue.is_empty() {
                match self.next() {
                    Some(job) => queue.push_back(job),
                    None => continue,
                }
            }
            while queue.len() < GROUP_JOBS_MAX {
                match self.jobs.try_recv() {
                    Ok(job) => queue.push_back(job),
                    Err(_) => break,
                }
            }
            match queue.front() {
                Some(Job::Close { .. }) => {
                    if let Some(Job::Close { reply }) = queue.pop_front() {
                        let closed = self.finish();
                        // The lock goes before the answer: whoever waits for it may own the store at once.
                        drop(self);
                        let _ = reply.send(closed);
                    }
                    return;
                }
                Some(Job::Drain { .. }) => {
                    if let Some(Job::Drain { reply }) = queue.pop_front() {
                        let _ = reply.send(());
                    }
                }
                _ => self.group(&mut queue),
            }
            if self.scrub.is_some_and(|since| since.elapsed() >= SCRUB_EVERY) {
                self.try_scrub();
            }
        }
    }

    /// One commit: of batches as many as wait, of any other job that one alone.
    fn group(&mut self, queue: &mut VecDeque<Job>) {
        let begun = match &self.stopped {
            Some(why) => Err(StoreError::Stopped(why.clone())),
            None => execute(&self.conn, "BEGIN IMMEDIATE", []),
        };
        if let Err(error) = begun {
            // One at a time, since an error cannot be copied; each gets its own attempt or the same answer.
            if let Some(job) = queue.pop_front() {
                refuse(job, error);
            }
            return;
        }
        let mut states = BTreeMap::new();
        let mut ran = Vec::new();
        let mut bytes = 0;
        let mut lost = false;
        while bytes < GROUP_BYTES_MAX {
            let done = match queue.pop_front() {
                Some(Job::Transact { log, work, reply, permit }) => {
                    let asker = (reply, permit);
                    self.run_batch(&log, work, asker, &mut states, &mut ran)
                }
                Some(job) if ran.is_empty() && !matches!(job, Job::Drain { .. } | Job::Close { .. }) => {
                    bytes = GROUP_BYTES_MAX;
                    self.run_job(job, &mut states)
                }
                Some(job) => {
                    queue.push_front(job);
                    break;
                }
                None => break,
            };
            bytes += if let Ran::Batch { applied, .. } = &done { applied.bytes } else { 0 };
            ran.push(done);
            // A full or failing disk may end the whole transaction, not only what was last tried in it.
            lost = self.conn.is_autocommit();
            if lost {
                break;
            }
        }
        let committed = if lost { Err(lost_error(&ran)) } else { self.commit(&mut states) };
        self.answer(ran, states, committed);
    }

    fn commit(&mut self, states: &mut BTreeMap<LogName, LogState>) -> Result<(), StoreError> {
        let (conn, held) = (&self.conn, &self.held);
        let flushed = states.iter_mut().try_for_each(|(log, state)| state.flush(conn, log, held));
        self.end(flushed)
    }

    /// Commits what was written, or takes it back.
    fn end(&mut self, written: Result<(), StoreError>) -> Result<(), StoreError> {
        let committed = written.and_then(|()| execute(&self.conn, "COMMIT", []));
        if committed.is_err()
            && !self.conn.is_autocommit()
            && let Err(error) = self.conn.execute_batch("ROLLBACK")
        {
            self.stopped = Some(error.to_string());
        }
        if let Err(StoreError::Stopped(why)) = &committed {
            tracing::error!(%why, "the disk failed under a commit; the store has stopped writing");
            self.stopped = Some(why.clone());
        }
        committed
    }

    /// Decides on a batch and writes it, without a savepoint: these cost a copy of every page that is touched. Until it
    /// begins to write, a batch that fails leaves nothing behind; one that fails later takes the transaction back, and
    /// what others wrote before it, which is known, is written again.
    fn run_batch(
        &mut self,
        log: &LogName,
        work: Work,
        (reply, permit): (Reply<Committed>, OwnedSemaphorePermit),
        states: &mut BTreeMap<LogName, LogState>,
        ran: &mut [Ran],
    ) -> Ran {
        let decided = catch_unwind(AssertUnwindSafe(|| self.decide(log, work, states)));
        let written = match decided.unwrap_or(Err(StoreError::Panicked)) {
            Ok(written) => Box::new(written),
            Err(error) => return Ran::Refused { reply, error, permit: Some(permit) },
        };
        match catch_unwind(AssertUnwindSafe(|| self.write(&written, states))).unwrap_or(Err(StoreError::Panicked)) {
            Ok(applied) => Ran::Batch { reply, applied, opened: None, permit: Some(permit), written: Some(written) },
            Err(error) => {
                if !self.conn.is_autocommit()
                    && let Err(lost) = self.write_again(states, ran)
                {
                    // Half a batch must not be committed with the others: the whole group is given up.
                    tracing::error!(error = %lost, "a transaction could not be written again, and was given up");
                    let _ = self.conn.execute_batch("ROLLBACK");
                }
                Ran::Refused { reply, error, permit: Some(permit) }
            }
        }
    }

    /// What a batch comes to on the state of the commit, as it is to be written.
    fn decide(
        &mut self,
        log: &LogName,
        work: Work,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<Written, StoreError> {
        let state = take_state(&mut self.logs, &self.conn, log, states)?;
        let view = state.view(&self.conn, log, &self.held);
        let batch = work(&view).map_err(StoreError::Refused)?;
        let key = self.rotated(log, &batch)?;
        Ok(Written { log: log.clone(), prepared: prepare(&view, batch)?, key })
    }

    fn write(&mut self, written: &Written, states: &mut BTreeMap<LogName, LogState>) -> Result<Applied, StoreError> {
        let Written { log, prepared, key } = written;
        let state = take_state(&mut self.logs, &self.conn, log, states)?;
        let applied = append_prepared(&self.conn, log, state, (&*self.projector, &self.held), prepared)?;
        if let Some(key) = key {
            self.set_key(log, key)?;
        }
        Ok(applied)
    }

    /// Takes the transaction back and writes in a new one what the batches before had come to.
    fn write_again(&mut self, states: &mut BTreeMap<LogName, LogState>, ran: &mut [Ran]) -> Result<(), StoreError> {
        self.conn.execute_batch("ROLLBACK").map_err(classify)?;
        self.held.taken_back();
        self.logs.clear();
        states.clear();
        self.conn.execute_batch("BEGIN IMMEDIATE").map_err(classify)?;
        for done in ran {
            if let Ran::Batch { applied, written: Some(written), .. } = done {
                *applied = self.write(written, states)?;
            }
        }
        Ok(())
    }

    /// Runs any other job, in a savepoint of its own.
    fn run_job(&mut self, job: Job, states: &mut BTreeMap<LogName, LogState>) -> Ran {
        match job {
            Job::Open { log, signing, first, reply } => {
                match self.savepoint(|this| this.open(&log, &signing, first, states)) {
                    Ok(applied) => Ran::Batch { reply, applied, opened: Some(signing), permit: None, written: None },
                    Err(error) => Ran::Refused { reply, error, permit: None },
                }
            }
            Job::Rebuild { log, reply } => match self.savepoint(|this| this.rebuild(&log, states)) {
                Ok(report) => Ran::Rebuilt { reply, report },
                Err(error) => Ran::NotRebuilt { reply, error },
            },
            Job::BeginImport { log, origin, key, reply } => {
                let done = self.savepoint(|this| this.begin_import(&log, &origin, &key, states));
                Ran::Begun { reply, done }
            }
            Job::Import { log, piece, reply } => {
                let done = self.savepoint(|this| this.import(&log, piece, states));
                Ran::Imported { reply, done }
            }
            Job::Adopt { log, signing, checkpoint, last, reply } => {
                match self.savepoint(|this| this.adopt(&log, &signing, &checkpoint, last, states)) {
                    Ok(applied) => Ran::Batch { reply, applied, opened: Some(signing), permit: None, written: None },
                    Err(error) => Ran::Refused { reply, error, permit: None },
                }
            }
            Job::Signed { log, note } => {
                let sql = "UPDATE logs SET note = ?2 WHERE name = ?1";
                let kept = self.savepoint(|this| execute(&this.conn, sql, params![log.as_str(), note]));
                if let Err(error) = kept {
                    // The file beside the database is what counts; the next checkpoint is kept here again.
                    tracing::warn!(%log, %error, "a signed checkpoint was not copied into the database");
                }
                Ran::Quiet
            }
            // `group` runs the first by itself, and leaves these two in the queue.
            Job::Transact { .. } | Job::Drain { .. } | Job::Close { .. } => Ran::Quiet,
        }
    }

    fn savepoint<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.conn.execute_batch("SAVEPOINT job").map_err(classify)?;
        let outcome = catch_unwind(AssertUnwindSafe(|| run(self))).unwrap_or(Err(StoreError::Panicked));
        if outcome.is_err() {
            // What it changed in memory is taken back with what it wrote; nobody else wrote in this transaction.
            self.held.taken_back();
        }
        let end = if outcome.is_ok() { "RELEASE job" } else { "ROLLBACK TO job; RELEASE job" };
        if self.conn.is_autocommit() {
            return outcome;
        }
        if let Err(error) = self.conn.execute_batch(end) {
            // Half a batch must not be committed with the others: the whole group is given up.
            let _ = self.conn.execute_batch("ROLLBACK");
            return Err(classify(error));
        }
        outcome
    }

    fn apply(
        &self,
        log: &LogName,
        mut state: LogState,
        batch: Batch,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<Applied, StoreError> {
        let applied = append(&self.conn, log, &mut state, (&*self.projector, &self.held), batch)?;
        states.insert(log.clone(), state);
        Ok(applied)
    }

    /// The log as it stands within this transaction, to be changed by the one job that asks.
    fn state(&self, log: &LogName, states: &BTreeMap<LogName, LogState>) -> Result<LogState, StoreError> {
        match states.get(log).or_else(|| self.logs.get(log)) {
            Some(state) => Ok(state.clone()),
            None => LogState::load(&self.conn, &log_row(&self.conn, log)?),
        }
    }

    fn open(
        &self,
        log: &LogName,
        signing: &Signing,
        first: Box<dyn FnOnce(&str) -> Batch + Send>,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<Applied, StoreError> {
        match log_row(&self.conn, log) {
            Ok(_) => return Err(StoreError::LogExists(log.clone())),
            Err(StoreError::NoLog(_)) => {}
            Err(error) => return Err(error),
        }
        let key = signing.key();
        let state = insert_log(&self.conn, log, &signing.origin, &key, self.projector.version())?;
        let batch = first(&key);
        if batch.events.is_empty() {
            return Err(StoreError::Invalid(format!("the log `{log}` was not opened: its first batch has no event")));
        }
        self.apply(log, state, batch, states)
    }

    fn rebuild(&self, log: &LogName, states: &mut BTreeMap<LogName, LogState>) -> Result<RowsReport, StoreError> {
        let size = self.state(log, states)?.frontier.size();
        let mut row = log_row(&self.conn, log)?;
        // The log's own row is written at the end of the transaction.
        row.info.size = size;
        let rebuilt = rebuild(&self.conn, &row, &*self.projector);
        // They were changed past what is held in memory.
        self.held.hot.forget();
        rebuilt
    }

    /// Tells everybody, subscribers first: who reads an answer may rely on what they have been told.
    fn answer(&mut self, ran: Vec<Ran>, states: BTreeMap<LogName, LogState>, committed: Result<(), StoreError>) {
        if committed.is_ok() {
            self.count.fetch_add(1, Ordering::Relaxed);
            self.logs.extend(states);
            self.held.hot.trim();
            self.held.pending.committed();
            self.tired = false;
        } else {
            // What stands in the database is read again.
            self.logs.clear();
            self.held.taken_back();
        }
        let mut erased = false;
        for done in &ran {
            let Ran::Batch { applied, opened, .. } = done else { continue };
            if committed.is_err() {
                continue;
            }
            erased |= applied.erased;
            if let Some(commit) = &applied.commit {
                // Nobody has to listen.
                let _ = self.commits.send(Arc::clone(commit));
            }
            if let Some(signing) = opened {
                let _ = self.signer.send(SignJob::Add(signing.clone()));
            } else if !self.unsigned.swap(true, Ordering::SeqCst) {
                let _ = self.signer.send(SignJob::Dirty);
            }
        }
        if erased {
            self.try_scrub();
        }
        let failed = |error: &Result<(), StoreError>| error.as_ref().err().map(again);
        for done in ran {
            match done {
                Ran::Batch { reply, applied, permit, .. } => {
                    let _ = reply.send(failed(&committed).map_or(Ok(applied.committed), Err));
                    drop(permit);
                }
                Ran::Rebuilt { reply, report } => {
                    let _ = reply.send(failed(&committed).map_or(Ok(report), Err));
                }
                Ran::Refused { reply, error, permit } => {
                    let _ = reply.send(Err(error));
                    drop(permit);
                }
                Ran::NotRebuilt { reply, error } => {
                    let _ = reply.send(Err(error));
                }
                Ran::Begun { reply, done } => {
                    let _ = reply.send(failed(&committed).map_or(done, Err));
                }
                Ran::Imported { reply, done } => {
                    let _ = reply.send(failed(&committed).map_or(done, Err));
                }
                Ran::Quiet => {}
            }
        }
    }

    /// Empties the write-ahead log, where erased bytes may still stand.
    fn try_scrub(&mut self) {
        let busy = self.conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |r| r.get::<_, i64>(0));
        self.scrub = (busy != Ok(0)).then(Instant::now);
    }

    /// The end of an orderly life: nothing is left in the write-ahead log, and the next start knows it.
    fn finish(&mut self) -> Result<(), StoreError> {
        if let Some(why) = &self.stopped {
            return Err(StoreError::Stopped(why.clone()));
        }
        while !self.held.pending.waiting().is_empty() {
            if let Err(error) = self.write_lookups() {
                tracing::warn!(%error, "lookups were not written; the next start reads them from the events");
                break;
            }
        }
        execute(&self.conn, "UPDATE meta SET clean = 1", [])?;
        self.try_scrub();
        Ok(())
    }
}

/// A log as it stands within this transaction, taken from where the last one left it.
fn take_state<'a>(
    logs: &mut BTreeMap<LogName, LogState>,
    conn: &Connection,
    log: &LogName,
    states: &'a mut BTreeMap<LogName, LogState>,
) -> Result<&'a mut LogState, StoreError> {
    let state = match states.remove(log).or_else(|| logs.remove(log)) {
        Some(state) => state,
        None => LogState::load(conn, &log_row(conn, log)?)?,
    };
    Ok(states.entry(log.clone()).or_insert(state))
}

impl Drop for Writer {
    fn drop(&mut self) {
        // Explicitly, although closing the file would do it too: this is what the lock is for.
        let _ = self.lock.unlock();
    }
}

/// Marks the store as in use: a start that finds this mark knows that the end before was not orderly.
pub(crate) fn mark_in_use(conn: &Connection) -> Result<bool, StoreError> {
    let clean: i64 = conn.query_row("SELECT clean FROM meta", [], |r| r.get(0)).map_err(|e| classify_ref(&e))?;
    execute(conn, "UPDATE meta SET clean = 0", [])?;
    Ok(clean != 0)
}
