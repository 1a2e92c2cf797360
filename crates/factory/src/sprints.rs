//! Sprints: opened with what they mean to learn, noted in as they go, closed with four answers from the log.

mod backlog;
mod look;
mod tally;

pub use backlog::{Backlog, OPERATION_DAYS};
pub use look::SprintLook;

use crate::api::{Caller, Refused};
use crate::approve::newest;
use crate::clock::uuid_at;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use seatrial_governance::people::{present, today};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{Share, SprintClosed, SprintNoted, SprintOpened};
use seatrial_model::{Body, Digest, ElementPath, EventId, Logged, SprintId, Stage, Time};
use seatrial_spec::{FactorySpec, Workflow};
use seatrial_sprint::SprintReport;
use seatrial_store::{Batch, StoreExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The longest note, in characters: more of it is a document.
pub const NOTE_CHARS_MAX: usize = 4_000;

/// The most events that one note cites.
pub const NOTE_CITES_MAX: usize = 50;

/// A sprint, closed.
#[derive(Clone, Debug)]
pub struct ClosedSprint {
    /// The event.
    pub event: EventId,
    /// The report.
    pub report: SprintReport,
}

/// A note or a finding.
#[derive(Clone, Debug, Default)]
pub struct NoteInput {
    /// What it says.
    pub text: String,
    /// A finding cites at least one event; a note need not.
    pub finding: bool,
    /// The element that it is about.
    pub element: Option<String>,
    /// The events that it cites.
    pub cites: Vec<EventId>,
}

impl Factory {
    /// Opens a sprint.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn open_sprint(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        goal: &str,
        questions: Vec<String>,
        obligations: Vec<String>,
    ) -> Result<(SprintId, u64), Refused> {
        let (handle, served) = self.candidate(caller, workflow).await?;
        self.may_sprint(caller, &served, Act::SubmitSpec)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        if open_sprint(&events).is_some() {
            return Err(Refused::Conflict {
                message: "a sprint is open; close it first: `seatrial sprint close`".to_owned(),
                now: None,
            });
        }
        let sprint = SprintId::new(uuid_at(self.now()).map_err(internal)?);
        let earlier = events.iter().filter(|e| matches!(e.event.body, Body::SprintOpened(_))).count() as u64;
        let questions: Vec<ElementPath> = questions
            .iter()
            .map(|q| ElementPath::new(format!("questions.{}", q.strip_prefix("questions.").unwrap_or(q))))
            .collect();
        if let Some(unknown) = questions.iter().find(|q| served.workflow.element(q).is_none()) {
            return Err(Refused::NotFound(format!("the spec has no `{unknown}`; no sprint was opened")));
        }
        let states = self.state_words(&handle, Stage::Production).await?;
        if let Some(unknown) = obligations.iter().find(|id| !states.contains_key(*id)) {
            let shown = seatrial_model::Untrusted::new(unknown.as_str()).terminal(80);
            return Err(Refused::NotFound(format!(
                "production has no obligation `{shown}`; no sprint was opened. `seatrial status --stage production` lists them"
            )));
        }
        let roles = Some(roles_held(&served.workflow, &self.spec(), self.now()));
        let body = SprintOpened { sprint, number: earlier + 1, questions, obligations, states, roles };
        let texts = vec![("goal".to_owned(), goal.as_bytes().to_vec())];
        let body = Body::SprintOpened(body);
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&events)).await?;
        Ok((sprint, earlier + 1))
    }

    /// Closes the open sprint: the four answers, from the log.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn close_sprint(&self, caller: &Caller, workflow: &str) -> Result<ClosedSprint, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_sprint(caller, &served, Act::SubmitSpec)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let opened = open_sprint(&events).ok_or_else(nothing_open)?;
        let states = self.state_words(&handle, Stage::Production).await?;
        let report = self.report_now(&handle, &served.workflow, &events, &opened, &states).await?;
        let blob = seatrial_model::canonical(&report).map_err(internal)?;
        let body = Body::SprintClosed(SprintClosed { sprint: opened.sprint, report: Digest::of(&blob), states });
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![blob], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(ClosedSprint { event: id, report })
    }

    /// Writes a note or a finding into the open sprint. A finding cites the events that it rests on.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn note(&self, caller: &Caller, workflow: &str, input: NoteInput) -> Result<EventId, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_sprint(caller, &served, Act::Note)?;
        let text = input.text.trim();
        let chars = text.chars().count();
        if chars == 0 || chars > NOTE_CHARS_MAX {
            return Err(Refused::Invalid(format!(
                "a note has a text of at most {NOTE_CHARS_MAX} characters, this one has {chars}"
            )));
        }
        if input.finding && input.cites.is_empty() {
            return Err(Refused::Invalid(
                "a finding cites at least one event; `seatrial sprint note` writes down what rests on nothing yet"
                    .to_owned(),
            ));
        }
        if input.cites.len() > NOTE_CITES_MAX {
            return Err(Refused::Invalid(format!("at most {NOTE_CITES_MAX} events can be cited")));
        }
        let element = input.element.map(ElementPath::new);
        if let Some(unknown) = element.as_ref().filter(|path| served.workflow.element(path).is_none()) {
            let shown = seatrial_model::Untrusted::new(unknown.as_str()).terminal(120);
            return Err(Refused::NotFound(format!("the spec has no element `{shown}`")));
        }
        let found = self.events_of(workflow, input.cites.clone()).await?;
        if let Some(unknown) = input.cites.iter().find(|id| !found.contains_key(*id)) {
            return Err(Refused::NotFound(format!("`{unknown}` is no event of this workflow's log")));
        }
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let opened = open_sprint(&events).ok_or_else(nothing_open)?;
        let body = SprintNoted { sprint: Some(opened.sprint), finding: input.finding, element, cites: input.cites };
        let texts = vec![("text".to_owned(), text.as_bytes().to_vec())];
        let body = Body::SprintNoted(body);
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&events)).await
    }

    fn may_sprint(&self, caller: &Caller, served: &Served, action: Act) -> Result<(), Refused> {
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, action, &circumstances)
    }

    async fn state_words(&self, handle: &Arc<Handle>, stage: Stage) -> Result<BTreeMap<String, String>, Refused> {
        let standing = self.standing(handle.log.as_str(), stage).await?;
        Ok(standing.states.iter().map(|s| (s.obligation.id.clone(), s.state.as_str().to_owned())).collect())
    }
}

