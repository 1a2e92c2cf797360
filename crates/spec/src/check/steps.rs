//! `steps`.

use super::files::Files;
use super::reader::{Fields, Reader};
use super::rules::{self, RuleSet, Wanted};
use super::scopes::{Names, Signature};
use super::tools;
use super::whole::{Learnt, RuleKind};
use crate::diagnostic::Code;
use crate::expr::{self, Scope};
use crate::workflow::{
    Actor, Audit, Check, ConfidenceSource, Else, Fallback, Limits, ModelRef, Money, Override, Review, Rule, Step,
    StreamMode, Tool, Trace, Train, all_ways, usual_ways,
};
use crate::yaml::{self, Node};
use seatrial_model::event::Entry;
use seatrial_model::{ElementPath, Influence, Span};

/// The most times a model is asked again: each costs money and time.
pub const ATTEMPTS_MAX: u64 = 10;
/// The longest that a call waits for a person: connections are not kept for longer.
pub const HOLD_MS_MAX: u64 = 300_000;
/// The most people that answer one review.
pub const PEOPLE_MAX: u64 = 10;
/// The most samples that agreement is taken over: each is a model call.
pub const AGREEMENT_MAX: u64 = 25;
/// The largest window of a stream, in bytes; larger ones buffer.
pub const WINDOW_BYTES_MAX: u64 = 1 << 20;

/// The most cases a day that a step or a pilot counts with: more are a mistake.
pub const CASES_PER_DAY_MAX: u64 = 1_000_000_000;

/// What only a step done by AI has.
const AI_ONLY: [&str; 12] = [
    "influence",
    "per_day",
    "model",
    "withhold",
    "prompt",
    "attempts",
    "stream",
    "never",
    "confidence",
    "audit",
    "tools",
    "serves",
];

pub(super) fn steps(
    r: &mut Reader,
    node: Option<&Node>,
    files: &mut Files<'_>,
    names: &Names,
    learnt: &mut Learnt,
) -> Vec<Step> {
    let entries = r.named(node);
    if let (Some(node), true) = (node, entries.is_empty()) {
        r.find(Code::Empty, node.range.clone(), "a workflow has at least one step").done();
    }
    entries.into_iter().filter_map(|entry| step(r, entry, files, names, learnt)).collect()
}

fn step(
    r: &mut Reader,
    entry: &yaml::Entry,
    files: &mut Files<'_>,
    names: &Names,
    learnt: &mut Learnt,
) -> Option<Step> {
    let path = ElementPath::new(format!("steps.{}", entry.key));
    r.at = path.clone();
    let mut f = r.fields(&entry.value)?;
    let does = f.need(r, "does").and_then(|n| r.text(n)).unwrap_or_default();
    let actor = f
        .need(r, "actor")
        .and_then(|n| r.word(n, &[("ai", Actor::Ai), ("person", Actor::Person), ("system", Actor::System)]))?;
    let signature = names.steps.get(&entry.key).cloned().unwrap_or_default();
    let influence = influence(r, &mut f, actor);
    let reversible = f.get("reversible").and_then(|n| r.bool(n)).unwrap_or(false);
    let [input, output] = types(r, &mut f, actor, names);
    let ask = who_is_asked(&entry.value).filter(|role| names.roles.contains(role));
    let has_model = entry.value.get("model").is_some();
    let tools =
        tools::tools(r, f.get("tools"), &tools::Of { path: &path, signature: &signature, names, ask: &ask }, learnt);
    let checks = Checks { path: &path, signature: &signature, names, ask };
    let kinds = [RuleKind::RefuseInput, RuleKind::Require, RuleKind::Forbid, RuleKind::Never];
    let [refuse_input, require, forbid, never] = kinds.map(|kind| checks.read(r, &mut f, kind, learnt));
    let scope = names.escalate_scope(&signature, entry.value.get("confidence").is_some());
    let escalate = rules::escalations(r, f.get("escalate"), &path, &scope, names, learnt);
    r.at = path.clone();
    let output_scope = names.output_scope(&signature);
    let confidence = f.get("confidence").and_then(|n| confidence(r, n, &path, &output_scope, names));
    r.at = path.clone();
    let prompt = f.get("prompt").and_then(|n| files.text(r, n));
    let attempts = f.get("attempts").and_then(|n| small(r, n, 1, ATTEMPTS_MAX)).unwrap_or(1);
    let within = f.get("within").and_then(|n| r.span(n));
    let stream = f.get("stream").and_then(|n| stream(r, n)).unwrap_or_default();
    let model = f.get("model").and_then(|n| model(r, n, &path, &output_scope, names));
    r.at = path.clone();
    let serves =
        f.get("serves").and_then(|n| serves(r, n)).unwrap_or_else(|| usual_ways(has_model, confidence.as_ref()));
    let step = Step {
        name: entry.key.clone(),
        does,
        actor,
        influence,
        reversible,
        per_day: f.get("per_day").and_then(|n| r.integer(n, 1..=CASES_PER_DAY_MAX)),
        input,
        output,
        model,
        withhold: withhold(r, f.get("withhold"), &path, &names.input_scope(&signature)),
        prompt,
        attempts,
        within,
        stream,
        serves,
        tools,
        refuse_input,
        require,
        forbid,
        never,
        confidence,
        escalate,
        audit: f.get("audit").and_then(|n| audit(r, n, &path, names)),
        review: review(r, f.get("review"), &path, names),
        overrides: f.get("override").and_then(|n| overrides(r, n, &path, names)),
        fallback: f.get("fallback").and_then(|n| fallback(r, n, &path, files, names)),
        limits: limits(r, f.get("limits"), &path),
        trace: trace(r, f.get("trace"), &path),
        requires: requires(r, f.get("requires"), &path, &names.requires_scope(&entry.key)),
    };
    r.at = path;
    if actor != Actor::Ai {
        ai_only(r, &entry.value);
    }
    windows(r, &f, &step, names);
    f.done(r);
    Some(step)
}

