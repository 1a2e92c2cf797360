//! What can be seen of a serving process from outside: metrics, traces and logs. It is told by the factory and the
//! gateway, and none of it has content.

pub(crate) mod logs;
mod measures;
mod otlp;
#[cfg(test)]
mod tests;

pub(crate) use measures::Standing;

use measures::Measures;
use otlp::{Failures, Otlp};
use seatrial_factory::Factory;
use seatrial_factory::observe::{Began, Decided, ModelCall, Observer, RefusedCall};
use seatrial_gateway::{Answered, Vitals, Watcher};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::broadcast::error::RecvError;

/// Everything that watches.
pub(crate) struct Telemetry {
    measures: Measures,
    otlp: Option<Arc<Otlp>>,
    failures: Arc<Failures>,
    /// Whether the newest decision could not be recorded.
    unrecorded: AtomicBool,
}

impl Telemetry {
    /// Metrics, and what the environment asks for.
    ///
    /// # Errors
    /// Where the environment asks for an exporter that cannot be made.
    pub(crate) fn start(env: &dyn Fn(&str) -> Option<String>) -> Result<Arc<Self>, String> {
        let failures = Arc::new(Failures::default());
        let otlp = Otlp::start(env, &failures)?.map(Arc::new);
        Ok(Arc::new(Self { measures: Measures::new(), otlp, failures, unrecorded: AtomicBool::new(false) }))
    }

    /// The text of `/metrics`.
    pub(crate) fn text(&self, vitals: &Vitals, standing: &Standing) -> Result<String, fmt::Error> {
        self.measures.text(vitals, standing, self.failures.count())
    }

    /// Whether the newest decision could be recorded, as far as is known.
    pub(crate) fn records(&self) -> bool {
        !self.unrecorded.load(Ordering::Relaxed)
    }

    /// The store was seen to commit.
    pub(crate) fn recorded(&self) {
        self.unrecorded.store(false, Ordering::Relaxed);
    }

    /// Counts what is recorded of people: answers and stops.
    pub(crate) async fn follow(self: Arc<Self>, factory: Factory) {
        let mut commits = factory.store().subscribe();
        loop {
            match commits.recv().await {
                Ok(commit) => {
                    for event in &commit.events {
                        self.measures.recorded(commit.log.as_str(), &event.body);
                    }
                }
                Err(RecvError::Lagged(missed)) => self.measures.missed(missed),
                Err(RecvError::Closed) => return,
            }
        }
    }

    /// Sends what is left.
    pub(crate) async fn end(&self) {
        if let Some(otlp) = &self.otlp {
            Arc::clone(otlp).end().await;
        }
    }
}

impl Observer for Telemetry {
    fn began(&self, began: &Began<'_>) {
        if let Some(otlp) = &self.otlp {
            otlp.began(began);
        }
    }

    fn decided(&self, decided: &Decided<'_>) {
        self.recorded();
        self.measures.decided(decided);
        if let Some(otlp) = &self.otlp {
            otlp.decided(decided);
        }
    }

    fn refused(&self, refused: &RefusedCall<'_>) {
        if refused.code == "record_failed" {
            self.unrecorded.store(true, Ordering::Relaxed);
        }
        self.measures.refused(refused);
        if let Some(otlp) = &self.otlp {
            otlp.refused(refused);
        }
    }

    fn asked(&self, call: &ModelCall<'_>) {
        self.measures.asked(call);
        if let Some(otlp) = &self.otlp {
            otlp.asked(call);
        }
    }
}

impl Watcher for Telemetry {
    fn answered(&self, answered: &Answered) {
        self.measures.answered(answered);
    }
}
