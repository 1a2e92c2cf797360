//! How it was operated: by whom it was drilled, what was served, what was waived, and whether people are real.

use super::statement;
use crate::definition::{Answer, Definition, Group, Threshold};
use crate::log::{View, events};
use crate::{CITATIONS_MAX, Citation, Reason, Served, Standing, reason};
use seatrial_model::event::WaiverRequested;
use seatrial_model::{Assurance, Body, Digest, EventId, Logged, Side, Stage};

/// Simulated judgements that are closer together than this are said to be so.
const AT_ONCE_MS: i64 = 60_000;

pub(crate) const ALL: [Definition; 4] = [WAIVERS, SERVED, DRILLS, SIMULATED];

const WAIVERS: Definition = Definition {
    id: "theatre.waivers",
    group: Group::Theatre,
    statement: "Waivers were renewed with work in between, not in silence",
    reads: "`waiver.requested` that renews another one and was granted; between the two, everything that speaks of the obligation: evidence for it, a document, a sprint that means to discharge it, a note that cites the waiver.",
    rule: "`contradicted` where nothing speaks of the obligation between a waiver and its renewal; `evidenced` where something does each time, or nothing was renewed; `no evidence` where nothing was waived.",
    thresholds: &[],
    limits: "Work that left no event is not seen. The reasons given are people's free text, and are not compared.",
    better: "Take the waived obligation into the next sprint, or let the waiver end.",
    command: "seatrial sprint open --goal GOAL --obligation ID",
    run: waivers,
};

/// Whether an event speaks of a waived obligation.
fn speaks_of(event: &Logged, obligation: &str, waiver: EventId, grants: &[EventId]) -> bool {
    let cited = |cites: &[EventId]| cites.contains(&waiver) || grants.iter().any(|g| cites.contains(g));
    let by_body = match &event.event.body {
        Body::SprintOpened(s) => s.obligations.iter().any(|o| o == obligation),
        Body::DocumentFiled(d) => d.obligation == obligation,
        Body::SprintNoted(n) => cited(&n.cites),
        _ => false,
    };
    by_body || event.event.evidence.iter().any(|e| e.obligation == obligation)
}

fn waivers(view: &View<'_>) -> Answer {
    let asked: Vec<(&Logged, &WaiverRequested)> =
        view.picked(|b| if let Body::WaiverRequested(w) = b { Some(w) } else { None });
    let grants = |waiver: EventId| -> Vec<EventId> {
        let of = |b: &Body| matches!(b, Body::WaiverGranted(g) if g.waiver == waiver);
        view.all(of).iter().map(|e| e.event.id).collect()
    };
    let mut renewed = Vec::new();
    let mut silent = Vec::new();
    for (event, asking) in &asked {
        let Some(before) = asking.renews else { continue };
        if grants(event.event.id).is_empty() {
            continue;
        }
        let start = asked.iter().find(|(e, _)| e.event.id == before).map_or(0, |(e, _)| e.index);
        let given = grants(before);
        let between = view.input.events.iter().filter(|e| e.index > start && e.index < event.index);
        let spoken = between.filter(|e| speaks_of(e, &asking.obligation, before, &given)).count();
        renewed.push(*event);
        if spoken == 0 {
            silent.push(*event);
        }
    }
    let text = format!(
        "{} waiver(s) asked for, {} renewed, {} of them without anything about the obligation in between",
        asked.len(),
        renewed.len(),
        silent.len()
    );
    statement(&events(&asked), &silent, text)
}

const SERVED: Definition = Definition {
    id: "theatre.served-digest",
    group: Group::Theatre,
    statement: "What was served is what was released",
    reads: "Every decision outside rehearsals: the release and the spec that it names; and every `release.cut`.",
    rule: "`contradicted` where a decision names no release, or another spec than the one released; `evidenced` where none does; `no evidence` where nothing was decided.",
    thresholds: &[],
    limits: "It compares what decisions say of themselves. A gateway that records one digest and serves another is found by `seatrial-verify`, which decides again, and by probes.",
    better: "Stop, and find out which program answered. Then release it, or roll back.",
    command: "seatrial stop --reason REASON",
    run: served,
};

