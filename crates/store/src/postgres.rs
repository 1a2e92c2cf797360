//! The store for fleets: PostgreSQL, any number of nodes.
//!
//! A commit is one transaction that holds the log's row: what is acknowledged has its index at once. Commits of other
//! nodes are told to subscribers as [`foreign`](crate::Commit::foreign). See `docs/decisions/0037-postgresql.md`.

mod buffer;
mod db;
mod follow;
mod lane;
mod readers;
mod schema;
mod signer;
mod tls;
mod told;
mod view;

pub use schema::rights;

use crate::batch::{Commit, Committed};
use crate::contract::{Attest, LogInfo, OpenLog, ReadWork, Reader, Secret, Store, Work};
use crate::error::StoreError;
use crate::fold::check_rows;
use crate::folder::Folder;
use crate::import::{Adopt, Piece, check_covers};
use crate::keys::{self, KeySource, Seed};
use crate::mirror::check_mirror;
use crate::rows::{Projector, RowsReport};
use crate::sqlite::{SUBSCRIBER_LAG_MAX, WRITE_QUEUE_MAX, check_secret};
use db::{Db, Place};
use follow::Follower;
use futures_util::future::BoxFuture;
use lane::{Job, Lane, Reply};
use readers::{Readers, spawn};
use seatrial_ledger::NoteSignature;
use seatrial_model::{LogName, LogPoint};
use signer::{SignJob, SignerThread};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Semaphore, broadcast, oneshot};
use told::Told;
use view::{all_logs, log_row};

/// Threads that write, and their connections, of a node: a log belongs to one of them.
pub const LANES: usize = 4;

/// How a fleet's store is opened.
#[derive(Clone)]
pub struct PgOptions {
    /// `postgres://USER@HOST:PORT/DATABASE`, or as `key=value` pairs.
    pub url: String,
    /// The schema of the tables.
    pub schema: String,
    /// Folds events into rows.
    pub projector: Arc<dyn Projector>,
    /// Where this node's signing keys come from.
    pub keys: KeySource,
    /// This node's own folder: key files, and the newest checkpoints that it signed or saw.
    pub folder: PathBuf,
    /// What this node is called.
    pub node: String,
}

impl PgOptions {
    /// The schema that is used where none is named.
    pub const SCHEMA: &'static str = "seatrial";

    /// Whether the database is reached over TLS, as its address says.
    ///
    /// # Errors
    /// Where the address cannot be read, or asks for what is weaker than it sounds.
    pub fn is_protected(&self) -> Result<bool, StoreError> {
        Ok(self.place()?.is_protected())
    }

    fn place(&self) -> Result<Place, StoreError> {
        Place::new(&self.url, &self.schema, &self.node)
    }
}

/// A fleet's store, as one node holds it.
pub struct PgStore {
    place: Place,
    folder: Folder,
    projector: Arc<dyn Projector>,
    readers: Readers,
    told: Arc<Told>,
    room: Arc<Semaphore>,
    renewed: Vec<LogName>,
    /// None once it is closed.
    running: Arc<Mutex<Option<Running>>>,
}

/// The threads of a node.
struct Running {
    lanes: Vec<Sender<Job>>,
    signer: Sender<SignJob>,
    ends: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// In this order: what was accepted is written, then signed.
    fn close(self) -> Result<(), StoreError> {
        for lane in &self.lanes {
            let (reply, ended) = channel();
            let _ = lane.send(Job::Close { reply });
            let _ = ended.recv();
        }
        let (reply, ended) = channel();
        let _ = self.signer.send(SignJob::Close { reply });
        let _ = ended.recv();
        self.ends.store(true, Ordering::SeqCst);
        let failed = self.threads.into_iter().map(JoinHandle::join).filter(Result::is_err).count();
        if failed > 0 { Err(StoreError::Panicked) } else { Ok(()) }
    }
}

/// Runs code that waits, on a thread of its own.
async fn aside<T: Send + 'static>(
    run: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (reply, answer) = oneshot::channel();
    drop(spawn("store-open", move || drop(reply.send(run())))?);
    answer.await.unwrap_or(Err(StoreError::Panicked))
}

impl PgStore {
    /// Makes the tables. This needs the owner's rights; nodes need fewer ([`rights`]).
    ///
    /// # Errors
    /// [`StoreError::StoreExists`] where they are there, and where the database cannot be reached or refuses.
    pub async fn init(options: &PgOptions) -> Result<(), StoreError> {
        let place = options.place()?;
        aside(move || {
            let mut db = Db::new(place.clone())?;
            db.ready()?;
            schema::make(&mut db, &place.schema)
        })
        .await
    }

    /// Joins a fleet as one of its nodes.
    ///
    /// # Errors
    /// Where there are no tables or they have another format, the database cannot be reached, or a log does not extend
    /// the newest checkpoint that was signed or that this node remembers ([`StoreError::Forked`]).
    pub async fn open(options: PgOptions) -> Result<Self, StoreError> {
        aside(move || Self::start(&options)).await
    }

