//! The report as Markdown, for a repository or a mail.

use super::report::{Cell, Column, Report, Row, Supported};
use super::{Area, Claim};
use crate::Standing;
use seatrial_model::Untrusted;
use std::fmt::Write as _;

/// The most characters of one text of theirs.
const TEXT_CHARS_MAX: usize = 400;

/// The whole report.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut out = String::from("# Candidates, side by side\n\n");
    let _ = writeln!(out, "{}\n", report.caveat);
    heads(report, &mut out);
    overview(report, &mut out);
    if report.columns.len() > 1 {
        group(report, true, "Where they differ", &mut out);
        group(report, false, "Where they stand alike", &mut out);
    } else {
        group(report, false, "Statement by statement", &mut out);
    }
    asks(report, &mut out);
    out
}

fn heads(report: &Report, out: &mut String) {
    out.push_str("| candidate | what it is | answered by | on | how its statements stand |\n|---|---|---|---|---|\n");
    for c in &report.columns {
        let _ = writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            said(&c.name),
            c.kind.title(),
            said(&c.answered_by),
            c.date,
            c.tally.words()
        );
    }
}

fn overview(report: &Report, out: &mut String) {
    out.push_str("\n## What you would live with\n\nWhere nothing shows otherwise: what follows, once you operate it, from the worst statement of each area.\n\n✔ evidenced  ◐ partly  ○ no evidence  ✘ contradicted\n\n| |");
    for c in &report.columns {
        let _ = write!(out, " {} |", said(&c.name));
    }
    let _ = writeln!(out, "\n|---|{}", "---|".repeat(report.columns.len()));
    for area in Area::ALL {
        let _ = write!(out, "| {} |", area.title());
        for (i, column) in report.columns.iter().enumerate() {
            let rows = report.rows.iter().filter(|r| r.question.area == area);
            let marks: Vec<&str> = rows.filter_map(|r| r.cells.get(i)).map(|c| symbol(c.standing)).collect();
            let _ = write!(out, " {} {} |", marks.join(" "), lives_with(column, area));
        }
        out.push('\n');
    }
}

/// What follows when one operates it.
#[must_use]
pub fn lives_with(column: &Column, area: Area) -> String {
    match column.lives_with(area) {
        Some((standing, consequence, more)) => {
            let part = if standing == Standing::Partly { "In part: " } else { "" };
            let more = if more > 0 { format!(" And {more} more open.") } else { String::new() };
            format!("{part}{consequence}{more}")
        }
        None => "Nothing that was asked is open.".to_owned(),
    }
}

fn group(report: &Report, differs: bool, title: &str, out: &mut String) {
    if !report.rows.iter().any(|r| r.differs == differs) {
        return;
    }
    let _ = writeln!(out, "\n## {title}");
    for area in Area::ALL {
        let rows: Vec<&Row> = report.of(area, differs).collect();
        if rows.is_empty() {
            continue;
        }
        let _ = writeln!(out, "\n### {}", area.title());
        for row in rows {
            one(report, row, out);
        }
    }
}

fn one(report: &Report, row: &Row, out: &mut String) {
    let q = row.question;
    let _ = writeln!(out, "\n**{}** {} (`{}`)\n", q.asks, q.statement, q.id);
    for (column, cell) in report.columns.iter().zip(&row.cells) {
        let _ = writeln!(out, "- {} **{}**: {}", symbol(cell.standing), cell.standing.as_str(), line(column, cell));
        for s in &cell.supported {
            let _ = writeln!(out, "  - {}", support(s));
        }
    }
    if row.cells.iter().any(|c| c.standing != Standing::Evidenced) {
        let _ = writeln!(out, "\n> Without evidence: {}", q.consequence);
    }
}

fn line(column: &Column, cell: &Cell) -> String {
    let mut text = said(&column.name);
    if !cell.because.is_empty() {
        let _ = write!(text, ", {}", cell.because.iter().map(|b| said(b)).collect::<Vec<_>>().join("; "));
    }
    match (&cell.text, cell.claim) {
        (Some(own), Some(claim)) if claim != Claim::Unknown => {
            let _ = write!(text, " (claims {}: “{}”)", claim.as_str(), said(own));
        }
        (Some(own), _) => {
            let _ = write!(text, " (“{}”)", said(own));
        }
        (None, _) => {}
    }
    text
}

fn support(s: &Supported) -> String {
    let mut text = format!("{}{} {}", if s.contradicts { "shows the opposite: " } else { "" }, s.kind, code(&s.place));
    for more in [s.date.map(|d| d.to_string()), s.by.clone(), s.shows.clone()].into_iter().flatten() {
        let _ = write!(text, ", {}", said(&more));
    }
    if let Some(digest) = &s.digest {
        let _ = write!(text, ", {}", digest.short());
    }
    if !s.but.is_empty() {
        let _ =
            write!(text, " (counts {}: {})", s.counts, s.but.iter().map(|b| said(b)).collect::<Vec<_>>().join("; "));
    }
    text
}

fn asks(report: &Report, out: &mut String) {
    out.push_str("\n## What to ask for next\n");
    for c in &report.columns {
        let _ = writeln!(out, "\n### {}\n", said(&c.name));
        if c.next.is_empty() {
            out.push_str("Nothing: every statement is evidenced.\n");
        }
        for (i, next) in c.next.iter().enumerate() {
            let ids: Vec<String> = next.settles.iter().map(|id| format!("`{id}`")).collect();
            let _ = writeln!(out, "{}. Ask for {} (settles {})", i + 1, next.what.what(), ids.join(", "));
        }
        for sign in &c.signs {
            let _ = writeln!(out, "\n> {}", said(sign));
        }
    }
}

/// A standing as a sign that is told apart without colour.
#[must_use]
pub(super) const fn symbol(standing: Standing) -> &'static str {
    match standing {
        Standing::Evidenced => "✔",
        Standing::Partly => "◐",
        Standing::NoEvidence => "○",
        Standing::Contradicted => "✘",
    }
}

/// Their words on one line, where nothing of them is markup.
fn said(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut out = String::new();
    for c in Untrusted::new(line).terminal(TEXT_CHARS_MAX).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '<' | '>' | '|' | '#' | '!' | '~' | '&') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn code(text: &str) -> String {
    let line = Untrusted::new(text).terminal(TEXT_CHARS_MAX).replace('`', "'").replace('|', "¦");
    format!("`{line}`")
}
