//! What people do on the pages, by forms.

use super::{hidden, server};
use crate::samples;
use axum::http::StatusCode;

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
