//! However the bytes of an upstream's stream are cut, a client of any dialect reads the same bytes, and the same is
//! recorded: verdict, findings, what was inspected, how much left. Over real sockets, in the upstream's own dialect and
//! translated from another.

use crate::support::{Plane, plane_of};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seatrial_gateway::Limits;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Streams that are compared for each way.
const CASES: u32 = 12;

/// The same step three times: a provider that speaks everything, one that speaks chat completions alone, and the
/// verdict before anything leaves.
fn steps() -> String {
    let step = |name: &str, provider: &str, stream: &str| {
        format!(
            r#"  {name}:
    does: "Answer the customer in words"
    actor: ai
    influence: suggest
    reversible: true
    input: Anything
    output: Words
    model: {{ provider: {provider}, name: model-1-20261101, temperature: 0 }}
    within: 60s
    stream: {stream}
    tools:
      look_up: {{}}
    forbid:
      personal-data: {{ detect: [email, card-number] }}
"#
        )
    };
    ["say default", "told plain", "wait default"]
        .iter()
        .filter_map(|pair| pair.split_once(' '))
        .map(|(name, provider)| step(name, provider, if name == "wait" { "buffer" } else { "{ window: 8 }" }))
        .collect()
}

/// What the upstream sends on the next request, each piece by itself.
type Pieces = Arc<Mutex<Vec<Vec<u8>>>>;

async fn upstream() -> (String, Pieces) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let pieces = Pieces::default();
    let next = Arc::clone(&pieces);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(send(stream, Arc::clone(&next)));
        }
    });
    (base, pieces)
}

async fn send(mut stream: TcpStream, next: Pieces) -> Option<()> {
    stream.set_nodelay(true).unwrap();
    let mut read = Vec::new();
    // The request's head, and a body that ends with its object.
    while !(read.windows(4).any(|w| w == b"\r\n\r\n") && read.ends_with(b"}")) {
        let mut piece = [0; 4096];
        let n = stream.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        read.extend_from_slice(&piece[..n]);
    }
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\
                connection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).await.ok()?;
    let pieces = next.lock().unwrap().clone();
    for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
        let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
        stream.write_all(&framed).await.ok()?;
        tokio::task::yield_now().await;
    }
    stream.write_all(b"0\r\n\r\n").await.ok()
}

/// An answer: its text, then a call with these arguments, each in its pieces.
#[derive(Clone, Debug)]
struct Says {
    text: Vec<String>,
    call: Option<(String, Vec<String>)>,
    /// Lines end with a carriage return, too.
    returns: bool,
}

impl Says {
    fn chat(&self) -> String {
        let chunk = |delta: Value, finish: Option<&str>| {
            let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
            let chunk = json!({"id": "c-1", "object": "chat.completion.chunk", "created": 1,
                "model": "model-1-20261101", "choices": [choice]});
            format!("data: {chunk}\n\n")
        };
        let mut all = chunk(json!({"role": "assistant", "content": ""}), None);
        all.extend(self.text.iter().map(|piece| chunk(json!({ "content": piece }), None)));
        if let Some((name, pieces)) = &self.call {
            let call = |function: Value| json!({"tool_calls": [{"index": 0, "function": function}]});
            let mut first = call(json!({"name": name, "arguments": ""}));
            first["tool_calls"][0]["id"] = json!("call_1");
            first["tool_calls"][0]["type"] = json!("function");
            all += &chunk(first, None);
            all.extend(pieces.iter().map(|piece| chunk(call(json!({ "arguments": piece })), None)));
        }
        all += &chunk(json!({}), Some(if self.call.is_some() { "tool_calls" } else { "stop" }));
        self.lines(&(all + "data: [DONE]\n\n"))
    }

    fn messages(&self) -> String {
        let start = |i: u64, block: Value| json!({"type": "content_block_start", "index": i, "content_block": block});
        let delta = |i: u64, delta: Value| json!({"type": "content_block_delta", "index": i, "delta": delta});
        let stop = |i: u64| json!({"type": "content_block_stop", "index": i});
        let message = json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "model-1-20261101",
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": {"input_tokens": 5, "output_tokens": 1}});
        let mut all = vec![json!({"type": "message_start", "message": message})];
        all.push(start(0, json!({"type": "text", "text": ""})));
        all.extend(self.text.iter().map(|piece| delta(0, json!({"type": "text_delta", "text": piece}))));
        all.push(stop(0));
        if let Some((name, pieces)) = &self.call {
            all.push(start(1, json!({"type": "tool_use", "id": "t1", "name": name, "input": {}})));
            let piece = |piece: &String| delta(1, json!({"type": "input_json_delta", "partial_json": piece}));
            all.extend(pieces.iter().map(piece));
            all.push(stop(1));
        }
        let why = if self.call.is_some() { "tool_use" } else { "end_turn" };
        all.push(json!({"type": "message_delta", "delta": {"stop_reason": why, "stop_sequence": null},
            "usage": {"output_tokens": 3}}));
        all.push(json!({"type": "message_stop"}));
        self.events(&all)
    }

