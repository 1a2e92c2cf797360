//! A workflow as the checker reads it and a history in the making, for the tests of this crate.

use crate::{Assessment, AssessmentInput, Running, Standing, assess};
use seatrial_governance::{Inputs, StatusInput, evidence, status};
use seatrial_model::event::*;
use seatrial_model::*;
use seatrial_spec::{FactorySpec, MemoryFiles, Workflow, check, check_factory};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const FACTORY: &str = r#"
seatrial: 1
factory: bank
profile: standard
timezone: UTC
people:
  - { id: ana@bank.example, name: Ana, side: receiving, roles: [officers] }
  - { id: bo@bank.example, name: Bo, side: receiving, roles: [officers] }
  - { id: ria@bank.example, name: Ria, side: independent, roles: [risk] }
  - { id: dev@builder.example, name: Dev, side: delivery, roles: [engineering] }
providers:
  default: { kind: openai, base_url: "https://models.example/v1", key: { env: MODEL_KEY } }
store: { sqlite: .seatrial }
workflows: [credit]
"#;

const WORKFLOW: &str = r#"
seatrial: 1
workflow: credit
title: "Pre-approve consumer credits"
purpose: "A customer who asks for a credit and can clearly carry it has an answer within a minute; everybody else is answered by a person."
population: "Retail customers"
types: { Application: application.json, Assessment: assessment.json }
roles: { officers: "Credit officers", risk: "Credit risk", engineering: "Delivery team" }
steps:
  assess:
    does: "Pre-approve an application"
    actor: ai
    influence: decide
    reversible: true
    input: Application
    output: Assessment
    model: { provider: default, name: scorecard-2026-10-01 }
    never:
      declines: { rule: "output.decision == 'decline'", else: escalate, to: officers, because: "A person declines" }
    confidence: output.confidence
    escalate:
      unsure: { when: "confidence < 0.5", to: officers }
risks:
  tier: limited
  items:
    - { risk: "A good customer waits", measure: "escalate.unsure", residual: low, accepted_by: risk }
responsibilities:
  workflow: { delivery: engineering, receiving: officers }
  changes: { delivery: engineering, receiving: officers }
  exceptions: { delivery: engineering, receiving: officers }
  behaviour: { delivery: engineering, receiving: officers, challenged_by: risk }
  evolution: { delivery: engineering, receiving: officers }
gates:
  pilot: { until: 2027-01-31, per_day: 50, mode: live, review: all, approvals: [{ by: officers, over: [purpose, steps] }] }
  production: { drills: { stop: 1min }, hypercare: 60d, on_lapse: escalate, approvals: [{ by: risk, over: ["steps.*.never"] }] }
"#;

const APPLICATION: &str = r#"{"type":"object","required":["amount"],"properties":{"amount":{"type":"number"}}}"#;
const ASSESSMENT: &str = r#"{"type":"object","required":["decision","confidence"],"properties":{"decision":{"enum":["pre-approve","decline"]},"confidence":{"type":"number","minimum":0,"maximum":1}}}"#;

/// A history in the making.
pub(crate) struct History {
    pub(crate) workflow: Workflow,
    pub(crate) factory: FactorySpec,
    pub(crate) events: Vec<Logged>,
    pub(crate) running: Running,
    pub(crate) inputs: Inputs,
    pub(crate) specs: BTreeMap<Digest, Arc<Workflow>>,
    pub(crate) rests: BTreeMap<EventId, BTreeSet<EventId>>,
    /// The clock.
    pub(crate) at: Time,
}

pub(crate) const HOUR: i64 = 3_600_000;

impl History {
    pub(crate) fn new() -> Self {
        let (factory, problems, _) = check_factory(FACTORY);
        let factory = factory.unwrap_or_else(|| panic!("{problems:?}"));
        let files = MemoryFiles::new([("application.json", APPLICATION), ("assessment.json", ASSESSMENT)]);
        let checked = check(WORKFLOW, &files, Some(&factory));
        let workflow = checked.workflow.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let model = seatrial_governance::ModelIdentity { text: "scorecard-2026-10-01".to_owned(), alias: false };
        Self {
            workflow,
            factory,
            events: Vec::new(),
            running: Running::default(),
            inputs: Inputs { models: BTreeMap::from([("assess".to_owned(), model)]), checks: 1, decide: 1 },
            specs: BTreeMap::new(),
            rests: BTreeMap::new(),
            at: "2026-10-01T09:00:00.000Z".parse().unwrap(),
        }
    }

