//! Counting what replay finds. Tallies of parts are added up; in which order makes no difference.

use super::{NeedsOutput, Outcome, Recorded};
use crate::decide::Decision;
use seatrial_model::event::BeforeAfter;
use seatrial_model::{DecisionId, ElementPath, Time, Verdict};
use std::collections::BTreeMap;

/// The most changed decisions that are listed one by one, the oldest first; all are counted.
pub const RESULTS_MAX: usize = 100_000;

/// A decision whose verdict changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Changed {
    /// Its entry.
    pub index: u64,
    /// The decision.
    pub decision: DecisionId,
    /// As it was decided.
    pub from: Verdict,
    /// Under the changed spec.
    pub to: Verdict,
    /// The element that brings the new verdict about, or whose objection fell away.
    pub rule: ElementPath,
}

/// What became of recorded decisions.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Tally {
    /// Looked at.
    pub decisions: u64,
    /// Decided again.
    pub again: u64,
    /// Whose outputs would be others, by reason.
    pub needs_output: BTreeMap<NeedsOutput, u64>,
    /// Whose payloads were erased, and needed.
    pub erased: u64,
    /// Of steps that the changed spec does not have.
    pub gone: u64,
    /// Verdicts of those decided again, then and now.
    pub verdicts: BTreeMap<(Verdict, Verdict), u64>,
    /// Of those whose verdict changed, by the element that brings it about.
    pub rules: BTreeMap<ElementPath, u64>,
    /// Questions to people (reviews and audits) by role, then and now.
    pub roles: BTreeMap<String, BeforeAfter>,
    /// Decisions that need a person, then and now.
    pub reviews: BeforeAfter,
    /// Overridden decisions of those decided again, and those of them with another verdict.
    pub overrides: BeforeAfter,
    /// The first and the last decision's time.
    pub span: Option<(Time, Time)>,
    /// Decisions whose verdict changed, the oldest first; at most [`RESULTS_MAX`].
    pub listed: Vec<Changed>,
}

impl Tally {
    /// Counts one decision.
    pub fn add(&mut self, index: u64, time: Time, recorded: &Recorded, outcome: &Outcome) {
        self.decisions += 1;
        self.span = Some(self.span.map_or((time, time), |(first, last)| (first.min(time), last.max(time))));
        match outcome {
            Outcome::NeedsOutput(why) => *self.needs_output.entry(*why).or_default() += 1,
            Outcome::Erased => self.erased += 1,
            Outcome::Gone => self.gone += 1,
            Outcome::Again(decision) => self.again(index, recorded, decision),
        }
    }

    fn again(&mut self, index: u64, recorded: &Recorded, decision: &Decision) {
        self.again += 1;
        *self.verdicts.entry((recorded.verdict, decision.verdict)).or_default() += 1;
        if let Some(review) = &recorded.review {
            self.reviews.before += 1;
            self.role(&review.to).before += 1;
        }
        if let Some(review) = &decision.review {
            self.reviews.after += 1;
            self.role(&review.to).after += 1;
        }
        if recorded.verdict == decision.verdict {
            return;
        }
        let rule = decision.because.first().or(recorded.because.first()).cloned().unwrap_or_default();
        match self.rules.get_mut(&rule) {
            Some(count) => *count += 1,
            None => drop(self.rules.insert(rule.clone(), 1)),
        }
        if self.listed.len() < RESULTS_MAX {
            let (from, to) = (recorded.verdict, decision.verdict);
            self.listed.push(Changed { index, decision: recorded.decision, from, to, rule });
        }
    }

    fn role(&mut self, role: &str) -> &mut BeforeAfter {
        self.roles.entry(role.to_owned()).or_default()
    }

    /// Adds another part's counts.
    pub fn merge(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.again += other.again;
        self.erased += other.erased;
        self.gone += other.gone;
        add_all(&mut self.needs_output, other.needs_output);
        add_all(&mut self.verdicts, other.verdicts);
        add_all(&mut self.rules, other.rules);
        for (role, load) in other.roles {
            add(self.roles.entry(role).or_default(), load);
        }
        add(&mut self.reviews, other.reviews);
        add(&mut self.overrides, other.overrides);
        self.span = match (self.span, other.span) {
            (Some((a, b)), Some((c, d))) => Some((a.min(c), b.max(d))),
            (one, two) => one.or(two),
        };
        // Each part lists its oldest, so the oldest of all are among them.
        self.listed.extend(other.listed);
        if self.listed.len() > RESULTS_MAX {
            self.settle();
        }
    }

    /// Puts the list in order, and cuts it to its limit.
    pub fn settle(&mut self) {
        self.listed.sort_by_key(|changed| changed.index);
        self.listed.truncate(RESULTS_MAX);
    }

    /// How many verdicts changed.
    #[must_use]
    pub fn changed(&self) -> u64 {
        self.verdicts.iter().filter(|((from, to), _)| from != to).map(|(_, count)| count).sum()
    }
}

fn add(to: &mut BeforeAfter, other: BeforeAfter) {
    to.before += other.before;
    to.after += other.after;
}

fn add_all<K: Ord>(to: &mut BTreeMap<K, u64>, other: BTreeMap<K, u64>) {
    for (key, count) in other {
        *to.entry(key).or_default() += count;
    }
}
