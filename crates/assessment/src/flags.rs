//! Red flags, each as the statement that should hold.

use crate::definition::{Answer, Definition, Group, Threshold};
use crate::log::{View, events, patterns};
use crate::{Standing, reason};
use seatrial_governance::State;
use seatrial_model::event::{QuestionSettled, SprintClosed, SprintNoted, SprintOpened};
use seatrial_model::{Assurance, Body, ElementPath, EventId, Logged, Side, Stage};

/// How many submissions count as a build.
const BUILD_SUBMISSIONS_MIN: usize = 3;

pub(crate) const ALL: [Definition; 6] = [VELOCITY, GOVERNANCE, CONTROLS, RESPONSIBILITIES, PILOT, ARTIFACTS];

const VELOCITY: Definition = Definition {
    id: "flag.velocity",
    group: Group::RedFlags,
    statement: "Velocity comes with specification change",
    reads: "Each closed sprint, and the `spec.submitted` and `question.settled` within it.",
    rule: "`contradicted` where no closed sprint changed the spec or settled a question, `partly` where some did not, `evidenced` where all did; `no evidence` where none was closed.",
    thresholds: &[],
    limits: "A sprint that confirms what the spec says already (a replay, a drill) changes nothing, and may be in order. Work outside sprints is not seen.",
    better: "Start the next sprint from an open question, and let its answer change the spec.",
    command: "seatrial sprint open --goal GOAL --question NAME",
    run: velocity,
};

/// Every closed sprint: its opening, its end.
pub(crate) type Sprint<'a> = ((&'a Logged, &'a SprintOpened), (&'a Logged, &'a SprintClosed));

pub(crate) fn sprints<'a>(view: &View<'a>) -> Vec<Sprint<'a>> {
    let opened: Vec<(&Logged, &SprintOpened)> =
        view.picked(|b| if let Body::SprintOpened(s) = b { Some(s) } else { None });
    let closed: Vec<(&Logged, &SprintClosed)> =
        view.picked(|b| if let Body::SprintClosed(s) = b { Some(s) } else { None });
    let pair = |(end, close): (&'a Logged, &'a SprintClosed)| {
        opened.iter().find(|(_, o)| o.sprint == close.sprint).map(|open| (*open, (end, close)))
    };
    closed.into_iter().filter_map(pair).collect()
}

/// The events within a sprint for which the test holds.
pub(crate) fn inside<'a>(view: &View<'a>, sprint: &Sprint<'_>, test: impl Fn(&Body) -> bool) -> Vec<&'a Logged> {
    let ((start, _), (end, _)) = sprint;
    view.all(test).into_iter().filter(|e| e.index > start.index && e.index < end.index).collect()
}

/// How a share of bad ones stands: all, some, none, of none.
pub(crate) const fn share(bad: usize, of: usize) -> Standing {
    match (bad, of) {
        (_, 0) => Standing::NoEvidence,
        (0, _) => Standing::Evidenced,
        (bad, of) if bad == of => Standing::Contradicted,
        _ => Standing::Partly,
    }
}

fn velocity(view: &View<'_>) -> Answer {
    let all = sprints(view);
    let learns = |b: &Body| matches!(b, Body::SpecSubmitted(_) | Body::QuestionSettled(_));
    let idle: Vec<&Logged> =
        all.iter().filter(|s| inside(view, s, learns).is_empty()).map(|(_, (end, _))| *end).collect();
    let text =
        format!("{} of {} closed sprint(s) neither changed the spec nor settled a question", idle.len(), all.len());
    let cites: Vec<&Logged> =
        if idle.is_empty() { all.iter().flat_map(|s| inside(view, s, learns)).collect() } else { idle.clone() };
    Answer::new(share(idle.len(), all.len()), vec![reason(text, cites)])
}

