//! Findings over the whole spec: what each part says is right, and what they say together is not.

mod detect;
mod inert;
mod judges;
mod logic;
mod people;
mod ways;

use super::reader::Reader;
use super::scopes::Names;
use crate::diagnostic::{Code, did_you_mean};
use crate::expr::CheckedExpr;
use crate::workflow::{Actor, Drawn, Else, FactorySpec, RESPONSIBILITIES, Step, Threshold, Truth, Workflow};
use crate::yaml::Node;
use seatrial_model::{ElementPath, Influence, PathPattern, Stage};
use std::ops::Range;

/// Which list a rule stands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum RuleKind {
    RefuseInput,
    Require,
    Forbid,
    Never,
}

/// What was learnt of the expressions while they were read.
#[derive(Debug, Default)]
pub(crate) struct Learnt {
    pub(crate) rules: Vec<(ElementPath, RuleKind, CheckedExpr, Range<usize>)>,
    /// Rules over what a judging step says: their `judged` is not that of another rule.
    pub(crate) judged: Vec<(ElementPath, RuleKind, CheckedExpr, Range<usize>)>,
    pub(crate) escalations: Vec<(ElementPath, CheckedExpr, Range<usize>)>,
}

/// Where things stand, by path.
pub(super) struct Places<'n>(&'n Node);

impl Places<'_> {
    /// The key of the deepest part of the path that stands in the file.
    pub(super) fn of(&self, path: &ElementPath) -> Range<usize> {
        let mut node = self.0;
        let mut range = 0..0;
        for segment in path.segments() {
            let Some(entry) = node.as_map().and_then(|entries| entries.iter().find(|e| e.key == segment)) else {
                break;
            };
            range = entry.key_range.clone();
            node = &entry.value;
        }
        range
    }
}

pub(super) fn findings(
    r: &mut Reader,
    root: &Node,
    w: &Workflow,
    names: &Names,
    factory: Option<&FactorySpec>,
    learnt: &Learnt,
) {
    let places = Places(root);
    for step in &w.steps {
        influence(r, &places, w, step);
    }
    logic::constants(r, learnt);
    logic::shadowed(r, learnt);
    logic::contradictions(r, learnt);
    thresholds(r, &places, w);
    completeness(r, &places, root, w);
    patterns(r, &places, w);
    ways::ways(r, &places, w, names);
    judges::judges(r, &places, w, names);
    inert::inert(r, &places, w, factory);
    people::roles(r, &places, w, factory);
    people::responsibilities(r, &places, w, factory);
}

fn influence(r: &mut Reader, places: &Places<'_>, w: &Workflow, step: &Step) {
    if step.actor != Actor::Ai {
        return;
    }
    let can_escalate = !step.escalate.is_empty() || step.rules().any(|rule| rule.otherwise == Else::Escalate);
    r.at = step.path();
    if step.influence >= Influence::Decide && !can_escalate {
        let message = format!("`{}` lets AI {}, and there is no way to escalate", step.name, step.influence);
        let help = "add `escalate: { unsure: { when: \"confidence < thresholds.NAME\", to: ROLE } }`";
        r.find(Code::NoEscalation, places.of(&step.path().child("influence")), message)
            .help(help)
            .warns(Some(Stage::Pilot))
            .done();
    }
    if step.influence >= Influence::Decide && step.fallback.is_none() {
        let message = format!("`{}` has no `fallback`: when it is stopped, nobody does the work", step.name);
        r.find(Code::Incomplete, places.of(&step.path()), message)
            .help("add `fallback: { to: ROLE, per_day: N, runbook: FILE }`")
            .warns(Some(Stage::Production))
            .done();
    }
    let shadow = w.gates.pilot.as_ref().is_some_and(|p| p.shadow);
    if step.influence == Influence::Act && !step.reversible && !shadow {
        let message = format!("`{}` acts and cannot be taken back, which no pilot may", step.name);
        r.find(Code::IrreversiblePilot, places.of(&step.path().child("influence")), message)
            .help("write `reversible: true` where that is so, lower the influence, or `mode: shadow` in `gates.pilot`")
            .warns(Some(Stage::Pilot))
            .done();
    }
}

