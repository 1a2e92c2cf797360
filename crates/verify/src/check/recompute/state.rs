//! What the log itself says about the state that a decision was made in: stops and certificates. Facts that make
//! light of it are a problem; facts that are stricter are not (a stop of the whole factory is in another log).

use seatrial_model::event::DecisionMade;
use seatrial_model::facts::CertificateState;
use seatrial_model::{Body, ElementPath, Event, EventId};
use std::collections::{BTreeSet, HashMap};

/// Stops and certificates as they stand so far.
#[derive(Default)]
pub(super) struct State {
    stops: BTreeSet<ElementPath>,
    certificates: HashMap<EventId, ElementPath>,
}

impl State {
    pub(super) fn visit(&mut self, event: &Event) {
        match &event.body {
            Body::WorkflowStopped(b) => {
                self.stops.insert(b.element.clone());
            }
            Body::WorkflowResumed(b) => {
                self.stops.remove(&b.element);
            }
            Body::ThresholdTested(b) if b.certified => {
                self.certificates.insert(event.id, b.certificate.threshold.clone());
            }
            Body::CertificateRevoked(b) => {
                self.certificates.remove(&b.certificate);
            }
            _ => {}
        }
    }

    /// Whether a decision's facts make light of a stop, or rely on a certificate that was not given.
    pub(super) fn check(&self, made: &DecisionMade) -> Result<(), String> {
        let step = ElementPath::from("steps").child(&made.step);
        if let Some(stop) = self.stops.iter().find(|stop| step.is_within(stop)).filter(|_| !made.facts.stopped) {
            let element = if stop.as_str().is_empty() { "the workflow" } else { stop.as_str() };
            return Err(format!("its facts say that nothing was stopped, and `{element}` was"));
        }
        let mut relied = made.facts.thresholds.iter().filter(|t| t.state == CertificateState::Certified);
        match relied.find(|t| !self.certificates.values().any(|path| *path == t.path)) {
            Some(threshold) => {
                Err(format!("its facts say that `{}` is certified, and no certificate stands for it", threshold.path))
            }
            None => Ok(()),
        }
    }
}
