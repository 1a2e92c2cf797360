//! Evaluation: from each example's result to the figures that are evidence.

mod part;
mod repeats;

pub use part::{PartError, ReadPart, read_part, write_part};
pub use repeats::{Asked, together};

use crate::stats;
use seatrial_model::event::{EvaluationRecorded, Repeats, RuleExercise, Share, SliceResult, Usage};
use seatrial_model::{CanonicalError, Digest, ElementPath, EventId, Verdict, canonical};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// δ of an evaluation's lower bound: 95 % assurance, as a gate reads it.
pub const DELTA: f64 = 0.05;

/// The most tags that an event counts by: an entry of the log is small. The most frequent ones are kept.
pub const TAGS_MAX: usize = 64;

/// The most labels of one side of the confusion: beyond these a field is no label. The rest is counted as `other`.
pub const LABELS_MAX: usize = 24;

/// The longest label: longer ones are texts, and count as `other`.
pub const LABEL_BYTES_MAX: usize = 80;

/// What stands for a label that is none: too long, not a scalar, or one too many.
pub const OTHER: &str = "other";

/// What stands for the label of an output that there was not.
pub const NO_OUTPUT: &str = "no output";

/// What became of an example.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// What came was as expected.
    Passed,
    /// It was not.
    Failed,
    /// Nothing can be said: the model did not answer, a person would have to, or repeated answers differ.
    Inconclusive,
    /// It has no expectation.
    NotExpected,
}

impl Outcome {
    /// The word, as reports write it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Inconclusive => "inconclusive",
            Self::NotExpected => "not expected",
        }
    }
}

/// One example's result.
#[derive(Clone, PartialEq, Debug)]
pub struct ExampleResult {
    /// The example.
    pub id: String,
    /// What the guard concluded; none where no answer came that it could judge.
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
    /// The example's tags.
    pub tags: Vec<String>,
    /// The expected label and the output's own, where one field is compared.
    pub label: Option<(String, String)>,
    /// Fields of the output that were not as expected.
    pub differs: Vec<String>,
    /// Repeated answers did not get the same verdict or the same outcome.
    pub unstable: bool,
    /// Tokens of all its answers.
    pub usage: Option<Usage>,
    /// How long its answers took, one after the other, in milliseconds.
    pub took_ms: u64,
}

impl ExampleResult {
    /// Whether an output would reach the caller without a person: allowed, warned of, or modified. A modified one counts,
    /// because a redaction changes what a detector saw and leaves the rest as it was.
    #[must_use]
    pub const fn released(&self) -> bool {
        matches!(self.verdict, Some(Verdict::Allow | Verdict::Warn | Verdict::Modify))
    }

    /// Whether no answer came that the guard could judge: such an example shows nothing, in either direction.
    #[must_use]
    pub const fn is_unjudged(&self) -> bool {
        self.verdict.is_none()
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
    /// How often each example was asked.
    pub repeats: u64,
    /// The event that began it, where its parts were recorded.
    pub started: Option<EventId>,
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
    /// Repeated answers differed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unstable: bool,
    /// The rules that caught it: the cases that show a rule.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub caught: Vec<ElementPath>,
}

/// Folds the results of a set, in the set's order.
///
/// An interval is given for a random sample only; of a curated or generated set, k of n is all there is to say. An
/// inconclusive example did not pass: it is counted apart, and in n.
///
/// # Errors
/// None in practice: a result has a canonical form.
pub fn evaluate(set: SetUnderTest, results: &[ExampleResult]) -> Result<Evaluation, CanonicalError> {
    let line = |r: &ExampleResult| ResultLine {
        id: r.id.clone(),
        verdict: r.verdict,
        outcome: r.outcome,
        unstable: r.unstable,
        caught: r.rules.iter().filter(|(_, caught)| *caught).map(|(path, _)| path.clone()).collect(),
    };
    let lines: Vec<ResultLine> = results.iter().map(line).collect();
    let blob = canonical(&lines)?;
    let unstable = results.iter().filter(|r| r.unstable).count() as u64;
    let mut event = EvaluationRecorded {
        tags: tags(results),
        confusion: confusion(results),
        repeats: (set.repeats > 1).then_some(Repeats { times: set.repeats, unstable }),
        usage: results.iter().filter_map(|r| r.usage).reduce(add),
        started: set.started,
        set: set.set,
        examples: set.examples,
        drawn: set.drawn,
        category: set.category,
        model: set.model,
        passed: Share::default(),
        inconclusive: 0,
        lower: None,
        let_through: Share::default(),
        unjudged: 0,
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
        event.let_through.k += u64::from(result.released());
        // An example that the guard never judged was not shown to be stopped: it is neither.
        event.unjudged += u64::from(result.is_unjudged());
    }
    for (path, caught) in &result.rules {
        let exercise: &mut RuleExercise = event.rules.entry(path.clone()).or_default();
        if *caught {
            exercise.caught += 1;
        } else {
            exercise.passed += 1;
        }
    }
    count_group(&mut event.slices, &result.slices, result);
}

/// Counts an example in every group that it is in.
fn count_group(groups: &mut BTreeMap<String, SliceResult>, names: &[String], result: &ExampleResult) {
    for name in names {
        let group =
            groups.entry(name.clone()).or_insert(SliceResult { passed: Share::default(), wrong: Share::default() });
        group.passed.n += 1;
        if result.released() {
            group.passed.k += 1;
            if let Some(wrong) = result.wrong {
                group.wrong.n += 1;
                group.wrong.k += u64::from(wrong);
            }
        }
    }
}

/// By tag: of very many tags, those that mark the most examples.
fn tags(results: &[ExampleResult]) -> BTreeMap<String, SliceResult> {
    let mut groups = BTreeMap::new();
    for result in results {
        // A tag that stands twice on one example marks it once.
        let mut names = result.tags.clone();
        names.sort();
        names.dedup();
        count_group(&mut groups, &names, result);
    }
    if groups.len() > TAGS_MAX {
        let mut by_size: Vec<(std::cmp::Reverse<u64>, String)> =
            groups.iter().map(|(name, group)| (std::cmp::Reverse(group.passed.n), name.clone())).collect();
        by_size.sort();
        for (_, name) in by_size.into_iter().skip(TAGS_MAX) {
            groups.remove(&name);
        }
    }
    groups
}

/// Expected label → the output's label → how many. A field with very many values is no label: the rarer ones count as
/// `other`.
fn confusion(results: &[ExampleResult]) -> BTreeMap<String, BTreeMap<String, u64>> {
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (expected, found) in results.iter().filter_map(|r| r.label.as_ref()) {
        *counted.entry(expected).or_default() += 1;
        *counted.entry(found).or_default() += 1;
    }
    let mut kept: Vec<(std::cmp::Reverse<u64>, &str)> = counted
        .into_iter()
        .filter(|(label, _)| label.len() <= LABEL_BYTES_MAX && !label.chars().any(char::is_control))
        .map(|(label, n)| (std::cmp::Reverse(n), label))
        .collect();
    kept.sort();
    kept.truncate(LABELS_MAX);
    let named = |label: &str| if kept.iter().any(|(_, k)| *k == label) { label } else { OTHER }.to_owned();
    let mut table: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    for (expected, found) in results.iter().filter_map(|r| r.label.as_ref()) {
        *table.entry(named(expected)).or_default().entry(named(found)).or_default() += 1;
    }
    table
}

/// The sum of two uses.
#[must_use]
pub const fn add(a: Usage, b: Usage) -> Usage {
    Usage { input: a.input.saturating_add(b.input), output: a.output.saturating_add(b.output) }
}

#[cfg(test)]
mod tests;