fn thresholds(r: &mut Reader, places: &Places<'_>, w: &Workflow) {
    for (name, threshold) in &w.thresholds {
        let path = ElementPath::new(format!("thresholds.{name}"));
        r.at = path.clone();
        let missing = missing_settings(threshold);
        if threshold.at.is_some() && !missing.is_empty() {
            let message = format!("`{name}` lacks {}, so it cannot be certified", missing.join(", "));
            r.find(Code::NoCertificate, places.of(&path), message)
                .help("add them, or write `at: none`: then nothing passes without a person")
                .warns(Some(Stage::Production))
                .done();
        }
        certificate(r, places, w, &path, threshold);
        detect::detect(r, places, w, &path, threshold);
        r.at = path.clone();
        let used = w.steps.iter().flat_map(|s| &s.escalate).any(|e| e.thresholds.contains(&path));
        if !used {
            let message = format!("no `escalate` reads `thresholds.{name}`, so it holds nothing back");
            r.find(Code::Unused, places.of(&path), message)
                .help(format!("write `when: \"confidence < thresholds.{name}\"`, or remove it"))
                .warns(Some(Stage::Production))
                .done();
        }
    }
}

/// What a certificate rests on: a random sample before, and blind answers after.
fn certificate(r: &mut Reader, places: &Places<'_>, w: &Workflow, path: &ElementPath, threshold: &Threshold) {
    let set = threshold.examples.as_ref().and_then(|name| w.examples.get(name).map(|set| (name, set)));
    if let Some((name, set)) = set.filter(|(_, set)| set.drawn != Drawn::Random) {
        let message =
            format!("`{name}` is {}: only a random sample says how often something is wrong", set.drawn.as_str());
        r.find(Code::NoCertificate, places.of(&path.child("examples")), message)
            .help("name a set with `drawn: random`")
            .warns(Some(Stage::Production))
            .done();
    }
    let reads = |s: &&Step| s.escalate.iter().any(|e| e.thresholds.contains(path));
    let blind = w.steps.iter().filter(reads).any(|s| s.audit.as_ref().is_some_and(|a| a.blind && a.sample > 0.0));
    if threshold.truth == Some(Truth::BlindReview) && !blind {
        let message = "its truth comes from blind reviews, and no step that reads it has a blind `audit`";
        r.find(Code::Incomplete, places.of(&path.child("truth")), message)
            .help("add `audit: { sample: 0.05, to: ROLE, blind: true }` to the step")
            .warns(Some(Stage::Production))
            .done();
    }
}

fn missing_settings(t: &Threshold) -> Vec<&'static str> {
    let settings = [
        (t.max_wrong.is_none(), "`max_wrong`"),
        (t.assurance.is_none(), "`assurance`"),
        (t.wrong_when.is_none(), "`wrong_when`"),
        (t.examples.is_none(), "`examples`"),
    ];
    settings.into_iter().filter(|(missing, _)| *missing).map(|(_, name)| name).collect()
}

fn completeness(r: &mut Reader, places: &Places<'_>, root: &Node, w: &Workflow) {
    // What stands in the file and is wrong has its own finding: only what does not stand there is missing.
    let gate = |name: &str| root.get("gates").and_then(|g| g.get(name));
    let has = |gate: Option<&Node>, key: &str| gate.is_some_and(|g| g.get(key).is_some());
    let (pilot, production) = (gate("pilot"), gate("production"));
    let bounded = has(pilot, "until") && has(pilot, "per_day");
    let watched = has(pilot, "review") || w.gates.pilot.as_ref().is_some_and(|p| p.shadow);
    let has_ai = w.steps.iter().any(|s| s.actor == Actor::Ai);
    let gaps = [
        (root.get("title").is_none(), "title", "`title` is missing", Stage::Pilot),
        (
            root.get("purpose").is_none(),
            "purpose",
            "`purpose` is missing: nobody can say whether it works",
            Stage::Pilot,
        ),
        (
            root.get("population").is_none(),
            "population",
            "`population` is missing: nobody can say whom it is for",
            Stage::Pilot,
        ),
        (root.get("risks").is_none(), "risks", "`risks` is missing; until then the tier is `high`", Stage::Pilot),
        (pilot.is_none(), "gates.pilot", "`gates.pilot` is missing", Stage::Pilot),
        (
            pilot.is_some() && !bounded,
            "gates.pilot",
            "a pilot is bounded: `until` and `per_day` are needed",
            Stage::Pilot,
        ),
        (
            pilot.is_some() && !watched && has_ai,
            "gates.pilot",
            "a pilot is reviewed (`review: all` or `audit`) or runs in `mode: shadow`",
            Stage::Pilot,
        ),
        (
            w.outcomes.is_empty(),
            "outcomes",
            "`outcomes` is missing: nothing says what it should achieve",
            Stage::Production,
        ),
        (production.is_none(), "gates.production", "`gates.production` is missing", Stage::Production),
        (
            production.is_some() && !has(production, "hypercare"),
            "gates.production",
            "`hypercare` is missing: nothing says until when the delivery side helps",
            Stage::Production,
        ),
    ];
    for (_, path, message, stage) in gaps.into_iter().filter(|(missing, ..)| *missing) {
        r.at = ElementPath::new(path);
        let range = places.of(&ElementPath::new(path));
        r.find(Code::Incomplete, range, message).warns(Some(stage)).done();
    }
    owners(r, places, w);
}

