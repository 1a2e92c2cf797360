//! Calls that wait for a person, and system steps that ask before they act. On a pilot in which every case is reviewed
//! before its output leaves.

use crate::reviews::answer;
use crate::support::{Only, WORKFLOW, Yard, application, edit, run, shop};
use seatrial_factory::api::{AdmitInput, Admitted, Passage, Passed, Refused, ReviewAnswerInput};
use seatrial_model::{Answer, Body, Stage};
use seatrial_store::ReaderExt as _;
use std::time::Duration;

const PAY: &str =
    "  pay:\n    does: \"Pay the credit out\"\n    actor: system\n    requires: \"steps.assess.settled\"\n";

/// A pilot whose calls are held for so long, with a step that pays.
async fn pilot(hold: &str) -> Yard {
    let yard = Yard::with(Only(None), |root| {
        let file = root.join("workflows/credit-preapproval/workflow.yaml");
        edit(&file, "people: 1, hold: 0s", &format!("people: 1, hold: {hold}"));
        edit(&file, "thresholds:\n  approve:", &format!("{PAY}\nthresholds:\n  approve:"));
    })
    .await;
    yard.to_pilot().await;
    yard
}

fn stated(case: &str) -> Passage {
    Passage { case: Some(case.to_owned()), ..run(application(900)) }
}

fn wants(case: &str, passed: &Passed, output: &str) -> AdmitInput {
    AdmitInput {
        workflow: WORKFLOW.to_owned(),
        step: "pay".to_owned(),
        case: case.to_owned(),
        decision: Some(passed.decision),
        output: Some(output.to_owned()),
    }
}

async fn admit(yard: &Yard, input: AdmitInput) -> Admitted {
    yard.factory.admit(&shop("shop"), input).await.unwrap()
}

async fn code(yard: &Yard, input: AdmitInput) -> String {
    let said = admit(yard, input).await;
    assert_eq!(said.admitted, said.code == "admitted");
    said.code
}

