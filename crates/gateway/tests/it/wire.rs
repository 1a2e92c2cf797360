//! The outcome table, row by row, and the guard's own endpoints.

use crate::support::{GOOD, Got, ask, completion, plane};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use wiremock::ResponseTemplate;

fn complaint(text: &str, amount: f64) -> Value {
    json!({"text": text, "amount": amount})
}

#[tokio::test]
async fn an_allowed_answer_is_the_upstreams_own() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let mut body = ask("route", &complaint("lost card", 5.0));
    body["x_new_field"] = json!({"kept": [1, 2]});
    let got = plane.chat(&body, &[("x-seatrial-case", "case-7"), ("x-request-id", "r-9")]).await;
    got.is(200, "");
    assert_eq!(got.json()["choices"][0]["message"]["content"], GOOD);
    assert!(got.text.contains("\"x_vendor\":1.5") && got.json()["seatrial"]["verdict"] == "allow");
    assert_eq!((got.header("x-seatrial-verdict"), got.header("x-seatrial-action")), ("allow", "allow"));
    assert_eq!((got.header("x-seatrial-case"), got.header("x-request-id")), ("case-7", "r-9"));
    assert_eq!(got.header("x-seatrial-release"), "rehearsal");
    assert!(got.header("x-seatrial-decision").starts_with("dec_"));
    let later = plane.get(&plane.caller, &format!("/v1/decisions/{}", got.header("x-seatrial-decision"))).await;
    assert_eq!(
        (later.json()["status"].clone(), later.json()["output"]["team"].clone()),
        (json!("settled"), json!("cards"))
    );
    let sent = &plane.asked().await[0];
    assert_eq!((&sent["model"], &sent["x_new_field"]), (&json!("model-1-20261101"), &json!({"kept": [1, 2]})));
    plane.end().await;
}

#[tokio::test]
async fn without_a_release_nothing_is_served() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let got = plane.post(&plane.caller, "/v1/chat/completions", &ask("route", &complaint("x", 1.0)), &[]).await;
    got.is(403, "not_released");
    assert!(!got.json()["seatrial"]["missing"].as_array().unwrap().is_empty());
    assert!(plane.asked().await.is_empty());
}

#[tokio::test]
async fn a_denied_input_never_reaches_the_model() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let got = plane.chat(&ask("route", &complaint(&"x".repeat(200), 1.0)), &[]).await;
    got.is(400, "content_filter");
    assert_eq!(got.json()["error"]["type"], "policy_denied");
    assert_eq!(got.header("x-seatrial-verdict"), "deny");
    // Text that is no complaint at all does not have the input's type.
    let words = json!({"model": "complaints/route", "messages": [{"role": "user", "content": "Hi"}]});
    plane.chat(&words, &[]).await.is(400, "content_filter");
    assert!(plane.asked().await.is_empty());
}

