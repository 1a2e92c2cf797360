//! What is shown on the running system, and who owns it.

use super::build::BOTH;
use super::{Basis, Duty, Input, Obligation};
use seatrial_model::words::Layer;
use seatrial_model::{PathPattern, Stage};
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
    let none = workflow.steps.iter().all(|s| s.forbid.is_empty() && s.never.is_empty());
    let why = "the spec has no `forbid` and no `never`";
    let enforces = if none { enforces.not_for(Stage::Pilot, why).not_for(Stage::Production, why) } else { enforces };
    let trace = Obligation::new("runtime.trace", Layer::Runtime, &BOTH, Duty::Trace, Basis::Measurement)
        .over(["steps.*.trace", "steps.*.refuse_input", "steps.*.require", "steps.*.forbid", "steps.*.never"])
        .over(["steps.*.escalate", "steps.*.confidence"])
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

pub(super) fn stop_drill(_: &Workflow) -> Obligation {
    Obligation::new("drill.stop", Layer::Runtime, &BOTH, Duty::Drill { control: "stop".to_owned() }, Basis::Measurement)
        .over(["steps.*.fallback", "steps.*.within", "steps.*.stream"])
        .by("anybody who may operate; for production the receiving side, without a delivery principal acting in it")
        .waivable()
        .text(
            "The stop switch was exercised; for production by the receiving side and in time",
            "Somebody of the receiving side stops the workflow under marked requests, and somebody else resumes it.",
            "seatrial drill stop --resumed-by PERSON",
        )
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
        .chain(["steps.*.never", "steps.*.escalate", "steps.*.override", "steps.*.fallback"]);
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
