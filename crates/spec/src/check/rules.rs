//! The rules of a step: `refuse_input`, `require`, `forbid`, `never`, and `escalate`.

use super::reader::{Fields, Reader};
use super::scopes::{Names, Signature};
use super::whole::{Learnt, RuleKind};
use crate::diagnostic::{Code, did_you_mean};
use crate::expr::{self, Scope};
use crate::types::Ty;
use crate::workflow::{Check, Else, Escalation, Rule};
use crate::yaml::{Entry, Node, clip};
use seatrial_model::ElementPath;

/// The detectors that exist.
pub const DETECTORS: [&str; 7] = ["email", "phone", "iban", "card-number", "ip-address", "url", "secret"];

/// What the rules of one step have in common.
pub(super) struct RuleSet<'s> {
    pub(super) kind: RuleKind,
    pub(super) key: &'static str,
    /// What the rules belong to: a step, or one of its tools.
    pub(super) step: &'s ElementPath,
    pub(super) signature: &'s Signature,
    /// What a rule looks at: `input`, `output`, or the `arguments` of a tool.
    pub(super) about: &'static str,
    pub(super) scope: &'s Scope,
    pub(super) names: &'s Names,
    /// Who is asked where a rule that escalates names nobody.
    pub(super) ask: Option<String>,
}

