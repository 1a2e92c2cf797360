//! Reviews: who answers what, once, bound to what they saw.

use crate::support::{SALT, WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::{
    DecisionChain, DecisionStatus, Held, Passage, PassageEntry, Passed, Refused, ReviewAnswerInput, ReviewView,
};
use seatrial_factory::{CLAIM_MS, ReviewFilter};
use seatrial_model::event::SplitSide;
use seatrial_model::{Action, Answer, Commitment, Verdict};
use serde_json::Value;

const OWN: &str = r#"{"decision":"pre-approve","confidence":1.0,"reason":"Carries it on the second income."}"#;

async fn chain(yard: &Yard, passed: &Passed) -> DecisionChain {
    yard.factory.decision(&yard.who("hana"), passed.decision).await.unwrap()
}

fn commitment(held: &Held) -> Commitment {
    let (Held::Text { commitment, .. } | Held::Hidden { commitment }) = held else { panic!("{held:?}") };
    *commitment
}

fn text(held: &Held) -> &str {
    let Held::Text { text, .. } = held else { panic!("{held:?}") };
    text.raw()
}

fn input(answer: Answer, output: Option<&str>, seen: Commitment) -> ReviewAnswerInput {
    let output = output.map(str::to_owned);
    ReviewAnswerInput { answer, output, reason: "as the papers say".to_owned(), shown_ms: Some(20_000), seen }
}

/// Answers a decision's review, having seen what there is to see.
pub async fn answer(
    yard: &Yard,
    who: &str,
    passed: &Passed,
    answer: Answer,
    output: Option<&str>,
) -> Result<ReviewView, Refused> {
    let chain = chain(yard, passed).await;
    let seen = commitment(if matches!(chain.output, Held::None) { &chain.input } else { &chain.output });
    yard.factory.answer(&yard.who(who), passed.review.unwrap(), input(answer, output, seen)).await
}

/// Held-back applications of production, sorted by what they come to: (unsure, declined by the model).
async fn waiting(yard: &Yard, wanted: usize) -> (Vec<Passed>, Vec<Passed>) {
    let (examples, split) = yard.applications(SALT);
    let (mut unsure, mut declined) = (Vec::new(), Vec::new());
    for place in split.indexes(SplitSide::HeldBack) {
        let passed = yard.pass(examples[place].input.clone()).await;
        let because: Vec<&str> = passed.because.iter().map(|p| p.as_str()).collect();
        match because.as_slice() {
            ["steps.assess.escalate.unsure"] => unsure.push(passed),
            ["steps.assess.never.declines", ..] if !because.contains(&"steps.assess.escalate.large") => {
                declined.push(passed)
            }
            _ => {}
        }
        if unsure.len() >= wanted && declined.len() >= wanted {
            return (unsure, declined);
        }
    }
    panic!("{} unsure and {} declined ones", unsure.len(), declined.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_is_answered_once_by_who_claimed_it() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 2).await;
    let review = unsure[0].review.unwrap();
    let open =
        yard.factory.reviews(&yard.who("hana"), ReviewFilter { limit: 100, ..ReviewFilter::default() }).await.unwrap();
    assert!(open.iter().any(|r| r.review == review && r.to == "underwriters" && !r.own && !r.audit));
    for rehearsal in [false, true] {
        let opened: Vec<_> = open.iter().filter(|r| r.rehearsal == rehearsal).map(|r| r.opened).collect();
        assert!(opened.is_sorted(), "the oldest first: {opened:?}");
    }
    let of_risk = ReviewFilter { roles: vec!["risk".to_owned()], limit: 100, ..ReviewFilter::default() };
    assert!(yard.factory.reviews(&yard.who("hana"), of_risk).await.unwrap().is_empty());
    let claimed = yard.factory.claim(&yard.who("una"), review).await.unwrap();
    assert_eq!((claimed.state.as_str(), claimed.claimed_by.as_deref()), ("claimed", Some("una@harbour.example")));
    let conflict = yard.factory.claim(&yard.who("ugo"), review).await.unwrap_err();
    assert!(matches!(&conflict, Refused::Conflict { message, .. } if message.contains("una@")), "{conflict}");
    let conflict = answer(&yard, "ugo", &unsure[0], Answer::Accept, None).await.unwrap_err();
    assert!(matches!(conflict, Refused::Conflict { .. }), "{conflict}");
    for stranger in ["ria", "hugo", "dev"] {
        let refused = yard.factory.claim(&yard.who(stranger), review).await.unwrap_err();
        assert!(matches!(refused, Refused::Forbidden(_)), "{stranger}: {refused}");
    }
    let view = answer(&yard, "una", &unsure[0], Answer::Accept, None).await.unwrap();
    assert_eq!((view.state.as_str(), view.usable), ("answered", Some(true)));
    for who in ["una", "ugo"] {
        let twice = answer(&yard, who, &unsure[0], Answer::Reject, None).await.unwrap_err();
        assert!(matches!(&twice, Refused::Conflict { message, .. } if message.contains("una@")), "{twice}");
    }
    let settled = chain(&yard, &unsure[0]).await;
    assert_eq!(settled.status, DecisionStatus::Settled);
    assert_eq!((settled.verdict, settled.action), (Verdict::Escalate, Action::Escalate), "a verdict is not rewritten");
    assert_eq!(text(settled.released.as_ref().unwrap()), text(&settled.output));
    // A claim that nobody follows up ends by itself.
    yard.factory.claim(&yard.who("una"), unsure[1].review.unwrap()).await.unwrap();
    yard.factory.advance_clock(u64::try_from(CLAIM_MS).unwrap()).await.unwrap();
    answer(&yard, "ugo", &unsure[1], Answer::Accept, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn two_answers_at_once_are_one() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 1).await;
    let (one, two) = tokio::join!(
        answer(&yard, "una", &unsure[0], Answer::Accept, None),
        answer(&yard, "ugo", &unsure[0], Answer::Reject, None)
    );
    assert_eq!(u8::from(one.is_ok()) + u8::from(two.is_ok()), 1, "{one:?} {two:?}");
    let released = chain(&yard, &unsure[0]).await.released;
    assert_eq!(released.is_some(), one.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_releases_what_it_says() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 5).await;
    // Edited: what the person wrote, held to the rules.
    let shop = shop("shop");
    let waiting = tokio::spawn({
        let (factory, decision) = (yard.factory.clone(), unsure[0].decision);
        let shop = shop.clone();
        async move { factory.decision_wait(&shop, decision, 30_000).await }
    });
    answer(&yard, "una", &unsure[0], Answer::Edit, Some(OWN)).await.unwrap();
    let told = waiting.await.unwrap().unwrap();
    assert_eq!((told.status, text(told.released.as_ref().unwrap())), (DecisionStatus::Settled, OWN));
    // Their own decision, which a `never` does not bind.
    let decline = r#"{"decision":"decline","confidence":1.0}"#;
    answer(&yard, "una", &unsure[1], Answer::Own, Some(decline)).await.unwrap();
    assert_eq!(text(chain(&yard, &unsure[1]).await.released.as_ref().unwrap()), decline);
    // Rejected: settled, and nothing leaves.
    answer(&yard, "una", &unsure[2], Answer::Reject, None).await.unwrap();
    let rejected = chain(&yard, &unsure[2]).await;
    assert_eq!((rejected.status, rejected.released.is_none()), (DecisionStatus::Settled, true));
    // What a person writes follows schema, `require` and `forbid`.
    for (wrong, says) in [
        (r#"{"decision":"perhaps","confidence":1.0}"#, "steps.assess.output"),
        (r#"{"decision":"pre-approve","confidence":0.2}"#, "steps.assess.require.believes-itself"),
        (
            r#"{"decision":"pre-approve","confidence":1.0,"reason":"Married, so steady."}"#,
            "steps.assess.forbid.protected-reason",
        ),
        ("pre-approve", "not JSON"),
    ] {
        for kind in [Answer::Edit, Answer::Own] {
            let refused = answer(&yard, "una", &unsure[3], kind, Some(wrong)).await.unwrap_err();
            assert!(matches!(&refused, Refused::Invalid(why) if why.contains(says)), "{wrong}: {refused}");
        }
    }
    // An edit that turns the AI's output into what nobody may release as the AI's is not released.
    let edited = answer(&yard, "una", &unsure[3], Answer::Edit, Some(decline)).await.unwrap();
    assert_eq!((edited.usable, edited.state.as_str()), (Some(false), "open"));
    let still = chain(&yard, &unsure[3]).await;
    assert_eq!((still.status, still.released.is_none()), (DecisionStatus::Pending, true));
    // Words and outputs go together.
    for (kind, output) in
        [(Answer::Accept, Some(OWN)), (Answer::Reject, Some(OWN)), (Answer::Edit, None), (Answer::Own, None)]
    {
        let refused = answer(&yard, "una", &unsure[4], kind, output).await.unwrap_err();
        assert!(matches!(refused, Refused::Invalid(_)), "{refused}");
    }
    let long = "x".repeat(seatrial_factory::ANSWER_BYTES_MAX + 1);
    let refused = answer(&yard, "una", &unsure[4], Answer::Own, Some(&long)).await.unwrap_err();
    assert!(matches!(refused, Refused::Invalid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_bound_to_what_was_seen() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 2).await;
    let other = commitment(&chain(&yard, &unsure[1]).await.output);
    let review = unsure[0].review.unwrap();
    let refused = yard.factory.answer(&yard.who("una"), review, input(Answer::Accept, None, other)).await.unwrap_err();
    let now = commitment(&chain(&yard, &unsure[0]).await.output).to_string();
    assert!(matches!(&refused, Refused::Conflict { now: Some(n), .. } if *n == now), "{refused:?}");
    assert_eq!(chain(&yard, &unsure[0]).await.status, DecisionStatus::Pending);
    assert!(chain(&yard, &unsure[0]).await.followed_by.is_empty(), "nothing was recorded");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_delegated_only_a_person_decides() {
    let yard = Yard::production().await;
    let (_, declined) = waiting(&yard, 2).await;
    assert!(yard.factory.review(declined[0].review.unwrap()).await.unwrap().own);
    for (kind, output) in [(Answer::Accept, None), (Answer::Edit, Some(OWN))] {
        let refused = answer(&yard, "una", &declined[0], kind, output).await.unwrap_err();
        assert!(matches!(&refused, Refused::Invalid(why) if why.contains("released by nobody")), "{refused}");
    }
    // No override lifts it either, …
    let hana = yard.who("hana");
    let lift = |action, output: Option<&str>| {
        let output = output.map(str::to_owned);
        yard.factory.override_decision(&hana, declined[0].decision, action, "wrong-data", "a second look", output)
    };
    let refused = lift(Action::Allow, None).await.unwrap_err();
    assert!(matches!(&refused, Refused::Forbidden(why) if why.contains("steps.assess.never.declines")), "{refused}");
    assert_eq!(chain(&yard, &declined[0]).await.status, DecisionStatus::Pending);
    // … but a person may decline as a person.
    let decline = r#"{"decision":"decline","confidence":1.0,"reason":"The instalments exceed what is left."}"#;
    answer(&yard, "una", &declined[0], Answer::Own, Some(decline)).await.unwrap();
    assert_eq!(text(chain(&yard, &declined[0]).await.released.as_ref().unwrap()), decline);
    answer(&yard, "una", &declined[1], Answer::Reject, None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_freezes_what_an_answer_would_release() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 2).await;
    yard.factory.stop(&yard.who("hana"), WORKFLOW, None, "prices are wrong").await.unwrap();
    let frozen = answer(&yard, "una", &unsure[0], Answer::Accept, None).await.unwrap();
    assert_eq!(
        (frozen.usable, frozen.state.as_str()),
        (Some(false), "open"),
        "the answer is kept, the question stands"
    );
    let still = chain(&yard, &unsure[0]).await;
    assert_eq!((still.status, still.released.is_none()), (DecisionStatus::Pending, true));
    // An override is no way round a stop.
    let past = yard
        .factory
        .override_decision(&yard.who("hana"), unsure[1].decision, Action::Allow, "wrong-data", "in a hurry", None)
        .await;
    assert!(matches!(past, Err(Refused::Stopped { .. })), "{past:?}");
    assert!(chain(&yard, &unsure[1]).await.released.is_none());
    yard.factory.resume(&yard.who("hugo"), WORKFLOW, None, "prices are right again").await.unwrap();
    answer(&yard, "una", &unsure[0], Answer::Accept, None).await.unwrap();
    assert!(chain(&yard, &unsure[0]).await.released.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_have_limits_and_leave_the_verdict() {
    let yard = Yard::production().await;
    // One that is audited as well is hidden from whom the audit waits for.
    let allowed = yard.allowed(3).await.into_iter().find(|(_, passed)| passed.review.is_none()).unwrap().1;
    let hana = yard.who("hana");
    let change = |who: &seatrial_factory::api::Caller, action, reason: &str, output: Option<&str>| {
        let (who, reason, output) = (who.clone(), reason.to_owned(), output.map(str::to_owned));
        let (factory, decision) = (yard.factory.clone(), allowed.decision);
        async move { factory.override_decision(&who, decision, action, &reason, "called the customer", output).await }
    };
    let refused = change(&hana, Action::Block, "because", None).await.unwrap_err();
    assert!(matches!(&refused, Refused::Invalid(why) if why.contains("new-documents")), "{refused}");
    for stranger in ["ria", "dev"] {
        let refused = change(&yard.who(stranger), Action::Block, "wrong-data", None).await.unwrap_err();
        assert!(matches!(refused, Refused::Forbidden(_)), "{stranger}");
    }
    for (action, output) in
        [(Action::Escalate, None), (Action::Advised, None), (Action::Allow, Some(OWN)), (Action::Modify, None)]
    {
        let refused = change(&hana, action, "wrong-data", output).await.unwrap_err();
        assert!(matches!(refused, Refused::Invalid(_)), "{action}: {refused}");
    }
    let forbidden = r#"{"decision":"pre-approve","confidence":1.0,"reason":"Old enough."}"#;
    let refused = change(&hana, Action::Modify, "wrong-data", Some(forbidden)).await.unwrap_err();
    assert!(matches!(&refused, Refused::Forbidden(why) if why.contains("protected-reason")), "{refused}");
    change(&hana, Action::Modify, "new-documents", Some(OWN)).await.unwrap();
    let after = chain(&yard, &allowed).await;
    assert_eq!((after.verdict, after.action), (Verdict::Allow, Action::Allow));
    assert_eq!(text(after.released.as_ref().unwrap()), OWN);
    assert_eq!(after.overridden.unwrap().reason, "new-documents");
    change(&hana, Action::Block, "wrong-data", None).await.unwrap();
    assert!(chain(&yard, &allowed).await.released.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_settles_a_pending_review() {
    let yard = Yard::production().await;
    let (unsure, _) = waiting(&yard, 1).await;
    let (decision, review) = (unsure[0].decision, unsure[0].review.unwrap());
    yard.factory
        .override_decision(&yard.who("hana"), decision, Action::Allow, "new-documents", "payslips came", None)
        .await
        .unwrap();
    assert_eq!(chain(&yard, &unsure[0]).await.status, DecisionStatus::Settled);
    let open =
        yard.factory.reviews(&yard.who("hana"), ReviewFilter { limit: 500, ..ReviewFilter::default() }).await.unwrap();
    assert!(open.iter().all(|r| r.review != review), "a question that was settled asks nobody");
    let late = answer(&yard, "una", &unsure[0], Answer::Reject, None).await;
    assert!(matches!(late, Err(Refused::Conflict { .. })), "{late:?}");
    assert!(chain(&yard, &unsure[0]).await.released.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn advice_that_escalates_waits_for_a_person() {
    let yard = Yard::production().await;
    let decide = |output: &str| Passage {
        entry: PassageEntry::Decide { input: application(900), output: output.to_owned(), confidence: None },
        ..run(Value::Null)
    };
    let advised =
        yard.factory.pass(&shop("shop"), decide(r#"{"decision":"pre-approve","confidence":0.6}"#)).await.unwrap();
    assert_eq!((advised.verdict, advised.action, &advised.output), (Verdict::Escalate, Action::Advised, &None));
    assert_eq!(chain(&yard, &advised).await.status, DecisionStatus::Pending);
    let review = yard.factory.review(advised.review.unwrap()).await.unwrap();
    assert_eq!((review.to.as_str(), review.audit), ("underwriters", false), "a question, not an audit");
    answer(&yard, "una", &advised, Answer::Accept, None).await.unwrap();
    let settled = chain(&yard, &advised).await;
    assert_eq!((settled.status, settled.released.is_some()), (DecisionStatus::Settled, true));
    // Whoever asked says what they did with it, once.
    yard.factory.effect(&shop("shop"), advised.decision, Action::Allow).await.unwrap();
    let twice = yard.factory.effect(&shop("shop"), advised.decision, Action::Block).await.unwrap_err();
    assert!(matches!(twice, Refused::Conflict { .. }));
    let others = yard.factory.effect(&shop("kiosk"), advised.decision, Action::Allow).await.unwrap_err();
    assert!(matches!(others, Refused::NotFound(_)));
}
