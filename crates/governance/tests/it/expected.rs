//! What each obligation of the example depends on, written by hand: from the design's table and the example's text, not
//! from the code. The tests hold the code against it.

use serde_json::Value;
use std::collections::BTreeMap;

/// How far a change reaches.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Kind {
    /// Only people read it: a reason, a title, a description.
    Prose,
    /// The machine reads it too.
    Meaning,
}

/// What of an element counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    /// Every word of it: people judged it.
    Words,
    /// Only what the machine reads: it was measured.
    Machine,
}
use Counts::{Machine, Words};

/// Whatever decides the outcome of every step on given examples; the threshold is read by every step that there may be.
const MEASURED_ANYWHERE: &[&str] = &[
    "steps.*.model",
    "steps.*.withhold",
    "steps.*.prompt",
    "steps.*.attempts",
    "steps.*.input",
    "steps.*.output",
    "steps.*.refuse_input",
    "steps.*.require",
    "steps.*.forbid",
    "steps.*.never",
    "steps.*.confidence",
    "steps.*.escalate",
    "types.Application",
    "types.Assessment",
    "thresholds.approve.at",
    "examples.applications",
];

/// Whatever decides the outcome of the step `assess` on given examples, besides the examples themselves. The model learns
/// from `applications`.
const MEASURED: &[&str] = &[
    "steps.assess.model",
    "steps.assess.withhold",
    "steps.assess.prompt",
    "steps.assess.attempts",
    "steps.assess.input",
    "steps.assess.output",
    "steps.assess.refuse_input",
    "steps.assess.require",
    "steps.assess.forbid",
    "steps.assess.never",
    "steps.assess.confidence",
    "steps.assess.escalate",
    "types.Application",
    "types.Assessment",
    "thresholds.approve.at",
    "examples.applications",
];

/// What `escalate.unsure` refers to: the threshold, and through it its examples and the types.
const THROUGH_THE_THRESHOLD: &[&str] =
    &["thresholds.approve", "examples.applications", "types.Application", "types.Assessment"];

