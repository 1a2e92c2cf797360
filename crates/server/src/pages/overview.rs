//! The factory's workflows.

use super::board::{counters, running};
use super::commands;
use super::frame::{Place, page};
use super::parts::{at, command, digest, empty, next, plural, stage, time};
use crate::chart::waterline;
use crate::text::house;
use crate::view::{Frame, Gate, Overview, ReleaseLine, WorkflowCard};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn overview(frame: &Frame, view: &Overview) -> Markup {
    let body = html! {
        header .page-head {
            h1 { "Workflows" }
            p .lead { "What each workflow does today, and what stands between it and its next stage." }
        }
        div #workflows .cards data-live {
            @for workflow in &view.workflows { (card(workflow)) }
            @if view.workflows.is_empty() {
                (empty("No workflow yet.", "Write a spec and submit it; it appears here with its obligations.", commands::SUBMIT))
            }
        }
    };
    page(frame, Place::Overview, "Workflows", &body)
}

fn card(view: &WorkflowCard) -> Markup {
    html! {
        article .card {
            header {
                h2 { a href=(at(&view.name, "")) { (if view.title.is_empty() { house(&view.name) } else { house(&view.title) }) } }
                p .muted { code { (house(&view.name)) } }
            }
            (running(&view.name, &view.running))
            @if !view.purpose.is_empty() { p .purpose { (house(&view.purpose)) } }
            (release(view.release.as_ref()))
            @if let Some(gate) = &view.gate { (gate_line(gate)) }
            (counters(&view.name, &view.today, view.release.as_ref()))
            @if let Some(n) = &view.next { section .next-line { h3 { "Next" } (next(n)) } }
        }
    }
}

/// The release in force, in one line.
pub(super) fn release(release: Option<&ReleaseLine>) -> Markup {
    html! {
        p .release {
            @match release {
                None => span .muted { "No release in force." },
                Some(r) => {
                    (stage(r.stage)) " release " (digest(&r.digest)) " since " (time(r.event.time))
                    @if let Some(until) = r.until { " until " (time(until)) }
                    @if let Some(n) = r.per_day { ", " (plural(n, "case", "cases")) " a day at most" }
                }
            }
        }
    }
}

/// A gate with its waterline.
pub(super) fn gate_line(gate: &Gate) -> Markup {
    let (blocking, all) = (gate.tally.blocking(), gate.tally.applicable());
    html! {
        section .gate {
            h3 { (stage(gate.stage)) " gate" }
            p .gate-count {
                @if blocking == 0 { "Every obligation is discharged." }
                @else { strong { (blocking) } " of " (plural(all, "obligation", "obligations")) " to go" }
            }
            (waterline(&gate.tally, gate.stage.as_str()))
            ul .legend {
                @for (state, n) in &gate.tally.0 { li { (super::parts::state(*state)) " " span .num { (n) } } }
            }
            @if blocking == 0 { (command(&gate.command)) }
        }
    }
}
