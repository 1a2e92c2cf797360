//! What each question and each detector is: what it reads, how its answer follows, by which thresholds and why, and what
//! it does not see. Data, so that the reference, `seatrial assess --explain` and SARIF's rules say the same.

use crate::log::View;
use crate::{Reason, Standing, assumptions, cto, flags, founder, theatre};
use seatrial_model::ElementPath;
use serde::Serialize;

/// The group that something belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// What a CTO should ask.
    Cto,
    /// What a founder should ask.
    Founder,
    /// Red flags.
    RedFlags,
    /// Signatures of theatre in behaviour.
    Theatre,
    /// Assumptions of a generic transformation.
    Assumptions,
}

impl Group {
    /// Every group, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Cto, Self::Founder, Self::RedFlags, Self::Theatre, Self::Assumptions];

    /// Its title.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Cto => "What a CTO should ask",
            Self::Founder => "What a founder should ask",
            Self::RedFlags => "Red flags",
            Self::Theatre => "Signs of theatre",
            Self::Assumptions => "Assumptions of a generic transformation",
        }
    }

    /// Whether its members are detectors: statements that should hold, which fire where events speak against them.
    #[must_use]
    pub const fn detects(self) -> bool {
        matches!(self, Self::RedFlags | Self::Theatre | Self::Assumptions)
    }
}

/// A number that a detector compares with.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Threshold {
    /// Its name in the code.
    pub name: &'static str,
    /// The number.
    pub value: u64,
    /// What it counts.
    pub unit: &'static str,
    /// Why this number.
    pub why: &'static str,
}

/// The definition of a question or a detector.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Definition {
    /// A stable id (`theatre.bulk`).
    pub id: &'static str,
    /// Its group.
    pub group: Group,
    /// The question; for a detector the statement that should hold.
    pub statement: &'static str,
    /// The events, and parts of the spec, that it reads.
    pub reads: &'static str,
    /// How its answer follows from them.
    pub rule: &'static str,
    /// Numbers that it compares with.
    pub thresholds: &'static [Threshold],
    /// What it does not see, and where it is wrong.
    pub limits: &'static str,
    /// The shortest way to a better answer, in words.
    pub better: &'static str,
    /// The same as a command.
    pub command: &'static str,
    #[serde(skip)]
    pub(crate) run: fn(&View<'_>) -> Answer,
}

impl Definition {
    /// Whether it is a detector, and not a question.
    #[must_use]
    pub const fn detects(&self) -> bool {
        self.group.detects()
    }
}

/// What a definition says of one log.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) standing: Standing,
    pub(crate) reasons: Vec<Reason>,
    /// Elements of the spec that it is about.
    pub(crate) elements: Vec<ElementPath>,
    /// A command that fits better than the definition's own.
    pub(crate) command: Option<String>,
}

impl Answer {
    pub(crate) fn new(standing: Standing, reasons: Vec<Reason>) -> Self {
        Self { standing, reasons, elements: Vec::new(), command: None }
    }

    pub(crate) fn about(mut self, elements: impl IntoIterator<Item = ElementPath>) -> Self {
        self.elements.extend(elements);
        self.elements.sort();
        self.elements.dedup();
        self
    }

    pub(crate) fn by(mut self, command: Option<String>) -> Self {
        self.command = command;
        self
    }
}

/// Every definition, in the order of the groups.
pub fn definitions() -> impl Iterator<Item = &'static Definition> {
    let theatre = theatre::approvals::ALL.iter().chain(&theatre::evidence::ALL).chain(&theatre::operation::ALL);
    cto::ALL.iter().chain(&founder::ALL).chain(&flags::ALL).chain(theatre).chain(&assumptions::ALL)
}

/// The definition of that id.
#[must_use]
pub fn definition(id: &str) -> Option<&'static Definition> {
    definitions().find(|d| d.id == id)
}