const GOVERNANCE: Definition = Definition {
    id: "flag.governance-after-build",
    group: Group::RedFlags,
    statement: "Governance takes place during the build, not after it",
    reads: "`spec.submitted` up to the first release; among them `approval.given`, `question.settled`, `document.filed` and `waiver.granted`.",
    rule: "`contradicted` where three or more specs were submitted before the first release, and nothing was approved, settled, filed or granted before the last of them; `evidenced` where something was; `no evidence` where nothing was governed yet, or fewer were submitted and nothing came between.",
    thresholds: &[Threshold {
        name: "BUILD_SUBMISSIONS_MIN",
        value: BUILD_SUBMISSIONS_MIN as u64,
        unit: "submissions",
        why: "two may be a draft and its correction; with a third there was twice an occasion to ask somebody",
    }],
    limits: "Judgements outside the log (a steering committee's minutes) are not seen until a question is settled by them. Whether what was approved early still stands is for the obligations to say.",
    better: "Have the intent signed while it can still change.",
    command: "seatrial approve spec.intent --stage pilot",
    run: governance_first,
};

fn governs(body: &Body) -> bool {
    matches!(body, Body::ApprovalGiven(_) | Body::QuestionSettled(_) | Body::DocumentFiled(_) | Body::WaiverGranted(_))
}

fn governance_first(view: &View<'_>) -> Answer {
    let release = view.first_release().map(|e| e.index);
    let build: Vec<_> = view.submissions().into_iter().filter(|(e, _)| release.is_none_or(|r| e.index < r)).collect();
    let first = view.all(governs).first().copied();
    let before = build.iter().filter(|(e, _)| first.is_none_or(|f| e.index < f.index)).count();
    let standing = match first {
        Some(_) if before < build.len() => Standing::Evidenced,
        _ if build.len() >= BUILD_SUBMISSIONS_MIN => Standing::Contradicted,
        _ => Standing::NoEvidence,
    };
    let text = format!(
        "{before} of {} spec(s) before the first release were submitted before anything was approved, settled, filed or granted",
        build.len()
    );
    Answer::new(standing, vec![reason(text, first.into_iter().chain(events(&build)))])
}

const CONTROLS: Definition = Definition {
    id: "flag.controls-after-launch",
    group: Group::RedFlags,
    statement: "Controls were there at launch, or were learned from operation",
    reads: "`spec.submitted` after the first release to production that adds a `refuse_input`, `require`, `forbid`, `never`, `escalate` or `audit`; before it and after the launch, findings of sprints, settled questions and incidents.",
    rule: "`contradicted` where one adds a control and nothing in the log says that it was learned since the launch; `evidenced` where none does; `no evidence` before the launch. A pilot is no launch: it is there to find controls.",
    thresholds: &[],
    limits: "Whether a finding is about that control is not looked at. A control that was only made stricter is not seen.",
    better: "Ask why each was missing before. A control learned from operation is good; one that was known is not.",
    command: "seatrial diff OLD NEW",
    run: controls,
};

/// Submissions after the launch that added a control which nothing since had taught.
pub(crate) fn controls_after_launch<'a>(view: &View<'a>) -> Vec<(&'a Logged, Vec<ElementPath>)> {
    let Some(launch) = view.launch() else { return Vec::new() };
    let controls = patterns([
        "steps.*.refuse_input",
        "steps.*.require",
        "steps.*.forbid",
        "steps.*.never",
        "steps.*.escalate",
        "steps.*.audit",
    ]);
    let taught = view.all(|b| match b {
        Body::SprintNoted(SprintNoted { finding, .. }) => *finding,
        Body::IncidentOpened(i) => !i.drill,
        Body::QuestionSettled(_) | Body::IncidentReviewed(_) => true,
        _ => false,
    });
    let learned = |e: &Logged| taught.iter().any(|t| t.index > launch.index && t.index < e.index);
    let late = view.changes().into_iter().filter(|(e, _)| e.index > launch.index && !learned(e));
    late.map(|(e, s)| (e, s.added.iter().filter(|p| controls.iter().any(|c| c.matches(p))).cloned().collect()))
        .filter(|(_, added): &(&Logged, Vec<ElementPath>)| !added.is_empty())
        .collect()
}

fn controls(view: &View<'_>) -> Answer {
    let late = controls_after_launch(view);
    let standing = match (view.launch(), late.is_empty()) {
        (None, _) => Standing::NoEvidence,
        (Some(_), true) => Standing::Evidenced,
        (Some(_), false) => Standing::Contradicted,
    };
    let text = format!(
        "{} submission(s) after the first release to production added a control that nothing had taught",
        late.len()
    );
    let cites = view.launch().into_iter().chain(late.iter().map(|(e, _)| *e));
    Answer::new(standing, vec![reason(text, cites)]).about(late.iter().flat_map(|(_, added)| added.iter().cloned()))
}

