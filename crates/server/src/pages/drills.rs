//! Drills: every control, how it is exercised, and by whom it was.

use super::board::obligation;
use super::frame::{Place, csrf, page};
use super::parts::{Signal, at, badge, cites, icon, length, plural, time};
use crate::text::{block, house, prose};
use crate::view::{Answering, DrillResult, DrillsPage, Frame, Me};
use maud::{Markup, html};
use seatrial_factory::{DrillGuide, DrillLook, LastDrill, WaitingDrill};
use seatrial_model::Side;

/// The page. `problem` says why what was sent was not done.
#[must_use]
pub fn drills(frame: &Frame, view: &DrillsPage, problem: Option<&str>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Drills" }
            p .lead { "A drill exercises the real control on marked requests. Cases go on as if there were none." }
        }
        @if let Some(problem) = problem { p .note .bad role="alert" { (prose(problem)) } }
        @if let Some(done) = &view.done { (result(workflow, done)) }
        div #waiting data-live { @if let Some(waiting) = &view.waiting { (waits(frame, workflow, view, waiting)) } }
        @if let Some(answering) = &view.answering { (answers(frame, workflow, answering)) }
        @if let Some(why) = &view.not_yours { p .note { (icon("bar")) " " (prose(why)) } }
        @if view.delivery && view.not_yours.is_none() {
            p .note { (icon("flag")) " You are of the delivery side: what you exercise counts for a pilot, and not for production." }
        }
        div #drills data-live { ul .waivers { @for (look, guide) in &view.drills { (control(frame, workflow, view, look, guide)) } } }
    };
    page(frame, Place::Drills, "Drills", &body)
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Delivery => "delivery side",
        Side::Receiving => "receiving side",
        Side::Independent => "independent side",
    }
}

fn millis(ms: u64) -> String {
    if ms < 1_000 { format!("{ms} ms") } else { length(i64::try_from(ms).unwrap_or(i64::MAX)) }
}

fn result(workflow: &str, done: &DrillResult) -> Markup {
    let in_time = done.refused > 0 && done.allowed_ms.is_none_or(|allowed| done.effective_ms <= allowed);
    html! {
        section #result .status .(if in_time { "good" } else { "bad" }) role="status" {
            p {
                strong { "The " (done.control) " drill is recorded." }
                " It took effect within " (millis(done.effective_ms))
                @if let Some(allowed) = done.allowed_ms { ", " (millis(allowed)) " allowed" }
                "; " (plural(done.refused, "marked output", "marked outputs")) " did not leave as they were"
                @if done.finished > 0 { ", and the fallback finished " (plural(done.finished, "marked case", "marked cases")) }
                ". By " (house(&done.by)) ", " (side(done.side)) "."
            }
            @if let Some(why) = &done.not_production { p { (badge(Signal::Look, "flag", "not for production")) " " (prose(why)) } }
            ol { @for e in &done.events { li { (house(&e.actor)) ", " (time(e.time)) " " (cites(workflow, std::slice::from_ref(e))) } } }
        }
    }
}

fn waits(frame: &Frame, workflow: &str, view: &DrillsPage, waiting: &WaitingDrill) -> Markup {
    html! {
        section .status .look role="status" aria-labelledby="waits" {
            h2 #waits { @if waiting.left { "A drill left marked requests stopped" } @else { "The " (waiting.control) " drill waits for another person" } }
            p { (house(&waiting.by)) " stopped marked requests, " (time(waiting.since)) ". Cases go on." }
            @if !waiting.steps.is_empty() { ol { @for step in &waiting.steps { li { (prose(step)) } } } }
            @match (&view.not_finish, &frame.me) {
                (Some(why), _) => p .muted { (prose(why)) },
                (None, Some(me)) => form .inline method="post" action=(at(workflow, "/drills")) {
                    (csrf(me))
                    input type="hidden" name="act" value="finish";
                    button .primary type="submit" { @if waiting.left { "Resume marked requests" } @else { "Resume, and finish the drill" } }
                },
                (None, None) => {},
            }
        }
    }
}

fn answers(frame: &Frame, workflow: &str, answering: &Answering) -> Markup {
    let open = answering.reviews.iter().filter(|(_, _, answered)| !answered).count();
    let ids: Vec<String> = answering.reviews.iter().map(|(id, _, _)| id.to_string()).collect();
    html! {
        section #answering .status .look data-live role="status" aria-labelledby="answers" {
            h2 #answers { "The " (house(&answering.control)) " drill waits for answers" }
            ul { @for (review, to, answered) in &answering.reviews {
                li {
                    a href=(at(workflow, &format!("/reviews/{review}"))) { "Marked case for " (house(to)) } " "
                    @if *answered { (badge(Signal::Good, "go", "answered")) } @else { (badge(Signal::Wait, "clock", "waits")) }
                }
            } }
            @if open > 0 { p .muted { "It is recorded over their answers, with the time that they took." } }
            @else if let Some(me) = &frame.me {
                form .inline method="post" action=(at(workflow, "/drills")) {
                    (csrf(me))
                    input type="hidden" name="act" value="close";
                    input type="hidden" name="control" value=(answering.control);
                    input type="hidden" name="reviews" value=(ids.join(","));
                    button .primary type="submit" { "Record the drill" }
                }
            }
        }
    }
}

fn control(frame: &Frame, workflow: &str, view: &DrillsPage, look: &DrillLook, guide: &DrillGuide) -> Markup {
    let on_page = look.second || look.by_answers || look.control == "override";
    html! {
        li .waiver id=(look.control) {
            h2 { (house(&look.control)) }
            p { (house(&look.title)) }
            p {
                @if let (Some(id), Some(state)) = (&look.obligation, &look.state) {
                    a href=(obligation(workflow, id)) { (house(id)) } " for production: " strong { (state.replace('_', " ")) } ". "
                }
                @if let Some(allowed) = look.allowed_ms { span .muted { (millis(allowed)) " allowed. " } }
            }
            @match &look.last { Some(last) => (was(workflow, last)), None => p .muted { "Never exercised." } }
            details {
                summary { "How it is done" }
                ol { @for step in &guide.steps { li { (step) } } }
                @for runbook in &guide.runbooks { p .muted { (house(&runbook.file)) } blockquote { (block(&runbook.text)) } }
            }
            @match (&frame.me, on_page) {
                (_, false) => p .muted { "On the machine of the store: " code { (look.command) } },
                (Some(me), true) if view.not_yours.is_none() && view.waiting.is_none() => (begin(me, workflow, look)),
                _ => {},
            }
        }
    }
}

fn was(workflow: &str, last: &LastDrill) -> Markup {
    html! {
        p {
            "Last " (time(last.at)) " by " (house(&last.by)) " (" (side(last.side)) "), within " (millis(last.effective_ms)) " "
            @if !last.in_time { (badge(Signal::Bad, "clock", "late")) " " }
            @match last.counts {
                Some(true) => (badge(Signal::Good, "go", "counts")),
                Some(false) => { (badge(Signal::Look, "flag", "does not count")) " " span .muted { (prose(&last.why)) } },
                None => {},
            }
            " " a href=(at(workflow, &format!("/drills?done={}", last.event))) { "What happened in it" }
        }
    }
}

fn begin(me: &Me, workflow: &str, look: &DrillLook) -> Markup {
    html! {
        form .inline method="post" action=(at(workflow, "/drills")) {
            (csrf(me))
            input type="hidden" name="act" value="begin";
            input type="hidden" name="control" value=(look.control);
            @if look.second { p .muted .small { "You stop; another person signs in and resumes." } }
            button type="submit" { "Begin the " (look.control) " drill" }
        }
    }
}
