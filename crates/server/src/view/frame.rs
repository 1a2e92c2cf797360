//! What stands around every page.

use seatrial_model::{EventId, Side, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What stands around every page: the factory, who looks, and which workflow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Frame {
    /// The factory's name.
    pub factory: String,
    /// A simulation says so on every page.
    pub simulation: bool,
    /// The time the page was made.
    pub now: Time,
    /// The factory's time zone, in which times are shown.
    pub zone: String,
    /// Who is signed in.
    pub me: Option<Me>,
    /// The workflow that the page belongs to.
    pub workflow: Option<WorkflowTab>,
}

/// The person who is signed in.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Me {
    /// The id in the factory's directory.
    pub id: String,
    /// The name as people write it.
    pub name: String,
    /// The side.
    pub side: Side,
    /// The roles held.
    pub roles: BTreeSet<String>,
    /// The token that every form of this session carries.
    pub csrf: String,
}

/// A workflow as its tabs need it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkflowTab {
    /// Its name.
    pub name: String,
    /// Its title; empty while no spec was submitted.
    pub title: String,
    /// Reviews that wait for an answer.
    pub reviews_open: u64,
    /// The whole workflow or one of its steps is stopped.
    pub stopped: bool,
}

/// A reference to an event of the log.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EventRef {
    /// The event.
    pub id: EventId,
    /// Its entry in the log.
    pub index: u64,
    /// Its kind, with the version.
    pub kind: String,
    /// When.
    pub time: Time,
    /// Who acted.
    pub actor: String,
}

/// What to do next: in words, and as the command that does it.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Next {
    /// What to do.
    pub what: String,
    /// The command; empty where it is done elsewhere.
    pub command: String,
}
