//! `seatrial log`: verify, export, prove, keys, rebuild. All but the last only read, beside the store's owner.

mod keys;
mod parquet;
mod prove;
mod restore;
mod served;
mod statement;
mod watch;
mod witness;

pub(crate) use keys::rotate;
pub(crate) use restore::drill as drill_restore;
pub(crate) use witness::witness;

use crate::args::LogCommand;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::owner::{self, Asked};
use crate::place;
use crate::session::Session;
use crate::source::StoreSource;
use seatrial_factory::FactoryProjector;
use seatrial_model::{LogName, Time};
use seatrial_store::{LogInfo, PgStore, Reader, ReaderExt as _, RowsReport, SqliteStore, StoreError};
use seatrial_verify::{ExportOptions, Folder, Trust, Verified, export, verify};
use serde::Serialize;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// Whether the command only reads.
pub(crate) const fn reads(command: &LogCommand) -> bool {
    !matches!(command, LogCommand::Rebuild | LogCommand::Witness { .. } | LogCommand::RotateKey { .. })
}

/// Runs a command that only reads.
pub(crate) async fn read(
    command: LogCommand,
    asked: &Asked,
    named: Option<&str>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    match command {
        LogCommand::Verify { export: Some(place), key, witnesses } if served::is_address(&place) => {
            watch::verify_served(&place, key, witnesses, asked, out).await
        }
        LogCommand::Verify { export: Some(dir), key, witnesses } => {
            verify_export(&asked.start.join(dir), Trust { key, witnesses, now: Some(now()) }, out)
        }
        LogCommand::Verify { export: None, key, witnesses } => {
            let trust = Trust { key, witnesses, now: None };
            verify_store(asked, named, trust, out).await
        }
        LogCommand::Export { dir, payloads } => write_export(asked, named, &dir, payloads, out).await,
        LogCommand::Parquet(args) => parquet::parquet(args, asked, named, out).await,
        LogCommand::Watch(args) => watch::watch(args, asked, named, out).await,
        LogCommand::Prove { entry, out: file } => prove::prove(asked, named, entry, file.as_deref(), out).await,
        LogCommand::Statement { event, out: dir } => statement::statement(asked, event, dir.as_deref(), out).await,
        LogCommand::Key => keys(asked, named, out).await,
        LogCommand::Restore(args) => restore::restore(&args, asked, out).await,
        LogCommand::Rebuild | LogCommand::Witness { .. } | LogCommand::RotateKey { .. } => {
            Err(Failure::usage("this needs the store's owner; nothing was done"))
        }
    }
}

fn now() -> Time {
    jiff::Timestamp::now().into()
}

async fn open(asked: &Asked) -> Result<Box<dyn Reader>, Failure> {
    let root = place::root(&asked.start)?;
    let store = place::store(&root)?;
    Ok(match owner::fleet::options(&root, &store)? {
        Some(options) => Box::new(PgStore::open(options).await?),
        None => Box::new(SqliteStore::open_read_only(&store, Arc::new(FactoryProjector))?),
    })
}

/// The logs that are meant: the one named, or all.
async fn logs(reader: &dyn Reader, named: Option<&str>) -> Result<Vec<LogInfo>, Failure> {
    let all = reader.logs().await?;
    let Some(name) = named else { return Ok(all) };
    let known: Vec<String> = all.iter().map(|l| format!("`{}`", l.log)).collect();
    let found: Vec<LogInfo> = all.into_iter().filter(|l| l.log.as_str() == name).collect();
    if found.is_empty() {
        let name = shown(name);
        return Err(Failure::usage(format!(
            "the store has no log `{name}`; nothing was done. It has {}",
            known.join(", ")
        )));
    }
    Ok(found)
}

