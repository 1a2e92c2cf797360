//! Known-bad outputs among the reviews: nobody is told before they answered, and nothing but oversight counts them.

use crate::support::{WORKFLOW, Yard, run, shop};
use seatrial_factory::api::{Caller, DecisionChain, Held, Passage, Refused, ReviewAnswerInput, ReviewView};
use seatrial_factory::{DecisionFilter, Quiet, ReviewFilter, Seeded, SeedsFrom};
use seatrial_governance::State;
use seatrial_model::{Answer, DecisionId, Stage};
use serde_json::{Value, json};

fn input(n: u64, income: u64) -> Value {
    json!({
        "applicant": {"seniority": 14, "records": "no"}, "finances": {"income": income, "expenses": 60},
        "credit": {"amount": 900 + n, "price": 1_500, "months": 36},
    })
}

/// Spends more than comes in: for the underwriters. Somebody whom the machine believes: for the blind audit.
fn item(id: u64, income: u64) -> Value {
    json!({
        "id": format!("bad-{id}"), "input": input(id, income), "must_not_pass": true,
        "output": {"decision": "pre-approve", "confidence": 0.99},
    })
}

async fn seed(yard: &Yard, who: &str, items: &[Value]) -> Result<Seeded, Refused> {
    let bytes = items.iter().map(|i| format!("{i}\n")).collect::<String>().into_bytes();
    let from = SeedsFrom::Lines { step: "assess".to_owned(), bytes };
    yard.factory.seed(&yard.who(who), Some(WORKFLOW), &from, usize::MAX, &Quiet).await
}

async fn queue(yard: &Yard, who: &str) -> Vec<ReviewView> {
    let filter = ReviewFilter { workflow: Some(WORKFLOW.to_owned()), roles: Vec::new(), limit: 500 };
    yard.factory.reviews(&yard.who(who), filter).await.unwrap()
}

async fn answered(yard: &Yard, who: &Caller, review: &ReviewView, answer: Answer) -> Result<ReviewView, Refused> {
    let chain = yard.factory.decision(who, review.decision).await?;
    let (Held::Text { commitment: seen, .. } | Held::Hidden { commitment: seen }) = chain.output else {
        panic!("nothing is shown")
    };
    let output = (answer == Answer::Own).then(|| r#"{"decision":"decline","confidence":1.0}"#.to_owned());
    let input = ReviewAnswerInput { answer, output, reason: "looked".to_owned(), shown_ms: None, seen };
    yard.factory.answer(who, review.review, input).await
}

/// What tells of one caller's decision, without what differs from case to case.
fn like(chain: &DecisionChain) -> Value {
    let all = serde_json::to_value(chain).unwrap();
    json!([
        all["caller"],
        all["release"],
        all["spec"],
        all["facts"]["rehearsal"],
        all["facts"]["stage"],
        all["facts"]["acts"],
        all["model"],
        all["entry"],
        all["status"],
        all["action"],
        all["review"]["rehearsal"],
        all["review"].get("seeded"),
    ])
}

async fn chain(yard: &Yard, who: &str, decision: DecisionId) -> DecisionChain {
    yard.factory.decision(&yard.who(who), decision).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_seeded_review_looks_like_any_other_until_it_is_answered() {
    let yard = Yard::production().await;
    let passage = Passage { case: Some("simulated/1/real".to_owned()), ..run(input(50, 40)) };
    let real = yard.factory.pass(&shop("shop"), passage).await.unwrap();
    let day = yard.factory.now().day();
    let counted = yard.factory.day_counts(WORKFLOW, day).await.unwrap();
    let metrics = format!("{:?}", yard.factory.agreement(&yard.who("hana"), WORKFLOW, "assess").await.unwrap());
    let before = queue(&yard, "hana").await.len();

    let seeded = seed(&yard, "hugo", &[item(1, 40), item(2, 40), item(3, 240)]).await.unwrap();
    assert_eq!((seeded.seeded, seeded.opened.len(), seeded.stopped, seeded.unseen), (3, 3, 0, 0), "{seeded:?}");
    assert_eq!((seeded.reviews["underwriters"], seeded.reviews["credit"]), (2, 1));

    let open = queue(&yard, "hana").await;
    assert_eq!(open.len(), before + 3);
    let mine: Vec<&ReviewView> = open.iter().filter(|r| seeded.opened.contains(&r.review)).collect();
    assert!(mine.iter().all(|r| !r.rehearsal && r.seeded.is_none()), "{mine:#?}");
    let usual = like(&chain(&yard, "una", real.decision).await);
    for review in mine.iter().filter(|r| !r.audit) {
        let chain = chain(&yard, "una", review.decision).await;
        assert_eq!(like(&chain), usual);
        let text = serde_json::to_string(&chain).unwrap();
        assert!(!text.contains("seeded") && !text.contains("hugo"), "{text}");
    }
    let listed =
        yard.factory.decisions(WORKFLOW, DecisionFilter { limit: 3, ..DecisionFilter::default() }).await.unwrap();
    assert!(listed.iter().all(|row| !row.rehearsal), "{listed:#?}");

    let ids = mine.iter().map(|r| r.decision).collect();
    let heads = yard.factory.heads(WORKFLOW, ids).await.unwrap();
    assert!(heads.values().all(|head| head.shown_caller.as_deref() == Some("shop")), "{heads:#?}");

    // Whoever seeded knows; somebody else answers.
    let audit = mine.iter().find(|r| r.audit).unwrap();
    let refused = answered(&yard, &yard.who("hugo"), audit, Answer::Own).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)), "{refused:?}");
    let told = answered(&yard, &yard.who("hana"), audit, Answer::Own).await.unwrap();
    assert_eq!((told.seeded, told.rehearsal), (Some(true), true), "another answer than the bad one catches it");
    let pair: Vec<&&ReviewView> = mine.iter().filter(|r| !r.audit).collect();
    let missed = answered(&yard, &yard.who("una"), pair[0], Answer::Accept).await.unwrap();
    let caught = answered(&yard, &yard.who("una"), pair[1], Answer::Reject).await.unwrap();
    assert_eq!((missed.seeded, caught.seeded), (Some(false), Some(true)));
    for review in &mine {
        let chain = chain(&yard, "una", review.decision).await;
        assert_eq!(chain.caller.id, "hugo@harbour.example");
        assert!(chain.released.is_none() && chain.facts.rehearsal, "its output leaves to nobody, and it is told now");
    }

    // Nothing else counts any of it.
    assert_eq!(yard.factory.day_counts(WORKFLOW, day).await.unwrap(), counted);
    assert_eq!(format!("{:?}", yard.factory.agreement(&yard.who("hana"), WORKFLOW, "assess").await.unwrap()), metrics);
    assert_eq!(queue(&yard, "hana").await.len(), before);
}

