//! The router: signing in, headers, links, the live stream.

mod forms;

use crate::backend::{HOSTILE_SVG, Samples, ana};
use crate::samples;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use seatrial_server::{AppState, Options, assets, router};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

struct Server {
    app: AppState<Samples>,
    backend: Arc<Samples>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |v| v.to_str().unwrap())
    }
}

impl Server {
    fn new(options: Options) -> Self {
        let backend = Arc::new(Samples::default());
        Self { app: AppState::new(Arc::clone(&backend), options).unwrap(), backend }
    }

    async fn raw(&self, request: Request<Body>) -> Response<Body> {
        router(self.app.clone()).oneshot(request).await.unwrap()
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.raw(request).await.into_parts();
        let text = String::from_utf8(to_bytes(body, 1 << 22).await.unwrap().to_vec()).unwrap();
        Answer { status: parts.status, headers: parts.headers, text }
    }

    async fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send(Request::get(path).header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    async fn post(&self, path: &str, cookie: &str, form: &[(&str, &str)]) -> Answer {
        let body = form
            .iter()
            .map(|(n, v)| format!("{n}={}", seatrial_server::pages::parts::encode(v)))
            .collect::<Vec<_>>()
            .join("&");
        let request = Request::post(path)
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin");
        self.send(request.body(Body::from(body)).unwrap()).await
    }

    /// Signs Ana in; the cookie and her forms' token.
    async fn sign_in(&self) -> (String, String) {
        let link = self.app.sign_in_link(ana()).unwrap();
        let token = link.split_once("token=").unwrap().1;
        let answer = self.post("/sign-in", "", &[("token", token)]).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let cookie = answer.header("set-cookie").split(';').next().unwrap().to_owned();
        let page = self.get("/", &cookie).await;
        let csrf = page.text.split_once("name=\"csrf\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
        (cookie, csrf)
    }

    fn done(&self) -> Vec<String> {
        self.backend.done.lock().unwrap().clone()
    }
}

fn server() -> Server {
    Server::new(Options::default())
}

fn hidden<'p>(page: &'p str, name: &str) -> &'p str {
    page.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1.split('"').next().unwrap()
}

#[tokio::test]
async fn a_link_signs_in_once_by_a_click_and_not_by_a_look() {
    let server = server();
    let link = server.app.sign_in_link(ana()).unwrap();
    let token = link.split_once("token=").unwrap().1;
    for _ in 0..2 {
        let page = server.get(&link, "").await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(page.header("set-cookie").is_empty());
    }
    let first = server.post("/sign-in", "", &[("token", token), ("to", "/w/complaint-routing")]).await;
    assert_eq!((first.status, first.header("location")), (StatusCode::SEE_OTHER, "/w/complaint-routing"));
    let cookie = first.header("set-cookie");
    assert!(cookie.starts_with("seatrial=") && cookie.contains("HttpOnly; SameSite=Strict"), "{cookie}");
    let second = server.post("/sign-in", "", &[("token", token)]).await;
    assert_eq!(second.status, StatusCode::UNAUTHORIZED);
    assert!(second.header("set-cookie").is_empty());
}

