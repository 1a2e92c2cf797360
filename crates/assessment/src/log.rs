//! The log as the detectors see it.

use crate::{AssessmentInput, Reason, reason};
use seatrial_governance::{ObligationState, State};
use seatrial_model::event::{ApprovalGiven, ReleaseCut, SpecSubmitted};
use seatrial_model::{Body, Digest, ElementPath, EventId, Logged, PathPattern, Stage};
use seatrial_spec::Workflow;

/// A pair of release and spec under which decisions were made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Served {
    /// The release that the decisions name.
    pub release: Option<Digest>,
    /// The spec that they name.
    pub spec: Option<Digest>,
    /// How many.
    pub decisions: u64,
    /// One of them: entry and event.
    pub example: (u64, EventId),
}

/// The log, sorted by what detectors ask for.
pub(crate) struct View<'a> {
    pub(crate) input: &'a AssessmentInput<'a>,
}

impl<'a> View<'a> {
    pub(crate) fn new(input: &'a AssessmentInput<'a>) -> Self {
        Self { input }
    }

    /// Events for which the test holds, oldest first.
    pub(crate) fn all(&self, test: impl Fn(&Body) -> bool) -> Vec<&'a Logged> {
        self.input.events.iter().filter(|e| test(&e.event.body)).collect()
    }

    pub(crate) fn submissions(&self) -> Vec<(&'a Logged, &'a SpecSubmitted)> {
        self.picked(|body| if let Body::SpecSubmitted(s) = body { Some(s) } else { None })
    }

    pub(crate) fn approvals(&self) -> Vec<(&'a Logged, &'a ApprovalGiven)> {
        self.picked(|body| if let Body::ApprovalGiven(a) = body { Some(a) } else { None })
    }

    pub(crate) fn releases(&self, stage: Stage) -> Vec<(&'a Logged, &'a ReleaseCut)> {
        let all = self.picked(|body| if let Body::ReleaseCut(r) = body { Some(r) } else { None });
        all.into_iter().filter(|(_, r)| r.stage == stage).collect()
    }

    pub(crate) fn first_release(&self) -> Option<&'a Logged> {
        let all = crate::RELEASED.into_iter().flat_map(|stage| self.releases(stage));
        all.map(|(e, _)| e).min_by_key(|e| e.index)
    }

    /// The first release to production: the launch.
    pub(crate) fn launch(&self) -> Option<&'a Logged> {
        self.releases(Stage::Production).first().map(|(e, _)| *e)
    }

    /// The submissions that changed an earlier spec.
    pub(crate) fn changes(&self) -> Vec<(&'a Logged, &'a SpecSubmitted)> {
        self.submissions().into_iter().filter(|(_, s)| s.previous.is_some() && touched(s).next().is_some()).collect()
    }

    /// The spec of that digest; the one of today where the store does not hold it.
    pub(crate) fn spec_or_today(&self, digest: Option<Digest>) -> &'a Workflow {
        digest.and_then(|d| self.spec(&d)).unwrap_or(self.input.workflow)
    }

    /// The spec of that digest.
    pub(crate) fn spec(&self, digest: &Digest) -> Option<&'a Workflow> {
        if *digest == self.input.workflow.digest {
            return Some(self.input.workflow);
        }
        self.input.specs.get(digest).map(AsRef::as_ref)
    }

    pub(crate) fn picked<T>(&self, pick: impl Fn(&'a Body) -> Option<&'a T>) -> Vec<(&'a Logged, &'a T)> {
        self.input.events.iter().filter_map(|e| pick(&e.event.body).map(|b| (e, b))).collect()
    }

    /// The state of an obligation of production; none where the spec does not call for it.
    pub(crate) fn state(&self, id: &str) -> Option<&'a ObligationState> {
        self.input.states.iter().find(|s| s.obligation.id == id)
    }

    pub(crate) fn is(&self, id: &str, state: State) -> bool {
        self.state(id).is_some_and(|s| s.state == state)
    }

    /// An obligation's state as a reason, with the events it rests on.
    pub(crate) fn told(&self, id: &str) -> Reason {
        match self.state(id) {
            None => reason(format!("`{id}` is not called for by this spec"), []),
            Some(s) => {
                let events = self.input.events.iter().filter(|e| s.events.contains(&e.event.id));
                reason(format!("`{id}` is {}: {}", s.state, s.why), events)
            }
        }
    }
}

/// Every path that a submission added, removed or changed.
pub(crate) fn touched(s: &SpecSubmitted) -> impl Iterator<Item = &ElementPath> {
    s.added.iter().chain(&s.removed).chain(&s.changed)
}

/// The paths of a submission that one of these patterns matches.
pub(crate) fn within(s: &SpecSubmitted, patterns: &[PathPattern]) -> Vec<ElementPath> {
    touched(s).filter(|p| patterns.iter().any(|pattern| pattern.matches(p))).cloned().collect()
}

/// Patterns from their texts.
pub(crate) fn patterns<const N: usize>(texts: [&str; N]) -> [PathPattern; N] {
    texts.map(PathPattern::from)
}

/// Only the events of a list of pairs.
pub(crate) fn events<'a, T>(pairs: &[(&'a Logged, &'a T)]) -> Vec<&'a Logged> {
    pairs.iter().map(|(e, _)| *e).collect()
}
