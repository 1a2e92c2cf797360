//! Old copies, rewritten histories and changed bytes: found, named, and not signed.

use crate::common::*;
use rusqlite::Connection;
use seatrial_store::{Batch, Reader as _, ReaderExt as _, SqliteStore, Store as _, StoreError, StoreExt as _};
use std::fs;
use std::path::Path;

fn database(dir: &Path) -> Connection {
    Connection::open(dir.join("evidence.db")).unwrap()
}

/// Puts a database back as another file: a reader that is still closing keeps the one before, with its write-ahead log.
fn put_back(dir: &Path, bytes: &[u8]) {
    let (database, new) = (dir.join("evidence.db"), dir.join("evidence.new"));
    fs::write(&new, bytes).unwrap();
    for beside in ["evidence.db-wal", "evidence.db-shm"] {
        let _ = fs::remove_file(dir.join(beside));
    }
    fs::rename(&new, &database).unwrap();
}

/// A store of 300 entries with payloads and blobs, signed and closed.
async fn filled(dir: &Path) {
    let store = create(dir);
    open_log(&store).await;
    let mut batch = with_payloads(vec![payload(1, b"input", Some("c"))]);
    batch.events.extend((0..298).map(|n| if n % 2 == 0 { declare() } else { issue(&format!("t{n:03}")) }));
    batch.blobs.push(b"spec".to_vec());
    store.append(&log(), batch).await.unwrap();
    store.close().await.unwrap();
}

