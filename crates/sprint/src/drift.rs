//! Drift: how the running system differs from a baseline, with limits that chance alone seldom crosses.
//!
//! Rates by day are held against exact binomial limits. The baseline is itself an estimate, so its interval's ends are
//! used instead of its rate: a short baseline gives wide limits, not many false alarms. Distributions (of confidences, of
//! inputs) are compared by the population stability index, whose usual rule of thumb (0.25 is a shift) is widened by what
//! sampling alone would give.

use crate::stats;
use seatrial_model::Day;
use seatrial_model::event::Share;
use serde::Serialize;
use std::collections::BTreeMap;

/// How probable a day beyond a limit is, at each side, where nothing changed: three standard deviations of a normal.
pub const TAIL: f64 = 0.001_35;

/// The assurance of the baseline's own interval, at each side.
const BASELINE_DELTA: f64 = 0.05;

/// The fewest decisions that make a baseline.
pub const BASELINE_MIN: u64 = 50;

/// The index from which a distribution counts as shifted, by the rule of thumb.
pub const SHIFTED: f64 = 0.25;

/// How many bins a field's numbers fall into: the baseline's deciles.
const BINS: usize = 10;

/// The most values of one field that are told apart; the others are one.
const VALUES_MAX: usize = 20;

/// A rate on one day.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct DayRate {
    /// The day.
    pub day: Day,
    /// How often, of how many.
    pub share: Share,
    /// The least and the greatest count within the limits.
    pub within: (u64, u64),
    /// Beyond them.
    pub out: bool,
}

/// A rate, day by day, against its baseline.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct RateDrift {
    /// What it is the rate of: a verdict.
    pub name: String,
    /// How often in the baseline, of how many.
    pub baseline: Share,
    /// The days after it.
    pub days: Vec<DayRate>,
}

impl RateDrift {
    /// Holds days against a baseline.
    #[must_use]
    pub fn new(name: impl Into<String>, baseline: Share, days: &[(Day, Share)]) -> Self {
        let least = stats::lower_bound(baseline.k, baseline.n, BASELINE_DELTA);
        let greatest = stats::upper_bound(baseline.k, baseline.n, BASELINE_DELTA);
        let rate = |(day, share): &(Day, Share)| {
            let within = (fewest(share.n, least), most(share.n, greatest));
            DayRate { day: *day, share: *share, within, out: share.k < within.0 || share.k > within.1 }
        };
        Self { name: name.into(), baseline, days: days.iter().filter(|(_, s)| s.n > 0).map(rate).collect() }
    }

    /// Days beyond the limits.
    #[must_use]
    pub fn out(&self) -> usize {
        self.days.iter().filter(|d| d.out).count()
    }
}

/// The least k with P(Bin(n, p) ≤ k) > [`TAIL`]: fewer are hardly chance.
fn fewest(n: u64, p: f64) -> u64 {
    first(n, |k| stats::tail(k, n, p) > TAIL)
}

/// The least k with P(Bin(n, p) > k) ≤ [`TAIL`]: more are hardly chance.
fn most(n: u64, p: f64) -> u64 {
    first(n, |k| 1.0 - stats::tail(k, n, p) <= TAIL)
}

/// The least k in 0..=n for which something holds that holds from some k on; n where it never does.
fn first(n: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

/// A value of one field.
#[derive(Clone, PartialEq, Debug)]
pub enum Observed {
    /// A number.
    Number(f64),
    /// A word of an enumeration, a truth value.
    Word(String),
    /// Not there.
    Absent,
}

/// How one distribution shifted.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Shift {
    /// The field (`input.credit.amount`), or `confidence`.
    pub name: String,
    /// The population stability index.
    pub index: f64,
    /// From where on it counts as shifted, for samples of these sizes.
    pub limit: f64,
    /// How many values the baseline has, and how many now.
    pub sizes: (usize, usize),
    /// The bins: their name, their share in the baseline, and now.
    pub bins: Vec<(String, f64, f64)>,
}

