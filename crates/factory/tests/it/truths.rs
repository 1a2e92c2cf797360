//! Truths: what turned out, when it counts, and what it can bring about.

use crate::support::{WORKFLOW, Yard, shop};
use seatrial_factory::TruthInput;
use seatrial_factory::api::{Passed, Refused};
use seatrial_governance::State;
use seatrial_model::{DecisionId, Stage, Verdict};
use seatrial_sprint::{AuditRule, AuditState, Promise};
use serde_json::json;

const DAY_MS: u64 = 86_400_000;
/// How many matured wrong ones in a row alarm a promise of 8 % at 95 %.
const WRONG_TO_ALARM: usize = 5;

fn truth(decision: DecisionId, outcome: &str) -> TruthInput {
    TruthInput { decision, truth: json!({"decision": "pre-approve", "outcome": outcome}) }
}

fn truths(passed: &[Passed], outcome: &str) -> Vec<TruthInput> {
    passed.iter().map(|p| truth(p.decision, outcome)).collect()
}

async fn allowed(yard: &Yard, wanted: usize) -> Vec<Passed> {
    yard.allowed(wanted).await.into_iter().map(|(_, passed)| passed).collect()
}

#[test]
fn the_alarm_is_where_the_statistics_say() {
    let rule = AuditRule::new(Promise::new(0.08, 0.95).unwrap());
    assert!(AuditState::of(&rule, vec![true; WRONG_TO_ALARM - 1]).alarmed_at.is_none());
    assert_eq!(AuditState::of(&rule, vec![true; WRONG_TO_ALARM]).alarmed_at, Some(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn immature_truths_feed_nothing() {
    let yard = Yard::production().await;
    let passed = allowed(&yard, 6).await;
    let told = yard.factory.truths(&shop("shop"), truths(&passed, "bad")).await.unwrap();
    assert_eq!((told.recorded, told.wrong, told.matured, told.revoked), (6, 6, 0, None));
    // Lena is no underwriter: a decision that was drawn for a blind audit is hidden from those whom the audit waits for.
    let first = yard.factory.decision(&yard.who("lena"), passed[0].decision).await.unwrap();
    assert!(first.outcome.is_some_and(|o| o.wrong && !o.matured));
    assert_eq!(allowed(&yard, 1).await[0].verdict, Verdict::Allow);
    // Grown up, the same truths count, once each.
    yard.factory.advance_clock(181 * DAY_MS).await.unwrap();
    let told = yard.factory.truths(&shop("shop"), truths(&passed[..4], "bad")).await.unwrap();
    assert_eq!((told.matured, told.revoked), (4, None));
    let again = yard.factory.truths(&shop("shop"), truths(&passed[..4], "bad")).await.unwrap();
    assert_eq!((again.recorded, again.revoked), (4, None), "telling a truth twice makes it no truer");
    let fifth = yard.factory.truths(&shop("shop"), truths(&passed[4..5], "bad")).await.unwrap();
    assert!(fifth.revoked.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_truth_in_one_batch_counts_once() {
    let yard = Yard::production().await;
    let passed = allowed(&yard, 1).await;
    yard.factory.advance_clock(181 * DAY_MS).await.unwrap();
    let same = vec![truth(passed[0].decision, "bad"); 2 * WRONG_TO_ALARM];
    let told = yard.factory.truths(&shop("shop"), same).await.unwrap();
    assert_eq!((told.recorded, told.revoked), (10, None));
    assert!(yard.factory.store().check_rows(&yard.log()).await.unwrap().identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_revokes_and_everything_escalates() {
    let yard = Yard::production().await;
    let log = yard.log();
    let passed = allowed(&yard, 8).await;
    yard.factory.advance_clock(181 * DAY_MS).await.unwrap();
    let good = yard.factory.truths(&shop("shop"), truths(&passed[..1], "good")).await.unwrap();
    assert_eq!((good.wrong, good.matured, good.revoked), (0, 1, None));
    let released = yard.factory.in_force(&log).await.unwrap().unwrap().release;
    let size = yard.factory.summary(WORKFLOW).await.unwrap().log_size;
    let told = yard.factory.truths(&shop("shop"), truths(&passed[1..8], "bad")).await.unwrap();
    let revoked = told.revoked.expect("five wrong ones after a right one are too many");
    // One commit: seven truths and the revocation right behind the one that brought it about.
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().log_size, size + 8);
    let standing = yard.standing(Stage::Production).await;
    let threshold = standing.states.iter().find(|s| s.obligation.id == "threshold.approve").unwrap();
    assert_eq!(threshold.state, State::Revoked, "{}", threshold.why);
    assert!(threshold.events.contains(&revoked));
    assert_eq!(
        yard.factory.in_force(&log).await.unwrap().unwrap().release,
        released,
        "the release stands, and escalates"
    );
    let (examples, split) = yard.applications(crate::support::SALT);
    for place in split.indexes(seatrial_model::event::SplitSide::HeldBack).take(40) {
        let now = yard.pass(examples[place].input.clone()).await;
        assert!(now.verdict >= Verdict::Escalate && now.output.is_none(), "{now:?}");
        assert!(now.verdict == Verdict::Deny || now.because.iter().any(|p| p.as_str() == "thresholds.approve"));
    }
    // Another process knows it as well, and the rows are what the events say.
    let yard = yard.reopened().await;
    assert!(yard.factory.store().check_rows(&log).await.unwrap().identical());
    let after = yard.pass(examples[0].input.clone()).await;
    assert!(after.verdict >= Verdict::Escalate);
}

#[tokio::test(flavor = "multi_thread")]
async fn truths_are_told_by_those_who_may() {
    let yard = Yard::production().await;
    let passed = allowed(&yard, 1).await;
    let kiosk = yard.factory.truths(&shop("kiosk"), truths(&passed, "bad")).await.unwrap_err();
    assert!(matches!(kiosk, Refused::NotFound(_)), "others' decisions are nobody's business");
    let mut ci = shop("shop");
    ci.token = Some(seatrial_model::event::TokenKind::Ci);
    let refused = yard.factory.truths(&ci, truths(&passed, "bad")).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)));
    let senseless = TruthInput { decision: passed[0].decision, truth: json!({"weather": "fine"}) };
    let refused = yard.factory.truths(&shop("shop"), vec![senseless]).await.unwrap_err();
    assert!(matches!(&refused, Refused::Invalid(why) if why.contains("thresholds.approve.wrong_when")), "{refused}");
}
