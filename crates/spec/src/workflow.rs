//! The checked workflow: what a spec means once the checker is content. Plain data, in the spec's words.

use seatrial_model::facts::{OnLapse, ReviewAll};
use seatrial_model::{Day, Digest, ElementPath, Influence, PathPattern, Side, Span, Tier};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A checked spec. Every reference in it resolves.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its name: also the name of its log.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// Whom it is about.
    pub population: String,
    /// What it should achieve, by name.
    pub outcomes: BTreeMap<String, Outcome>,
    /// JSON Schemas by type name.
    pub types: BTreeMap<String, SchemaType>,
    /// Roles by name, with their description.
    pub roles: BTreeMap<String, String>,
    /// Steps, in the order of the file.
    pub steps: Vec<Step>,
    /// Confidence thresholds by name.
    pub thresholds: BTreeMap<String, Threshold>,
    /// Parts of the population by name.
    pub slices: BTreeMap<String, Slice>,
    /// Example sets by name.
    pub examples: BTreeMap<String, ExampleSet>,
    /// Tier and register.
    pub risks: Risks,
    /// What is not known yet, by name.
    pub questions: BTreeMap<String, Question>,
    /// What must stay true after handoff, by name.
    pub assumptions: BTreeMap<String, Assumption>,
    /// The five responsibilities: `workflow`, `changes`, `exceptions`, `behaviour`, `evolution`.
    pub responsibilities: BTreeMap<String, Responsibility>,
    /// The gates.
    pub gates: Gates,
    /// `workflow.yaml` and every file it names: path within the folder → content.
    pub files: BTreeMap<String, SpecFile>,
    /// Every addressable element, sorted by path; the root (empty path) first.
    pub elements: Vec<Element>,
    /// The digest of the root as written.
    pub digest: Digest,
}

impl Workflow {
    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|s| s.name == name)
    }

    /// The element at that path.
    #[must_use]
    pub fn element(&self, path: &ElementPath) -> Option<&Element> {
        self.elements.binary_search_by(|e| e.path.cmp(path)).ok().and_then(|i| self.elements.get(i))
    }
}

/// One addressable element with its two digests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Element {
    /// Its path.
    pub path: ElementPath,
    /// Digest as written: prose included. Human judgement is keyed on it.
    pub written: Digest,
    /// Digest of what it compiles to. Measurement is keyed on it.
    pub compiled: Digest,
}

/// A file of the spec.
#[derive(Clone, Debug)]
pub struct SpecFile {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// The digest of its bytes: its blob.
    pub blob: Digest,
}

/// What a workflow should achieve.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How it is measured.
    pub measure: String,
    /// How it stands today.
    pub today: Option<f64>,
    /// What it should be.
    pub target: Bar,
}

/// A comparison with a number: `">= 0.95"`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Bar {
    /// The comparison.
    pub op: BarOp,
    /// The number.
    pub value: f64,
}

/// The comparison of a [`Bar`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum BarOp {
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// More than.
    #[serde(rename = ">")]
    Above,
    /// Less than.
    #[serde(rename = "<")]
    Below,
}

impl Bar {
    /// Whether a figure meets it.
    #[must_use]
    pub fn is_met_by(&self, figure: f64) -> bool {
        match self.op {
            BarOp::AtLeast => figure >= self.value,
            BarOp::AtMost => figure <= self.value,
            BarOp::Above => figure > self.value,
            BarOp::Below => figure < self.value,
        }
    }
}

/// A named type: a JSON Schema in a file of the spec.
#[derive(Clone, Debug)]
pub struct SchemaType {
    /// The file.
    pub file: String,
    /// The schema.
    pub schema: Arc<Value>,
    /// The digest of its RFC 8785 form.
    pub digest: Digest,
}

/// A checked expression.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expr {
    /// As written.
    pub source: String,
    /// Ready to compile: integer literals beside doubles are promoted, spelling normalised.
    pub promoted: String,
}

