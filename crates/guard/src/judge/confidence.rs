//! Weigh: the confidence, from the source that the spec names. Absent, no number or outside [0, 1]: it is zero.

use super::checks::Run;
use crate::candidate::{Candidate, PartKind, TokenLogprob};
use crate::fields::{Field, Root};
use crate::program::StepProgram;
use seatrial_model::Confidence;
use seatrial_spec::workflow::ConfidenceSource;
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

pub(super) fn confidence(
    program: &StepProgram,
    candidate: &Candidate,
    run: &Run<'_>,
    outputs: &[Option<Value>],
) -> Confidence {
    let Some((source, field)) = &program.confidence else {
        return Confidence { source: "none".to_owned(), value: 0.0, present: false };
    };
    let least = |each: Option<Vec<f64>>| each.and_then(|all| all.into_iter().reduce(f64::min));
    let found = match (source, field) {
        // There is no output yet that somebody could be sure of.
        _ if run.is_tool_turn() => None,
        // Each choice is an output: the least confident one counts.
        (ConfidenceSource::Output(_), Some(field)) => {
            least(outputs.iter().map(|o| one_number(o.as_ref()?, field)).collect())
        }
        (ConfidenceSource::Judge(judge), _) => {
            let field = Field { root: Root::Output, names: vec!["confidence".to_owned()] };
            let judge = program.judges.iter().find(|j| j.step == *judge);
            let said = |i: usize| judge.and_then(|j| super::aside::said(j, i, &candidate.aside).ok());
            least((0..outputs.len()).map(|i| one_number(said(i)?, &field)).collect())
        }
        (ConfidenceSource::Agreement(n), _) => {
            let conforming = run.conforming();
            let each = conforming.iter().map(|(_, o)| super::agreement::share(program, o, &candidate.aside, *n));
            least(each.collect()).filter(|_| conforming.len() == outputs.len())
        }
        (ConfidenceSource::Logprobs(_), Some(field)) => from_logprobs(candidate, field),
        (ConfidenceSource::Caller, _) => candidate.confidence,
        (ConfidenceSource::Output(_) | ConfidenceSource::Logprobs(_), None) => None,
    };
    let usable = found.filter(|value| (0.0..=1.0).contains(value));
    Confidence { source: source.label(), value: usable.unwrap_or(0.0), present: usable.is_some() }
}

fn one_number(output: &Value, field: &Field) -> Option<f64> {
    match field.select(output).as_slice() {
        [Value::Number(n)] => n.as_f64(),
        _ => None,
    }
}

/// The probability of a field's tokens: their product. The tokens must spell the text exactly, and the candidate must
/// be a single choice.
fn from_logprobs(candidate: &Candidate, field: &Field) -> Option<f64> {
    let mut texts = candidate.parts.iter().filter(|p| p.kind == PartKind::Text);
    let (text, None) = (texts.next()?.text.as_str(), texts.next()) else { return None };
    let range = field_range(text, &field.names)?;
    let mut at = 0;
    let mut sum = 0.0;
    let mut counted = false;
    for TokenLogprob { token, logprob } in &candidate.logprobs {
        let end = at + token.len();
        if text.get(at..end)? != token {
            return None;
        }
        if at < range.end && end > range.start {
            sum += logprob;
            counted = true;
        }
        at = end;
    }
    (counted && at == text.len() && sum <= 0.0).then(|| sum.exp())
}

/// Where a field's value stands in the JSON text, without the quotes of a string.
fn field_range(text: &str, names: &[String]) -> Option<Range<usize>> {
    let mut part = text;
    for name in names {
        let map: BTreeMap<Cow<'_, str>, &RawValue> = serde_json::from_str(part).ok()?;
        part = map.get(name.as_str())?.get();
    }
    // `part` is a slice of `text`: its distance from the start is its offset.
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let inner = part.strip_prefix('"').and_then(|p| p.strip_suffix('"'));
    match inner {
        Some(inner) if !inner.is_empty() => Some(start + 1..start + 1 + inner.len()),
        _ => Some(start..start + part.len()),
    }
}