    fn responses(&self) -> String {
        let text = self.text.concat();
        let content = json!({"type": "output_text", "text": text, "annotations": []});
        let item = |status: &str, content: Value| json!({"id": "msg_1", "type": "message", "status": status, "role": "assistant", "content": content});
        let at = |kind: &str, more: Value| {
            let mut event = json!({"type": kind, "item_id": "msg_1", "output_index": 0, "content_index": 0});
            event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            event
        };
        let of = |kind: &str, i: u64, item: &Value| json!({"type": kind, "output_index": i, "item": item});
        let response = |status: &str, output: &[Value]| {
            json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "error": null,
                "incomplete_details": null, "model": "model-1-20261101", "output": output,
                "usage": {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}})
        };
        let mut output = vec![item("completed", json!([content]))];
        let mut all = vec![json!({"type": "response.created", "response": response("in_progress", &[])})];
        all.push(of("response.output_item.added", 0, &item("in_progress", json!([]))));
        let empty = json!({"type": "output_text", "text": "", "annotations": []});
        all.push(at("response.content_part.added", json!({ "part": empty })));
        all.extend(self.text.iter().map(|piece| at("response.output_text.delta", json!({ "delta": piece }))));
        all.push(at("response.output_text.done", json!({ "text": text })));
        all.push(at("response.content_part.done", json!({ "part": content })));
        all.push(of("response.output_item.done", 0, &output[0]));
        if let Some((name, pieces)) = &self.call {
            let call = |status: &str, arguments: &str| {
                json!({"id": "fc_1", "type": "function_call", "status": status, "call_id": "t1", "name": name,
                    "arguments": arguments})
            };
            let here = |kind: &str, member: &str, text: &str| {
                let mut event = json!({"type": kind, "item_id": "fc_1", "output_index": 1});
                event[member] = json!(text);
                event
            };
            let whole = pieces.concat();
            all.push(of("response.output_item.added", 1, &call("in_progress", "")));
            let delta = "response.function_call_arguments.delta";
            all.extend(pieces.iter().map(|piece| here(delta, "delta", piece)));
            all.push(here("response.function_call_arguments.done", "arguments", &whole));
            output.push(call("completed", &whole));
            all.push(of("response.output_item.done", 1, &output[1]));
        }
        all.push(json!({"type": "response.completed", "response": response("completed", &output)}));
        self.events(&all)
    }

    fn events(&self, all: &[Value]) -> String {
        let written = |e: &Value| format!("event: {}\ndata: {e}\n\n", e["type"].as_str().unwrap());
        self.lines(&all.iter().map(written).collect::<String>())
    }

    fn lines(&self, text: &str) -> String {
        if self.returns { text.replace('\n', "\r\n") } else { text.to_owned() }
    }
}

fn says() -> impl Strategy<Value = Says> {
    let pieces = || {
        let known = vec![
            "ana@",
            "bank.example",
            "ana@bank.example",
            "4111 1111 ",
            "1111 1111",
            "Your card ",
            "é",
            "漢字。",
            "\u{200b}",
            "\"",
            "\\",
            " ",
            "\n",
            ". ",
            "hello ",
        ];
        prop::collection::vec(prop::sample::select(known).prop_map(str::to_owned), 1..8)
    };
    let call = (prop::sample::select(vec!["look_up", "look_up", "transfer"]), pieces(), 1_usize..9);
    let call = call.prop_map(|(name, words, every)| {
        // The letters of an address as escapes: they are read as they are written, and as they are meant.
        let arguments = json!({ "for": words.concat() }).to_string().replace('@', "\\u0040");
        let letters: Vec<char> = arguments.chars().collect();
        (name.to_owned(), letters.chunks(every).map(|c| c.iter().collect()).collect::<Vec<String>>())
    });
    (pieces(), prop::option::of(call), any::<bool>()).prop_map(|(text, call, returns)| Says { text, call, returns })
}

/// A way through: the client's endpoint and step, and how its upstream writes.
#[derive(Clone, Copy)]
struct Way {
    path: &'static str,
    step: &'static str,
    written: fn(&Says) -> String,
}

const WAYS: [Way; 5] = [
    Way { path: "/v1/responses", step: "say", written: Says::responses },
    Way { path: "/v1/messages", step: "say", written: Says::messages },
    Way { path: "/v1/chat/completions", step: "say", written: Says::chat },
    Way { path: "/v1/responses", step: "told", written: Says::chat },
    Way { path: "/v1/messages", step: "told", written: Says::chat },
];

/// What came of one stream: what the client read, and what is recorded.
#[derive(PartialEq, Debug)]
struct Outcome {
    head: [String; 3],
    body: String,
    recorded: Value,
}

