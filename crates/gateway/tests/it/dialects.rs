//! Every client in its own dialect: the same decisions, told to three kinds of clients.

use crate::support::{GOOD, Got, Plane, completion, got, plane, plane_on};
use seatrial_gateway::Limits;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::ResponseTemplate;

const PATHS: [&str; 3] = ["/v1/chat/completions", "/v1/responses", "/v1/messages"];

const BAD: &str = r#"{"team":"cards","reason":"We promise a refund."}"#;

const PRIVATE: &str = r#"{"team":"cards","reason":"Write to ann@example.org about it."}"#;

fn input(amount: f64) -> Value {
    json!({"text": "lost card", "amount": amount})
}

/// A call of this dialect.
fn ask(path: &str, input: &Value) -> Value {
    let said = input.to_string();
    match path {
        "/v1/responses" => {
            json!({"model": "complaints/route", "instructions": "Route it.", "input": said, "x_new": [1.0]})
        }
        "/v1/messages" => json!({"model": "complaints/route", "max_tokens": 64, "system": "Route it.", "x_new": [1.0],
            "messages": [{"role": "user", "content": [{"type": "text", "text": said}]}]}),
        _ => json!({"model": "complaints/route", "x_new": [1.0],
            "messages": [{"role": "system", "content": "Route it."}, {"role": "user", "content": said}]}),
    }
}

/// What a provider of this dialect answers.
fn reply(path: &str, text: &str) -> Value {
    match path {
        "/v1/responses" => json!({
            "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": null,
            "incomplete_details": null, "model": "model-1-20261101", "x_vendor": 1.5,
            "output": [{"type": "message", "id": "msg_1", "status": "completed", "role": "assistant",
                "content": [{"type": "output_text", "text": text, "annotations": []}]}],
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        }),
        "/v1/messages" => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "model-1-20261101", "x_vendor": 1.5,
            "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 5, "output_tokens": 2},
        }),
        _ => completion(text),
    }
}

/// The same as a stream.
fn stream(path: &str, text: &str) -> String {
    let (one, two) = text.split_at(9);
    let mut out = String::new();
    let mut named = |data: Value| {
        let name = data["type"].as_str().unwrap().to_owned();
        out.push_str(&format!("event: {name}\ndata: {data}\n\n"));
    };
    match path {
        "/v1/responses" => {
            let whole = reply(path, text);
            let mut begun = whole.clone();
            begun["status"] = json!("in_progress");
            begun["output"] = json!([]);
            let item = &whole["output"][0];
            let mut n = 0;
            let mut event = |mut data: Value| {
                data["sequence_number"] = json!(n);
                n += 1;
                named(data);
            };
            event(json!({"type": "response.created", "response": begun}));
            let mut empty = item.clone();
            empty["content"] = json!([]);
            event(json!({"type": "response.output_item.added", "output_index": 0, "item": empty}));
            let at = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
            let with = |kind: &str, name: &str, value: Value| {
                let mut data = at.clone();
                data["type"] = json!(kind);
                data[name] = value;
                data
            };
            let part = |text: &str| json!({"type": "output_text", "text": text, "annotations": []});
            event(with("response.content_part.added", "part", part("")));
            event(with("response.output_text.delta", "delta", json!(one)));
            event(with("response.output_text.delta", "delta", json!(two)));
            event(with("response.output_text.done", "text", json!(text)));
            event(with("response.content_part.done", "part", part(text)));
            event(json!({"type": "response.output_item.done", "output_index": 0, "item": item}));
            event(json!({"type": "response.completed", "response": whole}));
        }
        "/v1/messages" => {
            let mut begun = reply(path, text);
            begun["content"] = json!([]);
            begun["stop_reason"] = Value::Null;
            named(json!({"type": "message_start", "message": begun}));
            named(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}));
            for piece in [one, two] {
                named(
                    json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}),
                );
            }
            named(json!({"type": "content_block_stop", "index": 0}));
            let delta = json!({"stop_reason": "end_turn", "stop_sequence": null});
            named(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}));
            named(json!({"type": "message_stop"}));
        }
        _ => {
            for (delta, finish) in [(json!({"content": one}), Value::Null), (json!({"content": two}), json!("stop"))] {
                let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
                out.push_str(&format!("data: {}\r\n\r\n", json!({"id": "c-1", "model": "m", "choices": [choice]})));
            }
            out.push_str("data: [DONE]\n\n");
        }
    }
    out
}

