//! The report as Markdown, for people and for pull requests.

use super::{Clarity, Direction, Shown, SprintReport};
use seatrial_model::Untrusted;
use seatrial_model::event::Share;
use std::fmt::Write as _;

pub(super) fn render(report: &SprintReport, shown: &Shown<'_>) -> String {
    let mut out = String::with_capacity(4_096);
    let _ = writeln!(out, "# Sprint {} of {}\n", report.number, code(shown.workflow));
    if shown.simulation {
        out.push_str("**SIMULATION.** Nobody here is real.\n\n");
    }
    if let Some(goal) = shown.goal {
        let _ = writeln!(out, "{}\n", text(goal));
    }
    let _ = write!(out, "Opened {} (`{}`)", text(&(shown.time)(report.opened)), report.opened_by);
    match shown.closed {
        Some(at) => drop(writeln!(out, ", closed {}.\n", text(&(shown.time)(at)))),
        None => out.push_str("; it is open, and these are the figures so far.\n\n"),
    }
    if !report.aims.is_empty() {
        out.push_str("## What it meant to settle\n\n");
        for aim in &report.aims {
            let mark = if aim.reached { "x" } else { " " };
            let _ = write!(out, "- [{mark}] {}: {}", code(&aim.aim), text(&aim.state));
            cite(&mut out, &aim.events);
        }
        out.push('\n');
    }
    clarity(&mut out, &report.clarity);
    over_time(&mut out, shown);
    for (i, answer) in report.answers.iter().enumerate() {
        let _ = writeln!(out, "## {}. {}\n\n**{}**\n", i + 1, answer.question, answer.reading.sentence());
        for figure in &answer.figures {
            let mark = match figure.direction {
                Direction::For => "▲ ",
                Direction::Against => "▼ ",
                Direction::Neither => "",
            };
            let _ = write!(out, "- {mark}{}: {}", text(&figure.what), text(&figure.value));
            cite(&mut out, &figure.events);
        }
        out.push('\n');
    }
    notes(&mut out, report, shown);
    out
}

/// All layers in one row a moment: the picture is in the HTML report.
fn over_time(out: &mut String, shown: &Shown<'_>) {
    if shown.clarity.is_empty() {
        return;
    }
    out.push_str("| moment | discharged | waived | in all | added | removed |\n|---|--:|--:|--:|--:|--:|\n");
    for point in shown.clarity {
        let all = point.all();
        let _ = writeln!(
            out,
            "| {}, {} | {} | {} | {} | {} | {} |",
            text(&(shown.time)(point.time)),
            text(&point.what),
            all.discharged,
            all.waived,
            all.total,
            all.added,
            all.removed
        );
    }
    out.push('\n');
}

fn notes(out: &mut String, report: &SprintReport, shown: &Shown<'_>) {
    if report.notes.is_empty() {
        return;
    }
    out.push_str("## Notes and findings\n\n");
    for note in &report.notes {
        let kind = if note.finding { "**Finding.** " } else { "" };
        let said = shown.texts.get(&note.event).map_or_else(|| "(its text was erased)".to_owned(), |t| text(t));
        let about = note.element.as_ref().map(|path| format!(" {}", code(path.as_str()))).unwrap_or_default();
        let _ = write!(out, "- {kind}{said}{about}, {}", text(&note.by));
        cite(out, &std::iter::once(note.event).chain(note.cites.iter().copied()).collect::<Vec<_>>());
    }
    out.push('\n');
}

fn clarity(out: &mut String, clarity: &Clarity) {
    let Share { k, n } = clarity.start;
    let _ = writeln!(
        out,
        "## Operating clarity\n\nObligations of production discharged: {k} of {n} at the start, {} of {} at the end.\n",
        clarity.end.k, clarity.end.n
    );
    let lists = [
        ("Discharged", &clarity.gained),
        ("Lost", &clarity.lost),
        ("Added", &clarity.added),
        ("Removed", &clarity.removed),
    ];
    for (name, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let ids: Vec<String> = ids.iter().map(|id| code(id)).collect();
        let _ = writeln!(out, "- {name}: {}", ids.join(", "));
    }
    out.push('\n');
}

fn cite(out: &mut String, events: &[seatrial_model::EventId]) {
    if !events.is_empty() {
        let ids: Vec<String> = events.iter().map(|id| format!("`{id}`")).collect();
        let _ = write!(out, " ({})", ids.join(", "));
    }
    out.push('\n');
}

/// A name in backticks; names have none of their own.
fn code(name: &str) -> String {
    format!("`{}`", Untrusted::new(name).terminal(200).replace('`', "'"))
}

/// Text whose markup is shown instead of obeyed.
fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in Untrusted::new(text).terminal(400).chars() {
        if matches!(c, '<' | '>' | '[' | ']' | '*' | '`' | '|' | '#' | '\\' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
