//! A sprint closed: the four questions, answered from the log with numbers and the events that they rest on.
//!
//! Nothing is filled in by anybody. Where the log does not tell, the answer is `unknown`, never `yes`.

mod answers;
#[cfg(test)]
pub(crate) mod fixture;
mod html;
mod markdown;

use crate::clarity::{ClarityPoint, applies};
use seatrial_model::event::{Event, Share, SprintOpened};
use seatrial_model::{Body, ElementPath, EventId, SprintId, Time};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most events that one figure cites; how many there are stands in its number.
pub const CITED_MAX: usize = 20;

/// What the running system did in a stretch of time, from projections over its events.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Tallies {
    /// How many days it covers.
    pub days: f64,
    /// Decisions made, rehearsal left out.
    pub decisions: u64,
    /// Reviews that they opened.
    pub reviews_opened: u64,
    /// Reviews answered.
    pub reviews_answered: u64,
    /// Reviews open past their time at the end.
    pub reviews_late: u64,
    /// The median time that a reviewer had a case before them, in milliseconds.
    pub review_ms_median: Option<u64>,
    /// Answers that accepted the output as it was, of all answers that could have.
    pub agreement: Share,
    /// Violated findings with a `because`, of all violated findings: what a reviewer is told besides "no".
    pub explained: Share,
    /// Decisions whose every part was inspected, of all.
    pub inspected: Share,
    /// Escalations by the rule that brought them about.
    pub escalations: BTreeMap<ElementPath, u64>,
    /// Overrides by the rule that had decided.
    pub overrides: BTreeMap<ElementPath, u64>,
}

impl Tallies {
    fn overridden(&self) -> u64 {
        self.overrides.values().sum()
    }
}

/// An element whose change moved what AI may do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Move {
    /// The element.
    pub path: ElementPath,
    /// Why, with the old and the new value.
    pub why: String,
}

/// What the spec of the sprint's end lets AI do, beside that of its start.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Moves {
    /// It may do more.
    pub widens: Vec<Move>,
    /// It may do less.
    pub narrows: Vec<Move>,
    /// It cannot be told.
    pub unclear: Vec<Move>,
}

/// What a report is made from, besides the delivery events.
#[derive(Clone, Copy, Debug)]
pub struct SprintInput<'a> {
    /// The sprint.
    pub sprint: SprintId,
    /// How every obligation of production stands at its end: id → state.
    pub states: &'a BTreeMap<String, String>,
    /// What the spec lets AI do, before and after; none where the two specs cannot be compared.
    pub moves: Option<&'a Moves>,
    /// Roles of the spec that somebody present holds, of all that it names, at the sprint's end.
    pub roles: Option<Share>,
    /// The running system in as long a time before the sprint; none where it did not run.
    pub before: Option<&'a Tallies>,
    /// The running system during the sprint; none where it did not run.
    pub during: Option<&'a Tallies>,
}

/// What the numbers say to a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reading {
    /// Everything that moved, moved that way.
    Yes,
    /// Some did, some went the other way.
    Mixed,
    /// Everything that moved went the other way.
    No,
    /// Measured, and nothing moved.
    Unchanged,
    /// The log does not tell.
    Unknown,
}

impl Reading {
    /// The answer in a sentence.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Yes => "Yes.",
            Self::Mixed => "In part: the numbers go both ways.",
            Self::No => "No.",
            Self::Unchanged => "No change.",
            Self::Unknown => "Unknown: the log does not tell.",
        }
    }
}

/// Which way a figure speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// For "yes".
    For,
    /// For "no".
    Against,
    /// It is context.
    Neither,
}

/// One number with what it rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What was counted.
    pub what: String,
    /// The number, as a person reads it.
    pub value: String,
    /// Which way it speaks.
    pub direction: Direction,
    /// The events that it rests on, the first [`CITED_MAX`]; running ones are counted, not cited.
    pub events: Vec<EventId>,
}

/// A question and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SprintAnswer {
    /// The question.
    pub question: String,
    /// What the numbers say.
    pub reading: Reading,
    /// The numbers.
    pub figures: Vec<Figure>,
}

/// How an aim of the sprint ended.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Aim {
    /// The question's path, or the obligation's id.
    pub aim: String,
    /// Whether it was reached.
    pub reached: bool,
    /// How it stands: `answered`, `withdrawn`, `open`, or the obligation's state.
    pub state: String,
    /// The events that settled it.
    pub events: Vec<EventId>,
}

/// How the obligations moved: operating clarity, never one percentage.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Clarity {
    /// Discharged of all, at the start.
    pub start: Share,
    /// Discharged of all, at the end.
    pub end: Share,
    /// Discharged now and not before.
    pub gained: Vec<String>,
    /// Discharged before and not now.
    pub lost: Vec<String>,
    /// Obligations that the spec did not have before.
    pub added: Vec<String>,
    /// Obligations that it has no more.
    pub removed: Vec<String>,
}

/// A note or finding of the sprint. Its text is a payload, and no part of the report that the log keeps.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct NoteLine {
    /// The event.
    pub event: EventId,
    /// Who wrote it.
    pub by: String,
    /// A finding cites events; a note need not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub finding: bool,
    /// The element that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<ElementPath>,
    /// What it cites.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cites: Vec<EventId>,
}

/// A sprint's report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SprintReport {
    /// The sprint.
    pub sprint: SprintId,
    /// Its number in this workflow.
    pub number: u64,
    /// When it was opened.
    pub opened: Time,
    /// The event that opened it.
    pub opened_by: EventId,
    /// The questions and obligations that it meant to settle.
    pub aims: Vec<Aim>,
    /// How the obligations moved.
    pub clarity: Clarity,
    /// The four answers.
    pub answers: Vec<SprintAnswer>,
    /// Its notes and findings, in the log's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteLine>,
}

