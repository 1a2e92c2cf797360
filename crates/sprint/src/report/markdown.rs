//! The report as Markdown, for people and for pull requests.

use super::{Clarity, Direction, Reading, SprintReport};
use seatrial_model::Untrusted;
use seatrial_model::event::Share;
use std::fmt::Write as _;

pub(super) fn render(report: &SprintReport) -> String {
    let mut out = String::with_capacity(4_096);
    let _ = writeln!(out, "# Sprint {}\n\nOpened {} (`{}`).\n", report.number, report.opened.day(), report.opened_by);
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
    for (i, answer) in report.answers.iter().enumerate() {
        let _ = writeln!(out, "## {}. {}\n\n**{}**\n", i + 1, answer.question, reading(answer.reading));
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
    out
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

fn reading(reading: Reading) -> &'static str {
    match reading {
        Reading::Yes => "Yes.",
        Reading::Mixed => "In part: the numbers go both ways.",
        Reading::No => "No.",
        Reading::Unchanged => "No change.",
        Reading::Unknown => "Unknown: the log does not tell.",
    }
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
