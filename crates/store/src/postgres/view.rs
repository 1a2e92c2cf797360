//! Reading one log within one transaction, and writing its rows.

use super::buffer::Buffer;
use super::db::Db;
use crate::batch::{Erased, Held, Payload};
use crate::contract::{ENTRIES_READ_MAX, Entry, LogInfo, View};
use crate::error::{BatchError, StoreError};
use crate::fold::check_table;
use crate::hot::Hot;
use crate::lookup::Lookup;
use crate::rows::{Row, Rows, Scan};
use seatrial_model::{Commitment, Digest, EventId, LogName, Salt, Time};
use std::cell::RefCell;
use tokio_postgres::types::ToSql;

/// The most digests or commitments that one listing answers.
const LISTED_MAX: usize = 10_000;

type Asked<T> = Result<T, tokio_postgres::Error>;

/// A log's row.
#[derive(Clone, Debug)]
pub(crate) struct LogRow {
    pub(crate) id: i64,
    pub(crate) info: LogInfo,
    pub(crate) epoch: i64,
    pub(crate) rows_version: i64,
}

const LOG: &str = "SELECT id, name, origin, key, size, root, epoch, rows_version FROM logs";

/// A log, by its name.
pub(crate) fn log_row(db: &Db, log: &LogName) -> Result<LogRow, StoreError> {
    found(db.one(&format!("{LOG} WHERE name = $1"), &[&log.as_str()], parts)?, log)
}

/// A log, held until the transaction ends: nobody else appends to it meanwhile.
pub(crate) fn hold_log(db: &Db, log: &LogName) -> Result<LogRow, StoreError> {
    found(db.one(&format!("{LOG} WHERE name = $1 FOR UPDATE"), &[&log.as_str()], parts)?, log)
}

fn found(row: Option<Parts>, log: &LogName) -> Result<LogRow, StoreError> {
    row.map_or_else(|| Err(StoreError::NoLog(log.clone())), LogRow::of)
}

/// All logs, by name.
pub(crate) fn all_logs(db: &Db) -> Result<Vec<LogRow>, StoreError> {
    db.many(&format!("{LOG} ORDER BY name"), &[], parts)?.into_iter().map(LogRow::of).collect()
}

struct Parts {
    id: i64,
    name: String,
    origin: String,
    key: String,
    size: i64,
    root: Vec<u8>,
    epoch: i64,
    rows_version: i64,
}

fn parts(r: &tokio_postgres::Row) -> Asked<Parts> {
    let (id, name, origin, key) = (r.try_get(0)?, r.try_get(1)?, r.try_get(2)?, r.try_get(3)?);
    let (size, root, epoch, rows_version) = (r.try_get(4)?, r.try_get(5)?, r.try_get(6)?, r.try_get(7)?);
    Ok(Parts { id, name, origin, key, size, root, epoch, rows_version })
}

impl LogRow {
    fn of(parts: Parts) -> Result<Self, StoreError> {
        let Parts { id, name, origin, key, size, root, epoch, rows_version } = parts;
        let log: LogName = name.parse().map_err(|_| StoreError::Database(format!("`{name}` is no name of a log")))?;
        let root = digest(&log, &root)?;
        Ok(Self { id, info: LogInfo { log, origin, key, size: from_sql(size), root }, epoch, rows_version })
    }
}

/// The database's integers are signed; sizes and indexes stay below 2^53.
pub(crate) fn to_sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) fn from_sql(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn count(n: usize, max: usize) -> i64 {
    i64::try_from(n.min(max)).unwrap_or(i64::MAX)
}

fn digest(log: &LogName, bytes: &[u8]) -> Result<Digest, StoreError> {
    let damaged = |_| StoreError::Damaged { log: log.clone(), what: "a digest does not have 32 bytes".to_owned() };
    <[u8; 32]>::try_from(bytes).map(Digest::from_bytes).map_err(damaged)
}

/// What the one that writes holds in memory.
#[derive(Default)]
pub(crate) struct Writing {
    pub(crate) hot: Hot,
    pub(crate) buffer: RefCell<Buffer>,
}

/// One log within one transaction.
pub(crate) struct PgView<'a> {
    pub(crate) db: &'a Db,
    pub(crate) log: &'a LogName,
    pub(crate) id: i64,
    pub(crate) size: u64,
    /// What is written in this transaction, and is not in the database yet.
    pub(crate) writing: Option<&'a Writing>,
}

