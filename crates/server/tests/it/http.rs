//! The router: signing in, forms, headers, the live stream.

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
async fn a_stop_takes_a_token_a_reason_and_a_confirmation() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let stop = "/w/complaint-routing/stop";
    let cases: [(&[(&str, &str)], u16); 4] = [
        (&[("reason", "why"), ("sure", "yes")], 403),
        (&[("csrf", "guess"), ("reason", "why"), ("sure", "yes")], 403),
        (&[("csrf", &csrf), ("reason", "why")], 422),
        (&[("csrf", &csrf), ("reason", "  "), ("sure", "yes")], 422),
    ];
    for (form, status) in cases {
        assert_eq!(server.post(stop, &cookie, form).await.status.as_u16(), status, "{form:?}");
    }
    assert!(server.done().is_empty());
    let long = "x".repeat(4_001);
    assert_eq!(
        server.post(stop, &cookie, &[("csrf", &csrf), ("reason", &long), ("sure", "yes")]).await.status.as_u16(),
        422
    );
    let huge = "x".repeat(600_000);
    assert_eq!(server.post(stop, &cookie, &[("csrf", &csrf), ("reason", &huge)]).await.status.as_u16(), 413);
    let good = server.post(stop, &cookie, &[("csrf", &csrf), ("reason", "misrouted"), ("sure", "yes")]).await;
    assert_eq!((good.status, good.header("location")), (StatusCode::SEE_OTHER, "/w/complaint-routing"));
    assert_eq!(server.done(), ["ana@bank.example stops complaint-routing: misrouted"]);
    let resume = server
        .post("/w/complaint-routing/resume", &cookie, &[("csrf", &csrf), ("reason", "fine"), ("sure", "yes")])
        .await;
    assert_eq!(resume.status, StatusCode::FORBIDDEN);
    assert!(resume.text.contains("still stopped"));
}

