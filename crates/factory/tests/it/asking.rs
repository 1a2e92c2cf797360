//! A small workflow of its own, whose models answer as a test says: an answer, a judge of it, a payment.

use crate::support::{Only, open_with};
use seatrial_factory::Factory;
use seatrial_factory::api::{Again, Caller, ClientCall, Passage, PassageEntry, Passed, Refused};
use seatrial_guard::port::{Ask, AskBody, BoxFuture, Model, ModelError, Reply};
use seatrial_guard::{Part, PartKind};
use seatrial_model::event::{DecisionMade, Usage};
use seatrial_model::{Body, Event, Protocol};
use seatrial_store::ReaderExt as _;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

pub const FLOW: &str = "answers";

const FACTORY: &str = r#"seatrial: 1
factory: office
kind: simulation
timezone: Europe/Madrid
people:
  - { id: ana@office.example, name: "Ana", side: receiving, roles: [owners] }
  - { id: ben@office.example, name: "Ben", side: receiving, roles: [owners] }
  - { id: dev@yard.example, name: "Dev", side: delivery, roles: [makers] }
providers:
  house:
    kind: openai
    base_url: "http://127.0.0.1:9/v1"
    prices: { first: { input: 1 EUR, output: 2 EUR }, second: { input: 1 EUR, output: 2 EUR }, judge: { input: 1 EUR, output: 1 EUR } }
store: { sqlite: .seatrial }
workflows: [workflows/answers]
"#;

const WORKFLOW: &str = r#"seatrial: 1
workflow: answers
title: "Answers"
purpose: "Questions are answered."
population: "All questions"
types:
  Question: schemas/question.json
  Answer: schemas/answer.json
  Judged: schemas/judged.json
  Opinion: schemas/opinion.json
roles:
  owners: "Own it"
  makers: "Make it"
steps:
  answer:
    does: "Answer a question"
    actor: ai
    influence: decide
    reversible: true
    input: Question
    output: Answer
    model: { provider: house, name: first }
    prompt: prompts/answer.md
    withhold: [secret]
    within: 20s
    attempts: 2
    require:
      short: { rule: "size(output.text) < 60" }
    forbid:
      rude: { rule: "output.text.contains('fool')" }
      mail: { detect: [email], in: output.text, else: modify }
    escalate:
      asked: { when: "input.text == 'ask somebody'", to: owners }
    fallback: { to: owners }
  check:
    does: "Judge an answer"
    actor: ai
    influence: inform
    reversible: true
    input: Judged
    output: Opinion
    model: { provider: house, name: judge }
    prompt: prompts/check.md
    forbid:
      unsure: { rule: "output.text == 'unsure'" }
    escalate:
      never-mind: { when: "output.text == 'never mind'", to: owners }
    fallback: { to: owners }
"#;

const RESPONSIBLE: &str = r#"responsibilities:
  workflow: { delivery: makers, receiving: owners }
  changes: { delivery: makers, receiving: owners }
  exceptions: { delivery: makers, receiving: owners }
  behaviour: { delivery: makers, receiving: owners }
  evolution: { delivery: makers, receiving: owners }
"#;

/// One workflow and its models.
pub struct Office {
    pub factory: Factory,
    pub root: PathBuf,
    pub script: Arc<Script>,
    pub dir: tempfile::TempDir,
}

type Answering = dyn Fn(&Ask, usize) -> Result<Reply, ModelError> + Send + Sync;

/// A model that answers as a function says; what it was asked is kept.
pub struct Script {
    answer: Box<Answering>,
    pub asks: Mutex<Vec<Ask>>,
    takes: Duration,
}

impl Script {
    pub fn new(answer: impl Fn(&Ask, usize) -> Result<Reply, ModelError> + Send + Sync + 'static) -> Arc<Self> {
        Self::slow(Duration::ZERO, answer)
    }

