//! The embedded store: SQLite in write-ahead mode, one owner process, one thread that writes.

mod append;
mod job;
mod migrate;
mod open;
mod pending;
mod readers;
mod schema;
mod secrets;
mod signer;
mod strays;
mod view;
mod writer;

pub use open::{Options, Recovered, Started};
pub use readers::{READ_QUEUE_MAX, READERS};
pub use secrets::SECRET_BYTES_MAX;
pub(crate) use secrets::check_secret;
pub use signer::SIGN_EVERY;
pub use writer::{GROUP_BYTES_MAX, GROUP_JOBS_MAX};

use crate::batch::{Commit, Committed};
use crate::contract::{Attest, LogInfo, OpenLog, ReadWork, Reader, Secret, Store, Work};
use crate::error::StoreError;
use crate::folder::Folder;
use crate::import::{Adopt, Piece, check_covers};
use crate::keys::{self, KeySource, Seed};
use crate::rows::{Projector, RowsReport};
use futures_util::future::BoxFuture;
use job::{Job, Reply};
use readers::{Readers, in_transaction, spawn};
use seatrial_ledger::NoteSignature;
use seatrial_model::{LogName, LogPoint};
use secrets::Secrets;
use signer::{Newest, NewestMap, SignJob, Signing};
use std::cell::OnceCell;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, broadcast, oneshot};
use view::{SqlView, all_logs, log_row};

/// Batches that may wait for the writer; the next one waits to be let in.
pub const WRITE_QUEUE_MAX: usize = 4_096;

/// Commits that a subscriber may lag behind before it is told to read what it missed.
pub const SUBSCRIBER_LAG_MAX: usize = 4_096;

/// Reading an embedded store, with or without its owner.
pub struct SqliteReader {
    folder: Folder,
    readers: Readers,
    projector: Arc<dyn Projector>,
}

/// The embedded store, held by its one owner.
pub struct SqliteStore {
    reader: SqliteReader,
    keys: KeySource,
    secrets: Arc<Secrets>,
    started: Started,
    newest: NewestMap,
    commits: broadcast::Sender<Arc<Commit>>,
    count: Arc<AtomicU64>,
    room: Arc<Semaphore>,
    /// Logs are opened one at a time: two must not draw a key for the same one.
    opening: tokio::sync::Mutex<()>,
    /// None once it is closed.
    running: Arc<Mutex<Option<Running>>>,
}

/// The threads of an owner.
struct Running {
    writer: Sender<Job>,
    signer: Sender<SignJob>,
    writer_thread: JoinHandle<()>,
    signer_thread: JoinHandle<()>,
}

impl Running {
    /// In this order: what was accepted is written, then signed, then the signature is kept; then the lock goes.
    fn close(self) -> Result<(), StoreError> {
        let (reply, drained) = channel();
        let _ = self.writer.send(Job::Drain { reply });
        let _ = drained.recv();
        let _ = self.signer.send(SignJob::Close);
        let signed = self.signer_thread.join();
        let (reply, closed) = channel();
        let _ = self.writer.send(Job::Close { reply });
        let closed = closed.recv();
        let wrote = self.writer_thread.join();
        if signed.is_err() || wrote.is_err() {
            return Err(StoreError::Panicked);
        }
        closed.unwrap_or(Err(StoreError::Closed))
    }
}

impl SqliteReader {
    /// Opens a store for reading; its owner may be at work meanwhile.
    ///
    /// # Errors
    /// Where there is no store, or its rows were folded by another version of the projector.
    pub fn open(dir: &Path, projector: Arc<dyn Projector>) -> Result<Self, StoreError> {
        let folder = Folder::new(dir);
        let conn = schema::open_reader(&folder)?;
        migrate::check_readable(&conn, &folder)?;
        for row in all_logs(&conn)? {
            let (found, expected) = (row.rows_version, projector.version());
            if found != expected {
                return Err(StoreError::RowsVersion { log: row.info.log, found, expected });
            }
        }
        let readers = Readers::start(&folder, Arc::clone(&projector), None)?;
        Ok(Self { folder, readers, projector })
    }
}

