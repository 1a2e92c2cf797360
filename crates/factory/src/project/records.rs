//! The rows, as structures.

use crate::api::DecisionStatus;
use seatrial_model::event::{PilotTerms, ReleasedWaiver, TokenKind};
use seatrial_model::facts::{CertificateState, OnLapse};
use seatrial_model::{
    Action, Answer, Commitment, DecisionId, Digest, ElementPath, EventId, ReviewId, Stage, Time, Verdict,
};
use seatrial_sprint::{Alarm, AuditRule, AuditState, Promise};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
const fn is_false(value: &bool) -> bool {
    !*value
}

/// A decision as it stands now. What is usual is left out: there is one for each decision, and a row that fits its page
/// whole is written as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct DecisionRec {
    pub decision: DecisionId,
    pub index: u64,
    pub event: EventId,
    pub time: Time,
    pub step: String,
    pub verdict: Verdict,
    pub action: Action,
    pub status: DecisionStatus,
    pub code: String,
    pub confidence: f64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<ElementPath>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub rehearsal: bool,
    /// Its output is known to be bad.
    #[serde(default, skip_serializing_if = "is_false")]
    pub seeded: bool,
    /// And nobody has answered yet: it looks like any other.
    #[serde(default, skip_serializing_if = "is_false")]
    pub hidden: bool,
    pub case: String,
    /// The question that it answers, where its case was stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// It was made on another decision's behalf: a judge's.
    #[serde(default, skip_serializing_if = "is_false")]
    pub behalf: bool,
    pub caller: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<ReviewId>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub audit: bool,
    /// Every part was inspected.
    #[serde(default, skip_serializing_if = "is_false")]
    pub inspected: bool,
    /// There was no candidate: the model could not be reached, or its answer could not be read.
    #[serde(default, skip_serializing_if = "is_false")]
    pub no_candidate: bool,
    /// Tokens of all its model calls.
    #[serde(default)]
    pub tokens: u64,
    /// Commitments by name, of this event and of what followed.
    pub payloads: BTreeMap<String, Commitment>,
    /// What may leave now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<Commitment>,
    /// The certificate row that the decision passed under, where it passed without a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub overridden: Option<OverrideRec>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeRec>,
    /// When its audit had gone unanswered past its time: it counts as wrong, and what is told later changes nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub missed: Option<Time>,
}

impl DecisionRec {
    /// A marked request: a drill's stop holds for it. What is seeded looks like a case, until somebody answered.
    pub fn is_marked(&self) -> bool {
        self.rehearsal && !self.seeded
    }

    /// Whether the certificate's audit has counted it: the first matured truth counts, or its being missed.
    pub(crate) fn is_counted(&self) -> bool {
        self.missed.is_some() || self.outcome.as_ref().is_some_and(|o| o.matured)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OverrideRec {
    pub by: String,
    pub at: Time,
    pub reason: String,
    pub action: Action,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct OutcomeRec {
    pub at: Time,
    pub wrong: bool,
    pub matured: bool,
}

/// An assumption as it was checked last.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AssumptionRec {
    pub event: EventId,
    pub at: Time,
    pub element: Digest,
    pub holds: bool,
    pub from: Time,
    pub until: Time,
    pub metrics: BTreeMap<String, f64>,
}

/// A review as it stands now.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReviewRec {
    pub decision: DecisionId,
    pub step: String,
    pub to: String,
    pub own: bool,
    pub audit: bool,
    pub opened: Time,
    pub due: Option<Time>,
    pub state: ReviewState,
    pub claimed: Option<(String, Time)>,
    /// When the answer's author took it up.
    pub claimed_at: Option<Time>,
    pub answer: Option<(Answer, String, Time)>,
    pub usable: Option<bool>,
    pub rehearsal: bool,
    /// Who put it among the reviews, where its output is known to be bad.
    #[serde(default)]
    pub seeded_by: Option<String>,
    /// Whether the answer caught it.
    #[serde(default)]
    pub caught: Option<bool>,
}

/// Seeded items that a role answered.
#[derive(Clone, Copy, Default, Debug, Serialize, Deserialize)]
pub(crate) struct SeedRec {
    pub seeded: u64,
    pub caught: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReviewState {
    Open,
    Claimed,
    Answered,
    /// An override settled the decision: there is nothing left to answer.
    Superseded,
}

impl ReviewState {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Answered => "answered",
            Self::Superseded => "superseded",
        }
    }
}

