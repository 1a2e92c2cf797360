//! People, questions, findings: what is computed whenever it is asked for.

use super::*;
use seatrial_spec::workflow::RESPONSIBILITIES;

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
    assert_eq!(log.is(Stage::Production, "ownership.assigned").0, State::Stale);
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

const PRODUCTION: Stage = Stage::Production;

fn at(log: &mut Log, time: &str) {
    log.now = time.parse().unwrap();
}

#[test]
fn somebody_who_leaves_takes_what_rests_on_them_along() {
    let mut log = Log::complete();
    log.factory.people[1].until = "2026-11-20".parse().ok();
    log.factory.people[1].deputy = Some("ana@bank.example".to_owned());
    // The last moment of the tenth working day, and the first after it.
    at(&mut log, "2026-12-04T23:59:59.999Z");
    for id in ["ownership.assigned", "ownership.accepted"] {
        let state = log.state(PRODUCTION, id);
        assert_eq!(state.state, State::Discharged, "{id}: {}", state.why);
        assert!(
            state.why.ends_with(
                "grace until 2026-12-04: bo@bank.example left `officers` on 2026-11-20; deputy ana@bank.example"
            ),
            "{}",
            state.why
        );
        assert_eq!(state.grace.len(), 1);
    }
    at(&mut log, "2026-12-05T00:00:00.000Z");
    let assigned = log.state(PRODUCTION, "ownership.assigned");
    assert_eq!(assigned.state, State::Stale, "{}", assigned.why);
    expect!["`workflow`: `officers` resolves to 1 present person(s), 2 are needed; bo@bank.example left on 2026-11-20, the grace ended on 2026-12-04"]
        .assert_eq(assigned.why.split("; `changes`").next().unwrap());
    let input = &assigned.changed_inputs[0];
    assert_eq!((input.input.as_str(), input.now.as_deref()), ("people.officers", Some("ana@bank.example (receiving)")));
    assert_eq!(assigned.changed.len(), 5, "all five responsibilities are the same role's");
    let accepted = log.state(PRODUCTION, "ownership.accepted");
    assert_eq!(accepted.state, State::Stale);
    assert!(
        accepted.why.starts_with("not accepted: `workflow` by a successor (bo@bank.example left on"),
        "{}",
        accepted.why
    );
    // What they approved and accepted while entitled is what it was: only people changed.
    assert_eq!(log.is(PRODUCTION, "spec.intent").0, State::Discharged);
    assert!(accepted.considered.iter().filter(|c| c.by == "bo@bank.example").all(|c| c.counts));
}

#[test]
fn a_successor_accepts_and_it_is_discharged_again() {
    let mut log = Log::complete();
    log.factory.people[1].until = "2026-11-20".parse().ok();
    let mut cy = log.factory.people[0].clone();
    (cy.id, cy.name) = ("cy@bank.example".to_owned(), "cy".to_owned());
    log.factory.people.push(cy);
    assert_eq!(log.is(PRODUCTION, "ownership.assigned").0, State::Discharged);
    let (state, why) = log.is(PRODUCTION, "ownership.accepted");
    assert_eq!(state, State::Stale);
    assert!(
        why.starts_with("not accepted: `workflow` by cy@bank.example (bo@bank.example left on 2026-11-20, no deputy"),
        "{why}"
    );
    // Within the grace the successor has time.
    log.factory.people[1].deputy = Some("ana@bank.example".to_owned());
    assert_eq!(log.is(PRODUCTION, "ownership.accepted").0, State::Discharged);
    log.factory.people[1].deputy = None;
    for responsibility in RESPONSIBILITIES {
        log.accept("ana", responsibility);
        let given = (*log.events.pop().unwrap().event).clone();
        let actor = seatrial_model::Principal { id: "cy@bank.example".to_owned(), ..given.actor };
        log.append(actor, given.evidence, given.body);
    }
    assert_eq!(log.is(PRODUCTION, "ownership.accepted").0, State::Discharged);
}

#[test]
fn one_of_three_may_leave() {
    let mut log = Log::complete();
    let mut cy = log.factory.people[0].clone();
    cy.id = "cy@bank.example".to_owned();
    cy.until = "2026-11-20".parse().ok();
    log.factory.people.push(cy);
    assert_eq!(log.is(PRODUCTION, "ownership.assigned").0, State::Discharged);
    assert_eq!(log.is(PRODUCTION, "ownership.accepted").0, State::Discharged);
}

#[test]
fn a_role_that_was_lost_is_one_that_was_left() {
    let mut log = Log::complete();
    log.factory.people[1].roles.clear();
    assert_eq!(log.is(PRODUCTION, "ownership.assigned").0, State::Open, "nobody knows of any other holder");
    log.factory.departures.push(seatrial_spec::workflow::Departure {
        person: "bo@bank.example".to_owned(),
        side: seatrial_model::Side::Receiving,
        role: "officers".to_owned(),
        last: "2026-11-22".parse().unwrap(),
        deputy: None,
    });
    assert_eq!(log.is(PRODUCTION, "ownership.assigned").0, State::Stale);
    assert_eq!(log.is(PRODUCTION, "ownership.accepted").0, State::Stale);
}
