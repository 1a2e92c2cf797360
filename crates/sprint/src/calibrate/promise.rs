//! What is promised, and how its δ is divided.

use super::CalibrateError;

/// The most attempts that can be declared on the same examples: the eighth spends δ/128, with which hardly anything is
/// certified any more.
pub const ATTEMPTS_MAX: u64 = 8;

/// What a threshold promises: of what passes, at most `max_wrong` is wrong, at this assurance.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Promise {
    max_wrong: f64,
    assurance: f64,
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

    /// The δ that an attempt spends, where `attempts` were declared before the first: δ/2, δ/4, …, and the last one what
    /// is left. All of them together spend δ exactly, so that certificates stay within their promise whichever attempt
    /// gives them; and whoever declares one attempt pays nothing for a second one. None for an attempt that was not
    /// declared.
    #[must_use]
    pub fn delta_of(&self, attempt: u64, attempts: u64) -> Option<f64> {
        if attempt == 0 || attempt > attempts || attempts > ATTEMPTS_MAX {
            return None;
        }
        let halvings = i32::try_from(attempt.min(attempts - 1)).ok()?;
        Some(self.delta() * 0.5_f64.powi(halvings))
    }

    /// The δ spent by all attempts up to this one.
    #[must_use]
    pub fn spent(&self, attempt: u64, attempts: u64) -> f64 {
        (1..=attempt).map_while(|a| self.delta_of(a, attempts)).sum()
    }
}

/// What one attempt tests, and with how much of δ.
///
/// Where slices have a guarantee of their own, the attempt's δ is divided equally among them and the whole.
#[derive(Clone, PartialEq, Debug)]
pub struct Terms {
    /// The promise.
    pub promise: Promise,
    /// Which attempt on these examples it is, from 1.
    pub attempt: u64,
    /// How many were declared before the first.
    pub attempts: u64,
    /// The slices with a guarantee of their own, each once.
    pub required: Vec<String>,
}

impl Terms {
    /// The one attempt on fresh examples, without slices of their own guarantee.
    #[must_use]
    pub const fn once(promise: Promise) -> Self {
        Self { promise, attempt: 1, attempts: 1, required: Vec::new() }
    }

    /// The δ that this attempt spends.
    ///
    /// # Errors
    /// Where it was not declared.
    pub fn delta(&self) -> Result<f64, CalibrateError> {
        let (attempt, attempts) = (self.attempt, self.attempts);
        self.promise.delta_of(attempt, attempts).ok_or(CalibrateError::Attempt { attempt, attempts })
    }

    /// The δ that the whole, and each slice, is tested with.
    ///
    /// # Errors
    /// As [`Self::delta`].
    pub fn level(&self) -> Result<f64, CalibrateError> {
        Ok(level(self.delta()?, self.required.len()))
    }
}

/// The part of δ for the whole and for each of so many slices.
pub(super) fn level(delta: f64, required: usize) -> f64 {
    delta / (required as f64 + 1.0)
}

/// The part of δ for what is left where uncertified slices escalate: a level halved once for each slice.
///
/// Which slices are left out depends on the examples, so that one of at most 2^r − 1 sets is tested: tested at level/2^r
/// each, all of them together spend less than one level. That one is there: where the whole itself is too bad, its own test
/// holds everything back; where it is not, its level is unspent.
pub(super) fn remainder_level(level: f64, required: usize) -> f64 {
    level * 0.5_f64.powi(i32::try_from(required).unwrap_or(i32::MAX))
}
