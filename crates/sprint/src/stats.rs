//! Exact statistics of shares: Clopper–Pearson bounds, the rule for certifying, and the power to be certified.
//!
//! The binomial's tails are summed term by term from the term next to the limit, which loses no digits to a continued
//! fraction; only ln C(n, k) comes from `statrs`. Sources: Clopper & Pearson, Biometrika 26 (1934); Brown, Cai & DasGupta,
//! Statistical Science 16 (2001).

use statrs::function::factorial::ln_binomial;
use statrs::function::gamma::ln_gamma;

/// The most items that [`items_needed`] looks for: nobody labels more.
pub const ITEMS_MAX: u64 = 1_000_000_000;

/// A term this small beside the sum changes no digit of it.
const NEGLIGIBLE: f64 = 1e-18;

/// Halving an interval of length 1 this often exhausts a double; Newton's steps end it far sooner.
const STEPS_MAX: u32 = 200;

/// P(Bin(n, p) ≤ k).
///
/// 1 where `k ≥ n` or `p ≤ 0`. A `p` that is not a number gives NaN, which certifies nothing.
#[must_use]
pub fn tail(k: u64, n: u64, p: f64) -> f64 {
    if p.is_nan() {
        return f64::NAN;
    }
    if k >= n || p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (nf, odds) = (n as f64, p / (1.0 - p));
    if (k as f64) < nf * p {
        // Terms fall from k downwards.
        let mut term = point(k, n, p);
        let mut sum = term;
        for i in (1..=k).rev() {
            term *= i as f64 / ((nf - i as f64 + 1.0) * odds);
            sum += term;
            if term <= sum * NEGLIGIBLE {
                break;
            }
        }
        sum.min(1.0)
    } else {
        // Terms fall from k + 1 upwards.
        let mut term = point(k + 1, n, p);
        let mut sum = term;
        for i in k + 1..n {
            term *= (nf - i as f64) * odds / (i as f64 + 1.0);
            sum += term;
            if term <= sum * NEGLIGIBLE {
                break;
            }
        }
        (1.0 - sum).max(0.0)
    }
}

/// P(Bin(n, p) = k), for 0 < p < 1 and k ≤ n.
fn point(k: u64, n: u64, p: f64) -> f64 {
    (ln_binomial(n, k) + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp()
}

/// The one-sided exact upper bound on a share after `k` of `n`, at assurance 1 − δ: the p at which P(Bin(n, p) ≤ k) = δ.
///
/// 1 where `k ≥ n` (also where nothing was seen), or where δ is not between 0 and 1.
#[must_use]
pub fn upper_bound(k: u64, n: u64, delta: f64) -> f64 {
    if k >= n || !(delta > 0.0 && delta < 1.0) {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    let mut p = (k as f64 + 1.0) / (n as f64 + 1.0);
    for _ in 0..STEPS_MAX {
        let excess = tail(k, n, p) - delta;
        // The tail falls in p.
        if excess > 0.0 {
            low = p;
        } else {
            high = p;
        }
        // d/dp P(Bin(n, p) ≤ k) = −(n − k) C(n, k) p^k (1 − p)^(n−k−1)
        let slope = (n - k) as f64 * point(k, n, p) / (1.0 - p);
        let newton = p + excess / slope;
        let next = if newton > low && newton < high { newton } else { low + (high - low) / 2.0 };
        let moved = (next - p).abs();
        p = next;
        if moved <= f64::EPSILON * p {
            break;
        }
    }
    p
}

/// The one-sided exact lower bound on a share after `k` of `n`, at assurance 1 − δ. 0 where `k` is 0.
#[must_use]
pub fn lower_bound(k: u64, n: u64, delta: f64) -> f64 {
    1.0 - upper_bound(n.saturating_sub(k), n, delta)
}

/// Whether `k` wrong of `n` certify a share of at most `max_wrong` at assurance 1 − δ: P(Bin(n, α) ≤ k) ≤ δ.
/// Only where the threshold was fixed before these labels were seen.
#[must_use]
pub fn certifies(k: u64, n: u64, max_wrong: f64, delta: f64) -> bool {
    max_wrong > 0.0 && max_wrong < 1.0 && delta > 0.0 && delta < 1.0 && tail(k, n, max_wrong) <= delta
}

/// The fewest items that certify with this many errors; none where more than [`ITEMS_MAX`] were needed, or α or δ is not
/// between 0 and 1.
#[must_use]
pub fn items_needed(errors: u64, max_wrong: f64, delta: f64) -> Option<u64> {
    let enough = |n: u64| certifies(errors, n, max_wrong, delta);
    let mut high = errors.saturating_add(1);
    while !enough(high) {
        high = high.checked_mul(2).filter(|h| *h <= ITEMS_MAX)?;
    }
    let mut low = errors;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if enough(middle) {
            high = middle;
        } else {
            low = middle;
        }
    }
    Some(high)
}

/// The most errors with which `n` items still certify; none where not even 0 errors would.
#[must_use]
pub fn errors_allowed(n: u64, max_wrong: f64, delta: f64) -> Option<u64> {
    if !certifies(0, n, max_wrong, delta) {
        return None;
    }
    let (mut low, mut high) = (0, n);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if certifies(middle, n, max_wrong, delta) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}

/// Fixed-sequence testing: the index of the last point certified, going through (passed, wrong) in the order that the spec
/// declares and stopping at the first that fails. None where the first fails.
#[must_use]
pub fn fixed_sequence(points: &[(u64, u64)], max_wrong: f64, delta: f64) -> Option<usize> {
    points.iter().take_while(|(n, k)| certifies(*k, *n, max_wrong, delta)).count().checked_sub(1)
}

/// The probability that `n` fresh items will certify, given `wrong` of `passed` on others: the beta-binomial with
/// Jeffreys' prior, so that a lucky handful does not look like certainty.
#[must_use]
pub fn power(wrong: u64, passed: u64, n: u64, max_wrong: f64, delta: f64) -> f64 {
    let Some(allowed) = errors_allowed(n, max_wrong, delta) else { return 0.0 };
    let (a, b) = (wrong as f64 + 0.5, passed.saturating_sub(wrong) as f64 + 0.5);
    let nf = n as f64;
    let ln_beta = |x: f64, y: f64| ln_gamma(x) + ln_gamma(y) - ln_gamma(x + y);
    let mut ln_term = ln_beta(a, nf + b) - ln_beta(a, b);
    let mut sum = ln_term.exp();
    for i in 0..allowed {
        let i = i as f64;
        ln_term += ((nf - i) * (a + i) / ((i + 1.0) * (nf - i - 1.0 + b))).ln();
        sum += ln_term.exp();
    }
    sum.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests;
