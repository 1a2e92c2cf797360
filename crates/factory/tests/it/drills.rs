//! Drills of every control, on marked requests through the real path.

use crate::simulated;
use crate::support::{WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::Refused;
use seatrial_factory::{DrillOptions, IncidentState, ReconcileInput};
use seatrial_model::event::DrillDone;
use seatrial_model::{Action, Body, EventId, ReviewId, Side, Verdict};
use seatrial_store::ReaderExt as _;
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
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
    yard.pass(application(900)).await;
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
async fn an_incident_is_opened_stopped_taken_back_resumed_by_another_and_reviewed() {
    let yard = Yard::pilot().await;
    let drilled = yard.factory.drill_incident(&yard.who("una"), &yard.who("hana"), None).await.unwrap();
    assert!(drilled.in_time(), "{drilled:?}");
    let (done, _, evidence) = body(&yard, drilled.event).await;
    assert_eq!(done.events.len(), 8, "decision, incident, stop, its decision, override, resumption, end, review");
    assert_eq!(done.runbooks.iter().map(|p| p.as_str()).collect::<Vec<_>>(), ["responsibilities.exceptions"]);
    assert_eq!(evidence, ["drill.incident", "ownership.runbooks"]);
    assert!(yard.factory.summary(WORKFLOW).await.unwrap().stopped.is_empty());
    let story = yard.factory.incident(WORKFLOW, drilled.incident.unwrap()).await.unwrap();
    assert!(story.incident.drill && story.incident.state == IncidentState::Reviewed, "{story:?}");
    let kinds: Vec<&str> = story.timeline.iter().map(|e| e.kind.as_str()).collect();
    let wanted = [
        "decision.made/1",
        "incident.opened/1",
        "workflow.stopped/1",
        "incident.updated/1",
        "decision.overridden/1",
        "workflow.resumed/1",
        "incident.updated/1",
        "incident.reviewed/1",
    ];
    assert_eq!(kinds, wanted);
    assert!(yard.factory.open_incidents(WORKFLOW).await.unwrap().is_empty(), "a drill's incident is no incident");
    // The one who stops does not resume: nothing is done, and nothing stays stopped.
    let before = yard.factory.summary(WORKFLOW).await.unwrap().log_size;
    yard.factory.drill_incident(&yard.who("una"), &yard.who("una"), None).await.unwrap_err();
    yard.factory.drill_stop(&yard.who("una"), &yard.who("una"), None).await.unwrap_err();
    assert_eq!(yard.factory.summary(WORKFLOW).await.unwrap().log_size, before);
}

/// What comes of a case: its verdict, and what is done with its output; or why it was refused.
type Came = Result<(Verdict, Action), String>;

/// Amounts of which one passes the rules easily, and one is for a person.
const AMOUNTS: [u64; 2] = [600, 900];

async fn real_case(yard: &Yard, amount: u64) -> Came {
    let passed = yard.factory.pass(&shop("shop"), run(application(amount))).await;
    passed.map(|p| (p.verdict, p.action)).map_err(|e| e.to_string())
}

/// Real cases, one after the other, until told to end.
async fn real_traffic(yard: &Yard, going: &AtomicBool) -> Vec<(u64, Came)> {
    let mut answers = Vec::new();
    // The pilot has a ceiling of 200 a day.
    for amount in AMOUNTS.into_iter().cycle().take(150) {
        answers.push((amount, real_case(yard, amount).await));
        if !going.load(Ordering::Relaxed) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn real_cases_go_on_during_every_drill() {
    let yard = Yard::pilot().await;
    let (una, hana) = (yard.who("una"), yard.who("hana"));
    let going = AtomicBool::new(true);
    let drills = async {
        let mut stopped_meanwhile = 0;
        let stop = yard.factory.drill_stop(&una, &hana, None).await.unwrap();
        assert!(stop.in_time() && stop.refused == 20, "{stop:?}");
        yard.factory.drill_override(&una, None).await.unwrap();
        yard.factory.drill_incident(&una, &hana, None).await.unwrap();
        yard.factory.open_escalation_drill(&hana, None).await.unwrap();
        yard.factory.open_degraded_drill(&hana, None).await.unwrap();
        stopped_meanwhile += yard.factory.summary(WORKFLOW).await.unwrap().stopped.len();
        going.store(false, Ordering::Relaxed);
        stopped_meanwhile
    };
    let (answers, stopped) = tokio::join!(real_traffic(&yard, &going), drills);
    assert_eq!(stopped, 0);
    assert!(answers.len() > 5, "cases ran beside the drills: {}", answers.len());
    // Every one came to what it comes to without a drill.
    for amount in AMOUNTS {
        let without = real_case(&yard, amount).await;
        assert!(without.is_ok(), "{without:?}");
        for (_, came) in answers.iter().filter(|(a, _)| *a == amount) {
            assert_eq!(*came, without, "a case was disturbed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drills_stop_is_the_switch_at_the_reach_of_marked_requests() {
    let yard = Yard::pilot().await;
    let drilled = yard.factory.drill_stop(&yard.who("una"), &yard.who("hana"), None).await.unwrap();
    let (done, _, _) = body(&yard, drilled.event).await;
    let (_, stop) = yard.factory.store().event_by_id(&yard.log(), done.events[0]).await.unwrap().unwrap();
    assert!(matches!(&stop.body, Body::WorkflowStopped(b) if b.marked && b.element.as_str().is_empty()), "{stop:?}");
    let (_, resumed) = yard.factory.store().event_by_id(&yard.log(), done.events[1]).await.unwrap().unwrap();
    assert!(matches!(&resumed.body, Body::WorkflowResumed(b) if b.marked && b.stop == stop.id), "{resumed:?}");
    assert_eq!(
        (stop.actor.id, resumed.actor.id),
        ("una@harbour.example".to_owned(), "hana@harbour.example".to_owned())
    );
    // A stop of everybody stands over a drill, and a drill then shows nothing.
    yard.factory.stop(&yard.who("una"), WORKFLOW, None, "for real").await.unwrap();
    let refused = yard.factory.drill_stop(&yard.who("una"), &yard.who("hana"), None).await.unwrap_err();
    assert!(refused.to_string().contains("a drill would show nothing"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_drill_refused_is_finished_by_the_fallback() {
    let yard = Yard::pilot().await;
    let (una, hana) = (yard.who("una"), yard.who("hana"));
    let told = Mutex::new(Vec::<String>::new());
    let tell = |step: &str| told.lock().unwrap().push(step.to_owned());
    let options = DrillOptions { tell: &tell, finish_ms: 20_000 };
    let drill = yard.factory.drill_stop_with(&una, &hana, None, options);
    // They are told by whoever drills which reviews are the drill's.
    let named = || -> BTreeSet<ReviewId> {
        let told = told.lock().unwrap();
        told.iter().filter_map(|step| step.rsplit_once(": ")?.1.parse().ok()).collect()
    };
    let by_hand = async {
        while named().len() < 3 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for review in named() {
            let view = yard.factory.review(review).await.unwrap();
            assert!(view.rehearsal && view.own);
            simulated::answer(&yard.factory, &una, &view).await.unwrap();
        }
    };
    let (drilled, ()) = tokio::join!(drill, by_hand);
    let drilled = drilled.unwrap();
    let (done, _, _) = body(&yard, drilled.event).await;
    assert_eq!((drilled.finished, done.finished), (3, 3), "{drilled:?}");
    assert_eq!(*told.lock().unwrap(), drilled.steps, "told as it goes");
    assert!(drilled.steps.iter().any(|s| s.contains("3 of 3 marked cases were finished")), "{:?}", drilled.steps);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_control_is_listed_with_who_exercised_it() {
    let yard = Yard::pilot().await;
    yard.factory.drill_override(&yard.who("una"), None).await.unwrap();
    let looks = yard.factory.drills(WORKFLOW).await.unwrap();
    let controls: Vec<&str> = looks.iter().map(|l| l.control.as_str()).collect();
    assert_eq!(controls, ["stop", "override", "escalation", "degraded", "incident", "restore", "key-rotation"]);
    let look = |control: &str| looks.iter().find(|l| l.control == control).unwrap();
    let last = look("override").last.as_ref().unwrap();
    assert_eq!((last.by.as_str(), last.side, last.counts), ("una@harbour.example", Side::Receiving, Some(true)));
    assert!(look("restore").last.is_none());
    for look in &looks {
        let guide = yard.factory.drill_guide(WORKFLOW, &look.control).unwrap();
        assert!(!guide.steps.is_empty(), "{}", look.control);
    }
    let guide = yard.factory.drill_guide(WORKFLOW, "incident").unwrap();
    assert!(
        !guide.runbooks[0].text.raw().is_empty() && guide.runbooks[0].element.as_str() == "responsibilities.exceptions"
    );
    assert!(yard.factory.drill_guide(WORKFLOW, "dance").is_err());
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

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_waits_for_another_person_and_only_marked_requests_wait_with_it() {
    let yard = Yard::pilot().await;
    let (una, hana) = (yard.who("una"), yard.who("hana"));
    for control in ["stop", "incident"] {
        let waiting = yard.factory.begin_drill(&una, WORKFLOW, control).await.unwrap();
        assert_eq!((waiting.control.as_str(), waiting.by.as_str()), (control, "una@harbour.example"));
        assert!(real_case(&yard, 900).await.is_ok(), "cases go on");
        let second = yard.factory.begin_drill(&hana, WORKFLOW, "stop").await.unwrap_err();
        assert!(second.to_string().contains("waits for another person"), "{second}");
        let own = yard.factory.finish_drill(&una, WORKFLOW).await.unwrap_err();
        assert!(matches!(own, Refused::Forbidden(_)), "whoever stops does not resume: {own}");
        assert!(yard.factory.waiting_drill(WORKFLOW).await.unwrap().is_some_and(|w| !w.left));
        let drilled = yard.factory.finish_drill(&hana, WORKFLOW).await.unwrap().unwrap();
        assert!(drilled.in_time() && drilled.not_production.is_none(), "{drilled:?}");
        assert!(yard.factory.waiting_drill(WORKFLOW).await.unwrap().is_none());
        yard.factory.finish_drill(&hana, WORKFLOW).await.unwrap_err();
    }
    // The process ends while one waits: what it measured is gone, and another person resumes.
    yard.factory.begin_drill(&una, WORKFLOW, "stop").await.unwrap();
    let yard = yard.reopened().await;
    assert!(yard.factory.waiting_drill(WORKFLOW).await.unwrap().is_some_and(|w| w.left));
    yard.factory.begin_drill(&una, WORKFLOW, "stop").await.unwrap_err();
    assert!(yard.factory.finish_drill(&hana, WORKFLOW).await.unwrap().is_none());
    yard.factory.begin_drill(&una, WORKFLOW, "stop").await.unwrap();
    yard.factory.finish_drill(&hana, WORKFLOW).await.unwrap().unwrap();
    // Done by the delivery side it is recorded, and says why it does not count for production.
    yard.factory.begin_drill(&yard.who("dev"), WORKFLOW, "stop").await.unwrap();
    let helped = yard.factory.finish_drill(&hana, WORKFLOW).await.unwrap().unwrap();
    assert!(helped.not_production.as_ref().is_some_and(|why| why.contains("delivery")), "{helped:?}");
}
