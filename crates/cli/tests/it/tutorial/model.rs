//! A stand-in for a model: it sorts by a word, and always alike.

use axum::Json;
use axum::routing::post;
use serde_json::{Value, json};

/// Starts it; gives its port. It ends with the test's process.
pub fn start() -> u16 {
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let app = axum::Router::new().route("/v1/chat/completions", post(answer));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            sender.send(listener.local_addr().unwrap().port()).unwrap();
            axum::serve(listener, app).await.unwrap();
        });
    });
    receiver.recv().unwrap()
}

async fn answer(Json(asked): Json<Value>) -> Json<Value> {
    let prompt = asked["messages"][0]["content"].as_str().unwrap();
    // Who wrote is withheld.
    assert!(!prompt.contains("customer.example"), "{prompt}");
    let message = prompt.rsplit("Message: ").next().unwrap();
    let about = |words: &[&str]| words.iter().any(|word| message.contains(word));
    let team = if about(&["parcel", "box", "courier", "office"]) {
        "delivery"
    } else if about(&["charged", "invoice", "card", "price"]) {
        "billing"
    } else {
        "technical"
    };
    let content = json!({"team": team, "reason": format!("It is for {team}.")}).to_string();
    Json(json!({
        "id": "c", "object": "chat.completion", "created": 0, "model": asked["model"],
        "choices": [{"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 60, "completion_tokens": 20, "total_tokens": 80},
    }))
}
