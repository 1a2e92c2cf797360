//! Evaluations against a provider: continued where they were interrupted, many at once, repeated.

mod unjudged;
mod upstream;

use crate::support::{Ran, seatrial};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use upstream::Upstream;

const WORKFLOW: &str = r#"seatrial: 1
workflow: routing
title: "Route questions"
purpose: "Every question reaches its team."
population: "Made for a test"
types:
  Question: question.json
  Routing: routing.json
roles:
  handlers: "Handlers"
  engineering: "Delivery team"
steps:
  route:
    does: "Assign the question to a team"
    actor: ai
    influence: decide
    reversible: true
    input: Question
    output: Routing
    model: { provider: slow, name: slow-1-20261101, temperature: 0 }
    forbid:
      nobody: { rule: "output.team == 'nobody'" }
    review: { within: 4h, late: handlers, people: 1, hold: 0s }
    fallback: { to: handlers }
examples:
  golden: { file: golden.jsonl, step: route, drawn: curated }
responsibilities:
  workflow:   { delivery: engineering, receiving: handlers }
  changes:    { delivery: engineering, receiving: handlers }
  exceptions: { delivery: engineering, receiving: handlers }
  behaviour:  { delivery: engineering, receiving: handlers }
  evolution:  { delivery: engineering, receiving: handlers }
"#;

const DEV: &str = "dev@builder.example";

/// A factory whose only workflow asks the upstream.
struct Plant {
    dir: tempfile::TempDir,
}

impl Plant {
    fn new(upstream: &Upstream, examples: impl Iterator<Item = Value>) -> Self {
        Self::of(upstream, WORKFLOW, examples)
    }