    /// One that takes its time.
    pub fn slow(
        takes: Duration,
        answer: impl Fn(&Ask, usize) -> Result<Reply, ModelError> + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self { answer: Box::new(answer), asks: Mutex::default(), takes })
    }

    /// How often a model was asked.
    pub fn asked(&self, model: &str) -> usize {
        self.asks.lock().unwrap().iter().filter(|a| a.model == model).count()
    }

    pub fn ask_of(&self, model: &str) -> Ask {
        self.asks.lock().unwrap().iter().find(|a| a.model == model).unwrap().clone()
    }
}

impl Model for Script {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(async move {
            let nth = {
                let mut asks = self.asks.lock().unwrap();
                asks.push(ask.clone());
                asks.iter().filter(|a| a.model == ask.model).count() - 1
            };
            tokio::time::sleep(self.takes).await;
            (self.answer)(&ask, nth)
        })
    }
}

pub fn part(name: &str, text: &str) -> Part {
    Part { name: name.to_owned(), kind: PartKind::of_name(name), text: text.to_owned() }
}

/// A reply of one text, which took ten tokens in and five out.
pub fn text(text: &str) -> Reply {
    Reply { usage: Some(Usage { input: 10, output: 5 }), requests: 1, ..parts(vec![part("choices.0.text", text)]) }
}

pub fn parts(parts: Vec<Part>) -> Reply {
    Reply { parts, requests: 1, ..Reply::default() }
}

pub fn answer(words: &str) -> Reply {
    text(&json!({ "text": words }).to_string())
}

pub fn opinion(ok: bool, confidence: f64) -> Reply {
    text(&json!({ "ok": ok, "confidence": confidence, "text": "seen" }).to_string())
}

pub fn away(model: &str) -> ModelError {
    ModelError::Unreachable { model: model.to_owned(), status: "503".to_owned() }
}

impl Office {
    /// The workflow with changes, submitted.
    pub async fn new(changes: &[(&str, &str)], script: Arc<Script>) -> Self {
        Self::with(FACTORY, changes, script).await
    }

