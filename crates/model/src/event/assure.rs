//! Bodies of evaluation and calibration: the measured evidence.

use crate::{Digest, ElementPath, EventId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The embedded model was trained.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ModelTrained {
    /// The step it is for.
    pub step: String,
    /// Blob: the model itself; its digest is its identity.
    pub model: Digest,
    /// The digest of all that training depends on: schema, withheld fields, label, training examples.
    pub recipe: Digest,
    /// The digest of the training examples, in order.
    pub examples: Digest,
    /// How many there were.
    pub rows: u64,
}

/// Which side of a split an example is on, by a hash of its cluster or id under a fixed salt.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SplitSide {
    /// The model learns from it.
    Train,
    /// A threshold is proposed from it.
    Tune,
    /// Sealed; a threshold is certified on it, once.
    Certify,
    /// Never touched by any of these.
    HeldBack,
}

/// How often a rule caught an example, and passed one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct RuleExercise {
    /// Examples it objected to, or escalated.
    pub caught: u64,
    /// Examples it let by.
    pub passed: u64,
}

/// A share: k of n.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Share {
    /// How many.
    pub k: u64,
    /// Of how many.
    pub n: u64,
}

/// One slice's figures in an evaluation.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SliceResult {
    /// How many of its examples passed without a person.
    pub passed: Share,
    /// How many of those were wrong, where truth is known and a threshold says what wrong means.
    pub wrong: Share,
}

/// Repeated answers to the same examples.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Repeats {
    /// How often each was asked.
    pub times: u64,
    /// Examples whose verdict or pass differed.
    pub unstable: u64,
}

/// A set of examples was evaluated through the guard.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct EvaluationRecorded {
    /// The set's name.
    pub set: String,
    /// The digest of its examples, canonicalised.
    pub examples: Digest,
    /// How it was drawn: `random`, `curated`, `generated`.
    pub drawn: String,
    /// Its category (`prompt-injection`), where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// The model's identity: a digest, a dated version or an alias.
    pub model: String,
    /// Passed of those that have an expectation.
    pub passed: Share,
    /// Examples about which nothing can be said.
    pub inconclusive: u64,
    /// One-sided lower confidence bound of the pass rate, for random sets only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    /// Of the examples labelled `must_not_pass`, how many were let through.
    pub let_through: Share,
    /// Of the same, how many got no answer that could be judged: neither let through nor shown to be stopped.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unjudged: u64,
    /// By verdict.
    pub verdicts: BTreeMap<String, u64>,
    /// Rules exercised: element → how often.
    pub rules: BTreeMap<ElementPath, RuleExercise>,
    /// By slice.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, SliceResult>,
    /// By tag of the examples.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, SliceResult>,
    /// Expected label → label of the output → how many, where the threshold compares one field.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub confusion: BTreeMap<String, BTreeMap<String, u64>>,
    /// How often each example was asked, where more than once; and how many examples did not get the same verdict
    /// each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeats: Option<Repeats>,
    /// Tokens of all answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<super::Usage>,
    /// The event that began it, where its parts were recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<EventId>,
    /// Blob: each example's id, verdict and pass, in order (no text of the example).
    pub results: Digest,
    /// Whether the outputs came from the engine itself (`obtained`) or with the examples (`supplied`, which
    /// discharges nothing).
    pub outputs: String,
}

/// Certification examples were sealed, before any output on them existed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ExamplesSealed {
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// The set.
    pub set: String,
    /// The digest of its examples, canonicalised.
    pub examples: Digest,
    /// The salt of the split, fixed at the first calibration; hexadecimal.
    pub salt: String,
    /// The digest of each side's sorted input digests. Input digests are not salted, so only this digest of all
    /// of them is in the log.
    pub sides: BTreeMap<SplitSide, SealedSide>,
}

/// One side of a split, sealed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SealedSide {
    /// How many examples.
    pub rows: u64,
    /// The digest of its examples, sorted.
    pub digest: Digest,
}

