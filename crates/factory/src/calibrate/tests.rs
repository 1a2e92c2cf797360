//! The review load that a certificate leaves.

use crate::running::review_load;
use seatrial_model::Digest;
use seatrial_model::event::{Certificate, Share};
use seatrial_spec::{FactorySpec, Workflow};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

const NOW: &str = "2026-11-23T10:00:00.000Z";

/// The example, its step expecting so many cases a day, and its factory.
fn example(per_day: Option<u64>) -> (Workflow, FactorySpec) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/credit-preapproval");
    let factory = std::fs::read_to_string(root.join("factory.yaml")).unwrap();
    let factory = seatrial_spec::check_factory(&factory).0.unwrap();
    let checked = crate::check_folder(&root.join("workflows/credit-preapproval"), Some(&factory));
    let mut workflow = checked.unwrap().checked.workflow.unwrap();
    workflow.steps[0].per_day = per_day;
    workflow.steps[0].audit.as_mut().unwrap().sample = 0.1;
    (workflow, factory)
}

fn certificate(k: u64, n: u64) -> Certificate {
    Certificate {
        threshold: "thresholds.approve".into(),
        at: Some(0.9),
        max_wrong: 0.08,
        assurance: 0.95,
        delta: 0.05,
        attempt: 1,
        attempts: 1,
        left_out: 0,
        thinned: 0,
        withheld: false,
        method: "split".to_owned(),
        examples: n - k,
        errors: 0,
        bound: 0.01,
        grid: Vec::new(),
        sequence: Vec::new(),
        required: BTreeMap::new(),
        remainder: None,
        p: 0.01,
        sealed: Digest::of(b"sealed"),
        model: String::new(),
        confidence: String::new(),
        curve: Digest::of(b"curve"),
        reviewed: Share { k, n },
        slices: BTreeMap::new(),
    }
}

#[test]
fn what_needs_a_person_and_what_is_audited() {
    let (workflow, factory) = example(Some(200));
    let given = certificate(300, 1_000);
    let load = |certificates| review_load(&workflow, &factory, &certificates, NOW.parse().unwrap()).unwrap();
    let certified = load(BTreeMap::from([("approve".to_owned(), &given)]));
    assert!((certified.expected_per_day - (60.0 + 14.0)).abs() < 1e-9, "{certified:?}");
    assert!((load(BTreeMap::new()).expected_per_day - 200.0).abs() < 1e-9, "without a certificate nothing passes");
    assert!(certified.capacity_per_day > 0.0);
}

#[test]
fn capacity_is_of_the_people_present_each_once() {
    let (workflow, mut factory) = example(Some(200));
    let capacity = |factory: &FactorySpec| {
        review_load(&workflow, factory, &BTreeMap::new(), NOW.parse().unwrap()).map(|l| l.capacity_per_day)
    };
    let step = &workflow.steps[0];
    let rules = [&step.refuse_input, &step.require, &step.forbid, &step.never];
    let asked = rules.into_iter().flatten().filter_map(|r| r.to.clone());
    let asked =
        asked.chain(step.escalate.iter().map(|e| e.to.clone())).chain(step.audit.as_ref().map(|a| a.to.clone()));
    let roles: BTreeSet<String> = asked.collect();
    for person in &mut factory.people {
        (person.reviews_per_day, person.until, person.deputy) = (None, None, None);
        person.roles.retain(|r| !roles.contains(r));
    }
    assert_eq!(capacity(&factory), None, "nobody answers");
    factory.people[0].roles.extend(roles);
    assert_eq!(capacity(&factory), None, "nobody says how many they manage");
    factory.people[0].reviews_per_day = Some(40);
    assert_eq!(capacity(&factory), Some(40.0), "in several roles, and one person");
    factory.people[0].until = Some(serde_json::from_str("\"2026-11-20\"").unwrap());
    assert_eq!(capacity(&factory), None, "gone");
}

#[test]
fn an_unknown_volume_is_unknown() {
    let (workflow, factory) = example(None);
    assert_eq!(review_load(&workflow, &factory, &BTreeMap::new(), NOW.parse().unwrap()), None);
}
