use super::*;
use crate::fixture::{Log, changed, principal};
use crate::status::{Oversight, PilotNow, ReviewLoad};
use seatrial_model::event::{DocumentFiled, WorkflowStopped};
use seatrial_model::{Assurance, Digest, Span, Tier};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{
    Bar, BarOp, Expr, FactoryDuty, FactoryObligation, Fallback, HttpKind, HttpProvider, Outcome as Wanted, SpecFile,
};

const STAGE: Stage = Stage::Production;

fn waiting(today: Option<f64>) -> Workflow {
    changed(|w| {
        let target = Bar { op: BarOp::AtMost, value: 0.75 };
        w.outcomes.insert("waiting".to_owned(), Wanted { measure: "share that waits".to_owned(), today, target });
    })
}

#[test]
fn an_outcome_is_measured_and_meets_its_target_or_is_accepted() {
    let mut log = Log::new().with(waiting(Some(1.0)));
    let is = |log: &Log, stage| log.is(stage, "outcome.waiting");
    assert_eq!(is(&log, Stage::Pilot), (State::Discharged, "today it is 1; the target is <= 0.75".to_owned()));
    assert_eq!(is(&log, STAGE), (State::Open, "not measured; the target is <= 0.75".to_owned()));
    log.measure("waiting", 0.8);
    assert_eq!(is(&log, STAGE).0, State::Failed);
    log.approve("ria", "outcome.waiting", STAGE);
    assert_eq!(is(&log, STAGE).0, State::Failed, "risk is not the business");
    log.approve("ana", "outcome.waiting", STAGE);
    expect_test::expect!["0.8: the target is <= 0.75; accepted as it is by ana@bank.example"]
        .assert_eq(&is(&log, STAGE).1);
    // It was that figure that they accepted.
    log.measure("waiting", 0.9);
    assert_eq!(is(&log, STAGE).0, State::Failed);
    log.measure("waiting", 0.75);
    assert_eq!(is(&log, STAGE).0, State::Discharged);
    let mut log = log;
    log.workflow = changed(|w| {
        let target = Bar { op: BarOp::AtMost, value: 0.7 };
        let stricter = Wanted { measure: "share that waits".to_owned(), today: Some(1.0), target };
        w.outcomes.insert("waiting".to_owned(), stricter);
    });
    assert_eq!(is(&log, STAGE).0, State::Failed, "a target is applied to the figure, and stales none");
    let log = log.with(changed(|w| {
        let target = Bar { op: BarOp::AtMost, value: 0.5 };
        let other = Wanted { measure: "share that waits a day".to_owned(), today: None, target };
        w.outcomes.insert("waiting".to_owned(), other);
    }));
    assert_eq!(is(&log, STAGE).0, State::Stale, "another outcome was measured");
    assert_eq!(is(&log, Stage::Pilot).0, State::Stale, "and nobody knows how it stands today");
}

#[test]
fn a_figure_that_is_no_number_measures_nothing() {
    let mut log = Log::new().with(waiting(None));
    log.measure("waiting", f64::NAN);
    assert_eq!(log.is(STAGE, "outcome.waiting").0, State::Open);
}

#[test]
fn a_pilots_findings_are_approved_over_their_report() {
    let mut log = Log::new();
    assert_eq!(log.is(STAGE, "pilot.findings").0, State::Open);
    log.report_pilot(b"first", |_| {});
    log.approve_as_it_stands("ria", "pilot.findings", STAGE);
    assert_eq!(log.is(STAGE, "pilot.findings").0, State::Open, "the receiving side approves it");
    log.approve_as_it_stands("ana", "pilot.findings", STAGE);
    assert_eq!(log.is(STAGE, "pilot.findings").0, State::Discharged);
    log.report_pilot(b"second", |_| {});
    let state = log.state(STAGE, "pilot.findings");
    assert_eq!(state.state, State::Stale, "{}", state.why);
    assert_eq!(state.changed_inputs.iter().map(|c| c.input.as_str()).collect::<Vec<_>>(), ["report"]);
}