/// Asks, and gives what came of it, with what the client read as it came.
async fn ask(plane: &Plane, way: Way, step: &str, pieces: (&Pieces, Vec<Vec<u8>>)) -> (Outcome, String) {
    *pieces.0.lock().unwrap() = pieces.1;
    let mut body = json!({"model": format!("complaints/{step}"), "stream": true, "max_tokens": 100});
    let name = if way.path == "/v1/responses" { "input" } else { "messages" };
    body[name] = json!([{"role": "user", "content": "Hello?"}]);
    if name == "input" {
        body.as_object_mut().unwrap().remove("max_tokens");
    }
    let headers = [("x-seatrial-release", "rehearsal"), ("x-seatrial-retry", "new")];
    let got = plane.post(&plane.caller, way.path, &body, &headers).await;
    let of = |name: &str| got.header(name).to_owned();
    let (id, case) = (of("x-seatrial-decision"), of("x-seatrial-case"));
    let head = [got.status.to_string(), of("x-seatrial-verdict"), of("x-seatrial-inspected")];
    assert!(!id.is_empty(), "{}", got.text);
    let sue = plane.factory.local("sue@bank.example").unwrap();
    let chain = plane.factory.decision(&sue, id.parse().unwrap()).await.unwrap();
    let chain = serde_json::to_value(chain).unwrap();
    let mut stream = chain["stream"].clone();
    if let Some(members) = stream.as_object_mut() {
        members.remove("opened");
    }
    let recorded = json!({
        "verdict": chain["verdict"], "action": chain["action"], "because": chain["because"], "stream": stream,
        "findings": chain["facts"]["findings"], "inspected": chain["facts"]["inspected"],
        "no_candidate": chain["facts"]["no_candidate"], "output": chain["output"]["text"],
    });
    // What is another one for each request.
    let names = [(id, "DECISION"), (case, "CASE"), (of("x-request-id"), "REQUEST")];
    let body = names.iter().filter(|(name, _)| !name.is_empty()).fold(got.text, |t, (name, is)| t.replace(name, is));
    (Outcome { head, body: unnamed(&body), recorded }, body)
}

/// Without the ids and the times that an answer of our own has.
fn unnamed(body: &str) -> String {
    const ID_DIGITS: usize = 16;
    const MADE_AT: [&str; 2] = [r#""created":"#, r#""created_at":"#];
    let mut body = body.to_owned();
    for made_at in MADE_AT {
        let mut pieces = body.split(made_at);
        let mut timeless = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            timeless = timeless + made_at + piece.trim_start_matches(|c: char| c.is_ascii_digit());
        }
        body = timeless;
    }
    let mut out = String::new();
    for run in body.split_inclusive(|c: char| !c.is_ascii_hexdigit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_hexdigit());
        out += if digits.len() == ID_DIGITS { "ID" } else { digits };
        out += &run[digits.len()..];
    }
    out
}

/// The same bytes, cut at these places.
fn cut(bytes: &[u8], places: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = places.iter().map(|place| place.index(bytes.len())).collect();
    places.sort_unstable();
    let ends = places.iter().copied().chain([bytes.len()]);
    let begins = [0].into_iter().chain(places.iter().copied());
    begins.zip(ends).map(|(begin, end)| bytes[begin..end].to_vec()).collect()
}

#[test]
fn however_an_upstream_cuts_its_bytes_the_same_leaves_and_is_recorded() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (plane, next) = runtime.block_on(async {
        let (base, next) = upstream().await;
        (plane_of(Limits::default(), None, &steps(), Some(base)).await, next)
    });
    let (mut allowed, mut denied) = (0, 0);
    for way in WAYS {
        let strategy = (says(), prop::collection::vec(any::<prop::sample::Index>(), 1..40));
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let tally = Mutex::new((0, 0));
        let done = runner.run(&strategy, |(says, places)| {
            let written = (way.written)(&says);
            let bytes = written.as_bytes();
            let ((whole, read), pieces, single, waited) = runtime.block_on(async {
                let whole = ask(&plane, way, way.step, (&next, vec![bytes.to_vec()])).await;
                let (pieces, _) = ask(&plane, way, way.step, (&next, cut(bytes, &places))).await;
                let (single, _) = ask(&plane, way, way.step, (&next, bytes.iter().map(|b| vec![*b]).collect())).await;
                let waited = match way.step {
                    "say" => Some(ask(&plane, way, "wait", (&next, cut(bytes, &places))).await),
                    _ => None,
                };
                (whole, pieces, single, waited)
            });
            prop_assert_eq!(&whole, &pieces);
            prop_assert_eq!(&whole, &single, "one byte at a time");
            let let_go = whole.recorded["verdict"] == "allow";
            if let Some((waited, _)) = waited {
                prop_assert_eq!(&whole.recorded["verdict"], &waited.recorded["verdict"], "as before anything left");
            }
            if let_go {
                prop_assert_eq!(&whole.recorded["stream"]["end"], "complete");
                if way.step == "say" {
                    prop_assert!(read.starts_with(&written), "byte for byte: {read}");
                }
            }
            let mut tally = tally.lock().unwrap();
            *(if let_go { &mut tally.0 } else { &mut tally.1 }) += 1;
            Ok(())
        });
        done.unwrap_or_else(|error| panic!("{} {}: {error}", way.path, way.step));
        let (let_go, withheld) = tally.into_inner().unwrap();
        allowed += let_go;
        denied += withheld;
    }
    assert!(allowed > 0 && denied > 0, "both happen: {allowed} {denied}");
    runtime.block_on(plane.end());
}
