//! What `/metrics` tells: counters and histograms that requests move, and gauges that are read when somebody asks.
//!
//! Labels are names that a spec or the factory's file gives, and words of ours: never what a client chose. So there
//! are as many series as there are steps, and no more.

use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use seatrial_factory::observe::{Decided, ModelCall, RefusedCall};
use seatrial_gateway::{Answered, Vitals};
use seatrial_model::Body;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

/// From a tenth of a millisecond, which a check takes, to two minutes, the longest that a step may.
const SECONDS: [f64; 16] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5, 10.0, 30.0, 120.0];

/// A word as a label's value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
struct Word(&'static str);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), fmt::Error> {
        encoder.write_str(self.0)
    }
}

macro_rules! labels {
    ($name:ident { $($field:ident: $kind:ty),* }) => {
        #[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
        struct $name { $($field: $kind),* }
    };
}

labels!(DecisionLabels { workflow: String, step: String, verdict: Word, action: Word, rehearsal: Word });
labels!(StepLabels { workflow: String, step: String });
labels!(PhaseLabels { workflow: String, step: String, phase: Word });
labels!(TokenLabels { workflow: String, step: String, direction: Word });
labels!(RefusalLabels { workflow: String, step: String, code: Word });
labels!(CallLabels { provider: String, model: String, outcome: Word });
labels!(ModelLabels { provider: String, model: String });
labels!(StreamLabels { end: Word });
labels!(AnswerLabels { endpoint: Word, status: Word, code: Word });
labels!(WorkflowLabels { workflow: String });
labels!(ReviewLabels { workflow: String, answer: Word });
labels!(SwitchLabels { workflow: String, change: Word });
labels!(ReleaseLabels { workflow: String, stage: Word });

type Seconds<L> = Family<L, Histogram, fn() -> Histogram>;

fn seconds<L: Clone + std::hash::Hash + Eq>() -> Seconds<L> {
    Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> Histogram)
}

/// All of it.
pub(crate) struct Measures {
    registry: Registry,
    decisions: Family<DecisionLabels, Counter>,
    joined: Family<StepLabels, Counter>,
    refusals: Family<RefusalLabels, Counter>,
    decision_seconds: Seconds<StepLabels>,
    phase_seconds: Seconds<PhaseLabels>,
    tokens: Family<TokenLabels, Counter>,
    streams: Family<StreamLabels, Counter>,
    model_calls: Family<CallLabels, Counter>,
    model_seconds: Seconds<ModelLabels>,
    model_requests: Family<ModelLabels, Counter>,
    answers: Family<AnswerLabels, Counter>,
    reviews_opened: Family<WorkflowLabels, Counter>,
    reviews_answered: Family<ReviewLabels, Counter>,
    switches: Family<SwitchLabels, Counter>,
    missed: Counter,
    reviews_open: Family<WorkflowLabels, Gauge>,
    stops: Family<WorkflowLabels, Gauge>,
    releases: Family<ReleaseLabels, Gauge>,
    broken: Family<WorkflowLabels, Gauge>,
    circuits: Family<ModelLabels, Gauge>,
    connections: Gauge,
    accepted: Counter,
    in_flight: Gauge,
    waiting: Gauge,
    draining: Gauge,
    store_bytes: Gauge,
    exports_failed: Counter,
}

/// What is read only when somebody asks.
pub(crate) struct Standing {
    /// Every workflow, and how many reviews of it wait.
    pub(crate) workflows: Vec<(seatrial_factory::observe::Running, usize)>,
    /// Models that were asked, by provider and name, and whether calls of them fail at once.
    pub(crate) circuits: BTreeMap<(String, String), bool>,
    /// The store's files.
    pub(crate) store_bytes: u64,
}

/// A metric, as the reference lists it.
pub(crate) struct Described {
    /// Its name, without what the format appends.
    pub(crate) name: &'static str,
    /// `counter`, `gauge`, `histogram`, `info`.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference is written from it"))]
    pub(crate) kind: &'static str,
    /// Its labels.
    #[cfg_attr(not(test), expect(dead_code, reason = "the reference is written from it"))]
    pub(crate) labels: &'static str,
    /// What it says.
    pub(crate) help: &'static str,
}

