//! The official OpenAI Python client, unchanged, through a real listener. Needs Python with the `openai` package.

use crate::support::{GOOD, completion, plane};
use serde_json::json;
use wiremock::matchers::body_string_contains;
use wiremock::{Mock, MockServer, ResponseTemplate};

async fn says(upstream: &MockServer, about: &str, text: &str) {
    Mock::given(body_string_contains(about))
        .respond_with(ResponseTemplate::new(200).set_body_json(completion(text)))
        .with_priority(5)
        .mount(upstream)
        .await;
}

async fn streams(upstream: &MockServer, about: &str, text: &str) {
    let (one, two) = text.split_at(12);
    let mut body = String::new();
    for piece in [one, two] {
        let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": {"content": piece}, "finish_reason": null}]});
        body.push_str(&format!("data: {chunk}\n\n"));
    }
    let end = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]});
    body.push_str(&format!("data: {end}\n\ndata: [DONE]\n\n"));
    Mock::given(body_string_contains(about))
        .respond_with(ResponseTemplate::new(200).set_body_raw(body, "text/event-stream"))
        .with_priority(1)
        .mount(upstream)
        .await;
}

#[tokio::test]
#[ignore = "needs Python with the `openai` package; SEATRIAL_PYTHON names it"]
async fn sdk_openai_python() {
    let plane = plane().await;
    let refund = r#"{"team":"cards","reason":"We will refund it."}"#;
    says(&plane.upstream, "lost card", GOOD).await;
    says(&plane.upstream, "wants his money back", refund).await;
    streams(&plane.upstream, "stream me", GOOD).await;
    streams(&plane.upstream, "stream money back", refund).await;
    let python = std::env::var("SEATRIAL_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/sdk/openai_client.py");
    let output = tokio::process::Command::new(python)
        .arg(script)
        .env("SEATRIAL_BASE_URL", format!("{}/v1", plane.base))
        .env("SEATRIAL_CALLER", &plane.caller)
        .env("SEATRIAL_REVIEWER", &plane.handler)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
