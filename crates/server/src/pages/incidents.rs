//! Incidents: what was seen, who owns it, what was decided, and the timeline from the log.

use super::frame::{Place, csrf, page};
use super::parts::{Signal, at, badge, cites, empty, time};
use crate::text::{block, house, prose};
use crate::view::{EventRef, Frame, IncidentPage, IncidentsPage, Me};
use maud::{Markup, html};
use seatrial_factory::api::Held;
use seatrial_factory::{IncidentLook, IncidentState, TimelineEntry};
use seatrial_model::IncidentSeverity;

/// The list. `problem` says why what was sent was not recorded.
#[must_use]
pub fn incidents(frame: &Frame, view: &IncidentsPage, problem: Option<&str>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let body = html! {
        header .page-head {
            h1 { "Incidents" }
            p .lead { "What was seen, who owns it, and the decision to stop or to go on. Its review brings findings for the next sprint." }
        }
        @if let Some(problem) = problem { p .note .bad role="alert" { (prose(problem)) } }
        div #incidents data-live {
            @if view.incidents.is_empty() { (empty("No incidents.", "Nobody opened one yet.", "")) }
            ul .waivers { @for look in &view.incidents { li .waiver {
                h2 { a href=(at(workflow, &format!("/incidents/{}", look.incident))) { "Incident " (look.incident) } " " (standing(look)) }
                p { (held(&look.text)) }
                p .muted { "opened " (time(look.opened)) " by " (house(&look.by)) " · owned by " (house(&look.owner)) }
            } } }
        }
        @match (&view.not_yours, &frame.me) {
            (Some(why), _) => p .muted { (prose(why)) },
            (None, Some(me)) => (open(me, workflow, &view.people)),
            (None, None) => {},
        }
    };
    page(frame, Place::Incidents, "Incidents", &body)
}

fn standing(look: &IncidentLook) -> Markup {
    let severity = look.severity.as_str();
    html! {
        @match look.state {
            IncidentState::Open => (badge(Signal::Bad, "bar", "open")),
            IncidentState::Resolved => (badge(Signal::Wait, "clock", "resolved, to be reviewed")),
            IncidentState::Reviewed => (badge(Signal::Quiet, "dash", "reviewed")),
        }
        " " (badge(if look.severity >= IncidentSeverity::High { Signal::Bad } else { Signal::Look }, "flag", severity))
        @if look.drill { " " (badge(Signal::Quiet, "look", "drill")) }
    }
}

fn held(text: &Held) -> Markup {
    html! { @match text {
        Held::Text { text, .. } => (block(text)),
        Held::Erased { .. } => span .muted { "erased" },
        _ => {},
    } }
}

fn severities(name: &str) -> Markup {
    html! {
        select id=(name) name="severity" required {
            option value="" { "" }
            option value="low" { "low: nobody was harmed, and nothing left that should not have" }
            option value="medium" { "medium: something left that should not have, and can be taken back" }
            option value="high" { "high: people were harmed, or it cannot be taken back" }
            option value="critical" { "critical: it goes on, or its reach is not known" }
        }
    }
}

fn owners(id: &str, people: &[String], me: &Me) -> Markup {
    html! { select id=(id) name="owner" { @for person in people { option value=(person) selected[*person == me.id] { (house(person)) } } } }
}

fn open(me: &Me, workflow: &str, people: &[String]) -> Markup {
    html! {
        section aria-labelledby="open" {
            h2 #open { "Open an incident" }
            form .stack method="post" action=(at(workflow, "/incidents")) {
                (csrf(me))
                label for="severity" { "Severity" } (severities("severity"))
                label for="owner" { "Who owns it" } (owners("owner", people, me))
                label for="text" { "What was seen" } textarea #text name="text" rows="3" required maxlength="1000" {}
                label for="decision" { "A decision that it is about, where there is one" }
                input #decision name="decision" placeholder="dec_…";
                button .primary type="submit" { "Open it" }
            }
        }
    }
}

