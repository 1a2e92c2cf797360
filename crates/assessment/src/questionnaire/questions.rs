//! The questions, as data: what is asked, what would have to be true, what to ask for, and what follows without it.

use serde::{Serialize, Serializer};
use std::fmt::Write as _;

mod table;

pub use table::QUESTIONS;

/// For a record that operation writes every day: a quarter. What is older describes other people and other cases.
pub const RECORD_DAYS_MAX: i64 = 92;
/// For something that people practise: half a year. Who practised it longer ago has forgotten it, or has left.
pub const EXERCISE_DAYS_MAX: i64 = 183;
/// For what is written down and changes seldom: a year, with one day for a leap year.
pub const DOCUMENT_DAYS_MAX: i64 = 366;

/// One question.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Question {
    /// Its id; the assessment of a log uses the same.
    pub id: &'static str,
    /// Who would ask it.
    pub section: Section,
    /// What it is about when one operates the thing.
    pub area: Area,
    /// As it is asked.
    pub asks: &'static str,
    /// What the claim is about: what would have to be true.
    pub statement: &'static str,
    /// The operating artifact to ask for.
    pub look_for: &'static str,
    /// What one lives with where there is no evidence.
    pub consequence: &'static str,
    /// What settles it, and others with it.
    pub request: Request,
    /// How old an artifact may be.
    pub age: Age,
}

impl PartialEq for Question {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

/// The question of an id.
#[must_use]
pub fn question(id: &str) -> Option<&'static Question> {
    QUESTIONS.iter().find(|q| q.id == id)
}

/// Who would ask.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Section {
    /// A CTO.
    Cto,
    /// A founder.
    Founder,
    /// Red flags.
    RedFlags,
    /// Behaviour that gives theatre away.
    Theatre,
    /// What generic transformation programmes assume.
    Assumptions,
    /// Leaving, and changing.
    Exit,
}

impl Section {
    /// All sections, in the order in which they are asked.
    pub const ALL: [Self; 6] = [Self::Cto, Self::Founder, Self::RedFlags, Self::Theatre, Self::Assumptions, Self::Exit];

    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Cto => "What a CTO should ask",
            Self::Founder => "What a founder should ask",
            Self::RedFlags => "Red flags",
            Self::Theatre => "Signs of theatre",
            Self::Assumptions => "Assumptions of generic transformation",
            Self::Exit => "Leaving, and changing",
        }
    }
}

impl Serialize for Section {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.title())
    }
}

/// What a question is about when one operates the thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Area {
    /// What the workflow is to do.
    Specification,
    /// What is being found out.
    Learning,
    /// Who agreed to what.
    Governance,
    /// What happens to an output before it leaves.
    Runtime,
    /// Whose it is.
    Ownership,
    /// Leaving, and what a change costs.
    Exit,
}

impl Area {
    /// All areas, in their order.
    pub const ALL: [Self; 6] =
        [Self::Specification, Self::Learning, Self::Governance, Self::Runtime, Self::Ownership, Self::Exit];

    /// As a heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Specification => "Specification",
            Self::Learning => "Learning",
            Self::Governance => "Governance",
            Self::Runtime => "Runtime control",
            Self::Ownership => "Ownership",
            Self::Exit => "Exit and cost of change",
        }
    }
}

impl Serialize for Area {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.title())
    }
}

/// How old an artifact may be before it supports a claim in part only.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Age {
    /// [`RECORD_DAYS_MAX`].
    Record,
    /// [`EXERCISE_DAYS_MAX`].
    Exercise,
    /// [`DOCUMENT_DAYS_MAX`].
    Document,
}

impl Age {
    /// In days.
    #[must_use]
    pub const fn days_max(self) -> i64 {
        match self {
            Self::Record => RECORD_DAYS_MAX,
            Self::Exercise => EXERCISE_DAYS_MAX,
            Self::Document => DOCUMENT_DAYS_MAX,
        }
    }
}

/// One thing to ask for; several questions are settled by the same.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Request {
    /// The specification's history.
    History,
    /// Approvals.
    Approvals,
    /// Conditions of production.
    Gate,
    /// Decisions of the running system.
    Decisions,
    /// Who answers for what.
    Responsibilities,
    /// Who does what in operation.
    Acts,
    /// Drills.
    Drills,
    /// What was found out.
    Learning,
    /// What was postponed.
    Postponed,
    /// Evaluations.
    Evaluations,
    /// What was released.
    Releases,
    /// One change.
    Change,
    /// An export.
    Export,
}

impl Request {
    /// What to say.
    #[must_use]
    pub const fn what(self) -> &'static str {
        match self {
            Self::History => "the written specification with its changes: when, by whom, why",
            Self::Approvals => "the approvals: who, when, over which text, and how long it was open before",
            Self::Gate => "the conditions for production, and how each stood on the day of the release",
            Self::Decisions => "one week of the decision record: verdict, rule and person for every case",
            Self::Responsibilities => "the responsibilities, with names, deputies and the dates of acceptance",
            Self::Acts => "last month’s operating acts, each with who did it",
            Self::Drills => "the last drills: who did them, when, and how long each took",
            Self::Learning => "the open questions of three months ago, and what became of each",
            Self::Postponed => "the exceptions and what was postponed, with starts, ends and renewals",
            Self::Evaluations => "the last evaluation: inputs, outputs, version, bars and results",
            Self::Releases => "the release record of what is running, with its fingerprint",
            Self::Change => "one change from request to release, with names, days and cost",
            Self::Export => "an export of the records, opened on a machine of your own",
        }
    }
}

impl Serialize for Request {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.what())
    }
}

/// The reference of all questions in Markdown: what the documentation shows.
#[must_use]
pub fn reference() -> String {
    let mut out = String::from(
        "# The questionnaire’s questions\n\nWritten from the code; how to use them: [the guide](../guides/questionnaire.md).\n",
    );
    for section in Section::ALL {
        let _ = writeln!(out, "\n## {}", section.title());
        for q in QUESTIONS.iter().filter(|q| q.section == section) {
            let _ = writeln!(
                out,
                "\n### `{}`: {}\n\n{}\n\n- Ask for: {}\n- An artifact counts in full for {} days.\n- Without evidence: {}",
                q.id,
                q.asks,
                q.statement,
                q.look_for,
                q.age.days_max(),
                q.consequence
            );
        }
    }
    out
}
