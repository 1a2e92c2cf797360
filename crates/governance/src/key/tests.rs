use super::*;
use crate::fixture::{factory, inputs, now, workflow};
use crate::obligations;
use serde_json::json;

#[test]
fn a_key_is_the_digest_of_its_five_parts() {
    let (workflow, factory, inputs) = (workflow(), factory(), inputs());
    let keys = Keys::new(&workflow, &factory, &inputs, now());
    for obligation in obligations(&workflow, &factory) {
        let inputs = keys.inputs(&obligation, &LoggedInputs::default());
        let parts = json!([obligation.id, obligation.version, obligation.parameters, keys.scope(&obligation), inputs]);
        assert_eq!(keys.key(&obligation, &inputs), Digest::of_canonical(&parts).unwrap(), "{}", obligation.id);
    }
}

#[test]
fn no_two_obligations_share_a_key() {
    let (workflow, factory, inputs) = (workflow(), factory(), inputs());
    let keys = Keys::new(&workflow, &factory, &inputs, now());
    let all = obligations(&workflow, &factory);
    let distinct: std::collections::BTreeSet<Digest> =
        all.iter().map(|o| keys.key(o, &keys.inputs(o, &LoggedInputs::default()))).collect();
    assert_eq!(distinct.len(), all.len());
}

#[test]
fn every_scope_matches_something() {
    let (workflow, factory, inputs) = (workflow(), factory(), inputs());
    let keys = Keys::new(&workflow, &factory, &inputs, now());
    for obligation in obligations(&workflow, &factory).iter().filter(|o| !o.scope.is_empty()) {
        assert!(!keys.scope(obligation).is_empty(), "{}", obligation.id);
    }
}