/// Waits until a review is in the queue, and answers it as Una.
async fn answer_first(yard: &Yard, with: Answer) {
    let una = yard.who("hana");
    loop {
        let waiting = yard.factory.reviews(&una, Default::default()).await.unwrap();
        let Some(review) = waiting.into_iter().find(|r| !r.rehearsal) else {
            tokio::time::sleep(Duration::from_millis(5)).await;
            continue;
        };
        let chain = yard.factory.decision(&una, review.decision).await.unwrap();
        let seen = match chain.output {
            seatrial_factory::api::Held::Text { commitment, .. } => commitment,
            other => panic!("{other:?}"),
        };
        let input = ReviewAnswerInput { answer: with, output: None, reason: "seen".to_owned(), shown_ms: None, seen };
        yard.factory.answer(&una, review.review, input).await.unwrap();
        return;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_call_waits_for_the_answer() {
    let yard = pilot("5min").await;
    let pass = |case: &'static str| {
        let factory = yard.factory.clone();
        tokio::spawn(async move { factory.pass(&shop("shop"), stated(case)).await.unwrap() })
    };
    // What a person accepts leaves, to the call that waits.
    let waiting = pass("A-1");
    answer_first(&yard, Answer::Accept).await;
    let passed = waiting.await.unwrap();
    assert_eq!((passed.code.as_str(), passed.joined), ("allowed", false));
    assert!(passed.output.unwrap().contains("decision"));
    // What a person rejects does not, and nobody waits any longer.
    let waiting = pass("A-2");
    answer_first(&yard, Answer::Reject).await;
    let passed = waiting.await.unwrap();
    assert_eq!((passed.code.as_str(), passed.output), ("output_denied", None));
    // Whoever asks again while it waits, waits for the same answer.
    let (one, two) = (pass("A-3"), pass("A-3"));
    answer_first(&yard, Answer::Accept).await;
    let (one, two) = (one.await.unwrap(), two.await.unwrap());
    assert_eq!((one.decision, &one.output), (two.decision, &two.output));
    assert_eq!(u8::from(one.joined) + u8::from(two.joined), 1);
    // A stop ends the waiting, and freezes what the answer would release.
    let waiting = pass("A-4");
    while yard.factory.reviews(&yard.who("hana"), Default::default()).await.unwrap().iter().all(|r| r.rehearsal) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stop = yard.factory.stop(&yard.who("hana"), WORKFLOW, None, "prices are wrong").await.unwrap();
    assert_eq!(stop.cut, 1);
    let passed = waiting.await.unwrap();
    assert_eq!((passed.code.as_str(), passed.output), ("review_pending", None));
    answer_first(&yard, Answer::Accept).await;
    let chain = yard.factory.decision(&shop("shop"), passed.decision).await.unwrap();
    assert!(chain.released.is_none(), "a stop freezes what a review would release");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_step_acts_on_what_was_decided_and_once() {
    let yard = pilot("0s").await;
    let shop_caller = shop("shop");
    let pending = yard.factory.pass(&shop_caller, stated("A-1")).await.unwrap();
    assert_eq!(pending.code, "review_pending");
    let una = yard.who("hana");
    let shown = yard.factory.decision(&una, pending.decision).await.unwrap();
    let seatrial_factory::api::Held::Text { text, .. } = shown.output else { panic!("no output") };
    let output = text.raw().to_owned();
    // Pending is not settled, whatever output is named.
    let said = admit(&yard, wants("A-1", &pending, &output)).await;
    assert_eq!(said.code, "not_settled");
    let because: Vec<&str> = said.because.iter().map(|p| p.as_str()).collect();
    assert_eq!(because, ["steps.pay.requires", "steps.assess"]);
    answer(&yard, "hana", &pending, Answer::Accept, None).await.unwrap();
    // Another output, another case, another principal's case of the same name.
    assert_eq!(
        code(&yard, wants("A-1", &pending, "{\"decision\":\"pre-approve\",\"confidence\":1.0}")).await,
        "other_output"
    );
    assert_eq!(code(&yard, wants("A-2", &pending, &output)).await, "not_settled");
    let kiosk = yard.factory.admit(&shop("kiosk"), wants("A-1", &pending, &output)).await.unwrap();
    assert_eq!(kiosk.code, "not_settled");
    // Words are missing.
    for input in [
        AdmitInput { output: None, ..wants("A-1", &pending, &output) },
        AdmitInput { decision: None, ..wants("A-1", &pending, &output) },
        AdmitInput { decision: None, output: None, ..wants("A-1", &pending, &output) },
        AdmitInput { case: String::new(), ..wants("A-1", &pending, &output) },
        AdmitInput { step: "assess".to_owned(), ..wants("A-1", &pending, &output) },
    ] {
        assert!(matches!(yard.factory.admit(&shop_caller, input).await, Err(Refused::Invalid(_))));
    }
    // A stop holds for those who act, too.
    yard.factory.stop(&una, WORKFLOW, Some("pay"), "the bank is closed").await.unwrap();
    assert_eq!(code(&yard, wants("A-1", &pending, &output)).await, "workflow_stopped");
    yard.factory.resume(&yard.who("hugo"), WORKFLOW, Some("pay"), "it is open").await.unwrap();
    // One of many gets it. The same JSON in another spelling is the same output.
    let spelled = serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(&output).unwrap()).unwrap();
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (factory, input) = (yard.factory.clone(), wants("A-1", &pending, &spelled));
        racing.spawn(async move { factory.admit(&shop("shop"), input).await.unwrap().code });
    }
    let codes = racing.join_all().await;
    assert_eq!(codes.iter().filter(|c| *c == "admitted").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|c| *c == "used").count(), 15, "{codes:?}");
    // A restart forgets none.
    let yard = yard.reopened().await;
    assert_eq!(code(&yard, wants("A-1", &pending, &output)).await, "used");
    // Each answer stands in the log.
    let mut said = 0;
    for index in 0..yard.factory.summary(WORKFLOW).await.unwrap().log_size {
        let event = yard.factory.store().event(&yard.log(), index).await.unwrap().unwrap();
        said += usize::from(matches!(event.body, Body::StepAdmitted(_)));
    }
    assert_eq!(said, 1 + 1 + 1 + 1 + 1 + 16 + 1);
    assert!(yard.standing(Stage::Pilot).await.in_force.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_decision_on_the_same_question_takes_the_place_of_the_one_before() {
    let yard = pilot("0s").await;
    let shop_caller = shop("shop");
    let first = yard.factory.pass(&shop_caller, stated("A-1")).await.unwrap();
    answer(&yard, "hana", &first, Answer::Accept, None).await.unwrap();
    let released = yard.factory.decision(&shop_caller, first.decision).await.unwrap().released.unwrap();
    let seatrial_factory::api::Held::Text { text, .. } = released else { panic!("nothing was released") };
    let output = text.raw().to_owned();
    let mut afresh = stated("A-1");
    afresh.again.afresh = true;
    let second = yard.factory.pass(&shop_caller, afresh).await.unwrap();
    assert_ne!(second.decision, first.decision);
    assert_eq!(code(&yard, wants("A-1", &first, &output)).await, "not_settled");
    answer(&yard, "hana", &second, Answer::Accept, None).await.unwrap();
    assert_eq!(code(&yard, wants("A-1", &first, &output)).await, "not_settled");
    assert_eq!(code(&yard, wants("A-1", &second, &output)).await, "admitted");
}