    pub(crate) fn wait(&mut self, ms: i64) -> &mut Self {
        self.at = self.at.plus_millis(ms);
        self
    }

    pub(crate) fn add(&mut self, who: &str, obligations: &[&str], body: Body) -> EventId {
        let index = self.events.len() as u64;
        let person = self.factory.people.iter().find(|p| p.id.starts_with(who)).unwrap();
        let event = Event {
            v: ENVELOPE_VERSION,
            id: format!("evt_01939000-0000-7000-8000-{index:012x}").parse().unwrap(),
            time: self.at,
            log: "credit".parse().unwrap(),
            simulation: false,
            actor: Principal {
                id: person.id.clone(),
                kind: PrincipalKind::Person,
                side: person.side,
                roles: BTreeSet::from_iter(person.roles.clone()),
                assurance: Assurance::Token,
            },
            subject: Subject::default(),
            spec: Some(self.workflow.digest),
            release: None,
            evidence: evidence(&self.workflow, &self.factory, &self.inputs, self.at, obligations),
            payloads: BTreeMap::new(),
            people: None,
            body,
        };
        let id = event.id;
        self.events.push(Logged { index, event: Arc::new(event) });
        id
    }

    pub(crate) fn submit(&mut self, who: &str, added: &[&str], changed: &[&str]) {
        let paths = |list: &[&str]| list.iter().map(|p| ElementPath::from(*p)).collect();
        let first = !self.events.iter().any(|e| matches!(e.event.body, Body::SpecSubmitted(_)));
        let submitted = SpecSubmitted {
            files: BTreeMap::new(),
            elements: Digest::of(b""),
            element_count: 1,
            previous: (!first).then(|| Digest::of(b"before")),
            added: paths(added),
            removed: vec![],
            changed: paths(changed),
        };
        self.add(who, &[], Body::SpecSubmitted(submitted));
    }

    /// Submits the spec with some text changed, as the checker and the difference see it.
    pub(crate) fn resubmit(&mut self, who: &str, from: &str, to: &str) {
        let old = Arc::new(self.workflow.clone());
        let text = old.files.get("workflow.yaml").map(|f| String::from_utf8(f.bytes.to_vec()).unwrap()).unwrap();
        assert!(text.contains(from), "no `{from}`");
        let files = MemoryFiles::new([("application.json", APPLICATION), ("assessment.json", ASSESSMENT)]);
        let checked = check(&text.replace(from, to), &files, Some(&self.factory));
        self.workflow = checked.workflow.unwrap_or_else(|| panic!("{:?}", checked.diagnostics));
        let diff = seatrial_spec::diff(&old.elements, &self.workflow.elements);
        let submitted = SpecSubmitted {
            files: BTreeMap::new(),
            elements: Digest::of(b""),
            element_count: 1,
            previous: Some(old.digest),
            added: diff.added,
            removed: diff.removed,
            changed: diff.changed.into_iter().map(|c| c.path).collect(),
        };
        self.specs.insert(old.digest, old);
        self.add(who, &[], Body::SpecSubmitted(submitted));
    }

    pub(crate) fn approve(&mut self, who: &str, obligation: &str, stage: Stage, shown_ms: u64) -> EventId {
        let role = self.factory.people.iter().find(|p| p.id.starts_with(who)).unwrap().roles[0].clone();
        let given = ApprovalGiven { shown_ms: Some(shown_ms), ..ApprovalGiven::new(stage, role, Digest::of(b"shown")) };
        self.add(who, &[obligation], Body::ApprovalGiven(given))
    }

    pub(crate) fn evaluate(&mut self, passed: Share) -> EventId {
        let recorded = EvaluationRecorded {
            tags: BTreeMap::new(),
            confusion: BTreeMap::new(),
            repeats: None,
            usage: None,
            started: None,
            set: "golden".to_owned(),
            examples: Digest::of(b"golden"),
            drawn: "curated".to_owned(),
            category: None,
            model: "scorecard-2026-10-01".to_owned(),
            passed,
            inconclusive: 0,
            lower: None,
            let_through: Share::default(),
            unjudged: 0,
            verdicts: BTreeMap::new(),
            rules: BTreeMap::new(),
            slices: BTreeMap::new(),
            results: Digest::of(b"results"),
            outputs: "obtained".to_owned(),
        };
        self.add("dev", &["spec.exercised"], Body::EvaluationRecorded(recorded))
    }

