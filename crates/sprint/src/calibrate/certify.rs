//! The test of a threshold on sealed examples, and what a certificate says of it.

use super::promise::{level, remainder_level};
use super::{CalibrateError, Point, Promise, Terms, slices, wrong_of_passed};
use crate::{curve, stats};
use seatrial_model::event::{Certificate, Share, SliceCertificate, ThresholdTested};
use seatrial_model::{Digest, ElementPath};
use std::collections::BTreeMap;

/// How a threshold is tested.
#[derive(Clone, PartialEq, Debug, Default)]
pub enum Method {
    /// The one number in force.
    #[default]
    Split,
    /// The points of a grid, from strict to loose, up to the first that fails.
    FixedSequence(Vec<f64>),
}

impl Method {
    /// The word, as a spec has it.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::FixedSequence(_) => "fixed-sequence",
        }
    }

    /// The grid; empty for a split.
    #[must_use]
    pub fn grid(&self) -> &[f64] {
        match self {
            Self::Split => &[],
            Self::FixedSequence(grid) => grid,
        }
    }

    pub(super) fn check(&self) -> Result<(), CalibrateError> {
        let Self::FixedSequence(grid) = self else { return Ok(()) };
        let falls = grid.windows(2).all(|pair| matches!(pair, [a, b] if a > b));
        let confidences = grid.iter().all(|at| (0.0..=1.0).contains(at));
        if grid.is_empty() || !falls || !confidences { Err(CalibrateError::Grid) } else { Ok(()) }
    }

    /// The points tested for `at`, and the place of `at` among them.
    fn points(&self, at: f64) -> Result<(&[f64], usize), CalibrateError> {
        self.check()?;
        match self {
            Self::Split => Ok((&[], 0)),
            Self::FixedSequence(grid) => {
                let place = place_of(grid, at).ok_or(CalibrateError::NotInGrid(at))?;
                Ok((grid, place))
            }
        }
    }
}

fn place_of(grid: &[f64], at: f64) -> Option<usize> {
    grid.iter().position(|point| point.total_cmp(&at).is_eq())
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
    /// Sealed examples left out, because they are spent.
    pub left_out: u64,
    /// Sealed examples left out, because another one of their cluster stands for them.
    pub thinned: u64,
}

/// A certification attempted.
#[derive(Clone, PartialEq, Debug)]
pub struct Tested {
    /// The event's body: the certificate, and whether it was given.
    pub event: ThresholdTested,
    /// The blob that the certificate's `curve` names: the risk–coverage curve.
    pub curve: String,
    /// Of a fixed sequence, the loosest point that this attempt certifies for the whole. Whoever writes it into the spec
    /// needs no other attempt.
    pub loosest: Option<f64>,
}

/// One test of a set of examples: at each point of a grid, or at the one number.
struct Run {
    /// At `at`.
    wrong: Share,
    /// At each point of the grid, as far as it was tested.
    sequence: Vec<Share>,
    /// How many points of the grid are certified.
    certified: usize,
    /// Whether `at` is.
    passes: bool,
}

impl Run {
    fn of<'p>(
        points: impl Iterator<Item = &'p Point> + Clone,
        at: f64,
        grid: (&[f64], usize),
        promise: Promise,
        level: f64,
    ) -> Self {
        let wrong = wrong_of_passed(points.clone(), at);
        let certifies = |s: Share| stats::certifies(s.k, s.n, promise.max_wrong(), level);
        let (grid, place) = grid;
        if grid.is_empty() {
            return Self { wrong, sequence: Vec::new(), certified: 0, passes: certifies(wrong) };
        }
        let mut sequence = Vec::new();
        let mut certified = 0;
        for point in grid {
            let share = wrong_of_passed(points.clone(), *point);
            sequence.push(share);
            if !certifies(share) {
                break;
            }
            certified += 1;
        }
        Self { wrong, sequence, certified, passes: place < certified }
    }

    fn part(&self, delta: f64) -> SliceCertificate {
        let Share { k, n } = self.wrong;
        SliceCertificate { wrong: self.wrong, delta, bound: stats::upper_bound(k, n, delta), certified: self.passes }
    }
}