/// What a step's calls used in a quarter of an hour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct SpentRec {
    pub tokens: u64,
    /// Millionths, by currency.
    pub cost: BTreeMap<String, u64>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StopRec {
    pub event: EventId,
    pub index: u64,
    pub at: Time,
    pub by: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ReleaseRec {
    pub release: Digest,
    pub index: u64,
    pub event: EventId,
    pub at: Time,
    pub stage: Stage,
    pub spec: Digest,
    pub until: Option<Time>,
    pub per_day: Option<u64>,
    pub level: String,
    pub models: BTreeMap<String, String>,
    /// A pilot's terms; none in a release that was cut before terms were kept.
    pub pilot: Option<PilotTerms>,
    pub waivers: Vec<ReleasedWaiver>,
    /// It is of a workflow that was handed over, and has no hypercare.
    #[serde(default)]
    pub owned: bool,
    /// When it came back into force by a rollback.
    pub back: Option<Time>,
    /// The blob of its obligations.
    pub obligations: Digest,
}

impl ReleaseRec {
    /// Under which name the pilot's decisions are counted: all releases of one pilot share it.
    pub(crate) fn pilot_key(&self) -> Option<String> {
        let number = || self.pilot.as_ref().map_or_else(|| self.release.hex(), |p| p.number.to_string());
        (self.stage == Stage::Pilot).then(number)
    }
}

/// The row of `release` that says whether the workflow was handed over.
pub(crate) const OWNED: &[u8] = b"owned";

/// A release that lost something that it stood on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct LapseRec {
    pub event: EventId,
    pub at: Time,
    pub lost: BTreeMap<String, String>,
    pub reaction: OnLapse,
}

/// A workflow that is no longer served.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RetiredRec {
    pub event: EventId,
    pub at: Time,
    pub by: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct SpecRec {
    pub spec: Digest,
    pub index: u64,
    pub author: String,
}

/// A certificate and its audit.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct CertificateRec {
    pub event: EventId,
    pub threshold: ElementPath,
    pub certified: bool,
    pub revoked: bool,
    /// Slices with a guarantee of their own, and whether each is certified.
    #[serde(default)]
    pub slices: BTreeMap<String, bool>,
    pub since: Time,
    pub max_wrong: f64,
    pub assurance: f64,
    pub audit: AuditState,
}

impl CertificateRec {
    /// How it stands.
    pub(crate) const fn state(&self) -> CertificateState {
        match (self.revoked, self.certified) {
            (true, _) => CertificateState::Revoked,
            (false, true) => CertificateState::Certified,
            (false, false) => CertificateState::None,
        }
    }

    /// How a slice with a guarantee of its own stands under it.
    pub(crate) fn slice(&self, name: &str) -> CertificateState {
        match self.slices.get(name) {
            Some(true) => self.state(),
            _ => CertificateState::None,
        }
    }

    /// Counts one matured truth.
    pub(crate) fn feed(&mut self, wrong: bool) -> Option<Alarm> {
        let promise = Promise::new(self.max_wrong, self.assurance).ok()?;
        self.audit.feed(&AuditRule::new(promise), wrong)
    }
}

/// The key of a certificate's row: it counts only for that number, and for that model.
pub(crate) fn certificate_key(threshold: &ElementPath, at: f64, model: &str) -> String {
    format!("{threshold}\n{at}\n{model}")
}

/// An evaluation that was begun and did not end.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct EvaluationRec {
    pub event: EventId,
    pub at: Time,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct TokenRec {
    pub kind: TokenKind,
    pub principal: String,
    pub steps: Vec<String>,
    pub expires: Time,
    pub revoked: bool,
}

/// The end of the delivery side's rights, as it was said last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct RightsRec {
    pub event: EventId,
    pub at: Time,
    pub by: String,
    pub from: Time,
    #[serde(default)]
    pub tokens: Vec<String>,
}

/// A witness's newest cosignature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct WitnessRec {
    pub point: seatrial_model::LogPoint,
    /// By the witness's clock, in seconds since 1970.
    pub time_s: u64,
    /// By ours.
    pub at: Time,
    pub event: EventId,
}

/// A stream that began to leave and has no decision yet: it is under way, or was broken off.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StreamRec {
    pub decision: DecisionId,
    pub event: EventId,
    pub time: Time,
    pub step: String,
    pub window: u64,
    #[serde(default)]
    pub rehearsal: bool,
    /// The node that released it ended before it did.
    #[serde(default)]
    pub broken_off: bool,
}
