//! Which words a provider hears, under which headers; and what happens where it is away.

use crate::support::{call, model};
use seatrial_guard::port::{Ask, AskBody, Model, ModelError, Protocol, Streamed};
use seatrial_guard::{Message, Role};
use seatrial_upstream::service::Kind;
use seatrial_upstream::{FAILURES_MAX, State};
use serde_json::{Value, json};
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

const CHAT: Protocol = Protocol::OpenAiChat;
const RESPONSES: Protocol = Protocol::OpenAiResponses;
const MESSAGES: Protocol = Protocol::AnthropicMessages;

fn message(text: &str) -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1",
        "content": [{"type": "text", "text": text}], "stop_reason": "end_turn", "stop_sequence": null,
        "usage": {"input_tokens": 5, "output_tokens": 2},
    })
}

async fn server(at: &str, answer: ResponseTemplate) -> MockServer {
    let server = MockServer::start().await;
    Mock::given(method("POST")).and(path(at)).respond_with(answer).mount(&server).await;
    server
}

async fn sent(server: &MockServer) -> Value {
    serde_json::from_slice(&server.received_requests().await.unwrap().last().unwrap().body).unwrap()
}

#[tokio::test]
async fn an_anthropic_service_hears_its_own_headers() {
    let server = server("/v1/messages", ResponseTemplate::new(200).set_body_json(message("hi"))).await;
    let model = model(Kind::Anthropic, &format!("{}/v1", server.uri()), &[MESSAGES], 1);
    let mut ask = call(MESSAGES, &json!({"model": "w/s", "max_tokens": 5, "messages": []}), false, 20_000);
    let reply = model.ask(ask.clone()).await.unwrap();
    assert_eq!((reply.parts[0].text.as_str(), reply.finish_reason.as_deref()), ("hi", Some("end_turn")));
    if let AskBody::Raw { headers, .. } = &mut ask.body {
        let theirs = [
            ("Anthropic-Version", "2026-10-21"),
            ("anthropic-beta", "b1"),
            ("x-api-key", "theirs"),
            ("authorization", "theirs"),
        ];
        headers.extend(theirs.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }
    model.ask(ask).await.unwrap();
    let requests = server.received_requests().await.unwrap();
    let text = |i: usize, name: &str| requests[i].headers.get(name).map(|v| v.to_str().unwrap().to_owned());
    assert_eq!(text(0, "x-api-key").as_deref(), Some("sk-test-hidden"));
    assert_eq!(text(0, "anthropic-version").as_deref(), Some("2023-06-01"));
    assert_eq!(text(1, "anthropic-version").as_deref(), Some("2026-10-21"));
    assert_eq!(text(1, "anthropic-beta").as_deref(), Some("b1"));
    assert_eq!((text(1, "x-api-key").as_deref(), text(1, "authorization")), (Some("sk-test-hidden"), None));
}

#[tokio::test]
async fn rendered_prompts_in_every_protocol() {
    let ask = Ask {
        model: "m".to_owned(),
        body: AskBody::Messages {
            messages: vec![
                Message { role: Role::System, content: "be brief".to_owned() },
                Message { role: Role::User, content: "hi".to_owned() },
            ],
            input: json!({}),
        },
        temperature: Some(0.0),
        schema: Some(json!({"type": "object"})),
        logprobs: true,
        timeout_ms: 20_000,
    };
    let messages = server("/v1/messages", ResponseTemplate::new(200).set_body_json(message("{}"))).await;
    model(Kind::Anthropic, &format!("{}/v1", messages.uri()), &[MESSAGES], 1).ask(ask.clone()).await.unwrap();
    let body = sent(&messages).await;
    assert_eq!(body["output_config"]["format"], json!({"type": "json_schema", "schema": {"type": "object"}}));
    assert_eq!((&body["system"], &body["messages"]), (&json!("be brief"), &json!([{"role": "user", "content": "hi"}])));

    let response = json!({"status": "completed", "output": [{"type": "message", "content": [
        {"type": "output_text", "text": "{}", "logprobs": [{"token": "{}", "logprob": -0.1}]}]}]});
    let responses = server("/v1/responses", ResponseTemplate::new(200).set_body_json(response)).await;
    let reply = model(Kind::OpenAi, &format!("{}/v1", responses.uri()), &[RESPONSES, CHAT], 1).ask(ask).await.unwrap();
    assert_eq!(reply.logprobs[0].token, "{}");
    let body = sent(&responses).await;
    assert_eq!(body["text"]["format"]["type"], "json_schema");
    assert_eq!(body["include"], json!(["message.output_text.logprobs"]));
}

#[tokio::test]
async fn a_call_in_another_protocol_is_said_again_both_ways() {
    let server = server("/v1/messages", ResponseTemplate::new(200).set_body_json(message("hello"))).await;
    let model = model(Kind::Anthropic, &format!("{}/v1", server.uri()), &[MESSAGES], 1);
    let body =
        json!({"model": "w/s", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "hi"}]});
    let reply = model.ask(call(CHAT, &body, false, 20_000)).await.unwrap();
    let raw: Value = serde_json::from_slice(&reply.raw).unwrap();
    assert_eq!(raw["choices"][0]["message"]["content"], "hello");
    assert_eq!((reply.finish_reason.as_deref(), reply.parts[0].name.as_str()), (Some("stop"), "choices.0.text"));
    let body = sent(&server).await;
    assert_eq!((&body["model"], &body["system"][0]["text"]), (&json!("real"), &json!("s")));

    let body = json!({"model": "w/s", "n": 2, "messages": [{"role": "user", "content": "hi"}]});
    let error = model.ask(call(CHAT, &body, false, 20_000)).await.unwrap_err();
    assert_eq!(error, ModelError::Untranslatable { model: "real".to_owned(), what: "n".to_owned() });
    assert_eq!(server.received_requests().await.unwrap().len(), 1, "the provider was not asked");
}