#[tokio::test]
async fn an_answer_carries_what_was_seen_and_for_how_long() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let path = format!("/w/complaint-routing/reviews/{}", samples::review_id(1));
    let page = server.get(&path, &cookie).await.text;
    let (seen, shown) = (hidden(&page, "seen"), hidden(&page, "shown"));
    let form = [
        ("csrf", csrf.as_str()),
        ("seen", seen),
        ("shown", shown),
        ("answer", "edit"),
        ("reason", "No phone numbers."),
        ("out.team", "disputes"),
        ("out.action", "route"),
        ("out.reason", "Asks for a call."),
        ("out.urgent", ""),
    ];
    let answer = server.post(&format!("{path}/answer"), &cookie, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(answer.header("location").ends_with(&samples::review_id(2).to_string()));
    let sent = server.backend.answers.lock().unwrap().pop().unwrap();
    assert_eq!(sent.seen, samples::commitment("output"));
    assert!(sent.shown_ms.is_some_and(|ms| ms < 60_000));
    assert_eq!(sent.output.as_deref(), Some(r#"{"team":"disputes","action":"route","reason":"Asks for a call."}"#));
}

#[tokio::test]
async fn a_refused_answer_comes_back_with_what_was_typed() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let path = format!("/w/complaint-routing/reviews/{}/answer", samples::review_id(1));
    let seen = samples::commitment("output").to_string();
    let base = |answer: &'static str, reason: &'static str| {
        vec![
            ("csrf", csrf.as_str()),
            ("seen", seen.as_str()),
            ("shown", "1.00"),
            ("answer", answer),
            ("reason", reason),
            ("out.team", "pirates"),
            ("out.reason", "kept <text>"),
        ]
    };
    for (form, status, says) in [
        (base("edit", "why"), 422, "<code>team</code> is not one of its choices"),
        (base("own", "why"), 422, "<code>own</code> is not open"),
        (base("nonsense", "why"), 422, "No answer was chosen"),
        (base("accept", " "), 422, "A reason is missing"),
        (base("accept", "too late"), 409, "answered meanwhile"),
    ] {
        let page = server.post(&path, &cookie, &form).await;
        assert_eq!(page.status.as_u16(), status, "{says}");
        assert!(page.text.contains(says), "{says}");
        assert!(page.text.contains("kept &lt;text&gt;"), "{says}");
    }
    assert!(server.backend.answers.lock().unwrap().is_empty());
    // A proof that is none leaves the time unknown, and never makes one up.
    assert_eq!(server.post(&path, &cookie, &base("accept", "fine")).await.status, StatusCode::SEE_OTHER);
    let sent = server.backend.answers.lock().unwrap().pop().unwrap();
    assert_eq!((sent.shown_ms, sent.output), (None, None));
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
async fn an_approval_carries_its_key_its_role_and_how_long_it_was_shown() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let path = "/w/complaint-routing/approve/approval.risk";
    let page = server.get(&format!("{path}?stage=production"), &cookie).await;
    let (key, shown) = (hidden(&page.text, "key").to_owned(), hidden(&page.text, "shown").to_owned());
    let form = |key: &str, sure: &str| {
        [
            ("csrf", csrf.as_str()),
            ("stage", "production"),
            ("key", key),
            ("role", "supervisors"),
            ("sure", sure),
            ("shown", &shown),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let send = async |form: [(String, String); 6]| {
        let form: Vec<(&str, &str)> = form.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        server.post(path, &cookie, &form).await
    };
    assert_eq!(send(form(&key, "")).await.status.as_u16(), 422, "not confirmed");
    assert_eq!(send(form("sha256:0", "yes")).await.status.as_u16(), 422, "no key");
    let other = samples::digest("another").to_string();
    let changed = send(form(&other, "yes")).await;
    assert_eq!(changed.status.as_u16(), 409);
    assert!(changed.text.contains("What was shown is not what stands now"), "the page says so, with what stands now");
    assert!(server.done().is_empty());
    assert_eq!(server.post(path, &cookie, &[("key", &key), ("sure", "yes")]).await.status.as_u16(), 403, "no token");
    assert_eq!(send(form(&key, "yes")).await.status, StatusCode::SEE_OTHER);
    assert_eq!(
        server.done(),
        ["Ana Ruiz approves approval.risk for production as supervisors, again false, timed true"]
    );
}

#[tokio::test]
async fn a_waiver_is_asked_for_granted_and_ended_by_forms() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let (waivers, id) = ("/w/complaint-routing/waivers", samples::event(301, "", "", 0).id);
    let what = ("what", "production/outcome.same-day");
    let csrf = ("csrf", csrf.as_str());
    let (reason, measure) = (("reason", "No volume yet."), ("measure", "Weekly sampling."));
    let cases: [(&[(&str, &str)], u16); 4] = [
        (&[what, reason, measure, ("until", "2026-12-31")], 403),
        (&[csrf, reason, measure, ("until", "2026-12-31")], 422),
        (&[csrf, what, reason, ("until", "2026-12-31")], 422),
        (&[csrf, what, reason, measure], 422),
    ];
    for (form, status) in cases {
        let answer = server.post(waivers, &cookie, form).await;
        assert_eq!(answer.status.as_u16(), status, "{form:?}");
        assert!(answer.text.contains("role=\"alert\""), "the page says why");
    }
    assert_eq!(server.post(&format!("{waivers}/{id}/grant"), &cookie, &[csrf]).await.status.as_u16(), 422);
    assert_eq!(server.post(&format!("{waivers}/{id}/end"), &cookie, &[csrf]).await.status.as_u16(), 422);
    assert!(server.done().is_empty());
    let asked = [csrf, what, reason, measure, ("until", "2026-12-31")];
    for (path, form) in [
        (waivers.to_owned(), asked.as_slice()),
        (format!("{waivers}/{id}/grant"), &[csrf, ("sure", "yes")]),
        (format!("{waivers}/{id}/end"), &[csrf, reason]),
    ] {
        assert_eq!(server.post(&path, &cookie, form).await.status, StatusCode::SEE_OTHER, "{path}");
    }
    let done = server.done();
    assert_eq!(done[0], "waive outcome.same-day for production until 2026-12-31: No volume yet. / Weekly sampling.");
    assert_eq!(done[1..], [format!("Ana Ruiz grants {id}"), format!("end {id}: No volume yet.")]);
}

#[tokio::test]
async fn a_rollback_names_its_release_and_is_confirmed() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let path = "/w/complaint-routing/releases/rollback";
    let release = samples::digest("release-2");
    let (csrf, to) = (("csrf", csrf.as_str()), release.to_string());
    let to = ("release", to.as_str());
    let cases: [(&[(&str, &str)], u16); 4] = [
        (&[to, ("reason", "why"), ("sure", "yes")], 403),
        (&[csrf, to, ("reason", "why")], 422),
        (&[csrf, to, ("sure", "yes")], 422),
        (&[csrf, ("release", "x"), ("reason", "why"), ("sure", "yes")], 422),
    ];
    for (form, status) in cases {
        assert_eq!(server.post(path, &cookie, form).await.status.as_u16(), status, "{form:?}");
    }
    assert!(server.done().is_empty());
    let answer = server.post(path, &cookie, &[csrf, to, ("reason", "It misreads incomes."), ("sure", "yes")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(server.done(), [format!("back to {}: It misreads incomes.", release.short())]);
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

#[tokio::test]
async fn a_drill_is_begun_and_finished_by_forms() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let (drills, csrf) = ("/w/complaint-routing/drills", ("csrf", csrf.as_str()));
    let begin = ("act", "begin");
    let cases: [(&[(&str, &str)], u16); 5] = [
        (&[begin, ("control", "stop")], 403),
        (&[csrf, ("control", "stop")], 422),
        (&[csrf, ("act", "dance")], 422),
        (&[csrf, ("act", "close"), ("control", "degraded"), ("reviews", "rev_nonsense")], 404),
        (&[csrf, begin, ("control", "incident")], 409),
    ];
    for (form, status) in cases {
        let answer = server.post(drills, &cookie, form).await;
        assert_eq!(answer.status.as_u16(), status, "{form:?}");
        assert!(answer.text.contains("role=\"alert\""), "the page says why");
    }
    let review = samples::reviews().rows[0].review.to_string();
    for form in [
        &[csrf, begin, ("control", "stop")][..],
        &[csrf, ("act", "finish")],
        &[csrf, ("act", "close"), ("control", "degraded"), ("reviews", &review)],
    ] {
        assert_eq!(server.post(drills, &cookie, form).await.status, StatusCode::SEE_OTHER, "{form:?}");
    }
    let answering = format!("{drills}?control=degraded&reviews={review}");
    assert_eq!(server.get(&answering, &cookie).await.status, StatusCode::OK);
    assert_eq!(server.get(&format!("{drills}?done=nothing"), &cookie).await.status.as_u16(), 404);
    let done = server.done();
    assert_eq!(done[0], "Ana Ruiz drills Begin(\"incident\")");
    assert_eq!(done[1..3], ["Ana Ruiz drills Begin(\"stop\")", "Ana Ruiz drills Finish"]);
}

#[tokio::test]
async fn an_incident_is_opened_and_handled_by_forms() {
    let server = server();
    let (cookie, csrf) = server.sign_in().await;
    let (incidents, csrf) = ("/w/complaint-routing/incidents", ("csrf", csrf.as_str()));
    let (one, text) = (format!("{incidents}/1"), ("text", "two customers mixed up"));
    for (path, form, status) in [
        (incidents, &[("severity", "high"), text][..], 403),
        (incidents, &[csrf, text], 422),
        (incidents, &[csrf, ("severity", "awful"), text], 422),
        (incidents, &[csrf, ("severity", "high")], 422),
        (incidents, &[csrf, ("severity", "high"), ("decision", "dec_x"), text], 422),
        (&one, &[csrf, ("act", "decide"), ("course", "stop"), text], 422),
        (&one, &[csrf, ("act", "hand-over"), text], 422),
        (&one, &[csrf, ("act", "note")], 422),
        (&one, &[csrf, text], 422),
    ] {
        let answer = server.post(path, &cookie, form).await;
        assert_eq!(answer.status.as_u16(), status, "{form:?}");
        assert!(answer.text.contains("role=\"alert\""), "the page says why");
    }
    assert!(server.done().is_empty());
    let opened =
        server.post(incidents, &cookie, &[csrf, ("severity", "high"), ("owner", "bo@bank.example"), text]).await;
    assert_eq!(opened.status, StatusCode::SEE_OTHER);
    assert_eq!(opened.header("location"), "/w/complaint-routing/incidents/1");
    for form in [
        &[csrf, ("act", "decide"), ("course", "stop"), ("sure", "yes"), text][..],
        &[csrf, ("act", "review"), ("findings", "one\r\n\r\n two "), text],
    ] {
        assert_eq!(server.post(&one, &cookie, form).await.status, StatusCode::SEE_OTHER, "{form:?}");
    }
    let done = server.done();
    assert_eq!(done[0], "Ana Ruiz opens high for bo@bank.example: two customers mixed up");
    assert_eq!(done[1], "Ana Ruiz in 1: Decide(Stop): two customers mixed up");
    assert_eq!(done[2], "Ana Ruiz in 1: Review([\"one\", \"two\"]): two customers mixed up");
}
