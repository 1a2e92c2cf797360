//! People, questions, findings: what is computed whenever it is asked for.

use super::*;

#[test]
fn people_who_leave() {
    let mut log = Log::complete();
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Discharged);
    log.factory.people[1].until = "2026-11-22".parse().ok();
    expect!["`workflow`: `officers` resolves to 1 present person(s), 2 are needed"]
        .assert_eq(log.is(Stage::Production, "ownership.assigned").1.split("; ").next().unwrap());
    // With a deputy there is a grace of ten working days.
    log.factory.people[1].deputy = Some("ana@bank.example".to_owned());
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Discharged);
    log.factory.people[1].until = "2026-11-06".parse().ok();
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Open);
    // Somebody of the delivery side does not fill the gap.
    let mut log = Log::complete();
    log.factory.people[3].roles.push("officers".to_owned());
    assert!(log.is(Stage::Production, "ownership.assigned").1.contains("not of the receiving side"));
}

#[test]
fn a_small_house_needs_one_and_a_deputy() {
    let mut log = Log::complete();
    log.factory.people.remove(1);
    log.factory.people[0].deputy = Some("ria@bank.example".to_owned());
    log.factory.profile = "small".to_owned();
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Open, "the independent side never owns");
    log.factory.people[1].side = seatrial_model::Side::Receiving;
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Discharged);
}

#[test]
fn somebody_new_has_to_accept_too() {
    let mut log = Log::complete();
    let mut cy = log.factory.people[0].clone();
    cy.id = "cy@bank.example".to_owned();
    log.factory.people.push(cy);
    let (state, why) = log.is(Stage::Production, "ownership.accepted");
    assert_eq!(state, State::Open);
    assert!(why.starts_with("not accepted: `workflow` by cy@bank.example"), "{why}");
}

#[test]
fn questions_block_their_stage() {
    let mut log = Log::new();
    assert_eq!(log.is(Stage::Pilot, "spec.questions").0, State::Discharged);
    assert_eq!(log.is(Stage::Production, "spec.questions").0, State::Open);
    log.answer("thin-files", vec![]);
    assert_eq!(log.is(Stage::Production, "spec.questions").0, State::Open, "an answer cites something");
    let cited = log.events[0].event.id;
    log.answer("thin-files", vec![cited]);
    assert_eq!(log.is(Stage::Production, "spec.questions").0, State::Discharged);
    let log = log.with(changed(|w| w.questions.get_mut("thin-files").unwrap().ask.push('?')));
    assert_eq!(log.is(Stage::Production, "spec.questions").0, State::Open, "another question");
    let log = log.with(changed(|w| w.questions.get_mut("thin-files").unwrap().owner = None));
    assert_eq!(log.is(Stage::Pilot, "spec.questions").0, State::Open);
}

#[test]
fn the_checkers_findings_block_their_stage() {
    let log = Log::new();
    let finding = CheckFinding { code: "ST0101".to_owned(), message: "wrong".to_owned(), blocks: Stage::Production };
    let valid = |stage| log.states_with(stage, std::slice::from_ref(&finding)).into_iter().next().unwrap().state;
    assert_eq!((valid(Stage::Pilot), valid(Stage::Production)), (State::Discharged, State::Failed));
    let other = Log::new().with(changed(|w| w.title.push('!')));
    assert_eq!(other.is(Stage::Pilot, "spec.valid").0, State::Open, "not submitted");
}

#[test]
fn the_statement_does_not_depend_on_the_order_of_anything() {
    let log = Log::complete();
    let mut states = log.states(Stage::Production);
    let statement = crate::release::statement(&states);
    states.reverse();
    assert_eq!(statement, crate::release::statement(&states));
    assert!(statement.obligations.is_sorted_by(|a, b| a.id < b.id));
}