/// One incident. `problem` says why what was sent was not recorded.
#[must_use]
pub fn incident(frame: &Frame, view: &IncidentPage, problem: Option<&str>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let look = &view.story.incident;
    let title = format!("Incident {}", look.incident);
    let body = html! {
        header .page-head { h1 { (title) } }
        @if let Some(problem) = problem { p .note .bad role="alert" { (prose(problem)) } }
        div #incident data-live {
            p { (standing(look)) }
            (held(&look.text))
            dl .facts {
                dt { "Owner" } dd { (house(&look.owner)) }
                dt { "Opened" } dd { (time(look.opened)) " by " (house(&look.by)) }
                dt { "Decided" } dd { @match look.course { Some(course) => strong { (course.as_str()) }, None => span .muted { "not yet" } } }
                @if let Some(at) = look.resolved { dt { "Resolved" } dd { (time(at)) } }
                @if let Some(at) = look.reviewed { dt { "Reviewed" } dd { (time(at)) } }
                @if !look.decisions.is_empty() { dt { "Decisions" } dd { @for d in &look.decisions { a href=(at(workflow, &format!("/decisions/{d}"))) { (d) } " " } } }
                @if !look.elements.is_empty() { dt { "Elements" } dd { @for e in &look.elements { (super::parts::path(e.as_str())) " " } } }
            }
            section aria-labelledby="timeline" {
                h2 #timeline { "Timeline" }
                p .muted { "From the log: its own steps, what happened to its decisions, and what was stopped, overridden, alarmed or released meanwhile." }
                table .list {
                    thead { tr { th scope="col" { "When" } th scope="col" { "Who" } th scope="col" { "What" } } }
                    tbody { @for e in &view.story.timeline { (entry(workflow, e)) } }
                }
                @if view.story.cut_short { p .muted { "There is more than is listed; the log has all of it." } }
            }
        }
        @if let Some(me) = &frame.me { (acts(me, workflow, view)) }
    };
    page(frame, Place::Incidents, &title, &body)
}

fn entry(workflow: &str, e: &TimelineEntry) -> Markup {
    let event = EventRef { id: e.event, index: e.index, kind: e.kind.clone(), time: e.at, actor: e.by.clone() };
    html! {
        tr {
            td data-label="When" { (time(e.at)) @if e.before { br; span .muted { "before it was opened" } } }
            td data-label="Who" { (house(&e.by)) }
            td data-label="What" { (prose(&e.says)) " " (cites(workflow, &[event])) (held(&e.text)) }
        }
    }
}

fn acts(me: &Me, workflow: &str, view: &IncidentPage) -> Markup {
    let look = &view.story.incident;
    let over = look.state == IncidentState::Reviewed;
    html! {
        @if view.may_decide && look.state == IncidentState::Open {
            (form(me, workflow, look.incident, "decide", "Decide", "Why", &html! {
                fieldset {
                    legend { "To stop, or to go on" }
                    label .check { input type="radio" name="course" value="stop" required; " Stop: at once, for every case; another person resumes" }
                    label .check { input type="radio" name="course" value="go-on"; " Go on" }
                }
                label .check { input type="checkbox" name="sure" value="yes" required; " This is decided" }
            }))
        }
        @if view.may_handle && !over {
            (form(me, workflow, look.incident, "note", "Note", "What happened", &html! {}))
            (form(me, workflow, look.incident, "severity", "Change the severity", "Why", &html! { label for="to-severity" { "Severity" } (severities("to-severity")) }))
            (form(me, workflow, look.incident, "hand-over", "Hand it over", "Why", &html! { label for="to-owner" { "Who owns it from now on" } (owners("to-owner", &view.people, me)) }))
            @if look.state == IncidentState::Open && look.course.is_some() {
                (form(me, workflow, look.incident, "resolve", "Resolve it", "How it was contained", &html! {}))
            }
            @if look.state == IncidentState::Resolved {
                (form(me, workflow, look.incident, "review", "Review it", "What caused it, and what follows", &html! {
                    label for="findings" { "Findings for the next sprint, one a line" }
                    textarea #findings name="findings" rows="3" maxlength="4000" {}
                }))
            }
        }
    }
}

fn form(me: &Me, workflow: &str, number: u64, act: &str, name: &str, text: &str, more: &Markup) -> Markup {
    let id = format!("text-{act}");
    html! {
        details {
            summary .button { (name) }
            form .stack method="post" action=(at(workflow, &format!("/incidents/{number}"))) {
                (csrf(me))
                input type="hidden" name="act" value=(act);
                (more)
                label for=(id) { (text) }
                textarea id=(id) name="text" rows="2" required maxlength="1000" {}
                button .primary type="submit" { (name) }
            }
        }
    }
}
