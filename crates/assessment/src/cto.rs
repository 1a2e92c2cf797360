//! What a CTO should ask.

use crate::log::{View, events, touched};
use crate::{Item, Standing, item, reason};
use seatrial_governance::State;
use seatrial_model::{Body, Side, Stage};

pub(crate) fn answers(view: &View<'_>) -> Vec<Item> {
    vec![requirements(view), governance(view), controls(view), ownership(view), stages(view)]
}

fn requirements(view: &View<'_>) -> Item {
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
    item(
        "cto.requirements",
        "How do evolving requirements stay structured?",
        standing,
        reasons,
        "Put what is not known into the spec as questions, answer them with events, and submit each change of the spec.",
        "seatrial submit",
    )
}

fn governance(view: &View<'_>) -> Item {
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
    item(
        "cto.governance",
        "How is governance represented inside delivery?",
        standing,
        reasons,
        "Have the next missing approval given by somebody who is no author.",
        next.as_deref().unwrap_or("seatrial status --stage production"),
    )
}

fn controls(view: &View<'_>) -> Item {
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
    item(
        "cto.controls",
        "Which runtime controls are part of the product?",
        standing,
        ids.iter().map(|id| view.told(id)).collect(),
        "Rehearse, so that every rule is provoked; then have the receiving side drill the stop.",
        next.as_deref().unwrap_or("seatrial rehearse"),
    )
}

fn ownership(view: &View<'_>) -> Item {
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
    item(
        "cto.ownership",
        "How is ownership transferred?",
        standing,
        reasons,
        "Have each person who takes over accept for themselves, and drill; then generate the pack.",
        "seatrial handover pack",
    )
}

fn stages(view: &View<'_>) -> Item {
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
    item(
        "cto.stages",
        "What changes between pilot and production?",
        standing,
        reasons,
        "Cut a bounded pilot, and let production's own obligations be what stands between the two.",
        "seatrial status --stage production",
    )
}