#[tokio::test]
async fn a_live_stream_in_another_protocol() {
    let event = |data: Value| format!("event: {}\ndata: {data}\n\n", data["type"].as_str().unwrap());
    let stream = [
        event(
            json!({"type": "message_start", "message": {"model": "m-1", "content": [], "usage": {"input_tokens": 3}}}),
        ),
        event(json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})),
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hel"}})),
        event(json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}})),
        event(json!({"type": "content_block_stop", "index": 0})),
        event(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}})),
        event(json!({"type": "message_stop"})),
    ];
    let answer = ResponseTemplate::new(200).set_body_raw(stream.concat(), "text/event-stream");
    let server = server("/v1/messages", answer).await;
    let model = model(Kind::Anthropic, &format!("{}/v1", server.uri()), &[MESSAGES], 1);
    let body = json!({"model": "w/s", "messages": [{"role": "user", "content": "hi"}], "stream": true, "stream_options": {"include_usage": true}});
    // Buffered and live say the same.
    let buffered = model.ask(call(CHAT, &body, true, 20_000)).await.unwrap();
    assert_eq!(buffered.parts[0].text, "hello");
    assert!(buffered.raw.ends_with(b"data: [DONE]\n\n") && buffered.chunks.last() == Some(&buffered.raw.len()));
    let mut live = model.open(call(CHAT, &body, true, 20_000)).await.unwrap();
    let (mut deltas, mut last) = (String::new(), Vec::new());
    loop {
        match live.next().await.unwrap() {
            Streamed::Event(event) => {
                deltas.extend(event.deltas.iter().map(|d| d.text.as_str()));
                last = event.raw;
            }
            Streamed::End(reply) => {
                assert_eq!((reply.parts, reply.usage), (buffered.parts, buffered.usage));
                break;
            }
        }
    }
    assert_eq!(deltas, "hello");
    assert!(last.ends_with(b"data: [DONE]\n\n") && String::from_utf8_lossy(&last).contains("\"total_tokens\":5"));
}

#[tokio::test]
async fn a_model_that_is_away_is_left_alone_for_a_while() {
    let server = server("/v1/chat/completions", ResponseTemplate::new(500)).await;
    let model = model(Kind::OpenAi, &format!("{}/v1", server.uri()), &[CHAT], 1);
    let body = json!({"model": "w/s", "messages": []});
    for _ in 0..FAILURES_MAX + 2 {
        let error = model.ask(call(CHAT, &body, false, 20_000)).await.unwrap_err();
        assert!(matches!(error, ModelError::Unreachable { .. }), "{error}");
    }
    assert_eq!(server.received_requests().await.unwrap().len(), FAILURES_MAX as usize);
    assert_eq!(model.circuits(), [("real".to_owned(), State::Open)]);
    // Another model of the same service has a circuit of its own.
    let other = Ask { model: "other".to_owned(), ..call(CHAT, &body, false, 20_000) };
    let error = model.ask(other).await.unwrap_err();
    assert_eq!(error, ModelError::Unreachable { model: "other".to_owned(), status: "500".to_owned() });
}

#[tokio::test]
async fn a_refusal_or_a_limit_opens_no_circuit() {
    for (answer, body) in [(400, json!({"error": {"message": "no"}})), (429, json!({})), (200, json!({"odd": true}))] {
        let server = server("/v1/chat/completions", ResponseTemplate::new(answer).set_body_json(body)).await;
        let model = model(Kind::OpenAi, &format!("{}/v1", server.uri()), &[CHAT], 1);
        for _ in 0..FAILURES_MAX + 1 {
            assert!(model.ask(call(CHAT, &json!({"messages": []}), false, 20_000)).await.is_err());
        }
        assert_eq!(model.circuits(), [("real".to_owned(), State::Closed)], "{answer}");
    }
}

#[tokio::test]
async fn a_pause_beyond_the_time_that_is_left_is_told() {
    let server = MockServer::start().await;
    let limited = ResponseTemplate::new(429).insert_header("retry-after", "15");
    Mock::given(header("authorization", "Bearer sk-test-hidden")).respond_with(limited).expect(1).mount(&server).await;
    let model = model(Kind::OpenAi, &server.uri(), &[CHAT], 3);
    let error = model.ask(call(CHAT, &json!({"messages": []}), false, 10_000)).await.unwrap_err();
    assert_eq!(error, ModelError::Limited { model: "real".to_owned(), retry_after_ms: Some(15_000) });
    let shown = format!("{error} {model:?}");
    assert!(!shown.contains("hidden"), "{shown}");
}
