//! What is not known, what was drilled, what was approved and released.

use super::cite::{Citations, t};
use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::{Body, ElementPath, EventId, Logged, Side};
use std::collections::BTreeMap;

/// The most figures of one check that are shown.
const FIGURES_MAX: usize = 8;

pub(super) fn unknowns(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let w = input.workflow;
    html! {
        section #unknowns {
            h2 { "What is not known, and what must stay true" }
            @if w.questions.is_empty() && w.assumptions.is_empty() { p { "The spec names no question and no assumption. " (cites.spec()) } }
            @if !w.questions.is_empty() {
                table {
                    caption { "Questions" }
                    thead { tr { th { "Question" } th { "Owner" } th { "Blocks" } th { "State" } } }
                    tbody {
                        @for (name, q) in &w.questions {
                            tr {
                                td { (t(&q.ask, 400)) (cites.spec()) } td { (t(q.owner.as_deref().unwrap_or("nobody"), 80)) }
                                td { @match q.blocks { Some(stage) => (stage), None => "nothing" } }
                                td { @match settled(input, name) {
                                    Some((e, true)) => { "withdrawn " (cites.index(e.index)) },
                                    Some((e, false)) => { "answered " (cites.index(e.index)) },
                                    None => { b { "open" } },
                                } }
                            }
                        }
                    }
                }
            }
            @if !w.assumptions.is_empty() {
                table {
                    caption { "Assumptions" }
                    thead { tr { th { "Assumption" } th { "Watched by" } th { "Owner" } th { "As it was last checked" } } }
                    tbody {
                        @for (name, a) in &w.assumptions {
                            tr {
                                td { (t(&a.text, 400)) (cites.spec()) }
                                td { @match &a.watch { Some(e) => { code { (t(&e.source, 400)) } }, None => "nothing" } }
                                td { (t(a.owner.as_deref().unwrap_or("nobody"), 80)) } td { (checked(input, name, cites)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The newest check of this very assumption, with the figures that it was evaluated on.
fn checked(input: &PackInput<'_>, name: &str, cites: &mut Citations<'_>) -> Markup {
    let path = ElementPath::new(format!("assumptions.{name}"));
    let element = input.workflow.element(&path).map(|e| e.compiled);
    let newest = input.events.iter().rev().find_map(|e| match &e.event.body {
        Body::AssumptionChecked(c) if c.assumption == path && Some(c.element) == element => Some((e.index, c)),
        _ => None,
    });
    html! {
        @match newest {
            None => { span.warn { "never checked" } },
            Some((index, c)) => {
                @if c.holds { span.ok { "holds" } } @else { span.warn { "does not hold" } }
                @for (figure, value) in c.metrics.iter().take(FIGURES_MAX) { br; code { (t(figure, 80)) } " = " (value) }
                " " (cites.index(index))
            },
        }
    }
}

/// The newest event that settled this very question, and whether it was withdrawn.
fn settled<'a>(input: &PackInput<'a>, name: &str) -> Option<(&'a Logged, bool)> {
    let path = ElementPath::new(format!("questions.{name}"));
    let element = input.workflow.element(&path)?.written;
    input.events.iter().rev().find_map(|e| match &e.event.body {
        Body::QuestionSettled(q) if q.question == path && q.element == element => Some((e, q.withdrawn)),
        _ => None,
    })
}

pub(super) fn drills(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let drills: Vec<_> = input
        .events
        .iter()
        .filter_map(|e| if let Body::DrillDone(d) = &e.event.body { Some((e, d)) } else { None })
        .collect();
    html! {
        section #drills {
            h2 { "Controls that were exercised" }
            @if drills.is_empty() { p.warn { "None yet. A control that was never exercised is a hope." } }
            @else {
                table {
                    thead { tr { th { "Control" } th { "By" } th { "Side" } th.number { "Effective after" } th.number { "Allowed" } th.number { "Refused" } th.number { "Finished by people" } th { "Event" } } }
                    tbody {
                        @for (e, d) in &drills {
                            tr {
                                td { (t(&d.control, 40)) } td { (t(&e.event.actor.id, 120)) } td { (side(e.event.actor.side)) }
                                td.number { (duration(d.effective_ms)) }
                                td.number { @match d.allowed_ms { Some(ms) => (duration(ms)), None => "–" } }
                                td.number { (d.refused) } td.number { (d.finished) } td { (cites.index(e.index)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn decisions(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let withdrawn: BTreeMap<EventId, u64> = input
        .events
        .iter()
        .filter_map(|e| if let Body::ApprovalWithdrawn(w) = &e.event.body { Some((w.approval, e.index)) } else { None })
        .collect();
    let told: Vec<Markup> = input.events.iter().filter_map(|e| line(e, &withdrawn, cites)).collect();
    html! {
        section #history {
            h2 { "Approvals and releases" }
            @if told.is_empty() { p.warn { "Nothing was approved, and nothing was released." } }
            @else { ol.history { @for entry in &told { li { (entry) } } } }
        }
    }
}

fn line(e: &Logged, withdrawn: &BTreeMap<EventId, u64>, cites: &mut Citations<'_>) -> Option<Markup> {
    let event = &e.event;
    let who = html! { b { (t(&event.actor.id, 120)) } " (" (side(event.actor.side)) ", " (assurance(e)) ")" };
    let when = html! { time datetime=(event.time) { (event.time.day()) } " " };
    let told = match &event.body {
        Body::ApprovalGiven(a) => {
            let what: Vec<String> = event.evidence.iter().map(|o| t(&o.obligation, 120)).collect();
            html! {
                (when) (who) " approved " code { (what.join(", ")) } " for " (a.stage) " as " (t(&a.role, 80))
                @match a.shown_ms { Some(ms) => { ", shown for " (ms / 1000) " s" }, None => ", shown for an unknown time" } ". "
                (cites.index(e.index))
                @if let Some(index) = withdrawn.get(&event.id) { span.warn { " Withdrawn. " } (cites.index(*index)) }
            }
        }
        Body::ReleaseCut(r) => html! {
            (when) strong { "Released for " (r.stage) } " by " (who) ", signed as " code { (t(&r.level, 40)) }
            @if !r.waivers.is_empty() { ", over " (r.waivers.len()) " waiver(s)" } ", spec " code { (r.spec.short()) } @if let Some(until) = r.until { ", until " (until.day()) } ". " (cites.index(e.index))
        },
        Body::ReleaseLapsed(r) => html! {
            (when) strong.warn { "The release lapsed" } ": lost " code { (t(&r.lost.keys().cloned().collect::<Vec<_>>().join(", "), 300)) } ". " (cites.index(e.index))
        },
        Body::ReleaseRestored(_) => {
            html! { (when) "The release stands again: nothing that it had lost is missing. " (cites.index(e.index)) }
        }
        Body::ReleaseRolledBack(_) => {
            html! { (when) (who) " went back to an earlier release. " (cites.index(e.index)) }
        }
        Body::WorkflowRetired(_) => html! { (when) strong { "Retired" } " by " (who) ". " (cites.index(e.index)) },
        Body::RightsEnded(r) => html! {
            (when) "The rights of the " (side(r.side)) " side end on " time datetime=(r.from) { (r.from.day()) } ", said by " (who) ". " (cites.index(e.index))
        },
        Body::RightsKept(_) => html! { (when) "Those rights are kept, said by " (who) ". " (cites.index(e.index)) },
        Body::PackAcknowledged(a) => {
            html! { (when) (who) " read and took an earlier handover pack as " (t(&a.role, 80)) ". " (cites.index(e.index)) }
        }
        Body::LogKeyRotated(_) => {
            html! { (when) "The log is signed by another key from here on, said by " (who) ". " (cites.index(e.index)) }
        }
        _ => return None,
    };
    Some(told)
}

/// A time, in the largest unit in which it is a whole number, or in seconds.
fn duration(ms: u64) -> String {
    match ms {
        0..=999 => format!("{ms} ms"),
        _ if ms.is_multiple_of(3_600_000) => format!("{} h", ms / 3_600_000),
        _ if ms.is_multiple_of(60_000) => format!("{} min", ms / 60_000),
        _ => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
    }
}

fn assurance(e: &Logged) -> &'static str {
    use seatrial_model::Assurance;
    match e.event.actor.assurance {
        Assurance::Simulated => "simulated",
        Assurance::Local => "whoever held the machine",
        Assurance::Token => "by token",
        Assurance::Sso => "signed in",
        Assurance::Signed => "signed",
    }
}

pub(super) const fn side(side: Side) -> &'static str {
    match side {
        Side::Delivery => "delivery",
        Side::Receiving => "receiving",
        Side::Independent => "independent",
    }
}