const RESPONSIBILITIES: Definition = Definition {
    id: "flag.responsibilities",
    group: Group::RedFlags,
    statement: "Responsibilities are named and accepted",
    reads: "How `ownership.assigned` and `ownership.accepted` stand today.",
    rule: "`contradicted` where one of them is not discharged although production was released; `partly` where only a part is there before; `evidenced` where both stand; `no evidence` where nobody accepted anything yet.",
    thresholds: &[],
    limits: "An acceptance is a signature. Whether it is true is for the transfer index and the drills to say.",
    better: "Name a receiving role for each responsibility, and have its people accept.",
    command: "seatrial accept RESPONSIBILITY",
    run: responsibilities,
};

fn responsibilities(view: &View<'_>) -> Answer {
    let ids = ["ownership.assigned", "ownership.accepted"];
    let accepted = view.all(|b| matches!(b, Body::ResponsibilityAccepted(_)));
    let settled = ids.iter().filter(|id| view.is(id, State::Discharged)).count();
    let standing = match (settled, view.launch().is_some(), accepted.is_empty()) {
        (2, ..) => Standing::Evidenced,
        (_, true, _) => Standing::Contradicted,
        (_, false, true) => Standing::NoEvidence,
        (_, false, false) => Standing::Partly,
    };
    let answer = Answer::new(standing, ids.iter().map(|id| view.told(id)).collect());
    if standing == Standing::Evidenced { answer } else { answer.about([ElementPath::new("responsibilities")]) }
}

const PILOT: Definition = Definition {
    id: "flag.pilot-evidence",
    group: Group::RedFlags,
    statement: "Production rests on evidence that meets production's parameters",
    reads: "The events on which each release to production rests: the stage for which an approval was given, the assurance of whoever judged, who drilled.",
    rule: "`contradicted` where a release to production rests on a drill of the delivery side, or on a judgement less sure than by token; `partly` where it rests on an approval that was given for the pilot, and whoever gave it said nothing for production; `evidenced` where it does on none of these; `no evidence` where production was not released.",
    thresholds: &[],
    limits: "An outcome that was measured while everything was reviewed, and a volume that the pilot never saw, are not compared. The obligations themselves refuse most of this; an approval for the pilot over the same text they let count.",
    better: "Ask whoever signed for the pilot whether they would sign for production, and have them say so.",
    command: "seatrial approve spec.intent --stage production",
    run: pilot_counted,
};

/// Why a piece of evidence does not meet production's parameters; and whether production's own rules let it count.
fn beneath(e: &Logged) -> Option<(&'static str, bool)> {
    match &e.event.body {
        Body::DrillDone(_) if e.event.actor.side == Side::Delivery => Some(("drilled by the delivery side", false)),
        Body::ApprovalGiven(_) | Body::ResponsibilityAccepted(_)
            if e.event.actor.assurance < Assurance::Token && !e.event.simulation =>
        {
            Some(("judged with less assurance than a token", false))
        }
        Body::ApprovalGiven(a) if a.stage == Stage::Pilot => Some(("approved for the pilot", true)),
        _ => None,
    }
}

/// Whether whoever approved for the pilot has approved the same for production as well.
fn said_again(view: &View<'_>, pilot: &Logged) -> bool {
    let same = |e: &Logged| {
        let of = |o: &str| pilot.event.evidence.iter().any(|p| p.obligation == o);
        e.event.actor.id == pilot.event.actor.id && e.event.evidence.iter().any(|ev| of(&ev.obligation))
    };
    view.approvals().iter().any(|(e, a)| a.stage == Stage::Production && same(e))
}

