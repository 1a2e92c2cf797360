//! Reading one log within one transaction, and writing its rows.

use super::pending::{Pending, Tail};
use super::schema::classify;
use crate::batch::{Erased, Held, Payload};
use crate::contract::{ENTRIES_READ_MAX, Entry, LogInfo, View};
use crate::error::{BatchError, StoreError};
use crate::fold::check_table;
use crate::hot::Hot;
use crate::lookup::{CASE, Lookup};
use crate::rows::{Projector, Row, Rows, Scan};
use rusqlite::{Connection, OptionalExtension as _, Params, params};
use seatrial_model::{Commitment, Digest, EventId, LogName, Salt, Time};
use std::cell::OnceCell;

/// The most digests or commitments that one listing answers.
const LISTED_MAX: usize = 10_000;

/// A log's row.
#[derive(Clone, Debug)]
pub(crate) struct LogRow {
    pub(crate) id: i64,
    pub(crate) info: LogInfo,
    pub(crate) rows_version: u32,
    /// The newest signed checkpoint that the database knows of.
    pub(crate) note: Option<String>,
}

/// A log, by its name.
pub(crate) fn log_row(conn: &Connection, log: &LogName) -> Result<LogRow, StoreError> {
    let found = log_rows(conn, "WHERE name = ?1", params![log.as_str()])?.pop();
    found.ok_or_else(|| StoreError::NoLog(log.clone()))
}

/// All logs, by name.
pub(crate) fn all_logs(conn: &Connection) -> Result<Vec<LogRow>, StoreError> {
    log_rows(conn, "ORDER BY name", [])
}

fn log_rows(conn: &Connection, which: &str, params: impl Params) -> Result<Vec<LogRow>, StoreError> {
    let sql = format!("SELECT id, name, origin, key, size, root, rows_version, note FROM logs {which}");
    let mut statement = conn.prepare_cached(&sql).map_err(classify)?;
    let rows = statement.query_map(params, |r| {
        let name: String = r.get(1)?;
        let log = name.parse().map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
        let (origin, key, root) = (r.get(2)?, r.get(3)?, Digest::from_bytes(r.get(5)?));
        let info = LogInfo { log, origin, key, size: from_sql(r.get(4)?), root };
        Ok(LogRow { id: r.get(0)?, info, rows_version: r.get(6)?, note: r.get(7)? })
    });
    rows.map_err(classify)?.collect::<Result<_, _>>().map_err(classify)
}

/// SQLite's integers are signed; sizes and indexes stay below 2^53.
pub(crate) fn to_sql(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

pub(crate) fn from_sql(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn count(n: usize, max: usize) -> i64 {
    i64::try_from(n.min(max)).unwrap_or(i64::MAX)
}

/// One log within one transaction of a connection.
pub(crate) struct SqlView<'a> {
    pub(crate) conn: &'a Connection,
    pub(crate) log: &'a LogName,
    pub(crate) id: i64,
    pub(crate) size: u64,
    /// What the writer holds in memory; nobody else has it.
    pub(crate) hot: Option<&'a Hot>,
    pub(crate) newest: Newest<'a>,
}

/// Where the lookups are that the database may not have yet.
#[derive(Clone, Copy)]
pub(crate) enum Newest<'a> {
    /// In the memory of the owner, which this is.
    Here(&'a Pending),
    /// Nobody tells: they are in the events.
    Events(&'a dyn Projector, &'a OnceCell<Tail>),
    /// Nothing is looked up.
    Unused,
}

impl SqlView<'_> {
    /// Writes the changes to rows that are held in memory.
    pub(crate) fn flush(&self, table: Option<&str>) -> Result<(), StoreError> {
        let Some(hot) = self.hot else { return Ok(()) };
        for (table, key, value) in hot.take_changes(self.id, table) {
            match value {
                Some(value) => put_row(self.conn, self.id, &table, &key, &value)?,
                None => delete_row(self.conn, self.id, &table, &key)?,
            }
        }
        Ok(())
    }

    /// The events that a lookup may lead to, the newest first.
    fn find(&self, lookup: Lookup, limit: usize) -> Result<Vec<u64>, StoreError> {
        // First what is in memory: what leaves it meanwhile is in the database by then.
        let mut found = match self.newest {
            Newest::Here(pending) => pending.find(self.id, lookup, self.size),
            Newest::Events(projector, tail) => match tail.get() {
                Some(tail) => tail.find(lookup),
                None => {
                    let loaded = Tail::load(self.conn, (self.log, self.id), self.size, projector)?;
                    tail.get_or_init(|| loaded).find(lookup)
                }
            },
            Newest::Unused => Vec::new(),
        };
        let sql = "SELECT idx FROM lookups WHERE log = ?1 AND hash = ?2 ORDER BY idx DESC LIMIT ?3";
        let params = params![self.id, lookup.0, count(limit, usize::MAX)];
        found.extend(self.many(sql, params, |r| Ok(from_sql(r.get(0)?)))?);
        found.sort_unstable_by(|a, b| b.cmp(a));
        found.dedup();
        found.truncate(limit);
        Ok(found)
    }

    /// A payload's place: the number of its row.
    pub(crate) fn place(&self, commitment: &Commitment) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT seq FROM payloads WHERE log = ?1 AND idx = ?2 AND commitment = ?3";
        // The event that brought it is the first that commits to it.
        for index in self.find(Lookup::of_payload(commitment), LISTED_MAX)?.into_iter().rev() {
            let found = self.one(sql, params![self.id, to_sql(index), commitment.0.as_bytes()], |r| r.get(0))?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        get: impl FnOnce(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(classify)?;
        statement.query_row(params, get).optional().map_err(classify)
    }

    fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        get: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let mut statement = self.conn.prepare_cached(sql).map_err(classify)?;
        let rows = statement.query_map(params, get).map_err(classify)?;
        rows.collect::<Result<_, _>>().map_err(classify)
    }
}

