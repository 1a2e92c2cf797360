//! The watch after launch: audits that nobody answers, assumptions that stop holding.

use crate::support::{Only, WORKFLOW, Yard, edit};
use seatrial_factory::WatchState;
use seatrial_factory::api::{Passed, ReviewAnswerInput};
use seatrial_model::event::CertificateRevoked;
use seatrial_model::{Answer, Body, EventId, Verdict};
use seatrial_store::ReaderExt as _;

const HOUR_MS: u64 = 3_600_000;

/// The example in production, where truth comes from blind audits of everything that passes.
async fn audited() -> Yard {
    let yard = Yard::with(Only(None), |root| {
        let file = root.join("workflows/credit-preapproval/workflow.yaml");
        edit(&file, "truth: { from: outcome, matures: 180d }", "truth: { from: blind-review }");
        edit(
            &file,
            "output.decision == 'pre-approve' && expected.outcome == 'bad'",
            "output.decision != expected.decision",
        );
        edit(&file, "audit: { sample: 0.05,", "audit: { sample: 1.0,");
        edit(&file, "metrics.per_day <= 400.0", "metrics.audits <= 3.0");
    })
    .await;
    yard.to_pilot().await;
    yard.to_production().await;
    yard
}

async fn answer(yard: &Yard, passed: &Passed, output: &str) {
    let chain = yard.factory.decision(&yard.who("ria"), passed.decision).await.unwrap();
    let seatrial_factory::api::Held::Text { commitment, .. } = chain.output else { panic!("{:?}", chain.output) };
    let own = ReviewAnswerInput {
        answer: Answer::Own,
        output: Some(output.to_owned()),
        reason: String::new(),
        shown_ms: None,
        seen: commitment,
    };
    yard.factory.answer(&yard.who("hana"), passed.review.unwrap(), own).await.unwrap();
}

async fn revocation(yard: &Yard, event: EventId) -> CertificateRevoked {
    let (_, event) = yard.factory.store().event_by_id(&yard.log(), event).await.unwrap().unwrap();
    match event.body {
        Body::CertificateRevoked(body) => body,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_left_unanswered_counts_as_wrong_and_an_assumption_flips() {
    let yard = audited().await;
    let (factory, log) = (&yard.factory, yard.log());
    let look = || async { factory.certificates(WORKFLOW).await.unwrap().pop().unwrap() };
    assert!(matches!(look().await.watch, WatchState::Unwatched { until: None, .. }), "never `watched` before a truth");
    // The assumption's first window closes, with nothing audited in it.
    let first = factory.watch_workflow(&log).await.unwrap();
    assert!(first.assumptions.is_empty() && first.missed == 0, "{first:?}");
    factory.advance_clock(7 * 24 * HOUR_MS).await.unwrap();
    let closed = factory.watch_workflow(&log).await.unwrap();
    assert_eq!(
        closed.assumptions.iter().map(|(path, holds)| (path.as_str(), *holds)).collect::<Vec<_>>(),
        [("assumptions.volume", true)]
    );
    // Seven cases pass and are audited; two are answered in time.
    let passed: Vec<Passed> = yard.allowed(7).await.into_iter().map(|(_, passed)| passed).collect();
    assert!(passed.iter().all(|p| p.review.is_some()), "everything that passes is audited");
    for right in &passed[..2] {
        answer(&yard, right, r#"{"decision":"pre-approve","confidence":1.0}"#).await;
    }
    assert_eq!(factory.watch_workflow(&log).await.unwrap().missed, 0, "the others still have time");
    let before = look().await;
    assert_eq!((before.watch, before.audits, before.wrong), (WatchState::Watched, 2, 0));
    factory.advance_clock(5 * HOUR_MS).await.unwrap();
    let late = factory.watch_workflow(&log).await.unwrap();
    assert_eq!(late.missed, 5);
    // Five wrong of seven: the alarm, in the commit that counted them, and its owner is told.
    let body = revocation(&yard, late.revoked.expect("five wrong ones are too many")).await;
    assert_eq!((body.reason.as_str(), body.told.as_slice()), ("alarm", ["credit".to_owned()].as_slice()));
    assert!(body.log_change.is_some_and(f64::is_finite) && body.audits.n <= 7);
    let after = look().await;
    assert_eq!((after.watch.clone(), after.audits, after.wrong), (WatchState::Revoked, 7, 5));
    assert_eq!(after.path.len(), 7, "what is drawn is what was counted, the missed ones too");
    // The assumption's answer flipped before its window closed, and is said once.
    assert_eq!(late.assumptions.iter().map(|(_, holds)| *holds).collect::<Vec<_>>(), [false]);
    let again = factory.watch_workflow(&log).await.unwrap();
    assert!(again.missed == 0 && again.revoked.is_none() && again.assumptions.is_empty(), "{again:?}");
    let assumptions = factory.assumptions(WORKFLOW).await.unwrap();
    assert_eq!((assumptions[0].holds, assumptions[0].metrics["audits"]), (Some(false), 7.0));
    // Everything escalates at once.
    let (input, _) = {
        let (examples, _) = yard.applications(crate::support::SALT);
        (examples[0].input.clone(), ())
    };
    assert!(yard.pass(input).await.verdict >= Verdict::Escalate);
    // An answer that comes too late is kept, and counts for nothing.
    answer(&yard, &passed[6], r#"{"decision":"pre-approve","confidence":1.0}"#).await;
    assert_eq!((look().await.audits, look().await.wrong), (7, 5));
    assert!(factory.store().check_rows(&log).await.unwrap().identical());
}

#[tokio::test(flavor = "multi_thread")]
async fn truth_that_matures_later_is_said_to_be_unwatched_until_then() {
    let yard = Yard::production().await;
    let certificate = yard.factory.certificates(WORKFLOW).await.unwrap().pop().unwrap();
    let WatchState::Unwatched { until: Some(until), .. } = certificate.watch else { panic!("{:?}", certificate.watch) };
    let days = until.millis_since(yard.factory.now()) as f64 / (24.0 * HOUR_MS as f64);
    assert!((179.0..=180.1).contains(&days), "{days}");
    // An outcome that nobody told is no missed audit.
    yard.allowed(3).await;
    yard.factory.advance_clock(200 * 24 * HOUR_MS).await.unwrap();
    assert_eq!(yard.factory.watch_workflow(&yard.log()).await.unwrap().missed, 0);
    let drift = yard.factory.drift(WORKFLOW).await.unwrap().unwrap();
    assert!(drift.not_yet.is_some_and(|why| why.contains("fewer than")), "three decisions are no baseline");
}
