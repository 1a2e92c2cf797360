//! The report as one page of HTML: nothing from elsewhere, no script, made to be read, printed and kept.

use super::{Clarity, Direction, Figure, Shown, SprintReport};
use crate::clarity::{self, Look};
use seatrial_model::event::Share;
use seatrial_model::{EventId, Untrusted};
use std::fmt::Write as _;

/// The longest text that is shown whole.
const TEXT_CHARS_MAX: usize = 4_000;

const STYLE: &str = "\
:root{color-scheme:light dark;--ink:#1b1f24;--soft:#57606a;--rule:#d5dae0;--good:#1b6a49;--bad:#a3281d;--paper:#fff}\
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#a3acb5;--rule:#3a424b;--good:#74c79d;--bad:#f0907f;--paper:#14181d}}\
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:52rem;margin:2rem auto;padding:0 1.2rem}\
h1{font-size:1.7rem;margin:0 0 .3rem}h2{font-size:1.2rem;margin:2rem 0 .4rem}p{margin:.3rem 0}\
.lead{font-size:1.08rem;white-space:pre-line}.soft{color:var(--soft)}.reading{font-weight:600}\
.simulation{border:2px solid currentColor;padding:.3rem .7rem;display:inline-block}\
ul{padding-left:0;list-style:none}li{margin:.35rem 0;padding-left:1.5rem;text-indent:-1.5rem;overflow-wrap:anywhere}\
code{font:.86em ui-monospace,monospace}.for{color:var(--good)}.against{color:var(--bad)}\
.cites{font-size:.78rem;color:var(--soft);overflow-wrap:anywhere}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.3rem .6rem;border-bottom:1px solid var(--rule);font-weight:400}\
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}thead th{color:var(--soft);font-size:.86rem}\
svg{width:100%;height:auto}\
@media print{:root{--ink:#000;--soft:#444;--rule:#bbb;--good:#0b4a30;--bad:#7a1d14;--paper:#fff}body{margin:0;max-width:none;font-size:11pt}\
h2{break-after:avoid}li,tr,svg{break-inside:avoid}}";

pub(super) fn render(report: &SprintReport, shown: &Shown<'_>) -> String {
    let mut out = String::with_capacity(16_384);
    let title = format!("Sprint {} of {}", report.number, text(shown.workflow));
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>"
    );
    if shown.simulation {
        out.push_str("<p class=\"simulation\"><strong>SIMULATION.</strong> Nobody here is real.</p>");
    }
    if let Some(goal) = shown.goal {
        let _ = write!(out, "<p class=\"lead\">{}</p>", text(goal));
    }
    let _ = write!(out, "<p class=\"soft\">Opened {}", text(&(shown.time)(report.opened)));
    match shown.closed {
        Some(at) => drop(write!(out, ", closed {}.</p>", text(&(shown.time)(at)))),
        None => out.push_str("; it is open, and these are the figures so far.</p>"),
    }
    aims(&mut out, report);
    moved(&mut out, &report.clarity, shown);
    for (i, answer) in report.answers.iter().enumerate() {
        let _ = write!(
            out,
            "<section><h2>{}. {}</h2><p class=\"reading\">{}</p><ul>",
            i + 1,
            text(&answer.question),
            answer.reading.sentence()
        );
        answer.figures.iter().for_each(|f| figure(&mut out, f));
        out.push_str("</ul></section>");
    }
    notes(&mut out, report, shown);
    out.push_str("<p class=\"soft\">Computed from the log. Every number names the events that it rests on.</p></main></body></html>\n");
    out
}

fn aims(out: &mut String, report: &SprintReport) {
    if report.aims.is_empty() {
        return;
    }
    out.push_str("<h2>What it meant to settle</h2><ul>");
    for aim in &report.aims {
        let (class, mark) = if aim.reached { ("for", "✓") } else { ("against", "○") };
        let _ = write!(
            out,
            "<li><span class=\"{class}\">{mark}</span>&ensp;<code>{}</code>: {}",
            text(&aim.aim),
            text(&aim.state)
        );
        cites(out, &aim.events);
        out.push_str("</li>");
    }
    out.push_str("</ul>");
}

fn moved(out: &mut String, moved: &Clarity, shown: &Shown<'_>) {
    let Share { k, n } = moved.start;
    let _ = write!(
        out,
        "<h2>Operating clarity</h2><p>Obligations of production discharged: {k} of {n} at the start, {} of {} at the end.</p>",
        moved.end.k, moved.end.n
    );
    let lists =
        [("Discharged", &moved.gained), ("Lost", &moved.lost), ("Added", &moved.added), ("Removed", &moved.removed)];
    for (name, ids) in lists.into_iter().filter(|(_, ids)| !ids.is_empty()) {
        let ids: Vec<String> = ids.iter().map(|id| format!("<code>{}</code>", text(id))).collect();
        let _ = write!(out, "<p>{name}: {}</p>", ids.join(", "));
    }
    if shown.clarity.is_empty() {
        return;
    }
    out.push_str(&clarity::svg(shown.clarity, Look::Alone, shown.day));
    out.push_str(
        "<table><thead><tr><th>Moment</th><th class=\"n\">Discharged</th><th class=\"n\">Waived</th>\
         <th class=\"n\">In all</th><th class=\"n\">Added</th><th class=\"n\">Removed</th></tr></thead><tbody>",
    );
    for point in shown.clarity {
        let all = point.all();
        let _ = write!(out, "<tr><td>{}, {}</td>", text(&(shown.time)(point.time)), text(&point.what));
        for number in [all.discharged, all.waived, all.total, all.added, all.removed] {
            let _ = write!(out, "<td class=\"n\">{number}</td>");
        }
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table>");
}

fn figure(out: &mut String, figure: &Figure) {
    let (class, mark, word) = match figure.direction {
        Direction::For => ("for", "▲", "speaks for it"),
        Direction::Against => ("against", "▼", "speaks against it"),
        Direction::Neither => ("soft", "·", "context"),
    };
    let _ = write!(
        out,
        "<li><span class=\"{class}\" title=\"{word}\">{mark}</span>&ensp;{}: <strong>{}</strong>",
        text(&figure.what),
        text(&figure.value)
    );
    cites(out, &figure.events);
    out.push_str("</li>");
}

fn notes(out: &mut String, report: &SprintReport, shown: &Shown<'_>) {
    if report.notes.is_empty() {
        return;
    }
    out.push_str("<h2>Notes and findings</h2><ul>");
    for note in &report.notes {
        let kind = if note.finding { "<strong>Finding.</strong> " } else { "" };
        let said = match shown.texts.get(&note.event) {
            Some(said) => text(said),
            None => "<span class=\"soft\">(its text was erased)</span>".to_owned(),
        };
        let _ = write!(out, "<li>{kind}{said}");
        if let Some(element) = &note.element {
            let _ = write!(out, " <code>{}</code>", text(element.as_str()));
        }
        let _ = write!(out, " <span class=\"soft\">{}</span>", text(&note.by));
        cites(out, &std::iter::once(note.event).chain(note.cites.iter().copied()).collect::<Vec<_>>());
        out.push_str("</li>");
    }
    out.push_str("</ul>");
}

fn cites(out: &mut String, events: &[EventId]) {
    if !events.is_empty() {
        let ids: Vec<String> = events.iter().map(ToString::to_string).collect();
        let _ = write!(out, " <span class=\"cites\">{}</span>", ids.join(" "));
    }
}

/// Text whose markup is shown instead of obeyed, with what cannot be seen made visible.
fn text(raw: &str) -> String {
    Untrusted::new(raw).html(TEXT_CHARS_MAX)
}
