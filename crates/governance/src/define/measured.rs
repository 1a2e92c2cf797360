//! What is measured on examples: rules exercised, evaluations, certificates.

use super::build::BOTH;
use super::{Basis, Duty, Input, Obligation};
use seatrial_model::words::Layer;
use seatrial_model::{PathPattern, Stage};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Actor, ConfidenceSource, Step};
use std::collections::{BTreeMap, BTreeSet};

/// The parts of a step that an evaluation's outcome depends on. Limits, audits, reviews and traces do not matter to it.
const MEASURED: [&str; 13] = [
    "model",
    "withhold",
    "prompt",
    "attempts",
    "input",
    "output",
    "refuse_input",
    "require",
    "forbid",
    "never",
    "tools",
    "confidence",
    "escalate",
];

/// Everything that decides the outcome of one step on given examples.
fn step_scope(workflow: &Workflow, step: &Step) -> Vec<PathPattern> {
    let path = step.path();
    let mut scope: Vec<PathPattern> = MEASURED.iter().map(|part| PathPattern::new(path.child(part).as_str())).collect();
    scope.extend(step.input.iter().chain(&step.output).map(|t| PathPattern::new(format!("types.{t}"))));
    let read = step.escalate.iter().flat_map(|e| &e.thresholds);
    scope.extend(read.map(|t| PathPattern::new(format!("{t}.at"))));
    if let Some(train) = step.model.as_ref().and_then(|m| m.train.as_ref()) {
        scope.push(PathPattern::new(format!("examples.{}", train.examples)));
    }
    for judge in step.judges().into_iter().filter_map(|judge| workflow.step(judge)).filter(|j| j.name != step.name) {
        let path = judge.path();
        scope.extend(["model", "prompt", "withhold"].map(|part| PathPattern::new(path.child(part).as_str())));
        scope.extend(judge.input.iter().chain(&judge.output).map(|t| PathPattern::new(format!("types.{t}"))));
    }
    scope
}

fn ai_steps(workflow: &Workflow) -> impl Iterator<Item = &Step> {
    workflow.steps.iter().filter(|s| s.actor == Actor::Ai)
}

pub(super) fn exercised(workflow: &Workflow) -> Obligation {
    let scope = ai_steps(workflow).flat_map(|s| step_scope(workflow, s)).chain([PathPattern::from("examples")]);
    Obligation::new("spec.exercised", Layer::Spec, &[Stage::Production], Duty::Exercised, Basis::Measurement)
        .over(scope)
        .reads([Input::Checks])
        .by("an evaluation by the engine")
        .waivable()
        .text(
            "Every rule caught an example and passed one",
            "Add examples that each listed rule objects to, and ones that it lets by; evaluate again.",
            "seatrial eval",
        )
}

/// Sets that a threshold is calibrated on or a model learns from. They are not evaluated by themselves: an evaluation
/// on sealed examples would spend part of a certificate's assurance.
fn reserved(workflow: &Workflow) -> BTreeSet<&str> {
    let thresholds = workflow.thresholds.values().filter_map(|t| t.examples.as_deref());
    let models = workflow.steps.iter().filter_map(|s| s.model.as_ref()?.train.as_ref()).map(|t| t.examples.as_str());
    thresholds.chain(models).collect()
}

pub(super) fn evaluations(workflow: &Workflow) -> Vec<Obligation> {
    let reserved = reserved(workflow);
    let bars = workflow.gates.production.as_ref().map(|g| &g.evaluation);
    let mut out = Vec::new();
    for (name, set) in &workflow.examples {
        let has_bar = bars.is_some_and(|b| b.contains_key(name));
        if !has_bar && (set.category.is_some() || reserved.contains(name.as_str())) {
            continue;
        }
        let stages: &[Stage] = if has_bar { &BOTH } else { &[Stage::Pilot] };
        let supplied = !has_bar && all_supplied(workflow, &set.file);
        let scope = workflow.step(&set.step).map(|s| step_scope(workflow, s)).unwrap_or_default();
        let obligation = Obligation::new(
            format!("eval.{name}"),
            Layer::Sprint,
            stages,
            Duty::Evaluated { set: name.clone() },
            Basis::Measurement,
        )
        .over(scope)
        .over([format!("examples.{name}").as_str()])
        .reads([Input::Checks, Input::Model(set.step.clone())])
        .by("an evaluation whose outputs the engine itself obtained from the named model")
        .waivable()
        .text(
            format!("The set `{name}` is evaluated; for production it meets its bar"),
            "Evaluate the set through the guard. A missed bar means work on the workflow: it cannot be waived.",
            format!("seatrial eval {name}"),
        );
        let why = "its outputs come with its examples: it exercises rules, and says nothing about the model";
        out.push(if supplied { obligation.not_for(Stage::Pilot, why) } else { obligation });
    }
    out
}

