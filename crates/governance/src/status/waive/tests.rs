use super::*;
use crate::fixture::{Log, changed, principal};
use crate::release;
use seatrial_model::event::WaiverEnded;
use seatrial_model::words::FactoryKind;
use seatrial_model::{Assurance, Digest};

const STAGE: Stage = Stage::Production;

fn standings(log: &Log) -> Vec<(WaiverStanding, u64, String)> {
    waivers(&log.input(STAGE, &[])).into_iter().map(|w| (w.standing, w.days, w.why)).collect()
}

fn asked(days: i64) -> (Log, EventId) {
    let mut log = Log::new();
    let waiver = log.ask_waiver("ana", "spec.exercised", STAGE, days, None);
    (log, waiver)
}

/// What a grant by this person, in this role, does to a waiver that Ana asked for.
fn granted(who: &str, role: &str, change: impl FnOnce(&mut Log)) -> (State, String) {
    let (mut log, waiver) = asked(30);
    log.grant_waiver(who, waiver, role);
    change(&mut log);
    let why = standings(&log).remove(0).2;
    (log.state(STAGE, "spec.exercised").state, why)
}

#[test]
fn a_waiver_settles_and_hides_nothing() {
    let (mut log, waiver) = asked(30);
    assert_eq!(log.state(STAGE, "spec.exercised").state, State::Open, "asked for is not granted");
    let grant = log.grant_waiver("ria", waiver, "risk");
    let state = log.state(STAGE, "spec.exercised");
    assert_eq!((state.state, state.under), (State::Waived, State::Open));
    assert_eq!(
        state.why,
        "waived until 2026-12-23 by ria@bank.example as `risk`, asked for by ana@bank.example (30 day(s) in all); beneath it is open: no evaluation of this spec"
    );
    assert_eq!(state.events, [waiver, grant]);
    assert!(state.next.is_some(), "what is to be done stays to be done");
    log.days(31);
    let state = log.state(STAGE, "spec.exercised");
    assert_eq!((state.state, state.under, state.waiver), (State::Open, State::Open, None));
    assert_eq!(standings(&log)[0].0, WaiverStanding::Expired);
}

#[test]
fn two_people_and_the_second_entitled() {
    assert_eq!(granted("ria", "risk", |_| {}).0, State::Waived);
    assert_eq!(granted("bo", "officers", |_| {}).0, State::Waived);
    let refused = |who, role, part: &str| {
        let (state, why) = granted(who, role, |_| {});
        assert_eq!(state, State::Open);
        assert!(why.contains(part), "{why}");
    };
    refused("ana", "officers", "whoever asks for a waiver never grants it");
    refused("ria", "officers", "`officers` was not a role of theirs");
    refused("dev", "engineering", "`engineering` approves nothing for production");
    let by_service = granted("ria", "risk", |log| {
        let event = Arc::make_mut(&mut log.events.last_mut().unwrap().event);
        event.actor.kind = PrincipalKind::Service;
    });
    assert_eq!(by_service.0, State::Open);
    let unsure = granted("ria", "risk", |log| {
        let event = Arc::make_mut(&mut log.events.last_mut().unwrap().event);
        event.actor.assurance = Assurance::Local;
    });
    assert!(unsure.1.contains("production needs a token"), "{}", unsure.1);
    // Whoever wrote what it looks at leaves the granting to others.
    let mut log = Log::new();
    log.submit("ria");
    let waiver = log.ask_waiver("ana", "spec.exercised", STAGE, 30, None);
    log.grant_waiver("ria", waiver, "risk");
    assert!(standings(&log)[0].2.contains("an author never waives"), "{:?}", standings(&log));
}

#[test]
fn an_agent_asks_for_none() {
    let (mut log, waiver) = asked(30);
    Arc::make_mut(&mut log.events.last_mut().unwrap().event).actor.kind = PrincipalKind::Agent;
    log.grant_waiver("ria", waiver, "risk");
    assert_eq!(log.state(STAGE, "spec.exercised").state, State::Open);
}

