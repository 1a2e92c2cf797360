//! What people judge: intent, questions, risks, the gates' approvals, the release.

use super::build::BOTH;
use super::{Basis, Duty, Input, Obligation, approving_roles, gate_approvals};
use seatrial_model::words::Layer;
use seatrial_model::{PathPattern, Stage};
use seatrial_spec::workflow::FactoryDuty;
use seatrial_spec::{FactorySpec, Workflow};

pub(super) fn valid(workflow: &Workflow) -> Obligation {
    Obligation::new("spec.valid", Layer::Spec, &BOTH, Duty::SpecValid, Basis::Computed)
        .over([""])
        .by("the checker, recomputed")
        .text(
            "The spec is valid for the stage",
            "Correct what the checker reports for this stage.",
            format!("seatrial check {}", workflow.name),
        )
}

pub(super) fn intent(_: &Workflow, factory: &FactorySpec) -> Obligation {
    let second = if factory.profile == "small" { "a second person" } else { "one of the independent side" };
    Obligation::new("spec.intent", Layer::Spec, &BOTH, Duty::Intent, Basis::Judgement)
        .over(["purpose", "population", "outcomes", "steps.*.influence", "steps.*.forbid", "steps.*.never"])
        .over(["steps.*.tools"])
        .by("people who are no authors of it; agents and services never")
        .text(
            "The intent is signed: purpose, population, outcomes, influence, what is forbidden and never delegated",
            format!(
                "A pilot needs one sign-off; production two people: one of the receiving side and {second}. Authors cannot sign."
            ),
            "seatrial approve spec.intent",
        )
}

pub(super) fn questions(_: &Workflow) -> Obligation {
    Obligation::new("spec.questions", Layer::Spec, &BOTH, Duty::Questions, Basis::Computed)
        .over(["questions"])
        .by("a person: an answer that cites its evidence, or a withdrawal with its reason")
        .waivable()
        .text(
            "Every question has an owner, and none that blocks the stage is open",
            "Give each question an owner; answer the blocking ones with the events that show the answer, or withdraw them.",
            "seatrial question answer NAME --cites EVENT ANSWER",
        )
}

pub(super) fn risks(workflow: &Workflow) -> Obligation {
    let roles = workflow.risks.items.iter().map(|r| r.accepted_by.as_str());
    let mut roles: Vec<&str> = roles.collect();
    roles.sort_unstable();
    roles.dedup();
    Obligation::new("risk.register", Layer::Governance, &BOTH, Duty::Risks, Basis::Judgement)
        .over(["risks"])
        .by(if roles.is_empty() {
            "nobody: the register is empty".to_owned()
        } else {
            format!("a holder of each of: {}", roles.join(", "))
        })
        .text(
            "The tier is named; for production, risks have measures and what remains is accepted",
            "Each role that the register names accepts the risks that remain.",
            "seatrial approve risk.register",
        )
}

fn of_each_step(part: &str) -> PathPattern {
    PathPattern::new(format!("steps.*.{part}"))
}

/// What the independent side challenges: what the workflow is for, whom it is about, what AI may do, how it is held,
/// and on what it was measured.
pub(super) fn validation(workflow: &Workflow) -> Obligation {
    Obligation::new(
        "validation.independent",
        Layer::Governance,
        &[Stage::Production],
        Duty::Validated,
        Basis::Judgement,
    )
    .over(["purpose", "population", "outcomes", "types", "thresholds", "slices", "examples", "risks"])
    .over(["influence", "reversible", "model", "withhold", "prompt", "confidence"].map(of_each_step))
    .over(["refuse_input", "require", "forbid", "never", "escalate", "audit", "tools"].map(of_each_step))
    .reads(super::operation::models(workflow))
    .by("the independent side: its report, then its approval")
    .text(
        "The independent side challenged the workflow: its report is filed, and approved",
        "Somebody of the independent side files the report of the challenge; somebody of that side approves.",
        "seatrial file validation.independent FILE",
    )
}

