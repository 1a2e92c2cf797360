//! Everything that production asks for, shown for the example by its people: one event for each thing to show.

use seatrial_governance::status::{HandoverNow, InForceNow, Oversight, ReviewLoad, TransferBar, TransferNow};
use seatrial_governance::{Duty, Inputs, ObligationState, Running, StatusInput, status};
use seatrial_model::event::{ENVELOPE_VERSION, Event, Subject};
use seatrial_model::{Assurance, Body, Digest, Evidence, Logged, Principal, PrincipalKind, Span, Stage, Time};
use seatrial_spec::workflow::{Bar, BarOp, Element, RESPONSIBILITIES};
use seatrial_spec::{FactorySpec, Workflow};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The stages that are released.
pub const STAGES: [Stage; 3] = [Stage::Pilot, Stage::Production, Stage::Owned];

/// A delivered workflow.
pub struct History {
    pub workflow: Workflow,
    pub factory: FactorySpec,
    pub inputs: Inputs,
    pub running: Running,
    pub events: Vec<Logged>,
    pub tables: BTreeMap<Digest, Vec<Element>>,
}

fn now() -> Time {
    "2026-11-23T12:00:00.000Z".parse().unwrap()
}

fn handed_over(spec: Digest) -> HandoverNow {
    let in_force = InForceNow {
        release: Digest::of(b"production"),
        index: 1,
        stage: Stage::Production,
        spec,
        until: Some(now().plus_millis(86_400_000)),
        lost: Vec::new(),
    };
    let bar = Bar { op: BarOp::AtLeast, value: 0.9 };
    let over = Span::from_millis(30 * 86_400_000);
    let bar = TransferBar { bar, over, fixed_by: None, lowered_to: None, dropped: false };
    let transfer = TransferNow { receiving: 95, delivery: 5, since: now().day(), bar };
    HandoverNow { in_force: Some(in_force), tokens: Vec::new(), elsewhere: Vec::new(), transfer: Some(transfer) }
}

/// A digest as it stands in JSON.
fn digest(of: &str) -> Value {
    serde_json::to_value(Digest::of(of.as_bytes())).unwrap()
}

impl History {
    /// Shows everything, and fails where something is missing.
    pub fn complete(workflow: Workflow, factory: FactorySpec, inputs: Inputs) -> Self {
        let running = Running {
            review_load: Some(ReviewLoad { expected_per_day: 80.0, capacity_per_day: 120.0 }),
            oversight: Some(Oversight { caught: 58, seeded: 60, lower: 0.9 }),
            handover: Some(handed_over(workflow.digest)),
            ..Running::default()
        };
        let tables = BTreeMap::from([(workflow.digest, workflow.elements.clone())]);
        let mut history = Self { workflow, factory, inputs, running, events: Vec::new(), tables };
        let elements = digest("elements");
        let body = json!({ "files": {}, "elements": elements, "element_count": 1 });
        history.add("dev@shipyard.example", Vec::new(), "spec.submitted/1", body);
        for stage in STAGES {
            if stage == Stage::Owned {
                history.operate();
            }
            // Twice: a report is there before it is approved, and all the rest before the release is.
            for _ in 0..3 {
                let open: Vec<ObligationState> =
                    history.states(stage).into_iter().filter(|s| !s.state.is_settled()).collect();
                let release_only = open.iter().all(|s| s.obligation.duty == Duty::Release);
                for state in open.into_iter().filter(|s| release_only || s.obligation.duty != Duty::Release) {
                    history.show(stage, &state);
                }
            }
            for state in history.states(stage) {
                assert!(state.state.is_settled(), "{stage} {} {}: {}", state.obligation.id, state.state, state.why);
            }
        }
        history
    }

    /// How it all stands.
    pub fn states(&self, stage: Stage) -> Vec<ObligationState> {
        self.states_of(&self.workflow, stage)
    }

    /// How it stands with another spec, which everybody still has to see.
    pub fn states_of(&self, workflow: &Workflow, stage: Stage) -> Vec<ObligationState> {
        status(&StatusInput {
            workflow,
            factory: &self.factory,
            events: &self.events,
            inputs: &self.inputs,
            old_elements: &self.tables,
            running: &self.running,
            now: now(),
            findings: &[],
            stage,
        })
    }

    fn add(&mut self, who: &str, evidence: Vec<Evidence>, kind: &str, body: Value) {
        self.add_on(self.workflow.digest, who, evidence, kind, body);
    }

    /// The same, about another spec.
    fn add_on(&mut self, spec: Digest, who: &str, evidence: Vec<Evidence>, kind: &str, body: Value) {
        let person = self.factory.person(who).unwrap_or_else(|| panic!("nobody is {who}"));
        let actor = Principal {
            id: person.id.clone(),
            kind: PrincipalKind::Person,
            side: person.side,
            roles: person.roles.iter().cloned().collect(),
            assurance: Assurance::Token,
        };
        let index = self.events.len() as u64;
        let body: Body = serde_json::from_value(json!({ "kind": kind, "body": body })).unwrap();
        let event = Event {
            v: ENVELOPE_VERSION,
            id: format!("evt_01939000-0000-7000-8000-{index:012x}").parse().unwrap(),
            time: now(),
            log: "credit-preapproval".parse().unwrap(),
            simulation: true,
            actor,
            subject: Subject::default(),
            spec: Some(spec),
            release: None,
            evidence,
            payloads: BTreeMap::new(),
            people: None,
            body,
        };
        self.events.push(Logged { index, event: Arc::new(event) });
    }

