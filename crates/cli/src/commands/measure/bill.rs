//! `seatrial reconcile --of calls`: a provider's bill.

use super::{SHOWN_MAX, open, unreadable, window};
use crate::args::ReconcileArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Ink, Out, shown};
use crate::session::Session;
use seatrial_factory::api::Caller;
use seatrial_factory::{BILL_LINES_MAX, BilledCalls, CallsInput};
use seatrial_model::{Day, Time};
use serde_json::json;
use std::path::Path;

/// Compares the calls of a bill with the recorded ones.
pub(super) async fn reconcile(
    args: &ReconcileArgs,
    caller: &Caller,
    workflow: &str,
    session: &Session,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let lines = lines(&session.start.join(&args.file))?;
    let (from, until) = window(args.window, session);
    let found = session.factory.reconcile_calls(caller, workflow, CallsInput { lines, from, until }).await?;
    let d = &found.done;
    out.json(&json!({
        "event": found.event, "counts": d, "differences": found.differences, "unanswered": found.unanswered,
        "outside": found.outside,
    }))?;
    let clean = d.unrecorded == 0 && d.theirs > 0;
    let ink = if clean { Ink::Good } else { Ink::Bad };
    let line = format!(
        "{} calls billed, {} recorded: {} not recorded, {} not billed",
        d.theirs, d.ours, d.unrecorded, d.unknown
    );
    let line = out.paint(ink, &line);
    out.line(line);
    for day in found.differences.iter().take(SHOWN_MAX) {
        let model = day.model.terminal(80);
        let (theirs, ours) = (day.theirs, day.ours);
        out.line(format!("  {} {model}: {theirs} billed, {ours} recorded, {} unexplained", day.day, day.unrecorded));
    }
    if found.differences.len() > SHOWN_MAX {
        out.line(format!("  … and {} more days with a difference", found.differences.len() - SHOWN_MAX));
    }
    if found.unanswered > 0 {
        out.line(format!("  {} recorded attempt(s) got no answer: they explain as many", found.unanswered));
    }
    if found.outside > 0 {
        out.line(format!("  {} line(s) of other days were left out", found.outside));
    }
    out.line(format!("  event {} (counts alone)", found.event));
    Ok(Exit::ready(clean))
}

/// The lines of a bill: `date`, `model`, and `count`; a line without a count is one call.
fn lines(path: &Path) -> Result<Vec<BilledCalls>, Failure> {
    let mut reader = open(path)?;
    let headings = reader.headers().map_err(|e| unreadable(path, &e))?.clone();
    let find = |name: &str| headings.iter().position(|h| h.trim().trim_start_matches('\u{feff}') == name);
    let wanted = |name: &str| {
        let known: Vec<String> = headings.iter().map(shown).collect();
        unreadable(path, &format!("has no column `{name}` (it has: {})", known.join(", ")))
    };
    let date = find("date").ok_or_else(|| wanted("date"))?;
    let model = find("model").ok_or_else(|| wanted("model"))?;
    let count = find("count");
    let mut lines = Vec::new();
    for (n, record) in reader.records().enumerate() {
        let record = record.map_err(|e| unreadable(path, &e))?;
        let at = n + 2;
        let field = |i: usize| record.get(i).map_or("", str::trim);
        let day = day(field(date)).ok_or_else(|| {
            let found = shown(field(date));
            unreadable(path, &format!("line {at}: `{found}` is no day (`2026-11-23`) and no time"))
        })?;
        let calls = match count {
            None => 1,
            Some(i) => field(i)
                .parse::<u64>()
                .map_err(|_| unreadable(path, &format!("line {at}: `{}` is no count of calls", shown(field(i)))))?,
        };
        if lines.len() >= BILL_LINES_MAX {
            return Err(unreadable(path, &format!("has more than {BILL_LINES_MAX} lines: take a shorter window")));
        }
        lines.push(BilledCalls { day, model: field(model).to_owned(), count: calls });
    }
    Ok(lines)
}

/// A day, or the day in UTC of a time.
fn day(text: &str) -> Option<Day> {
    // A time first: its date alone would be that of its own offset.
    text.parse::<Time>().ok().map(|time| time.day()).or_else(|| text.parse::<Day>().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> Result<Vec<BilledCalls>, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("bill.csv");
        std::fs::write(&file, text).unwrap();
        lines(&file)
    }

    #[test]
    fn days_with_counts_and_calls_one_a_line() {
        let counted = read("\u{feff}date,model,count\n2026-11-23,m-1, 12\n".as_bytes()).unwrap();
        let line = BilledCalls { day: "2026-11-23".parse().unwrap(), model: "m-1".to_owned(), count: 12 };
        assert_eq!(counted, std::slice::from_ref(&line));
        let each = read(b"id,model,date\nr-1,m-1,2026-11-23T23:30:00Z\nr-2,m-1,2026-11-23T23:30:00-02:00\n").unwrap();
        assert_eq!(each[0], BilledCalls { count: 1, ..line });
        assert_eq!(each[1].day, "2026-11-24".parse().unwrap(), "days are UTC's");
    }

    #[test]
    fn what_is_no_bill_is_refused_with_its_line() {
        let why = |text: &str| read(text.as_bytes()).unwrap_err().message;
        assert!(why("model,count\nm,1\n").contains("has no column `date`"));
        assert!(why("date,model,count\nyesterday,m,1\n").contains("line 2: `yesterday` is no day"));
        assert!(why("date,model,count\n2026-11-23,m,1\n2026-11-23,m,-4\n").contains("line 3: `-4` is no count"));
        assert!(why("date,model,count\n2026-11-23,m\n").contains("no count"));
    }

    proptest! {
        #[test]
        fn hostile_bills_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&[b"date,model,count\n".as_slice(), &bytes].concat());
            let _ = read(&bytes);
        }
    }
}