/// Where the answer's text stands.
fn text_at(path: &str) -> &'static str {
    match path {
        "/v1/responses" => "/output/0/content/0/text",
        "/v1/messages" => "/content/0/text",
        _ => "/choices/0/message/content",
    }
}

async fn call(plane: &Plane, path: &str, body: &Value, headers: &[(&str, &str)]) -> Got {
    let headers = [headers, &[("x-seatrial-release", "rehearsal")]].concat();
    plane.post(&plane.caller, path, body, &headers).await
}

async fn model_says(plane: &Plane, path: &str, text: &str) {
    plane.model(ResponseTemplate::new(200).set_body_json(reply(path, text))).await;
}

async fn model_streams(plane: &Plane, path: &str, text: &str) {
    plane.model(ResponseTemplate::new(200).set_body_raw(stream(path, text), "text/event-stream")).await;
}

/// An error as this dialect has it.
#[track_caller]
fn is_error(got: &Got, path: &str, status: u16, code: &str, anthropic: &str) {
    let body = got.json();
    let wanted = if path == "/v1/messages" && status == 503 { 529 } else { status };
    assert_eq!(got.status, wanted, "{path}: {}", got.text);
    if path == "/v1/messages" {
        assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(anthropic)), "{}", got.text);
        assert!(body["error"]["message"].is_string() && body["request_id"] == got.header("request-id"), "{}", got.text);
    } else {
        assert_eq!(body["error"]["code"], code, "{path}: {}", got.text);
        assert!(body["error"]["message"].is_string() && body["error"]["type"].is_string());
    }
}

#[tokio::test]
async fn an_allowed_answer_is_the_upstreams_own() {
    let plane = plane().await;
    for path in PATHS {
        model_says(&plane, path, GOOD).await;
        let body = ask(path, &input(5.0));
        let got = call(&plane, path, &body, &[("x-request-id", "r-9"), ("anthropic-beta", "b-1")]).await;
        got.is(200, "");
        assert_eq!(got.json().pointer(text_at(path)), Some(&json!(GOOD)), "{}", got.text);
        assert!(got.text.contains("\"x_vendor\":1.5") && got.json()["seatrial"]["verdict"] == "allow", "{}", got.text);
        assert_eq!((got.header("x-request-id"), got.header("request-id")), ("r-9", "r-9"));
        assert_eq!((got.header("x-seatrial-verdict"), got.header("x-seatrial-inspected")), ("allow", "all"));
        let requests = plane.upstream.received_requests().await.unwrap();
        let request = requests.last().unwrap();
        assert_eq!(request.url.path(), path);
        let mut sent: Value = serde_json::from_slice(&request.body).unwrap();
        sent["model"] = json!("complaints/route");
        assert_eq!(sent, body, "{path}: more than the model's name was changed");
        assert_eq!(request.headers.contains_key("anthropic-beta"), path == "/v1/messages");
        assert!(!format!("{:?}", request.headers).contains(&plane.caller), "the caller's token went to the provider");
    }
    plane.end().await;
}

#[tokio::test]
async fn a_stream_leaves_after_the_verdict_in_its_own_bytes() {
    let plane = plane().await;
    for path in PATHS {
        model_streams(&plane, path, GOOD).await;
        let mut body = ask(path, &input(5.0));
        body["stream"] = json!(true);
        let got = call(&plane, path, &body, &[]).await;
        got.is(200, "");
        assert_eq!(got.text, stream(path, GOOD), "{path}");
        assert!(got.header("content-type").starts_with("text/event-stream"));
        // The same with a word that is forbidden: not one byte of it.
        model_streams(&plane, path, BAD).await;
        let got = call(&plane, path, &body, &[]).await;
        got.is(200, "");
        let word = if path == "/v1/messages" { "\"stop_reason\":\"refusal\"" } else { "content_filter" };
        assert!(!got.text.contains("refund") && got.text.contains(word) && got.text.ends_with("\n\n"), "{}", got.text);
        // What is redacted is redacted in every event.
        model_streams(&plane, path, PRIVATE).await;
        let got = call(&plane, path, &body, &[]).await;
        got.is(200, "");
        assert_eq!(got.header("x-seatrial-action"), "modify");
        assert!(!got.text.contains("ann@example.org") && got.text.contains("Write to"), "{}", got.text);
    }
}

