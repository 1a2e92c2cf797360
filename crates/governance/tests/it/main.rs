//! The example workflow, as the checker reads it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use seatrial_governance::policy::{Grants, Policies};
use seatrial_governance::{CheckFinding, Inputs, Running, StatusInput, obligations, release, status};
use seatrial_model::Stage;
use seatrial_spec::{FactorySpec, MemoryFiles, Workflow, check, check_factory};
use std::collections::BTreeMap;
use std::path::Path;

fn example() -> (Workflow, FactorySpec, Vec<CheckFinding>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/credit-preapproval");
    let (factory, problems, _) = check_factory(&std::fs::read_to_string(root.join("factory.yaml")).unwrap());
    let factory = factory.unwrap_or_else(|| panic!("{problems:?}"));
    let folder = root.join("workflows/credit-preapproval");
    let mut files = BTreeMap::new();
    for sub in ["", "examples", "runbooks", "schemas"] {
        for entry in std::fs::read_dir(folder.join(sub)).unwrap().flatten().filter(|e| e.path().is_file()) {
            let path = entry.path();
            let name = path.strip_prefix(&folder).unwrap().to_str().unwrap().to_owned();
            files.insert(name, std::fs::read(&path).unwrap());
        }
    }
    let main = String::from_utf8(files["workflow.yaml"].clone()).unwrap();
    let checked = check(&main, &MemoryFiles(files), Some(&factory));
    let findings = CheckFinding::of(&checked.diagnostics);
    (checked.workflow.unwrap_or_else(|| panic!("{:?}", checked.diagnostics)), factory, findings)
}

#[test]
fn the_example_has_its_obligations_and_none_is_green_by_itself() {
    let (workflow, factory, findings) = example();
    let ids: Vec<String> = obligations(&workflow, &factory).into_iter().map(|o| o.id).collect();
    for id in ["eval.boundary", "eval.forbidden.hardship", "threshold.approve", "approval.credit", "approval.risk"] {
        assert!(ids.iter().any(|i| i == id), "{id} is missing of {ids:?}");
    }
    for stage in [Stage::Pilot, Stage::Production] {
        let states = status(&StatusInput {
            workflow: &workflow,
            factory: &factory,
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
    let (workflow, ..) = example();
    let policies = Policies::new(&Grants::of(&workflow)).unwrap();
    assert!(policies.text().contains("people who hold `underwriters`, in step `assess`"));
}
