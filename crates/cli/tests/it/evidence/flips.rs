//! A changed byte in the store is found by `log verify`, which says where.

use super::yard::{WORKFLOW, Yard};
use super::{Draws, soak};
use rusqlite::types::Value;
use rusqlite::{Connection, params};
use seatrial_model::digest::hex;

/// Rows tried of each class.
fn tries() -> usize {
    if soak() { 12 } else { 2 }
}

/// `log verify` fails, and names the place.
#[track_caller]
fn found(yard: &Yard, what: &str, place: &str) {
    let ran = yard.run(&["log", "verify"]);
    assert_eq!(ran.code, 1, "{what}: {}\n{}", ran.out, ran.err);
    assert!(ran.out.contains(place), "{what}: `{place}` is not named:\n{}", ran.out);
}

#[track_caller]
fn in_order(yard: &Yard) {
    yard.run(&["log", "verify"]).exits(0);
}

/// A table's column, and how a report names a row of it.
struct Class {
    what: &'static str,
    column: &'static str,
    /// `FROM` and what follows; the row's id is `rowid`, or `key` for projections.
    rows: &'static str,
    /// The place in words, as SQL.
    place: &'static str,
}

const CLASSES: [Class; 9] = [
    Class { what: "an event", column: "bytes", rows: "events", place: "'entry ' || idx" },
    Class { what: "an event's id", column: "id", rows: "events", place: "'entry ' || idx" },
    Class { what: "a tile", column: "bytes", rows: "tiles", place: "'tile/' || level || '/00' || n" },
    Class { what: "a blob", column: "bytes", rows: "blobs", place: "lower(hex(digest))" },
    Class { what: "a blob's digest", column: "digest", rows: "blobs", place: "'blob'" },
    Class { what: "a payload", column: "bytes", rows: "payloads", place: "lower(hex(commitment))" },
    Class { what: "a payload's salt", column: "salt", rows: "payloads", place: "lower(hex(commitment))" },
    Class { what: "a payload's commitment", column: "commitment", rows: "payloads", place: "lower(hex(commitment))" },
    Class { what: "a log's root", column: "root", rows: "logs", place: "the log says that its root is" },
];

fn flip(draws: &mut Draws, bytes: &mut [u8]) {
    let at = draws.below(bytes.len());
    bytes[at] ^= 1 << draws.below(8);
}

fn draw_row(db: &Connection, draws: &mut Draws, rows: &str) -> i64 {
    let count: i64 = db.query_row(&format!("SELECT count(*) FROM {rows}"), [], |r| r.get(0)).unwrap();
    let skip = i64::try_from(draws.below(usize::try_from(count).unwrap())).unwrap();
    db.query_row(&format!("SELECT rowid FROM {rows} LIMIT 1 OFFSET {skip}"), [], |r| r.get(0)).unwrap()
}