fn pilot_counted(view: &View<'_>) -> Answer {
    let production = view.releases(Stage::Production);
    let rests = |id: &EventId| {
        production.iter().any(|(r, _)| view.input.rests.get(&r.event.id).is_some_and(|on| on.contains(id)))
    };
    let counted: Vec<(&Logged, &str, bool)> = view
        .input
        .events
        .iter()
        .filter(|e| rests(&e.event.id))
        .filter_map(|e| beneath(e).map(|(why, allowed)| (e, why, allowed)))
        .filter(|(e, _, allowed)| !allowed || !said_again(view, e))
        .collect();
    let standing = match (production.is_empty(), counted.is_empty()) {
        (true, _) => Standing::NoEvidence,
        (false, true) => Standing::Evidenced,
        (false, false) if counted.iter().all(|(_, _, allowed)| *allowed) => Standing::Partly,
        (false, false) => Standing::Contradicted,
    };
    if counted.is_empty() {
        let text =
            format!("{} release(s) to production rest on nothing beneath production's parameters", production.len());
        return Answer::new(standing, vec![reason(text, events(&production))]);
    }
    let mut whys: Vec<&str> = counted.iter().map(|(_, why, _)| *why).collect();
    whys.sort_unstable();
    whys.dedup();
    let each = |why: &&str| {
        let of: Vec<&Logged> = counted.iter().filter(|(_, w, _)| w == why).map(|(e, ..)| *e).collect();
        reason(format!("{} event(s) on which production was released: {why}", of.len()), of)
    };
    Answer::new(standing, whys.iter().map(each).collect())
}

const ARTIFACTS: Definition = Definition {
    id: "flag.artifacts",
    group: Group::RedFlags,
    statement: "Demonstrations leave artifacts",
    reads: "What was claimed: answered questions and findings of sprints, with the events that they cite. What can be looked up: evaluations, probes, reconstructed traces, certificates, replays, drills, reconciliations, measured outcomes, pilot reports, documents, decisions.",
    rule: "`contradicted` where no claim cites anything that can be looked up, or where something runs and nothing was ever measured; `partly` where some claims do not; `evidenced` where all do; `no evidence` where nothing was claimed nor measured.",
    thresholds: &[],
    limits: "Whether the artifact supports the claim is for a reader to judge. A demonstration about which nothing was written into the log is not seen.",
    better: "Evaluate what was demonstrated, so that it can be looked up, and cite it.",
    command: "seatrial eval",
    run: artifacts,
};

fn is_artifact(body: &Body) -> bool {
    matches!(
        body,
        Body::EvaluationRecorded(_)
            | Body::ProbeRun(_)
            | Body::TraceAudited(_)
            | Body::ThresholdTested(_)
            | Body::ReplayRecorded(_)
            | Body::DrillDone(_)
            | Body::ReconciliationDone(_)
            | Body::OutcomeMeasured(_)
            | Body::PilotReported(_)
            | Body::DocumentFiled(_)
            | Body::AttestationAccepted(_)
    )
}

fn artifacts(view: &View<'_>) -> Answer {
    let artifacts = view.all(is_artifact);
    let shown = view.input.running.decisions > 0 || view.first_release().is_some();
    let claims: Vec<(&Logged, &[EventId])> = view.input.events.iter().filter_map(|e| claim(e)).collect();
    // What is not among the delivery's events is one of the running system: a decision, a review.
    let talk = |id: &EventId| view.input.events.iter().any(|e| e.event.id == *id && !is_artifact(&e.event.body));
    let bare: Vec<&Logged> = claims.iter().filter(|(_, cites)| cites.iter().all(talk)).map(|(e, _)| *e).collect();
    let standing = match (artifacts.is_empty(), shown) {
        (true, true) => Standing::Contradicted,
        (true, false) if claims.is_empty() => Standing::NoEvidence,
        _ if claims.is_empty() => Standing::Evidenced,
        _ => share(bare.len(), claims.len()),
    };
    let mut reasons =
        vec![reason(format!("{} artifact(s) in the log that can be looked up", artifacts.len()), artifacts)];
    let text = format!("{} of {} answers and findings cite nothing that can be looked up", bare.len(), claims.len());
    let cites = if bare.is_empty() { claims.iter().map(|(e, _)| *e).collect() } else { bare };
    reasons.push(reason(text, cites));
    Answer::new(standing, reasons)
}

/// What an event claims, by what it cites.
fn claim(event: &Logged) -> Option<(&Logged, &[EventId])> {
    match &event.event.body {
        Body::QuestionSettled(QuestionSettled { withdrawn: false, cites, .. }) => Some((event, cites)),
        Body::SprintNoted(SprintNoted { finding: true, cites, .. }) => Some((event, cites)),
        _ => None,
    }
}
