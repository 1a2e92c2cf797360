//! A sprint: what it means to learn and discharge, what it learned, and operating clarity over time.

use super::board::{gates, obligation};
use super::commands;
use super::frame::{Place, page};
use super::parts::{Signal, at, badge, cites, command, empty, event, icon, state, time};
use crate::chart::clarity;
use crate::text::{block, house, prose};
use crate::view::{BacklogItem, Frame, QuestionLine, SprintAnswer, SprintHead, SprintObligation, SprintPage};
use maud::{Markup, html};

/// The page.
#[must_use]
pub fn sprint(frame: &Frame, view: &SprintPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        (head(workflow, view.sprint.as_ref()))
        @if !view.clarity.is_empty() {
            section aria-labelledby="clarity" {
                h2 #clarity { "Operating clarity" }
                (clarity(&view.clarity))
                p .muted .legend-line { span .key .area {} " discharged " span .key .total {} " in all " (moves(view)) }
            }
        }
        @if !view.answers.is_empty() { section aria-labelledby="answers" { h2 #answers { "What the log answers" } @for a in &view.answers { (answer(workflow, a)) } } }
        div #progress data-live {
            @if !view.questions.is_empty() { section aria-labelledby="questions" { h2 #questions { "Questions" } ul .questions { @for q in &view.questions { (question(workflow, q)) } } } }
            @if !view.obligations.is_empty() { section aria-labelledby="means" { h2 #means { "Obligations it means to discharge" } (obligations(workflow, &view.obligations)) } }
            section aria-labelledby="backlog" { h2 #backlog { "Backlog" } (backlog(&view.backlog)) }
        }
        @if !view.others.is_empty() {
            nav .pager aria-label="Other sprints" { @for (n, id) in &view.others { a href=(at(workflow, &format!("/sprint/{id}"))) { "Sprint " (n) } " " } }
        }
    };
    page(frame, Place::Sprint, "Sprint", &body)
}

fn head(workflow: &str, sprint: Option<&SprintHead>) -> Markup {
    html! {
        @match sprint {
            None => {
                header .page-head { h1 { "Sprint" } }
                (empty("No sprint yet.", "Open one with a goal and the questions it means to answer. What is to do is computed below all the same.", commands::SPRINT_OPEN))
            },
            Some(s) => header .page-head {
                h1 { "Sprint " (s.number) }
                p .lead { @match &s.goal { Some(goal) => (block(goal)), None => "Its goal was erased." } }
                p .muted { "opened " (time(s.opened.time)) " " (event(workflow, &s.opened))
                    @match &s.closed { Some(c) => { " · closed " (time(c.time)) " " (event(workflow, c)) }, None => { " · running" } } }
            },
        }
    }
}

fn moves(view: &SprintPage) -> Markup {
    let (added, removed) =
        view.clarity.iter().fold((0u64, 0u64), |(a, r), p| (a.saturating_add(p.added), r.saturating_add(p.removed)));
    html! { span { "· " (added) " added, " (removed) " removed since the first point. A question raised is progress; one removed needs approval." } }
}

fn answer(workflow: &str, a: &SprintAnswer) -> Markup {
    html! {
        article .answered {
            h3 { (house(&a.question)) }
            p { (prose(&a.answer)) }
            @if !a.figures.is_empty() {
                ul .findings { @for f in &a.figures {
                    li {
                        @match f.speaks {
                            Some(true) => (badge(Signal::Good, "check", "for it")),
                            Some(false) => (badge(Signal::Look, "look", "against it")),
                            None => (badge(Signal::Quiet, "dash", "context")),
                        }
                        div { p { (house(&f.what)) ": " strong { (house(&f.value)) } } (cites(workflow, &f.cites)) }
                    }
                } }
            }
        }
    }
}

fn question(workflow: &str, q: &QuestionLine) -> Markup {
    html! {
        li {
            p { @match q.state.as_str() {
                    "answered" => (badge(Signal::Good, "check", "answered")),
                    "withdrawn" => (badge(Signal::Quiet, "dash", "withdrawn")),
                    _ => (badge(Signal::Unknown, "ask", "open")),
                } " " strong { (house(&q.ask)) } }
            p .muted { code { "questions." (house(&q.name)) } " · " (house(&q.owner)) @if let Some(b) = &q.blocks { " · blocks " (house(b)) } }
            @if let Some(text) = &q.text { blockquote { (block(text)) } }
            (cites(workflow, &q.cites))
        }
    }
}

fn obligations(workflow: &str, list: &[SprintObligation]) -> Markup {
    html! {
        table .list {
            thead { tr { th scope="col" { "Obligation" } th scope="col" { "At its start" } th scope="col" { "Now" } } }
            tbody { @for o in list {
                tr {
                    th scope="row" { a href=(obligation(workflow, &o.id)) { (house(&o.id)) } }
                    td data-label="Start" { @match o.start { Some(s) => (state(s)), None => span .muted { "did not exist" } } }
                    td data-label="Now" { @match o.now { Some(s) => (state(s)), None => span .muted { "removed" } } }
                }
            } }
        }
    }
}

fn backlog(list: &[BacklogItem]) -> Markup {
    html! {
        @if list.is_empty() { (empty("Nothing is in the way.", "Every obligation of the next stage is discharged.", commands::RELEASE_DRY_RUN)) }
        ol .backlog { @for b in list {
            li {
                p { (prose(&b.what)) @if !b.stages.is_empty() { span .muted { " · " (gates(&b.stages)) } } }
                p .muted { (icon(if b.from == "alarm" { "look" } else { "dash" })) " from " (house(&b.from)) }
                (command(&b.command))
            }
        } }
    }
}
