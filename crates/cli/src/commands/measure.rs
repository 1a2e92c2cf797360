//! `seatrial measure` and `seatrial reconcile`.

mod bill;

use crate::args::{MeasureArgs, Moment, ReconcileArgs, Reconciled, Window};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::{OutcomeInput, ReconcileInput, day_of};
use seatrial_model::Time;
use serde_json::json;
use std::path::Path;

/// The largest export that is read: it is held in memory.
const CSV_BYTES_MAX: u64 = 256 << 20;

/// Differences that are printed for people; programs get those that the factory lists.
const SHOWN_MAX: usize = 20;

/// A window in the factory's time zone.
fn window(window: Window, session: &Session) -> (Time, Time) {
    let zone = &session.factory.spec().timezone;
    let from = match window.from {
        Moment::At(time) => time,
        Moment::On(day) => day_of(zone, day).0,
    };
    let until = match window.until {
        Moment::At(time) => time,
        // Today is not over: its window ends now.
        Moment::On(day) => day_of(zone, day).1.min(session.factory.now()),
    };
    (from, until)
}

/// Records a measurement of an outcome.
pub(crate) async fn measure(args: &MeasureArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    let (from, until) = window(args.window, session);
    let input = OutcomeInput {
        outcome: args.outcome.clone(),
        value: args.value,
        from,
        until,
        cases: args.cases,
        note: args.note.clone(),
    };
    let done = session.factory.measure(&caller, &workflow, input).await?;
    out.json(&json!({
        "event": done.event, "outcome": args.outcome, "value": args.value, "today": done.today, "met": done.met,
        "from": from, "until": until,
    }))?;
    let today = done.today.map(|t| format!(" (before: {t})")).unwrap_or_default();
    let (ink, met) = if done.met { (Ink::Good, "its target is met") } else { (Ink::Warn, "its target is missed") };
    let line = out.paint(ink, &format!("{}: {}{today}; {met}", shown(&args.outcome), args.value));
    out.line(line);
    out.line(format!("  event {}", done.event));
    Ok(Exit::Done)
}

/// Compares the ids of the system of record with the recorded ones.
pub(crate) async fn reconcile(args: &ReconcileArgs, session: &Session, out: &mut Out) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let workflow = session.workflow()?;
    if args.of == Reconciled::Calls {
        return bill::reconcile(args, &caller, &workflow, session, out).await;
    }
    let ids = column(&session.start.join(&args.file), &args.column)?;
    let (from, until) = window(args.window, session);
    let found = session.factory.reconcile(&caller, &workflow, ReconcileInput { ids, from, until }).await?;
    let d = &found.done;
    out.json(&json!({
        "event": found.event, "counts": d, "unrecorded": found.unrecorded, "unknown": found.unknown,
    }))?;
    let clean = d.unrecorded == 0 && d.theirs > 0;
    let ink = if clean { Ink::Good } else { Ink::Bad };
    let line = format!(
        "{} cases there, {} here: {} not recorded, {} unknown there",
        d.theirs, d.ours, d.unrecorded, d.unknown
    );
    let line = out.paint(ink, &line);
    out.line(line);
    for (what, ids) in [("not recorded here", &found.unrecorded), ("unknown there", &found.unknown)] {
        for id in ids.iter().take(SHOWN_MAX) {
            out.line(format!("  {what}: {}", id.terminal(120)));
        }
        if ids.len() > SHOWN_MAX {
            out.line(format!("  … and {} more {what}", ids.len() - SHOWN_MAX));
        }
    }
    out.line(format!("  event {} (counts alone: no id is in the log)", found.event));
    Ok(Exit::ready(clean))
}

fn unreadable(path: &Path, why: &dyn std::fmt::Display) -> Failure {
    Failure::file(format!("`{}`: {why}; nothing was recorded", path.display()))
}

/// A CSV file that is not too long.
fn open(path: &Path) -> Result<csv::Reader<std::fs::File>, Failure> {
    let size = std::fs::metadata(path).map_err(|e| unreadable(path, &e))?.len();
    if size > CSV_BYTES_MAX {
        let why = format!("has {size} bytes, and at most {CSV_BYTES_MAX} are read: take a shorter window");
        return Err(unreadable(path, &why));
    }
    csv::ReaderBuilder::new().flexible(true).from_path(path).map_err(|e| unreadable(path, &e))
}

/// The values of a column of a CSV file.
fn column(path: &Path, column: &str) -> Result<Vec<String>, Failure> {
    let unreadable = |e: &dyn std::fmt::Display| unreadable(path, e);
    let mut reader = open(path)?;
    let headings = reader.headers().map_err(|e| unreadable(&e))?.clone();
    let at = headings.iter().position(|h| h.trim().trim_start_matches('\u{feff}') == column).ok_or_else(|| {
        let known: Vec<String> = headings.iter().map(shown).collect();
        unreadable(&format!("has no column `{}` (it has: {})", shown(column), known.join(", ")))
    })?;
    let mut ids = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| unreadable(&e))?;
        ids.extend(record.get(at).map(str::to_owned));
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], name: &str) -> Result<Vec<String>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("cases.csv");
        std::fs::write(&file, text).unwrap();
        column(&file, name)
    }

    #[test]
    fn a_column_is_found_by_its_heading() {
        let text = "\u{feff}case_id,amount\r\nA-1,10\r\n\"B,2\",20\r\nC-3\r\n";
        assert_eq!(read(text.as_bytes(), "case_id").unwrap(), ["A-1", "B,2", "C-3"]);
        assert_eq!(read(text.as_bytes(), "amount").unwrap(), ["10", "20"]);
        let missing = read(text.as_bytes(), "id").unwrap_err();
        assert!(missing.message.contains("has no column `id` (it has: "), "{}", missing.message);
    }

    #[test]
    fn hostile_files_are_refused_or_read() {
        assert!(read(b"case_id\n\xff\xfe\n", "case_id").is_err(), "not UTF-8");
        assert_eq!(read(b"case_id\n", "case_id").unwrap(), Vec::<String>::new());
        assert!(read(b"", "case_id").is_err());
        let _ = read("case_id\n\"unclosed\n".as_bytes(), "case_id");
    }
}
