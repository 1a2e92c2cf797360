//! Calls of tools: which part belongs to which call, and what is checked of each.

use super::checks::{Read, conforms, over_all, value_of};
use super::codes;
use crate::candidate::{Part, PartKind};
use crate::expr::Bindings;
use crate::fields::Field;
use crate::program::{CheckProgram, RuleProgram, StepProgram};
use seatrial_model::facts::{CheckKind, FindingResult};
use serde_json::Value;
use std::borrow::Cow;

/// A call of a tool.
pub(super) struct Call<'v> {
    /// The tool's name as the model wrote it; none where arguments came without one.
    pub(super) tool: Option<&'v str>,
    /// The part that holds its arguments; none where none came.
    pub(super) part: Option<&'v Part>,
    /// The arguments, read as the tool's type. Where none came, there are none: `{}`.
    pub(super) read: Read<'v>,
}

/// The choice that a part belongs to: `choices.1`.
fn choice(name: &str) -> &str {
    let end = name.match_indices('.').nth(1).map_or(name.len(), |(at, _)| at);
    name.get(..end).unwrap_or(name)
}

fn is_call(part: &Part) -> bool {
    matches!(part.kind, PartKind::ToolName | PartKind::ToolArguments)
}

/// The call that a part belongs to: its name without the last segment.
fn call_of(part: &Part) -> &str {
    part.name.rsplit_once('.').map_or(part.name.as_str(), |(call, _)| call)
}

/// The tool that arguments are for.
pub(super) fn tool_of<'p>(parts: &'p [Part], part: &Part) -> Option<&'p str> {
    if part.kind != PartKind::ToolArguments {
        return None;
    }
    let name = |p: &&Part| p.kind == PartKind::ToolName && call_of(p) == call_of(part);
    parts.iter().find(name).map(|p| p.text.as_str())
}

/// Whether a part is an output of its own: a text. One that is blank beside a call of a tool is how services write that
/// there is no text.
pub(super) fn is_output(program: &StepProgram, parts: &[Part], part: &Part) -> bool {
    if part.kind != PartKind::Text {
        return false;
    }
    let is_beside = |p: &Part| is_call(p) && choice(&p.name) == choice(&part.name);
    program.tools.is_none() || !part.text.trim().is_empty() || !parts.iter().any(is_beside)
}

/// Whether a candidate calls a tool.
pub(super) fn calls_any(parts: &[Part]) -> bool {
    parts.iter().any(is_call)
}

/// Every call of a candidate; of a step that says nothing of tools, none is looked into.
pub(super) fn calls<'v>(program: &'v StepProgram, parts: &'v [Part]) -> Vec<Call<'v>> {
    let Some(tools) = &program.tools else { return Vec::new() };
    let read = |tool: Option<&str>, text: &str| match tool.and_then(|name| tools.get(name)) {
        // A service that has no arguments to write leaves them out.
        Some(of) => match value_of(of, if text.trim().is_empty() { "{}" } else { text }) {
            Ok(value) => Read { schema: conforms(of, &value), value: Some(Cow::Owned(value)) },
            Err(fault) => Read { value: None, schema: Err((FindingResult::Violated, fault.code().to_owned())) },
        },
        None => Read { value: None, schema: Ok(()) },
    };
    let mut out: Vec<Call<'v>> = Vec::new();
    for part in parts.iter().filter(|p| p.kind == PartKind::ToolArguments) {
        let tool = tool_of(parts, part);
        out.push(Call { tool, part: Some(part), read: read(tool, &part.text) });
    }
    let has_arguments =
        |name: &Part| parts.iter().any(|p| p.kind == PartKind::ToolArguments && call_of(p) == call_of(name));
    for part in parts.iter().filter(|p| p.kind == PartKind::ToolName && !has_arguments(p)) {
        out.push(Call { tool: Some(&part.text), part: None, read: read(Some(&part.text), "") });
    }
    // Two names for one call: whichever a client takes, it is not the one that was looked at.
    for part in parts.iter().filter(|p| p.kind == PartKind::ToolName) {
        let first = |p: &&Part| p.kind == PartKind::ToolName && call_of(p) == call_of(part);
        if parts.iter().find(first).is_some_and(|p| !std::ptr::eq(p, part)) {
            out.push(Call { tool: None, part: None, read: Read { value: None, schema: Ok(()) } });
        }
    }
    out
}

/// Whether a tool is called that the step may not call.
pub(super) fn unknown(program: &StepProgram, calls: &[Call<'_>]) -> Option<&'static str> {
    let known = |call: &Call<'_>| {
        call.tool.is_some_and(|name| program.tools.as_ref().is_some_and(|tools| tools.contains_key(name)))
    };
    (!calls.iter().all(known)).then_some(codes::UNKNOWN_TOOL)
}

/// What the type of its arguments objects to, in the first call of a tool that it objects to.
pub(super) fn arguments(tool: &str, calls: &[Call<'_>]) -> Result<(), (FindingResult, String)> {
    let own = calls.iter().filter(|call| call.tool == Some(tool));
    own.map(|call| call.read.schema.clone()).find(Result::is_err).unwrap_or(Ok(()))
}

/// Whether a rule of a tool holds: `require` for every call, the others for any. Where the tool is not called, nothing
/// objects.
pub(super) fn rule(
    program: &StepProgram,
    rule: &RuleProgram,
    tool: &str,
    input: &Value,
    calls: &[Call<'_>],
) -> Result<bool, String> {
    let own: Vec<&Call<'_>> = calls.iter().filter(|call| call.tool == Some(tool)).collect();
    if own.is_empty() {
        return Ok(rule.kind == CheckKind::Require);
    }
    let Some(of) = program.tools.as_ref().and_then(|tools| tools.get(tool)) else {
        return Err("no_arguments".to_owned());
    };
    let each = own.into_iter().map(|call| {
        let value = call.read.value.as_deref().ok_or_else(|| "no_arguments".to_owned())?;
        match &rule.check {
            CheckProgram::Expr(expr) => {
                let mut values = Bindings::default();
                values.input(&program.input.shape, input).map_err(|_| "integer_range".to_owned())?;
                values.arguments(&of.shape, value).map_err(|_| "integer_range".to_owned())?;
                expr.holds(&values).map_err(|fault| fault.code().to_owned())
            }
            CheckProgram::Grounded { quote, within } => grounded(quote, within, input, value),
            _ => Err("no_check".to_owned()),
        }
    });
    over_all(rule.kind, each)
}

fn grounded(quote: &Field, within: &Field, input: &Value, arguments: &Value) -> Result<bool, String> {
    super::checks::is_grounded(quote, within, input, arguments)
}
