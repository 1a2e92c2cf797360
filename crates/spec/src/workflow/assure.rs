//! What is promised and shown: thresholds, slices, examples, risks, questions, assumptions.

use super::Expr;
use seatrial_model::{Digest, PathPattern, Span, Stage, Tier};
use serde::Serialize;

/// A confidence threshold with its promise.
#[derive(Clone, PartialEq, Debug)]
pub struct Threshold {
    /// The number; none (`at: none`): nothing passes without a person.
    pub at: Option<f64>,
    /// α.
    pub max_wrong: Option<f64>,
    /// 1 − δ.
    pub assurance: Option<f64>,
    /// What wrong means.
    pub wrong_when: Option<Expr>,
    /// The example set that it is calibrated on.
    pub examples: Option<String>,
    /// How it is certified.
    pub method: Method,
    /// The confidences that `fixed-sequence` tests, strictest first; empty for `split`.
    pub grid: Vec<f64>,
    /// How many attempts may be made on the same sealed examples; all of them together spend δ.
    pub attempts: u64,
    /// How truth becomes known.
    pub truth: Option<Truth>,
    /// How soon an error of twice α must be noticed.
    pub detect_within: Option<Span>,
}

/// How a threshold is certified.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// One confidence is proposed on examples of its own, and tested once on sealed ones.
    #[default]
    Split,
    /// The confidences of a declared grid are tested in their order, until the first that fails.
    FixedSequence,
}

impl Method {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Split => "split",
            Self::FixedSequence => "fixed-sequence",
        }
    }
}

/// How truth becomes known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Truth {
    /// The reviewer answers before seeing the AI's answer.
    BlindReview,
    /// An outcome, which matures after so long.
    Outcome {
        /// How long.
        matures: Span,
    },
}

/// A part of the population.
#[derive(Clone, PartialEq, Debug)]
pub struct Slice {
    /// Over `input`.
    pub condition: Expr,
    /// `required` instead of `reported`.
    pub required: bool,
}

/// How a set was drawn.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Drawn {
    /// At random: intervals mean something.
    Random,
    /// By hand: k of n, no rate.
    Curated,
    /// By a program: k of n, no rate.
    Generated,
}

impl Drawn {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Random => "random",
            Self::Curated => "curated",
            Self::Generated => "generated",
        }
    }
}

/// An example set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExampleSet {
    /// The file.
    pub file: String,
    /// The step that it is for.
    pub step: String,
    /// How it was drawn.
    pub drawn: Drawn,
    /// From where.
    pub from: Option<String>,
    /// What it attacks (`prompt-injection`).
    pub category: Option<String>,
    /// The digest of its examples, canonicalised line by line.
    pub digest: Digest,
}

/// Tier and register.
#[derive(Clone, PartialEq, Debug)]
pub struct Risks {
    /// The tier.
    pub tier: Tier,
    /// The register.
    pub items: Vec<Risk>,
}

/// One risk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Risk {
    /// What could happen.
    pub risk: String,
    /// What is done about it.
    pub measure: String,
    /// What remains: `low`, `medium`, `high`.
    pub residual: String,
    /// The role that accepts it.
    pub accepted_by: String,
}

/// What is not known yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Question {
    /// The question.
    pub ask: String,
    /// The elements it is about.
    pub about: Vec<PathPattern>,
    /// The role that finds out.
    pub owner: Option<String>,
    /// The stage that it blocks.
    pub blocks: Option<Stage>,
}

/// What must stay true after handoff.
#[derive(Clone, PartialEq, Debug)]
pub struct Assumption {
    /// In words.
    pub text: String,
    /// Over `metrics`.
    pub watch: Option<Expr>,
    /// The window.
    pub over: Option<Span>,
    /// The role that watches it.
    pub owner: Option<String>,
}
