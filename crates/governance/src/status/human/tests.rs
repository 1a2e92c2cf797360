use crate::fixture::{Log, approval, changed, principal};
use crate::state::State;
use seatrial_model::event::ApprovalWithdrawn;
use seatrial_model::{Body, EventId, Stage};

const STAGE: Stage = Stage::Production;

/// Reads again what changed, and says that it still holds.
fn reaffirm(log: &mut Log, who: &str, obligation: &str, named: EventId) -> EventId {
    let actor = principal(who);
    let mut body = approval(&actor, STAGE);
    if let Body::ApprovalGiven(given) = &mut body {
        given.reaffirms = Some(named);
    }
    log.add(actor, &[obligation], body)
}

/// Ria approved; then the purpose of a rule changed.
fn stale() -> (Log, EventId) {
    let mut log = Log::new();
    let named = log.approve("ria", "approval.risk", STAGE);
    let log = log.with(changed(|w| w.steps[0].never[0].because = Some("said otherwise".to_owned())));
    assert_eq!(log.is(STAGE, "approval.risk").0, State::Stale);
    (log, named)
}

#[test]
fn a_reaffirmation_counts_and_says_what_it_is() {
    let (mut log, named) = stale();
    reaffirm(&mut log, "ria", "approval.risk", named);
    let state = log.state(STAGE, "approval.risk");
    assert_eq!(state.state, State::Discharged);
    assert_eq!(state.considered.last().unwrap().why, "as `risk`, reaffirming entry 1: re-read, still holds");
    // It is bound to what was read again.
    let log = log.with(changed(|w| w.steps[0].never.clear()));
    assert_eq!(log.is(STAGE, "approval.risk").0, State::Stale);
}

#[test]
fn another_entitled_person_may_reaffirm_and_nobody_else() {
    let (mut log, named) = stale();
    log.factory.people[1].roles = vec!["risk".to_owned()];
    let mut bo = principal("bo");
    bo.roles = ["risk".to_owned()].into();
    let mut body = approval(&bo, STAGE);
    if let Body::ApprovalGiven(given) = &mut body {
        given.reaffirms = Some(named);
    }
    let (mut other, event) = (stale().0, body);
    other.add(bo, &["approval.risk"], event);
    assert_eq!(other.is(STAGE, "approval.risk").0, State::Discharged);
    reaffirm(&mut log, "ana", "approval.risk", named);
    assert_eq!(log.is(STAGE, "approval.risk").0, State::Stale, "`officers` are not asked");
}

#[test]
fn what_is_reaffirmed_is_an_approval_of_this() {
    let refused = |of: &dyn Fn(&mut Log) -> EventId| {
        let (mut log, _) = stale();
        let named = of(&mut log);
        reaffirm(&mut log, "ria", "approval.risk", named);
        let state = log.state(STAGE, "approval.risk");
        assert_ne!(state.state, State::Discharged);
        state.considered.iter().rev().find(|c| c.why.contains("reaffirms")).unwrap().why.clone()
    };
    assert_eq!(refused(&|log| log.events[0].event.id), "what it reaffirms is no approval");
    assert_eq!(
        refused(&|log| log.approve("ria", "risk.register", STAGE)),
        "what it reaffirms is no approval of `approval.risk`"
    );
    let withdrawn = refused(&|log| {
        let approval = log.events[1].event.id;
        log.add(principal("ria"), &[], Body::ApprovalWithdrawn(ApprovalWithdrawn { approval }));
        approval
    });
    assert_eq!(withdrawn, "what it reaffirms was withdrawn by ria@bank.example");
}

#[test]
fn what_is_measured_is_measured_again() {
    let mut log = Log::new();
    let named = log.evaluate("golden", |_| {});
    let mut log = log.with(changed(|w| w.steps[0].never.clear()));
    reaffirm(&mut log, "ria", "eval.golden", named);
    assert_eq!(log.is(STAGE, "eval.golden").0, State::Stale);
}

#[test]
fn a_regulated_house_wants_four_eyes() {
    let mut log = Log::new();
    log.factory.profile = "regulated".to_owned();
    log.approve("ana", "approval.officers", Stage::Pilot);
    assert_eq!(
        log.is(Stage::Pilot, "approval.officers"),
        (State::Open, "approved by ana@bank.example; missing: 1 more holder(s) of `officers`".to_owned())
    );
    log.approve("ana", "approval.officers", Stage::Pilot);
    assert_eq!(log.is(Stage::Pilot, "approval.officers").0, State::Open, "two eyes twice are two eyes");
    log.approve("bo", "approval.officers", Stage::Pilot);
    assert_eq!(log.is(Stage::Pilot, "approval.officers").0, State::Discharged);
}

#[test]
fn evidence_ages_by_profile() {
    let aged = |profile: &str, days: i64| {
        let mut log = Log::complete();
        log.factory.profile = profile.to_owned();
        if profile == "regulated" {
            // The second pair of eyes.
            log.factory.people[1].roles.push("risk".to_owned());
            let mut bo = principal("bo");
            bo.roles = ["risk".to_owned()].into();
            let body = approval(&bo, STAGE);
            log.add(bo, &["approval.risk"], body);
        }
        log.days(days);
        let stale = log.states(STAGE).into_iter().filter(|s| s.why.contains("older than"));
        stale.map(|s| s.obligation.id).collect::<Vec<_>>().join(" ")
    };
    let drills = "drill.stop drill.override drill.escalation drill.degraded drill.incident";
    assert_eq!(aged("small", 3_000), "");
    assert_eq!(aged("standard", 365), "");
    assert_eq!(aged("standard", 366), drills);
    assert_eq!(aged("regulated", 180), "");
    assert_eq!(aged("regulated", 181), "spec.exercised eval.golden eval.forbidden.injection");
    assert_eq!(
        aged("regulated", 366),
        format!("spec.intent spec.exercised eval.golden eval.forbidden.injection risk.register approval.risk {drills}")
    );
}

#[test]
fn what_was_measured_on_an_alias_ages_in_a_month() {
    let mut log = Log::new();
    log.inputs.models.get_mut("assess").unwrap().alias = true;
    log.evaluate("golden", |_| {});
    assert_eq!(log.is(Stage::Pilot, "eval.golden").0, State::Discharged);
    log.days(31);
    let (state, why) = log.is(Stage::Pilot, "eval.golden");
    assert_eq!(state, State::Stale);
    assert!(why.ends_with("older than 30d"), "{why}");
    log.factory.profile = "small".to_owned();
    assert_eq!(log.is(Stage::Pilot, "eval.golden").0, State::Discharged);
}