#[tokio::test]
async fn what_does_not_leave_is_told_in_the_clients_words() {
    let plane = plane().await;
    for path in PATHS {
        model_says(&plane, path, BAD).await;
        let got = call(&plane, path, &ask(path, &input(5.0)), &[]).await;
        got.is(200, "");
        let (place, word) = match path {
            "/v1/responses" => ("/incomplete_details/reason", "content_filter"),
            "/v1/messages" => ("/stop_reason", "refusal"),
            _ => ("/choices/0/finish_reason", "content_filter"),
        };
        assert_eq!(got.json().pointer(place), Some(&json!(word)), "{}", got.text);
        assert!(!got.text.contains("refund"), "{}", got.text);
        model_says(&plane, path, PRIVATE).await;
        let got = call(&plane, path, &ask(path, &input(5.0)), &[]).await;
        got.is(200, "");
        assert!(!got.text.contains("ann@example.org") && got.text.contains("\"x_vendor\":1.5"), "{}", got.text);
        model_says(&plane, path, GOOD).await;
        let got = call(&plane, path, &ask(path, &input(5_000.0)), &[]).await;
        is_error(&got, path, 403, "review_pending", "permission_error");
        assert_eq!(got.header("x-should-retry"), "false");
        assert!(got.json()["seatrial"]["poll"].as_str().unwrap().starts_with("/v1/decisions/"));
        let asked = plane.asked().await.len();
        let long = json!({"text": "x".repeat(200), "amount": 1.0});
        let got = call(&plane, path, &ask(path, &long), &[]).await;
        is_error(&got, path, 400, "content_filter", "invalid_request_error");
        assert_eq!(plane.asked().await.len(), asked, "a denied input was sent to the model");
        let got = plane.post(&plane.caller, path, &ask(path, &input(5.0)), &[]).await;
        is_error(&got, path, 403, "not_released", "permission_error");
        // A step with people behind it goes on with them where its model gives no answer.
        plane.model(ResponseTemplate::new(400)).await;
        let got = call(&plane, path, &ask(path, &input(5.0)), &[]).await;
        is_error(&got, path, 403, "review_pending", "permission_error");
    }
}

#[tokio::test]
async fn a_decision_that_cannot_be_recorded_did_not_happen() {
    let plane = plane_on(Limits::default(), Some(300_000)).await;
    for path in PATHS {
        plane.model(ResponseTemplate::new(200).set_body_json(reply(path, &"x".repeat(400_000)))).await;
        let got = call(&plane, path, &ask(path, &input(5.0)), &[]).await;
        is_error(&got, path, 503, "record_failed", "overloaded_error");
        assert!(!got.header("retry-after").is_empty());
    }
}

#[tokio::test]
async fn nonsense_is_refused_in_the_clients_words() {
    let plane = plane().await;
    let deep = format!("{{\"model\":\"complaints/route\",\"messages\":{}", "[".repeat(200_000));
    for path in PATHS {
        for body in [
            "",
            "{",
            "[]",
            "null",
            "\u{0}",
            "{\"model\":{}}",
            &deep,
            "{\"model\":\"complaints/route\"}",
            "{\"model\":\"complaints/route\",\"messages\":7,\"input\":7}",
            "{\"model\":\"complaints/route\",\"messages\":[{\"role\":\"user\",\"role\":\"user\"}],\"input\":[{}]}",
        ] {
            let request = plane.http.post(format!("{}{path}", plane.base)).bearer_auth(&plane.caller);
            let got = got(request.body(body.to_owned())).await;
            is_error(&got, path, 400, "invalid_request", "invalid_request_error");
            assert!(got.text.contains("nothing was d"), "{}", got.text);
        }
        let got = got(plane.http.post(format!("{}{path}", plane.base)).body("{}")).await;
        is_error(&got, path, 401, "invalid_api_key", "authentication_error");
        let got = plane.get(&plane.caller, path).await;
        is_error(&got, path, 405, "method_not_allowed", "invalid_request_error");
    }
    assert!(plane.asked().await.is_empty());
}

#[tokio::test]
async fn either_kind_of_credential_serves_either_kind_of_client() {
    let plane = plane().await;
    let ask_with = |path: &str, name: &str, value: String| {
        let request = plane.http.post(format!("{}{path}", plane.base)).header(name, value);
        request.header("x-seatrial-release", "rehearsal").body(ask(path, &input(5.0)).to_string())
    };
    for path in PATHS {
        model_says(&plane, path, GOOD).await;
        got(ask_with(path, "x-api-key", plane.caller.clone())).await.is(200, "");
        got(ask_with(path, "authorization", format!("Bearer {}", plane.caller))).await.is(200, "");
        let both = ask_with(path, "x-api-key", plane.caller.clone()).bearer_auth("another");
        assert_eq!(got(both).await.status, 401);
    }
}

