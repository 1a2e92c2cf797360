//! What the tests share.

use seatrial_guard::port::{Ask, AskBody, Protocol};
use seatrial_upstream::HttpModel;
use seatrial_upstream::key::Key;
use seatrial_upstream::read::{Read, StreamReader, read_body};
use seatrial_upstream::service::{Call, CallError, Fetched, Kind, Options, Service};
use seatrial_upstream::sse::Scanner;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A time that no test reaches.
pub const LONG: Duration = Duration::from_secs(20);

/// A client without waits between attempts worth noticing.
pub fn client(base_url: &str) -> Service {
    let mut options = Options::new(Kind::OpenAi, base_url, Some(Key::new("sk-test-hidden").unwrap()));
    options.jitter = Arc::new(|| 0.0);
    Service::new(options).unwrap()
}

/// The same, behind the guard's port.
pub fn model(kind: Kind, base_url: &str, speaks: &[Protocol], attempts_max: u32) -> HttpModel {
    let mut options = Options::new(kind, base_url, Some(Key::new("sk-test-hidden").unwrap()));
    options.jitter = Arc::new(|| 0.0);
    options.speaks = speaks.to_vec();
    options.attempts_max = attempts_max;
    HttpModel::new(Service::new(options).unwrap())
}

/// A client's call.
pub fn call(protocol: Protocol, body: &serde_json::Value, stream: bool, timeout_ms: u64) -> Ask {
    let body = AskBody::Raw { protocol, bytes: body.to_string().into(), stream, headers: Vec::new() };
    Ask { model: "real".to_owned(), body, temperature: None, schema: None, logprobs: false, timeout_ms }
}

/// An empty chat completion request.
pub fn chat() -> Call {
    Call::new(Protocol::OpenAiChat, "{}")
}

/// A reply as it came and as it reads.
#[derive(Debug)]
pub struct Got {
    pub fetched: Fetched,
    pub read: Read,
}

/// Asks, and reads the reply in chat completions.
pub async fn got(client: &Service, timeout: Duration) -> Result<Got, CallError> {
    let fetched = client.fetch(&chat(), timeout).await?;
    let read = if fetched.event_stream {
        let mut scanner = Scanner::default();
        let mut reader = StreamReader::new(Protocol::OpenAiChat);
        for chunk in &fetched.chunks {
            for event in scanner.push(chunk).unwrap() {
                reader.event(&event)?;
            }
        }
        if let Some(event) = scanner.finish() {
            reader.event(&event)?;
        }
        reader.finish()?
    } else {
        read_body(Protocol::OpenAiChat, &fetched.body())?
    };
    Ok(Got { fetched, read })
}

/// What a raw server sends, piece by piece.
pub enum Send {
    /// These bytes, flushed.
    Bytes(Vec<u8>),
    /// A pause.
    Pause(Duration),
}

/// A server that answers every connection with the same bytes, whatever is asked, and then hangs up.
pub async fn raw_server(script: Vec<Send>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let script = Arc::new(script);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let script = Arc::clone(&script);
            tokio::spawn(async move {
                let mut buffer = vec![0; 65_536];
                let _ = socket.read(&mut buffer).await;
                for step in script.iter() {
                    match step {
                        Send::Bytes(bytes) => {
                            if socket.write_all(bytes).await.is_err() {
                                return;
                            }
                            let _ = socket.flush().await;
                        }
                        Send::Pause(time) => tokio::time::sleep(*time).await,
                    }
                }
            });
        }
    });
    format!("http://{address}/v1")
}

/// A small valid completion.
pub fn completion(text: &str) -> serde_json::Value {
    serde_json::json!({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1-2026",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
    })
}