impl PgView<'_> {
    /// Writes what waits in memory, rows aside.
    pub(crate) fn flush(&self) -> Result<(), StoreError> {
        match self.writing {
            Some(writing) => writing.buffer.borrow_mut().write(self.db, self.id),
            None => Ok(()),
        }
    }

    /// Writes the changes to rows that are held in memory.
    pub(crate) fn flush_rows(&self, table: Option<&str>) -> Result<(), StoreError> {
        let Some(writing) = self.writing else { return Ok(()) };
        let changes = writing.hot.take_changes(self.id, table);
        let (mut tables, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
        let (mut gone_tables, mut gone_keys) = (Vec::new(), Vec::new());
        for (table, key, value) in changes {
            match value {
                Some(value) => {
                    tables.push(table);
                    keys.push(key);
                    values.push(value);
                }
                None => {
                    gone_tables.push(table);
                    gone_keys.push(key);
                }
            }
        }
        if !keys.is_empty() {
            put_rows(self.db, self.id, &tables, &keys, &values)?;
        }
        if !gone_keys.is_empty() {
            let sql = "DELETE FROM rows USING UNNEST($2::text[], $3::bytea[]) AS gone (t, k)
                       WHERE log = $1 AND tbl = t AND key = k";
            self.db.execute(sql, &[&self.id, &gone_tables, &gone_keys])?;
        }
        Ok(())
    }

    fn find(&self, lookup: Lookup, limit: usize) -> Result<Vec<u64>, StoreError> {
        self.flush()?;
        let sql = "SELECT idx FROM lookups WHERE log = $1 AND hash = $2 ORDER BY idx DESC LIMIT $3";
        self.db.many(sql, &[&self.id, &lookup.0, &count(limit, usize::MAX)], |r| Ok(from_sql(r.try_get(0)?)))
    }

    fn commitments(&self, sql: &str, params: &[&(dyn ToSql + Sync)]) -> Result<Vec<Commitment>, StoreError> {
        self.flush()?;
        let found: Vec<Vec<u8>> = self.db.many(sql, params, |r| r.try_get(0))?;
        found.iter().map(|bytes| digest(self.log, bytes).map(Commitment)).collect()
    }
}

/// Writes rows over what stood there.
pub(crate) fn put_rows(
    db: &Db,
    log: i64,
    tables: &[String],
    keys: &[Vec<u8>],
    values: &[Vec<u8>],
) -> Result<(), StoreError> {
    let sql = "INSERT INTO rows (log, tbl, key, value) SELECT $1, * FROM UNNEST($2::text[], $3::bytea[], $4::bytea[])
               ON CONFLICT (log, tbl, key) DO UPDATE SET value = excluded.value";
    db.execute(sql, &[&log, &tables, &keys, &values]).map(drop)
}

