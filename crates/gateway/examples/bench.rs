//! What the guard costs on the wire, in one run, beside a bare pass-through proxy on the same HTTP library, and beside
//! `durable_proxy`: what somebody writes by hand who wants the same bytes to be durable before the answer, in one
//! transaction for all that wait. Rounds are interleaved, so that whatever else the machine does hits all of them; the
//! figures are medians over the rounds, with their range.
//!
//! Twice: with all of them before the same upstream over HTTP (plain and streamed), and with the example as it is
//! released to production, whose model is embedded, beside a hand-written proxy that answers by itself.
//!
//! `cargo build --release -p seatrial-gateway --examples && target/release/examples/bench [SECONDS [ROUNDS]]`
//!
//! The other programs are the examples beside this one.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

#[path = "bench/idle.rs"]
mod idle;
#[path = "bench/measured.rs"]
mod measured;
#[path = "bench/process.rs"]
mod process;

use idle::idle;
use measured::{Measured, Mode, report};
use process::{Folder, Kept, Started};
use std::path::Path;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many connections send requests, each the next one when it has the answer: one shows what a request takes, many
/// show how many go through.
const CONNECTIONS: [usize; 3] = [1, 16, 64];

const UPSTREAM: &str = "127.0.0.1:18281";
const PROXY: &str = "127.0.0.1:18282";
const GUARD: &str = "127.0.0.1:18283";
const BY_HAND: &str = "127.0.0.1:18284";
const RELEASED: &str = "127.0.0.1:18285";
const BY_HAND_ALONE: &str = "127.0.0.1:18286";

/// Everything that is measured, and what it runs on.
struct Yard {
    load: std::path::PathBuf,
    all: Vec<Measured>,
    _upstream: Started,
    _folder: Folder,
}

/// Starts a guard, lets it decide for a second, and starts the proxy by hand that writes what it wrote.
fn pair(
    beside: &Path,
    folder: &Path,
    (guard, by_hand): (Measured, [&str; 2]),
    requests: &Path,
) -> Result<[Measured; 2], Failure> {
    let load = beside.join("load");
    let mut guard = guard;
    guard.warm(&load, requests)?;
    let kept = Kept::read(&guard.store()?)?;
    println!(
        "`{}` wrote {} bytes of event for a decision, and {:?} of payloads",
        guard.name,
        kept.event.len(),
        kept.payloads
    );
    let (event, database) = (folder.join(format!("{}.event", by_hand[0])), folder.join(format!("{}.db", by_hand[0])));
    std::fs::write(&event, &kept.event)?;
    let [input, output] = [kept.of("input"), kept.of("output")].map(|bytes| bytes.to_string());
    let texts = [database.to_str(), event.to_str()].map(|text| text.unwrap_or_default().to_owned());
    let arguments = [by_hand[0], by_hand[1], &texts[0], &texts[1], &input, &output];
    let (started, _) = Started::new(&beside.join("durable_proxy"), &arguments)?;
    let mut other = Measured::new("by hand, durable", by_hand[0], started, Vec::new());
    other.set = guard.set;
    other.requests = guard.requests.clone();
    other.warm(&load, requests)?;
    Ok([other, guard])
}

fn start(beside: &Path) -> Result<Yard, Failure> {
    // Beside the programs: on the same disk as everything that is built, not in memory.
    let folder = Folder(beside.join(format!("bench-{}", std::process::id())));
    std::fs::create_dir_all(&folder.0)?;
    let path = |name: &str| folder.0.join(name);
    let (upstream, _) = Started::new(&beside.join("load"), &["--serve", UPSTREAM])?;
    let (proxy, _) = Started::new(&beside.join("passthrough"), &[PROXY, UPSTREAM])?;
    let mut proxy = Measured::new("bare pass-through", PROXY, proxy, Vec::new());
    let root = path("far");
    let (guard, line) = Started::new(&beside.join("guarded"), &[GUARD, UPSTREAM, root.to_str().unwrap_or_default()])?;
    let mut guard = Measured::new("the guard", GUARD, guard, process::quoted(&line));
    guard.root = Some(root.clone());
    guard.requests = [root.join("requests.jsonl"), root.join("streamed.jsonl")].to_vec();
    proxy.requests = guard.requests.clone();
    proxy.warm(&beside.join("load"), &root.join("requests.jsonl"))?;
    let [by_hand, guard] = pair(beside, &folder.0, (guard, [BY_HAND, UPSTREAM]), &root.join("requests.jsonl"))?;
    println!("delivering the example to production…");
    let root = path("released");
    let arguments = [RELEASED, root.to_str().unwrap_or_default(), "--measured"];
    let (released, line) = Started::new(&beside.join("released"), &arguments)?;
    let about: serde_json::Value = serde_json::from_str(&line)?;
    let token = about.get("caller").and_then(serde_json::Value::as_str).ok_or("the factory gave no token")?;
    let mut released = Measured::new("the guard", RELEASED, released, vec![format!("authorization: Bearer {token}")]);
    released.root = Some(root.clone());
    released.set = 1;
    released.requests = [root.join("requests.jsonl")].to_vec();
    let [alone, released] = pair(beside, &folder.0, (released, [BY_HAND_ALONE, "-"]), &root.join("requests.jsonl"))?;
    let all = vec![proxy, by_hand, guard, alone, released];
    Ok(Yard { load: beside.join("load"), all, _upstream: upstream, _folder: folder })
}

fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let seconds = arguments.next().unwrap_or_else(|| "3".to_owned());
    let rounds: usize = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let beside = std::env::current_exe()?.parent().ok_or("no folder")?.to_owned();
    let mut yard = start(&beside)?;
    for round in 1..=rounds {
        for mode in [Mode::Plain, Mode::Streamed] {
            for connections in CONNECTIONS {
                for one in &mut yard.all {
                    one.round(&yard.load, (mode, connections), &seconds)?;
                }
            }
        }
        println!("round {round} of {rounds} is done");
    }
    for (set, what) in
        ["before an upstream over HTTP", "the example in production, its model embedded"].iter().enumerate()
    {
        let all: Vec<&Measured> = yard.all.iter().filter(|one| one.set == set).collect();
        for mode in [Mode::Plain, Mode::Streamed] {
            for connections in CONNECTIONS {
                report(what, &all, (mode, connections));
            }
        }
    }
    println!("\n## Idle connections\n\n| | memory before, KiB | with them, KiB | bytes each |\n|---|---|---|---|");
    yard.all.iter().filter(|one| one.set == 0).try_for_each(|one| idle(&yard.load, one))
}
