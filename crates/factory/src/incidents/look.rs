//! Incidents as they stand.

use crate::api::{Caller, Held, Refused};
use crate::decisions::held;
use crate::factory::{Factory, not_recorded};
use crate::handle::rows;
use crate::project::{INCIDENT, IncidentRec};
use seatrial_governance::policy::Action as Act;
use seatrial_model::{DecisionId, ElementPath, EventId, IncidentCourse, IncidentSeverity, Time};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;

/// How far an incident is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentState {
    /// It goes on.
    Open,
    /// It is over; its review is still to come.
    Resolved,
    /// It is reviewed and closed.
    Reviewed,
}

impl IncidentState {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolved => "resolved",
            Self::Reviewed => "reviewed",
        }
    }
}

/// An incident.
#[derive(Clone, Debug, Serialize)]
pub struct IncidentLook {
    /// Its number.
    pub incident: u64,
    /// The event that opened it.
    pub event: EventId,
    /// How far it is.
    pub state: IncidentState,
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// Who owns it.
    pub owner: String,
    /// Who opened it.
    pub by: String,
    /// When.
    pub opened: Time,
    /// What was decided.
    pub course: Option<IncidentCourse>,
    /// When it was over.
    pub resolved: Option<Time>,
    /// When it was reviewed.
    pub reviewed: Option<Time>,
    /// Decisions that it is about.
    pub decisions: Vec<DecisionId>,
    /// Elements that it is about.
    pub elements: Vec<ElementPath>,
    /// Findings of its review.
    pub findings: Vec<EventId>,
    /// Only exercised.
    pub drill: bool,
    /// What was seen.
    pub text: Held,
    /// What to do next, as a command; none where it is closed.
    pub next: Option<String>,
}

impl IncidentLook {
    pub(super) fn of(rec: IncidentRec, text: Held) -> Self {
        let number = rec.incident;
        let (state, next) = match (&rec.resolved, &rec.reviewed) {
            (_, Some(_)) => (IncidentState::Reviewed, None),
            (Some(_), None) => {
                (IncidentState::Resolved, Some(format!("seatrial incident review {number} --finding TEXT CAUSE")))
            }
            (None, None) if rec.course.is_none() => {
                (IncidentState::Open, Some(format!("seatrial incident decide {number} stop REASON")))
            }
            (None, None) => (IncidentState::Open, Some(format!("seatrial incident resolve {number} HOW"))),
        };
        Self {
            incident: number,
            event: rec.event,
            state,
            severity: rec.severity,
            owner: rec.owner,
            by: rec.by,
            opened: rec.at,
            course: rec.course,
            resolved: rec.resolved.map(|(_, _, at)| at),
            reviewed: rec.reviewed.map(|(_, at)| at),
            decisions: rec.decisions,
            elements: rec.elements,
            findings: rec.findings,
            drill: rec.drill,
            text,
            next,
        }
    }
}

impl Factory {
    /// Incidents of a workflow, the newest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn incidents(&self, workflow: &str) -> Result<Vec<IncidentLook>, Refused> {
        let handle = self.handle(workflow)?;
        let read = |view: &dyn View| {
            let mut looks = Vec::new();
            for rec in every(view)? {
                let text = held(view, rec.text)?;
                looks.push(IncidentLook::of(rec, text));
            }
            looks.reverse();
            Ok(looks)
        };
        self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)
    }

    /// Incidents that are not over, drills left out: the newest first.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn open_incidents(&self, workflow: &str) -> Result<Vec<IncidentLook>, Refused> {
        let mut all = self.incidents(workflow).await?;
        all.retain(|look| look.state != IncidentState::Reviewed && !look.drill);
        Ok(all)
    }

    /// Whether somebody may open an incident.
    ///
    /// # Errors
    /// [`Refused`], saying why not.
    pub fn may_open_incident(&self, caller: &Caller, workflow: &str) -> Result<(), Refused> {
        let (_, served) = self.submitted(workflow)?;
        self.may_incident(caller, &served, Act::OpenIncident, false)
    }

    /// Whether somebody may exercise a control.
    ///
    /// # Errors
    /// [`Refused`], saying why not.
    pub fn may_drill(&self, caller: &Caller, workflow: &str) -> Result<(), Refused> {
        self.drilling(caller, Some(workflow)).map(drop)
    }

    /// Whether somebody may take steps in an incident of this owner, and whether they may decide in it.
    #[must_use]
    pub fn may_in_incident(&self, caller: &Caller, workflow: &str, owner: &str) -> (bool, bool) {
        let Ok((_, served)) = self.submitted(workflow) else { return (false, false) };
        let own = owner == caller.principal.id;
        let may = |act| self.may_incident(caller, &served, act, own).is_ok();
        (may(Act::HandleIncident), may(Act::DecideIncident))
    }
}

/// Every incident, oldest first.
fn every(view: &dyn View) -> Result<Vec<IncidentRec>, StoreError> {
    let mut all = Vec::new();
    let mut scan = Scan::all(INCIDENT);
    loop {
        let page: Vec<(Vec<u8>, IncidentRec)> = rows(view, &scan)?;
        let Some((key, _)) = page.last() else { return Ok(all) };
        scan = Scan::all(INCIDENT).after(key.clone());
        all.extend(page.into_iter().map(|(_, rec)| rec));
    }
}