impl View for PgView<'_> {
    fn log(&self) -> &LogName {
        self.log
    }

    fn size(&self) -> Result<u64, StoreError> {
        Ok(self.size)
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.flush()?;
        let sql = "SELECT idx, bytes FROM events WHERE log = $1 AND idx >= $2 AND idx < $4 ORDER BY idx LIMIT $3";
        let params: [&(dyn ToSql + Sync); 4] =
            [&self.id, &to_sql(from), &count(limit, ENTRIES_READ_MAX), &to_sql(self.size)];
        self.db.many(sql, &params, |r| Ok(Entry { index: from_sql(r.try_get(0)?), bytes: r.try_get(1)? }))
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        self.flush()?;
        let sql = "SELECT idx FROM events WHERE log = $1 AND id = $2";
        let id = id.uuid().into_bytes().to_vec();
        self.db.one(sql, &[&self.id, &id], |r| Ok(from_sql(r.try_get(0)?)))
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(known) = self.writing.and_then(|writing| writing.hot.get(self.id, table, key)) {
            return Ok(known);
        }
        let sql = "SELECT value FROM rows WHERE log = $1 AND tbl = $2 AND key = $3";
        let found: Option<Vec<u8>> = self.db.one(sql, &[&self.id, &table, &key], |r| r.try_get(0))?;
        if let Some(writing) = self.writing {
            writing.hot.learn(self.id, table, key, found.as_deref());
        }
        Ok(found)
    }

    fn stamp(&self, table: &str) -> Option<u64> {
        self.writing.map(|writing| writing.hot.stamp(self.id, table))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.flush_rows(Some(&scan.table))?;
        let (lower, upper) = scan.bounds();
        let limit = count(scan.rows_max(), scan.rows_max());
        let get = |r: &tokio_postgres::Row| Ok((r.try_get(0)?, r.try_get(1)?));
        let select = "SELECT key, value FROM rows WHERE log = $1 AND tbl = $2 AND key >= $3";
        let order = if scan.reverse { "ORDER BY key DESC" } else { "ORDER BY key" };
        match upper {
            Some(upper) => self.db.many(
                &format!("{select} AND key < $5 {order} LIMIT $4"),
                &[&self.id, &scan.table, &lower, &limit, &upper],
                get,
            ),
            None => self.db.many(&format!("{select} {order} LIMIT $4"), &[&self.id, &scan.table, &lower, &limit], get),
        }
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.flush_rows(None)?;
        self.db.many("SELECT DISTINCT tbl FROM rows WHERE log = $1 ORDER BY tbl", &[&self.id], |r| r.try_get(0))
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.flush()?;
        let sql = "SELECT bytes FROM blobs WHERE log = $1 AND digest = $2";
        self.db.one(sql, &[&self.id, &digest.as_bytes().as_slice()], |r| r.try_get(0))
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.flush()?;
        let after = after.map_or_else(Vec::new, |d| d.as_bytes().to_vec());
        let sql = "SELECT digest FROM blobs WHERE log = $1 AND digest > $2 ORDER BY digest LIMIT $3";
        let found: Vec<Vec<u8>> =
            self.db.many(sql, &[&self.id, &after, &count(limit, LISTED_MAX)], |r| r.try_get(0))?;
        found.iter().map(|bytes| digest(self.log, bytes)).collect()
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        self.flush()?;
        let sql = "SELECT kind, case_id, expires, salt, bytes, erased_by, idx FROM payloads
                   WHERE log = $1 AND commitment = $2";
        let found = self.db.one(sql, &[&self.id, &commitment.0.as_bytes().as_slice()], |r| {
            let (kind, erased_by): (String, Option<i64>) = (r.try_get(0)?, r.try_get(5)?);
            if let Some(by) = erased_by {
                return Ok((Vec::new(), Payload::Erased(Erased { kind, by: from_sql(by) })));
            }
            let held = Held {
                salt: Salt([0; 32]),
                bytes: r.try_get(4)?,
                kind,
                case: r.try_get(1)?,
                expires: r.try_get::<_, Option<i64>>(2)?.map(Time::from_millis),
                index: from_sql(r.try_get(6)?),
            };
            Ok((r.try_get(3)?, Payload::Held(held)))
        })?;
        Ok(match found {
            Some((salt, Payload::Held(held))) => {
                Some(Payload::Held(Held { salt: Salt(*digest(self.log, &salt)?.as_bytes()), ..held }))
            }
            Some((_, erased)) => Some(erased),
            None => None,
        })
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.flush()?;
        let (mut index, mut seq) = (-1_i64, 0_i64);
        if let Some(commitment) = after {
            let sql = "SELECT idx, seq FROM payloads WHERE log = $1 AND commitment = $2";
            let params: [&(dyn ToSql + Sync); 2] = [&self.id, &commitment.0.as_bytes().as_slice()];
            let at = self.db.one(sql, &params, |r| Ok((r.try_get(0)?, r.try_get(1)?)))?;
            (index, seq) = at.ok_or(BatchError::NeverHeld(commitment))?;
        }
        let sql = "SELECT commitment FROM payloads WHERE log = $1 AND (idx, seq) > ($2, $3) AND erased_by IS NULL
                   ORDER BY idx, seq LIMIT $4";
        self.commitments(sql, &[&self.id, &index, &seq, &count(limit, LISTED_MAX)])
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        let sql = "SELECT commitment FROM payloads WHERE log = $1 AND case_id = $2 AND erased_by IS NULL
                   ORDER BY idx, seq";
        self.commitments(sql, &[&self.id, &case])
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        self.flush()?;
        let sql = "SELECT commitment, case_id FROM payloads WHERE log = $1 AND expires < $2 AND erased_by IS NULL
                   ORDER BY expires, seq LIMIT $3";
        let params: [&(dyn ToSql + Sync); 3] = [&self.id, &now.as_millis(), &count(limit, LISTED_MAX)];
        let found: Vec<(Vec<u8>, _)> = self.db.many(sql, &params, |r| Ok((r.try_get(0)?, r.try_get(1)?)))?;
        found.into_iter().map(|(bytes, case)| Ok((Commitment(digest(self.log, &bytes)?), case))).collect()
    }

    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError> {
        self.find(Lookup::of(name, key), limit)
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM tiles WHERE log = $1 AND level = $2 AND n = $3";
        self.db.one(sql, &[&self.id, &i16::from(level), &to_sql(n)], |r| r.try_get(0))
    }
}

/// The rows of one log, for a projector; they are held in memory until the transaction ends.
pub(crate) struct PgRows<'a> {
    pub(crate) view: &'a PgView<'a>,
    pub(crate) hot: &'a Hot,
}

impl Rows for PgRows<'_> {
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.view.row(table, key)
    }

    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_table(table)?;
        self.hot.put(self.view.id, table, key, Some(value));
        Ok(())
    }

    fn delete(&mut self, table: &str, key: &[u8]) -> Result<(), StoreError> {
        self.hot.put(self.view.id, table, key, None);
        Ok(())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.view.scan(scan)
    }
}