impl View for SqlView<'_> {
    fn log(&self) -> &LogName {
        self.log
    }

    fn size(&self) -> Result<u64, StoreError> {
        Ok(self.size)
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.many(
            "SELECT idx, bytes FROM events WHERE log = ?1 AND idx >= ?2 ORDER BY idx LIMIT ?3",
            params![self.id, to_sql(from), count(limit, ENTRIES_READ_MAX)],
            |r| Ok(Entry { index: from_sql(r.get(0)?), bytes: r.get(1)? }),
        )
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        let sql = "SELECT idx FROM events WHERE log = ?1 AND id = ?2";
        self.one(sql, params![self.id, id.uuid().as_bytes()], |r| Ok(from_sql(r.get(0)?)))
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(known) = self.hot.and_then(|hot| hot.get(self.id, table, key)) {
            return Ok(known);
        }
        let sql = "SELECT value FROM rows WHERE log = ?1 AND tbl = ?2 AND key = ?3";
        let found: Option<Vec<u8>> = self.one(sql, params![self.id, table, key], |r| r.get(0))?;
        if let Some(hot) = self.hot {
            hot.learn(self.id, table, key, found.as_deref());
        }
        Ok(found)
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn stamp(&self, table: &str) -> Option<u64> {
        self.hot.map(|hot| hot.stamp(self.id, table))
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.flush(Some(&scan.table))?;
        let (lower, upper) = scan.bounds();
        let limit = count(scan.rows_max(), scan.rows_max());
        let get = |r: &rusqlite::Row<'_>| Ok((r.get(0)?, r.get(1)?));
        let select = "SELECT key, value FROM rows WHERE log = ?1 AND tbl = ?2 AND key >= ?3";
        let order = if scan.reverse { "ORDER BY key DESC" } else { "ORDER BY key" };
        match upper {
            Some(upper) => self.many(
                &format!("{select} AND key < ?5 {order} LIMIT ?4"),
                params![self.id, scan.table, lower, limit, upper],
                get,
            ),
            None => self.many(&format!("{select} {order} LIMIT ?4"), params![self.id, scan.table, lower, limit], get),
        }
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.flush(None)?;
        let mut tables: Vec<String> = Vec::new();
        loop {
            let last = tables.last().map_or("", String::as_str);
            let sql = "SELECT tbl FROM rows WHERE log = ?1 AND tbl > ?2 ORDER BY tbl LIMIT 1";
            match self.one(sql, params![self.id, last], |r| r.get(0))? {
                Some(table) => tables.push(table),
                None => return Ok(tables),
            }
        }
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM blobs WHERE log = ?1 AND digest = ?2";
        self.one(sql, params![self.id, digest.as_bytes()], |r| r.get(0))
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        let after = after.map_or_else(Vec::new, |d| d.as_bytes().to_vec());
        let sql = "SELECT digest FROM blobs WHERE log = ?1 AND digest > ?2 ORDER BY digest LIMIT ?3";
        self.many(sql, params![self.id, after, count(limit, LISTED_MAX)], |r| Ok(Digest::from_bytes(r.get(0)?)))
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        let Some(place) = self.place(commitment)? else { return Ok(None) };
        let sql = "SELECT kind, case_id, expires, salt, bytes, erased_by, idx FROM payloads WHERE seq = ?1";
        self.one(sql, [place], |r| {
            let kind = r.get(0)?;
            Ok(match r.get::<_, Option<i64>>(5)? {
                Some(by) => Payload::Erased(Erased { kind, by: from_sql(by) }),
                None => Payload::Held(Held {
                    salt: Salt(r.get(3)?),
                    bytes: r.get(4)?,
                    kind,
                    case: r.get(1)?,
                    expires: r.get::<_, Option<i64>>(2)?.map(Time::from_millis),
                    index: from_sql(r.get(6)?),
                }),
            })
        })
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        let after = match after {
            Some(commitment) => self.place(&commitment)?.ok_or(BatchError::NeverHeld(commitment))?,
            None => 0,
        };
        let at = "SELECT idx FROM payloads WHERE seq = ?1";
        let index: i64 = self.one(at, [after], |r| r.get(0))?.unwrap_or(-1);
        let sql = "SELECT commitment FROM payloads WHERE log = ?1 AND (idx, seq) > (?2, ?3) AND erased_by IS NULL ORDER BY idx, seq LIMIT ?4";
        self.many(sql, params![self.id, index, after, count(limit, LISTED_MAX)], commitment)
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        let sql = "SELECT commitment FROM payloads WHERE log = ?1 AND idx = ?2 AND case_id = ?3 AND erased_by IS NULL ORDER BY seq";
        let mut found = Vec::new();
        for index in self.find(Lookup::of(CASE, case.as_bytes()), usize::MAX)?.into_iter().rev() {
            found.extend(self.many(sql, params![self.id, to_sql(index), case], commitment)?);
        }
        Ok(found)
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        let sql = "SELECT commitment, case_id FROM payloads WHERE log = ?1 AND expires < ?2 AND erased_by IS NULL ORDER BY expires, seq LIMIT ?3";
        self.many(sql, params![self.id, now.as_millis(), count(limit, LISTED_MAX)], |r| Ok((commitment(r)?, r.get(1)?)))
    }

    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError> {
        self.find(Lookup::of(name, key), limit)
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM tiles WHERE log = ?1 AND level = ?2 AND n = ?3";
        self.one(sql, params![self.id, level, to_sql(n)], |r| r.get(0))
    }
}

