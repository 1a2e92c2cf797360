//! The assumptions of a generic transformation, each turned round: as the statement that should hold.

use crate::definition::{Answer, Definition, Group, Threshold};
use crate::flags::{inside, share, sprints};
use crate::log::{View, patterns, within};
use crate::{Standing, reason};
use seatrial_model::{Body, ElementPath, Logged, Side};
use std::collections::{BTreeMap, BTreeSet};

/// The responsibilities that somebody takes over.
const RESPONSIBILITIES: usize = seatrial_spec::workflow::RESPONSIBILITIES.len();

pub(crate) const ALL: [Definition; 4] = [REQUIREMENTS, GOVERNANCE, CLARITY, OWNERSHIP];

const REQUIREMENTS: Definition = Definition {
    id: "assumption.requirements",
    group: Group::Assumptions,
    statement: "Requirements changed once behaviour was seen",
    reads: "The first evaluation, probe or pilot report; results that missed something; and `spec.submitted` after it that touch what is asked for: purpose, population, outcomes, rules, confidence, escalation, reviews, overrides, thresholds, slices, risks, questions and assumptions.",
    rule: "`contradicted` where a result missed something and nothing that is asked for changed since behaviour was seen; `evidenced` where something did; `no evidence` where no behaviour was seen, or it missed nothing.",
    thresholds: &[],
    limits: "A better prompt or model can be the right answer to a miss. What changed for another reason than what was seen counts as well.",
    better: "Ask of each miss whether the requirement was right, and put the answer into the spec.",
    command: "seatrial diff OLD NEW",
    run: requirements,
};

fn requirements(view: &View<'_>) -> Answer {
    let asked_for = patterns([
        "purpose",
        "population",
        "outcomes",
        "steps.*.influence",
        "steps.*.reversible",
        "steps.*.refuse_input",
        "steps.*.require",
        "steps.*.forbid",
        "steps.*.never",
        "steps.*.confidence",
        "steps.*.escalate",
        "steps.*.audit",
        "steps.*.review",
        "steps.*.override",
        "steps.*.fallback",
        "thresholds",
        "slices",
        "risks",
        "questions",
        "assumptions",
    ]);
    let seen = view.all(|b| match b {
        Body::EvaluationRecorded(e) => e.outputs == "obtained",
        Body::ProbeRun(_) | Body::PilotReported(_) => true,
        _ => false,
    });
    let missed = view.all(|b| match b {
        Body::EvaluationRecorded(e) => e.outputs == "obtained" && (e.passed.k < e.passed.n || e.let_through.k > 0),
        Body::ThresholdTested(t) => !t.certified,
        Body::PilotReported(p) => p.continues == Some(false),
        Body::AssumptionChecked(a) => !a.holds,
        _ => false,
    });
    let first = seen.first().map(|e| e.index);
    let since = view.changes().into_iter().filter(|(e, _)| first.is_some_and(|f| e.index > f));
    let changed: Vec<(&Logged, Vec<ElementPath>)> =
        since.map(|(e, s)| (e, within(s, &asked_for))).filter(|(_, paths)| !paths.is_empty()).collect();
    let standing = match (changed.is_empty(), missed.is_empty()) {
        (false, _) => Standing::Evidenced,
        (true, false) => Standing::Contradicted,
        (true, true) => Standing::NoEvidence,
    };
    let reasons = vec![
        reason(
            format!("{} submission(s) changed what is asked for after the first behaviour was seen", changed.len()),
            seen.first().copied().into_iter().chain(changed.iter().map(|(e, _)| *e)),
        ),
        reason(format!("{} result(s) missed something", missed.len()), missed),
    ];
    Answer::new(standing, reasons)
}

const GOVERNANCE: Definition = Definition {
    id: "assumption.governance",
    group: Group::Assumptions,
    statement: "Risk was heard before it was of use, not afterwards",
    reads: "The first release, pilot or production, from which on cases of business pass; and what people of the independent side did: approved, settled, filed, granted, noted.",
    rule: "`contradicted` where something was released before anybody independent had said anything in the log; `evidenced` where somebody had; `no evidence` where nothing was released, or the factory names nobody independent.",
    thresholds: &[],
    limits: "Which role answers for risk is read from the side alone. What was said is not weighed.",
    better: "Ask risk for the questions that it would ask at the end, and put them into the spec with risk as their owner.",
    command: "seatrial question answer NAME --cites EVENT TEXT",
    run: governance,
};

fn governance(view: &View<'_>) -> Answer {
    let speaks = |b: &Body| {
        matches!(
            b,
            Body::ApprovalGiven(_)
                | Body::ApprovalWithdrawn(_)
                | Body::QuestionSettled(_)
                | Body::DocumentFiled(_)
                | Body::WaiverGranted(_)
                | Body::SprintNoted(_)
        )
    };
    let said: Vec<&Logged> = view.all(speaks).into_iter().filter(|e| e.event.actor.side == Side::Independent).collect();
    let released = view.first_release();
    let before = said.iter().filter(|e| released.is_none_or(|r| e.index < r.index)).count();
    let anybody = view.input.factory.people.iter().any(|p| p.side == Side::Independent);
    let standing = match (before > 0, released.is_some() && anybody) {
        (true, _) => Standing::Evidenced,
        (false, true) => Standing::Contradicted,
        (false, false) => Standing::NoEvidence,
    };
    let text = format!(
        "{before} of {} judgement(s) and notes of the independent side came before the first release",
        said.len()
    );
    Answer::new(standing, vec![reason(text, released.into_iter().chain(said))])
}

