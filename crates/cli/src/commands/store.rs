//! `seatrial store`: where the logs are kept. None of it needs the store's owner.

use crate::args::StoreCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::owner::{self, Asked};
use crate::place;
use seatrial_factory::FactoryProjector;
use seatrial_ledger::{Checkpoint, Note};
use seatrial_store::{PgOptions, PgStore, Reader, SqliteStore, postgres};
use serde_json::json;
use std::sync::Arc;

/// Runs it.
pub(crate) async fn store(command: &StoreCommand, asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    match command {
        StoreCommand::Rights { serving, reading } => {
            out.text(&postgres::rights(PgOptions::SCHEMA, serving, reading)?);
            Ok(Exit::Done)
        }
        StoreCommand::Init => init(asked, out).await,
        StoreCommand::Show => show(asked, out).await,
    }
}

async fn init(asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::root(&asked.start)?;
    let Some(options) = owner::fleet::options(&root, &place::store(&root)?)? else {
        return Err(Failure::usage(
            "the store of `factory.yaml` is a folder, which makes itself; nothing was done. For a fleet, write \
             `store: { postgres: { env: NAME } }`",
        ));
    };
    PgStore::init(&options).await?;
    out.line(format!("The tables are made, in the schema `{}`.", options.schema));
    out.line(
        "Next: roles for nodes and readers, with `seatrial store rights`; then `seatrial submit`, or `seatrial serve`.",
    );
    out.json(&json!({ "schema": options.schema }))?;
    Ok(Exit::Done)
}

async fn show(asked: &Asked, out: &mut Out) -> Result<Exit, Failure> {
    let root = place::root(&asked.start)?;
    let folder = place::store(&root)?;
    let options = owner::fleet::options(&root, &folder)?;
    let protected = options.as_ref().map(PgOptions::is_protected).transpose()?;
    let (kind, reader): (&str, Box<dyn Reader>) = match options {
        Some(options) => ("postgres", Box::new(PgStore::open(options).await?)),
        None => ("sqlite", Box::new(SqliteStore::open_read_only(&folder, Arc::new(FactoryProjector))?)),
    };
    let place = match protected {
        Some(true) => "a database of a fleet (PostgreSQL, over TLS); this node's own files in",
        Some(false) => "a database of a fleet (PostgreSQL, without TLS); this node's own files in",
        None => "a folder (SQLite):",
    };
    out.line(format!("The store is {place} {}", shown(&folder.display().to_string())));
    let mut logs = Vec::new();
    for info in reader.logs().await? {
        let note = reader.checkpoint(&info.log).await?;
        let signed = note
            .and_then(|note| Note::parse(note.as_bytes()).ok())
            .and_then(|note| Checkpoint::parse(note.text()).ok())
            .map(|checkpoint| checkpoint.size);
        let newest = signed.map_or_else(|| "none signed yet".to_owned(), |size| format!("signed up to {size}"));
        out.line(format!("  {}  {} entries, {newest}", info.log, info.size));
        logs.push(
            json!({ "log": info.log, "entries": info.size, "root": info.root, "key": info.key, "signed": signed }),
        );
    }
    if logs.is_empty() {
        out.line("  It has no logs yet: `seatrial submit` makes the first.");
    }
    out.json(&json!({ "kind": kind, "tls": protected, "folder": folder, "logs": logs }))?;
    Ok(Exit::Done)
}
