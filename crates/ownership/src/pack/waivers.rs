//! Waivers: what was accepted without being shown, by whom, until when.

use super::cite::{Citations, t};
use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::event::WaiverRequested;
use seatrial_model::{Body, Logged};

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let asked: Vec<(&Logged, &WaiverRequested)> = input
        .events
        .iter()
        .filter_map(|e| if let Body::WaiverRequested(w) = &e.event.body { Some((e, w)) } else { None })
        .collect();
    html! {
        section #waivers {
            h2 { "Waivers" }
            @if asked.is_empty() { p { "None was ever asked for: the log has no such entry." } }
            @else {
                table {
                    thead { tr { th { "Obligation" } th { "Stage" } th { "Asked by" } th { "Until" } th { "What became of it" } } }
                    tbody { @for (e, w) in &asked {
                        tr {
                            td { code { (t(&w.obligation, 120)) } @if w.renews.is_some() { " (renewal)" } } td { (w.stage) }
                            td { (t(&e.event.actor.id, 120)) (cites.index(e.index)) } td { time datetime=(w.until) { (w.until.day()) } }
                            td { (became(input, e, w, cites)) }
                        }
                    } }
                }
                p { "Reason and compensating measure of each are payloads beside the log: they are in an export made with " code { "--payloads" } ", and on the workflow's page." }
            }
        }
    }
}

fn became(input: &PackInput<'_>, asked: &Logged, w: &WaiverRequested, cites: &mut Citations<'_>) -> Markup {
    let later = |e: &&Logged| match &e.event.body {
        Body::WaiverGranted(g) => g.waiver == asked.event.id,
        Body::WaiverEnded(g) => g.waiver == asked.event.id,
        _ => false,
    };
    let events: Vec<&Logged> = input.events.iter().filter(later).collect();
    let ended = events.iter().any(|e| matches!(e.event.body, Body::WaiverEnded(_)));
    html! {
        @if events.is_empty() { "not granted" }
        @for e in &events {
            @match &e.event.body {
                Body::WaiverGranted(g) => { "granted by " (t(&e.event.actor.id, 120)) " as " (t(&g.role, 80)) " " (cites.index(e.index)) " " },
                _ => { "ended by " (t(&e.event.actor.id, 120)) " " (cites.index(e.index)) " " },
            }
        }
        @if !events.is_empty() && !ended && w.until <= input.now { "; its time is over" }
    }
}
