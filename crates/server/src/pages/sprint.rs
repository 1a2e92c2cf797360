//! A sprint: what it means to learn and discharge, what it learned, and operating clarity over time.

use super::board::{gates, obligation};
use super::commands;
use super::frame::{Place, page};
use super::parts::{Signal, at, badge, cites, command, empty, event, layer, path, state, time};
use crate::text::{block, house, prose};
use crate::view::{
    BacklogItem, ClarityPicture, Frame, NoteLine, QuestionLine, SprintAnswer, SprintHead, SprintObligation, SprintPage,
};
use maud::{Markup, PreEscaped, html};

/// The page.
#[must_use]
pub fn sprint(frame: &Frame, view: &SprintPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        (head(workflow, view.sprint.as_ref()))
        @if let Some(picture) = &view.clarity { (clarity(picture)) }
        @if !view.answers.is_empty() { section aria-labelledby="answers" { h2 #answers { "What the log answers" } @for a in &view.answers { (answer(workflow, a)) } } }
        div #progress data-live {
            @if !view.questions.is_empty() { section aria-labelledby="questions" { h2 #questions { "Questions" } ul .questions { @for q in &view.questions { (question(workflow, q)) } } } }
            @if !view.obligations.is_empty() { section aria-labelledby="means" { h2 #means { "Obligations it means to discharge" } (obligations(workflow, &view.obligations)) } }
            @if !view.notes.is_empty() { section aria-labelledby="notes" { h2 #notes { "Notes and findings" } (notes(workflow, &view.notes)) } }
            section aria-labelledby="backlog" { h2 #backlog { "Backlog" } (backlog(workflow, &view.backlog)) }
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
                p { a href=(at(workflow, &format!("/sprint/{}/report", s.id))) { "The report, to print and keep" } }
            },
        }
    }
}

fn clarity(picture: &ClarityPicture) -> Markup {
    html! {
        section aria-labelledby="clarity" {
            h2 #clarity { "Operating clarity" }
            figure .clarity-figure { (PreEscaped(&picture.svg)) }
            p .muted { "Taken at each sprint’s start and end, at each release of production, and now. A question raised is progress; one removed needs approval." }
            details {
                summary { "The same in numbers" }
                table .list {
                    thead { tr { th scope="col" { "Moment" } th scope="col" { "Layer" } th scope="col" .right { "Discharged" } th scope="col" .right { "Waived" } th scope="col" .right { "In all" } th scope="col" .right { "Added" } th scope="col" .right { "Removed" } } }
                    tbody { @for m in &picture.moments { @for (i, (of, n)) in m.layers.iter().enumerate() {
                        tr {
                            th scope="row" { @if i == 0 { (time(m.time)) br; span .muted { (house(&m.what)) } } @else { span .sr { (house(&m.what)) } } }
                            td data-label="Layer" { (layer(*of).1) }
                            td .right .n data-label="Discharged" { (n.discharged) } td .right .n data-label="Waived" { (n.waived) } td .right .n data-label="In all" { (n.total) }
                            td .right .n data-label="Added" { (n.added) } td .right .n data-label="Removed" { (n.removed) }
                        }
                    } } }
                }
            }
        }
    }
}

fn notes(workflow: &str, list: &[NoteLine]) -> Markup {
    html! {
        ul .notes { @for n in list {
            li {
                p { @if n.finding { (badge(Signal::Look, "look", "finding")) } @else { (badge(Signal::Quiet, "dash", "note")) }
                    " " @match &n.text { Some(text) => (block(text)), None => span .muted { "Its text was erased." } } }
                p .muted { (house(&n.by)) @if let Some(element) = &n.element { " · " (path(element)) } @if let Some(e) = &n.event { " · " (event(workflow, e)) } }
                (cites(workflow, &n.cites))
            }
        } }
    }
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

fn backlog(workflow: &str, list: &[BacklogItem]) -> Markup {
    html! {
        @if list.is_empty() { (empty("Nothing is in the way.", "Every obligation of the next stage is settled, and operation found nothing.", commands::RELEASE_DRY_RUN)) }
        ol .backlog { @for b in list {
            li {
                p { (badge(if alarming(&b.from) { Signal::Bad } else { Signal::Quiet }, if alarming(&b.from) { "look" } else { "dash" }, &b.from))
                    @if !b.subject.is_empty() { " " @if b.from == "obligation" { a href=(obligation(workflow, &b.subject)) { code { (house(&b.subject)) } } } @else { (path(&b.subject)) } }
                    @if b.unblocks > 0 { span .muted { " · unblocks " (b.unblocks) } }
                    @if !b.stages.is_empty() { span .muted { " · " (gates(&b.stages)) } } }
                p { (prose(&b.what)) }
                @if !b.people.is_empty() { p .muted { "by " (by(&b.people)) } }
                (command(&b.command))
                (cites(workflow, &b.cites))
            }
        } }
    }
}

/// The first few who can do it; how many more there are.
fn by(people: &[String]) -> String {
    const NAMED_MAX: usize = 3;
    let named: Vec<String> = people.iter().take(NAMED_MAX).map(|p| house(p)).collect();
    let more = people.len().saturating_sub(NAMED_MAX);
    if more == 0 { named.join(", ") } else { format!("{} or {more} others", named.join(", ")) }
}

/// What somebody should see at once.
fn alarming(from: &str) -> bool {
    matches!(from, "alarm" | "release" | "assumption" | "audits")
}
