//! One pass of all checks over one candidate.

use super::{FINDING_SPANS_MAX, PARTS_MAX, total_bytes};
use crate::candidate::{Part, PartKind};
use crate::detect::{Detector, find_all};
use crate::expr::{Bindings, Fault};
use crate::fields::{self, Field, Leaf};
use crate::json::{self, TEXT_BYTES_MAX};
use crate::program::{CheckProgram, RuleProgram, StepProgram, TypeProgram};
use crate::redact::redact;
use crate::shape::Shape;
use seatrial_model::facts::{CheckKind, FindingResult, FoundSpan, Inspected, When};
use seatrial_model::{Confidence, ElementPath, Finding};
use serde_json::Value;
use std::ops::Range;

/// Between a part's name and the pointer, in spans of parts other than the first text
/// (`choices.1.text#/reason`).
pub const PART_SEPARATOR: char = '#';

/// A text part, read as the output type.
struct Read<'v> {
    value: Option<std::borrow::Cow<'v, Value>>,
    /// Why there is no value, or what the schema objects to.
    schema: Result<(), (FindingResult, String)>,
}

/// One pass.
pub(super) struct Run<'v> {
    program: &'v StepProgram,
    input: &'v Value,
    parts: &'v [Part],
    /// One for each text part.
    reads: Vec<Read<'v>>,
    /// Why nothing is inspected at all.
    refused: Option<&'static str>,
}

/// The values for expressions, one set for each output; or why there are none.
pub(super) type Bound<'b> = Vec<Result<Bindings<'b>, &'static str>>;

/// What a check says about one output or text.
#[derive(Default)]
struct Said {
    holds: bool,
    code: String,
    spans: Vec<FoundSpan>,
}

impl<'v> Run<'v> {
    pub(super) fn new(program: &'v StepProgram, input: &'v Value, parts: &'v [Part]) -> Self {
        let refused = (parts.len() > PARTS_MAX || total_bytes(parts) > TEXT_BYTES_MAX).then_some("too_large");
        let mut run = Self { program, input, parts, reads: Vec::new(), refused };
        if refused.is_none() {
            run.reads = run.texts().map(|part| read(&program.output, &part.text)).collect();
        }
        run
    }

    /// A pass over an output that is a value already: it is not printed and read again.
    pub(super) fn with_value(program: &'v StepProgram, input: &'v Value, parts: &'v [Part], value: &'v Value) -> Self {
        let mut run = Self { program, input, parts, reads: Vec::new(), refused: None };
        let (nodes, bytes) = json::weight(value);
        if nodes > json::NODES_MAX || bytes > TEXT_BYTES_MAX {
            run.refused = Some("too_large");
        } else {
            let schema = conforms(&program.output, value);
            run.reads.push(Read { value: Some(std::borrow::Cow::Borrowed(value)), schema });
        }
        run
    }

    /// A pass over a text whose schema is not in question; without the text, over nothing: then no check that is wanted
    /// may read the output.
    pub(super) fn without_schema(program: &'v StepProgram, input: &'v Value, parts: &'v [Part]) -> Self {
        let mut run = Self { program, input, parts, reads: Vec::new(), refused: None };
        if total_bytes(parts) > TEXT_BYTES_MAX {
            run.refused = Some("too_large");
            return run;
        }
        let read = run.texts().next().map(|part| value_of(&program.output, &part.text));
        let (value, schema) = match read {
            Some(Ok(value)) => (Some(value), Ok(())),
            Some(Err(fault)) => (None, Err((FindingResult::Violated, fault.code().to_owned()))),
            None => (Some(Value::Null), Ok(())),
        };
        run.reads.push(Read { value: value.map(std::borrow::Cow::Owned), schema });
        run
    }

    fn texts(&self) -> impl Iterator<Item = &'v Part> + use<'v> {
        self.parts.iter().filter(|p| p.kind == PartKind::Text)
    }

    /// The outputs, one for each text part.
    pub(super) fn outputs(&self) -> Vec<Option<Value>> {
        self.reads.iter().map(|r| r.value.as_deref().cloned()).collect()
    }

    /// One finding for each check of the plan.
    pub(super) fn findings(&self, bound: &Bound<'_>) -> Vec<Finding> {
        self.findings_wanted(bound, &[]).into_iter().flatten().collect()
    }

