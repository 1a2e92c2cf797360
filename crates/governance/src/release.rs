//! Releases: the statement that nothing is missing, and the digest that approvals and the cut are bound to.

use crate::define::Duty;
use crate::state::{ObligationState, State};
use seatrial_model::event::{ReleasedObligation, ReleasedWaiver};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Digest, ElementPath, Stage};
use serde::Serialize;

/// The state of all obligations, ready for a release.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Sorted by id, `release.approval` included: the blob of the release.
    pub obligations: Vec<ReleasedObligation>,
    /// SHA-256 of the sorted list of [obligation id, state, evidence key, events], `release.approval` left out.
    pub state: Digest,
}

/// Something that stands between here and a release.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Missing {
    /// The obligation.
    pub obligation: String,
    /// How it stands.
    pub state: State,
    /// Why.
    pub why: String,
    /// What changed, where it is stale.
    pub changed: Vec<ElementPath>,
    /// What to do next.
    pub next: Option<String>,
}

/// Why no release can be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReleaseError {
    /// The stage cannot be released at all.
    #[error("`{0}` is no stage that is released; nothing was cut. Release `pilot`, `production` or `owned`")]
    NoSuchRelease(Stage),
    /// The states are of another stage, or there are none.
    #[error("the states at hand are not those of `{0}`; nothing was cut. Compute them again for this stage")]
    OtherStage(Stage),
    /// Obligations are missing.
    #[error("{} obligation(s) stand between here and `{stage}`, nothing was cut: {}", missing.len(), names(missing))]
    Missing {
        /// The stage.
        stage: Stage,
        /// Which.
        missing: Vec<Missing>,
    },
}

fn names(missing: &[Missing]) -> String {
    let each = missing.iter().map(|m| format!("`{}` is {}", m.obligation, m.state));
    each.collect::<Vec<_>>().join(", ")
}

/// The list that a release states, and its digest.
#[must_use]
pub fn statement(states: &[ObligationState]) -> Statement {
    Statement { obligations: list(states.iter()), state: state_digest(states) }
}

/// SHA-256 of the sorted list of [obligation id, state, evidence key, events], `release.approval` left out.
#[must_use]
pub fn state_digest(states: &[ObligationState]) -> Digest {
    let listed = list(states.iter().filter(|s| s.obligation.duty != Duty::Release));
    let rows: Vec<_> = listed.iter().map(|o| (&o.id, &o.state, o.key, &o.events)).collect();
    // Texts, digests and ids all have an RFC 8785 form; the fallback equals no digest that anybody approved.
    Digest::of_canonical(&rows).unwrap_or_else(|e| Digest::of(format!("{e}{rows:?}").as_bytes()))
}

fn list<'s>(states: impl Iterator<Item = &'s ObligationState>) -> Vec<ReleasedObligation> {
    let mut out: Vec<ReleasedObligation> = states
        .map(|s| ReleasedObligation {
            id: s.obligation.id.clone(),
            state: s.state.as_str().to_owned(),
            key: s.key,
            events: s.events.clone(),
        })
        .collect();
    out.sort_by(|a, b| a.id.cmp(&b.id));
    out
}

/// What stands between here and the stage, in the order of the layers.
#[must_use]
pub fn missing(states: &[ObligationState]) -> Vec<Missing> {
    let open = states.iter().filter(|s| !s.state.is_settled());
    open.map(|s| Missing {
        obligation: s.obligation.id.clone(),
        state: s.state,
        why: s.why.clone(),
        changed: s.changed.clone(),
        next: s.next.clone(),
    })
    .collect()
}

/// Whether a release of the stage can be cut.
///
/// # Errors
/// [`ReleaseError`] with everything that is missing.
pub fn can_release(stage: Stage, states: &[ObligationState]) -> Result<(), ReleaseError> {
    if !matches!(stage, Stage::Pilot | Stage::Production | Stage::Owned) {
        return Err(ReleaseError::NoSuchRelease(stage));
    }
    // A list without `release.approval` was not computed by `status`: nothing may be concluded from its being short.
    let complete = states.iter().any(|s| s.obligation.duty == Duty::Release);
    if !complete || states.iter().any(|s| s.stage != stage) {
        return Err(ReleaseError::OtherStage(stage));
    }
    match missing(states) {
        missing if missing.is_empty() => Ok(()),
        missing => Err(ReleaseError::Missing { stage, missing }),
    }
}

/// The waivers that a release stands on, sorted by obligation.
#[must_use]
pub fn waivers(states: &[ObligationState]) -> Vec<ReleasedWaiver> {
    let waived = states.iter().filter(|s| s.state == State::Waived);
    let mut out: Vec<ReleasedWaiver> = waived
        .filter_map(|s| {
            let waiver = s.waiver.as_ref()?;
            Some(ReleasedWaiver { obligation: s.obligation.id.clone(), waiver: waiver.request, until: waiver.until })
        })
        .collect();
    out.sort_by(|a, b| a.obligation.cmp(&b.obligation));
    out
}

/// What a release is signed as: it says at once whether it stands on waivers.
#[must_use]
pub fn level(stage: Stage, kind: FactoryKind, waivers: &[ReleasedWaiver]) -> &'static str {
    match (kind, stage, waivers.is_empty()) {
        (FactoryKind::Simulation, _, true) => "SEATRIAL_SIMULATION",
        (FactoryKind::Simulation, _, false) => "SEATRIAL_SIMULATION_WAIVED",
        (FactoryKind::Real, Stage::Production, true) => "SEATRIAL_PRODUCTION",
        (FactoryKind::Real, Stage::Production, false) => "SEATRIAL_PRODUCTION_WAIVED",
        (FactoryKind::Real, Stage::Owned, true) => "SEATRIAL_OWNED",
        (FactoryKind::Real, Stage::Owned, false) => "SEATRIAL_OWNED_WAIVED",
        (FactoryKind::Real, Stage::Pilot, true) => "SEATRIAL_PILOT",
        (FactoryKind::Real, Stage::Pilot, false) => "SEATRIAL_PILOT_WAIVED",
        (FactoryKind::Real, Stage::Draft | Stage::Retired, _) => "SEATRIAL_NONE",
    }
}

#[cfg(test)]
mod tests;