/// Who does a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Actor {
    /// A model.
    Ai,
    /// A person.
    Person,
    /// A program, by rule.
    System,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// What it does.
    pub does: String,
    /// Who does it.
    pub actor: Actor,
    /// How far AI may reach; `inform` for steps without AI.
    pub influence: Influence,
    /// Whether its effect can be taken back.
    pub reversible: bool,
    /// The name of its input type.
    pub input: Option<String>,
    /// The name of its output type.
    pub output: Option<String>,
    /// The model.
    pub model: Option<ModelRef>,
    /// Dotted paths below the input that the model never sees.
    pub withhold: Vec<String>,
    /// The prompt's file.
    pub prompt: Option<String>,
    /// How often the model is asked, at most; at least 1.
    pub attempts: u32,
    /// The time limit of the whole step.
    pub within: Option<Span>,
    /// How a stream is served.
    pub stream: StreamMode,
    /// Checked before the model is called.
    pub refuse_input: Vec<Rule>,
    /// All must hold.
    pub require: Vec<Rule>,
    /// None may hold.
    pub forbid: Vec<Rule>,
    /// Not delegated to AI at all.
    pub never: Vec<Rule>,
    /// Where the confidence comes from.
    pub confidence: Option<ConfidenceSource>,
    /// When a person has to answer.
    pub escalate: Vec<Escalation>,
    /// People check allowed decisions.
    pub audit: Option<Audit>,
    /// How reviews are answered.
    pub review: Review,
    /// Who may override, and with which reasons.
    pub overrides: Option<Override>,
    /// Who does the work when the step is stopped.
    pub fallback: Option<Fallback>,
    /// Limits.
    pub limits: Limits,
    /// What is kept, and how long.
    pub trace: Trace,
    /// The policy check before the workflow progresses (`steps.route.settled`).
    pub requires: Option<Expr>,
}

impl Step {
    /// `steps.<name>`.
    #[must_use]
    pub fn path(&self) -> ElementPath {
        ElementPath::new(format!("steps.{}", self.name))
    }
}

/// Which model a step asks.
#[derive(Clone, PartialEq, Debug)]
pub struct ModelRef {
    /// A provider of `factory.yaml`.
    pub provider: String,
    /// The model's name there.
    pub name: String,
    /// Sampling temperature.
    pub temperature: Option<f64>,
    /// Names of other models of the provider, tried in order.
    pub fallback: Vec<String>,
    /// What an embedded classifier learns from; only for providers of kind `classifier`.
    pub train: Option<Train>,
}

/// What an embedded classifier learns from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Train {
    /// The example set; only its training side is used.
    pub examples: String,
    /// The label's dotted path in an example (`expected.decision`). Its last name is the output field that the
    /// classifier fills; its confidence goes to the field that the step's `confidence` names.
    pub label: String,
}

/// How a streamed answer is served.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum StreamMode {
    /// Nothing before the verdict.
    #[default]
    Buffer,
    /// In windows of so many bytes.
    Window(u32),
}

/// One rule of `refuse_input`, `require`, `forbid` or `never`.
#[derive(Clone, PartialEq, Debug)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// Its element.
    pub path: ElementPath,
    /// What it checks.
    pub check: Check,
    /// Why it is there.
    pub because: Option<String>,
    /// What happens when it objects.
    pub otherwise: Else,
    /// The role that answers, where it escalates; else the step's first escalation or fallback role.
    pub to: Option<String>,
}

/// What a rule checks.
#[derive(Clone, PartialEq, Debug)]
pub enum Check {
    /// An expression.
    Rule(Expr),
    /// Detectors over a part: named ones (`email`, `phone`, `iban`, `card-number`, `ip-address`, `url`, `secret`) and
    /// regular expressions of the user's own.
    Detect {
        /// Names of detectors.
        detectors: Vec<String>,
        /// Own regular expressions.
        regexes: Vec<String>,
        /// The dotted field (`output.reason`); all text where none is named.
        within: Option<String>,
    },
    /// A quoted text must occur verbatim in a field of the input.
    Grounded {
        /// The field that quotes (`output.quote`).
        quote: String,
        /// The field quoted from (`input.text`).
        within: String,
    },
}

/// What happens when a rule objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Else {
    /// Nothing leaves.
    Deny,
    /// A person answers.
    Escalate,
    /// What was found is redacted.
    Modify,
    /// It passes with a warning.
    Warn,
}

/// Where the confidence comes from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfidenceSource {
    /// A field of the output (`output.confidence`).
    Output(String),
    /// The log-probabilities of a field's tokens.
    Logprobs(String),
    /// Agreement of so many samples.
    Agreement(u32),
    /// Another step, as judge.
    Judge(String),
    /// The caller says it.
    Caller,
}

impl ConfidenceSource {
    /// As written in facts and certificates: `output.confidence`, `logprobs:output.team`, `caller`.
    #[must_use]
    pub fn label(&self) -> String {
        match self {
            Self::Output(field) => field.clone(),
            Self::Logprobs(field) => format!("logprobs:{field}"),
            Self::Agreement(n) => format!("agreement:{n}"),
            Self::Judge(step) => format!("judge:{step}"),
            Self::Caller => "caller".to_owned(),
        }
    }
}