    pub(crate) fn drill(&mut self, who: &str) {
        self.drill_in(who, 900);
    }

    pub(crate) fn drill_in(&mut self, who: &str, effective_ms: u64) {
        let drill = DrillDone {
            control: "stop".to_owned(),
            effective_ms,
            allowed_ms: Some(60_000),
            refused: 3,
            events: vec![],
            runbooks: vec![],
            finished: 0,
            restored: None,
        };
        self.add(who, &["drill.stop"], Body::DrillDone(drill));
    }

    pub(crate) fn accept(&mut self, who: &str, responsibility: &str) {
        let responsibility = ElementPath::new(format!("responsibilities.{responsibility}"));
        let accepted =
            ResponsibilityAccepted { responsibility, role: "officers".to_owned(), shown: Digest::of(b"shown") };
        self.add(who, &["ownership.accepted"], Body::ResponsibilityAccepted(accepted));
    }

    pub(crate) fn release(&mut self, who: &str, stage: Stage) -> Digest {
        let cut = ReleaseCut {
            pilot: None,
            waivers: Vec::new(),
            workflow: "credit".to_owned(),
            stage,
            spec: self.workflow.digest,
            state: Digest::of(b"state"),
            obligations: Digest::of(b"obligations"),
            level: "SEATRIAL_PILOT".to_owned(),
            models: BTreeMap::new(),
            until: None,
            per_day: None,
        };
        let digest = Digest::of_canonical(&cut).unwrap();
        // It rests on all evidence since the release before it.
        let before = self.events.iter().rposition(|e| matches!(e.event.body, Body::ReleaseCut(_))).unwrap_or(0);
        let on = self.events.iter().skip(before).filter(|e| !e.event.evidence.is_empty()).map(|e| e.event.id).collect();
        let id = self.add(who, &[], Body::ReleaseCut(cut));
        self.rests.insert(id, on);
        digest
    }

    pub(crate) fn sprint(&mut self, number: u64, before: &str, after: &str, inside: impl FnOnce(&mut Self)) {
        let sprint: SprintId = format!("spr_01939000-0000-7000-8000-{number:012x}").parse().unwrap();
        let states = |state: &str| BTreeMap::from([("spec.intent".to_owned(), state.to_owned())]);
        let opened = SprintOpened {
            sprint,
            number,
            questions: vec![],
            obligations: vec![],
            states: states(before),
            roles: None,
        };
        self.add("dev", &[], Body::SprintOpened(opened));
        inside(self);
        let closed = SprintClosed { sprint, report: Digest::of(b"report"), states: states(after) };
        self.add("dev", &[], Body::SprintClosed(closed));
    }

    pub(crate) fn simulate(&mut self) {
        self.factory.kind = words::FactoryKind::Simulation;
        for logged in &mut self.events {
            Arc::make_mut(&mut logged.event).simulation = true;
        }
    }

    pub(crate) fn assess(&self) -> Assessment {
        let states = status(&StatusInput {
            workflow: &self.workflow,
            factory: &self.factory,
            events: &self.events,
            inputs: &self.inputs,
            old_elements: &BTreeMap::new(),
            running: &seatrial_governance::Running::default(),
            now: self.at,
            findings: &[],
            stage: Stage::Production,
        });
        assess(&AssessmentInput {
            workflow: &self.workflow,
            factory: &self.factory,
            events: &self.events,
            states: &states,
            running: &self.running,
            specs: &self.specs,
            rests: &self.rests,
            now: self.at,
        })
    }

    /// How one item stands, and the entries it cites.
    pub(crate) fn stands(&self, id: &str) -> (Standing, Vec<u64>) {
        let assessment = self.assess();
        let item = assessment.items().find(|i| i.id == id).unwrap_or_else(|| panic!("no item `{id}`"));
        (item.standing, item.reasons.iter().flat_map(|r| r.cites.iter().map(|c| c.index)).collect())
    }
}
