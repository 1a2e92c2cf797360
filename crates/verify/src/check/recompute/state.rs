//! What the log itself says about the state that a decision was made in: stops and certificates. Facts that make
//! light of it are a problem; facts that are stricter are not (a stop of the whole factory is in another log).

use seatrial_model::event::DecisionMade;
use seatrial_model::facts::CertificateState;
use seatrial_model::{Body, ElementPath, Event, EventId};
use std::collections::{BTreeSet, HashMap};

/// A certificate that was given and not revoked.
struct Standing {
    threshold: ElementPath,
    /// The slices with a guarantee of their own that it certifies.
    slices: BTreeSet<ElementPath>,
}

/// Stops and certificates as they stand so far.
#[derive(Default)]
pub(super) struct State {
    /// What is stopped, whether for marked requests only, and whether with the whole factory.
    stops: BTreeSet<(ElementPath, bool, bool)>,
    certificates: HashMap<EventId, Standing>,
}

impl State {
    pub(super) fn visit(&mut self, event: &Event) {
        match &event.body {
            Body::WorkflowStopped(b) => {
                self.stops.insert((b.element.clone(), b.marked, b.factory));
            }
            Body::WorkflowResumed(b) => {
                self.stops.remove(&(b.element.clone(), b.marked, b.factory));
            }
            Body::ThresholdTested(b) if b.certified => {
                let certified = b.certificate.required.iter().filter(|(_, slice)| slice.certified);
                let slices = certified.map(|(name, _)| ElementPath::from("slices").child(name)).collect();
                let threshold = b.certificate.threshold.clone();
                self.certificates.insert(event.id, Standing { threshold, slices });
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
        // A drill's stop holds for marked requests, and for nobody else.
        let holds =
            |(stop, marked, _): &&(ElementPath, bool, bool)| step.is_within(stop) && (!marked || made.facts.rehearsal);
        if let Some((stop, ..)) = self.stops.iter().find(holds).filter(|_| !made.facts.stopped) {
            let element = if stop.as_str().is_empty() { "the workflow" } else { stop.as_str() };
            return Err(format!("its facts say that nothing was stopped, and `{element}` was"));
        }
        let mut relied = made.facts.thresholds.iter().filter(|t| t.state == CertificateState::Certified);
        if let Some(threshold) = relied.find(|t| !self.certificates.values().any(|c| c.threshold == t.path)) {
            let path = &threshold.path;
            return Err(format!("its facts say that `{path}` is certified, and no certificate stands for it"));
        }
        let mut slices = made.facts.slices.iter().filter(|s| s.state == CertificateState::Certified && !s.failed);
        match slices.find(|s| !self.certificates.values().any(|c| c.slices.contains(&s.path))) {
            Some(slice) => {
                Err(format!("its facts say that `{}` is certified, and no certificate stands for it", slice.path))
            }
            None => Ok(()),
        }
    }
}
