//! A payload: its fields, what checks found in them, what the model never saw, or that it was erased.

use super::parts::{Signal, badge, icon, time};
use crate::text::{block, house, line, marked};
use crate::view::{Field, Payload};
use maud::{Markup, html};

/// Shows a payload.
#[must_use]
pub fn payload(payload: &Payload) -> Markup {
    match payload {
        Payload::Held { fields, commitment } => html! {
            dl .fields { @for field in fields { (one(field)) } }
            @if fields.is_empty() { p .muted { "An empty object." } }
            p .commitment { (icon("lock")) " committed in the log as " code title=(commitment) { (commitment.0.short()) } }
        },
        Payload::Erased { on, by, commitment } => html! {
            div .erased {
                p { (badge(Signal::Quiet, "bar", "erased")) " on " (time(*on)) " by " (house(by)) "." }
                p .muted {
                    "Its text and salt are gone. "
                    @if let Some(c) = commitment { "The commitment " code title=(c) { (c.0.short()) } " stays, and every proof still verifies." }
                }
            }
        },
        Payload::None { why } => html! { p .muted { (house(why)) } },
    }
}

fn one(field: &Field) -> Markup {
    let numbers = field.value.raw().parse::<f64>().is_ok();
    html! {
        div .withheld[field.withheld] {
            dt {
                @if field.pointer.raw().is_empty() { span .muted { "whole text" } } @else { code { (line(&field.pointer)) } }
                @if field.withheld { " " span .tag { (icon("bar")) "withheld from the model" } }
            }
            dd .num[numbers] {
                @if field.marks.is_empty() { (block(&field.value)) } @else { (marked(&field.value, &field.marks)) }
            }
        }
    }
}
