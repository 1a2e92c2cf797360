//! Proposing a threshold from examples that will have no part in its certification.

use super::{CalibrateError, Method, Point, Terms, wrong_of_passed};
use crate::stats;
use seatrial_model::ElementPath;
use seatrial_model::event::{Share, ThresholdProposed};

/// A threshold with a smaller chance to be certified is not proposed: an attempt opens sealed examples, and failing four
/// times in five is no plan.
pub const CHANCE_MIN: f64 = 0.20;

/// The power that a proposal aims at: of the thresholds that reach it, the one that lets most through. Where none
/// reaches it, the one with the greatest power.
pub const POWER_AIM: f64 = 0.90;

/// A threshold proposed.
#[derive(Clone, PartialEq, Debug)]
pub struct Proposal {
    /// λ; none where nothing has a chance: everything escalates.
    pub at: Option<f64>,
    /// The probability that it will be certified, as estimated; with no λ, the greatest that was found. Of a fixed
    /// sequence the least of its points' powers, which is the most that its own can be.
    pub power: f64,
    /// Wrong of passed among the examples it was proposed from.
    pub wrong: Share,
    /// How many these were.
    pub tuned_on: u64,
    /// How many certification examples are expected to pass at λ.
    pub expected: u64,
    /// The same for each slice with a guarantee of its own.
    pub slices: Vec<SlicePower>,
}

/// What a slice with a guarantee of its own has to expect.
#[derive(Clone, PartialEq, Debug)]
pub struct SlicePower {
    /// Its name.
    pub name: String,
    /// The probability that it will be certified at λ.
    pub power: f64,
    /// Wrong of passed among the examples that λ was proposed from.
    pub wrong: Share,
    /// How many of its certification examples are expected to pass at λ.
    pub expected: u64,
}

impl Proposal {
    /// As the event's body.
    #[must_use]
    pub fn event(&self, threshold: ElementPath) -> ThresholdProposed {
        ThresholdProposed {
            threshold,
            at: self.at,
            power: self.power,
            wrong: self.wrong,
            tuned_on: self.tuned_on,
            slices: self.slices.iter().map(|s| (s.name.clone(), s.power)).collect(),
        }
    }
}

/// Proposes λ from training and tuning examples for a certification on `certify_on` others.
///
/// Candidates of a split have two decimals, near 1 three, so that λ reads well; those of a fixed sequence are its grid. The
/// confidences of training examples must come from a model that did not learn from them (cross-fitting), or λ is too low.
///
/// # Errors
/// Where there are no examples, the attempt was not declared, or the grid is none.
pub fn propose(points: &[Point], certify_on: u64, method: &Method, terms: &Terms) -> Result<Proposal, CalibrateError> {
    if points.is_empty() {
        return Err(CalibrateError::NoExamples);
    }
    method.check()?;
    let tuning = Tuning { points, certify_on, level: terms.level()?, max_wrong: terms.promise.max_wrong() };
    let mut best: Option<Candidate> = None;
    let mut aimed: Option<Candidate> = None;
    for candidate in tuning.candidates(method) {
        if candidate.power >= POWER_AIM && aimed.as_ref().is_none_or(|a| candidate.at < a.at) {
            aimed = Some(candidate);
        }
        // Of equal powers the stricter: it lets through fewer wrong ones.
        if best
            .as_ref()
            .is_none_or(|b| candidate.power > b.power || (candidate.power == b.power && candidate.at > b.at))
        {
            best = Some(candidate);
        }
    }
    let chosen = aimed.or(best).ok_or(CalibrateError::Grid)?;
    let (power, tuned_on) = (chosen.power, points.len() as u64);
    if power < CHANCE_MIN {
        return Ok(Proposal { at: None, power, wrong: Share::default(), tuned_on, expected: 0, slices: Vec::new() });
    }
    let slices = terms.required.iter().map(|name| tuning.slice(name, chosen.at)).collect();
    Ok(Proposal { at: Some(chosen.at), power, wrong: chosen.wrong, tuned_on, expected: chosen.expected, slices })
}

/// What candidates are weighed on.
struct Tuning<'p> {
    points: &'p [Point],
    certify_on: u64,
    level: f64,
    max_wrong: f64,
}

#[derive(Clone, Copy)]
struct Candidate {
    at: f64,
    wrong: Share,
    expected: u64,
    power: f64,
}

impl Tuning<'_> {
    fn candidates(&self, method: &Method) -> Vec<Candidate> {
        match method {
            Method::Split => round_numbers().map(|at| self.candidate(at)).collect(),
            Method::FixedSequence(grid) => {
                let mut least = 1.0_f64;
                grid.iter()
                    .map(|at| {
                        let candidate = self.candidate(*at);
                        least = least.min(candidate.power);
                        Candidate { power: least, ..candidate }
                    })
                    .collect()
            }
        }
    }

    fn candidate(&self, at: f64) -> Candidate {
        let wrong = wrong_of_passed(self.points, at);
        let (expected, power) = self.power(wrong);
        Candidate { at, wrong, expected, power }
    }

    fn slice(&self, name: &str, at: f64) -> SlicePower {
        let wrong = wrong_of_passed(self.points.iter().filter(|p| p.is_in(name)), at);
        let (expected, power) = self.power(wrong);
        SlicePower { name: name.to_owned(), power, wrong, expected }
    }

    fn power(&self, wrong: Share) -> (u64, f64) {
        let expected = (self.certify_on as f64 * wrong.n as f64 / self.points.len() as f64).floor() as u64;
        (expected, stats::power(wrong.k, wrong.n, expected, self.max_wrong, self.level))
    }
}

/// 0.00, 0.01, … 0.95, 0.955, … 0.99, 0.991, … 0.999.
pub(super) fn round_numbers() -> impl Iterator<Item = f64> {
    let thousandths = (0..950).step_by(10).chain((950..990).step_by(5)).chain(990..1000);
    thousandths.map(|t: u32| f64::from(t) / 1000.0)
}