    /// For each check of the plan its finding, but for those that are not wanted.
    pub(super) fn findings_wanted(&self, bound: &Bound<'_>, wanted: &[bool]) -> Vec<Option<Finding>> {
        let mut wanted = wanted.iter().copied().chain(std::iter::repeat(true));
        let mut out = Vec::with_capacity(self.program.rules.len() + 1);
        if self.program.output.schema.is_some() {
            out.push(wanted.next().unwrap_or(true).then(|| self.schema_finding()));
        }
        for rule in &self.program.rules {
            let make = || match self.refused {
                Some(code) => finding(rule, Err(code.to_owned())),
                None => finding(rule, self.check(rule, bound)),
            };
            out.push(wanted.next().unwrap_or(true).then(make));
        }
        out
    }

    fn schema_finding(&self) -> Finding {
        let result = match self.refused {
            Some(code) => Err((FindingResult::NotRun, code.to_owned())),
            None if self.reads.is_empty() => Err((FindingResult::NotRun, "no_text".to_owned())),
            None => self.reads.iter().find_map(|r| r.schema.clone().err()).map_or(Ok(()), Err),
        };
        let (result, code) = result.err().unwrap_or((FindingResult::Met, String::new()));
        let path = self.program.output.path.clone();
        Finding { path, kind: CheckKind::Schema, result, code, spans: Vec::new() }
    }

    /// The values for expressions, one set for each output.
    pub(super) fn bound(&self) -> Bound<'_> {
        self.reads
            .iter()
            .map(|read| {
                let value = read.value.as_deref().ok_or("no_output")?;
                let mut values = Bindings::default();
                values.input(&self.program.input.shape, self.input).map_err(|_| "integer_range")?;
                values.output(&self.program.output.shape, value).map_err(|_| "integer_range")?;
                Ok(values)
            })
            .collect()
    }

    /// What a rule says: `holds` if it holds for any output (or, for `require`, for every one).
    fn check(&self, rule: &RuleProgram, bound: &Bound<'_>) -> Result<Said, String> {
        match &rule.check {
            CheckProgram::Expr(expr) => {
                let each = bound.iter().map(|b| match b {
                    Ok(values) => expr.holds(values).map_err(|f| f.code().to_owned()),
                    Err(code) => Err((*code).to_owned()),
                });
                over_all(rule.kind, each).map(|holds| Said { holds, ..Said::default() })
            }
            CheckProgram::Grounded { quote, within } => {
                let each = self.reads.iter().map(|read| {
                    let output = read.value.as_deref().ok_or_else(|| "no_output".to_owned())?;
                    is_grounded(quote, within, self.input, output)
                });
                over_all(rule.kind, each).map(|holds| Said { holds, ..Said::default() })
            }
            CheckProgram::Detect { detectors, within } => self.detect(detectors, within.as_ref()),
        }
    }

    fn detect(&self, detectors: &[Detector], within: Option<&Field>) -> Result<Said, String> {
        let mut said = Said::default();
        let mut reads = self.reads.iter();
        let mut first = true;
        let mut looked = false;
        for part in self.parts {
            let read = if part.kind == PartKind::Text { reads.next() } else { None };
            let prefix = if part.kind == PartKind::Text && std::mem::take(&mut first) {
                String::new()
            } else {
                format!("{}{PART_SEPARATOR}", part.name)
            };
            let value = read.and_then(|r| r.value.as_deref());
            match (within, value) {
                (Some(field), Some(value)) => {
                    looked = true;
                    search(detectors, &self.program.output.shape, value, &field.names, &prefix, &mut said);
                }
                (Some(_), None) if part.kind == PartKind::Text => return Err("no_output".to_owned()),
                (Some(_), None) => {}
                (None, Some(value)) => {
                    looked = true;
                    search(detectors, &self.program.output.shape, value, &[], &prefix, &mut said);
                }
                (None, None) => {
                    looked = true;
                    // Not JSON of the output type: as it stands, and, where it is JSON (tool arguments), its texts.
                    record(detectors, &part.text, &prefix, "", true, &mut said);
                    if let Ok(value) = json::parse(&part.text) {
                        search(detectors, &Shape::anything(), &value, &[], &prefix, &mut said);
                    }
                }
            }
        }
        if looked { Ok(said) } else { Err("no_output".to_owned()) }
    }

    /// Every part and the checks that inspected it.
    pub(super) fn inspected(&self, findings: &[Finding]) -> Vec<Inspected> {
        let ran = |path: &ElementPath| findings.iter().any(|f| f.path == *path && f.result != FindingResult::NotRun);
        self.parts
            .iter()
            .take(PARTS_MAX)
            .map(|part| {
                let is_text = part.kind == PartKind::Text;
                let schema = (is_text && self.program.output.schema.is_some()).then_some(&self.program.output.path);
                let rules = self.program.rules.iter().filter(|rule| match &rule.check {
                    CheckProgram::Detect { within: None, .. } => true,
                    CheckProgram::Detect { .. } | CheckProgram::Expr(_) | CheckProgram::Grounded { .. } => is_text,
                });
                let by = schema.into_iter().chain(rules.map(|r| &r.path)).filter(|p| ran(p)).cloned().collect();
                Inspected { part: part.name.clone(), by }
            })
            .collect()
    }

    /// The outcome of every escalation's `when`: it holds if it holds for any output, or cannot be evaluated.
    pub(super) fn whens<'b>(&'b self, bound: &mut Bound<'b>, confidence: &Confidence) -> Vec<When> {
        for values in bound.iter_mut().flatten() {
            values.confidence(confidence.value, &self.program.thresholds);
        }
        let outcome = |expr: &crate::expr::Compiled| {
            let each = bound.iter().map(|b| match b {
                Ok(values) => expr.holds(values).map_err(Fault::code),
                Err(code) => Err(*code),
            });
            let (mut holds, mut failed) = (false, bound.is_empty());
            for result in each {
                match result {
                    Ok(h) => holds |= h,
                    Err(_) => failed = true,
                }
            }
            (holds || failed, failed)
        };
        let whens = self.program.escalations.iter().map(|(path, expr)| {
            let (holds, failed) = outcome(expr);
            When { path: path.clone(), holds, failed }
        });
        whens.collect()
    }
}

