//! Made-up views, for the gallery and the snapshots only. Nothing in the running system reads them.

mod assure;
mod boards;
mod decisions;
mod govern;
mod operate;
mod owning;

pub use assure::*;
pub use boards::*;
pub use decisions::*;
pub use govern::*;
pub use operate::*;
pub use owning::*;

use seatrial_model::{Commitment, DecisionId, Digest, EventId, ReviewId, Salt, Side, Time, Untrusted};
use seatrial_server::view::{EventRef, Frame, Me, WorkflowTab};
use std::collections::BTreeSet;

/// The workflow of all samples.
pub const WORKFLOW: &str = "complaint-routing";

/// The moment at which all samples are made.
pub fn now() -> Time {
    "2026-11-23T14:32:10.000Z".parse().expect("a time")
}

/// Some minutes before that moment.
pub fn ago(minutes: i64) -> Time {
    now().plus_millis(-minutes * 60_000)
}

/// The frame of a page of the workflow.
pub fn frame() -> Frame {
    Frame {
        factory: "example-bank".into(),
        simulation: true,
        now: now(),
        zone: "UTC".into(),
        me: Some(Me {
            id: "ana@bank.example".into(),
            name: "Ana Ruiz".into(),
            side: Side::Receiving,
            roles: BTreeSet::from(["supervisors".to_owned()]),
            csrf: "sample".into(),
        }),
        workflow: Some(WorkflowTab {
            name: WORKFLOW.into(),
            title: "Route consumer complaints".into(),
            reviews_open: 4,
            stopped: false,
        }),
    }
}

/// A frame without a workflow.
pub fn bare() -> Frame {
    Frame { workflow: None, ..frame() }
}

/// A digest that differs by its name.
pub fn digest(name: &str) -> Digest {
    Digest::of(name.as_bytes())
}

/// A commitment that differs by its name.
pub fn commitment(name: &str) -> Commitment {
    Commitment::of(&Salt([7; 32]), name.as_bytes())
}

fn uuid(n: u64) -> String {
    format!("0193f2a0-7c1d-7000-8000-{n:012x}")
}

/// A decision's id.
pub fn decision_id(n: u64) -> DecisionId {
    format!("dec_{}", uuid(n)).parse().expect("an id")
}

/// A review's id.
pub fn review_id(n: u64) -> ReviewId {
    format!("rev_{}", uuid(n)).parse().expect("an id")
}

/// A reference to an event.
pub fn event(index: u64, kind: &str, actor: &str, minutes_ago: i64) -> EventRef {
    let id: EventId = format!("evt_{}", uuid(index)).parse().expect("an id");
    EventRef { id, index, kind: kind.into(), time: ago(minutes_ago), actor: actor.into() }
}

/// Text from outside.
pub fn outside(text: &str) -> Untrusted {
    Untrusted::new(text)
}
