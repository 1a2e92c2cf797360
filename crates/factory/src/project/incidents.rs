//! The fold of incidents.

use super::Fold;
use seatrial_model::event::{IncidentOpened, IncidentReviewed, IncidentUpdated};
use seatrial_model::{Commitment, DecisionId, ElementPath, EventId, IncidentCourse, IncidentSeverity, Time};
use seatrial_store::ProjectError;
use serde::{Deserialize, Serialize};

/// The table of incidents.
pub(crate) const INCIDENT: &str = "incident";

/// The key of an incident: rows come in the order of their numbers.
pub(crate) const fn incident_key(number: u64) -> [u8; 8] {
    number.to_be_bytes()
}

/// An incident as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct IncidentRec {
    pub incident: u64,
    pub event: EventId,
    pub index: u64,
    pub at: Time,
    pub by: String,
    pub severity: IncidentSeverity,
    pub owner: String,
    pub decisions: Vec<DecisionId>,
    pub elements: Vec<ElementPath>,
    pub drill: bool,
    pub course: Option<IncidentCourse>,
    /// The event that said that it is over, its index, when.
    pub resolved: Option<(EventId, u64, Time)>,
    /// The event of its review, and when.
    pub reviewed: Option<(EventId, Time)>,
    pub findings: Vec<EventId>,
    /// What was seen.
    pub text: Option<Commitment>,
}

impl Fold<'_> {
    pub(super) fn incident_opened(&mut self, body: &IncidentOpened) -> Result<(), ProjectError> {
        let rec = IncidentRec {
            incident: body.incident,
            event: self.event.id,
            index: self.index,
            at: self.event.time,
            by: self.event.actor.id.clone(),
            severity: body.severity,
            owner: body.owner.clone(),
            decisions: body.decisions.clone(),
            elements: body.elements.clone(),
            drill: body.drill,
            course: None,
            resolved: None,
            reviewed: None,
            findings: Vec::new(),
            text: self.event.payloads.get("text").copied(),
        };
        self.put(INCIDENT, &incident_key(body.incident), &rec)
    }

    pub(super) fn incident_updated(&mut self, body: &IncidentUpdated) -> Result<(), ProjectError> {
        let mut rec = self.incident(body.incident)?;
        rec.severity = body.severity.unwrap_or(rec.severity);
        rec.course = body.course.or(rec.course);
        if let Some(owner) = &body.owner {
            rec.owner.clone_from(owner);
        }
        if body.resolved {
            rec.resolved = Some((self.event.id, self.index, self.event.time));
        }
        self.put(INCIDENT, &incident_key(body.incident), &rec)
    }

    pub(super) fn incident_reviewed(&mut self, body: &IncidentReviewed) -> Result<(), ProjectError> {
        let mut rec = self.incident(body.incident)?;
        rec.reviewed = Some((self.event.id, self.event.time));
        rec.findings.clone_from(&body.findings);
        self.put(INCIDENT, &incident_key(body.incident), &rec)
    }

    fn incident(&self, number: u64) -> Result<IncidentRec, ProjectError> {
        let found = self.get(INCIDENT, &incident_key(number))?;
        found.ok_or_else(|| ProjectError::reason("there is no such incident"))
    }
}