async fn oversight(yard: &Yard) -> (State, String) {
    let standing = yard.standing(Stage::Production).await;
    let found = standing.states.iter().find(|s| s.obligation.id == "oversight.efficacy").unwrap();
    (found.state, found.why.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn fourteen_of_fourteen_reach_the_bar() {
    let yard = Yard::pilot().await;
    assert_eq!(oversight(&yard).await.0, State::Open);
    let items: Vec<Value> = (0..15).map(|n| item(n, 40)).collect();
    let seeded = seed(&yard, "hugo", &items).await.unwrap();
    let una = yard.who("una");
    let mut mine = queue(&yard, "una").await;
    mine.retain(|r| seeded.opened.contains(&r.review));
    assert_eq!(mine.len(), 15);
    for review in &mine[..13] {
        answered(&yard, &una, review, Answer::Reject).await.unwrap();
    }
    assert_eq!(oversight(&yard).await.0, State::Inconclusive, "0.05^(1/13) is 0.794");
    answered(&yard, &una, &mine[13], Answer::Reject).await.unwrap();
    let (state, why) = oversight(&yard).await;
    assert_eq!(state, State::Discharged, "{why}");
    assert!(why.contains("14 of 14 caught, at least 0.8074"), "{why}");
    // One that is missed takes it away again.
    answered(&yard, &una, &mine[14], Answer::Accept).await.unwrap();
    assert_eq!(oversight(&yard).await.0, State::Inconclusive);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_to_be_bad_is_not_seeded() {
    let yard = Yard::production().await;
    let mut good = item(1, 240);
    good["expected"] = json!({"decision": "pre-approve", "outcome": "good"});
    let mut bare = item(2, 240);
    bare["output"] = Value::Null;
    let refused = seed(&yard, "hugo", &[good.clone(), bare]).await.unwrap_err();
    assert!(matches!(&refused, Refused::Invalid(why) if why.contains("nothing was seeded")), "{refused:?}");
    let mut wrong = item(3, 240);
    wrong["must_not_pass"] = json!(false);
    wrong["expected"] = json!({"decision": "decline", "outcome": "bad"});
    let seeded = seed(&yard, "hugo", &[good, wrong]).await.unwrap();
    assert_eq!((seeded.seeded, seeded.left_out), (1, 1));
    // The independent side operates nothing, and neither does a program that calls.
    let outsider = seed(&yard, "ria", &[item(4, 240)]).await.unwrap_err();
    assert!(matches!(outsider, Refused::Forbidden(_)), "{outsider:?}");
    assert!(seed(&yard, "hugo", &[json!({"id": 7})]).await.is_err(), "no example");
}