const CLARITY: Definition = Definition {
    id: "assumption.velocity",
    group: Group::Assumptions,
    statement: "Clarity kept up with velocity",
    reads: "Each closed sprint in which the spec changed: how the obligations that stood at its start and at its end stood at both, and questions settled.",
    rule: "A sprint fell behind where more obligations lost their discharge than gained it, and no question was settled. `contradicted` where all such sprints fell behind, `partly` where some did, `evidenced` where none did; `no evidence` where the spec changed in no closed sprint.",
    thresholds: &[],
    limits: "A bold change stales much, and the next sprint may show it all again: look at the next one. An obligation counts as one, however heavy. New obligations, as for a question raised, count for neither.",
    better: "End a sprint when what its changes made stale is shown again.",
    command: "seatrial status --stage production",
    run: clarity,
};

/// How many obligations gained and lost their discharge.
fn balance(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> (usize, usize) {
    let stands = |state: &String| matches!(state.as_str(), "discharged" | "waived" | "not applicable");
    let both = before.iter().filter_map(|(id, was)| after.get(id).map(|is| (stands(was), stands(is))));
    both.fold((0, 0), |(gained, lost), pair| match pair {
        (false, true) => (gained + 1, lost),
        (true, false) => (gained, lost + 1),
        _ => (gained, lost),
    })
}

fn clarity(view: &View<'_>) -> Answer {
    let moved = |b: &Body| matches!(b, Body::SpecSubmitted(s) if s.previous.is_some());
    let settled = |b: &Body| matches!(b, Body::QuestionSettled(_));
    let changed: Vec<_> = sprints(view).into_iter().filter(|s| !inside(view, s, moved).is_empty()).collect();
    let mut reasons = Vec::new();
    let mut behind = 0;
    for sprint in &changed {
        let ((start, open), (end, close)) = sprint;
        let (gained, lost) = balance(&open.states, &close.states);
        let settled = inside(view, sprint, settled).len();
        let fell = lost > gained && settled == 0;
        behind += usize::from(fell);
        let text = format!(
            "sprint {}: {gained} obligation(s) gained, {lost} lost, {settled} question(s) settled{}",
            open.number,
            if fell { ": output ran ahead" } else { "" }
        );
        reasons.push(reason(text, [*start, *end]));
    }
    if reasons.is_empty() {
        reasons.push(reason("the spec changed in no closed sprint", []));
    }
    Answer::new(share(behind, changed.len()), reasons)
}

const OWNERSHIP: Definition = Definition {
    id: "assumption.ownership",
    group: Group::Assumptions,
    statement: "Somebody owned it before cases of business passed, not after launch",
    reads: "`responsibility.accepted` by the receiving side, and the first release, pilot or production.",
    rule: "`evidenced` where each of the five responsibilities had been accepted by somebody before the first release; `partly` where some had; `contradicted` where none had; before a release `evidenced` where one was accepted, else `no evidence`.",
    thresholds: &[Threshold {
        name: "RESPONSIBILITIES",
        value: RESPONSIBILITIES as u64,
        unit: "responsibilities",
        why: "workflow, changes, exceptions, behaviour, evolution: the spec's own list",
    }],
    limits: "An early acceptance may have been made stale since: `flag.responsibilities` says how it stands today.",
    better: "Have those who will own it accept before the pilot, and again over what the pilot changed.",
    command: "seatrial accept RESPONSIBILITY",
    run: ownership,
};

fn ownership(view: &View<'_>) -> Answer {
    let released = view.first_release();
    let accepted = view.picked(|b| if let Body::ResponsibilityAccepted(r) = b { Some(r) } else { None });
    let early: Vec<_> = accepted.iter().filter(|(e, _)| released.is_none_or(|r| e.index < r.index)).collect();
    let taken: BTreeSet<&ElementPath> = early.iter().map(|(_, r)| &r.responsibility).collect();
    let standing = match (released.is_some(), taken.len()) {
        (false, 0) => Standing::NoEvidence,
        (true, 0) => Standing::Contradicted,
        (true, n) if n < RESPONSIBILITIES => Standing::Partly,
        _ => Standing::Evidenced,
    };
    let text = format!("{} of {RESPONSIBILITIES} responsibilities were accepted before the first release", taken.len());
    let cites: Vec<&Logged> = if early.is_empty() {
        released.into_iter().chain(accepted.first().map(|(e, _)| *e)).collect()
    } else {
        early.iter().map(|(e, _)| *e).collect()
    };
    Answer::new(standing, vec![reason(text, cites)])
}
