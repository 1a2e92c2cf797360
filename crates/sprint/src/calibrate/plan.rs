//! How many labelled examples a promise needs, before anybody labels one; and how many reviews it leaves.

use super::promise::level;
use super::{CalibrateError, Promise};
use crate::{split, stats};
use seatrial_model::event::{Share, SplitSide};

/// The errors that the table of a plan goes up to.
pub const TABLE_ERRORS_MAX: u64 = 5;

/// The most items that a plan looks for: a set holds no more examples than this.
pub const PLANNED_MAX: u64 = crate::example::EXAMPLES_MAX as u64;

/// What is expected of a threshold that is not calibrated yet.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Effort {
    /// The promise.
    pub promise: Promise,
    /// How many attempts are declared; the first is planned.
    pub attempts: u64,
    /// How many slices have a guarantee of their own.
    pub slices: u64,
    /// The share that is truly wrong among what passes, as one expects it.
    pub expected_error: f64,
    /// The share that passes without a person, as one expects it.
    pub pass_share: f64,
    /// The chance to be certified that is aimed at.
    pub power: f64,
}

/// How many must pass to certify with this many errors.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Need {
    /// Wrong ones among them.
    pub errors: u64,
    /// How many must pass; none where more than [`stats::ITEMS_MAX`] would be needed.
    pub items: Option<u64>,
}

/// A plan.
#[derive(Clone, PartialEq, Debug)]
pub struct Planned {
    /// The δ that the whole and each slice is tested with.
    pub level: f64,
    /// What certifies, for no error, one, two, ….
    pub table: Vec<Need>,
    /// With this many passing sealed examples (of the whole, or of one slice), and at most this many wrong, the chance is
    /// the one aimed at; none where no number below [`PLANNED_MAX`] gives it.
    pub passing: Option<Need>,
    /// The sealed examples that this takes, so that as many are expected to pass.
    pub sealed: Option<u64>,
    /// The labelled examples in all, of which the sealed ones are a part by the split's shares.
    pub labelled: Option<u64>,
}

/// Plans.
///
/// # Errors
/// Where a share is not between 0 and 1, what is expected breaks the promise, or too many attempts are declared.
pub fn plan(effort: &Effort) -> Result<Planned, CalibrateError> {
    let promise = effort.promise;
    let share = |name: &'static str, value: f64, ok: bool| {
        if ok { Ok(()) } else { Err(CalibrateError::Promise { name, value }) }
    };
    share("expected-error", effort.expected_error, (0.0..1.0).contains(&effort.expected_error))?;
    share("pass-share", effort.pass_share, effort.pass_share > 0.0 && effort.pass_share <= 1.0)?;
    share("power", effort.power, effort.power > 0.0 && effort.power < 1.0)?;
    let (attempt, attempts) = (1, effort.attempts);
    let delta = promise.delta_of(attempt, attempts).ok_or(CalibrateError::Attempt { attempt, attempts })?;
    let level = level(delta, usize::try_from(effort.slices).unwrap_or(usize::MAX));
    let needed = |errors: u64| Need { errors, items: stats::items_needed(errors, promise.max_wrong(), level) };
    let passing = passing(effort, level);
    let sealed = passing.and_then(|need| need.items).map(|items| (items as f64 / effort.pass_share).ceil() as u64);
    let labelled = sealed.map(|sealed| (sealed as f64 / sealed_share()).ceil() as u64);
    Ok(Planned { level, table: (0..=TABLE_ERRORS_MAX).map(needed).collect(), passing, sealed, labelled })
}

/// The share of examples that a split seals.
fn sealed_share() -> f64 {
    let sealed = split::SHARES.iter().find(|(side, _)| *side == SplitSide::Certify).map_or(0, |(_, percent)| *percent);
    sealed as f64 / 100.0
}

/// The fewest errors allowed, and the items that allow exactly these, with which the chance reaches the aim.
///
/// For each number of errors the fewest items that certify with it have the greatest chance, so only these are looked at.
/// That chance grows with the errors allowed, but for its last digits: hence the halving.
fn passing(effort: &Effort, level: f64) -> Option<Need> {
    let (max_wrong, error) = (effort.promise.max_wrong(), effort.expected_error);
    if error >= max_wrong {
        return None;
    }
    let chance = |errors: u64| {
        let items = stats::items_needed(errors, max_wrong, level).filter(|n| *n <= PLANNED_MAX)?;
        Some((items, stats::tail(errors, items, error)))
    };
    let reaches = |errors: u64| chance(errors).map(|(_, power)| power >= effort.power);
    if reaches(0)? {
        return Some(Need { errors: 0, items: chance(0).map(|(n, _)| n) });
    }
    let (mut low, mut high) = (0, 1);
    while !reaches(high)? {
        low = high;
        high *= 2;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(Need { errors: high, items: chance(high).map(|(n, _)| n) })
}

/// Expected reviews a day: the share that needs a person, at this many cases a day.
#[must_use]
pub fn reviews_per_day(reviewed: Share, cases_per_day: f64) -> f64 {
    if reviewed.n == 0 { cases_per_day } else { cases_per_day * reviewed.k as f64 / reviewed.n as f64 }
}

#[cfg(test)]
mod tests;
