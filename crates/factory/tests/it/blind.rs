//! Blind audits: whoever answers one has not seen what the AI said.

use crate::support::{Yard, shop};
use seatrial_factory::api::{Caller, DecisionChain, Held, Passed, ReviewAnswerInput};
use seatrial_model::{Answer, Principal};

/// One in twenty is drawn: that none of so many is has a chance of 1 to 800 million.
const TRIES_MAX: usize = 400;

/// An allowed decision that was drawn for the blind audit of the heads of credit.
async fn audited(yard: &Yard) -> Passed {
    let (input, first) = yard.allowed(1).await.remove(0);
    let mut passed = first;
    for _ in 0..TRIES_MAX {
        if passed.review.is_some() && passed.output.is_some() {
            return passed;
        }
        passed = yard.pass(input.clone()).await;
    }
    panic!("none of {TRIES_MAX} was drawn");
}

async fn seen_by(yard: &Yard, caller: &Caller, passed: &Passed) -> DecisionChain {
    yard.factory.decision(caller, passed.decision).await.unwrap()
}

fn shows(chain: &DecisionChain, output: &str) -> bool {
    let all = serde_json::to_value(chain).unwrap();
    let held = |name: &str| all[name]["text"].as_str() == Some(output);
    assert_eq!(held("output"), held("released"), "both or none");
    held("output")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_sees_the_answer_after_their_own() {
    let yard = Yard::production().await;
    let passed = audited(&yard).await;
    let output = passed.output.clone().unwrap();
    let nobody = Caller { principal: Principal::system(), token: None, steps: Vec::new() };
    for auditor in [yard.who("hana"), yard.who("hugo"), nobody] {
        let chain = seen_by(&yard, &auditor, &passed).await;
        assert!(chain.blind && !shows(&chain, &output), "{}", auditor.principal.id);
        assert!(matches!((&chain.input, &chain.case), (Held::Text { .. }, Held::Text { .. })), "the case is shown");
        assert!(chain.facts.findings.is_empty() && chain.facts.whens.is_empty());
        assert!(!chain.facts.confidence.present && chain.outcome.is_none());
        let text = serde_json::to_string(&chain).unwrap();
        assert!(!text.contains("pre-approve\\\""), "{text}");
        // Waiting for it shows no more.
        let waited = yard.factory.decision_wait(&auditor, passed.decision, 1).await.unwrap();
        assert!(waited.blind && !shows(&waited, &output));
    }
    // Nobody else is kept from it, the caller least of all.
    for other in [yard.who("una"), yard.who("ria"), shop("shop")] {
        let chain = seen_by(&yard, &other, &passed).await;
        assert!(!chain.blind && shows(&chain, &output), "{}", other.principal.id);
        assert!(!chain.facts.findings.is_empty() && chain.facts.confidence.present);
    }
    // The commitment is enough to answer by; then the auditor sees it.
    let hana = yard.who("hana");
    let Held::Hidden { commitment } = seen_by(&yard, &hana, &passed).await.output else { panic!("it was shown") };
    let own = ReviewAnswerInput {
        answer: Answer::Own,
        output: Some(r#"{"decision":"pre-approve","confidence":1.0}"#.to_owned()),
        reason: "can carry it".to_owned(),
        shown_ms: None,
        seen: commitment,
    };
    yard.factory.answer(&hana, passed.review.unwrap(), own).await.unwrap();
    for auditor in [hana, yard.who("hugo")] {
        let chain = seen_by(&yard, &auditor, &passed).await;
        assert!(!chain.blind && shows(&chain, &output), "an audit never changes the decision that it checks");
    }
}
