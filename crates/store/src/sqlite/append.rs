//! Writing one batch inside an open transaction.

use super::pending::{self, Pending};
use super::view::{LogRow, Newest, SqlRows, SqlView, execute, execute_counted, to_sql};
use crate::batch::{Batch, Commit, Committed, Payload};
use crate::contract::View as _;
use crate::error::{BatchError, StoreError};
use crate::fold::{ViewTiles, check_rows, checked};
use crate::hot::Hot;
use crate::lookup::{of_event, of_payload};
use crate::prepare::{Prepared, PreparedEntry, PreparedPayload, prepare};
use crate::rows::{Projector, Rows as _, RowsReport};
use rusqlite::{Connection, params};
use seatrial_ledger::{Frontier, Tile};
use seatrial_model::{Digest, LogName};
use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What the writer holds in memory, beside the logs: rows as they stand in the open transaction, and lookups.
pub(crate) struct Held {
    pub(crate) hot: Hot,
    pub(crate) pending: Arc<Pending>,
}

impl Held {
    /// What the open transaction changed is taken back with it.
    pub(crate) fn taken_back(&self) {
        self.hot.forget();
        self.pending.taken_back();
    }
}

/// A log as the writer knows it within a transaction.
#[derive(Clone)]
pub(crate) struct LogState {
    pub(crate) id: i64,
    pub(crate) frontier: Frontier,
    /// How many entries the tiles in the database have.
    flushed: u64,
    /// Full tiles that grew since the last commit: written once for all the batches that share one.
    tiles: BTreeMap<(u8, u64), Tile>,
}

impl LogState {
    /// Reads the right edge, which must have the root that the log says.
    pub(crate) fn load(conn: &Connection, row: &LogRow) -> Result<Self, StoreError> {
        let log = &row.info.log;
        let damaged = |what: String| StoreError::Damaged { log: log.clone(), what };
        let view = SqlView { conn, log, id: row.id, size: row.info.size, hot: None, newest: Newest::Unused };
        let frontier = Frontier::load(row.info.size, &ViewTiles(&view)).map_err(|e| damaged(e.to_string()))?;
        if frontier.root() != row.info.root {
            return Err(damaged(format!("its tiles have the root {}, it says {}", frontier.root(), row.info.root)));
        }
        Ok(Self { id: row.id, flushed: frontier.size(), frontier, tiles: BTreeMap::new() })
    }

    pub(crate) fn view<'a>(&self, conn: &'a Connection, log: &'a LogName, held: &'a Held) -> SqlView<'a> {
        let (hot, newest) = (Some(&held.hot), Newest::Here(&held.pending));
        SqlView { conn, log, id: self.id, size: self.frontier.size(), hot, newest }
    }

    /// Writes what [`append`] left for the end of the transaction.
    pub(crate) fn flush(&mut self, conn: &Connection, log: &LogName, held: &Held) -> Result<(), StoreError> {
        self.view(conn, log, held).flush(None)?;
        let size = self.frontier.size();
        let looked = held.pending.write_out(conn, self.id, size, false)?;
        if size == self.flushed {
            return Ok(());
        }
        let grown = self.frontier.grown_since(self.flushed).into_iter().map(|tile| ((tile.level, tile.n), tile));
        self.flushed = size;
        for ((level, n), tile) in std::mem::take(&mut self.tiles).into_iter().chain(grown) {
            let sql = "INSERT INTO tiles (log, level, n, bytes) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT DO UPDATE SET bytes = excluded.bytes";
            execute(conn, sql, params![self.id, level, to_sql(n), tile.to_bytes()])?;
        }
        let root = self.frontier.root();
        let sql = "UPDATE logs SET size = ?2, root = ?3, looked = ?4 WHERE id = ?1";
        execute(conn, sql, params![self.id, to_sql(size), root.as_bytes(), to_sql(looked)])
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
    (projector, held): (&dyn Projector, &Held),
    batch: Batch,
) -> Result<Applied, StoreError> {
    let prepared = prepare(&state.view(conn, log, held), batch)?;
    append_prepared(conn, log, state, (projector, held), &prepared)
}

