//! The facts of one decision: everything that `decide` reads, and nothing else. They are part of the
//! event, so the verdict recomputes from them for ever, even after the payloads were erased.

use crate::{ElementPath, Stage};
use serde::{Deserialize, Serialize};

/// The version of this structure.
pub const FACTS_VERSION: u32 = 1;

/// What a check found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingResult {
    /// The check ran and is content.
    Met,
    /// The check ran and objects.
    Violated,
    /// The check did not run; it weighs as violated.
    NotRun,
}

/// Which kind of check it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckKind {
    /// `refuse_input`: before the model is called.
    RefuseInput,
    /// The JSON Schema of the output type; weighs as a `require`.
    Schema,
    /// `require`: must hold.
    Require,
    /// `forbid`: must not hold.
    Forbid,
    /// `never`: not delegated to AI at all.
    Never,
}

/// Where in a part a detector found something: byte offsets, never an excerpt.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FoundSpan {
    /// The part, as an RFC 6901 pointer below the output (`/reason`); empty for the whole text.
    pub part: String,
    /// First byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

/// What one check found.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// The check's element in the spec.
    pub path: ElementPath,
    /// Which kind of check.
    pub kind: CheckKind,
    /// What it found.
    pub result: FindingResult,
    /// A stable code: why it did not run, or which detector or schema keyword objected.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// Where, for detectors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub spans: Vec<FoundSpan>,
}

impl Finding {
    /// Violated, or not run: both weigh the same.
    #[must_use]
    pub fn objects(&self) -> bool {
        self.result != FindingResult::Met
    }
}

/// The confidence and where it came from.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Confidence {
    /// The source that the spec names, as written there: `output.confidence`, `caller`, `logprobs`, …
    pub source: String,
    /// Between 0 and 1; 0 where it is absent or not a number.
    pub value: f64,
    /// Whether a usable number was there.
    pub present: bool,
}

/// The outcome of one `when`. One that cannot be evaluated is true.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct When {
    /// The rule's element (`steps.route.escalate.unsure`).
    pub path: ElementPath,
    /// Whether it holds.
    pub holds: bool,
    /// Whether it could not be evaluated (and holds for that reason).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// How a threshold stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// A certificate covers the number in force.
    Certified,
    /// None was given for it: everything that depends on it escalates.
    None,
    /// It was revoked: everything that depends on it escalates.
    Revoked,
}

/// A threshold that the step depends on, and how it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThresholdFact {
    /// The element (`thresholds.route`).
    pub path: ElementPath,
    /// How it stands.
    pub state: CertificateState,
}

/// A slice with a guarantee of its own that the input lies in, and how it stands.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SliceFact {
    /// The element (`slices.under-30`).
    pub path: ElementPath,
    /// How it stands under the certificates of the step's thresholds.
    pub state: CertificateState,
    /// Whether it could not be told if the input lies in it (and it counts as lying there, uncertified).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// Whether the pilot's bounds still hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bounds {
    /// Within them, or none apply.
    #[default]
    Within,
    /// The day's ceiling is reached.
    Ceiling,
    /// The pilot's end date has passed.
    Ended,
}

/// How a pilot has its decisions reviewed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewAll {
    /// Every decision waits for a person.
    Before,
    /// Every allowed decision is audited afterwards.
    After,
}

/// What the spec wants when a release has lapsed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnLapse {
    /// Say so, go on.
    Warn,
    /// Everything escalates.
    Escalate,
    /// Nothing is served.
    Stop,
}

/// A part of an output (or input) and the checks that looked at it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inspected {
    /// The part: `choices.0.text`, `choices.0.tool_calls.1.arguments`, `choices.0.reasoning`.
    pub part: String,
    /// The elements of the checks that inspected it; empty: nobody did.
    pub by: Vec<ElementPath>,
}

/// Everything that `decide` reads.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Facts {
    /// Version of this structure: [`FACTS_VERSION`].
    pub v: u32,
    /// Version of `decide`.
    pub decide: u32,
    /// Version of the checks that made the findings.
    pub checks: u32,
    /// The stage that the release in force is for; `draft` in rehearsal.
    pub stage: Stage,
    /// A rehearsal: marked, and never a pilot's experience.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rehearsal: bool,
    /// Shadow mode: the guard judges and changes nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// Stopped while the decision was under way.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub stopped: bool,
    /// The pilot's bounds.
    #[serde(default)]
    pub bounds: Bounds,
    /// The release has lapsed, and this is what the spec wants then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lapsed: Option<OnLapse>,
    /// The stage has everything reviewed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_all: Option<ReviewAll>,
    /// Whether the guard itself can act; `false` for *decide*, where the caller holds the output.
    pub acts: bool,
    /// Findings on the input.
    pub input: Vec<Finding>,
    /// Why there is no candidate at all (`model_unreachable`, `unreadable`); none where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_candidate: Option<String>,
    /// Findings on the candidate of the last attempt, schema first, then in the spec's order.
    pub findings: Vec<Finding>,
    /// Where something was redacted: what every check found on the changed bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_modify: Option<Vec<Finding>>,
    /// How many times the model was asked.
    pub attempts: u32,
    /// The confidence.
    pub confidence: Confidence,
    /// Every `escalate` rule's outcome.
    pub whens: Vec<When>,
    /// Every threshold that the step depends on.
    pub thresholds: Vec<ThresholdFact>,
    /// Every slice with a guarantee of its own that the input lies in.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub slices: Vec<SliceFact>,
    /// The sampling draw in [0, 1): from SHA-256 of release, rule path and decision id.
    pub draw: f64,
    /// What was inspected by which check.
    pub inspected: Vec<Inspected>,
}