fn refused(dir: &Path) -> StoreError {
    SqliteStore::open(dir, options()).err().expect("the start must be refused")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_copy_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let (database, copy) = (dir.path().join("evidence.db"), dir.path().join("old.db"));
    fs::copy(&database, &copy).unwrap();
    let store = reopen(dir.path());
    store.append(&log(), Batch::of(declare())).await.unwrap();
    store.close().await.unwrap();
    let newest = fs::read(&database).unwrap();
    fs::copy(&copy, &database).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Forked { signed: 301, .. }), "{error:?}");
    assert!(error.to_string().contains("only 300 entries"), "{error}");
    // The newest copy is taken again.
    fs::write(&database, newest).unwrap();
    assert_eq!(reopen(dir.path()).size(&log()).await.unwrap(), 301);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_history_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let database = dir.path().join("evidence.db");
    let begin = fs::read(&database).unwrap();
    let store = reopen(dir.path());
    store.append(&log(), Batch::of(declare())).await.unwrap();
    store.close().await.unwrap();
    // From the same beginning, with the same key, another entry 300 and one more: longer, and still no extension.
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("keys")).unwrap();
    fs::copy(dir.path().join("keys/credit.key"), elsewhere.path().join("keys/credit.key")).unwrap();
    fs::create_dir(elsewhere.path().join("checkpoints")).unwrap();
    let connection = Connection::open(elsewhere.path().join("evidence.db"));
    drop(connection);
    fs::write(elsewhere.path().join("evidence.db"), begin).unwrap();
    self::database(elsewhere.path()).execute_batch("UPDATE logs SET note = NULL").unwrap();
    let store = reopen(elsewhere.path());
    store.append(&log(), Batch { events: vec![issue("x"), declare()], ..Batch::default() }).await.unwrap();
    store.close().await.unwrap();
    let forged = self::database(elsewhere.path());
    forged.execute_batch("UPDATE logs SET note = NULL").unwrap();
    drop(forged);
    fs::copy(elsewhere.path().join("evidence.db"), &database).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Forked { signed: 301, .. }), "{error:?}");
    assert!(error.to_string().contains("its first 301 entries have the root"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_checkpoint_is_noticed_and_an_older_one_replaced() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let file = dir.path().join("checkpoints/credit");
    let old = fs::read(&file).unwrap();
    let store = reopen(dir.path());
    store.append(&log(), Batch::of(declare())).await.unwrap();
    store.close().await.unwrap();
    let newest = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let error = refused(dir.path());
    assert!(error.to_string().contains("`checkpoints/credit` is missing"), "{error}");
    fs::write(&file, &old).unwrap();
    drop(reopen(dir.path()));
    assert_eq!(fs::read(&file).unwrap(), newest);
    fs::write(&file, String::from_utf8(newest).unwrap().replace("\n301\n", "\n302\n")).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_rewritten_under_the_owner_is_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let store = reopen(dir.path());
    let before = store.checkpoint(&log()).await.unwrap();
    let flip = "UPDATE tiles SET bytes = CAST(zeroblob(32) || substr(bytes, 33) AS BLOB) WHERE level = 0 AND n = 0";
    assert_eq!(database(dir.path()).execute(flip, []).unwrap(), 1);
    // The hash of the full tile above hides the change from roots: the parts that a root is made of are compared.
    let flip = "UPDATE tiles SET bytes = zeroblob(32) WHERE level = 1 AND n = 0";
    assert_eq!(database(dir.path()).execute(flip, []).unwrap(), 1);
    store.append(&log(), Batch::of(declare())).await.unwrap();
    let error = store.sign_now(&log()).await.unwrap_err();
    assert!(matches!(error, StoreError::Forked { signed: 300, .. }), "{error:?}");
    assert_eq!(store.checkpoint(&log()).await.unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_row_is_named_and_repaired() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let connection = database(dir.path());
    let changed = connection
        .execute("UPDATE rows SET value = X'00' WHERE tbl = 'counts'", [])
        .and_then(|n| Ok(n + connection.execute("DELETE FROM rows WHERE key = CAST('t001' AS BLOB)", [])?))
        .and_then(|n| Ok(n + connection.execute("INSERT INTO rows VALUES (1, 'tokens', X'00', X'01')", [])?))
        .and_then(|n| Ok(n + connection.execute("INSERT INTO rows VALUES (1, 'zz', X'00', X'01')", [])?));
    assert_eq!(changed.unwrap(), 4);
    // What leads to an event is compared as well.
    connection.execute("DELETE FROM lookups WHERE idx = 3", []).unwrap();
    drop(connection);
    let store = reopen(dir.path());
    let report = store.check_rows(&log()).await.unwrap();
    assert!(!report.identical());
    let named: Vec<_> = report
        .differences
        .iter()
        .map(|d| (d.table.as_str(), d.key.as_slice(), d.stored.is_some(), d.folded.is_some()))
        .collect();
    assert_eq!(
        named,
        [
            ("counts", &b"declared"[..], true, true),
            ("tokens", &[0][..], true, false),
            ("tokens", &b"t001"[..], false, true),
            ("zz", &[0][..], true, false),
            ("lookups/token", &b"t001"[..], false, true),
        ]
    );
    let rebuilt = store.rebuild(&log()).await.unwrap();
    assert_eq!((rebuilt.identical(), &rebuilt.differences), (false, &report.differences));
    assert!(store.check_rows(&log()).await.unwrap().identical());
    assert!(store.rebuild(&log()).await.unwrap().identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_beside_the_events_is_named() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let clean = fs::read(dir.path().join("evidence.db")).unwrap();
    let changes = [
        (
            "UPDATE events SET bytes = CAST(replace(CAST(bytes AS TEXT), 't003', 't004') AS BLOB) WHERE idx = 5",
            "tile/0/000",
        ),
        ("UPDATE events SET bytes = X'7B7D' WHERE idx = 7", "entry 7 is no event"),
        ("UPDATE events SET bytes = CAST(bytes || X'20' AS BLOB) WHERE idx = 7", "entry 7 are not canonical"),
        ("UPDATE events SET id = zeroblob(16) WHERE idx = 9", "entry 9 has the id"),
        ("UPDATE events SET idx = 1000 WHERE idx = 299", "numbered 1000"),
        ("DELETE FROM events WHERE idx = 299", "299 are there"),
        ("DELETE FROM events WHERE idx = 100", "leaves a gap"),
        (
            "UPDATE tiles SET bytes = CAST(substr(bytes, 1, 8160) || zeroblob(32) AS BLOB) WHERE level = 0 AND n = 0",
            "tile/0/000",
        ),
        ("DELETE FROM tiles WHERE level = 0 AND n = 0", "tile/0/000"),
        ("UPDATE blobs SET bytes = X'00'", "the blob sha256:"),
        ("UPDATE blobs SET digest = zeroblob(32)", "the blob sha256:"),
        ("UPDATE payloads SET bytes = X'00'", "the payload sha256:"),
        ("UPDATE payloads SET salt = zeroblob(32)", "the payload sha256:"),
        ("UPDATE payloads SET idx = 3", "is kept for entry 3"),
        ("DELETE FROM payloads", "neither held nor erased"),
        ("DELETE FROM lookups WHERE idx = (SELECT idx FROM payloads)", "neither held nor erased"),
        ("UPDATE payloads SET salt = NULL, bytes = NULL, erased_by = 5", "entry 5, which is said to have erased it"),
        ("INSERT INTO tiles (log, level, n, bytes) VALUES (1, 3, 7, X'00')", "level 3, number 7"),
        ("UPDATE logs SET origin = 'elsewhere/credit'", "the log's row says that it is `elsewhere/credit`"),
        ("UPDATE logs SET note = replace(note, '300', '301')", "copy of the newest checkpoint"),
    ];
    let reader =
        async || SqliteStore::open_read_only(dir.path(), tokens()).unwrap().check_mirror(&log()).await.unwrap();
    assert_eq!(reader().await, Vec::<String>::new());
    for (change, expected) in changes {
        assert!(database(dir.path()).execute(change, []).unwrap() > 0, "{change}");
        let found = reader().await;
        assert!(found.iter().any(|what| what.contains(expected)), "{change}: {found:?}");
        put_back(dir.path(), &clean);
    }
    // What the right edge is made of is compared at every start already.
    for change in
        ["UPDATE logs SET size = 299", "UPDATE logs SET root = zeroblob(32)", "DELETE FROM tiles WHERE level = 1"]
    {
        assert_eq!(database(dir.path()).execute(change, []).unwrap(), 1, "{change}");
        let error = refused(dir.path());
        assert!(matches!(error, StoreError::Damaged { .. }), "{change}: {error:?}");
        put_back(dir.path(), &clean);
    }
}

/// Without its database, or with one from before the log was opened, a store would begin the log again under its key.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_was_signed_is_not_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    drop(create(dir.path()));
    let before = fs::read(dir.path().join("evidence.db")).unwrap();
    let store = reopen(dir.path());
    open_log(&store).await;
    store.close().await.unwrap();
    let clean = fs::read(dir.path().join("evidence.db")).unwrap();
    fs::write(dir.path().join("evidence.db"), &before).unwrap();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::Forked { signed: 1, .. }), "{error:?}");
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    let found = reader.check_database().await.unwrap();
    assert!(found.iter().any(|what| what.contains("`checkpoints/credit` remembers it")), "{found:?}");
    drop(reader);
    fs::remove_file(dir.path().join("evidence.db")).unwrap();
    let error = SqliteStore::create(dir.path(), options()).err();
    assert!(matches!(error, Some(StoreError::Forked { signed: 1, .. })), "{error:?}");
    fs::write(dir.path().join("evidence.db"), &clean).unwrap();
    // Rows of no log are named, too.
    let stray = "INSERT INTO blobs (log, digest, bytes) VALUES (9, zeroblob(32), X'00')";
    assert_eq!(database(dir.path()).execute(stray, []).unwrap(), 1);
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    let found = reader.check_database().await.unwrap();
    assert_eq!(found, ["1 rows of `blobs` belong to the log number 9, which is not there"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_pages_are_found_by_the_database_itself() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let file = dir.path().join("evidence.db");
    let clean = fs::read(&file).unwrap();
    let root: u32 = database(dir.path())
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'sqlite_autoindex_events_2'", [], |r| r.get(0))
        .unwrap();
    let mut damaged = clean.clone();
    // The number of cells in the page's header.
    damaged[(root as usize - 1) * 4096 + 3] ^= 0x7f;
    fs::write(&file, &damaged).unwrap();
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    let found = reader.check_database().await;
    assert!(found.as_ref().map_or(true, |found| !found.is_empty()), "{found:?}");
    drop(reader);
    fs::write(&file, &clean).unwrap();
    let reader = SqliteStore::open_read_only(dir.path(), tokens()).unwrap();
    assert_eq!(reader.check_database().await.unwrap(), Vec::<String>::new());
}
