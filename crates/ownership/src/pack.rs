//! The handover pack: one self-contained page.
//!
//! Nothing in it is loaded from elsewhere and nothing in it runs: no script, no external style, font or picture. Every
//! statement cites the entry of the log that it rests on, and the last section lists those entries.

mod authority;
mod cite;
mod history;
mod owners;
mod rules;

use crate::{PackInput, gaps};
use cite::{Citations, t};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use seatrial_model::words::FactoryKind;

/// The most characters of a prose field: a purpose is a paragraph, not a book.
const PROSE_CHARS_MAX: usize = 2_000;

const STYLE: &str = include_str!("pack/pack.css");

/// Draws the handover pack of a workflow as one HTML page.
#[must_use]
pub fn pack(input: &PackInput<'_>) -> String {
    let mut cites = Citations::new(input);
    let sections = html! {
        (purpose(input, &mut cites))
        (authority::section(input, &mut cites))
        (rules::section(input, &mut cites))
        (rules::thresholds(input, &mut cites))
        (history::unknowns(input, &mut cites))
        (owners::section(input, &mut cites))
        (history::drills(input, &mut cites))
        (history::decisions(input, &mut cites))
        (how_to(input, &mut cites))
        (missing(input, &mut cites))
        (log(input))
    };
    let title = format!("Handover pack: {}", t(&input.workflow.title, 200));
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                // A page that is opened from a disk has no headers; this is its policy.
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (banner(input))
                header { (head(input)) }
                main { (sections) (cites.appendix()) }
            }
        }
    }
    .into_string()
}

fn banner(input: &PackInput<'_>) -> Markup {
    html! {
        @if input.factory.kind == FactoryKind::Simulation {
            p.simulation role="alert" { strong { "SIMULATION" } " — the people, approvals and cases in this pack are simulated. Nothing here is evidence about a real organisation." }
        }
    }
}

fn head(input: &PackInput<'_>) -> Markup {
    html! {
        p.kicker { "Handover pack · " (t(&input.factory.name, 100)) "/" (t(&input.workflow.name, 100)) }
        h1 { (t(&input.workflow.title, 200)) }
        dl.facts {
            dt { "Spec" } dd { code { (input.workflow.digest) } }
            dt { "As of" } dd { time datetime=(input.now) { (input.now) } }
            dt { "Log" } dd { code { (t(&input.log.origin, 200)) } ", " (input.log.point.size) " entries" }
        }
    }
}

fn purpose(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let w = input.workflow;
    html! {
        section #purpose {
            h2 { "What it is for" }
            p.prose { (t(&w.purpose, PROSE_CHARS_MAX)) (cites.spec()) }
            @if !w.population.is_empty() { p { b { "Whom it is about: " } (t(&w.population, PROSE_CHARS_MAX)) (cites.spec()) } }
            @if !w.outcomes.is_empty() {
                table {
                    caption { "Outcomes" }
                    thead { tr { th { "Outcome" } th { "Measured as" } th { "Before" } th { "Target" } th { "Source" } } }
                    tbody {
                        @for (name, outcome) in &w.outcomes {
                            tr {
                                td { code { (t(name, 80)) } }
                                td { (t(&outcome.measure, 400)) }
                                td { @match outcome.today { Some(v) => (v), None => "not known" } }
                                td { (bar(&outcome.target)) }
                                td { (cites.spec()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn bar(bar: &seatrial_spec::workflow::Bar) -> String {
    use seatrial_spec::workflow::BarOp;
    let op = match bar.op {
        BarOp::AtLeast => "≥",
        BarOp::AtMost => "≤",
        BarOp::Above => ">",
        BarOp::Below => "<",
    };
    format!("{op} {}", bar.value)
}

fn how_to(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let name = t(&input.workflow.name, 64);
    let rows = [
        (
            "Stop everything now",
            format!("seatrial stop --workflow {name} --reason \"…\""),
            "Whoever stops does not resume: another person does.",
        ),
        (
            "Resume",
            format!("seatrial resume --workflow {name} --reason \"…\""),
            "Needs another person than the one who stopped.",
        ),
        (
            "Override one decision",
            "seatrial override DECISION block --reason REASON".to_owned(),
            "The verdict stays as it was; the change stands beside it.",
        ),
        (
            "Change the spec",
            format!("seatrial check {name} && seatrial submit --workflow {name}"),
            "What the change makes stale is shown with its path; the release in force stays.",
        ),
        (
            "Release",
            format!(
                "seatrial status --workflow {name} --stage production && seatrial release production --workflow {name}"
            ),
            "Cuts only if nothing is missing.",
        ),
        (
            "Leave",
            format!("seatrial log export FOLDER --workflow {name}"),
            "The export verifies without Seatrial's server.",
        ),
    ];
    html! {
        section #how {
            h2 { "How to stop, override, change, release and leave" }
            table {
                thead { tr { th { "To" } th { "Command" } th { "Good to know" } } }
                tbody { @for (what, command, note) in &rows { tr { td { (what) } td { code.command { (command) } } td { (note) } } } }
            }
            @for step in input.workflow.steps.iter().filter(|s| s.fallback.is_some()) {
                @if let Some(fallback) = &step.fallback {
                    p { "While " code { (t(&step.name, 80)) } " is stopped, " b { (t(&fallback.to, 80)) } " do the work"
                        @if let Some(n) = fallback.per_day { ", up to " (n) " cases a day" }
                        @if let Some(runbook) = &fallback.runbook { ", by " code { (t(runbook, 200)) } }
                        "." (cites.spec()) }
                }
            }
        }
    }
}

fn missing(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    let gaps = gaps(input);
    let settled = input.obligations.iter().filter(|o| o.settled);
    html! {
        section #missing {
            h2 { "What is still missing" }
            @if gaps.is_empty() { p { "Nothing that can be told from this log." } }
            @else {
                table {
                    thead { tr { th { "Obligation" } th { "How it stands" } th { "Next" } } }
                    tbody {
                        @for gap in &gaps {
                            tr { td { code { (t(&gap.obligation, 120)) } } td { (t(&gap.why, 600)) } td { code.command { (t(&gap.next, 200)) } } }
                        }
                    }
                }
            }
            h3 { "What is shown" }
            ul.shown {
                @for o in settled {
                    li { code { (t(&o.id, 120)) } " " (t(&o.state, 40)) ": " (t(&o.why, 600))
                        @for index in &o.events { (cites.index(*index)) } }
                }
            }
        }
    }
}

fn log(input: &PackInput<'_>) -> Markup {
    html! {
        section #log {
            h2 { "How to check this pack without us" }
            p { "The log is a Merkle tree; its checkpoint is signed. The export, the key and the command below are all that is needed." }
            dl.facts {
                dt { "Origin" } dd { code { (t(&input.log.origin, 200)) } }
                dt { "Entries" } dd { (input.log.point.size) }
                dt { "Root" } dd { code { (input.log.point.root) } }
                dt { "Key" } dd { code { (t(&input.log.key, 300)) } }
                dt { "Verify" } dd { code.command { (t(&input.log.verify, 400)) } }
            }
        }
    }
}

#[cfg(test)]
mod tests;