/// What a report is shown with, and does not keep: texts that can be erased, and how its readers write a time.
#[derive(Clone, Copy)]
pub struct Shown<'a> {
    /// The workflow.
    pub workflow: &'a str,
    /// The factory is a simulation.
    pub simulation: bool,
    /// The sprint's goal; none where it was erased.
    pub goal: Option<&'a str>,
    /// When it was closed; none while it is open.
    pub closed: Option<Time>,
    /// The texts of notes and findings, by their events; one that was erased is not there.
    pub texts: &'a BTreeMap<EventId, String>,
    /// Operating clarity over time, this sprint's end included.
    pub clarity: &'a [ClarityPoint],
    /// Writes a moment in the time zone of the factory.
    pub time: &'a dyn Fn(Time) -> String,
    /// Writes a moment's day, in the same time zone: what fits below a picture.
    pub day: &'a dyn Fn(Time) -> String,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReportError {
    /// No event opened this sprint.
    #[error("no report was made: the log has no event that opened the sprint `{0}`; open it first")]
    NotOpened(SprintId),
}

impl SprintReport {
    /// Makes the report from a workflow's delivery events, in the log's order, up to the end of the sprint.
    ///
    /// # Errors
    /// Where none of them opened the sprint.
    pub fn of<'e>(events: impl IntoIterator<Item = &'e Event>, input: &SprintInput<'_>) -> Result<Self, ReportError> {
        let mut events = events.into_iter();
        let opened = |event: &'e Event| match &event.body {
            Body::SprintOpened(body) if body.sprint == input.sprint => Some((event, body)),
            _ => None,
        };
        let (first, body) = events.find_map(opened).ok_or(ReportError::NotOpened(input.sprint))?;
        // What comes after the sprint was closed is another sprint's.
        let within: Vec<&Event> = events
            .take_while(|e| !matches!(&e.body, Body::SprintClosed(closed) if closed.sprint == input.sprint))
            .collect();
        Ok(Self {
            sprint: input.sprint,
            number: body.number,
            opened: first.time,
            opened_by: first.id,
            aims: aims(body, &within, input.states),
            clarity: clarity(&body.states, input.states),
            answers: answers::four(&within, body, input),
            notes: notes(&within, input.sprint),
        })
    }

    /// The report as Markdown, for a pull request.
    #[must_use]
    pub fn markdown(&self, shown: &Shown<'_>) -> String {
        markdown::render(self, shown)
    }

    /// The report as one page of HTML that needs nothing from elsewhere, made to be printed.
    #[must_use]
    pub fn html(&self, shown: &Shown<'_>) -> String {
        html::render(self, shown)
    }
}

fn notes(within: &[&Event], sprint: SprintId) -> Vec<NoteLine> {
    let of = |event: &&Event| match &event.body {
        Body::SprintNoted(noted) if noted.sprint == Some(sprint) => Some(NoteLine {
            event: event.id,
            by: event.actor.id.clone(),
            finding: noted.finding,
            element: noted.element.clone(),
            cites: noted.cites.clone(),
        }),
        _ => None,
    };
    within.iter().filter_map(of).collect()
}

fn aims(opened: &SprintOpened, within: &[&Event], states: &BTreeMap<String, String>) -> Vec<Aim> {
    let questions = opened.questions.iter().map(|question| {
        let settled = within.iter().rev().find_map(|e| match &e.body {
            Body::QuestionSettled(s) if s.question == *question => Some((e.id, s.withdrawn)),
            _ => None,
        });
        let state = settled.map_or("open", |(_, withdrawn)| if withdrawn { "withdrawn" } else { "answered" });
        Aim {
            aim: question.to_string(),
            reached: matches!(settled, Some((_, false))),
            state: state.to_owned(),
            events: settled.map(|(id, _)| id).into_iter().collect(),
        }
    });
    let obligations = opened.obligations.iter().map(|id| {
        let evidence = within.iter().filter(|e| e.evidence.iter().any(|ev| ev.obligation == *id));
        Aim {
            aim: id.clone(),
            reached: states.get(id).is_some_and(|s| is_discharged(s)),
            state: states.get(id).cloned().unwrap_or_else(|| "removed".to_owned()),
            events: evidence.map(|e| e.id).take(CITED_MAX).collect(),
        }
    });
    questions.chain(obligations).collect()
}

fn is_discharged(state: &str) -> bool {
    state == "discharged"
}

fn clarity(start: &BTreeMap<String, String>, end: &BTreeMap<String, String>) -> Clarity {
    let share = |states: &BTreeMap<String, String>| {
        // What does not apply is no work, done or not.
        let applying = states.values().filter(|s| applies(s));
        Share { k: applying.clone().filter(|s| is_discharged(s)).count() as u64, n: applying.count() as u64 }
    };
    let discharged = |states: &BTreeMap<String, String>, id: &String| states.get(id).is_some_and(|s| is_discharged(s));
    let only = |these: &BTreeMap<String, String>, those: &BTreeMap<String, String>| {
        these.keys().filter(|id| !those.contains_key(*id)).cloned().collect()
    };
    Clarity {
        start: share(start),
        end: share(end),
        gained: end.keys().filter(|id| discharged(end, id) && !discharged(start, id)).cloned().collect(),
        lost: start.keys().filter(|id| discharged(start, id) && !discharged(end, id)).cloned().collect(),
        added: only(end, start),
        removed: only(start, end),
    }
}

#[cfg(test)]
mod tests;
