//! The report as a page of its own: no script, nothing fetched, prints.

use super::read::is_link;
use super::report::{Cell, Column, Report, Row, Supported};
use super::{Area, Claim};
use crate::Standing;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use seatrial_model::Untrusted;
use seatrial_model::text::SHOWN_CHARS_MAX;

/// Colours, type and frame, for a page that stands alone.
pub const BASE_CSS: &str = include_str!("base.css");
/// What the report itself looks like; it uses the names of [`BASE_CSS`].
pub const REPORT_CSS: &str = include_str!("report.css");

/// Where the answer of a column to a question is edited; none in a file.
pub type EditLink<'a> = &'a dyn Fn(usize, &str) -> Option<String>;

/// A whole page that stands alone.
#[must_use]
pub fn page(report: &Report) -> String {
    let title = "Candidates, side by side";
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="referrer" content="no-referrer";
                title { (title) " · Seatrial" }
                style { (PreEscaped(BASE_CSS)) (PreEscaped(REPORT_CSS)) }
            }
            body {
                header .masthead { p .brand { (mark()) span { "Seatrial" } } p .factory { "Questionnaire" } }
                main { header .page-head { h1 { (title) } } (body(report, None)) }
            }
        }
    }
    .into_string()
}

/// The report without what stands around it.
#[must_use]
pub fn body(report: &Report, edit: Option<EditLink<'_>>) -> Markup {
    html! {
        p .q-caveat { (report.caveat) }
        (heads(report))
        (overview(report))
        @if report.columns.len() > 1 {
            (group(report, true, "Where they differ", edit))
            (group(report, false, "Where they stand alike", edit))
        } @else {
            (group(report, false, "Statement by statement", edit))
        }
        (asks(report))
        (legend())
    }
}

fn heads(report: &Report) -> Markup {
    html! {
        ul .q-cards {
            @for c in &report.columns {
                li .q-card .q-computed[c.computed] {
                    p .q-kind { (c.kind.title()) }
                    h2 { (shown(&c.name)) }
                    p .muted { @if c.computed { "Computed from " (shown(&c.source)) } @else { "Answered by " (shown(&c.answered_by)) } ", " span .q-day { (c.date) } }
                    (counts(c))
                    @for sign in &c.signs { p .q-sign { (prose(sign)) } }
                }
            }
        }
    }
}

fn counts(c: &Column) -> Markup {
    let t = &c.tally;
    let all = [
        (Standing::Evidenced, t.evidenced),
        (Standing::Partly, t.partly),
        (Standing::NoEvidence, t.no_evidence),
        (Standing::Contradicted, t.contradicted),
    ];
    html! {
        ul .q-counts { @for (standing, n) in all { li { span .q-n { (n) } (badge(standing)) } } }
    }
}