impl Shift {
    /// Compares two samples of one field; none where one of them is empty.
    #[must_use]
    pub fn between(name: impl Into<String>, baseline: &[Observed], now: &[Observed]) -> Option<Self> {
        if baseline.is_empty() || now.is_empty() {
            return None;
        }
        let bins = Bins::of(baseline);
        let (before, after) = (bins.count(baseline), bins.count(now));
        let (n, m) = (baseline.len() as f64, now.len() as f64);
        let names: std::collections::BTreeSet<&usize> = before.keys().chain(after.keys()).collect();
        let count = |counts: &BTreeMap<usize, u64>, bin: &usize| counts.get(bin).copied().unwrap_or(0) as f64;
        // Half a value in each bin keeps an empty one from being an infinite surprise.
        let smooth = names.len() as f64 / 2.0;
        let index = names
            .iter()
            .map(|bin| {
                let p = (count(&before, bin) + 0.5) / (n + smooth);
                let q = (count(&after, bin) + 0.5) / (m + smooth);
                (q - p) * (q / p).ln()
            })
            .sum();
        // Without any change the index is about (bins − 1)(1/n + 1/m) on average, and hardly ever five times that.
        let noise = 5.0 * (names.len().saturating_sub(1) as f64) * (1.0 / n + 1.0 / m);
        let shares = names.iter().map(|bin| (bins.name(**bin), count(&before, bin) / n, count(&after, bin) / m));
        Some(Self {
            name: name.into(),
            index,
            limit: SHIFTED.max(noise),
            sizes: (baseline.len(), now.len()),
            bins: shares.collect(),
        })
    }

    /// Whether it counts as shifted.
    #[must_use]
    pub fn is_shifted(&self) -> bool {
        self.index > self.limit
    }
}

/// Bins of a baseline: its deciles, its most frequent words.
struct Bins {
    /// Upper ends, rising; numbers above the last are in one more.
    edges: Vec<f64>,
    words: Vec<String>,
}

/// The bin of what is absent, then of other words; numbers and words follow.
const ABSENT: usize = 0;
const OTHER: usize = 1;

impl Bins {
    fn of(baseline: &[Observed]) -> Self {
        let mut numbers: Vec<f64> = baseline
            .iter()
            .filter_map(|o| match o {
                Observed::Number(n) if n.is_finite() => Some(*n),
                _ => None,
            })
            .collect();
        numbers.sort_by(f64::total_cmp);
        let decile = |i: usize| numbers.get((i * numbers.len() / BINS).min(numbers.len().saturating_sub(1))).copied();
        let mut edges: Vec<f64> = (1..BINS).filter_map(decile).collect();
        edges.dedup();
        let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
        for observed in baseline {
            if let Observed::Word(word) = observed {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut words: Vec<(&str, u64)> = counts.into_iter().collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let words = words.into_iter().take(VALUES_MAX).map(|(word, _)| word.to_owned()).collect();
        Self { edges, words }
    }

    fn bin(&self, observed: &Observed) -> usize {
        match observed {
            Observed::Number(n) if n.is_finite() => OTHER + 1 + self.edges.partition_point(|edge| edge < n),
            Observed::Number(_) | Observed::Absent => ABSENT,
            Observed::Word(word) => {
                let found = self.words.iter().position(|w| w == word);
                found.map_or(OTHER, |i| OTHER + 2 + self.edges.len() + i)
            }
        }
    }

    fn count(&self, values: &[Observed]) -> BTreeMap<usize, u64> {
        let mut counts = BTreeMap::new();
        for value in values {
            *counts.entry(self.bin(value)).or_default() += 1;
        }
        counts
    }

    fn name(&self, bin: usize) -> String {
        match bin {
            ABSENT => "absent".to_owned(),
            OTHER => "other".to_owned(),
            bin if bin <= OTHER + 1 + self.edges.len() => {
                let i = bin - OTHER - 1;
                match (i.checked_sub(1).and_then(|i| self.edges.get(i)), self.edges.get(i)) {
                    (None, Some(to)) => format!("≤ {to}"),
                    (Some(from), Some(to)) => format!("{from} – {to}"),
                    (Some(from), None) => format!("> {from}"),
                    (None, None) => "a number".to_owned(),
                }
            }
            bin => self.words.get(bin - OTHER - 2 - self.edges.len()).cloned().unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests;
