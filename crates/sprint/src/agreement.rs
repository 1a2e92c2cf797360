//! Agreement between two judges of the same items: what a model answered, and what people answered.
//!
//! Raw agreement with its exact interval, and Cohen's κ, which leaves out the agreement that would come about by chance.
//! Sources: Cohen, Educational and Psychological Measurement 20 (1960); Fleiss, Cohen & Everitt, Psychological Bulletin 72
//! (1969), for the large-sample variance.

use crate::stats;
use seatrial_model::event::Share;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// δ of both intervals, half on each side.
pub const DELTA: f64 = 0.05;

/// The 0.975 quantile of the normal distribution.
const Z: f64 = 1.959_963_984_540_054;

/// Fewer items than this, and κ's interval, which is one for large samples, is not given.
pub const KAPPA_ITEMS_MIN: u64 = 20;

/// How far two judges agree.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Agreement {
    /// Items on which both gave the same label, of all.
    pub agreed: Share,
    /// The exact two-sided 95 % interval of that share.
    pub interval: Option<(f64, f64)>,
    /// Cohen's κ: 1 is full agreement, 0 what chance would give. None where nothing was judged, or where both judges only
    /// ever gave one and the same label: then chance explains everything, and nothing can be said.
    pub kappa: Option<f64>,
    /// Its large-sample 95 % interval.
    pub kappa_interval: Option<(f64, f64)>,
    /// The first judge's label → the second's → how many.
    pub table: BTreeMap<String, BTreeMap<String, u64>>,
}

/// How far two judges agree on these items, each with the labels of the first and of the second.
#[must_use]
pub fn agreement<'p>(pairs: impl IntoIterator<Item = (&'p str, &'p str)>) -> Agreement {
    let mut table: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
    let mut agreed = Share::default();
    for (first, second) in pairs {
        *table.entry(first.to_owned()).or_default().entry(second.to_owned()).or_default() += 1;
        agreed.n += 1;
        agreed.k += u64::from(first == second);
    }
    let interval = (agreed.n > 0).then(|| {
        let half = DELTA / 2.0;
        (stats::lower_bound(agreed.k, agreed.n, half), stats::upper_bound(agreed.k, agreed.n, half))
    });
    let (kappa, kappa_interval) = kappa(&table, agreed);
    Agreement { agreed, interval, kappa, kappa_interval, table }
}

#[expect(clippy::cast_precision_loss, reason = "counts of answers stay far below 2^53")]
fn kappa(table: &BTreeMap<String, BTreeMap<String, u64>>, agreed: Share) -> (Option<f64>, Option<(f64, f64)>) {
    if agreed.n == 0 {
        return (None, None);
    }
    let n = agreed.n as f64;
    let labels: BTreeSet<&str> =
        table.iter().flat_map(|(a, row)| std::iter::once(a).chain(row.keys())).map(String::as_str).collect();
    let cell = |a: &str, b: &str| table.get(a).and_then(|row| row.get(b)).map_or(0.0, |k| *k as f64 / n);
    let rows: BTreeMap<&str, f64> = labels.iter().map(|a| (*a, labels.iter().map(|b| cell(a, b)).sum())).collect();
    let columns: BTreeMap<&str, f64> = labels.iter().map(|b| (*b, labels.iter().map(|a| cell(a, b)).sum())).collect();
    let of = |side: &BTreeMap<&str, f64>, label: &str| side.get(label).copied().unwrap_or(0.0);
    let observed = agreed.k as f64 / n;
    let by_chance: f64 = labels.iter().map(|l| of(&rows, l) * of(&columns, l)).sum();
    let room = 1.0 - by_chance;
    if room <= f64::EPSILON {
        return (None, None);
    }
    let kappa = (observed - by_chance) / room;
    if agreed.n < KAPPA_ITEMS_MIN {
        return (Some(kappa), None);
    }
    let miss = 1.0 - kappa;
    let on: f64 = labels.iter().map(|l| cell(l, l) * (1.0 - (of(&rows, l) + of(&columns, l)) * miss).powi(2)).sum();
    let off: f64 = labels
        .iter()
        .flat_map(|a| labels.iter().map(move |b| (*a, *b)))
        .filter(|(a, b)| a != b)
        .map(|(a, b)| cell(a, b) * (of(&columns, a) + of(&rows, b)).powi(2))
        .sum();
    let variance = (on + miss.powi(2) * off - (kappa - by_chance * miss).powi(2)) / (n * room.powi(2));
    let margin = Z * variance.max(0.0).sqrt();
    (Some(kappa), Some(((kappa - margin).max(-1.0), (kappa + margin).min(1.0))))
}

#[cfg(test)]
mod tests;