/// Tests the threshold in force on the certification examples: certified if and only if P(Bin(n, α) ≤ k) is at most the
/// level of this attempt ([`Terms::level`]), and in a fixed sequence at each stricter point as well. The points are all of
/// that side, thinned to one of each cluster ([`crate::Split::thinned`]).
///
/// Each slice with a guarantee of its own is tested alike at the same level. One that is not certified escalates, and what
/// is left then must keep the promise, too.
///
/// An attempt that fails while others are left says so and no more: its certificate is `withheld`.
///
/// # Errors
/// Where `at` is not between 0 and 1 or not in the grid, the attempt was not declared, or there are no examples.
pub fn certify(
    points: &[Point],
    at: f64,
    method: &Method,
    terms: &Terms,
    context: &CertificateContext,
) -> Result<Tested, CalibrateError> {
    if !(0.0..=1.0).contains(&at) {
        return Err(CalibrateError::At(at));
    }
    let grid = method.points(at)?;
    let (delta, level, promise) = (terms.delta()?, terms.level()?, terms.promise);
    if points.is_empty() {
        return Err(CalibrateError::NoExamples);
    }
    let whole = Run::of(points.iter(), at, grid, promise, level);
    let required: BTreeMap<String, SliceCertificate> = terms
        .required
        .iter()
        .map(|name| {
            let run = Run::of(points.iter().filter(|p| p.is_in(name)), at, grid, promise, level);
            (name.clone(), run.part(level))
        })
        .collect();
    let remainder = remainder(points, at, grid, terms, level, &required);
    let certified = whole.passes && remainder.is_none_or(|r| r.certified);
    let withheld = !certified && whole.certified == 0 && terms.attempt < terms.attempts;
    let shown = if withheld { &[][..] } else { points };
    let title = format!("Threshold {} on its certification examples", context.threshold.name());
    let curve = curve::svg(shown, Some(at), promise.max_wrong(), &title);
    let mut certificate = Certificate {
        threshold: context.threshold.clone(),
        at: Some(at),
        max_wrong: promise.max_wrong(),
        assurance: promise.assurance(),
        delta,
        attempt: terms.attempt,
        attempts: terms.attempts,
        left_out: context.left_out,
        thinned: context.thinned,
        withheld,
        method: method.as_str().to_owned(),
        examples: 0,
        errors: 0,
        bound: 1.0,
        grid: method.grid().to_vec(),
        sequence: Vec::new(),
        required: BTreeMap::new(),
        remainder: None,
        p: 1.0,
        sealed: context.sealed,
        model: context.model.clone(),
        confidence: context.confidence.clone(),
        curve: Digest::of(curve.as_bytes()),
        reviewed: Share::default(),
        slices: BTreeMap::new(),
    };
    if !withheld {
        let Share { k, n } = whole.wrong;
        certificate.examples = n;
        certificate.errors = k;
        certificate.bound = stats::upper_bound(k, n, level);
        certificate.p = stats::tail(k, n, promise.max_wrong());
        certificate.sequence = whole.sequence;
        certificate.reviewed = reviewed(points, at, &required);
        certificate.required = required;
        certificate.remainder = remainder;
        certificate.slices = slices(points, at);
    }
    let loosest = whole.certified.checked_sub(1).and_then(|i| method.grid().get(i)).copied();
    Ok(Tested { event: ThresholdTested { certificate, certified }, curve, loosest })
}

/// What is left where uncertified slices escalate; none where there is none of these.
fn remainder(
    points: &[Point],
    at: f64,
    grid: (&[f64], usize),
    terms: &Terms,
    level: f64,
    required: &BTreeMap<String, SliceCertificate>,
) -> Option<SliceCertificate> {
    if required.values().all(|s| s.certified) {
        return None;
    }
    let level = remainder_level(level, required.len());
    let left = points.iter().filter(|p| !escalates(p, required));
    Some(Run::of(left, at, grid, terms.promise, level).part(level))
}

/// Whether it lies in a slice that is not certified.
fn escalates(point: &Point, required: &BTreeMap<String, SliceCertificate>) -> bool {
    point.slices.iter().any(|s| required.get(s).is_some_and(|c| !c.certified))
}

