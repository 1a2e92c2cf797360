//! One pass of all checks over one candidate.

use super::tools::{self, Call};
use super::{FINDING_SPANS_MAX, PARTS_MAX, aside, codes, total_bytes};
use crate::candidate::{Aside, Part, PartKind};
use crate::detect::{Detector, find_all};
use crate::expr::{Bindings, Fault};
use crate::fields::{self, Field, Leaf};
use crate::json::{self, TEXT_BYTES_MAX};
use crate::program::{CheckProgram, RuleProgram, StepProgram, TypeProgram};
use crate::shape::Shape;
use seatrial_model::facts::{CheckKind, FindingResult, FoundSpan, Inspected, When};
use seatrial_model::{Confidence, ElementPath, Finding};
use serde_json::Value;
use std::ops::Range;

/// Nobody was asked.
static NOBODY: Aside = Aside { judged: std::collections::BTreeMap::new(), samples: Vec::new(), modified: None };

/// Between a part's name and the pointer, in spans of parts other than the first text
/// (`choices.1.text#/reason`).
pub const PART_SEPARATOR: char = '#';

/// A text, read as its type.
pub(super) struct Read<'v> {
    pub(super) value: Option<std::borrow::Cow<'v, Value>>,
    /// Why there is no value, or what the schema objects to.
    pub(super) schema: Result<(), (FindingResult, String)>,
}

/// One pass.
pub(super) struct Run<'v> {
    program: &'v StepProgram,
    input: &'v Value,
    parts: &'v [Part],
    aside: &'v Aside,
    /// One for each output.
    reads: Vec<Read<'v>>,
    calls: Vec<Call<'v>>,
    /// Why nothing is inspected at all.
    refused: Option<&'static str>,
}

/// The values for expressions, one set for each output; or why there are none.
pub(super) type Bound<'b> = Vec<Result<Bindings<'b>, &'static str>>;

/// What a check says about one output or text.
#[derive(Default)]
pub(super) struct Said {
    pub(super) holds: bool,
    pub(super) code: String,
    pub(super) spans: Vec<FoundSpan>,
}

impl<'v> Run<'v> {
    pub(super) fn new(program: &'v StepProgram, input: &'v Value, parts: &'v [Part], aside: &'v Aside) -> Self {
        let refused = (parts.len() > PARTS_MAX || total_bytes(parts) > TEXT_BYTES_MAX).then_some("too_large");
        let mut run = Self { program, input, parts, aside, reads: Vec::new(), calls: Vec::new(), refused };
        if refused.is_none() {
            run.reads = run.texts().map(|part| read(&program.output, &part.text)).collect();
            run.calls = tools::calls(program, parts);
        }
        run
    }

