//! The frame around every page: masthead, tabs, banners, the foot.

use super::parts::{at, icon};
use crate::assets;
use crate::text::house;
use crate::view::{Frame, Me};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use seatrial_model::Side;

/// Where a page is, for the tabs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// The factory's workflows.
    Overview,
    /// A workflow's board, and its obligations.
    Board,
    /// Decisions.
    Decisions,
    /// Reviews.
    Reviews,
    /// Certificates and other pages without a tab of their own.
    Elsewhere,
    /// The sprint.
    Sprint,
    /// Releases and pilots.
    Releases,
    /// Waivers.
    Waivers,
    /// Ownership.
    Ownership,
    /// Drills.
    Drills,
    /// Incidents.
    Incidents,
    /// The assessment.
    Assessment,
    /// The log.
    Log,
}

const TABS: [(Place, &str, &str); 11] = [
    (Place::Board, "Board", ""),
    (Place::Decisions, "Decisions", "/decisions"),
    (Place::Reviews, "Reviews", "/reviews"),
    (Place::Sprint, "Sprint", "/sprint"),
    (Place::Releases, "Releases", "/releases"),
    (Place::Waivers, "Waivers", "/waivers"),
    (Place::Ownership, "Ownership", "/ownership"),
    (Place::Drills, "Drills", "/drills"),
    (Place::Incidents, "Incidents", "/incidents"),
    (Place::Assessment, "Assessment", "/assessment"),
    (Place::Log, "Log", "/log"),
];

/// A whole page.
#[must_use]
pub fn page(frame: &Frame, place: Place, title: &str, body: &Markup) -> Markup {
    let events = frame.workflow.as_ref().map_or("/events".to_owned(), |w| format!("/events?workflow={}", w.name));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (house(title)) " · " (house(&frame.factory)) " · Seatrial" }
                link rel="icon" href=(assets::url("mark.svg")) type="image/svg+xml";
                link rel="stylesheet" href=(assets::url("seatrial.css"));
                script type="module" src=(assets::url("live.js")) {}
                script type="module" src=(assets::url("keys.js")) {}
            }
            body data-events=[frame.me.as_ref().map(|_| events)] {
                a .skip href="#main" { "Skip to the page" }
                @if frame.simulation {
                    p .simulation role="note" { strong { "SIMULATION" } " Nobody here is real, and everything this factory signs says so." }
                }
                (masthead(frame))
                @if let Some(workflow) = &frame.workflow {
                    nav .tabs aria-label="Workflow" {
                        p .where { a href=(at(&workflow.name, "")) { (house(&workflow.name)) } }
                        ul #tabs data-live {
                            @for (tab, name, rest) in TABS {
                                li { a href=(at(&workflow.name, rest)) aria-current=[(tab == place).then_some("page")] {
                                    (name)
                                    @if tab == Place::Reviews && workflow.reviews_open > 0 {
                                        " " span .count { (workflow.reviews_open) span .sr { " open" } }
                                    }
                                    @if tab == Place::Board && workflow.stopped { " " span .count .bad { "stopped" } }
                                } }
                            }
                        }
                    }
                }
                main #main tabindex="-1" { (body) }
                (foot(frame))
                div #said .sr role="status" aria-live="polite" {}
            }
        }
    }
}

fn masthead(frame: &Frame) -> Markup {
    html! {
        header .masthead {
            a .brand href="/" { (mark()) span { "Seatrial" } }
            p .factory { (house(&frame.factory)) }
            @if let Some(me) = &frame.me { (who(me)) }
        }
    }
}

fn who(me: &Me) -> Markup {
    let side = match me.side {
        Side::Delivery => "delivery side",
        Side::Receiving => "receiving side",
        Side::Independent => "independent side",
    };
    let roles: Vec<&str> = me.roles.iter().map(String::as_str).collect();
    html! {
        details .who {
            summary { (icon("person")) span { (house(&me.name)) } }
            div {
                p { (house(&me.id)) }
                p .muted { (side) @if !roles.is_empty() { ": " (house(&roles.join(", "))) } }
                form method="post" action="/sign-out" {
                    (csrf(me))
                    button type="submit" { "Sign out" }
                }
            }
        }
    }
}

/// The hidden field that every form carries.
#[must_use]
pub fn csrf(me: &Me) -> Markup {
    html! { input type="hidden" name="csrf" value=(me.csrf); }
}

fn foot(frame: &Frame) -> Markup {
    html! {
        footer {
            p { "Everything shown here is folded from the log. Times are of " (house(&frame.zone)) ". Made " (super::parts::time(frame.now)) "." }
            @if frame.me.is_some() { p #live-state .live-state hidden { span .dot {} " live" } }
        }
    }
}

/// The mark: a load line, the ring and bar that say how deep a ship may lie.
#[must_use]
pub fn mark() -> Markup {
    html! {
        (PreEscaped(r#"<svg class="mark" viewBox="0 0 32 24" aria-hidden="true" focusable="false"><circle cx="16" cy="12" r="9" fill="none" stroke="currentColor" stroke-width="2.6"/><path d="M1 12h30" stroke="currentColor" stroke-width="2.6"/></svg>"#))
    }
}