type Parts = &'static [(Counts, &'static [&'static str])];

/// Obligation (and stage, where it differs) → what it depends on.
const TABLE: &[(&str, Parts)] = &[
    ("spec.valid", &[(Words, &[""])]),
    (
        "spec.intent",
        &[
            (Words, &["purpose", "population", "outcomes"]),
            (Words, &["steps.*.influence", "steps.*.forbid", "steps.*.never"]),
            // The rules refer to types; `never.declines` to the underwriters.
            (Words, &["types.Application", "types.Assessment", "roles.underwriters"]),
        ],
    ),
    ("spec.questions", &[(Words, &["questions", "roles.credit", "roles.risk"])]),
    ("spec.exercised", &[(Machine, MEASURED_ANYWHERE), (Machine, &["examples"])]),
    ("eval.boundary", &[(Machine, MEASURED), (Machine, &["examples.boundary"])]),
    ("eval.probes", &[(Machine, MEASURED), (Machine, &["examples.probes"])]),
    ("eval.forbidden.hardship", &[(Machine, MEASURED), (Machine, &["examples.hardship"])]),
    (
        "threshold.approve",
        &[
            (Machine, MEASURED_ANYWHERE),
            (
                Machine,
                &["thresholds.approve.max_wrong", "thresholds.approve.assurance", "thresholds.approve.wrong_when"],
            ),
            (Machine, &["thresholds.approve.examples", "thresholds.approve.method", "thresholds.approve.grid"]),
        ],
    ),
    // By what it measures: see `by_the_measure`.
    ("outcome.waiting", &[]),
    (
        "pilot.findings",
        &[
            (Words, &["outcomes", "gates.pilot.continue_if"]),
            (Words, &["steps.*.influence", "steps.*.model", "steps.*.prompt", "steps.*.withhold"]),
        ],
    ),
    (
        "review.load",
        &[
            (Machine, &["steps.*.per_day", "steps.*.escalate", "steps.*.audit", "steps.*.review", "thresholds.*.at"]),
            (Machine, &["steps.*.refuse_input", "steps.*.require", "steps.*.forbid", "steps.*.never"]),
        ],
    ),
    ("risk.register", &[(Words, &["risks", "roles.risk", "roles.credit"])]),
    (
        "approval.credit pilot",
        &[(Words, &["purpose", "steps", "roles.underwriters", "roles.credit"]), (Words, THROUGH_THE_THRESHOLD)],
    ),
    (
        "approval.credit production",
        &[
            (Words, &["purpose", "outcomes", "steps.*.escalate", "responsibilities"]),
            (Words, &["roles.underwriters", "roles.credit", "roles.risk", "roles.engineering"]),
            (Words, THROUGH_THE_THRESHOLD),
        ],
    ),
    (
        "approval.risk",
        &[
            (Words, &["steps.*.influence", "steps.*.never", "steps.*.forbid", "steps.*.require", "steps.*.withhold"]),
            (Words, &["steps.*.escalate", "thresholds", "roles.underwriters", "roles.credit"]),
            (Words, THROUGH_THE_THRESHOLD),
        ],
    ),
    (
        "validation.independent",
        &[
            (Words, &["purpose", "population", "outcomes", "types", "thresholds", "slices", "examples", "risks"]),
            (
                Words,
                &["steps.*.influence", "steps.*.reversible", "steps.*.model", "steps.*.withhold", "steps.*.prompt"],
            ),
            (Words, &["steps.*.confidence", "steps.*.refuse_input", "steps.*.require", "steps.*.forbid"]),
            (Words, &["steps.*.never", "steps.*.escalate", "steps.*.audit"]),
            (Words, &["roles.underwriters", "roles.credit", "roles.risk"]),
        ],
    ),
    (
        "runtime.enforces",
        &[
            (Machine, &["steps.*.forbid", "steps.*.never", "steps.*.input", "steps.*.output"]),
            (Machine, &["types.Application", "types.Assessment"]),
        ],
    ),
    (
        "runtime.trace",
        &[
            (Machine, &["steps.*.trace", "steps.*.refuse_input", "steps.*.require", "steps.*.forbid"]),
            (Machine, &["steps.*.never", "steps.*.escalate", "steps.*.confidence"]),
            (Machine, &["steps.*.input", "steps.*.output", "types.Application", "types.Assessment"]),
        ],
    ),
    ("runtime.complete", &[(Machine, &["steps.*.actor", "steps.*.input"])]),
    ("drill.stop", &[(Machine, &["steps.*.fallback", "steps.*.within", "steps.*.stream"])]),
    ("drill.override", &[(Machine, &["steps.*.override"])]),
    ("drill.escalation", &[(Machine, &["steps.*.escalate", "steps.*.review"])]),
    ("drill.degraded", &[(Machine, &["steps.*.fallback"])]),
    ("drill.incident", &[(Words, &["responsibilities.exceptions"])]),
    ("oversight.efficacy", &[(Machine, &["steps.*.review", "steps.*.audit"])]),
    ("evidence.witnessed", &[]),
    (
        "ownership.assigned",
        &[(Words, &["responsibilities", "roles.underwriters", "roles.credit", "roles.risk", "roles.engineering"])],
    ),
    (
        "ownership.accepted",
        &[
            (Words, &["purpose", "responsibilities", "steps.*.influence", "steps.*.reversible", "steps.*.forbid"]),
            (Words, &["steps.*.never", "steps.*.escalate", "steps.*.override", "steps.*.fallback"]),
            (Words, &["roles.underwriters", "roles.credit", "roles.risk", "roles.engineering"]),
            (Words, THROUGH_THE_THRESHOLD),
        ],
    ),
    ("ownership.unaided", &[]),
    ("ownership.access", &[]),
    ("ownership.pack", &[(Words, &[""])]),
    ("ownership.index", &[(Words, &["gates.handover"])]),
    ("ownership.runbooks", &[(Words, &["responsibilities.exceptions", "steps.*.fallback"])]),
    (
        "ownership.drills",
        &[
            (Machine, &["steps.*.fallback", "steps.*.within", "steps.*.stream", "steps.*.override"]),
            (Machine, &["steps.*.escalate", "steps.*.review"]),
            (Words, &["responsibilities.exceptions"]),
        ],
    ),
];

fn matches(pattern: &str, path: &str) -> bool {
    let mut have = path.split('.').filter(|s| !s.is_empty());
    pattern.split('.').filter(|s| !s.is_empty()).all(|want| have.next().is_some_and(|h| want == "*" || want == h))
}

/// Whether an obligation depends on any of what changed; none where the table does not know it.
pub fn depends(id: &str, stage: &str, changed: &[(String, Kind)], old: &Value, new: &Value) -> Option<bool> {
    let parts = TABLE.iter().find(|(of, _)| *of == id || *of == format!("{id} {stage}")).map(|(_, parts)| *parts)?;
    let in_scope = changed.iter().any(|(path, kind)| {
        parts.iter().any(|(counts, patterns)| {
            (*counts == Words || *kind == Kind::Meaning) && patterns.iter().any(|p| matches(p, path))
        })
    });
    let otherwise =
        by_the_gate(id, stage, old, new) || by_a_slice(id, changed, old, new) || by_the_measure(id, old, new);
    Some(in_scope || otherwise)
}

/// A figure is of what the outcome says that it measures. Today's figure and the target are compared with it.
fn by_the_measure(id: &str, old: &Value, new: &Value) -> bool {
    let measure = |spec: &Value| id.strip_prefix("outcome.").map(|name| spec["outcomes"][name]["measure"].clone());
    measure(old) != measure(new)
}

/// A gate says what a role approves: another list is another thing to approve.
fn by_the_gate(id: &str, stage: &str, old: &Value, new: &Value) -> bool {
    let Some(role) = id.strip_prefix("approval.") else { return false };
    let over = |spec: &Value| {
        let mut all: Vec<String> = Vec::new();
        for approval in spec["gates"][stage]["approvals"].as_array().into_iter().flatten().filter(|a| a["by"] == role) {
            all.extend(approval["over"].as_array().into_iter().flatten().map(ToString::to_string));
        }
        all.sort();
        all
    };
    over(old) != over(new)
}

/// Slices that need a certificate of their own divide its δ; the others are only reported.
fn by_a_slice(id: &str, changed: &[(String, Kind)], old: &Value, new: &Value) -> bool {
    let required = |spec: &Value, name: &str| spec["slices"][name]["guarantee"] == "required";
    id.starts_with("threshold.")
        && changed.iter().any(|(path, kind)| {
            let name = path.strip_prefix("slices.").unwrap_or_default();
            *kind == Kind::Meaning && (required(old, name) || required(new, name))
        })
}

/// The ids that the table knows.
pub fn known() -> BTreeMap<&'static str, usize> {
    TABLE.iter().map(|(id, parts)| (*id, parts.len())).collect()
}
