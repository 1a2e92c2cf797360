//! Repeated answers to one example, taken together.

use super::{ExampleResult, Outcome, add};
use seatrial_model::event::Usage;
use seatrial_model::{ElementPath, Verdict};

/// One answer to one example, judged. It holds no text of the example or of the answer.
#[derive(Clone, PartialEq, Debug)]
pub struct Asked {
    /// The example.
    pub id: String,
    /// Which of the repeats, from 0.
    pub repeat: u64,
    /// What the guard concluded; none where no answer came that it could judge.
    pub verdict: Option<Verdict>,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether what passed was wrong; none where truth is not known.
    pub wrong: Option<bool>,
    /// Every rule that ran: whether it caught the answer.
    pub rules: Vec<(ElementPath, bool)>,
    /// The expected label and the output's own.
    pub label: Option<(String, String)>,
    /// Fields of the output that were not as expected.
    pub differs: Vec<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
}

/// What is known of an example beside its answers: id, label, slices and tags.
impl ExampleResult {
    /// An example that was not asked yet.
    #[must_use]
    pub fn unasked(id: impl Into<String>, must_not_pass: bool, slices: Vec<String>, tags: Vec<String>) -> Self {
        Self {
            id: id.into(),
            verdict: None,
            outcome: Outcome::Inconclusive,
            must_not_pass,
            wrong: None,
            rules: Vec::new(),
            slices,
            tags,
            label: None,
            differs: Vec::new(),
            unstable: false,
            usage: None,
            took_ms: 0,
        }
    }
}

/// The result of an example from its answers, on the safe side wherever they differ:
///
/// - its outcome is that of all of them; where they differ it is inconclusive, and the example `unstable`;
/// - its verdict is the most lenient one, because an output that is let through once is let through;
/// - what passed was wrong where any that passed was wrong;
/// - a rule caught it where it caught any answer, and passed it where it passed any.
#[must_use]
pub fn together(mut example: ExampleResult, answers: &[Asked]) -> ExampleResult {
    let Some(first) = answers.first() else { return example };
    let same = |a: &Asked| a.verdict == first.verdict && a.outcome == first.outcome;
    example.unstable = !answers.iter().all(same);
    example.outcome =
        if answers.iter().all(|a| a.outcome == first.outcome) { first.outcome } else { Outcome::Inconclusive };
    example.verdict = most_lenient(answers);
    let released = |a: &&Asked| a.verdict.is_some_and(|v| v < Verdict::Escalate);
    let truths = || answers.iter().filter(released).filter_map(|a| a.wrong);
    example.wrong = truths().next().map(|_| truths().any(|wrong| wrong));
    for (path, caught) in answers.iter().flat_map(|a| &a.rules) {
        if !example.rules.iter().any(|(p, c)| p == path && c == caught) {
            example.rules.push((path.clone(), *caught));
        }
    }
    // The first label that is not the expected one tells the most.
    let mut labels = answers.iter().filter_map(|a| a.label.as_ref());
    let differing = labels.clone().find(|(expected, found)| expected != found);
    example.label = differing.or_else(|| labels.next()).cloned();
    for field in answers.iter().flat_map(|a| &a.differs) {
        if !example.differs.contains(field) {
            example.differs.push(field.clone());
        }
    }
    example.usage = answers.iter().filter_map(|a| a.usage).reduce(add);
    example.took_ms = answers.iter().fold(0, |sum, a| sum.saturating_add(a.took_ms));
    example
}

/// The most lenient verdict. An answer without one was not shown to be stopped, which is more lenient than a stop.
fn most_lenient(answers: &[Asked]) -> Option<Verdict> {
    let verdict = answers.iter().filter_map(|a| a.verdict).min()?;
    let unjudged = answers.iter().any(|a| a.verdict.is_none());
    (!unjudged || verdict < Verdict::Escalate).then_some(verdict)
}
