//! What somebody can want to do.

use std::fmt;

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Give an approval.
    Approve,
    /// Withdraw one.
    Withdraw,
    /// Say of what was approved and has changed that it was read again and still holds.
    Reaffirm,
    /// Accept a responsibility.
    Accept,
    /// Ask for a waiver.
    Waive,
    /// Grant one that somebody else asked for.
    GrantWaiver,
    /// End one before its time.
    EndWaiver,
    /// File a document as evidence.
    FileDocument,
    /// Cut a release.
    Release,
    /// Put an earlier release in force again.
    RollBack,
    /// Retire the workflow.
    Retire,
    /// Change a decision, with a reason.
    Override,
    /// Answer a review.
    AnswerReview,
    /// Check an allowed decision.
    Audit,
    /// Stop the workflow or a step.
    Stop,
    /// Resume what somebody else stopped.
    Resume,
    /// Resume what oneself stopped. Nobody may, unless a policy of the factory names this action.
    BreakGlass,
    /// Call a step: the guard asks the model (run, proxy).
    Call,
    /// Submit an output for a decision.
    Decide,
    /// Ask whether a system step may act for a case.
    Admit,
    /// Evaluate, train, seal, calibrate, probe.
    Evaluate,
    /// Take examples in from other formats.
    ImportExamples,
    /// Decide recorded decisions again, as evidence.
    Replay,
    /// State an outcome that was measured.
    MeasureOutcome,
    /// Record what a pilot showed.
    ReportPilot,
    /// Note something in a sprint.
    Note,
    /// Submit a spec; whoever does is its author.
    SubmitSpec,
    /// Exercise a control.
    Drill,
    /// Open an incident.
    OpenIncident,
    /// Note in an incident, change its severity or its owner, say that it is resolved, review it.
    HandleIncident,
    /// Decide in an incident whether it goes on or is stopped.
    DecideIncident,
    /// Issue or revoke a token.
    IssueToken,
    /// Say when the rights of the delivery side end, or that they go on.
    EndRights,
    /// Take a handover pack that was read.
    Acknowledge,
    /// Read decisions, reviews, the log.
    Read,
}

impl Action {
    /// All actions.
    pub const ALL: &'static [Self] = &[
        Self::Approve,
        Self::Withdraw,
        Self::Reaffirm,
        Self::Accept,
        Self::Waive,
        Self::GrantWaiver,
        Self::EndWaiver,
        Self::FileDocument,
        Self::Release,
        Self::RollBack,
        Self::Retire,
        Self::Override,
        Self::AnswerReview,
        Self::Audit,
        Self::Stop,
        Self::Resume,
        Self::BreakGlass,
        Self::Call,
        Self::Decide,
        Self::Admit,
        Self::Evaluate,
        Self::ImportExamples,
        Self::Replay,
        Self::MeasureOutcome,
        Self::ReportPilot,
        Self::Note,
        Self::SubmitSpec,
        Self::Drill,
        Self::OpenIncident,
        Self::HandleIncident,
        Self::DecideIncident,
        Self::IssueToken,
        Self::EndRights,
        Self::Acknowledge,
        Self::Read,
    ];

    /// Its name in policies and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.words().0
    }

    /// What it is, in a few words for people.
    #[must_use]
    pub const fn what(self) -> &'static str {
        self.words().1
    }

    const fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Approve => ("approve", "give an approval"),
            Self::Withdraw => ("withdraw", "withdraw an approval"),
            Self::Reaffirm => ("reaffirm", "say that what was approved was read again and still holds"),
            Self::Accept => ("accept", "accept a responsibility"),
            Self::Waive => ("waive", "ask for a waiver"),
            Self::GrantWaiver => ("grant_waiver", "grant a waiver that somebody else asked for"),
            Self::EndWaiver => ("end_waiver", "end a waiver before its time"),
            Self::FileDocument => ("file_document", "file a document as evidence"),
            Self::Release => ("release", "cut a release"),
            Self::RollBack => ("roll_back", "put an earlier release in force again"),
            Self::Retire => ("retire", "retire the workflow"),
            Self::Override => ("override", "change a decision, with a reason"),
            Self::AnswerReview => ("answer_review", "answer a review"),
            Self::Audit => ("audit", "check an allowed decision"),
            Self::Stop => ("stop", "stop the workflow or a step"),
            Self::Resume => ("resume", "resume what somebody else stopped"),
            Self::BreakGlass => ("break_glass", "resume what oneself stopped"),
            Self::Call => ("call", "call a step's model through the guard"),
            Self::Decide => ("decide", "submit an output for a decision"),
            Self::Admit => ("admit", "ask whether a system step may act for a case"),
            Self::Evaluate => ("evaluate", "evaluate, train, seal, calibrate, probe"),
            Self::ImportExamples => ("import_examples", "take in examples from other formats"),
            Self::Replay => ("replay", "decide recorded decisions again, as evidence"),
            Self::MeasureOutcome => ("measure_outcome", "state an outcome that was measured"),
            Self::ReportPilot => ("report_pilot", "record what a pilot showed"),
            Self::Note => ("note", "note something in a sprint"),
            Self::SubmitSpec => ("submit_spec", "submit a spec"),
            Self::Drill => ("drill", "exercise a control"),
            Self::OpenIncident => ("open_incident", "open an incident"),
            Self::HandleIncident => ("handle_incident", "note in an incident, resolve and review it"),
            Self::DecideIncident => ("decide_incident", "decide in an incident whether to stop or go on"),
            Self::IssueToken => ("issue_token", "issue or revoke a token"),
            Self::EndRights => ("end_rights", "say when the rights of the delivery side end, or that they go on"),
            Self::Acknowledge => ("acknowledge", "take a handover pack that was read"),
            Self::Read => ("read", "read decisions, reviews, the log"),
        }
    }

    /// The action of this name; `-` and `_` are the same.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.replace('-', "_");
        Self::ALL.iter().copied().find(|a| a.as_str() == name)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
