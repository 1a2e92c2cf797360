//! Live streams over real sockets: every byte as it came, an end only where there was one, and nobody left waiting.

use crate::support::{LONG, Send, call, model, raw_server};
use seatrial_guard::port::{Model, ModelError, Protocol, Reply, StreamEvent, Streamed};
use seatrial_upstream::service::Kind;
use serde_json::json;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
const CHAT: &[Protocol] = &[Protocol::OpenAiChat];

fn chunk(text: &str) -> Send {
    Send::Bytes(format!("{:x}\r\n{text}\r\n", text.len()).into_bytes())
}

fn delta(text: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": text}}]}))
}

const END: &str = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";

async fn events(base_url: &str, timeout_ms: u64) -> (Vec<StreamEvent>, Result<Reply, ModelError>) {
    let model = model(Kind::OpenAi, base_url, CHAT, 1);
    let body = json!({"model": "w/s", "messages": [], "stream": true});
    let mut all = Vec::new();
    let mut stream = match model.open(call(Protocol::OpenAiChat, &body, true, timeout_ms)).await {
        Ok(stream) => stream,
        Err(error) => return (all, Err(error)),
    };
    loop {
        match stream.next().await {
            Ok(Streamed::Event(event)) => all.push(event),
            Ok(Streamed::End(reply)) => {
                assert!(stream.next().await.is_err(), "there is nothing behind the end");
                return (all, Ok(*reply));
            }
            Err(error) => {
                assert!(stream.next().await.is_err(), "there is nothing behind an error");
                return (all, Err(error));
            }
        }
    }
}

#[tokio::test]
async fn every_byte_as_it_came_however_it_is_cut() {
    let whole = format!(": hello\r\n\r\n{}{}{END}data: [DONE]\n\n: bye\n", delta("H\u{e9}l"), delta("lo"));
    for size in [1, 7, 64, 10_000] {
        let mut script = vec![Send::Bytes(HEAD.into())];
        for piece in whole.as_bytes().chunks(size) {
            let mut bytes = format!("{:x}\r\n", piece.len()).into_bytes();
            bytes.extend_from_slice(piece);
            bytes.extend_from_slice(b"\r\n");
            script.push(Send::Bytes(bytes));
        }
        script.push(Send::Bytes(b"0\r\n\r\n".to_vec()));
        let (all, end) = events(&raw_server(script).await, 20_000).await;
        let raw: Vec<u8> = all.iter().flat_map(|e| e.raw.clone()).collect();
        assert_eq!(String::from_utf8(raw).unwrap(), whole);
        let deltas: String = all.iter().flat_map(|e| &e.deltas).map(|d| d.text.as_str()).collect();
        let end = end.unwrap();
        assert_eq!((deltas.as_str(), end.parts[0].text.as_str()), ("H\u{e9}llo", "H\u{e9}llo"));
        assert_eq!((end.finish_reason.as_deref(), end.requests, end.raw.len()), (Some("stop"), 1, 0));
    }
}

#[tokio::test]
async fn events_come_before_the_end_does() {
    // The server waits until the first event was read before it sends the second.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let (go, went) = tokio::sync::oneshot::channel::<()>();
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let first = delta("a");
        socket.write_all(format!("{HEAD}{:x}\r\n{first}\r\n", first.len()).as_bytes()).await.unwrap();
        went.await.unwrap();
        socket.write_all(format!("{:x}\r\n{END}\r\n0\r\n\r\n", END.len()).as_bytes()).await.unwrap();
    });
    let model = model(Kind::OpenAi, &url, CHAT, 1);
    let mut stream = model.open(call(Protocol::OpenAiChat, &json!({"stream": true}), true, 20_000)).await.unwrap();
    assert!(matches!(stream.next().await.unwrap(), Streamed::Event(e) if e.deltas[0].text == "a"));
    go.send(()).unwrap();
    assert!(matches!(stream.next().await.unwrap(), Streamed::Event(e) if e.deltas.is_empty()));
    assert!(matches!(stream.next().await.unwrap(), Streamed::End(_)));
}

