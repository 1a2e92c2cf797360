//! Becoming the owner of a store: the lock, the format, the keys, and what the last end left behind.

use super::append::{Held, LogState, rebuild};
use super::migrate;
use super::pending::{Pending, Tail};
use super::readers::{READERS, Readers, spawn};
use super::schema::{self, FORMAT, classify};
use super::secrets::Secrets;
use super::signer::{self, Newest, SignJob, SignerThread, Signing};
use super::strays;
use super::view::{LogRow, Newest as Lookups, SqlView, all_logs};
use super::writer::{Writer, mark_in_use};
use super::{Running, SUBSCRIBER_LAG_MAX, SqliteReader, SqliteStore, WRITE_QUEUE_MAX};
use crate::error::StoreError;
use crate::fold::check_extends;
use crate::folder::Folder;
use crate::hot::Hot;
use crate::keys::KeySource;
use crate::rows::{NoRows, Projector};
use rusqlite::Connection;
use seatrial_ledger::{VerifierKey, empty_root};
use seatrial_model::{LogName, LogPoint};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Instant;
use tokio::sync::{Semaphore, broadcast};

/// How a store is opened by its owner.
pub struct Options {
    /// Folds events into rows.
    pub projector: Arc<dyn Projector>,
    /// Where the logs' signing keys come from.
    pub keys: KeySource,
    /// The most bytes that the database may grow to; without, the disk is the limit.
    pub bytes_max: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self { projector: Arc::new(NoRows), keys: KeySource::Files, bytes_max: None }
    }
}

/// What a start found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Started {
    /// The format that the store had before, where it was an earlier one.
    pub migrated: Option<i64>,
    /// Each log as the last end left it, where that end was not orderly.
    pub recovered: Option<Vec<Recovered>>,
    /// Logs whose rows another version of the projector had folded, and which were folded again.
    pub rebuilt: Vec<LogName>,
}

/// A log after an end that was not orderly.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// The log.
    pub log: LogName,
    /// The newest checkpoint that was signed before.
    pub signed: LogPoint,
    /// How many durable entries came after it.
    pub unsigned_entries: u64,
}

impl SqliteStore {
    /// Makes a store where none is, and becomes its owner.
    ///
    /// # Errors
    /// [`StoreError::StoreExists`] where there is one, and where the folder cannot be written.
    pub fn create(dir: &Path, options: Options) -> Result<Self, StoreError> {
        let folder = Folder::new(dir);
        folder.make()?;
        let lock = folder.own()?;
        let conn = schema::open_writer(&folder, options.bytes_max)?;
        if schema::format(&conn)? != 0 {
            return Err(StoreError::StoreExists(dir.to_owned()));
        }
        schema::make(&conn)?;
        start(folder, lock, conn, options, FORMAT)
    }

    /// Becomes the owner of a store.
    ///
    /// # Errors
    /// Where there is none, another process owns it, it was written by a newer program, a signing key is missing
    /// or another one, or a log does not extend the newest checkpoint that was signed ([`StoreError::Forked`]).
    pub fn open(dir: &Path, options: Options) -> Result<Self, StoreError> {
        let folder = Folder::new(dir);
        if !folder.evidence().exists() {
            return Err(StoreError::NoStore(dir.to_owned()));
        }
        // Before anything is touched: what a newer program wrote stays as it is.
        migrate::known_format(&folder)?;
        folder.make()?;
        let lock = folder.own()?;
        // Nobody else migrates it from here on.
        let found = migrate::known_format(&folder)?;
        let conn = schema::open_writer(&folder, options.bytes_max)?;
        start(folder, lock, conn, options, found)
    }

    /// Opens a store for reading only; its owner may be at work meanwhile.
    ///
    /// # Errors
    /// As [`SqliteReader::open`].
    pub fn open_read_only(dir: &Path, projector: Arc<dyn Projector>) -> Result<SqliteReader, StoreError> {
        SqliteReader::open(dir, projector)
    }
}

