//! Incidents: opened, owned, decided (to stop or to go on), resolved, and reviewed afterwards with findings for the next
//! sprint. Each step is an event; what an incident was is read from the log, not from a form.

mod look;
mod timeline;

pub use look::{IncidentLook, IncidentState};
pub use timeline::{IncidentStory, TIMELINE_ENTRIES_MAX, TIMELINE_SCAN_MAX, TimelineEntry};

use crate::api::{Caller, Refused};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, Served, row};
use crate::project::{INCIDENT, IncidentRec, incident_key};
use crate::reviews::settle;
use crate::sprints::newest_open;
use crate::switch::Reach;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{IncidentOpened, IncidentReviewed, IncidentUpdated, SprintNoted};
use seatrial_model::{
    Assurance, Body, DecisionId, ElementPath, Event, EventId, IncidentCourse, IncidentSeverity, Side, Untrusted,
};
use seatrial_store::{Batch, NewPayload, Scan, StoreExt as _, TransactError, View};
use std::sync::Arc;

/// The longest text of an incident's step, in bytes: it is read under pressure.
pub const INCIDENT_TEXT_BYTES_MAX: usize = 4_000;

/// The most decisions, and the most elements, that an incident names: a timeline is read by people.
pub const INCIDENT_NAMES_MAX: usize = 50;

/// The most findings of one review.
pub const INCIDENT_FINDINGS_MAX: usize = 20;

/// An incident to be opened.
#[derive(Clone, Debug)]
pub struct IncidentInput {
    /// How bad it is.
    pub severity: IncidentSeverity,
    /// Who owns it; whoever opens it, where nobody is named.
    pub owner: Option<String>,
    /// Decisions that it is about.
    pub decisions: Vec<DecisionId>,
    /// Elements of the spec that it is about.
    pub elements: Vec<String>,
    /// What was seen.
    pub text: String,
    /// Only exercised: its stop reaches marked requests alone.
    pub drill: bool,
}

impl IncidentInput {
    /// An incident of this severity that names nothing yet.
    #[must_use]
    pub const fn of(severity: IncidentSeverity) -> Self {
        Self { severity, owner: None, decisions: Vec::new(), elements: Vec::new(), text: String::new(), drill: false }
    }
}

/// One step in an incident.
#[derive(Clone, Debug, Default)]
pub struct IncidentStep {
    /// What happened, or why.
    pub text: String,
    /// Another severity.
    pub severity: Option<IncidentSeverity>,
    /// Another owner.
    pub owner: Option<String>,
    /// The decision to stop or to go on.
    pub course: Option<IncidentCourse>,
    /// What is stopped: a step, or the whole workflow where none is named.
    pub step: Option<String>,
    /// It is over: what it harmed is contained.
    pub resolved: bool,
}

