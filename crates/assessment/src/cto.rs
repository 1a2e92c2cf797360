//! What a CTO should ask.

use crate::definition::{Answer, Definition, Group};
use crate::log::{View, events, touched};
use crate::{Standing, reason};
use seatrial_governance::State;
use seatrial_model::{Body, Side, Stage};

pub(crate) const ALL: [Definition; 5] = [
    Definition {
        id: "cto.requirements",
        group: Group::Cto,
        statement: "How do evolving requirements stay structured?",
        reads: "`spec.submitted` with what it changed in meaning, and `question.settled`.",
        rule: "`evidenced` where a spec changed in meaning and a question was settled; `partly` where only one of these happened; `no evidence` where nothing was submitted.",
        thresholds: &[],
        limits: "Requirements that never reached the spec are not seen.",
        better: "Put what is not known into the spec as questions, answer them with events, and submit each change of the spec.",
        command: "seatrial submit",
        run: requirements,
    },
    Definition {
        id: "cto.governance",
        group: Group::Cto,
        statement: "How is governance represented inside delivery?",
        reads: "`approval.given`, and how production's intent, risk register and approvals stand today.",
        rule: "`evidenced` where all of them stand, `partly` where some do or approvals were given, `no evidence` where nothing was approved.",
        thresholds: &[],
        limits: "An approval says that somebody was entitled and saw the text, not that they understood it.",
        better: "Have the next missing approval given by somebody who is no author.",
        command: "seatrial status --stage production",
        run: governance,
    },
    Definition {
        id: "cto.controls",
        group: Group::Cto,
        statement: "Which runtime controls are part of the product?",
        reads: "How `runtime.enforces`, `runtime.trace` and the production drill of the stop stand today.",
        rule: "`evidenced` where all three are discharged, `partly` where some are, `no evidence` where none is; `contradicted` where one failed.",
        thresholds: &[],
        limits: "Controls outside the guard (at a proxy, in the calling system) are not seen.",
        better: "Rehearse, so that every rule is provoked; then have the receiving side drill the stop.",
        command: "seatrial rehearse",
        run: controls,
    },
    Definition {
        id: "cto.ownership",
        group: Group::Cto,
        statement: "How is ownership transferred?",
        reads: "How `ownership.assigned` and `ownership.accepted` stand, drills of the receiving side, and handover packs.",
        rule: "`evidenced` where both stand, the receiving side drilled and a pack was generated; `contradicted` where production was released without both; `partly` where something is there; else `no evidence`.",
        thresholds: &[],
        limits: "What the receiving side can do without help shows in the transfer index, not here.",
        better: "Have each person who takes over accept for themselves, and drill; then generate the pack.",
        command: "seatrial handover pack",
        run: ownership,
    },
    Definition {
        id: "cto.stages",
        group: Group::Cto,
        statement: "What changes between pilot and production?",
        reads: "`release.cut` of both stages, and what stands between here and production.",
        rule: "`evidenced` where both stages were released, `partly` where only one was, else `no evidence`.",
        thresholds: &[],
        limits: "How much the pilot taught is for its report to say.",
        better: "Cut a bounded pilot, and let production's own obligations be what stands between the two.",
        command: "seatrial status --stage production",
        run: stages,
    },
];

fn requirements(view: &View<'_>) -> Answer {
    let submissions = view.submissions();
    let changed = submissions.iter().filter(|(_, s)| touched(s).next().is_some()).count();
    let settled = view.all(|b| matches!(b, Body::QuestionSettled(_)));
    let reasons = vec![
        reason(
            format!("{} spec(s) submitted, {changed} with a difference in meaning", submissions.len()),
            events(&submissions),
        ),
        reason(
            format!("{} question(s) settled, {} in the spec", settled.len(), view.input.workflow.questions.len()),
            settled.clone(),
        ),
    ];
    let standing = match (submissions.is_empty(), changed > 0, settled.is_empty()) {
        (true, ..) => Standing::NoEvidence,
        (false, true, false) => Standing::Evidenced,
        _ => Standing::Partly,
    };
    Answer::new(standing, reasons)
}

