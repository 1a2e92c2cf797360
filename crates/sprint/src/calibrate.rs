//! Calibration: which threshold to propose, and whether the one in force is certified.
//!
//! Two methods. *Split*: λ is proposed from training and tuning examples, by its power to be certified, and tested once on
//! examples that had no part in it. *Fixed sequence*: the points of a grid are tested from the strictest on, in the order
//! that the spec declares, and testing ends at the first failure. Never the loosest λ that happens to pass.
//!
//! What is spent: all attempts on the same examples together, and in each of them the whole and every slice with a
//! guarantee of its own, spend δ and no more ([`Terms`]).

mod certify;
mod ledger;
mod plan;
mod promise;
mod propose;
mod slices;

pub use certify::{CertificateContext, Method, Tested, certify, recomputes, taken_over};
pub use ledger::{NextAttempt, Spending, marks};
pub use plan::{Effort, Need, PLANNED_MAX, Planned, TABLE_ERRORS_MAX, plan, reviews_per_day};
pub use promise::{ATTEMPTS_MAX, Promise, Terms};
pub use propose::{CHANCE_MIN, POWER_AIM, Proposal, SlicePower, propose};
pub use slices::{SliceReading, read_slice, slices};

use seatrial_model::event::Share;

/// One labelled example as the calibration sees it.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Point {
    /// The confidence; what is not a number within 0 and 1 counts as 0.
    pub confidence: f64,
    /// Whether the output is wrong, by the threshold's `wrong_when`. Where that cannot be told, it is wrong.
    pub wrong: bool,
    /// Whether every other rule lets it pass without a person.
    pub passes: bool,
    /// The slices that it is in.
    pub slices: Vec<String>,
}

impl Point {
    /// A point in no slice.
    #[must_use]
    pub const fn new(confidence: f64, wrong: bool, passes: bool) -> Self {
        Self { confidence, wrong, passes, slices: Vec::new() }
    }

    /// Whether it passes without a person at a threshold: as the guard does, `confidence < at` escalates.
    #[must_use]
    pub fn passes_at(&self, at: f64) -> bool {
        self.passes && self.usable_confidence() >= at
    }

    /// Whether it is in a slice.
    #[must_use]
    pub fn is_in(&self, slice: &str) -> bool {
        self.slices.iter().any(|s| s == slice)
    }

    pub(crate) fn usable_confidence(&self) -> f64 {
        if (0.0..=1.0).contains(&self.confidence) { self.confidence } else { 0.0 }
    }
}

/// Wrong of passed at a threshold.
fn wrong_of_passed<'p>(points: impl IntoIterator<Item = &'p Point>, at: f64) -> Share {
    let mut share = Share::default();
    for point in points.into_iter().filter(|p| p.passes_at(at)) {
        share.n += 1;
        share.k += u64::from(point.wrong);
    }
    share
}

/// Why nothing was calibrated.
#[derive(Debug, thiserror::Error, PartialEq)]
#[non_exhaustive]
pub enum CalibrateError {
    /// α or 1 − δ out of range.
    #[error("nothing was calibrated: `{name}` is {value}; write a number greater than 0 and less than 1")]
    Promise {
        /// `max_wrong` or `assurance`.
        name: &'static str,
        /// What it is.
        value: f64,
    },
    /// No examples to learn from.
    #[error("nothing was calibrated: there are no examples on this side of the split; label some")]
    NoExamples,
    /// An attempt that was not declared.
    #[error(
        "nothing was certified: this would be attempt {attempt}, and `attempts: {attempts}` was declared before the first; label fresh examples"
    )]
    Attempt {
        /// Which one it would be.
        attempt: u64,
        /// How many were declared.
        attempts: u64,
    },
    /// The threshold is no number to compare with.
    #[error(
        "nothing was certified: the threshold `{0}` is not between 0 and 1; nothing passes at `at: none`, and that needs no certificate"
    )]
    At(f64),
    /// The threshold is no point of the grid that is tested.
    #[error(
        "nothing was certified: `at: {0}` is no point of the `grid`, and a fixed sequence certifies its points alone; write one of them"
    )]
    NotInGrid(f64),
    /// A grid that is no falling sequence of confidences.
    #[error(
        "nothing was certified: a `grid` falls from strict to loose, each point between 0 and 1, as in `[0.99, 0.97, 0.95]`"
    )]
    Grid,
}

#[cfg(test)]
mod tests;
