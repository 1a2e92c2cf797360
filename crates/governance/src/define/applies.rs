//! When an obligation applies: the rules, once. A summary that only informs does not carry the burden of an act that
//! cannot be taken back.

use super::Obligation;
use super::build::BOTH;
use seatrial_model::words::FactoryKind;
use seatrial_model::{Influence, Stage, Tier};
use seatrial_spec::workflow::Actor;
use seatrial_spec::{FactorySpec, Workflow};

/// What of a workflow decides which obligations apply.
#[derive(Clone, Debug)]
pub(crate) struct Weight {
    /// How far AI reaches at most.
    influence: Influence,
    /// Whether every step of AI can be taken back.
    reversible: bool,
    /// The tier.
    tier: Tier,
    /// The register names risks.
    risks: bool,
    /// Something can go to a person: an escalation, a rule that escalates, an audit.
    to_people: bool,
    /// Something can be overridden.
    overrides: bool,
    /// A step goes on by hand when it is stopped.
    fallback: bool,
    /// The spec names a runbook.
    runbooks: bool,
    /// The spec has something to provoke.
    provokes: bool,
    /// No witness is configured, and the factory is a simulation.
    simulated_alone: bool,
    /// No witness is configured, and the house is small.
    small_alone: bool,
}

impl Weight {
    pub(crate) fn of(workflow: &Workflow, factory: &FactorySpec) -> Self {
        let alone = factory.witnesses.is_empty();
        let ai = || workflow.steps.iter().filter(|s| s.actor == Actor::Ai);
        let asks = |s: &seatrial_spec::workflow::Step| {
            use seatrial_spec::workflow::Else;
            !s.escalate.is_empty() || s.audit.is_some() || s.rules().any(|r| r.otherwise == Else::Escalate)
        };
        Self {
            influence: ai().map(|s| s.influence).max().unwrap_or(Influence::Inform),
            reversible: ai().all(|s| s.reversible),
            tier: workflow.risks.tier,
            risks: !workflow.risks.items.is_empty(),
            to_people: workflow.steps.iter().any(asks),
            overrides: workflow.steps.iter().any(|s| s.overrides.is_some()),
            fallback: workflow.steps.iter().any(|s| s.fallback.is_some()),
            runbooks: !super::running::runbooks(workflow).is_empty(),
            provokes: workflow.steps.iter().any(|s| !s.forbid.is_empty() || !s.never.is_empty()),
            simulated_alone: alone && factory.kind == FactoryKind::Simulation,
            small_alone: alone && factory.profile == "small",
        }
    }

    /// Information that can be taken back, with little at stake.
    fn is_light(&self) -> bool {
        self.influence == Influence::Inform && self.reversible && self.tier == Tier::Minimal
    }
}

/// One reason for which obligations do not apply.
struct Rule {
    /// Ids; one that ends in a dot stands for all that begin with it.
    ids: &'static [&'static str],
    stages: &'static [Stage],
    when: fn(&Weight) -> bool,
    why: &'static str,
}

const LIGHT: &str = "AI only informs, what it shows can be taken back, and the tier is minimal";
const PRODUCTION: [Stage; 1] = [Stage::Production];

/// The rules. The first that fits gives the reason.
const RULES: &[Rule] = &[
    Rule {
        ids: &["spec.exercised"],
        stages: &PRODUCTION,
        when: |w| w.influence == Influence::Inform,
        why: "AI only informs: no step suggests, decides or acts",
    },
    Rule {
        ids: &["risk.register"],
        stages: &PRODUCTION,
        when: |w| w.tier == Tier::Minimal && !w.risks,
        why: "the tier is minimal and the register names no risk",
    },
    Rule {
        ids: &["validation.independent"],
        stages: &BOTH,
        when: |w| w.tier != Tier::High,
        why: "the tier is not high: independent validation is for the high tier",
    },
    Rule {
        ids: &["runtime.enforces"],
        stages: &BOTH,
        when: |w| !w.provokes,
        why: "the spec has no `forbid` and no `never`",
    },
    Rule {
        ids: &["review.load", "oversight.efficacy", "drill.escalation"],
        stages: &BOTH,
        when: |w| !w.to_people,
        why: "nothing goes to a person: no step escalates or audits",
    },
    Rule { ids: &["drill.override"], stages: &BOTH, when: |w| !w.overrides, why: "no step can be overridden" },
    Rule { ids: &["drill.degraded"], stages: &BOTH, when: |w| !w.fallback, why: "no step names a fallback" },
    Rule { ids: &["ownership.runbooks"], stages: &BOTH, when: |w| !w.runbooks, why: "the spec names no runbook" },
    Rule {
        ids: &[
            "outcome.",
            "pilot.findings",
            "drill.override",
            "drill.degraded",
            "drill.incident",
            "oversight.efficacy",
            "runtime.complete",
        ],
        stages: &BOTH,
        when: Weight::is_light,
        why: LIGHT,
    },
    Rule {
        ids: &["oversight.efficacy"],
        stages: &BOTH,
        when: |w| w.tier == Tier::Minimal,
        why: "the tier is minimal: reviewers are not tested with seeded items",
    },
    Rule {
        ids: &["evidence.witnessed"],
        stages: &BOTH,
        when: |w| w.simulated_alone,
        why: "a simulation needs nobody outside who vouches for its log, and no witness is configured",
    },
    Rule {
        ids: &["evidence.witnessed"],
        stages: &BOTH,
        when: |w| w.small_alone,
        why: "the profile is small, and no witness is configured: nobody outside cosigns this log's checkpoints",
    },
];

impl Rule {
    fn is_about(&self, id: &str) -> bool {
        self.ids.iter().any(|i| if i.ends_with('.') { id.starts_with(i) } else { *i == id })
    }
}

/// Writes down the stages in which an obligation does not apply.
pub(super) fn apply(obligation: &mut Obligation, weight: &Weight) {
    for rule in RULES.iter().filter(|r| r.is_about(&obligation.id) && (r.when)(weight)) {
        for stage in rule.stages.iter().filter(|s| obligation.stages.contains(s)) {
            obligation.not_applicable.entry(*stage).or_insert_with(|| rule.why.to_owned());
        }
    }
}

/// The rules for the reference: ids, stages, reason.
#[cfg(test)]
pub(super) fn rules() -> impl Iterator<Item = (&'static [&'static str], &'static [Stage], &'static str)> {
    RULES.iter().map(|rule| (rule.ids, rule.stages, rule.why))
}
