//! How long a stop takes while many streams are open: clients over the real wire, an upstream that writes a word
//! every 20 ms for a minute, windows, a real store. Measured from the request of the stop to the last byte on every
//! client.
//!
//! `cargo run --release -p seatrial-gateway --example stop_streams -- FOLDER [CLIENTS] [ROUNDS]` makes a factory in the
//! empty FOLDER for each round and prints its figures.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

#[path = "shared/serving.rs"]
mod serving;

use seatrial_factory::Factory;
use seatrial_model::event::TokenKind;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const WORKFLOW: &str = r#"seatrial: 1
workflow: letters
title: "Answer letters"
purpose: "Every letter is answered."
population: "Letters made for a measurement"
types:
  Letter: letter.json
  Words: words.json
roles:
  handlers: "Handlers"
  engineering: "Delivery team"
steps:
  say:
    does: "Answer the letter"
    actor: ai
    influence: suggest
    reversible: true
    input: Letter
    output: Words
    model: { provider: default, name: fixed-1, temperature: 0 }
    within: 2min
    stream: { window: 16 }
    forbid:
      personal-data: { detect: [email, phone, iban, card-number, secret, url] }
    fallback: { to: handlers }
responsibilities:
  workflow:   { delivery: engineering, receiving: handlers }
  changes:    { delivery: engineering, receiving: handlers }
  exceptions: { delivery: engineering, receiving: handlers }
  behaviour:  { delivery: engineering, receiving: handlers }
  evolution:  { delivery: engineering, receiving: handlers }
"#;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Between two words of the upstream.
const PAUSE: Duration = Duration::from_millis(20);

/// Words of one answer.
const WORDS: usize = 3_000;

/// How long streams run before the stop.
const RUN: Duration = Duration::from_secs(3);

async fn upstream() -> Result<std::net::SocketAddr, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(write_words(stream));
        }
    });
    Ok(address)
}

/// Reads a request (they are small: one read) and streams words until the other side is gone.
async fn write_words(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut request = vec![0; 64 * 1024];
    if stream.read(&mut request).await? == 0 {
        return Ok(());
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        .await?;
    for _ in 0..WORDS {
        let event = "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"fixed-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"another word, \"},\"finish_reason\":null}]}\n\n";
        stream.write_all(format!("{:x}\r\n{event}\r\n", event.len()).as_bytes()).await?;
        tokio::time::sleep(PAUSE).await;
    }
    stream.write_all(b"0\r\n\r\n").await
}

async fn open(folder: &Path, upstream: std::net::SocketAddr) -> Result<(Factory, String), Failure> {
    let flow = folder.join("letters");
    std::fs::create_dir_all(&flow)?;
    let factory = format!(
        "seatrial: 1\nfactory: measured\nkind: simulation\nprofile: small\ntimezone: UTC\npeople:\n  - {{ id: han@bank.example, name: \"Han\", side: receiving, roles: [handlers] }}\n  - {{ id: dev@builder.example, name: \"Dev\", side: delivery, roles: [engineering] }}\nproviders:\n  default: {{ kind: openai, base_url: \"http://{upstream}/v1\" }}\nstore: {{ sqlite: .seatrial }}\nworkflows: [letters]\n"
    );
    std::fs::write(folder.join("factory.yaml"), factory)?;
    std::fs::write(flow.join("workflow.yaml"), WORKFLOW)?;
    std::fs::write(flow.join("letter.json"), r#"{"type":"object"}"#)?;
    std::fs::write(flow.join("words.json"), r#"{"type":"string"}"#)?;
    let factory = serving::open(folder).await?;
    let dev = factory.local("dev@builder.example")?;
    factory.submit(&dev, Some("letters")).await?;
    let token = serving::token(&factory, &dev, TokenKind::Caller, "load").await?;
    Ok((factory, token))
}

/// One client: reads to the end, and says when its first and its last bytes came.
async fn client(http: reqwest::Client, url: String, token: String) -> Result<(Instant, Instant, bool), Failure> {
    let body = r#"{"model":"letters/say","stream":true,"messages":[{"role":"user","content":"Hello"}]}"#;
    let request = http.post(url).bearer_auth(token).header("x-seatrial-release", "rehearsal").body(body);
    let mut response = request.send().await?.error_for_status()?;
    let (mut first, mut last, mut tail) = (None, Instant::now(), Vec::new());
    while let Ok(Some(piece)) = response.chunk().await {
        last = Instant::now();
        first.get_or_insert(last);
        tail.extend_from_slice(&piece);
        let cut = tail.len().saturating_sub(4_096);
        tail.drain(..cut);
    }
    let told = String::from_utf8_lossy(&tail).contains("workflow_stopped");
    Ok((first.unwrap_or(last), last, told))
}

async fn round(folder: &Path, clients: usize) -> Result<(), Failure> {
    let (factory, token) = open(folder, upstream().await?).await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/v1/chat/completions", listener.local_addr()?);
    let server = tokio::spawn(serving::serve(listener, factory.clone()));
    let http = reqwest::Client::new();
    let began = Instant::now();
    let open: Vec<_> = (0..clients).map(|_| tokio::spawn(client(http.clone(), url.clone(), token.clone()))).collect();
    tokio::time::sleep(RUN).await;
    let under_way = factory.unfinished("letters").await?.len();
    let han = factory.local("han@bank.example")?;
    let requested = Instant::now();
    let effect = factory.stop(&han, "letters", None, "measured").await?;
    let answered = Instant::now();
    let (mut slowest_first, mut last, mut told) = (Duration::ZERO, requested, 0);
    for task in open {
        let (first, end, said) = task.await??;
        slowest_first = slowest_first.max(first.duration_since(began));
        last = last.max(end);
        told += usize::from(said);
    }
    server.abort();
    println!(
        "clients {clients}: under way {under_way}, cut {}, told {told}; stop answered after {:.1} ms (stated {} ms), last byte after {:.1} ms; slowest first byte {:.0} ms; without a decision {}",
        effect.cut,
        answered.duration_since(requested).as_secs_f64() * 1e3,
        effect.effective_ms,
        last.saturating_duration_since(requested).as_secs_f64() * 1e3,
        slowest_first.as_secs_f64() * 1e3,
        factory.unfinished("letters").await?.len(),
    );
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: stop_streams FOLDER [CLIENTS] [ROUNDS]")?;
    let clients: usize = arguments.next().map_or(Ok(200), |n| n.parse())?;
    let rounds: usize = arguments.next().map_or(Ok(3), |n| n.parse())?;
    let _ = rustls::crypto::ring::default_provider().install_default();
    for n in 0..rounds {
        round(&Path::new(&folder).join(n.to_string()), clients).await?;
    }
    Ok(())
}
