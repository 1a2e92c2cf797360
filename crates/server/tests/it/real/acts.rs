//! What people do on the pages of a real factory.

use super::{Pages, field};
use crate::yard::{WORKFLOW, application};
use axum::http::StatusCode;
use seatrial_factory::api::PassageEntry;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_by_the_form_settles_the_decision_once() {
    let pages = Pages::new().await;
    let factory = &pages.yard.factory;
    let una = pages.seat("una").await;
    let open = factory.queue(WORKFLOW, 500).await.unwrap();
    let review = open.iter().find(|r| r.to == "underwriters" && !r.rehearsal && !r.own).unwrap().clone();
    let id = review.review.to_string();
    // Whoever lacks the role sees the question, and no form.
    let dev = pages.seat("dev").await;
    let barred = dev.page(&format!("/reviews/{id}")).await;
    assert!(!barred.contains("name=\"seen\"") && barred.contains("Your answer"), "{barred}");
    let forced = [("seen", review.decision.to_string()), ("answer", "accept".to_owned()), ("reason", "x".to_owned())];
    let forced: Vec<(&str, &str)> = forced.iter().map(|(n, v)| (*n, v.as_str())).collect();
    let forced = dev.post(&format!("/reviews/{id}/answer"), &forced).await;
    assert_eq!(forced.0, StatusCode::UNPROCESSABLE_ENTITY);
    let edited = [("out.decision", "pre-approve"), ("out.confidence", "0.9"), ("out.reason", "Carries it.")];
    let (status, text) = una.answer(&id, "edit", &edited).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
    assert_eq!(factory.queue(WORKFLOW, 500).await.unwrap().len(), open.len() - 1);
    let decision = una.page(&format!("/decisions/{}", review.decision)).await;
    assert!(decision.contains("corrected") && decision.contains("read it whole") && decision.contains("shown for"));
    assert!(una.page(&format!("/reviews/{id}")).await.contains("corrected"));
    let again =
        una.post(&format!("/reviews/{id}/answer"), &[("seen", "x"), ("answer", "accept"), ("reason", "x")]).await;
    assert!(again.0.is_client_error(), "{:?}", again.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_stops_does_not_resume_and_a_stop_freezes_answers() {
    let pages = Pages::new().await;
    let (hana, hugo, una) = (pages.seat("hana").await, pages.seat("hugo").await, pages.seat("una").await);
    let ria = pages.seat("ria").await;
    assert_eq!(ria.switch("/stop").await.0, StatusCode::FORBIDDEN, "the independent side does not operate");
    assert!(!ria.page("").await.contains("Stop now"));
    assert_eq!(hana.switch("/stop").await.0, StatusCode::SEE_OTHER);
    let board = hugo.page("").await;
    for says in [
        "Stopped.",
        "By hana@harbour.example",
        "a look at it first",
        "by <code>runbooks/by-hand.md</code>",
        "Resume now",
    ] {
        assert!(board.contains(says), "{says}");
    }
    assert!(!hana.page("").await.contains("Resume now"));
    let open = pages.yard.factory.queue(WORKFLOW, 500).await.unwrap();
    let review = open.iter().find(|r| r.to == "underwriters" && !r.rehearsal && !r.own).unwrap();
    let (status, text) = una.answer(&review.review.to_string(), "accept", &[]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(text.contains("superseded"), "{text}");
    assert_eq!(hana.switch("/resume").await.0, StatusCode::FORBIDDEN);
    assert_eq!(hugo.switch("/resume").await.0, StatusCode::SEE_OTHER);
    assert!(hana.page("").await.contains("Serving."));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_that_was_overtaken_is_refused_with_what_changed() {
    let pages = Pages::new().await;
    let hana = pages.seat("hana").await;
    let path = "/approve/spec.intent?stage=pilot";
    let before = hana.page(path).await;
    assert!(before.contains("nothing that it covers changed"), "she approved it for the pilot");
    let (key, shown) = (field(&before, "key").to_owned(), field(&before, "shown").to_owned());
    pages.yard.edit("purpose: |", "purpose: |\n  At a point of sale.");
    pages.yard.factory.submit(&pages.yard.who("dev"), None).await.unwrap();
    let fields = |key: &str, shown: &str| {
        [("stage", "pilot"), ("role", "credit"), ("sure", "yes"), ("key", key), ("shown", shown)]
            .map(|(name, value)| (name, value.to_owned()))
    };
    let post = async |sent: [(&str, String); 5], more: &[(&str, &str)]| {
        let sent: Vec<(&str, &str)> = sent.iter().map(|(n, v)| (*n, v.as_str())).chain(more.iter().copied()).collect();
        hana.post("/approve/spec.intent", &sent).await
    };
    let (status, text) = post(fields(&key, &shown), &[]).await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert!(text.contains("role=\"alert\"") && text.contains("At a point of sale."), "{text}");
    // The page shows what stands now, and what stood there when she approved it.
    let now = hana.page(path).await;
    let since = now.split_once("id=\"since\"").unwrap().1.split_once("id=\"covers\"").unwrap().0;
    assert!(since.contains("you") && since.contains("purpose"), "{since}");
    assert!(since.contains("At a point of sale."), "{since}");
    let (key, shown) = (field(&now, "key").to_owned(), field(&now, "shown").to_owned());
    let (status, text) = post(fields(&key, &shown), &[("reaffirm", "yes")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
    assert!(hana.page(path).await.contains("nothing that it covers changed"));
    let diff = hana.page("/diff").await;
    assert!(diff.contains(">purpose<") && diff.contains("At a point of sale."), "{diff}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drill_on_the_pages_takes_two_people_and_no_case() {
    let pages = Pages::new().await;
    let (una, hana, dev) = (pages.seat("una").await, pages.seat("hana").await, pages.seat("dev").await);
    let list = una.page("/drills").await;
    assert!(list.contains("Begin the stop drill") && list.contains("seatrial drill restore"), "{list}");
    assert!(dev.page("/drills").await.contains("and not for production"), "the delivery side is told");
    let ria = pages.seat("ria").await;
    assert!(ria.page("/drills").await.contains("never operates or owns"), "the independent side exercises nothing");
    let refused = ria.post("/drills", &[("act", "begin"), ("control", "stop")]).await;
    assert_eq!(refused.0, StatusCode::FORBIDDEN, "{}", refused.1);

    let (status, _) = una.post("/drills", &[("act", "begin"), ("control", "stop")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    // While it waits, marked requests are stopped, and a case is answered as ever.
    let waiting = una.page("/drills").await;
    assert!(waiting.contains("waits for another person") && !waiting.contains("Begin the stop drill"), "{waiting}");
    pages.yard.pass("B-1", PassageEntry::Run { input: application(1) }).await;
    assert!(!una.page("").await.contains("Stopped"), "the workflow is not stopped");
    let (own, _) = una.post("/drills", &[("act", "finish")]).await;
    assert_eq!(own, StatusCode::FORBIDDEN, "whoever stops does not resume");
    let (status, _) = hana.post("/drills", &[("act", "finish")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let done = pages.yard.factory.drills(WORKFLOW).await.unwrap().into_iter().find(|l| l.control == "stop").unwrap();
    let last = done.last.unwrap();
    assert_eq!((last.by.as_str(), last.counts), ("hana@harbour.example", Some(true)));
    let result = hana.page(&format!("/drills?done={}", last.event)).await;
    assert!(result.contains("The stop drill is recorded") && result.contains("20 marked outputs"), "{result}");

    // A drill that people answer: its reviews are named, and it is recorded over their answers.
    let (status, _) = una.post("/drills", &[("act", "begin"), ("control", "override")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let opened = pages.yard.factory.open_degraded_drill(&pages.yard.who("una"), Some(WORKFLOW)).await.unwrap();
    let reviews: Vec<String> = opened.reviews.iter().map(|r| r.review.to_string()).collect();
    let answering = una.page(&format!("/drills?control=degraded&reviews={}", reviews.join(","))).await;
    assert!(answering.contains("waits for answers") && !answering.contains("Record the drill"), "{answering}");
    let named = reviews.join(",");
    let close = [("act", "close"), ("control", "degraded"), ("reviews", named.as_str())];
    assert_eq!(una.post("/drills", &close).await.0, StatusCode::CONFLICT, "nobody has answered");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incident_on_the_pages_stops_and_ends_in_findings() {
    let pages = Pages::new().await;
    let (una, hana, ria) = (pages.seat("una").await, pages.seat("hana").await, pages.seat("ria").await);
    let hostile = "<script>alert(1)</script> two customers mixed up";
    let open = [("severity", "high"), ("owner", "una@harbour.example"), ("text", hostile)];
    assert_eq!(ria.post("/incidents", &open).await.0, StatusCode::FORBIDDEN);
    assert_eq!(una.post("/incidents", &open).await.0, StatusCode::SEE_OTHER);
    let number = pages.yard.factory.open_incidents(WORKFLOW).await.unwrap()[0].incident;
    let path = format!("/incidents/{number}");
    let page = una.page(&path).await;
    assert!(page.contains("two customers mixed up") && !page.contains("<script>alert"), "{page}");
    assert!(una.page("").await.contains(&format!("Incident {number}")), "the board shows it");
    let decide = [("act", "decide"), ("course", "stop"), ("sure", "yes"), ("text", "nothing more may leave")];
    assert_eq!(una.post(&path, &decide).await.0, StatusCode::SEE_OTHER);
    assert!(una.page("").await.contains("Stopped"), "it really is stopped");
    assert_eq!(hana.switch("/resume").await.0, StatusCode::SEE_OTHER);
    assert_eq!(hana.post(&path, &[("act", "resolve"), ("text", "taken back")]).await.0, StatusCode::SEE_OTHER);
    let review = [("act", "review"), ("text", "no date in the feed"), ("findings", "refuse old prices")];
    assert_eq!(hana.post(&path, &review).await.0, StatusCode::SEE_OTHER);
    let page = una.page(&path).await;
    assert!(page.contains("finding for the next sprint") && page.contains("stopped: the whole workflow"), "{page}");
    assert_eq!(una.get(&format!("/w/{WORKFLOW}/incidents/99")).await.0, StatusCode::NOT_FOUND);
}