    fn holder(&self, role: &str) -> String {
        let holds = |p: &&seatrial_spec::workflow::Person| p.roles.iter().any(|r| r == role);
        self.factory.people.iter().find(holds).unwrap_or_else(|| panic!("nobody holds {role}")).id.clone()
    }

    fn approve(&mut self, role: &str, stage: Stage, evidence: &[Evidence]) {
        let body = json!({ "stage": stage, "role": role, "shown": digest("shown") });
        self.add(&self.holder(role), evidence.to_vec(), "approval.given/1", body);
    }

    fn show(&mut self, stage: Stage, state: &ObligationState) {
        let obligation = &state.obligation;
        let evidence =
            vec![Evidence { obligation: obligation.id.clone(), key: state.key, inputs: state.inputs.clone() }];
        match &obligation.duty {
            Duty::Intent | Duty::Release => {
                self.approve("credit", stage, &evidence);
                self.approve("risk", stage, &evidence);
            }
            Duty::Approval { role } => self.approve(role, stage, &evidence),
            Duty::Risks => {
                for role in ["risk", "credit"] {
                    self.approve(role, stage, &evidence);
                }
            }
            Duty::Findings if self.events.iter().any(|e| matches!(e.event.body, Body::PilotReported(_))) => {
                self.approve("credit", stage, &evidence);
            }
            Duty::Validated => {
                let body = json!({ "obligation": obligation.id, "document": digest("d"), "name": "d.pdf", "bytes": 1 });
                self.add("ria@harbour.example", evidence.clone(), "document.filed/1", body);
                self.approve("risk", stage, &evidence);
            }
            Duty::Accepted => self.accept(&evidence),
            Duty::Pack => self.acknowledge(&evidence),
            Duty::Questions => self.answer(),
            // It follows from the drills.
            Duty::Drills => {}
            _ => {
                let (kind, body) = self.measured(obligation);
                self.add("hana@harbour.example", evidence, kind, body);
            }
        }
    }

    /// What happens between production and handover: a change without the delivery side, the end of its rights, another key,
    /// a restore.
    fn operate(&mut self) {
        let (build, change, in_production) = (Digest::of(b"build"), Digest::of(b"change"), self.workflow.digest);
        let cut = |stage: Stage, spec: Digest| {
            json!({ "workflow": "credit-preapproval", "stage": stage, "spec": spec, "state": digest("s"),
                    "obligations": digest("o"), "level": "SEATRIAL_SIMULATION", "models": {} })
        };
        let (hana, hugo) = ("hana@harbour.example", "hugo@harbour.example");
        self.add_on(build, "dev@shipyard.example", Vec::new(), "release.cut/1", cut(Stage::Pilot, build));
        let submitted = json!({ "files": {}, "elements": digest("e"), "element_count": 1, "previous": build });
        self.add_on(change, hugo, Vec::new(), "spec.submitted/1", submitted);
        let given = json!({ "stage": "pilot", "role": "risk", "shown": digest("shown") });
        self.add_on(change, &self.holder("risk"), Vec::new(), "approval.given/1", given);
        self.add_on(change, hana, Vec::new(), "release.cut/1", cut(Stage::Pilot, change));
        self.add(hana, Vec::new(), "release.cut/1", cut(Stage::Production, in_production));
        self.add(hana, Vec::new(), "rights.ended/1", json!({ "side": "delivery", "from": now() }));
        let point = json!({ "size": 1, "root": digest("root") });
        let rotated = json!({ "old": "old", "new": "new", "holder": hana, "point": point, "line": "" });
        self.add(hana, Vec::new(), "log.key-rotated/1", rotated);
        let restored = json!({ "control": "restore", "effective_ms": 900, "refused": 0, "events": [],
                               "restored": { "size": 1, "root": digest("root") } });
        self.add(hana, Vec::new(), "drill.done/1", restored);
    }

    fn acknowledge(&mut self, evidence: &[Evidence]) {
        let page = digest("page");
        let pack = json!({ "page": page, "log": { "size": 1, "root": digest("root") }, "missing": [] });
        self.add("hana@harbour.example", Vec::new(), "pack.generated/1", pack);
        let id = self.events.last().unwrap().event.id;
        let role = self.workflow.responsibilities["workflow"].receiving.clone().unwrap();
        let body = json!({ "pack": id, "shown": page, "role": role });
        self.add(&self.holder(&role), evidence.to_vec(), "pack.acknowledged/1", body);
    }