impl Reader for SqliteReader {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.readers.read(log.clone(), work))
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        Box::pin(self.readers.run(|conn| Ok(all_logs(conn)?.into_iter().map(|row| row.info).collect())))
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let (log, folder) = (log.clone(), self.folder.clone());
        Box::pin(self.readers.run(move |conn| {
            log_row(conn, &log)?;
            folder.read_checkpoint(&log)
        }))
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let (log, projector) = (log.clone(), Arc::clone(&self.projector));
        Box::pin(
            self.readers
                .run(move |conn| in_transaction(conn, || append::check(conn, &log_row(conn, &log)?, &*projector))),
        )
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let (log, folder, projector) = (log.clone(), self.folder.clone(), Arc::clone(&self.projector));
        Box::pin(self.readers.run(move |conn| {
            in_transaction(conn, || {
                let row = log_row(conn, &log)?;
                let tail = OnceCell::new();
                let newest = view::Newest::Events(&*projector, &tail);
                let view = SqlView { conn, log: &log, id: row.id, size: row.info.size, hot: None, newest };
                let mut found = crate::mirror::check_mirror(&view, &row.info)?;
                found.extend(strays::of_log(&folder, &row, &view)?);
                Ok(found)
            })
        }))
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        let folder = self.folder.clone();
        Box::pin(self.readers.run(move |conn| {
            let mut statement = conn.prepare("PRAGMA integrity_check").map_err(schema::classify)?;
            let found = statement.query_map([], |r| r.get(0)).map_err(schema::classify)?;
            let found = found.collect::<Result<Vec<String>, _>>().map_err(schema::classify)?;
            let mut found: Vec<String> = found.into_iter().filter(|line| line != "ok").collect();
            found.extend(in_transaction(conn, || strays::of_store(&folder, conn))?);
            Ok(found)
        }))
    }
}

impl SqliteStore {
    /// What the start found: whether the end before it was orderly, and what was folded again.
    #[must_use]
    pub const fn started(&self) -> &Started {
        &self.started
    }

    /// What the end before this start left behind, where it was not orderly: one for each log, for the
    /// `node.recovered` that the caller appends.
    #[must_use]
    pub fn recovered(&self) -> Option<&[Recovered]> {
        self.started.recovered.as_deref()
    }

    /// How many transactions this owner has committed: batches over commits is how well they share them.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn send(&self, job: Job) -> Result<(), StoreError> {
        match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => running.writer.send(job).map_err(|_| StoreError::Closed),
            None => Err(StoreError::Closed),
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(job(reply))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Asks the thread that signs.
    fn ask_signer<T: Send + 'static>(
        &self,
        job: impl FnOnce(Reply<T>) -> SignJob,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let (reply, answer) = oneshot::channel();
        let sent = match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => running.signer.send(job(reply)).map_err(|_| StoreError::Closed),
            None => Err(StoreError::Closed),
        };
        Box::pin(async move {
            sent?;
            answer.await.unwrap_or(Err(StoreError::Closed))
        })
    }

    /// Secrets are read and written by the reading threads: they are few and short.
    async fn secret<T: Send + 'static>(
        &self,
        run: impl FnOnce(&Secrets) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let secrets = Arc::clone(&self.secrets);
        self.reader.readers.run(move |_| run(&secrets)).await
    }

    fn take_running(&self) -> Option<Running> {
        self.reader.readers.close();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.take_running().map(Running::close) {
            tracing::error!(%error, "the store was not closed in an orderly way");
        }
    }
}

impl Reader for SqliteStore {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        self.reader.read(log, work)
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        self.reader.logs()
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner).get(log).cloned();
        match newest {
            Some(newest) => Box::pin(std::future::ready(Ok(Some(newest.note)))),
            None => self.reader.checkpoint(log),
        }
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        self.reader.check_rows(log)
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        self.reader.check_mirror(log)
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        self.reader.check_database()
    }
}

