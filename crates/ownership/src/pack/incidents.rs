//! Incidents: what went wrong, who owned it, what was decided, and what its review found.

use super::cite::{Citations, t};
use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::event::IncidentOpened;
use seatrial_model::{Body, IncidentCourse, Logged};

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let opened: Vec<(&Logged, &IncidentOpened)> = input
        .events
        .iter()
        .filter_map(|e| if let Body::IncidentOpened(i) = &e.event.body { Some((e, i)) } else { None })
        .collect();
    html! {
        section #incidents {
            h2 { "Incidents" }
            @if opened.is_empty() { p { "None was opened: the log has no such entry." } }
            @else {
                table {
                    thead { tr { th.number { "No." } th { "Severity" } th { "Owner" } th { "Opened" } th { "What was decided" } th { "Review" } } }
                    tbody { @for (e, incident) in &opened { (row(input, e, incident, cites)) } }
                }
                p { "What was seen, and what followed, are payloads beside the log." }
            }
        }
    }
}

fn row(input: &PackInput<'_>, opened: &Logged, incident: &IncidentOpened, cites: &mut Citations<'_>) -> Markup {
    let updates = || {
        input.events.iter().filter_map(|e| match &e.event.body {
            Body::IncidentUpdated(u) if u.incident == incident.incident => Some((e, u)),
            _ => None,
        })
    };
    let severity = updates().filter_map(|(_, u)| u.severity).next_back().unwrap_or(incident.severity);
    let owner = updates().filter_map(|(_, u)| u.owner.clone()).next_back().unwrap_or_else(|| incident.owner.clone());
    let review = input.events.iter().find_map(|e| {
        matches!(&e.event.body, Body::IncidentReviewed(r) if r.incident == incident.incident).then_some(e.index)
    });
    html! {
        tr {
            td.number { (incident.incident) @if incident.drill { br; "drill" } } td { (severity) } td { (t(&owner, 120)) }
            td { time datetime=(opened.event.time) { (opened.event.time.day()) } (cites.index(opened.index)) }
            td {
                @for (e, u) in updates() {
                    @match u.course {
                        Some(IncidentCourse::Stop) => { "stopped " (cites.index(e.index)) " " },
                        Some(IncidentCourse::GoOn) => { "went on " (cites.index(e.index)) " " },
                        None => {},
                    }
                    @if u.resolved { "contained " (cites.index(e.index)) " " }
                }
            }
            td { @match review { Some(index) => { "done " (cites.index(index)) }, None => { span.warn { "to come" } } } }
        }
    }
}
