//! The backlog: what stands between here and the next stage, ordered by what it unblocks, then what operation found.

use super::tally::operation;
use crate::api::{Held, Refused};
use crate::factory::{Factory, not_recorded};
use crate::handle::Handle;
use seatrial_model::event::Event;
use seatrial_model::{Body, ElementPath, EventId, Logged, SprintId, Stage};
use seatrial_spec::Workflow;
use seatrial_sprint::backlog::{BacklogInput, BacklogItem, Source, backlog, item};
use seatrial_store::ReaderExt as _;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far back the backlog looks for what operation found.
pub const OPERATION_DAYS: i64 = 30;

const DAY_MS: i64 = 86_400_000;

/// The computed backlog.
#[derive(Clone, Debug)]
pub struct Backlog {
    /// The stage that comes next.
    pub stage: Stage,
    /// Its items, in the order in which they are to be done.
    pub items: Vec<BacklogItem>,
}

impl Factory {
    /// Computes the backlog for a stage; for the one that comes next, where none is named.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn backlog(&self, workflow: &str, stage: Option<Stage>) -> Result<Backlog, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let stage = match stage {
            Some(stage) => stage,
            None => self.next_stage(&handle).await?,
        };
        let steps = self.steps_to(workflow, &served.workflow, stage).await?;
        let now = self.now();
        let since = now.plus_millis(-OPERATION_DAYS * DAY_MS);
        let found = self.0.store.read_with(&handle.log, move |view| operation(view, since, now));
        let found = found.await.map_err(not_recorded)?;
        let findings = self.findings_before(workflow, &events).await?;
        let questions = idle_questions(&served.workflow, &events);
        let events: Vec<&Event> = events.iter().map(|e| &*e.event).collect();
        let items = backlog(&BacklogInput {
            steps: &steps,
            events: &events,
            operation: &found,
            questions: &questions,
            findings: &findings,
        });
        Ok(Backlog { stage, items })
    }

    async fn next_stage(&self, handle: &Arc<Handle>) -> Result<Stage, Refused> {
        let in_force = self.in_force(&handle.log).await?;
        Ok(match in_force.map(|r| r.stage) {
            Some(Stage::Pilot | Stage::Production | Stage::Owned) => Stage::Production,
            _ => Stage::Pilot,
        })
    }

    async fn steps_to(&self, name: &str, workflow: &Workflow, stage: Stage) -> Result<Vec<BacklogItem>, Refused> {
        let standing = self.standing(name, stage).await?;
        let states = BTreeMap::from([(stage, standing.states)]);
        let steps = seatrial_governance::next::next(workflow, &self.spec(), self.now(), &states);
        Ok(steps
            .into_iter()
            .map(|step| BacklogItem {
                stages: vec![stage],
                unblocks: u64::try_from(step.unblocks).ok(),
                people: step.people,
                command: Some(step.command).filter(|command| !command.is_empty()),
                ..item(Source::Obligation, &step.obligation, format!("{}: {}", step.state, step.why))
            })
            .collect())
    }

    /// Findings of the newest sprint that was closed, and of incidents reviewed since that one was opened, with what
    /// they say.
    async fn findings_before(
        &self,
        workflow: &str,
        events: &[Logged],
    ) -> Result<Vec<(EventId, Option<ElementPath>, String)>, Refused> {
        let (closed, since) = newest_closed(events);
        let reviewed = |e: &Logged| match &e.event.body {
            Body::IncidentReviewed(reviewed) => reviewed.findings.clone(),
            _ => Vec::new(),
        };
        let of_incidents: BTreeSet<EventId> = events.iter().flat_map(reviewed).collect();
        let mut findings = Vec::new();
        for logged in events {
            let Body::SprintNoted(noted) = &logged.event.body else { continue };
            let of_incident = of_incidents.contains(&logged.event.id) && logged.index >= since;
            let of_sprint = closed.is_some() && noted.sprint == closed;
            if !noted.finding || !(of_incident || of_sprint) {
                continue;
            }
            let text = self.text(workflow, logged.event.payloads.get("text").copied()).await?;
            let said = match text {
                Held::Text { text, .. } => text.raw().to_owned(),
                _ => "a finding whose text was erased".to_owned(),
            };
            findings.push((logged.event.id, noted.element.clone(), said));
        }
        Ok(findings)
    }
}

/// The newest sprint that was closed, and where it was opened.
fn newest_closed(events: &[Logged]) -> (Option<SprintId>, u64) {
    let closed = events.iter().rev().find_map(|e| match &e.event.body {
        Body::SprintClosed(closed) => Some(closed.sprint),
        _ => None,
    });
    let opened = |e: &&Logged| matches!(&e.event.body, Body::SprintOpened(s) if Some(s.sprint) == closed);
    (closed, events.iter().find(opened).map_or(0, |e| e.index))
}

/// Open questions that block no stage: those that do are obligations already.
fn idle_questions(workflow: &Workflow, events: &[Logged]) -> Vec<(ElementPath, String)> {
    let settled = |path: &ElementPath| {
        let now = workflow.element(path).map(|e| e.written);
        events.iter().any(|e| match &e.event.body {
            Body::QuestionSettled(s) => s.question == *path && Some(s.element) == now,
            _ => false,
        })
    };
    workflow
        .questions
        .iter()
        .filter(|(_, question)| question.blocks.is_none())
        .map(|(name, question)| (ElementPath::new(format!("questions.{name}")), question.ask.clone()))
        .filter(|(path, _)| !settled(path))
        .collect()
}