    fn start(options: &PgOptions) -> Result<Self, StoreError> {
        let place = options.place()?;
        let folder = Folder::new(&options.folder);
        folder.make()?;
        let mut db = Db::new(place.clone())?;
        db.ready()?;
        schema::check_format(&db, &place.schema)?;
        let logs = all_logs(&db)?;
        for row in &logs {
            drop(signer::check(&db, &folder, row)?);
        }
        if let Some(gone) = folder.remembered()?.into_iter().find(|log| logs.iter().all(|row| row.info.log != *log)) {
            let what = "this node remembers a checkpoint of it, and the database does not have it".to_owned();
            return Err(StoreError::Damaged { log: gone, what });
        }
        let told = Arc::new(Told::new(SUBSCRIBER_LAG_MAX));
        logs.iter().for_each(|row| told.begins(&row.info.log, row.info.size));
        let running = Self::threads(options, &place, &folder, &told)?;
        let mut store = Self {
            readers: Readers::start(&place)?,
            place,
            folder,
            projector: Arc::clone(&options.projector),
            told,
            room: Arc::new(Semaphore::new(WRITE_QUEUE_MAX)),
            renewed: Vec::new(),
            running: Arc::new(Mutex::new(Some(running))),
        };
        for row in logs {
            let log = row.info.log.clone();
            let (reply, answer) = oneshot::channel();
            store.send(&row.info.log, Job::Renew { log: log.clone(), reply })?;
            if answer.blocking_recv().unwrap_or(Err(StoreError::Closed))? {
                tracing::info!(%log, events = row.info.size, "the projections were folded again for this version");
                store.renewed.push(log);
            }
        }
        Ok(store)
    }

    fn threads(options: &PgOptions, place: &Place, folder: &Folder, told: &Arc<Told>) -> Result<Running, StoreError> {
        let (signer, sign_jobs) = channel();
        let ends = Arc::new(AtomicBool::new(false));
        let (mut lanes, mut threads) = (Vec::new(), Vec::new());
        for n in 0..LANES {
            let (sender, jobs) = channel();
            let keys = (folder.clone(), options.keys.clone());
            let db = Db::new(place.clone())?;
            let lane = Lane::new(db, keys, Arc::clone(&options.projector), (jobs, signer.clone()), Arc::clone(told));
            threads.push(spawn(&format!("store-write-{n}"), move || lane.run())?);
            lanes.push(sender);
        }
        let (db, keys) = (Db::new(place.clone())?, options.keys.clone());
        let signing = SignerThread { db, folder: folder.clone(), keys, jobs: sign_jobs };
        threads.push(spawn("store-sign", move || signing.run())?);
        let (db, told) = (Db::new(place.clone())?, Arc::clone(told));
        let follower = Follower { db, told, signer: signer.clone(), ends: Arc::clone(&ends) };
        threads.push(spawn("store-follow", move || follower.run())?);
        Ok(Running { lanes, signer, ends, threads })
    }

    /// What this node is called.
    #[must_use]
    pub fn node(&self) -> &str {
        self.place.node()
    }

    /// The logs whose rows were folded again at the start, for this version.
    #[must_use]
    pub fn renewed(&self) -> &[LogName] {
        &self.renewed
    }

    fn send(&self, log: &LogName, job: Job) -> Result<(), StoreError> {
        let mut hasher = DefaultHasher::new();
        log.as_str().hash(&mut hasher);
        let n = usize::try_from(hasher.finish() % LANES as u64).unwrap_or(0);
        match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => {
                let lane = running.lanes.get(n).ok_or(StoreError::Closed)?;
                lane.send(job).map_err(|_| StoreError::Closed)
            }
            None => Err(StoreError::Closed),
        }
    }

    async fn ask<T>(&self, log: &LogName, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(log, job(reply))?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Asks the thread that signs.
    async fn ask_signer<T>(&self, job: impl FnOnce(Reply<T>) -> SignJob) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        match &*self.running.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(running) => running.signer.send(job(reply)).map_err(|_| StoreError::Closed)?,
            None => return Err(StoreError::Closed),
        }
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    fn take_running(&self) -> Option<Running> {
        self.readers.close();
        self.running.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// This node's own folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for PgStore {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.take_running().map(Running::close) {
            tracing::error!(%error, "the store was not closed in an orderly way");
        }
    }
}

