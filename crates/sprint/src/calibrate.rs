//! Calibration: which threshold to propose, and whether the one in force is certified.
//!
//! The method is *split*: λ is proposed from training and tuning examples, by its power to be certified, and tested once on
//! examples that had no part in it. Never the loosest λ that happens to pass.

use crate::curve;
use crate::stats;
use seatrial_model::event::{Certificate, Share, SliceResult, ThresholdProposed, ThresholdTested};
use seatrial_model::{Digest, ElementPath};
use std::collections::BTreeMap;

/// A threshold with a smaller chance to be certified is not proposed: an attempt opens sealed examples, and failing four
/// times in five is no plan.
pub const CHANCE_MIN: f64 = 0.20;

/// The power that a proposal aims at: of the thresholds that reach it, the one that lets most through. Where none
/// reaches it, the one with the greatest power.
pub const POWER_AIM: f64 = 0.90;

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

    pub(crate) fn usable_confidence(&self) -> f64 {
        if (0.0..=1.0).contains(&self.confidence) { self.confidence } else { 0.0 }
    }
}

/// What a threshold promises: of what passes, at most `max_wrong` is wrong, at this assurance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Promise {
    max_wrong: f64,
    assurance: f64,
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
    /// Attempts count from 1.
    #[error("nothing was certified: attempts count from 1")]
    Attempt,
    /// The threshold is no number to compare with.
    #[error(
        "nothing was certified: the threshold `{0}` is not between 0 and 1; nothing passes at `at: none`, and that needs no certificate"
    )]
    At(f64),
}

impl Promise {
    /// A promise.
    ///
    /// # Errors
    /// Where either is not strictly between 0 and 1.
    pub fn new(max_wrong: f64, assurance: f64) -> Result<Self, CalibrateError> {
        for (name, value) in [("max_wrong", max_wrong), ("assurance", assurance)] {
            if !(value > 0.0 && value < 1.0) {
                return Err(CalibrateError::Promise { name, value });
            }
        }
        Ok(Self { max_wrong, assurance })
    }

    /// α.
    #[must_use]
    pub const fn max_wrong(&self) -> f64 {
        self.max_wrong
    }

    /// 1 − δ.
    #[must_use]
    pub const fn assurance(&self) -> f64 {
        self.assurance
    }

    /// δ, without the dust of 1 − 0.95.
    #[must_use]
    pub fn delta(&self) -> f64 {
        ((1.0 - self.assurance) * 1e12).round() / 1e12
    }

    /// The δ that an attempt on the same sealed examples spends: δ for the first, which opens them; then δ/2, δ/4, ….
    ///
    /// A first certificate keeps its promise in 1 − δ of all cases, whatever would have come after it. All repeats
    /// together, however many, add at most one more δ: whoever repeats until it succeeds has an assurance of 1 − 2δ, not
    /// 1 − δ, and the certificate says which attempt it was (see [`Self::spent`]).
    #[must_use]
    pub fn delta_of(&self, attempt: u64) -> f64 {
        let halvings = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        self.delta() * 0.5_f64.powi(halvings)
    }

    /// The δ spent by all attempts up to this one: the chance that any of them certifies what it must not.
    #[must_use]
    pub fn spent(&self, attempt: u64) -> f64 {
        if attempt == 0 { 0.0 } else { 2.0 * self.delta() - self.delta_of(attempt) }
    }
}

/// A threshold proposed.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// λ; none where nothing has a chance: everything escalates.
    pub at: Option<f64>,
    /// The probability that it will be certified, as estimated; with no λ, the greatest that was found.
    pub power: f64,
    /// Wrong of passed among the examples it was proposed from.
    pub wrong: Share,
    /// How many these were.
    pub tuned_on: u64,
    /// How many certification examples are expected to pass at λ.
    pub expected: u64,
}

impl Proposal {
    /// As the event's body.
    #[must_use]
    pub fn event(&self, threshold: ElementPath) -> ThresholdProposed {
        ThresholdProposed { threshold, at: self.at, power: self.power, wrong: self.wrong, tuned_on: self.tuned_on }
    }
}

