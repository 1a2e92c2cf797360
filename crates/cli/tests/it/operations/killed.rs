//! `kill -9` while a stream leaves in windows: the next start finds it, says so in the log, and shows it.

use super::complaints;
use super::desk::{DEV, Desk, SUE, Serving};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A step whose answers leave while the model still writes.
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
      personal-data: { detect: [email] }
responsibilities:
"#;

const BEGINNING: &str = "Your card was charged once. ";

fn chunk(delta: &Value, finish: &Value) -> String {
    let chunk = json!({
        "id": "c-1", "object": "chat.completion.chunk", "created": 1, "model": "model-1-20261101",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    });
    format!("data: {chunk}\n\n")
}

/// A provider that stops in the middle of its first answer, and gives all of the next ones.
async fn provider() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}/v1", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let mut first = true;
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(answer(stream, std::mem::take(&mut first)));
        }
    });
    base
}

async fn answer(mut stream: TcpStream, stops: bool) {
    let mut read = Vec::new();
    while !read.ends_with(b"}") {
        let mut piece = [0; 4096];
        match stream.read(&mut piece).await {
            Ok(n) if n > 0 => read.extend_from_slice(&piece[..n]),
            _ => return,
        }
    }
    let mut text = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n".to_owned();
    text += &chunk(&json!({"content": BEGINNING}), &Value::Null);
    if !stops {
        text += &chunk(&json!({"content": "That is all."}), &Value::Null);
        text += &chunk(&json!({}), &json!("stop"));
        text += "data: [DONE]\n\n";
    }
    stream.write_all(text.as_bytes()).await.unwrap();
    if stops {
        // Held until the other side is gone.
        let mut more = [0; 64];
        while stream.read(&mut more).await.is_ok_and(|n| n > 0) {}
    }
}

fn desk(base: &str) -> Desk {
    let desk = Desk::new(base);
    let types = "types:\n  Anything: schemas/anything.json\n  Words: schemas/words.json\n";
    let workflow = complaints::WORKFLOW.replacen("types:\n", types, 1).replacen("responsibilities:\n", SAY, 1);
    let flow = complaints::write(desk.path(), &workflow);
    std::fs::write(flow.join("schemas/anything.json"), r#"{"type":"object"}"#).unwrap();
    std::fs::write(flow.join("schemas/words.json"), r#"{"type":"string"}"#).unwrap();
    desk.run(&["submit", "--as", DEV]).exits(0);
    desk
}

/// Asks for a stream in rehearsal, for a case.
async fn ask(desk: &Desk, serving: &Serving) -> reqwest::Response {
    let body = json!({"model": "complaints/say", "stream": true, "messages": [{"role": "user", "content": "Hello?"}]});
    let request = serving.http.post(format!("{}/v1/chat/completions", serving.base)).bearer_auth(&desk.caller);
    let request = request.header("x-seatrial-release", "rehearsal").header("x-seatrial-case", "c-1");
    request.body(body.to_string()).send().await.unwrap()
}

fn decision_of(response: &reqwest::Response) -> String {
    response.headers()["x-seatrial-decision"].to_str().unwrap().to_owned()
}

fn unfinished(desk: &Desk) -> Vec<(String, bool)> {
    let listed = desk.run(&["decision", "list", "--unfinished", "--format", "json", "--as", SUE]).exits(0).json();
    let of = |row: &Value| (row["decision"].as_str().unwrap().to_owned(), row["broken_off"].as_bool().unwrap());
    listed.as_array().unwrap().iter().map(of).collect()
}

fn recoveries(desk: &Desk) -> Vec<Value> {
    let database = rusqlite::Connection::open(desk.path().join(".seatrial/evidence.db")).unwrap();
    let sql = "SELECT e.bytes FROM events e JOIN logs l ON l.id = e.log WHERE l.name = 'complaints' ORDER BY e.idx";
    let mut statement = database.prepare(sql).unwrap();
    let rows = statement.query_map([], |r| r.get::<_, Vec<u8>>(0)).unwrap();
    let events = rows.map(|bytes| serde_json::from_slice::<Value>(&bytes.unwrap()).unwrap());
    events.filter(|e| e["kind"] == "node.recovered/1").map(|e| e["body"].clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_a_kill_broke_off_is_found_and_told() {
    seatrial_upstream::post::install_tls();
    let desk = desk(&provider().await);
    let serving = desk.serve(&[], &[]);
    let mut response = ask(&desk, &serving).await;
    assert_eq!(response.headers()["x-seatrial-verdict"], "pending");
    let lost = decision_of(&response);
    let mut left = Vec::new();
    while !String::from_utf8_lossy(&left).contains("charged once") {
        left.extend(response.chunk().await.unwrap().expect("it goes on"));
    }
    assert_eq!(unfinished(&desk), [(lost.clone(), false)], "it is under way");
    serving.signal("-KILL");
    // The client is not told that this was all.
    loop {
        match tokio::time::timeout(Duration::from_secs(60), response.chunk()).await.unwrap() {
            Ok(Some(more)) => left.extend(more),
            Ok(None) => panic!("a stream that was broken off ended as a whole one"),
            Err(_) => break,
        }
    }
    assert!(!String::from_utf8_lossy(&left).contains("[DONE]"));
    serving.ended();
    // The next start says it, whoever it is by: no wait until no stream could take so long.
    let serving = desk.serve(&[], &[]);
    assert_eq!(unfinished(&desk), [(lost.clone(), true)]);
    let said: Vec<u64> = recoveries(&desk).iter().map(|body| body["streams"].as_u64().unwrap_or(0)).collect();
    assert_eq!(said, [1], "counted in the log");
    // It is no answer to whoever asks again, and the new one has its decision.
    let again = ask(&desk, &serving).await;
    let decision = decision_of(&again);
    let text = again.text().await.unwrap();
    assert!(decision != lost && text.contains("That is all.") && text.contains("[DONE]"), "{text}");
    let shown = desk.run(&["decision", "show", &decision, "--format", "json", "--as", SUE]).exits(0).json();
    assert_eq!((&shown["verdict"], &shown["stream"]["end"]), (&json!("allow"), &json!("complete")));
    assert_eq!(unfinished(&desk), [(lost.clone(), true)]);
    // A second kill, with nothing under way: said once.
    serving.signal("-KILL");
    serving.ended();
    let serving = desk.serve(&[], &[]);
    serving.signal("-TERM");
    let (code, errors) = serving.ended();
    assert_eq!(code, Some(0), "{errors}");
    let said: Vec<u64> = recoveries(&desk).iter().map(|body| body["streams"].as_u64().unwrap_or(0)).collect();
    assert_eq!(said, [1, 0]);
    let shown = desk.run(&["decision", "list", "--unfinished", "--as", SUE]).exits(0).out;
    assert!(shown.contains(&lost) && shown.contains("broken off") && !shown.contains("under way"), "{shown}");
    // The log holds, and its rows are those that its events come to.
    desk.run(&["log", "verify"]).exits(0);
    let rebuilt = desk.run(&["log", "rebuild", "--format", "json", "--as", SUE]).exits(0).json();
    assert!(rebuilt.as_array().unwrap().iter().all(|log| log["identical"] == true), "{rebuilt}");
}
