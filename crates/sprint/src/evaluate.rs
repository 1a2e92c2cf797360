//! Evaluation: from each example's result to the figures that are evidence.

use crate::stats;
use seatrial_model::event::{EvaluationRecorded, RuleExercise, Share, SliceResult};
use seatrial_model::{CanonicalError, Digest, ElementPath, Verdict, canonical};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// δ of an evaluation's lower bound: 95 % assurance, as a gate reads it.
pub const DELTA: f64 = 0.05;

/// What became of an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What came was as expected.
    Passed,
    /// It was not.
    Failed,
    /// Nothing can be said: the model did not answer, or the expectation could not be evaluated.
    Inconclusive,
    /// It has no expectation.
    NotExpected,
}

/// One example's result.
#[derive(Clone, PartialEq, Debug)]
pub struct ExampleResult {
    /// The example.
    pub id: String,
    /// What the guard concluded; none where it did not come to that.
    pub verdict: Option<Verdict>,
    /// What became of it.
    pub outcome: Outcome,
    /// The example is labelled so.
    pub must_not_pass: bool,
    /// Whether what passed was wrong, by the threshold's `wrong_when`; none where truth is not known.
    pub wrong: Option<bool>,
    /// Every rule that ran: whether it caught the example.
    pub rules: Vec<(ElementPath, bool)>,
    /// The slices that the example is in.
    pub slices: Vec<String>,
}

impl ExampleResult {
    /// Whether an output would reach the caller without a person: allowed, warned of, or modified. A modified one counts,
    /// because a redaction changes what a detector saw and leaves the rest as it was.
    #[must_use]
    pub const fn released(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Allow | Verdict::Warn | Verdict::Modify))
    }
}

/// The set that was evaluated, and on what.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetUnderTest {
    /// The set's name.
    pub set: String,
    /// The digest of its examples.
    pub examples: Digest,
    /// `random`, `curated` or `generated`.
    pub drawn: String,
    /// Its category, where it has one.
    pub category: Option<String>,
    /// The model's identity.
    pub model: String,
    /// Whether the engine itself obtained the outputs from that model; else they were supplied, and discharge nothing.
    pub obtained: bool,
}

/// An evaluation: the event's body and the blob that it names.
#[derive(Clone, PartialEq, Debug)]
pub struct Evaluation {
    /// The event's body.
    pub event: EvaluationRecorded,
    /// The blob `results`: the canonical list of each example's id, verdict and outcome, in order.
    pub results: Vec<u8>,
}

/// One line of the blob.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResultLine {
    /// The example's id.
    pub id: String,
    /// The verdict; none where the guard did not come to one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What became of it.
    pub outcome: Outcome,
}

/// Folds the results of a set, in the set's order.
///
/// An interval is given for a random sample only; of a curated or generated set, k of n is all there is to say. An
/// inconclusive example did not pass: it is counted apart, and in n.
///
/// # Errors
/// None in practice: a result has a canonical form.
pub fn evaluate(set: SetUnderTest, results: &[ExampleResult]) -> Result<Evaluation, CanonicalError> {
    let lines: Vec<ResultLine> =
        results.iter().map(|r| ResultLine { id: r.id.clone(), verdict: r.verdict, outcome: r.outcome }).collect();
    let blob = canonical(&lines)?;
    let mut event = EvaluationRecorded {
        tags: BTreeMap::new(),
        confusion: BTreeMap::new(),
        repeats: None,
        usage: None,
        started: None,
        set: set.set,
        examples: set.examples,
        drawn: set.drawn,
        category: set.category,
        model: set.model,
        passed: Share::default(),
        inconclusive: 0,
        lower: None,
        let_through: Share::default(),
        verdicts: BTreeMap::new(),
        rules: BTreeMap::new(),
        slices: BTreeMap::new(),
        results: Digest::of(&blob),
        outputs: if set.obtained { "obtained" } else { "supplied" }.to_owned(),
    };
    for result in results {
        count(&mut event, result);
    }
    if event.drawn == "random" && event.passed.n > 0 {
        event.lower = Some(stats::lower_bound(event.passed.k, event.passed.n, DELTA));
    }
    Ok(Evaluation { event, results: blob })
}

fn count(event: &mut EvaluationRecorded, result: &ExampleResult) {
    match result.outcome {
        Outcome::Passed => event.passed = Share { k: event.passed.k + 1, n: event.passed.n + 1 },
        Outcome::Failed => event.passed.n += 1,
        Outcome::Inconclusive => {
            event.passed.n += 1;
            event.inconclusive += 1;
        }
        Outcome::NotExpected => {}
    }
    let verdict = result.verdict.map_or("none", Verdict::as_str);
    *event.verdicts.entry(verdict.to_owned()).or_default() += 1;
    if result.must_not_pass {
        event.let_through.n += 1;
        // An example that the guard never judged was not shown to be stopped.
        event.let_through.k += u64::from(result.released() || result.verdict.is_none());
    }
    for (path, caught) in &result.rules {
        let exercise: &mut RuleExercise = event.rules.entry(path.clone()).or_default();
        if *caught {
            exercise.caught += 1;
        } else {
            exercise.passed += 1;
        }
    }
    for name in &result.slices {
        let slice = event
            .slices
            .entry(name.clone())
            .or_insert(SliceResult { passed: Share::default(), wrong: Share::default() });
        slice.passed.n += 1;
        if result.released() {
            slice.passed.k += 1;
            if let Some(wrong) = result.wrong {
                slice.wrong.n += 1;
                slice.wrong.k += u64::from(wrong);
            }
        }
    }
}

#[cfg(test)]
mod tests;