/// How many holders of a role a gate asks for: a regulated house wants four eyes.
pub(crate) fn quorum(profile: &str) -> usize {
    if profile == "regulated" { 2 } else { 1 }
}

pub(super) fn approvals(workflow: &Workflow, stage: Stage, factory: &FactorySpec) -> Vec<Obligation> {
    let each = |(role, over): (String, Vec<PathPattern>)| {
        let elements: Vec<&str> = over.iter().map(PathPattern::as_str).collect();
        let title = format!("`{role}` approves, for {stage}: {}", elements.join(", "));
        Obligation::new(
            format!("approval.{role}"),
            Layer::Governance,
            &[stage],
            Duty::Approval { role: role.clone() },
            Basis::Judgement,
        )
        .over(over)
        .with("stage", stage.as_str())
        .by(if quorum(&factory.profile) > 1 {
            format!("{} holders of `{role}` who are no authors of it", quorum(&factory.profile))
        } else {
            format!("a holder of `{role}` who is no author of it")
        })
        .text(
            title,
            format!("A holder of `{role}` reads these elements and approves, or says why not."),
            format!("seatrial approve approval.{role} --stage {stage}"),
        )
    };
    gate_approvals(workflow, stage).into_iter().map(each).collect()
}

/// What the factory asks of every workflow of its own.
pub(super) fn of_the_factory(workflow: &Workflow, factory: &FactorySpec) -> impl Iterator<Item = Obligation> {
    factory.obligations.iter().map(|own| {
        let (duty, by, help, command) = match &own.by {
            FactoryDuty::Approval { role } => (
                Duty::Approval { role: role.clone() },
                format!("a holder of `{role}` who is no author of it"),
                format!("A holder of `{role}` reads these elements and approves, or says why not."),
                format!("seatrial approve {}", own.id),
            ),
            FactoryDuty::Document { role } => (
                Duty::Document { role: role.clone() },
                format!("a document that a holder of `{role}` files"),
                format!("A holder of `{role}` files the document."),
                format!("seatrial file {} FILE", own.id),
            ),
            FactoryDuty::Attestation { role, asked } => {
                let mut obligation = super::attested::obligation(workflow, own, role, asked);
                obligation.max_age = own.max_age;
                obligation.waivable = own.waivable;
                return obligation;
            }
        };
        let mut obligation = Obligation::new(own.id.clone(), own.layer, &own.stages, duty, Basis::Judgement)
            .over(own.scope.iter().cloned())
            .with("title", own.title.as_str())
            .by(by)
            .text(own.title.clone(), help, command);
        obligation.max_age = own.max_age;
        obligation.waivable = own.waivable;
        obligation
    })
}

pub(super) fn release(workflow: &Workflow, factory: &FactorySpec, stage: Stage) -> Obligation {
    let by = match (stage, factory.profile.as_str()) {
        (Stage::Owned, "small") => "a person of the receiving side who is no author".to_owned(),
        (Stage::Owned, _) => {
            "one person of the receiving and one of the independent side, none of them an author, nobody of delivery"
                .to_owned()
        }
        (Stage::Production, "small") => "a person of the independent or the receiving side who is no author".to_owned(),
        (Stage::Production, _) => {
            "one person of the receiving and one of the independent side, none of them an author".to_owned()
        }
        _ => {
            let roles: Vec<String> = approving_roles(workflow, stage).into_iter().collect();
            format!("the delivery lead, or a holder of: {}; no author", roles.join(", "))
        }
    };
    Obligation::new("release.approval", Layer::Governance, &[stage], Duty::Release, Basis::Judgement)
        .with("stage", stage.as_str())
        .reads([Input::State])
        .by(by.clone())
        .text(
            format!("The state of all obligations is approved for {stage}"),
            format!(
                "Once nothing else is missing: {by}. Any change of another obligation's state makes the approval stale."
            ),
            format!("seatrial approve release.approval --stage {stage}"),
        )
}