#[tokio::test]
async fn models_are_listed_as_each_client_reads_them() {
    let plane = plane().await;
    let listed = |path: &str| {
        let request = plane.http.get(format!("{}{path}", plane.base)).header("x-api-key", &plane.caller);
        got(request.header("anthropic-version", "2026-10-21"))
    };
    let anthropic = listed("/v1/models?limit=20").await.json();
    assert_eq!((&anthropic["has_more"], &anthropic["first_id"]), (&json!(false), &json!("complaints/route")));
    assert_eq!(
        (&anthropic["data"][0]["type"], &anthropic["data"][1]["id"]),
        (&json!("model"), &json!("complaints/private"))
    );
    assert!(anthropic["data"][0]["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(listed("/v1/models/complaints%2Froute").await.json()["display_name"], "complaints/route");
    is_error(&listed("/v1/models/none").await, "/v1/messages", 404, "not_found", "not_found_error");
    let openai = plane.get(&plane.caller, "/v1/models").await.json();
    assert_eq!((&openai["object"], &openai["data"][0]["object"]), (&json!("list"), &json!("model")));
}

#[tokio::test]
async fn what_is_not_served_says_so_in_the_clients_words() {
    let plane = plane().await;
    for path in ["/v1/messages/count_tokens", "/v1/messages/batches"] {
        let got = plane.post(&plane.caller, path, &json!({}), &[]).await;
        is_error(&got, "/v1/messages", 404, "not_served", "not_found_error");
        assert_eq!(got.json()["seatrial"]["code"], "not_served");
    }
    for path in ["/v1/embeddings", "/v1/completions", "/v1/moderations", "/v1/files", "/v1/responses/r_1"] {
        plane.post(&plane.caller, path, &json!({}), &[]).await.is(404, "not_served");
    }
    let head = got(plane.http.head(format!("{}/", plane.base))).await;
    assert_eq!((head.status, head.text.as_str()), (200, ""));
}

#[tokio::test]
async fn pictures_pass_and_are_said_to_be_not_inspected() {
    let plane = plane().await;
    for (path, image) in [
        ("/v1/chat/completions", json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}})),
        ("/v1/responses", json!({"type": "input_image", "image_url": "data:image/png;base64,AA=="})),
        (
            "/v1/messages",
            json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}),
        ),
    ] {
        model_says(&plane, path, GOOD).await;
        let mut body = ask(path, &input(5.0));
        let member = if path == "/v1/responses" { "input" } else { "messages" };
        let said = json!({"role": "user", "content": input(5.0).to_string()});
        body[member] = json!([{"role": "user", "content": [image]}, {"role": "assistant", "content": "Yes?"}, said]);
        let got = call(&plane, path, &body, &[]).await;
        got.is(200, "");
        let place = if path == "/v1/chat/completions" { 0 } else { 1 };
        assert_eq!(got.header("x-seatrial-inspected"), format!("not input.messages.{place}.image"), "{}", got.text);
        assert!(plane.asked().await[0].to_string().contains("AA=="));
    }
}

#[tokio::test]
async fn a_stream_shows_life_before_its_verdict_where_that_is_asked_for() {
    let plane = plane().await;
    let life = [("x-seatrial-keepalive", "1")];
    for path in PATHS {
        let slow = ResponseTemplate::new(200).set_body_raw(stream(path, GOOD), "text/event-stream");
        plane.model(slow.set_delay(Duration::from_millis(300))).await;
        let mut body = ask(path, &input(5.0));
        body["stream"] = json!(true);
        let sign = if path == "/v1/messages" { "event: ping\n" } else { ": keep-alive\n" };
        let got = call(&plane, path, &body, &life).await;
        got.is(200, "");
        assert_eq!(got.header("x-seatrial-verdict"), "", "a head that left before its verdict has none");
        assert!(got.text.starts_with(sign), "{}", got.text);
        let verdict = got.text.find("event: seatrial.verdict\n").unwrap();
        assert!(got.text[verdict..].contains("\"verdict\":\"allow\""));
        // Without our event, the stream is the upstream's.
        let ours: String = got.text[verdict..].split_inclusive("\n\n").next().unwrap().to_owned();
        let rest = got.text.replacen(&ours, "", 1);
        assert!(rest.ends_with(&stream(path, GOOD)), "{path}: {rest}");
        if path == "/v1/responses" {
            assert!(got.text.find("response.created").unwrap() < verdict, "clients insist on their own first event");
        }
        // A decision that lets nothing out is an error event.
        let large = {
            let mut body = ask(path, &input(5_000.0));
            body["stream"] = json!(true);
            body
        };
        let got = call(&plane, path, &large, &life).await;
        got.is(200, "");
        assert!(got.text.contains("review_pending") && got.text.contains("\"error\"") && !got.text.contains("lost a"));
        // Without a stream there is no body to show life on.
        model_says(&plane, path, GOOD).await;
        let whole = call(&plane, path, &ask(path, &input(5.0)), &life).await;
        assert_eq!(whole.header("x-seatrial-verdict"), "allow");
    }
}

