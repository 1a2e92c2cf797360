//! Calls that were allowed, remembered.

use seatrial_governance::policy::{Action, Circumstances, Request};
use seatrial_model::Principal;
use std::sync::{PoisonError, RwLock};

/// Calls that the policies of one spec allowed. A policy looks at nothing but the request, so the same request has the
/// same answer for as long as the spec is served; refusals are worked out each time, with their reasons.
#[derive(Default)]
pub(crate) struct Permitted(RwLock<Vec<(Principal, Action, Circumstances)>>);

/// The most allowed calls that are remembered for one spec: callers are programs, and few.
const PERMITTED_MAX: usize = 64;

impl Permitted {
    pub(super) fn holds(&self, request: &Request<'_>) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|(principal, action, circumstances)| {
            *action == request.action && circumstances == request.circumstances && principal == request.principal
        })
    }

    pub(super) fn add(&self, request: &Request<'_>) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= PERMITTED_MAX {
            known.clear();
        }
        known.push((request.principal.clone(), request.action, request.circumstances.clone()));
    }
}
