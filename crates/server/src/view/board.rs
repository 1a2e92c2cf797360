//! The overview of a factory, the board of a workflow, and one obligation explained.

use super::{EventRef, Next};
use seatrial_model::words::Layer;
use seatrial_model::{Digest, IncidentSeverity, Stage, Time, Untrusted, Verdict};
use serde::{Deserialize, Serialize};

/// How an obligation stands. Only [`ObligationState::Discharged`] is green.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObligationState {
    /// Shown by evidence that still holds.
    Discharged,
    /// Accepted undischarged by a person, until a date.
    Waived,
    /// Its evidence was made for something that has changed since.
    Stale,
    /// Nothing was shown yet.
    Open,
    /// Something was shown that does not suffice.
    Inconclusive,
    /// It was shown that it does not hold.
    Failed,
    /// It was discharged, and the evidence was withdrawn.
    Revoked,
    /// It does not apply here, with the reason.
    NotApplicable,
}

impl ObligationState {
    /// All, from done to not applicable: the order of every chart and legend.
    pub const ALL: [Self; 8] = [
        Self::Discharged,
        Self::Waived,
        Self::Stale,
        Self::Inconclusive,
        Self::Open,
        Self::Failed,
        Self::Revoked,
        Self::NotApplicable,
    ];

    /// The word as written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Discharged => "discharged",
            Self::Waived => "waived",
            Self::Stale => "stale",
            Self::Open => "open",
            Self::Inconclusive => "inconclusive",
            Self::Failed => "failed",
            Self::Revoked => "revoked",
            Self::NotApplicable => "not applicable",
        }
    }

    /// Whether it stands between the workflow and the stage.
    #[must_use]
    pub const fn blocks(self) -> bool {
        !matches!(self, Self::Discharged | Self::Waived | Self::NotApplicable)
    }
}

/// How many obligations are in each state.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Tally(pub Vec<(ObligationState, u64)>);

impl Tally {
    /// Counts states.
    pub fn of(states: impl IntoIterator<Item = ObligationState>) -> Self {
        let states: Vec<_> = states.into_iter().collect();
        let count = |s: ObligationState| u64::try_from(states.iter().filter(|x| **x == s).count()).unwrap_or(u64::MAX);
        Self(ObligationState::ALL.iter().map(|s| (*s, count(*s))).filter(|(_, n)| *n > 0).collect())
    }

    /// How many are in this state.
    #[must_use]
    pub fn count(&self, state: ObligationState) -> u64 {
        self.0.iter().filter(|(s, _)| *s == state).map(|(_, n)| n).sum()
    }

    /// How many apply.
    #[must_use]
    pub fn applicable(&self) -> u64 {
        self.0.iter().filter(|(s, _)| *s != ObligationState::NotApplicable).map(|(_, n)| n).sum()
    }

    /// How many block the stage.
    #[must_use]
    pub fn blocking(&self) -> u64 {
        self.0.iter().filter(|(s, _)| s.blocks()).map(|(_, n)| n).sum()
    }
}

/// What a workflow does at the moment.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "running", rename_all = "snake_case")]
pub enum Running {
    /// No release is in force: nothing is served but in rehearsal.
    NotReleased,
    /// Served under a release.
    Serving {
        /// The guard judges and changes nothing.
        shadow: bool,
    },
    /// Stopped by a person.
    Stopped {
        /// What is stopped: `steps.<name>`; empty for the whole workflow.
        element: String,
        /// Who stopped it.
        by: String,
        /// When.
        since: Time,
        /// Why; none where the payload was erased.
        reason: Option<Untrusted>,
        /// How business goes on meanwhile.
        instead: String,
    },
    /// Taken out of service for good.
    Retired {
        /// By whom.
        by: String,
        /// When.
        since: Time,
    },
    /// The release lost an obligation, or its end has passed.
    Lapsed {
        /// What happens to cases now, in the spec's word: `warn`, `escalate`, `stop`.
        on_lapse: String,
        /// Why.
        why: String,
    },
}

/// The factory's workflows.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Overview {
    /// One card each.
    pub workflows: Vec<WorkflowCard>,
}

/// A workflow on the overview.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct WorkflowCard {
    /// Its name.
    pub name: String,
    /// Its title; empty while no spec was submitted.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// What it does at the moment.
    pub running: Running,
    /// The release in force.
    pub release: Option<ReleaseLine>,
    /// The stage that is worked towards, and how it stands.
    pub gate: Option<Gate>,
    /// Today's figures.
    pub today: Today,
    /// The first next step.
    pub next: Option<Next>,
}

/// The release in force, in one line.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ReleaseLine {
    /// The digest of its statement.
    pub digest: Digest,
    /// Its stage.
    pub stage: Stage,
    /// What it was signed as: `SEATRIAL_PILOT`, …
    pub level: String,
    /// The spec released.
    pub spec: Digest,
    /// The event that cut it.
    pub event: EventRef,
    /// When it ends.
    pub until: Option<Time>,
    /// A pilot's ceiling a day.
    pub per_day: Option<u64>,
}

