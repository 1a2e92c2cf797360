//! Every rule with its reason and how often it fired; thresholds with their certificates and curves.

use super::cite::{Citations, t};
use crate::PackInput;
use base64::Engine as _;
use maud::{Markup, html};
use seatrial_model::event::ThresholdTested;
use seatrial_model::{Body, ElementPath, Logged};
use seatrial_spec::workflow::{Check, Else, Rule, Step};
use std::collections::BTreeMap;

/// The most examples that are named for one rule: the results of the evaluation hold all.
const EXAMPLES_MAX: usize = 4;

/// The largest curve that is embedded; ours have a few kilobytes.
const CURVE_BYTES_MAX: usize = 256 * 1024;

pub(super) fn section(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    html! {
        section #rules {
            h2 { "The rules, and why they are there" }
            p { (input.decisions) " decision(s) so far; “fired” counts those in which the rule was among the reasons. "
                "Examples are named by their ids in the sets of the folder’s " code { "spec/" } "." }
            @let shown = Shown::of(input);
            @for step in &input.workflow.steps { (table(input, step, &shown, cites)) }
        }
    }
}

fn table(input: &PackInput<'_>, step: &Step, shown: &Shown, cites: &mut Citations<'_>) -> Markup {
    let groups = [
        ("refuse_input", &step.refuse_input),
        ("require", &step.require),
        ("forbid", &step.forbid),
        ("never", &step.never),
    ];
    let fired = |path: &ElementPath| input.fired.get(path).copied().unwrap_or(0);
    html! {
        @if groups.iter().any(|(_, rules)| !rules.is_empty()) || !step.escalate.is_empty() {
            table.rules {
                caption { "Step " code { (t(&step.name, 80)) } }
                thead { tr { th { "Rule" } th { "What it checks, and why" } th { "Else" } th { "Examples that show it" } th.number { "Fired" } } }
                tbody {
                    @for (kind, rules) in groups {
                        @for rule in rules.iter() {
                            tr {
                                td { span.kind { (kind) } code { (t(&rule.name, 80)) } (cites.spec()) }
                                td { code { (t(&what(&rule.check), 400)) } br; (why(rule)) }
                                td { (otherwise(rule)) } td { (shown.cell(&rule.path, cites)) } td.number { (fired(&rule.path)) }
                            }
                        }
                    }
                    @for e in &step.escalate {
                        tr {
                            td { span.kind { "escalate" } code { (t(&e.name, 80)) } (cites.spec()) }
                            td { code { (t(&e.when.source, 400)) } br; (t(e.because.as_deref().unwrap_or("no reason given"), 400)) }
                            td { "to " (t(&e.to, 80)) } td { (shown.cell(&e.path, cites)) } td.number { (fired(&e.path)) }
                        }
                    }
                }
            }
        }
    }
}

/// What the newest evaluation of each set shows of each rule.
struct Shown(BTreeMap<ElementPath, Vec<ShownBy>>);

/// What one evaluation shows of a rule.
struct ShownBy {
    set: String,
    entry: u64,
    caught: u64,
    passed: u64,
    examples: Vec<String>,
}

/// What is read of one line of an evaluation's results.
#[derive(serde::Deserialize)]
struct Line {
    id: String,
    #[serde(default)]
    caught: Vec<ElementPath>,
}

impl Shown {
    fn of(input: &PackInput<'_>) -> Self {
        let mut newest = BTreeMap::new();
        for e in input.events {
            if let Body::EvaluationRecorded(recorded) = &e.event.body {
                newest.insert(recorded.set.as_str(), (e.index, recorded));
            }
        }
        let mut shown: BTreeMap<ElementPath, Vec<ShownBy>> = BTreeMap::new();
        for (set, (entry, recorded)) in newest {
            let lines: Vec<Line> = input
                .blobs
                .get(&recorded.results)
                .and_then(|bytes| serde_json::from_slice(bytes).ok())
                .unwrap_or_default();
            for (path, exercise) in recorded.rules.iter().filter(|(_, e)| e.caught + e.passed > 0) {
                let examples =
                    lines.iter().filter(|l| l.caught.contains(path)).take(EXAMPLES_MAX).map(|l| l.id.clone());
                shown.entry(path.clone()).or_default().push(ShownBy {
                    set: set.to_owned(),
                    entry,
                    caught: exercise.caught,
                    passed: exercise.passed,
                    examples: examples.collect(),
                });
            }
        }
        Self(shown)
    }

