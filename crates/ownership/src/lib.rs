//! Layer 5, owning: responsibilities, drills, handover pack.
//!
//! [`responsibilities`] says who takes what over and who accepted it; [`gaps`] what is still missing for a handover;
//! [`pack`] draws it all as one self-contained page in which every statement cites its event.
//!
//! Nothing here does I/O or reads a clock.

mod gaps;
mod index;
mod pack;
pub mod regulation;
mod responsibility;

pub use gaps::{Gap, gaps};
pub use index::{
    ActionCount, ActionKind, BindingBar, OVER_DAYS, Sides, TransferIndex, WEEKS_MAX, Week, WrittenBar, binding_bar,
    transfer_index,
};
pub use pack::{Attested, PackParts, Statement, pack, pack_parts, statements};
pub use responsibility::{Taker, Taking, responsibilities, takings};

use seatrial_model::{Digest, ElementPath, LogPoint, Logged, Time};
use seatrial_spec::{FactorySpec, Workflow};
use std::collections::BTreeMap;

/// How an obligation stands, as governance computed it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ObligationLine {
    /// Its id.
    pub id: String,
    /// One line for people.
    pub title: String,
    /// Its state as a word (`discharged`).
    pub state: String,
    /// Whether a release can be cut over that state.
    pub settled: bool,
    /// Why.
    pub why: String,
    /// What to do next.
    pub next: Option<String>,
    /// Its evidence key: what an acceptance must have been given over.
    pub key: Digest,
    /// The entries of the events that it rests on.
    pub events: Vec<u64>,
}

impl ObligationLine {
    /// Whether it does not apply here.
    #[must_use]
    pub fn is_not_applicable(&self) -> bool {
        self.state == NOT_APPLICABLE
    }

    /// Its state, for people.
    #[must_use]
    pub fn state_words(&self) -> &str {
        if self.is_not_applicable() { "not applicable" } else { &self.state }
    }
}

/// The state of an obligation that does not apply, as governance writes it.
const NOT_APPLICABLE: &str = "not_applicable";

/// The log that the pack speaks of.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogIdentity {
    /// The checkpoint's origin.
    pub origin: String,
    /// The verifier key.
    pub key: String,
    /// Size and root as the pack shows them.
    pub point: LogPoint,
    /// The command that verifies an export offline.
    pub verify: String,
}

/// Everything that a handover pack is made from.
#[derive(Clone, Copy, Debug)]
pub struct PackInput<'a> {
    /// The checked spec that is handed over.
    pub workflow: &'a Workflow,
    /// The factory: people, kind, time zone.
    pub factory: &'a FactorySpec,
    /// The delivery events of the workflow's log, in its order.
    pub events: &'a [Logged],
    /// The event of the factory's log that declared these people.
    pub people: Option<&'a Logged>,
    /// The obligations of production.
    pub obligations: &'a [ObligationLine],
    /// How often each rule was among the reasons of a decision.
    pub fired: &'a BTreeMap<ElementPath, u64>,
    /// How many decisions there were in all, rehearsals left out.
    pub decisions: u64,
    /// Curves of certificates by blob: SVG.
    pub curves: &'a BTreeMap<Digest, String>,
    /// What events name by their digests: results of evaluations, obligations of releases.
    pub blobs: &'a BTreeMap<Digest, Vec<u8>>,
    /// The transfer index over time; none where nothing was released.
    pub index: Option<&'a TransferIndex>,
    /// The log.
    pub log: &'a LogIdentity,
    /// Now.
    pub now: Time,
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
