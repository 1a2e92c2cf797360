//! A checked workflow made by hand: this crate is tested without the checker.

use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, OnLapse, ThresholdFact};
use seatrial_model::{Confidence, Digest, ElementPath, Facts, Influence, Span, Stage, Tier};
use seatrial_spec::workflow::{
    Actor, Audit, Check, ConfidenceSource, Else, Escalation, Expr, Fallback, Gates, Limits, Method, ProductionGate,
    Review, Risks, Rule, SchemaType, Slice, SpecFile, Step, StreamMode, Threshold, Trace, Workflow,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

pub fn expr(text: &str) -> Expr {
    Expr { source: text.to_owned(), promoted: text.to_owned() }
}

pub fn rule(group: &str, name: &str, check: Check, otherwise: Else) -> Rule {
    Rule {
        name: name.to_owned(),
        path: ElementPath::new(format!("steps.route.{group}.{name}")),
        check,
        because: None,
        otherwise,
        to: None,
    }
}

pub fn cel(group: &str, name: &str, text: &str, otherwise: Else) -> Rule {
    rule(group, name, Check::Rule(expr(text)), otherwise)
}

pub fn detect(names: &[&str], within: Option<&str>) -> Check {
    Check::Detect {
        detectors: names.iter().map(|n| (*n).to_owned()).collect(),
        regexes: Vec::new(),
        within: within.map(str::to_owned),
    }
}

fn schema(value: Value) -> SchemaType {
    let digest = Digest::of_canonical(&value).unwrap();
    SchemaType { file: "schemas/x.json".to_owned(), schema: Arc::new(value), digest }
}

/// The step of the language's own example.
pub fn step() -> Step {
    let escalation = |name: &str, when: &str, to: &str, thresholds: &[&str]| Escalation {
        name: name.to_owned(),
        path: ElementPath::new(format!("steps.route.escalate.{name}")),
        when: expr(when),
        to: to.to_owned(),
        because: None,
        thresholds: thresholds.iter().map(|t| ElementPath::from(*t)).collect(),
    };
    let mut never = cel("never", "closes", "output.action == 'close'", Else::Escalate);
    never.to = Some("supervisors".to_owned());
    let grounded = Check::Grounded { quote: "output.quote".to_owned(), within: "input.text".to_owned() };
    Step {
        name: "route".to_owned(),
        does: "Assign the complaint".to_owned(),
        actor: Actor::Ai,
        influence: Influence::Decide,
        reversible: true,
        per_day: None,
        input: Some("Complaint".to_owned()),
        output: Some("Routing".to_owned()),
        model: None,
        withhold: vec!["customer.age".to_owned(), "history.note".to_owned()],
        prompt: Some("prompts/route.md".to_owned()),
        attempts: 2,
        within: None,
        stream: StreamMode::Buffer,
        serves: seatrial_spec::workflow::all_ways(),
        tools: None,
        refuse_input: vec![cel("refuse_input", "too-long", "size(input.text) > 200", Else::Deny)],
        require: vec![
            cel("require", "says-why", "size(output.reason) >= 20", Else::Escalate),
            rule("require", "quotes", grounded, Else::Escalate),
        ],
        forbid: vec![
            cel("forbid", "promises-money", "output.reason.matches('(?i)refund|compensat')", Else::Deny),
            rule(
                "forbid",
                "personal-data",
                detect(&["email", "card-number", "iban", "phone"], Some("output.reason")),
                Else::Modify,
            ),
            rule("forbid", "secrets", detect(&["secret"], None), Else::Deny),
        ],
        never: vec![never],
        confidence: Some(ConfidenceSource::Output("output.confidence".to_owned())),
        escalate: vec![
            escalation("unsure", "confidence < thresholds.route", "handlers", &["thresholds.route"]),
            escalation("large", "input.amount > 10000.0", "supervisors", &[]),
        ],
        audit: Some(Audit { sample: 0.02, to: "supervisors".to_owned(), blind: true }),
        review: Review {
            within: Some(Span::from_millis(14_400_000)),
            late: None,
            people: 1,
            hold: Span::from_millis(0),
        },
        overrides: None,
        fallback: Some(Fallback { to: "handlers".to_owned(), per_day: Some(300), runbook: None }),
        limits: Limits::default(),
        trace: Trace::default(),
        requires: None,
    }
}

fn threshold() -> Threshold {
    Threshold {
        at: Some(0.8),
        max_wrong: Some(0.05),
        assurance: Some(0.95),
        wrong_when: Some(expr("output.team != expected.team")),
        examples: None,
        method: Method::Split,
        grid: vec![],
        attempts: 1,
        truth: None,
        detect_within: None,
    }
}

pub fn workflow() -> Workflow {
    let complaint = json!({
        "type": "object",
        "required": ["text", "amount"],
        "properties": {
            "text": { "type": "string" },
            "amount": { "type": "number", "minimum": 0 },
            "count": { "type": "integer" },
            "customer": { "type": "object", "properties": { "age": { "type": "integer" }, "name": { "type": "string" } } },
            "history": { "type": "array", "items": { "type": "object" } }
        }
    });
    let routing = json!({
        "type": "object",
        "required": ["team", "action", "reason", "quote", "confidence"],
        "properties": {
            "team": { "enum": ["cards", "loans", "other"] },
            "action": { "enum": ["assign", "close"] },
            "reason": { "type": "string" },
            "quote": { "type": "string" },
            "confidence": { "type": "number" },
            "note": { "type": "string" },
            "count": { "type": "integer" }
        }
    });
    let prompt: Arc<[u8]> = Arc::from(&b"Route this complaint:\n{{input.text}}\nCustomer: {{ input.customer }}"[..]);
    let blob = Digest::of(&prompt);
    Workflow {
        name: "complaint-routing".to_owned(),
        title: String::new(),
        purpose: String::new(),
        population: String::new(),
        outcomes: BTreeMap::new(),
        types: BTreeMap::from([("Complaint".to_owned(), schema(complaint)), ("Routing".to_owned(), schema(routing))]),
        roles: BTreeMap::new(),
        steps: vec![step()],
        thresholds: BTreeMap::from([("route".to_owned(), threshold())]),
        slices: BTreeMap::from([(
            "long".to_owned(),
            Slice { condition: expr("size(input.text) > 50"), required: false },
        )]),
        examples: BTreeMap::new(),
        risks: Risks { tier: Tier::Limited, items: Vec::new() },
        questions: BTreeMap::new(),
        assumptions: BTreeMap::new(),
        responsibilities: BTreeMap::new(),
        gates: Gates {
            pilot: None,
            production: Some(ProductionGate {
                evaluation: BTreeMap::new(),
                drills: BTreeMap::new(),
                hypercare: None,
                on_lapse: OnLapse::Escalate,
                approvals: Vec::new(),
            }),
            handover: None,
        },
        files: BTreeMap::from([("prompts/route.md".to_owned(), SpecFile { bytes: prompt, blob })]),
        elements: Vec::new(),
        digest: Digest::of(b"spec"),
    }
}

/// A workflow whose step was changed.
pub fn with(change: impl FnOnce(&mut Step)) -> Workflow {
    let mut workflow = workflow();
    change(workflow.steps.first_mut().unwrap());
    workflow
}

pub fn input() -> Value {
    json!({ "text": "My card was charged twice.", "amount": 120, "customer": { "age": 71, "name": "Ana" } })
}

pub fn output() -> Value {
    json!({
        "team": "cards", "action": "assign", "reason": "The customer says a card was charged twice.",
        "quote": "charged twice", "confidence": 0.93
    })
}

/// Facts of production, certified, with a draw that no sampling takes.
pub fn facts(judgement: &seatrial_guard::Judgement, input: Vec<seatrial_model::Finding>) -> Facts {
    let certified = |path: &ElementPath| ThresholdFact { path: path.clone(), state: CertificateState::Certified };
    Facts {
        v: FACTS_VERSION,
        decide: seatrial_guard::DECIDE_VERSION,
        checks: seatrial_guard::CHECKS_VERSION,
        stage: Stage::Production,
        rehearsal: false,
        shadow: false,
        stopped: false,
        bounds: Bounds::Within,
        lapsed: None,
        review_all: None,
        slices: Vec::new(),
        acts: true,
        input,
        no_candidate: None,
        findings: judgement.findings.clone(),
        after_modify: judgement.after_modify.clone(),
        attempts: 1,
        confidence: Confidence { ..judgement.confidence.clone() },
        whens: judgement.whens.clone(),
        thresholds: judgement.thresholds_used.iter().map(certified).collect(),
        draw: 0.99,
        inspected: judgement.inspected.clone(),
    }
}