fn commitment(row: &rusqlite::Row<'_>) -> rusqlite::Result<Commitment> {
    Ok(Commitment(Digest::from_bytes(row.get(0)?)))
}

/// The rows of one log, for a projector.
pub(crate) struct SqlRows<'a>(pub(crate) &'a SqlView<'a>);

impl Rows for SqlRows<'_> {
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.row(table, key)
    }

    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_table(table)?;
        match self.0.hot {
            Some(hot) => hot.put(self.0.id, table, key, Some(value)),
            None => put_row(self.0.conn, self.0.id, table, key, value)?,
        }
        Ok(())
    }

    fn delete(&mut self, table: &str, key: &[u8]) -> Result<(), StoreError> {
        match self.0.hot {
            Some(hot) => hot.put(self.0.id, table, key, None),
            None => delete_row(self.0.conn, self.0.id, table, key)?,
        }
        Ok(())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        self.0.scan(scan)
    }
}

fn put_row(conn: &Connection, id: i64, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
    let sql = "INSERT INTO rows (log, tbl, key, value) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT DO UPDATE SET value = excluded.value";
    execute(conn, sql, params![id, table, key, value])
}

fn delete_row(conn: &Connection, id: i64, table: &str, key: &[u8]) -> Result<(), StoreError> {
    execute(conn, "DELETE FROM rows WHERE log = ?1 AND tbl = ?2 AND key = ?3", params![id, table, key])
}

/// Runs one statement.
pub(crate) fn execute(conn: &Connection, sql: &str, params: impl Params) -> Result<(), StoreError> {
    execute_counted(conn, sql, params).map(drop)
}

/// Runs one statement, and says how many rows it changed.
pub(crate) fn execute_counted(conn: &Connection, sql: &str, params: impl Params) -> Result<usize, StoreError> {
    let mut statement = conn.prepare_cached(sql).map_err(classify)?;
    statement.execute(params).map_err(classify)
}