/// Proposes λ from training and tuning examples for a certification on `certify_on` others.
///
/// Candidates have two decimals, near 1 three, so that λ reads well. The confidences of training examples must come from
/// a model that did not learn from them (cross-fitting), or λ is too low.
///
/// # Errors
/// Where there are no examples.
pub fn propose(points: &[Point], certify_on: u64, promise: Promise) -> Result<Proposal, CalibrateError> {
    if points.is_empty() {
        return Err(CalibrateError::NoExamples);
    }
    let tuned_on = points.len() as u64;
    let candidate = |at: f64| {
        let wrong = wrong_of_passed(points, at);
        let expected = (certify_on as f64 * wrong.n as f64 / tuned_on as f64).floor() as u64;
        let power = stats::power(wrong.k, wrong.n, expected, promise.max_wrong(), promise.delta());
        Proposal { at: Some(at), power, wrong, tuned_on, expected }
    };
    let mut best: Option<Proposal> = None;
    for at in candidates() {
        let next = candidate(at);
        let better = best.as_ref().is_none_or(|b| next.power > b.power);
        // Candidates rise: the first that reaches the aim lets most through.
        let reached = next.power >= POWER_AIM;
        if better {
            best = Some(next);
        }
        if reached {
            break;
        }
    }
    let best = best.ok_or(CalibrateError::NoExamples)?;
    Ok(if best.power >= CHANCE_MIN {
        best
    } else {
        Proposal { at: None, wrong: Share { k: 0, n: 0 }, expected: 0, ..best }
    })
}

/// 0.00, 0.01, … 0.95, 0.955, … 0.99, 0.991, … 0.999.
fn candidates() -> impl Iterator<Item = f64> {
    let thousandths = (0..950).step_by(10).chain((950..990).step_by(5)).chain(990..1000);
    thousandths.map(|t: u32| f64::from(t) / 1000.0)
}

fn wrong_of_passed(points: &[Point], at: f64) -> Share {
    let mut share = Share::default();
    for point in points.iter().filter(|p| p.passes_at(at)) {
        share.n += 1;
        share.k += u64::from(point.wrong);
    }
    share
}

/// What a certificate says beyond its figures.
#[derive(Clone, PartialEq, Debug)]
pub struct CertificateContext {
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// The digest of the certification examples, as sealed.
    pub sealed: Digest,
    /// The model's identity.
    pub model: String,
    /// What the confidence is.
    pub confidence: String,
    /// Which attempt on these examples this is, from 1.
    pub attempt: u64,
}

/// A certification attempted.
#[derive(Clone, PartialEq, Debug)]
pub struct Tested {
    /// The event's body: the certificate, and whether it was given.
    pub event: ThresholdTested,
    /// The blob that the certificate's `curve` names: the risk–coverage curve.
    pub curve: String,
}

