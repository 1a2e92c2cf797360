//! What the demo came to: the one object that `--format json` prints.

use serde::Serialize;

/// All figures; every one was computed from the log or measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Figures {
    pub(super) seed: u64,
    pub(super) certificate: CertificateFigures,
    pub(super) pilot: PilotFigures,
    pub(super) held_back: HeldBack,
    pub(super) change: Change,
    pub(super) alarm: AlarmFigures,
    /// What the release had lost when its waiver ended.
    pub(super) lapsed: Vec<String>,
    pub(super) stop: StopFigures,
    pub(super) log: LogFigures,
    pub(super) releases: Vec<ReleaseFigures>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct CertificateFigures {
    pub(super) threshold: Option<f64>,
    pub(super) max_wrong: f64,
    pub(super) assurance: f64,
    pub(super) examples: u64,
    pub(super) errors: u64,
    pub(super) bound: f64,
    pub(super) certified: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct PilotFigures {
    pub(super) decisions: u64,
    /// The share that something besides the pilot held back, and whether that meets the outcome's target.
    pub(super) waiting: f64,
    pub(super) waiting_met: bool,
    pub(super) agreement: f64,
    /// Whether its criterion to go on was met.
    pub(super) continues: Option<bool>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct HeldBack {
    pub(super) decided: u64,
    pub(super) passed: u64,
    pub(super) escalated: u64,
    pub(super) denied: u64,
    pub(super) wrong: u64,
    /// One-sided 95 % upper bound of the share of wrong ones among those that passed.
    pub(super) bound: f64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Change {
    pub(super) obligations: u64,
    pub(super) stale: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct AlarmFigures {
    pub(super) audits: u64,
    pub(super) revoked: bool,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct StopFigures {
    pub(super) effective_ms: u64,
}

#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct LogFigures {
    pub(super) size: u64,
    pub(super) root: String,
    pub(super) verified: bool,
    pub(super) verdicts_recomputed: u64,
    pub(super) findings_recomputed: u64,
    pub(super) on_trust: u64,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct ReleaseFigures {
    pub(super) stage: String,
    pub(super) digest: String,
}