/// What has to hold before the step may act.
fn requires(r: &mut Reader, node: Option<&Node>, path: &ElementPath, scope: &Scope) -> Option<crate::workflow::Expr> {
    let at = path.child("requires");
    node.and_then(|n| expr::check_node(&mut r.report, r.file, n, &at, scope)).map(|c| c.expr)
}

/// The names of the input and output types; AI has both.
fn types(r: &mut Reader, f: &mut Fields<'_>, actor: Actor, names: &Names) -> [Option<String>; 2] {
    ["input", "output"].map(|key| {
        let node = if actor == Actor::Ai { f.need(r, key) } else { f.get(key) };
        node.and_then(|n| r.reference(n, "type", Code::UnknownType, names.types.keys()))
    })
}

/// The rules of one step, list by list.
struct Checks<'s> {
    path: &'s ElementPath,
    signature: &'s Signature,
    names: &'s Names,
    ask: Option<String>,
}

impl Checks<'_> {
    fn read(&self, r: &mut Reader, f: &mut Fields<'_>, kind: RuleKind, learnt: &mut Learnt) -> Vec<Rule> {
        let (key, scope) = match kind {
            RuleKind::RefuseInput => ("refuse_input", self.names.input_scope(self.signature)),
            RuleKind::Require => ("require", self.names.output_scope(self.signature)),
            RuleKind::Forbid => ("forbid", self.names.output_scope(self.signature)),
            RuleKind::Never => ("never", self.names.output_scope(self.signature)),
        };
        let about = if kind == RuleKind::RefuseInput { "input" } else { "output" };
        let (step, names, signature) = (self.path, self.names, self.signature);
        let set = RuleSet { kind, key, step, signature, about, scope: &scope, names, ask: self.ask.clone() };
        set.read(r, f.get(key), learnt)
    }
}

/// Who is asked where a rule escalates and names nobody: the fallback's role, or the one role that every escalation
/// of the step names. Which key comes first must not matter.
fn who_is_asked(step: &Node) -> Option<String> {
    let text = |n: &Node| n.as_scalar().map(|s| s.text.clone());
    if let Some(to) = step.get("fallback").and_then(|n| n.get("to")).and_then(text) {
        return Some(to);
    }
    let mut roles: Vec<String> = step
        .get("escalate")
        .and_then(Node::as_map)
        .into_iter()
        .flatten()
        .filter_map(|e| e.value.get("to").and_then(text))
        .collect();
    roles.sort();
    roles.dedup();
    if roles.len() == 1 { roles.pop() } else { None }
}

