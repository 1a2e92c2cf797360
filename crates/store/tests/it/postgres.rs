//! What only the store for fleets does, and how the tests reach one.

pub mod cluster;
mod nodes;
mod rights;
mod tls;

use crate::common::tokens;
use seatrial_store::{KeySource, PgOptions, PgStore, Seed};
use std::path::Path;

/// One node, with a folder of its own.
pub struct Node {
    pub store: PgStore,
    /// Goes with it.
    pub dir: tempfile::TempDir,
}

/// How a node of a test opens its store: every test has a schema of its own.
pub fn options(schema: &str, dir: &Path) -> PgOptions {
    PgOptions {
        url: cluster::shared().url(),
        schema: schema.to_owned(),
        projector: tokens(),
        keys: KeySource::Seed(Seed([9; 32])),
        folder: dir.to_owned(),
        node: "one".to_owned(),
    }
}

/// A new store, and its first node.
pub async fn node(schema: &str) -> Node {
    let dir = tempfile::tempdir().unwrap();
    let options = options(schema, dir.path());
    PgStore::init(&options).await.unwrap();
    Node { store: PgStore::open(options).await.unwrap(), dir }
}

/// One more node of a store.
pub async fn another(schema: &str) -> Node {
    let dir = tempfile::tempdir().unwrap();
    Node { store: PgStore::open(options(schema, dir.path())).await.unwrap(), dir }
}