fn one_flip(yard: &Yard, draws: &mut Draws, class: &Class) {
    let Class { what, column, rows, place } = class;
    let db = yard.database();
    let row = draw_row(&db, draws, rows);
    let place = if place.starts_with("the ") { format!("'{place}'") } else { (*place).to_owned() };
    let sql = format!("SELECT {column}, {place} FROM {rows} WHERE rowid = ?1");
    let (before, place): (Vec<u8>, String) = db.query_row(&sql, [row], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let mut after = before.clone();
    flip(draws, &mut after);
    let update = format!("UPDATE {rows} SET {column} = ?2 WHERE rowid = ?1");
    assert_eq!(db.execute(&update, params![row, after]).unwrap(), 1);
    found(yard, &format!("{what} (row {row})"), &place);
    assert_eq!(db.execute(&update, params![row, before]).unwrap(), 1);
}

/// A projection's row: one byte of its value, or of its key where the value is empty.
fn projection_flip(yard: &Yard, draws: &mut Draws, log: i64, table: &str) {
    let db = yard.database();
    let count: i64 = db
        .query_row("SELECT count(*) FROM rows WHERE log = ?1 AND tbl = ?2", params![log, table], |r| r.get(0))
        .unwrap();
    let skip = i64::try_from(draws.below(usize::try_from(count).unwrap())).unwrap();
    let sql = "SELECT key, value FROM rows WHERE log = ?1 AND tbl = ?2 ORDER BY key LIMIT 1 OFFSET ?3";
    let (key, value): (Vec<u8>, Vec<u8>) =
        db.query_row(sql, params![log, table, skip], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let (mut changed_key, mut changed) = (key.clone(), value.clone());
    if value.is_empty() || draws.below(4) == 0 {
        flip(draws, &mut changed_key)
    } else {
        flip(draws, &mut changed)
    }
    let set = |from: &[u8], key: &[u8], value: &[u8]| {
        let sql = "UPDATE rows SET key = ?4, value = ?5 WHERE log = ?1 AND tbl = ?2 AND key = ?3";
        assert_eq!(db.execute(sql, params![log, table, from, key, value]).unwrap(), 1);
    };
    set(&key, &changed_key, &changed);
    found(yard, &format!("a row of `{table}`"), &format!("a row of `{table}`"));
    found(yard, &format!("a row of `{table}`"), &hex(&key));
    set(&changed_key, &key, &value);
}

fn note_flip(yard: &Yard, draws: &mut Draws) {
    let db = yard.database();
    let note: String = db.query_row("SELECT note FROM logs WHERE name = ?1", [WORKFLOW], |r| r.get(0)).unwrap();
    let mut changed = note.clone().into_bytes();
    // The text stays text: a note is a column of text.
    let at = loop {
        let at = draws.below(changed.len());
        if changed[at].is_ascii_alphanumeric() {
            break at;
        }
    };
    changed[at] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    let set = |note: &str| db.execute("UPDATE logs SET note = ?2 WHERE name = ?1", [WORKFLOW, note]).unwrap();
    set(&changed);
    found(yard, "a checkpoint's row", "the database's copy of the newest checkpoint");
    set(&note);
}

fn file_flip(yard: &Yard, draws: &mut Draws) {
    let file = yard.store(&format!("checkpoints/{WORKFLOW}"));
    let before = std::fs::read(&file).unwrap();
    let mut after = before.clone();
    flip(draws, &mut after);
    std::fs::write(&file, &after).unwrap();
    found(yard, "the remembered checkpoint", "checkpoint");
    std::fs::write(&file, &before).unwrap();
}

#[test]
fn a_changed_byte_is_found_wherever_it_is() {
    let yard = Yard::new();
    let mut draws = Draws(7);
    in_order(&yard);
    for _ in 0..tries() {
        CLASSES.iter().for_each(|class| one_flip(&yard, &mut draws, class));
        note_flip(&yard, &mut draws);
        file_flip(&yard, &mut draws);
    }
    for (log, table) in tables(&yard.database()) {
        for _ in 0..tries().div_ceil(2) {
            projection_flip(&yard, &mut draws, log, &table);
        }
    }
    // Everything was put back as it was.
    in_order(&yard);
}

fn tables(db: &Connection) -> Vec<(i64, String)> {
    let mut statement = db.prepare("SELECT DISTINCT log, tbl FROM rows ORDER BY log, tbl").unwrap();
    let rows = statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?))).unwrap();
    let found: Vec<(i64, String)> = rows.map(Result::unwrap).collect();
    assert!(found.len() > 8, "{found:?}");
    found
}