fn influence(r: &mut Reader, f: &mut Fields<'_>, actor: Actor) -> Influence {
    let words: Vec<(&str, Influence)> = Influence::ALL.iter().map(|i| (i.as_str(), *i)).collect();
    let node = if actor == Actor::Ai { f.need(r, "influence") } else { f.get("influence") };
    node.and_then(|n| r.word(n, &words)).unwrap_or(Influence::Inform)
}

fn small(r: &mut Reader, node: &Node, low: u64, high: u64) -> Option<u32> {
    r.integer(node, low..=high).and_then(|n| u32::try_from(n).ok())
}

fn ai_only(r: &mut Reader, step: &Node) {
    let entries = step.as_map().into_iter().flatten().filter(|e| AI_ONLY.contains(&e.key.as_str()));
    for entry in entries {
        let message = format!("`{}` belongs to a step whose actor is `ai`; it would do nothing here", entry.key);
        r.find(Code::UnknownKey, entry.key_range.clone(), message).help("remove it").done();
    }
}

/// The ways in which the step is served, each once, in a fixed order.
fn serves(r: &mut Reader, node: &Node) -> Option<Vec<Entry>> {
    let words = [("run", Entry::Run), ("proxy", Entry::Proxy), ("decide", Entry::Decide)];
    let named: Vec<Entry> = r.items(Some(node)).iter().filter_map(|item| r.word(item, &words)).collect();
    if node.as_list()?.is_empty() {
        let help = "leave it out, or name `run`, `proxy` or `decide`";
        r.find(Code::Empty, node.range.clone(), "a step that is served in no way does nothing").help(help).done();
    }
    Some(all_ways().into_iter().filter(|way| named.contains(way)).collect())
}

fn model(r: &mut Reader, node: &Node, path: &ElementPath, scope: &Scope, names: &Names) -> Option<ModelRef> {
    r.at = path.child("model");
    let mut f = r.fields(node)?;
    let provider = f.need(r, "provider").and_then(|n| match &names.providers {
        Some(known) => r.reference(n, "provider", Code::UnknownProvider, known.keys()),
        None => r.text(n),
    });
    let name = f.need(r, "name").and_then(|n| r.text(n));
    let temperature = f.get("temperature").and_then(|n| r.number(n, 0.0..=2.0));
    let fallback = r.texts(f.get("fallback"));
    let train_range = f.key_range("train");
    let train = f.get("train").and_then(|n| train(r, n, scope, names));
    f.done(r);
    let is_classifier = provider.as_ref().and_then(|p| names.providers.as_ref()?.get(p)).map(|p| p.is_classifier);
    match (is_classifier, &train) {
        (Some(false), Some(_)) => {
            let message = "`train` belongs to a provider of kind `classifier`";
            r.find(Code::UnknownKey, train_range, message).help("remove `train`, or name the classifier").done();
        }
        (Some(true), None) if node.get("train").is_none() => {
            let help = "add `train: { examples: SET, label: expected.FIELD }`";
            r.find(Code::MissingKey, node.range.clone(), "a classifier learns from examples: `train` is missing")
                .help(help)
                .done();
        }
        _ => {}
    }
    Some(ModelRef { provider: provider?, name: name?, temperature, fallback, train })
}

fn train(r: &mut Reader, node: &Node, scope: &Scope, names: &Names) -> Option<Train> {
    let mut f = r.fields(node)?;
    let examples =
        f.need(r, "examples").and_then(|n| r.reference(n, "example set", Code::UnknownExamples, names.examples.iter()));
    let label_node = f.need(r, "label");
    let label = label_node.and_then(|n| r.text(n));
    f.done(r);
    let (examples, label, node) = (examples?, label?, label_node?);
    let field = label.strip_prefix("expected.").and_then(|l| l.rsplit('.').next());
    let Some(field) = field else {
        let help = "write a field of what examples expect, as in `expected.team`";
        r.find(Code::UnknownField, node.range.clone(), format!("`{label}` is not a label")).help(help).done();
        return None;
    };
    if let Some(output) = scope.variables.get("output") {
        rules::walk(r, node, output, "output", [field].into_iter())?;
    }
    Some(Train { examples, label })
}