/// The newest submitted spec (or the work tree) is another than the released one.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Ahead {
    /// That spec.
    pub spec: Digest,
    /// Elements changed in meaning.
    pub changed: Vec<String>,
    /// How many obligations are stale by it.
    pub stale: u64,
}

/// How a stage's gate stands.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Gate {
    /// The stage.
    pub stage: Stage,
    /// Its obligations by state.
    pub tally: Tally,
    /// The command that cuts its release.
    pub command: String,
}

/// The day's figures (UTC), rehearsals left out.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Today {
    /// Decisions by verdict.
    pub verdicts: Vec<(Verdict, u64)>,
    /// Overrides.
    pub overrides: u64,
    /// Reviews that wait.
    pub reviews_open: u64,
    /// Of these, late.
    pub reviews_late: u64,
}

impl Today {
    /// Decisions in all.
    #[must_use]
    pub fn decisions(&self) -> u64 {
        self.verdicts.iter().map(|(_, n)| n).sum()
    }

    /// Decisions with this verdict.
    #[must_use]
    pub fn count(&self, verdict: Verdict) -> u64 {
        self.verdicts.iter().filter(|(v, _)| *v == verdict).map(|(_, n)| n).sum()
    }
}

/// The board of a workflow.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Board {
    /// Its name.
    pub name: String,
    /// Its title.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// What it does at the moment.
    pub running: Running,
    /// The release in force.
    pub release: Option<ReleaseLine>,
    /// What was changed since that release.
    pub ahead: Option<Ahead>,
    /// The gates of pilot and production.
    pub gates: Vec<Gate>,
    /// Obligations by layer.
    pub layers: Vec<LayerRows>,
    /// Today's figures.
    pub today: Today,
    /// What to do next: first what the nearest gate waits for.
    pub next: Vec<NextStep>,
    /// Incidents that are not closed: number, severity, owner, and whether it is over.
    #[serde(default)]
    pub incidents: Vec<(u64, IncidentSeverity, String, bool)>,
    /// Whether whoever looks may stop.
    pub can_stop: bool,
    /// Whether whoever looks may resume (never who stopped).
    pub can_resume: bool,
}

/// A next step on the board.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct NextStep {
    /// The obligation.
    pub obligation: String,
    /// What to do.
    pub next: Next,
    /// The stages whose gates wait for it.
    pub stages: Vec<Stage>,
}

/// A layer's obligations.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct LayerRows {
    /// The layer.
    pub layer: Layer,
    /// Its obligations.
    pub rows: Vec<ObligationRow>,
}

/// An obligation on the board.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ObligationRow {
    /// Its id.
    pub id: String,
    /// What must be shown.
    pub title: String,
    /// How it stands for pilot; none where pilot does not need it.
    pub pilot: Option<StageState>,
    /// How it stands for production.
    pub production: Option<StageState>,
}

/// How an obligation stands for one stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StageState {
    /// The state.
    pub state: ObligationState,
    /// Why.
    pub why: String,
    /// A waiver's end.
    pub until: Option<Time>,
    /// What to do next; none where nothing is to do.
    pub next: Option<Next>,
}

/// One obligation, explained down to events and paths.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ObligationPage {
    /// Its id.
    pub id: String,
    /// What must be shown.
    pub title: String,
    /// Its layer.
    pub layer: Layer,
    /// What discharges it, and who may.
    pub help: String,
    /// Whether it may be waived.
    pub waivable: bool,
    /// The patterns of the elements that it depends on.
    pub scope: Vec<String>,
    /// The external inputs that it depends on, as they are now.
    pub inputs: Vec<(String, String)>,
    /// People discharge it by approving.
    pub judged: bool,
    /// Each stage that needs it.
    pub stages: Vec<StageExplained>,
}

/// An obligation explained for one stage.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct StageExplained {
    /// The stage.
    pub stage: Stage,
    /// How it stands.
    pub now: StageState,
    /// The evidence key today.
    pub key: Option<Digest>,
    /// Paths and inputs whose change made its evidence stale.
    pub changed: Vec<ChangedPath>,
    /// The chain: each step rests on those below it.
    pub chain: Vec<ChainLink>,
}

/// A path or an input that changed.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChangedPath {
    /// The element, or the input's name.
    pub path: String,
    /// As it was when the evidence was made.
    pub before: Option<String>,
    /// As it is now.
    pub now: Option<String>,
}

/// One statement of a chain, and what it rests on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct ChainLink {
    /// The statement.
    pub text: String,
    /// The event that it cites.
    pub event: Option<EventRef>,
    /// The element that it speaks of.
    pub path: Option<String>,
    /// What it rests on.
    pub because: Vec<ChainLink>,
}
