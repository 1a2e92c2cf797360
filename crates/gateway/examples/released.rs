//! A copy of the workspace's example, delivered to production by its simulated people, and served: the embedded
//! model, all of its checks, durable evidence. The tests of unchanged clients and the measurements use it.
//!
//! `cargo run -p seatrial-gateway --example released -- LISTEN FOLDER [--test UPSTREAM | --measured]`
//!
//! The factory is laid out in FOLDER, which is to be new; `requests.jsonl` in it has applications of the example as
//! chat completion requests. When it serves, it prints one line of JSON with the tokens. With `--test` the spec has
//! one more rule, which denies what the embedded model answers, and the factory one more workflow, which asks the model
//! at UPSTREAM (`http://HOST/v1`), and which nobody releases. A line `submit` on the standard input submits the work tree, and prints its digest. With `--measured`
//! the step has no limit of its own that a measurement could reach.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]

#[path = "shared/credit.rs"]
mod credit;
#[path = "shared/serving.rs"]
mod serving;
#[path = "../../factory/tests/it/simulated.rs"]
mod simulated;

use credit::{EXAMPLE, WORKFLOW, copy, edit, flow, requests, spec_file};
use seatrial_factory::api::Caller;
use seatrial_factory::{ApprovalInput, Factory, Quiet, Released};
use seatrial_model::Stage;
use seatrial_model::event::TokenKind;
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::net::TcpListener;

// As the program has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const USAGE: &str = "usage: released LISTEN FOLDER [--test UPSTREAM | --measured]";

/// What the examples are split by: the same model and threshold on every machine.
const SALT: &str = "5eed";

/// The rule that `--test` adds: the embedded model's own answers violate it.
const RULE: &str = r#"      too-long: { rule: "output.decision == 'pre-approve' && input.credit.months > 60", because: "Nobody is bound for longer than five years" }
      protected-reason:"#;

/// What provokes it in the rehearsal.
const PROBE: &str = r#"{"id":"too-long","input":{"applicant":{"age":41,"marital":"married","home":"owner","seniority":14,"job":"fixed","records":"no"},"finances":{"income":240,"expenses":60,"assets":9000,"debt":0},"credit":{"amount":900,"price":1500,"months":72}},"output":"{\"decision\": \"pre-approve\", \"confidence\": 0.99}","tags":["forbid"]}"#;

/// The workflow that `--test` adds, and nobody releases.
const DRAFT: &str = r#"seatrial: 1
workflow: draft
title: "Answer questions"
purpose: "Nothing is released here."
population: "Made for a test"
types:
  Question: question.json
roles:
  underwriters: "Underwriters"
  engineering: "Delivery team"
steps:
  answer:
    does: "Answer a question"
    actor: ai
    influence: inform
    reversible: true
    input: Question
    output: Question
    model: { provider: far, name: model-1-20261101, temperature: 0 }
    within: 10s
    review: { within: 4h, late: underwriters, people: 1, hold: 0s }
    fallback: { to: underwriters }
responsibilities:
  workflow:   { delivery: engineering, receiving: underwriters }
  changes:    { delivery: engineering, receiving: underwriters }
  exceptions: { delivery: engineering, receiving: underwriters }
  behaviour:  { delivery: engineering, receiving: underwriters }
  evolution:  { delivery: engineering, receiving: underwriters }
"#;

const QUESTION: &str = r#"{"type":"object","properties":{"text":{"type":"string"}},"required":["text"]}"#;

fn add_for_tests(root: &Path, upstream: &str) -> Result<(), Failure> {
    edit(&spec_file(root), "      protected-reason:", RULE)?;
    let probes = flow(root).join("examples/probes.jsonl");
    let text = std::fs::read_to_string(&probes)?;
    std::fs::write(&probes, format!("{}\n{PROBE}\n", text.trim_end()))?;
    let file = root.join("factory.yaml");
    edit(&file, "workflows: [", "workflows: [draft, ")?;
    edit(&file, "providers:\n", &format!("providers:\n  far: {{ kind: openai, base_url: \"{upstream}\" }}\n"))?;
    let draft = root.join("draft");
    std::fs::create_dir_all(&draft)?;
    std::fs::write(draft.join("workflow.yaml"), DRAFT)?;
    std::fs::write(draft.join("question.json"), QUESTION)?;
    Ok(())
}

/// The simulated people of the example.
struct Yard {
    factory: Factory,
    root: PathBuf,
}

impl Yard {
    fn who(&self, name: &str) -> Result<Caller, Failure> {
        let side = if matches!(name, "dev" | "lena") { "shipyard" } else { "harbour" };
        Ok(self.factory.local(&format!("{name}@{side}.example"))?)
    }

    async fn approve(&self, stage: Stage, who: &str, obligation: &str, role: &str) -> Result<(), Failure> {
        let role = (!role.is_empty()).then(|| role.to_owned());
        let input = ApprovalInput { stage, obligation: obligation.to_owned(), role, key: None, shown_ms: Some(60_000) };
        self.factory.approve(&self.who(who)?, WORKFLOW, input).await?;
        Ok(())
    }