fn withhold(r: &mut Reader, node: Option<&Node>, path: &ElementPath, scope: &Scope) -> Vec<String> {
    r.at = path.child("withhold");
    let mut out = Vec::new();
    for item in r.items(node) {
        let Some(field) = r.text(item) else { continue };
        let known = match scope.variables.get("input") {
            Some(input) => rules::walk(r, item, input, "input", field.split('.')).is_some(),
            None => true,
        };
        if known {
            out.push(field);
        }
    }
    out
}

fn stream(r: &mut Reader, node: &Node) -> Option<StreamMode> {
    if node.as_map().is_none() {
        return r.word(node, &[("buffer", StreamMode::Buffer)]);
    }
    let mut f = r.fields(node)?;
    let bytes = f.need(r, "window").and_then(|n| small(r, n, 1, WINDOW_BYTES_MAX));
    f.done(r);
    Some(StreamMode::Window(bytes?))
}

/// What needs the whole output cannot run on windows: nothing is configured, green and inert.
fn windows(r: &mut Reader, f: &Fields<'_>, step: &Step, names: &Names) {
    if step.stream == StreamMode::Buffer {
        return;
    }
    let is_plain = step.output.as_ref().is_some_and(|name| names.plain_texts.contains(name));
    let whole = |rule: &Rule| !matches!(rule.check, Check::Detect { .. });
    let back = |rule: &Rule| matches!(rule.otherwise, Else::Modify | Else::Escalate);
    let looks_into = |tool: &Tool| tool.arguments.is_some() || !tool.require.is_empty() || !tool.forbid.is_empty();
    let reasons = [
        (step.output.is_some() && !is_plain, "output", "a schema that says more than that the output is a text"),
        (step.attempts > 1, "attempts", "asking again"),
        (step.confidence.is_some(), "confidence", "the confidence"),
        (!step.escalate.is_empty(), "escalate", "an escalation"),
        (step.review.hold.as_millis() > 0, "review", "waiting for a review"),
        (!step.never.is_empty(), "never", "a `never`"),
        (!step.require.is_empty(), "require", "a `require`"),
        (step.forbid.iter().any(whole), "forbid", "a rule over the output"),
        (step.forbid.iter().any(back), "forbid", "`modify` or `escalate`"),
        (step.tools.iter().flatten().any(looks_into), "tools", "a rule over what a tool is called with"),
    ];
    for (_, key, what) in reasons.into_iter().filter(|(applies, ..)| *applies) {
        let message =
            format!("{what} needs the whole output, and `stream: {{ window }}` lets parts of it leave before");
        r.find(Code::StreamWindow, f.key_range(key), message).help("write `stream: buffer`").done();
    }
}

fn confidence(
    r: &mut Reader,
    node: &Node,
    path: &ElementPath,
    scope: &Scope,
    names: &Names,
) -> Option<ConfidenceSource> {
    r.at = path.child("confidence");
    if node.as_map().is_none() {
        if node.as_scalar().is_some_and(|s| s.text == "caller") {
            return Some(ConfidenceSource::Caller);
        }
        return rules::field(r, node, &["output"], scope, Wanted::Number).map(ConfidenceSource::Output);
    }
    let mut f = r.fields(node)?;
    let logprobs = f.get("logprobs").and_then(|n| rules::field(r, n, &["output"], scope, Wanted::Any));
    let agreement = f.get("agreement").and_then(|n| small(r, n, 2, AGREEMENT_MAX));
    let judge = f.get("judge").and_then(|n| r.reference(n, "step", Code::UnknownStep, names.steps.keys()));
    let count = ["logprobs", "agreement", "judge"].into_iter().filter(|k| node.get(k).is_some()).count();
    if count != 1 {
        let help = "write a field as in `output.confidence`, or one of `logprobs`, `agreement`, `judge`, or `caller`";
        r.find(Code::WrongKind, node.range.clone(), "the confidence comes from one source").help(help).done();
    }
    f.done(r);
    logprobs
        .map(ConfidenceSource::Logprobs)
        .or(agreement.map(ConfidenceSource::Agreement))
        .or(judge.map(ConfidenceSource::Judge))
}