/// What is known of the logs before the threads start.
#[derive(Default)]
struct Logs {
    states: BTreeMap<LogName, LogState>,
    newest: BTreeMap<LogName, Newest>,
    keys: BTreeMap<LogName, Signing>,
    recovered: Vec<Recovered>,
    rebuilt: Vec<LogName>,
}

/// Looks at every log; an older format is migrated with it, in one transaction, or stays where something is refused.
fn take_up_all(
    at: (&Folder, &Connection),
    options: &Options,
    found: i64,
    pending: &Pending,
) -> Result<Logs, StoreError> {
    let (folder, conn) = at;
    let older = found < FORMAT;
    let take_up_each = || {
        let mut logs = Logs::default();
        if older {
            migrate::migrate(conn, found)?;
        }
        for row in all_logs(conn)? {
            take_up(at, (options, older), row, pending, &mut logs)?;
        }
        strays::check_remembered(folder, conn)?;
        Ok(logs)
    };
    if !older {
        return take_up_each();
    }
    tracing::info!(from = found, to = FORMAT, "the store is of an earlier format, and is migrated");
    conn.execute_batch("BEGIN IMMEDIATE").map_err(classify)?;
    let done = take_up_each().and_then(|logs| conn.execute_batch("COMMIT").map_err(classify).map(|()| logs));
    if done.is_err() && !conn.is_autocommit() {
        conn.execute_batch("ROLLBACK").map_err(classify)?;
    }
    done
}

fn start(
    folder: Folder,
    lock: File,
    conn: Connection,
    options: Options,
    found: i64,
) -> Result<SqliteStore, StoreError> {
    let pending = Arc::new(Pending::new(READERS));
    let logs = take_up_all((&folder, &conn), &options, found, &pending)?;
    // Only now: a start that was refused leaves the mark of the end before it.
    let clean = mark_in_use(&conn)?;
    let migrated = (found < FORMAT).then_some(found);
    let started = Started { migrated, recovered: (!clean).then_some(logs.recovered), rebuilt: logs.rebuilt };
    if let Some(recovered) = &started.recovered {
        tracing::warn!(logs = recovered.len(), "the store was not closed in an orderly way before");
    }
    let readers = Readers::start(&folder, Arc::clone(&options.projector), Some(Arc::clone(&pending)))?;
    let secrets = Arc::new(Secrets(Mutex::new(schema::open_secrets(&folder)?)));
    let newest = Arc::new(RwLock::new(logs.newest));
    let (writer, jobs) = channel();
    let (signer, sign_jobs) = channel();
    let commits = broadcast::Sender::new(SUBSCRIBER_LAG_MAX);
    let count = Arc::default();
    let unsigned = Arc::new(AtomicBool::new(true));
    let signing = SignerThread {
        conn: schema::open_reader(&folder)?,
        folder: folder.clone(),
        keys: logs.keys,
        newest: Arc::clone(&newest),
        jobs: sign_jobs,
        writer: writer.clone(),
        unsigned: Arc::clone(&unsigned),
    };
    let writing = Writer {
        conn,
        projector: Arc::clone(&options.projector),
        jobs,
        signer: signer.clone(),
        commits: commits.clone(),
        count: Arc::clone(&count),
        folder: folder.clone(),
        lock,
        logs: logs.states,
        held: Held { hot: Hot::default(), pending },
        unsigned,
        stopped: None,
        tired: false,
        // Bytes that were erased just before the last end may stand in the write-ahead log.
        scrub: (!clean).then(Instant::now),
    };
    let writer_thread = spawn("store-write", &folder, move || writing.run())?;
    let signer_thread = spawn("store-sign", &folder, move || signing.run())?;
    // Whatever was left unsigned is signed soon.
    let _ = signer.send(SignJob::Dirty);
    let running = Arc::new(Mutex::new(Some(Running { writer, signer, writer_thread, signer_thread })));
    let reader = SqliteReader { folder, readers, projector: options.projector };
    let room = Arc::new(Semaphore::new(WRITE_QUEUE_MAX));
    Ok(SqliteStore {
        reader,
        keys: options.keys,
        secrets,
        started,
        newest,
        commits,
        count,
        room,
        opening: tokio::sync::Mutex::default(),
        running,
    })
}

