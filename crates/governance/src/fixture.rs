//! A small workflow, its people and its history, built in code for the tests of this crate.

mod log;

pub(crate) use log::Log;

use crate::key::{Inputs, ModelIdentity, evidence};
use crate::state::{ObligationState, State};
use crate::status::{CheckFinding, Cosigned, Oversight, ReviewLoad, Running, StatusInput, status};
use seatrial_model::event::*;
use seatrial_model::facts::{OnLapse, ReviewAll};
use seatrial_model::words::FactoryKind;
use seatrial_model::*;
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) fn expr(source: &str) -> Expr {
    Expr { source: source.to_owned(), promoted: source.to_owned() }
}

pub(crate) fn rule(kind: &str, name: &str, source: &str, otherwise: Else) -> Rule {
    Rule {
        name: name.to_owned(),
        path: ElementPath::new(format!("steps.assess.{kind}.{name}")),
        check: Check::Rule(expr(source)),
        because: Some("it was agreed".to_owned()),
        otherwise,
        to: None,
    }
}

fn step() -> Step {
    Step {
        name: "assess".to_owned(),
        does: "Pre-approve a consumer credit".to_owned(),
        actor: Actor::Ai,
        influence: Influence::Decide,
        reversible: true,
        per_day: None,
        input: Some("Application".to_owned()),
        output: Some("Assessment".to_owned()),
        model: Some(ModelRef {
            provider: "embedded".into(),
            name: "credit".into(),
            temperature: None,
            fallback: vec![],
            train: None,
        }),
        withhold: vec!["customer.age".to_owned()],
        prompt: None,
        attempts: 1,
        within: Some(Span::from_millis(30_000)),
        stream: StreamMode::Buffer,
        serves: all_ways(),
        tools: None,
        refuse_input: vec![],
        require: vec![rule("require", "says-why", "size(output.reason) >= 20", Else::Escalate)],
        forbid: vec![rule("forbid", "promises", "output.reason.contains('guarantee')", Else::Deny)],
        never: vec![rule("never", "declines", "output.decision == 'decline'", Else::Escalate)],
        confidence: Some(ConfidenceSource::Output("output.confidence".to_owned())),
        escalate: vec![Escalation {
            name: "unsure".to_owned(),
            path: "steps.assess.escalate.unsure".into(),
            when: expr("confidence < thresholds.assess"),
            to: "officers".to_owned(),
            because: None,
            thresholds: vec!["thresholds.assess".into()],
        }],
        audit: Some(Audit { sample: 0.1, to: "officers".to_owned(), blind: true }),
        review: Review {
            within: Some(Span::from_millis(14_400_000)),
            late: None,
            people: 1,
            hold: Span::from_millis(0),
        },
        overrides: Some(Override { by: vec!["officers".to_owned()], reasons: vec!["other".to_owned()] }),
        fallback: Some(Fallback { to: "officers".to_owned(), per_day: Some(100), runbook: None }),
        limits: Limits { per_minute: Some(60), ..Limits::default() },
        trace: Trace::default(),
        requires: None,
    }
}

fn examples(drawn: Drawn, category: Option<&str>, content: &str) -> ExampleSet {
    ExampleSet {
        file: "examples.jsonl".to_owned(),
        step: "assess".to_owned(),
        drawn,
        from: None,
        category: category.map(str::to_owned),
        digest: Digest::of(content.as_bytes()),
    }
}

fn gates() -> Gates {
    let approval = |by: &str, over: &[&str]| GateApproval {
        by: by.to_owned(),
        over: over.iter().map(|p| PathPattern::from(*p)).collect(),
    };
    Gates {
        pilot: Some(PilotGate {
            until: "2027-01-31".parse().ok(),
            per_day: Some(50),
            shadow: false,
            review: Some(ReviewAll::Before),
            continue_if: None,
            approvals: vec![approval("officers", &["purpose", "steps"])],
        }),
        production: Some(ProductionGate {
            evaluation: BTreeMap::from([("golden".to_owned(), Bar { op: BarOp::AtLeast, value: 0.9 })]),
            drills: BTreeMap::from([("stop".to_owned(), Span::from_millis(60_000))]),
            hypercare: Some(Span::from_millis(86_400_000)),
            on_lapse: OnLapse::Escalate,
            approvals: vec![approval("risk", &["steps.*.influence", "steps.*.never", "steps.*.forbid", "thresholds"])],
        }),
        handover: Some(HandoverGate {
            transfer_index: Some(Bar { op: BarOp::AtLeast, value: 0.9 }),
            over: Some(Span::from_millis(30 * 86_400_000)),
        }),
    }
}

