//! The database's tables, and how connections to it are opened.

use crate::error::StoreError;
use crate::folder::Folder;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use std::path::Path;
use std::time::Duration;

/// The format of `evidence.db` (`user_version`).
pub(crate) const FORMAT: i64 = 2;

/// How long a reader waits where the database is locked (only while another process recovers it).
const READER_WAIT: Duration = Duration::from_secs(5);

/// How long the writer waits for readers when it empties the write-ahead log; appends wait as long.
const WRITER_WAIT: Duration = Duration::from_millis(200);

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS_MAX: usize = 64;

/// Events, payloads and blobs are kept in tables with a row id: their values are large, and would waste the
/// pages of an index tree. Projections are small and read by range: they live in their primary key. What grows with every
/// event is found by its place; keys without an order are in `lookups` alone, as hashes ([`super::pending`]).
const TABLES: &str = "
CREATE TABLE meta (one INTEGER PRIMARY KEY CHECK (one = 1), clean INTEGER NOT NULL) STRICT;
INSERT INTO meta VALUES (1, 1);
CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    origin TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    rows_version INTEGER NOT NULL,
    looked INTEGER NOT NULL DEFAULT 0,
    note TEXT
) STRICT;
CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    id BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, idx),
    UNIQUE (log, id)
) STRICT;
CREATE TABLE tiles (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    level INTEGER NOT NULL,
    n INTEGER NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, level, n)
) STRICT;
CREATE TABLE blobs (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    digest BLOB NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (log, digest)
) STRICT;
CREATE TABLE payloads (
    seq INTEGER PRIMARY KEY,
    log INTEGER NOT NULL,
    commitment BLOB NOT NULL,
    idx INTEGER NOT NULL,
    kind TEXT NOT NULL,
    case_id TEXT,
    expires INTEGER,
    salt BLOB,
    bytes BLOB,
    erased_by INTEGER,
    CHECK ((erased_by IS NULL) = (salt IS NOT NULL)),
    CHECK ((erased_by IS NULL) = (bytes IS NOT NULL))
) STRICT;
CREATE INDEX payloads_place ON payloads (log, idx);
CREATE INDEX payloads_expiry ON payloads (log, expires) WHERE expires IS NOT NULL AND erased_by IS NULL;
CREATE TABLE lookups (
    log INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (log, hash, idx)
) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
    log INTEGER NOT NULL,
    tbl TEXT NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (log, tbl, key)
) STRICT, WITHOUT ROWID;
";

const SECRETS: &str = "
CREATE TABLE IF NOT EXISTS secrets (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (kind, key)
) STRICT, WITHOUT ROWID;
";

/// Pages in the write-ahead log before they are copied into the database: 16 MB. Much the same pages change with every
/// decision, and each copying writes them once more and waits for the disk twice.
const CHECKPOINT_PAGES: u32 = 4_096;

/// The writer's connection. `synchronous=FULL`: a commit returns when the disk has it. `secure_delete`: what is
/// erased is overwritten.
pub(crate) fn open_writer(folder: &Folder, bytes_max: Option<u64>) -> Result<Connection, StoreError> {
    let path = folder.evidence();
    Folder::make_private(&path)?;
    let conn = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.busy_timeout(WRITER_WAIT).map_err(classify)?;
    conn.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON;
         PRAGMA journal_size_limit=67108864; PRAGMA cell_size_check=ON; PRAGMA cache_size=-32768; PRAGMA temp_store=MEMORY;",
    )
    .map_err(classify)?;
    conn.query_row(&format!("PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}"), [], |_| Ok(())).map_err(classify)?;
    if let Some(bytes) = bytes_max {
        let page: i64 = conn.query_row("PRAGMA page_size", [], |r| r.get(0)).map_err(classify)?;
        let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
        conn.query_row(&format!("PRAGMA max_page_count={}", pages.max(1)), [], |_| Ok(())).map_err(classify)?;
    }
    Ok(conn)
}

/// A connection that only reads.
pub(crate) fn open_reader(folder: &Folder) -> Result<Connection, StoreError> {
    let path = folder.evidence();
    if !path.exists() {
        return Err(StoreError::NoStore(folder.path().to_owned()));
    }
    let conn = open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    conn.busy_timeout(READER_WAIT).map_err(classify)?;
    conn.execute_batch("PRAGMA query_only=ON; PRAGMA cell_size_check=ON; PRAGMA cache_size=-8192;")
        .map_err(classify)?;
    Ok(conn)
}

/// Secrets are few: a rollback journal, which keeps no copy of what was deleted.
pub(crate) fn open_secrets(folder: &Folder) -> Result<Connection, StoreError> {
    let path = folder.secrets();
    Folder::make_private(&path)?;
    let conn = open(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    conn.execute_batch("PRAGMA journal_mode=DELETE; PRAGMA synchronous=EXTRA; PRAGMA secure_delete=ON;")
        .map_err(classify)?;
    conn.execute_batch(SECRETS).map_err(classify)?;
    Ok(conn)
}

fn open(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let conn = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX).map_err(classify)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    conn.execute_batch("PRAGMA trusted_schema=OFF;").map_err(classify)?;
    Ok(conn)
}

/// The format of the database; 0 where its tables were never made.
pub(crate) fn format(conn: &Connection) -> Result<i64, StoreError> {
    conn.query_row("PRAGMA user_version", [], |r| r.get(0)).map_err(classify)
}

/// Makes the tables, all or none.
pub(crate) fn make(conn: &Connection) -> Result<(), StoreError> {
    conn.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} PRAGMA user_version={FORMAT}; COMMIT;")).map_err(classify)
}

/// The store's word for a failure of the database.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub(crate) fn classify(error: rusqlite::Error) -> StoreError {
    classify_ref(&error)
}

/// [`classify`], for an error that is told to several.
pub(crate) fn classify_ref(error: &rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(e, _) if e.code == ErrorCode::DiskFull => StoreError::Full(error.to_string()),
        rusqlite::Error::SqliteFailure(e, _) if is_fatal(e) => StoreError::Stopped(error.to_string()),
        _ => StoreError::Database(error.to_string()),
    }
}

/// After these nobody knows what the disk holds: a failed fsync is not repeated, since the second one may
/// "succeed" over pages that the system has dropped.
fn is_fatal(error: &ffi::Error) -> bool {
    matches!(error.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        || matches!(error.extended_code, ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
}
