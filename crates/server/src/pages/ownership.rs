//! Ownership: who takes over what, what operation shows, what counts down, and what is missing.

use super::board::obligation;
use super::frame::{Place, page};
use super::parts::{Signal, at, badge, command, entry, icon, length, percent, state, time};
use crate::chart;
use crate::text::{house, prose};
use crate::view::{Frame, ObligationState, OwnershipLine, OwnershipPage};
use maud::{Markup, html};
use seatrial_factory::api::InForce;
use seatrial_factory::{Hypercare, OwnershipLook, RightsLook, Sides, Taking, TransferLook};
use seatrial_model::Stage;
use seatrial_model::facts::OnLapse;

/// The page.
#[must_use]
pub fn ownership(frame: &Frame, view: &OwnershipPage) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let look = &view.look;
    let body = html! {
        header .page-head {
            h1 { "Ownership" }
            p .lead { "Acceptance is a signature; the transfer index is whether it is true." }
        }
        div #ownership data-live {
            (countdown(look))
            section aria-labelledby="handover" {
                h2 #handover { "What the handover asks for" }
                ul .waivers { @for line in &view.handover { (asked(workflow, line)) } }
                @if view.missing.is_empty() { p .muted { "All that production asks for stands." } }
                @else {
                    details {
                        summary { (view.missing.len()) " more between here and " em { "owned" } }
                        ul .waivers { @for line in &view.missing { (asked(workflow, line)) } }
                    }
                }
            }
            section aria-labelledby="index" { h2 #index { "The transfer index" } (index(workflow, &look.transfer)) }
            section aria-labelledby="takers" { h2 #takers { "Who takes over" } (takers(workflow, &look.responsibilities)) }
            section aria-labelledby="drills" { h2 #drills { "Drills" } (drills(workflow, look)) }
        }
    };
    page(frame, Place::Ownership, "Ownership", &body)
}

fn countdown(look: &OwnershipLook) -> Markup {
    html! {
        @if let Some(release) = &look.in_force { (in_force(release)) }
        @else { p .note { (icon("bar")) " Nothing is released: there is nothing to hand over yet." } }
        @if let Some(hypercare) = &look.hypercare { (until_hypercare(hypercare)) }
        @if let Some(rights) = &look.rights { (until_rights(rights)) }
    }
}

fn in_force(release: &InForce) -> Markup {
    html! {
        @if release.stage == Stage::Owned {
            p { (badge(Signal::Good, "go", "owned")) " since " (time(release.since)) ", signed as " code { (house(&release.level)) } }
        } @else if release.owned {
            p { (badge(Signal::Good, "go", "owned")) " It was handed over: this production release has no hypercare." }
        }
    }
}

fn left(ms: u64) -> String {
    length(i64::try_from(ms).unwrap_or(i64::MAX))
}

fn until_hypercare(hypercare: &Hypercare) -> Markup {
    let then = match hypercare.reaction {
        OnLapse::Warn => "is served with a warning",
        OnLapse::Escalate => "escalates everything",
        OnLapse::Stop => "is served no more",
    };
    html! {
        @match hypercare.left_ms {
            Some(ms) => p .note { (icon("clock")) " Hypercare ends in " strong { (left(ms)) } " (" (time(hypercare.until)) "). Then the release lapses and " (then) ", unless it is owned." },
            None => p .note .bad { (icon("clock")) " Hypercare ended on " (time(hypercare.until)) ": the release lapses and " (then) "." },
        }
    }
}

fn until_rights(rights: &RightsLook) -> Markup {
    html! {
        @match rights.left_ms {
            Some(ms) => p .note { (icon("clock")) " The delivery side’s rights end in " strong { (left(ms)) } " (" (time(rights.from)) "), said by " (house(&rights.by)) "." },
            None => p .note { (icon("bar")) " The delivery side’s rights ended on " (time(rights.from)) ": it may only read." },
        }
    }
}

fn asked(workflow: &str, line: &OwnershipLine) -> Markup {
    html! {
        li .waiver {
            h3 { a href=(obligation(workflow, &line.id)) { (house(&line.id)) } " " (state(line.state)) }
            p .muted { (prose(&line.why)) }
            @if line.state != ObligationState::Discharged { @if let Some(next) = &line.next { p { (command(next)) } } }
        }
    }
}

fn index(workflow: &str, look: &TransferLook) -> Markup {
    let index = &look.index;
    let share = index.share.map_or_else(|| "no".to_owned(), percent);
    let words = format!(
        "{} of {} operating actions since {} were the receiving side's",
        index.sides.receiving,
        index.sides.all(),
        index.since
    );
    let bar = look.bar.as_ref().map(|bar| bar.bar.value);
    html! {
        p { strong { (share) } " · " (words) "." }
        @match (&look.bar, &look.measured, look.reached) {
            (Some(_), Some(measured), reached) => p {
                @match reached {
                    Some(true) => (badge(Signal::Good, "go", "the bar is reached")),
                    Some(false) => (badge(Signal::Bad, "bar", "the bar is missed")),
                    None => (badge(Signal::Wait, "clock", "inconclusive")),
                }
                " " (measured.sides.receiving) " of " (measured.sides.all()) " since " (measured.since)
                @if reached.is_none() { "; fewer than " (look.actions_min) " tell nothing" }
            },
            _ => p .note { "No bar was written: " code { "gates.handover.transfer_index" } " in the spec, before production is released." },
        }
        @if look.bar.as_ref().is_some_and(|bar| bar.lowered_to.is_some() || bar.dropped) {
            p .note { (icon("flag")) " The spec asks for less now. A bar lowered after production was released does not count." }
        }
        (chart::transfer(&index.weeks, bar, &words))
        table .plain {
            thead { tr { th { "Actions" } th .number { "Receiving" } th .number { "Delivery" } th .number { "Independent" } th .number { "Share" } } }
            tbody { @for (kind, sides) in &index.kinds { (kind_row(kind.plural(), sides)) } }
        }
        p .muted .small { "Marked cases, drills and seeded items are no operation. The independent side challenges and approves: it is no part of the share. " a href=(at(workflow, "/log")) { "The log" } " has every action." }
    }
}

fn kind_row(name: &str, sides: &Sides) -> Markup {
    let share = sides.share().map_or_else(|| "–".to_owned(), percent);
    html! {
        tr {
            td { (name) }
            td .number data-label="Receiving" { (sides.receiving) }
            td .number data-label="Delivery" { (sides.delivery) }
            td .number data-label="Independent" { (sides.independent) }
            td .number data-label="Share" { (share) }
        }
    }
}

fn takers(workflow: &str, all: &[Taking]) -> Markup {
    html! {
        table .plain {
            thead { tr { th { "Responsibility" } th { "Role" } th { "People, and what they accepted" } } }
            tbody {
                @for taking in all {
                    tr {
                        td { (taking.responsibility) }
                        td data-label="Role" { @match &taking.receiving { Some(role) => (house(role)), None => span .muted { "none" } } }
                        td data-label="People" {
                            @for taker in &taking.takers {
                                p {
                                    (house(&taker.name)) " "
                                    @match taker.accepted {
                                        Some((_, index)) => { (badge(Signal::Good, "go", "accepted")) " " a href=(entry(workflow, index)) { "entry " (index) } },
                                        None => (badge(Signal::Wait, "clock", "not accepted")),
                                    }
                                }
                            }
                            @if taking.takers.is_empty() { span .muted { "nobody is there" } }
                        }
                    }
                }
            }
        }
    }
}

fn drills(workflow: &str, look: &OwnershipLook) -> Markup {
    html! {
        table .plain {
            thead { tr { th { "Control" } th { "Last exercised" } th { "By" } } }
            tbody {
                @for drill in &look.drills {
                    tr {
                        td { (house(&drill.control)) }
                        td data-label="Last" { @match &drill.last { Some(last) => (time(last.at)), None => span .muted { "never" } } }
                        td data-label="By" { @if let Some(last) = &drill.last { (house(&last.by)) } }
                    }
                }
            }
        }
        p { a href=(at(workflow, "/drills")) { "How each is exercised" } }
    }
}
