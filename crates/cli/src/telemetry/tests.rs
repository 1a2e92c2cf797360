use super::measures::{ALL, Measures};
use super::*;
use seatrial_factory::observe::Took;
use seatrial_model::event::{Entry, Usage};
use seatrial_model::{Action, StreamEnd, Verdict};
use std::time::Duration;

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/metrics.md");

const HEAD: &str = "\
# Metrics

What `GET /metrics` of `seatrial serve` says, in the OpenMetrics text format. From the machine itself it is read without a
token; from elsewhere, or through a proxy, with an operator's. Names below are as they are declared: the format appends
`_total` to counters, `_info` to the info, and `_bucket`, `_sum` and `_count` to histograms. Durations are in seconds.
Labels hold names of your specs and of `factory.yaml`, and words of Seatrial; never what a client chose. This page is
written from the code (`SEATRIAL_UPDATE=1 cargo test -p seatrial-cli metrics`).

| metric | kind | labels | what it says |
|---|---|---|---|
";

fn reference() -> String {
    let line = |m: &measures::Described| {
        let labels: Vec<String> = m.labels.split(", ").filter(|l| !l.is_empty()).map(|l| format!("`{l}`")).collect();
        format!("| `{}` | {} | {} | {} |\n", m.name, m.kind, labels.join(", "), m.help)
    };
    format!("{HEAD}{}", ALL.iter().map(line).collect::<String>())
}

#[test]
fn the_reference_of_metrics_is_what_the_code_has() {
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(REFERENCE, reference()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(REFERENCE).unwrap(), reference(), "renew it with SEATRIAL_UPDATE=1");
}

fn decided<'a>() -> Decided<'a> {
    Decided {
        workflow: "desk",
        step: "route",
        entry: Entry::Run,
        protocol: None,
        rehearsal: false,
        decision: "dec_01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        release: None,
        case: "",
        verdict: Verdict::Escalate,
        action: Action::Block,
        code: "review_pending",
        model: None,
        usage: Some(Usage { input: 3, output: 4 }),
        confidence: (0.5, true),
        inspected_all: true,
        review: true,
        joined: false,
        stream: Some(StreamEnd::Complete),
        took: Took { total: Duration::from_millis(3), ..Took::default() },
    }
}

/// What moves with the store and people alone: the format leaves families without a sample out, and a test with the
/// binary reads these.
const LATER: [&str; 7] = [
    "seatrial_reviews_answered",
    "seatrial_switches",
    "seatrial_reviews_open",
    "seatrial_stops",
    "seatrial_releases",
    "seatrial_broken",
    "seatrial_circuit_open",
];

#[test]
fn every_metric_is_there_with_the_labels_that_the_reference_names() {
    let measures = Measures::new();
    measures.decided(&decided());
    measures.decided(&Decided { joined: true, ..decided() });
    let (took, code) = (Duration::from_millis(1), "not_released");
    measures.refused(&RefusedCall { workflow: None, step: None, code, rehearsal: false, took });
    measures.asked(&ModelCall {
        workflow: "desk",
        step: "route",
        provider: "default",
        kind: "openai",
        model: "m",
        answered: None,
        outcome: "ok",
        usage: None,
        requests: 1,
        streamed: false,
        took,
    });
    measures.answered(&Answered { endpoint: "chat", status: 418, code: None, took });
    let text = measures.written().unwrap();
    for metric in ALL.iter().filter(|m| !LATER.contains(&m.name)) {
        let (kind, name) = (metric.kind, metric.name);
        assert!(text.contains(&format!("# TYPE {name} {kind}\n")), "{name}: {text}");
        let Some(sample) =
            text.lines().find(|l| l.starts_with(&format!("{name}_")) || l.starts_with(&format!("{name}{{")))
        else {
            continue;
        };
        let labels: Vec<&str> = metric.labels.split(", ").filter(|l| !l.is_empty()).collect();
        for label in &labels {
            assert!(sample.contains(&format!("{label}=\"")), "{label}: {sample}");
        }
        assert_eq!(sample.matches("=\"").count() - sample.matches("le=\"").count(), labels.len(), "{sample}");
    }
    assert!(text.contains("seatrial_answers_total{endpoint=\"chat\",status=\"4xx\",code=\"\"} 1"), "{text}");
    assert!(text.contains("seatrial_decisions_joined_total{workflow=\"desk\",step=\"route\"} 1"), "{text}");
}

#[test]
fn telemetry_is_off_where_nobody_asks_for_it() {
    let failures = Arc::new(Failures::default());
    let of = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(String, String)> = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let env = move |name: &str| pairs.iter().find(|(k, _)| k == name).map(|(_, v)| v.clone());
        Otlp::start(&env, &failures).unwrap().is_some()
    };
    assert!(!of(&[]));
    assert!(!of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]));
    assert!(!of(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9"), ("OTEL_SDK_DISABLED", "true")]));
    let none = [("OTEL_TRACES_EXPORTER", "none"), ("OTEL_METRICS_EXPORTER", "none")];
    assert!(!of(&[&[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")][..], &none].concat()));
}
