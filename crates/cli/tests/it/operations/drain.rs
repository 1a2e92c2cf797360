//! Ending and changing under load. The clients speak HTTP by hand: a library would hide a connection that broke.

use super::TRIES;
use super::desk::{Desk, Provider, SUE, Serving};
use serde_json::{Value, json};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

/// A client that keeps its connection as long as it may.
struct Client {
    address: SocketAddr,
    token: String,
    stream: Option<TcpStream>,
}

/// What came of one request.
#[derive(Debug)]
enum Came {
    Answer(u16, Value),
    Refused,
    #[expect(dead_code, reason = "shown where a test fails")]
    Broken(String),
}

impl Client {
    fn new(serving: &Serving, token: &str) -> Self {
        let address = serving.base.trim_start_matches("http://").parse().unwrap();
        Self { address, token: token.to_owned(), stream: None }
    }

    fn ask(&mut self, text: &str) -> Came {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => match TcpStream::connect(self.address) {
                Ok(stream) => stream,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Came::Refused,
                Err(error) => return Came::Broken(format!("connecting: {error}")),
            },
        };
        let body = json!({"input": {"text": text, "amount": 1.0}}).to_string();
        let head = format!(
            "POST /v1/workflows/complaints/steps/route/run HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\nx-seatrial-release: rehearsal\r\ncontent-length: {}\r\n\r\n",
            self.token,
            body.len()
        );
        if let Err(error) = stream.write_all(format!("{head}{body}").as_bytes()) {
            return Came::Broken(format!("writing: {error}"));
        }
        match read(&mut stream) {
            Ok((status, close, answer)) => {
                self.stream = (!close).then_some(stream);
                Came::Answer(status, answer)
            }
            Err(error) => Came::Broken(format!("reading: {error}")),
        }
    }
}

fn read(stream: &mut TcpStream) -> Result<(u16, bool, Value), String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|w| w == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head.lines().find_map(|l| l.strip_prefix("content-length: ")).ok_or("no length")?;
            let length: usize = length.trim().parse().map_err(|_| "length")?;
            if bytes.len() >= end + 4 + length {
                let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).ok_or("no status")?;
                let answer = serde_json::from_slice(&bytes[end + 4..]).map_err(|e| e.to_string())?;
                return Ok((status, head.contains("connection: close"), answer));
            }
        }
        match stream.read(&mut buffer) {
            Ok(0) => return Err(format!("ended after {} bytes", bytes.len())),
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(error) => return Err(format!("{error} after {} bytes", bytes.len())),
        }
    }
}

