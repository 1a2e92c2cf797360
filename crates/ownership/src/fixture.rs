//! A workflow as the checker reads it, its people and a short history, for the tests of this crate.

use crate::{LogIdentity, ObligationLine, PackInput};
use seatrial_model::event::*;
use seatrial_model::*;
use seatrial_spec::{FactorySpec, MemoryFiles, Workflow, check, check_factory};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FACTORY: &str = r#"
seatrial: 1
factory: bank
kind: simulation
profile: standard
timezone: UTC
people:
  - { id: ana@bank.example, name: Ana, side: receiving, roles: [officers] }
  - { id: bo@bank.example, name: "Bo <script>alert(1)</script>", side: receiving, roles: [officers] }
  - { id: ria@bank.example, name: Ria, side: independent, roles: [risk] }
  - { id: dev@builder.example, name: Dev, side: delivery, roles: [engineering] }
providers:
  embedded: { kind: classifier }
store: { sqlite: .seatrial }
workflows: [credit]
"#;

const WORKFLOW: &str = r#"
seatrial: 1
workflow: credit
title: "Pre-approve consumer credits"
purpose: "Customers hear at once. <img src=x onerror=alert(1)>"
population: "Retail customers"
outcomes:
  waiting: { measure: "share that waits", today: 1.0, target: "<= 0.5" }
types:
  Application: application.json
  Assessment: assessment.json
roles:
  officers: "Credit officers"
  risk: "Credit risk"
  engineering: "Delivery team"
steps:
  assess:
    does: "Pre-approve an application"
    actor: ai
    influence: decide
    reversible: true
    input: Application
    output: Assessment
    model: { provider: embedded, name: scorecard, train: { examples: labelled, label: expected.decision } }
    require:
      believes-itself: { rule: "output.confidence >= 0.5", because: "Anything else is a defect" }
    never:
      declines: { rule: "output.decision == 'decline'", else: escalate, to: officers, because: "A person declines" }
    confidence: output.confidence
    escalate:
      unsure: { when: "confidence < thresholds.approve", to: officers }
    fallback: { to: officers, per_day: 50 }
thresholds:
  approve: { at: 0.8, max_wrong: 0.05, assurance: 0.95, wrong_when: "output.decision != expected.decision", examples: labelled, method: split, truth: { from: blind-review } }
examples:
  labelled: { file: labelled.jsonl, step: assess, drawn: random }
risks:
  tier: limited
  items:
    - { risk: "A good customer waits", measure: "escalate.unsure", residual: low, accepted_by: risk }
questions:
  thin: { ask: "Is it reliable for thin files?", about: [steps.assess], owner: engineering, blocks: production }
assumptions:
  volume: { text: "Fewer than 400 a day", watch: "metrics.per_day <= 400.0", over: 7d, owner: officers }
responsibilities:
  workflow: { delivery: engineering, receiving: officers }
  changes: { delivery: engineering, receiving: officers }
  exceptions: { delivery: engineering, receiving: officers }
  behaviour: { delivery: engineering, receiving: officers, challenged_by: risk }
  evolution: { delivery: engineering, receiving: officers }
gates:
  pilot: { until: 2027-01-31, per_day: 50, mode: live, review: all, approvals: [{ by: officers, over: [purpose, steps] }] }
  production: { drills: { stop: 1min }, hypercare: 60d, on_lapse: escalate, approvals: [{ by: risk, over: [thresholds] }] }
"#;

const APPLICATION: &str =
    r#"{"type":"object","required":["amount"],"properties":{"amount":{"type":"number","minimum":0}}}"#;
const ASSESSMENT: &str = r#"{"type":"object","required":["decision","confidence"],"properties":{"decision":{"enum":["pre-approve","decline"]},"confidence":{"type":"number","minimum":0,"maximum":1}}}"#;

/// Owns what a [`PackInput`] borrows.
pub(crate) struct World {
    pub(crate) workflow: Workflow,
    pub(crate) factory: FactorySpec,
    pub(crate) events: Vec<Logged>,
    pub(crate) obligations: Vec<ObligationLine>,
    pub(crate) fired: BTreeMap<ElementPath, u64>,
    pub(crate) curves: BTreeMap<Digest, String>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) index: Option<crate::TransferIndex>,
    pub(crate) log: LogIdentity,
}

pub(crate) const KEY: &[u8] = b"what they take on";

impl World {
    pub(crate) fn new() -> Self {
        let (factory, problems, _) = check_factory(FACTORY);
        let factory = factory.unwrap_or_else(|| panic!("{problems:?}"));
        let files = MemoryFiles::new([
            ("application.json", APPLICATION),
            ("assessment.json", ASSESSMENT),
            ("labelled.jsonl", "{\"id\":\"a\",\"input\":{\"amount\":3},\"expected\":{\"decision\":\"decline\"}}\n"),
        ]);
        let checked = check(WORKFLOW, &files, Some(&factory));
        let workflow = checked.workflow.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let line = |id: &str, settled: bool| ObligationLine {
            id: id.to_owned(),
            title: id.to_owned(),
            state: if settled { "discharged" } else { "open" }.to_owned(),
            settled,
            why: "because".to_owned(),
            next: (!settled).then(|| format!("seatrial approve {id}")),
            key: Digest::of(KEY),
            events: if settled { vec![1] } else { vec![] },
        };
        Self {
            workflow,
            factory,
            events: Vec::new(),
            obligations: vec![line("spec.intent", true), line("drill.stop", false), line("ownership.accepted", false)],
            fired: [("steps.assess.never.declines".into(), 41)].into(),
            curves: [(Digest::of(b"curve"), "<svg><script>alert(1)</script></svg>".to_owned())].into(),
            blobs: BTreeMap::new(),
            index: None,
            log: LogIdentity {
                origin: "simulation/bank/credit".to_owned(),
                key: "bank/credit+c02c150e+AQ".to_owned(),
                point: LogPoint { size: 9, root: Digest::of(b"root") },
                verify: "seatrial log verify FOLDER --key KEY".to_owned(),
            },
        }
    }