    /// A pass over an output that is a value already: it is not printed and read again.
    pub(super) fn with_value(program: &'v StepProgram, input: &'v Value, parts: &'v [Part], value: &'v Value) -> Self {
        let mut run =
            Self { program, input, parts, aside: &NOBODY, reads: Vec::new(), calls: Vec::new(), refused: None };
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
    pub(super) fn without_schema(
        program: &'v StepProgram,
        input: &'v Value,
        parts: &'v [Part],
        aside: &'v Aside,
    ) -> Self {
        let mut run = Self { program, input, parts, aside, reads: Vec::new(), calls: Vec::new(), refused: None };
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
        let (program, parts) = (self.program, self.parts);
        parts.iter().filter(move |p| tools::is_output(program, parts, p))
    }

    /// Whether nothing but tools is called, and may be: there is no output yet.
    pub(super) fn is_tool_turn(&self) -> bool {
        self.refused.is_none() && self.program.tools.is_some() && self.reads.is_empty() && !self.calls.is_empty()
    }

    /// The outputs that conform to their type, with their numbers.
    pub(super) fn conforming(&self) -> Vec<(usize, &Value)> {
        let each = self.reads.iter().enumerate().filter(|(_, read)| read.schema.is_ok());
        each.filter_map(|(i, read)| Some((i, read.value.as_deref()?))).collect()
    }

    /// The outputs: text parts.
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
                None if rule.needs_output && self.is_tool_turn() => tool_turn(rule.path.clone(), rule.kind),
                None => self.finding(rule, bound),
            };
            out.push(wanted.next().unwrap_or(true).then(make));
        }
        out
    }

    fn schema_finding(&self) -> Finding {
        if self.is_tool_turn() {
            return tool_turn(self.program.output.path.clone(), CheckKind::Schema);
        }
        let result = match self.refused {
            Some(code) => Err((FindingResult::NotRun, code.to_owned())),
            // Of a step that says nothing of tools nothing looks into a call.
            None if self.program.tools.is_none() && tools::calls_any(self.parts) => {
                Err((FindingResult::Violated, codes::TOOL_CALL.to_owned()))
            }
            None if self.reads.is_empty() => Err((FindingResult::NotRun, "no_text".to_owned())),
            None => self.reads.iter().find_map(|r| r.schema.clone().err()).map_or(Ok(()), Err),
        };
        let (result, code) = result.err().unwrap_or((FindingResult::Met, String::new()));
        let path = self.program.output.path.clone();
        Finding { path, kind: CheckKind::Schema, result, code, spans: Vec::new() }
    }

    /// The values for expressions, one set for each output; where there is none yet, the input alone.
    pub(super) fn bound(&self) -> Bound<'_> {
        if self.is_tool_turn() {
            let mut values = Bindings::default();
            let bound = values.input(&self.program.input.shape, self.input).map_err(|_| "integer_range");
            return vec![bound.map(|()| values)];
        }
        self.reads
            .iter()
            .enumerate()
            .map(|(i, read)| {
                let value = read.value.as_deref().ok_or("no_output")?;
                let mut values = Bindings::default();
                values.input(&self.program.input.shape, self.input).map_err(|_| "integer_range")?;
                values.output(&self.program.output.shape, value).map_err(|_| "integer_range")?;
                for judge in &self.program.judges {
                    // What was not said is not bound, and the rules that read it say why.
                    if let Ok(said) = aside::said(judge, i, self.aside) {
                        values.judged(&judge.step, &judge.output.shape, said).map_err(|_| "integer_range")?;
                    }
                }
                Ok(values)
            })
            .collect()
    }

    fn finding(&self, rule: &RuleProgram, bound: &Bound<'_>) -> Finding {
        if let (CheckProgram::Arguments, Some(tool)) = (&rule.check, &rule.tool) {
            let (result, code) =
                tools::arguments(tool, &self.calls).err().unwrap_or((FindingResult::Met, String::new()));
            return Finding { path: rule.path.clone(), kind: rule.kind, result, code, spans: Vec::new() };
        }
        finding(rule, self.check(rule, bound))
    }

    /// What a rule says: `holds` if it holds for any output (or, for `require`, for every one).
    fn check(&self, rule: &RuleProgram, bound: &Bound<'_>) -> Result<Said, String> {
        let holds = |holds| Said { holds, ..Said::default() };
        if let Some(tool) = &rule.tool {
            return match &rule.check {
                CheckProgram::Detect { .. } if !self.calls.iter().any(|call| call.tool == Some(tool.as_str())) => {
                    Ok(holds(rule.kind == CheckKind::Require))
                }
                CheckProgram::Detect { detectors, within } => self.detect_in_calls(detectors, within.as_ref(), tool),
                _ => tools::rule(self.program, rule, tool, self.input, &self.calls).map(holds),
            };
        }
        match &rule.check {
            CheckProgram::Tools => {
                let unknown = tools::unknown(self.program, &self.calls);
                let code = unknown.unwrap_or_default().to_owned();
                Ok(Said { holds: unknown.is_some(), code, spans: Vec::new() })
            }
            CheckProgram::Arguments => Err("no_tool".to_owned()),
            CheckProgram::Judge { step, expr } => {
                let judge = self.program.judges.iter().find(|j| j.step == *step);
                let each = bound.iter().enumerate().map(|(i, b)| {
                    let values = b.as_ref().map_err(|code| (*code).to_owned())?;
                    aside::said(judge.ok_or(codes::NOT_JUDGED)?, i, self.aside)?;
                    expr.holds_by(values, Some(step)).map_err(|f| f.code().to_owned())
                });
                over_all(rule.kind, each).map(holds)
            }
            CheckProgram::Expr(expr) => {
                let each = bound.iter().map(|b| match b {
                    Ok(values) => expr.holds(values).map_err(|f| f.code().to_owned()),
                    Err(code) => Err((*code).to_owned()),
                });
                over_all(rule.kind, each).map(holds)
            }
            CheckProgram::Grounded { quote, within } => {
                let each = self.reads.iter().map(|read| {
                    let output = read.value.as_deref().ok_or_else(|| "no_output".to_owned())?;
                    is_grounded(quote, within, self.input, output)
                });
                over_all(rule.kind, each).map(holds)
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
            let is_output = tools::is_output(self.program, self.parts, part);
            let read = if is_output { reads.next() } else { None };
            let prefix = if is_output && std::mem::take(&mut first) {
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
                (Some(_), None) if is_output => return Err("no_output".to_owned()),
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

    /// What detectors find in what a tool is called with.
    fn detect_in_calls(&self, detectors: &[Detector], within: Option<&Field>, tool: &str) -> Result<Said, String> {
        let mut said = Said::default();
        for call in self.calls.iter().filter(|call| call.tool == Some(tool)) {
            let Some(part) = call.part else { continue };
            let prefix = format!("{}{PART_SEPARATOR}", part.name);
            let shape = self.program.tools.as_ref().and_then(|tools| tools.get(tool)).map(|of| &of.shape);
            match (shape.zip(call.read.value.as_deref()), within) {
                (Some((shape, value)), within) => {
                    let names = within.map_or(&[][..], |field| field.names.as_slice());
                    search(detectors, shape, value, names, &prefix, &mut said);
                }
                (None, Some(_)) => return Err("no_arguments".to_owned()),
                (None, None) => record(detectors, &part.text, &prefix, "", true, &mut said),
            }
        }
        Ok(said)
    }

    /// Every part and the checks that inspected it.
    pub(super) fn inspected(&self, findings: &[Finding]) -> Vec<Inspected> {
        let ran = |path: &ElementPath| findings.iter().any(|f| f.path == *path && f.result != FindingResult::NotRun);
        self.parts
            .iter()
            .take(PARTS_MAX)
            .map(|part| {
                let is_output = tools::is_output(self.program, self.parts, part);
                // That a tool is called at all is what the schema objects to where nothing is said of tools.
                let is_refused = part.kind == PartKind::ToolName && self.program.tools.is_none();
                // A blank text beside a call was looked at as part of the call.
                let is_blank = part.kind == PartKind::Text && !is_output;
                let tool = tools::tool_of(self.parts, part);
                let schema = ((is_output || is_refused) && self.program.output.schema.is_some())
                    .then_some(&self.program.output.path);
                let rules = self.program.rules.iter().filter(|rule| match (&rule.check, &rule.tool) {
                    (_, Some(of)) => tool == Some(of.as_str()),
                    (CheckProgram::Tools, None) => part.kind == PartKind::ToolName || is_blank,
                    (CheckProgram::Detect { within: None, .. }, None) => true,
                    (CheckProgram::Expr(_), None) => is_output,
                    (_, None) => is_output && !self.is_tool_turn(),
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
        let is_tool_turn = self.is_tool_turn();
        let whens = self.program.escalations.iter().map(|when| {
            let (holds, failed) = if when.needs_output && is_tool_turn { (false, false) } else { outcome(&when.expr) };
            When { path: when.path.clone(), holds, failed }
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
pub(super) fn value_of(output: &TypeProgram, text: &str) -> Result<Value, json::JsonFault> {
    if output.schema.is_none() {
        let value = json::parse(text).ok().filter(|v| v.is_object() || v.is_array());
        return Ok(value.unwrap_or_else(|| Value::String(text.to_owned())));
    }
    if output.shape.is_text() { Ok(Value::String(text.to_owned())) } else { json::parse(text) }
}

pub(super) fn conforms(of: &TypeProgram, value: &Value) -> Result<(), (FindingResult, String)> {
    if let Some(keyword) = of.schema.as_ref().and_then(|s| s.failing_keyword(value)) {
        return Err((FindingResult::Violated, keyword));
    }
    if of.shape.integers_fit(value) { Ok(()) } else { Err((FindingResult::Violated, "integer_range".to_owned())) }
}

/// `require` must hold for every output; what the others name must hold for none.
pub(super) fn over_all(kind: CheckKind, each: impl Iterator<Item = Result<bool, String>>) -> Result<bool, String> {
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

/// Nothing but tools is called: a check of the output has nothing to object to yet.
fn tool_turn(path: ElementPath, kind: CheckKind) -> Finding {
    Finding { path, kind, result: FindingResult::Met, code: codes::TOOL_TURN.to_owned(), spans: Vec::new() }
}

pub(super) fn finding(rule: &RuleProgram, said: Result<Said, String>) -> Finding {
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

pub(super) fn search(
    detectors: &[Detector],
    shape: &Shape,
    value: &Value,
    names: &[String],
    prefix: &str,
    said: &mut Said,
) {
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
pub(super) fn is_grounded(quote: &Field, within: &Field, input: &Value, output: &Value) -> Result<bool, String> {
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