fn decision(answer: &Value) -> String {
    answer["seatrial"]["decision"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_and_nobody_is_cut_off() {
    const CLIENTS: usize = 8;
    seatrial_upstream::post::install_tls();
    let (provider, base) = Provider::start().await;
    provider.pauses(Duration::from_millis(20));
    let desk = Desk::new(&base);
    let serving = desk.serve(&["--drain-wait", "1s"], &[]);
    let began = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|c| {
            let (mut client, began) = (Client::new(&serving, &desk.caller), Arc::clone(&began));
            std::thread::spawn(move || {
                let mut decisions = Vec::new();
                for n in 0.. {
                    match client.ask(&format!("{c} {n}")) {
                        Came::Answer(200, answer) => decisions.push(decision(&answer)),
                        Came::Refused => break,
                        other => panic!("{other:?}"),
                    }
                    if n == 2 {
                        began.wait();
                    }
                }
                decisions
            })
        })
        .collect();
    began.wait();
    serving.signal("-TERM");
    // Connections are still taken, and told to go elsewhere.
    let mut told = false;
    for _ in 0..TRIES {
        let Ok(answer) = serving.http.get(format!("{}/readyz", serving.base)).send().await else { break };
        if answer.status() == 503 {
            assert_eq!(answer.headers()["connection"], "close");
            assert_eq!(answer.text().await.unwrap(), r#"{"ready":false,"missing":["draining"]}"#);
            told = true;
            break;
        }
    }
    assert!(told, "`/readyz` says so while connections are still taken");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    let acknowledged: Vec<String> = clients.into_iter().flat_map(|c| c.join().unwrap()).collect();
    assert!(acknowledged.len() >= CLIENTS * 3);
    for last in acknowledged.iter().rev().take(12) {
        desk.run(&["decision", "show", last, "--format", "json"]).exits(0);
    }
    let verified = desk.run(&["log", "verify"]).exits(0);
    assert!(verified.out.contains("complaints"), "{}", verified.out);
    let listed = desk.run(&["decision", "list", "--limit", "500", "--format", "json"]).exits(0).json();
    let listed: Vec<&str> = listed.as_array().unwrap().iter().map(|d| d["decision"].as_str().unwrap()).collect();
    let missing = acknowledged.iter().filter(|id| !listed.contains(&id.as_str())).count();
    assert!(missing == 0 || acknowledged.len() > 500, "{missing} of {}", acknowledged.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_is_finished_unless_one_insists() {
    seatrial_upstream::post::install_tls();
    let (provider, base) = Provider::start().await;
    let desk = Desk::new(&base);
    provider.pauses(Duration::from_millis(1_500));
    let serving = desk.serve(&[], &[]);
    let under_way = tokio::spawn(serving.asks(&serving.http, "slow", 1.0).send());
    asked(&provider, 1).await;
    serving.signal("-TERM");
    assert_eq!(under_way.await.unwrap().unwrap().status(), 200);
    assert_eq!(serving.ended().0, Some(0));
    // The second signal ends it, whatever is under way.
    provider.pauses(Duration::from_secs(60));
    let serving = desk.serve(&["--drain-wait", "30s"], &[]);
    let under_way = tokio::spawn(serving.asks(&serving.http, "slower", 1.0).send());
    asked(&provider, 2).await;
    serving.signal("-TERM");
    let mut draining = false;
    for _ in 0..TRIES {
        draining = serving.get("/readyz", &[]).await.0 == 503;
        if draining {
            break;
        }
    }
    assert!(draining);
    serving.signal("-TERM");
    assert_eq!(serving.ended().0, Some(1));
    assert!(under_way.await.unwrap().is_err());
}

/// Waits until the provider was asked so often.
async fn asked(provider: &Provider, times: usize) {
    for _ in 0..TRIES {
        if provider.keys.lock().unwrap().len() >= times {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("the provider was not asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_served_changes_without_losing_a_request() {
    const CLIENTS: usize = 50;
    seatrial_upstream::post::install_tls();
    let (_, base) = Provider::start().await;
    let desk = Desk::new(&base);
    let serving = desk.serve(&[], &[]);
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|c| {
            let (mut client, done) = (Client::new(&serving, &desk.caller), Arc::clone(&done));
            std::thread::spawn(move || {
                let mut decisions = Vec::new();
                for n in 0.. {
                    match client.ask(&format!("{c} {n}")) {
                        Came::Answer(200, answer) => decisions.push(decision(&answer)),
                        Came::Answer(403, answer) => {
                            assert_eq!(answer["error"]["code"], "workflow_stopped", "{answer}")
                        }
                        other => panic!("{other:?}"),
                    }
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
                decisions
            })
        })
        .collect();
    let path = desk.path().join("workflows/complaints/workflow.yaml");
    for purpose in ["Every complaint reaches its team soon.", "Every complaint reaches its team today."] {
        let text = std::fs::read_to_string(&path).unwrap();
        let line = text.lines().find(|l| l.starts_with("purpose:")).unwrap().to_owned();
        std::fs::write(&path, text.replace(&line, &format!("purpose: \"{purpose}\""))).unwrap();
        desk.run(&["submit", "--as", super::desk::DEV]).exits(0);
    }
    desk.run(&["stop", "--reason", "a look", "--as", SUE]).exits(0);
    desk.run(&["resume", "--reason", "looked", "--as", super::desk::SAM]).exits(0);
    done.store(true, Ordering::Relaxed);
    let decisions: Vec<String> = clients.into_iter().flat_map(|c| c.join().unwrap()).collect();
    serving.signal("-TERM");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    // Each names the one spec that it was decided under, and there were three.
    let (first, last) = (decisions.first().unwrap(), decisions.last().unwrap());
    for id in [first, last] {
        let shown = desk.run(&["decision", "show", id, "--format", "json"]).exits(0).json();
        assert!(shown["spec"].is_string(), "{shown}");
    }
    let submitted = desk.run(&["log", "verify"]).exits(0);
    assert!(submitted.out.contains("complaints"), "{}", submitted.out);
}
