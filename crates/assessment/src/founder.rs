//! What a founder should ask.

use crate::flags::controls_after_launch;
use crate::log::{View, events};
use crate::{Item, Standing, item, reason};
use seatrial_governance::State;
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::{Body, Logged, Side, Stage};

pub(crate) fn answers(view: &View<'_>) -> Vec<Item> {
    vec![learning(view), clearer(view), operation(view), discipline(view)]
}

fn discharged(states: &std::collections::BTreeMap<String, String>) -> usize {
    states.values().filter(|s| *s == "discharged").count()
}

fn learning(view: &View<'_>) -> Item {
    let opened: Vec<(&Logged, &SprintOpened)> =
        view.picked(|b| if let Body::SprintOpened(s) = b { Some(s) } else { None });
    let closed: Vec<(&Logged, &SprintClosed)> =
        view.picked(|b| if let Body::SprintClosed(s) = b { Some(s) } else { None });
    let mut reasons = Vec::new();
    let (mut learned, mut idle) = (0, 0);
    for (event, sprint) in &closed {
        let Some((start, open)) = opened.iter().find(|(_, o)| o.sprint == sprint.sprint) else { continue };
        let (before, after) = (discharged(&open.states), discharged(&sprint.states));
        let inside = |e: &&&Logged| e.index > start.index && e.index < event.index;
        let settled = view.all(|b| matches!(b, Body::QuestionSettled(_)));
        let settled: Vec<&Logged> = settled.iter().filter(inside).copied().collect();
        let submitted = view.all(|b| matches!(b, Body::SpecSubmitted(_))).iter().filter(inside).count();
        let text = format!(
            "sprint {}: discharged {before} → {after}, {} question(s) settled, {submitted} spec(s) submitted",
            open.number,
            settled.len()
        );
        if after > before || !settled.is_empty() {
            learned += 1
        } else {
            idle += 1
        }
        reasons.push(reason(text, [*start, *event].into_iter().chain(settled)));
    }
    let standing = match (learned, idle) {
        (0, 0) => Standing::NoEvidence,
        (0, _) => Standing::Contradicted,
        (n, 0) if n >= 2 => Standing::Evidenced,
        _ => Standing::Partly,
    };
    if reasons.is_empty() {
        reasons.push(reason("no sprint was closed", []));
    }
    item(
        "founder.learning",
        "Is learning accelerating, or only output?",
        standing,
        reasons,
        "Open the next sprint on a question whose answer changes the spec.",
        "seatrial sprint open --goal GOAL --question NAME",
    )
}

fn clearer(view: &View<'_>) -> Item {
    let accepted = view.all(|b| matches!(b, Body::ResponsibilityAccepted(_)));
    let launched = view.first_release();
    let after: Vec<&Logged> = view
        .input
        .events
        .iter()
        .filter(|e| launched.is_some_and(|l| e.index > l.index) && e.event.actor.side == Side::Receiving)
        .filter(|e| {
            matches!(
                e.event.body,
                Body::DrillDone(_)
                    | Body::ResponsibilityAccepted(_)
                    | Body::SpecSubmitted(_)
                    | Body::WorkflowStopped(_)
                    | Body::WorkflowResumed(_)
                    | Body::ReleaseCut(_)
            )
        })
        .collect();
    let owned = view.is("ownership.accepted", State::Discharged);
    let standing = match (launched.is_some(), owned, after.is_empty()) {
        (true, true, false) => Standing::Evidenced,
        (true, false, true) if accepted.is_empty() => Standing::Contradicted,
        (false, false, _) if accepted.is_empty() => Standing::NoEvidence,
        _ => Standing::Partly,
    };
    let launched_reason = match launched {
        Some(event) => reason("launched", [event]),
        None => reason("not launched yet", []),
    };
    let reasons = vec![
        launched_reason,
        view.told("ownership.accepted"),
        reason(format!("{} operating act(s) of the receiving side since", after.len()), after),
    ];
    item(
        "founder.ownership",
        "Is ownership clearer after launch?",
        standing,
        reasons,
        "Have the receiving side accept each responsibility and do the next operating act itself.",
        "seatrial accept RESPONSIBILITY",
    )
}

fn operation(view: &View<'_>) -> Item {
    let pilot = view.releases(Stage::Pilot);
    let production = view.releases(Stage::Production);
    let decisions = view.input.running.decisions;
    let standing = match (pilot.is_empty(), production.is_empty(), decisions) {
        (false, false, 1..) => Standing::Evidenced,
        (true, true, _) => Standing::NoEvidence,
        _ => Standing::Partly,
    };
    let reasons = vec![
        reason(
            format!("{} pilot and {} production release(s)", pilot.len(), production.len()),
            events(&pilot).into_iter().chain(events(&production)),
        ),
        reason(format!("{decisions} decision(s) outside rehearsal"), []),
    ];
    item(
        "founder.operation",
        "Can it go from experiment to operation?",
        standing,
        reasons,
        "Discharge what stands between here and the next stage, in the order of what it unblocks.",
        "seatrial status --stage production",
    )
}

fn discipline(view: &View<'_>) -> Item {
    let bad = |s: State| matches!(s, State::Stale | State::Failed | State::Revoked);
    let debts: Vec<String> = view
        .input
        .states
        .iter()
        .filter(|s| bad(s.state))
        .map(|s| format!("`{}` {}", s.obligation.id, s.state))
        .collect();
    let late = controls_after_launch(view);
    let released = view.first_release();
    let behind = view.input.states.iter().filter(|s| bad(s.state)).flat_map(|s| s.events.iter());
    let behind: Vec<_> = behind.collect();
    let mut reasons = vec![if debts.is_empty() {
        reason("nothing that was shown has gone stale, failed or was revoked since the release", released)
    } else {
        reason(debts.join(", "), view.input.events.iter().filter(|e| behind.contains(&&e.event.id)))
    }];
    if !late.is_empty() {
        reasons.push(reason(format!("{} submission(s) added controls after launch", late.len()), late.iter().copied()));
    }
    let standing = match (released.is_some(), debts.is_empty(), late.is_empty()) {
        (false, ..) => Standing::NoEvidence,
        (true, true, true) => Standing::Evidenced,
        (true, false, false) => Standing::Contradicted,
        _ => Standing::Partly,
    };
    item(
        "founder.discipline",
        "Is the speed discipline, or deferred complexity?",
        standing,
        reasons,
        "Clear what has gone stale before adding to it.",
        "seatrial status --stage production",
    )
}
