//! Drills of every control, on marked requests through the real path.

use crate::simulated;
use crate::support::{WORKFLOW, Yard};
use seatrial_factory::ReconcileInput;
use seatrial_factory::api::Refused;
use seatrial_model::event::DrillDone;
use seatrial_model::{Body, EventId, ReviewId, Side};
use seatrial_store::ReaderExt as _;
use std::time::Duration;

async fn body(yard: &Yard, event: EventId) -> (DrillDone, Side, Vec<String>) {
    let (_, event) = yard.factory.store().event_by_id(&yard.log(), event).await.unwrap().unwrap();
    let Body::DrillDone(done) = event.body else { panic!("{event:?}") };
    (done, event.actor.side, event.evidence.into_iter().map(|e| e.obligation).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_drill_takes_back_what_had_left() {
    let yard = Yard::pilot().await;
    let before = yard.factory.summary(WORKFLOW).await.unwrap().verdicts;
    let drilled = yard.factory.drill_override(&yard.who("una"), None).await.unwrap();
    assert!(drilled.in_time() && drilled.refused == 1, "{drilled:?}");
    let (done, side, evidence) = body(&yard, drilled.event).await;
    assert_eq!((done.control.as_str(), done.events.len(), side), ("override", 2, Side::Receiving));
    assert_eq!(evidence, ["drill.override"]);
    let (_, decided) = yard.factory.store().event_by_id(&yard.log(), done.events[0]).await.unwrap().unwrap();
    let Body::DecisionMade(made) = decided.body else { panic!() };
    assert!(made.facts.rehearsal, "marked");
    let (_, taken) = yard.factory.store().event_by_id(&yard.log(), done.events[1]).await.unwrap().unwrap();
    assert!(matches!(taken.body, Body::DecisionOverridden(b) if b.decision == made.decision));
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().verdicts, before, "no case was touched");
    // Whoever may not override cannot exercise it, and nothing is recorded of the try.
    let refused = yard.factory.drill_override(&yard.who("dev"), None).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)), "{refused}");
    yard.factory.drill_override(&yard.who("ria"), None).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn where_everything_waits_an_override_takes_back_what_waits() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    // No threshold is earned: nothing passes without a person.
    yard.factory.evaluate(&dev, None, &[], &seatrial_factory::Quiet).await.unwrap();
    let drilled = yard.factory.drill_override(&yard.who("una"), None).await.unwrap();
    assert!(drilled.in_time() && drilled.refused == 1, "{drilled:?}");
    yard.factory.drill_incident(&yard.who("una"), &yard.who("hana"), None).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_escalation_drill_is_closed_over_a_persons_answer() {
    let yard = Yard::pilot().await;
    let hana = yard.who("hana");
    let opened = yard.factory.open_escalation_drill(&hana, None).await.unwrap();
    let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
    assert_eq!(reviews.len(), 1);
    let early = yard.factory.close_drill(&hana, None, "escalation", &reviews).await.unwrap_err();
    assert!(matches!(&early, Refused::Conflict { message, .. } if message.contains("waits for")), "{early}");
    assert!(!yard.factory.reviews_answered(&reviews, 20).await.unwrap());
    let view = yard.factory.review(reviews[0]).await.unwrap();
    assert!(view.rehearsal && !view.audit);
    let other = yard.factory.close_drill(&hana, None, "degraded", &reviews).await.unwrap_err();
    assert!(other.to_string().contains("another control"), "{other}");
    let holder = if view.to == "credit" { "hugo" } else { "una" };
    let waiting = yard.factory.reviews_answered(&reviews, 10_000);
    let answering = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        yard.factory.claim(&yard.who(holder), reviews[0]).await.unwrap();
        simulated::answer(&yard.factory, &yard.who(holder), &view).await.unwrap();
    };
    let (answered, ()) = tokio::join!(waiting, answering);
    assert!(answered.unwrap(), "whoever waits is told");
    let drilled = yard.factory.close_drill(&hana, None, "escalation", &reviews).await.unwrap();
    assert!(drilled.effective_ms >= 30 && drilled.in_time(), "{drilled:?}");
    assert_eq!(drilled.allowed_ms, Some(4 * 3_600_000), "the step's own time, where the gate names none");
    let (done, _, _) = body(&yard, drilled.event).await;
    assert_eq!(done.events.len(), 3, "decision, claim and answer");
    // A real case's review is no drill.
    yard.pass(crate::support::application(900)).await;
    let filter = seatrial_factory::ReviewFilter { limit: 50, ..Default::default() };
    let real = yard.factory.reviews(&hana, filter).await.unwrap().into_iter().find(|r| !r.rehearsal).unwrap();
    let refused = yard.factory.close_drill(&hana, None, "escalation", &[real.review]).await.unwrap_err();
    assert!(refused.to_string().contains("no review of a marked request"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_model_the_fallbacks_people_finish_by_the_runbook() {
    let yard = Yard::pilot().await;
    let hana = yard.who("hana");
    let opened = yard.factory.open_degraded_drill(&hana, None).await.unwrap();
    assert_eq!(opened.reviews.len(), 3);
    assert!(opened.reviews.iter().all(|r| r.to == "underwriters"), "{opened:?}");
    let reviews: Vec<ReviewId> = opened.reviews.iter().map(|r| r.review).collect();
    for (n, review) in reviews.iter().enumerate() {
        let view = yard.factory.review(*review).await.unwrap();
        assert!(view.own, "there is no output to accept");
        let who = yard.who(if n % 2 == 0 { "una" } else { "ugo" });
        simulated::answer(&yard.factory, &who, &view).await.unwrap();
    }
    let drilled = yard.factory.close_drill(&hana, None, "degraded", &reviews).await.unwrap();
    assert_eq!((drilled.answered, drilled.refused), (3, 3));
    let (done, _, evidence) = body(&yard, drilled.event).await;
    assert_eq!(done.runbooks.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["steps.assess.fallback"]);
    assert_eq!(evidence, ["drill.degraded", "ownership.runbooks"]);
    // After another spec was submitted, those answers show nothing of it.
    yard.edit("per_day: 180", "per_day: 170");
    yard.factory.submit(&yard.who("dev"), None).await.unwrap();
    let old = yard.factory.close_drill(&hana, None, "degraded", &reviews).await.unwrap_err();
    assert!(old.to_string().contains("another spec"), "{old}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_stopped_taken_back_and_resumed_by_another() {
    let yard = Yard::pilot().await;
    let drilled = yard.factory.drill_incident(&yard.who("una"), &yard.who("hana"), None).await.unwrap();
    assert!(drilled.in_time(), "{drilled:?}");
    let (done, _, evidence) = body(&yard, drilled.event).await;
    assert_eq!(done.events.len(), 4, "decision, stop, override, resumption");
    assert_eq!(done.runbooks.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["responsibilities.exceptions"]);
    assert_eq!(evidence, ["drill.incident", "ownership.runbooks"]);
    assert!(yard.factory.summary(WORKFLOW).await.unwrap().stopped.is_empty());
    // The one who stops does not resume: the workflow stays stopped, and there is no drill.
    yard.factory.drill_incident(&yard.who("una"), &yard.who("una"), None).await.unwrap_err();
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().stopped.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn cases_are_reconciled_and_no_id_reaches_the_log() {
    let yard = Yard::pilot().await;
    let cases = simulated::pilot(&yard.factory).await.unwrap();
    let now = yard.factory.now();
    let hana = yard.who("hana");
    let input = |ids: Vec<String>, from: i64| ReconcileInput {
        ids,
        from: now.plus_millis(from),
        until: now.plus_millis(60_000),
    };
    let all = yard.factory.reconcile(&hana, WORKFLOW, input(cases.clone(), -3_600_000)).await.unwrap();
    let counts = (all.done.theirs, all.done.ours, all.done.unrecorded, all.done.unknown);
    assert_eq!(counts, (4, 4, 0, 0));
    let mut ids = vec![" pilot-0 ".to_owned(), "pilot-0".to_owned(), "around-the-guard-77".to_owned(), String::new()];
    ids.push("pilot-1".to_owned());
    let some = yard.factory.reconcile(&hana, WORKFLOW, input(ids, -3_600_000)).await.unwrap();
    let counts = (some.done.theirs, some.done.ours, some.done.unrecorded, some.done.unknown);
    assert_eq!(counts, (3, 4, 1, 2));
    assert_eq!(some.unrecorded.iter().map(|i| i.raw()).collect::<Vec<_>>(), ["around-the-guard-77"]);
    let mut unknown: Vec<&str> = some.unknown.iter().map(|i| i.raw()).collect();
    unknown.sort_unstable();
    assert_eq!(unknown, ["pilot-2", "pilot-3"]);
    // Decided before the window: recorded all the same.
    let later = yard.factory.reconcile(&hana, WORKFLOW, input(cases, 30_000)).await.unwrap();
    assert_eq!((later.done.theirs, later.done.ours, later.done.unrecorded), (4, 0, 0));
    let (_, event) = yard.factory.store().event_by_id(&yard.log(), some.event).await.unwrap().unwrap();
    let leaf = String::from_utf8(event.leaf().unwrap()).unwrap();
    assert!(!leaf.contains("around-the-guard") && !leaf.contains("pilot-2"), "{leaf}");
    assert_eq!(event.evidence[0].obligation, "runtime.complete");
}
