//! Certificates, sprints and the assessment.

use super::{EventRef, ObligationState};
use seatrial_model::event::Certificate;
use seatrial_model::words::Layer;
use seatrial_model::{Digest, SprintId, Stage, Time, Untrusted};
use serde::{Deserialize, Serialize};

/// A threshold and its certificate.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct CertificatePage {
    /// The threshold's name.
    pub name: String,
    /// The number in force in the spec; none: nothing passes without a person.
    pub at: Option<f64>,
    /// What counts as wrong, as written.
    pub wrong_when: String,
    /// How it stands.
    pub standing: Standing,
    /// The newest certificate, given or not.
    pub certificate: Option<Certificate>,
    /// The event that holds it.
    pub event: Option<EventRef>,
    /// The risk–coverage curve.
    pub curve: Curve,
    /// What the audit has seen since.
    pub watch: Watch,
    /// Reviews a day to be expected at this number.
    pub reviews_per_day: Option<f64>,
    /// Every attempt, oldest first: number, δ spent, certified.
    pub attempts: Vec<(u64, f64, bool, EventRef)>,
    /// The command to run next.
    pub command: String,
}

/// How a threshold stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "standing", rename_all = "snake_case")]
pub enum Standing {
    /// Covered by a certificate for exactly this number.
    Certified,
    /// Tested and not certified.
    NotCertified,
    /// Never tested for this number.
    None,
    /// Revoked.
    Revoked {
        /// When.
        at: Time,
        /// Why.
        why: String,
    },
}

/// A risk–coverage curve.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "curve", rename_all = "snake_case")]
pub enum Curve {
    /// Its points, to be drawn.
    Points {
        /// In the order of λ.
        points: Vec<CurvePoint>,
    },
    /// A picture kept as a blob, served below this digest.
    Blob {
        /// The blob.
        digest: Digest,
    },
    /// None yet.
    None,
}

/// A point of the curve.
#[derive(Clone, Copy, PartialEq, Debug, Serialize, Deserialize)]
pub struct CurvePoint {
    /// The confidence from which an output passes.
    pub at: f64,
    /// The share of examples that pass.
    pub coverage: f64,
    /// The share of wrong ones among them.
    pub risk: f64,
    /// The upper confidence bound on that share.
    pub bound: f64,
}

/// Whether the promise is checked against truth since launch.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "watch", rename_all = "snake_case")]
pub enum Watch {
    /// Not launched.
    NotLaunched,
    /// No truth has matured yet.
    UnwatchedUntil {
        /// When the first will.
        until: Option<Time>,
        /// Where truth comes from, in words.
        truth: String,
    },
    /// Truth comes in.
    Watched {
        /// Decisions whose truth is known.
        audited: u64,
        /// Wrong ones.
        wrong: u64,
        /// The natural logarithm of the e-process.
        log_e: f64,
        /// The alarm is at this.
        log_alarm: f64,
        /// The values so far, oldest first.
        path: Vec<f64>,
    },
}

/// A sprint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SprintPage {
    /// The sprint; none where no sprint was ever opened.
    pub sprint: Option<SprintHead>,
    /// Its questions.
    pub questions: Vec<QuestionLine>,
    /// The obligations it means to discharge.
    pub obligations: Vec<SprintObligation>,
    /// What stands between here and the next stages, with what operation found.
    pub backlog: Vec<BacklogItem>,
    /// The four answers; empty while the sprint runs.
    pub answers: Vec<SprintAnswer>,
    /// Its notes and findings.
    pub notes: Vec<NoteLine>,
    /// Operating clarity over time; none where no moment was recorded.
    pub clarity: Option<ClarityPicture>,
    /// Other sprints: number, sprint.
    pub others: Vec<(u64, SprintId)>,
}

/// A sprint's head.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SprintHead {
    /// The sprint.
    pub id: SprintId,
    /// Its number.
    pub number: u64,
    /// Its goal.
    pub goal: Option<Untrusted>,
    /// When it was opened.
    pub opened: EventRef,
    /// When it was closed.
    pub closed: Option<EventRef>,
}