impl Reader for PgStore {
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(self.readers.read(log.clone(), work))
    }

    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>> {
        Box::pin(self.readers.run(|db| Ok(all_logs(db)?.into_iter().map(|row| row.info).collect())))
    }

    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>> {
        let log = log.clone();
        Box::pin(self.readers.run(move |db| {
            let row = log_row(db, &log)?;
            Ok(signer::newest(db, &log, row.id)?.map(|newest| newest.note))
        }))
    }

    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let projector = Arc::clone(&self.projector);
        Box::pin(self.readers.on_log(log.clone(), move |view| check_rows(view, &*projector)))
    }

    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let folder = self.folder.clone();
        Box::pin(self.readers.on_log(log.clone(), move |view| {
            let row = log_row(view.db, view.log)?;
            let mut found = check_mirror(view, &row.info)?;
            found.extend(signer::check(view.db, &folder, &row).err().map(|error| error.to_string()));
            let sql = "SELECT count(*) FROM events WHERE log = $1 AND (idx < 0 OR idx >= $2)";
            let beyond: i64 =
                view.db.one(sql, &[&row.id, &view::to_sql(row.info.size)], |r| r.try_get(0))?.unwrap_or(0);
            if beyond > 0 {
                found.push(format!("{beyond} entries stand outside of the log's size"));
            }
            Ok(found)
        }))
    }

    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>> {
        // Pages are the database's own matter (`pg_amcheck`, checksums).
        Box::pin(self.readers.run(|db| db.batch("SELECT 1").map(|()| Vec::new())))
    }
}

impl Store for PgStore {
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        let OpenLog { origin, first } = opening;
        Box::pin(async move { self.ask(&log, |reply| Job::Open { log: log.clone(), origin, first, reply }).await })
    }

    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let log = log.clone();
        Box::pin(async move {
            let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| StoreError::Closed)?;
            self.ask(&log, |reply| Job::Transact { log: log.clone(), work, reply, permit }).await
        })
    }

    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        Box::pin(self.ask_signer(|reply| SignJob::Now { log, reply }))
    }

    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>> {
        let log = log.clone();
        Box::pin(self.ask_signer(|reply| SignJob::Attest { log, what, reply }))
    }

    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>> {
        let (log, folder) = (log.clone(), self.folder.clone());
        Box::pin(self.readers.run(move |db| {
            let row = log_row(db, &log)?;
            let seed = seed.map_or_else(|| keys::draw(&log), Ok)?;
            signer::stage(&folder, &row, &seed)
        }))
    }

    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let log = log.clone();
        Box::pin(self.ask_signer(|reply| SignJob::Cosigned { log, point, lines, reply }))
    }

    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>> {
        let (log, origin, key) = (log.clone(), origin.to_owned(), key.to_owned());
        Box::pin(async move { self.ask(&log, |reply| Job::BeginImport { log: log.clone(), origin, key, reply }).await })
    }

    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>> {
        let log = log.clone();
        Box::pin(async move { self.ask(&log, |reply| Job::Import { log: log.clone(), piece, reply }).await })
    }

    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>> {
        let (log, folder) = (log.clone(), self.folder.clone());
        Box::pin(async move {
            let Adopt { checkpoint, key, last } = how;
            let (name, note) = (log.clone(), checkpoint.clone());
            // Key and checkpoint are on the disk before the log goes on.
            let kept = self.readers.run(move |db| {
                let info = log_row(db, &name)?.info;
                let point = LogPoint { size: info.size, root: info.root };
                check_covers(&name, &note, &info.origin, &point)?;
                let drawn = key.is_none();
                let seed = key.map_or_else(|| keys::draw(&name), Ok)?;
                let key = keys::signer(&name, &info.origin, &seed)?.verifier_key().to_string();
                if !drawn && key != info.key {
                    let what = format!("it is `{key}`, and the log was signed with `{}`", info.key);
                    return Err(StoreError::Key { log: name, what });
                }
                folder.keep_seed(&name, &seed)?;
                folder.write_checkpoint(&name, &note)?;
                Ok((key, drawn))
            });
            let (key, drawn) = kept.await?;
            let last = last(drawn.then_some(key.as_str()));
            self.ask(&log, |reply| Job::Adopt { log: log.clone(), key, checkpoint, last, reply }).await
        })
    }

    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>> {
        let log = log.clone();
        Box::pin(async move { self.ask(&log, |reply| Job::Rebuild { log: log.clone(), reply }).await })
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.told.subscribe()
    }

    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        Box::pin(self.readers.run(move |db| {
            check_secret(&kind, &secret)?;
            let sql = "INSERT INTO secrets (kind, key, value) VALUES ($1, $2, $3)
                       ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value";
            db.execute(sql, &[&kind, &key, &secret.0]).map(drop)
        }))
    }

    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        let sql = "SELECT value FROM secrets WHERE kind = $1 AND key = $2";
        Box::pin(self.readers.run(move |db| db.one(sql, &[&kind, &key], |r| r.try_get(0).map(Secret))))
    }

    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>> {
        let kind = kind.to_owned();
        let sql = "SELECT key FROM secrets WHERE kind = $1 ORDER BY key";
        Box::pin(self.readers.run(move |db| db.many(sql, &[&kind], |r| r.try_get(0))))
    }

    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>> {
        let (kind, key) = (kind.to_owned(), key.to_owned());
        let sql = "DELETE FROM secrets WHERE kind = $1 AND key = $2";
        Box::pin(self.readers.run(move |db| Ok(db.execute(sql, &[&kind, &key])? > 0)))
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let Some(running) = self.take_running() else { return Box::pin(std::future::ready(Ok(()))) };
        Box::pin(aside(move || running.close()))
    }
}
