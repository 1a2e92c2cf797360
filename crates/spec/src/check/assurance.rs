//! Roles, outcomes, thresholds, slices, risks, questions, assumptions, responsibilities.

use super::by_name;
use super::files::Files;
use super::reader::{Fields, Reader};
use super::scopes::Names;
use crate::diagnostic::Code;
use crate::expr;
use crate::workflow::{
    Assumption, Expr, Method, Outcome, Question, RESPONSIBILITIES, Responsibility, Risk, Risks, Slice, Threshold, Truth,
};
use crate::yaml::Node;
use seatrial_model::{ElementPath, PathPattern, Stage, Tier};
use std::collections::BTreeMap;

/// The most attempts that can be declared: the eighth spends δ/128, with which hardly anything is certified any more.
const ATTEMPTS_MAX: u64 = 8;

/// The most confidences of a grid: each costs a test, and a hundred is finer than any example set resolves.
pub const GRID_MAX: usize = 100;

pub(super) fn roles(r: &mut Reader, node: Option<&Node>) -> BTreeMap<String, String> {
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("roles.{}", entry.key));
        // A role whose description is wrong still exists, so that its uses are not errors too.
        let text = r.text(&entry.value).unwrap_or_default();
        (entry.key.clone(), Some(text))
    }))
}

pub(super) fn outcomes(r: &mut Reader, node: Option<&Node>) -> BTreeMap<String, Outcome> {
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("outcomes.{}", entry.key));
        let outcome = r.fields(&entry.value).and_then(|mut f| {
            let measure = f.need(r, "measure").and_then(|n| r.text(n));
            let today = f.get("today").and_then(|n| r.number(n, f64::MIN..=f64::MAX));
            let target = f.need(r, "target").and_then(|n| r.bar(n));
            f.done(r);
            Some(Outcome { measure: measure?, today, target: target? })
        });
        (entry.key.clone(), outcome)
    }))
}

fn expression(r: &mut Reader, node: &Node, scope: &expr::Scope) -> Option<Expr> {
    let at = r.at.clone();
    expr::check_node(&mut r.report, r.file, node, &at, scope).map(|c| c.expr)
}

/// A condition over `metrics`. One that their own bounds decide holds nothing back.
pub(super) fn over_metrics(r: &mut Reader, node: &Node, at: &ElementPath) -> Option<Expr> {
    let checked = expr::check_node(&mut r.report, r.file, node, at, &Names::metrics_scope())?;
    if let Some(holds) = checked.constant {
        let message = if holds { "it always holds, whatever happens" } else { "it can never hold, whatever happens" };
        r.report
            .add(Code::ExprConstant, r.file, node.range.clone(), message)
            .element(at)
            .warns(Some(Stage::Production))
            .done();
    }
    Some(checked.expr)
}

pub(super) fn thresholds(r: &mut Reader, node: Option<&Node>, names: &Names) -> BTreeMap<String, Threshold> {
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("thresholds.{}", entry.key));
        (entry.key.clone(), threshold(r, &entry.value, names))
    }))
}

fn threshold(r: &mut Reader, node: &Node, names: &Names) -> Option<Threshold> {
    let mut f = r.fields(node)?;
    let at = f.need(r, "at").and_then(|n| {
        if n.as_scalar().is_some_and(|s| s.text == "none") { Some(None) } else { r.number(n, 0.0..=1.0).map(Some) }
    });
    let max_wrong = f.get("max_wrong").and_then(|n| open_share(r, n));
    let assurance = f.get("assurance").and_then(|n| open_share(r, n));
    let examples =
        f.get("examples").and_then(|n| r.reference(n, "example set", Code::UnknownExamples, names.examples.iter()));
    let wrong_when = f.get("wrong_when").and_then(|n| expression(r, n, &names.wrong_scope(examples.as_ref())));
    let methods = [Method::Split, Method::FixedSequence].map(|m| (m.as_str(), m));
    let method = f.get("method").and_then(|n| r.word(n, &methods)).unwrap_or_default();
    let grid_node = f.get("grid");
    let grid = grid(r, &f, grid_node, method, at);
    let attempts = f.get("attempts").and_then(|n| r.integer(n, 1..=ATTEMPTS_MAX)).unwrap_or(1);
    let truth = f.get("truth").and_then(|n| truth(r, n));
    let detect_within = f.get("detect_within").and_then(|n| r.span(n));
    f.done(r);
    Some(Threshold {
        at: at?,
        max_wrong,
        assurance,
        wrong_when,
        examples,
        method,
        grid,
        attempts,
        truth,
        detect_within,
    })
}