#[test]
fn a_pilot_that_failed_or_showed_nothing_leads_nowhere() {
    let is = |change: fn(&mut seatrial_model::event::PilotReported), workflow: Option<Workflow>| {
        let mut log = Log::new();
        log.workflow = workflow.unwrap_or(log.workflow);
        log.report_pilot(b"report", change);
        log.approve_as_it_stands("ana", "pilot.findings", STAGE);
        log.is(STAGE, "pilot.findings").0
    };
    let with_criterion = || {
        changed(|w| {
            let expr =
                Expr { source: "metrics.reviewed >= 1.0".to_owned(), promoted: "metrics.reviewed >= 1.0".to_owned() };
            w.gates.pilot.as_mut().unwrap().continue_if = Some(expr);
        })
    };
    assert_eq!(is(|_| {}, None), State::Discharged);
    assert_eq!(is(|r| r.continues = Some(false), None), State::Failed);
    assert_eq!(is(|r| r.decisions = 0, None), State::Inconclusive);
    assert_eq!(is(|_| {}, Some(with_criterion())), State::Inconclusive, "nobody knows whether the criterion is met");
    assert_eq!(is(|r| r.continues = Some(true), Some(with_criterion())), State::Discharged);
    let mut log = Log::complete();
    log.running.pilot = Some(PilotNow { number: 2, release: Digest::of(b"p"), decisions: 3, reviewed: 3 });
    assert_eq!(log.is(STAGE, "pilot.findings").0, State::Open, "another pilot runs");
}

#[test]
fn the_load_of_reviews_is_within_what_people_can_answer() {
    let mut log = Log::new();
    let mut is = |expected_per_day: f64, capacity_per_day: f64| {
        log.running.review_load = Some(ReviewLoad { expected_per_day, capacity_per_day });
        log.is(STAGE, "review.load").0
    };
    assert_eq!(is(120.0, 120.0), State::Discharged);
    assert_eq!(is(120.1, 120.0), State::Failed);
    assert_eq!(is(f64::NAN, 120.0), State::Failed);
    assert_eq!(is(1.0, f64::INFINITY), State::Failed);
    assert_eq!(Log::new().is(STAGE, "review.load").0, State::Open, "unknown is never green");
}

#[test]
fn reviewers_who_see_nothing_are_no_control() {
    let mut log = Log::new();
    let mut is = |caught: u64, seeded: u64, lower: f64| {
        log.running.oversight = Some(Oversight { caught, seeded, lower });
        log.is(STAGE, "oversight.efficacy").0
    };
    assert_eq!(is(58, 60, 0.9), State::Discharged);
    assert_eq!(is(9, 10, 0.6), State::Inconclusive, "low volume");
    assert_eq!(is(30, 60, 0.4), State::Failed);
    assert_eq!(is(0, 0, 1.0), State::Open);
    assert_eq!(is(10, 60, 0.9), State::Failed, "a bound above the share itself is none");
    assert_eq!(is(60, 60, f64::NAN), State::Inconclusive);
}

#[test]
fn what_passed_is_what_is_recorded() {
    let mut log = Log::new();
    let is = |log: &Log| log.is(STAGE, "runtime.complete").0;
    assert_eq!(is(&log), State::Open);
    log.reconcile(|r| r.unrecorded = 1);
    assert_eq!(is(&log), State::Failed);
    log.reconcile(|_| {});
    assert_eq!(is(&log), State::Discharged);
    log.reconcile(|r| (r.theirs, r.ours) = (0, 0));
    assert_eq!(is(&log), State::Inconclusive);
    log.reconcile(|_| {});
    // Where a provider bills its calls, they are reconciled too.
    let provider = Provider::Http(HttpProvider {
        kind: HttpKind::OpenAi,
        base_url: "https://m.example/v1".to_owned(),
        key: None,
        speaks: vec![seatrial_model::Protocol::OpenAiChat],
        prices: std::collections::BTreeMap::new(),
    });
    log.factory.providers.insert("embedded".to_owned(), provider);
    assert_eq!(
        log.is(STAGE, "runtime.complete").1,
        "500 cases there, 500 here, none unrecorded; `calls` were not reconciled"
    );
    log.reconcile(|r| r.of = "calls".to_owned());
    assert_eq!(is(&log), State::Discharged);
}

