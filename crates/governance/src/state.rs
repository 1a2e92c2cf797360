//! How an obligation stands.

use crate::define::Obligation;
use crate::people::Grace;
use seatrial_model::{Digest, ElementPath, EventId, Stage, Time};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The state of an obligation. Unknown is never green: what cannot be told is `open` or `inconclusive`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Shown, and what it rests on is unchanged.
    Discharged,
    /// It does not apply, with the reason.
    NotApplicable,
    /// Not shown yet.
    Open,
    /// It was shown, and something it rests on has changed.
    Stale,
    /// It was measured and missed.
    Failed,
    /// It was shown, and taken back.
    Revoked,
    /// It was measured, and the figures do not tell.
    Inconclusive,
    /// Not shown, and accepted as such by a person until a date. What it is beneath stands beside it.
    Waived,
}

impl State {
    /// The word, as it stands in events and statements.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discharged => "discharged",
            Self::NotApplicable => "not_applicable",
            Self::Open => "open",
            Self::Stale => "stale",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
            Self::Inconclusive => "inconclusive",
            Self::Waived => "waived",
        }
    }

    /// Whether a release can be cut over it.
    #[must_use]
    pub const fn is_settled(self) -> bool {
        matches!(self, Self::Discharged | Self::NotApplicable | Self::Waived)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// An external input that is another than it was.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InputChange {
    /// Its name (`model.route`).
    pub input: String,
    /// What it was; none where it was no input then.
    pub was: Option<String>,
    /// What it is; none where it is no input now.
    pub now: Option<String>,
}

/// An event that was looked at, and what it did for the obligation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Considered {
    /// The event.
    pub event: EventId,
    /// Its entry.
    pub index: u64,
    /// Its kind.
    pub kind: &'static str,
    /// Who acted.
    pub by: String,
    /// Whether it counts today.
    pub counts: bool,
    /// Why, or why not.
    pub why: String,
}

/// The waiver that an obligation stands on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct WaiverState {
    /// The event that asked for it.
    pub request: EventId,
    /// The event that granted it.
    pub granted: EventId,
    /// Its end.
    pub until: Time,
    /// Who asked.
    pub requested_by: String,
    /// Who granted.
    pub granted_by: String,
    /// In which role.
    pub role: String,
    /// How many days it is waived in all, with the waivers that it renews.
    pub days: u64,
}

/// One obligation and how it stands for a stage.
#[derive(Clone, Debug)]
pub struct ObligationState {
    /// The obligation.
    pub obligation: Obligation,
    /// The stage.
    pub stage: Stage,
    /// How it stands.
    pub state: State,
    /// How it stands beneath a waiver; the same as `state` where there is none. A waiver hides nothing.
    pub under: State,
    /// Why, for people.
    pub why: String,
    /// The waiver in force, where there is one.
    pub waiver: Option<WaiverState>,
    /// The key that evidence must have today.
    pub key: Digest,
    /// The external inputs in that key.
    pub inputs: BTreeMap<String, String>,
    /// The events that discharge it (or failed, revoked it).
    pub events: Vec<EventId>,
    /// Where it is stale: the elements that changed, leaf-most.
    pub changed: Vec<ElementPath>,
    /// Where it is stale: the external inputs that changed.
    pub changed_inputs: Vec<InputChange>,
    /// Where it stands on people who left or are away: who, and for how long still.
    pub grace: Vec<Grace>,
    /// Every event that was looked at, oldest first.
    pub considered: Vec<Considered>,
    /// What to do next, as a command; none where nothing is to be done.
    pub next: Option<String>,
}