/// Responsibilities and questions that nobody owns.
fn owners(r: &mut Reader, places: &Places<'_>, w: &Workflow) {
    for name in RESPONSIBILITIES {
        let path = ElementPath::new(format!("responsibilities.{name}"));
        let found = w.responsibilities.get(name);
        if found.is_some_and(|f| f.delivery.is_some() && f.receiving.is_some()) {
            continue;
        }
        r.at = path.clone();
        let message = match found {
            None => format!("nobody is responsible for `{name}`"),
            Some(_) => format!("`{name}` needs both a `delivery` and a `receiving` role"),
        };
        r.find(Code::NoResponsibility, places.of(&path), message)
            .help(format!("write `{name}: {{ delivery: ROLE, receiving: ROLE }}`"))
            .warns(Some(Stage::Production))
            .done();
    }
    for (name, _) in w.questions.iter().filter(|(_, q)| q.owner.is_none()) {
        let path = ElementPath::new(format!("questions.{name}"));
        r.at = path.clone();
        let message = format!("the question `{name}` has no owner");
        r.find(Code::OpenQuestion, places.of(&path), message)
            .help("add `owner: ROLE`")
            .warns(Some(Stage::Pilot))
            .done();
    }
}

/// The sections of a spec, as elements.
pub(super) const SECTIONS: [&str; 16] = [
    "title",
    "purpose",
    "population",
    "outcomes",
    "types",
    "roles",
    "steps",
    "thresholds",
    "slices",
    "examples",
    "risks",
    "questions",
    "assumptions",
    "responsibilities",
    "gates",
    "*",
];

/// What a step's elements can be called.
const STEP_PARTS: [&str; 29] = [
    "does",
    "actor",
    "influence",
    "reversible",
    "per_day",
    "input",
    "output",
    "model",
    "withhold",
    "prompt",
    "attempts",
    "within",
    "stream",
    "refuse_input",
    "require",
    "forbid",
    "never",
    "confidence",
    "escalate",
    "audit",
    "review",
    "override",
    "fallback",
    "limits",
    "trace",
    "requires",
    "tools",
    "serves",
    "*",
];

/// Patterns that could never match: a misspelt one would approve nothing, silently. One that matches nothing today
/// (`steps.*.never` before there is a `never`) is fine: additions will count.
fn patterns(r: &mut Reader, places: &Places<'_>, w: &Workflow) {
    let gates = w.gates.pilot.iter().map(|p| ("gates.pilot.approvals", &p.approvals));
    let gates = gates.chain(w.gates.production.iter().map(|p| ("gates.production.approvals", &p.approvals)));
    for (path, approvals) in gates {
        for pattern in approvals.iter().flat_map(|a| &a.over) {
            pattern_can_match(r, places, w, path, pattern);
        }
    }
    for (name, question) in &w.questions {
        for pattern in &question.about {
            pattern_can_match(r, places, w, &format!("questions.{name}.about"), pattern);
        }
    }
}

fn pattern_can_match(r: &mut Reader, places: &Places<'_>, w: &Workflow, at: &str, pattern: &PathPattern) {
    if w.elements.iter().any(|e| pattern.matches(&e.path)) && !pattern.as_str().is_empty() {
        return;
    }
    let mut segments = pattern.as_str().split('.');
    let section = segments.next().unwrap_or("");
    let (wrong, known): (&str, Vec<&str>) = if !SECTIONS.contains(&section) {
        (section, SECTIONS.to_vec())
    } else {
        let name = segments.next().unwrap_or("*");
        let names: Vec<&str> = children(w, section);
        if name != "*" && !names.contains(&name) {
            (name, names)
        } else {
            match segments.next() {
                Some(part) if section == "steps" && !STEP_PARTS.contains(&part) => (part, STEP_PARTS.to_vec()),
                _ => return,
            }
        }
    };
    r.at = ElementPath::new(at);
    let message = format!(
        "`{}` matches no element: there is no `{}`",
        crate::yaml::clip(pattern.as_str()),
        crate::yaml::clip(wrong)
    );
    r.find(Code::MatchesNothing, places.of(&ElementPath::new(at)), message)
        .maybe_help(did_you_mean(wrong, known))
        .done();
}

fn children<'w>(w: &'w Workflow, section: &str) -> Vec<&'w str> {
    let mut out: Vec<&str> = w
        .elements
        .iter()
        .filter_map(|e| e.path.as_str().strip_prefix(section)?.strip_prefix('.')?.split('.').next())
        .collect();
    out.dedup();
    out
}