#[test]
fn what_is_never_waived() {
    let waive = |log: &mut Log, id: &str| {
        let waiver = log.ask_waiver("ana", id, STAGE, 30, None);
        log.grant_waiver("ria", waiver, "risk");
        (log.state(STAGE, id).state, standings(log).pop().unwrap().2)
    };
    for id in ["spec.intent", "eval.forbidden.injection", "threshold.assess", "approval.risk", "ownership.accepted"] {
        let (state, why) = waive(&mut Log::new(), id);
        assert_eq!(state, State::Open, "{id}");
        assert_eq!(why, "this obligation is never waived");
    }
    // An evaluation that was not made may be waived, one that missed its bar may not.
    assert_eq!(waive(&mut Log::new(), "eval.golden").0, State::Waived);
    let mut log = Log::new();
    log.evaluate("golden", |e| e.passed.k = 3);
    assert_eq!(waive(&mut log, "eval.golden").0, State::Failed);
    let why = log.state(STAGE, "eval.golden").why;
    assert!(why.contains("a waiver does not help: it was measured and missed"), "{why}");
    // A drill that took too long is done again; a load that is expected to be too high is only expected.
    let mut log = Log::new();
    log.drill("ana", 90_000, 3, vec![]);
    assert_eq!(waive(&mut log, "drill.stop").0, State::Failed);
    log.running.review_load = Some(crate::status::ReviewLoad { expected_per_day: 9.0, capacity_per_day: 8.0 });
    assert_eq!(waive(&mut log, "review.load").0, State::Waived);
}

#[test]
fn it_holds_for_what_was_shown() {
    let (mut log, waiver) = asked(30);
    log.grant_waiver("ria", waiver, "risk");
    let other = log.with(changed(|w| w.steps[0].forbid.clear()));
    assert_eq!(other.state(STAGE, "spec.exercised").state, State::Open);
    assert_eq!(standings(&other)[0].2, "what was waived has changed since");
    let back = other.with(changed(|w| w.title.push('!')));
    assert_eq!(back.state(STAGE, "spec.exercised").state, State::Waived);
    assert_eq!(back.state(Stage::Pilot, "drill.stop").state, State::Open);
}

#[test]
fn the_days_are_counted_in_all() {
    let (mut log, first) = asked(91);
    log.grant_waiver("ria", first, "risk");
    assert_eq!(standings(&log)[0].2, "it would come to 91 days in all; production allows 90");
    let (mut log, first) = asked(60);
    log.grant_waiver("bo", first, "officers");
    log.days(50);
    // From here on 40 days are 10 that were granted and 30 more; 41 are one too many.
    let renewal = log.ask_waiver("ana", "spec.exercised", STAGE, 40, Some(first));
    log.grant_waiver("ria", renewal, "risk");
    let too_long = log.ask_waiver("ana", "spec.exercised", STAGE, 41, Some(renewal));
    log.grant_waiver("ria", too_long, "risk");
    let all = standings(&log);
    assert_eq!((all[1].0, all[1].1), (WaiverStanding::InForce, 90));
    assert_eq!((all[2].0, all[2].1), (WaiverStanding::Void, 91));
}

#[test]
fn leaving_the_name_out_is_no_way_around_the_count() {
    let (mut log, first) = asked(60);
    log.grant_waiver("bo", first, "officers");
    log.days(61);
    let again = log.ask_waiver("ana", "spec.exercised", STAGE, 40, None);
    log.grant_waiver("ria", again, "risk");
    let all = waivers(&log.input(STAGE, &[]));
    assert_eq!(all[1].renews, Some(first));
    assert_eq!((all[1].standing, all[1].days), (WaiverStanding::Void, 100));
    // Ended early, its other days were given back.
    let (mut log, first) = asked(60);
    log.grant_waiver("bo", first, "officers");
    log.days(10);
    log.append(principal("ana"), vec![], Body::WaiverEnded(WaiverEnded { waiver: first }));
    assert_eq!(standings(&log)[0].0, WaiverStanding::Ended);
    assert_eq!(log.state(STAGE, "spec.exercised").state, State::Open);
    let again = log.ask_waiver("ana", "spec.exercised", STAGE, 80, None);
    log.grant_waiver("ria", again, "risk");
    assert_eq!((standings(&log)[1].0, standings(&log)[1].1), (WaiverStanding::InForce, 90));
}

