//! `seatrial log parquet`: rows for analysis.

use super::{logs, open};
use crate::args::ParquetArgs;
use crate::commands::progress;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::Out;
use crate::owner::Asked;
use seatrial_columns::{ColumnsError, DECISIONS, EVENTS, Sink, Written, decision_row, event_row};
use seatrial_factory::Progress;
use seatrial_model::LogName;
use seatrial_store::{LogInfo, Reader, ReaderExt as _};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Entries of one look at the store: between two of them others go on.
const ENTRIES_AT_ONCE: usize = 1_000;

/// What was written of one log.
#[derive(Serialize)]
struct Exported {
    log: LogName,
    /// Entries of the log when it began.
    size: u64,
    events: u64,
    decisions: u64,
    files: u64,
}

#[derive(Serialize)]
struct Answer<'a> {
    dir: &'a Path,
    logs: Vec<Exported>,
}

/// Writes events and decisions of all logs, or of the one that is named, into a new folder.
pub(super) async fn parquet(
    args: ParquetArgs,
    asked: &Asked,
    named: Option<&str>,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let target = asked.start.join(&args.dir);
    if std::fs::read_dir(&target).is_ok_and(|mut entries| entries.next().is_some()) || target.is_file() {
        return Err(Failure::usage(format!(
            "`{}` holds something already; nothing was written. Name a new folder",
            args.dir.display()
        )));
    }
    let reader = open(asked).await?;
    let infos = logs(&*reader, named).await?;
    // Under another name until it is whole: a run that broke off leaves nothing that looks like an export.
    let under_way = beside(&target);
    let told = progress::of(out);
    let mut list = Vec::with_capacity(infos.len());
    for info in &infos {
        match one(&*reader, info, &args, &under_way, &*told).await {
            Ok(exported) => list.push(exported),
            Err(failure) => {
                let _ = std::fs::remove_dir_all(&under_way);
                return Err(failure);
            }
        }
    }
    let not_moved = |e: std::io::Error| Failure::file(format!("`{}` was not written ({e})", target.display()));
    std::fs::create_dir_all(&under_way).map_err(not_moved)?;
    std::fs::rename(&under_way, &target).map_err(|e| {
        let _ = std::fs::remove_dir_all(&under_way);
        not_moved(e)
    })?;
    out.json(&Answer { dir: &args.dir, logs: list.iter().map(Exported::again).collect() })?;
    for Exported { log, events, decisions, files, .. } in &list {
        out.line(format!("{log}: {events} events, {decisions} decisions, {files} files"));
    }
    out.line(format!(
        "next: duckdb -c \"SELECT verdict, count(*) FROM '{}/decisions/**/*.parquet' GROUP BY 1\"",
        args.dir.display()
    ));
    Ok(Exit::Done)
}

impl Exported {
    fn again(&self) -> Self {
        Self { log: self.log.clone(), ..*self }
    }
}

/// Where an export of this name stands while it is written.
fn beside(target: &Path) -> PathBuf {
    let mut name = target.file_name().map_or_else(|| "parquet".into(), ToOwned::to_owned);
    name.push(format!(".writing-{}", std::process::id()));
    target.with_file_name(name)
}

async fn one(
    reader: &dyn Reader,
    info: &LogInfo,
    args: &ParquetArgs,
    dir: &Path,
    told: &dyn Progress,
) -> Result<Exported, Failure> {
    let (log, size) = (&info.log, info.size);
    let mut events = Sink::new(dir, &EVENTS, log.as_str());
    let mut decisions = Sink::new(dir, &DECISIONS, log.as_str());
    let mut from = 0;
    while from < size {
        let entries = reader.read_with(log, move |view| view.entries(from, ENTRIES_AT_ONCE)).await?;
        if entries.is_empty() {
            return Err(Failure::failed(format!(
                "the log `{log}` ends at {from} of {size} entries; nothing was exported. `seatrial log verify` says more"
            )));
        }
        from += entries.len() as u64;
        for entry in entries.into_iter().filter(|entry| entry.index < size) {
            let event = entry.event(log)?;
            let day = event.time.day().0;
            if args.from.is_some_and(|first| day < first) || args.to.is_some_and(|last| day > last) {
                continue;
            }
            let day = day.to_string();
            events
                .push(&day, event_row(entry.index, &entry.bytes, &event).map_err(not_written)?)
                .map_err(not_written)?;
            if let Some(row) = decision_row(entry.index, &event) {
                decisions.push(&day, row).map_err(not_written)?;
            }
        }
        told.done(log.as_str(), from.min(size), size);
    }
    let events: Written = events.finish().map_err(not_written)?;
    let decisions = decisions.finish().map_err(not_written)?;
    let files = events.files + decisions.files;
    Ok(Exported { log: log.clone(), size, events: events.rows, decisions: decisions.rows, files })
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn not_written(error: ColumnsError) -> Failure {
    Failure::file(error.to_string())
}