    async fn cut(&self, who: &str, stage: Stage) -> Result<(), Failure> {
        match self.factory.release(&self.who(who)?, WORKFLOW, stage, false).await? {
            Released::Cut { .. } => Ok(()),
            Released::Missing(missing) => {
                let each: Vec<String> = missing.iter().map(|m| format!("{}: {}", m.obligation, m.why)).collect();
                Err(format!("{stage} was not released: {}", each.join("; ")).into())
            }
            Released::Ready { .. } => Err("nothing was cut".into()),
        }
    }

    /// Measures everything that is measured, then the pilot, then production.
    async fn deliver(&self) -> Result<(), Failure> {
        let (dev, flow) = (self.who("dev")?, Some(WORKFLOW));
        let (criterion, small) = simulated::CRITERION;
        edit(&spec_file(&self.root), criterion, small)?;
        let proposed = self.factory.propose(&dev, flow, "approve", Some(SALT.to_owned()), &Quiet).await?;
        let at = proposed.body.at.ok_or("this split lets no threshold be proposed")?;
        edit(&spec_file(&self.root), "at: none ", &format!("at: {at} "))?;
        self.factory.certify(&dev, flow, "approve", &Quiet).await?;
        let evaluated = self.factory.evaluate(&dev, flow, &[], &Quiet).await?;
        self.factory.rehearse(&dev, flow, &Quiet).await?;
        self.factory.drill_stop(&self.who("hana")?, &self.who("hugo")?, flow).await?;
        simulated::drills(&self.factory).await?;
        self.approve(Stage::Pilot, "hana", "spec.intent", "credit").await?;
        self.approve(Stage::Pilot, "hana", "approval.credit", "").await?;
        self.approve(Stage::Pilot, "lena", "release.approval", "engineering").await?;
        self.cut("lena", Stage::Pilot).await?;
        let cites = evaluated.iter().map(|e| e.event).take(1).collect();
        let text = "No: such an application always goes to an underwriter.";
        self.factory.settle_question(&self.who("hana")?, WORKFLOW, "missing-income", text, cites, false).await?;
        let cases = simulated::pilot(&self.factory).await?;
        simulated::after_pilot(&self.factory, cases).await?;
        for (who, obligation, role) in [
            ("hana", "spec.intent", "credit"),
            ("ria", "spec.intent", "risk"),
            ("hana", "risk.register", "credit"),
            ("ria", "risk.register", "risk"),
            ("hugo", "approval.credit", ""),
            ("ria", "approval.risk", ""),
        ] {
            self.approve(Stage::Production, who, obligation, role).await?;
        }
        let spec = self.factory.shown_spec(WORKFLOW)?;
        for (name, responsibility) in &spec.responsibilities {
            let Some(role) = &responsibility.receiving else { continue };
            for person in self.factory.spec().people.iter().filter(|p| p.roles.contains(role)) {
                self.factory.accept(&self.factory.local(&person.id)?, WORKFLOW, name).await?;
            }
        }
        self.approve(Stage::Production, "hugo", "release.approval", "credit").await?;
        self.approve(Stage::Production, "rex", "release.approval", "risk").await?;
        self.cut("hana", Stage::Production).await
    }

    async fn token(&self, kind: TokenKind, principal: &str) -> Result<String, Failure> {
        serving::token(&self.factory, &self.who("dev")?, kind, principal).await
    }
}

/// Submits when told to.
fn listen_to_words(runtime: &tokio::runtime::Handle, factory: &Factory, dev: &Caller) {
    for line in std::io::stdin().lines().map_while(Result::ok) {
        if line.trim() == "submit" {
            match runtime.block_on(factory.submit(dev, Some(WORKFLOW))) {
                Ok(submitted) => println!("{}", json!({"submitted": submitted.spec})),
                Err(error) => println!("{}", json!({"refused": error.to_string()})),
            }
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [listen, folder, more @ ..] = arguments.as_slice() else {
        return Err(USAGE.into());
    };
    let root = PathBuf::from(folder);
    copy(Path::new(EXAMPLE), &root)?;
    match more {
        [] => {}
        [flag] if flag == "--measured" => edit(&spec_file(&root), "per_minute: 60000", "per_minute: 6000000")?,
        [flag, upstream] if flag == "--test" => add_for_tests(&root, upstream)?,
        _ => return Err(USAGE.into()),
    }
    let yard = Yard { factory: serving::open(&root).await?, root: root.clone() };
    if root.join("draft").exists() {
        yard.factory.submit(&yard.who("dev")?, Some("draft")).await?;
    }
    yard.deliver().await?;
    std::fs::write(root.join("requests.jsonl"), requests(&root, false)?)?;
    let listener = TcpListener::bind(listen).await?;
    let address = listener.local_addr()?;
    let line = json!({
        "base_url": format!("http://{address}/v1"),
        "caller": yard.token(TokenKind::Caller, "shop").await?,
        "underwriter": yard.token(TokenKind::Reviewer, "una@harbour.example").await?,
        "head": yard.token(TokenKind::Operator, "hana@harbour.example").await?,
        "spec_file": spec_file(&root),
        "requests": root.join("requests.jsonl"),
    });
    let (factory, dev, runtime) = (yard.factory.clone(), yard.who("dev")?, tokio::runtime::Handle::current());
    std::thread::spawn(move || listen_to_words(&runtime, &factory, &dev));
    println!("{line}");
    serving::serve(listener, yard.factory).await
}
