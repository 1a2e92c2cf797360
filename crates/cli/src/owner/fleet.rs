//! A store that many processes hold: a database. There is no owner, no lock and no socket; a command joins for its
//! duration, as `serve` does for longer.

use super::{Owned, factory, keys};
use crate::failure::Failure;
use crate::place;
use seatrial_factory::{FactoryProjector, read_factory};
use seatrial_store::{PgOptions, PgStore};
use std::path::Path;
use std::sync::Arc;

/// What names this node, where its machine's name does not do.
const NODE: &str = "SEATRIAL_NODE";

/// How the database of a factory is opened; none where its store is a folder.
pub(crate) fn options(root: &Path, folder: &Path) -> Result<Option<PgOptions>, Failure> {
    let Some(url) = place::database(&read_factory(root)?.0)? else { return Ok(None) };
    Ok(Some(PgOptions {
        url,
        schema: PgOptions::SCHEMA.to_owned(),
        projector: Arc::new(FactoryProjector),
        keys: keys()?,
        folder: folder.to_owned(),
        node: node(),
    }))
}

/// What this node is called, in the database and in messages.
fn node() -> String {
    let named = std::env::var(NODE).ok().filter(|name| !name.trim().is_empty());
    let host = || rustix::system::uname().nodename().to_string_lossy().into_owned();
    named.unwrap_or_else(host)
}

/// Joins a fleet.
pub(super) async fn join(root: &Path, options: PgOptions, writes: bool) -> Result<Owned, Failure> {
    let store = PgStore::open(options).await?;
    let factory = factory(root, Arc::new(store)).await?;
    if writes {
        factory.tick().await;
    }
    Ok(Owned { factory, listener: None })
}