impl Store for SqliteStore {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        Box::pin(async move {
            let _one_at_a_time = self.opening.lock().await;
            let (folder, source) = (self.reader.folder.clone(), self.keys.clone());
            let (name, OpenLog { origin, first }) = (log.clone(), opening);
            // The key is on the disk before the log that needs it.
            let signing = self.reader.readers.run(move |conn| match log_row(conn, &name) {
                Ok(_) => Err(StoreError::LogExists(name)),
                Err(StoreError::NoLog(_)) => {
                    let seed = folder.seed(&source, &name, &origin, true)?;
                    let signer = keys::signer(&name, &origin, &seed)?;
                    Ok(Box::new(Signing { log: name, origin, signer, before: None }))
                }
                Err(error) => Err(error),
            });
            let signing = signing.await?;
            self.ask(|reply| Job::Open { log, signing, first, reply }).await
        })
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        Box::pin(async move {
            let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
            self.ask(|reply| Job::Transact { log, work, reply, permit }).await
        })
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.ask_signer(|reply| SignJob::Now { log, reply })
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        self.ask_signer(|reply| SignJob::Attest { log, what, reply })
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        let (log, folder) = (log.clone(), self.reader.folder.clone());
        Box::pin(self.reader.readers.run(move |conn| {
            let info = log_row(conn, &log)?.info;
            let seed = seed.map_or_else(|| keys::draw(&log), Ok)?;
            let next = keys::signer(&log, &info.origin, &seed)?.verifier_key().to_string();
            if next == info.key {
                let what = "the key in force cannot follow itself; no key was staged".to_owned();
                return Err(StoreError::Key { log, what });
            }
            folder.stage(&log, &seed)?;
            Ok(next)
        }))
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let log = log.clone();
        self.ask_signer(|reply| SignJob::Cosigned { log, point, lines, reply })
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        let (log, origin, key) = (log.clone(), origin.to_owned(), key.to_owned());
        Box::pin(self.ask(|reply| Job::BeginImport { log, origin, key, reply }))
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        let log = log.clone();
        Box::pin(self.ask(|reply| Job::Import { log, piece, reply }))
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let (log, folder, newest) = (log.clone(), self.reader.folder.clone(), Arc::clone(&self.newest));
        Box::pin(async move {
            let Adopt { checkpoint, key, last } = how;
            let (name, note) = (log.clone(), checkpoint.clone());
            // Key and checkpoint are on the disk before the log goes on.
            let signing = self.reader.readers.run(move |conn| {
                let info = log_row(conn, &name)?.info;
                let point = LogPoint { size: info.size, root: info.root };
                check_covers(&name, &note, &info.origin, &point)?;
                let drawn = key.is_none();
                let seed = key.map_or_else(|| keys::draw(&name), Ok)?;
                let signer = keys::signer(&name, &info.origin, &seed)?;
                if !drawn && signer.verifier_key().to_string() != info.key {
                    let what = format!("it is `{}`, and the log was signed with `{}`", signer.verifier_key(), info.key);
                    return Err(StoreError::Key { log: name, what });
                }
                folder.keep_seed(&name, &seed)?;
                folder.write_checkpoint(&name, &note)?;
                newest.write().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), Newest { point, note });
                Ok((Box::new(Signing { log: name, origin: info.origin, signer, before: None }), drawn))
            });
            let (signing, drawn) = signing.await?;
            let key = signing.key();
            let last = last(drawn.then_some(key.as_str()));
            self.ask(|reply| Job::Adopt { log, signing, checkpoint, last, reply }).await
        })
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        Box::pin(self.ask(|reply| Job::Rebuild { log, reply }))
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        Box::pin(self.secret(move |secrets| secrets.put(&kind, &key, &secret)))
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        Box::pin(self.secret(move |secrets| secrets.get(&kind, &key)))
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let kind = kind.to_owned();
        Box::pin(self.secret(move |secrets| secrets.list(&kind)))
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        Box::pin(self.secret(move |secrets| secrets.delete(&kind, &key)))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let Some(running) = self.take_running() else { return Box::pin(std::future::ready(Ok(()))) };
        let (reply, answer) = oneshot::channel();
        // Closing waits for threads, which a future must not do.
        let waiting = spawn("store-close", &self.reader.folder, move || drop(reply.send(running.close())));
        Box::pin(async move {
            waiting?;
            answer.await.unwrap_or(Err(StoreError::Panicked))
        })
    }
}