/// Reads a text as the output type.
fn read<'v>(output: &TypeProgram, text: &str) -> Read<'v> {
    match value_of(output, text) {
        Ok(value) => {
            // Without a schema nothing is promised.
            let schema = if output.schema.is_none() { Ok(()) } else { conforms(output, &value) };
            Read { value: Some(std::borrow::Cow::Owned(value)), schema }
        }
        Err(fault) => Read { value: None, schema: Err((FindingResult::Violated, fault.code().to_owned())) },
    }
}

/// The value that a text stands for: where nothing is promised of it, objects and arrays are values, and anything else
/// is a text.
fn value_of(output: &TypeProgram, text: &str) -> Result<Value, json::JsonFault> {
    if output.schema.is_none() {
        let value = json::parse(text).ok().filter(|v| v.is_object() || v.is_array());
        return Ok(value.unwrap_or_else(|| Value::String(text.to_owned())));
    }
    if output.shape.is_text() { Ok(Value::String(text.to_owned())) } else { json::parse(text) }
}

fn conforms(of: &TypeProgram, value: &Value) -> Result<(), (FindingResult, String)> {
    if let Some(keyword) = of.schema.as_ref().and_then(|s| s.failing_keyword(value)) {
        return Err((FindingResult::Violated, keyword));
    }
    if of.shape.integers_fit(value) { Ok(()) } else { Err((FindingResult::Violated, "integer_range".to_owned())) }
}

/// Findings on an input.
pub(super) fn input(program: &StepProgram, input: &Value) -> Vec<Finding> {
    let mut out = Vec::with_capacity(program.refuse.len() + 1);
    let (nodes, bytes) = json::weight(input);
    let too_large = nodes > json::NODES_MAX || bytes > TEXT_BYTES_MAX;
    if program.input.schema.is_some() {
        let result = if too_large {
            Err((FindingResult::NotRun, "too_large".to_owned()))
        } else {
            conforms(&program.input, input)
        };
        let (result, code) = result.err().unwrap_or((FindingResult::Met, String::new()));
        let path = program.input.path.clone();
        out.push(Finding { path, kind: CheckKind::Schema, result, code, spans: Vec::new() });
    }
    let mut values = Bindings::default();
    let bound = if too_large {
        Err("too_large")
    } else {
        values.input(&program.input.shape, input).map_err(|_| "integer_range")
    };
    out.extend(program.refuse.iter().map(|rule| {
        let said = match (bound, &rule.check) {
            (Err(code), _) => Err(code.to_owned()),
            (Ok(()), CheckProgram::Expr(expr)) => {
                expr.holds(&values).map(|holds| Said { holds, ..Said::default() }).map_err(|f| f.code().to_owned())
            }
            (Ok(()), CheckProgram::Detect { detectors, within }) => {
                let names = within.as_ref().map_or(&[][..], |f| f.names.as_slice());
                let mut said = Said::default();
                search(detectors, &program.input.shape, input, names, "", &mut said);
                Ok(said)
            }
            (Ok(()), CheckProgram::Grounded { quote, within }) => {
                is_grounded(quote, within, input, input).map(|holds| Said { holds, ..Said::default() })
            }
        };
        finding(rule, said)
    }));
    out
}

