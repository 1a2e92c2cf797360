//! Judges, further samples, and models that stand behind others.

use crate::asking::{Called, Office, Script, answer, away, call, opinion, part, parts, question, text, words_of};
use seatrial_factory::api::{Passage, PassageEntry, Refused};
use seatrial_guard::port::{Ask, ModelError};
use seatrial_model::facts::FindingResult;
use seatrial_model::{Action, Verdict};
use serde_json::json;

const JUDGED: (&str, &str) =
    ("      short: { rule", "      good: { judge: check, rule: \"judged.ok\" }\n      short: { rule");

fn model(ask: &Ask) -> &str {
    ask.model.as_str()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_is_asked_through_the_guard_of_its_own_step() {
    let script = Script::new(|ask, _| match model(ask) {
        "judge" => Ok(opinion(!words_of(ask).contains("wrong"), 0.9)),
        _ if words_of(ask).contains("lie") => Ok(answer("a wrong answer")),
        _ => Ok(answer("an answer")),
    });
    let office = Office::new(&[JUDGED], script).await;
    let passed = office.ask("what?").await.unwrap();
    assert_eq!((passed.verdict, passed.action), (Verdict::Allow, Action::Allow), "{:?}", passed.findings);
    let decisions = office.decisions().await;
    // The judge's decision stands before the one that it was made for, and names it.
    let [judge, judged] = decisions.as_slice() else { panic!("{decisions:#?}") };
    assert_eq!((judge.step.as_str(), judge.behalf), ("check", Some(judged.decision)));
    assert_eq!((judged.step.as_str(), judged.behalf, judged.decision), ("answer", None, passed.decision));
    assert_eq!(judge.case, judged.case, "it is part of the same case, and is erased with it");
    // Each has its own usage.
    assert_eq!((judge.requests, judged.requests), (1, 1));
    assert_eq!(judged.usage.map(|u| (u.input, u.output)), Some((10, 5)));
    // What the judged step withholds from its model, its judge does not see either.
    let asked = words_of(&office.script.ask_of("judge"));
    assert!(asked.contains("an answer") && !asked.contains("4711"), "{asked}");
    // An objection is an objection, and is re-asked like any other.
    let passed = office.ask("lie to me").await.unwrap();
    assert_eq!((passed.verdict, passed.action), (Verdict::Escalate, Action::Escalate));
    let good = passed.findings.iter().find(|f| f.path.as_str() == "steps.answer.require.good").unwrap();
    assert_eq!(good.result, FindingResult::Violated);
    assert_eq!((office.script.asked("first"), office.script.asked("judge")), (3, 3));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_that_says_nothing_clears_nothing() {
    let script = Script::new(|ask, nth| match (model(ask), nth) {
        ("judge", 0) => Err(away("judge")),
        ("judge", 1) => Ok(text(r#"{"ok":true,"confidence":0.9,"text":"unsure"}"#)),
        ("judge", 2) => Ok(text(r#"{"ok":true,"confidence":0.9,"text":"never mind"}"#)),
        ("judge", _) => Ok(text("no JSON")),
        _ => Ok(answer("an answer")),
    });
    let office = Office::new(&[JUDGED, ("    attempts: 2\n", "")], script).await;
    for code in ["review_pending", "output_denied", "review_pending", "output_denied"] {
        let passed = office.ask("what?").await.unwrap();
        assert_eq!((passed.verdict, passed.output.as_deref()), (Verdict::Escalate, None));
        let good = passed.findings.iter().find(|f| f.path.as_str() == "steps.answer.require.good").unwrap();
        assert_eq!((good.result, good.code.as_str()), (FindingResult::NotRun, code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_is_spared_what_is_denied_or_asked_again_anyway() {
    let script = Script::new(|ask, nth| match (model(ask), nth) {
        ("judge", _) => Ok(opinion(true, 0.9)),
        (_, 0) => Ok(answer("you fool")),
        (_, 1) => Ok(answer(&"long ".repeat(20))),
        _ => Ok(answer("short")),
    });
    let office = Office::new(&[JUDGED], script).await;
    let denied = office.ask("what?").await.unwrap();
    assert_eq!((denied.verdict, office.script.asked("judge")), (Verdict::Deny, 0));
    let passed = office.ask("what?").await.unwrap();
    assert_eq!((passed.verdict, office.script.asked("judge")), (Verdict::Allow, 1));
    assert_eq!(office.made(&passed).await.facts.attempts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_redacted_is_judged_again() {
    let script = Script::new(|ask, nth| match (model(ask), nth) {
        ("judge", nth) => Ok(opinion(nth != 3, 0.9)),
        _ => Ok(answer("write to ana@example.org")),
    });
    let office = Office::new(&[JUDGED, ("    attempts: 2\n", "")], script).await;
    let passed = office.ask("what?").await.unwrap();
    assert_eq!(passed.verdict, Verdict::Modify, "{:?}", passed.findings);
    let left = passed.output.unwrap();
    assert!(!left.contains("ana@example.org"), "{left}");
    assert_eq!(office.script.asked("judge"), 2);
    // The second time the judge objects to what the redaction left.
    let passed = office.ask("what?").await.unwrap();
    assert_eq!((passed.verdict, passed.output), (Verdict::Escalate, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_the_same_ask_again() {
    let agreement = (
        "    fallback: { to: owners }\n  check:",
        "    confidence: { agreement: 4 }\n    fallback: { to: owners }\n  check:",
    );
    let script = Script::new(|_, nth| match nth {
        0 | 1 | 3 => Ok(answer("yes")),
        2 => Ok(answer("no")),
        4..=7 => {
            if nth == 5 {
                Err(away("first"))
            } else {
                Ok(answer("yes"))
            }
        }
        _ => Ok(answer("yes")),
    });
    let office = Office::new(&[agreement], script).await;
    let passed = office.ask("what?").await.unwrap();
    assert_eq!((passed.confidence.value, passed.confidence.present), (0.75, true));
    let made = office.made(&passed).await;
    assert_eq!((made.requests, made.facts.attempts, made.samples), (4, 1, 3));
    assert_eq!(made.usage.map(|u| (u.input, u.output)), Some((40, 20)), "samples are paid for");
    let asks = office.script.asks.lock().unwrap().clone();
    assert!(asks.iter().all(|a| a.body == asks[0].body), "the same ask");
    // A sample that failed does not agree.
    let passed = office.ask("what?").await.unwrap();
    assert_eq!(passed.confidence.value, 0.75);
    // What a caller submits was asked elsewhere: there is nothing to agree with, and so no confidence.
    let submitted = PassageEntry::Decide {
        input: json!({ "text": "what?" }),
        output: json!({ "text": "yes" }).to_string(),
        confidence: None,
    };
    let refused =
        office.factory.pass(&office.who("ana@office.example"), Passage { entry: submitted, ..question("what?") }).await;
    match refused {
        Ok(passed) => assert!(!passed.confidence.present),
        Err(refused) => assert!(matches!(refused, Refused::Forbidden(_)), "{refused}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_model_is_asked_where_one_cannot_answer() {
    let fallback = ("name: first }", "name: first, fallback: [second, third] }");
    let script = Script::new(|ask, nth| match (model(ask), nth) {
        ("first", 0) => Err(away("first")),
        ("first", 1) => Err(ModelError::Limited { model: "first".to_owned(), retry_after_ms: None }),
        ("first", 2) => Err(ModelError::TimedOut { model: "first".to_owned(), timeout_ms: 1 }),
        ("first", 3) => Err(ModelError::Rejected { model: "first".to_owned(), status: 400 }),
        ("first", 4) => Err(ModelError::Untranslatable { model: "first".to_owned(), what: "n".to_owned() }),
        ("first", 5) => Err(ModelError::Unreadable { model: "first".to_owned(), why: "not JSON".to_owned() }),
        ("second", 2) => Err(away("second")),
        ("first", 6) | ("second" | "third", 3..) => Err(away("x")),
        ("first", _) => Ok(answer("first")),
        (name, _) => Ok(answer(name)),
    });
    let office = Office::new(&[fallback], script).await;
    for (who, requests) in [("second", 2), ("second", 2), ("third", 3)] {
        let passed = office.ask("what?").await.unwrap();
        assert_eq!(passed.output.as_deref(), Some(json!({ "text": who }).to_string().as_str()));
        let made = office.made(&passed).await;
        assert_eq!((made.fallback.as_deref(), made.requests), (Some(format!("house/{who}").as_str()), requests));
        assert_eq!(made.model.as_deref(), Some(format!("house/{who}").as_str()));
    }
    // A call that was rejected is rejected by every model: none is asked again.
    let (second, before) = (office.script.asked("second"), office.decisions().await.len());
    let rejected = office.ask("what?").await.unwrap();
    let made = office.made(&rejected).await;
    assert_eq!((made.facts.no_candidate.as_deref(), rejected.output), (Some("model_unreachable"), None));
    // What has no words in the provider's protocol is the caller's to change: nothing is decided.
    let refused = office.ask("what?").await.unwrap_err();
    assert!(matches!(&refused, Refused::Invalid(why) if why.contains("`n`")), "{refused}");
    // An answer that cannot be read was an answer.
    let unreadable = office.ask("what?").await.unwrap();
    assert_eq!(office.made(&unreadable).await.facts.no_candidate.as_deref(), Some("unreadable"));
    assert_eq!((office.script.asked("second"), office.decisions().await.len()), (second, before + 2));
    // Nobody answers.
    office.ask("what?").await.unwrap();
    let away = office.ask("what?").await.unwrap();
    let made = office.made(&away).await;
    assert!(made.fallback.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn choices_and_tool_calls_are_kept_for_whoever_asks_again() {
    let tools =
        ("    fallback: { to: owners }\n  check:", "    tools: { search: {} }\n    fallback: { to: owners }\n  check:");
    let script = Script::new(|_, _| {
        Ok(parts(vec![
            part("choices.0.text", r#"{"text":"one"}"#),
            part("choices.1.tool_calls.0.name", "search"),
            part("choices.1.tool_calls.0.arguments", r#"{"q":"x"}"#),
        ]))
    });
    let office = Office::new(&[tools], script).await;
    let asked = || Passage {
        case: Some("A-1".to_owned()),
        again: seatrial_factory::api::Again { retries: 1, ..Default::default() },
        ..question("what?")
    };
    let ana = office.who("ana@office.example");
    let first = office.factory.pass(&ana, asked()).await.unwrap();
    assert_eq!(first.verdict, Verdict::Allow, "{:?}", first.findings);
    let again = office.factory.pass(&ana, asked()).await.unwrap();
    assert_eq!((again.decision, again.joined, office.script.asked("first")), (first.decision, true, 1));
    let names: Vec<&str> = again.parts.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["choices.0.text", "choices.1.tool_calls.0.name", "choices.1.tool_calls.0.arguments"]);
    assert_eq!(again.parts[2].text, r#"{"q":"x"}"#);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_wording_of_the_call_is_the_same_question() {
    let script = Script::new(|_, nth| Ok(answer(if nth == 0 { "you fool" } else { "fine" })));
    let office = Office::new(&[], script).await;
    let ana = office.who("ana@office.example");
    let stated = |body| Passage { case: Some("A-1".to_owned()), ..call("what?", body) };
    let denied = office.factory.pass(&ana, stated("{\"temperature\":0}")).await.unwrap();
    assert_eq!((denied.verdict, denied.code.as_str()), (Verdict::Deny, "output_denied"));
    // Another body, the same case and input: the same decision.
    let again = office.factory.pass(&ana, stated("{\"temperature\":1}")).await.unwrap();
    assert_eq!((again.decision, again.joined), (denied.decision, true));
    // And however it comes: the guard's own prompt is no other question.
    let input = json!({ "text": "what?" });
    let run = Passage { entry: PassageEntry::Run { input }, ..stated("") };
    assert_eq!(office.factory.pass(&ana, run.clone()).await.unwrap().decision, denied.decision);
    assert_eq!(office.script.asked("first"), 1);
    // Afresh is said, and recorded as a decision of its own.
    let mut afresh = run;
    afresh.again.afresh = true;
    let fine = office.factory.pass(&ana, afresh).await.unwrap();
    assert_eq!((fine.joined, fine.verdict), (false, Verdict::Allow));
    // Another case, another input: another question.
    for other in [
        Passage { case: Some("A-2".to_owned()), ..call("what?", "{}") },
        Passage { case: Some("A-1".to_owned()), ..call("why?", "{}") },
    ] {
        assert!(!office.factory.pass(&ana, other).await.unwrap().joined);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_of_a_call_nobody_looks_into_is_said() {
    let office = Office::new(&[], Script::new(|_, _| Ok(answer("a cat")))).await;
    let pictures = (0..40).map(|n| format!("input.messages.{n}.image")).collect();
    let call = std::sync::Arc::new(Called { body: "{}", pictures });
    let passage =
        Passage { entry: PassageEntry::Proxy { input: json!({ "text": "what?" }), call }, ..question("what?") };
    let passed = office.factory.pass(&office.who("ana@office.example"), passage).await.unwrap();
    assert_eq!(passed.verdict, Verdict::Allow);
    assert!(passed.inspected.starts_with("not input.messages.0.image, "), "{}", passed.inspected);
    let made = office.made(&passed).await;
    assert_eq!(made.facts.inspected.len(), 1 + 32 + 1);
    assert_eq!(made.facts.inspected.last().unwrap().part, "input.and 8 more");
    // It does not come between an answer and whoever asks for it again.
    let chain = office.factory.decision(&office.who("ana@office.example"), passed.decision).await.unwrap();
    assert!(matches!(chain.output, seatrial_factory::api::Held::Text { .. }));
}
