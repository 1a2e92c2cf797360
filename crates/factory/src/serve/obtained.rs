//! What came of asking for a candidate.

use seatrial_guard::port::Reply;
use seatrial_guard::{Aside, Judgement};
use seatrial_model::Confidence;
use seatrial_model::event::{Cost, Usage};
use seatrial_spec::workflow::Step;
use std::sync::Arc;

/// What came of asking for a candidate.
pub(crate) struct Obtained {
    pub(crate) candidate: Option<String>,
    pub(crate) judgement: Judgement,
    pub(crate) no_candidate: Option<String>,
    pub(crate) attempts: u32,
    pub(crate) reply: Option<Arc<Reply>>,
    pub(crate) model: Option<String>,
    pub(crate) usage: Option<Usage>,
    /// Further samples that were answered.
    pub(crate) samples: u64,
    /// The model that answered, where it was not the step's first.
    pub(crate) fallback: Option<String>,
    /// What the calls cost.
    pub(crate) cost: Option<Cost>,
    /// A bound for calls whose provider did not say what they used.
    pub(crate) unreported: Option<Usage>,
    /// Requests that providers were sent.
    pub(crate) requests: u64,
    /// What was asked beside the candidate.
    pub(crate) aside: Aside,
}

impl Obtained {
    pub(crate) fn nothing(step: &Step, why: Option<String>, attempts: u32) -> Self {
        let source = step.confidence.as_ref().map_or_else(|| "none".to_owned(), |c| c.label());
        let confidence = Confidence { source, value: 0.0, present: false };
        Self {
            candidate: None,
            judgement: Judgement {
                findings: Vec::new(),
                after_modify: None,
                output: None,
                modified: None,
                confidence,
                whens: Vec::new(),
                inspected: Vec::new(),
                thresholds_used: Vec::new(),
            },
            no_candidate: why,
            attempts,
            reply: None,
            model: None,
            usage: None,
            samples: 0,
            fallback: None,
            cost: None,
            unreported: None,
            requests: 0,
            aside: Aside::default(),
        }
    }

    /// The redacted output.
    pub(crate) fn modified_text(&self) -> Option<String> {
        // Calls of tools alone have no text: then it is all the parts.
        let modified = self.judgement.modified.as_ref()?;
        Some(modified.text().map_or_else(|| seatrial_guard::candidate::payload_of(&modified.parts), str::to_owned))
    }
}