/// The confidences that fixed-sequence testing tries: strictest first, each looser than the one before.
fn grid(r: &mut Reader, f: &Fields<'_>, node: Option<&Node>, method: Method, at: Option<Option<f64>>) -> Vec<f64> {
    match (node, method) {
        (None, Method::Split) => return Vec::new(),
        (None, Method::FixedSequence) => {
            let message = "`grid` is missing: fixed-sequence testing needs the confidences to test, in their order";
            r.find(Code::MissingKey, f.key_range("method"), message)
                .help("add `grid: [0.99, 0.95, 0.9]`, the strictest first")
                .done();
            return Vec::new();
        }
        (Some(_), Method::Split) => {
            let message = "`grid` belongs to `method: fixed-sequence`; `split` tests one confidence";
            r.find(Code::UnknownKey, f.key_range("grid"), message)
                .help("remove `grid`, or write `method: fixed-sequence`")
                .done();
            return Vec::new();
        }
        (Some(_), Method::FixedSequence) => {}
    }
    let items = r.items(node);
    if node.and_then(Node::as_list).is_some_and(<[Node]>::is_empty) {
        r.find(Code::Empty, f.key_range("grid"), "a grid has at least one confidence").done();
        return Vec::new();
    }
    if items.len() > GRID_MAX {
        let message = format!("the grid has {} confidences; at most {GRID_MAX} are tested", items.len());
        r.find(Code::Limit, f.key_range("grid"), message).done();
        return Vec::new();
    }
    let mut out: Vec<f64> = Vec::new();
    for item in items {
        let Some(n) = r.number(item, 0.0..=1.0) else { continue };
        let message = match out.last() {
            _ if n <= 0.0 => format!("{} lets everything pass; a grid has confidences above 0", item.described()),
            Some(before) if n >= *before => format!("{} does not come after {before}", item.described()),
            _ => {
                out.push(n);
                continue;
            }
        };
        let help = "write the grid strictest first, each confidence lower than the one before";
        r.find(Code::OutOfRange, item.range.clone(), message).help(help).done();
    }
    if let Some(Some(at)) = at
        && out.len() == items.len()
        && !out.iter().any(|n| n.total_cmp(&at).is_eq())
    {
        let message = format!("`at: {at}` is not on the grid, so no test can certify it");
        r.find(Code::OutOfRange, f.key_range("at"), message).help("write one of the grid, or `at: none`").done();
    }
    out
}

/// A share that is neither nothing nor everything.
fn open_share(r: &mut Reader, node: &Node) -> Option<f64> {
    let n = r.number(node, 0.0..=1.0)?;
    if n > 0.0 && n < 1.0 {
        return Some(n);
    }
    r.find(Code::OutOfRange, node.range.clone(), format!("{} promises nothing that can be tested", node.described()))
        .help("write a number between 0 and 1, as in `0.05`")
        .done();
    None
}

fn truth(r: &mut Reader, node: &Node) -> Option<Truth> {
    let mut f = r.fields(node)?;
    let from = f.need(r, "from").and_then(|n| r.word(n, &[("blind-review", true), ("outcome", false)]));
    let truth = match from {
        Some(true) => Some(Truth::BlindReview),
        Some(false) => f.need(r, "matures").and_then(|n| r.span(n)).map(|matures| Truth::Outcome { matures }),
        None => {
            f.get("matures");
            None
        }
    };
    f.done(r);
    truth
}

pub(super) fn slices(r: &mut Reader, node: Option<&Node>, names: &Names) -> BTreeMap<String, Slice> {
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("slices.{}", entry.key));
        let slice = r.fields(&entry.value).and_then(|mut f| {
            let condition = f.need(r, "where").and_then(|n| slice_condition(r, n, names));
            let guarantee = f.get("guarantee").and_then(|n| r.word(n, &[("reported", false), ("required", true)]));
            f.done(r);
            Some(Slice { condition: condition?, required: guarantee.unwrap_or(false) })
        });
        (entry.key.clone(), slice)
    }))
}

