//! An approval: what exactly is approved, what changed since it was looked at last, and the form that signs for it.

use super::board::obligation;
use super::frame::{Place, csrf, page};
use super::parts::{at, digest, encode, event, path, stage, state, time};
use crate::text::{house, prose};
use crate::view::{ApprovePage, ChangeLine, Frame, Me, Since};
use maud::{Markup, html};
use seatrial_model::Stage;

/// What the form needs besides the view: the proof of when it was shown, and what went wrong last time.
#[derive(Clone, Debug, Default)]
pub struct ApproveForm {
    /// Made by the session, so that the time shown cannot be made up.
    pub shown: String,
    /// Why nothing was recorded.
    pub problem: Option<String>,
}

/// The page.
#[must_use]
pub fn approve(frame: &Frame, view: &ApprovePage, form: &ApproveForm) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            p .crumbs { a href=(at(workflow, "")) { "Board" } " / " a href=(obligation(workflow, &view.obligation)) { (house(&view.obligation)) } }
            h1 { "Approve: " (prose(&view.title)) }
            p { "for " (stage(view.stage)) " " (state(view.state)) }
            p .why { (prose(&view.why)) }
        }
        div .review {
            div .material {
                section aria-labelledby="since" { h2 #since { "What changed" } (since(workflow, view.since.as_ref())) }
                (covered(view))
            }
            div .answering { (signing(frame, workflow, view, form)) }
        }
    };
    page(frame, Place::Board, &format!("Approve {}", view.obligation), &body)
}

/// The address of an approval's page.
pub(super) fn approve_at(workflow: &str, id: &str, stage: Stage) -> String {
    at(workflow, &format!("/approve/{}?stage={stage}", encode(id)))
}

fn since(workflow: &str, since: Option<&Since>) -> Markup {
    html! {
        @match since {
            None => p { "Nobody approved it before: all of it is new to you." },
            Some(s) => {
                p { "Since " @if s.own { "you" } @else { (house(&s.by)) } " approved it on " (time(s.at))
                    @if let Some(e) = &s.event { " " (event(workflow, e)) } @if s.withdrawn { ", and withdrew that" } ":" }
                @if s.changes.is_empty() { p { strong { "nothing that it covers changed." } } } @else { (changes(&s.changes)) }
            },
        }
    }
}

fn changes(list: &[ChangeLine]) -> Markup {
    html! {
        table .changed {
            thead { tr { th scope="col" { "What" } th scope="col" { "Then" } th scope="col" { "Now" } } }
            tbody { @for c in list {
                tr {
                    th scope="row" { (path(&c.name)) @if c.what != "element" { span .muted { " " (house(&c.what)) } } }
                    td data-label="Then" { (value(c.was.as_deref())) }
                    td data-label="Now" { (value(c.now.as_deref())) }
                }
            } }
        }
    }
}

fn value(value: Option<&str>) -> Markup {
    html! { @match value { Some(v) => pre .value { (house(v)) }, None => span .muted { "not there" } } }
}

fn covered(view: &ApprovePage) -> Markup {
    html! {
        section aria-labelledby="covers" {
            h2 #covers { "What it covers" }
            @if !view.text.is_empty() {
                dl .facts .texts { @for (name, text) in &view.text { dt { (path(name)) } dd { pre { (house(text)) } } } }
            }
            @if !view.inputs.is_empty() {
                dl .facts { @for (name, text) in &view.inputs { dt { (house(name)) } dd { code { (house(text)) } } } }
            }
            @if !view.obligations.is_empty() {
                table .list {
                    thead { tr { th scope="col" { "Obligation" } th scope="col" { "Stands" } } }
                    tbody { @for (id, s) in &view.obligations { tr { th scope="row" { (house(id)) } td data-label="Stands" { (state(*s)) } } } }
                }
            }
            p .muted { "spec " (digest(&view.spec)) " · " (view.elements) " elements · key " (digest(&view.key)) }
        }
    }
}

fn signing(frame: &Frame, workflow: &str, view: &ApprovePage, form: &ApproveForm) -> Markup {
    html! {
        h2 { "Your approval" }
        @match &frame.me {
            Some(me) if !view.mine.is_empty() => (approval_form(me, workflow, view, form)),
            _ => p .note { "It is approved by a holder of "
                @if view.roles.is_empty() { "no role of this spec" }
                @for (i, role) in view.roles.iter().enumerate() { @if i > 0 { " or " } code { (house(role)) } } ". You hold none of these." },
        }
    }
}

fn approval_form(me: &Me, workflow: &str, view: &ApprovePage, form: &ApproveForm) -> Markup {
    let only = view.mine.len() == 1;
    html! {
        form .answer method="post" action=(at(workflow, &format!("/approve/{}", encode(&view.obligation)))) {
            (csrf(me))
            input type="hidden" name="stage" value=(view.stage);
            input type="hidden" name="key" value=(view.key);
            input type="hidden" name="shown" value=(form.shown);
            @if let Some(problem) = &form.problem { p .note .bad role="alert" { (prose(problem)) } }
            fieldset .choices {
                legend { "In the role" }
                @for role in &view.mine {
                    label .choice { input type="radio" name="role" value=(role) required checked[only]; span { strong { (house(role)) } } }
                }
            }
            @if view.can_reaffirm {
                label .check { input type="checkbox" name="reaffirm" value="yes"; " Only what is named above changed: I read it again, and it still holds" }
            }
            label .check { input type="checkbox" name="sure" value="yes" required; " I read what it covers" }
            button .primary type="submit" { "Approve" }
            p .muted .small { "Recorded in your name (" (house(&me.id)) "), bound to exactly what stands here. Where it is another by then, nothing is recorded and the page says what changed." }
        }
    }
}