/// As [`append`], of what was checked before.
pub(crate) fn append_prepared(
    conn: &Connection,
    log: &LogName,
    state: &mut LogState,
    (projector, held): (&dyn Projector, &Held),
    prepared: &Prepared,
) -> Result<Applied, StoreError> {
    let view = state.view(conn, log, held);
    write(&view, prepared)?;
    for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
        projector
            .apply(index, &entry.event, &mut SqlRows(&view))
            .map_err(|source| StoreError::project(entry.event.id, source))?;
        held.pending.add(state.id, index, of_event(projector.found_by(&entry.event)));
    }
    for payload in &prepared.payloads {
        held.pending.add(state.id, payload.index, of_payload(&payload.commitment, payload.new.case.as_deref()));
    }
    for (index, absent) in &prepared.absent {
        held.pending.add(state.id, *index, of_payload(&absent.commitment, None));
    }
    // Nothing fails from here on: the tree grows by what is written.
    for entry in &prepared.entries {
        state.tiles.extend(state.frontier.push(entry.leaf).into_iter().map(|tile| ((tile.level, tile.n), tile)));
    }
    let first_index = prepared.first_index;
    let events: Vec<_> = prepared.entries.iter().map(|e| Arc::clone(&e.event)).collect();
    let commit =
        (!events.is_empty()).then(|| Arc::new(Commit { log: log.clone(), first_index, events, foreign: false }));
    Ok(Applied {
        committed: Committed { first_index, size: state.frontier.size(), events: prepared.ids() },
        commit,
        bytes: prepared.bytes(),
        erased: !prepared.erase.is_empty(),
    })
}

/// Writes an event, if its id is new to the log.
fn write_event(view: &SqlView<'_>, index: u64, entry: &PreparedEntry) -> Result<(), StoreError> {
    let sql = "INSERT INTO events (log, idx, id, bytes) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (log, id) DO NOTHING";
    let id = entry.event.id;
    match execute_counted(view.conn, sql, params![view.id, to_sql(index), id.uuid().as_bytes(), entry.bytes])? {
        0 => Err(BatchError::DuplicateId(id).into()),
        _ => Ok(()),
    }
}

/// Writes a payload; one that is held already stays as it is, one that was erased is not taken again.
fn write_payload(view: &SqlView<'_>, payload: &PreparedPayload) -> Result<(), StoreError> {
    let (new, commitment) = (&payload.new, payload.commitment);
    // One with a salt that was drawn for it is new; elsewhere that is looked up.
    if !payload.fresh || cfg!(debug_assertions) {
        match view.payload(&commitment)? {
            Some(Payload::Erased(_)) => return Err(BatchError::ErasedBefore(commitment).into()),
            Some(Payload::Held(_)) => return Ok(()),
            None => {}
        }
    }
    let sql = "INSERT INTO payloads (log, commitment, idx, kind, case_id, expires, salt, bytes)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    let (digest, index) = (commitment.0.as_bytes(), to_sql(payload.index));
    let expires = new.expires.map(|t| t.as_millis());
    let values = params![view.id, digest, index, new.kind, new.case, expires, new.salt.0, new.bytes];
    execute(view.conn, sql, values)
}

fn write(view: &SqlView<'_>, prepared: &Prepared) -> Result<(), StoreError> {
    let (conn, id) = (view.conn, view.id);
    for (index, entry) in (prepared.first_index..).zip(&prepared.entries) {
        write_event(view, index, entry)?;
    }
    for payload in &prepared.payloads {
        write_payload(view, payload)?;
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
        let sql = "UPDATE payloads SET salt = NULL, bytes = NULL, case_id = NULL, erased_by = ?2 WHERE seq = ?1";
        if let Some(place) = view.place(commitment)? {
            execute(conn, sql, params![place, to_sql(prepared.erased_by)])?;
        }
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
    Ok(LogState { id: conn.last_insert_rowid(), frontier: Frontier::new(), flushed: 0, tiles: BTreeMap::new() })
}

/// Folds a log's events again and puts the outcome in the place of its rows.
pub(crate) fn rebuild(conn: &Connection, row: &LogRow, projector: &dyn Projector) -> Result<RowsReport, StoreError> {
    let log = &row.info.log;
    let tail = OnceCell::new();
    let newest = Newest::Events(projector, &tail);
    let view = SqlView { conn, log, id: row.id, size: row.info.size, hot: None, newest };
    let (folded, report) = checked(&view, projector)?;
    execute(conn, "DELETE FROM rows WHERE log = ?1", params![row.id])?;
    let mut rows = SqlRows(&view);
    for ((table, key), value) in &folded.rows {
        rows.put(table, key, value)?;
    }
    pending::make_again(conn, (log, row.id), row.info.size, projector)?;
    let sql = "UPDATE logs SET rows_version = ?2 WHERE id = ?1";
    execute(conn, sql, params![row.id, projector.version()])?;
    Ok(report)
}

/// Compares a log's rows with its events.
pub(crate) fn check(conn: &Connection, row: &LogRow, projector: &dyn Projector) -> Result<RowsReport, StoreError> {
    let tail = OnceCell::new();
    let newest = Newest::Events(projector, &tail);
    let view = SqlView { conn, log: &row.info.log, id: row.id, size: row.info.size, hot: None, newest };
    check_rows(&view, projector)
}
