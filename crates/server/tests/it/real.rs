//! The pages of a real factory: the example, delivered to a pilot that runs.

mod acts;
mod tlog;

use crate::yard::{WORKFLOW, Yard, application};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use futures_util::StreamExt as _;
use seatrial_factory::api::PassageEntry;
use seatrial_factory::{DecisionFilter, NewToken};
use seatrial_model::event::{ReviewOpened, TokenKind};
use seatrial_model::{Action, Body as EventBody, DecisionId, EventId, ReviewId, Span, Verdict};
use seatrial_server::pages::parts::encode;
use seatrial_server::{AppState, Backend as _, FactoryBackend, Options, factory, router};
use seatrial_store::{Batch, StoreExt as _};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tower::ServiceExt as _;

/// Delivered once, then copied for each test.
static DELIVERED: OnceCell<(tempfile::TempDir, PathBuf)> = OnceCell::const_new();

struct Pages {
    yard: Yard,
    app: AppState<FactoryBackend>,
    backend: Arc<FactoryBackend>,
    site: Router,
}

/// Somebody's session.
struct Seat<'p> {
    pages: &'p Pages,
    cookie: String,
    csrf: String,
}

impl Pages {
    async fn new() -> Self {
        let (_, root) = DELIVERED
            .get_or_init(|| async {
                let yard = Yard::new().await;
                yard.deliver().await;
                for n in 0..6 {
                    yard.pass(&format!("A-{n}"), PassageEntry::Run { input: application(n) }).await;
                }
                let reason = "Write to bo@mail.example <script>alert(1)</script>";
                let output = json!({"decision": "pre-approve", "confidence": 0.97, "reason": reason}).to_string();
                yard.pass("A-marked", PassageEntry::Decide { input: application(5), output, confidence: None }).await;
                yard.factory.store().close().await.unwrap();
                yard.keep()
            })
            .await;
        let yard = Yard::copy_of(root).await;
        let backend = Arc::new(FactoryBackend::new(yard.factory.clone()));
        let app = AppState::new(Arc::clone(&backend), Options::default()).unwrap();
        Self { site: router(app.clone()), yard, app, backend }
    }

    async fn send(&self, request: Request<Body>) -> (StatusCode, header::HeaderMap, String) {
        let (parts, body) = self.site.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 22).await.unwrap().to_vec()).unwrap();
        (parts.status, parts.headers, text)
    }

    /// Signs somebody in by a one-time link.
    async fn seat(&self, name: &str) -> Seat<'_> {
        let side = if name == "dev" { "shipyard" } else { "harbour" };
        let person = self.backend.local(&format!("{name}@{side}.example")).unwrap();
        let link = self.app.sign_in_link(person).unwrap();
        self.enter(link.split_once("token=").unwrap().1).await.unwrap()
    }

    /// Signs in with a token; none where it is refused.
    async fn enter(&self, token: &str) -> Option<Seat<'_>> {
        let (status, headers, _) = self.send(form("/sign-in", "", &[("token", token)])).await;
        if status != StatusCode::SEE_OTHER {
            return None;
        }
        let cookie = headers.get(header::SET_COOKIE).unwrap().to_str().unwrap().split(';').next().unwrap().to_owned();
        let mut seat = Seat { pages: self, cookie, csrf: String::new() };
        seat.csrf = field(&seat.get("/").await.1, "csrf").to_owned();
        Some(seat)
    }
}

fn form(path: &str, cookie: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let body = fields.iter().map(|(n, v)| format!("{n}={}", encode(v))).collect::<Vec<_>>().join("&");
    Request::post(path)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .header("sec-fetch-site", "same-origin")
        .body(Body::from(body))
        .unwrap()
}

