//! Signs of theatre, one by one.

use super::good;
use crate::Served;
use crate::Standing::{Contradicted, Evidenced, NoEvidence, Partly};
use crate::fixture::{HOUR, History};
use seatrial_model::event::{ApprovalWithdrawn, Share, WaiverGranted, WaiverRequested};
use seatrial_model::{Body, Digest, EventId, Stage};
use seatrial_spec::workflow::AssessedBy;

#[test]
fn an_author_who_approves_is_shown() {
    let mut h = good();
    assert_eq!(h.stands("theatre.producer").0, Evidenced);
    h.approve("dev", "spec.intent", Stage::Production, 90_000);
    let last = h.events.len() as u64 - 1;
    assert_eq!(h.stands("theatre.producer"), (Contradicted, vec![last]));
}

/// Somebody else's submission on top does not make it another's work; a change elsewhere does.
#[test]
fn a_change_that_somebody_else_submits_stays_its_authors() {
    let approved = |from: &str, to: &str| {
        let mut h = History::new();
        h.submit("dev", &[], &[]);
        h.resubmit("ana", from, to);
        h.resubmit("dev", "hypercare: 60d", "hypercare: 61d");
        h.approve("ana", "spec.intent", Stage::Pilot, 90_000);
        h.stands("theatre.producer").0
    };
    assert_eq!(approved("Retail customers", "All customers"), Contradicted);
    assert_eq!(approved("stop: 1min", "stop: 30s"), Evidenced);
}

#[test]
fn reading_takes_time() {
    let mut h = good();
    assert_eq!(h.stands("theatre.reading-time").0, Evidenced);
    h.approve("ria", "spec.intent", Stage::Production, 900);
    assert_eq!(h.stands("theatre.reading-time"), (Contradicted, vec![h.events.len() as u64 - 1]));
}

/// By role, unless the factory has decided otherwise; a name stands in no report then.
#[test]
fn reading_times_are_shown_by_role() {
    let said = |by: AssessedBy| {
        let mut h = good();
        h.factory.assessment = by;
        let assessment = h.assess();
        let item = assessment.items().find(|i| i.id == "theatre.reading-time").unwrap().clone();
        item.reasons.iter().map(|r| r.text.clone()).collect::<Vec<_>>().join("; ")
    };
    assert!(said(AssessedBy::Role).contains("`officers`: 0 of") && !said(AssessedBy::Role).contains("@"));
    assert!(said(AssessedBy::Person).contains("`ana@bank.example`: 0 of"));
}

#[test]
fn three_in_a_minute_are_a_batch_and_two_are_not() {
    let mut h = good();
    h.wait(HOUR);
    h.approve("ria", "risk.register", Stage::Production, 90_000);
    h.approve("ria", "approval.risk", Stage::Production, 90_000);
    assert_eq!(h.stands("theatre.bulk").0, Evidenced);
    h.wait(59_000);
    h.approve("ria", "spec.intent", Stage::Production, 90_000);
    assert_eq!(h.stands("theatre.bulk").0, Contradicted);
}

#[test]
fn never_a_no() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.running.reviews_answered = 28;
    assert_eq!(h.stands("theatre.no-rejection").0, NoEvidence);
    h.running.reviews_answered = 29;
    assert_eq!(h.stands("theatre.no-rejection").0, Contradicted);
    let approval = h.approve("ana", "spec.intent", Stage::Pilot, 90_000);
    h.add("ana", &[], Body::ApprovalWithdrawn(ApprovalWithdrawn { approval }));
    assert_eq!(h.stands("theatre.no-rejection").0, Evidenced);
}

/// Whether a bar fell is read from the two specs; where one is not held, it is only said that it moved.
#[test]
fn a_bar_that_moves_after_a_miss() {
    let moved = |from: &str, to: &str, held: bool| {
        let mut h = History::new();
        h.submit("dev", &[], &[]);
        h.drill_in("ana", 70_000);
        h.resubmit("dev", from, to);
        if !held {
            h.specs.clear();
        }
        h.stands("theatre.moved-bar").0
    };
    assert_eq!(moved("stop: 1min", "stop: 2min", true), Contradicted);
    assert_eq!(moved("stop: 1min", "stop: 30s", true), Evidenced);
    assert_eq!(moved("hypercare: 60d", "hypercare: 90d", true), Evidenced);
    assert_eq!(moved("stop: 1min", "stop: 2min", false), Partly);
}

#[test]
fn a_bar_of_another_set_is_another_bar() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    assert_eq!(h.stands("theatre.moved-bar").0, NoEvidence);
    h.evaluate(Share { k: 17, n: 20 });
    h.submit("dev", &[], &["gates.production.evaluation.other"]);
    assert_eq!(h.stands("theatre.moved-bar").0, Evidenced);
    h.submit("dev", &[], &["gates.production.evaluation.golden"]);
    assert_eq!(h.stands("theatre.moved-bar").0, Partly);
}

#[test]
fn examples_that_stay_while_the_spec_moves() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    h.submit("dev", &[], &["steps.assess.never.declines"]);
    assert_eq!(h.stands("theatre.examples").0, NoEvidence);
    h.submit("dev", &[], &["thresholds.approve.at"]);
    assert_eq!(h.stands("theatre.examples").0, Contradicted);
    h.submit("dev", &["examples.golden"], &[]);
    assert_eq!(h.stands("theatre.examples").0, Evidenced);
}

#[test]
fn another_digest_than_the_released_one() {
    let mut h = good();
    assert_eq!(h.stands("theatre.served-digest").0, Evidenced);
    let example = (77, h.events[0].event.id);
    h.running.served.push(Served {
        release: Some(Digest::of(b"unknown")),
        spec: Some(h.workflow.digest),
        decisions: 1,
        example,
    });
    assert_eq!(h.stands("theatre.served-digest"), (Contradicted, vec![77]));
}

#[test]
fn the_eve_of_the_release() {
    let eve = |hours: i64| {
        let mut h = History::new();
        h.submit("dev", &[], &[]);
        h.evaluate(Share { k: 1, n: 1 });
        h.wait(hours * HOUR);
        for _ in 0..5 {
            h.evaluate(Share { k: 1, n: 1 });
        }
        h.release("ana", Stage::Pilot);
        h.stands("theatre.last-day").0
    };
    assert_eq!((eve(2), eve(25)), (Contradicted, Evidenced));
}

fn waiver(h: &mut History, renews: Option<EventId>) -> EventId {
    h.wait(24 * HOUR);
    let until = h.at.plus_millis(240 * HOUR);
    let (obligation, stage, shown) = ("drill.stop".to_owned(), Stage::Production, Digest::of(b"key"));
    let asked = h.add("ana", &[], Body::WaiverRequested(WaiverRequested { obligation, stage, until, renews, shown }));
    let shown = Digest::of(b"request");
    h.add("ria", &[], Body::WaiverGranted(WaiverGranted { waiver: asked, role: "risk".to_owned(), shown }));
    asked
}

#[test]
fn waivers_that_are_renewed_in_silence() {
    let mut h = History::new();
    h.submit("dev", &[], &[]);
    assert_eq!(h.stands("theatre.waivers").0, NoEvidence);
    let first = waiver(&mut h, None);
    assert_eq!(h.stands("theatre.waivers").0, Evidenced);
    h.drill("ana");
    let second = waiver(&mut h, Some(first));
    assert_eq!(h.stands("theatre.waivers").0, Evidenced);
    let third = waiver(&mut h, Some(second));
    let at = h.events.iter().find(|e| e.event.id == third).unwrap().index;
    assert_eq!(h.stands("theatre.waivers"), (Contradicted, vec![at]));
}