#[tokio::test]
async fn a_denied_output_is_an_answer_without_content() {
    let plane = plane().await;
    plane.model_says(r#"{"team":"cards","reason":"We promise a refund."}"#).await;
    let got = plane.chat(&ask("route", &complaint("lost card", 5.0)), &[]).await;
    got.is(200, "");
    assert_eq!(got.json()["choices"][0]["finish_reason"], "content_filter");
    assert!(got.json()["choices"][0]["message"]["content"].is_null());
    assert!(!got.text.contains("refund"), "{}", got.text);
    let id = got.header("x-seatrial-decision").to_owned();
    let seen = plane.get(&plane.caller, &format!("/v1/decisions/{id}")).await;
    assert_eq!((seen.status, seen.json()["verdict"].clone()), (200, json!("deny")));
    assert!(!seen.text.contains("refund"), "a caller reads what was withheld from it: {}", seen.text);
    let person = plane.get(&plane.supervisor, &format!("/v1/decisions/{id}")).await;
    assert!(person.text.contains("refund"));
}

#[tokio::test]
async fn a_modified_output_is_redacted() {
    let plane = plane().await;
    plane.model_says(r#"{"team":"cards","reason":"Write to ann@example.org about it."}"#).await;
    let got = plane.chat(&ask("route", &complaint("lost card", 5.0)), &[]).await;
    got.is(200, "");
    assert_eq!(got.header("x-seatrial-action"), "modify");
    assert!(!got.text.contains("ann@example.org"), "{}", got.text);
    assert_eq!(got.json()["choices"][0]["finish_reason"], "stop");
}

#[tokio::test]
async fn a_stream_leaves_after_the_verdict_in_its_own_bytes() {
    let plane = plane().await;
    let mut stream = String::new();
    for piece in ["{\"team\":\"cards\",", "\"reason\":\"lost\"}"] {
        stream.push_str(&format!("data: {}\r\n\r\n", json!({"choices": [{"index": 0, "delta": {"content": piece}}]})));
    }
    stream.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
    plane.model(ResponseTemplate::new(200).set_body_raw(stream.clone(), "text/event-stream")).await;
    let mut body = ask("route", &complaint("lost card", 5.0));
    body["stream"] = json!(true);
    let got = plane.chat(&body, &[]).await;
    got.is(200, "");
    assert_eq!(got.text, stream);
    assert!(got.header("content-type").starts_with("text/event-stream"));
    assert_eq!(got.header("x-seatrial-verdict"), "allow");
    // The same stream with a word that is forbidden: not one byte of it.
    let bad = stream.replace("lost", "refund");
    plane.model(ResponseTemplate::new(200).set_body_raw(bad, "text/event-stream")).await;
    let got = plane.chat(&body, &[]).await;
    got.is(200, "");
    assert!(
        !got.text.contains("refund") && got.text.contains("content_filter") && got.text.ends_with("data: [DONE]\n\n")
    );
}

async fn escalated(plane: &crate::support::Plane) -> (Got, String, String) {
    plane.model_says(GOOD).await;
    let got = plane.chat(&ask("route", &complaint("lost card", 5_000.0)), &[]).await;
    got.is(403, "review_pending");
    assert!(!got.text.contains("lost a card"), "{}", got.text);
    let ours = got.json()["seatrial"].clone();
    let text = |name: &str| ours[name].as_str().unwrap().to_owned();
    (got, text("decision"), text("review"))
}

#[tokio::test]
async fn an_escalated_answer_comes_after_a_persons() {
    let plane = plane().await;
    let (got, decision, review) = escalated(&plane).await;
    assert_eq!(got.json()["seatrial"]["poll"], format!("/v1/decisions/{decision}?wait=30s"));
    let pending = plane.get(&plane.caller, &format!("/v1/decisions/{decision}")).await;
    assert_eq!((pending.json()["status"].clone(), pending.json()["output"].clone()), (json!("pending"), json!(null)));
    assert!(!pending.text.contains("lost a card"), "{}", pending.text);
    let queue = plane.get(&plane.handler, "/v1/reviews").await;
    assert_eq!(queue.json()["data"][0]["review"], review);
    plane.get(&plane.caller, "/v1/reviews").await.is(403, "forbidden");
    let claimed = plane.post(&plane.handler, &format!("/v1/reviews/{review}/claim"), &json!({}), &[]).await;
    claimed.is(200, "");
    let seen = claimed.json()["decision"]["output"]["commitment"].clone();
    let wait = {
        let (http, base, token) = (plane.http.clone(), plane.base.clone(), plane.caller.clone());
        let path = format!("{base}/v1/decisions/{decision}?wait=30s");
        tokio::spawn(async move {
            let begun = Instant::now();
            let got = crate::support::got(http.get(path).bearer_auth(token)).await;
            (got, begun.elapsed())
        })
    };
    tokio::time::sleep(Duration::from_millis(200)).await;
    let answer = json!({"answer": "accept", "seen": seen, "reason": "Right", "shown_ms": 900});
    plane.post(&plane.handler, &format!("/v1/reviews/{review}/answer"), &answer, &[]).await.is(200, "");
    let (settled, took) = wait.await.unwrap();
    assert_eq!(settled.json()["status"], "settled");
    assert_eq!(settled.json()["output"], serde_json::from_str::<Value>(GOOD).unwrap());
    assert!(took < Duration::from_secs(10), "{took:?}");
    // The same answer again is none.
    plane.post(&plane.handler, &format!("/v1/reviews/{review}/answer"), &answer, &[]).await.is(409, "conflict");
}

#[tokio::test]
async fn a_retry_joins_the_decision_that_exists() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let body = ask("route", &complaint("lost card", 5.0));
    let first = plane.chat(&body, &[("idempotency-key", "k-1")]).await;
    let again = plane.chat(&body, &[("idempotency-key", "k-1"), ("x-stainless-retry-count", "1")]).await;
    assert_eq!(first.header("x-seatrial-decision"), again.header("x-seatrial-decision"));
    assert_eq!(again.json()["seatrial"]["joined"], true);
    assert_eq!(again.json()["choices"][0]["message"]["content"], GOOD);
    assert_eq!(plane.asked().await.len(), 1);
}

#[tokio::test]
async fn withheld_fields_never_reach_the_model() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let input = json!({"text": "lost card", "amount": 5.0, "age": 41});
    plane.chat(&ask("private", &input), &[]).await.is(200, "");
    let sent = plane.asked().await[0].to_string();
    assert!(sent.contains("lost card") && !sent.contains("41") && !sent.contains("\"age"), "{sent}");
    let mut body = ask("private", &input);
    body["messages"][0] = json!({"role": "user", "content": "I am 41 years old"});
    plane.chat(&body, &[]).await.is(400, "content_filter");
    assert_eq!(plane.asked().await.len(), 1);
}