#[tokio::test]
async fn who_drops_it_ends_it_at_the_provider() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", listener.local_addr().unwrap());
    let closed = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        let _ = socket.read(&mut [0; 4096]).await;
        let first = delta("a");
        socket.write_all(format!("{HEAD}{:x}\r\n{first}\r\n", first.len()).as_bytes()).await.unwrap();
        // Nothing more is sent by the client but the end of the connection.
        loop {
            match socket.read(&mut [0; 64]).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        }
    });
    let model = model(Kind::OpenAi, &url, CHAT, 1);
    let mut stream = model.open(call(Protocol::OpenAiChat, &json!({"stream": true}), true, 20_000)).await.unwrap();
    assert!(matches!(stream.next().await.unwrap(), Streamed::Event(_)));
    drop(stream);
    tokio::time::timeout(LONG, closed).await.expect("the provider sees the connection close").unwrap();
}

#[tokio::test]
async fn what_breaks_off_has_no_end() {
    let cut = vec![Send::Bytes(HEAD.into()), chunk(&delta("a")), Send::Bytes(b"40\r\ndata: {".to_vec())];
    let (all, end) = events(&raw_server(cut).await, 20_000).await;
    assert_eq!(all.len(), 1);
    assert!(matches!(end, Err(ModelError::Unreadable { .. })), "{end:?}");
    let clean = vec![Send::Bytes(HEAD.into()), chunk(&delta("a")), Send::Bytes(b"0\r\n\r\n".to_vec())];
    let (_, end) = events(&raw_server(clean).await, 20_000).await;
    assert!(end.unwrap_err().to_string().contains("ended before its answer was complete"));
    let odd = vec![Send::Bytes(HEAD.into()), chunk(&delta("a")), chunk("data: {\"choices\":[{\"index\":0,\n\n")];
    assert!(matches!(events(&raw_server(odd).await, 20_000).await.1, Err(ModelError::Unreadable { .. })));
    let error =
        vec![Send::Bytes(HEAD.into()), chunk("data: {\"error\":{\"message\":\"PRIVATE\",\"code\":\"boom\"}}\n\n")];
    let error = events(&raw_server(error).await, 20_000).await.1.unwrap_err().to_string();
    assert!(error.contains("boom") && !error.contains("PRIVATE"), "{error}");
}

#[tokio::test]
async fn nobody_waits_longer_than_allowed() {
    let timed_out = ModelError::TimedOut { model: "real".to_owned(), timeout_ms: 400 };
    // Silence behind an event; a drip of bytes that never ends; a head that never comes.
    let silent = vec![Send::Bytes(HEAD.into()), chunk(&delta("a")), Send::Pause(LONG)];
    assert_eq!(events(&raw_server(silent).await, 400).await.1.unwrap_err(), timed_out);
    let mut drip = vec![Send::Bytes(HEAD.into())];
    for _ in 0..400 {
        drip.extend([chunk(":"), Send::Pause(Duration::from_millis(50))]);
    }
    assert_eq!(events(&raw_server(drip).await, 400).await.1.unwrap_err(), timed_out);
    assert_eq!(events(&raw_server(vec![Send::Pause(LONG)]).await, 400).await.1.unwrap_err(), timed_out);
}

#[tokio::test]
async fn memory_is_bounded() {
    let mut one = vec![Send::Bytes(HEAD.into())];
    one.extend((0..12).map(|_| chunk(&"x".repeat(1 << 20))));
    let error = events(&raw_server(one).await, 20_000).await.1.unwrap_err().to_string();
    assert!(error.contains("an event of the stream is larger than"), "{error}");
    let mut many = vec![Send::Bytes(HEAD.into())];
    let comment = format!(": {}\n\n", "x".repeat(1 << 20));
    many.extend((0..40).map(|_| chunk(&comment)));
    let error = events(&raw_server(many).await, 20_000).await.1.unwrap_err().to_string();
    assert!(error.contains("larger than `33554432` bytes"), "{error}");
}

#[tokio::test]
async fn what_is_no_stream_is_said_to_be_none() {
    let head = |kind: &str| {
        vec![Send::Bytes(format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: 2\r\n\r\n{{}}").into())]
    };
    let error = events(&raw_server(head("application/json")).await, 20_000).await.1.unwrap_err().to_string();
    assert!(error.contains("a stream was asked for"), "{error}");
    let error = events(&raw_server(head("text/html")).await, 20_000).await.1.unwrap_err().to_string();
    assert!(error.contains("text/html"), "{error}");
}
