//! Steps: what each does, what holds it back, who answers.

use super::Expr;
use seatrial_model::event::Entry;
use seatrial_model::{ElementPath, Influence, Span};
use serde::Serialize;

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
    /// How many cases a day are expected.
    pub per_day: Option<u64>,
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
    /// The ways in which it is served, sorted, each once. Those that the spec names, or else all on which every check
    /// of the step can run.
    pub serves: Vec<Entry>,
    /// The tools that it may call, sorted by name. None: it may call none, and nothing looks into a call.
    pub tools: Option<Vec<Tool>>,
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

    /// Every rule: of the input, of the output, of what its tools are called with.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        let own = self.refuse_input.iter().chain(&self.require).chain(&self.forbid).chain(&self.never);
        own.chain(self.tools.iter().flatten().flat_map(|tool| tool.require.iter().chain(&tool.forbid)))
    }

    /// The steps that judge its output, sorted, each once.
    #[must_use]
    pub fn judges(&self) -> Vec<&str> {
        let rules = self.rules().filter_map(|rule| match &rule.check {
            Check::Judge { step, .. } => Some(step.as_str()),
            _ => None,
        });
        let confidence = match &self.confidence {
            Some(ConfidenceSource::Judge(step)) => Some(step.as_str()),
            _ => None,
        };
        let mut all: Vec<&str> = rules.chain(confidence).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Every way in which a step can be served.
#[must_use]
pub fn all_ways() -> Vec<Entry> {
    vec![Entry::Run, Entry::Proxy, Entry::Decide]
}

/// The ways in which everything of a step can run. Without a model nobody is asked, so an output has to be submitted;
/// log-probabilities and further samples come from a model that the guard asked; a caller says its confidence where it
/// submits an output, and nowhere else.
#[must_use]
pub fn usual_ways(has_model: bool, confidence: Option<&ConfidenceSource>) -> Vec<Entry> {
    let mut ways = all_ways();
    if !has_model || matches!(confidence, Some(ConfidenceSource::Caller)) {
        ways.retain(|way| *way == Entry::Decide);
    }
    if matches!(confidence, Some(ConfidenceSource::Logprobs(_) | ConfidenceSource::Agreement(_))) {
        ways.retain(|way| *way != Entry::Decide);
    }
    ways
}

/// A tool that a step may call, and what it may be called with.
#[derive(Clone, PartialEq, Debug)]
pub struct Tool {
    /// Its name, as the model writes it.
    pub name: String,
    /// Its element (`steps.route.tools.search`).
    pub path: ElementPath,
    /// The name of the type of its arguments.
    pub arguments: Option<String>,
    /// Must hold for every call.
    pub require: Vec<Rule>,
    /// Must hold for no call.
    pub forbid: Vec<Rule>,
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
        /// The dotted field (`output.reason`, `arguments.query` of a tool); all text where none is named.
        within: Option<String>,
    },
    /// A quoted text must occur verbatim in a field of the input.
    Grounded {
        /// The field that quotes (`output.quote`).
        quote: String,
        /// The field quoted from (`input.text`).
        within: String,
    },
    /// Another step judges the output; the expression reads what it says as `judged`.
    Judge {
        /// The judging step.
        step: String,
        /// The expression.
        rule: Expr,
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
