//! Above the layers: the questions of a CTO and a founder, red flags, and the signatures of theatre.
//!
//! [`assess`] reads behaviour, not promises: every answer cites the events that it rests on, or says that there is no
//! evidence. A detector prompts an inquiry; it proves nothing.

mod assumptions;
mod cto;
mod definition;
mod flags;
mod founder;
mod log;
mod place;
pub mod questionnaire;
mod reading;
mod reference;
pub mod report;
mod theatre;

pub use definition::{Definition, Group, Threshold, definition, definitions};
pub use log::Served;
pub use reference::{entry, reference};

use definition::Answer;
use seatrial_governance::ObligationState;
use seatrial_model::words::FactoryKind;
use seatrial_model::{Digest, ElementPath, EventId, Logged, Stage, Time};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What every report says at its top.
pub const CAVEAT: &str = "Every answer rests on the events it cites. A detector prompts an inquiry; it proves nothing. \
                          What happened outside this log is not seen.";

/// What the running system did, as its projections count it; rehearsals are left out.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Running {
    /// Decisions.
    pub decisions: u64,
    /// Reviews answered.
    pub reviews_answered: u64,
    /// Of these, rejected, edited, or replaced by the person's own decision.
    pub reviews_changed: u64,
    /// Overrides.
    pub overrides: u64,
    /// One answer or override that changed an output: entry and event.
    pub changed_example: Option<(u64, EventId)>,
    /// What was served: one entry for each pair of release and spec.
    pub served: Vec<Served>,
}

/// Everything that an assessment reads.
#[derive(Clone, Copy, Debug)]
pub struct AssessmentInput<'a> {
    /// The checked spec as it stands.
    pub workflow: &'a Workflow,
    /// The factory.
    pub factory: &'a FactorySpec,
    /// The delivery events of the workflow's log, in its order.
    pub events: &'a [Logged],
    /// The obligations of production as they stand.
    pub states: &'a [ObligationState],
    /// What the running system did.
    pub running: &'a Running,
    /// Checked specs by their digests, as far as the store holds them: what was approved and compared then.
    pub specs: &'a BTreeMap<Digest, Arc<Workflow>>,
    /// What each release rests on: its event, and the events that discharged its obligations.
    pub rests: &'a BTreeMap<EventId, BTreeSet<EventId>>,
    /// Now.
    pub now: Time,
}

/// How a question stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub enum Standing {
    /// The events show it.
    #[serde(rename = "evidenced")]
    Evidenced,
    /// They show a part of it.
    #[serde(rename = "partly")]
    Partly,
    /// They show nothing about it.
    #[serde(rename = "no evidence")]
    NoEvidence,
    /// They show the opposite.
    #[serde(rename = "contradicted")]
    Contradicted,
}

impl Standing {
    /// The words.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Evidenced => "evidenced",
            Self::Partly => "partly",
            Self::NoEvidence => "no evidence",
            Self::Contradicted => "contradicted",
        }
    }
}

/// An event that a reason rests on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Citation {
    /// Its entry in the log.
    pub index: u64,
    /// The event.
    pub event: EventId,
}

/// One reason for an answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Reason {
    /// What was seen.
    pub text: String,
    /// Where; at most [`CITATIONS_MAX`].
    pub cites: Vec<Citation>,
}

/// The most events that one reason cites: a reader opens a few, and the count stands in the text.
pub const CITATIONS_MAX: usize = 12;

/// The shortest way to a better answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Better {
    /// In words.
    pub what: String,
    /// As a command.
    pub command: String,
}

/// One question, or one statement that a detector doubts, and its answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Item {
    /// A stable id (`cto.requirements`).
    pub id: &'static str,
    /// The question; for red flags and theatre the statement that should hold.
    pub question: &'static str,
    /// The answer.
    pub standing: Standing,
    /// Why.
    pub reasons: Vec<Reason>,
    /// The shortest way to a better one; none where it is evidenced.
    pub better: Option<Better>,
    /// Elements of the spec that the answer is about.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub elements: Vec<Element>,
}

