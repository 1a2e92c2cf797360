//! The guard in front of an upstream, for comparison with `passthrough`: a real factory with its store on this
//! disk, one step with a schema and three rules, every decision recorded before its answer leaves. It serves a
//! rehearsal, which runs the same pipeline as a release.
//!
//! `cargo run --release -p seatrial-gateway --example guarded -- LISTEN UPSTREAM FOLDER` makes the factory in the
//! empty FOLDER, writes `body.json` there, and prints the `load` command to run against it.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

use bytes::Bytes;
use http_body_util::Full;
use seatrial_factory::{Factory, FactoryProjector, NewToken, OpenOptions, SystemClock};
use seatrial_gateway::{Gateway, HttpProviders, serve};
use seatrial_model::event::TokenKind;
use seatrial_store::{Options, SqliteStore};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;

const WORKFLOW: &str = r#"seatrial: 1
workflow: complaints
title: "Route complaints"
purpose: "Every complaint reaches its team."
population: "Complaints made for a measurement"
types:
  Complaint: complaint.json
  Routing: routing.json
roles:
  handlers: "Complaint handlers"
  engineering: "Delivery team"
steps:
  route:
    does: "Assign the complaint to a team"
    actor: ai
    influence: decide
    reversible: true
    input: Complaint
    output: Routing
    model: { provider: default, name: fixed-1, temperature: 0 }
    require:
      says-why: { rule: "size(output.reason) >= 10" }
    forbid:
      promises-money: { rule: "output.reason.matches('(?i)refund')" }
      personal-data: { detect: [email, phone, iban], in: output.reason, else: modify }
    escalate:
      large: { when: "input.amount > 1000.0", to: handlers }
    review: { within: 4h, late: handlers, people: 1, hold: 0s }
    fallback: { to: handlers }
responsibilities:
  workflow:   { delivery: engineering, receiving: handlers }
  changes:    { delivery: engineering, receiving: handlers }
  exceptions: { delivery: engineering, receiving: handlers }
  behaviour:  { delivery: engineering, receiving: handlers }
  evolution:  { delivery: engineering, receiving: handlers }
"#;

const COMPLAINT: &str = r#"{"type":"object","properties":{"text":{"type":"string"},"amount":{"type":"number"}},"required":["text","amount"]}"#;
const ROUTING: &str = r#"{"type":"object","properties":{"team":{"type":"string"},"reason":{"type":"string"}},"required":["team","reason"]}"#;
const BODY: &str = r#"{"model":"complaints/route","messages":[{"role":"user","content":"{\"text\":\"I lost my card on Monday.\",\"amount\":12.5}"}]}"#;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn write_factory(folder: &Path, upstream: &str) -> Result<(), Failure> {
    let flow = folder.join("complaints");
    std::fs::create_dir_all(&flow)?;
    let factory = format!(
        "seatrial: 1\nfactory: measured\nkind: simulation\nprofile: small\ntimezone: UTC\npeople:\n  - {{ id: han@bank.example, name: \"Han\", side: receiving, roles: [handlers] }}\n  - {{ id: dev@builder.example, name: \"Dev\", side: delivery, roles: [engineering] }}\nproviders:\n  default: {{ kind: openai, base_url: \"http://{upstream}/v1\" }}\nstore: {{ sqlite: .seatrial }}\nworkflows: [complaints]\n"
    );
    std::fs::write(folder.join("factory.yaml"), factory)?;
    std::fs::write(flow.join("workflow.yaml"), WORKFLOW)?;
    std::fs::write(flow.join("complaint.json"), COMPLAINT)?;
    std::fs::write(flow.join("routing.json"), ROUTING)?;
    std::fs::write(folder.join("body.json"), BODY)?;
    Ok(())
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
    let dev = factory.local("dev@builder.example")?;
    factory.submit(&dev, Some("complaints")).await?;
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
