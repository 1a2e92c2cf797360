//! How fast recorded decisions are decided again, beside the pure core's own speed: `cargo run --release -p
//! seatrial-factory --example replay_speed -- [DECISIONS] [FOLDER] [EVENTS]`. The store is real, and so are the events, their
//! payloads and their facts: the example workflow's own applications, judged by its own program. What is made up is
//! the model's answers, and that a release was cut at all. With EVENTS the log is filled up to so many entries with small
//! ones of the running system, and nothing is replayed: the store is for measuring starts and verification.
#![expect(clippy::print_stdout, reason = "an example's output is its purpose")]
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a measurement that fails ends")]

use seatrial_factory::{Factory, FactoryProjector, OpenOptions, Providers, ReplayOptions, ReplayReport, SystemClock};
use seatrial_guard::port::Model;
use seatrial_guard::{Candidate, Judgement, Program, StepProgram, decide, draw};
use seatrial_model::event::{DecisionMade, DecisionOverridden, Entry, PayloadErased, ReleaseCut, ReviewOpened};
use seatrial_model::facts::{Bounds, CertificateState, FACTS_VERSION, ThresholdFact};
use seatrial_model::{
    Action, Body, DecisionId, Digest, ElementPath, Event, EventId, Facts, Finding, LogName, Principal, ReviewId, Salt,
    Stage, Subject, Time,
};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Provider;
use seatrial_store::{Batch, NewPayload, Options, ReaderExt as _, SqliteStore, StoreExt as _};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval");
const FLOW: &str = "workflows/credit-preapproval";
const WORKFLOW: &str = "credit-preapproval";
const STEP: &str = "assess";

/// Decisions in one commit while the store is filled.
const BATCH: u64 = 2_000;

/// The decisions are spread over so many milliseconds: thirty days.
const SPAN_MS: i64 = 30 * 86_400_000;

/// One of so many decisions was overridden.
const OVERRIDDEN_EVERY: u64 = 200;

/// Changes of the spec, as text in its file: what each needs differs.
const EDITS: [(&str, &str, &str); 3] = [
    ("a stricter threshold (facts alone)", "at: 0.8 ", "at: 0.9 "),
    ("another escalation (reads the input)", "input.credit.amount > 2000", "input.credit.amount > 1500"),
    (
        "a forbid more (reads the output)",
        "    never:\n",
        "      vague: { rule: \"output.confidence < 0.55\", because: \"A coin toss\" }\n    never:\n",
    ),
];

struct Nobody;

