//! Obligations: what must be shown before a stage may be released, derived from a checked workflow.

mod ages;
mod applies;
mod attested;
mod build;
mod handover;
mod human;
mod measured;
mod operation;
mod running;
mod who;

pub(crate) use ages::alias_age;
pub(crate) use human::quorum;
pub(crate) use measured::claimed_confidence;
pub use operation::{DRILLS, DrillKind};
pub(crate) use running::runbooks;
pub use seatrial_spec::Which;

use crate::state::State;
use seatrial_model::words::Layer;
use seatrial_model::{Digest, PathPattern, Span, Stage};
use seatrial_spec::workflow::{AttestationAsked, RESPONSIBILITIES};
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What kind of thing discharges an obligation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// A person's judgement, recorded as an approval or acceptance.
    Judgement,
    /// A measurement that is made again when what it depends on changes.
    Measurement,
    /// Nothing recorded: it is computed from the spec, the people and the log whenever it is asked for.
    Computed,
}

/// What exactly has to be shown.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Duty {
    /// The checker is content.
    SpecValid,
    /// The intent is signed.
    Intent,
    /// Questions have owners, and none that blocks is open.
    Questions,
    /// Every rule caught an example and passed one.
    Exercised,
    /// A set is evaluated.
    Evaluated {
        /// The set.
        set: String,
    },
    /// Nothing of a category that must not pass was let through.
    Forbidden {
        /// The category.
        category: String,
        /// Its sets.
        sets: Vec<String>,
    },
    /// A threshold has its certificate.
    Certified {
        /// The threshold.
        threshold: String,
    },
    /// The risks are named and accepted.
    Risks,
    /// A role approves the gate's scope.
    Approval {
        /// The role.
        role: String,
    },
    /// Live probes show that every `forbid` and `never` is enforced.
    Enforces,
    /// Sampled decisions recompute.
    Trace,
    /// A control was exercised.
    Drill {
        /// One of [`DRILLS`].
        control: String,
    },
    /// An outcome is measured; for production it meets its target, or the business accepts it as it is.
    Outcome {
        /// The outcome.
        name: String,
    },
    /// What the pilot showed is reported and approved.
    Findings,
    /// The expected reviews are within what the people present can answer.
    ReviewLoad,
    /// Reviewers catch known-bad items.
    Oversight,
    /// What passed is what is recorded.
    Complete,
    /// The log's checkpoints are cosigned outside.
    Witnessed,
    /// The independent side challenged the workflow.
    Validated,
    /// Every runbook was followed in a drill.
    Runbooks,
    /// Every control was exercised by those who take over.
    Drills,
    /// A document is filed.
    Document {
        /// By a holder of this role.
        role: String,
    },
    /// Somebody else attests it.
    Attested {
        /// A holder of this role adds it.
        role: String,
        /// What has to be attested, and by whom.
        asked: AttestationAsked,
        /// The digest that it has to be about; none where the spec has no such file.
        about: Option<Digest>,
    },
    /// The five responsibilities resolve to people.
    Assigned,
    /// Those people accepted.
    Accepted,
    /// A change was taken from edit to release by those who take over, alone.
    Unaided,
    /// Keys, log and store are theirs, and the others' rights end.
    Access,
    /// The handover pack of what is in production was read and taken.
    Pack,
    /// The transfer index reached its bar.
    Index,
    /// The whole state is approved.
    Release,
}

impl Duty {
    /// Whether it speaks of the moment of the release: what was true then is not lost afterwards. All else of a release has
    /// to hold for as long as it is in force. A witness that cannot be reached keeps the next release from being cut, and
    /// stops nothing that is served.
    #[must_use]
    pub const fn is_of_the_moment(&self) -> bool {
        matches!(self, Self::Unaided | Self::Pack | Self::Index | Self::Witnessed)
    }
}

/// An external input that an obligation depends on, besides the spec.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// The identity of a step's model.
    Model(String),
    /// The version of the guard's checks and of its decision.
    Checks,
    /// The people who hold a role, with their sides.
    People(String),
    /// The digest of the state of all other obligations.
    State,
    /// The digest of the newest report on a pilot.
    Report,
    /// The key of another obligation.
    Key(String),
}

/// One obligation.
#[derive(Clone, Debug)]
pub struct Obligation {
    /// Its id (`eval.golden`). An approval's may stand twice, with different stages.
    pub id: String,
    /// The layer it belongs to.
    pub layer: Layer,
    /// The stages that need it.
    pub stages: BTreeSet<Stage>,
    /// What has to be shown.
    pub duty: Duty,
    /// What kind of thing discharges it.
    pub basis: Basis,
    /// The stages in which it does not apply although they are listed, and why.
    pub not_applicable: BTreeMap<Stage, String>,
    /// The elements it depends on.
    pub scope: Vec<PathPattern>,
    /// Which digest of them counts.
    pub which: Which,
    /// Whether the scope is closed over what its elements refer to. Scopes of measurements name all that they
    /// measure, so that, for example, another label set behind a threshold does not stale an evaluation.
    pub closed: bool,
    /// What else is part of its key.
    pub parameters: BTreeMap<String, Value>,
    /// The external inputs it depends on.
    pub inputs: Vec<Input>,
    /// Who may produce its evidence.
    pub by: String,
    /// Whether it can be waived at all; see [`Obligation::no_waiver`].
    pub waivable: bool,
    /// How old its evidence may be; none: it does not age.
    pub max_age: Option<Span>,
    /// The version of this definition; part of the key.
    pub version: u32,
    /// One line for people.
    pub title: String,
    /// What to do next, in words.
    pub help: String,
    /// What to do next, as a command.
    pub command: String,
}

