//! The desk that the simulated nodes serve: one step, a scripted model, and everything delivered up to its pilot. It is
//! delivered once; each seed goes on from a fork of that store.

use crate::support::{Morning, Only};
use seatrial_factory::api::Refused;
use seatrial_factory::{ApprovalInput, Factory, FactoryProjector, OpenOptions, Released, WaiverInput};
use seatrial_guard::port::{Ask, AskBody, BoxFuture, Model, ModelError, Reply};
use seatrial_guard::{Part, PartKind};
use seatrial_model::{Day, Stage};
use seatrial_store::{KeySource, MemoryStore, Seed};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

pub const WORKFLOW: &str = "desk";
pub const STEP: &str = "route";
/// So many cases a day go through the pilot: few enough that a run reaches it.
pub const PER_DAY: u64 = 6;
/// What is larger goes to a person.
const LARGE: u64 = 1_000;

const FACTORY: &str = r#"seatrial: 1
factory: sim-bank
kind: simulation
profile: small
timezone: UTC
people:
  - { id: sue@bank.example, name: "Sue", side: receiving, roles: [supervisors, handlers] }
  - { id: sam@bank.example, name: "Sam", side: receiving, roles: [supervisors, handlers] }
  - { id: han@bank.example, name: "Han", side: receiving, roles: [handlers] }
  - { id: dev@builder.example, name: "Dev", side: delivery, roles: [engineering] }
  - { id: lena@builder.example, name: "Lena", side: delivery, roles: [engineering] }
providers:
  default: { kind: openai, base_url: "https://model.example/v1", key: { env: MODEL_KEY } }
store: { sqlite: .seatrial }
workflows: [workflows/desk]
"#;

const SPEC: &str = r#"seatrial: 1
workflow: desk
title: "Route complaints"
purpose: "Every complaint reaches its team."
population: "Simulated complaints"
types:
  Complaint: schemas/complaint.json
  Routing: schemas/routing.json
roles:
  handlers: "Complaint handlers"
  supervisors: "Supervisors"
  engineering: "Delivery team"
steps:
  route:
    does: "Assign the complaint to a team"
    actor: ai
    influence: suggest
    reversible: true
    input: Complaint
    output: Routing
    model: { provider: default, name: model-1-20261101, temperature: 0 }
    within: 2min
    escalate:
      large: { when: "input.amount > LARGE.0", to: handlers }
    review: { within: 4h, late: supervisors, people: 1, hold: 0s }
    fallback: { to: handlers, per_day: 10, runbook: runbook.md }
risks: { tier: minimal, items: [] }
responsibilities:
  workflow:   { delivery: engineering, receiving: supervisors }
  changes:    { delivery: engineering, receiving: supervisors }
  exceptions: { delivery: engineering, receiving: supervisors, runbook: runbook.md }
  behaviour:  { delivery: engineering, receiving: supervisors }
  evolution:  { delivery: engineering, receiving: supervisors }
gates:
  pilot:
    until: 2027-03-31
    per_day: PER_DAY
    mode: live
    review: audit
    continue_if: "metrics.reviewed >= 1"
    approvals: [{ by: supervisors, over: [purpose, steps] }]
"#;

const COMPLAINT: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"text":{"type":"string"},"amount":{"type":"number"}},"required":["text","amount"],"additionalProperties":false}"#;
const ROUTING: &str = r#"{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object","properties":{"team":{"type":"string","enum":["cards","loans"]},"reason":{"type":"string"}},"required":["team","reason"],"additionalProperties":false}"#;

/// Answers at once, and always the same.
pub struct Scripted;

impl Model for Scripted {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        let AskBody::Messages { .. } = ask.body else { panic!("the simulation only runs steps") };
        let text = json!({"team": "cards", "reason": "a lost card"}).to_string();
        let part = Part { name: "choices.0.text".to_owned(), kind: PartKind::Text, text };
        let reply = Reply { parts: vec![part], model: Some(ask.model), requests: 1, ..Reply::default() };
        Box::pin(async move { Ok(reply) })
    }
}

/// What is complained of; a large amount goes to a person.
pub fn complaint(text: &str, large: bool) -> Value {
    json!({"text": text, "amount": if large { LARGE + 500 } else { LARGE - 500 }})
}

