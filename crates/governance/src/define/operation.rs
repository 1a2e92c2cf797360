//! What operation shows: outcomes, the pilot's findings, load, drills, oversight, completeness, witnesses.

use super::build::BOTH;
use super::{Basis, Duty, Input, Obligation};
use seatrial_model::Stage;
use seatrial_model::words::Layer;
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Actor;
use std::collections::BTreeSet;

const PRODUCTION: [Stage; 1] = [Stage::Production];

/// A control that is exercised.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DrillKind {
    /// Its name in `drill.done/1` and in `drill.<control>`.
    pub control: &'static str,
    /// The stages that ask for it.
    pub stages: &'static [Stage],
    /// The elements that decide how it works.
    pub scope: &'static [&'static str],
    /// What has to be shown.
    pub title: &'static str,
    /// How.
    pub help: &'static str,
    /// The command.
    pub command: &'static str,
}

/// The controls. The times that the spec allows are no part of their scopes: they are applied to what was measured.
pub const DRILLS: [DrillKind; 5] = [
    DrillKind {
        control: "stop",
        stages: &BOTH,
        scope: &["steps.*.fallback", "steps.*.within", "steps.*.stream"],
        title: "The stop switch was exercised; for production by the receiving side and in time",
        help: "Somebody of the receiving side stops the workflow under marked requests, and somebody else resumes it.",
        command: "seatrial drill stop --resumed-by PERSON",
    },
    DrillKind {
        control: "override",
        stages: &BOTH,
        scope: &["steps.*.override"],
        title: "A marked decision was overridden; for production by the receiving side and in time",
        help: "Somebody who may override takes back a marked decision, with a reason.",
        command: "seatrial drill override",
    },
    DrillKind {
        control: "escalation",
        stages: &BOTH,
        scope: &["steps.*.escalate", "steps.*.review"],
        title: "A marked case escalated and was answered; for production by the receiving side and in time",
        help: "A marked case that must escalate is claimed and answered by whom the spec names.",
        command: "seatrial drill escalation",
    },
    DrillKind {
        control: "degraded",
        stages: &BOTH,
        scope: &["steps.*.fallback"],
        title: "Marked cases were finished by the step's fallback; for production by the receiving side and in time",
        help: "A step is stopped, and marked cases are finished by hand, as its fallback says.",
        command: "seatrial drill degraded",
    },
    DrillKind {
        control: "incident",
        stages: &PRODUCTION,
        scope: &["responsibilities.exceptions"],
        title: "An incident was handled under marked requests by those who will handle them, following the runbook",
        help: "People of the receiving side stop, find out, correct a marked decision and resume, as their runbook says.",
        command: "seatrial drill incident --resumed-by PERSON",
    },
];

pub(super) fn drills() -> impl Iterator<Item = Obligation> {
    DRILLS.iter().map(|kind| {
        let duty = Duty::Drill { control: kind.control.to_owned() };
        let id = format!("drill.{}", kind.control);
        let obligation = Obligation::new(id, Layer::Runtime, kind.stages, duty, Basis::Measurement)
            .over(kind.scope.iter().copied())
            .by("anybody who may operate; for production the receiving side, without a delivery principal acting in it")
            .waivable()
            .text(kind.title, kind.help, kind.command);
        // A responsibility has nothing that it compiles to: who has it, and by which runbook, is as it is written.
        if kind.control == "incident" { obligation.written_alone() } else { obligation }
    })
}

pub(super) fn outcomes(workflow: &Workflow) -> Vec<Obligation> {
    let business = workflow.responsibilities.get("workflow").and_then(|r| r.receiving.as_deref());
    let by = match business {
        Some(role) => {
            format!("a measurement; or, over one that misses its target, a holder of `{role}` who accepts it")
        }
        None => "a measurement".to_owned(),
    };
    // What was measured is what the outcome says it measures. Its target is a bar: it is applied to the figure, as the bars of
    // evaluations are, and another one measures nothing anew.
    let each = |(name, outcome): (&String, &seatrial_spec::workflow::Outcome)| {
        let id = format!("outcome.{name}");
        let duty = Duty::Outcome { name: name.clone() };
        Obligation::new(id, Layer::Sprint, &BOTH, duty, Basis::Measurement)
            .with("measure", outcome.measure.as_str())
            .by(by.clone())
            .waivable()
            .text(
                format!("`{name}` is measured against today; for production it meets its target, or is accepted"),
                "Measure it over a window, and record the figure. Where it misses its target, the business may accept it.",
                format!("seatrial measure {name} VALUE --from TIME --until TIME --note HOW"),
            )
    };
    workflow.outcomes.iter().map(each).collect()
}

