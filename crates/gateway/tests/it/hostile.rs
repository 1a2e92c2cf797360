//! Clients that are wrong, slow, gone, or against us.

use crate::support::{GOOD, Plane, ask, completion, got, plane, plane_with};
use seatrial_gateway::Limits;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::ResponseTemplate;

async fn raw(plane: &Plane, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(plane.address).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    read_all(&mut stream).await
}

async fn read_all(stream: &mut TcpStream) -> String {
    let mut out = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(3), stream.read_to_end(&mut out)).await;
    String::from_utf8_lossy(&out).into_owned()
}

fn post(plane: &Plane, path: &str, more: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nx-seatrial-release: rehearsal\r\n{more}content-length: {}\r\n\r\n{body}",
        plane.caller,
        body.len()
    )
}

#[tokio::test]
async fn bad_tokens_learn_nothing() {
    let plane = plane().await;
    let url = format!("{}/v1/chat/completions", plane.base);
    got(plane.http.post(&url)).await.is(401, "invalid_api_key");
    for token in ["", "x", "seatrial_000000000000_AAAA", &plane.caller[..plane.caller.len() - 1]] {
        let answer = got(plane.http.post(&url).header("authorization", format!("Bearer {token}"))).await;
        answer.is(401, "invalid_api_key");
        assert!(answer.json()["error"]["param"].is_null());
    }
}

#[tokio::test]
async fn nonsense_is_400_and_says_what_was_not_done() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let deep = format!("{{\"model\":\"complaints/route\",\"messages\":{}", "[".repeat(200_000));
    for body in [
        "",
        "{",
        "[]",
        "null",
        "\u{0}",
        "{\"model\":{}}",
        "{\"model\":\"complaints/route\",\"messages\":7}",
        deep.as_str(),
    ] {
        for path in [
            "/v1/chat/completions",
            "/v1/workflows/complaints/steps/route/run",
            "/v1/workflows/complaints/steps/route/decide",
        ] {
            let answer =
                got(plane.http.post(format!("{}{path}", plane.base)).bearer_auth(&plane.caller).body(body.to_owned()))
                    .await;
            answer.is(400, "invalid_request");
            assert!(answer.text.contains("nothing was d"), "{}", answer.text);
        }
    }
    assert!(plane.asked().await.is_empty());
    plane.get(&plane.caller, "/v1/decisions/dec_x").await.is(404, "not_found");
    plane.get(&plane.caller, "/v1/decisions/dec_01890a5d-ac96-774b-bcce-b302099a8057").await.is(404, "not_found");
    plane
        .get(&plane.caller, "/v1/decisions/dec_01890a5d-ac96-774b-bcce-b302099a8057?wait=9h")
        .await
        .is(400, "invalid_request");
    plane.get(&plane.caller, "/v1/chat/completions").await.is(405, "method_not_allowed");
}

#[tokio::test]
async fn deep_input_inside_a_string_is_refused_too() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let deep = format!("{{\"text\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let body = json!({"model": "complaints/route", "messages": [{"role": "user", "content": deep}]});
    plane.chat(&body, &[]).await.is(400, "content_filter");
    plane.run(&json!({"text": "x", "amount": 1.0, "extra": [[[[]]]]})).await.is(400, "content_filter");
}

#[tokio::test]
async fn huge_bodies_are_not_read() {
    let mut limits = Limits::default();
    limits.body_bytes_max = 10_000;
    let plane = plane_with(limits).await;
    let url = format!("{}/v1/chat/completions", plane.base);
    got(plane.http.post(&url).bearer_auth(&plane.caller).body("x".repeat(20_000))).await.is(413, "body_too_large");
    // Chunked, so that nobody knows before.
    let chunk = format!("2000\r\n{}\r\n", "x".repeat(0x2000));
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ntransfer-encoding: chunked\r\n\r\n",
        plane.caller
    );
    assert!(raw(&plane, (head + &chunk + &chunk).as_bytes()).await.starts_with("HTTP/1.1 413"));
}

