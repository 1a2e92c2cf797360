//! The guard in front of an upstream, for comparison with `passthrough` and `durable_proxy`: the workspace's example with
//! all of its checks, but for the confidence that only its embedded model earns; its model is asked over HTTP at UPSTREAM.
//! A real factory with its store on this disk; every decision is recorded before its answer leaves. It serves a rehearsal,
//! which runs the same pipeline as a release.
//!
//! `cargo run --release -p seatrial-gateway --example guarded -- LISTEN UPSTREAM FOLDER` makes the factory in FOLDER,
//! which is to be new, writes `body.json`, `requests.jsonl` and `streamed.jsonl` there, and prints the `load` command to
//! run against it.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use bytes::Bytes;
use http_body_util::Full;
use seatrial_factory::{Factory, FactoryProjector, NewToken, OpenOptions, SystemClock};
use seatrial_gateway::{Gateway, HttpProviders, serve};
use seatrial_model::event::TokenKind;
use seatrial_store::{Options, SqliteStore};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");
const WORKFLOW: &str = "credit-preapproval";

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

fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if !entry.file_type()?.is_dir() {
            std::fs::copy(entry.path(), target)?;
        } else if entry.file_name() != ".seatrial" {
            copy(&entry.path(), &target)?;
        }
    }
    Ok(())
}

fn write_factory(root: &Path, upstream: &str) -> Result<(), Failure> {
    copy(Path::new(EXAMPLE), root)?;
    let file = root.join("factory.yaml");
    let providers = format!("providers:\n  far: {{ kind: openai, base_url: \"http://{upstream}/v1\" }}\n");
    std::fs::write(&file, std::fs::read_to_string(&file)?.replacen("providers:\n", &providers, 1))?;
    let flow = root.join("workflows").join(WORKFLOW);
    let mut spec = std::fs::read_to_string(flow.join("workflow.yaml"))?;
    for (from, to) in EDITS {
        if !spec.contains(from) {
            return Err(format!("the example has no `{from}` any more").into());
        }
        spec = spec.replacen(from, to, 1);
    }
    let (before, rest) = spec.split_once("thresholds:\n").ok_or("the example has no thresholds any more")?;
    let (_, after) = rest.split_once("\nslices:\n").ok_or("the example has no slices any more")?;
    std::fs::write(flow.join("workflow.yaml"), format!("{before}slices:\n{after}"))?;
    write_requests(root, &flow.join("examples/applications.jsonl"))
}

/// Some of the example's applications, each as a request of a client.
fn write_requests(root: &Path, applications: &Path) -> Result<(), Failure> {
    let (mut plain, mut streamed) = (String::new(), String::new());
    for line in std::fs::read_to_string(applications)?.lines().rev().take(1_000) {
        let example: Value = serde_json::from_str(line)?;
        let content = example.get("input").ok_or("an example has no input")?.to_string();
        let model = format!("{WORKFLOW}/assess");
        let request = json!({"model": model, "messages": [{"role": "user", "content": content}]});
        plain.push_str(&format!("{request}\n"));
        let request = json!({"model": model, "stream": true, "messages": [{"role": "user", "content": content}]});
        streamed.push_str(&format!("{request}\n"));
    }
    std::fs::write(root.join("body.json"), plain.lines().next().unwrap_or_default())?;
    std::fs::write(root.join("requests.jsonl"), plain)?;
    Ok(std::fs::write(root.join("streamed.jsonl"), streamed)?)
}

async fn open(folder: &Path) -> Result<(Factory, String), Failure> {
    let options = Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = SqliteStore::create(&folder.join(".seatrial"), options)?;
    let factory = Factory::open(OpenOptions {
        root: folder.to_owned(),
        store: Arc::new(store),
        providers: Arc::new(HttpProviders::new(folder, |_| None)),
        clock: Box::new(SystemClock),
    })
    .await?;
    let dev = factory.local("dev@shipyard.example")?;
    factory.submit(&dev, Some(WORKFLOW)).await?;
    let new = NewToken {
        kind: TokenKind::Caller,
        principal: "load".to_owned(),
        steps: vec!["*".to_owned()],
        lives: "1d".parse()?,
    };
    let token = factory.issue_token(&dev, new).await?;
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
    let nothing = tower::service_fn(|_: http::Request<hyper::body::Incoming>| async {
        let mut answer = http::Response::new(Full::<Bytes>::default());
        *answer.status_mut() = http::StatusCode::NOT_FOUND;
        Ok::<_, Infallible>(answer)
    });
    serve(listener, Gateway::new(factory), nothing, std::future::pending()).await?;
    Ok(())
}
