//! Writing one batch inside an open transaction.

use super::view::{LogRow, SqlRows, SqlView, execute, to_sql};
use crate::batch::{Batch, Commit, Committed};
use crate::error::StoreError;
use crate::fold::{ViewTiles, check_rows, fold};
use crate::prepare::{Prepared, prepare};
use crate::rows::{Projector, Rows as _, RowsReport};
use rusqlite::{Connection, params};
use seatrial_ledger::{Frontier, Tile};
use seatrial_model::{Digest, LogName};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A log as the writer knows it within a transaction.
#[derive(Clone)]
pub(crate) struct LogState {
    pub(crate) id: i64,
    pub(crate) frontier: Frontier,
    /// Tiles that grew since the last commit: written once for all the batches that share one.
    pub(crate) tiles: BTreeMap<(u8, u64), Tile>,
}

impl LogState {
    /// Reads the right edge, which must have the root that the log says.
    pub(crate) fn load(conn: &Connection, row: &LogRow) -> Result<Self, StoreError> {
        let log = &row.info.log;
        let damaged = |what: String| StoreError::Damaged { log: log.clone(), what };
        let view = SqlView { conn, log, id: row.id, size: row.info.size };
        let frontier = Frontier::load(row.info.size, &ViewTiles(&view)).map_err(|e| damaged(e.to_string()))?;
        if frontier.root() != row.info.root {
            return Err(damaged(format!("its tiles have the root {}, it says {}", frontier.root(), row.info.root)));
        }
        Ok(Self { id: row.id, frontier, tiles: BTreeMap::new() })
    }

    pub(crate) fn view<'a>(&self, conn: &'a Connection, log: &'a LogName) -> SqlView<'a> {
        SqlView { conn, log, id: self.id, size: self.frontier.size() }
    }

    /// Writes what [`append`] left for the end of the transaction.
    pub(crate) fn flush(&mut self, conn: &Connection) -> Result<(), StoreError> {
        for ((level, n), tile) in std::mem::take(&mut self.tiles) {
            let sql = "INSERT INTO tiles (log, level, n, bytes) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT DO UPDATE SET bytes = excluded.bytes";
            execute(conn, sql, params![self.id, level, to_sql(n), tile.to_bytes()])?;
        }
        let root = self.frontier.root();
        let sql = "UPDATE logs SET size = ?2, root = ?3 WHERE id = ?1";
        execute(conn, sql, params![self.id, to_sql(self.frontier.size()), root.as_bytes()])
    }
}

/// Stands for the entry that says of a payload that it did not come along, until that entry is there.
const LEFT_OUT: i64 = i64::MAX;

/// The payloads that did not come along are gone by the entry that says so.
pub(crate) fn settle_left_out(conn: &Connection, id: i64, by: u64) -> Result<(), StoreError> {
    let sql = "UPDATE payloads SET erased_by = ?3 WHERE log = ?1 AND erased_by = ?2";
    execute(conn, sql, params![id, LEFT_OUT, to_sql(by)])
}

/// What one batch came to.
pub(crate) struct Applied {
    pub(crate) committed: Committed,
    pub(crate) commit: Option<Arc<Commit>>,
    pub(crate) bytes: usize,
    pub(crate) erased: bool,
}

/// Writes a batch and moves `state` on. Where this fails the caller takes back both.
pub(crate) fn append(
    conn: &Connection,
    log: &LogName,
    state: &mut LogState,
    projector: &dyn Projector,
    batch: Batch,
) -> Result<Applied, StoreError> {
    let prepared = prepare(&state.view(conn, log), batch)?;
    append_prepared(conn, log, state, projector, &prepared)
}

