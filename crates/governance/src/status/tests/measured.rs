//! What is measured: evaluations, drills, probes, traces.

use crate::fixture::{Log, changed, principal};
use crate::state::State;
use seatrial_model::event::{CertificateRevoked, Share, WorkflowStopped};
use seatrial_model::{Body, Stage};
use seatrial_spec::workflow::{ConfidenceSource, Drawn};

#[test]
fn a_certificate() {
    let certified = |change: &dyn Fn(&mut Log)| {
        let mut log = Log::new();
        change(&mut log);
        log.is(Stage::Production, "threshold.assess").0
    };
    assert_eq!(certified(&|_| {}), State::Open);
    assert_eq!(certified(&|l| _ = l.certify(|_| {})), State::Discharged);
    assert_eq!(certified(&|l| _ = l.certify(|t| t.certified = false)), State::Failed);
    assert_eq!(certified(&|l| _ = l.certify(|t| t.certificate.at = Some(0.7))), State::Open);
    let revoke = |l: &mut Log| {
        let certificate = l.certify(|_| {});
        let body = CertificateRevoked {
            threshold: "thresholds.assess".into(),
            certificate,
            reason: "alarm".to_owned(),
            audits: Share { k: 6, n: 20 },
            log_e: 3.4,
            log_change: None,
            told: Vec::new(),
        };
        l.add(seatrial_model::Principal::system(), &[], Body::CertificateRevoked(body));
    };
    assert_eq!(certified(&revoke), State::Revoked);
    assert_eq!(
        certified(&|l| {
            revoke(l);
            l.certify(|_| {});
        }),
        State::Discharged
    );
    let alias = |l: &mut Log| {
        l.inputs.models.get_mut("assess").unwrap().alias = true;
        l.certify(|_| {});
    };
    assert_eq!(certified(&alias), State::Open);
    assert_eq!(
        certified(&|l| {
            l.inputs.models.clear();
            l.certify(|_| {});
        }),
        State::Open
    );
    let none = Log::new().with(changed(|w| w.thresholds.get_mut("assess").unwrap().at = None));
    assert_eq!(
        none.is(Stage::Production, "threshold.assess"),
        (State::Discharged, "`at: none`: nothing passes without a person".to_owned())
    );
    let caller = Log::new().with(changed(|w| w.steps[0].confidence = Some(ConfidenceSource::Caller)));
    assert_eq!(caller.is(Stage::Production, "threshold.assess").0, State::Failed);
}

#[test]
fn evaluations_by_the_way_a_set_was_drawn() {
    let golden = |drawn: Drawn, change: &dyn Fn(&mut seatrial_model::event::EvaluationRecorded)| {
        let mut log = Log::new().with(changed(|w| w.examples.get_mut("golden").unwrap().drawn = drawn));
        log.evaluate("golden", |e| change(e));
        (log.is(Stage::Pilot, "eval.golden").0, log.is(Stage::Production, "eval.golden").0)
    };
    use State::{Discharged, Failed, Inconclusive, Open};
    assert_eq!(golden(Drawn::Curated, &|_| {}), (Discharged, Discharged));
    assert_eq!(golden(Drawn::Curated, &|e| e.passed.k = 17), (Discharged, Failed));
    assert_eq!(golden(Drawn::Curated, &|e| e.inconclusive = 5), (Discharged, Inconclusive));
    assert_eq!(golden(Drawn::Curated, &|e| e.outputs = "supplied".to_owned()), (Open, Open));
    assert_eq!(golden(Drawn::Curated, &|e| e.passed = Share { k: 0, n: 0 }), (Discharged, Inconclusive));
    assert_eq!(golden(Drawn::Random, &|e| e.lower = Some(0.86)), (Discharged, Inconclusive));
    assert_eq!(golden(Drawn::Random, &|e| e.lower = Some(0.91)), (Discharged, Discharged));
    assert_eq!(
        golden(Drawn::Random, &|_| {}),
        (Discharged, Inconclusive),
        "a random set without its bound does not pass"
    );
}

