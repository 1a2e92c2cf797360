//! A log in memory, made with the real guard, as a `Source`.

use seatrial_guard::Judgement;
use seatrial_guard::decide::ReviewAsk;
use seatrial_guard::{CHECKS_VERSION, Candidate, DECIDE_VERSION, Part, PartKind, Program, decide, draw};
use seatrial_ledger::{Checkpoint, Frontier, Signer, Tile, TilePath, TileTree, VerifierKey, bundle, leaf_hash};
use seatrial_model::event::*;
use seatrial_model::facts::{Bounds, FACTS_VERSION, Inspected};
use seatrial_model::words::FactoryKind;
use seatrial_model::*;
use seatrial_spec::{FileSource as _, MemoryFiles, Workflow};
use seatrial_verify::{Held, Source, SourceError, Trust};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use uuid::Uuid;

pub(crate) const ORIGIN: &str = "factory.example/routing";

/// 2026-01-01, in milliseconds.
pub(crate) const START_MS: i64 = 1_767_225_600_000;

pub(crate) fn signer() -> Signer {
    Signer::from_seed(ORIGIN, &[7; 32]).unwrap()
}

pub(crate) fn trust() -> Trust {
    let key: VerifierKey = signer().verifier_key().clone();
    Trust { key: Some(key), witnesses: vec![], now: Some(Time::from_millis(START_MS + 86_400_000)) }
}

/// The spec of the tests, as files.
pub(crate) fn spec_files() -> MemoryFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/spec");
    let read = |name: &str| (name.to_owned(), std::fs::read(root.join(name)).unwrap());
    MemoryFiles::new(["workflow.yaml", "schemas/complaint.json", "schemas/routing.json", "runbook.md"].map(read))
}

