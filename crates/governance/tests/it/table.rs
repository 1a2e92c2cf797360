//! Which obligations the example has.

use crate::example::Example;
use seatrial_governance::policy::{Grants, Policies};
use seatrial_governance::{Inputs, Running, StatusInput, obligations, release, status};
use seatrial_model::Stage;
use std::collections::BTreeMap;

#[test]
fn the_example_has_its_obligations_and_none_is_green_by_itself() {
    let example = Example::read();
    let (workflow, findings) = example.checked_with_findings().unwrap();
    let ids: Vec<String> = obligations(&workflow, &example.factory).into_iter().map(|o| o.id).collect();
    for id in ["eval.boundary", "eval.forbidden.hardship", "threshold.approve", "approval.credit", "approval.risk"] {
        assert!(ids.iter().any(|i| i == id), "{id} is missing of {ids:?}");
    }
    for stage in [Stage::Pilot, Stage::Production] {
        let states = status(&StatusInput {
            workflow: &workflow,
            factory: &example.factory,
            events: &[],
            inputs: &Inputs::default(),
            old_elements: &BTreeMap::new(),
            running: &Running::default(),
            now: "2026-11-23T12:00:00.000Z".parse().unwrap(),
            findings: &findings,
            stage,
        });
        assert!(release::can_release(stage, &states).is_err());
        assert!(states.iter().filter(|s| s.state.is_settled()).all(|s| s.events.is_empty()));
        let probes = states.iter().find(|s| s.obligation.id == "eval.probes");
        assert!(probes.is_none_or(|s| s.state.is_settled()), "a set with outputs of its own blocks nothing");
    }
}

#[test]
fn the_examples_policies_validate() {
    let workflow = Example::read().checked().unwrap();
    let policies = Policies::new(&Grants::of(&workflow)).unwrap();
    assert!(policies.text().contains("people who hold `underwriters`, in step `assess`"));
}