impl Seat<'_> {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let request = Request::get(path).header(header::COOKIE, &self.cookie).body(Body::empty()).unwrap();
        let (status, _, text) = self.pages.send(request).await;
        (status, text)
    }

    /// A page of the workflow, which is there.
    async fn page(&self, rest: &str) -> String {
        let (status, text) = self.get(&format!("/w/{WORKFLOW}{rest}")).await;
        assert_eq!(status, StatusCode::OK, "{rest}: {text}");
        text
    }

    async fn post(&self, rest: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let mut all = vec![("csrf", self.csrf.as_str())];
        all.extend(fields);
        let (status, _, text) = self.pages.send(form(&format!("/w/{WORKFLOW}{rest}"), &self.cookie, &all)).await;
        (status, text)
    }

    async fn switch(&self, which: &str) -> (StatusCode, String) {
        self.post(which, &[("reason", "a look at it first"), ("sure", "yes")]).await
    }

    /// Answers a review by its page's own form.
    async fn answer(&self, review: &str, answer: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
        let page = self.page(&format!("/reviews/{review}")).await;
        let (seen, shown) = (field(&page, "seen").to_owned(), field(&page, "shown").to_owned());
        let mut all = vec![("seen", seen.as_str()), ("shown", &shown), ("answer", answer), ("reason", "read it whole")];
        all.extend(fields);
        self.post(&format!("/reviews/{review}/answer"), &all).await
    }
}

/// The value of a hidden field.
fn field<'p>(page: &'p str, name: &str) -> &'p str {
    page.split_once(&format!("name=\"{name}\" value=\"")).map_or("", |(_, rest)| rest.split('"').next().unwrap())
}

