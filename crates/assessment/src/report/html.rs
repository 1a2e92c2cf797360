//! The assessment as a page of its own: no script, nothing fetched, prints.

use super::{Reader, groups, summary, word};
use crate::questionnaire::BASE_CSS;
use crate::{Assessment, Citation, Definition, Group, Item, Reason, Standing, definition};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use std::collections::BTreeMap;

const CSS: &str = include_str!("report.css");

/// A whole page that stands alone.
#[must_use]
pub fn html(assessment: &Assessment, reader: Option<Reader>) -> String {
    let title = format!("Assessment of {}", assessment.workflow);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'";
                meta name="referrer" content="no-referrer";
                title { (title) " · Seatrial" }
                style { (PreEscaped(BASE_CSS)) (PreEscaped(CSS)) }
            }
            body {
                header .masthead {
                    p .brand { "Seatrial" }
                    p .factory { "Assessment" @if let Some(reader) = reader { " " (reader.title()) } }
                    @if assessment.simulation { p .sim { "Simulation" } }
                }
                main { (body(assessment, reader)) }
            }
        }
    }
    .into_string()
}

fn body(assessment: &Assessment, reader: Option<Reader>) -> Markup {
    html! {
        header .page-head {
            h1 { "Assessment of " code { (assessment.workflow) } }
            p .muted { "Spec " code { (assessment.spec.short()) } ", as of " (assessment.at) }
            p .lead { (assessment.caveat) }
            @if assessment.simulation {
                p .warn { strong { "This factory is a simulation. " } "Its people are played; what they approved counts nowhere else." }
            }
        }
        (overview(assessment, reader))
        @for group in groups(reader) { (section(assessment, *group, reader)) }
        (cited(assessment, reader))
        (legend())
    }
}

fn overview(assessment: &Assessment, reader: Option<Reader>) -> Markup {
    let sum = summary(assessment, reader);
    html! {
        section .overview {
            ul .tally {
                @for (standing, n) in sum.counts { li class=(class(standing)) { span .n { (n) } " " (standing.as_str()) } }
            }
            @if sum.fired.is_empty() {
                p { "None of " (sum.detectors) " detectors fired. They see what is in the log, and nothing else." }
            } @else {
                p { strong { (sum.fired.len()) " of " (sum.detectors) " detectors fired." } " Ask about these first:" }
                ul .fired {
                    @for item in &sum.fired { li { a href={ "#" (item.id) } { (item.question) } span .muted { " " (item.standing.as_str()) } } }
                }
            }
        }
    }
}

fn section(assessment: &Assessment, group: Group, reader: Option<Reader>) -> Markup {
    let items = assessment.group(group);
    // What asks for attention comes first; each part keeps its order.
    let (first, rest): (Vec<&Item>, Vec<&Item>) = items.iter().partition(|i| i.fires());
    html! {
        section .group {
            h2 { (group.title()) }
            @if group.detects() { p .muted { "Each is a statement that should hold. A detector prompts an inquiry; it proves nothing." } }
            @for item in first.into_iter().chain(rest) { (one(item, reader)) }
        }
    }
}

fn one(item: &Item, reader: Option<Reader>) -> Markup {
    html! {
        article .item id=(item.id) {
            p class={ "standing " (class(item.standing)) } { (word(item)) }
            div .told {
                h3 { (item.question) }
                @for reason in &item.reasons { (told(reason)) }
                @if !item.elements.is_empty() {
                    p .where { "In the spec: " @for (n, e) in item.elements.iter().enumerate() {
                        @if n > 0 { ", " } code { (e.path) } @if let Some(line) = e.line { " (line " (line) ")" }
                    } }
                }
                @if let Some(better) = &item.better { p .better { strong { "To answer better: " } (better.what) " " code { (better.command) } } }
                @if reader == Some(Reader::Auditor) { @if let Some(d) = definition(item.id) { (defined(d)) } }
            }
        }
    }
}

fn told(reason: &Reason) -> Markup {
    html! {
        p {
            (prose(&reason.text))
            @if !reason.cites.is_empty() {
                span .cites { @for c in &reason.cites { " " a href={ "#e" (c.index) } { "#" (c.index) } } }
            }
        }
    }
}

fn defined(d: &Definition) -> Markup {
    html! {
        details .definition open {
            summary { "How this is found" }
            dl {
                dt { "Reads" } dd { (prose(d.reads)) }
                dt { "Answer" } dd { (prose(d.rule)) }
                @for t in d.thresholds { dt { "Threshold" } dd { (t.value) " " (t.unit) ": " (prose(t.why)) } }
                dt { "Limits" } dd { (prose(d.limits)) }
            }
        }
    }
}

/// Every entry cited, so that it can be looked up offline.
fn cited(assessment: &Assessment, reader: Option<Reader>) -> Markup {
    let items = groups(reader).iter().flat_map(|g| assessment.group(*g));
    let all: BTreeMap<u64, &Citation> =
        items.flat_map(|i| &i.reasons).flat_map(|r| &r.cites).map(|c| (c.index, c)).collect();
    html! {
        section .cited {
            h2 { "Entries cited" }
            p .muted { "Of the log of " code { (assessment.workflow) } ". Each can be looked up in an export, whose integrity " code { "seatrial-verify" } " checks without this program." }
            ul { @for c in all.values() { li id={ "e" (c.index) } { span .index { "#" (c.index) } " " code { (c.event) } } } }
        }
    }
}

fn legend() -> Markup {
    html! {
        section .legend {
            h2 { "How to read it" }
            dl {
                dt .evidenced { "evidenced" } dd { "The events show it; for a statement: they show nothing against it." }
                dt .partly { "partly" } dd { "They show a part of it, or something against a part." }
                dt .none { "no evidence" } dd { "They show nothing about it. A promise does not count." }
                dt .contradicted { "contradicted" } dd { "They show the opposite." }
            }
        }
    }
}

const fn class(standing: Standing) -> &'static str {
    match standing {
        Standing::Evidenced => "evidenced",
        Standing::Partly => "partly",
        Standing::NoEvidence => "none",
        Standing::Contradicted => "contradicted",
    }
}

/// Text with code between backticks.
fn prose(text: &str) -> Markup {
    html! {
        @for (n, part) in text.split('`').enumerate() { @if n % 2 == 1 { code { (part) } } @else { (part) } }
    }
}
