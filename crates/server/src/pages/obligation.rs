//! One obligation, explained down to events and paths.

use super::approve::approve_at;
use super::frame::{Place, page};
use super::parts::{at, digest, event, layer, next, path, stage, state, time};
use crate::text::{house, prose};
use crate::view::{ChainLink, ChangedPath, Frame, ObligationPage, StageExplained};
use maud::{Markup, html};

/// The deepest that a chain is drawn; deeper ones are said to go on.
const DEPTH_MAX: usize = 12;

/// The page.
#[must_use]
pub fn obligation(frame: &Frame, view: &ObligationPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let (number, name) = layer(view.layer);
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "")) { "Board" } " / layer " (number) ", " (name) }
            h1 { (prose(&view.title)) }
            p .id { code { (house(&view.id)) } }
            p .lead { (prose(&view.help)) }
            @if let Some(name) = view.id.strip_prefix("threshold.") { p { a href=(threshold(workflow, name)) { "The threshold, its certificate and its curve" } } }
        }
        div #explained data-live {
            @for s in &view.stages { (explained(workflow, view, s)) }
            @if view.stages.is_empty() { p { "No stage needs it." } }
        }
        section aria-labelledby="depends" {
            h2 #depends { "What it depends on" }
            dl .facts {
                dt { "Scope" }
                dd { @if view.scope.is_empty() { "the whole spec" } @for p in &view.scope { (path(p)) " " } }
                @for (name, value) in &view.inputs { dt { (prose(name)) } dd { code { (house(value)) } } }
                dt { "Waiver" }
                dd { @if view.waivable { "possible, with a measure, another person and an end" } @else { "not possible" } }
            }
            p .muted { "A change outside this scope leaves its evidence alone. A change inside makes it stale, and the page says which path did." }
        }
    };
    page(frame, Place::Board, &view.id, &body)
}

/// The address of a threshold's page.
pub(super) fn threshold(workflow: &str, name: &str) -> String {
    at(workflow, &format!("/thresholds/{}", super::parts::encode(name)))
}

fn explained(workflow: &str, of: &ObligationPage, view: &StageExplained) -> Markup {
    html! {
        section .explained {
            h2 { "For " (stage(view.stage)) " " (state(view.now.state)) @if let Some(until) = view.now.until { span .until { "until " (time(until)) } } }
            p .why { (prose(&view.now.why)) }
            @if let Some(n) = &view.now.next { @if view.now.state.blocks() { (next(n)) } }
            @if view.now.state.blocks() && (of.judged || of.waivable) {
                p .acts {
                    @if of.judged { a .button .primary href=(approve_at(workflow, &of.id, view.stage)) { "Read and approve" } }
                    @if of.waivable { a .button href=(at(workflow, "/waivers#ask")) { "Ask for a waiver" } }
                }
            }
            @if !view.changed.is_empty() { (changed(&view.changed)) }
            @if !view.chain.is_empty() { h3 { "Why this is so" } (chain(workflow, &view.chain, 0)) }
            @if let Some(key) = &view.key { p .muted { "Evidence counts under the key " (digest(key)) "." } }
        }
    }
}

fn changed(paths: &[ChangedPath]) -> Markup {
    // Only the paths are known, not what stood there: a table of nothing would read as if nothing had been there.
    if paths.iter().all(|c| c.before.is_none() && c.now.is_none()) {
        return html! {
            h3 { "What changed" }
            ul { @for c in paths { li { (path(&c.path)) } } }
        };
    }
    html! {
        h3 { "What changed" }
        table .changed {
            thead { tr { th scope="col" { "Path" } th scope="col" { "When the evidence was made" } th scope="col" { "Now" } } }
            tbody {
                @for c in paths {
                    tr {
                        th scope="row" { (path(&c.path)) }
                        td data-label="Before" { (value(c.before.as_deref())) }
                        td data-label="Now" { (value(c.now.as_deref())) }
                    }
                }
            }
        }
    }
}

fn value(value: Option<&str>) -> Markup {
    html! { @match value { Some(v) => code .value { (house(v)) }, None => span .muted { "not there" } } }
}

fn chain(workflow: &str, links: &[ChainLink], depth: usize) -> Markup {
    html! {
        ul .chain {
            @for link in links {
                li {
                    span { (prose(&link.text)) }
                    @if let Some(p) = &link.path { " " (path(p)) }
                    @if let Some(e) = &link.event { " " (event(workflow, e)) " " span .muted { (house(&e.actor)) ", " (time(e.time)) } }
                    @if !link.because.is_empty() {
                        @if depth < DEPTH_MAX { (chain(workflow, &link.because, depth + 1)) } @else { " …" }
                    }
                }
            }
        }
    }
}