#[test]
fn one_let_through_is_one_too_many() {
    let mut log = Log::new();
    log.evaluate("adversarial", |e| e.let_through = Share { k: 1, n: 5 });
    assert_eq!(log.is(Stage::Pilot, "eval.forbidden.injection").0, State::Failed);
    log.evaluate("adversarial", |e| e.let_through = Share { k: 0, n: 0 });
    assert_eq!(log.is(Stage::Pilot, "eval.forbidden.injection").0, State::Inconclusive);
}

#[test]
fn a_model_that_was_not_there_stopped_nothing() {
    let mut log = Log::new();
    log.evaluate("adversarial", |e| e.unjudged = 2);
    let (state, why) = log.is(Stage::Pilot, "eval.forbidden.injection");
    assert_eq!(
        (state, why.as_str()),
        (
            State::Inconclusive,
            "`adversarial`: 2 of 5 examples that must not pass got no answer that could be judged; evaluate `adversarial` again when its model answers"
        )
    );
    // Those that passed were seen, whatever was not.
    log.evaluate("adversarial", |e| (e.unjudged, e.let_through) = (2, Share { k: 1, n: 5 }));
    assert_eq!(log.is(Stage::Pilot, "eval.forbidden.injection").0, State::Failed);
    log.evaluate("adversarial", |_| {});
    assert_eq!(log.is(Stage::Pilot, "eval.forbidden.injection").0, State::Discharged);
}

#[test]
fn no_bar_is_met_by_what_was_not_seen() {
    let mut log = Log::new();
    log.evaluate("golden", |e| e.unjudged = 1);
    for stage in [Stage::Pilot, Stage::Production] {
        let (state, why) = log.is(stage, "eval.golden");
        assert_eq!(state, State::Inconclusive, "{why}");
        assert!(why.starts_with("1 of 5 examples that must not pass got no answer"), "{why}");
    }
    log.evaluate("golden", |e| (e.unjudged, e.passed.k) = (1, 3));
    assert_eq!(log.is(Stage::Production, "eval.golden").0, State::Failed);
}

#[test]
fn a_rule_that_never_caught_anything_is_not_exercised() {
    let mut log = Log::new();
    log.evaluate("golden", |e| e.rules.get_mut(&"steps.assess.never.declines".into()).unwrap().caught = 0);
    let (state, why) = log.is(Stage::Production, "spec.exercised");
    assert_eq!((state, why.as_str()), (State::Open, "`steps.assess.never.declines` caught nothing"));
    log.evaluate("adversarial", |_| {});
    assert_eq!(log.is(Stage::Production, "spec.exercised").0, State::Discharged);
}

#[test]
fn drills() {
    let stop = |who: &str, ms: u64, refused: u64| {
        let mut log = Log::new();
        log.drill(who, ms, refused, vec![]);
        (log.is(Stage::Pilot, "drill.stop").0, log.is(Stage::Production, "drill.stop").0)
    };
    use State::{Discharged, Failed};
    assert_eq!(stop("ana", 900, 3), (Discharged, Discharged));
    assert_eq!(stop("dev", 900, 3), (Discharged, Failed));
    assert_eq!(stop("ria", 900, 3), (Discharged, Failed));
    assert_eq!(stop("ana", 90_000, 3), (Discharged, Failed));
    assert_eq!(stop("ana", 900, 0), (Failed, Failed));
    let mut log = Log::new();
    let helped = log.add(
        principal("dev"),
        &[],
        Body::WorkflowStopped(WorkflowStopped { element: "".into(), marked: false, factory: false }),
    );
    log.drill("ana", 900, 3, vec![helped]);
    assert!(log.is(Stage::Production, "drill.stop").1.contains("of the delivery side acted in it"));
}

#[test]
fn probes_and_traces() {
    let mut log = Log::new();
    log.probe(false);
    assert_eq!(log.is(Stage::Pilot, "runtime.enforces").0, State::Failed);
    log.probe(true);
    assert_eq!(log.is(Stage::Pilot, "runtime.enforces").0, State::Discharged);
    log.trace(10, 9);
    assert_eq!(log.is(Stage::Pilot, "runtime.trace").0, State::Discharged);
    assert_eq!(log.is(Stage::Production, "runtime.trace").0, State::Failed);
    log.trace(9, 9);
    assert_eq!(log.is(Stage::Pilot, "runtime.trace").0, State::Failed);
}