/// Rows that are gone, were added or were exchanged, each in a transaction that is taken back by another.
#[test]
fn rows_that_are_gone_added_or_exchanged_are_found() {
    let yard = Yard::new();
    let clean = std::fs::read(yard.store("evidence.db")).unwrap();
    let db = yard.database();
    let log: i64 = db.query_row("SELECT id FROM logs WHERE name = ?1", [WORKFLOW], |r| r.get(0)).unwrap();
    let size: i64 = db.query_row("SELECT size FROM logs WHERE id = ?1", [log], |r| r.get(0)).unwrap();
    let text = |sql: &str| match db.query_row(sql, [log], |r| r.get::<_, Value>(0)).unwrap() {
        Value::Blob(bytes) => hex(&bytes),
        other => panic!("{other:?}"),
    };
    let payload = text("SELECT commitment FROM payloads WHERE log = ?1 ORDER BY seq DESC LIMIT 1");
    let blob = text("SELECT digest FROM blobs WHERE log = ?1 ORDER BY seq LIMIT 1");
    let decision = text("SELECT key FROM rows WHERE log = ?1 AND tbl = 'decision' ORDER BY key LIMIT 1");
    drop(db);
    for (change, place) in changes_of_rows(log, size, payload, blob, decision) {
        yard.database().execute_batch(&change).unwrap_or_else(|e| panic!("{e}: {change}"));
        found(&yard, &change, &place);
        restore(&yard, &clean);
    }
    let file = yard.store(&format!("checkpoints/{WORKFLOW}"));
    let note = std::fs::read(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    found(&yard, "the remembered checkpoint is gone", &format!("checkpoints/{WORKFLOW}"));
    std::fs::write(&file, note).unwrap();
    in_order(&yard);
}

/// Statements that remove, add, exchange or alter rows, each with the place that is then named.
fn changes_of_rows(log: i64, size: i64, payload: String, blob: String, decision: String) -> Vec<(String, String)> {
    let last = size - 1;
    let exchange = format!(
        "CREATE TEMP TABLE two AS SELECT idx, id, bytes FROM events WHERE log = {log} AND idx IN (20, 21);
         UPDATE events SET id = zeroblob(16) WHERE log = {log} AND idx = 20;
         UPDATE events SET bytes = (SELECT bytes FROM two WHERE idx = 20), id = (SELECT id FROM two WHERE idx = 20)
             WHERE log = {log} AND idx = 21;
         UPDATE events SET bytes = (SELECT bytes FROM two WHERE idx = 21), id = (SELECT id FROM two WHERE idx = 21)
             WHERE log = {log} AND idx = 20;"
    );
    vec![
        (format!("DELETE FROM events WHERE log = {log} AND idx = 30"), "leaves a gap".to_owned()),
        (format!("DELETE FROM events WHERE log = {log} AND idx = {last}"), format!("{last} are there")),
        (
            format!(
                "INSERT INTO events (log, idx, id, bytes) SELECT log, {size}, zeroblob(16), bytes FROM events WHERE log = {log} AND idx = {last}"
            ),
            format!("entry {size}"),
        ),
        (exchange, "entry 20".to_owned()),
        (format!("DELETE FROM tiles WHERE log = {log} AND level = 0 AND n = 0"), "tile/0/000".to_owned()),
        (
            format!("INSERT INTO tiles (log, level, n, bytes) VALUES ({log}, 2, 5, zeroblob(32))"),
            "level 2, number 5".to_owned(),
        ),
        (format!("DELETE FROM blobs WHERE digest = X'{blob}'"), blob),
        (format!("DELETE FROM payloads WHERE commitment = X'{payload}'"), format!("{payload} (")),
        (
            // Erased without a word: no event says so.
            format!(
                "UPDATE payloads SET salt = NULL, bytes = NULL, case_id = NULL, erased_by = {last} WHERE commitment = X'{payload}'"
            ),
            payload.clone(),
        ),
        (
            format!(
                "INSERT INTO payloads (log, commitment, idx, kind, salt, bytes) VALUES ({log}, zeroblob(32), 20, 'input', zeroblob(32), X'00')"
            ),
            "0".repeat(64),
        ),
        (format!("UPDATE payloads SET kind = 'text' WHERE commitment = X'{payload}'"), payload.clone()),
        (format!("UPDATE payloads SET case_id = 'another' WHERE commitment = X'{payload}'"), payload.clone()),
        (format!("UPDATE payloads SET idx = 2 WHERE commitment = X'{payload}'"), payload),
        (format!("DELETE FROM rows WHERE log = {log} AND key = X'{decision}'"), format!("is missing: {decision}")),
        (
            format!("INSERT INTO rows VALUES ({log}, 'stop', X'61', X'7B7D')"),
            "a row of `stop` should not be there: 61".to_owned(),
        ),
        (format!("DELETE FROM logs WHERE id = {log}"), format!("checkpoints/{WORKFLOW}")),
        (format!("UPDATE logs SET size = size - 1 WHERE id = {log}"), format!("{last} entries")),
        (format!("UPDATE logs SET key = replace(key, '+', '-') WHERE id = {log}"), "a key that is none".to_owned()),
        (format!("UPDATE logs SET origin = 'else/where' WHERE id = {log}"), "the log's row says that it is".to_owned()),
    ]
}

fn restore(yard: &Yard, clean: &[u8]) {
    for beside in ["evidence.db-wal", "evidence.db-shm"] {
        let _ = std::fs::remove_file(yard.store(beside));
    }
    std::fs::write(yard.store("evidence.db"), clean).unwrap();
}