#[tokio::test]
async fn a_model_that_is_gone_leaves_nothing() {
    let plane = plane().await;
    plane.model(ResponseTemplate::new(500)).await;
    let got = plane.chat(&ask("route", &complaint("lost card", 5.0)), &[]).await;
    // The step has a fallback role: a person takes over.
    got.is(403, "review_pending");
    plane.model(ResponseTemplate::new(200).set_body_string("<html>busy</html>")).await;
    let got = plane.chat(&ask("route", &complaint("lost card 2", 5.0)), &[]).await;
    assert!(got.status >= 400 && !got.text.contains("busy"), "{}", got.text);
}

#[tokio::test]
async fn run_and_decide() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let got = plane.run(&complaint("lost card", 5.0)).await;
    got.is(200, "");
    assert_eq!((got.json()["output"]["team"].clone(), got.json()["verdict"].clone()), (json!("cards"), json!("allow")));
    plane.model_says(r#"{"team":"cards","reason":"A refund."}"#).await;
    let got = plane.run(&complaint("lost card", 6.0)).await;
    got.is(200, "");
    assert_eq!((got.json()["output"].clone(), got.json()["verdict"].clone()), (json!(null), json!("deny")));
    let path = "/v1/workflows/complaints/steps/route/decide";
    let rehearsal = [("x-seatrial-release", "rehearsal")];
    let body = json!({"input": complaint("x", 5_000.0), "output": {"team": "loans", "reason": "x"}, "case": "c-9"});
    let got = plane.post(&plane.caller, path, &body, &rehearsal).await;
    got.is(200, "");
    assert_eq!((got.json()["verdict"].clone(), got.json()["action"].clone()), (json!("escalate"), json!("advised")));
    assert_eq!(got.json()["case"], "c-9");
    let id = got.json()["decision"].as_str().unwrap().to_owned();
    let effect =
        plane.post(&plane.caller, &format!("/v1/decisions/{id}/effect"), &json!({"action": "block"}), &[]).await;
    effect.is(200, "");
    let odd = json!({"input": {}, "output": {}, "confidense": 0.5});
    let got = plane.post(&plane.caller, path, &odd, &rehearsal).await;
    got.is(400, "invalid_request");
    assert!(got.text.contains("confidense"), "{}", got.text);
}

