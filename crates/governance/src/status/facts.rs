//! What the running system shows beyond its delivery events: the factory computes it from projections, and states it.

use seatrial_model::{Day, Digest, Span, Stage, Time};
use seatrial_spec::workflow::Bar;
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
    /// What the handover looks at; none where nobody gathered it.
    pub handover: Option<HandoverNow>,
    /// The newest cosignature of each witness that ever cosigned a checkpoint of the log.
    pub cosigned: Vec<Cosigned>,
}

/// A witness's newest cosignature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Cosigned {
    /// The witness's verifier key.
    pub witness: String,
    /// When it cosigned.
    pub at: Time,
}

/// What the handover looks at, beyond the log's delivery events.
#[derive(Clone, PartialEq, Debug, Default, Serialize)]
pub struct HandoverNow {
    /// The release in force, where it is of production or owned.
    pub in_force: Option<InForceNow>,
    /// The live tokens of people of the delivery side.
    pub tokens: Vec<LiveToken>,
    /// Other workflows of the factory in which the rights of the delivery side do not end: its tokens live on for them.
    pub elsewhere: Vec<String>,
    /// The operating actions of the bar's window; none where no bar was written.
    pub transfer: Option<TransferNow>,
}

/// The release in force, as the handover sees it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InForceNow {
    /// The release.
    pub release: Digest,
    /// Its entry.
    pub index: u64,
    /// Its stage.
    pub stage: Stage,
    /// Its spec.
    pub spec: Digest,
    /// The end of hypercare; none: it has none.
    pub until: Option<Time>,
    /// Whether it lapsed, and what it lost.
    pub lost: Vec<String>,
}

/// A token that is good today.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct LiveToken {
    /// Its public name.
    pub token: String,
    /// Whose it is.
    pub principal: String,
    /// Until when.
    pub expires: Time,
}

/// The transfer index in the bar's window, and the bar.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct TransferNow {
    /// Operating actions of the receiving side.
    pub receiving: u64,
    /// Of the delivery side.
    pub delivery: u64,
    /// The first day that counts.
    pub since: Day,
    /// The bar.
    pub bar: TransferBar,
}

/// The bar of the transfer index, as production releases wrote it down.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct TransferBar {
    /// What the receiving side's share is held to.
    pub bar: Bar,
    /// Over which time.
    pub over: Span,
    /// The entry of the release of production that fixed it; none: no production was released, and it stands in the spec.
    pub fixed_by: Option<u64>,
    /// What the spec asked about says today, where that asks for less; none where it says nothing else.
    pub lowered_to: Option<Bar>,
    /// The spec asked about says nothing of it any more.
    pub dropped: bool,
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
