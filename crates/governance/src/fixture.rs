//! A small workflow, its people and its history, built in code for the tests of this crate.

use crate::key::{Inputs, ModelIdentity, evidence};
use crate::state::{ObligationState, State};
use crate::status::{CheckFinding, Oversight, ReviewLoad, Running, StatusInput, status};
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
        handover: None,
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
        providers: BTreeMap::new(),
        store: StoreRef::Sqlite(".seatrial".to_owned()),
        workflows: vec![],
        obligations: vec![],
        policies: vec![],
    }
}

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

/// A log in the making.
pub(crate) struct Log {
    pub(crate) workflow: Workflow,
    pub(crate) factory: FactorySpec,
    pub(crate) inputs: Inputs,
    pub(crate) events: Vec<Logged>,
    pub(crate) tables: BTreeMap<Digest, Vec<Element>>,
    pub(crate) running: Running,
    /// The clock.
    pub(crate) now: Time,
}

impl Log {
    pub(crate) fn new() -> Self {
        let mut log = Self {
            workflow: workflow(),
            factory: factory(),
            inputs: inputs(),
            events: Vec::new(),
            tables: BTreeMap::new(),
            running: Running::default(),
            now: now(),
        };
        log.submit("dev");
        log
    }

    /// Another spec from here on, not submitted.
    pub(crate) fn with(mut self, workflow: Workflow) -> Self {
        self.workflow = workflow;
        self
    }

    pub(crate) fn submit(&mut self, by: &str) {
        self.tables.insert(self.workflow.digest, self.workflow.elements.clone());
        let submitted = SpecSubmitted {
            files: BTreeMap::new(),
            elements: Digest::of(b"elements"),
            element_count: 1,
            previous: None,
            added: vec![],
            removed: vec![],
            changed: vec![],
        };
        self.add(principal(by), &[], Body::SpecSubmitted(submitted));
    }

    /// Appends an event with the evidence of now for these obligations.
    pub(crate) fn add(&mut self, actor: Principal, obligations: &[&str], body: Body) -> EventId {
        let evidence = evidence(&self.workflow, &self.factory, &self.inputs, self.now, obligations);
        self.append(actor, evidence, body)
    }

    pub(crate) fn append(&mut self, actor: Principal, evidence: Vec<Evidence>, body: Body) -> EventId {
        let index = self.events.len() as u64;
        let id: EventId = format!("evt_01939000-0000-7000-8000-{index:012x}").parse().unwrap();
        let event = Event {
            v: ENVELOPE_VERSION,
            id,
            time: self.now,
            log: "credit".parse().unwrap(),
            simulation: false,
            actor,
            subject: Subject::default(),
            spec: Some(self.workflow.digest),
            release: None,
            evidence,
            payloads: BTreeMap::new(),
            people: None,
            body,
        };
        self.events.push(Logged { index, event: Arc::new(event) });
        id
    }

    pub(crate) fn approve(&mut self, who: &str, obligation: &str, stage: Stage) -> EventId {
        let actor = principal(who);
        let body = approval(&actor, stage);
        self.add(actor, &[obligation], body)
    }

    /// Approves the state as it stands.
    pub(crate) fn approve_release(&mut self, who: &str, stage: Stage) -> EventId {
        self.approve_as_it_stands(who, "release.approval", stage)
    }

    pub(crate) fn evaluate(&mut self, set: &str, change: impl FnOnce(&mut EvaluationRecorded)) -> EventId {
        let paths = ["require.says-why", "forbid.promises", "never.declines", "escalate.unsure"];
        let exercise = RuleExercise { caught: 2, passed: 5 };
        let mut recorded = EvaluationRecorded {
            set: set.to_owned(),
            examples: Digest::of(set.as_bytes()),
            drawn: "curated".to_owned(),
            category: None,
            model: "sha256:model-1".to_owned(),
            passed: Share { k: 20, n: 20 },
            inconclusive: 0,
            lower: None,
            let_through: Share { k: 0, n: 5 },
            verdicts: BTreeMap::new(),
            rules: paths.iter().map(|p| (ElementPath::new(format!("steps.assess.{p}")), exercise)).collect(),
            slices: BTreeMap::new(),
            tags: BTreeMap::new(),
            confusion: BTreeMap::new(),
            repeats: None,
            usage: None,
            started: None,
            results: Digest::of(b"results"),
            outputs: "obtained".to_owned(),
        };
        change(&mut recorded);
        let ids = crate::key::evaluation_speaks_to(&self.workflow, set);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.add(principal("dev"), &ids, Body::EvaluationRecorded(recorded))
    }

