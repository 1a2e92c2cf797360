//! Laws and standards: which obligation supports evidence for which article or clause, and how it stands.

use super::board::obligation;
use super::frame::{Place, page};
use super::parts::{Signal, badge};
use crate::text::{house, prose};
use crate::view::Frame;
use maud::{Markup, html};
use seatrial_factory::PackedObligation;
use seatrial_factory::regulation::{Clause, Framework, Supporting, mapping, support};

/// The mapping as it is, or with the states of one workflow's obligations.
#[must_use]
pub fn regulation(frame: &Frame, obligations: Option<&[PackedObligation]>) -> Markup {
    let mapping = mapping();
    let body = html! {
        header .page-head {
            h1 { "Laws and standards" }
            p .lead { "Which obligation supports evidence for which article or clause, as of " (mapping.as_of) ". Evidence is not a verdict: whether a law binds you, and whether it is kept, people decide." }
        }
        nav aria-label="Laws and standards" { ul .legend { @for f in &mapping.frameworks { li { a href={ "#" (f.id) } { (house(&f.name)) } } } } }
        @for framework in &mapping.frameworks { (one(frame, framework, obligations)) }
    };
    page(frame, Place::Elsewhere, "Laws and standards", &body)
}

fn one(frame: &Frame, framework: &Framework, obligations: Option<&[PackedObligation]>) -> Markup {
    html! {
        section .group aria-labelledby=(framework.id) {
            h2 id=(framework.id) { (house(&framework.name)) }
            p .muted { (house(&framework.text)) ", " time datetime=(framework.date) { (framework.date) } ": " a href=(framework.source) rel="external noreferrer" { "the text" } ". " (house(&framework.applies)) "." }
            div .law tabindex="0" role="region" aria-labelledby=(framework.id) {
                table {
                    thead { tr { th scope="col" { "Clause" } th scope="col" { "Supports evidence for it" } th scope="col" { "Not shown here" } } }
                    tbody {
                        @match obligations {
                            Some(obligations) => { @for s in support(framework, obligations) { (row(s.clause, &html! {
                                ul .states { @for o in &s.obligations { li { (state(frame, o)) } } }
                                @if !s.absent.is_empty() { p .muted { "Not of this workflow: " @for (i, id) in s.absent.iter().enumerate() { @if i > 0 { ", " } code { (id) } } } }
                            })) } },
                            None => { @for c in &framework.clauses { (row(c, &html! {
                                @for (i, id) in c.supports.iter().enumerate() { @if i > 0 { ", " } code { (id) } }
                            })) } },
                        }
                    }
                }
            }
        }
    }
}

fn row(clause: &Clause, supports: &Markup) -> Markup {
    html! {
        tr {
            th scope="row" { (house(&clause.clause)) @if let Some(about) = &clause.about { br; span .muted { (house(about)) } } }
            td { (supports) }
            td { @if let Some(exclusion) = &clause.exclusion { em { "nothing: " } (prose(exclusion)) } @if let Some(beyond) = &clause.beyond { (prose(beyond)) } }
        }
    }
}

fn state(frame: &Frame, o: &Supporting<'_>) -> Markup {
    let workflow = frame.workflow.as_ref().map_or("", |w| w.name.as_str());
    let (signal, sign) = match (o.state, o.settled) {
        ("discharged", _) => (Signal::Good, "check"),
        (_, true) => (Signal::Quiet, "bar"),
        _ => (Signal::Look, "flag"),
    };
    html! { (badge(signal, sign, &o.state.replace('_', " "))) " " a href=(obligation(workflow, o.id)) { code { (house(o.id)) } } }
}