impl Providers for Nobody {
    fn model(&self, _: &Provider, _: &str) -> Result<Arc<dyn Model>, String> {
        Err("a measurement reaches no network".to_owned())
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let decisions: u64 = arguments.next().map_or(100_000, |text| text.parse().expect("a number of decisions"));
    let folder = arguments.next().map_or_else(|| PathBuf::from("target/replay-factory"), PathBuf::from);
    let entries: Option<u64> = arguments.next().map(|text| text.parse().expect("a number of entries"));
    let kept = folder.join("decisions");
    if std::fs::read_to_string(&kept).is_ok_and(|n| n == decisions.to_string()) {
        println!("the store of {decisions} decisions in {} is used again", folder.display());
    } else {
        make(&folder, decisions).await;
        std::fs::write(&kept, decisions.to_string()).unwrap();
    }
    if let Some(entries) = entries {
        fill(&folder, entries).await;
        return;
    }
    let factory = open(&folder).await;
    let caller = factory.local("dev@shipyard.example").unwrap();
    let workflow = spec(&folder, None);
    core(&workflow);
    for (name, from, to) in EDITS {
        let against = Arc::new(spec(&folder, Some((from, to))));
        let mut alone = None;
        for (threads, share) in [(1, 10), (1, 1), (2, 1)] {
            let limit = (share > 1).then_some(decisions / share);
            let options = ReplayOptions { threads: Some(threads), limit, ..ReplayOptions::default() };
            let (began, spent) = (Instant::now(), cpu_seconds());
            let replayed = factory.replay(&caller, WORKFLOW, Arc::clone(&against), &options).await.unwrap();
            let seconds = began.elapsed().as_secs_f64();
            told(name, threads, &replayed.report, seconds, cpu_seconds() - spent);
            match (threads, share, &alone) {
                (1, 1, _) => alone = Some((seconds, replayed.report)),
                (2, _, Some((one, report))) => {
                    assert_eq!((report.changed, &report.rules), (replayed.report.changed, &replayed.report.rules));
                    println!("    two threads: {:.2} times as fast as one", one / seconds);
                }
                _ => {}
            }
        }
    }
    factory.store().close().await.unwrap();
}

/// The processor's time that this process has used: on a busy machine it says more than the clock. Zero where the
/// system does not tell (the hundredths of a second of `/proc/self/stat`).
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|n| n.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

fn told(name: &str, threads: usize, report: &ReplayReport, seconds: f64, cpu: f64) {
    println!(
        "{name}; {threads} thread(s): {} decisions in {seconds:.2} s ({cpu:.2} s of processor), {:.0} a second; {} again, {} changed, {} → {} reviews, {} of {} overrides go another way",
        report.decisions,
        report.decisions as f64 / seconds,
        report.again,
        report.changed,
        report.reviews.before,
        report.reviews.after,
        report.overrides.after,
        report.overrides.before,
    );
}

/// `decide` alone, on the facts of the same step.
fn core(workflow: &Workflow) {
    let program = Program::compile(workflow).unwrap();
    let step = program.step(STEP).unwrap();
    let case = Case::all(&workflow.files["examples/applications.jsonl"].bytes).swap_remove(0);
    let (judgement, input) = case.judged(step, 7);
    let facts = facts(step, &judgement, input, 0.5);
    let rounds = 300_000;
    let began = Instant::now();
    for _ in 0..rounds {
        black_box(decide(step.plan(), black_box(&facts)));
    }
    let each = began.elapsed().as_secs_f64() / f64::from(rounds);
    println!("decide alone, one thread: {:.2} µs each, {:.0} a second", each * 1e6, 1.0 / each);
}

fn spec(folder: &Path, edit: Option<(&str, &str)>) -> Workflow {
    let flow = folder.join(FLOW);
    let text = std::fs::read_to_string(flow.join("workflow.yaml")).unwrap();
    let text = edit.map_or_else(|| text.clone(), |(from, to)| text.replacen(from, to, 1));
    let (factory, _) = seatrial_factory::read_factory(folder).unwrap();
    let checked = seatrial_spec::check(&text, &seatrial_factory::DiskFiles::new(flow), Some(&factory));
    checked.workflow.expect("the edited spec has no errors")
}

async fn open(folder: &Path) -> Factory {
    let options = Options { projector: Arc::new(FactoryProjector), ..Options::default() };
    let store = folder.join(".seatrial");
    let store = if store.exists() { SqliteStore::open(&store, options) } else { SqliteStore::create(&store, options) };
    let providers = Arc::new(Nobody);
    let clock = Box::new(SystemClock);
    Factory::open(OpenOptions { root: folder.to_owned(), store: Arc::new(store.unwrap()), providers, clock })
        .await
        .unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Makes the factory, and fills its store.
async fn make(folder: &Path, decisions: u64) {
    if folder.exists() {
        std::fs::remove_dir_all(folder).unwrap();
    }
    copy(Path::new(EXAMPLE), folder);
    let file = folder.join(FLOW).join("workflow.yaml");
    let text = std::fs::read_to_string(&file).unwrap().replacen("at: none ", "at: 0.8 ", 1);
    std::fs::write(&file, text).unwrap();
    let factory = open(folder).await;
    let dev = factory.local("dev@shipyard.example").unwrap();
    factory.submit(&dev, Some(WORKFLOW)).await.unwrap();
    let began = Instant::now();
    let maker = Maker::new(&factory, spec(folder, None));
    let cut = maker.cut();
    factory.store().append(&maker.log, Batch::of(cut)).await.unwrap();
    for first in (0..decisions).step_by(BATCH as usize) {
        let batch = maker.batch(first..decisions.min(first + BATCH), decisions);
        factory.store().append(&maker.log, batch).await.unwrap();
    }
    factory.store().close().await.unwrap();
    let bytes = std::fs::metadata(folder.join(".seatrial/evidence.db")).unwrap().len();
    println!("{decisions} decisions recorded in {:.0} s: {} MB", began.elapsed().as_secs_f64(), bytes >> 20);
}

/// Fills the log up to so many entries.
async fn fill(folder: &Path, entries: u64) {
    let factory = open(folder).await;
    let maker = Maker::new(&factory, spec(folder, None));
    let store = factory.store();
    let mut size = store.size(&maker.log).await.unwrap();
    while size < entries {
        let body = || PayloadErased { case: "c".repeat(64), payloads: 0, reason: "retention".to_owned() };
        let small = |n| maker.event(maker.from + SPAN_MS, n + (1 << 41), Body::PayloadErased(body()));
        let events = (size..entries.min(size + BATCH)).map(small).collect();
        size = store.append(&maker.log, Batch { events, ..Batch::default() }).await.unwrap().size;
    }
    store.close().await.unwrap();
    println!("filled up to {size} entries");
}

/// An application of the example.
struct Case {
    input: Value,
    text: String,
}

impl Case {
    fn all(file: &[u8]) -> Vec<Self> {
        let lines = std::str::from_utf8(file).unwrap().lines();
        lines
            .map(|line| {
                let row: Value = serde_json::from_str(line).unwrap();
                let input = row["input"].clone();
                Self { text: input.to_string(), input }
            })
            .collect()
    }

    fn judged(&self, step: &StepProgram, n: u64) -> (Judgement, Vec<Finding>) {
        (step.judge(&self.input, &Candidate::text(output(n))), step.check_input(&self.input))
    }
}

/// The answer to the n-th case: confidences from 0.50 to 0.99, and a decline now and then.
fn output(n: u64) -> String {
    let spread = n.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let decision = if spread.is_multiple_of(11) { "decline" } else { "pre-approve" };
    json!({ "decision": decision, "confidence": (50 + spread % 50) as f64 / 100.0 }).to_string()
}

fn facts(step: &StepProgram, judgement: &Judgement, input: Vec<Finding>, draw: f64) -> Facts {
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
        confidence: judgement.confidence.clone(),
        whens: judgement.whens.clone(),
        thresholds: step.thresholds_used().iter().map(certified).collect(),
        draw,
        inspected: judgement.inspected.clone(),
    }
}

struct Maker {
    log: LogName,
    workflow: Workflow,
    program: Program,
    cases: Vec<Case>,
    release: Digest,
    from: i64,
}

impl Maker {
    fn new(factory: &Factory, workflow: Workflow) -> Self {
        let cases = Case::all(&workflow.files["examples/applications.jsonl"].bytes);
        let mut maker = Self {
            log: WORKFLOW.parse().unwrap(),
            program: Program::compile(&workflow).unwrap(),
            workflow,
            cases,
            release: Digest::of(b""),
            from: factory.now().as_millis() - SPAN_MS,
        };
        maker.release = Digest::of_canonical(&maker.cut_body()).unwrap();
        maker
    }