    pub(crate) fn certify(&mut self, change: impl FnOnce(&mut ThresholdTested)) -> EventId {
        let mut tested = ThresholdTested {
            certified: true,
            certificate: Certificate {
                threshold: "thresholds.assess".into(),
                at: Some(0.8),
                max_wrong: 0.05,
                assurance: 0.95,
                delta: 0.05,
                attempt: 1,
                attempts: 1,
                left_out: 0,
                thinned: 0,
                withheld: false,
                sequence: Vec::new(),
                remainder: None,
                method: "split".to_owned(),
                examples: 200,
                errors: 3,
                bound: 0.0383,
                grid: Vec::new(),
                required: BTreeMap::new(),
                p: 0.009,
                sealed: Digest::of(b"sealed"),
                model: "sha256:model-1".to_owned(),
                confidence: "output.confidence".to_owned(),
                curve: Digest::of(b"curve"),
                reviewed: Share { k: 40, n: 240 },
                slices: BTreeMap::new(),
            },
        };
        change(&mut tested);
        self.add(principal("dev"), &["threshold.assess"], Body::ThresholdTested(tested))
    }

    pub(crate) fn probe(&mut self, enforced: bool) -> EventId {
        let decision = "dec_01939000-0000-7000-8000-000000000001".parse().unwrap();
        let rules = ["steps.assess.forbid.promises", "steps.assess.never.declines"];
        let probes = rules.map(|r| Probe { rule: r.into(), decision, enforced }).into();
        self.add(
            principal("dev"),
            &["runtime.enforces"],
            Body::ProbeRun(ProbeRun { probes, program: Digest::of(b"program") }),
        )
    }

    pub(crate) fn trace(&mut self, verdicts: u64, findings: u64) -> EventId {
        let audited = TraceAudited { sampled: 10, verdicts, findings, rehearsal: true };
        self.add(principal("dev"), &["runtime.trace"], Body::TraceAudited(audited))
    }

    pub(crate) fn drill(&mut self, who: &str, effective_ms: u64, refused: u64, events: Vec<EventId>) -> EventId {
        self.exercise(who, "stop", |drill| {
            (drill.effective_ms, drill.refused) = (effective_ms, refused);
            drill.events = events;
        })
    }

    /// Exercises a control, by default well.
    pub(crate) fn exercise(&mut self, who: &str, control: &str, change: impl FnOnce(&mut DrillDone)) -> EventId {
        let mut drill = DrillDone {
            control: control.to_owned(),
            effective_ms: 900,
            allowed_ms: Some(60_000),
            refused: u64::from(control == "stop"),
            events: vec![self.events[0].event.id],
            runbooks: Vec::new(),
        };
        change(&mut drill);
        let ids = crate::key::drill_speaks_to(control);
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        self.add(principal(who), &ids, Body::DrillDone(drill))
    }

    pub(crate) fn report_pilot(&mut self, report: &[u8], change: impl FnOnce(&mut PilotReported)) -> EventId {
        let mut reported = PilotReported {
            pilot: 1,
            release: Digest::of(b"pilot"),
            report: Digest::of(report),
            decisions: 500,
            continues: None,
            metrics: BTreeMap::new(),
        };
        change(&mut reported);
        self.add(principal("dev"), &[], Body::PilotReported(reported))
    }

    /// Approves an obligation whose key only `status` knows.
    pub(crate) fn approve_as_it_stands(&mut self, who: &str, obligation: &str, stage: Stage) -> EventId {
        let state = self.state(stage, obligation);
        let evidence = Evidence { obligation: obligation.to_owned(), key: state.key, inputs: state.inputs };
        let actor = principal(who);
        let body = approval(&actor, stage);
        self.append(actor, vec![evidence], body)
    }

    pub(crate) fn reconcile(&mut self, change: impl FnOnce(&mut ReconciliationDone)) -> EventId {
        let mut done = ReconciliationDone {
            of: "cases".to_owned(),
            from: now(),
            until: now(),
            theirs: 500,
            ours: 500,
            unrecorded: 0,
            unknown: 0,
        };
        change(&mut done);
        self.add(principal("ana"), &["runtime.complete"], Body::ReconciliationDone(done))
    }

    pub(crate) fn measure(&mut self, name: &str, value: f64) -> EventId {
        let path = ElementPath::new(format!("outcomes.{name}"));
        let measured = OutcomeMeasured {
            element: self.workflow.element(&path).unwrap().written,
            outcome: path,
            value,
            from: now(),
            until: now(),
            cases: None,
        };
        let id = format!("outcome.{name}");
        self.add(principal("dev"), &[&id], Body::OutcomeMeasured(measured))
    }

