//! What the running system shows beyond its delivery events: the factory computes it from projections, and states it.

use seatrial_model::Digest;
use serde::Serialize;

/// Facts about the running system. What is not known stays `None`, and nothing is green by it.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct Running {
    /// How many reviews a day are expected, beside what the people present can answer.
    pub review_load: Option<ReviewLoad>,
    /// How reviewers did on seeded known-bad items.
    pub oversight: Option<Oversight>,
    /// The pilot, as it stands.
    pub pilot: Option<PilotNow>,
}

/// Reviews that are expected, and the capacity to answer them.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct ReviewLoad {
    /// Expected reviews a day, audits included.
    pub expected_per_day: f64,
    /// How many the people present in the reviewing roles manage in a day.
    pub capacity_per_day: f64,
}

/// Seeded known-bad items that reviewers saw, pooled by role.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Oversight {
    /// How many they caught.
    pub caught: u64,
    /// How many they saw.
    pub seeded: u64,
    /// The one-sided lower confidence bound of the share caught, at 95 %.
    pub lower: f64,
}

/// The newest pilot, as it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct PilotNow {
    /// Its number.
    pub number: u64,
    /// Its newest release.
    pub release: Digest,
    /// Decisions in all, rehearsals left out.
    pub decisions: u64,
    /// How many of them a person reviewed or audited.
    pub reviewed: u64,
}