/// `require` must hold for every output; what the others name must hold for none.
fn over_all(kind: CheckKind, each: impl Iterator<Item = Result<bool, String>>) -> Result<bool, String> {
    let mut results = Vec::new();
    let mut failed = None;
    for result in each {
        match result {
            Ok(holds) => results.push(holds),
            Err(code) => failed = failed.or(Some(code)),
        }
    }
    // An objection of one output stands even where the check did not run on another.
    let objection = kind != CheckKind::Require;
    if results.contains(&objection) {
        return Ok(objection);
    }
    match failed {
        Some(code) => Err(code),
        None if results.is_empty() => Err("no_text".to_owned()),
        None => Ok(!objection),
    }
}

fn finding(rule: &RuleProgram, said: Result<Said, String>) -> Finding {
    let (path, kind) = (rule.path.clone(), rule.kind);
    match said {
        Err(code) => Finding { path, kind, result: FindingResult::NotRun, code, spans: Vec::new() },
        Ok(said) => {
            let objects = said.holds == (kind != CheckKind::Require);
            let result = if objects { FindingResult::Violated } else { FindingResult::Met };
            if objects {
                Finding { path, kind, result, code: said.code, spans: said.spans }
            } else {
                Finding { path, kind, result, code: String::new(), spans: Vec::new() }
            }
        }
    }
}

fn search(detectors: &[Detector], shape: &Shape, value: &Value, names: &[String], prefix: &str, said: &mut Said) {
    for Leaf { pointer, text, is_key } in fields::leaves(value, shape, names) {
        record(detectors, &text, prefix, &pointer, !is_key, said);
    }
}

fn record(detectors: &[Detector], text: &str, prefix: &str, pointer: &str, has_span: bool, said: &mut Said) {
    for (detector, Range { start, end }) in find_all(detectors, text) {
        said.holds = true;
        if said.code.is_empty() {
            detector.name().clone_into(&mut said.code);
        }
        if has_span && said.spans.len() < FINDING_SPANS_MAX {
            let part = format!("{prefix}{pointer}");
            said.spans.push(FoundSpan { part, start: start as u64, end: end as u64 });
        }
    }
}

/// Whether every quoted text occurs verbatim in one of the texts of the input's field. An empty quote is none.
fn is_grounded(quote: &Field, within: &Field, input: &Value, output: &Value) -> Result<bool, String> {
    let texts = |field: &Field, value: &Value| -> Option<Vec<String>> {
        let found = field.select(value);
        let flat = found.into_iter().flat_map(|v| v.as_array().map_or_else(|| vec![v], |a| a.iter().collect()));
        let texts: Option<Vec<String>> = flat.map(|v| v.as_str().map(str::to_owned)).collect();
        texts.filter(|t| !t.is_empty())
    };
    let quotes = texts(quote, output).ok_or("no_field")?;
    let sources = texts(within, input).ok_or("no_field")?;
    Ok(quotes.iter().all(|q| !q.trim().is_empty() && sources.iter().any(|s| s.contains(q.as_str()))))
}

/// A part's text with everything redacted that the rules find in it.
pub(super) fn redacted(part: &Part, output: Option<&Value>, rules: &[(&[Detector], Option<&Field>)]) -> String {
    let read_as_json;
    let value = match (part.kind, output) {
        (PartKind::Text, Some(value)) => Some(value),
        (PartKind::ToolArguments, _) => {
            read_as_json = json::parse(&part.text).ok();
            read_as_json.as_ref()
        }
        _ => None,
    };
    let mut changed = value.cloned();
    let mut text = part.text.clone();
    let mut is_changed = false;
    for (detectors, within) in rules {
        match (&mut changed, within) {
            (Some(value), _) => {
                // Fields are fields of the output, not of a tool's arguments.
                if within.is_some() && part.kind != PartKind::Text {
                    continue;
                }
                let names = within.map_or(&[][..], |f| f.names.as_slice());
                fields::rewrite(value, names, &mut |leaf| {
                    let changed = redact(detectors, leaf);
                    is_changed |= changed.is_some();
                    changed
                });
            }
            (None, None) => text = redact(detectors, &text).unwrap_or(text),
            (None, Some(_)) => {}
        }
    }
    match changed {
        Some(Value::String(whole)) if is_changed => whole,
        Some(value) if is_changed => value.to_string(),
        _ => text,
    }
}