    async fn with(factory: &str, changes: &[(&str, &str)], script: Arc<Script>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("factory");
        let flow = root.join("workflows/answers");
        let mut workflow = format!("{WORKFLOW}{RESPONSIBLE}");
        for (from, to) in changes {
            assert!(workflow.contains(from), "there is no `{from}`");
            workflow = workflow.replacen(from, to, 1);
        }
        write(&root.join("factory.yaml"), factory);
        write(&flow.join("workflow.yaml"), &workflow);
        write(&flow.join("prompts/answer.md"), "Answer: {{ input.text }}\n");
        write(&flow.join("prompts/check.md"), "Judge: {{ input.output.text }}\n");
        let object = |properties: Value, required: Value| json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false });
        let words = || json!({ "type": "string", "maxLength": 400 });
        let question = object(json!({ "text": words(), "secret": words() }), json!(["text"]));
        let said = object(json!({ "text": words() }), json!(["text"]));
        let judged = object(json!({ "input": question, "output": said }), json!(["input", "output"]));
        let share = json!({ "type": "number", "minimum": 0, "maximum": 1 });
        let opinion = object(
            json!({ "ok": { "type": "boolean" }, "confidence": share, "text": words() }),
            json!(["ok", "confidence", "text"]),
        );
        for (name, schema) in [("question", question), ("answer", said), ("judged", judged), ("opinion", opinion)] {
            write(&flow.join(format!("schemas/{name}.json")), &schema.to_string());
        }
        let factory = open_with(&root, Only(Some(Arc::clone(&script) as Arc<dyn Model>))).await;
        let office = Self { factory, root, script, dir };
        let tree = office.factory.work_tree(None).unwrap();
        let errors: Vec<_> = tree
            .checked
            .diagnostics
            .iter()
            .filter(|d| d.severity == seatrial_spec::Severity::Error)
            .map(|d| format!("{}: {}", d.code, d.message))
            .collect();
        assert!(errors.is_empty(), "{errors:#?}");
        office.factory.submit(&office.who("dev@yard.example"), None).await.unwrap();
        office
    }

    /// The same after a restart.
    pub async fn reopened(self) -> Self {
        let Self { factory, root, script, dir } = self;
        drop(factory);
        let factory = open_with(&root, Only(Some(Arc::clone(&script) as Arc<dyn Model>))).await;
        Self { factory, root, script, dir }
    }

    /// The same factory with a copy of the workflow beside it, submitted.
    pub async fn with_another(self, name: &str) -> Self {
        let flows = self.root.join("workflows");
        crate::support::copy(&flows.join(FLOW), &flows.join(name), false);
        let renamed = format!("workflow: {name}\n");
        crate::support::edit(&flows.join(name).join("workflow.yaml"), "workflow: answers\n", &renamed);
        let listed = format!("workflows: [workflows/answers, workflows/{name}]");
        crate::support::edit(&self.root.join("factory.yaml"), "workflows: [workflows/answers]", &listed);
        let office = self.reopened().await;
        office.factory.submit(&office.who("dev@yard.example"), Some(name)).await.unwrap();
        office
    }

    pub fn who(&self, id: &str) -> Caller {
        self.factory.local(id).unwrap()
    }

    /// What the spec says of a control that it cannot enforce.
    pub fn inert(&self) -> Vec<String> {
        let tree = self.factory.work_tree(None).unwrap();
        let found = tree.checked.diagnostics.into_iter().filter(|d| d.code == seatrial_spec::Code::NotEnforced);
        found.map(|d| d.message).collect()
    }

    pub async fn ask(&self, words: &str) -> Result<Passed, Refused> {
        self.factory.pass(&self.who("ana@office.example"), question(words)).await
    }

    pub async fn events(&self) -> Vec<Event> {
        let log = FLOW.parse().unwrap();
        let size = self.factory.summary(FLOW).await.unwrap().log_size;
        let mut events = Vec::new();
        for index in 0..size {
            events.push(self.factory.store().event(&log, index).await.unwrap().unwrap());
        }
        events
    }

    /// Every decision, in order.
    pub async fn decisions(&self) -> Vec<DecisionMade> {
        let made = |e: Event| match e.body {
            Body::DecisionMade(made) => Some(made),
            _ => None,
        };
        self.events().await.into_iter().filter_map(made).collect()
    }

    pub async fn made(&self, passed: &Passed) -> DecisionMade {
        self.decisions().await.into_iter().find(|m| m.decision == passed.decision).unwrap()
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// A marked question.
pub fn question(words: &str) -> Passage {
    Passage {
        workflow: FLOW.to_owned(),
        step: "answer".to_owned(),
        entry: PassageEntry::Run { input: json!({ "text": words, "secret": "4711" }) },
        case: None,
        rehearsal: true,
        again: Again::default(),
    }
}

/// What a model was asked, as one text.
pub fn words_of(ask: &Ask) -> String {
    match &ask.body {
        AskBody::Messages { messages, input } => {
            let all: Vec<&str> = messages.iter().map(|m| m.content.as_str()).collect();
            format!("{} {input}", all.join("\n"))
        }
        AskBody::Raw { bytes, .. } => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// A client's own call: what it was asked is its body.
#[derive(Debug)]
pub struct Called {
    pub body: &'static str,
    pub pictures: Vec<String>,
}

impl ClientCall for Called {
    fn protocol(&self) -> Protocol {
        Protocol::OpenAiChat
    }

    fn stream(&self) -> bool {
        false
    }

    fn received(&self) -> &[u8] {
        self.body.as_bytes()
    }

    fn not_inspected(&self) -> Vec<String> {
        self.pictures.clone()
    }

    fn stripped(&self, _: &dyn Fn(&Value) -> Value) -> Result<Vec<u8>, String> {
        Ok(self.body.as_bytes().to_vec())
    }
}

/// A marked call of a client.
pub fn call(words: &str, body: &'static str) -> Passage {
    let call = Arc::new(Called { body, pictures: Vec::new() });
    Passage { entry: PassageEntry::Proxy { input: json!({ "text": words }), call }, ..question(words) }
}