/// As [`append`], of what was checked before.
pub(crate) fn append_prepared(
    conn: &Connection,
    log: &LogName,
    state: &mut LogState,
    projector: &dyn Projector,
    prepared: &Prepared,
) -> Result<Applied, StoreError> {
    write(conn, state.id, prepared)?;
    let appended = state.frontier.extend(&prepared.leaves());
    for tile in appended.tiles {
        state.tiles.insert((tile.level, tile.n), tile);
    }
    let view = state.view(conn, log);
    for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
        projector
            .apply(index, &entry.event, &mut SqlRows(&view))
            .map_err(|source| StoreError::project(entry.event.id, source))?;
    }
    let first_index = prepared.first_index;
    let events: Vec<_> = prepared.entries.iter().map(|e| Arc::clone(&e.event)).collect();
    let commit = (!events.is_empty()).then(|| Arc::new(Commit { log: log.clone(), first_index, events }));
    Ok(Applied {
        committed: Committed { first_index, size: appended.size, events: prepared.ids() },
        commit,
        bytes: prepared.bytes(),
        erased: !prepared.erase.is_empty(),
    })
}

fn write(conn: &Connection, id: i64, prepared: &Prepared) -> Result<(), StoreError> {
    for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
        let sql = "INSERT INTO events (log, idx, id, bytes) VALUES (?1, ?2, ?3, ?4)";
        execute(conn, sql, params![id, to_sql(index), entry.event.id.uuid().as_bytes(), entry.bytes])?;
    }
    for payload in &prepared.payloads {
        let new = &payload.new;
        let sql = "INSERT INTO payloads (log, commitment, idx, kind, case_id, expires, salt, bytes)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let (commitment, index) = (payload.commitment.0.as_bytes(), to_sql(payload.index));
        let expires = new.expires.map(|t| t.as_millis());
        execute(conn, sql, params![id, commitment, index, new.kind, new.case, expires, new.salt.0, new.bytes])?;
    }
    for (index, absent) in &prepared.absent {
        let sql = "INSERT INTO payloads (log, commitment, idx, kind, erased_by) VALUES (?1, ?2, ?3, ?4, ?5)";
        let erased_by = absent.erased_by.map_or(LEFT_OUT, to_sql);
        execute(conn, sql, params![id, absent.commitment.0.as_bytes(), to_sql(*index), absent.kind, erased_by])?;
    }
    for (digest, bytes) in &prepared.blobs {
        let sql = "INSERT INTO blobs (log, digest, bytes) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        execute(conn, sql, params![id, digest.as_bytes(), bytes])?;
    }
    for commitment in &prepared.erase {
        let sql = "UPDATE payloads SET salt = NULL, bytes = NULL, case_id = NULL, erased_by = ?3
                   WHERE log = ?1 AND commitment = ?2";
        execute(conn, sql, params![id, commitment.0.as_bytes(), to_sql(prepared.erased_by)])?;
    }
    Ok(())
}

/// Makes a log's row, without entries.
pub(crate) fn insert_log(
    conn: &Connection,
    log: &LogName,
    origin: &str,
    key: &str,
    rows_version: u32,
) -> Result<LogState, StoreError> {
    let sql = "INSERT INTO logs (name, origin, key, size, root, rows_version) VALUES (?1, ?2, ?3, 0, ?4, ?5)";
    let root: Digest = seatrial_ledger::empty_root();
    execute(conn, sql, params![log.as_str(), origin, key, root.as_bytes(), rows_version])?;
    Ok(LogState { id: conn.last_insert_rowid(), frontier: Frontier::new(), tiles: BTreeMap::new() })
}

/// Folds a log's events again and puts the outcome in the place of its rows.
pub(crate) fn rebuild(conn: &Connection, row: &LogRow, projector: &dyn Projector) -> Result<RowsReport, StoreError> {
    let log = &row.info.log;
    let view = SqlView { conn, log, id: row.id, size: row.info.size };
    let (folded, events) = fold(&view, projector)?;
    let report = crate::fold::compare(&view, &folded, events)?;
    execute(conn, "DELETE FROM rows WHERE log = ?1", params![row.id])?;
    let mut rows = SqlRows(&view);
    for ((table, key), value) in &folded.rows {
        rows.put(table, key, value)?;
    }
    let sql = "UPDATE logs SET rows_version = ?2 WHERE id = ?1";
    execute(conn, sql, params![row.id, projector.version()])?;
    Ok(report)
}

/// Compares a log's rows with its events.
pub(crate) fn check(conn: &Connection, row: &LogRow, projector: &dyn Projector) -> Result<RowsReport, StoreError> {
    let view = SqlView { conn, log: &row.info.log, id: row.id, size: row.info.size };
    check_rows(&view, projector)
}
