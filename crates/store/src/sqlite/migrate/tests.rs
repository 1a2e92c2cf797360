//! The steps lead, from the first format, to what is made anew.

use super::*;
use std::collections::BTreeMap;

/// The tables of format 1, as the first program made them.
const FORMAT_1: &str = include_str!("format_1.sql");

/// What a database consists of: each table and index by name, in its own words, spaces put aside.
fn schema_of(conn: &Connection) -> BTreeMap<String, String> {
    let mut statement = conn.prepare("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").unwrap();
    let rows = statement.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.unwrap()).map(|(name, sql)| (name, sql.split_whitespace().collect())).collect()
}

#[test]
fn there_is_a_step_to_every_format() {
    assert_eq!(OLDEST + i64::try_from(STEPS.len()).unwrap(), FORMAT);
}

#[test]
fn what_is_migrated_is_as_what_is_made() {
    let made = Connection::open_in_memory().unwrap();
    schema::make(&made).unwrap();
    let old = Connection::open_in_memory().unwrap();
    old.execute_batch(FORMAT_1).unwrap();
    assert_eq!(schema::format(&old).unwrap(), 1);
    assert_ne!(schema_of(&old), schema_of(&made));
    old.execute_batch("BEGIN IMMEDIATE").unwrap();
    migrate(&old, 1).unwrap();
    old.execute_batch("COMMIT").unwrap();
    assert_eq!(schema_of(&old), schema_of(&made));
    assert_eq!(schema::format(&old).unwrap(), FORMAT);
}

#[test]
fn the_fingerprint_sees_every_change() {
    let conn = Connection::open_in_memory().unwrap();
    schema::make(&conn).unwrap();
    conn.execute_batch(
        "INSERT INTO logs (name, origin, key, size, root, rows_version) VALUES ('a', 'b/a', 'k', 1, x'00', 0);
         INSERT INTO events (log, idx, id, bytes) VALUES (1, 0, x'01', x'7b7d');
         INSERT INTO tiles (log, level, n, bytes) VALUES (1, 0, 0, x'00');
         INSERT INTO blobs (log, digest, bytes) VALUES (1, x'02', x'03');
         INSERT INTO payloads (log, commitment, idx, kind, salt, bytes) VALUES (1, x'04', 0, 'input', x'05', x'06');",
    )
    .unwrap();
    let before = fingerprint(&conn).unwrap();
    assert_eq!(fingerprint(&conn).unwrap(), before);
    for change in [
        "UPDATE logs SET key = 'l'",
        "UPDATE events SET bytes = x'7b'",
        "UPDATE tiles SET n = 1",
        "UPDATE blobs SET bytes = x'00'",
        "UPDATE payloads SET salt = x'00'",
        "UPDATE payloads SET case_id = ''",
        "DELETE FROM payloads",
        "INSERT INTO events (log, idx, id, bytes) VALUES (1, 1, x'02', x'7b7d')",
    ] {
        conn.execute_batch("SAVEPOINT one").unwrap();
        assert_eq!(conn.execute(change, []).unwrap(), 1);
        assert_ne!(fingerprint(&conn).unwrap(), before, "{change}");
        conn.execute_batch("ROLLBACK TO one; RELEASE one").unwrap();
    }
    assert_eq!(fingerprint(&conn).unwrap(), before);
}