/// Writes the factory's folder.
pub fn write(root: &Path) {
    let flow = root.join("workflows/desk");
    std::fs::create_dir_all(flow.join("schemas")).unwrap();
    std::fs::write(root.join("factory.yaml"), FACTORY).unwrap();
    std::fs::write(flow.join("schemas/complaint.json"), COMPLAINT).unwrap();
    std::fs::write(flow.join("schemas/routing.json"), ROUTING).unwrap();
    std::fs::write(flow.join("runbook.md"), "By hand.\n").unwrap();
    write_spec(root, 0);
}

/// Writes a version of the spec.
pub fn write_spec(root: &Path, version: u64) {
    let text = SPEC.replace("PER_DAY", &PER_DAY.to_string()).replace("LARGE", &LARGE.to_string());
    let text = text.replace("reaches its team.", &format!("reaches its team ({version})."));
    std::fs::write(root.join("workflows/desk/workflow.yaml"), text).unwrap();
}

pub fn providers() -> Only {
    Only(Some(Arc::new(Scripted)))
}

/// Everything that the pilot of the spec as it is written still misses, done by those who may.
pub async fn discharge(factory: &Factory) {
    let dev = factory.local("dev@builder.example").unwrap();
    let (sue, sam) = (factory.local("sue@bank.example").unwrap(), factory.local("sam@bank.example").unwrap());
    let lena = factory.local("lena@builder.example").unwrap();
    factory.submit(&dev, Some(WORKFLOW)).await.unwrap();
    let standing = factory.standing(WORKFLOW, Stage::Pilot).await.unwrap();
    let waived: Vec<String> =
        standing.missing().filter(|s| s.obligation.waivable).map(|s| s.obligation.id.clone()).collect();
    for obligation in waived {
        let input = WaiverInput {
            stage: Stage::Pilot,
            obligation,
            reason: "simulated".to_owned(),
            measure: "none".to_owned(),
            until: Day(jiff::civil::date(2026, 12, 20)),
            renews: None,
            key: None,
        };
        let asked = factory.request_waiver(&sue, WORKFLOW, input).await.unwrap();
        factory.grant_waiver(&sam, WORKFLOW, asked, None).await.unwrap();
    }
    for (who, obligation, role) in APPROVALS {
        approve(factory, who, obligation, role).await.unwrap_or_else(|e| panic!("{who} {obligation}: {e}"));
    }
    let standing = factory.standing(WORKFLOW, Stage::Pilot).await.unwrap();
    let missing: Vec<_> = standing.missing().map(|s| format!("{} {}", s.obligation.id, s.why)).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    let released = factory.release(&lena, WORKFLOW, Stage::Pilot, false).await.unwrap();
    assert!(matches!(released, Released::Cut { .. }), "{released:?}");
}

/// Who approves what of a pilot, in which role.
pub const APPROVALS: [(&str, &str, Option<&str>); 3] = [
    ("sue@bank.example", "spec.intent", Some("supervisors")),
    ("sam@bank.example", "approval.supervisors", None),
    ("lena@builder.example", "release.approval", Some("engineering")),
];

pub async fn approve(
    factory: &Factory,
    who: &str,
    obligation: &str,
    role: Option<&str>,
) -> Result<seatrial_model::EventId, Refused> {
    let input = ApprovalInput {
        stage: Stage::Pilot,
        obligation: obligation.to_owned(),
        role: role.map(str::to_owned),
        key: None,
        shown_ms: Some(60_000),
    };
    factory.approve(&factory.local(who)?, WORKFLOW, input).await
}

/// A store with the desk delivered up to its pilot, and the folder that it was delivered from.
pub async fn delivered(root: &Path) -> MemoryStore {
    write(root);
    let store = Arc::new(MemoryStore::new(Arc::new(FactoryProjector), KeySource::Seed(Seed([7; 32]))));
    let options = OpenOptions {
        root: root.to_owned(),
        store: store.clone(),
        providers: Arc::new(providers()),
        clock: Box::new(Morning),
    };
    let factory = Factory::open(options).await.unwrap();
    discharge(&factory).await;
    store.fork()
}
