//! Sealed examples: no example changes side, and every look at them is counted and paid for.

use crate::support::{SALT, Yard};
use seatrial_factory::Quiet;
use seatrial_factory::api::Refused;
use seatrial_governance::State;
use seatrial_model::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn every_attempt_on_sealed_examples_spends_assurance() {
    let yard = Yard::production().await;
    let dev = yard.who("dev");
    let certify = || yard.factory.certify(&dev, None, "approve", &Quiet);
    // The shared delivery made the first attempt. The same number again, and then another.
    let second = certify().await.unwrap().body.certificate;
    assert_eq!((second.attempt, second.delta), (2, 0.05 / 2.0));
    yard.edit("at: 0.94 ", "at: 0.93 ");
    let third = certify().await.unwrap().body;
    assert_eq!((third.certificate.attempt, third.certificate.delta), (3, 0.05 / 4.0));
    assert_eq!((third.certificate.sealed, third.certificate.examples >= second.examples), (second.sealed, true));
    // One that nobody could certify is an event as well, and gives nothing.
    yard.edit("at: 0.93 ", "at: 0.5 ");
    let fourth = certify().await.unwrap().body;
    assert!(!fourth.certified && fourth.certificate.attempt == 4, "{:?}", fourth.certificate);
    let standing = yard.standing(Stage::Production).await;
    let threshold = standing.states.iter().find(|s| s.obligation.id == "threshold.approve").unwrap();
    assert!(!threshold.state.is_settled() && threshold.state != State::Stale, "{} {}", threshold.state, threshold.why);
    // What is served has its certificate still: it is bound to its own number.
    assert_eq!(yard.allowed(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_example_changes_side() {
    let yard = Yard::production().await;
    let dev = yard.who("dev");
    let other = yard.factory.propose(&dev, None, "approve", Some("beef".to_owned()), &Quiet).await.unwrap_err();
    assert!(matches!(&other, Refused::Conflict { now: Some(now), .. } if now == SALT), "{other}");
    // One application more: another set, sealed under the same salt, and every one known stays where it was. The model
    // learns from another side then, so nothing of what was measured stands, and the attempts are counted on.
    let (_, before) = yard.applications(SALT);
    let file = yard.workflow_folder().join("examples/applications.jsonl");
    let mut text = std::fs::read_to_string(&file).unwrap();
    let last = text.lines().last().unwrap().replace("\"id\":\"A", "\"id\":\"B").replace("\"amount\":", "\"amount\":1");
    text.push_str(&format!("{}\n", last.trim_end()));
    std::fs::write(&file, text).unwrap();
    let (examples, after) = yard.applications(SALT);
    assert!((0..examples.len() - 1).all(|i| before.side(i) == after.side(i)));
    yard.factory.propose(&dev, None, "approve", None, &Quiet).await.unwrap();
    let standing = yard.standing(Stage::Production).await;
    let state = |id: &str| standing.states.iter().find(|s| s.obligation.id == id).unwrap().state;
    assert_eq!((state("threshold.approve"), state("spec.exercised")), (State::Stale, State::Stale));
    let again = yard.factory.certify(&dev, None, "approve", &Quiet).await.unwrap().body;
    assert_eq!(again.certificate.attempt, 2, "an example more is no fresh start");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_evaluation_keeps_off_what_is_sealed() {
    let yard = Yard::pilot().await;
    let sets = ["applications".to_owned()];
    let done = yard.factory.evaluate(&yard.who("dev"), None, &sets, &Quiet).await.unwrap();
    assert_eq!(done[0].side, Some(seatrial_model::event::SplitSide::Tune), "neither sealed nor learned from");
    // And so it spends nothing.
    let certified = yard.factory.certify(&yard.who("dev"), None, "approve", &Quiet).await.unwrap().body;
    assert_eq!(certified.certificate.attempt, 2);
}
