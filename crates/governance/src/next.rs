//! What to do next: what is not settled, ordered by what each unblocks.

use crate::people::{present, today};
use crate::state::{ObligationState, State};
use seatrial_model::words::Layer;
use seatrial_model::{Stage, Time};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// One thing to do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct NextStep {
    /// The obligation.
    pub obligation: String,
    /// The first stage that lacks it.
    pub stage: Stage,
    /// Its layer.
    pub layer: Layer,
    /// How it stands.
    pub state: State,
    /// How many others wait for it, directly or through others.
    pub unblocks: usize,
    /// What is not settled and comes first; empty: it can be done now.
    pub after: Vec<String>,
    /// How it stands, in words.
    pub why: String,
    /// What to do, in words.
    pub help: String,
    /// What to do, as a command.
    pub command: String,
    /// The roles whose holders can do it.
    pub roles: Vec<String>,
    /// Those of them who are present, and of a side that may.
    pub people: Vec<String>,
}

/// What comes before what: done earlier, the later one would be asked for again, or cannot be done at all. An id that
/// ends in a dot stands for all that begin with it.
const BEFORE: &[(&str, &[&str])] = &[
    // An answer may change the spec, and with it what is judged.
    ("spec.questions", &["spec.intent", "approval.", "validation."]),
    // A missed bar means another spec.
    ("eval.", &["threshold.", "approval.", "validation."]),
    ("spec.exercised", &["threshold.", "approval."]),
    // The certified number is written into the spec; the share of reviews is known by the certificate.
    ("threshold.", &["review.load", "approval.", "validation.", "ownership.accepted"]),
    ("risk.register", &["validation."]),
    // What is not enforced need not be exercised.
    ("runtime.enforces", &["drill."]),
    ("drill.", &["ownership.drills", "ownership.runbooks"]),
    ("ownership.assigned", &["ownership.accepted", "review.load"]),
    ("outcome.", &["pilot.findings"]),
];

/// What only a pilot can show.
const AFTER_A_PILOT: &[&str] = &["outcome.", "pilot.findings", "runtime.complete", "oversight.efficacy"];

fn is_one_of(id: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|p| if p.ends_with('.') { id.starts_with(p) } else { *p == id })
}

/// Whether `later` has to wait for `first`.
fn comes_before(first: &ObligationState, later: &ObligationState) -> bool {
    let (a, b) = (first.obligation.id.as_str(), later.obligation.id.as_str());
    if first.stage > later.stage {
        return false;
    }
    if a == "release.approval" && first.stage == Stage::Production && later.stage == Stage::Owned {
        // Handed over is what is in production.
        return is_one_of(b, &["release.approval", "ownership.pack"]);
    }
    if a == "release.approval" {
        return first.stage == Stage::Pilot && later.stage == Stage::Production && is_one_of(b, AFTER_A_PILOT);
    }
    (a == "spec.valid" && b != a)
        || (b == "release.approval" && first.obligation.is_for(later.stage))
        || BEFORE.iter().any(|(x, then)| is_one_of(a, &[x]) && is_one_of(b, then))
}

/// Orders what is missing for the stages given: what can be done now first, and among that what unblocks most; an
/// obligation that two stages lack in the same way stands once, with the first of them.
#[must_use]
pub fn next(
    workflow: &Workflow,
    factory: &FactorySpec,
    now: Time,
    states: &BTreeMap<Stage, Vec<ObligationState>>,
) -> Vec<NextStep> {
    let mut seen = BTreeSet::new();
    let open: Vec<&ObligationState> = states
        .values()
        .flatten()
        .filter(|s| !s.state.is_settled() && seen.insert((s.obligation.id.as_str(), s.key)))
        .collect();
    let after: Vec<Vec<usize>> = open
        .iter()
        .map(|later| (0..open.len()).filter(|i| open.get(*i).is_some_and(|first| comes_before(first, later))).collect())
        .collect();
    let mut steps: Vec<(usize, usize, NextStep)> = open
        .iter()
        .enumerate()
        .map(|(at, state)| {
            let first = after.get(at).map(Vec::as_slice).unwrap_or_default();
            let names = first.iter().filter_map(|i| open.get(*i)).map(|s| s.obligation.id.clone()).collect();
            let mut step = step(workflow, factory, now, state, names);
            step.unblocks = waiting(at, &after).len();
            (depth(at, &after), at, step)
        })
        .collect();
    steps.sort_by_key(|(depth, at, step)| (*depth, std::cmp::Reverse(step.unblocks), step.stage, *at));
    steps.into_iter().map(|(.., step)| step).collect()
}

/// Everything that waits for one of them. What waits for something never comes before it, so this ends.
fn waiting(at: usize, after: &[Vec<usize>]) -> BTreeSet<usize> {
    let (mut out, mut open) = (BTreeSet::new(), vec![at]);
    while let Some(first) = open.pop() {
        for (later, waits_for) in after.iter().enumerate() {
            if waits_for.contains(&first) && out.insert(later) {
                open.push(later);
            }
        }
    }
    out
}

/// How many have to be done one after the other before this one.
fn depth(at: usize, after: &[Vec<usize>]) -> usize {
    let (mut depth, mut layer) = (0, BTreeSet::from([at]));
    // A chain is no longer than there are obligations.
    while depth < after.len() {
        layer = layer.iter().filter_map(|i| after.get(*i)).flatten().copied().collect();
        if layer.is_empty() {
            break;
        }
        depth += 1;
    }
    depth
}

fn step(
    workflow: &Workflow,
    factory: &FactorySpec,
    now: Time,
    state: &ObligationState,
    after: Vec<String>,
) -> NextStep {
    let (obligation, stage) = (&state.obligation, state.stage);
    let roles: Vec<String> = obligation.roles(workflow, stage).into_iter().collect();
    let on = today(factory, now);
    let people = roles.iter().flat_map(|role| present(factory, role, on));
    let people: BTreeSet<String> =
        people.filter(|p| obligation.is_open_to(p.side, stage)).map(|p| p.id.clone()).collect();
    NextStep {
        obligation: obligation.id.clone(),
        stage,
        layer: obligation.layer,
        state: state.state,
        unblocks: 0,
        after,
        why: state.why.clone(),
        help: obligation.help.clone(),
        command: obligation.command.clone(),
        roles,
        people: people.into_iter().collect(),
    }
}

#[cfg(test)]
mod tests;
