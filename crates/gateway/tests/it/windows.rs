//! Streams that leave in windows, over real sockets: what leaves before the verdict, and what every end leaves behind.

use crate::support::{Plane, plane_of};
use seatrial_gateway::Limits;
use seatrial_model::DecisionId;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const SAY: &str = r#"  say:
    does: "Answer the customer in words"
    actor: ai
    influence: suggest
    reversible: true
    input: Anything
    output: Words
    model: { provider: default, name: model-1-20261101, temperature: 0 }
    within: 60s
    stream: { window: 8 }
    forbid:
      personal-data: { detect: [email, card-number] }
"#;

/// What the upstream does, in order, on every connection.
#[derive(Clone)]
pub enum Act {
    /// Sends bytes of its stream.
    Send(String),
    /// Waits for the test.
    Wait,
    /// Ends the connection in the middle.
    Break,
}

/// A provider that streams as it is told.
pub struct Script {
    pub go: Arc<Semaphore>,
    pub asked: Arc<AtomicUsize>,
    pub hung_up: Arc<AtomicUsize>,
    pub base: String,
}

pub async fn script(acts: Vec<Act>) -> Script {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (go, asked, hung_up) =
        (Arc::new(Semaphore::new(0)), Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let (wait, asks, gone) = (Arc::clone(&go), Arc::clone(&asked), Arc::clone(&hung_up));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acts, wait) = (acts.clone(), Arc::clone(&wait));
            let (asks, gone) = (Arc::clone(&asks), Arc::clone(&gone));
            tokio::spawn(async move {
                if serve(stream, acts, wait, asks).await.is_none() {
                    gone.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    Script { go, asked, hung_up, base }
}

/// None where the other side hung up before the end.
async fn serve(mut stream: TcpStream, acts: Vec<Act>, wait: Arc<Semaphore>, asked: Arc<AtomicUsize>) -> Option<()> {
    let mut read = Vec::new();
    loop {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&piece[..n]);
        let text = String::from_utf8_lossy(&read);
        let Some(end) = text.find("\r\n\r\n") else { continue };
        let length: usize =
            text.to_ascii_lowercase().split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
        if read.len() >= end + 4 + length {
            break;
        }
    }
    asked.fetch_add(1, Ordering::SeqCst);
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .ok()?;
    for act in acts {
        match act {
            Act::Send(text) => {
                stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await.ok()?;
            }
            Act::Wait => {
                let mut more = [0; 16];
                tokio::select! {
                    permit = wait.acquire() => permit.unwrap().forget(),
                    _ = stream.read(&mut more) => return None,
                }
            }
            Act::Break => return Some(()),
        }
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

pub fn says(text: &str) -> Act {
    let chunk = json!({
        "id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "model-1-20261101",
        "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": null}],
    });
    Act::Send(format!("data: {chunk}\n\n"))
}

pub fn finish() -> Act {
    let chunk = json!({
        "id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "model-1-20261101",
        "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
    });
    Act::Send(format!("data: {chunk}\n\ndata: [DONE]\n\n"))
}

async fn plane(script: &Script) -> Plane {
    plane_of(Limits::default(), None, SAY, Some(script.base.clone())).await
}

async fn begin(plane: &Plane, stream: bool) -> reqwest::Response {
    let body =
        json!({"model": "complaints/say", "stream": stream, "messages": [{"role": "user", "content": "Hello?"}]});
    let request = plane.http.post(format!("{}/v1/chat/completions", plane.base)).bearer_auth(&plane.caller);
    request.header("x-seatrial-release", "rehearsal").body(body.to_string()).send().await.unwrap()
}

fn decision_of(response: &reqwest::Response) -> DecisionId {
    response.headers()["x-seatrial-decision"].to_str().unwrap().parse().unwrap()
}

/// The decision, once it is recorded.
async fn decided(plane: &Plane, decision: DecisionId) -> Value {
    let sue = plane.factory.local("sue@bank.example").unwrap();
    for _ in 0..1_000 {
        if let Ok(chain) = plane.factory.decision(&sue, decision).await {
            return serde_json::to_value(chain).unwrap();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it was never recorded");
}

pub async fn until(what: impl Fn() -> bool) {
    for _ in 0..1_000 {
        if what() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("it never happened");
}

#[tokio::test]
async fn text_leaves_before_the_end_and_the_trace_before_the_text() {
    let script =
        script(vec![says("Your card was "), says("charged once. "), Act::Wait, says("That is all."), finish()]).await;
    let plane = plane(&script).await;
    let mut response = begin(&plane, true).await;
    assert_eq!(
        (response.status().as_u16(), response.headers()["x-seatrial-verdict"].to_str().unwrap()),
        (200, "pending")
    );
    assert_eq!(response.headers()["x-seatrial-release"], "rehearsal");
    let decision = decision_of(&response);
    let mut all = Vec::new();
    while !String::from_utf8_lossy(&all).contains("charged once") {
        all.extend(response.chunk().await.unwrap().unwrap());
    }
    // The model still writes: the text has left, and what began is in the log.
    let open = plane.factory.unfinished("complaints").await.unwrap();
    assert_eq!(open.iter().map(|u| (u.decision, u.broken_off)).collect::<Vec<_>>(), [(decision, false)]);
    script.go.add_permits(1);
    while let Some(piece) = response.chunk().await.unwrap() {
        all.extend(piece);
    }
    let text = String::from_utf8(all).unwrap();
    let (answer, verdict) = text.split_once("data: [DONE]\n\n").unwrap();
    assert_eq!(answer.matches("data: ").count(), 4, "{text}");
    assert!(verdict.starts_with("event: seatrial.verdict\n") && verdict.contains(r#""verdict":"allow""#), "{verdict}");
    let made = decided(&plane, decision).await;
    assert_eq!((&made["verdict"], &made["stream"]["end"]), (&json!("allow"), &json!("complete")));
    assert_eq!(made["stream"]["released"], "Your card was charged once. That is all.".len());
    assert!(plane.factory.unfinished("complaints").await.unwrap().is_empty());
    plane.end().await;
}

#[tokio::test]
async fn a_match_never_leaves_and_ends_the_stream() {
    let acts = vec![
        says("Write to "),
        says("the branch, or an"),
        says("a@bank"),
        says(".example. Goodbye now. "),
        Act::Wait,
        finish(),
    ];
    let script = script(acts).await;
    let plane = plane(&script).await;
    let response = begin(&plane, true).await;
    let decision = decision_of(&response);
    let text = response.text().await.unwrap();
    assert!(text.contains("Write to ") && !text.contains("or an") && !text.contains("a@bank"), "{text}");
    assert!(
        text.contains(r#""finish_reason":"content_filter""#) && text.contains(r#""code":"content_filter""#),
        "{text}"
    );
    assert!(text.contains("data: [DONE]"), "{text}");
    let made = decided(&plane, decision).await;
    assert_eq!((&made["verdict"], &made["code"]), (&json!("deny"), &Value::Null));
    assert_eq!(made["stream"]["end"], "violated");
    assert!(made["because"][0].as_str().unwrap().ends_with("forbid.personal-data"));
    until(|| script.hung_up.load(Ordering::SeqCst) == 1).await;
    plane.end().await;
}

#[tokio::test]
async fn a_match_in_the_first_words_has_a_head_that_tells() {
    let script = script(vec![says("ana@bank.example, "), Act::Wait, finish()]).await;
    let plane = plane(&script).await;
    let response = begin(&plane, true).await;
    assert_eq!(response.headers()["x-seatrial-verdict"], "deny");
    let text = response.text().await.unwrap();
    assert!(text.contains("content_filter") && !text.contains("ana@"), "{text}");
    plane.end().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_ends_its_stream() {
    let script = script(vec![says("Your card was charged once. "), Act::Wait, finish()]).await;
    let plane = plane(&script).await;
    let mut response = begin(&plane, true).await;
    let decision = decision_of(&response);
    response.chunk().await.unwrap().unwrap();
    drop(response);
    let made = decided(&plane, decision).await;
    assert_eq!(made["stream"]["end"], "client-gone");
    until(|| script.hung_up.load(Ordering::SeqCst) == 1).await;
    plane.end().await;
}

#[tokio::test]
async fn a_client_that_hangs_up_before_its_answer_cancels_the_model() {
    let script = script(vec![Act::Wait]).await;
    let plane = plane(&script).await;
    let chat = json!({"model": "complaints/say", "messages": [{"role": "user", "content": "Hello?"}]});
    let messages = json!({"model": "complaints/say", "max_tokens": 9, "messages": chat["messages"]});
    let asks = [
        ("/v1/chat/completions", chat, "proxy"),
        ("/v1/responses", json!({"model": "complaints/say", "input": "Hello?"}), "proxy"),
        ("/v1/messages", messages, "proxy"),
        ("/v1/workflows/complaints/steps/say/run", json!({"input": {"text": "Hello?"}}), "run"),
    ];
    for (n, (path, body, entry)) in asks.into_iter().enumerate() {
        let request = plane.http.post(format!("{}{path}", plane.base)).bearer_auth(&plane.caller);
        let request = request.header("x-seatrial-release", "rehearsal").body(body.to_string());
        let under_way = tokio::spawn(request.send());
        until(|| script.asked.load(Ordering::SeqCst) > n).await;
        assert!(!under_way.is_finished(), "{path}");
        under_way.abort();
        until(|| script.hung_up.load(Ordering::SeqCst) > n).await;
        let filter = || seatrial_factory::DecisionFilter { limit: 10, ..Default::default() };
        let mut rows = Vec::new();
        for _ in 0..1_000 {
            rows = plane.factory.decisions("complaints", filter()).await.unwrap();
            if rows.len() > n {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(rows.len(), n + 1, "{path}: it is recorded");
        let made = decided(&plane, rows[0].decision).await;
        assert_eq!((&made["facts"]["no_candidate"], &made["entry"]), (&json!("client_gone"), &json!(entry)), "{path}");
        assert_eq!((&made["verdict"], &made["output"]["state"]), (&json!("deny"), &json!("none")), "{path}");
    }
    plane.end().await;
}

#[tokio::test]
async fn a_model_that_breaks_off_is_no_answer() {
    let script = script(vec![says("Your card was charged once. "), Act::Break]).await;
    let plane = plane(&script).await;
    let response = begin(&plane, true).await;
    let decision = decision_of(&response);
    let text = response.text().await.unwrap();
    assert!(text.contains("charged once") && text.contains(r#""error""#), "{text}");
    let made = decided(&plane, decision).await;
    assert_eq!((&made["stream"]["end"], &made["verdict"]), (&json!("model-failed"), &json!("deny")));
    plane.end().await;
}

#[tokio::test]
async fn a_stop_ends_every_stream_before_it_is_answered() {
    const CLIENTS: usize = 24;
    let script = script(vec![says("Your card was charged once. "), Act::Wait, finish()]).await;
    let plane = plane(&script).await;
    let mut clients = Vec::new();
    let mut decisions = Vec::new();
    for _ in 0..CLIENTS {
        let mut response = begin(&plane, true).await;
        decisions.push(decision_of(&response));
        let first = response.chunk().await.unwrap().unwrap();
        assert!(!first.is_empty());
        clients.push(tokio::spawn(async move {
            let mut text = String::new();
            while let Ok(Some(piece)) = response.chunk().await {
                text.push_str(&String::from_utf8_lossy(&piece));
            }
            (text, std::time::Instant::now())
        }));
    }
    // And one that does not read at all.
    let stalled = begin(&plane, true).await;
    let sue = plane.factory.local("sue@bank.example").unwrap();
    let effect = plane.factory.stop(&sue, "complaints", None, "a drill").await.unwrap();
    assert_eq!(effect.cut, CLIENTS as u64 + 1);
    script.go.add_permits(CLIENTS + 1);
    for client in clients {
        let (text, _) = client.await.unwrap();
        assert!(text.contains("workflow_stopped") && !text.contains("content_filter"), "{text}");
        assert!(!text.contains(r#""finish_reason":"stop""#), "nothing of the model's leaves after the stop: {text}");
    }
    for decision in decisions {
        let made = decided(&plane, decision).await;
        assert_eq!((&made["stream"]["end"], &made["verdict"]), (&json!("stopped"), &json!("deny")));
    }
    assert!(plane.factory.unfinished("complaints").await.unwrap().is_empty());
    drop(stalled);
    plane.end().await;
}
