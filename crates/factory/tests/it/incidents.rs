//! Incidents: opened, owned, decided, resolved, reviewed; and what the log tells of them.

use crate::support::{WORKFLOW, Yard, application, run, shop};
use seatrial_factory::api::{Held, Refused};
use seatrial_factory::{IncidentInput, IncidentState, IncidentStep, NoteInput};
use seatrial_model::{Action, Body, IncidentCourse, IncidentSeverity};
use seatrial_sprint::backlog::Source;
use seatrial_store::ReaderExt as _;

fn seen(text: &str) -> IncidentInput {
    IncidentInput { text: text.to_owned(), ..IncidentInput::of(IncidentSeverity::High) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_is_told_by_the_log_from_its_decision_to_its_findings() {
    let yard = Yard::pilot().await;
    let factory = &yard.factory;
    let (una, hana) = (yard.who("una"), yard.who("hana"));
    let passed = yard.pass(application(900)).await;
    let input = IncidentInput { decisions: vec![passed.decision], ..seen("an offer for somebody who never asked") };
    let opened = factory.open_incident(&una, WORKFLOW, input).await.unwrap();
    // The incident of the pilot's drill was the first.
    let number = opened.incident;
    assert_eq!(number, 2);
    let step = |step: IncidentStep| factory.incident_step(&una, WORKFLOW, number, step);
    step(IncidentStep::note("it came from the feed")).await.unwrap();
    step(IncidentStep::severity(IncidentSeverity::Critical, "a second one")).await.unwrap();
    let early = step(IncidentStep::resolve("over")).await.unwrap_err();
    assert!(early.to_string().contains("before somebody decided"), "{early}");
    let stopped = step(IncidentStep::decide(IncidentCourse::Stop, "nothing more may leave")).await.unwrap();
    // It really stops, and says which stop it was.
    let refused = factory.pass(&shop("shop"), run(application(900))).await.unwrap_err();
    assert!(matches!(refused, Refused::Stopped { .. }), "{refused}");
    let stop = stopped.stop.unwrap();
    let (_, event) = factory.store().event_by_id(&yard.log(), stop).await.unwrap().unwrap();
    assert!(matches!(event.body, Body::WorkflowStopped(b) if !b.marked));
    factory.override_decision(&una, passed.decision, Action::Block, "wrong-data", "taken back", None).await.unwrap();
    factory.resume(&hana, WORKFLOW, None, "the feed is corrected").await.unwrap();
    step(IncidentStep::hand_over("hana@harbour.example", "end of shift")).await.unwrap();
    let handle = |step: IncidentStep| factory.incident_step(&hana, WORKFLOW, number, step);
    handle(IncidentStep::resolve("taken back, and the feed is corrected")).await.unwrap();
    let again = handle(IncidentStep::decide(IncidentCourse::GoOn, "on")).await.unwrap_err();
    assert!(again.to_string().contains("resolved already"), "{again}");
    let findings = vec!["refuse prices that are a day old".to_owned(), "name the feed in the spec".to_owned()];
    let reviewed = factory.review_incident(&hana, WORKFLOW, number, "the feed has no date", findings).await.unwrap();
    assert_eq!(reviewed.findings.len(), 2);
    factory.review_incident(&hana, WORKFLOW, number, "again", Vec::new()).await.unwrap_err();
    handle(IncidentStep::note("too late")).await.unwrap_err();

    let story = factory.incident(WORKFLOW, number).await.unwrap();
    assert_eq!((story.incident.state, story.incident.severity), (IncidentState::Reviewed, IncidentSeverity::Critical));
    assert_eq!(story.incident.owner, "hana@harbour.example");
    let kinds: Vec<&str> = story.timeline.iter().map(|e| e.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "decision.made/1",
            "incident.opened/1",
            "incident.updated/1",
            "incident.updated/1",
            "workflow.stopped/1",
            "incident.updated/1",
            "decision.overridden/1",
            "workflow.resumed/1",
            "incident.updated/1",
            "incident.updated/1",
            "sprint.noted/1",
            "sprint.noted/1",
            "incident.reviewed/1",
        ]
    );
    assert!(story.timeline[0].before && !story.timeline[1].before);
    assert!(
        matches!(&story.timeline[4].text, Held::Text { text, .. } if text.raw().contains("incident 2: nothing more"))
    );
    // What people wrote is a payload, and no leaf holds it.
    for entry in &story.timeline {
        let (_, event) = factory.store().event_by_id(&yard.log(), entry.event).await.unwrap().unwrap();
        let leaf = String::from_utf8(event.leaf().unwrap()).unwrap();
        assert!(!leaf.contains("never asked") && !leaf.contains("a day old"), "{leaf}");
    }
    findings_stand_until_a_sprint_takes_them_up(&yard).await;
}

/// Both stand in the backlog, though no sprint was open.
async fn findings_stand_until_a_sprint_takes_them_up(yard: &Yard) {
    let factory = &yard.factory;
    let backlog = factory.backlog(WORKFLOW, None).await.unwrap();
    let found: Vec<&str> =
        backlog.items.iter().filter(|i| i.source == Source::Finding).map(|i| i.what.as_str()).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found.iter().any(|f| f.contains("a day old")), "{found:?}");
    // A sprint that was opened after them takes them up; when it is closed, they are history.
    let lena = yard.who("lena");
    factory.open_sprint(&lena, Some(WORKFLOW), "dated prices", Vec::new(), Vec::new()).await.unwrap();
    let note = NoteInput { text: "looked at".to_owned(), finding: false, element: None, cites: Vec::new() };
    factory.note(&lena, WORKFLOW, note).await.unwrap();
    let still = factory.backlog(WORKFLOW, None).await.unwrap();
    assert_eq!(still.items.iter().filter(|i| i.source == Source::Finding).count(), 2);
    factory.close_sprint(&lena, WORKFLOW).await.unwrap();
    let after = factory.backlog(WORKFLOW, None).await.unwrap();
    assert_eq!(after.items.iter().filter(|i| i.source == Source::Finding).count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_in_an_incident() {
    let yard = Yard::pilot().await;
    let factory = &yard.factory;
    // The independent side challenges; a program opens nothing.
    let outside = factory.open_incident(&yard.who("ria"), WORKFLOW, seen("odd")).await.unwrap_err();
    assert!(matches!(outside, Refused::Forbidden(_)), "{outside}");
    let program = factory.open_incident(&shop("shop"), WORKFLOW, seen("odd")).await.unwrap_err();
    assert!(matches!(program, Refused::Forbidden(_)), "{program}");
    let owner = IncidentInput { owner: Some("ria@harbour.example".to_owned()), ..seen("odd") };
    let refused = factory.open_incident(&yard.who("una"), WORKFLOW, owner).await.unwrap_err();
    assert!(refused.to_string().contains("independent side"), "{refused}");
    let nobody = IncidentInput { owner: Some("nobody@harbour.example".to_owned()), ..seen("odd") };
    factory.open_incident(&yard.who("una"), WORKFLOW, nobody).await.unwrap_err();
    factory.open_incident(&yard.who("una"), WORKFLOW, seen("  ")).await.unwrap_err();
    let unknown = IncidentInput { elements: vec!["steps.nowhere".to_owned()], ..seen("odd") };
    factory.open_incident(&yard.who("una"), WORKFLOW, unknown).await.unwrap_err();
    assert!(factory.open_incidents(WORKFLOW).await.unwrap().is_empty(), "nothing was recorded of all that");

    // Hugo operates, and is not responsible for exceptions: he notes, and decides only where it is his.
    let una = yard.who("una");
    let opened = factory.open_incident(&una, WORKFLOW, seen("odd refusals")).await.unwrap();
    let hugo = yard.who("hugo");
    let on = || IncidentStep::decide(IncidentCourse::GoOn, "one case");
    factory.incident_step(&hugo, WORKFLOW, opened.incident, IncidentStep::note("seen, too")).await.unwrap();
    let refused = factory.incident_step(&hugo, WORKFLOW, opened.incident, on()).await.unwrap_err();
    assert!(matches!(refused, Refused::Forbidden(_)), "{refused}");
    factory.incident_step(&yard.who("ugo"), WORKFLOW, opened.incident, on()).await.unwrap();
    let own = IncidentInput { owner: Some("hugo@harbour.example".to_owned()), ..seen("another one") };
    let second = factory.open_incident(&una, WORKFLOW, own).await.unwrap();
    assert_eq!(second.incident, opened.incident + 1);
    factory.incident_step(&hugo, WORKFLOW, second.incident, on()).await.unwrap();
    assert_eq!(factory.may_in_incident(&hugo, WORKFLOW, "una@harbour.example"), (true, false));
    assert_eq!(factory.may_in_incident(&hugo, WORKFLOW, "hugo@harbour.example"), (true, true));
    factory.incident(WORKFLOW, second.incident + 1).await.unwrap_err();
    // Folded again, they stand as they stood.
    let before = serde_json::to_value(factory.incidents(WORKFLOW).await.unwrap()).unwrap();
    let yard = yard.reopened().await;
    assert_eq!(serde_json::to_value(yard.factory.incidents(WORKFLOW).await.unwrap()).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn incidents_opened_at_once_have_numbers_of_their_own() {
    let yard = Yard::pilot().await;
    let una = yard.who("una");
    let open = || yard.factory.open_incident(&una, WORKFLOW, seen("two see the same"));
    let (a, b, c) = tokio::join!(open(), open(), open());
    let mut numbers = [a, b, c].map(|opened| opened.unwrap().incident);
    numbers.sort_unstable();
    assert_eq!(numbers, [2, 3, 4], "after the one of the pilot's drill");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeline_as_markdown_is_text_and_nothing_else() {
    let yard = Yard::pilot().await;
    let hostile = "| <script>alert(1)</script> [x](http://evil) \u{202e}\n# heading `code`";
    let opened = yard.factory.open_incident(&yard.who("una"), WORKFLOW, seen(hostile)).await.unwrap();
    let text = yard.factory.incident(WORKFLOW, opened.incident).await.unwrap().markdown();
    let obeyed = text.replace("\\<", "").replace("\\[", "");
    assert!(!obeyed.contains("<script") && !text.contains("](http") && !text.contains("\n# heading"), "{text}");
    assert!(text.contains("⟨U+202E⟩") && text.contains("# Incident 2"), "{text}");
}
