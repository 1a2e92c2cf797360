//! What is served, to whom, how often, and when it stops.

use crate::support::{Only, WORKFLOW, Yard, application, edit, run, shop};
use seatrial_factory::api::{Again, DecisionStatus, Passage, PassageEntry, Passed, Refused};
use seatrial_guard::port::{Ask, BoxFuture, Model, ModelError, Reply};
use seatrial_guard::{Part, PartKind};
use seatrial_model::{Action, Body, Verdict};
use seatrial_store::ReaderExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// A span of days in milliseconds.
const DAY_MS: u64 = 86_400_000;

fn stated(case: &str, amount: u64) -> Passage {
    Passage { case: Some(case.to_owned()), ..run(application(amount)) }
}

fn retried(passage: Passage, key: &str) -> Passage {
    Passage { again: Again { key: Some(key.to_owned()), ..Again::default() }, ..passage }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_without_a_release() {
    let yard = Yard::new().await;
    let refused = yard.factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    assert!(matches!(refused, Refused::NotFound(_)), "nothing was submitted, so there is no workflow: {refused}");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let refused = yard.factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    let Refused::NotReleased { missing, .. } = &refused else { panic!("{refused}") };
    assert!(missing[0].contains("no release is in force"), "{missing:?}");
    // A candidate is served in rehearsal only, and to people only.
    let rehearsal = Passage { rehearsal: true, ..run(application(900)) };
    let refused = yard.factory.pass(&yard.who("una"), run(application(900))).await.unwrap_err();
    assert!(matches!(refused, Refused::NotReleased { .. }), "{refused}");
    let rehearsed = yard.factory.pass(&yard.who("una"), rehearsal).await.unwrap();
    assert_eq!((rehearsed.release, rehearsed.output), (None, None), "no model is trained and no certificate given");
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().verdicts.len(), 0, "a rehearsal is no experience");
}

/// A model that is asked and does not answer until it is told to.
#[derive(Default)]
struct Slow {
    asked: AtomicU64,
    go: Notify,
}

