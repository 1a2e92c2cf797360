//! Databases of earlier formats: brought to this one when their owner starts, in one transaction.
//!
//! A step leads from one format to the next and is never changed again: it says what it makes in its own words, not in
//! those of [`super::schema`], which move on. All steps, folding the rows again and every check of the start run in the
//! same transaction, so that a process that is killed, a disk that is full and a start that is refused leave the old
//! format as it was.
//!
//! A step adds to what events, blobs, payloads and tiles are found by, and may move them; it never changes one. What was
//! there is counted before and after, and compared byte for byte by the digest of each log's rows.

use super::schema::{self, FORMAT, classify};
use crate::error::StoreError;
use crate::folder::Folder;
use rusqlite::Connection;
use sha2::{Digest as _, Sha256};

/// The oldest format that can be opened: the first there was.
const OLDEST: i64 = 1;

/// One step: from the format before it to its own.
type Step = &'static str;

/// The steps, the one to format 2 first.
const STEPS: [Step; 1] = [TO_2];

/// Format 2: keys without an order are lookups (decision 35). A payload is found by its event; of its indexes only the one
/// by retention stays. `looked` is 0: the lookups are made with the rows.
const TO_2: Step = "
ALTER TABLE logs RENAME TO logs_1;
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
INSERT INTO logs (id, name, origin, key, size, root, rows_version, note)
    SELECT id, name, origin, key, size, root, rows_version, note FROM logs_1;
DROP TABLE logs_1;
DROP INDEX payloads_case;
DROP INDEX payloads_expiry;
ALTER TABLE payloads RENAME TO payloads_1;
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
INSERT INTO payloads SELECT seq, log, commitment, idx, kind, case_id, expires, salt, bytes, erased_by FROM payloads_1;
DROP TABLE payloads_1;
CREATE INDEX payloads_place ON payloads (log, idx);
CREATE INDEX payloads_expiry ON payloads (log, expires) WHERE expires IS NOT NULL AND erased_by IS NULL;
CREATE TABLE lookups (
    log INTEGER NOT NULL,
    hash INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    PRIMARY KEY (log, hash, idx)
) STRICT, WITHOUT ROWID;
";

/// What no step may change: the evidence itself. Columns are named, since a later format may have more of them.
const KEPT: [&str; 5] = [
    "SELECT id, name, origin, key, size, root, note FROM logs ORDER BY id",
    "SELECT seq, log, idx, id, bytes FROM events ORDER BY seq",
    "SELECT seq, log, level, n, bytes FROM tiles ORDER BY seq",
    "SELECT seq, log, digest, bytes FROM blobs ORDER BY seq",
    "SELECT seq, log, commitment, idx, kind, case_id, expires, salt, bytes, erased_by FROM payloads ORDER BY seq",
];

/// The format of the store in a folder, where this program can open it. Nothing is changed by looking.
///
/// # Errors
/// Where there is no store, or it was written by a newer program.
pub(super) fn known_format(folder: &Folder) -> Result<i64, StoreError> {
    let conn = schema::open_reader(folder)?;
    match schema::format(&conn)? {
        0 => Err(StoreError::NoStore(folder.path().to_owned())),
        found if (OLDEST..=FORMAT).contains(&found) => Ok(found),
        found => Err(StoreError::Format { found, expected: FORMAT }),
    }
}

/// A reader changes nothing: it refuses every format but this one.
pub(super) fn check_readable(conn: &Connection, folder: &Folder) -> Result<(), StoreError> {
    match schema::format(conn)? {
        FORMAT => Ok(()),
        0 => Err(StoreError::NoStore(folder.path().to_owned())),
        found => Err(StoreError::Format { found, expected: FORMAT }),
    }
}

/// Brings the database from a format to this one, within the open transaction.
pub(super) fn migrate(conn: &Connection, from: i64) -> Result<(), StoreError> {
    let before = fingerprint(conn)?;
    for (format, step) in (OLDEST + 1..).zip(STEPS) {
        if format > from {
            conn.execute_batch(step).map_err(classify)?;
        }
    }
    if fingerprint(conn)? != before {
        let what = format!("the migration from format {from} did not keep all that was there; nothing was changed");
        return Err(StoreError::Database(what));
    }
    conn.execute_batch(&format!("PRAGMA user_version={FORMAT}")).map_err(classify)
}

/// A digest over every row of the evidence.
fn fingerprint(conn: &Connection) -> Result<[u8; 32], StoreError> {
    let mut hasher = Sha256::new();
    for sql in KEPT {
        let mut statement = conn.prepare(sql).map_err(classify)?;
        let columns = statement.column_count();
        let mut rows = statement.query([]).map_err(classify)?;
        let mut count: u64 = 0;
        while let Some(row) = rows.next().map_err(classify)? {
            count += 1;
            for column in 0..columns {
                use rusqlite::types::ValueRef;
                let value = row.get_ref(column).map_err(classify)?;
                let (kind, bytes): (u8, &[u8]) = match &value {
                    ValueRef::Null => (0, &[]),
                    ValueRef::Integer(n) => {
                        hasher.update(n.to_be_bytes());
                        (1, &[])
                    }
                    ValueRef::Real(n) => {
                        hasher.update(n.to_be_bytes());
                        (2, &[])
                    }
                    ValueRef::Text(bytes) => (3, bytes),
                    ValueRef::Blob(bytes) => (4, bytes),
                };
                hasher.update([kind]);
                hasher.update((bytes.len() as u64).to_be_bytes());
                hasher.update(bytes);
            }
        }
        hasher.update(count.to_be_bytes());
    }
    Ok(hasher.finalize().into())
}

#[cfg(test)]
mod tests;
