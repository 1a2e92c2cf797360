//! Who approves, and when it counts.

use super::*;

#[test]
fn who_may_not_approve() {
    let intent = |change: &dyn Fn(&mut seatrial_model::Principal), who: &str, stage: Stage| {
        let mut log = Log::new();
        let mut actor = principal(who);
        change(&mut actor);
        let body = approval(&actor, stage);
        log.add(actor, &["spec.intent"], body);
        log.is(Stage::Pilot, "spec.intent")
    };
    assert_eq!(intent(&|_| {}, "ana", Stage::Pilot).0, State::Discharged);
    expect![
        "nobody approved it (entry 1 does not count: an author never approves their own change); missing: one sign-off"
    ]
    .assert_eq(&intent(&|_| {}, "dev", Stage::Pilot).1);
    for kind in [PrincipalKind::Agent, PrincipalKind::Service] {
        assert_eq!(intent(&|p| p.kind = kind, "ana", Stage::Pilot).0, State::Open);
    }
    assert_eq!(intent(&|p| p.assurance = Assurance::Simulated, "ana", Stage::Pilot).0, State::Open);
    assert_eq!(intent(&|p| p.assurance = Assurance::Local, "ana", Stage::Pilot).0, State::Discharged);
}

#[test]
fn a_role_that_was_not_held_does_not_approve() {
    let mut log = Log::new();
    let actor = principal("ana");
    let body = approval(&principal("ria"), Stage::Production);
    log.add(actor, &["approval.risk"], body);
    let (state, why) = log.is(Stage::Production, "approval.risk");
    assert_eq!(state, State::Open);
    assert!(why.contains("`risk` was not a role of theirs"), "{why}");
}

#[test]
fn production_needs_a_token_and_both_sides() {
    let mut log = Log::new();
    let mut local = principal("ria");
    local.assurance = Assurance::Local;
    let body = approval(&local, Stage::Production);
    log.add(local, &["spec.intent"], body);
    log.approve("ana", "spec.intent", Stage::Production);
    log.approve("bo", "spec.intent", Stage::Production);
    let (state, why) = log.is(Stage::Production, "spec.intent");
    assert_eq!(
        (state, why.as_str()),
        (State::Open, "approved by ana@bank.example, bo@bank.example; missing: one person of the independent side")
    );
    log.approve("ria", "spec.intent", Stage::Production);
    assert_eq!(log.is(Stage::Production, "spec.intent").0, State::Discharged);
}

#[test]
fn a_simulation_counts_in_a_simulation_only() {
    let mut log = Log::new();
    let mut actor = principal("ana");
    actor.assurance = Assurance::Simulated;
    let body = approval(&actor, Stage::Pilot);
    log.add(actor, &["spec.intent"], body);
    assert_eq!(log.is(Stage::Pilot, "spec.intent").0, State::Open);
    log.factory.kind = FactoryKind::Simulation;
    assert_eq!(log.is(Stage::Pilot, "spec.intent").0, State::Open, "the event itself must say so");
    for logged in &mut log.events {
        std::sync::Arc::make_mut(&mut logged.event).simulation = true;
    }
    assert_eq!(log.is(Stage::Pilot, "spec.intent").0, State::Discharged);
    log.factory.kind = FactoryKind::Real;
    assert_eq!(log.is(Stage::Pilot, "spec.intent").0, State::Open);
}

#[test]
fn whoever_changed_only_something_else_is_no_author_of_this() {
    let mut log = Log::complete().with(changed(|w| w.title.push('!')));
    let body = Body::SpecSubmitted(seatrial_model::event::SpecSubmitted {
        files: [].into(),
        elements: Digest::of(b""),
        element_count: 1,
        previous: Some(crate::fixture::workflow().digest),
        added: vec![],
        removed: vec![],
        changed: vec!["title".into()],
    });
    log.add(principal("ana"), &[], body);
    assert_eq!(log.is(Stage::Production, "spec.intent").0, State::Discharged);
    log.approve_release("ana", Stage::Production);
    let (_, why) = log.is(Stage::Production, "release.approval");
    assert!(why.contains("an author never"), "{why}");
}

#[test]
fn a_pilots_approval_is_not_productions_even_over_the_same_elements() {
    let both = changed(|w| {
        let approvals = w.gates.production.as_ref().unwrap().approvals.clone();
        w.gates.pilot.as_mut().unwrap().approvals.extend(approvals);
    });
    let mut log = Log::new().with(both);
    log.approve("ria", "approval.risk", Stage::Pilot);
    assert_eq!(log.is(Stage::Pilot, "approval.risk").0, State::Discharged);
    assert_eq!(log.is(Stage::Production, "approval.risk").0, State::Open);
    log.approve("ria", "approval.risk", Stage::Production);
    assert_eq!(log.is(Stage::Production, "approval.risk").0, State::Discharged);
    assert_eq!(log.is(Stage::Pilot, "approval.risk").0, State::Discharged);
}

#[test]
fn a_withdrawn_approval_is_revoked_until_somebody_approves_again() {
    let mut log = Log::new();
    let approval = log.approve("ria", "approval.risk", Stage::Production);
    let withdrawn = log.add(principal("ria"), &[], Body::ApprovalWithdrawn(ApprovalWithdrawn { approval }));
    let state = log.state(Stage::Production, "approval.risk");
    assert_eq!((state.state, state.events), (State::Revoked, vec![withdrawn]));
    log.approve("ria", "approval.risk", Stage::Production);
    assert_eq!(log.is(Stage::Production, "approval.risk").0, State::Discharged);
}