/// A threshold was proposed from training and tuning examples.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThresholdProposed {
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// The number proposed; none where nothing has a chance: everything escalates.
    pub at: Option<f64>,
    /// The probability that it will be certified, as estimated.
    pub power: f64,
    /// On the tuning examples: wrong of passed.
    pub wrong: Share,
    /// Tuning examples in all.
    pub tuned_on: u64,
    /// The same probability for each slice with a guarantee of its own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, f64>,
}

/// A certification was attempted.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ThresholdTested {
    /// The certificate, given or not.
    pub certificate: Certificate,
    /// Whether it was given.
    pub certified: bool,
}

/// A confidence threshold with its statistical guarantee.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Certificate {
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// λ: the confidence from which an output may pass; none: nothing passes.
    pub at: Option<f64>,
    /// α: the greatest share of wrong ones among those that pass.
    pub max_wrong: f64,
    /// 1 − δ as the spec asks it.
    pub assurance: f64,
    /// δ spent on this attempt, slices included: the whole where one attempt was declared, δ/2, δ/4, … where more were.
    pub delta: f64,
    /// Which attempt on these examples this is, from 1.
    pub attempt: u64,
    /// How many attempts were declared before the first: all of them together spend δ, and no other is made.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub attempts: u64,
    /// Sealed examples left out, because another attempt or an evaluation has spent them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Sealed examples left out, because another one of their cluster stands for them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub thinned: u64,
    /// It was not given, and other attempts are left: its figures are withheld (and stand here as nothing of nothing), so
    /// that the next number is not chosen by them.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub withheld: bool,
    /// `split`, or `fixed-sequence`.
    pub method: String,
    /// n: certification examples that pass at λ.
    pub examples: u64,
    /// k: wrong ones among them.
    pub errors: u64,
    /// The one-sided upper bound on the share of wrong ones, at 1 − δ (its part of δ, where slices have a guarantee of their own).
    pub bound: f64,
    /// The grid of a fixed-sequence test, in the order declared; empty for `split`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grid: Vec<f64>,
    /// Wrong of passed at each point of the grid, as far as it was tested.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sequence: Vec<Share>,
    /// Slices whose guarantee is `required`, with what was spent and found on each: an uncertified one escalates.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub required: BTreeMap<String, SliceCertificate>,
    /// What is left where uncertified slices escalate: it must keep the promise, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remainder: Option<SliceCertificate>,
    /// P(Bin(n, α) ≤ k): certified if and only if at most δ (its part of δ, where slices have a guarantee of their own).
    pub p: f64,
    /// The digest of the certification examples.
    pub sealed: Digest,
    /// The model's identity.
    pub model: String,
    /// What the confidence is.
    pub confidence: String,
    /// Blob: the risk–coverage curve as SVG.
    pub curve: Digest,
    /// The share of certification examples that needs a person.
    pub reviewed: Share,
    /// By slice, `reported`: wrong of passed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub slices: BTreeMap<String, SliceResult>,
}

const fn one() -> u64 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_one(n: &u64) -> bool {
    *n == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
const fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// What was shown of one slice with a guarantee of its own.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct SliceCertificate {
    /// Wrong of passed.
    pub wrong: Share,
    /// δ spent on it.
    pub delta: f64,
    /// The one-sided upper bound at 1 − δ.
    pub bound: f64,
    /// Whether the slice is certified.
    pub certified: bool,
}

/// A certificate was revoked: its threshold's steps escalate everything from here on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CertificateRevoked {
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// The event that gave it.
    pub certificate: EventId,
    /// `alarm` (wrong from the start), `change` (it became wrong), or `person`.
    pub reason: String,
    /// The audit as it stood: wrong of audited.
    pub audits: Share,
    /// The e-process's value as its natural logarithm; the alarm is at ln(1/δ).
    pub log_e: f64,
    /// The change detector's value as its natural logarithm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log_change: Option<f64>,
    /// The roles that are told: whoever reviews the workflow's behaviour.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told: Vec<String>,
}