#[tokio::test]
async fn whoever_hangs_up_before_the_verdict_gets_a_decision_without_an_answer() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let plane = plane().await;
    let slow = ResponseTemplate::new(200).set_body_raw(stream(PATHS[0], GOOD), "text/event-stream");
    plane.model(slow.set_delay(Duration::from_secs(8))).await;
    let mut body = ask(PATHS[0], &input(5.0));
    body["stream"] = json!(true);
    let body = body.to_string();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: x\r\nx-api-key: {}\r\nx-seatrial-release: rehearsal\r\nx-seatrial-keepalive: 1\r\ncontent-length: {}\r\n\r\n",
        PATHS[0],
        plane.caller,
        body.len()
    );
    let mut client = tokio::net::TcpStream::connect(plane.address).await.unwrap();
    client.write_all((head + &body).as_bytes()).await.unwrap();
    let mut seen = String::new();
    while !seen.contains("keep-alive") {
        let mut some = [0; 512];
        let n = client.read(&mut some).await.unwrap();
        assert!(n > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&some[..n]));
    }
    drop(client);
    let filter = || seatrial_factory::DecisionFilter { limit: 10, ..Default::default() };
    for _ in 0..200 {
        if let [row] = plane.factory.decisions("complaints", filter()).await.unwrap().as_slice() {
            assert_eq!(row.action.to_string(), "escalate", "nobody is there to get an answer");
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the decision was not recorded");
}

#[tokio::test]
async fn a_retry_gets_the_same_answer_in_its_dialect() {
    let plane = plane().await;
    for path in PATHS {
        for streamed in [false, true] {
            if streamed {
                model_streams(&plane, path, GOOD).await
            } else {
                model_says(&plane, path, GOOD).await
            }
            let mut body = ask(path, &input(if streamed { 6.0 } else { 5.0 }));
            body["stream"] = json!(streamed);
            let first = call(&plane, path, &body, &[("x-stainless-retry-count", "0")]).await;
            let again = call(&plane, path, &body, &[("x-stainless-retry-count", "1")]).await;
            assert_eq!(first.header("x-seatrial-decision"), again.header("x-seatrial-decision"), "{path} {streamed}");
            again.is(200, "");
            assert!(again.text.contains("The customer lost a card."), "{}", again.text);
            assert_eq!(plane.asked().await.len(), 1);
        }
    }
}

#[tokio::test]
async fn the_whole_factory_is_stopped_and_resumed() {
    let plane = plane().await;
    let why = json!({"reason": "A drill."});
    plane.post(&plane.caller, "/v1/stop", &why, &[]).await.is(403, "forbidden");
    let stopped = plane.post(&plane.supervisor, "/v1/stop", &why, &[]).await;
    stopped.is(200, "");
    assert!(stopped.json()["effective_ms"].is_u64() && stopped.json()["failed"] == json!([]), "{}", stopped.text);
    for path in PATHS {
        let got = call(&plane, path, &ask(path, &input(5.0)), &[]).await;
        is_error(&got, path, 403, "workflow_stopped", "permission_error");
        assert_eq!(got.header("x-should-retry"), "false");
    }
    plane.post(&plane.supervisor, "/v1/resume", &why, &[]).await.is(403, "forbidden");
    plane.post(&plane.second, "/v1/resume", &why, &[]).await.is(200, "");
    model_says(&plane, PATHS[0], GOOD).await;
    call(&plane, PATHS[0], &ask(PATHS[0], &input(5.0)), &[]).await.is(200, "");
}
