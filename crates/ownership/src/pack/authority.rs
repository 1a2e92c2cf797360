//! The authority map: where AI may influence an outcome, how far, and where it never may. Drawn and in words.

use super::cite::{Citations, t};
use crate::PackInput;
use maud::{Markup, html};
use seatrial_model::Influence;
use seatrial_spec::workflow::{Actor, Step};
use std::collections::BTreeSet;

const WIDTH: usize = 760;
const ROW: usize = 92;
const TOP: usize = 44;
/// Left edge and width of one of the four levels of influence.
const LEVEL_X: usize = 232;
const LEVEL_W: usize = 84;
/// The most characters of a name in the drawing; the words below it hold the whole.
const LABEL_CHARS_MAX: usize = 26;

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let steps = &input.workflow.steps;
    html! {
        section #authority {
            h2 { "Where AI may influence outcomes" }
            figure {
                (drawing(steps))
                figcaption { "Each row is a step, in order. The bar shows how far AI may reach; people on the right answer when it is held back. " (cites.spec()) }
            }
            @for step in steps { (words(step, cites)) }
        }
    }
}

fn drawing(steps: &[Step]) -> Markup {
    let height = TOP + ROW * steps.len() + 8;
    html! {
        svg.map role="img" viewBox={ "0 0 " (WIDTH) " " (height) } aria-labelledby="map-title map-desc" {
            title #map-title { "Authority map" }
            desc #map-desc { @for s in steps { (t(&s.name, 80)) ": " (actor(s)) @if s.actor == Actor::Ai { ", influence " (s.influence) } ". " } }
            @for (i, level) in Influence::ALL.iter().enumerate() {
                text.head x=(LEVEL_X + LEVEL_W * i + LEVEL_W / 2) y="28" text-anchor="middle" { (level) }
            }
            text.head x=(LEVEL_X + LEVEL_W * 4 + 20) y="28" { "answered by" }
            @for (i, step) in steps.iter().enumerate() { (row(step, TOP + ROW * i, i + 1 < steps.len())) }
        }
    }
}

fn row(step: &Step, y: usize, more: bool) -> Markup {
    let reach = Influence::ALL.iter().position(|i| *i == step.influence).unwrap_or(0);
    let people = roles(step);
    html! {
        g {
            rect class={ "step " (actor_class(step.actor)) } x="8" y=(y) width="200" height="58" rx="6" {}
            text.name x="20" y=(y + 24) { (t(&step.name, LABEL_CHARS_MAX)) }
            text.small x="20" y=(y + 44) { (actor(step)) @if !step.reversible { " · cannot be undone" } }
            @if more { path.flow d={ "M108 " (y + 58) " v" (ROW - 58 - 8) " m-5 -6 l5 6 l5 -6" } {} }
            @if step.actor == Actor::Ai {
                @for i in 0..4_usize {
                    rect class=(if i <= reach { "reach" } else { "beyond" }) x=(LEVEL_X + LEVEL_W * i + 3) y=(y + 12) width=(LEVEL_W - 6) height="20" rx="3" {}
                }
                @if !step.never.is_empty() {
                    text.never x=(LEVEL_X + 3) y=(y + 52) { "⊘ never: " (t(&never(step), 58)) }
                }
            } @else {
                text.small x=(LEVEL_X + 3) y=(y + 27) { "no AI in this step" }
            }
            @for (i, role) in people.iter().take(3).enumerate() {
                text.small x=(LEVEL_X + LEVEL_W * 4 + 20) y=(y + 20 + 17 * i) { "→ " (t(role, 22)) }
            }
        }
    }
}

fn words(step: &Step, cites: &mut Citations<'_>) -> Markup {
    html! {
        p { b { code { (t(&step.name, 80)) } } " — " (t(&step.does, 400)) ". "
            @match step.actor {
                Actor::Ai => { "AI may " b { (influence(step.influence)) } @if !step.reversible { "; its effect cannot be taken back" } ". " },
                Actor::Person => { "A person does it. " },
                Actor::System => { "A program does it, by rule. " },
            }
            @if !step.never.is_empty() { "Never left to AI: " (t(&never(step), 600)) ". " }
            @if !step.withhold.is_empty() { "The model never sees " (t(&step.withhold.join(", "), 400)) ". " }
            (cites.spec()) }
    }
}

fn influence(influence: Influence) -> &'static str {
    match influence {
        Influence::Inform => "show something",
        Influence::Suggest => "propose; a person decides",
        Influence::Decide => "decide",
        Influence::Act => "decide and act",
    }
}

fn never(step: &Step) -> String {
    let named = step.never.iter().map(|r| r.name.as_str());
    named.collect::<Vec<_>>().join(", ")
}

/// The roles that reviews of a step go to, in order.
fn roles(step: &Step) -> BTreeSet<&str> {
    let escalations = step.escalate.iter().map(|e| e.to.as_str());
    let rules = [&step.require, &step.forbid, &step.never].into_iter().flatten().filter_map(|r| r.to.as_deref());
    escalations.chain(rules).chain(step.fallback.iter().map(|f| f.to.as_str())).collect()
}

fn actor(step: &Step) -> &'static str {
    match step.actor {
        Actor::Ai => "AI",
        Actor::Person => "a person",
        Actor::System => "a program",
    }
}

fn actor_class(actor: Actor) -> &'static str {
    match actor {
        Actor::Ai => "ai",
        Actor::Person => "person",
        Actor::System => "system",
    }
}