#[test]
fn drills_besides_stop() {
    let mut log = Log::new();
    let is = |log: &Log, id: &str| (log.is(Stage::Pilot, id).0, log.is(STAGE, id).0);
    log.exercise("dev", "override", |_| {});
    assert_eq!(is(&log, "drill.override"), (State::Discharged, State::Failed), "delivery may exercise a pilot's");
    log.exercise("ana", "override", |d| d.events.clear());
    assert_eq!(log.is(STAGE, "drill.override").0, State::Failed, "nothing shows that it happened");
    log.exercise("ana", "override", |_| {});
    assert_eq!(log.is(STAGE, "drill.override").0, State::Discharged);
    log.workflow = changed(|w| {
        let drills = &mut w.gates.production.as_mut().unwrap().drills;
        drills.insert("override".to_owned(), Span::from_millis(500));
    });
    assert_eq!(log.is(STAGE, "drill.override").0, State::Failed, "too late");
    let mut log = Log::new();
    let helped = log.append(
        principal("dev"),
        vec![],
        Body::WorkflowStopped(WorkflowStopped { element: "".into(), marked: false, factory: false }),
    );
    log.exercise("ana", "degraded", |d| d.events = vec![helped]);
    assert!(log.is(STAGE, "drill.degraded").1.contains("of the delivery side acted in it"));
}

#[test]
fn those_who_take_over_exercised_all_of_it() {
    let mut log = Log::complete();
    assert_eq!(log.is(STAGE, "ownership.drills").0, State::Discharged);
    let stale = log.with(changed(|w| w.steps[0].overrides.as_mut().unwrap().reasons.push("late".to_owned())));
    let state = stale.state(STAGE, "ownership.drills");
    assert_eq!((state.state, state.changed), (State::Stale, vec!["steps.assess.override".into()]));
    log = Log::new();
    for control in ["stop", "override", "escalation", "incident"] {
        log.exercise("ana", control, |_| {});
    }
    assert_eq!(log.is(STAGE, "ownership.drills"), (State::Open, "`drill.degraded` is open".to_owned()));
    let waiver = log.ask_waiver("ana", "drill.degraded", STAGE, 30, None);
    log.grant_waiver("ria", waiver, "risk");
    let (state, why) = log.is(STAGE, "ownership.drills");
    assert_eq!(state, State::Discharged);
    assert!(why.ends_with("; waived: `drill.degraded`"), "{why}");
    log.exercise("dev", "degraded", |_| {});
    assert_eq!(log.is(STAGE, "ownership.drills").0, State::Failed, "one that failed is no matter for the waiver");
}

/// Two runbooks: of exceptions, and of the step's fallback.
fn with_runbooks(exceptions: &str, fallback: &str) -> Workflow {
    changed(|w| {
        for (name, text) in [("exceptions.md", exceptions), ("by-hand.md", fallback)] {
            let bytes: std::sync::Arc<[u8]> = text.as_bytes().into();
            let blob = Digest::of(&bytes);
            w.files.insert(name.to_owned(), SpecFile { bytes, blob });
        }
        w.responsibilities.get_mut("exceptions").unwrap().runbook = Some("exceptions.md".to_owned());
        let old = w.steps[0].fallback.take().unwrap();
        w.steps[0].fallback = Some(Fallback { runbook: Some("by-hand.md".to_owned()), ..old });
    })
}

#[test]
fn a_runbook_is_followed_not_only_written() {
    let mut log = Log::new().with(with_runbooks("a", "b"));
    log.submit("dev");
    let (state, why) = log.is(STAGE, "ownership.runbooks");
    assert_eq!(state, State::Open);
    assert!(why.contains("`responsibilities.exceptions`, `steps.assess.fallback`"), "{why}");
    log.exercise("ana", "incident", |d| d.runbooks = vec!["responsibilities.exceptions".into()]);
    log.exercise("dev", "degraded", |d| d.runbooks = vec!["steps.assess.fallback".into()]);
    assert_eq!(log.is(STAGE, "ownership.runbooks").0, State::Open, "followed by those who take over");
    log.exercise("bo", "degraded", |d| d.runbooks = vec!["steps.assess.fallback".into()]);
    assert_eq!(log.is(STAGE, "ownership.runbooks").0, State::Discharged);
    // Another text of one asks for that one, and not for the other.
    let log = log.with(with_runbooks("a", "other"));
    let state = log.state(STAGE, "ownership.runbooks");
    assert_eq!((state.state, state.changed), (State::Stale, vec!["steps.assess.fallback".into()]));
}

