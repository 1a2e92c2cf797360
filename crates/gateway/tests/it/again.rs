//! Asking again is not another chance: retries, attempts side by side, and connections that are used again.

use crate::support::{GOOD, Plane, ask, completion, plane, plane_with};
use seatrial_gateway::Limits;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::ResponseTemplate;

fn complaint(text: &str) -> Value {
    ask("route", &json!({"text": text, "amount": 5.0}))
}

async fn decisions(plane: &Plane) -> usize {
    let filter = seatrial_factory::DecisionFilter { limit: 100, ..Default::default() };
    plane.factory.decisions("complaints", filter).await.unwrap().len()
}

async fn slow(plane: &Plane) {
    plane.model(ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(500))).await;
}

#[tokio::test]
async fn an_sdks_retry_without_case_or_key_joins_its_first_attempt() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let first = plane.chat(&complaint("lost card"), &[("x-stainless-retry-count", "0")]).await;
    let again = plane.chat(&complaint("lost card"), &[("x-stainless-retry-count", "1")]).await;
    assert_eq!(first.header("x-seatrial-decision"), again.header("x-seatrial-decision"));
    assert_eq!(first.header("x-seatrial-case"), again.header("x-seatrial-case"), "a retry got another case");
    assert_eq!(again.json()["seatrial"]["joined"], true);
    assert_eq!(again.json()["choices"][0]["message"]["content"], GOOD);
    // A retry of something else joins nothing, and neither does one that says so.
    let other = plane.chat(&complaint("lost wallet"), &[("x-stainless-retry-count", "1")]).await;
    assert_eq!(other.json()["seatrial"]["joined"], false);
    let afresh =
        plane.chat(&complaint("lost card"), &[("x-stainless-retry-count", "1"), ("x-seatrial-retry", "new")]).await;
    assert_eq!(afresh.json()["seatrial"]["joined"], false);
    assert_eq!((plane.asked().await.len(), decisions(&plane).await), (3, 3));
}

#[tokio::test]
async fn two_customers_with_the_same_wish_get_two_decisions() {
    let plane = plane().await;
    slow(&plane).await;
    let body = complaint("lost card");
    let (one, two) = tokio::join!(plane.chat(&body, &[]), plane.chat(&body, &[]));
    let three = plane.chat(&body, &[]).await;
    let ids = [&one, &two, &three].map(|got| got.header("x-seatrial-decision").to_owned());
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2], "{ids:?}");
    assert_eq!((plane.asked().await.len(), decisions(&plane).await), (3, 3));
}

#[tokio::test]
async fn a_second_attempt_waits_for_the_first_that_is_under_way() {
    let plane = plane().await;
    for (first, second) in [
        (&[("x-stainless-retry-count", "0")][..], &[("x-stainless-retry-count", "1")][..]),
        (&[("idempotency-key", "k-7")], &[("idempotency-key", "k-7")]),
    ] {
        slow(&plane).await;
        let body = complaint("lost card");
        let before = decisions(&plane).await;
        let (one, two) = tokio::join!(plane.chat(&body, first), async {
            tokio::time::sleep(Duration::from_millis(150)).await;
            plane.chat(&body, second).await
        });
        one.is(200, "");
        two.is(200, "");
        assert_eq!(one.header("x-seatrial-decision"), two.header("x-seatrial-decision"));
        assert_eq!((plane.asked().await.len(), decisions(&plane).await - before), (1, 1));
    }
}

#[tokio::test]
async fn a_stated_case_that_was_denied_is_denied_to_all_who_asked_at_once() {
    let plane = plane().await;
    let bad = completion(r#"{"team":"cards","reason":"We promise a refund."}"#);
    plane.model(ResponseTemplate::new(200).set_body_json(bad).set_delay(Duration::from_millis(300))).await;
    let (body, case) = (complaint("lost card"), [("x-seatrial-case", "c-1")]);
    let (one, two) = tokio::join!(plane.chat(&body, &case), plane.chat(&body, &case));
    assert_eq!(one.header("x-seatrial-verdict"), "deny");
    assert_eq!(one.header("x-seatrial-decision"), two.header("x-seatrial-decision"));
    assert_eq!((plane.asked().await.len(), decisions(&plane).await), (1, 1));
}

#[tokio::test]
async fn a_stop_reaches_an_attempt_that_waits_for_another() {
    let plane = plane().await;
    plane
        .model(ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(2_500)))
        .await;
    let (body, key) = (complaint("lost card"), [("idempotency-key", "k")]);
    let (one, two, stop) = tokio::join!(plane.chat(&body, &key), plane.chat(&body, &key), async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        plane.post(&plane.supervisor, "/v1/workflows/complaints/stop", &json!({"reason": "Now."}), &[]).await
    });
    one.is(403, "workflow_stopped");
    two.is(403, "workflow_stopped");
    assert_eq!(stop.json()["cut"], 2);
    assert_eq!(decisions(&plane).await, 0);
}

