//! The log: its head, its key, its entries, and how to check it without us.

use super::frame::{Place, page};
use super::parts::{at, command, count, digest, short_time, time};
use crate::text::house;
use crate::view::{Frame, LogPage, LogRow};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn log(frame: &Frame, view: &LogPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Log" }
            p .lead { "Everything that happened here, in order, in a form that cannot be rewritten unnoticed." }
        }
        div #head data-live { (head(view)) }
        section aria-labelledby="check" {
            h2 #check { "Check it without us" }
            p { "Export the log and verify every entry, root, signature and verdict. It needs the export and the key, nothing else." }
            p { (command(&view.export)) }
            p { (command(&view.verify)) }
        }
        section aria-labelledby="entries" {
            h2 #entries { "Entries" }
            div #rows data-live { (rows(workflow, frame, view)) }
        }
    };
    page(frame, Place::Log, "Log", &body)
}

fn head(view: &LogPage) -> Markup {
    let unsigned = view.entries.saturating_sub(view.size);
    html! {
        dl .facts .checkpoint {
            dt { "Origin" } dd { code { (house(&view.origin)) } }
            dt { "Entries" } dd .num { (count(view.entries)) @if unsigned > 0 { span .muted { " (" (unsigned) " not yet signed)" } } }
            dt { "Checkpoint" } dd { "size " span .num { (count(view.size)) } @if let Some(t) = view.signed_at { ", signed " (time(t)) } }
            dt { "Root" } dd { code .long { (view.root) } }
            dt { "Verifier key" } dd { code .long { (house(&view.key)) } }
            dt { "Witnesses" } dd { @if view.witnesses.is_empty() { span .muted { "none: only the operator vouches for this log" } } @for w in &view.witnesses { code { (house(w)) } " " } }
        }
    }
}

fn rows(workflow: &str, frame: &Frame, view: &LogPage) -> Markup {
    html! {
        ol .entries { @for r in &view.rows { (row(frame, r)) } }
        @if let Some(before) = view.older { nav .pager aria-label="Pages" { a rel="next" href=(at(workflow, &format!("/log?before={before}"))) { "Older" } } }
    }
}

fn row(frame: &Frame, r: &LogRow) -> Markup {
    html! {
        li id={ "e" (r.event.index) } {
            details {
                summary {
                    span .entry { (r.event.index) }
                    span .when { (short_time(r.event.time, frame.now)) }
                    span .kind { (house(&r.event.kind)) }
                    span .says { (house(&r.says)) }
                    span .actor { (house(&r.event.actor)) }
                }
                p .muted { code { (r.event.id) } " · leaf " (digest(&r.leaf)) }
                pre { code { (house(&r.json)) } }
            }
        }
    }
}