fn nothing_open() -> Refused {
    Refused::Conflict { message: "no sprint is open: `seatrial sprint open`".to_owned(), now: None }
}

/// A sprint that was opened and not closed.
struct OpenSprint {
    sprint: SprintId,
    since: Time,
    spec: Option<Digest>,
}

/// The sprint that is open.
pub(crate) fn newest_open(events: &[Logged]) -> Option<SprintId> {
    open_sprint(events).map(|open| open.sprint)
}

fn open_sprint(events: &[Logged]) -> Option<OpenSprint> {
    let mut open = None;
    for logged in events {
        match &logged.event.body {
            Body::SprintOpened(opened) => {
                let event = &logged.event;
                open = Some(OpenSprint { sprint: opened.sprint, since: event.time, spec: event.spec });
            }
            Body::SprintClosed(_) => open = None,
            _ => {}
        }
    }
    open
}

/// Roles of the spec that somebody present holds, of all that it names.
fn roles_held(workflow: &Workflow, factory: &FactorySpec, now: Time) -> Share {
    let (roles, day) = (roles_named(workflow), today(factory, now));
    let held = roles.iter().filter(|role| !present(factory, role, day).is_empty()).count() as u64;
    Share { k: held, n: roles.len() as u64 }
}

/// Every role that a handoff, an escalation, an override, an approval or a question goes to.
fn roles_named(workflow: &Workflow) -> BTreeSet<&str> {
    let mut roles: BTreeSet<&str> = BTreeSet::new();
    for step in &workflow.steps {
        let rules = step.refuse_input.iter().chain(&step.require).chain(&step.forbid).chain(&step.never);
        roles.extend(rules.filter_map(|rule| rule.to.as_deref()));
        roles.extend(step.escalate.iter().map(|e| e.to.as_str()));
        roles.extend(step.audit.iter().map(|a| a.to.as_str()));
        roles.extend(step.review.late.as_deref());
        roles.extend(step.fallback.iter().map(|f| f.to.as_str()));
        roles.extend(step.overrides.iter().flat_map(|o| o.by.iter().map(String::as_str)));
    }
    roles.extend(workflow.gates.pilot.iter().flat_map(|g| g.approvals.iter().map(|a| a.by.as_str())));
    roles.extend(workflow.gates.production.iter().flat_map(|g| g.approvals.iter().map(|a| a.by.as_str())));
    for responsibility in workflow.responsibilities.values() {
        let named = [&responsibility.delivery, &responsibility.receiving, &responsibility.challenged_by];
        roles.extend(named.into_iter().flatten().map(String::as_str));
    }
    roles.extend(workflow.questions.values().filter_map(|q| q.owner.as_deref()));
    roles.extend(workflow.risks.items.iter().map(|r| r.accepted_by.as_str()));
    roles.remove("");
    roles
}
