//! A circuit breaker: where a model failed several times in a row, callers are told at once for a while, instead of
//! each of them waiting for the next failure; then one of them tries.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// So many calls in a row that failed, with all their repetitions, open the circuit: three are bad luck on a bad day.
pub const FAILURES_MAX: u32 = 5;

/// How long it stays open before one call tries again: shorter than a person's patience, longer than a restart.
pub const OPEN_FOR: Duration = Duration::from_secs(10);

/// What a circuit does with the next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// It goes through.
    Closed,
    /// It fails at once.
    Open,
    /// One call tries; others fail at once.
    HalfOpen,
}

/// What a call says about the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Outcome {
    /// It is there.
    There,
    /// It is not.
    Away,
    /// Nothing: it limits its callers, or its answer was odd.
    Unknown,
}

/// The circuit of one model at one address.
#[derive(Debug, Default)]
pub struct Breaker(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    failures: u32,
    open_until: Option<Instant>,
    trying: bool,
}

impl Breaker {
    /// What it does with the next call.
    #[must_use]
    pub fn state(&self) -> State {
        let inner = self.inner();
        match inner.open_until {
            None => State::Closed,
            Some(_) if inner.trying => State::HalfOpen,
            Some(until) if Instant::now() >= until => State::HalfOpen,
            Some(_) => State::Open,
        }
    }

    /// A call wants through; none where the circuit is open.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Permit> {
        let mut inner = self.inner();
        if let Some(until) = inner.open_until {
            if inner.trying || Instant::now() < until {
                return None;
            }
            inner.trying = true;
        }
        let tries = inner.trying;
        drop(inner);
        Some(Permit { breaker: Arc::clone(self), tries, told: false })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call that was let through. Dropped without a word (its caller hung up), it says nothing about the model.
#[derive(Debug)]
pub(crate) struct Permit {
    breaker: Arc<Breaker>,
    tries: bool,
    told: bool,
}

impl Permit {
    /// How it went; the first word counts.
    pub(crate) fn tell(&mut self, outcome: Outcome) {
        if self.told {
            return;
        }
        self.told = true;
        let mut inner = self.breaker.inner();
        if self.tries {
            inner.trying = false;
        }
        match outcome {
            Outcome::There => {
                inner.failures = 0;
                inner.open_until = None;
            }
            Outcome::Away => {
                inner.failures = inner.failures.saturating_add(1);
                if inner.failures >= FAILURES_MAX {
                    inner.open_until = Some(Instant::now() + OPEN_FOR);
                }
            }
            Outcome::Unknown => {}
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.tell(Outcome::Unknown);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(breaker: &Arc<Breaker>, outcome: Outcome) -> bool {
        breaker.enter().map(|mut permit| permit.tell(outcome)).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_one_call_tries() {
        let breaker = Arc::new(Breaker::default());
        for _ in 1..FAILURES_MAX {
            assert!(call(&breaker, Outcome::Away));
        }
        assert!(call(&breaker, Outcome::There));
        for _ in 0..FAILURES_MAX {
            assert_eq!(breaker.state(), State::Closed);
            assert!(call(&breaker, Outcome::Away));
        }
        assert_eq!(breaker.state(), State::Open);
        assert!(!call(&breaker, Outcome::There));
        tokio::time::advance(OPEN_FOR).await;
        assert_eq!(breaker.state(), State::HalfOpen);
        let trying = breaker.enter().unwrap();
        assert!(breaker.enter().is_none(), "a second call waits for the first");
        // Its caller hung up: the next one tries.
        drop(trying);
        assert!(call(&breaker, Outcome::Away));
        assert_eq!(breaker.state(), State::Open);
        tokio::time::advance(OPEN_FOR).await;
        assert!(call(&breaker, Outcome::There));
        assert_eq!(breaker.state(), State::Closed);
    }
}
