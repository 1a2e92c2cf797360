//! Operation: drills, and incidents.

use super::EventRef;
use seatrial_factory::{DrillGuide, DrillLook, IncidentLook, IncidentStory, WaitingDrill};
use seatrial_model::{DecisionId, EventId, IncidentCourse, IncidentSeverity, ReviewId, Side, Untrusted};

/// Every control, and the drill that goes on.
#[derive(Clone, Debug)]
pub struct DrillsPage {
    /// Every control, with how it is exercised.
    pub drills: Vec<(DrillLook, DrillGuide)>,
    /// The drill that waits for another person to resume.
    pub waiting: Option<WaitingDrill>,
    /// Why whoever looks may not finish that one.
    pub not_finish: Option<String>,
    /// Why whoever looks may exercise nothing.
    pub not_yours: Option<String>,
    /// Whoever looks is of the delivery side: their drills do not count for production.
    pub delivery: bool,
    /// The marked reviews of a drill that people answer.
    pub answering: Option<Answering>,
    /// The drill that was just recorded.
    pub done: Option<DrillResult>,
}

/// A drill that people answer.
#[derive(Clone, Debug)]
pub struct Answering {
    /// The control.
    pub control: String,
    /// Its reviews: the role that answers, and whether it has.
    pub reviews: Vec<(ReviewId, String, bool)>,
}

/// A drill as it was recorded.
#[derive(Clone, Debug)]
pub struct DrillResult {
    /// The control.
    pub control: String,
    /// Who recorded it.
    pub by: String,
    /// Their side.
    pub side: Side,
    /// How long it took.
    pub effective_ms: u64,
    /// The longest that the spec allows.
    pub allowed_ms: Option<u64>,
    /// Marked outputs that did not leave as they were.
    pub refused: u64,
    /// Marked cases that the fallback finished.
    pub finished: u64,
    /// Why it does not count for production; none where it does.
    pub not_production: Option<String>,
    /// What happened in it, in order.
    pub events: Vec<EventRef>,
}

/// What is asked of the drills' page besides the list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct DrillsAsked {
    /// A drill that was recorded.
    pub done: Option<EventId>,
    /// A drill that people answer: its control and its reviews.
    pub answering: Option<(String, Vec<ReviewId>)>,
}

/// A drill, as the form asks for it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DrillSent {
    /// The first half of a stop or an incident drill, or an override drill, or marked cases for people to answer.
    Begin(String),
    /// The second half: another person resumes.
    Finish,
    /// Record a drill over answered reviews.
    Close(String, Vec<ReviewId>),
}

/// What came of it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum DrillCame {
    /// It is recorded.
    Done(EventId),
    /// It waits for another person.
    Waits,
    /// It waits for these reviews.
    Answers(String, Vec<ReviewId>),
    /// What an earlier drill had left behind is resumed.
    Resumed,
}

/// Incidents.
#[derive(Clone, Debug)]
pub struct IncidentsPage {
    /// The newest first.
    pub incidents: Vec<IncidentLook>,
    /// Why whoever looks may open none.
    pub not_yours: Option<String>,
    /// Who can own one.
    pub people: Vec<String>,
}

/// One incident.
#[derive(Clone, Debug)]
pub struct IncidentPage {
    /// The incident with its timeline.
    pub story: IncidentStory,
    /// Whether whoever looks takes steps in it.
    pub may_handle: bool,
    /// Whether they decide in it.
    pub may_decide: bool,
    /// Who can own it.
    pub people: Vec<String>,
}

/// An incident as the form opens it.
#[derive(Clone, PartialEq, Debug)]
pub struct IncidentSent {
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// Who owns it.
    pub owner: Option<String>,
    /// A decision that it is about.
    pub decision: Option<DecisionId>,
    /// What was seen.
    pub text: Untrusted,
}

/// A step in an incident, as a form sends it.
#[derive(Clone, PartialEq, Debug)]
pub enum IncidentAct {
    /// A note.
    Note,
    /// Another severity.
    Severity(IncidentSeverity),
    /// Another owner.
    HandOver(String),
    /// To stop, or to go on.
    Decide(IncidentCourse),
    /// It is over.
    Resolve,
    /// What caused it, with findings for the next sprint.
    Review(Vec<String>),
}