/// Tests the threshold in force on the certification examples: certified if and only if P(Bin(n, α) ≤ k) ≤ δ of this
/// attempt. The points are all of that side, thinned to one of each cluster ([`crate::Split::thinned`]).
///
/// # Errors
/// Where `at` is not between 0 and 1, the attempt is 0, or there are no examples.
pub fn certify(
    points: &[Point],
    at: f64,
    promise: Promise,
    context: &CertificateContext,
) -> Result<Tested, CalibrateError> {
    if !(0.0..=1.0).contains(&at) {
        return Err(CalibrateError::At(at));
    }
    if context.attempt == 0 {
        return Err(CalibrateError::Attempt);
    }
    if points.is_empty() {
        return Err(CalibrateError::NoExamples);
    }
    let delta = promise.delta_of(context.attempt);
    let wrong = wrong_of_passed(points, at);
    let name = context.threshold.name();
    let curve =
        curve::svg(points, Some(at), promise.max_wrong(), &format!("Threshold {name} on its certification examples"));
    let certificate = Certificate {
        grid: Vec::new(),
        required: BTreeMap::new(),
        threshold: context.threshold.clone(),
        at: Some(at),
        max_wrong: promise.max_wrong(),
        assurance: promise.assurance(),
        delta,
        attempt: context.attempt,
        attempts: 1,
        left_out: 0,
        thinned: 0,
        withheld: false,
        sequence: Vec::new(),
        remainder: None,
        method: "split".to_owned(),
        examples: wrong.n,
        errors: wrong.k,
        bound: stats::upper_bound(wrong.k, wrong.n, delta),
        p: stats::tail(wrong.k, wrong.n, promise.max_wrong()),
        sealed: context.sealed,
        model: context.model.clone(),
        confidence: context.confidence.clone(),
        curve: Digest::of(curve.as_bytes()),
        reviewed: Share { k: points.len() as u64 - wrong.n, n: points.len() as u64 },
        slices: slices(points, at),
    };
    let certified = stats::certifies(wrong.k, wrong.n, promise.max_wrong(), delta);
    Ok(Tested { event: ThresholdTested { certificate, certified }, curve })
}

/// How far two computations of the same figure may be apart: the last digits of two machines' logarithms, and no more.
const FIGURES_APART_MAX: f64 = 1e-9;

/// Whether a certificate's figures follow from its counts: its δ from the attempt, p and bound from n and k, and whether
/// it was given from these. What was read from a log is believed only then.
#[must_use]
pub fn recomputes(tested: &ThresholdTested) -> bool {
    let c = &tested.certificate;
    let Ok(promise) = Promise::new(c.max_wrong, c.assurance) else { return false };
    let near = |a: f64, b: f64| (a - b).abs() <= FIGURES_APART_MAX;
    c.attempt > 0
        && c.errors <= c.examples
        && near(c.delta, promise.delta_of(c.attempt))
        && near(c.p, stats::tail(c.errors, c.examples, c.max_wrong))
        && near(c.bound, stats::upper_bound(c.errors, c.examples, c.delta))
        && tested.certified == stats::certifies(c.errors, c.examples, c.max_wrong, c.delta)
}

/// Each slice's figures at a threshold: reported, they gate nothing.
#[must_use]
pub fn slices(points: &[Point], at: f64) -> BTreeMap<String, SliceResult> {
    let mut slices: BTreeMap<String, SliceResult> = BTreeMap::new();
    for point in points {
        for name in &point.slices {
            let slice =
                slices.entry(name.clone()).or_insert(SliceResult { passed: Share::default(), wrong: Share::default() });
            slice.passed.n += 1;
            if point.passes_at(at) {
                slice.passed.k += 1;
                slice.wrong.n += 1;
                slice.wrong.k += u64::from(point.wrong);
            }
        }
    }
    slices
}

/// What a slice's figures say of the same promise, tested alone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SliceReading {
    /// Its own upper bound keeps the promise.
    Within,
    /// Its own lower bound breaks it.
    Above,
    /// Too few examples to say either.
    Inconclusive,
}

/// Reads a slice's figures: its upper bound on the share of wrong ones at 1 − δ, and what that says.
#[must_use]
pub fn read_slice(slice: &SliceResult, promise: Promise) -> (f64, SliceReading) {
    let Share { k, n } = slice.wrong;
    let upper = stats::upper_bound(k, n, promise.delta());
    let reading = if upper <= promise.max_wrong() {
        SliceReading::Within
    } else if stats::lower_bound(k, n, promise.delta()) > promise.max_wrong() {
        SliceReading::Above
    } else {
        SliceReading::Inconclusive
    };
    (upper, reading)
}

/// Expected reviews a day: the share that needs a person, at this many cases a day.
#[must_use]
pub fn reviews_per_day(reviewed: Share, cases_per_day: f64) -> f64 {
    if reviewed.n == 0 { cases_per_day } else { cases_per_day * reviewed.k as f64 / reviewed.n as f64 }
}

#[cfg(test)]
mod tests;
