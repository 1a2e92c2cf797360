//! Upstreams that cut, stall, babble and lie. None of it may look like an answer.

use crate::support::{Got, got};
use crate::support::{LONG, Send, client, completion, raw_server};
use seatrial_upstream::service::CallError;
use std::time::Duration;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> Send {
    Send::Bytes(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

fn delta(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
}

const END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

fn head() -> Send {
    Send::Bytes(HEAD.into())
}

fn plain(head: &str, body: &str) -> Vec<Send> {
    vec![Send::Bytes(format!("HTTP/1.1 200 OK\r\n{head}content-length: {}\r\n\r\n{body}", body.len()).into_bytes())]
}

async fn ask(script: Vec<Send>) -> Result<Got, CallError> {
    got(&client(&raw_server(script).await), LONG).await
}

#[tokio::test]
async fn a_streams_chunks_stay_as_they_came() {
    let pause = || Send::Pause(Duration::from_millis(30));
    let (one, two) = (delta("Hel"), delta("lo"));
    let (two_a, two_b) = two.split_at(9);
    let script = vec![
        head(),
        chunk(&one),
        pause(),
        chunk(two_a),
        pause(),
        chunk(two_b),
        pause(),
        chunk(END),
        pause(),
        chunk("data: [DONE]\n\n"),
        Send::Bytes(b"0\r\n\r\n".to_vec()),
    ];
    let fetched = ask(script).await.unwrap();
    let chunks: Vec<_> = fetched.fetched.chunks.iter().map(|c| String::from_utf8_lossy(c).into_owned()).collect();
    assert_eq!(chunks, [one.as_str(), two_a, two_b, END, "data: [DONE]\n\n"]);
    assert!(fetched.fetched.event_stream);
    assert_eq!(fetched.read.parts[0].text, "Hello");
}

#[tokio::test]
async fn a_cut_stream_is_no_answer() {
    // Cut within the transfer, and cut cleanly but without an end of the answer.
    let error = ask(vec![head(), chunk(&delta("a")), Send::Bytes(b"40\r\ndata: {".to_vec())]).await.unwrap_err();
    assert!(matches!(error, CallError::Unreadable(_)), "{error}");
    let error = ask(vec![head(), chunk(&delta("a")), Send::Bytes(b"0\r\n\r\n".to_vec())]).await.unwrap_err();
    assert_eq!(error.to_string(), "the model's stream ended before its answer was complete");
    let short = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{\"choices\":[";
    assert!(matches!(ask(vec![Send::Bytes(short.into())]).await, Err(CallError::Unreadable(_))));
}

#[tokio::test]
async fn a_slow_answer_ends_in_time() {
    let script = vec![head(), chunk(&delta("a")), Send::Pause(Duration::from_secs(30))];
    let begun = std::time::Instant::now();
    let client = client(&raw_server(script).await);
    let error = got(&client, Duration::from_millis(300)).await.unwrap_err();
    assert_eq!(error, CallError::TimedOut);
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn garbage_is_no_answer() {
    let unreadable = |r: Result<_, CallError>| matches!(r, Err(CallError::Unreadable(_)));
    assert!(unreadable(ask(plain("content-type: text/html\r\n", "<html>hello</html>")).await));
    assert!(unreadable(ask(plain("content-type: application/json\r\n", "")).await));
    assert!(unreadable(ask(plain("content-type: text/event-stream\r\n", "data: {\"choices\":\n\n")).await));
    let error = ask(plain("content-type: text/html; charset=utf-8\r\n", "<html>PRIVATE</html>")).await.unwrap_err();
    assert_eq!(error.to_string(), "its content type is `text/html`, neither JSON nor a stream of events");
    // A bomb is not even begun.
    for head in ["content-encoding: gzip\r\n", "content-type: application/json\r\ncontent-encoding: br\r\n"] {
        let error = ask(plain(head, "\u{1f}...")).await.unwrap_err();
        assert_eq!(error.to_string(), "it is compressed, which was not asked for");
    }
    assert!(unreadable(ask(vec![Send::Bytes(b"SSH-2.0-nothing\r\n".to_vec())]).await));
    let lie = completion("x").to_string();
    assert!(unreadable(ask(plain("content-type: text/event-stream\r\n", &lie)).await));
}

#[tokio::test]
async fn a_wrong_content_type_is_read_for_what_it_is() {
    let fetched = ask(plain("content-type: text/plain\r\n", &completion("fine").to_string())).await.unwrap();
    assert_eq!(fetched.read.parts[0].text, "fine");
}

#[tokio::test]
async fn an_endless_answer_ends() {
    let mut script = vec![head()];
    let comment = format!(": {}\n\n", "x".repeat(1 << 20));
    script.extend((0..40).map(|_| chunk(&comment)));
    let error = ask(script).await.unwrap_err();
    assert!(error.to_string().contains("larger than"), "{error}");
}

#[tokio::test]
async fn nobody_there() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = got(&client(&format!("http://{address}")), LONG).await.unwrap_err();
    assert!(matches!(error, CallError::Unreachable { .. }), "{error}");
}