/// The spec with tools and a judge, as files.
pub(crate) fn asking_files() -> MemoryFiles {
    let mut files = spec_files();
    let main = String::from_utf8(files.read("workflow.yaml").unwrap()).unwrap();
    let edits = [
        ("types:\n", "types:\n  Judged: judged.json\n  Ok: ok.json\n"),
        (
            "    require:\n",
            "    tools:\n      look_up: { forbid: { contact: { detect: [email] } } }\n    require:\n      fair: { judge: check, rule: \"judged.ok\" }\n",
        ),
        ("    confidence: caller\n", "    confidence: { judge: check }\n"),
        (
            "risks:\n",
            "  check:\n    does: \"Judge it\"\n    actor: ai\n    influence: inform\n    reversible: true\n    input: Judged\n    output: Ok\n    model: { provider: default, name: judge }\nrisks:\n",
        ),
    ];
    let main = edits.iter().fold(main, |main, (from, to)| {
        assert!(main.contains(from), "`{from}`");
        main.replacen(from, to, 1)
    });
    let ok = r#"{"type":"object","required":["ok","confidence"],"properties":{"ok":{"type":"boolean"},"confidence":{"type":"number"}}}"#;
    files.0.insert("judged.json".to_owned(), br#"{"type":"object","properties":{"input":{},"output":{}}}"#.to_vec());
    files.0.insert("ok.json".to_owned(), ok.as_bytes().to_vec());
    files.0.insert("workflow.yaml".to_owned(), main.into_bytes());
    files
}

fn load(files: &MemoryFiles) -> Workflow {
    let main = String::from_utf8(files.read("workflow.yaml").unwrap()).unwrap();
    let checked = seatrial_spec::check(&main, files, None);
    checked.workflow.unwrap_or_else(|| panic!("{:#?}", checked.diagnostics))
}

/// A log and what is kept beside it.
pub(crate) struct Log {
    pub(crate) signer: Signer,
    /// Cosigns every checkpoint.
    pub(crate) witness: Option<Signer>,
    pub(crate) leaves: Vec<Vec<u8>>,
    pub(crate) blobs: BTreeMap<Digest, Vec<u8>>,
    pub(crate) payloads: BTreeMap<Commitment, Held>,
    pub(crate) earlier: Vec<(String, Vec<u8>)>,
    /// Shown instead of one that is signed now.
    pub(crate) checkpoint: Option<Vec<u8>>,
    pub(crate) release: Option<Digest>,
    /// Changes each event before it becomes a leaf.
    pub(crate) falsify: fn(&mut Event),
    files: MemoryFiles,
    workflow: Workflow,
    program: Program,
    next: u128,
}

impl Log {
    pub(crate) fn new() -> Self {
        Self::falsified(|_| ())
    }

    /// A log of a simulated factory.
    pub(crate) fn simulated() -> Self {
        Self::made(&format!("simulation/{ORIGIN}"), |event| event.simulation = true)
    }

    /// A log whose keeper falsifies events while writing them.
    pub(crate) fn falsified(falsify: fn(&mut Event)) -> Self {
        Self::made(ORIGIN, falsify)
    }

    /// A log of the spec with tools and a judge.
    pub(crate) fn asking(falsify: fn(&mut Event)) -> Self {
        Self::made_of(asking_files(), ORIGIN, falsify)
    }

    fn made(origin: &str, falsify: fn(&mut Event)) -> Self {
        Self::made_of(spec_files(), origin, falsify)
    }

    fn made_of(files: MemoryFiles, origin: &str, falsify: fn(&mut Event)) -> Self {
        let workflow = load(&files);
        let program = Program::compile(&workflow).unwrap();
        let mut log = Self {
            signer: Signer::from_seed(origin, &[7; 32]).unwrap(),
            witness: None,
            leaves: Vec::new(),
            blobs: BTreeMap::new(),
            payloads: BTreeMap::new(),
            earlier: Vec::new(),
            checkpoint: None,
            release: None,
            falsify,
            files,
            workflow,
            program,
            next: 1,
        };
        log.open();
        log
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        self.next += 1;
        Uuid::from_u128(0x019a_0000_0000_7000_8000_0000_0000_0000 + self.next)
    }

    pub(crate) fn blob(&mut self, bytes: Vec<u8>) -> Digest {
        let digest = Digest::of(&bytes);
        self.blobs.insert(digest, bytes);
        digest
    }

    pub(crate) fn event(&mut self, body: Body) -> Event {
        let time = Time::from_millis(START_MS + 1_000 * self.leaves.len() as i64);
        Event {
            v: ENVELOPE_VERSION,
            id: EventId::new(self.uuid()),
            time,
            log: "routing".parse().unwrap(),
            simulation: false,
            actor: Principal::system(),
            subject: Subject::default(),
            spec: None,
            release: None,
            evidence: Vec::new(),
            payloads: BTreeMap::new(),
            people: None,
            body,
        }
    }

    pub(crate) fn keep(&mut self, event: &mut Event, kind: &str, bytes: &[u8]) {
        self.next += 1;
        let salt = Salt(*Digest::of(&self.next.to_be_bytes()).as_bytes());
        let commitment = Commitment::of(&salt, bytes);
        self.payloads.insert(commitment, Held { salt, bytes: bytes.to_vec(), kind: kind.to_owned() });
        event.payloads.insert(kind.to_owned(), commitment);
    }

    pub(crate) fn append(&mut self, mut event: Event) {
        (self.falsify)(&mut event);
        self.leaves.push(event.leaf().unwrap());
    }

    fn open(&mut self) {
        let opened = LogOpened {
            origin: self.signer.name().to_owned(),
            key: self.signer.verifier_key().to_string(),
            factory: "factory.example".to_owned(),
            kind: if self.signer.name() == ORIGIN { FactoryKind::Real } else { FactoryKind::Simulation },
        };
        let event = self.event(Body::LogOpened(opened));
        self.append(event);
        let files = self.files.0.clone().into_iter().map(|(path, bytes)| (path, self.blob(bytes))).collect();
        let elements = self.blob(canonical(&self.workflow.elements).unwrap());
        let submitted = SpecSubmitted {
            files,
            elements,
            element_count: self.workflow.elements.len() as u64,
            previous: None,
            added: vec![],
            removed: vec![],
            changed: vec![],
        };
        let mut event = self.event(Body::SpecSubmitted(submitted));
        event.spec = Some(self.workflow.digest);
        self.append(event);
        let cut = ReleaseCut {
            workflow: "routing".to_owned(),
            stage: Stage::Production,
            spec: self.workflow.digest,
            state: Digest::of(b"state"),
            obligations: self.blob(b"[]".to_vec()),
            level: "SEATRIAL_PRODUCTION".to_owned(),
            models: BTreeMap::new(),
            until: None,
            per_day: None,
            pilot: None,
            waivers: Vec::new(),
        };
        self.release = Some(Digest::of_canonical(&cut).unwrap());
        let mut event = self.event(Body::ReleaseCut(cut));
        event.spec = Some(self.workflow.digest);
        self.append(event);
    }

    /// Decides as the running system does, and records it.
    pub(crate) fn decide(&mut self, case: &str, text: &str, candidate: Option<&Candidate>) -> DecisionId {
        let step = self.program.step("route").unwrap();
        let input = json!({ "text": text });
        let input_findings = step.check_input(&input);
        let denied = input_findings.iter().any(Finding::objects);
        let judged = candidate.filter(|_| !denied).map(|c| step.judge(&input, c));
        let (plan, release) = (step.plan().clone(), self.release.unwrap());
        let decision = DecisionId::new(self.uuid());
        let facts = facts_of(
            candidate,
            judged.as_ref(),
            input_findings,
            draw(&release, &plan.audit.as_ref().unwrap().path, &decision),
        );
        let again = decide(&plan, &facts);
        let opened = |r: &ReviewAsk, review: ReviewId| {
            let (to, own, within_ms) = (r.to.clone(), r.own, r.within_ms);
            ReviewOpened { review, to, own, within_ms, seeded: false }
        };
        let review = again.review.as_ref().map(|r| opened(r, ReviewId::new(self.uuid())));
        let made = DecisionMade {
            protocol: None,
            requests: 0,
            behalf: None,
            stream: None,
            samples: 0,
            fallback: None,
            cost: None,
            unreported: None,
            question: None,
            decision,
            step: "route".to_owned(),
            case: case.to_owned(),
            ask: Digest::of(case.as_bytes()).hex(),
            entry: Entry::Run,
            verdict: again.verdict,
            action: again.action,
            code: again.code.to_owned(),
            because: again.because,
            certificate: None,
            review,
            audit: again.audit,
            model: Some("some-model".to_owned()),
            usage: None,
            facts,
        };
        let inspected = made.facts.inspected.clone();
        let mut event = self.event(Body::DecisionMade(made));
        event.spec = Some(self.workflow.digest);
        event.release = Some(release);
        self.keep(&mut event, "input", input.to_string().as_bytes());
        self.keep(&mut event, "case", case.as_bytes());
        if let Some(candidate) = candidate.filter(|_| !denied) {
            self.keep(&mut event, "output", text_of(candidate, &inspected).as_bytes());
            if !candidate.aside.is_empty() {
                self.keep(&mut event, "aside", &serde_json::to_vec(&candidate.aside).unwrap());
            }
        }
        if let Some(text) = judged.as_ref().and_then(|j| j.modified.as_ref()?.text()) {
            self.keep(&mut event, "released", text.as_bytes());
        }
        self.append(event);
        decision
    }

    /// Forgets the payloads of a case, and says so.
    pub(crate) fn erase(&mut self, case: &str) {
        let of_case = |leaf: &Vec<u8>| match serde_json::from_slice::<Event>(leaf).unwrap() {
            Event { body: Body::DecisionMade(made), payloads, .. } if made.case == case => payloads,
            _ => BTreeMap::new(),
        };
        let gone: Vec<Commitment> = self.leaves.iter().flat_map(|l| of_case(l).into_values()).collect();
        for commitment in &gone {
            self.payloads.remove(commitment);
        }
        let erased = PayloadErased { case: case.to_owned(), payloads: gone.len() as u64, reason: "request".to_owned() };
        let event = self.event(Body::PayloadErased(erased));
        self.append(event);
    }

    /// Decisions of every kind, `n` of them.
    pub(crate) fn busy(&mut self, n: usize) {
        for i in 0..n {
            let case = format!("case-{i}");
            let out = |team: &str, reason: &str, confidence: f64| Candidate {
                confidence: Some(confidence),
                ..Candidate::value(&json!({ "team": team, "reason": reason }))
            };
            let candidate = match i % 8 {
                0 | 1 => Some(out("cards", "it is about a card", 0.9)),
                2 => Some(out("cards", "write to ana@bank.example soon", 0.9)),
                3 => Some(out("cards", "we will refund all of it", 0.9)),
                4 => Some(out("loans", "perhaps a loan", 0.25)),
                5 => Some(out("closed", "nothing to be done", 0.75)),
                6 => Some(with_tool_call(out("cards", "it is about a card", 0.625))),
                _ => None,
            };
            let text = if i % 16 == 8 { "x".repeat(300) } else { format!("complaint number {i}") };
            self.decide(&case, &text, candidate.as_ref());
        }
    }

    pub(crate) fn frontier(&self) -> (Frontier, BTreeMap<(u8, u64), Tile>) {
        let mut frontier = Frontier::new();
        let leaves: Vec<Digest> = self.leaves.iter().map(|l| leaf_hash(l)).collect();
        let tiles = frontier.extend(&leaves).tiles.into_iter().map(|t| ((t.level, t.n), t)).collect();
        (frontier, tiles)
    }

    pub(crate) fn sign(&self) -> Vec<u8> {
        let (frontier, _) = self.frontier();
        let checkpoint = Checkpoint::new(self.signer.name(), frontier.size(), frontier.root());
        let mut note = checkpoint.sign(&self.signer).unwrap();
        if let Some(witness) = &self.witness {
            note.cosign(witness, START_MS as u64 / 1_000);
        }
        note.to_string().into_bytes()
    }

    /// Keeps the present checkpoint as an earlier one.
    pub(crate) fn remember(&mut self) {
        let note = self.sign();
        self.earlier.push((format!("earlier-checkpoints/{:06}", self.earlier.len()), note));
    }
}

fn with_tool_call(mut candidate: Candidate) -> Candidate {
    let name = "choices.0.tool_calls.0.arguments".to_owned();
    candidate.parts.push(Part { name, kind: PartKind::ToolArguments, text: "{\"to\":1}".to_owned() });
    candidate
}

/// The payload `output`, as the running system keeps it.
fn text_of(candidate: &Candidate, inspected: &[Inspected]) -> String {
    assert_eq!(candidate.parts.len(), inspected.len(), "every part is named in `inspected`");
    match candidate.parts.as_slice() {
        [only] => only.text.clone(),
        parts => Value::Array(parts.iter().map(|p| json!({ "part": p.name, "text": p.text })).collect()).to_string(),
    }
}

impl Source for Log {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(Some(self.checkpoint.clone().unwrap_or_else(|| self.sign())))
    }

    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        Ok(self.earlier.clone())
    }

    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        match path.tree {
            TileTree::Hashes(level) => Ok(self.frontier().1.get(&(level, path.n)).map(Tile::to_bytes)),
            TileTree::Entries => {
                let from = path.n as usize * 256;
                Ok(self.leaves.get(from..from + usize::from(path.width)).map(|e| bundle::encode(e).unwrap()))
            }
        }
    }

    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        Ok(self.blobs.keys().copied().collect())
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.blobs.get(digest).cloned())
    }

    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        Ok(self.payloads.keys().copied().collect())
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Held>, SourceError> {
        Ok(self.payloads.get(commitment).cloned())
    }
}

/// Every file below a folder.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn facts_of(candidate: Option<&Candidate>, judged: Option<&Judgement>, input: Vec<Finding>, draw: f64) -> Facts {
    let none = Confidence { source: "caller".to_owned(), value: 0.0, present: false };
    Facts {
        v: FACTS_VERSION,
        decide: DECIDE_VERSION,
        checks: CHECKS_VERSION,
        stage: Stage::Production,
        rehearsal: false,
        shadow: false,
        stopped: false,
        bounds: Bounds::Within,
        lapsed: None,
        review_all: None,
        acts: true,
        input,
        no_candidate: (candidate.is_none()).then(|| "model_unreachable".to_owned()),
        findings: judged.map(|j| j.findings.clone()).unwrap_or_default(),
        after_modify: judged.and_then(|j| j.after_modify.clone()),
        attempts: 1,
        confidence: judged.map_or(none, |j| j.confidence.clone()),
        whens: judged.map(|j| j.whens.clone()).unwrap_or_default(),
        thresholds: vec![],
        slices: Vec::new(),
        draw,
        inspected: judged.map(|j| j.inspected.clone()).unwrap_or_default(),
    }
}