/// The models of the AI steps, as inputs.
pub(super) fn models(workflow: &Workflow) -> impl Iterator<Item = Input> {
    workflow.steps.iter().filter(|s| s.actor == Actor::Ai).map(|s| Input::Model(s.name.clone()))
}

/// What a pilot showed holds for the AI that was piloted: its reach, its model, what it was told and what it saw; and for
/// what was asked of it. What an embedded model learned from stands in its identity.
pub(super) fn findings(workflow: &Workflow) -> Obligation {
    Obligation::new("pilot.findings", Layer::Sprint, &PRODUCTION, Duty::Findings, Basis::Judgement)
        .over(["outcomes", "gates.pilot.continue_if"])
        .over(["steps.*.influence", "steps.*.model", "steps.*.prompt", "steps.*.withhold"])
        .written_alone()
        .reads(models(workflow).chain([Input::Report]))
        .by("a person of the receiving side who is no author, over the report")
        .text(
            "The pilot's four findings are reported from the log, and approved",
            "Report the pilot, read it, and approve it: is it worth going on; where AI helps; which variability is acceptable; which controls operation needs.",
            "seatrial approve pilot.findings --stage production",
        )
}

/// The roles that answer reviews and audits.
fn reviewing(workflow: &Workflow) -> BTreeSet<&str> {
    let of = |s: &seatrial_spec::workflow::Step| {
        let rules = s.rules().filter_map(|r| r.to.clone());
        let asked = s.escalate.iter().map(|e| e.to.clone()).chain(s.audit.iter().map(|a| a.to.clone()));
        rules.chain(asked).collect::<Vec<_>>()
    };
    let named: BTreeSet<String> = workflow.steps.iter().flat_map(of).collect();
    workflow.roles.keys().map(String::as_str).filter(|r| named.contains(*r)).collect()
}

pub(super) fn review_load(workflow: &Workflow) -> Obligation {
    Obligation::new("review.load", Layer::Sprint, &PRODUCTION, Duty::ReviewLoad, Basis::Computed)
        .compiled_alone()
        .over(["steps.*.per_day", "steps.*.escalate", "steps.*.audit", "steps.*.review", "thresholds.*.at"])
        .over(["steps.*.refuse_input", "steps.*.require", "steps.*.forbid", "steps.*.never", "steps.*.tools"])
        .reads(reviewing(workflow).into_iter().map(|r| Input::People(r.to_owned())))
        .by("the certificate's share of reviews, the volume that the spec expects, and the people present; recomputed")
        .waivable()
        .text(
            "The expected reviews a day are within the capacity of the people present",
            "Say how many cases a day are expected (`per_day`), and what each reviewer manages (`capacity`); calibrate, or name more people.",
            "seatrial status --stage production",
        )
}

pub(super) fn oversight() -> Obligation {
    Obligation::new("oversight.efficacy", Layer::Runtime, &PRODUCTION, Duty::Oversight, Basis::Measurement)
        .over(["steps.*.review", "steps.*.audit"])
        .by("reviewers' answers to seeded known-bad items, pooled by role")
        .waivable()
        .text(
            "Reviewers catch seeded known-bad items: the lower bound of the share caught reaches the bar",
            "Seed known-bad items among the reviews, and let the reviewers answer as always.",
            "seatrial seed SET",
        )
}

pub(super) fn complete() -> Obligation {
    Obligation::new("runtime.complete", Layer::Runtime, &PRODUCTION, Duty::Complete, Basis::Measurement)
        .over(["steps.*.actor", "steps.*.input"])
        .by("a reconciliation with the system of record, and with the bill of a model provider")
        .waivable()
        .text(
            "What passed is what is recorded: case ids are reconciled with the system of record, billed calls with recorded ones",
            "Export the case ids of a window from the system of record, and reconcile them.",
            "seatrial reconcile FILE --from TIME --until TIME",
        )
}

pub(super) fn witnessed() -> Obligation {
    Obligation::new("evidence.witnessed", Layer::Runtime, &PRODUCTION, Duty::Witnessed, Basis::Computed)
        .by("a cosignature, daily, by a key that the delivery side does not hold")
        .text(
            "The log's checkpoints are cosigned daily outside the delivery side",
            "Have the receiving or the independent side run a witness, and name it under `witnesses` in factory.yaml.",
            "seatrial log witness --now",
        )
}