impl RuleSet<'_> {
    pub(super) fn read(&self, r: &mut Reader, node: Option<&Node>, learnt: &mut Learnt) -> Vec<Rule> {
        let mut out = Vec::new();
        for entry in r.named(node) {
            if let Some(rule) = self.rule(r, entry, learnt) {
                out.push(rule);
            }
        }
        // The order of keys carries no meaning, so it must not reach the guard either.
        out.sort_by(|a, b| a.name.cmp(&b.name));
        out
    }

    fn rule(&self, r: &mut Reader, entry: &Entry, learnt: &mut Learnt) -> Option<Rule> {
        let path = self.step.child(self.key).child(&entry.key);
        r.at = path.clone();
        let mut f = r.fields(&entry.value)?;
        let check = self.check(r, &mut f, &path, learnt);
        let because = f.get("because").and_then(|n| r.text(n));
        let otherwise = match f.get("else") {
            Some(node) => r.word(node, self.words())?,
            None => self.usual(),
        };
        let to = f.get("to").and_then(|n| r.reference(n, "role", Code::UnknownRole, self.names.roles.iter()));
        let to_range = f.key_range("to");
        let else_range = f.key_range("else");
        f.done(r);
        let check = check?;
        if otherwise == Else::Modify && !matches!(check, Check::Detect { .. }) {
            let message = "only `detect` knows where something is, so only it can `modify`";
            r.find(Code::ModifyWithoutSpans, else_range, message).help("use `detect`, or another `else`").done();
        }
        let to = match (otherwise, to) {
            (Else::Escalate, None) if self.ask.is_none() => {
                let message = format!("`{}` escalates to nobody", entry.key);
                let help = "add `to`, or a `fallback` to the step";
                r.find(Code::NobodyToAsk, entry.key_range.clone(), message).help(help).done();
                None
            }
            (Else::Escalate, to) => to.or_else(|| self.ask.clone()),
            // Redaction that does not help ends in a review, so somebody is asked then.
            (Else::Modify, to) => to.or_else(|| self.ask.clone()),
            (_, Some(_)) => {
                let message = "`to` names who is asked, but this rule does not escalate";
                r.find(Code::UnknownKey, to_range, message).help("remove `to`, or write `else: escalate`").done();
                None
            }
            (_, None) => None,
        };
        Some(Rule { name: entry.key.clone(), path, check, because, otherwise, to })
    }

    const fn usual(&self) -> Else {
        match self.kind {
            RuleKind::RefuseInput | RuleKind::Forbid => Else::Deny,
            RuleKind::Require | RuleKind::Never => Else::Escalate,
        }
    }

    const fn words(&self) -> &'static [(&'static str, Else)] {
        match self.kind {
            RuleKind::RefuseInput => &[("deny", Else::Deny)],
            RuleKind::Never => &[("deny", Else::Deny), ("escalate", Else::Escalate)],
            RuleKind::Require | RuleKind::Forbid => {
                &[("deny", Else::Deny), ("escalate", Else::Escalate), ("modify", Else::Modify), ("warn", Else::Warn)]
            }
        }
    }

    fn check(&self, r: &mut Reader, f: &mut Fields<'_>, path: &ElementPath, learnt: &mut Learnt) -> Option<Check> {
        let (rule, detect, grounded) = (f.get("rule"), f.get("detect"), f.get("grounded"));
        let within = f.get("in");
        if let Some(judge) = f.get("judge") {
            return self.judged(r, f, judge, path, learnt);
        }
        match (rule, detect, grounded) {
            (Some(node), None, None) => {
                if let Some(within) = within {
                    r.find(
                        Code::UnknownKey,
                        within.range.clone(),
                        "`in` belongs to `detect`; an expression names its fields",
                    )
                    .done();
                }
                let checked = expr::check_node(&mut r.report, r.file, node, path, self.scope)?;
                learnt.rules.push((path.clone(), self.kind, checked.clone(), node.range.clone()));
                Some(Check::Rule(checked.expr))
            }
            (None, Some(node), None) => self.detect(r, node, within),
            (None, None, Some(node)) => self.grounded(r, node),
            (None, None, None) => {
                let help =
                    "add `rule: \"…\"`, `detect: […]`, `grounded: { quote: …, in: … }`, or `judge: STEP` with a `rule`";
                r.find(Code::MissingKey, f.head(), "this rule checks nothing").help(help).done();
                None
            }
            _ => {
                r.find(Code::WrongKind, f.head(), "a rule checks one thing").help("make it two rules").done();
                None
            }
        }
    }

    fn detect(&self, r: &mut Reader, node: &Node, within: Option<&Node>) -> Option<Check> {
        let (mut detectors, mut regexes) = (Vec::new(), Vec::new());
        let items = r.items(Some(node));
        if items.is_empty() {
            r.find(Code::Empty, node.range.clone(), "`detect` names no detector").done();
            return None;
        }
        for item in items {
            if item.as_map().is_some() {
                let mut f = r.fields(item)?;
                if let Some(pattern) = f.need(r, "regex").and_then(|n| regex(r, n)) {
                    regexes.push(pattern);
                }
                f.done(r);
            } else if let Some(name) = r.text(item) {
                if DETECTORS.contains(&name.as_str()) {
                    detectors.push(name);
                } else {
                    let help = did_you_mean(&name, DETECTORS);
                    let message = format!("there is no detector `{}`", clip(&name));
                    r.find(Code::UnknownWord, item.range.clone(), message).maybe_help(help).done();
                }
            }
        }
        let within = match within {
            Some(node) => Some(field(r, node, &[self.about], self.scope, Wanted::Text)?),
            None => None,
        };
        Some(Check::Detect { detectors, regexes, within })
    }

    /// `judge: STEP` with a `rule` over `judged`, what that step says of the output.
    fn judged(
        &self,
        r: &mut Reader,
        f: &mut Fields<'_>,
        judge: &Node,
        path: &ElementPath,
        learnt: &mut Learnt,
    ) -> Option<Check> {
        if self.about != "output" {
            let message = "a judge is asked about an output, and there is none here";
            r.find(Code::ExprVariable, judge.range.clone(), message).help("write a `rule` over what there is").done();
            return None;
        }
        if ["detect", "grounded", "in"].into_iter().any(|key| f.get(key).is_some()) {
            r.find(Code::WrongKind, f.head(), "a rule checks one thing").help("make it two rules").done();
            return None;
        }
        let step = r.reference(judge, "step", Code::UnknownStep, self.names.steps.keys())?;
        let node = f.need(r, "rule")?;
        let scope = self.names.judged_scope(self.signature, &step);
        let checked = expr::check_node(&mut r.report, r.file, node, path, &scope)?;
        if !checked.reads.iter().any(|read| read == "judged" || read.starts_with("judged.")) {
            let message = format!("`{step}` is asked, and the rule does not read what it says");
            r.find(Code::Unused, node.range.clone(), message)
                .help("read a field of `judged`, or remove `judge`")
                .done();
        }
        learnt.judged.push((path.clone(), self.kind, checked.clone(), node.range.clone()));
        Some(Check::Judge { step, rule: checked.expr })
    }

    fn grounded(&self, r: &mut Reader, node: &Node) -> Option<Check> {
        let quoting = if self.about == "arguments" { "arguments" } else { "output" };
        let mut f = r.fields(node)?;
        let quote = f.need(r, "quote").and_then(|n| field(r, n, &[quoting], self.scope, Wanted::Text));
        let within = f.need(r, "in").and_then(|n| field(r, n, &["input"], self.scope, Wanted::Text));
        f.done(r);
        if self.kind == RuleKind::RefuseInput {
            r.find(Code::ExprVariable, node.range.clone(), "there is no output to check before the model is called")
                .done();
            return None;
        }
        Some(Check::Grounded { quote: quote?, within: within? })
    }
}

fn regex(r: &mut Reader, node: &Node) -> Option<String> {
    let pattern = r.text(node)?;
    match regex::RegexBuilder::new(&pattern).size_limit(expr::REGEX_BYTES_MAX).build() {
        Ok(compiled) if compiled.is_match("") => {
            let message = "this pattern matches the empty text, so it finds everything everywhere";
            r.find(Code::BadRegex, node.range.clone(), message).done();
            None
        }
        Ok(_) => Some(pattern),
        Err(error) => {
            let said = error.to_string();
            let said = said.lines().last().unwrap_or("").trim_start_matches("error: ").to_owned();
            r.find(Code::BadRegex, node.range.clone(), format!("this is not a regular expression: {said}")).done();
            None
        }
    }
}