/// Declares the metrics once: for the registry, and for the reference.
macro_rules! described {
    ($($const:ident = $name:literal, $kind:literal, $labels:literal, $help:literal;)*) => {
        $(const $const: Described = Described { name: $name, kind: $kind, labels: $labels, help: $help };)*
        /// Every metric, in the order of the reference.
        #[cfg(test)]
        pub(crate) const ALL: &[Described] = &[$($const),*];
    };
}

described! {
    BUILD = "seatrial_build", "info", "version", "The version that runs";
    DECISIONS = "seatrial_decisions", "counter", "workflow, step, verdict, action, rehearsal", "Decisions made and recorded";
    JOINED = "seatrial_decisions_joined", "counter", "workflow, step", "Requests that were a retry and got the decision that existed";
    REFUSALS = "seatrial_refusals", "counter", "workflow, step, code", "Requests for a step that were refused before any decision; without names where there is no such step";
    DECISION_SECONDS = "seatrial_decision_seconds", "histogram", "workflow, step", "From a request's admission to its durable decision";
    PHASE_SECONDS = "seatrial_phase_seconds", "histogram", "workflow, step, phase", "The same by phase: `admit`, `candidate` (the model, and the checks of its answer), `record` (deciding, and the durable commit)";
    TOKENS = "seatrial_tokens", "counter", "workflow, step, direction", "Tokens that decisions used, as providers said: `input`, `output`";
    STREAMS = "seatrial_streams", "counter", "end", "Streams released in windows, by how they ended";
    MODEL_CALLS = "seatrial_model_calls", "counter", "provider, model, outcome", "Calls of models: `ok`, `unreachable`, `timed_out`, `limited`, `rejected`, `unreadable`, `cancelled`";
    MODEL_SECONDS = "seatrial_model_seconds", "histogram", "provider, model", "How long a model took; a stream, to its end";
    MODEL_REQUESTS = "seatrial_model_requests", "counter", "provider, model", "Requests that providers were sent: more than calls where some were repeated";
    ANSWERS = "seatrial_answers", "counter", "endpoint, status, code", "Answers of the HTTP listener; `code` is the error's, or empty";
    REVIEWS_OPENED = "seatrial_reviews_opened", "counter", "workflow", "Reviews that decisions opened";
    REVIEWS_ANSWERED = "seatrial_reviews_answered", "counter", "workflow, answer", "Reviews that people answered";
    SWITCHES = "seatrial_switches", "counter", "workflow, change", "Stops and resumes, drills included: `stopped`, `resumed`";
    MISSED = "seatrial_commits_missed", "counter", "", "Commits that `seatrial_reviews_answered` and `seatrial_switches` did not see because many came at once";
    REVIEWS_OPEN = "seatrial_reviews_open", "gauge", "workflow", "Reviews of cases that wait; 10 000 stands for that many or more";
    STOPS = "seatrial_stops", "gauge", "workflow", "Stops in force: of the workflow, its steps, or the factory";
    RELEASES = "seatrial_releases", "gauge", "workflow, stage", "1 for the stage of the release in force";
    BROKEN = "seatrial_broken", "gauge", "workflow", "1 where something that should be served cannot be";
    CIRCUITS = "seatrial_circuit_open", "gauge", "provider, model", "1 while calls of a model fail at once because earlier ones failed";
    CONNECTIONS = "seatrial_connections", "gauge", "", "Open connections";
    ACCEPTED = "seatrial_connections_accepted", "counter", "", "Connections that were accepted";
    IN_FLIGHT = "seatrial_in_flight", "gauge", "", "Requests of the data plane under way";
    WAITING = "seatrial_waiting", "gauge", "", "Requests that wait for a decision to be settled";
    DRAINING = "seatrial_draining", "gauge", "", "1 once the process is to end";
    STORE_BYTES = "seatrial_store_bytes", "gauge", "", "Size of the store's database and its write-ahead log";
    EXPORTS_FAILED = "seatrial_telemetry_failures", "counter", "", "Exports over OTLP that the collector did not take";
}

fn add<M: prometheus_client::registry::Metric + Clone>(registry: &mut Registry, what: &Described, metric: &M) {
    registry.register(what.name, what.help, metric.clone());
}