    /// The short history that most tests read.
    pub(crate) fn told() -> Self {
        let mut world = Self::new();
        let submitted = SpecSubmitted {
            files: BTreeMap::new(),
            elements: Digest::of(b""),
            element_count: 1,
            previous: None,
            added: vec![],
            removed: vec![],
            changed: vec![],
        };
        world.add("dev", &[], Body::SpecSubmitted(submitted));
        let shown = ApprovalGiven::new(Stage::Pilot, "officers", Digest::of(b"shown"));
        let approval = ApprovalGiven { shown_ms: Some(95_000), ..shown };
        world.add("ana", &["spec.intent"], Body::ApprovalGiven(approval));
        world.add("dev", &["threshold.approve"], Body::ThresholdTested(tested()));
        world.accept("ana", "workflow");
        let drill = DrillDone {
            control: "stop".to_owned(),
            effective_ms: 900,
            allowed_ms: Some(60_000),
            refused: 12,
            events: vec![],
            runbooks: vec![],
            finished: 0,
            restored: None,
        };
        world.add("bo", &["drill.stop"], Body::DrillDone(drill));
        world.release("ria");
        world
    }

    pub(crate) fn release(&mut self, who: &str) {
        let cut = ReleaseCut {
            workflow: "credit".to_owned(),
            stage: Stage::Pilot,
            spec: self.workflow.digest,
            state: Digest::of(b"state"),
            obligations: Digest::of(b"obligations"),
            level: "SEATRIAL_SIMULATION".to_owned(),
            models: BTreeMap::new(),
            until: None,
            per_day: None,
            pilot: None,
            waivers: Vec::new(),
        };
        self.add(who, &[], Body::ReleaseCut(cut));
    }

    pub(crate) fn accept(&mut self, who: &str, responsibility: &str) {
        let accepted = ResponsibilityAccepted {
            responsibility: ElementPath::new(format!("responsibilities.{responsibility}")),
            role: "officers".to_owned(),
            shown: Digest::of(b"shown"),
        };
        self.add(who, &["ownership.accepted"], Body::ResponsibilityAccepted(accepted));
    }

    pub(crate) fn add(&mut self, who: &str, obligations: &[&str], body: Body) {
        let person = self.factory.people.iter().find(|p| p.id.starts_with(who)).unwrap();
        let index = self.events.len() as u64;
        let evidence =
            |o: &&str| Evidence { obligation: (*o).to_owned(), key: Digest::of(KEY), inputs: BTreeMap::new() };
        let event = Event {
            v: ENVELOPE_VERSION,
            id: format!("evt_01939000-0000-7000-8000-{index:012x}").parse().unwrap(),
            time: now(),
            log: "credit".parse().unwrap(),
            simulation: true,
            actor: Principal {
                id: person.id.clone(),
                kind: PrincipalKind::Person,
                side: person.side,
                roles: BTreeSet::from_iter(person.roles.clone()),
                assurance: Assurance::Simulated,
            },
            subject: Subject::default(),
            spec: Some(self.workflow.digest),
            release: None,
            evidence: obligations.iter().map(evidence).collect(),
            payloads: BTreeMap::new(),
            people: None,
            body,
        };
        self.events.push(Logged { index, event: Arc::new(event) });
    }

    pub(crate) fn input(&self) -> PackInput<'_> {
        PackInput {
            workflow: &self.workflow,
            factory: &self.factory,
            events: &self.events,
            people: None,
            obligations: &self.obligations,
            fired: &self.fired,
            decisions: 250,
            curves: &self.curves,
            blobs: &self.blobs,
            index: self.index.as_ref(),
            log: &self.log,
            now: now(),
        }
    }
}

pub(crate) fn now() -> Time {
    "2026-11-23T12:00:00.000Z".parse().unwrap()
}

fn tested() -> ThresholdTested {
    ThresholdTested {
        certified: true,
        certificate: Certificate {
            threshold: "thresholds.approve".into(),
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
            grid: Vec::new(),
            required: BTreeMap::new(),
            method: "split".to_owned(),
            examples: 200,
            errors: 3,
            bound: 0.0383,
            p: 0.009,
            sealed: Digest::of(b"sealed"),
            model: "sha256:model".to_owned(),
            confidence: "output.confidence".to_owned(),
            curve: Digest::of(b"curve"),
            reviewed: Share { k: 40, n: 240 },
            slices: BTreeMap::new(),
        },
    }
}