fn overview(report: &Report) -> Markup {
    html! {
        section aria-labelledby="q-view" {
            h2 #q-view { "What you would live with" }
            p .muted .q-lead { "Where nothing shows otherwise: what follows, once you operate it, from the worst statement of each area. Every mark is a statement." }
            table .q-view {
                thead { tr { td {} @for c in &report.columns { th scope="col" { (shown(&c.name)) } } } }
                tbody {
                    @for area in Area::ALL {
                        tr {
                            th scope="row" { (area.title()) }
                            @for (i, column) in report.columns.iter().enumerate() {
                                td data-label=(shown(&column.name)) { span .q-marks {
                                    @for row in report.rows.iter().filter(|r| r.question.area == area) {
                                        @if let Some(cell) = row.cells.get(i) {
                                            a href={ "#" (anchor(row)) } title={ (row.question.asks) " " (cell.standing.as_str()) } {
                                                (glyph(cell.standing)) span .sr { (row.question.asks) " " (cell.standing.as_str()) }
                                            }
                                        }
                                    }
                                } (lives_with(column, area)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// What follows when one operates it.
fn lives_with(column: &Column, area: Area) -> Markup {
    html! {
        @match column.lives_with(area) {
            Some((standing, consequence, more)) => p .q-lives {
                @if standing == Standing::Partly { strong { "In part: " } }
                (consequence)
                @if more > 0 { span .muted { " And " (more) " more open." } }
            },
            None => p .q-lives { "Nothing that was asked is open." },
        }
    }
}

fn group(report: &Report, differs: bool, title: &str, edit: Option<EditLink<'_>>) -> Markup {
    let any = report.rows.iter().any(|r| r.differs == differs);
    html! {
        @if any {
            section {
                h2 { (title) }
                @for area in Area::ALL {
                    @let rows: Vec<&Row> = report.of(area, differs).collect();
                    @if !rows.is_empty() {
                        table .q-rows {
                            caption { (area.title()) }
                            thead { tr { th scope="col" { "What would have to be true" } @for c in &report.columns { th scope="col" { (shown(&c.name)) } } } }
                            tbody { @for row in rows { (line(report, row, edit)) } }
                        }
                    }
                }
            }
        }
    }
}

fn line(report: &Report, row: &Row, edit: Option<EditLink<'_>>) -> Markup {
    let q = row.question;
    let open = row.cells.iter().any(|c| c.standing != Standing::Evidenced);
    html! {
        tr id=(anchor(row)) {
            th scope="row" {
                p .q-asks { (q.asks) }
                p .q-statement { (q.statement) }
                @if open { p .q-consequence { strong { "Without evidence: " } (q.consequence) } }
            }
            @for (i, (column, cell)) in report.columns.iter().zip(&row.cells).enumerate() {
                td data-label=(shown(&column.name)) {
                    div .q-cell {
                        (cell_of(cell))
                        @if let Some(to) = edit.and_then(|edit| edit(i, q.id)) { a .q-edit href=(to) { "Answer" span .sr { ": " (q.asks) } } }
                    }
                }
            }
        }
    }
}

fn cell_of(cell: &Cell) -> Markup {
    html! {
        p { (badge(cell.standing)) }
        @for why in &cell.because { p .q-why { (prose(why)) } }
        @if let Some(text) = &cell.text {
            p .q-own { @if let Some(claim) = cell.claim.filter(|c| *c != Claim::Unknown) { "Claims " (claim.as_str()) ": " } "“" (shown(text)) "”" }
        }
        @if !cell.supported.is_empty() { ul .q-artifacts { @for s in &cell.supported { (artifact(s)) } } }
    }
}

fn artifact(s: &Supported) -> Markup {
    html! {
        li .q-not[s.counts == "not"] {
            @if s.contradicts { strong { "Shows the opposite: " } }
            @if s.kind == "link" && is_link(&s.place) { a href=(s.place) rel="noopener noreferrer nofollow" { (shown(&s.place)) } }
            @else { span .q-place { (shown(&s.place)) } }
            @if let Some(date) = &s.date { ", " span .q-day { (date) } }
            @if let Some(by) = &s.by { ", " (shown(by)) }
            @if let Some(shows) = &s.shows { ": " (shown(shows)) }
            @if let Some(digest) = &s.digest { " " code title=(digest) { (digest.short()) } }
            @for but in &s.but { span .q-but { (shown(but)) } }
        }
    }
}

fn asks(report: &Report) -> Markup {
    html! {
        section aria-labelledby="q-next" {
            h2 #q-next { "What to ask for next" }
            p .muted { "The shortest list: each of these settles several questions at once." }
            div .q-asklists {
                @for c in &report.columns {
                    div .q-asklist {
                        h3 { (shown(&c.name)) }
                        @if c.next.is_empty() { p { "Nothing: every statement is evidenced." } }
                        ol { @for next in &c.next { li {
                            p { (next.what.what()) }
                            p .q-settles { "settles " @for (i, id) in next.settles.iter().enumerate() { @if i > 0 { ", " } a href={ "#" (slug(id)) } { (id) } } }
                        } } }
                    }
                }
            }
        }
    }
}

fn legend() -> Markup {
    let all = [
        (
            Standing::Evidenced,
            "claimed, with an artifact that can be opened, is recent enough, and has somebody who stands for it",
        ),
        (Standing::Partly, "claimed in part, or with weak artifacts alone: no date, no person, too old"),
        (Standing::NoEvidence, "not answered, unknown, or claimed with nothing behind it"),
        (Standing::Contradicted, "they say no, or an artifact shows the opposite"),
    ];
    html! {
        section .q-legend aria-labelledby="q-read" {
            h2 #q-read { "How it is read" }
            dl { @for (standing, text) in all { dt { (badge(standing)) } dd { (text) } } }
        }
    }
}

fn anchor(row: &Row) -> String {
    slug(row.question.id)
}

fn slug(id: &str) -> String {
    format!("q-{}", id.replace('.', "-"))
}

/// A standing with its drawing: told apart by shape and word before colour.
#[must_use]
pub fn badge(standing: Standing) -> Markup {
    html! { span class={ "q-badge " (class(standing)) } { (glyph(standing)) span { (standing.as_str()) } } }
}

const fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Evidenced => "q-evidenced",
        Standing::Partly => "q-partly",
        Standing::NoEvidence => "q-none",
        Standing::Contradicted => "q-contradicted",
    }
}

/// The drawing alone.
#[must_use]
pub fn glyph(standing: Standing) -> Markup {
    let path = match standing {
        Standing::Evidenced => {
            r#"<circle cx="8" cy="8" r="7" fill="currentColor"/><path class="q-cut" d="m4.8 8.3 2.2 2.2 4.3-4.8"/>"#
        }
        Standing::Partly => {
            r#"<circle cx="8" cy="8" r="6.2" class="q-line"/><path fill="currentColor" d="M8 1.8a6.2 6.2 0 0 0 0 12.4z"/>"#
        }
        Standing::NoEvidence => r#"<circle cx="8" cy="8" r="6.2" class="q-line" stroke-dasharray="2.7 2.17"/>"#,
        Standing::Contradicted => {
            r#"<path fill="currentColor" d="M5.2.9h5.6l4.3 4.3v5.6l-4.3 4.3H5.2L.9 10.8V5.2z"/><path class="q-cut" d="m5.6 5.6 4.8 4.8m0-4.8-4.8 4.8"/>"#
        }
    };
    html! { svg class={ "q-glyph " (class(standing)) } viewBox="0 0 16 16" aria-hidden="true" focusable="false" { (PreEscaped(path)) } }
}

fn mark() -> Markup {
    html! {
        (PreEscaped(r#"<svg class="mark" viewBox="0 0 32 24" aria-hidden="true" focusable="false"><circle cx="16" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2.6"/><path d="M1 12h30" stroke="currentColor" stroke-width="2.6"/></svg>"#))
    }
}

fn shown(text: &str) -> String {
    Untrusted::new(text).page(SHOWN_CHARS_MAX)
}

/// Ours, with others' words between backticks.
fn prose(text: &str) -> Markup {
    let shown = shown(text);
    let closed = shown.matches('`').count() / 2 * 2;
    html! {
        @for (i, piece) in shown.splitn(closed + 1, '`').enumerate() {
            @if i % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}