impl Measures {
    /// All at zero.
    pub(crate) fn new() -> Self {
        let mut measures = Self {
            registry: Registry::default(),
            decisions: Family::default(),
            joined: Family::default(),
            refusals: Family::default(),
            decision_seconds: seconds(),
            phase_seconds: seconds(),
            tokens: Family::default(),
            streams: Family::default(),
            model_calls: Family::default(),
            model_seconds: seconds(),
            model_requests: Family::default(),
            answers: Family::default(),
            reviews_opened: Family::default(),
            reviews_answered: Family::default(),
            switches: Family::default(),
            missed: Counter::default(),
            reviews_open: Family::default(),
            stops: Family::default(),
            releases: Family::default(),
            broken: Family::default(),
            circuits: Family::default(),
            connections: Gauge::default(),
            accepted: Counter::default(),
            in_flight: Gauge::default(),
            waiting: Gauge::default(),
            draining: Gauge::default(),
            store_bytes: Gauge::default(),
            exports_failed: Counter::default(),
        };
        measures.register();
        measures
    }

    fn register(&mut self) {
        let r = &mut self.registry;
        r.register(BUILD.name, BUILD.help, Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        add(r, &DECISIONS, &self.decisions);
        add(r, &JOINED, &self.joined);
        add(r, &REFUSALS, &self.refusals);
        add(r, &DECISION_SECONDS, &self.decision_seconds);
        add(r, &PHASE_SECONDS, &self.phase_seconds);
        add(r, &TOKENS, &self.tokens);
        add(r, &STREAMS, &self.streams);
        add(r, &MODEL_CALLS, &self.model_calls);
        add(r, &MODEL_SECONDS, &self.model_seconds);
        add(r, &MODEL_REQUESTS, &self.model_requests);
        add(r, &ANSWERS, &self.answers);
        add(r, &REVIEWS_OPENED, &self.reviews_opened);
        add(r, &REVIEWS_ANSWERED, &self.reviews_answered);
        add(r, &SWITCHES, &self.switches);
        add(r, &MISSED, &self.missed);
        add(r, &REVIEWS_OPEN, &self.reviews_open);
        add(r, &STOPS, &self.stops);
        add(r, &RELEASES, &self.releases);
        add(r, &BROKEN, &self.broken);
        add(r, &CIRCUITS, &self.circuits);
        add(r, &CONNECTIONS, &self.connections);
        add(r, &ACCEPTED, &self.accepted);
        add(r, &IN_FLIGHT, &self.in_flight);
        add(r, &WAITING, &self.waiting);
        add(r, &DRAINING, &self.draining);
        add(r, &STORE_BYTES, &self.store_bytes);
        add(r, &EXPORTS_FAILED, &self.exports_failed);
    }

    /// A decision was made, or joined.
    pub(crate) fn decided(&self, decided: &Decided<'_>) {
        let step = StepLabels { workflow: decided.workflow.to_owned(), step: decided.step.to_owned() };
        if decided.joined {
            self.joined.get_or_create(&step).inc();
            return;
        }
        let StepLabels { workflow, step: name } = step.clone();
        let labels = DecisionLabels {
            workflow,
            step: name,
            verdict: Word(decided.verdict.as_str()),
            action: Word(decided.action.as_str()),
            rehearsal: Word(if decided.rehearsal { "true" } else { "false" }),
        };
        self.decisions.get_or_create(&labels).inc();
        self.decision_seconds.get_or_create(&step).observe(decided.took.total.as_secs_f64());
        let took = decided.took;
        for (phase, took) in [("admit", took.admit), ("candidate", took.candidate), ("record", took.record)] {
            let StepLabels { workflow, step } = step.clone();
            let labels = PhaseLabels { workflow, step, phase: Word(phase) };
            self.phase_seconds.get_or_create(&labels).observe(took.as_secs_f64());
        }
        if let Some(usage) = decided.usage {
            for (direction, tokens) in [("input", usage.input), ("output", usage.output)] {
                let StepLabels { workflow, step } = step.clone();
                let labels = TokenLabels { workflow, step, direction: Word(direction) };
                self.tokens.get_or_create(&labels).inc_by(tokens);
            }
        }
        if let Some(end) = decided.stream {
            self.streams.get_or_create(&StreamLabels { end: Word(end.as_str()) }).inc();
        }
        if decided.review {
            self.reviews_opened.get_or_create(&WorkflowLabels { workflow: step.workflow }).inc();
        }
    }

    /// A request was refused.
    pub(crate) fn refused(&self, refused: &RefusedCall<'_>) {
        let labels = RefusalLabels {
            workflow: refused.workflow.unwrap_or_default().to_owned(),
            step: refused.step.unwrap_or_default().to_owned(),
            code: Word(refused.code),
        };
        self.refusals.get_or_create(&labels).inc();
    }

    /// A model was asked.
    pub(crate) fn asked(&self, call: &ModelCall<'_>) {
        let labels = ModelLabels { provider: call.provider.to_owned(), model: call.model.to_owned() };
        self.model_seconds.get_or_create(&labels).observe(call.took.as_secs_f64());
        self.model_requests.get_or_create(&labels).inc_by(call.requests);
        let ModelLabels { provider, model } = labels;
        let labels = CallLabels { provider, model, outcome: Word(call.outcome) };
        self.model_calls.get_or_create(&labels).inc();
    }

    /// A request was answered.
    pub(crate) fn answered(&self, answered: &Answered) {
        let labels = AnswerLabels {
            endpoint: Word(answered.endpoint),
            status: Word(status(answered.status)),
            code: Word(answered.code.unwrap_or_default()),
        };
        self.answers.get_or_create(&labels).inc();
    }

    /// Something was recorded.
    pub(crate) fn recorded(&self, workflow: &str, body: &Body) {
        let workflow = workflow.to_owned();
        match body {
            Body::ReviewAnswered(answered) => {
                let labels = ReviewLabels { workflow, answer: Word(answered.answer.as_str()) };
                self.reviews_answered.get_or_create(&labels).inc();
            }
            Body::WorkflowStopped(_) => {
                self.switches.get_or_create(&SwitchLabels { workflow, change: Word("stopped") }).inc();
            }
            Body::WorkflowResumed(_) => {
                self.switches.get_or_create(&SwitchLabels { workflow, change: Word("resumed") }).inc();
            }
            _ => {}
        }
    }

    /// Commits went by unseen.
    pub(crate) fn missed(&self, commits: u64) {
        self.missed.inc_by(commits);
    }

    /// The text, with what stands now.
    pub(crate) fn text(&self, vitals: &Vitals, standing: &Standing, failed: u64) -> Result<String, fmt::Error> {
        self.stands(vitals, standing);
        self.exports_failed.inc_by(failed.saturating_sub(self.exports_failed.get()));
        self.written()
    }

    /// The text, as it was last counted.
    pub(super) fn written(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }

    fn stands(&self, vitals: &Vitals, standing: &Standing) {
        let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        // What is no more is not shown with its last figure.
        self.releases.clear();
        for (running, reviews) in &standing.workflows {
            let workflow = running.workflow.to_string();
            let labels = WorkflowLabels { workflow: workflow.clone() };
            self.reviews_open.get_or_create(&labels).set(whole(*reviews));
            self.stops.get_or_create(&labels).set(whole(running.stops));
            self.broken.get_or_create(&labels).set(i64::from(running.broken));
            if let Some(stage) = running.stage {
                self.releases.get_or_create(&ReleaseLabels { workflow, stage: Word(stage.as_str()) }).set(1);
            }
        }
        for ((provider, model), open) in &standing.circuits {
            let labels = ModelLabels { provider: provider.clone(), model: model.clone() };
            self.circuits.get_or_create(&labels).set(i64::from(*open));
        }
        self.connections.set(i64::try_from(vitals.connections()).unwrap_or(i64::MAX));
        self.accepted.inc_by(vitals.accepted().saturating_sub(self.accepted.get()));
        self.in_flight.set(whole(vitals.in_flight()));
        self.waiting.set(whole(vitals.waiting()));
        self.draining.set(i64::from(vitals.draining()));
        self.store_bytes.set(i64::try_from(standing.store_bytes).unwrap_or(i64::MAX));
    }
}

/// Statuses that are given; others are told by their class.
const fn status(status: u16) -> &'static str {
    match status {
        200 => "200",
        201 => "201",
        204 => "204",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        409 => "409",
        413 => "413",
        429 => "429",
        500 => "500",
        502 => "502",
        503 => "503",
        504 => "504",
        529 => "529",
        other => match other / 100 {
            1 => "1xx",
            2 => "2xx",
            3 => "3xx",
            4 => "4xx",
            _ => "5xx",
        },
    }
}