/// The one log that is meant: the one named, or the only workflow's.
async fn one_log(reader: &dyn Reader, named: Option<&str>) -> Result<LogInfo, Failure> {
    let mut found = logs(reader, named).await?;
    if named.is_none() {
        found.retain(|l| l.log != LogName::factory());
    }
    match found.as_slice() {
        [only] => Ok(only.clone()),
        several => {
            let names: Vec<String> = several.iter().map(|l| format!("`{}`", l.log)).collect();
            Err(Failure::usage(format!(
                "name a log with `--workflow NAME`: {} or `factory`; nothing was done",
                names.join(", ")
            )))
        }
    }
}

fn verify_export(dir: &Path, trust: Trust, out: &mut Out) -> Result<Exit, Failure> {
    let folder = Folder::open(dir).map_err(|e| Failure::file(format!("{e}; nothing was checked")))?;
    let report = verify(&folder, &trust);
    out.json(&report)?;
    if !out.is_json() {
        out.text(&report.human());
    }
    Ok(Exit::ready(report.verified))
}

/// A log of the store, checked.
#[derive(Serialize)]
struct Checked {
    log: LogName,
    #[serde(flatten)]
    report: Verified,
    /// What is wrong beside the log: projections, indexes, the copies of hashes.
    beside: Vec<String>,
    /// Entries after the newest checkpoint, not signed yet.
    unsigned: u64,
}

#[derive(Serialize)]
struct StoreReport {
    verified: bool,
    logs: Vec<Checked>,
    /// What the database's own check of its pages found.
    database: Vec<String>,
}

async fn verify_store(asked: &Asked, named: Option<&str>, trust: Trust, out: &mut Out) -> Result<Exit, Failure> {
    let reader = open(asked).await?;
    let infos = if trust.key.is_some() { vec![one_log(&*reader, named).await?] } else { logs(&*reader, named).await? };
    let now = simulated_now(&*reader).await;
    let mut checked = Vec::with_capacity(infos.len());
    for info in infos {
        checked.push(verify_log(&*reader, &info.log, Trust { now: Some(now), ..trust.clone() }).await);
    }
    let database = reader.check_database().await.unwrap_or_else(|error| vec![error.to_string()]);
    let verified = database.is_empty() && checked.iter().all(|c| c.report.verified && c.beside.is_empty());
    let report = StoreReport { verified, logs: checked, database };
    out.json(&report)?;
    if !out.is_json() {
        render(&report, out);
    }
    Ok(Exit::ready(report.verified))
}

/// Checks one log by every means there is. What is too damaged to be read is a finding, too: the others still run, so
/// that the report names the place.
async fn verify_log(reader: &dyn Reader, log: &LogName, trust: Trust) -> Checked {
    let mut beside = Vec::new();
    // The checkpoint first: what is read after it holds all that it covers.
    let checkpoint = found(reader.checkpoint(log).await, &mut beside).flatten();
    let read = reader.read_with(log, move |view| {
        let size = view.size()?;
        Ok((verify(&StoreSource::new(view, checkpoint), &trust), size))
    });
    let (report, size) = found(read.await, &mut beside).unwrap_or_default();
    let mirror = found(reader.check_mirror(log).await, &mut beside);
    beside.extend(mirror.unwrap_or_default());
    if let Some(rows) = found(reader.check_rows(log).await, &mut beside) {
        beside.extend(differences(&rows));
    }
    let unsigned = size.saturating_sub(report.size);
    Checked { log: log.clone(), report, beside, unsigned }
}

/// What a check came to; where it could not be run to its end, that is among what is wrong.
fn found<T>(outcome: Result<T, StoreError>, wrong: &mut Vec<String>) -> Option<T> {
    outcome.map_err(|error| wrong.push(error.to_string())).ok()
}

/// The present time, as far ahead as a simulation's clock is.
async fn simulated_now(reader: &dyn Reader) -> Time {
    let row = reader.row(&LogName::factory(), "clock", b"ahead").await.ok().flatten();
    let ahead: i64 = row.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or(0);
    now().plus_millis(ahead)
}

