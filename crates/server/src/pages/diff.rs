//! What the newest submitted spec changes in the released one.

use super::board::obligation;
use super::commands;
use super::frame::{Place, page};
use super::parts::{Signal, at, badge, digest, empty, path, stage};
use crate::text::prose;
use crate::view::{DiffLine, DiffPage, Frame};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn diff(frame: &Frame, view: &DiffPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "/releases")) { "Releases" } " / what changed" }
            h1 { "What the newest spec changes" }
            @if let (Some(was), Some(now)) = (&view.released, &view.submitted) { p .muted { "released " (digest(was)) " → submitted " (digest(now)) } }
        }
        div #diff data-live {
            @if view.released.is_none() { (empty("Nothing is released.", "There is nothing to compare the newest spec with.", commands::RELEASE_DRY_RUN)) }
            @else if view.items.is_empty() { (empty("Nothing changed in meaning.", "The newest spec is the released one, but perhaps for layout and comments.", "")) }
            @else { (items(&view.items)) }
            @if !view.stale.is_empty() {
                section aria-labelledby="stale" {
                    h2 #stale { "What it made stale" }
                    ul { @for (s, id, paths) in &view.stale {
                        li { a href=(obligation(workflow, id)) { code { (id) } } " " (stage(*s)) @for p in paths { " " (path(p)) } }
                    } }
                }
            }
        }
    };
    page(frame, Place::Releases, "What changed", &body)
}

fn items(list: &[DiffLine]) -> Markup {
    html! {
        table .list {
            thead { tr { th scope="col" { "Element" } th scope="col" { "What AI may do" } th scope="col" { "Why" } } }
            tbody { @for item in list {
                tr {
                    th scope="row" { (path(&item.path)) br; span .muted { (item.how) @if item.prose { ", prose only" } } }
                    td data-label="What AI may do" { (direction(&item.direction)) }
                    td data-label="Why" { (prose(&item.why)) }
                }
            } }
        }
    }
}

fn direction(word: &str) -> Markup {
    match word {
        "widens" => badge(Signal::Bad, "out", "widens"),
        "narrows" => badge(Signal::Good, "lock", "narrows"),
        "unclear" => badge(Signal::Look, "ask", "unclear"),
        _ => badge(Signal::Quiet, "dash", "neutral"),
    }
}
