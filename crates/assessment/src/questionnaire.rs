//! The questionnaire: the same questions for a delivery that is not run with Seatrial.
//!
//! One file a candidate (a vendor, building it ourselves, a platform, a governed factory). Each answer is a claim about a
//! statement, and names the operating artifacts behind it. [`read`] parses a file, [`weigh`] says how a claim stands by what
//! supports it, and [`compare`] sets several candidates side by side on what it means to operate them. It needs no
//! workflow, no factory and no network: files beside the questionnaire are looked at through [`Artifacts`], links are not
//! opened.

mod html;
mod markdown;
mod questions;
mod read;
mod report;
mod weigh;
mod write;

pub use html::{BASE_CSS, EditLink, REPORT_CSS, badge, body as report_body, glyph, page as report_page};
pub use markdown::{lives_with, markdown};
pub use questions::{Age, Area, QUESTIONS, Question, Request, Section, question, reference};
pub use read::{Artifacts, NoFiles, Read, read};
pub use report::{Cell, Column, Next, Report, Row, Supported, Tally, compare, of_log};
pub use weigh::{Support, Weighed, signs, weigh};
pub use write::{empty, to_yaml, with_about, with_answer};

use seatrial_model::{Day, Digest};
use serde::Serialize;
use std::collections::BTreeMap;

/// The version of the file format.
pub const VERSION: u64 = 1;
/// How a file begins.
pub const FIRST_LINE: &str = "seatrial-questionnaire: 1";
/// The most candidates in one report: more columns than that nobody compares.
pub const CANDIDATES_MAX: usize = 8;
/// The most artifacts behind one answer: a reader opens a few.
pub const ARTIFACTS_MAX: usize = 12;
/// The longest text of an answer, in characters: a page.
pub const TEXT_CHARS_MAX: usize = 4_000;
/// The longest name, place, or person, in characters: a long address fits.
pub const LINE_CHARS_MAX: usize = 1_000;

/// What is read on every report.
pub const CAVEAT: &str = "A claim counts by the artifact behind it, and as “no evidence” without one. Files were looked at, \
                          links were not opened. A sign prompts a question; it proves nothing.";

/// A whole questionnaire.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Questionnaire {
    /// Whom it is about.
    pub about: About,
    /// The answers, by the id of the question.
    pub answers: BTreeMap<String, Answer>,
}

/// Whom a questionnaire is about.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct About {
    /// The candidate's name.
    pub name: String,
    /// What kind of delivery it is.
    pub kind: Kind,
    /// The day it was answered; artifacts age against it.
    pub date: Day,
    /// Who answered.
    pub answered_by: String,
}

/// What kind of delivery it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Somebody else builds it.
    Vendor,
    /// We build it.
    Internal,
    /// We buy a platform, and build on it.
    Platform,
    /// It is delivered as a governed workflow.
    Factory,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Vendor, Self::Internal, Self::Platform, Self::Factory];

    /// As the file says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Vendor => "vendor",
            Self::Internal => "internal",
            Self::Platform => "platform",
            Self::Factory => "factory",
        }
    }

    /// In words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Vendor => "a vendor",
            Self::Internal => "building it ourselves",
            Self::Platform => "buying a platform",
            Self::Factory => "a governed factory",
        }
    }
}

/// What is claimed of a statement.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Claim {
    /// It holds.
    Yes,
    /// It holds in part.
    Partly,
    /// It does not hold.
    No,
    /// Nobody said.
    #[default]
    Unknown,
}

impl Claim {
    /// All claims.
    pub const ALL: [Self; 4] = [Self::Yes, Self::Partly, Self::No, Self::Unknown];

    /// As the file says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partly => "partly",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

/// One answer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Answer {
    /// What is claimed.
    pub claim: Claim,
    /// In their own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What can be looked at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// What kind of thing an artifact is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ArtifactKind {
    /// An address. It is not opened.
    #[default]
    Link,
    /// A file beside the questionnaire. It is looked at.
    File,
    /// An entry in somebody's log, system or register. It is not looked up.
    Event,
}

impl ArtifactKind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Link, Self::File, Self::Event];

    /// As the file says it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Link => "link",
            Self::File => "file",
            Self::Event => "event",
        }
    }
}

/// One operating artifact behind an answer.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Artifact {
    /// What it is.
    pub kind: ArtifactKind,
    /// Where it is: an address, a path relative to the questionnaire, or the name of an entry and its register.
    #[serde(rename = "where")]
    pub place: String,
    /// Of which day it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<Day>,
    /// Who stands for it, and can be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// What one sees in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// The digest of the file that was answered with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Digest>,
    /// Whether it shows the opposite of the claim.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub contradicts: bool,
    /// What was found there; of a file only.
    #[serde(skip_serializing_if = "Found::is_not_looked")]
    pub found: Found,
}

/// What was found where an artifact is said to be.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// Nothing was looked at: it is no file.
    #[default]
    NotLooked,
    /// The file, with this digest.
    Present(Digest),
    /// A file, but another than the one that was answered with.
    Another(Digest),
    /// No file, and why.
    Missing(String),
}

impl Found {
    const fn is_not_looked(&self) -> bool {
        matches!(self, Self::NotLooked)
    }
}

#[cfg(test)]
mod tests;
