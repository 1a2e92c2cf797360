//! What a pilot showed: four findings, each with numbers and the events that they rest on. Nothing is filled in by
//! anybody; where the log does not tell, the answer is `unknown`.

mod findings;
mod markdown;

use seatrial_model::event::Repeats;
use seatrial_model::{Digest, ElementPath, EventId, Time, Verdict};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The most events that one figure cites; how many there are stands in its number.
pub const CITED_MAX: usize = 20;

/// The most rules, slices and reasons that a finding lists; the rest are counted.
pub const LISTED_MAX: usize = 20;

/// One decision of a pilot, with what people said of it.
#[derive(Clone, PartialEq, Debug)]
pub struct PilotCase {
    /// Its event.
    pub event: EventId,
    /// Its step.
    pub step: String,
    /// Its verdict.
    pub verdict: Verdict,
    /// What brought the verdict about.
    pub because: Vec<ElementPath>,
    /// The slices that its input lies in; none where the input was erased.
    pub slices: Vec<String>,
    /// Whether the person who answered agreed; none where nobody did, or nobody could have.
    pub agreed: Option<bool>,
    /// Whether a person answered at all.
    pub reviewed: bool,
    /// Whether the answer was late, or is.
    pub late: bool,
    /// The reason of its override, where there is one.
    pub overridden: Option<String>,
    /// Whether it turned out wrong, where that is known.
    pub wrong: Option<bool>,
    /// The model gave no usable output.
    pub no_candidate: bool,
}

/// An outcome of the workflow, as it was measured.
#[derive(Clone, PartialEq, Debug)]
pub struct PilotOutcome {
    /// Its name.
    pub name: String,
    /// How it stood before.
    pub today: Option<f64>,
    /// What it should be, as written.
    pub target: String,
    /// The newest measurement since the pilot began, whether it meets the target, and the event.
    pub measured: Option<(f64, bool, EventId)>,
}

/// Repeated runs of an evaluation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PilotRepeats {
    /// The set.
    pub set: String,
    /// How many examples were asked.
    pub examples: u64,
    /// How often each, and how many did not get the same verdict each time.
    pub repeats: Repeats,
    /// The event.
    pub event: EventId,
}

/// Everything that the findings are made from.
#[derive(Clone, Debug)]
pub struct PilotInput<'a> {
    /// The pilot's number.
    pub number: u64,
    /// Its releases, the oldest first.
    pub releases: &'a [(Digest, EventId)],
    /// Whether it ran in shadow.
    pub shadow: bool,
    /// From its first release.
    pub from: Time,
    /// To now, or its end.
    pub until: Time,
    /// The figures, as gates read them.
    pub metrics: &'a BTreeMap<String, f64>,
    /// The criterion to go on, as written.
    pub continue_if: Option<&'a str>,
    /// Whether it is met; none where it cannot be told.
    pub continues: Option<bool>,
    /// Its decisions.
    pub cases: &'a [PilotCase],
    /// What the workflow is for, measured.
    pub outcomes: &'a [PilotOutcome],
    /// Repeated runs.
    pub repeats: &'a [PilotRepeats],
    /// Stops during it.
    pub stops: &'a [EventId],
    /// Decisions that its ceiling or its end refused.
    pub refused_by_bounds: u64,
}

/// What the numbers say to a question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PilotAnswer {
    /// They say yes.
    Yes,
    /// They say no.
    No,
    /// They list what was asked for.
    Listed,
    /// The log does not tell.
    Unknown,
}

impl PilotAnswer {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Listed => "listed",
            Self::Unknown => "unknown",
        }
    }
}

/// One number with what it rests on.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PilotFigure {
    /// What was counted.
    pub what: String,
    /// The number, as a person reads it.
    pub value: String,
    /// The events that it rests on, the first [`CITED_MAX`].
    pub events: Vec<EventId>,
}

/// A finding: a question, what the numbers say, and the numbers.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PilotFinding {
    /// The question.
    pub question: String,
    /// What the numbers say.
    pub answer: PilotAnswer,
    /// In a sentence.
    pub says: String,
    /// The numbers.
    pub figures: Vec<PilotFigure>,
}

/// A pilot's report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct PilotFindings {
    /// The pilot's number.
    pub pilot: u64,
    /// Its releases, the oldest first.
    pub releases: Vec<Digest>,
    /// Whether it ran in shadow.
    pub shadow: bool,
    /// From.
    pub from: Time,
    /// Until.
    pub until: Time,
    /// How many decisions it made.
    pub decisions: u64,
    /// Whether the criterion to go on is met; none where there is none, or it cannot be told.
    pub continues: Option<bool>,
    /// The four findings.
    pub findings: Vec<PilotFinding>,
}

impl PilotFindings {
    /// Makes the report.
    #[must_use]
    pub fn of(input: &PilotInput<'_>) -> Self {
        Self {
            pilot: input.number,
            releases: input.releases.iter().map(|(release, _)| *release).collect(),
            shadow: input.shadow,
            from: input.from,
            until: input.until,
            decisions: input.cases.len() as u64,
            continues: input.continues,
            findings: findings::four(input),
        }
    }

    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        markdown::of(self)
    }
}

#[cfg(test)]
mod tests;