#[tokio::test]
async fn what_is_withheld_is_said_by_the_spec_that_is_served() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let input = json!({"text": "lost card", "amount": 5.0, "age": 41});
    plane.chat(&ask("route", &input), &[]).await.is(200, "");
    assert!(plane.asked().await[0].to_string().contains("41"));
    // The candidate withholds what the spec before it showed.
    let file = plane.folder.path().join("workflows/complaints/workflow.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed =
        text.replacen("    within: 3s\n    refuse_input:", "    withhold: [age]\n    within: 3s\n    refuse_input:", 1);
    assert_ne!(text, changed);
    std::fs::write(&file, changed).unwrap();
    plane.model_says(GOOD).await;
    plane.chat(&ask("route", &input), &[]).await.is(200, "");
    assert!(plane.asked().await[0].to_string().contains("41"), "a work tree alone changes nothing that is served");
    let dev = plane.factory.local("dev@builder.example").unwrap();
    plane.factory.submit(&dev, Some("complaints")).await.unwrap();
    plane.model_says(GOOD).await;
    plane.chat(&ask("route", &input), &[]).await.is(200, "");
    let sent = plane.asked().await[0].to_string();
    assert!(sent.contains("lost card") && !sent.contains("41"), "{sent}");
}

#[tokio::test]
async fn a_revoked_token_ends_at_once() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    for _ in 0..2 {
        plane.get(&plane.caller, "/v1/models").await.is(200, "");
    }
    let sue = plane.factory.local("sue@bank.example").unwrap();
    plane.factory.revoke_token(&sue, &plane.caller).await.unwrap();
    plane.get(&plane.caller, "/v1/models").await.is(401, "invalid_api_key");
    plane.chat(&complaint("lost card"), &[]).await.is(401, "invalid_api_key");
    plane.get(&plane.handler, "/v1/reviews").await.is(200, "");
}

#[tokio::test]
async fn the_queue_shows_people_what_their_roles_answer() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    plane.chat(&ask("route", &json!({"text": "lost card", "amount": 5_000.0})), &[]).await.is(403, "review_pending");
    let listed = |got: crate::support::Got| got.json()["data"].as_array().unwrap().len();
    assert_eq!(listed(plane.get(&plane.handler, "/v1/reviews").await), 1);
    assert_eq!(listed(plane.get(&plane.supervisor, "/v1/reviews").await), 0);
    plane.get(&plane.caller, "/v1/reviews").await.is(403, "forbidden");
}

/// Sends a request on a connection that stays open, and reads the head of the answer.
async fn once(stream: &mut TcpStream, plane: &Plane) -> String {
    let request = format!("GET /v1/models HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n", plane.caller);
    let mut seen = vec![0; 4_096];
    if stream.write_all(request.as_bytes()).await.is_err() {
        return String::new();
    }
    let read = tokio::time::timeout(Duration::from_secs(3), stream.read(&mut seen)).await;
    String::from_utf8_lossy(&seen[..read.unwrap().unwrap_or(0)]).into_owned()
}

#[tokio::test]
async fn an_idle_connection_outlives_the_time_for_a_head() {
    let mut limits = Limits::default();
    limits.head_time_max = Duration::from_millis(200);
    limits.keep_alive_max = Duration::from_millis(1_500);
    let plane = plane_with(limits).await;
    let mut stream = TcpStream::connect(plane.address).await.unwrap();
    assert!(once(&mut stream, &plane).await.starts_with("HTTP/1.1 200"));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert!(once(&mut stream, &plane).await.starts_with("HTTP/1.1 200"), "an idle connection was closed");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(once(&mut stream, &plane).await, "", "an idle connection was held for ever");
    // A head that does not come is not waited for.
    let mut half = TcpStream::connect(plane.address).await.unwrap();
    half.write_all(b"GET /v1/models HTTP/1.1\r\nhost:").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(Duration::from_millis(1_200), half.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "half a head held its connection");
}