fn differences(report: &RowsReport) -> Vec<String> {
    let mut found: Vec<String> = report
        .differences
        .iter()
        .map(|d| {
            let what = match (&d.stored, &d.folded) {
                (Some(_), Some(_)) => "is not what the events fold to",
                (Some(_), None) => "should not be there",
                _ => "is missing",
            };
            format!("a row of `{}` {what}: {}", d.table, seatrial_model::digest::hex(&d.key))
        })
        .collect();
    if found.is_empty() && !report.identical() {
        found.push("the projections are not what the events fold to".to_owned());
    }
    found
}

fn render(report: &StoreReport, out: &mut Out) {
    for checked in &report.logs {
        let heading = out.paint(Ink::Strong, checked.log.as_str());
        out.line(heading);
        out.text(&checked.report.human());
        for what in &checked.beside {
            let line = out.paint(Ink::Bad, &format!("  {}", shown(what)));
            out.line(line);
        }
        if checked.beside.is_empty() {
            out.line("projections: every row is what the events fold to");
        }
        if checked.unsigned > 0 {
            out.line(format!("{} entries come after the newest checkpoint, and are not signed yet", checked.unsigned));
        }
        out.line("");
    }
    for what in &report.database {
        let line = out.paint(Ink::Bad, &format!("database: {}", shown(what)));
        out.line(line);
    }
    let (ink, word) = if report.verified { (Ink::Good, "in order") } else { (Ink::Bad, "NOT in order") };
    let word = out.paint(ink, word);
    out.line(format!("the store is {word}"));
}

async fn write_export(
    asked: &Asked,
    named: Option<&str>,
    dir: &Path,
    payloads: bool,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let reader = open(asked).await?;
    let info = one_log(&*reader, named).await?;
    let checkpoint = reader.checkpoint(&info.log).await?;
    let target = asked.start.join(dir);
    let done = reader
        .read_with(&info.log, move |view| {
            Ok(export(&StoreSource::new(view, checkpoint), &target, ExportOptions { payloads }))
        })
        .await?
        .map_err(|e| Failure::file(e.to_string()))?;
    out.json(&json!({
        "log": info.log, "dir": dir, "size": done.size, "files": done.files, "bytes": done.bytes, "key": info.key,
    }))?;
    out.line(format!(
        "{} exported: {} entries, {} files, {} bytes in `{}`",
        info.log,
        done.size,
        done.files,
        done.bytes,
        dir.display()
    ));
    if !payloads {
        out.line("  without payloads: `--payloads` takes personal data along");
    }
    out.line(format!("next: seatrial log verify {} --key '{}'", dir.display(), info.key));
    Ok(Exit::Done)
}

async fn keys(asked: &Asked, named: Option<&str>, out: &mut Out) -> Result<Exit, Failure> {
    let reader = open(asked).await?;
    let infos = logs(&*reader, named).await?;
    let list: Vec<_> =
        infos.iter().map(|l| json!({ "log": l.log, "origin": l.origin, "key": l.key, "size": l.size })).collect();
    out.json(&list)?;
    for info in &infos {
        out.line(&info.key);
    }
    Ok(Exit::Done)
}

/// Drops every projection, and folds the events again.
pub(crate) async fn rebuild(session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let store = session.factory.store();
    let logs: Vec<LogName> = match &session.named {
        Some(_) => vec![session.log()?],
        None => store.logs().await?.into_iter().map(|l| l.log).collect(),
    };
    let mut identical = true;
    let mut list = Vec::with_capacity(logs.len());
    for log in logs {
        let report = store.rebuild(&log).await?;
        identical &= report.identical();
        let found = differences(&report);
        list.push(
            json!({ "log": log, "events": report.events, "identical": report.identical(), "differences": found }),
        );
        let word = if report.identical() { "the rows were the same" } else { "the rows were NOT the same" };
        out.line(format!("{log}: {} events folded again; {word}", report.events));
        for what in &found {
            out.line(format!("  {}", shown(what)));
        }
    }
    out.json(&list)?;
    Ok(Exit::ready(identical))
}