#[tokio::test]
async fn a_personal_token_signs_in_and_a_services_does_not() {
    let server = server();
    assert_eq!(
        server.post("/sign-in", "", &[("token", "personal"), ("to", "//evil.example")]).await.header("location"),
        "/"
    );
    for bad in ["service", "", "guess"] {
        assert_eq!(server.post("/sign-in", "", &[("token", bad)]).await.status, StatusCode::UNAUTHORIZED, "{bad}");
    }
    let elsewhere = Request::post("/sign-in")
        .header("sec-fetch-site", "cross-site")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(server.send(elsewhere.body(Body::from("token=personal")).unwrap()).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn without_a_session_nothing_is_shown_and_nothing_done() {
    let server = server();
    let page = server.get("/w/complaint-routing/reviews?role=x", "").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.header("location"), "/sign-in?to=%2Fw%2Fcomplaint-routing%2Freviews%3Frole%3Dx");
    assert_eq!(server.get("/events", "").await.status, StatusCode::UNAUTHORIZED);
    let stop = server.post("/w/complaint-routing/stop", "seatrial=made-up", &[("reason", "x"), ("sure", "yes")]).await;
    assert_eq!(stop.status, StatusCode::UNAUTHORIZED);
    assert!(server.done().is_empty());
    assert!(server.get("/", "seatrial=old").await.header("location").contains("ended=1"));
}

#[tokio::test]
async fn whoever_left_is_out_at_once() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    assert_eq!(server.get("/", &cookie).await.status, StatusCode::OK);
    *server.backend.left.lock().unwrap() = true;
    assert_eq!(server.get("/", &cookie).await.status, StatusCode::SEE_OTHER);
    *server.backend.left.lock().unwrap() = false;
    assert_eq!(server.get("/", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    assert_eq!(server.post("/sign-out", &cookie, &[("csrf", "guess")]).await.status, StatusCode::FORBIDDEN);
    let out = server.post("/sign-out", &cookie, &[("csrf", &csrf)]).await;
    assert!(out.header("set-cookie").contains("Max-Age=0"));
    assert_eq!(server.get("/", &cookie).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn every_page_answers_and_carries_its_headers() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    let (decision, review) = (samples::decision_id(1), samples::review_id(1));
    let pages = [
        "".to_owned(),
        "/obligations/approval.risk".into(),
        "/decisions".into(),
        "/decisions?verdict=deny&step=&before=9".into(),
        format!("/decisions/{decision}"),
        "/reviews".into(),
        format!("/reviews/{review}"),
        "/log".into(),
        "/log?before=3".into(),
        "/thresholds/route".into(),
        "/sprint".into(),
        "/sprint/spr_0193f2a0-7c1d-7000-8000-000000000001".into(),
        "/sprint/spr_0193f2a0-7c1d-7000-8000-000000000001/report".into(),
        "/approve/approval.risk?stage=production".into(),
        "/approve/approval.risk".into(),
        "/waivers".into(),
        "/releases".into(),
        "/pilots/evt_0193f2a0-7c1d-7000-8000-000000000001".into(),
        "/diff".into(),
        "/ownership".into(),
        "/drills".into(),
        "/incidents".into(),
        "/incidents/1".into(),
        "/assessment".into(),
        "/regulation".into(),
    ];
    for rest in pages {
        let page = server.get(&format!("/w/complaint-routing{rest}"), &cookie).await;
        assert_eq!(page.status, StatusCode::OK, "{rest}");
        assert!(page.header("content-security-policy").contains("default-src 'none'"), "{rest}");
        assert_eq!(page.header("cache-control"), "no-store", "{rest}");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
    for (rest, status) in [
        ("/w/other", 404),
        ("/w/complaint-routing/obligations/x", 404),
        ("/w/complaint-routing/decisions/dec_x", 404),
        ("/w/complaint-routing/decisions?verdict=maybe", 422),
        ("/w/complaint-routing/log?before=-1", 422),
        ("/nowhere", 404),
        ("/w/complaint-routing/approve/x?stage=pilot", 404),
        ("/w/complaint-routing/approve/approval.risk?stage=someday", 422),
        ("/w/complaint-routing/pilots/evt_x", 404),
        ("/w/complaint-routing/sprint/%22%3E%3Cscript%3E", 404),
        ("/w/complaint-routing/curves/x.svg", 404),
    ] {
        let page = server.get(rest, &cookie).await;
        assert_eq!(page.status.as_u16(), status, "{rest}");
        assert!(!page.text.contains("<script>"), "{rest}");
        assert_eq!(page.header("cache-control"), "no-store", "{rest}");
    }
}

#[tokio::test]
async fn behind_tls_the_cookie_is_bound_to_it() {
    let server = Server::new(Options { tls: true });
    let answer = server.post("/sign-in", "", &[("token", "personal")]).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("__Host-seatrial=") && cookie.ends_with("; Secure") && cookie.contains("Path=/;"),
        "{cookie}"
    );
    assert!(answer.header("strict-transport-security").contains("max-age"));
}

#[tokio::test]
async fn a_kept_picture_can_do_nothing() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    let picture = server.get(&format!("/w/complaint-routing/curves/{}.svg", samples::digest("x").hex()), &cookie).await;
    assert_eq!(picture.text.as_bytes(), HOSTILE_SVG);
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    let policy = picture.header("content-security-policy");
    assert!(
        policy.contains("default-src 'none'") && policy.contains("sandbox") && !policy.contains("script"),
        "{policy}"
    );
}

#[tokio::test]
async fn assets_are_kept_for_ever_and_need_no_session() {
    let server = server();
    for name in ["seatrial.css", "live.js", "keys.js", "mark.svg"] {
        let asset = server.get(&assets::url(name), "").await;
        assert_eq!(asset.status, StatusCode::OK, "{name}");
        assert!(asset.header("cache-control").contains("immutable") && !asset.text.is_empty(), "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_stream_says_that_something_changed_and_nothing_more() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    let request =
        Request::get("/events?workflow=complaint-routing").header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
    let mut body = server.raw(request).await.into_body().into_data_stream();
    server.app.live().changed("another");
    for _ in 0..500 {
        server.app.live().changed("complaint-routing");
    }
    let first = futures_util::StreamExt::next(&mut body).await.unwrap().unwrap();
    assert_eq!(&first[..], b"event: changed\ndata: complaint-routing\n\n");
    let second = tokio::time::timeout(Duration::from_secs(19), futures_util::StreamExt::next(&mut body)).await;
    assert!(second.is_err(), "one message for all of them: {second:?}");
    assert_eq!(server.get("/events?workflow=other", &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_link_of_every_page_leads_to_a_page() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    let mut seen = std::collections::BTreeSet::from(["/".to_owned()]);
    let mut open = vec!["/".to_owned()];
    while let Some(path) = open.pop() {
        let page = server.get(&path, &cookie).await;
        assert!(!page.text.contains("There is no such page"), "{path}");
        for link in page.text.split("<a ").skip(1).filter_map(|a| a.split_once("href=\"")).map(|(_, rest)| rest) {
            let link = link.split(['"', '#']).next().unwrap().replace("&amp;", "&");
            if link.starts_with('/') && seen.len() < 400 && seen.insert(link.clone()) {
                open.push(link);
            }
        }
    }
    for kind in ["/thresholds/", "/obligations/", "/decisions/", "/reviews/", "/sprint/", "/log?before="] {
        assert!(seen.iter().any(|l| l.contains(kind)), "nothing links to {kind}: {seen:?}");
    }
}

#[tokio::test]
async fn times_are_of_the_factorys_zone_and_the_report_can_do_nothing() {
    let server = server();
    let (cookie, _) = server.sign_in().await;
    let page = server.get("/w/complaint-routing/releases", &cookie).await;
    assert!(page.text.contains("Times are of Europe/Madrid"), "the foot says whose time it is");
    assert!(page.text.contains(">23 Nov 2026, 15:32<"), "an hour ahead of UTC in winter");
    let report =
        server.get("/w/complaint-routing/sprint/spr_0193f2a0-7c1d-7000-8000-000000000001/report", &cookie).await;
    let policy = report.header("content-security-policy");
    assert!(
        policy.contains("sandbox") && policy.contains("default-src 'none'") && !policy.contains("script"),
        "{policy}"
    );
}