fn role(r: &mut Reader, node: &Node, names: &Names) -> Option<String> {
    r.reference(node, "role", Code::UnknownRole, names.roles.iter())
}

fn audit(r: &mut Reader, node: &Node, path: &ElementPath, names: &Names) -> Option<Audit> {
    r.at = path.child("audit");
    let mut f = r.fields(node)?;
    let sample = f.need(r, "sample").and_then(|n| r.number(n, 0.0..=1.0));
    let to = f.need(r, "to").and_then(|n| role(r, n, names));
    let blind = f.get("blind").and_then(|n| r.bool(n)).unwrap_or(false);
    f.done(r);
    Some(Audit { sample: sample?, to: to?, blind })
}

fn review(r: &mut Reader, node: Option<&Node>, path: &ElementPath, names: &Names) -> Review {
    r.at = path.child("review");
    let mut out = Review { within: None, late: None, people: 1, hold: Span::from_millis(0) };
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return out };
    out.within = f.get("within").and_then(|n| r.span(n));
    out.late = f.get("late").and_then(|n| role(r, n, names));
    out.people = f.get("people").and_then(|n| small(r, n, 1, PEOPLE_MAX)).unwrap_or(1);
    if let Some(hold) = f.get("hold") {
        out.hold = r.span(hold).unwrap_or(out.hold);
        if out.hold.as_millis() > HOLD_MS_MAX {
            let message = "a call waits at most 300 s for a person; later answers are fetched";
            r.find(Code::OutOfRange, hold.range.clone(), message).help("write at most `300s`").done();
        }
    }
    f.done(r);
    out
}

fn overrides(r: &mut Reader, node: &Node, path: &ElementPath, names: &Names) -> Option<Override> {
    r.at = path.child("override");
    let mut f = r.fields(node)?;
    let by_node = f.need(r, "by");
    let by: Vec<String> = r.items(by_node).iter().filter_map(|n| role(r, n, names)).collect();
    let reasons_node = f.need(r, "reasons");
    let reasons = r.texts(reasons_node);
    if reasons_node.and_then(Node::as_list).is_some_and(<[Node]>::is_empty) {
        r.find(Code::Empty, f.key_range("reasons"), "an override has a reason, so there is at least one to choose")
            .done();
    }
    f.done(r);
    Some(Override { by, reasons })
}

fn fallback(r: &mut Reader, node: &Node, path: &ElementPath, files: &mut Files<'_>, names: &Names) -> Option<Fallback> {
    r.at = path.child("fallback");
    let mut f = r.fields(node)?;
    let to = f.need(r, "to").and_then(|n| role(r, n, names));
    let per_day = f.get("per_day").and_then(|n| r.integer(n, 0..=1_000_000_000));
    let runbook = f.get("runbook").and_then(|n| files.text(r, n));
    f.done(r);
    Some(Fallback { to: to?, per_day, runbook })
}

fn limits(r: &mut Reader, node: Option<&Node>, path: &ElementPath) -> Limits {
    r.at = path.child("limits");
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return Limits::default() };
    let mut count = |r: &mut Reader, key: &'static str| f.get(key).and_then(|n| r.integer(n, 0..=1_000_000_000_000));
    let per_minute = count(r, "per_minute");
    let tokens_per_day = count(r, "tokens_per_day");
    let money_per_day = f.get("money_per_day").and_then(|n| money(r, n));
    f.done(r);
    Limits { per_minute, tokens_per_day, money_per_day }
}

/// An amount and a currency: `50 EUR`.
fn money(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    if Money::parse(&text).is_some() {
        return Some(text);
    }
    let message = format!("{} is not an amount of money", node.described());
    r.find(Code::WrongKind, node.range.clone(), message).help("write an amount and a currency, as in `50 EUR`").done();
    None
}

fn trace(r: &mut Reader, node: Option<&Node>, path: &ElementPath) -> Trace {
    r.at = path.child("trace");
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return Trace::default() };
    let keep = f.get("keep").and_then(|n| r.span(n));
    let payloads = f.get("payloads").and_then(|n| r.span(n));
    f.done(r);
    Trace { keep, payloads }
}
