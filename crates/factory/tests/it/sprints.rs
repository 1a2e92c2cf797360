//! Sprints: what is written into them, what comes out at their end, and the backlog that nobody writes.

use crate::support::{WORKFLOW, Yard, application, shop};
use seatrial_factory::api::Refused;
use seatrial_factory::{NoteInput, Quiet};
use seatrial_model::words::Layer;
use seatrial_model::{Action, EventId, Stage};
use seatrial_sprint::backlog::Source;
use seatrial_sprint::clarity::Look;
use seatrial_sprint::report::Reading;

fn finding(text: &str, cites: Vec<EventId>) -> NoteInput {
    NoteInput { text: text.to_owned(), finding: true, element: Some("steps.assess".to_owned()), cites }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sprint_answers_from_the_log_with_its_findings() {
    let yard = Yard::new().await;
    let (factory, dev) = (&yard.factory, yard.who("dev"));
    let open = |question: &str, obligation: &str| {
        let (questions, obligations) = (vec![question.to_owned()], vec![obligation.to_owned()]);
        let (factory, dev) = (factory.clone(), dev.clone());
        async move { factory.open_sprint(&dev, None, "Know where <it> can be trusted", questions, obligations).await }
    };
    let unknown = open("missing-income", "eval.no-such-set").await.unwrap_err();
    assert!(matches!(&unknown, Refused::NotFound(why) if why.contains("eval.no-such-set")), "{unknown}");
    open("missing-income", "eval.boundary").await.unwrap();
    let done = factory.evaluate(&dev, None, &["boundary".to_owned()], &Quiet).await.unwrap();
    let event = done[0].event;

    let stray: EventId = "evt_019a0000-0000-7000-8000-000000000000".parse().unwrap();
    for (input, why) in [
        (finding("Rests on nothing.", vec![]), "cites at least one event"),
        (finding("Rests on what is not there.", vec![stray]), "no event of this workflow's log"),
        (finding("  ", vec![event]), "has a text"),
        (
            NoteInput { element: Some("steps.nowhere".to_owned()), ..finding("About nothing.", vec![event]) },
            "steps.nowhere",
        ),
    ] {
        let refused = factory.note(&dev, WORKFLOW, input).await.unwrap_err();
        assert!(refused.to_string().contains(why), "{refused}");
    }
    let stranger = factory.note(&shop("shop"), WORKFLOW, finding("A service's opinion.", vec![event])).await;
    assert!(matches!(stranger, Err(Refused::Forbidden(_))), "{stranger:?}");
    let noted = factory.note(&dev, WORKFLOW, finding("Seasonal <incomes> are misread.", vec![event])).await.unwrap();

    let look = factory.sprint_look(WORKFLOW, None).await.unwrap();
    assert!(look.closed.is_none());
    let aims: Vec<_> = look.report.aims.iter().map(|a| (a.aim.as_str(), a.reached)).collect();
    assert_eq!(aims, [("questions.missing-income", false), ("eval.boundary", true)]);
    let markdown = look.markdown();
    for part in ["so far", "Know where \\<it\\> can", "Seasonal \\<incomes\\> are misread.", &noted.to_string()] {
        assert!(markdown.contains(part), "no `{part}` in {markdown}");
    }
    let closed = factory.close_sprint(&dev, WORKFLOW).await.unwrap();
    assert_eq!(closed.report.answers[2].reading, Reading::Yes, "rules were exercised");
    let kept = factory.sprint_look(WORKFLOW, Some(1)).await.unwrap();
    assert_eq!(kept.report, closed.report);
    let recorded = serde_json::to_string(&kept.report).unwrap();
    assert!(!recorded.contains("Seasonal"), "a text is a payload and can be erased");
    assert!(kept.html().contains("Seasonal &lt;incomes&gt; are misread."));
    let late = factory.note(&dev, WORKFLOW, finding("Too late.", vec![event])).await.unwrap_err();
    assert!(matches!(late, Refused::Conflict { .. }), "{late}");
    assert!(matches!(factory.sprint_look(WORKFLOW, Some(2)).await, Err(Refused::NotFound(_))));

    let backlog = factory.backlog(WORKFLOW, None).await.unwrap();
    assert_eq!(backlog.stage, Stage::Pilot);
    let found: Vec<_> = backlog.items.iter().filter(|i| i.source == Source::Finding).collect();
    assert_eq!((found.len(), found[0].events.as_slice()), (1, [noted].as_slice()));
    assert_eq!(found[0].what, "Seasonal <incomes> are misread.");
    assert!(backlog.items.iter().any(|i| i.source == Source::Question && i.subject == "questions.short-history"));
}

#[tokio::test(flavor = "multi_thread")]
async fn clarity_is_taken_where_the_log_took_it() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    yard.factory.open_sprint(&dev, None, "Measure", vec![], vec![]).await.unwrap();
    yard.factory.evaluate(&dev, None, &["boundary".to_owned()], &Quiet).await.unwrap();
    // A new question is an obligation more to settle, or none; a new set is one more to meet.
    yard.factory.close_sprint(&dev, WORKFLOW).await.unwrap();
    let points = yard.factory.clarity(WORKFLOW).await.unwrap();
    let what: Vec<&str> = points.iter().map(|p| p.what.as_str()).collect();
    assert_eq!(what, ["sprint 1 opened", "sprint 1 closed", "now"]);
    let done = |i: usize| points[i].layers[&Layer::Sprint].discharged;
    assert!(done(1) > done(0), "an evaluation discharged something");
    assert_eq!(points[1].layers, points[2].layers, "nothing happened since");
    let standing = yard.standing(Stage::Production).await;
    let counted: u64 = points[2].all().total;
    let applying = standing.states.iter().filter(|s| s.state.as_str() != "not_applicable").count() as u64;
    assert_eq!(counted, applying);
    let picture = yard.factory.clarity_svg(&points, Look::Alone);
    assert!(picture.starts_with("<svg") && picture.contains("sprint 1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operation_found_comes_into_the_backlog() {
    let yard = Yard::pilot().await;
    let hana = yard.who("hana");
    let mut large = Vec::new();
    for extra in 0..12 {
        large.push(yard.pass(application(2_100 + extra)).await);
    }
    for passed in large.iter().take(3) {
        let act = yard.factory.override_decision(&hana, passed.decision, Action::Block, "wrong-data", "mixed up", None);
        act.await.unwrap();
    }
    let backlog = yard.factory.backlog(WORKFLOW, None).await.unwrap();
    assert_eq!(backlog.stage, Stage::Production);
    let of = |source| backlog.items.iter().filter(move |i| i.source == source).collect::<Vec<_>>();
    let overrides = of(Source::Overrides);
    assert_eq!(overrides.len(), 1, "{:?}", backlog.items);
    assert_eq!((overrides[0].count, overrides[0].events.len()), (Some(3), 3));
    assert!(overrides[0].what.contains("`wrong-data`"));
    let escalations = of(Source::Escalations);
    assert!(
        escalations.iter().any(|i| i.subject == "steps.assess.escalate.large" && i.count == Some(12)),
        "{escalations:?}"
    );
    let first = &backlog.items[0];
    assert_eq!(first.source, Source::Obligation, "what stands between here and production comes first");
    assert!(backlog.items.windows(2).all(|pair| pair[0].source <= pair[1].source), "one source after the other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_compares_the_specs_and_the_roles() {
    let yard = Yard::new().await;
    let dev = yard.who("dev");
    yard.factory.open_sprint(&dev, None, "Draw the boundary", vec![], vec![]).await.unwrap();
    yard.edit(
        "      personal-data: { detect",
        "      letters: { detect: [email], in: output.reason }\n      personal-data: { detect",
    );
    yard.factory.submit(&dev, None).await.unwrap();
    let report = yard.factory.close_sprint(&dev, WORKFLOW).await.unwrap().report;
    let figure = |answer: usize, what: &str| {
        let figures = &report.answers[answer].figures;
        figures
            .iter()
            .find(|f| f.what.contains(what))
            .unwrap_or_else(|| panic!("no `{what}` in {figures:?}"))
            .value
            .clone()
    };
    assert_eq!(figure(0, "rules added"), "1 (steps.assess.forbid.letters)");
    assert!(figure(0, "narrow what AI may do").contains("steps.assess.forbid.letters"));
    let roles = figure(3, "roles of the spec");
    assert!(roles.contains("before"), "{roles}");
}
