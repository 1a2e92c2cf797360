//! Red flags, each as the statement that should hold.

use crate::log::{View, events};
use crate::{Item, Standing, item, reason};
use seatrial_governance::State;
use seatrial_model::event::SprintClosed;
use seatrial_model::{Body, Logged, PathPattern, Stage};

/// How many submissions without any governance count as a build.
const BUILD_SUBMISSIONS_MIN: usize = 3;

pub(crate) fn answers(view: &View<'_>) -> Vec<Item> {
    vec![
        velocity(view),
        governance_first(view),
        controls(view),
        responsibilities(view),
        pilot_counted(view),
        artifacts(view),
    ]
}

fn velocity(view: &View<'_>) -> Item {
    let closed: Vec<(&Logged, &SprintClosed)> =
        view.picked(|b| if let Body::SprintClosed(s) = b { Some(s) } else { None });
    let opened = view.all(|b| matches!(b, Body::SprintOpened(_)));
    let learned = view.all(|b| matches!(b, Body::SpecSubmitted(_) | Body::QuestionSettled(_)));
    let idle: Vec<&Logged> = closed
        .iter()
        .filter(|(end, _)| {
            let start = opened.iter().rev().find(|o| o.index < end.index).map_or(0, |o| o.index);
            !learned.iter().any(|e| e.index > start && e.index < end.index)
        })
        .map(|(e, _)| *e)
        .collect();
    let text =
        format!("{} of {} closed sprint(s) neither changed the spec nor settled a question", idle.len(), closed.len());
    let cites = if idle.is_empty() { learned } else { idle.clone() };
    let standing = match (closed.len(), idle.len()) {
        (0, _) => Standing::NoEvidence,
        (_, 0) => Standing::Evidenced,
        (all, idle) if all == idle => Standing::Contradicted,
        _ => Standing::Partly,
    };
    item(
        "flag.velocity",
        "Velocity comes with specification change",
        standing,
        vec![reason(text, cites)],
        "Start the next sprint from an open question, and let its answer change the spec.",
        "seatrial sprint open --goal GOAL --question NAME",
    )
}

fn governance_first(view: &View<'_>) -> Item {
    let submissions = view.submissions();
    let first = view.all(|b| matches!(b, Body::ApprovalGiven(_) | Body::QuestionSettled(_))).first().copied();
    let before = submissions.iter().filter(|(e, _)| first.is_none_or(|f| e.index < f.index)).count();
    let late = before >= BUILD_SUBMISSIONS_MIN && before == submissions.len();
    let standing = match (submissions.is_empty(), first, late) {
        (true, ..) => Standing::NoEvidence,
        (_, _, true) => Standing::Contradicted,
        (_, None, _) => Standing::NoEvidence,
        (_, Some(_), false) => Standing::Evidenced,
    };
    item(
        "flag.governance-after-build",
        "Governance takes place during the build, not after it",
        standing,
        vec![reason(
            format!(
                "{before} of {} spec(s) were submitted before the first approval or settled question",
                submissions.len()
            ),
            first.into_iter().chain(events(&submissions)),
        )],
        "Have the intent signed while it can still change.",
        "seatrial approve spec.intent",
    )
}

/// Submissions after the first release that added a control.
pub(crate) fn controls_after_launch<'a>(view: &View<'a>) -> Vec<&'a Logged> {
    let Some(launch) = view.first_release() else { return Vec::new() };
    let controls = ["refuse_input", "require", "forbid", "never", "escalate", "audit"]
        .map(|c| PathPattern::new(format!("steps.*.{c}")));
    let adds = |s: &seatrial_model::event::SpecSubmitted| s.added.iter().any(|p| controls.iter().any(|c| c.matches(p)));
    view.submissions().into_iter().filter(|(e, s)| e.index > launch.index && adds(s)).map(|(e, _)| e).collect()
}

fn controls(view: &View<'_>) -> Item {
    let late = controls_after_launch(view);
    let standing = match (view.first_release(), late.is_empty()) {
        (None, _) => Standing::NoEvidence,
        (Some(_), true) => Standing::Evidenced,
        (Some(_), false) => Standing::Contradicted,
    };
    item(
        "flag.controls-after-launch",
        "Controls were there at launch",
        standing,
        vec![reason(
            format!("{} submission(s) after the first release added a control", late.len()),
            view.first_release().into_iter().chain(late),
        )],
        "Ask why each was missing before. A control learned from operation is good; one that was known is not.",
        "seatrial diff OLD NEW",
    )
}

fn responsibilities(view: &View<'_>) -> Item {
    let ids = ["ownership.assigned", "ownership.accepted"];
    let accepted = view.all(|b| matches!(b, Body::ResponsibilityAccepted(_)));
    let settled = ids.iter().filter(|id| view.is(id, State::Discharged)).count();
    let launched = view.first_release().is_some();
    let standing = match (settled, accepted.is_empty()) {
        (2, _) => Standing::Evidenced,
        (0, _) if launched => Standing::Contradicted,
        (0, true) => Standing::NoEvidence,
        _ => Standing::Partly,
    };
    item(
        "flag.responsibilities",
        "Responsibilities are named and accepted",
        standing,
        ids.iter().map(|id| view.told(id)).collect(),
        "Name a receiving role for each responsibility, and have its people accept.",
        "seatrial accept RESPONSIBILITY",
    )
}

fn pilot_counted(view: &View<'_>) -> Item {
    let production = view.releases(Stage::Production);
    let counted: Vec<&Logged> = view
        .approvals()
        .into_iter()
        .filter(|(e, a)| a.stage == Stage::Pilot && view.input.states.iter().any(|s| s.events.contains(&e.event.id)))
        .map(|(e, _)| e)
        .collect();
    // Where one counts, it was given over the same text and as surely as production asks: worth a question, no more.
    let standing = match (production.is_empty(), counted.is_empty()) {
        (true, true) => Standing::NoEvidence,
        (false, true) => Standing::Evidenced,
        (_, false) => Standing::Partly,
    };
    let text = format!("{} approval(s) given for the pilot count for production today", counted.len());
    let cites = if counted.is_empty() { events(&production) } else { counted };
    item(
        "flag.pilot-evidence",
        "Production rests on production's own evidence",
        standing,
        vec![reason(text, cites)],
        "Ask whoever signed for the pilot whether they would sign for production, and have them say so.",
        "seatrial approve spec.intent --stage production",
    )
}

fn artifacts(view: &View<'_>) -> Item {
    let artifacts = view.all(|b| {
        matches!(b, Body::EvaluationRecorded(_) | Body::ProbeRun(_) | Body::TraceAudited(_) | Body::ThresholdTested(_))
    });
    let shown = view.input.running.decisions > 0 || view.first_release().is_some();
    let standing = match (shown, artifacts.is_empty()) {
        (_, false) => Standing::Evidenced,
        (true, true) => Standing::Contradicted,
        (false, true) => Standing::NoEvidence,
    };
    item(
        "flag.artifacts",
        "Demonstrations leave artifacts",
        standing,
        vec![reason(
            format!("{} evaluation(s), probes, audits and certifications in the log", artifacts.len()),
            if artifacts.is_empty() { view.first_release().into_iter().collect() } else { artifacts },
        )],
        "Evaluate what was demonstrated, so that it can be looked up.",
        "seatrial eval",
    )
}