/// How many need a person.
fn reviewed(points: &[Point], at: f64, required: &BTreeMap<String, SliceCertificate>) -> Share {
    let k = points.iter().filter(|p| !p.passes_at(at) || escalates(p, required)).count();
    Share { k: k as u64, n: points.len() as u64 }
}

/// The certificate of another point that the same fixed sequence has certified: testing it spent what there was to spend,
/// and the counts say all that is needed. None where that point was not certified by it, or where slices have a guarantee
/// of their own (whose counts at that point are not among them).
#[must_use]
pub fn taken_over(earlier: &Certificate, at: f64) -> Option<ThresholdTested> {
    if !earlier.required.is_empty() || earlier.withheld {
        return None;
    }
    let promise = Promise::new(earlier.max_wrong, earlier.assurance).ok()?;
    let place = place_of(&earlier.grid, at)?;
    let certifies = |s: &Share| stats::certifies(s.k, s.n, promise.max_wrong(), earlier.delta);
    if place >= earlier.sequence.iter().take_while(|s| certifies(s)).count() {
        return None;
    }
    let Share { k, n } = earlier.sequence.get(place).copied()?;
    let of = earlier.reviewed.n;
    let certificate = Certificate {
        at: Some(at),
        examples: n,
        errors: k,
        bound: stats::upper_bound(k, n, earlier.delta),
        p: stats::tail(k, n, promise.max_wrong()),
        reviewed: Share { k: of.saturating_sub(n), n: of },
        slices: BTreeMap::new(),
        ..earlier.clone()
    };
    let tested = ThresholdTested { certificate, certified: true };
    recomputes(&tested).then_some(tested)
}

/// How far two computations of the same figure may be apart: the last digits of two machines' logarithms, and no more.
const FIGURES_APART_MAX: f64 = 1e-9;

/// Whether a certificate's figures follow from its counts: its δ from the attempt, p and bound from n and k, and whether
/// it was given from these. What was read from a log is believed only then.
#[must_use]
pub fn recomputes(tested: &ThresholdTested) -> bool {
    let c = &tested.certificate;
    let Ok(promise) = Promise::new(c.max_wrong, c.assurance) else { return false };
    let Some(delta) = promise.delta_of(c.attempt, c.attempts) else { return false };
    let near = |a: f64, b: f64| (a - b).abs() <= FIGURES_APART_MAX;
    let level = level(delta, c.required.len());
    let certifies = |s: Share| s.k <= s.n && stats::certifies(s.k, s.n, c.max_wrong, level);
    let whole = Share { k: c.errors, n: c.examples };
    let passes = match c.at.filter(|_| c.method == "fixed-sequence") {
        None => c.grid.is_empty() && c.sequence.is_empty() && certifies(whole),
        Some(at) => {
            let Some(place) = place_of(&c.grid, at) else { return false };
            let certified = c.sequence.iter().take_while(|s| certifies(**s)).count();
            c.sequence.len() <= c.grid.len() && place < certified && c.sequence.get(place) == Some(&whole)
        }
    };
    let part = |s: &SliceCertificate, level: f64| {
        let Share { k, n } = s.wrong;
        // Of a slice the stricter points of a sequence are not told: it may fail at one of them.
        let follows = stats::certifies(k, n, c.max_wrong, level);
        let said = if c.grid.is_empty() { s.certified == follows } else { !s.certified || follows };
        k <= n && near(s.delta, level) && near(s.bound, stats::upper_bound(k, n, level)) && said
    };
    let left = c.remainder.is_none_or(|r| r.certified);
    c.errors <= c.examples
        && near(c.delta, delta)
        && near(c.p, stats::tail(c.errors, c.examples, c.max_wrong))
        && near(c.bound, stats::upper_bound(c.errors, c.examples, level))
        && c.required.values().all(|s| part(s, level))
        && c.remainder.is_some() == c.required.values().any(|s| !s.certified)
        && c.remainder.is_none_or(|r| part(&r, remainder_level(level, c.required.len())))
        && tested.certified == (passes && left && !c.withheld)
}
