//! The list of decisions.

use super::commands;
use super::frame::{Place, page};
use super::parts::{Signal, action, at, badge, command, encode, path, plural, short_time, verdict};
use crate::text::{house, line};
use crate::view::{DecisionFilter, DecisionRow, Decisions, Frame};
use maud::{Markup, html};
use seatrial_model::{Time, Verdict};

/// The page.
#[must_use]
pub fn decisions(frame: &Frame, view: &Decisions) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Decisions" }
            @if let Some(n) = view.total { p .lead { (plural(n, "decision", "decisions")) ", newest first." } }
        }
        (filter(workflow, view))
        div #decisions data-live {
            @if view.rows.is_empty() { (nothing(&view.filter)) } @else { (table(workflow, frame.now, &view.rows)) }
            (pager(workflow, view))
        }
    };
    page(frame, Place::Decisions, "Decisions", &body)
}

fn filter(workflow: &str, view: &Decisions) -> Markup {
    html! {
        form .filter method="get" action=(at(workflow, "/decisions")) {
            div {
                label for="verdict" { "Verdict" }
                select #verdict name="verdict" {
                    option value="" { "any" }
                    @for v in Verdict::ALL { option value=(v) selected[view.filter.verdict == Some(*v)] { (v) } }
                }
            }
            div {
                label for="step" { "Step" }
                select #step name="step" {
                    option value="" { "any" }
                    @for s in &view.steps { option value=(s) selected[view.filter.step.as_ref() == Some(s)] { (house(s)) } }
                }
            }
            button type="submit" { "Show" }
            @if view.filter != DecisionFilter::default() { a .clear href=(at(workflow, "/decisions")) { "Show all" } }
        }
    }
}

fn nothing(filter: &DecisionFilter) -> Markup {
    html! {
        div .empty {
            @if *filter == DecisionFilter::default() {
                p .title { "No decision yet." }
                p { "Send a case through the guard, or rehearse with the examples:" }
                p { (command(commands::REHEARSE)) }
            } @else {
                p .title { "None matches." }
                p { "Choose another verdict or step." }
            }
        }
    }
}

fn table(workflow: &str, now: Time, rows: &[DecisionRow]) -> Markup {
    html! {
        table .list {
            thead { tr {
                th scope="col" { "Time" } th scope="col" { "Case" } th scope="col" { "Step" } th scope="col" { "Verdict" }
                th scope="col" { "Because" } th scope="col" .right { "Confidence" } th scope="col" { "Output" }
            } }
            tbody { @for r in rows { (row(workflow, now, r)) } }
        }
    }
}

fn row(workflow: &str, now: Time, r: &DecisionRow) -> Markup {
    html! {
        tr data-row {
            td data-label="Time" .nowrap { (short_time(r.time, now)) }
            th scope="row" data-label="Case" {
                a href=(at(workflow, &format!("/decisions/{}", r.decision))) {
                    @match &r.case { Some(case) => (line(case)), None => "case erased" }
                }
                @if r.rehearsal { " " span .tag { "rehearsal" } }
            }
            td data-label="Step" { (house(&r.step)) }
            @if r.blind { td colspan="4" .muted { "not shown: its blind audit waits for your answer" } } @else {
            td data-label="Verdict" { (verdict(r.verdict)) }
            td data-label="Because" { @for b in r.because.iter().take(2) { (path(b)) " " } @if r.because.len() > 2 { "+" (r.because.len() - 2) } }
            td data-label="Confidence" .right .num { (format!("{:.3}", r.confidence)) }
            td data-label="Output" {
                @if r.overridden { (badge(Signal::Look, "edit", "overridden")) }
                @else if r.pending { "waits for a person" }
                @else { (action(r.action)) }
            } }
        }
    }
}

fn pager(workflow: &str, view: &Decisions) -> Markup {
    let keep = |before: Option<u64>| {
        let mut query = Vec::new();
        if let Some(v) = view.filter.verdict {
            query.push(format!("verdict={v}"));
        }
        if let Some(s) = &view.filter.step {
            query.push(format!("step={}", encode(s)));
        }
        if let Some(b) = before {
            query.push(format!("before={b}"));
        }
        at(workflow, &format!("/decisions?{}", query.join("&")))
    };
    html! {
        @if view.filter.before.is_some() || view.older.is_some() {
            nav .pager aria-label="Pages" {
                @if view.filter.before.is_some() { a href=(keep(None)) { "Newest" } }
                @if let Some(before) = view.older { a href=(keep(Some(before))) rel="next" { "Older" } }
            }
        }
    }
}