/// One escalation.
#[derive(Clone, PartialEq, Debug)]
pub struct Escalation {
    /// Its name.
    pub name: String,
    /// Its element.
    pub path: ElementPath,
    /// When a person has to answer.
    pub when: Expr,
    /// The role that answers.
    pub to: String,
    /// Why.
    pub because: Option<String>,
    /// The thresholds that `when` reads (`thresholds.route`).
    pub thresholds: Vec<ElementPath>,
}

/// People check allowed decisions, by sampling.
#[derive(Clone, PartialEq, Debug)]
pub struct Audit {
    /// The share drawn, in [0, 1].
    pub sample: f64,
    /// The role that checks.
    pub to: String,
    /// Whether the checker answers before seeing the AI's answer.
    pub blind: bool,
}

/// How reviews are answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Review {
    /// When a review is late.
    pub within: Option<Span>,
    /// The role that takes late ones.
    pub late: Option<String>,
    /// How many people answer.
    pub people: u32,
    /// How long a call waits for the answer (at most 300 s).
    pub hold: Span,
}

/// Who may override, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Override {
    /// Roles.
    pub by: Vec<String>,
    /// Reasons to choose from.
    pub reasons: Vec<String>,
}

/// Who does the work when the step is stopped.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fallback {
    /// The role.
    pub to: String,
    /// How many cases a day they manage.
    pub per_day: Option<u64>,
    /// The runbook's file.
    pub runbook: Option<String>,
}

/// Limits of a step.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Limits {
    /// Calls a minute.
    pub per_minute: Option<u64>,
    /// Tokens a day.
    pub tokens_per_day: Option<u64>,
    /// Money a day, as written (`50 EUR`).
    pub money_per_day: Option<String>,
}

/// What is kept, and how long.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Trace {
    /// Events and their findings.
    pub keep: Option<Span>,
    /// Payloads.
    pub payloads: Option<Span>,
}

/// A confidence threshold with its promise.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// The number; none (`at: none`): nothing passes without a person.
    pub at: Option<f64>,
    /// α.
    pub max_wrong: Option<f64>,
    /// 1 − δ.
    pub assurance: Option<f64>,
    /// What wrong means.
    pub wrong_when: Option<Expr>,
    /// The example set that it is calibrated on.
    pub examples: Option<String>,
    /// `split` is the only method of today.
    pub method: String,
    /// How truth becomes known.
    pub truth: Option<Truth>,
    /// How soon an error of twice α must be noticed.
    pub detect_within: Option<Span>,
}

/// How truth becomes known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// The reviewer answers before seeing the AI's answer.
    BlindReview,
    /// An outcome, which matures after so long.
    Outcome {
        /// How long.
        matures: Span,
    },
}

/// A part of the population.
#[derive(Clone, PartialEq, Debug)]
pub struct Slice {
    /// Over `input`.
    pub condition: Expr,
    /// `required` instead of `reported`.
    pub required: bool,
}

/// How a set was drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Drawn {
    /// At random: intervals mean something.
    Random,
    /// By hand: k of n, no rate.
    Curated,
    /// By a program: k of n, no rate.
    Generated,
}

impl Drawn {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Curated => "curated",
            Self::Generated => "generated",
        }
    }
}

/// An example set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExampleSet {
    /// The file.
    pub file: String,
    /// The step that it is for.
    pub step: String,
    /// How it was drawn.
    pub drawn: Drawn,
    /// From where.
    pub from: Option<String>,
    /// What it attacks (`prompt-injection`).
    pub category: Option<String>,
    /// The digest of its examples, canonicalised line by line.
    pub digest: Digest,
}

/// Tier and register.
#[derive(Clone, PartialEq, Debug)]
pub struct Risks {
    /// The tier.
    pub tier: Tier,
    /// The register.
    pub items: Vec<Risk>,
}

/// One risk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Risk {
    /// What could happen.
    pub risk: String,
    /// What is done about it.
    pub measure: String,
    /// What remains: `low`, `medium`, `high`.
    pub residual: String,
    /// The role that accepts it.
    pub accepted_by: String,
}

/// What is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// The elements it is about.
    pub about: Vec<PathPattern>,
    /// The role that finds out.
    pub owner: Option<String>,
    /// The stage that it blocks.
    pub blocks: Option<seatrial_model::Stage>,
}