fn governance(view: &View<'_>) -> Answer {
    let approvals = view.approvals();
    let governed: Vec<_> = view
        .input
        .states
        .iter()
        .filter(|s| {
            s.obligation.id.starts_with("approval.")
                || s.obligation.id == "spec.intent"
                || s.obligation.id == "risk.register"
        })
        .collect();
    let settled = governed.iter().filter(|s| s.state.is_settled()).count();
    let last = view.submissions().last().map(|(e, _)| e.index);
    let between = approvals.iter().any(|(e, _)| last.is_some_and(|last| e.index < last));
    let reasons = vec![
        reason(
            format!(
                "{} approval(s) given{}",
                approvals.len(),
                if between { ", some before the spec was final" } else { "" }
            ),
            events(&approvals),
        ),
        reason(format!("{settled} of {} approvals that production asks for stand today", governed.len()), []),
    ];
    let standing = if approvals.is_empty() {
        Standing::NoEvidence
    } else if settled == governed.len() && !governed.is_empty() {
        Standing::Evidenced
    } else {
        Standing::Partly
    };
    let next = governed.iter().find(|s| !s.state.is_settled()).and_then(|s| s.next.clone());
    Answer::new(standing, reasons).by(next)
}

fn controls(view: &View<'_>) -> Answer {
    let ids = ["runtime.enforces", "runtime.trace", "drill.stop"];
    let discharged = ids.iter().filter(|id| view.is(id, State::Discharged)).count();
    let failed = ids.iter().any(|id| view.is(id, State::Failed));
    let standing = match discharged {
        _ if failed => Standing::Contradicted,
        0 => Standing::NoEvidence,
        n if n == ids.len() => Standing::Evidenced,
        _ => Standing::Partly,
    };
    let next = ids.iter().filter_map(|id| view.state(id)).find_map(|s| s.next.clone());
    Answer::new(standing, ids.iter().map(|id| view.told(id)).collect()).by(next)
}

fn ownership(view: &View<'_>) -> Answer {
    let ids = ["ownership.assigned", "ownership.accepted"];
    let accepted = view.all(|b| matches!(b, Body::ResponsibilityAccepted(_)));
    let drills: Vec<_> = view
        .all(|b| matches!(b, Body::DrillDone(_)))
        .into_iter()
        .filter(|e| e.event.actor.side == Side::Receiving)
        .collect();
    let packs = view.all(|b| matches!(b, Body::PackGenerated(_)));
    let both = ids.iter().all(|id| view.is(id, State::Discharged));
    let released = !view.releases(Stage::Production).is_empty();
    let standing = if both && !drills.is_empty() && !packs.is_empty() {
        Standing::Evidenced
    } else if released && !both {
        Standing::Contradicted
    } else if accepted.is_empty() && drills.is_empty() && packs.is_empty() {
        Standing::NoEvidence
    } else {
        Standing::Partly
    };
    let mut reasons: Vec<_> = ids.iter().map(|id| view.told(id)).collect();
    reasons.push(reason(format!("{} drill(s) by the receiving side", drills.len()), drills));
    reasons.push(reason(format!("{} handover pack(s) generated", packs.len()), packs));
    Answer::new(standing, reasons)
}

fn stages(view: &View<'_>) -> Answer {
    let pilot = view.releases(Stage::Pilot);
    let production = view.releases(Stage::Production);
    let open = view.input.states.iter().filter(|s| !s.state.is_settled()).count();
    let reasons = vec![
        reason(format!("{} pilot release(s)", pilot.len()), events(&pilot)),
        reason(format!("{} production release(s)", production.len()), events(&production)),
        reason(format!("{open} of {} obligations stand between here and production", view.input.states.len()), []),
    ];
    let standing = match (pilot.is_empty(), production.is_empty()) {
        (true, true) => Standing::NoEvidence,
        (false, false) => Standing::Evidenced,
        // Production without any pilot: nothing was learned between the two.
        (true, false) | (false, true) => Standing::Partly,
    };
    Answer::new(standing, reasons)
}
