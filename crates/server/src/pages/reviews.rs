//! The queue of reviews.

use super::frame::{Place, page};
use super::parts::{Signal, at, badge, due, empty, encode, length, path, plural};
use crate::text::{house, line};
use crate::view::{Frame, ReviewKind, ReviewRow, Reviews};
use maud::{Markup, html};
use seatrial_model::Time;

/// The page.
#[must_use]
pub fn reviews(frame: &Frame, view: &Reviews) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Reviews" }
            p .lead { "Questions that the guard put to a person. The most urgent stands first." }
        }
        @if view.roles.len() > 1 {
            nav .roles aria-label="Role" {
                a href=(at(workflow, "/reviews")) aria-current=[view.role.is_none().then_some("true")] { "all roles" }
                @for r in &view.roles {
                    a href=(at(workflow, &format!("/reviews?role={}", encode(r)))) aria-current=[(view.role.as_ref() == Some(r)).then_some("true")] { (house(r)) }
                }
            }
        }
        div #queue data-live {
            @if view.rows.is_empty() {
                (empty("Nothing waits.", "When the guard escalates a decision, the question appears here.", ""))
            } @else {
                ol .queue {
                    @for r in &view.rows { (row(workflow, frame.now, r)) }
                }
                @if view.more > 0 { p .muted { "and " (view.more) " more" } }
            }
            p .muted { (plural(view.answered_today, "answer", "answers")) " today." }
        }
        p .keys .muted { kbd { "j" } " " kbd { "k" } " move, " kbd { "Enter" } " opens" }
    };
    page(frame, Place::Reviews, "Reviews", &body)
}

fn row(workflow: &str, now: Time, r: &ReviewRow) -> Markup {
    html! {
        li data-row .late[r.due.is_some_and(|d| now > d)] {
            a .stretch href=(at(workflow, &format!("/reviews/{}", r.review))) {
                @match &r.case { Some(case) => { "Case " (line(case)) }, None => "Case erased" }
            }
            p .what {
                @if r.kind == ReviewKind::Own { (badge(Signal::Bad, "cross", "own decision")) " " } @else if r.kind != ReviewKind::Review { span .tag { (r.kind.as_str()) } " " }
                @if r.rehearsal { span .tag { "rehearsal" } " " }
                code { (house(&r.step)) } " for " strong { (house(&r.to)) }
                @if let Some(by) = &r.claimed_by { " · claimed by " (house(by)) }
            }
            p .because { @for b in r.because.iter().take(3) { (path(b)) " " } }
            p .times { (due(r.due, now)) span .muted { "opened " (length(now.millis_since(r.opened))) " ago" } }
        }
    }
}
