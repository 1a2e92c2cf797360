//! What is shown on the running system, and who owns it.

use super::build::BOTH;
use super::{Basis, Duty, Input, Obligation};
use seatrial_model::words::Layer;
use seatrial_model::{ElementPath, PathPattern, Stage};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::RESPONSIBILITIES;

pub(super) fn runtime(workflow: &Workflow) -> [Obligation; 2] {
    let enforces = Obligation::new("runtime.enforces", Layer::Runtime, &BOTH, Duty::Enforces, Basis::Measurement)
        .over(["steps.*.forbid", "steps.*.never", "steps.*.input", "steps.*.output"])
        .over(types(workflow))
        .reads([Input::Checks])
        .by("marked live probes through the serving path")
        .text(
            "Live probes provoke every `forbid` and `never`, and each is enforced",
            "Rehearse: probes go through the serving path, marked, and nothing else sees them.",
            "seatrial rehearse",
        );
    let trace = Obligation::new("runtime.trace", Layer::Runtime, &BOTH, Duty::Trace, Basis::Measurement)
        .over(["steps.*.trace", "steps.*.refuse_input", "steps.*.require", "steps.*.forbid", "steps.*.never"])
        .over(["steps.*.escalate", "steps.*.confidence", "steps.*.tools", "steps.*.input", "steps.*.output"])
        .over(types(workflow))
        .reads([Input::Checks])
        .by("the log audit")
        .waivable()
        .text(
            "Sampled decisions are reconstructed from the log and recompute",
            "Audit the log. A rehearsal's decisions will do before a first release.",
            "seatrial rehearse",
        );
    [enforces, trace]
}

/// The types that steps take and give.
fn types(workflow: &Workflow) -> Vec<PathPattern> {
    let names = workflow.steps.iter().flat_map(|s| s.input.iter().chain(&s.output));
    names.map(|t| PathPattern::new(format!("types.{t}"))).collect()
}

pub(super) fn ownership(workflow: &Workflow) -> [Obligation; 2] {
    let roles = RESPONSIBILITIES.iter().filter_map(|r| workflow.responsibilities.get(*r)?.receiving.clone());
    let assigned = Obligation::new(
        "ownership.assigned",
        Layer::Ownership,
        &[Stage::Production],
        Duty::Assigned,
        Basis::Computed,
    )
    .over(["responsibilities"])
    .reads(roles.map(Input::People))
    .by("the factory's people list, recomputed")
    .text(
        "Each of the five responsibilities has a receiving role with at least two present people, none of delivery",
        "Name a receiving role for each responsibility, and people in `factory.yaml` who hold it.",
        "seatrial status --stage production",
    );
    // What somebody takes on: what AI may do in their name, and how they hold it back.
    let taken_on = ["purpose", "responsibilities", "steps.*.influence", "steps.*.reversible", "steps.*.forbid"]
        .into_iter()
        .chain(["steps.*.never", "steps.*.tools", "steps.*.escalate", "steps.*.override", "steps.*.fallback"]);
    let accepted =
        Obligation::new("ownership.accepted", Layer::Ownership, &[Stage::Production], Duty::Accepted, Basis::Judgement)
            .over(taken_on)
            .by("each of the responsible people of the receiving side, for themselves")
            .text(
                "The people who take over accept, each for themselves, over what they take on",
                "Each person named reads what they take on and accepts it.",
                "seatrial accept RESPONSIBILITY",
            );
    [assigned, accepted]
}

/// The elements that name a runbook.
pub(crate) fn runbooks(workflow: &Workflow) -> Vec<ElementPath> {
    let named = workflow.responsibilities.iter().filter(|(_, r)| r.runbook.is_some());
    let named = named.map(|(name, _)| ElementPath::new(format!("responsibilities.{name}")));
    let fallbacks = workflow.steps.iter().filter(|s| s.fallback.as_ref().is_some_and(|f| f.runbook.is_some()));
    named.chain(fallbacks.map(|s| s.path().child("fallback"))).collect()
}

/// Owning is done, not declared: runbooks are followed, controls are exercised by those who take over.
pub(super) fn exercised(workflow: &Workflow) -> [Obligation; 2] {
    let stages = [Stage::Production];
    let runbooks = Obligation::new("ownership.runbooks", Layer::Ownership, &stages, Duty::Runbooks, Basis::Measurement)
        .over(runbooks(workflow).iter().map(ElementPath::as_str))
        .written_alone()
        .by("a drill of the receiving side that names the runbook")
        .text(
            "Every runbook that the spec names was followed in a drill, not just written",
            "Exercise the controls by their runbooks: the incident drill follows `exceptions`, the degraded drill a step's fallback.",
            "seatrial drill incident --resumed-by PERSON",
        );
    let drills = Obligation::new("ownership.drills", Layer::Ownership, &stages, Duty::Drills, Basis::Computed)
        .reads(super::operation::DRILLS.iter().map(|kind| Input::Key(format!("drill.{}", kind.control))))
        .by("the drills, recomputed")
        .text(
            "Stop, override, escalation, degraded and incident were exercised by the receiving side alone, within time",
            "Discharge each `drill.…` of production.",
            "seatrial drill stop --resumed-by PERSON",
        );
    [runbooks, drills]
}
