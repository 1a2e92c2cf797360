//! What only this store has beside the contract: the two copies of the newest checkpoint, and rows that nothing reads.

use super::schema::classify;
use super::signer::open_by_any;
use super::view::{LogRow, SqlView, all_logs, from_sql};
use crate::contract::{ENTRIES_READ_MAX, View as _};
use crate::error::StoreError;
use crate::fold::check_extends;
use crate::folder::Folder;
use crate::mirror::Problems;
use rusqlite::{Connection, Params, params};
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, CheckpointError, Note, VerifierKey};
use seatrial_model::digest::hex;
use seatrial_model::{Body, LogPoint};

/// The tables whose rows belong to a log.
const TABLES: [&str; 6] = ["events", "tiles", "blobs", "payloads", "rows", "lookups"];

/// What is wrong with one log's rows.
pub(super) fn of_log(folder: &Folder, row: &LogRow, view: &SqlView<'_>) -> Result<Vec<String>, StoreError> {
    let mut problems = Problems::default();
    checkpoints(folder, row, view, &mut problems)?;
    tiles(row, view, &mut problems)?;
    places(row, view, &mut problems)?;
    Ok(problems.0)
}

/// The file is written before the database's copy: it is as new, or newer. Both are checkpoints of this log.
fn checkpoints(folder: &Folder, row: &LogRow, view: &SqlView<'_>, problems: &mut Problems) -> Result<(), StoreError> {
    let log = &row.info.log;
    let file = format!("checkpoints/{log}");
    let copy = format!("the database's copy of the newest checkpoint (`note` of the log `{log}`)");
    let Ok(key) = row.info.key.parse() else {
        problems.add(format!("the log's row has a key that is none: `{}`", row.info.key));
        return Ok(());
    };
    let Known { keys, restored } = known(key, row, view)?;
    let mut open = |note: &str, place: &str| {
        let found = match restored.iter().any(|r| r == note) {
            true => {
                Note::parse(note.as_bytes()).map_err(CheckpointError::from).and_then(|n| Checkpoint::parse(n.text()))
            }
            false => open_by_any(note.as_bytes(), &keys),
        };
        match found {
            Ok(checkpoint) => Some(LogPoint { size: checkpoint.size, root: checkpoint.root }),
            Err(e) => {
                problems.add(format!("{place} is not one of this log: {e}"));
                None
            }
        }
    };
    let inside = row.note.as_deref().map(|note| open(note, &copy));
    // Read after the row: an owner at work may have written a newer one meanwhile, never an older one.
    let outside = folder.read_checkpoint(log)?;
    let signed = outside.as_deref().map(|note| open(note, &format!("`{file}`")));
    match (inside.flatten(), signed.flatten()) {
        (Some(inside), _) if outside.is_none() => {
            problems.add(format!("`{file}` is missing, and a checkpoint of size {} was signed", inside.size));
        }
        (Some(inside), Some(signed)) if inside.size > signed.size => {
            problems.add(format!("`{file}` has the size {}, and {copy} has {}", signed.size, inside.size));
        }
        (Some(inside), _) => {
            if let Err(error) = check_extends(view, log, row.info.size, &inside) {
                problems.add(format!("{copy}: {error}"));
            }
        }
        (None, _) => {}
    }
    Ok(())
}

/// What a checkpoint of a log may be, while the one over its newest entries is still to be signed.
struct Known {
    /// The log's key, and those that it follows.
    keys: Vec<VerifierKey>,
    /// Checkpoints that came with an export, whose key did not: the entry that says so holds each as it was signed.
    restored: Vec<String>,
}

