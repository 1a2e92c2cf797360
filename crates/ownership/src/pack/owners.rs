//! Who owns what, with the acceptances; the three sides and their people.

use super::cite::{Citations, t};
use super::history::side;
use crate::{PackInput, Taking, responsibilities};
use maud::{Markup, html};
use seatrial_model::Side;

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let takings = responsibilities(input);
    html! {
        section #owners {
            h2 { "Who owns what" }
            table {
                thead { tr { th { "Responsibility" } th { "From (delivery)" } th { "To (receiving)" } th { "Challenged by" } th { "People and their acceptance" } } }
                tbody { @for taking in &takings { (row(taking, cites)) } }
            }
            (sides(input, cites))
        }
    }
}

fn row(taking: &Taking, cites: &mut Citations<'_>) -> Markup {
    let role = |r: &Option<String>| r.as_deref().map_or_else(|| "–".to_owned(), |r| t(r, 80));
    html! {
        tr {
            td { b { (taking.responsibility) } (cites.spec()) @if let Some(runbook) = &taking.runbook { br; "runbook " code { (t(runbook, 200)) } } }
            td { (role(&taking.delivery)) } td { (role(&taking.receiving)) } td { (role(&taking.challenged_by)) }
            td {
                @for taker in &taking.takers {
                    div { (t(&taker.name, 80)) " "
                        @match taker.accepted {
                            Some((_, index)) => { span.ok { "✓ accepted " } (cites.index(index)) },
                            None => { span.warn { "○ not accepted" } },
                        } }
                }
                @for why in taking.missing.iter().filter(|_| taking.takers.is_empty()) { span.warn { (t(why, 200)) } }
            }
        }
    }
}

fn sides(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    html! {
        dl.facts {
            @for which in [Side::Delivery, Side::Receiving, Side::Independent] {
                dt { (side(which)) }
                dd {
                    @for person in input.factory.people.iter().filter(|p| p.side == which) {
                        div { (t(&person.name, 80)) " (" (t(&person.roles.join(", "), 200)) ")"
                            @if let Some(until) = person.until { ", until " (until) } " " (cites.people()) }
                    }
                }
            }
        }
    }
}