    fn cut_body(&self) -> ReleaseCut {
        ReleaseCut {
            workflow: WORKFLOW.to_owned(),
            stage: Stage::Production,
            spec: self.workflow.digest,
            state: Digest::of(b"a measurement's"),
            obligations: Digest::of(b"a measurement's"),
            level: "SEATRIAL_SIMULATION".to_owned(),
            models: BTreeMap::new(),
            until: None,
            per_day: None,
            pilot: None,
            waivers: Vec::new(),
        }
    }

    fn cut(&self) -> Event {
        self.event(self.from - 1, u64::MAX, Body::ReleaseCut(self.cut_body()))
    }

    fn event(&self, time: i64, n: u64, body: Body) -> Event {
        Event {
            v: 1,
            id: EventId::new(id(time, n, 1)),
            time: Time::from_millis(time),
            log: self.log.clone(),
            simulation: true,
            actor: Principal::system(),
            subject: Subject::default(),
            spec: Some(self.workflow.digest),
            release: Some(self.release),
            evidence: Vec::new(),
            payloads: BTreeMap::new(),
            people: None,
            body,
        }
    }

    fn batch(&self, range: std::ops::Range<u64>, of: u64) -> Batch {
        let mut batch = Batch::default();
        for n in range {
            let time = self.from + (SPAN_MS as i128 * i128::from(n) / i128::from(of)) as i64;
            let decision = self.decision(time, n, &mut batch.payloads);
            let made = match &decision.body {
                Body::DecisionMade(made) => made.decision,
                _ => continue,
            };
            batch.events.push(decision);
            if n.is_multiple_of(OVERRIDDEN_EVERY) {
                let body =
                    DecisionOverridden { decision: made, reason: "wrong-data".to_owned(), action: Action::Block };
                batch.events.push(self.event(time, n + (1 << 40), Body::DecisionOverridden(body)));
            }
        }
        batch
    }

    fn decision(&self, time: i64, n: u64, payloads: &mut Vec<NewPayload>) -> Event {
        let step = self.program.step(STEP).unwrap();
        let case = &self.cases[(n % self.cases.len() as u64) as usize];
        let decision = DecisionId::new(id(time, n, 2));
        let audit = ElementPath::new(format!("steps.{STEP}.audit"));
        let (judgement, input) = case.judged(step, n);
        let facts = facts(step, &judgement, input, draw(&self.release, &audit, &decision));
        let decided = decide(step.plan(), &facts);
        let tag = Digest::of(&n.to_be_bytes()).hex();
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
            step: STEP.to_owned(),
            case: tag.clone(),
            ask: tag.clone(),
            entry: Entry::Run,
            verdict: decided.verdict,
            action: decided.action,
            code: decided.code.to_owned(),
            because: decided.because.clone(),
            certificate: Some("thresholds.approve\n0.8\nmodel".to_owned()),
            review: decided.review.as_ref().map(|ask| ReviewOpened {
                review: ReviewId::new(id(time, n, 3)),
                to: ask.to.clone(),
                own: ask.own,
                within_ms: ask.within_ms,
                seeded: false,
            }),
            audit: decided.audit,
            model: Some(Digest::of(b"model").to_string()),
            usage: None,
            facts,
        };
        let mut event = self.event(time, n, Body::DecisionMade(made));
        event.subject.decision = Some(decision);
        for (kind, text) in [("case", format!("A{n}")), ("input", case.text.clone()), ("output", output(n))] {
            let salt = Salt(*Digest::of(format!("{kind}{n}").as_bytes()).as_bytes());
            let new = NewPayload {
                salt,
                bytes: text.into_bytes(),
                kind: kind.to_owned(),
                case: Some(tag.clone()),
                expires: None,
            };
            event.payloads.insert(kind.to_owned(), new.commitment());
            payloads.push(new);
        }
        event
    }
}

/// An id of that time; of the kind and number given, so that the same store comes out each time.
fn id(time: i64, n: u64, kind: u8) -> Uuid {
    let mut random = [kind; 10];
    random[1..9].copy_from_slice(&n.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(u64::try_from(time).unwrap(), &random).into_uuid()
}