fn known(key: VerifierKey, row: &LogRow, view: &SqlView<'_>) -> Result<Known, StoreError> {
    let mut known = Known { keys: vec![key], restored: Vec::new() };
    let note = row.note.as_deref().and_then(|note| Note::parse(note.as_bytes()).ok());
    let covered = note.and_then(|note| Checkpoint::parse(note.text()).ok()).map_or(0, |c| c.size);
    let (mut next, mut entries) = (covered, view.entries(covered, ENTRIES_READ_MAX)?);
    while let Some(last) = entries.last() {
        next = next.max(last.index + 1);
        for event in entries.iter().filter_map(|entry| entry.event(&row.info.log).ok()) {
            match event.body {
                Body::LogKeyRotated(rotated) => known.keys.extend(rotated.old.parse::<VerifierKey>().ok()),
                Body::LogRestored(restored) => known.restored.push(restored.checkpoint),
                _ => {}
            }
        }
        entries = view.entries(next, ENTRIES_READ_MAX)?;
    }
    Ok(known)
}

/// Tiles where the tree has none.
fn tiles(row: &LogRow, view: &SqlView<'_>, problems: &mut Problems) -> Result<(), StoreError> {
    let sql = "SELECT level, n FROM tiles WHERE log = ?1 ORDER BY level, n";
    each(view.conn, sql, params![row.id], |r| {
        let (level, n): (i64, i64) = (r.get(0)?, r.get(1)?);
        let width = u8::try_from(level).map_or(0, |level| width_at(row.info.size, level, from_sql(n)));
        if width == 0 || n < 0 {
            problems.add(format!("a tile of level {level}, number {n}, is kept, and the log has none there"));
        }
        Ok(())
    })
}

/// Payloads whose row names an entry that does not commit to them.
fn places(row: &LogRow, view: &SqlView<'_>, problems: &mut Problems) -> Result<(), StoreError> {
    let sql = "SELECT p.commitment, p.idx FROM payloads p LEFT JOIN events e ON e.log = p.log AND e.idx = p.idx
               WHERE p.log = ?1 AND
                     (e.idx IS NULL OR instr(CAST(e.bytes AS TEXT), lower(hex(p.commitment))) = 0)
               ORDER BY p.seq";
    each(view.conn, sql, params![row.id], |r| {
        let (commitment, index): (Vec<u8>, i64) = (r.get(0)?, r.get(1)?);
        problems.add(format!("the payload sha256:{} is kept for entry {index}, which has none", hex(&commitment)));
        Ok(())
    })
}

/// What belongs to no log.
pub(super) fn of_store(folder: &Folder, conn: &Connection) -> Result<Vec<String>, StoreError> {
    let mut problems = Problems::default();
    for table in TABLES {
        let sql = format!(
            "SELECT log, count(*) FROM {table} WHERE log NOT IN (SELECT id FROM logs) GROUP BY log ORDER BY log"
        );
        each(conn, &sql, [], |r| {
            let (log, count): (i64, i64) = (r.get(0)?, r.get(1)?);
            problems.add(format!("{count} rows of `{table}` belong to the log number {log}, which is not there"));
            Ok(())
        })?;
    }
    if let Err(error) = check_remembered(folder, conn) {
        problems.add(error.to_string());
    }
    Ok(problems.0)
}

/// Every log of which a checkpoint is remembered is there: else an old copy of the database would be continued, from
/// before the log was opened, and the log be begun again under the same name and key.
pub(super) fn check_remembered(folder: &Folder, conn: &Connection) -> Result<(), StoreError> {
    let logs = all_logs(conn)?;
    for log in folder.remembered()? {
        if logs.iter().any(|row| row.info.log == log) {
            continue;
        }
        let note = folder.read_checkpoint(&log)?.unwrap_or_default();
        let size = Note::parse(note.as_bytes()).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
        let signed = size.map_or(0, |checkpoint| checkpoint.size);
        let what = format!("the database does not know the log, and `checkpoints/{log}` remembers it");
        return Err(StoreError::Forked { log, signed, what });
    }
    Ok(())
}

fn each(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    mut with: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> Result<(), StoreError> {
    let mut statement = conn.prepare(sql).map_err(classify)?;
    let mut rows = statement.query(params).map_err(classify)?;
    while let Some(row) = rows.next().map_err(classify)? {
        with(row).map_err(classify)?;
    }
    Ok(())
}