    fn accept(&mut self, evidence: &[Evidence]) {
        for name in RESPONSIBILITIES {
            let role = self.workflow.responsibilities[name].receiving.clone().unwrap();
            let people = self.factory.people.iter().filter(|p| p.roles.contains(&role)).map(|p| p.id.clone());
            for who in people.collect::<Vec<_>>() {
                let path = format!("responsibilities.{name}");
                let body = json!({ "responsibility": path, "role": role, "shown": digest("shown") });
                self.add(&who, evidence.to_vec(), "responsibility.accepted/1", body);
            }
        }
    }

    fn answer(&mut self) {
        let cites = [self.events[0].event.id];
        for name in self.workflow.questions.keys().cloned().collect::<Vec<_>>() {
            let path = format!("questions.{name}");
            let element = self.workflow.element(&path.as_str().into()).unwrap().written;
            let body = json!({ "question": path, "element": element, "cites": cites });
            self.add("hana@harbour.example", Vec::new(), "question.settled/1", body);
        }
    }

    /// What is measured, done or counted.
    fn measured(&self, obligation: &seatrial_governance::Obligation) -> (&'static str, Value) {
        let decision = "dec_01939000-0000-7000-8000-000000000001";
        let first = self.events[0].event.id;
        let steps = || self.workflow.steps.iter();
        let (start, end) = (now(), now());
        match &obligation.duty {
            Duty::Exercised => ("evaluation.recorded/1", self.evaluation("boundary")),
            Duty::Evaluated { set } => ("evaluation.recorded/1", self.evaluation(set)),
            Duty::Forbidden { sets, .. } => ("evaluation.recorded/1", self.evaluation(&sets[0])),
            Duty::Certified { threshold } => {
                let threshold = format!("thresholds.{threshold}");
                let certificate = json!({
                    "threshold": threshold, "at": 0.94, "max_wrong": 0.08, "assurance": 0.95, "delta": 0.05,
                    "attempt": 1, "method": "split", "examples": 400, "errors": 12, "bound": 0.05, "p": 0.001,
                    "sealed": digest("sealed"), "model": "sha256:model-1", "confidence": "output.confidence",
                    "curve": digest("curve"), "reviewed": { "k": 40, "n": 400 },
                });
                ("threshold.tested/1", json!({ "certificate": certificate, "certified": true }))
            }
            Duty::Outcome { name } => {
                let path = format!("outcomes.{name}");
                let element = self.workflow.element(&path.as_str().into()).unwrap().written;
                (
                    "outcome.measured/1",
                    json!({ "outcome": path, "element": element, "value": 0.5, "from": start, "until": end }),
                )
            }
            Duty::Findings => {
                let metrics = BTreeMap::from([("reviewed", 500.0)]);
                let body = json!({ "pilot": 1, "release": digest("pilot"), "report": digest("report"),
                                   "decisions": 500, "continues": true, "metrics": metrics });
                ("pilot.reported/1", body)
            }
            Duty::Enforces => {
                let rules = steps().flat_map(|s| s.forbid.iter().chain(&s.never)).map(|r| &r.path);
                let probes: Vec<Value> =
                    rules.map(|r| json!({ "rule": r, "decision": decision, "enforced": true })).collect();
                ("probe.run/1", json!({ "probes": probes, "program": digest("program") }))
            }
            Duty::Trace => {
                ("trace.audited/1", json!({ "sampled": 10, "verdicts": 10, "findings": 10, "rehearsal": true }))
            }
            Duty::Complete => (
                "reconciliation.done/1",
                json!({ "of": "cases", "from": start, "until": end, "theirs": 9, "ours": 9, "unrecorded": 0, "unknown": 0 }),
            ),
            Duty::Drill { control } => {
                ("drill.done/1", json!({ "control": control, "effective_ms": 900, "refused": 3, "events": [first] }))
            }
            Duty::Runbooks => (
                "drill.done/1",
                json!({ "control": "incident", "effective_ms": 900, "refused": 3, "events": [first],
                        "runbooks": ["responsibilities.exceptions", "steps.assess.fallback"] }),
            ),
            other => panic!("`{}` cannot be shown here: {other:?}", obligation.id),
        }
    }

    fn evaluation(&self, set: &str) -> Value {
        let steps = || self.workflow.steps.iter();
        let rules = steps().flat_map(|s| [&s.refuse_input, &s.require, &s.forbid, &s.never].into_iter().flatten());
        let rules = rules.map(|r| &r.path).chain(steps().flat_map(|s| s.escalate.iter().map(|e| &e.path)));
        let rules: BTreeMap<String, Value> =
            rules.map(|path| (path.to_string(), json!({ "caught": 2, "passed": 5 }))).collect();
        json!({
            "set": set, "examples": digest(set), "drawn": "curated", "model": "sha256:model-1",
            "passed": { "k": 20, "n": 20 }, "inconclusive": 0, "let_through": { "k": 0, "n": 5 }, "verdicts": {},
            "rules": rules, "results": digest("results"), "outputs": "obtained",
        })
    }
}