/// What a field is wanted for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Text, or lists and objects that hold some.
    Text,
    /// A number.
    Number,
    /// Anything.
    Any,
}

/// A dotted field of a variable (`output.reason`), checked against its schema.
pub(super) fn field(r: &mut Reader, node: &Node, roots: &[&str], scope: &Scope, wanted: Wanted) -> Option<String> {
    let path = r.text(node)?;
    let mut segments = path.split('.');
    let root = segments.next().unwrap_or("");
    if !roots.contains(&root) {
        let help =
            format!("write a field of `{}`, as in `{}.text`", roots.join("` or `"), roots.first().unwrap_or(&"input"));
        r.find(Code::UnknownField, node.range.clone(), format!("`{}` is not a field here", clip(&path)))
            .help(help)
            .done();
        return None;
    }
    let Some(ty) = scope.variables.get(root) else {
        let why = scope.absent.get(root).copied().unwrap_or("the step names no type for it");
        r.find(Code::UnknownField, node.range.clone(), format!("there is no `{root}` here: {why}")).done();
        return None;
    };
    let ty = walk(r, node, ty, root, segments)?;
    let fits = match (wanted, bare(&ty)) {
        (Wanted::Text, Ty::Int(_) | Ty::Double(_) | Ty::Bool | Ty::Null) => Some("a text"),
        (Wanted::Number, Ty::Text(_) | Ty::Bool | Ty::List(..) | Ty::Object(_) | Ty::Null) => Some("a number"),
        _ => None,
    };
    if let Some(fits) = fits {
        let message = format!("{fits} is wanted here, and `{path}` is {}", ty.name());
        r.find(Code::ExprType, node.range.clone(), message).done();
        return None;
    }
    Some(path)
}

fn bare(ty: &Ty) -> &Ty {
    if let Ty::Nullable(inner) = ty { inner } else { ty }
}

/// Follows a dotted path below a type; lists are looked into.
pub(super) fn walk<'p>(
    r: &mut Reader,
    node: &Node,
    ty: &Ty,
    root: &str,
    segments: impl Iterator<Item = &'p str>,
) -> Option<Ty> {
    let mut ty = ty.clone();
    let mut at = root.to_owned();
    for segment in segments {
        while let Ty::List(item, _) = bare(&ty) {
            ty = (**item).clone();
        }
        ty = match bare(&ty) {
            Ty::Dyn => Ty::Dyn,
            Ty::Object(object) => match (object.fields.get(segment), &object.rest) {
                (Some(field), _) => field.ty.clone(),
                (None, Some(rest)) => rest.clone(),
                (None, None) => {
                    let message = format!("`{at}` has no field `{}`", clip(segment));
                    let help = did_you_mean(segment, object.fields.keys().map(String::as_str).collect::<Vec<_>>());
                    let place = object.place.clone();
                    r.find(Code::UnknownField, node.range.clone(), message).maybe_help(help).maybe_other(place).done();
                    return None;
                }
            },
            other => {
                let message = format!("`{at}` is {} and has no fields", other.name());
                r.find(Code::UnknownField, node.range.clone(), message).done();
                return None;
            }
        };
        at = format!("{at}.{segment}");
    }
    Some(ty)
}

/// `escalate`.
pub(super) fn escalations(
    r: &mut Reader,
    node: Option<&Node>,
    step: &ElementPath,
    scope: &Scope,
    names: &Names,
    learnt: &mut Learnt,
) -> Vec<Escalation> {
    let mut out = Vec::new();
    for entry in r.named(node) {
        let path = step.child("escalate").child(&entry.key);
        r.at = path.clone();
        let Some(mut f) = r.fields(&entry.value) else { continue };
        let when = f.need(r, "when").and_then(|n| {
            let checked = expr::check_node(&mut r.report, r.file, n, &path, scope)?;
            learnt.escalations.push((path.clone(), checked.clone(), n.range.clone()));
            Some(checked)
        });
        let to = f.need(r, "to").and_then(|n| r.reference(n, "role", Code::UnknownRole, names.roles.iter()));
        let because = f.get("because").and_then(|n| r.text(n));
        f.done(r);
        let (Some(when), Some(to)) = (when, to) else { continue };
        let thresholds = names.thresholds.iter().filter(|t| when.reads.contains(&format!("thresholds.{t}")));
        let thresholds = thresholds.map(|t| ElementPath::new(format!("thresholds.{t}"))).collect();
        out.push(Escalation { name: entry.key.clone(), path, when: when.expr, to, because, thresholds });
    }
    out.sort_by(|a, b| a.name.cmp(&b.name));
    out
}