fn served(view: &View<'_>) -> Answer {
    let releases: Vec<(Option<Digest>, Digest)> = crate::RELEASED
        .into_iter()
        .flat_map(|stage| view.releases(stage))
        .map(|(_, cut)| (Digest::of_canonical(cut).ok(), cut.spec))
        .collect();
    let released = |s: &&Served| {
        releases.iter().any(|(release, spec)| s.release.is_some() && s.release == *release && s.spec == Some(*spec))
    };
    let all = &view.input.running.served;
    let other: Vec<&Served> = all.iter().filter(|s| !released(s)).collect();
    let total: u64 = all.iter().map(|s| s.decisions).sum();
    let count: u64 = other.iter().map(|s| s.decisions).sum();
    let standing = match (total, count) {
        (0, _) => Standing::NoEvidence,
        (_, 0) => Standing::Evidenced,
        _ => Standing::Contradicted,
    };
    let cited: Vec<&Served> = if other.is_empty() { all.iter().collect() } else { other };
    let cite = |s: &&Served| Citation { index: s.example.0, event: s.example.1 };
    let cites = cited.iter().map(cite).take(CITATIONS_MAX).collect();
    let text = format!("{count} of {total} decision(s) were made under another digest than a released one");
    Answer::new(standing, vec![Reason { text, cites }])
}

const DRILLS: Definition = Definition {
    id: "theatre.drills",
    group: Group::Theatre,
    statement: "The receiving side drills the controls itself",
    reads: "`drill.done`: which side its actor belongs to, before and after the first release to production.",
    rule: "`contradicted` where all drills, or all since the first release to production, were done by the delivery side; `evidenced` where the receiving side did one in each; `no evidence` where nobody drilled.",
    thresholds: &[],
    limits: "Who stood beside whoever drilled is not seen. Before a pilot the delivery side may drill; if it alone ever did, it is shown all the same.",
    better: "Have somebody of the receiving side do the next drill without help.",
    command: "seatrial drill stop --resumed-by PERSON",
    run: drills,
};

fn drills(view: &View<'_>) -> Answer {
    let drills = view.all(|b| matches!(b, Body::DrillDone(_)));
    let launch = view.launch().map(|e| e.index);
    let since: Vec<&Logged> = drills.iter().filter(|e| launch.is_some_and(|l| e.index > l)).copied().collect();
    let alone = |list: &[&Logged]| !list.is_empty() && list.iter().all(|e| e.event.actor.side == Side::Delivery);
    let seen = match (alone(&drills), alone(&since)) {
        (true, _) => drills.clone(),
        (false, true) => since.clone(),
        (false, false) => Vec::new(),
    };
    let by_delivery = drills.iter().filter(|e| e.event.actor.side == Side::Delivery).count();
    let text = format!(
        "{} drill(s), {by_delivery} by the delivery side; {} since the first release to production{}",
        drills.len(),
        since.len(),
        if alone(&since) { ", all of these by the delivery side" } else { "" }
    );
    statement(&drills, &seen, text)
}

const SIMULATED: Definition = Definition {
    id: "theatre.simulated",
    group: Group::Theatre,
    statement: "Approvers are real people",
    reads: "`approval.given`, `responsibility.accepted` and `release.cut`: whether the event is a simulation's, and how its actor was authenticated.",
    rule: "`contradicted` where one of them is simulated; `evidenced` where none is; `no evidence` where nothing was judged.",
    thresholds: &[Threshold {
        name: "AT_ONCE_MS",
        value: AT_ONCE_MS as u64,
        unit: "milliseconds",
        why: "it only says how many simulated judgements came within a minute of the one before; it decides nothing",
    }],
    limits: "That somebody signed in is no proof that they are who they say, nor that they looked.",
    better: "Nothing to do in a demo: that is what it is. For a real delivery write a `factory.yaml` of kind `real`.",
    command: "seatrial check",
    run: simulated,
};

fn simulated(view: &View<'_>) -> Answer {
    let judged =
        view.all(|b| matches!(b, Body::ApprovalGiven(_) | Body::ResponsibilityAccepted(_) | Body::ReleaseCut(_)));
    let is = |e: &&&Logged| e.event.simulation || e.event.actor.assurance == Assurance::Simulated;
    let seen: Vec<&Logged> = judged.iter().filter(is).copied().collect();
    let at_once = seen.iter().zip(seen.iter().skip(1));
    let at_once = at_once.filter(|(a, b)| b.event.time.millis_since(a.event.time) <= AT_ONCE_MS).count();
    let text = format!(
        "{} of {} approvals, acceptances and releases are simulated; they count in a simulation only",
        seen.len(),
        judged.len()
    );
    let mut answer = statement(&judged, &seen, text);
    if at_once > 0 {
        let why = format!("{at_once} of them came within a minute of the one before: nobody judged");
        answer.reasons.push(reason(why, seen.iter().copied().skip(1)));
    }
    if let Some((launch, _)) = view.releases(Stage::Production).first().filter(|(e, _)| e.event.simulation) {
        answer.reasons.push(reason("the release to production is a simulation's, and says so for ever", [*launch]));
    }
    answer
}
