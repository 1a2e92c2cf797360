//! When a model is asked again, and how long to wait before. The random number comes in as a value.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// The most attempts of one call, the first included.
pub const ATTEMPTS_MAX: u32 = 3;

/// The wait before the first repetition lies in the upper half of this, then it doubles.
pub const WAIT_FIRST_MS: u64 = 200;

/// No computed wait is longer than this.
pub const WAIT_MAX_MS: u64 = 5_000;

/// A `retry-after` beyond this is not waited for: the caller gets its 502 and the provider's wish.
pub const RETRY_AFTER_MAX_MS: u64 = 20_000;

/// What the budget holds at most, in hundredths of a repetition: ten repetitions in a burst.
const BUDGET_MAX: u32 = 1_000;

/// What one call pays in: one repetition for five calls, so that an outage adds a fifth to the load, not twice it.
const BUDGET_CALL: u32 = 20;

/// What one repetition costs.
const BUDGET_RETRY: u32 = 100;

/// The budget of repetitions of one provider, shared by all its calls.
#[derive(Debug)]
pub struct RetryBudget {
    left: AtomicU32,
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self { left: AtomicU32::new(BUDGET_MAX) }
    }
}

impl RetryBudget {
    /// A call begins: it pays in.
    pub fn call(&self) {
        let add = |left: u32| Some(left.saturating_add(BUDGET_CALL).min(BUDGET_MAX));
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add);
    }

    /// Whether one more repetition may be made; it is paid for at once.
    #[must_use]
    pub fn spend(&self) -> bool {
        let take = |left: u32| left.checked_sub(BUDGET_RETRY);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Whether an HTTP status is worth asking again: too many requests, a server's own failure, an overload.
#[must_use]
pub const fn is_retryable(status: u16) -> bool {
    matches!(status, 408 | 429 | 500 | 502 | 503 | 504 | 529)
}

/// How long to wait before repetition `number` (1 is the first), or none where the provider wants a longer pause
/// than a caller can be kept waiting. `jitter` lies in [0, 1): the computed wait is spread over its upper half.
#[must_use]
pub fn wait(number: u32, retry_after: Option<Duration>, jitter: f64) -> Option<Duration> {
    if let Some(asked) = retry_after {
        return (asked <= Duration::from_millis(RETRY_AFTER_MAX_MS)).then_some(asked);
    }
    let full = WAIT_FIRST_MS.saturating_mul(1 << number.saturating_sub(1).min(10)).min(WAIT_MAX_MS);
    let jitter = if jitter.is_finite() { jitter.clamp(0.0, 1.0) } else { 0.5 };
    Some(Duration::from_millis(full).mul_f64(0.5 + jitter / 2.0))
}

/// The pause that a response asks for: `retry-after-ms`, or `retry-after` in seconds (the HTTP-date form is not
/// understood and counts as absent).
#[must_use]
pub fn retry_after(ms: Option<&str>, seconds: Option<&str>) -> Option<Duration> {
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n >= 0.0 && *n < 1e9);
    if let Some(ms) = ms.and_then(number) {
        return Some(Duration::from_secs_f64(ms / 1_000.0));
    }
    seconds.and_then(number).map(Duration::from_secs_f64)
}

/// A new hasher's seed is random: enough to keep callers from knocking in step.
pub(crate) fn system_jitter() -> f64 {
    use std::hash::{BuildHasher, Hasher};
    let bits = std::hash::RandomState::new().build_hasher().finish() >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit a double exactly")]
    let unit = bits as f64 / (1u64 << 53) as f64;
    unit
}

#[cfg(test)]
mod tests;