/// What must stay true after handoff.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumption {
    /// In words.
    pub text: String,
    /// Over `metrics`.
    pub watch: Option<Expr>,
    /// The window.
    pub over: Option<Span>,
    /// The role that watches it.
    pub owner: Option<String>,
}

/// One of the five responsibilities.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Responsibility {
    /// The delivery side's role.
    pub delivery: Option<String>,
    /// The receiving side's role.
    pub receiving: Option<String>,
    /// A runbook's file.
    pub runbook: Option<String>,
    /// The independent role that challenges.
    pub challenged_by: Option<String>,
}

/// The five, in the order of the design.
pub const RESPONSIBILITIES: [&str; 5] = ["workflow", "changes", "exceptions", "behaviour", "evolution"];

/// The gates.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Gates {
    /// To the pilot.
    pub pilot: Option<PilotGate>,
    /// To production.
    pub production: Option<ProductionGate>,
    /// To the new owner.
    pub handover: Option<HandoverGate>,
}

/// An approval that a gate asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GateApproval {
    /// The role.
    pub by: String,
    /// Over which elements.
    pub over: Vec<PathPattern>,
}

/// The pilot: bounded, not just lighter.
#[derive(Clone, PartialEq, Debug)]
pub struct PilotGate {
    /// The last day.
    pub until: Option<Day>,
    /// The ceiling a day.
    pub per_day: Option<u64>,
    /// Shadow instead of live.
    pub shadow: bool,
    /// Which decisions go to a person, and when.
    pub review: Option<ReviewAll>,
    /// The criterion to go on.
    pub continue_if: Option<Expr>,
    /// Approvals.
    pub approvals: Vec<GateApproval>,
}

/// Production.
#[derive(Clone, PartialEq, Debug)]
pub struct ProductionGate {
    /// Bars by example set.
    pub evaluation: BTreeMap<String, Bar>,
    /// Longest time by control.
    pub drills: BTreeMap<String, Span>,
    /// How long the delivery side still helps.
    pub hypercare: Option<Span>,
    /// What happens when the release lapses.
    pub on_lapse: OnLapse,
    /// Approvals.
    pub approvals: Vec<GateApproval>,
}

/// The handover.
#[derive(Clone, PartialEq, Debug)]
pub struct HandoverGate {
    /// The transfer index's bar.
    pub transfer_index: Option<Bar>,
    /// Its window.
    pub over: Option<Span>,
}

/// A checked `factory.yaml`.
#[derive(Clone, PartialEq, Debug)]
pub struct FactorySpec {
    /// The factory's name.
    pub name: String,
    /// Real, or a simulation.
    pub kind: seatrial_model::words::FactoryKind,
    /// `small`, `standard`, `regulated`.
    pub profile: String,
    /// The IANA time zone in which days end.
    pub timezone: String,
    /// The people.
    pub people: Vec<Person>,
    /// Model providers by name.
    pub providers: BTreeMap<String, Provider>,
    /// Where the store is.
    pub store: StoreRef,
    /// Folders of the workflows, relative to the file.
    pub workflows: Vec<String>,
}

impl FactorySpec {
    /// The person of that id.
    #[must_use]
    pub fn person(&self, id: &str) -> Option<&Person> {
        self.people.iter().find(|p| p.id == id)
    }

    /// People in a role who are present on that day.
    pub fn present<'a>(&'a self, role: &'a str, on: Day) -> impl Iterator<Item = &'a Person> {
        self.people.iter().filter(move |p| p.roles.iter().any(|r| r == role) && p.until.is_none_or(|until| on <= until))
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Person {
    /// The id in the directory.
    pub id: String,
    /// The name.
    pub name: String,
    /// The side.
    pub side: Side,
    /// The roles.
    pub roles: Vec<String>,
    /// How many reviews a day they manage.
    pub reviews_per_day: Option<u64>,
    /// The last day.
    pub until: Option<Day>,
    /// Who stands in for them.
    pub deputy: Option<String>,
}

/// A model provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Provider {
    /// Any OpenAI-compatible endpoint.
    OpenAi {
        /// Where.
        base_url: String,
        /// Where the key is.
        key: Option<KeyRef>,
    },
    /// The embedded classifier.
    Classifier,
}

/// Where a provider's key is; the key itself never stands in a file of the factory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyRef {
    /// In an environment variable.
    Env(String),
    /// In a file.
    File(String),
}

/// Where the store is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StoreRef {
    /// A folder, relative to `factory.yaml`.
    Sqlite(String),
    /// A PostgreSQL database, its address in an environment variable.
    Postgres(String),
}
