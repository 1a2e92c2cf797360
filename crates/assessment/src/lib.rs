//! Above the layers: the questions of a CTO and a founder, red flags, and the signatures of theatre.
//!
//! [`assess`] reads behaviour, not promises: every answer cites the events that it rests on, or says that there is no
//! evidence. A detector prompts an inquiry; it proves nothing.

mod cto;
mod flags;
mod founder;
mod log;
pub mod questionnaire;
mod reading;
mod theatre;

pub use log::Served;

use seatrial_governance::ObligationState;
use seatrial_model::words::FactoryKind;
use seatrial_model::{Digest, EventId, Logged, Stage, Time};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;

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
}

impl Assessment {
    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.cto.iter().chain(&self.founder).chain(&self.red_flags).chain(&self.theatre)
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
    Assessment {
        workflow: input.workflow.name.clone(),
        spec: input.workflow.digest,
        at: input.now,
        simulation: input.factory.kind == FactoryKind::Simulation,
        caveat: CAVEAT,
        cto: cto::answers(&view),
        founder: founder::answers(&view),
        red_flags: flags::answers(&view),
        theatre: theatre::answers(&view),
    }
}

/// A reason with its citations.
pub(crate) fn reason<'e>(text: impl Into<String>, cites: impl IntoIterator<Item = &'e Logged>) -> Reason {
    let cites = cites.into_iter().take(CITATIONS_MAX).map(|e| Citation { index: e.index, event: e.event.id });
    Reason { text: text.into(), cites: cites.collect() }
}

/// An item; an evidenced one needs no better.
pub(crate) fn item(
    id: &'static str,
    question: &'static str,
    standing: Standing,
    reasons: Vec<Reason>,
    what: &str,
    command: &str,
) -> Item {
    let better =
        (standing != Standing::Evidenced).then(|| Better { what: what.to_owned(), command: command.to_owned() });
    Item { id, question, standing, reasons, better }
}

/// The stages that are released.
pub(crate) const RELEASED: [Stage; 2] = [Stage::Pilot, Stage::Production];

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