/// Addresses of this kind on a page, in order.
fn links<'p>(page: &'p str, kind: &str) -> Vec<&'p str> {
    let start = format!("href=\"/w/{WORKFLOW}/{kind}/");
    page.match_indices(&start).map(|(i, _)| page[i + start.len()..].split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_link_of_a_delivered_workflow_leads_to_a_page() {
    let pages = Pages::new().await;
    let hana = pages.seat("hana").await;
    let mut seen = BTreeSet::from(["/".to_owned()]);
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let (status, text) = hana.get(&path).await;
        // One of the marked decisions may have been drawn for her blind audit: it opens when she has answered.
        if status == StatusCode::FORBIDDEN && path.contains("/decisions/dec_") && text.contains("blind") {
            continue;
        }
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        assert!(!text.contains("<script>alert"), "{path}");
        for link in text.split("<a ").skip(1).filter_map(|a| a.split_once("href=\"")).map(|(_, rest)| rest) {
            let link = link.split(['"', '#']).next().unwrap().replace("&amp;", "&");
            if link.starts_with('/') && seen.insert(link.clone()) {
                open.push(link);
            }
        }
    }
    for kind in ["/thresholds/approve", "/obligations/", "/decisions/dec_", "/reviews/rev_", "/log?before=", "/sprint"]
    {
        assert!(seen.iter().any(|l| l.contains(kind)), "nothing links to {kind}");
    }
    assert!(seen.len() > 100, "{}", seen.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_show_what_the_log_holds() {
    let pages = Pages::new().await;
    let hana = pages.seat("hana").await;
    let board = hana.page("").await;
    for says in
        ["Serving.", "200 cases a day", "SEATRIAL_SIMULATION", "seatrial approve approval.risk --stage production"]
    {
        assert!(board.contains(says), "{says}");
    }
    let marked = hana.page("/decisions").await;
    let at = marked.find("A-marked").unwrap();
    let id = links(&marked[..at], "decisions").last().copied().unwrap().to_owned();
    let decision = hana.page(&format!("/decisions/{id}")).await;
    assert!(
        decision.contains("<mark title=\"steps.assess.forbid.personal-data: email\">bo@mail.example"),
        "{decision}"
    );
    assert_eq!(decision.matches("withheld from the model").count(), 2);
    assert!(decision.contains("In this pilot a person reviews every decision"));
    let review = hana.page(&format!("/reviews/{}", links(&decision, "reviews")[0])).await;
    assert!(review.contains("this is what accepting releases") && review.contains("[email]"), "{review}");
    let certificate = hana.page("/thresholds/approve").await;
    assert!(certificate.contains("≤ its part of δ") && certificate.contains("unwatched"), "{certificate}");
    let curve = certificate.split_once("/curves/").unwrap().1.split('"').next().unwrap();
    assert!(hana.page(&format!("/curves/{curve}")).await.contains("<svg"));
    let spec = pages.yard.factory.shown_spec(WORKFLOW).unwrap();
    let other = format!("/w/{WORKFLOW}/curves/{}.svg", spec.files["workflow.yaml"].blob.hex());
    assert_eq!(hana.get(&other).await.0, StatusCode::NOT_FOUND, "only curves are served as curves");
    let sprint = hana.page("/sprint").await;
    assert!(sprint.contains("Did the output path become more governable?") && sprint.contains("Operating clarity"));
    assert!(hana.page("/log").await.contains("simulation/harbour-bank/credit-preapproval"));
    assert!(hana.page("/assessment").await.contains("What a CTO should ask"));
    let laws = hana.page("/regulation").await;
    assert!(laws.contains("Art. 14") && laws.contains("/obligations/drill.stop") && !laws.contains("complian"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_decisions_goes_on_where_it_ended() {
    let pages = Pages::new().await;
    let hana = pages.seat("hana").await;
    let all = DecisionFilter { limit: 500, ..DecisionFilter::default() };
    let all = pages.yard.factory.decisions(WORKFLOW, all).await.unwrap();
    assert!(all.len() > 50, "the rehearsal alone makes {}", all.len());
    let mut listed = Vec::new();
    let mut rest = "/decisions".to_owned();
    loop {
        let page = hana.page(&rest).await;
        listed.extend(links(&page, "decisions").into_iter().map(str::to_owned));
        let Some((_, older)) = page.split_once("/decisions?before=") else { break };
        rest = format!("/decisions?before={}", older.split('"').next().unwrap());
    }
    assert_eq!(listed, all.iter().map(|r| r.decision.to_string()).collect::<Vec<_>>());
    let denied = hana.page("/decisions?verdict=deny&step=assess").await;
    let wanted = all.iter().filter(|r| r.verdict == Verdict::Deny).count();
    assert_eq!(links(&denied, "decisions").len(), wanted);
    assert_eq!(hana.get(&format!("/w/{WORKFLOW}/decisions?before=0")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_allows_on_the_pages_what_it_allows_elsewhere() {
    let pages = Pages::new().await;
    let factory = &pages.yard.factory;
    let hana = pages.yard.who("hana");
    let issue = |kind, principal: &str| {
        let steps = if kind == TokenKind::Caller { vec!["*".to_owned()] } else { Vec::new() };
        let lives = "1h".parse::<Span>().unwrap();
        let new = NewToken { kind, principal: principal.to_owned(), steps, lives };
        factory.issue_token(&hana, new)
    };
    let caller = issue(TokenKind::Caller, "shop").await.unwrap();
    assert!(pages.enter(&caller).await.is_none(), "a service has no session");
    let token = issue(TokenKind::Reviewer, "hana@harbour.example").await.unwrap();
    let seat = pages.enter(&token).await.unwrap();
    assert!(!seat.page("").await.contains("Stop now"));
    assert_eq!(seat.switch("/stop").await.0, StatusCode::FORBIDDEN);
    let operator = issue(TokenKind::Operator, "hana@harbour.example").await.unwrap();
    assert!(pages.enter(&operator).await.unwrap().page("").await.contains("Stop now"));
    factory.revoke_token(&hana, &token).await.unwrap();
    assert_eq!(seat.get("/").await.0, StatusCode::SEE_OTHER, "a session ends with its token");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_open_blind_audit_asks_is_told_nowhere() {
    let pages = Pages::new().await;
    let factory = &pages.yard.factory;
    let (decision, review) = allowed_with_audit(&pages.yard).await;
    let (hana, una) = (pages.seat("hana").await, pages.seat("una").await);
    let page = hana.page(&format!("/reviews/{review}")).await;
    assert!(page.contains("What would you decide?") && !page.contains("0.123"), "{page}");
    assert!(!page.contains("steps.assess.escalate"), "its reasons would tell it");
    let path = format!("/w/{WORKFLOW}/decisions/{decision}");
    assert_eq!(hana.get(&path).await.0, StatusCode::FORBIDDEN);
    assert!(una.page(&format!("/decisions/{decision}")).await.contains("0.123"));
    let list = hana.page("/decisions").await;
    assert!(list.contains(&decision.to_string()) && list.contains("its blind audit waits") && !list.contains("0.123"));
    assert!(!hana.page("/decisions?verdict=allow").await.contains(&decision.to_string()));
    // With the blank before it: a time of the log may end in `0.123Z`.
    let log = hana.page("/log").await;
    assert!(!log.contains(" 0.123"), "{log}");
    assert!(una.page("/log").await.contains(" 0.123"));
    let own = [("out.decision", "decline"), ("out.confidence", "0.5"), ("out.reason", "Too short a history.")];
    let (status, text) = hana.answer(&review.to_string(), "own", &own).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{text}");
    let opened = hana.page(&format!("/decisions/{decision}")).await;
    assert!(opened.contains("the auditor disagrees") && opened.contains("0.123"), "{opened}");
    let chain = factory.decision(&pages.yard.who("hana"), decision).await.unwrap();
    assert_eq!((chain.verdict, chain.action), (Verdict::Allow, Action::Allow), "an audit changes nothing");
}

/// An allowed decision drawn for audit, as the guard records one: the pilot itself escalates everything.
async fn allowed_with_audit(yard: &Yard) -> (DecisionId, ReviewId) {
    let store = yard.factory.store();
    let entries = yard.factory.recent_events(WORKFLOW, None, 200).await.unwrap();
    let of_a_pass = |e: &&seatrial_factory::EntryLook| match &e.event.body {
        EventBody::DecisionMade(made) => made.code == "review_pending" && !made.facts.rehearsal,
        _ => false,
    };
    let mut event = entries.iter().find(of_a_pass).unwrap().event.clone();
    let EventBody::DecisionMade(made) = &mut event.body else { unreachable!() };
    made.decision = "dec_01f00000-0000-7000-8000-000000000001".parse().unwrap();
    let review: ReviewId = "rev_01f00000-0000-7000-8000-000000000002".parse().unwrap();
    (made.verdict, made.action, made.audit, made.code) = (Verdict::Allow, Action::Allow, true, "allowed".to_owned());
    made.review = Some(ReviewOpened { review, to: "credit".to_owned(), own: false, within_ms: None, seeded: false });
    made.facts.confidence.value = 0.123;
    let decision = made.decision;
    event.subject.decision = Some(decision);
    event.id = "evt_01f00000-0000-7000-8000-000000000003".parse::<EventId>().unwrap();
    store.append(&event.log.clone(), Batch::of(event)).await.unwrap();
    (decision, review)
}

#[tokio::test(flavor = "multi_thread")]
async fn open_pages_learn_of_what_others_did() {
    let pages = Pages::new().await;
    let following = factory::watch(&pages.app, &pages.yard.factory);
    let hana = pages.seat("hana").await;
    let request = Request::get(format!("/events?workflow={WORKFLOW}"))
        .header(header::COOKIE, &hana.cookie)
        .body(Body::empty())
        .unwrap();
    let mut events = pages.site.clone().oneshot(request).await.unwrap().into_body().into_data_stream();
    pages.yard.pass("A-later", PassageEntry::Run { input: application(40) }).await;
    let said = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap().unwrap();
    assert_eq!(&said[..], format!("event: changed\ndata: {WORKFLOW}\n\n").as_bytes());
    // People and roles stand on every page.
    let token = NewToken {
        kind: TokenKind::Operator,
        principal: "hana@harbour.example".to_owned(),
        steps: Vec::new(),
        lives: "1h".parse().unwrap(),
    };
    pages.yard.factory.issue_token(&pages.yard.who("hana"), token).await.unwrap();
    let said = tokio::time::timeout(Duration::from_secs(10), events.next()).await.unwrap().unwrap().unwrap();
    assert!(said.starts_with(b"event: changed"));
    following.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_workflow_and_unknown_things_are_not_found() {
    let pages = Pages::new().await;
    let hana = pages.seat("hana").await;
    for path in [
        "/w/other".to_owned(),
        "/w/factory".to_owned(),
        format!("/w/{WORKFLOW}/obligations/x"),
        format!("/w/{WORKFLOW}/thresholds/x"),
        format!("/w/{WORKFLOW}/decisions/dec_01f00000-0000-7000-8000-000000000001"),
        format!("/w/{WORKFLOW}/reviews/rev_01f00000-0000-7000-8000-000000000001"),
        format!("/w/{WORKFLOW}/sprint/spr_01f00000-0000-7000-8000-000000000001"),
    ] {
        assert_eq!(hana.get(&path).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert!(pages.backend.local("nobody@harbour.example").is_err());
    assert!(pages.enter("seatrial_0123456789ab_guess").await.is_none());
    assert!(pages.backend.authenticate("seatrial_0123456789ab_guess").await.unwrap().is_none());
}
