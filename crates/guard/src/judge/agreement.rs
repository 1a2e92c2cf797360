//! Agreement of samples: how many of them say the same as the candidate.

use super::checks::{conforms, value_of};
use crate::candidate::{Aside, Judged};
use crate::fields::Field;
use crate::fields::Root;
use crate::program::StepProgram;
use seatrial_model::canonical;
use serde_json::Value;
use std::borrow::Cow;

/// The share of `n` samples, the output among them, that agree with the output. Nobody asked: no share. A sample that
/// failed, that is missing, or that is not of the output type does not agree.
///
/// Two outputs agree where the RFC 8785 forms of the fields are the same that decide whether an output is wrong: those
/// that `wrong_when` of the thresholds reads that the confidence is compared with. Where there is no such threshold, or
/// it reads the output as a whole, all of it has to be the same.
pub(super) fn share(program: &StepProgram, output: &Value, aside: &Aside, n: u32) -> Option<f64> {
    let further = usize::try_from(n.saturating_sub(1)).ok()?;
    if aside.samples.is_empty() || further == 0 {
        return None;
    }
    let own = compared(program, output)?;
    let agrees = |sample: &&Judged| match sample {
        Judged::Said(value) => read(program, value).and_then(|v| compared(program, &v)).is_some_and(|c| c == own),
        Judged::Failed(_) => false,
    };
    let agreeing = aside.samples.iter().take(further).filter(agrees).count();
    let agreeing = u32::try_from(agreeing).ok()?;
    Some((1.0 + f64::from(agreeing)) / f64::from(n))
}

/// A sample, read as the output type.
fn read<'v>(program: &StepProgram, sample: &'v Value) -> Option<Cow<'v, Value>> {
    let value = match sample {
        Value::String(text) => Cow::Owned(value_of(&program.output, text).ok()?),
        other => Cow::Borrowed(other),
    };
    conforms(&program.output, &value).is_ok().then_some(value)
}

/// What is compared, as canonical bytes.
fn compared(program: &StepProgram, output: &Value) -> Option<Vec<u8>> {
    let Some(fields) = &program.agree_in else { return canonical::canonical_value(output).ok() };
    let parts = fields.iter().map(|names| {
        let field = Field { root: Root::Output, names: names.clone() };
        Value::Array(field.select(output).into_iter().cloned().collect())
    });
    canonical::canonical_value(&Value::Array(parts.collect())).ok()
}