impl Item {
    /// Whether this is a detector that fired: events speak against its statement, or against a part of it.
    #[must_use]
    pub fn fires(&self) -> bool {
        definition(self.id).is_some_and(Definition::detects)
            && matches!(self.standing, Standing::Contradicted | Standing::Partly)
    }
}

/// An element of the spec, and where it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Element {
    /// Its path.
    pub path: ElementPath,
    /// Its line in `workflow.yaml` as it stands now, from 1; none where it is not there any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
}

/// The whole assessment.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Assessment {
    /// The workflow.
    pub workflow: String,
    /// The spec that it stands at.
    pub spec: Digest,
    /// As of.
    pub at: Time,
    /// Whether the factory is a simulation.
    pub simulation: bool,
    /// What the reader has to know: [`CAVEAT`].
    pub caveat: &'static str,
    /// What a CTO should ask.
    pub cto: Vec<Item>,
    /// What a founder should ask.
    pub founder: Vec<Item>,
    /// Red flags.
    pub red_flags: Vec<Item>,
    /// Behavioural signatures of theatre.
    pub theatre: Vec<Item>,
    /// Assumptions of a generic transformation.
    pub assumptions: Vec<Item>,
}

impl Assessment {
    /// The items of a group.
    #[must_use]
    pub fn group(&self, group: Group) -> &[Item] {
        match group {
            Group::Cto => &self.cto,
            Group::Founder => &self.founder,
            Group::RedFlags => &self.red_flags,
            Group::Theatre => &self.theatre,
            Group::Assumptions => &self.assumptions,
        }
    }

    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        Group::ALL.into_iter().flat_map(|group| self.group(group))
    }

    /// The detectors that fired.
    pub fn fired(&self) -> impl Iterator<Item = &Item> {
        self.items().filter(|i| i.fires())
    }

    /// How many items stand so.
    #[must_use]
    pub fn count(&self, standing: Standing) -> usize {
        self.items().filter(|i| i.standing == standing).count()
    }
}

/// Answers all questions from the log and the spec.
#[must_use]
pub fn assess(input: &AssessmentInput<'_>) -> Assessment {
    let view = log::View::new(input);
    let lines = place::Lines::of(input.workflow);
    let of =
        |group: Group| definitions().filter(|d| d.group == group).map(|d| item(d, (d.run)(&view), &lines)).collect();
    Assessment {
        workflow: input.workflow.name.clone(),
        spec: input.workflow.digest,
        at: input.now,
        simulation: input.factory.kind == FactoryKind::Simulation,
        caveat: CAVEAT,
        cto: of(Group::Cto),
        founder: of(Group::Founder),
        red_flags: of(Group::RedFlags),
        theatre: of(Group::Theatre),
        assumptions: of(Group::Assumptions),
    }
}

/// A reason with its citations.
pub(crate) fn reason<'e>(text: impl Into<String>, cites: impl IntoIterator<Item = &'e Logged>) -> Reason {
    let cites = cites.into_iter().take(CITATIONS_MAX).map(|e| Citation { index: e.index, event: e.event.id });
    Reason { text: text.into(), cites: cites.collect() }
}

/// An item; an evidenced one needs no better.
fn item(d: &'static Definition, answer: Answer, lines: &place::Lines) -> Item {
    let Answer { standing, reasons, elements, command } = answer;
    let command = command.unwrap_or_else(|| d.command.to_owned());
    let better = (standing != Standing::Evidenced).then(|| Better { what: d.better.to_owned(), command });
    let elements = elements.into_iter().map(|path| Element { line: lines.line(&path), path }).collect();
    Item { id: d.id, question: d.statement, standing, reasons, better, elements }
}

/// The stages that are released.
pub(crate) const RELEASED: [Stage; 3] = [Stage::Pilot, Stage::Production, Stage::Owned];

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
