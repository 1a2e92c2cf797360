//! Limits of a day: tokens and money.

use crate::asking::{Office, Script, answer, opinion};
use seatrial_factory::api::Refused;
use seatrial_guard::port::Reply;

const DAY_MS: u64 = 86_400_000;

fn limited(limits: &str) -> String {
    format!("    limits: {{ {limits} }}\n    fallback: {{ to: owners }}\n  check:")
}

const BEFORE_CHECK: &str = "    fallback: { to: owners }\n  check:";

fn too_many(refused: &Refused) -> (&str, u64) {
    let Refused::TooMany { limit, retry_after_s, .. } = refused else { panic!("{refused}") };
    (limit, *retry_after_s)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_a_day_are_limited_and_a_restart_forgets_none() {
    let limits = limited("tokens_per_day: 30");
    let office = Office::new(&[(BEFORE_CHECK, &limits)], Script::new(|_, _| Ok(answer("yes")))).await;
    assert!(!office.inert().iter().any(|m| m.contains("limits")), "{:?}", office.inert());
    // Fifteen tokens each.
    office.ask("what?").await.unwrap();
    let office = office.reopened().await;
    office.ask("what?").await.unwrap();
    let refused = office.ask("what?").await.unwrap_err();
    let (limit, wait) = too_many(&refused);
    assert_eq!(limit, "30 tokens a day");
    // It is eleven in the morning in Madrid, where the factory is: thirteen hours are left, less what the test took.
    assert!((12 * 3_600..=13 * 3_600 + 1).contains(&wait), "{wait}");
    assert_eq!((office.script.asked("first"), office.decisions().await.len()), (2, 2), "nothing was asked or decided");
    office.factory.advance_clock(wait * 1_000).await.unwrap();
    office.ask("what?").await.unwrap();
    office.factory.advance_clock(DAY_MS).await.unwrap();
    office.ask("what?").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn money_of_a_day_is_limited_by_the_factorys_prices() {
    // Ten tokens at 1 EUR and five at 2 EUR a million: twenty millionths for each ask.
    let limits = limited("money_per_day: 0.00004 EUR");
    let office = Office::new(&[(BEFORE_CHECK, &limits)], Script::new(|_, _| Ok(answer("yes")))).await;
    assert!(!office.inert().iter().any(|m| m.contains("limits")), "{:?}", office.inert());
    for _ in 0..2 {
        let passed = office.ask("what?").await.unwrap();
        let cost = office.made(&passed).await.cost.unwrap();
        assert_eq!((cost.micros, cost.currency.as_str()), (20, "EUR"));
    }
    assert_eq!(too_many(&office.ask("what?").await.unwrap_err()).0, "0.00004 EUR a day");
    // Without a price of every model that may be asked, the limit would be inert: production is blocked.
    let unpriced = [(BEFORE_CHECK, limits.as_str()), ("name: first }", "name: first, fallback: [third] }")];
    let office = Office::new(&unpriced, Script::new(|_, _| Ok(answer("yes")))).await;
    assert!(office.inert().iter().any(|m| m.contains("no price in EUR for the model `third`")), "{:?}", office.inert());
    let dollars = limited("money_per_day: 5 USD");
    let office = Office::new(&[(BEFORE_CHECK, &dollars)], Script::new(|_, _| Ok(answer("yes")))).await;
    assert!(office.inert().iter().any(|m| m.contains("no price in USD")), "{:?}", office.inert());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_say_what_it_used_lifts_no_limit() {
    let limits = limited("tokens_per_day: 40");
    let silent = || Reply { usage: None, ..answer("yes") };
    let office = Office::new(&[(BEFORE_CHECK, &limits)], Script::new(move |_, _| Ok(silent()))).await;
    let passed = office.ask("what is the answer to all of it?").await.unwrap();
    let made = office.made(&passed).await;
    let bound = made.unreported.unwrap();
    assert_eq!(made.usage, None);
    assert_eq!(bound.output, r#"{"text":"yes"}"#.len() as u64);
    assert!(bound.input >= "what is the answer to all of it?".len() as u64);
    assert_eq!(too_many(&office.ask("what?").await.unwrap_err()).0, "40 tokens a day");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_judge_has_limits_of_its_own() {
    let judged = ("      short: { rule", "      good: { judge: check, rule: \"judged.ok\" }\n      short: { rule");
    let limits = ("    forbid:\n      unsure:", "    limits: { tokens_per_day: 15 }\n    forbid:\n      unsure:");
    let script = Script::new(|ask, _| Ok(if ask.model == "judge" { opinion(true, 1.0) } else { answer("yes") }));
    let office = Office::new(&[judged, limits], script).await;
    assert!(office.ask("what?").await.unwrap().output.is_some());
    let passed = office.ask("what?").await.unwrap();
    let good = passed.findings.iter().find(|f| f.path.as_str() == "steps.answer.require.good").unwrap();
    assert_eq!((good.code.as_str(), passed.output), ("limited", None));
}
