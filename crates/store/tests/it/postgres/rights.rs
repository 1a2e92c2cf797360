//! What the database itself refuses to the roles that nodes and readers have.

use super::{cluster, options};
use crate::common::*;
use seatrial_store::{
    Batch, PgOptions, PgStore, ReaderExt as _, Secret, Store as _, StoreError, StoreExt as _, postgres,
};

const SCHEMA: &str = "least_rights";

/// A store whose nodes are somebody who owns nothing.
async fn store(dir: &std::path::Path) -> PgStore {
    let database = cluster::shared();
    database.sql("CREATE ROLE serving LOGIN; CREATE ROLE reading LOGIN");
    let owner = options(SCHEMA, dir);
    PgStore::init(&owner).await.unwrap();
    database.sql(&postgres::rights(SCHEMA, "serving", "reading").unwrap());
    PgStore::open(PgOptions { url: database.url_of("serving"), ..owner }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_can_add_and_erase_and_neither_change_nor_delete_what_happened() {
    let dir = tempfile::tempdir().unwrap();
    let store = store(dir.path()).await;
    let database = cluster::shared();
    // Everything that a node does, as somebody without other rights.
    open_log(&store).await;
    let held = payload(1, b"a letter", Some("case-1"));
    let batch = Batch { blobs: vec![b"blob".to_vec()], ..with_payloads(vec![held.clone()]) };
    store.append(&log(), batch).await.unwrap();
    store.append(&log(), Batch { events: vec![issue("a"), issue("b")], ..Batch::default() }).await.unwrap();
    store.append(&log(), Batch::of(revoke("a"))).await.unwrap();
    store.sign_now(&log()).await.unwrap();
    store.append(&log(), erasing("case-1", vec![held.commitment()])).await.unwrap();
    store.secret_put("token", "t", Secret(b"s".to_vec())).await.unwrap();
    assert!(store.secret_delete("token", "t").await.unwrap());
    assert!(store.rebuild(&log()).await.unwrap().identical());
    assert_eq!(store.size(&log()).await.unwrap(), 6);

    let refused = |user: &str, sql: &str| {
        let error = database.sql_as(user, &format!("SET search_path TO {SCHEMA}; {sql}")).expect_err(sql);
        assert!(error.contains("permission denied") || error.contains("must be owner"), "{sql}: {error}");
    };
    for table in ["events", "blobs", "checkpoints"] {
        let column = if table == "checkpoints" { "note" } else { "bytes" };
        for sql in [format!("UPDATE {table} SET {column} = {column}"), format!("DELETE FROM {table}")] {
            refused("serving", &sql);
            refused("reading", &sql);
        }
        refused("serving", &format!("TRUNCATE {table}"));
        refused("serving", &format!("DROP TABLE {table}"));
        refused("serving", &format!("ALTER TABLE {table} DISABLE TRIGGER ALL"));
    }
    for sql in [
        "UPDATE events SET idx = idx + 1",
        "UPDATE payloads SET commitment = commitment",
        "UPDATE payloads SET idx = 0",
        "DELETE FROM payloads",
        "TRUNCATE payloads",
        "UPDATE logs SET name = 'other'",
        "UPDATE logs SET origin = 'other'",
        "DELETE FROM logs",
        "UPDATE tiles SET n = 7",
        "DELETE FROM tiles",
        "UPDATE meta SET format = 7",
        "CREATE TABLE more (n int)",
    ] {
        refused("serving", sql);
    }
    // Whoever looks sees what happened, and nobody's data.
    assert_eq!(database.sql_as("reading", &format!("SELECT count(*) FROM {SCHEMA}.events")).unwrap(), "6");
    for sql in [
        "SELECT bytes FROM payloads",
        "SELECT salt FROM payloads",
        "SELECT * FROM secrets",
        "SELECT key FROM secrets",
        "INSERT INTO events VALUES (1, 9, '', '')",
        "UPDATE rows SET value = ''",
    ] {
        refused("reading", sql);
    }
    store.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_opened_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let missing = PgStore::open(options("never_made", dir.path())).await.err();
    assert!(matches!(missing, Some(StoreError::NoStore(_))), "{missing:?}");
    for schema in ["a b", "A", "x; DROP SCHEMA public", "", "1a"] {
        let bad = PgStore::init(&options(schema, dir.path())).await.err();
        assert!(matches!(bad, Some(StoreError::Invalid(_))), "{schema}: {bad:?}");
    }
    let made = options("made_once", dir.path());
    PgStore::init(&made).await.unwrap();
    let again = PgStore::init(&made).await.err();
    assert!(matches!(again, Some(StoreError::StoreExists(_))), "{again:?}");
    cluster::shared().sql("UPDATE made_once.meta SET format = 99");
    let newer = PgStore::open(made.clone()).await.err();
    assert!(matches!(newer, Some(StoreError::Format { found: 99, .. })), "{newer:?}");
    // What is not done is not done silently, and no answer has the password in it.
    let secret = "postgres://u:hunter2@127.0.0.1:1/db";
    for url in [secret.to_owned(), format!("{secret}?sslmode=require"), "postgres://u:hunter2@[".to_owned()] {
        let error = PgStore::open(PgOptions { url, ..made.clone() }).await.err().unwrap().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