/// A slice is over the input of every AI step: it is checked against each of their types.
fn slice_condition(r: &mut Reader, node: &Node, names: &Names) -> Option<Expr> {
    let mut seen: Vec<&Option<String>> = Vec::new();
    let mut out = None;
    for step in names.steps.values().filter(|s| s.is_ai) {
        if seen.contains(&&step.input) {
            continue;
        }
        seen.push(&step.input);
        out = Some(expression(r, node, &names.input_scope(step))?);
    }
    if seen.is_empty() {
        let message = "a slice is over the input of an AI step, and there is none";
        r.find(Code::UnknownStep, node.range.clone(), message).done();
    }
    out
}

pub(super) fn risks(r: &mut Reader, node: Option<&Node>, names: &Names) -> Risks {
    r.at = ElementPath::new("risks");
    // Without a tier the strictest holds: nothing is waved through because a line is missing.
    let mut out = Risks { tier: Tier::High, items: Vec::new() };
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return out };
    let tiers: Vec<(&str, Tier)> = Tier::ALL.iter().map(|t| (t.as_str(), *t)).collect();
    out.tier = f.need(r, "tier").and_then(|n| r.word(n, &tiers)).unwrap_or(Tier::High);
    for item in r.items(f.get("items")) {
        let Some(mut f) = r.fields(item) else { continue };
        let risk = f.need(r, "risk").and_then(|n| r.text(n));
        let measure = f.need(r, "measure").and_then(|n| r.text(n));
        let words = [("low", "low"), ("medium", "medium"), ("high", "high")];
        let residual = f.need(r, "residual").and_then(|n| r.word(n, &words));
        let by = f.need(r, "accepted_by").and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()));
        f.done(r);
        if let (Some(risk), Some(measure), Some(residual), Some(accepted_by)) = (risk, measure, residual, by) {
            out.items.push(Risk { risk, measure, residual: residual.to_owned(), accepted_by });
        }
    }
    f.done(r);
    out
}

pub(super) fn patterns(r: &mut Reader, node: Option<&Node>) -> Vec<PathPattern> {
    r.texts(node).into_iter().map(PathPattern::new).collect()
}

pub(super) fn questions(r: &mut Reader, node: Option<&Node>, names: &Names) -> BTreeMap<String, Question> {
    let stages = [("pilot", Stage::Pilot), ("production", Stage::Production)];
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("questions.{}", entry.key));
        let question = r.fields(&entry.value).and_then(|mut f| {
            let ask = f.need(r, "ask").and_then(|n| r.text(n));
            let about = patterns(r, f.get("about"));
            let owner = f.get("owner").and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()));
            let blocks = f.get("blocks").and_then(|n| r.word(n, &stages));
            f.done(r);
            Some(Question { ask: ask?, about, owner, blocks })
        });
        (entry.key.clone(), question)
    }))
}

pub(super) fn assumptions(r: &mut Reader, node: Option<&Node>, names: &Names) -> BTreeMap<String, Assumption> {
    let entries = r.named(node);
    by_name(entries.into_iter().map(|entry| {
        r.at = ElementPath::new(format!("assumptions.{}", entry.key));
        let assumption = r.fields(&entry.value).and_then(|mut f| {
            let text = f.need(r, "text").and_then(|n| r.text(n));
            let at = r.at.clone();
            let watch = f.get("watch").and_then(|n| over_metrics(r, n, &at));
            let over = f.get("over").and_then(|n| r.span(n));
            let owner = f.get("owner").and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()));
            f.done(r);
            Some(Assumption { text: text?, watch, over, owner })
        });
        (entry.key.clone(), assumption)
    }))
}

pub(super) fn responsibilities(
    r: &mut Reader,
    node: Option<&Node>,
    files: &mut Files<'_>,
    names: &Names,
) -> BTreeMap<String, Responsibility> {
    r.at = ElementPath::new("responsibilities");
    let Some(mut f) = node.and_then(|n| r.fields(n)) else { return BTreeMap::new() };
    let mut out = BTreeMap::new();
    for name in RESPONSIBILITIES {
        r.at = ElementPath::new(format!("responsibilities.{name}"));
        let Some(node) = f.get(name) else { continue };
        let Some(mut f) = r.fields(node) else { continue };
        let mut role = |r: &mut Reader, key: &'static str| {
            f.get(key).and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()))
        };
        let delivery = role(r, "delivery");
        let receiving = role(r, "receiving");
        let challenged_by = role(r, "challenged_by");
        let runbook = f.get("runbook").and_then(|n| files.text(r, n));
        f.done(r);
        out.insert(name.to_owned(), Responsibility { delivery, receiving, runbook, challenged_by });
    }
    r.at = ElementPath::new("responsibilities");
    f.done(r);
    out
}