    pub(crate) fn accept(&mut self, who: &str, responsibility: &str) -> EventId {
        let accepted = ResponsibilityAccepted {
            responsibility: ElementPath::new(format!("responsibilities.{responsibility}")),
            role: "officers".to_owned(),
            shown: Digest::of(b"shown"),
        };
        self.add(principal(who), &["ownership.accepted"], Body::ResponsibilityAccepted(accepted))
    }

    pub(crate) fn answer(&mut self, question: &str, cites: Vec<EventId>) -> EventId {
        let path = ElementPath::new(format!("questions.{question}"));
        let element = self.workflow.element(&path).unwrap().written;
        self.add(
            principal("dev"),
            &[],
            Body::QuestionSettled(QuestionSettled { question: path, element, withdrawn: false, cites }),
        )
    }

    /// Everything that production asks for, but for the release's approval.
    pub(crate) fn complete() -> Self {
        let mut log = Self::new();
        let evaluated = log.evaluate("golden", |_| {});
        log.evaluate("adversarial", |_| {});
        log.certify(|_| {});
        log.answer("thin-files", vec![evaluated]);
        log.approve("ana", "spec.intent", Stage::Production);
        log.approve("ria", "spec.intent", Stage::Production);
        log.approve("ria", "risk.register", Stage::Production);
        log.approve("ana", "approval.officers", Stage::Pilot);
        log.approve("ria", "approval.risk", Stage::Production);
        log.probe(true);
        log.trace(10, 10);
        log.drill("bo", 900, 12, vec![]);
        for control in ["override", "escalation", "degraded", "incident"] {
            log.exercise("bo", control, |_| {});
        }
        log.report_pilot(b"report", |_| {});
        log.approve_as_it_stands("ana", "pilot.findings", Stage::Production);
        log.reconcile(|_| {});
        log.running = Running {
            review_load: Some(ReviewLoad { expected_per_day: 80.0, capacity_per_day: 120.0 }),
            oversight: Some(Oversight { caught: 58, seeded: 60, lower: 0.9 }),
            pilot: None,
        };
        for responsibility in RESPONSIBILITIES {
            log.accept("ana", responsibility);
            log.accept("bo", responsibility);
        }
        log
    }

    pub(crate) fn states(&self, stage: Stage) -> Vec<ObligationState> {
        self.states_with(stage, &[])
    }

    pub(crate) fn states_with(&self, stage: Stage, findings: &[CheckFinding]) -> Vec<ObligationState> {
        status(&self.input(stage, findings))
    }

    pub(crate) fn input<'a>(&'a self, stage: Stage, findings: &'a [CheckFinding]) -> StatusInput<'a> {
        StatusInput {
            workflow: &self.workflow,
            factory: &self.factory,
            events: &self.events,
            inputs: &self.inputs,
            old_elements: &self.tables,
            running: &self.running,
            now: self.now,
            findings,
            stage,
        }
    }

    /// Asks for a waiver of so many days from now, over the obligation as it stands.
    pub(crate) fn ask_waiver(
        &mut self,
        who: &str,
        obligation: &str,
        stage: Stage,
        days: i64,
        renews: Option<EventId>,
    ) -> EventId {
        let requested = WaiverRequested {
            obligation: obligation.to_owned(),
            stage,
            until: self.now.plus_millis(days * 86_400_000),
            renews,
            shown: self.state(stage, obligation).key,
        };
        self.append(principal(who), vec![], Body::WaiverRequested(requested))
    }

    pub(crate) fn grant_waiver(&mut self, who: &str, waiver: EventId, role: &str) -> EventId {
        let granted = WaiverGranted { waiver, role: role.to_owned(), shown: Digest::of(b"request") };
        self.append(principal(who), vec![], Body::WaiverGranted(granted))
    }

    /// Days go by.
    pub(crate) fn days(&mut self, days: i64) {
        self.now = self.now.plus_millis(days * 86_400_000);
    }

    pub(crate) fn state(&self, stage: Stage, id: &str) -> ObligationState {
        self.states(stage).into_iter().find(|s| s.obligation.id == id).unwrap_or_else(|| panic!("no obligation `{id}`"))
    }

    pub(crate) fn is(&self, stage: Stage, id: &str) -> (State, String) {
        let state = self.state(stage, id);
        (state.state, state.why)
    }
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