/// A question of a sprint.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuestionLine {
    /// Its name.
    pub name: String,
    /// The question.
    pub ask: String,
    /// Whose it is.
    pub owner: String,
    /// The stage that it blocks.
    pub blocks: Option<String>,
    /// `open`, `answered`, `withdrawn`.
    pub state: String,
    /// The answer, or the reason of its withdrawal.
    pub text: Option<Untrusted>,
    /// What it cites.
    pub cites: Vec<EventRef>,
}

/// An obligation of a sprint: at its start, and now.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SprintObligation {
    /// Its id.
    pub id: String,
    /// At the start; none where it did not exist.
    pub start: Option<ObligationState>,
    /// Now, or at the sprint's end.
    pub now: Option<ObligationState>,
}

/// An item of the backlog.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct BacklogItem {
    /// What is to do.
    pub what: String,
    /// `obligation`, `question`, `overrides`, `escalations`, `alarm`, `release`, `assumption`, `audits`, `finding`.
    pub from: String,
    /// An obligation's id, or an element's path.
    pub subject: String,
    /// How many other obligations wait for it.
    pub unblocks: u64,
    /// The people present who can do it.
    pub people: Vec<String>,
    /// What it rests on.
    pub cites: Vec<EventRef>,
    /// The stages whose gates wait for it.
    pub stages: Vec<Stage>,
    /// The command.
    pub command: String,
}

/// One of a sprint's four answers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SprintAnswer {
    /// The question.
    pub question: String,
    /// The answer in a sentence.
    pub answer: String,
    /// Its figures.
    pub figures: Vec<SprintFigure>,
}

/// A figure of an answer, with what it rests on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct SprintFigure {
    /// What was counted.
    pub what: String,
    /// The number, as a person reads it.
    pub value: String,
    /// Whether it speaks for a yes; none where it is context.
    pub speaks: Option<bool>,
    /// What it cites.
    pub cites: Vec<EventRef>,
}

/// Operating clarity over time, as a picture and as numbers.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClarityPicture {
    /// The picture: markup of ours, with classes only.
    pub svg: String,
    /// Every moment: when, what, by layer.
    pub moments: Vec<ClarityMoment>,
}

/// Operating clarity at one moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ClarityMoment {
    /// When.
    pub time: Time,
    /// What happened then.
    pub what: String,
    /// By layer.
    pub layers: Vec<(Layer, ClarityCount)>,
}

/// One layer at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ClarityCount {
    /// Discharged.
    pub discharged: u64,
    /// Waived.
    pub waived: u64,
    /// In all.
    pub total: u64,
    /// New since the moment before.
    pub added: u64,
    /// Gone since then.
    pub removed: u64,
}

/// A note or finding.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NoteLine {
    /// The event.
    pub event: Option<EventRef>,
    /// Who wrote it.
    pub by: String,
    /// A finding cites events.
    pub finding: bool,
    /// The element that it is about.
    pub element: Option<String>,
    /// What it says; none where it was erased.
    pub text: Option<Untrusted>,
    /// What it cites.
    pub cites: Vec<EventRef>,
}

/// The assessment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AssessmentPage {
    /// Groups of questions: the CTO's, the founder's.
    pub groups: Vec<QuestionGroup>,
    /// Red flags and signs of theatre.
    pub flags: Vec<Flag>,
    /// The log as it was read.
    pub size: u64,
}

/// A group of questions.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct QuestionGroup {
    /// Who asks.
    pub title: String,
    /// The questions.
    pub questions: Vec<Assessed>,
}

/// How well an answer is supported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Support {
    /// By events.
    Evidenced,
    /// Partly.
    Partly,
    /// By nothing.
    NoEvidence,
    /// Events say the opposite.
    Contradicted,
}

impl Support {
    /// The word as written.
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

/// A question with its answer.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Assessed {
    /// The question.
    pub question: String,
    /// How well it is supported.
    pub support: Support,
    /// The answer.
    pub answer: String,
    /// What it cites.
    pub cites: Vec<EventRef>,
    /// The shortest way to a better answer.
    pub better: String,
}

/// A detector's result.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Flag {
    /// What it looks for.
    pub title: String,
    /// Whether it was raised; none where the log cannot tell yet.
    pub raised: Option<bool>,
    /// What was seen.
    pub detail: String,
    /// What it cites.
    pub cites: Vec<EventRef>,
    /// The shortest way to settle it.
    pub better: String,
}