#[test]
fn the_high_tier_is_challenged_by_the_independent_side() {
    let mut log = Log::new().with(changed(|w| w.risks.tier = Tier::High));
    let file = |log: &mut Log, who: &str, id: &str| {
        let filed = DocumentFiled {
            obligation: id.to_owned(),
            document: Digest::of(b"report"),
            name: "report.pdf".to_owned(),
            bytes: 6,
        };
        log.add(principal(who), &[id], Body::DocumentFiled(filed))
    };
    let id = "validation.independent";
    assert_eq!(log.is(STAGE, id).0, State::Open);
    log.approve("ria", id, STAGE);
    assert_eq!(log.is(STAGE, id).0, State::Open, "of what?");
    file(&mut log, "ana", id);
    assert_eq!(log.is(STAGE, id).0, State::Open, "not of the independent side");
    file(&mut log, "ria", id);
    assert_eq!(log.is(STAGE, id).0, State::Open, "the approval is older than the report");
    log.approve("ana", id, STAGE);
    assert_eq!(log.is(STAGE, id).0, State::Open);
    log.approve("ria", id, STAGE);
    assert_eq!(log.is(STAGE, id).0, State::Discharged);
    let log = log.with(changed(|w| {
        w.risks.tier = Tier::High;
        w.steps[0].withhold.clear();
    }));
    assert_eq!(log.is(STAGE, id).0, State::Stale);
}

#[test]
fn what_the_factory_asks_for_itself() {
    let own = |id: &str, by: FactoryDuty| FactoryObligation {
        id: id.to_owned(),
        title: "The works council".to_owned(),
        stages: vec![Stage::Production],
        layer: seatrial_model::words::Layer::Governance,
        scope: vec!["purpose".into(), "steps.*.influence".into()],
        by,
        max_age: Some(Span::from_millis(10 * 86_400_000)),
        waivable: true,
    };
    let mut log = Log::new();
    log.factory.obligations = vec![
        own("works-council", FactoryDuty::Approval { role: "officers".to_owned() }),
        own("contract", FactoryDuty::Document { role: "risk".to_owned() }),
    ];
    log.approve("ria", "works-council", STAGE);
    assert_eq!(log.is(STAGE, "works-council").0, State::Open);
    log.approve("ana", "works-council", STAGE);
    assert_eq!(log.is(STAGE, "works-council").0, State::Discharged);
    let filed = DocumentFiled {
        obligation: "contract".to_owned(),
        document: Digest::of(b"c"),
        name: "c.pdf".to_owned(),
        bytes: 1,
    };
    log.add(principal("ana"), &["contract"], Body::DocumentFiled(filed.clone()));
    assert_eq!(log.is(STAGE, "contract").0, State::Open);
    log.add(principal("ria"), &["contract"], Body::DocumentFiled(filed.clone()));
    assert_eq!(log.is(STAGE, "contract").0, State::Discharged);
    let mut unsure = principal("ria");
    unsure.assurance = Assurance::Local;
    log.add(unsure, &["contract"], Body::DocumentFiled(filed));
    assert_eq!(log.is(STAGE, "contract").0, State::Discharged, "one more that does not count takes nothing away");
    log.days(11);
    for id in ["works-council", "contract"] {
        let (state, why) = log.is(STAGE, id);
        assert_eq!(state, State::Stale);
        assert!(why.ends_with("older than 10d"), "{why}");
    }
    log.factory.obligations[0].title.push('s');
    assert!(log.is(STAGE, "works-council").1.contains("definition or parameters changed"));
}
