//! Pilots: bounded by their own day, numbered by their terms, in shadow, and what they showed.

use crate::simulated;
use crate::stages::discharge_pilot;
use crate::support::{Only, WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::Refused;
use seatrial_factory::{OutcomeInput, PilotLook};
use seatrial_governance::State;
use seatrial_model::{Action, Body, Verdict};
use seatrial_sprint::pilot::PilotAnswer;
use seatrial_store::ReaderExt as _;

async fn pilots(yard: &Yard) -> Vec<PilotLook> {
    yard.factory.pilots(WORKFLOW).await.unwrap()
}

fn bounded(because: &[seatrial_model::ElementPath]) -> bool {
    because.iter().any(|p| p.as_str() == "gates.pilot.per_day")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_terms_are_the_same_pilot_and_its_ceiling_goes_on() {
    let yard = Yard::with(Only(None), |root| {
        let file = root.join("workflows/credit-preapproval/workflow.yaml");
        crate::support::edit(&file, "    per_day: 200\n", "    per_day: 3\n");
    })
    .await;
    yard.to_pilot().await;
    for _ in 0..2 {
        assert!(!bounded(&yard.pass(application(900)).await.because));
    }
    // Another rule, the same terms: the second release of the same pilot.
    yard.edit("input.credit.amount > 2000", "input.credit.amount > 1500");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    discharge_pilot(&yard).await;
    let [pilot] = pilots(&yard).await.try_into().unwrap();
    assert_eq!((pilot.number, pilot.releases.len(), pilot.decisions, pilot.today), (1, 2, 2, 2));
    assert!(!bounded(&yard.pass(application(900)).await.because), "the third of three");
    let over = yard.pass(application(900)).await;
    assert!(bounded(&over.because) && over.verdict == Verdict::Deny && over.code == "not_released", "{over:?}");
    // The next day begins at midnight in Madrid, 23:00 UTC: it is 10:00 UTC.
    yard.factory.advance_clock((12 * 60 + 50) * 60_000).await.unwrap();
    assert!(bounded(&yard.pass(application(900)).await.because), "22:50 UTC is 23:50 there");
    yard.factory.advance_clock(15 * 60_000).await.unwrap();
    assert!(!bounded(&yard.pass(application(900)).await.because), "five past midnight there");
    // Past its end everything is denied.
    yard.factory.advance_clock(200 * 86_400_000).await.unwrap();
    let ended = yard.pass(application(900)).await;
    assert!(ended.because.iter().any(|p| p.as_str() == "gates.pilot.until"), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terms_that_change_after_the_first_decision_are_another_pilot() {
    let yard = Yard::pilot().await;
    // Before any decision the terms may still be put right.
    yard.edit("    per_day: 200\n", "    per_day: 150\n");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    discharge_pilot(&yard).await;
    let [pilot] = pilots(&yard).await.try_into().unwrap();
    assert_eq!((pilot.number, pilot.releases.len(), pilot.per_day), (1, 2, Some(150)));
    yard.pass(application(900)).await;
    yard.edit("metrics.reviewed >= 3", "metrics.reviewed >= 2");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    discharge_pilot(&yard).await;
    let [first, second] = pilots(&yard).await.try_into().unwrap();
    assert_eq!((first.number, first.in_force, first.decisions), (1, false, 1));
    assert_eq!((second.number, second.in_force, second.decisions), (2, true, 0));
    assert_eq!(second.terms.previous, first.releases.last().copied(), "linked to the one before");
    assert_eq!(first.terms.continue_if.as_deref(), Some("metrics.reviewed >= 3"), "which stays visible");
    assert!(yard.factory.store().check_rows(&yard.log()).await.unwrap().identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn shadow_judges_live_and_changes_nothing() {
    let yard = Yard::with(Only(None), |root| {
        let file = root.join("workflows/credit-preapproval/workflow.yaml");
        crate::support::edit(&file, "mode: live", "mode: shadow");
    })
    .await;
    yard.to_pilot().await;
    let [pilot] = pilots(&yard).await.try_into().unwrap();
    assert!(pilot.terms.shadow);
    let passed = yard.pass(application(900)).await;
    assert!(passed.output.is_some() && passed.action == Action::Allow, "{passed:?}");
    // What would be denied for its input still reaches the model, and its output leaves.
    let mut denied = application(900);
    denied["credit"]["price"] = 100.into();
    let denied = yard.pass(denied).await;
    assert_eq!((denied.verdict, denied.action, denied.review), (Verdict::Deny, Action::Allow, None));
    assert!(denied.output.is_some(), "the model was asked as if nobody judged");
    // What would be escalated leaves as well, and opens no question.
    let large = yard.pass(application(9_000)).await;
    assert_eq!((large.verdict, large.action, large.review), (Verdict::Escalate, Action::Allow, None));
    assert!(large.because.iter().any(|p| p.as_str() == "steps.assess.escalate.large"), "{:?}", large.because);
    assert!(!large.because.iter().any(|p| p.as_str() == "gates.pilot.review"), "nobody is asked in shadow");
    let (_, logged) = last_decision(&yard).await;
    let Body::DecisionMade(made) = logged.body else { panic!() };
    assert!(made.facts.shadow);
    // A stop is no judgement of an output: it holds in shadow, too.
    yard.factory.stop(&yard.who("una"), WORKFLOW, None, "halt").await.unwrap();
    let stopped = yard.factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    assert!(matches!(stopped, Refused::Stopped { .. }), "{stopped}");
}

async fn last_decision(yard: &Yard) -> (u64, seatrial_model::Event) {
    let store = yard.factory.store();
    let size = store.size(&yard.log()).await.unwrap();
    let events = store.events(&yard.log(), size - 1, 1).await.unwrap();
    events.into_iter().next().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilots_four_findings_come_from_the_log() {
    let yard = Yard::pilot().await;
    let lena = yard.who("lena");
    let empty = yard.factory.pilot_report(&lena, WORKFLOW, None, false).await.unwrap();
    assert_eq!((empty.report.decisions, empty.report.continues), (0, None));
    simulated::pilot(&yard.factory).await.unwrap();
    let overridden = yard.pass(application(901)).await;
    let una = yard.who("una");
    yard.factory
        .override_decision(&una, overridden.decision, Action::Block, "wrong-data", "two customers mixed up", None)
        .await
        .unwrap();
    let now = yard.factory.now();
    let measured = OutcomeInput {
        outcome: "waiting".to_owned(),
        value: 0.7,
        from: now.plus_millis(-60_000),
        until: now,
        cases: Some(4),
        note: "the branch's queue".to_owned(),
    };
    let outcome = yard.factory.measure(&yard.who("hana"), WORKFLOW, measured.clone()).await.unwrap();
    assert!(outcome.met && outcome.today == Some(1.0));
    let shown = yard.factory.pilot_report(&lena, WORKFLOW, None, false).await.unwrap();
    let done = yard.factory.pilot_report(&lena, WORKFLOW, Some(1), true).await.unwrap();
    assert_eq!((shown.event, shown.report.findings.len(), done.report.decisions), (None, 4, 5));
    assert_eq!(done.report.continues, Some(true), "three answers were wanted: {:?}", done.metrics);
    assert_eq!((done.metrics["decisions"], done.metrics["reviewed"]), (5.0, 4.0));
    let [worth, helps, variability, controls] = done.report.findings.as_slice() else { panic!() };
    assert_eq!(worth.answer, PilotAnswer::Yes);
    assert!(worth.figures.iter().any(|f| f.what == "outcomes.waiting" && f.events == [outcome.event]), "{worth:#?}");
    assert_eq!(helps.answer, PilotAnswer::Listed);
    assert_eq!(variability.answer, PilotAnswer::Unknown, "nothing was asked twice");
    let reason = controls.figures.iter().find(|f| f.what == "overridden: wrong-data").unwrap();
    assert_eq!((reason.value.as_str(), reason.events.len()), ("1", 1));
    // The report is a blob of the log; what is approved is this report, and a newer one asks again.
    let read = yard.factory.pilot_reported(WORKFLOW, done.event.unwrap()).await.unwrap();
    assert_eq!(read, done.report);
    let state = || async {
        let standing = yard.standing(seatrial_model::Stage::Production).await;
        let found = standing.states.into_iter().find(|s| s.obligation.id == "pilot.findings").unwrap();
        found.state
    };
    assert_ne!(state().await, State::Discharged);
    yard.approve("hana", seatrial_model::Stage::Production, "pilot.findings", None).await;
    assert_eq!(state().await, State::Discharged);
    yard.pass(application(902)).await;
    yard.factory.pilot_report(&lena, WORKFLOW, None, true).await.unwrap();
    assert_eq!(state().await, State::Stale);
    // Nobody reports a pilot that is none, and whoever may not measures nothing.
    let none = yard.factory.pilot_report(&lena, WORKFLOW, Some(7), true).await.unwrap_err();
    assert!(matches!(none, Refused::NotFound(_)), "{none}");
    let refused = yard.factory.measure(&yard.who("ria"), WORKFLOW, measured.clone()).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)), "{refused}");
    for wrong in [
        OutcomeInput { value: f64::NAN, ..measured.clone() },
        OutcomeInput { outcome: "no-such".to_owned(), ..measured.clone() },
        OutcomeInput { until: now.plus_millis(86_400_000), ..measured.clone() },
        OutcomeInput { note: " ".to_owned(), ..measured },
    ] {
        yard.factory.measure(&yard.who("hana"), WORKFLOW, wrong).await.unwrap_err();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_a_window_without_rehearsals() {
    let yard = Yard::pilot().await;
    let from = yard.factory.now();
    simulated::pilot(&yard.factory).await.unwrap();
    yard.factory.drill_override(&yard.who("una"), None).await.unwrap();
    let until = yard.factory.now().plus_millis(1);
    let metrics = yard.factory.metrics(WORKFLOW, from, until).await.unwrap();
    assert_eq!((metrics["decisions"], metrics["escalated"], metrics["reviewed"]), (4.0, 4.0, 4.0));
    assert_eq!((metrics["per_day"], metrics["override_rate"], metrics["errors"]), (4.0, 0.0, 0.0));
    let names: Vec<&str> = seatrial_spec::metrics::METRICS.iter().map(|m| m.name).collect();
    assert!(names.iter().all(|name| metrics.contains_key(*name)) && metrics.len() == names.len());
    let before = yard.factory.metrics(WORKFLOW, from.plus_millis(-60_000), from).await.unwrap();
    assert!(before["decisions"] == 0.0 && before["agreement"] == 0.0);
}
