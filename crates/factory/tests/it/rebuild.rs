//! Everything that is shown is a fold over events: folded again, it is the same.

use crate::support::{WORKFLOW, Yard, application, shop};
use seatrial_factory::{Standing, TruthInput};
use seatrial_model::{Action, Answer, LogName, Stage};
use std::collections::BTreeMap;

fn board(standing: &Standing) -> BTreeMap<String, String> {
    let row = |s: &seatrial_governance::ObligationState| format!("{} {} {:?} {}", s.state, s.why, s.events, s.key);
    standing.states.iter().map(|s| (s.obligation.id.clone(), row(s))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_delivery_folds_to_what_is_stored() {
    let yard = Yard::production().await;
    let passed = yard.allowed(2).await;
    let waits = yard.pass(application(900)).await;
    crate::reviews::answer(&yard, "una", &waits, Answer::Accept, None).await.unwrap();
    let waits = yard.pass(application(901)).await;
    yard.factory.claim(&yard.who("ugo"), waits.review.unwrap()).await.unwrap();
    let hana = yard.who("hana");
    let overridden = passed[0].1.decision;
    yard.factory.override_decision(&hana, overridden, Action::Block, "wrong-data", "", None).await.unwrap();
    yard.factory.override_decision(&hana, waits.decision, Action::Allow, "other", "", None).await.unwrap();
    let truth = TruthInput { decision: passed[1].1.decision, truth: serde_json::json!({"outcome": "good"}) };
    yard.factory.truths(&shop("shop"), vec![truth]).await.unwrap();
    yard.factory.stop(&hana, WORKFLOW, None, "an exercise").await.unwrap();
    for log in [yard.log(), LogName::factory()] {
        let report = yard.factory.store().check_rows(&log).await.unwrap();
        assert!(report.identical(), "{:?}", report.differences);
        assert!(report.events > 0);
    }
    let size = yard.factory.summary(WORKFLOW).await.unwrap().log_size;
    assert!(size > 100, "{size}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_process_sees_the_same_standing() {
    let yard = Yard::production().await;
    let before = (board(&yard.standing(Stage::Pilot).await), board(&yard.standing(Stage::Production).await));
    let in_force = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert_eq!((in_force.stage, in_force.level.as_str()), (Stage::Production, "SEATRIAL_SIMULATION_WAIVED"));
    let passed = yard.pass(application(900)).await;
    let yard = yard.reopened().await;
    let after = (board(&yard.standing(Stage::Pilot).await), board(&yard.standing(Stage::Production).await));
    assert_eq!(after, before);
    let settled = |row: &str| ["discharged", "waived", "not_applicable"].iter().any(|word| row.starts_with(word));
    assert!(before.1.values().all(|row| settled(row)), "{:#?}", before.1);
    let again = yard.factory.in_force(&yard.log()).await.unwrap().unwrap();
    assert_eq!((again.release, again.event, again.until), (in_force.release, in_force.event, in_force.until));
    let chain = yard.factory.decision(&yard.who("hana"), passed.decision).await.unwrap();
    assert_eq!((chain.verdict, chain.release), (passed.verdict, passed.release));
    let now = yard.pass(application(900)).await;
    assert_eq!((now.verdict, now.model, now.confidence), (passed.verdict, passed.model, passed.confidence));
}