#[tokio::test]
async fn slow_bodies_end() {
    let mut limits = Limits::default();
    limits.body_time_max = Duration::from_millis(300);
    let plane = plane_with(limits).await;
    let request = post(&plane, "/v1/chat/completions", "", "{}").replace("content-length: 2", "content-length: 9");
    let answer = raw(&plane, request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408") && answer.contains("body_too_slow"), "{answer}");
}

#[tokio::test]
async fn headers_cannot_be_injected_through_names() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let body = ask("route", &json!({"text": "x", "amount": 1.0})).to_string();
    for case in ["a\tb", "a b", "\u{202e}x", &"a".repeat(300)] {
        let request =
            post(&plane, "/v1/chat/completions", &format!("x-seatrial-case: {case}\r\nconnection: close\r\n"), &body);
        assert!(raw(&plane, request.as_bytes()).await.starts_with("HTTP/1.1 400"), "{case:?}");
    }
    let run = "/v1/workflows/complaints/steps/route/run";
    for case in ["a\r\nx-evil: 1", "", "\u{0}", "é"] {
        let body = json!({"input": {"text": "x", "amount": 1.0}, "case": case});
        plane.post(&plane.caller, run, &body, &[]).await.is(400, "invalid_request");
    }
    let two = json!({"input": {}, "case": "a"});
    plane.post(&plane.caller, run, &two, &[("x-seatrial-case", "b")]).await.is(400, "invalid_request");
    assert!(plane.asked().await.is_empty());
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let plane = plane().await;
    plane.model_says(GOOD).await;
    let body = ask("route", &json!({"text": "x", "amount": 1.0})).to_string();
    let one = post(&plane, "/v1/chat/completions", "x-request-id: first\r\n", &body);
    let two = post(&plane, "/v1/chat/completions", "x-request-id: second\r\nconnection: close\r\n", "{}");
    let answer = raw(&plane, (one + &two).as_bytes()).await;
    let (first, second) = (answer.find("x-request-id: first").unwrap(), answer.find("x-request-id: second").unwrap());
    assert!(first < second, "{answer}");
    assert!(answer.matches("HTTP/1.1 ").count() == 2);
}

#[tokio::test]
async fn a_client_that_hangs_up_does_not_undo_the_decision() {
    let plane = plane().await;
    plane
        .model(ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(2_500)))
        .await;
    let body = ask("route", &json!({"text": "x", "amount": 1.0})).to_string();
    let more = "x-seatrial-case: gone\r\nidempotency-key: k\r\n";
    let mut stream = TcpStream::connect(plane.address).await.unwrap();
    stream.write_all(post(&plane, "/v1/chat/completions", more, &body).as_bytes()).await.unwrap();
    while plane.asked().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    drop(stream);
    let filter = || seatrial_factory::DecisionFilter { limit: 10, ..Default::default() };
    while plane.factory.decisions("complaints", filter()).await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Nobody read an answer, so it is none to the same ask: asking again is decided afresh, and joined from then on.
    plane.model_says(GOOD).await;
    for joined in [false, true] {
        let again = plane
            .post(
                &plane.caller,
                "/v1/chat/completions",
                &serde_json::from_str(&body).unwrap(),
                &[("x-seatrial-release", "rehearsal"), ("x-seatrial-case", "gone"), ("idempotency-key", "k")],
            )
            .await;
        again.is(200, "");
        assert_eq!(again.json()["seatrial"]["joined"], joined, "{}", again.text);
    }
    assert_eq!(plane.asked().await.len(), 1);
    assert_eq!(plane.factory.decisions("complaints", filter()).await.unwrap().len(), 2);
}

#[tokio::test]
async fn silent_and_half_spoken_connections_do_not_block_others() {
    let plane = plane().await;
    let mut silent = Vec::new();
    for start in [&b""[..], b"P", b"PRI * HT", b"POST /v1/", b"GET / HTTP/1.1\r\nx: "] {
        let mut stream = TcpStream::connect(plane.address).await.unwrap();
        stream.write_all(start).await.unwrap();
        silent.push(stream);
    }
    plane.get(&plane.caller, "/v1/models").await.is(200, "");
    let answer = raw(&plane, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn http2_is_spoken_too() {
    let plane = plane().await;
    let http = reqwest::Client::builder().http2_prior_knowledge().build().unwrap();
    let answer = got(http.get(format!("{}/v1/models", plane.base)).bearer_auth(&plane.caller)).await;
    answer.is(200, "");
}

#[tokio::test]
async fn an_end_lets_what_is_under_way_finish() {
    let plane = plane().await;
    plane.model(ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(700))).await;
    let (http, url, token) = (plane.http.clone(), format!("{}/v1/chat/completions", plane.base), plane.caller.clone());
    let body = ask("route", &json!({"text": "x", "amount": 1.0})).to_string();
    let open = tokio::spawn(async move {
        got(http.post(url).bearer_auth(token).header("x-seatrial-release", "rehearsal").body(body)).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let address = plane.address;
    plane.end().await;
    open.await.unwrap().is(200, "");
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn too_many_at_once_are_told_so() {
    let mut limits = Limits::default();
    limits.in_flight_max = 1;
    let plane = plane_with(limits).await;
    plane.model(ResponseTemplate::new(200).set_body_json(completion(GOOD)).set_delay(Duration::from_millis(600))).await;
    let body = ask("route", &json!({"text": "x", "amount": 1.0}));
    let (one, two) = tokio::join!(plane.chat(&body, &[]), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        plane.chat(&body, &[]).await
    });
    one.is(200, "");
    two.is(503, "overloaded");
    assert_eq!(two.header("retry-after"), "1");
}