#[test]
fn a_renewal_needs_a_higher_role() {
    let renewed_by = |first: (&str, &str), then: (&str, &str)| {
        let (mut log, waiver) = asked(20);
        log.grant_waiver(first.0, waiver, first.1);
        assert_eq!(log.state(STAGE, "spec.exercised").state, State::Waived);
        log.days(10);
        let renewal = log.ask_waiver("ana", "spec.exercised", STAGE, 20, Some(waiver));
        log.grant_waiver(then.0, renewal, then.1);
        let all = standings(&log);
        (all[1].0, all[1].2.clone())
    };
    assert_eq!(renewed_by(("bo", "officers"), ("ria", "risk")).0, WaiverStanding::InForce);
    let same = renewed_by(("bo", "officers"), ("bo", "officers"));
    assert_eq!(same.0, WaiverStanding::Asked);
    assert!(same.1.contains("a renewal needs a higher role than `officers`"), "{}", same.1);
    assert_eq!(renewed_by(("ria", "risk"), ("bo", "officers")).0, WaiverStanding::Asked);
    assert_eq!(renewed_by(("ria", "risk"), ("ria", "risk")).0, WaiverStanding::Asked, "another person of that side");
}

#[test]
fn what_renews_nothing_is_void() {
    let (mut log, _) = asked(20);
    let cited = log.events[0].event.id;
    log.ask_waiver("ana", "spec.exercised", STAGE, 20, Some(cited));
    assert_eq!(standings(&log)[1].0, WaiverStanding::Void);
}

#[test]
fn of_what_is_no_obligation_it_waives_nothing() {
    let (mut log, _) = asked(20);
    let gone = WaiverRequested {
        obligation: "eval.gone".to_owned(),
        stage: STAGE,
        until: log.now.plus_millis(DAY_MS),
        renews: None,
        shown: Digest::of(b"gone"),
    };
    log.append(principal("ana"), vec![], Body::WaiverRequested(gone));
    assert_eq!(standings(&log)[1].2, "production has no obligation `eval.gone`");
}

#[test]
fn the_refusal_is_known_before_it_is_recorded() {
    let (mut log, waiver) = asked(30);
    let prospective = |log: &Log, who: &str, role: &str| {
        let mut log = Log { events: log.events.clone(), ..Log::new() };
        log.grant_waiver(who, waiver, role);
        let event = log.events.pop().unwrap().event;
        waiver_refusal(&log.input(STAGE, &[]), &event)
    };
    assert_eq!(prospective(&log, "ria", "risk"), None);
    assert!(prospective(&log, "ana", "officers").unwrap().contains("never grants it"));
    log.grant_waiver("ria", waiver, "risk");
    assert_eq!(prospective(&log, "bo", "officers").as_deref(), Some("it was granted before"));
    let asked = |days| {
        let mut log = Log::new();
        log.ask_waiver("ana", "spec.exercised", STAGE, days, None);
        let event = log.events.pop().unwrap().event;
        waiver_refusal(&log.input(STAGE, &[]), &event)
    };
    assert_eq!(asked(90), None);
    assert!(asked(91).unwrap().contains("91 days in all"));
}

#[test]
fn a_release_names_its_waivers() {
    let mut log = Log::complete();
    log.running.review_load = None;
    let waiver = log.ask_waiver("ana", "review.load", STAGE, 30, None);
    log.grant_waiver("ria", waiver, "risk");
    log.approve_release("ana", STAGE);
    log.approve_release("ria", STAGE);
    let states = log.states(STAGE);
    assert_eq!(release::can_release(STAGE, &states), Ok(()));
    let waived = release::waivers(&states);
    assert_eq!(waived.iter().map(|w| (w.obligation.as_str(), w.waiver)).collect::<Vec<_>>(), [("review.load", waiver)]);
    assert_eq!(release::level(STAGE, FactoryKind::Real, &waived), "SEATRIAL_PRODUCTION_WAIVED");
    assert_eq!(release::level(STAGE, FactoryKind::Simulation, &waived), "SEATRIAL_SIMULATION_WAIVED");
    log.days(31);
    let missing: Vec<String> = release::missing(&log.states(STAGE)).into_iter().map(|m| m.obligation).collect();
    assert_eq!(missing, ["review.load", "release.approval"], "what was waived is missing again, and the state another");
}