pub(crate) fn workflow() -> Workflow {
    let responsibility = || Responsibility {
        delivery: Some("engineering".to_owned()),
        receiving: Some("officers".to_owned()),
        runbook: None,
        challenged_by: None,
    };
    let schema = |text: &str| SchemaType {
        file: format!("{text}.json"),
        schema: Arc::new(serde_json::json!({ "type": "object", "title": text })),
        digest: Digest::of(text.as_bytes()),
    };
    seal(Workflow {
        name: "credit".to_owned(),
        title: "Pre-approve consumer credits".to_owned(),
        purpose: "Customers hear at once.".to_owned(),
        population: "Retail customers".to_owned(),
        outcomes: BTreeMap::new(),
        types: BTreeMap::from([
            ("Application".to_owned(), schema("application")),
            ("Assessment".to_owned(), schema("assessment")),
        ]),
        roles: ["officers", "risk", "engineering"].map(|r| (r.to_owned(), format!("The {r}"))).into(),
        steps: vec![step()],
        thresholds: BTreeMap::from([(
            "assess".to_owned(),
            Threshold {
                at: Some(0.8),
                max_wrong: Some(0.05),
                assurance: Some(0.95),
                wrong_when: Some(expr("output.decision != expected.decision")),
                examples: Some("labelled".to_owned()),
                method: Method::Split,
                grid: vec![],
                attempts: 1,
                truth: Some(Truth::BlindReview),
                detect_within: None,
            },
        )]),
        slices: BTreeMap::new(),
        examples: BTreeMap::from([
            ("golden".to_owned(), examples(Drawn::Curated, None, "golden")),
            ("labelled".to_owned(), examples(Drawn::Random, None, "labelled")),
            ("adversarial".to_owned(), examples(Drawn::Curated, Some("injection"), "adversarial")),
        ]),
        risks: Risks {
            tier: Tier::Limited,
            items: vec![Risk {
                risk: "A good customer waits".to_owned(),
                measure: "escalate.unsure".to_owned(),
                residual: "low".to_owned(),
                accepted_by: "risk".to_owned(),
            }],
        },
        questions: BTreeMap::from([(
            "thin-files".to_owned(),
            Question {
                ask: "Is it reliable for thin files?".to_owned(),
                about: vec!["steps.assess".into()],
                owner: Some("engineering".to_owned()),
                blocks: Some(Stage::Production),
            },
        )]),
        assumptions: BTreeMap::new(),
        responsibilities: RESPONSIBILITIES.map(|r| (r.to_owned(), responsibility())).into(),
        gates: gates(),
        files: BTreeMap::new(),
        elements: Vec::new(),
        digest: Digest::of(b""),
    })
}

/// Computes elements and digest again, after a change.
pub(crate) fn seal(mut workflow: Workflow) -> Workflow {
    workflow.elements = seatrial_spec::identity::elements(&workflow).unwrap();
    workflow.digest = workflow.elements[0].written;
    workflow
}

pub(crate) fn changed(change: impl FnOnce(&mut Workflow)) -> Workflow {
    let mut workflow = workflow();
    change(&mut workflow);
    seal(workflow)
}

pub(crate) fn factory() -> FactorySpec {
    let person = |name: &str, side: Side, role: &str| Person {
        id: format!("{name}@bank.example"),
        name: name.to_owned(),
        side,
        roles: vec![role.to_owned()],
        reviews_per_day: None,
        from: None,
        until: None,
        deputy: None,
        keys: vec![],
    };
    FactorySpec {
        name: "bank".to_owned(),
        kind: FactoryKind::Real,
        profile: "standard".to_owned(),
        timezone: "UTC".to_owned(),
        people: vec![
            person("ana", Side::Receiving, "officers"),
            person("bo", Side::Receiving, "officers"),
            person("ria", Side::Independent, "risk"),
            person("dev", Side::Delivery, "engineering"),
        ],
        directory: None,
        rota: None,
        away: vec![],
        departures: vec![],
        sign_in: None,
        providers: BTreeMap::new(),
        store: StoreRef::Sqlite(".seatrial".to_owned()),
        workflows: vec![],
        obligations: vec![],
        policies: vec![],
        witnesses: vec![Witness {
            name: "auditor".to_owned(),
            url: "https://witness.example".to_owned(),
            key: WITNESS.to_owned(),
            side: Side::Independent,
            every: Span::from_millis(86_400_000),
        }],
        assessment: AssessedBy::Role,
        log_public: false,
    }
}

/// The key of the factory's witness.
pub(crate) const WITNESS: &str = "witness.example/w1+00000000+BA";

pub(crate) fn principal(id: &str) -> Principal {
    let factory = factory();
    let person = factory.people.iter().find(|p| p.name == id).unwrap_or_else(|| panic!("nobody is called {id}"));
    Principal {
        id: person.id.clone(),
        kind: PrincipalKind::Person,
        side: person.side,
        roles: BTreeSet::from_iter(person.roles.clone()),
        assurance: Assurance::Token,
    }
}

pub(crate) fn inputs() -> Inputs {
    let model = ModelIdentity { text: "sha256:model-1".to_owned(), alias: false };
    Inputs { models: BTreeMap::from([("assess".to_owned(), model)]), checks: 1, decide: 1 }
}

pub(crate) fn now() -> Time {
    "2026-11-23T12:00:00.000Z".parse().unwrap()
}

pub(crate) fn approval(actor: &Principal, stage: Stage) -> Body {
    let role = actor.roles.iter().next().cloned().unwrap_or_default();
    let shown = ApprovalGiven::new(stage, role, Digest::of(b"shown"));
    Body::ApprovalGiven(ApprovalGiven { shown_ms: Some(90_000), ..shown })
}

/// One line for each obligation, for snapshots.
pub(crate) fn table(states: &[ObligationState]) -> String {
    let lines = states.iter().map(|s| format!("{:<24} {:<14} {}\n", s.obligation.id, s.state, s.why));
    lines.collect()
}