#[tokio::test]
async fn stop_and_resume() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let why = json!({"reason": "A drill."});
    plane.post(&plane.caller, "/v1/workflows/complaints/stop", &why, &[]).await.is(403, "forbidden");
    plane.post(&plane.supervisor, "/v1/workflows/complaints/stop", &json!({}), &[]).await.is(400, "invalid_request");
    let stopped = plane.post(&plane.supervisor, "/v1/workflows/complaints/steps/route/stop", &why, &[]).await;
    stopped.is(200, "");
    assert!(stopped.json()["effective_ms"].is_u64());
    let got = plane.chat(&ask("route", &complaint("lost card", 5.0)), &[]).await;
    got.is(403, "workflow_stopped");
    assert!(plane.asked().await.is_empty());
    plane.post(&plane.supervisor, "/v1/workflows/complaints/steps/route/resume", &why, &[]).await.is(403, "forbidden");
    plane.post(&plane.second, "/v1/workflows/complaints/steps/route/resume", &why, &[]).await.is(200, "");
    plane.chat(&ask("route", &complaint("lost card", 5.0)), &[]).await.is(200, "");
}

#[tokio::test]
async fn a_stop_cuts_what_is_in_flight() {
    let plane = plane().await;
    let slow = ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(2_500));
    plane.model(slow).await;
    let body = ask("route", &complaint("lost card", 5.0));
    let (chat, stop) = tokio::join!(plane.chat(&body, &[]), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        plane.post(&plane.supervisor, "/v1/workflows/complaints/stop", &json!({"reason": "Now."}), &[]).await
    });
    chat.is(403, "workflow_stopped");
    assert_eq!(stop.json()["cut"], 1);
}

#[tokio::test]
async fn an_override_is_recorded_and_served() {
    let plane = plane().await;
    let (_, decision, _) = escalated(&plane).await;
    let path = format!("/v1/decisions/{decision}/override");
    let body = json!({"action": "modify", "reason": "wrong-team", "note": "Loans.", "output": {"team": "loans", "reason": "A loan."}});
    plane.post(&plane.caller, &path, &body, &[]).await.is(403, "forbidden");
    plane.post(&plane.supervisor, &path, &body, &[]).await.is(200, "");
    let seen = plane.get(&plane.caller, &format!("/v1/decisions/{decision}")).await;
    assert_eq!(seen.json()["overridden"]["reason"], "wrong-team");
    assert_eq!(seen.json()["output"]["team"], "loans", "{}", seen.text);
}

#[tokio::test]
async fn models_are_the_steps_that_a_token_lists() {
    let plane = plane().await;
    let got = plane.get(&plane.caller, "/v1/models").await;
    let ids: Vec<_> = got.json()["data"].as_array().unwrap().iter().map(|m| m["id"].clone()).collect();
    assert_eq!(ids, ["complaints/route", "complaints/private"]);
    plane.get(&plane.caller, "/v1/models/complaints/route").await.is(200, "");
    plane.get(&plane.caller, "/v1/models/complaints%2Froute").await.is(200, "");
    plane.get(&plane.caller, "/v1/models/gpt").await.is(404, "not_found");
}

#[tokio::test]
async fn everything_else_falls_through() {
    let plane = plane().await;
    let got = crate::support::got(plane.http.get(format!("{}/board/x", plane.base))).await;
    assert_eq!((got.status, got.text.as_str()), (200, "elsewhere: /board/x"));
    assert!(got.header("x-request-id").starts_with("req_"));
    plane.post("x", "/v1/embeddings", &json!({}), &[]).await.is(404, "not_served");
}