/// Checks one log, and takes up its right edge, its key and its newest checkpoint. The cost does not grow with
/// the log, unless its rows have to be folded again.
fn take_up(
    (folder, conn): (&Folder, &Connection),
    (options, fold_again): (&Options, bool),
    row: LogRow,
    pending: &Pending,
    logs: &mut Logs,
) -> Result<(), StoreError> {
    let (log, info) = (row.info.log.clone(), row.info.clone());
    let state = LogState::load(conn, &row)?;
    let (signer, before) = folder.signers(&options.keys, &log, &info.origin, &info.key)?;
    let known: Vec<VerifierKey> =
        std::iter::once(&signer).chain(&before).map(|signer| signer.verifier_key().clone()).collect();
    let newest = newest(folder, &row, &known)?;
    if let Some(newest) = &newest {
        check_extends(
            &SqlView { conn, log: &log, id: row.id, size: info.size, hot: None, newest: Lookups::Unused },
            &log,
            info.size,
            &newest.point,
        )?;
    }
    if fold_again || row.rows_version != options.projector.version() {
        conn.execute_batch("SAVEPOINT rows").map_err(classify)?;
        let rebuilt = rebuild(conn, &row, &*options.projector);
        if !conn.is_autocommit() {
            let end = if rebuilt.is_ok() { "RELEASE rows" } else { "ROLLBACK TO rows; RELEASE rows" };
            conn.execute_batch(end).map_err(classify)?;
        }
        rebuilt?;
        tracing::info!(%log, events = info.size, "the projections were folded again for this version");
        logs.rebuilt.push(log.clone());
    }
    pending.take_up(row.id, Tail::load(conn, (&log, row.id), info.size, &*options.projector)?);
    let signed = newest.as_ref().map_or_else(|| LogPoint { size: 0, root: empty_root() }, |n| n.point.clone());
    let unsigned_entries = info.size.saturating_sub(signed.size);
    logs.recovered.push(Recovered { log: log.clone(), signed, unsigned_entries });
    logs.newest.extend(newest.map(|newest| (log.clone(), newest)));
    logs.keys.insert(log.clone(), Signing { log: log.clone(), origin: info.origin, signer, before });
    logs.states.insert(log, state);
    Ok(())
}

/// The newest checkpoint that this store signed: the one outside the database, which an old copy cannot bring
/// back with it.
fn newest(folder: &Folder, row: &LogRow, known: &[VerifierKey]) -> Result<Option<Newest>, StoreError> {
    let log = &row.info.log;
    let open = |note: String, place: &str| -> Result<Newest, StoreError> {
        let checkpoint = signer::open_by_any(note.as_bytes(), known).map_err(|e| StoreError::Damaged {
            log: log.clone(),
            what: format!("the newest checkpoint {place} is not one of this log: {e}"),
        })?;
        Ok(Newest { point: LogPoint { size: checkpoint.size, root: checkpoint.root }, note })
    };
    let outside = folder.read_checkpoint(log)?.map(|note| open(note, "outside the database")).transpose()?;
    let inside = row.note.clone().map(|note| open(note, "in the database")).transpose()?;
    match (outside, inside) {
        (Some(outside), Some(inside)) if inside.point.size > outside.point.size => {
            // The file is always written first: this one was put there by somebody.
            tracing::warn!(%log, "the newest checkpoint's file is older than the database's copy, and is replaced");
            folder.write_checkpoint(log, &inside.note)?;
            Ok(Some(inside))
        }
        (None, Some(inside)) => Err(StoreError::Damaged {
            log: log.clone(),
            what: format!(
                "the file `checkpoints/{log}` is missing, and a checkpoint of size {} was signed; put the newest one \
                 that you hold in its place",
                inside.point.size
            ),
        }),
        (outside, _) => Ok(outside),
    }
}