    fn cell(&self, path: &ElementPath, cites: &mut Citations<'_>) -> Markup {
        html! {
            @match self.0.get(path) {
                None => { span.warn { "no example" } },
                Some(all) => {
                    @for by in all.iter().filter(|by| by.caught > 0) {
                        div { code { (t(&by.set, 80)) } ": caught " (by.caught)
                            @if !by.examples.is_empty() { " (" @for (i, id) in by.examples.iter().enumerate() { @if i > 0 { ", " } code { (t(id, 60)) } } @if by.caught > by.examples.len() as u64 { ", …" } ")" }
                            (cites.index(by.entry)) }
                    }
                    @if all.iter().all(|by| by.caught == 0) { div.warn { "caught none" } }
                    div.soft { "passed " (all.iter().map(|by| by.passed).sum::<u64>()) " in " (all.len()) " set(s)"
                        @for by in all.iter().filter(|by| by.caught == 0) { (cites.index(by.entry)) } }
                },
            }
        }
    }
}

fn why(rule: &Rule) -> String {
    t(rule.because.as_deref().unwrap_or("no reason given"), 400)
}

fn otherwise(rule: &Rule) -> String {
    let word = match rule.otherwise {
        Else::Deny => "deny",
        Else::Escalate => "escalate",
        Else::Modify => "redact",
        Else::Warn => "warn",
    };
    rule.to.as_ref().map_or_else(|| word.to_owned(), |to| format!("{word} to {}", t(to, 80)))
}

fn what(check: &Check) -> String {
    match check {
        Check::Rule(expr) => expr.source.clone(),
        Check::Detect { detectors, regexes, within } => {
            let all: Vec<String> = detectors.iter().cloned().chain(regexes.iter().map(|r| format!("/{r}/"))).collect();
            format!("detect {} in {}", all.join(", "), within.as_deref().unwrap_or("all text"))
        }
        Check::Grounded { quote, within } => format!("{quote} occurs verbatim in {within}"),
        Check::Judge { step, rule } => format!("{step} judges: {}", rule.source),
    }
}

pub(super) fn thresholds(input: &PackInput<'_>, cites: &mut Citations<'_>) -> Markup {
    html! {
        @if !input.workflow.thresholds.is_empty() {
            section #thresholds {
                h2 { "Confidence thresholds" }
                @for (name, threshold) in &input.workflow.thresholds {
                    h3 { code { (t(name, 80)) } }
                    p {
                        @match threshold.at {
                            Some(at) => { "An output passes without a person from a confidence of " b { (at) } " on." },
                            None => { b { "Nothing passes without a person" } " (" code { "at: none" } ")." },
                        }
                        (cites.spec())
                    }
                    (certificate(input, name, threshold.at, cites))
                }
            }
        }
    }
}

fn certificate(input: &PackInput<'_>, name: &str, at: Option<f64>, cites: &mut Citations<'_>) -> Markup {
    let path = format!("thresholds.{name}");
    let of_this = |e: &Logged| match &e.event.body {
        Body::ThresholdTested(tested) if tested.certificate.threshold.as_str() == path => Some(tested.clone()),
        _ => None,
    };
    let latest = input.events.iter().rev().find_map(|e| of_this(e).map(|tested| (e, tested)));
    let Some((event, tested)) = latest else {
        return html! { @if at.is_some() { p.warn { "No certification was attempted: everything that depends on it escalates." } } };
    };
    let revoked = input
        .events
        .iter()
        .find(|e| matches!(&e.event.body, Body::CertificateRevoked(r) if r.certificate == event.event.id));
    html! {
        (figures(&tested, event, cites))
        @if tested.certificate.at != at { p.warn { "This certificate is for another number than the one in force." } }
        @if let Some(revoked) = revoked { p.warn { "Revoked: everything that depends on it escalates. " (cites.index(revoked.index)) } }
        @if let Some(svg) = input.curves.get(&tested.certificate.curve).filter(|svg| svg.len() <= CURVE_BYTES_MAX) {
            // As a picture, so that nothing in it can run whatever the blob holds.
            figure { img.curve alt={ "Risk–coverage curve of the threshold " (t(name, 80)) } src={ "data:image/svg+xml;base64," (base64::engine::general_purpose::STANDARD.encode(svg)) };
                figcaption { "Share of wrong outputs among those that pass, by the share that passes. " (cites.index(event.index)) } }
        }
    }
}

fn figures(tested: &ThresholdTested, event: &Logged, cites: &mut Citations<'_>) -> Markup {
    let c = &tested.certificate;
    html! {
        p { @if tested.certified { b { "Certified" } } @else { b { "Not certified" } }
            ", attempt " (c.attempt) " of " (c.attempts) ": "
            @if c.withheld { "its figures are withheld, because attempts are left. " }
            @else {
                (c.errors) " wrong of " (c.examples) " that passed; with assurance " (c.assurance)
                " at most " (format!("{:.2} %", c.bound * 100.0)) " of what passes is wrong (allowed: " (format!("{:.2} %", c.max_wrong * 100.0)) "). "
            }
            @for (slice, found) in c.required.iter().filter(|(_, s)| !s.certified) {
                "Slice " b { (t(slice, 80)) } " is not certified (" (found.wrong.k) " wrong of " (found.wrong.n) "): it goes to people. "
            }
            "Model " code { (t(&c.model, 120)) } ". " (cites.index(event.index)) }
    }
}