impl Model for Slow {
    fn ask(&self, _: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            self.go.notified().await;
            let text = r#"{"decision":"pre-approve","confidence":0.99}"#.to_owned();
            let part = Part { name: "choices.0.text".to_owned(), kind: PartKind::Text, text };
            Ok(Reply { parts: vec![part], ..Reply::default() })
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_cuts_what_is_in_flight() {
    let slow = Arc::new(Slow::default());
    let yard = Yard::with(Only(Some(Arc::clone(&slow) as Arc<dyn Model>)), |root| {
        edit(&root.join("factory.yaml"), "providers:\n", "providers:\n  slow: { kind: openai, base_url: \"http://127.0.0.1:9/v1\" }\n");
        let file = root.join("workflows/credit-preapproval/workflow.yaml");
        edit(&file, "provider: embedded\n      name: credit-scorecard\n      train: { examples: applications, label: expected.decision }", "provider: slow\n      name: slow-2026-11-01");
        edit(&file, "    within: 5s\n", "    within: 60s\n    prompt: prompts/assess.md\n");
        std::fs::create_dir_all(root.join("workflows/credit-preapproval/prompts")).unwrap();
        let prompt = root.join("workflows/credit-preapproval/prompts/assess.md");
        std::fs::write(prompt, "Assess {{ input.credit.amount }} against {{ input.finances.expenses }}.\n").unwrap();
    })
    .await;
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let rehearsal = || Passage { rehearsal: true, ..run(application(900)) };
    let mut in_flight = tokio::task::JoinSet::new();
    for _ in 0..12 {
        let (factory, who) = (yard.factory.clone(), yard.who("una"));
        let passage = rehearsal();
        in_flight.spawn(async move { factory.pass(&who, passage).await });
    }
    while slow.asked.load(Ordering::SeqCst) < 12 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let hana = yard.who("hana");
    let stop = yard.factory.stop(&hana, WORKFLOW, None, "the answers look wrong").await.unwrap();
    // The stop says how many it cut, and it comes back only after the last of them had its answer.
    assert_eq!(stop.cut, 12);
    assert!(stop.effective_ms < 5_000, "{stop:?}");
    for cut in in_flight.join_all().await {
        let refused = cut.unwrap_err();
        let Refused::Stopped { instead, .. } = &refused else { panic!("{refused}") };
        assert!(instead.contains("underwriters") && instead.contains("runbooks/by-hand.md"), "{instead}");
    }
    assert_eq!(yard.factory.decisions(WORKFLOW, Default::default()).await.unwrap().len(), 0, "nothing was decided");
    let after = yard.factory.pass(&yard.who("una"), rehearsal()).await.unwrap_err();
    assert!(matches!(after, Refused::Stopped { .. }));
    assert_eq!(slow.asked.load(Ordering::SeqCst), 12, "a stopped step asks no model");
    // Whoever stopped does not resume.
    let own = yard.factory.resume(&hana, WORKFLOW, None, "fine again").await.unwrap_err();
    assert!(matches!(&own, Refused::Forbidden(why) if why.contains("whoever stopped does not resume")), "{own}");
    let silent = yard.factory.resume(&yard.who("hugo"), WORKFLOW, None, "  ").await.unwrap_err();
    assert!(matches!(silent, Refused::Invalid(_)));
    let again = yard.factory.stop(&yard.who("hugo"), WORKFLOW, None, "me too").await.unwrap_err();
    assert!(matches!(&again, Refused::Conflict { message, .. } if message.contains("hana@harbour.example")), "{again}");
    let risk = yard.factory.resume(&yard.who("ria"), WORKFLOW, None, "fine").await.unwrap_err();
    assert!(matches!(risk, Refused::Forbidden(_)), "the independent side never operates");
    // A stop outlives the process.
    let yard = yard.reopened_with(Only(Some(slow))).await;
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().stopped.len(), 1);
    yard.factory.resume(&yard.who("hugo"), WORKFLOW, None, "a false alarm").await.unwrap();
    let twice = yard.factory.resume(&yard.who("hugo"), WORKFLOW, None, "once more").await.unwrap_err();
    assert!(matches!(twice, Refused::Conflict { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_let_out_behind_a_stop() {
    let yard = Yard::production().await;
    let (input, _) = yard.allowed(1).await.remove(0);
    let mut passes = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let (factory, input) = (yard.factory.clone(), input.clone());
        passes.spawn(async move {
            let mut let_out = 0_u64;
            loop {
                match factory.pass(&shop("shop"), run(input.clone())).await {
                    Ok(passed) => let_out += u64::from(passed.output.is_some()),
                    Err(Refused::Stopped { .. }) => return let_out,
                    Err(other) => panic!("{other}"),
                }
            }
        });
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stop = yard.factory.stop(&yard.who("hana"), WORKFLOW, None, "prices are wrong").await.unwrap();
    let size = yard.factory.summary(WORKFLOW).await.unwrap().log_size;
    let let_out: u64 = passes.join_all().await.into_iter().sum();
    assert!(let_out > 16, "there was traffic: {let_out}");
    // Every answer that left was recorded before the stop; whatever was recorded after it let nothing out.
    let (mut stopped_at, mut before) = (None, 0);
    for index in 0..yard.factory.summary(WORKFLOW).await.unwrap().log_size {
        let event = yard.factory.store().event(&yard.log(), index).await.unwrap().unwrap();
        match event.body {
            Body::WorkflowStopped(_) if event.id == stop.event => stopped_at = Some(index),
            Body::DecisionMade(made) if stopped_at.is_some() => {
                assert_eq!((made.action, made.code.as_str()), (Action::Block, "workflow_stopped"));
                assert!(index < size, "the stop had taken effect, and something was decided all the same");
            }
            Body::DecisionMade(made) if !made.facts.rehearsal && made.action == Action::Allow => before += 1,
            _ => {}
        }
    }
    assert_eq!(before, let_out + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_can_be_stopped_by_itself() {
    let yard = Yard::production().await;
    let una = yard.who("hana");
    yard.factory.stop(&una, WORKFLOW, Some("assess"), "wrong prices since noon").await.unwrap();
    let refused = yard.factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    let Refused::Stopped { element, .. } = &refused else { panic!("{refused}") };
    assert_eq!(element, "steps.assess");
    let unknown = yard.factory.stop(&una, WORKFLOW, Some("asess"), "a typing error").await.unwrap_err();
    assert!(matches!(unknown, Refused::NotFound(_)));
    yard.factory.resume(&yard.who("hugo"), WORKFLOW, Some("assess"), "prices are right again").await.unwrap();
    yard.pass(application(900)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilots_ceiling_is_exact_under_concurrency() {
    let yard = Yard::pilot().await;
    let mut passes = tokio::task::JoinSet::new();
    // 64 callers at once, each with four applications: 256 for 200.
    for caller in 0..64 {
        let factory = yard.factory.clone();
        passes.spawn(async move {
            let mut passed = Vec::new();
            for n in 0..4 {
                let who = shop(&format!("shop-{caller}"));
                passed.push(factory.pass(&who, run(application(500 + n))).await.unwrap());
            }
            passed
        });
    }
    let passed: Vec<Passed> = passes.join_all().await.into_iter().flatten().collect();
    let (within, over): (Vec<&Passed>, Vec<&Passed>) = passed.iter().partition(|p| p.code != "not_released");
    assert_eq!((within.len(), over.len()), (200, 56));
    assert!(within.iter().all(|p| p.verdict == Verdict::Escalate && p.output.is_none()), "everything is reviewed");
    for p in over {
        assert_eq!((p.verdict, p.action, &p.output), (Verdict::Deny, Action::Block, &None));
        assert_eq!(p.because.first().map(|e| e.as_str()), Some("gates.pilot.per_day"));
    }
    // Tomorrow is another day.
    yard.factory.advance_clock(DAY_MS).await.unwrap();
    assert_eq!(yard.pass(application(900)).await.code, "review_pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pilot_ends() {
    let yard = Yard::pilot().await;
    let until = yard.factory.in_force(&yard.log()).await.unwrap().unwrap().until.unwrap();
    // 2027-03-31 ends at 24:00 in Madrid, which is summer time by then.
    assert_eq!(until.to_string(), "2027-03-31T22:00:00.000Z");
    let left = u64::try_from(until.millis_since(yard.factory.now())).unwrap();
    yard.factory.advance_clock(left - 60_000).await.unwrap();
    assert_eq!(yard.pass(application(900)).await.code, "review_pending");
    yard.factory.advance_clock(60_001).await.unwrap();
    let ended = yard.pass(application(900)).await;
    assert_eq!((ended.verdict, ended.code.as_str(), ended.output), (Verdict::Deny, "not_released", None));
    assert_eq!(ended.because.first().map(|e| e.as_str()), Some("gates.pilot.until"));
    // The clock is in the log: another process does not go back in time.
    let yard = yard.reopened().await;
    assert_eq!(yard.pass(application(901)).await.code, "not_released");
}

#[tokio::test(flavor = "multi_thread")]
async fn production_lapses_when_nobody_took_it_over() {
    let yard = Yard::production().await;
    let (input, passed) = yard.allowed(1).await.remove(0);
    assert_eq!((passed.verdict, passed.action), (Verdict::Allow, Action::Allow));
    yard.factory.advance_clock(301 * DAY_MS).await.unwrap();
    let lapsed = yard.pass(input).await;
    assert_eq!((lapsed.verdict, lapsed.output), (Verdict::Escalate, None));
    assert!(lapsed.because.iter().any(|e| e.as_str() == "gates.production.on_lapse"), "{:?}", lapsed.because);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_joins_the_decision_that_exists() {
    let yard = Yard::production().await;
    let shop = shop("shop");
    let first = yard.factory.pass(&shop, retried(run(application(900)), "order-77")).await.unwrap();
    let second = yard.factory.pass(&shop, retried(run(application(900)), "order-77")).await.unwrap();
    assert_eq!((second.decision, second.joined, first.joined), (first.decision, true, false));
    assert_eq!(
        (second.verdict, second.action, &second.output, second.review),
        (first.verdict, first.action, &first.output, first.review)
    );
    // Another key, another input, another caller: another decision.
    for (who, passage) in [
        (&shop, retried(run(application(900)), "order-78")),
        (&shop, retried(run(application(901)), "order-77")),
        (&crate::support::shop("kiosk"), retried(run(application(900)), "order-77")),
    ] {
        let other = yard.factory.pass(who, passage).await.unwrap();
        assert_ne!(other.decision, first.decision);
    }
    // Without a key, a case or a retry count, the same wishes are another customer's.
    let one = yard.pass(application(900)).await;
    let two = yard.pass(application(900)).await;
    assert_ne!((one.decision, &one.case), (two.decision, &two.case));
    // An SDK that counts its retries joins what its first try came to.
    let sdk = Passage { again: Again { retries: 1, ..Again::default() }, ..run(application(1_111)) };
    let tried = yard.pass(application(1_111)).await;
    let retry = yard.factory.pass(&shop, sdk.clone()).await.unwrap();
    assert_eq!((retry.decision, retry.joined), (tried.decision, true));
    // After a quarter of an hour it is no retry any more.
    yard.factory.advance_clock(15 * 60_000 + 1_000).await.unwrap();
    let late = yard.factory.pass(&shop, retried(run(application(900)), "order-77")).await.unwrap();
    assert_ne!(late.decision, first.decision);
    assert_ne!(yard.factory.pass(&shop, sdk).await.unwrap().decision, tried.decision);
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_that_race_get_one_decision() {
    let yard = Yard::production().await;
    let decided = async || yard.factory.summary(WORKFLOW).await.unwrap().verdicts.values().sum::<u64>();
    let before = decided().await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..32 {
        let factory = yard.factory.clone();
        racing.spawn(async move { factory.pass(&shop("shop"), retried(run(application(900)), "order-77")).await });
    }
    let passed: Vec<Passed> = racing.join_all().await.into_iter().map(Result::unwrap).collect();
    let decisions: std::collections::BTreeSet<_> = passed.iter().map(|p| p.decision).collect();
    assert_eq!(decisions.len(), 1, "asking again is not another chance, however quickly");
    assert_eq!(passed.iter().filter(|p| !p.joined).count(), 1);
    assert_eq!(decided().await, before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stated_case_has_one_decision_until_somebody_asks_afresh() {
    let yard = Yard::production().await;
    let shop = shop("shop");
    let pending = yard.factory.pass(&shop, stated("A-17", 900)).await.unwrap();
    assert_eq!((pending.case.as_str(), pending.code.as_str()), ("A-17", "review_pending"));
    // Pending: the same for as long as it takes.
    yard.factory.advance_clock(3 * DAY_MS).await.unwrap();
    let again = yard.factory.pass(&shop, stated("A-17", 900)).await.unwrap();
    assert_eq!((again.decision, again.joined, again.review), (pending.decision, true, pending.review));
    // Denied: the same.
    let denied_input = || {
        let mut passage = stated("A-18", 900);
        let PassageEntry::Run { input } = &mut passage.entry else { unreachable!() };
        input["credit"]["price"] = 100.into();
        passage
    };
    let denied = yard.factory.pass(&shop, denied_input()).await.unwrap();
    assert_eq!((denied.code.as_str(), denied.verdict), ("input_denied", Verdict::Deny));
    let again = yard.factory.pass(&shop, denied_input()).await.unwrap();
    assert_eq!((again.decision, again.joined), (denied.decision, true));
    // Another input, another principal's case of the same name: not the same thing.
    assert_ne!(yard.factory.pass(&shop, stated("A-17", 901)).await.unwrap().decision, pending.decision);
    let kiosk = yard.factory.pass(&crate::support::shop("kiosk"), stated("A-17", 900)).await.unwrap();
    assert_ne!(kiosk.decision, pending.decision);
    // Afresh: another decision, and from now on that one is the case's.
    let mut passage = stated("A-17", 900);
    passage.again.afresh = true;
    let afresh = yard.factory.pass(&shop, passage).await.unwrap();
    assert_ne!(afresh.decision, pending.decision);
    assert_eq!(yard.factory.pass(&shop, stated("A-17", 900)).await.unwrap().decision, afresh.decision);
    // An answer settles the case, and whoever asks again is told so.
    let chain = yard.factory.decision(&shop, afresh.decision).await.unwrap();
    assert_eq!(chain.status, DecisionStatus::Pending);
    crate::reviews::answer(&yard, "una", &afresh, seatrial_model::Answer::Reject, None).await.unwrap();
    let told = yard.factory.pass(&shop, retried(stated("A-17", 900), "k")).await.unwrap();
    assert_eq!((told.decision, told.joined, told.output.as_deref()), (afresh.decision, true, None));
    assert_eq!(told.code, "output_denied", "a person withheld it: nobody has to be waited for");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_denied_by_a_ceiling_is_asked_again_tomorrow() {
    let yard = Yard::pilot().await;
    for n in 0..200 {
        yard.pass(application(300 + n)).await;
    }
    let over = yard.factory.pass(&shop("shop"), stated("A-19", 900)).await.unwrap();
    assert_eq!(over.code, "not_released");
    let again = yard.factory.pass(&shop("shop"), stated("A-19", 900)).await.unwrap();
    assert_eq!(again.code, "not_released");
    yard.factory.advance_clock(DAY_MS).await.unwrap();
    // That nothing was served is no opinion on the case.
    let next_day = yard.factory.pass(&shop("shop"), stated("A-19", 900)).await.unwrap();
    assert_eq!(next_day.code, "review_pending");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_ids_and_inputs_are_bounded() {
    let yard = Yard::production().await;
    for case in [String::new(), "x".repeat(257)] {
        let refused = yard.factory.pass(&shop("shop"), Passage { case: Some(case), ..run(application(900)) }).await;
        assert!(matches!(refused, Err(Refused::Invalid(_))));
    }
    let longest = Passage { case: Some("x".repeat(256)), ..run(application(900)) };
    yard.factory.pass(&shop("shop"), longest).await.unwrap();
    // An input that its type does not allow is denied, recorded, and no model is asked.
    let wrong = yard.pass(serde_json::json!({"credit": {"amount": "a lot"}})).await;
    assert_eq!((wrong.code.as_str(), wrong.model, wrong.output), ("input_denied", None, None));
    let unknown = Passage { step: "asess".to_owned(), ..run(application(900)) };
    assert!(matches!(yard.factory.pass(&shop("shop"), unknown).await, Err(Refused::NotFound(_))));
}
