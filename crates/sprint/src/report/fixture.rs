//! Events for tests.

use seatrial_model::event::{Certificate, ENVELOPE_VERSION, Event, Subject};
use seatrial_model::{Body, Digest, LogName, Principal, SprintId, Time};
use std::collections::BTreeMap;

/// An id whose UUID ends in this number.
pub(crate) fn id<T: std::str::FromStr>(prefix: &str, n: usize) -> T
where
    T::Err: std::fmt::Debug,
{
    format!("{prefix}00000000-0000-7000-8000-{n:012}").parse().unwrap()
}

/// The sprint of all tests.
pub(crate) fn sprint() -> SprintId {
    id("spr_", 1)
}

/// These bodies as the events of a log.
pub(crate) fn log(bodies: Vec<Body>) -> Vec<Event> {
    let event = |(i, body): (usize, Body)| Event {
        v: ENVELOPE_VERSION,
        id: id("evt_", i),
        time: Time::from_millis(1_795_427_751_120 + i as i64),
        log: "credit".parse::<LogName>().unwrap(),
        simulation: false,
        actor: Principal::system(),
        subject: Subject::default(),
        spec: None,
        release: None,
        evidence: Vec::new(),
        payloads: BTreeMap::new(),
        people: None,
        body,
    };
    bodies.into_iter().enumerate().map(event).collect()
}

/// A certificate of this threshold.
pub(crate) fn certificate(threshold: &str) -> Certificate {
    // From JSON, as a log of today keeps it: fields that come later have their defaults.
    serde_json::from_value(serde_json::json!({
        "threshold": threshold, "at": 0.8, "max_wrong": 0.05, "assurance": 0.95, "delta": 0.05, "attempt": 1,
        "method": "split", "examples": 100, "errors": 1, "bound": 0.047, "p": 0.04, "sealed": Digest::of(b""),
        "model": "m", "confidence": "output.confidence", "curve": Digest::of(b""), "reviewed": { "k": 10, "n": 100 },
    }))
    .unwrap()
}
