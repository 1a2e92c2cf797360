//! The guard in front of an upstream, for comparison with `passthrough` and `durable_proxy`: the workspace's example with
//! all of its checks, but for the confidence that only its embedded model earns; its model is asked over HTTP at UPSTREAM.
//! A real factory with its store on this disk; every decision is recorded before its answer leaves. It serves a rehearsal,
//! which runs the same pipeline as a release.
//!
//! `cargo run --release -p seatrial-gateway --example guarded -- LISTEN UPSTREAM FOLDER` makes the factory in FOLDER,
//! which is to be new, writes `body.json`, `requests.jsonl` and `streamed.jsonl` there, and prints the `load` command to
//! run against it.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

#[path = "shared/credit.rs"]
mod credit;
#[path = "shared/serving.rs"]
mod serving;

use credit::{EXAMPLE, WORKFLOW, copy, edit, requests, spec_file};
use seatrial_factory::Factory;
use seatrial_model::event::TokenKind;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What is changed in the spec: the model is far away, and nothing rests on probabilities that it does not have.
const EDITS: [(&str, &str); 6] = [
    (
        "      provider: embedded\n      name: credit-scorecard\n      train: { examples: applications, label: expected.decision }",
        "      provider: far\n      name: fixed-1",
    ),
    ("      unsure: { when: \"confidence < thresholds.approve\", to: underwriters }\n", ""),
    ("per_minute: 60000", "per_minute: 6000000"),
    ("measure: \"thresholds.approve, escalate.over-stretched, audit\"", "measure: \"escalate.over-stretched, audit\""),
    (", \"steps.*.escalate\", thresholds] }", ", \"steps.*.escalate\"] }"),
    ("    stream: buffer\n", "    stream: buffer\n    attempts: 1\n"),
];

fn write_factory(root: &Path, upstream: &str) -> Result<(), Failure> {
    copy(Path::new(EXAMPLE), root)?;
    let providers = format!("providers:\n  far: {{ kind: openai, base_url: \"http://{upstream}/v1\" }}\n");
    edit(&root.join("factory.yaml"), "providers:\n", &providers)?;
    let file = spec_file(root);
    for (from, to) in EDITS {
        edit(&file, from, to)?;
    }
    let spec = std::fs::read_to_string(&file)?;
    let (before, rest) = spec.split_once("thresholds:\n").ok_or("the example has no thresholds any more")?;
    let (_, after) = rest.split_once("\nslices:\n").ok_or("the example has no slices any more")?;
    std::fs::write(file, format!("{before}slices:\n{after}"))?;
    let plain = requests(root, false)?;
    std::fs::write(root.join("body.json"), plain.lines().next().unwrap_or_default())?;
    std::fs::write(root.join("requests.jsonl"), plain)?;
    Ok(std::fs::write(root.join("streamed.jsonl"), requests(root, true)?)?)
}

async fn open(folder: &Path) -> Result<(Factory, String), Failure> {
    let factory = serving::open(folder).await?;
    let dev = factory.local("dev@shipyard.example")?;
    factory.submit(&dev, Some(WORKFLOW)).await?;
    let token = serving::token(&factory, &dev, TokenKind::Caller, "load").await?;
    Ok((factory, token))
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let (Some(listen), Some(upstream), Some(folder)) = (arguments.next(), arguments.next(), arguments.next()) else {
        return Err("usage: guarded LISTEN UPSTREAM FOLDER".into());
    };
    let folder = PathBuf::from(folder);
    write_factory(&folder, &upstream)?;
    let (factory, token) = open(&folder).await?;
    let listener = TcpListener::bind(&listen).await?;
    println!(
        "load http://{listen}/v1/chat/completions 8 5 {}/body.json 'authorization: Bearer {token}' 'x-seatrial-release: rehearsal'",
        folder.display()
    );
    serving::serve(listener, factory).await
}