impl IncidentStep {
    /// A note.
    #[must_use]
    pub fn note(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Another severity.
    #[must_use]
    pub fn severity(severity: IncidentSeverity, text: impl Into<String>) -> Self {
        Self { severity: Some(severity), ..Self::note(text) }
    }

    /// Another owner.
    #[must_use]
    pub fn hand_over(owner: impl Into<String>, text: impl Into<String>) -> Self {
        Self { owner: Some(owner.into()), ..Self::note(text) }
    }

    /// The decision to stop, or to go on.
    #[must_use]
    pub fn decide(course: IncidentCourse, text: impl Into<String>) -> Self {
        Self { course: Some(course), ..Self::note(text) }
    }

    /// It is over.
    #[must_use]
    pub fn resolve(text: impl Into<String>) -> Self {
        Self { resolved: true, ..Self::note(text) }
    }
}

/// What was recorded of an incident.
#[derive(Clone, Debug)]
pub struct IncidentChanged {
    /// Its number.
    pub incident: u64,
    /// The event.
    pub event: EventId,
    /// The stop that was made, or that stood already.
    pub stop: Option<EventId>,
    /// The findings that a review noted.
    pub findings: Vec<EventId>,
}

impl Factory {
    /// Opens an incident.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn open_incident(
        &self,
        caller: &Caller,
        workflow: &str,
        input: IncidentInput,
    ) -> Result<IncidentChanged, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_incident(caller, &served, Act::OpenIncident, false)?;
        check_text(&input.text)?;
        let owner = input.owner.unwrap_or_else(|| caller.principal.id.clone());
        self.can_own(&owner)?;
        if input.decisions.len().max(input.elements.len()) > INCIDENT_NAMES_MAX {
            let most = format!("an incident names at most {INCIDENT_NAMES_MAX} decisions and as many elements");
            return Err(Refused::Invalid(format!("{most}; nothing was recorded")));
        }
        for decision in &input.decisions {
            let (of, _) = self.decision_rec(*decision).await?;
            if of.log != handle.log {
                return Err(Refused::NotFound(format!("`{decision}` is no decision of this workflow")));
            }
        }
        let elements: Vec<ElementPath> = input.elements.into_iter().map(ElementPath::new).collect();
        if let Some(unknown) = elements.iter().find(|path| served.workflow.element(path).is_none()) {
            let shown = Untrusted::new(unknown.as_str()).terminal(120);
            return Err(Refused::NotFound(format!("the spec has no element `{shown}`; nothing was recorded")));
        }
        let body = IncidentOpened {
            incident: 0,
            severity: input.severity,
            owner,
            decisions: input.decisions,
            elements,
            drill: input.drill,
        };
        let (mut event, payloads) =
            self.incident_event(caller, &handle, &served, Body::IncidentOpened(body), &input.text).await?;
        let id = event.id;
        let done = self
            .0
            .store
            .transact_with::<u64, Refused, _>(&handle.log, move |view| {
                let number = newest_number(view)? + 1;
                if let Body::IncidentOpened(body) = &mut event.body {
                    body.incident = number;
                }
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, number))
            })
            .await;
        Ok(IncidentChanged { incident: settle(done)?, event: id, stop: None, findings: Vec::new() })
    }

    /// Takes a step in an incident: a note, another severity or owner, the decision to stop or go on, its end. The
    /// decision to stop stops, through the switch, and cites the stop.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded; where the stop itself went through and its record in the incident did not,
    /// the workflow stays stopped.
    pub async fn incident_step(
        &self,
        caller: &Caller,
        workflow: &str,
        number: u64,
        step: IncidentStep,
    ) -> Result<IncidentChanged, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let rec = self.incident_rec(&handle, number).await?;
        let action = if step.course.is_some() { Act::DecideIncident } else { Act::HandleIncident };
        self.may_incident(caller, &served, action, rec.owner == caller.principal.id)?;
        check_text(&step.text)?;
        takes(&rec, &step)?;
        if let Some(owner) = &step.owner {
            self.can_own(owner)?;
        }
        let stop = match step.course {
            Some(IncidentCourse::Stop) => Some(self.stop_in(caller, &handle, &rec, &step).await?),
            _ => None,
        };
        let body = Body::IncidentUpdated(IncidentUpdated {
            incident: number,
            severity: step.severity,
            owner: step.owner.clone(),
            course: step.course,
            cites: stop.into_iter().collect(),
            resolved: step.resolved,
        });
        let (event, payloads) = self.incident_event(caller, &handle, &served, body, &step.text).await?;
        let id = event.id;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                takes(&current(view, number)?, &step).map_err(TransactError::Refused)?;
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(IncidentChanged { incident: number, event: id, stop, findings: Vec::new() })
    }

    /// The stop that an incident's owner decided on; the one that stands, where it is stopped already.
    async fn stop_in(
        &self,
        caller: &Caller,
        handle: &Handle,
        rec: &IncidentRec,
        step: &IncidentStep,
    ) -> Result<EventId, Refused> {
        let reach = Reach::of(rec.drill);
        let element = step.step.as_ref().map_or_else(ElementPath::root, |s| ElementPath::new(format!("steps.{s}")));
        let standing = handle.stops_at(reach).load().iter().find(|(path, _)| *path == element).map(|(_, s)| s.event);
        if let Some(event) = standing {
            return Ok(event);
        }
        let reason = format!("incident {}: {}", rec.incident, step.text.trim());
        self.switch_off(caller, handle.log.as_str(), step.step.as_deref(), &reason, reach).await.map(|stop| stop.event)
    }

    /// Reviews a resolved incident: what caused it and what follows, with findings for the next sprint. It is closed
    /// then.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn review_incident(
        &self,
        caller: &Caller,
        workflow: &str,
        number: u64,
        text: &str,
        findings: Vec<String>,
    ) -> Result<IncidentChanged, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let rec = self.incident_rec(&handle, number).await?;
        self.may_incident(caller, &served, Act::HandleIncident, rec.owner == caller.principal.id)?;
        check_text(text)?;
        if findings.len() > INCIDENT_FINDINGS_MAX {
            return Err(Refused::Invalid(format!("a review has at most {INCIDENT_FINDINGS_MAX} findings")));
        }
        reviewable(&rec)?;
        let delivery = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let sprint = newest_open(&delivery);
        let mut events: Vec<Event> = Vec::new();
        let mut payloads: Vec<NewPayload> = Vec::new();
        for finding in &findings {
            check_text(finding)?;
            let element = rec.elements.first().filter(|path| served.workflow.element(path).is_some()).cloned();
            let body = Body::SprintNoted(SprintNoted { sprint, finding: true, element, cites: vec![rec.event] });
            let (event, texts) = self.incident_event(caller, &handle, &served, body, finding).await?;
            events.push(event);
            payloads.extend(texts);
        }
        let noted: Vec<EventId> = events.iter().map(|e| e.id).collect();
        let body = Body::IncidentReviewed(IncidentReviewed { incident: number, findings: noted.clone() });
        let (event, texts) = self.incident_event(caller, &handle, &served, body, text).await?;
        let id = event.id;
        events.push(event);
        payloads.extend(texts);
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                reviewable(&current(view, number)?).map_err(TransactError::Refused)?;
                Ok((Batch { events, payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        Ok(IncidentChanged { incident: number, event: id, stop: None, findings: noted })
    }

    /// Whether somebody may take this action in incidents of a workflow; as its owner, where they are.
    pub(crate) fn may_incident(&self, caller: &Caller, served: &Served, act: Act, own: bool) -> Result<(), Refused> {
        let circumstances =
            Circumstances { own, simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, act, &circumstances)
    }

    /// An owner is a present person who operates: the independent side challenges, and owns nothing.
    fn can_own(&self, id: &str) -> Result<(), Refused> {
        let person = self.person(id, Assurance::Local)?;
        if person.side == Side::Independent {
            let shown = Untrusted::new(id).terminal(80);
            let why = "is of the independent side, which challenges and never operates or owns";
            return Err(Refused::Invalid(format!("`{shown}` {why}; name somebody else. Nothing was recorded")));
        }
        Ok(())
    }

    async fn incident_event(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        body: Body,
        text: &str,
    ) -> Result<(Event, Vec<NewPayload>), Refused> {
        let mut event = self.judgement(caller, &handle.log, served, body, Vec::new()).await?;
        let live = handle.live.load_full();
        event.release = live.in_force.as_ref().and_then(|s| s.release.as_ref()).map(|r| r.release);
        let mut payloads = Vec::new();
        let bytes = text.trim().as_bytes().to_vec();
        payload(&mut payloads, &mut event.payloads, "text", bytes, None, None).map_err(internal)?;
        Ok((event, payloads))
    }

    pub(crate) async fn incident_rec(&self, handle: &Arc<Handle>, number: u64) -> Result<IncidentRec, Refused> {
        use seatrial_store::ReaderExt as _;
        let read = move |view: &dyn View| row::<IncidentRec>(view, INCIDENT, &incident_key(number));
        let found = self.0.store.read_with(&handle.log, read).await.map_err(not_recorded)?;
        found.ok_or_else(|| none_such(number))
    }
}

fn none_such(number: u64) -> Refused {
    Refused::NotFound(format!("there is no incident {number}; `seatrial incident list` lists them"))
}

fn newest_number(view: &dyn View) -> Result<u64, seatrial_store::StoreError> {
    let mut newest = 0;
    let mut scan = Scan::all(INCIDENT);
    loop {
        let rows = view.scan(&scan)?;
        let Some((key, _)) = rows.last() else { return Ok(newest) };
        newest = <[u8; 8]>::try_from(key.as_slice()).map_or(newest, u64::from_be_bytes);
        scan = Scan::all(INCIDENT).after(key.clone());
    }
}

fn current(view: &dyn View, number: u64) -> Result<IncidentRec, TransactError<Refused>> {
    let rec = row::<IncidentRec>(view, INCIDENT, &incident_key(number))?;
    rec.ok_or_else(|| TransactError::Refused(none_such(number)))
}

fn check_text(text: &str) -> Result<(), Refused> {
    match text.trim().len() {
        0 => Err(Refused::Invalid("a text is missing: those who come after read it. Nothing was recorded".to_owned())),
        n if n > INCIDENT_TEXT_BYTES_MAX => Err(Refused::Invalid(format!(
            "a text has at most {INCIDENT_TEXT_BYTES_MAX} bytes, this one {n}; nothing was recorded"
        ))),
        _ => Ok(()),
    }
}

/// Whether an incident takes this step as it stands.
fn takes(rec: &IncidentRec, step: &IncidentStep) -> Result<(), Refused> {
    let number = rec.incident;
    let conflict = |what: &str| Err(Refused::Conflict { message: format!("incident {number} {what}"), now: None });
    if rec.reviewed.is_some() {
        return conflict("is reviewed and closed; open another one: `seatrial incident open`");
    }
    if rec.resolved.is_some() && (step.resolved || step.course.is_some()) {
        return conflict("is resolved already; what is left is its review: `seatrial incident review`");
    }
    if step.resolved && rec.course.is_none() {
        return conflict("cannot be resolved before somebody decided to stop or to go on: `seatrial incident decide`");
    }
    Ok(())
}

fn reviewable(rec: &IncidentRec) -> Result<(), Refused> {
    let number = rec.incident;
    let message = match (&rec.resolved, &rec.reviewed) {
        (_, Some(_)) => format!("incident {number} is reviewed and closed already"),
        (None, None) => format!("incident {number} is not resolved yet: `seatrial incident resolve`"),
        (Some(_), None) => return Ok(()),
    };
    Err(Refused::Conflict { message, now: None })
}
