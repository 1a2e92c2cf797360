//! A part of an evaluation as a blob: answers that were recorded, so that nobody has to ask for them again.

use super::{Asked, Outcome};
use seatrial_model::event::Usage;
use seatrial_model::{CanonicalError, ElementPath, Verdict, canonical};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of this form.
const VERSION: u32 = 1;

/// What a part holds, or why it cannot be read.
pub type ReadPart = Result<Vec<Asked>, PartError>;

/// Why a part cannot be read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("a part of the evaluation cannot be read ({0}); its answers are asked for again")]
pub struct PartError(String);

/// The rules stand once, the answers name them by their place.
#[derive(Serialize, Deserialize)]
struct Part {
    v: u32,
    rules: Vec<ElementPath>,
    answers: Vec<Line>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    id: String,
    #[serde(default, skip_serializing_if = "is_zero")]
    repeat: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wrong: Option<bool>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    caught: Vec<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    passed: Vec<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    label: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    differs: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
    took_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The blob of a part.
///
/// # Errors
/// Where a number has no canonical form: none does.
pub fn write_part(answers: &[Asked]) -> Result<Vec<u8>, CanonicalError> {
    let mut places: BTreeMap<ElementPath, usize> = BTreeMap::new();
    let mut rules = Vec::new();
    let mut lines = Vec::with_capacity(answers.len());
    for answer in answers {
        let (mut caught, mut passed) = (Vec::new(), Vec::new());
        for (path, objects) in &answer.rules {
            let place = *places.entry(path.clone()).or_insert_with(|| {
                rules.push(path.clone());
                rules.len() - 1
            });
            if *objects { &mut caught } else { &mut passed }.push(place);
        }
        lines.push(Line {
            id: answer.id.clone(),
            repeat: answer.repeat,
            verdict: answer.verdict,
            outcome: answer.outcome,
            wrong: answer.wrong,
            caught,
            passed,
            label: answer.label.clone(),
            differs: answer.differs.clone(),
            usage: answer.usage,
            took_ms: answer.took_ms,
        });
    }
    canonical(&Part { v: VERSION, rules, answers: lines })
}

/// Reads the blob of a part.
///
/// # Errors
/// [`PartError`] where it is none, or of another version.
pub fn read_part(bytes: &[u8]) -> ReadPart {
    let part: Part = serde_json::from_slice(bytes).map_err(|e| PartError(e.to_string()))?;
    if part.v != VERSION {
        return Err(PartError(format!("its form is version {}, not {VERSION}", part.v)));
    }
    let rule = |place: &usize| {
        part.rules.get(*place).cloned().ok_or_else(|| PartError(format!("it names a rule {place} that it has not")))
    };
    let rules = |line: &Line| -> Result<Vec<(ElementPath, bool)>, PartError> {
        let caught = line.caught.iter().map(|p| rule(p).map(|path| (path, true)));
        let passed = line.passed.iter().map(|p| rule(p).map(|path| (path, false)));
        caught.chain(passed).collect()
    };
    part.answers
        .iter()
        .map(|line| {
            Ok(Asked {
                id: line.id.clone(),
                repeat: line.repeat,
                verdict: line.verdict,
                outcome: line.outcome,
                wrong: line.wrong,
                rules: rules(line)?,
                label: line.label.clone(),
                differs: line.differs.clone(),
                usage: line.usage,
                took_ms: line.took_ms,
            })
        })
        .collect()
}
