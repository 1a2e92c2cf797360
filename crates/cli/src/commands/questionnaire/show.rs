//! The report on a terminal: candidates, the view by area, where they differ, and what to ask for next.

use crate::out::{Ink, Out, Rows, shown};
use seatrial_assessment::Standing;
use seatrial_assessment::questionnaire::{Area, Report, Row, lives_with};

/// Shows a report to people. What stands alike is counted, not listed: the whole is in the other forms.
pub(super) fn human(report: &Report, out: &mut Out) {
    out.line(report.caveat);
    let mut rows =
        Rows::new(out.layout(), &["candidate", "what it is", "answered by", "on", "how its statements stand"]);
    for c in &report.columns {
        rows.plain([
            shown(&c.name),
            c.kind.title().to_owned(),
            shown(&c.answered_by),
            c.date.to_string(),
            c.tally.words(),
        ]);
    }
    let text = rows.text();
    out.text(&format!("\n{text}"));
    overview(report, out);
    if report.columns.len() > 1 {
        differences(report, out);
    } else {
        heading("Statement by statement", out);
        for row in &report.rows {
            one(report, row, out);
        }
    }
    next(report, out);
}

fn heading(title: &str, out: &mut Out) {
    let title = out.paint(Ink::Strong, title);
    out.line(format!("\n{title}"));
}

fn overview(report: &Report, out: &mut Out) {
    heading("What you would live with  (✔ evidenced  ◐ partly  ○ no evidence  ✘ contradicted)", out);
    let names: Vec<String> = report.columns.iter().map(|c| shown(&c.name)).collect();
    let headings: Vec<&str> = std::iter::once("").chain(names.iter().map(String::as_str)).collect();
    let mut rows = Rows::new(out.layout(), &headings);
    for area in Area::ALL {
        let marks = report.columns.iter().enumerate().map(|(i, column)| {
            let of_area = report.rows.iter().filter(|r| r.question.area == area);
            let marks: Vec<&str> = of_area.filter_map(|r| r.cells.get(i)).map(|c| symbol(c.standing)).collect();
            format!("{}\n{}", marks.join(" "), lives_with(column, area))
        });
        rows.plain(std::iter::once(area.title().to_owned()).chain(marks));
    }
    let text = rows.text();
    out.text(&text);
}

fn differences(report: &Report, out: &mut Out) {
    heading("Where they differ", out);
    let differ: Vec<&Row> = report.rows.iter().filter(|r| r.differs).collect();
    if differ.is_empty() {
        out.line("Nowhere: every statement stands alike.");
    }
    for row in &differ {
        one(report, row, out);
    }
    let alike = report.rows.len().saturating_sub(differ.len());
    if alike > 0 {
        let line =
            out.paint(Ink::Dim, &format!("\n{alike} statements stand alike; `--markdown` and `--html` list them."));
        out.line(line);
    }
}

fn one(report: &Report, row: &Row, out: &mut Out) {
    let asks = out.paint(Ink::Strong, row.question.asks);
    let area = out.paint(Ink::Dim, row.question.area.title());
    out.line(format!("\n  {asks}  {area}"));
    out.line(format!("  {}", row.question.statement));
    for (column, cell) in report.columns.iter().zip(&row.cells) {
        let standing = out.paint(ink(cell.standing), &format!("{} {}", symbol(cell.standing), cell.standing.as_str()));
        let because = cell.because.iter().map(|b| shown(b)).collect::<Vec<_>>().join("; ");
        let because = if because.is_empty() { String::new() } else { format!(": {because}") };
        out.line(format!("    {standing}  {}{because}", shown(&column.name)));
        for s in &cell.supported {
            let more = [s.date.map(|d| d.to_string()), s.by.clone(), s.shows.clone()];
            let more: String = more.into_iter().flatten().map(|m| format!(", {}", shown(&m))).collect();
            let but = if s.but.is_empty() { String::new() } else { format!(" ({})", shown(&s.but.join("; "))) };
            let opposite = if s.contradicts { "shows the opposite: " } else { "" };
            let line = format!("        {opposite}{}{more}{but}", shown(&s.place));
            let line = out.paint(Ink::Dim, &line);
            out.line(line);
        }
    }
    if row.cells.iter().any(|c| c.standing != Standing::Evidenced) {
        let line = out.paint(Ink::Dim, &format!("    without evidence: {}", row.question.consequence));
        out.line(line);
    }
}

fn next(report: &Report, out: &mut Out) {
    heading("What to ask for next", out);
    for c in &report.columns {
        let name = out.paint(Ink::Strong, &shown(&c.name));
        out.line(format!("  {name}"));
        if c.next.is_empty() {
            out.line("    nothing: every statement is evidenced");
        }
        for (i, next) in c.next.iter().enumerate() {
            out.line(format!("    {}. {}", i + 1, next.what.what()));
            let line = out.paint(Ink::Dim, &format!("       settles {}", next.settles.join(", ")));
            out.line(line);
        }
        for sign in &c.signs {
            let line = out.paint(Ink::Warn, &format!("    ! {}", shown(sign)));
            out.line(line);
        }
    }
}

const fn symbol(standing: Standing) -> &'static str {
    match standing {
        Standing::Evidenced => "✔",
        Standing::Partly => "◐",
        Standing::NoEvidence => "○",
        Standing::Contradicted => "✘",
    }
}

const fn ink(standing: Standing) -> Ink {
    match standing {
        Standing::Evidenced => Ink::Good,
        Standing::Partly | Standing::NoEvidence => Ink::Warn,
        Standing::Contradicted => Ink::Bad,
    }
}
