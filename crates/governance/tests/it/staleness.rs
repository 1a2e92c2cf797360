//! Staleness is exact: for each obligation and each element of the example, what changes the one by changing the other.

use crate::edits::{self, Edit};
use crate::example::{Example, inputs};
use crate::expected;
use crate::history::{History, STAGES};
use seatrial_governance::{Basis, Duty, ObligationState, State};
use seatrial_model::{Digest, Stage};
use seatrial_spec::Workflow;
use std::collections::{BTreeMap, BTreeSet};

fn delivered(example: &Example) -> History {
    let workflow = example.checked().unwrap();
    History::complete(workflow, example.factory.clone(), inputs())
}

/// The list that a release approves: all but its own approval.
fn listed(states: &[ObligationState]) -> Vec<(String, State, Digest)> {
    let others = states.iter().filter(|s| s.obligation.duty != Duty::Release);
    others.map(|s| (s.obligation.id.clone(), s.state, s.key)).collect()
}

/// What was asked of how many, and what went wrong.
#[derive(Default, Debug)]
struct Count {
    cases: usize,
    changes: usize,
    needless: Vec<String>,
    missed: Vec<String>,
    states: Vec<String>,
}

impl Count {
    fn compare(
        &mut self,
        edit: &Edit,
        stage: Stage,
        before: &[ObligationState],
        after: &[ObligationState],
        old: &serde_json::Value,
    ) {
        for state in after {
            let id = state.obligation.id.as_str();
            // What was not there before cannot go stale.
            let Some(was) = before.iter().find(|s| s.obligation.id == id) else { continue };
            let expected = if state.obligation.duty == Duty::Release {
                listed(before) != listed(after)
            } else {
                let known = expected::depends(id, stage.measure().as_str(), &edit.changed, old, &edit.value);
                known.unwrap_or_else(|| panic!("`{id}` is not in the table of expectations"))
            };
            let changed = was.key != state.key;
            self.cases += 1;
            self.changes += usize::from(changed);
            let case = || format!("{stage} {id}: {:.200} {:?}", edit.what, edit.changed);
            match (expected, changed) {
                (true, false) => self.missed.push(case()),
                (false, true) => self.needless.push(case()),
                _ => {}
            }
            self.compare_states(edit, was, state, changed, &case);
        }
    }

    /// The state follows the key: what rests on evidence is stale if and only if its key is another. Bars and times of the
    /// gates are applied to what was measured, and are in no key.
    fn compare_states(
        &mut self,
        edit: &Edit,
        was: &ObligationState,
        is: &ObligationState,
        changed: bool,
        case: &dyn Fn() -> String,
    ) {
        let bars = ["gates.production.evaluation", "gates.production.drills"];
        let by_a_bar = edit.changed.iter().any(|(p, _)| bars.iter().any(|b| p.starts_with(b)));
        let rests = was.obligation.basis != Basis::Computed && was.state == State::Discharged && !was.events.is_empty();
        if !rests || by_a_bar || is.state == State::NotApplicable {
            return;
        }
        if is.obligation.duty == Duty::Runbooks {
            // Each runbook is looked at by itself: what the spec names no more is asked for no more.
            let asked = edit.changed.iter().any(|(path, _)| names_a_runbook(&edit.workflow, path));
            if asked == (is.state == State::Discharged) {
                self.states.push(format!("{} is {}: {}", case(), is.state, is.why));
            }
            return;
        }
        let stale = is.state == State::Stale;
        if stale != changed && !(is.events.is_empty() && is.state == State::Discharged) {
            self.states.push(format!("{} is {}: {}", case(), is.state, is.why));
        }
    }
}

fn names_a_runbook(workflow: &Workflow, path: &str) -> bool {
    let responsible = path.strip_prefix("responsibilities.").and_then(|name| workflow.responsibilities.get(name));
    let step = path.strip_prefix("steps.").and_then(|p| p.strip_suffix(".fallback")).and_then(|p| workflow.step(p));
    responsible.is_some_and(|r| r.runbook.is_some())
        || step.is_some_and(|s| s.fallback.as_ref().is_some_and(|f| f.runbook.is_some()))
}

fn run(example: &Example, history: &History, edits: &[Edit]) -> Count {
    let old = example.value();
    let before: BTreeMap<Stage, Vec<ObligationState>> = STAGES.map(|s| (s, history.states(s))).into();
    let mut count = Count::default();
    for edit in edits {
        for stage in STAGES {
            count.compare(edit, stage, &before[&stage], &history.states_of(&edit.workflow, stage), &old);
        }
    }
    count
}

fn elements_changed(base: &Workflow, edits: &[Edit]) -> (usize, usize) {
    let alone: BTreeSet<&str> =
        edits.iter().filter(|e| e.changed.len() == 1).map(|e| e.changed[0].0.as_str()).collect();
    (base.elements.iter().filter(|e| alone.contains(e.path.as_str())).count(), base.elements.len())
}

#[test]
fn an_obligation_is_stale_if_and_only_if_its_scope_changed() {
    let example = Example::calibrated();
    let history = delivered(&example);
    let mut all = edits::accepted(&example, &history.workflow);
    let (edited, elements) = elements_changed(&history.workflow, &all);
    let real = all.len();
    all.extend(edits::in_the_table(&example, &history.workflow, &all));
    let (covered, _) = elements_changed(&history.workflow, &all);
    let count = run(&example, &history, &all);
    println!(
        "{elements} elements, {edited} of them changed alone by a real edit, {covered} in all; {} edits ({real} real), \
         {} cases, {} of them change a key: {} needless, {} missed, {} states that do not follow",
        all.len(),
        count.cases,
        count.changes,
        count.needless.len(),
        count.missed.len(),
        count.states.len()
    );
    let alone: BTreeSet<&str> =
        all[..real].iter().filter(|e| e.changed.len() == 1).map(|e| e.changed[0].0.as_str()).collect();
    let table_only: Vec<&str> =
        history.workflow.elements.iter().map(|e| e.path.as_str()).filter(|p| !alone.contains(p)).collect();
    println!("in the table only: {}", table_only.join(" "));
    assert_eq!(covered, elements, "each element is changed alone at least once");
    let wrong = (&count.needless, &count.missed, &count.states);
    assert_eq!(wrong, (&vec![], &vec![], &vec![]), "needless, missed, not following");
}

#[test]
fn the_table_of_expectations_knows_nothing_that_is_not_asked_for() {
    let example = Example::calibrated();
    let history = delivered(&example);
    let mut asked: BTreeSet<String> = BTreeSet::new();
    for stage in STAGES {
        for state in history.states(stage) {
            asked.insert(state.obligation.id.clone());
            asked.insert(format!("{} {stage}", state.obligation.id));
        }
    }
    let unknown: Vec<&str> = expected::known().into_keys().filter(|id| !asked.contains(*id)).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
}

#[test]
fn another_way_to_write_the_same_is_the_same() {
    let example = Example::calibrated();
    let as_json = Example { text: serde_json::to_string(&example.value()).unwrap(), ..example.clone() };
    assert_eq!(example.checked().unwrap().digest, as_json.checked().unwrap().digest);
}
