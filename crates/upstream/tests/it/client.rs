//! The good days, and the refusals that HTTP has words for.

use crate::support::{LONG, chat, client, completion};
use seatrial_guard::port::{Ask, AskBody, Model, ModelError, Protocol};
use seatrial_upstream::HttpModel;
use seatrial_upstream::service::{BuildError, CallError, Kind, Options, Service};
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{body_partial_json, header, method, path};
use wiremock::{Mock, MockServer, ResponseTemplate};

fn raw(body: &str) -> Ask {
    Ask {
        model: "real-model".to_owned(),
        body: AskBody::Raw { protocol: Protocol::OpenAiChat, bytes: body.into(), stream: false, headers: Vec::new() },
        temperature: None,
        schema: None,
        logprobs: false,
        timeout_ms: 10_000,
    }
}

#[tokio::test]
async fn only_the_models_name_changes() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .and(path("/v1/chat/completions"))
        .and(header("authorization", "Bearer sk-test-hidden"))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("hello")))
        .expect(1)
        .mount(&server)
        .await;
    let model = HttpModel::new(client(&format!("{}/v1/", server.uri())));
    let reply = model
        .ask(raw(r#"{"messages":[{"role":"user","content":"\u0041"}], "model":"flow/step","x_new":{"a" :1.0}}"#))
        .await
        .unwrap();
    assert_eq!(reply.parts.len(), 1);
    assert_eq!((reply.parts[0].text.as_str(), reply.model.as_deref()), ("hello", Some("m-1-2026")));
    assert!(reply.chunks.is_empty());
    let sent = &server.received_requests().await.unwrap()[0];
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"messages":[{"role":"user","content":"\u0041"}],"model":"real-model","x_new":{"a" :1.0}}"#
    );
    assert!(sent.headers.get("accept-encoding").is_none());
}

#[tokio::test]
async fn rendered_messages_and_a_provider_without_schemas() {
    let server = MockServer::start().await;
    Mock::given(body_partial_json(json!({"response_format": {"type": "json_schema"}})))
        .respond_with(ResponseTemplate::new(400).set_body_json(json!({"error": {"message": "no", "code": 400}})))
        .expect(1)
        .mount(&server)
        .await;
    Mock::given(body_partial_json(json!({"model": "m", "temperature": 0.0, "logprobs": true})))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("{}")))
        .mount(&server)
        .await;
    let model = HttpModel::new(client(&server.uri()));
    let ask = Ask {
        model: "m".to_owned(),
        body: AskBody::Messages {
            messages: vec![seatrial_guard::Message { role: seatrial_guard::Role::User, content: "hi".to_owned() }],
            input: json!({}),
        },
        temperature: Some(0.0),
        schema: Some(json!({"type": "object"})),
        logprobs: true,
        timeout_ms: 10_000,
    };
    assert_eq!(model.ask(ask.clone()).await.unwrap().parts[0].text, "{}");
    // The second time the schema is not even tried: the first mock expects one request.
    assert_eq!(model.ask(ask).await.unwrap().finish_reason.as_deref(), Some("stop"));
    let last: Value = serde_json::from_slice(&server.received_requests().await.unwrap()[2].body).unwrap();
    assert_eq!(last["messages"], json!([{"role": "user", "content": "hi"}]));
}

#[tokio::test]
async fn asks_again_on_what_passes_and_obeys_the_pause() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "0.3"))
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(503))
        .up_to_n_times(1)
        .with_priority(2)
        .mount(&server)
        .await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion("x")))
        .mount(&server)
        .await;
    let begun = std::time::Instant::now();
    let fetched = client(&server.uri()).fetch(&chat(), LONG).await.unwrap();
    assert_eq!(fetched.attempts, 3);
    assert!(begun.elapsed() >= Duration::from_millis(300 + 200), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_long_pause_is_told_not_waited_for() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(429).insert_header("retry-after", "3600"))
        .expect(1)
        .mount(&server)
        .await;
    let error = HttpModel::new(client(&server.uri())).ask(raw("{}")).await.unwrap_err();
    assert_eq!(error, ModelError::Limited { model: "real-model".to_owned(), retry_after_ms: Some(3_600_000) });
}

#[tokio::test]
async fn an_outage_spends_the_budget_and_no_more() {
    let server = MockServer::start().await;
    Mock::given(method("POST")).respond_with(ResponseTemplate::new(500)).mount(&server).await;
    let client = client(&server.uri());
    for _ in 0..10 {
        assert!(matches!(client.fetch(&chat(), LONG).await, Err(CallError::Unreachable { status }) if status == "500"));
    }
    // Ten repetitions are in store, and each later call pays in a fifth of one: eleven in all.
    assert_eq!(server.received_requests().await.unwrap().len(), 10 + 11);
}

#[tokio::test]
async fn a_refusal_is_final_and_shows_no_key() {
    let server = MockServer::start().await;
    let body = json!({"error": {"message": "Incorrect API key provided: sk-test-hidden.", "code": 401}});
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(401).set_body_json(body))
        .expect(1)
        .mount(&server)
        .await;
    let client = client(&server.uri());
    let error = client.fetch(&chat(), LONG).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the provider refused the request with status `401`: Incorrect API key provided: [key]. (401)"
    );
    assert!(!format!("{client:?}").contains("hidden"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let server = MockServer::start().await;
    Mock::given(method("POST"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", "/elsewhere"))
        .expect(1)
        .mount(&server)
        .await;
    let error = client(&server.uri()).fetch(&chat(), LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { status: 307, .. }), "{error}");
}

#[test]
fn odd_addresses_are_refused() {
    for bad in ["", "models.example/v1", "ftp://x/v1", "https://user:pw@x/v1", "http://"] {
        assert!(matches!(Service::new(Options::new(Kind::OpenAi, bad, None)), Err(BuildError::Url(_))), "{bad}");
    }
    assert!(Service::new(Options::new(Kind::OpenAi, "https://models.example/v1", None)).is_ok());
}
