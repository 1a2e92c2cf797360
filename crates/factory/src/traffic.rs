//! What is under way: requests in flight, how a stop reaches them, attempts of the same ask, and rates.

use crate::switch::Reach;
use seatrial_model::Time;
use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Notify, watch};

/// What is under way in one workflow.
#[derive(Default)]
pub(crate) struct Traffic {
    /// Cases.
    cases: Lane,
    /// Marked requests: a drill's stop cuts these alone.
    marked: Lane,
    minutes: Mutex<HashMap<(String, bool), (i64, u64)>>,
    asks: Asks,
}

/// Requests that one stop cuts.
struct Lane {
    /// Those since the last stop: who comes after one is not waited for by it.
    in_flight: Mutex<Arc<InFlight>>,
    /// Counts stops; whoever waits for a model watches it.
    stops: watch::Sender<u64>,
}

/// Asks under way, by their tag: how many attempts, and who tells when one ends.
type Asks = Arc<Mutex<HashMap<String, (usize, watch::Sender<()>)>>>;

/// One attempt of an ask under way; it ends when this is dropped.
pub(crate) struct Turn {
    asks: Asks,
    tag: String,
}

impl Turn {
    /// Whether a later attempt of the same ask waits for this one.
    pub(crate) fn is_awaited(&self) -> bool {
        let asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        asks.get(&self.tag).is_some_and(|(_, ended)| ended.receiver_count() > 0)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((attempts, ended)) = asks.get_mut(&self.tag) else { return };
        *attempts -= 1;
        ended.send_replace(());
        if *attempts == 0 {
            asks.remove(&self.tag);
        }
    }
}

#[derive(Default)]
struct InFlight {
    count: AtomicU64,
    cut: AtomicU64,
    fewer: Notify,
}

impl Default for Lane {
    fn default() -> Self {
        Self { in_flight: Mutex::default(), stops: watch::channel(0).0 }
    }
}

/// One request in flight; it ends when this is dropped.
pub(crate) struct Ticket {
    in_flight: Arc<InFlight>,
    stops: watch::Receiver<u64>,
}

impl Ticket {
    /// Ends when a stop takes effect.
    pub(crate) async fn stopped(&mut self) {
        if self.stops.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Whether a stop took effect that nobody waited for yet.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stops.has_changed().unwrap_or(false)
    }

    /// Notes that the request was cut by a stop: it gets no output.
    pub(crate) fn cut(&self) {
        self.in_flight.cut.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.in_flight.count.fetch_sub(1, Ordering::SeqCst);
        self.in_flight.fewer.notify_waiters();
    }
}

impl Traffic {
    /// A request begins: a case, or a marked one.
    pub(crate) fn enter(&self, reach: Reach) -> Ticket {
        let lane = if reach.is_marked() { &self.marked } else { &self.cases };
        let in_flight = lane.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.count.fetch_add(1, Ordering::SeqCst);
        Ticket { in_flight: Arc::clone(&in_flight), stops: lane.stops.subscribe() }
    }

    /// Begins an attempt of an ask, whoever else is at it.
    pub(crate) fn begin(&self, tag: &str) -> Turn {
        let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        asks.entry(tag.to_owned()).or_insert_with(|| (0, watch::channel(()).0)).0 += 1;
        Turn { asks: Arc::clone(&self.asks), tag: tag.to_owned() }
    }

    /// Begins an attempt of an ask that nobody is at; otherwise gives what tells when one of the attempts ended.
    pub(crate) fn begin_alone(&self, tag: &str) -> Result<Turn, watch::Receiver<()>> {
        let mut asks = self.asks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ended)) = asks.get(tag) {
            return Err(ended.subscribe());
        }
        asks.insert(tag.to_owned(), (1, watch::channel(()).0));
        Ok(Turn { asks: Arc::clone(&self.asks), tag: tag.to_owned() })
    }

    /// Tells everybody in flight whom a stop reaches that it took effect, and waits until nobody is. Gives how many
    /// were cut.
    pub(crate) async fn cut(&self, reach: Reach) -> u64 {
        match reach {
            Reach::All | Reach::Factory => {
                let (cases, marked) = tokio::join!(self.cases.cut(), self.marked.cut());
                cases + marked
            }
            Reach::Marked => self.marked.cut().await,
        }
    }

    /// Counts a call of a step in this minute; `Err` holds the seconds until the next.
    pub(crate) fn count(&self, step: &str, reach: Reach, limit: u64, now: Time) -> Result<(), u64> {
        let minute = now.as_millis() / 60_000;
        let mut minutes = self.minutes.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = minutes.entry((step.to_owned(), reach.is_marked())).or_insert((minute, 0));
        if entry.0 != minute {
            *entry = (minute, 0);
        }
        if entry.1 >= limit {
            let left_ms = (minute + 1) * 60_000 - now.as_millis();
            return Err(u64::try_from(left_ms / 1_000 + 1).unwrap_or(1));
        }
        entry.1 += 1;
        Ok(())
    }
}

impl Lane {
    async fn cut(&self) -> u64 {
        let told = {
            let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
            self.stops.send_modify(|n| *n += 1);
            std::mem::take(&mut *in_flight)
        };
        loop {
            let fewer = told.fewer.notified();
            tokio::pin!(fewer);
            fewer.as_mut().enable();
            if told.count.load(Ordering::SeqCst) == 0 {
                break;
            }
            fewer.await;
        }
        told.cut.load(Ordering::SeqCst)
    }
}

#[cfg(test)]
mod tests;