    fn of(upstream: &Upstream, workflow: &str, examples: impl Iterator<Item = Value>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::create_dir(root.join("routing")).unwrap();
        let factory = format!(
            "seatrial: 1\nfactory: plant\nkind: simulation\nprofile: small\ntimezone: UTC\npeople:\n  - {{ id: han@bank.example, name: \"Han\", side: receiving, roles: [handlers] }}\n  - {{ id: {DEV}, name: \"Dev\", side: delivery, roles: [engineering] }}\nproviders:\n  slow: {{ kind: openai, base_url: \"http://{}/v1\" }}\nstore: {{ sqlite: .seatrial }}\nworkflows: [routing]\n",
            upstream.address
        );
        std::fs::write(root.join("factory.yaml"), factory).unwrap();
        let question = json!({"type": "object", "required": ["id", "answer"], "properties":
            {"id": {"type": "string"}, "answer": {"type": "string"}, "moody": {"type": "boolean"}}});
        let routing = json!({"type": "object", "required": ["team"], "properties":
            {"team": {"enum": ["billing", "refunds", "nobody", "other"]}}});
        let mut lines = String::new();
        for example in examples {
            writeln!(lines, "{example}").unwrap();
        }
        for (name, text) in [
            ("workflow.yaml", workflow.to_owned()),
            ("question.json", question.to_string()),
            ("routing.json", routing.to_string()),
            ("golden.jsonl", lines),
        ] {
            std::fs::write(root.join("routing").join(name), text).unwrap();
        }
        Self { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn eval(&self, args: &[&str]) -> Ran {
        let mut command = seatrial(self.path());
        command.args(["eval", "golden", "--as", DEV, "--format", "json"]).args(args);
        Ran::of(command.output().unwrap())
    }
}

fn questions(n: usize) -> impl Iterator<Item = Value> {
    (0..n).map(|i| {
        let team = if i % 2 == 0 { "billing" } else { "refunds" };
        json!({"id": format!("e{i}"), "input": {"id": format!("e{i}"), "answer": team}, "expected": {"team": team},
               "tags": [team]})
    })
}

#[test]
fn what_was_recorded_before_a_kill_is_not_asked_again() {
    const TOTAL: usize = 500;
    let upstream = Upstream::start(Duration::from_millis(40));
    let plant = Plant::new(&upstream, questions(TOTAL));
    let mut child = seatrial(plant.path())
        .args(["eval", "golden", "--in-flight", "8", "--as", DEV])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let began = Instant::now();
    while upstream.asked() < 250 {
        assert!(began.elapsed() < Duration::from_secs(60), "{} were asked", upstream.asked());
        std::thread::sleep(Duration::from_millis(5));
    }
    // SIGKILL: nothing is put in order.
    child.kill().unwrap();
    child.wait().unwrap();
    // Answers under way when it died have no reader.
    std::thread::sleep(Duration::from_millis(100));
    let first = upstream.take();
    assert!(first.len() < TOTAL && first.values().all(|n| *n == 1), "each is asked once");

    let done = plant.eval(&["--in-flight", "8", "--each"]).exits(0).json()[0].clone();
    let second = upstream.take();
    let continued = usize::try_from(done["continued"].as_u64().unwrap()).unwrap();
    // Of 250 at least three parts of 64 were full, and two of them on the disk.
    assert!(continued >= 128, "{continued} were recorded");
    assert!(second.values().all(|n| *n == 1));
    assert_eq!(second.len(), TOTAL - continued, "what was recorded, and nothing else, is not asked again");
    let all: BTreeSet<&String> = first.keys().chain(second.keys()).collect();
    assert_eq!(all.len(), TOTAL, "nothing is forgotten");
    // Every example has its answer, whichever process got it.
    assert_eq!((done["passed"]["k"].as_u64(), done["passed"]["n"].as_u64()), (Some(500), Some(500)), "{done}");
    assert_eq!((done["usage"]["input"].as_u64(), done["usage"]["output"].as_u64()), (Some(5_000), Some(1_500)));
    assert_eq!(done["confusion"], json!({"billing": {"billing": 250}, "refunds": {"refunds": 250}}));
    assert_eq!(done["tags"]["billing"]["passed"], json!({"k": 250, "n": 250}));
    assert_eq!(done["each"].as_array().unwrap().len(), TOTAL);
    assert!(done["started"].is_string(), "{}", done["started"]);

    // It ended: the next one begins anew.
    let again = plant.eval(&["--in-flight", "64"]).exits(0).json()[0].clone();
    assert_eq!((again["continued"].as_u64(), upstream.take().len()), (Some(0), TOTAL));
    // The log, its parts and its projections hold together.
    let verified = Ran::of(seatrial(plant.path()).args(["log", "verify", "--format", "json"]).output().unwrap());
    verified.exits(0);
}

#[test]
fn a_model_that_is_gone_ends_it_and_it_goes_on() {
    const TOTAL: usize = 300;
    let upstream = Upstream::start(Duration::from_millis(10));
    let plant = Plant::new(&upstream, questions(TOTAL));
    let dir = plant.path().to_owned();
    let running = std::thread::spawn(move || {
        let mut command = seatrial(&dir);
        command.args(["eval", "golden", "--in-flight", "4", "--as", DEV]);
        Ran::of(command.output().unwrap())
    });
    while upstream.asked() < 100 {
        std::thread::sleep(Duration::from_millis(2));
    }
    upstream.go_down(true);
    let ran = running.join().unwrap().exits(4);
    assert!(ran.err.contains("are recorded: the same command goes on from there"), "{}", ran.err);
    let first = upstream.take();
    upstream.go_down(false);
    let done = plant.eval(&[]).exits(0).json()[0].clone();
    let second = upstream.take();
    assert_eq!(done["continued"].as_u64().unwrap(), first.len() as u64, "all that was answered was recorded");
    assert_eq!(first.len() + second.len(), TOTAL);
    assert_eq!(done["inconclusive"].as_u64(), Some(0));
}

/// Fewer examples than calls that may fail in a row: nothing was measured, so nothing is recorded.
#[test]
fn a_model_that_never_answers_is_not_measured() {
    let upstream = Upstream::start(Duration::ZERO);
    let plant = Plant::new(&upstream, questions(5));
    upstream.go_down(true);
    let args = ["eval", "golden", "--as", DEV];
    let ran = Ran::of(seatrial(plant.path()).args(args).output().unwrap()).exits(4);
    assert!(ran.err.contains("the model cannot be reached"), "{}", ran.err);
    let explained = Ran::of(seatrial(plant.path()).args(["explain", "eval.golden"]).output().unwrap());
    assert!(explained.out.contains("○ open"), "{}", explained.out);
    upstream.go_down(false);
    let done = plant.eval(&[]).exits(0).json()[0].clone();
    assert_eq!((&done["continued"], &done["passed"]["k"]), (&json!(0), &json!(5)));
}

/// How busy it is kept is a figure, said and not asserted: this machine may have other work. That all places are taken is
/// asserted. `SEATRIAL_SOAK=1` asks ten thousand.
#[test]
fn a_slow_upstream_is_kept_busy() {
    let soak = std::env::var("SEATRIAL_SOAK").is_ok_and(|v| v == "1");
    let n = if soak { 10_000 } else { 1_280 };
    let upstream = Upstream::start(Duration::from_millis(200));
    let plant = Plant::new(&upstream, questions(n));
    let began = Instant::now();
    let done = plant.eval(&["--in-flight", "64"]).exits(0).json()[0].clone();
    assert_eq!(done["passed"]["k"].as_u64(), Some(n as u64));
    assert_eq!(upstream.most_in_flight(), 64, "all places were taken at some moment, and never more");
    let mean = upstream.mean_in_flight();
    println!(
        "{n} examples, 64 in flight, 200 ms each: {:.1} s, {mean:.2} in flight on the mean",
        began.elapsed().as_secs_f64()
    );
}

#[test]
fn repeats_show_what_is_unstable() {
    let upstream = Upstream::start(Duration::ZERO);
    let moody = json!({"id": "moody", "input": {"id": "moody", "answer": "billing", "moody": true},
                       "expected": {"team": "billing"}, "tags": ["billing"]});
    let plant = Plant::new(&upstream, questions(5).chain([moody]));
    let report = plant.path().join("report.xml");
    let ran = plant.eval(&["--repeat", "3", "--junit", "report.xml"]).exits(1);
    let done = &ran.json()[0];
    assert_eq!(done["repeats"], json!({"times": 3, "unstable": 1}));
    assert_eq!((done["passed"]["k"].as_u64(), done["inconclusive"].as_u64()), (Some(5), Some(1)));
    assert_eq!(done["usage"]["input"].as_u64(), Some(180), "six examples, three times");
    assert_eq!(done["each"][0]["id"], "moody");
    assert!(upstream.take().values().all(|n| *n == 3));
    let xml = std::fs::read_to_string(report).unwrap();
    assert!(xml.contains(r#"<testsuite name="golden" tests="6" failures="0" errors="0" skipped="1""#), "{xml}");
    assert!(xml.contains("repeated answers differ; not as expected: team"), "{xml}");

    // A table for people says the same.
    let text =
        Ran::of(seatrial(plant.path()).args(["eval", "--repeat", "2", "--as", DEV]).output().unwrap()).exits(1).out;
    for part in
        ["5 of 6", "golden/moody", "repeated answers differ", "each asked 2 times; 1 answered differently", "tokens in"]
    {
        assert!(text.contains(part), "`{part}` in\n{text}");
    }
    plant.eval(&["--in-flight", "0"]).exits(2);
    plant.eval(&["--in-flight", "257"]).exits(2);
    plant.eval(&["--repeat", "21"]).exits(2);
    assert_eq!(upstream.take().values().sum::<u64>(), 12, "what is refused asks nothing");
}