/// Whether every example of a set brings its own output. Such a set can show that rules work, and can discharge no
/// evaluation; where a bar is set for it all the same, the bar stays unmet.
fn all_supplied(workflow: &Workflow, file: &str) -> bool {
    #[derive(serde::Deserialize)]
    struct Row {
        output: Option<serde::de::IgnoredAny>,
    }
    let Some(file) = workflow.files.get(file) else { return false };
    let mut rows = file.bytes.split(|b| *b == b'\n').filter(|line| !line.trim_ascii().is_empty()).peekable();
    rows.peek().is_some() && rows.all(|line| serde_json::from_slice::<Row>(line).is_ok_and(|row| row.output.is_some()))
}

pub(super) fn categories(workflow: &Workflow) -> Vec<Obligation> {
    let mut by_category: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, set) in &workflow.examples {
        if let Some(category) = &set.category {
            by_category.entry(category).or_default().push(name);
        }
    }
    let each = |(category, sets): (&str, Vec<&str>)| {
        let steps: BTreeSet<&str> =
            sets.iter().filter_map(|s| workflow.examples.get(*s)).map(|s| s.step.as_str()).collect();
        let scope = steps.iter().filter_map(|s| workflow.step(s)).flat_map(|s| step_scope(workflow, s));
        let sets: Vec<String> = sets.into_iter().map(str::to_owned).collect();
        let command = format!("seatrial eval {}", sets.join(" "));
        let duty = Duty::Forbidden { category: category.to_owned(), sets: sets.clone() };
        Obligation::new(format!("eval.forbidden.{category}"), Layer::Sprint, &BOTH, duty, Basis::Measurement)
            .over(scope)
            .over(sets.iter().map(|s| PathPattern::new(format!("examples.{s}"))))
            .reads(steps.iter().map(|s| Input::Model((*s).to_owned())).chain([Input::Checks]))
            .by("an evaluation whose outputs the engine itself obtained from the named model")
            .text(
                format!("No `{category}` example labelled `must_not_pass` is let through"),
                "Evaluate these sets. If one is let through, tighten the rules: this cannot be waived.",
                command,
            )
    };
    by_category.into_iter().map(each).collect()
}

pub(super) fn thresholds(workflow: &Workflow) -> Vec<Obligation> {
    workflow.thresholds.keys().map(|name| threshold(workflow, name)).collect()
}

fn threshold(workflow: &Workflow, name: &str) -> Obligation {
    let path = format!("thresholds.{name}");
    let users: Vec<&Step> = steps_of(workflow, name).collect();
    let mut scope: Vec<PathPattern> = users.iter().flat_map(|s| step_scope(workflow, s)).collect();
    // The number itself and its promise; how it is watched after launch does not touch the certificate.
    scope.extend(
        ["at", "max_wrong", "assurance", "wrong_when", "examples", "method", "grid"]
            .map(|p| PathPattern::new(format!("{path}.{p}"))),
    );
    if let Some(set) = workflow.thresholds.get(name).and_then(|t| t.examples.as_ref()) {
        scope.push(PathPattern::new(format!("examples.{set}")));
    }
    // Slices that need a certificate of their own divide δ.
    let required = workflow.slices.iter().filter(|(_, s)| s.required);
    scope.extend(required.map(|(s, _)| PathPattern::new(format!("slices.{s}"))));
    let obligation = Obligation::new(
        format!("threshold.{name}"),
        Layer::Sprint,
        &BOTH,
        Duty::Certified { threshold: name.to_owned() },
        Basis::Measurement,
    )
    .over(scope)
    .reads(users.iter().map(|s| Input::Model(s.name.clone())).chain([Input::Checks]))
    .by("a calibration on sealed examples")
    .text(
        format!("The threshold `{name}` has a certificate for the number in force"),
        "Propose, write the number into the spec, then certify it on the sealed examples; or write `at: none`.",
        format!("seatrial calibrate {name} --certify"),
    );
    match &workflow.gates.pilot {
        Some(gate) if gate.shadow => obligation.not_for(Stage::Pilot, "the pilot runs in shadow: nothing passes on it"),
        Some(gate) if gate.review.is_some() => {
            obligation.not_for(Stage::Pilot, "everything is reviewed in the pilot: nothing passes on it")
        }
        _ => obligation,
    }
}

/// The steps whose escalations read a threshold.
fn steps_of<'w>(workflow: &'w Workflow, threshold: &str) -> impl Iterator<Item = &'w Step> {
    let path = seatrial_model::ElementPath::new(format!("thresholds.{threshold}"));
    workflow.steps.iter().filter(move |s| s.escalate.iter().any(|e| e.thresholds.contains(&path)))
}

/// A step that feeds this threshold with a confidence that its caller claims.
pub(crate) fn claimed_confidence<'w>(workflow: &'w Workflow, threshold: &str) -> Option<&'w str> {
    let claimed = |s: &&Step| s.confidence == Some(ConfidenceSource::Caller);
    steps_of(workflow, threshold).find(claimed).map(|s| s.name.as_str())
}
