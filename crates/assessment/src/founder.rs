//! What a founder should ask.

use crate::definition::{Answer, Definition, Group};
use crate::flags::controls_after_launch;
use crate::log::{View, events};
use crate::{Standing, reason};
use seatrial_governance::{Duty, State};
use seatrial_model::event::{SprintClosed, SprintOpened};
use seatrial_model::{Body, Logged, Side, Stage};

pub(crate) const ALL: [Definition; 4] = [
    Definition {
        id: "founder.learning",
        group: Group::Founder,
        statement: "Is learning accelerating, or only output?",
        reads: "Each closed sprint: obligations discharged at its start and its end, questions settled, specs submitted.",
        rule: "A sprint learned where more was discharged at its end or a question was settled. `evidenced` where two or more did and none did not; `contradicted` where none did; `no evidence` where none was closed; else `partly`.",
        thresholds: &[],
        limits: "Learning that changed nothing in the log is not seen.",
        better: "Open the next sprint on a question whose answer changes the spec.",
        command: "seatrial sprint open --goal GOAL --question NAME",
        run: learning,
    },
    Definition {
        id: "founder.ownership",
        group: Group::Founder,
        statement: "Is ownership clearer after launch?",
        reads: "How `ownership.accepted` stands, and what the receiving side did since the first release: drills, acceptances, specs, stops, releases.",
        rule: "`evidenced` where it stands and the receiving side acted since; `contradicted` where it does not, nobody of them acted and nobody accepted; `no evidence` before a release without acceptances; else `partly`.",
        thresholds: &[],
        limits: "Operating acts of the running system (reviews, overrides) are counted by the transfer index.",
        better: "Have the receiving side accept each responsibility and do the next operating act itself.",
        command: "seatrial accept RESPONSIBILITY",
        run: clearer,
    },
    Definition {
        id: "founder.operation",
        group: Group::Founder,
        statement: "Can it go from experiment to operation?",
        reads: "`release.cut` of both stages, and decisions outside rehearsals.",
        rule: "`evidenced` where both stages were released and something was decided; `no evidence` where nothing was released; else `partly`.",
        thresholds: &[],
        limits: "Whether the volume is the one that business needs is not looked at.",
        better: "Discharge what stands between here and the next stage, in the order of what it unblocks.",
        command: "seatrial status --stage production",
        run: operation,
    },
    Definition {
        id: "founder.discipline",
        group: Group::Founder,
        statement: "Is the speed discipline, or deferred complexity?",
        reads: "Obligations of production, the approval of a release left out, that are stale, failed or revoked; and controls added after launch.",
        rule: "`evidenced` where there is neither after a release; `contradicted` where there are both; `no evidence` before a release; else `partly`.",
        thresholds: &[],
        limits: "Debt outside the spec (in the calling system) is not seen.",
        better: "Clear what has gone stale before adding to it.",
        command: "seatrial status --stage production",
        run: discipline,
    },
];

fn discharged(states: &std::collections::BTreeMap<String, String>) -> usize {
    states.values().filter(|s| *s == "discharged").count()
}

fn learning(view: &View<'_>) -> Answer {
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
    Answer::new(standing, reasons)
}

fn clearer(view: &View<'_>) -> Answer {
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
    Answer::new(standing, reasons)
}

fn operation(view: &View<'_>) -> Answer {
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
    Answer::new(standing, reasons)
}

fn discipline(view: &View<'_>) -> Answer {
    // The approval of the whole state goes stale with every bit of it: it is for the next release to say.
    let bad = |s: &&seatrial_governance::ObligationState| {
        s.obligation.duty != Duty::Release && matches!(s.state, State::Stale | State::Failed | State::Revoked)
    };
    let debts: Vec<String> =
        view.input.states.iter().filter(bad).map(|s| format!("`{}` {}", s.obligation.id, s.state)).collect();
    let late = controls_after_launch(view);
    let released = view.first_release();
    let behind = view.input.states.iter().filter(bad).flat_map(|s| s.events.iter());
    let behind: Vec<_> = behind.collect();
    let mut reasons = vec![if debts.is_empty() {
        reason("nothing that was shown has gone stale, failed or was revoked since the release", released)
    } else {
        reason(debts.join(", "), view.input.events.iter().filter(|e| behind.contains(&&e.event.id)))
    }];
    if !late.is_empty() {
        reasons.push(reason(
            format!("{} submission(s) added controls after launch", late.len()),
            late.iter().map(|(e, _)| *e),
        ));
    }
    let standing = match (released.is_some(), debts.is_empty(), late.is_empty()) {
        (false, ..) => Standing::NoEvidence,
        (true, true, true) => Standing::Evidenced,
        (true, false, false) => Standing::Contradicted,
        _ => Standing::Partly,
    };
    Answer::new(standing, reasons)
}
