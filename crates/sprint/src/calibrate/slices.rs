//! What a threshold does in one part of the population.

use super::{Point, Promise};
use crate::stats;
use seatrial_model::event::{Share, SliceResult};
use std::collections::BTreeMap;

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

impl SliceReading {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Above => "above",
            Self::Inconclusive => "inconclusive",
        }
    }
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