impl Obligation {
    /// Whether a stage lists it.
    #[must_use]
    pub fn is_for(&self, stage: Stage) -> bool {
        self.stages.contains(&stage)
    }

    /// Why it cannot be waived as it stands; none where it can. What was measured and missed is no matter for a
    /// waiver: only what was not shown is.
    #[must_use]
    pub fn no_waiver(&self, beneath: State) -> Option<&'static str> {
        match beneath {
            _ if !self.waivable => Some("this obligation is never waived"),
            State::Failed if self.basis != Basis::Computed => {
                Some("it was measured and missed: a missed bar is no matter for a waiver")
            }
            State::Revoked => Some("it was taken back: what was taken back is no matter for a waiver"),
            State::Discharged | State::NotApplicable => Some("nothing is missing"),
            State::Failed | State::Open | State::Stale | State::Inconclusive | State::Waived => None,
        }
    }
}

/// How many days an obligation may be waived in all, renewals included.
#[must_use]
pub const fn waiver_limit_days(stage: Stage) -> u64 {
    match stage {
        Stage::Pilot => 30,
        Stage::Production | Stage::Owned => 90,
        Stage::Draft | Stage::Retired => 0,
    }
}

/// Every obligation of a workflow, in the order of the layers: the whole table.
#[must_use]
pub fn obligations(workflow: &Workflow, factory: &FactorySpec) -> Vec<Obligation> {
    let mut all = vec![human::valid(workflow), human::intent(workflow, factory), human::questions(workflow)];
    all.push(measured::exercised(workflow));
    all.extend(measured::evaluations(workflow));
    all.extend(measured::categories(workflow));
    all.extend(measured::thresholds(workflow));
    all.extend(operation::outcomes(workflow));
    all.push(operation::findings(workflow));
    all.push(operation::review_load(workflow));
    all.push(human::risks(workflow));
    all.extend(human::approvals(workflow, Stage::Pilot, factory));
    all.extend(human::approvals(workflow, Stage::Production, factory));
    all.push(human::validation(workflow));
    all.extend(running::runtime(workflow));
    all.push(operation::complete());
    all.extend(operation::drills());
    all.push(operation::oversight());
    all.push(operation::witnessed());
    all.extend(running::ownership(workflow));
    all.extend(running::exercised(workflow));
    all.extend(human::of_the_factory(workflow, factory));
    all.extend(handover::handover(workflow));
    all.extend([Stage::Pilot, Stage::Production, Stage::Owned].map(|stage| human::release(workflow, factory, stage)));
    let weight = applies::Weight::of(workflow, factory);
    for obligation in &mut all {
        applies::apply(obligation, &weight);
        handover::keep_of_production(obligation);
        obligation.max_age = obligation.max_age.or_else(|| ages::max_age(obligation, &factory.profile));
    }
    all
}

/// The roles whose holders may approve something for a stage.
#[must_use]
pub fn approving_roles(workflow: &Workflow, stage: Stage) -> BTreeSet<String> {
    let mut roles: BTreeSet<String> = gate_approvals(workflow, stage).into_keys().collect();
    roles.extend(workflow.risks.items.iter().map(|r| r.accepted_by.clone()));
    for name in RESPONSIBILITIES {
        let Some(responsibility) = workflow.responsibilities.get(name) else { continue };
        roles.extend(responsibility.challenged_by.clone());
        roles.extend(responsibility.receiving.clone());
        // The delivery lead approves a pilot's state, never production's.
        if stage == Stage::Pilot {
            roles.extend(responsibility.delivery.clone());
        }
    }
    roles
}

/// The gate's approvals: role → over which elements, several entries of one role joined.
pub(crate) fn gate_approvals(workflow: &Workflow, stage: Stage) -> BTreeMap<String, Vec<PathPattern>> {
    let approvals = match stage {
        Stage::Pilot => workflow.gates.pilot.as_ref().map(|g| &g.approvals),
        Stage::Production | Stage::Owned => workflow.gates.production.as_ref().map(|g| &g.approvals),
        Stage::Draft | Stage::Retired => None,
    };
    let mut by_role: BTreeMap<String, Vec<PathPattern>> = BTreeMap::new();
    for approval in approvals.into_iter().flatten() {
        by_role.entry(approval.by.clone()).or_default().extend(approval.over.iter().cloned());
    }
    for over in by_role.values_mut() {
        over.sort();
        over.dedup();
    }
    by_role
}

#[cfg(test)]
mod tests;
