//! How evidence came about: with the work, against bars that stayed, on examples that moved with the spec.

use super::statement;
use crate::definition::{Answer, Definition, Group, Threshold};
use crate::log::{View, patterns, within};
use crate::{Standing, reason};
use seatrial_model::event::{DrillDone, SpecSubmitted};
use seatrial_model::{Body, Digest, ElementPath, Logged, PathPattern};
use seatrial_spec::{Direction, compare};

/// Fewer pieces of evidence than these say nothing about their dates.
const EVIDENCE_MIN: usize = 6;
const DAY_MS: i64 = 86_400_000;
/// Changes of the spec after which unchanged examples are noticed.
const SPEC_CHANGES_MIN: usize = 2;

pub(crate) const ALL: [Definition; 3] = [LAST_DAY, BARS, EXAMPLES];

const LAST_DAY: Definition = Definition {
    id: "theatre.last-day",
    group: Group::Theatre,
    statement: "Evidence grew with the work, not on the eve of the release",
    reads: "`release.cut` with the events that it rests on, and when these were recorded.",
    rule: "`contradicted` where a release rests on six or more events and all of them are of the 24 hours before it; `evidenced` where no release does; `no evidence` where nothing was released.",
    thresholds: &[
        Threshold {
            name: "EVIDENCE_MIN",
            value: EVIDENCE_MIN as u64,
            unit: "events",
            why: "one changed rule renews five: evaluation, probes, reconstruction, and two approvals; all of them on one day is a small correction, quickly released",
        },
        Threshold {
            name: "DAY_MS",
            value: DAY_MS as u64,
            unit: "milliseconds",
            why: "the signature is evidence dated the day before the release",
        },
    ],
    limits: "Evidence that was renewed on the last day because something small changed looks as if it were all new. What was known before it was recorded is not seen.",
    better: "Ask what was known a week before. Measure with each change of the spec.",
    command: "seatrial eval",
    run: last_day,
};

fn last_day(view: &View<'_>) -> Answer {
    let releases: Vec<&Logged> = view.all(|b| matches!(b, Body::ReleaseCut(_)));
    let eve = |release: &&Logged| {
        let Some(rests) = view.input.rests.get(&release.event.id) else { return false };
        let evidence: Vec<&Logged> = view.input.events.iter().filter(|e| rests.contains(&e.event.id)).collect();
        evidence.len() >= EVIDENCE_MIN
            && evidence.iter().all(|e| release.event.time.millis_since(e.event.time) <= DAY_MS)
    };
    let seen: Vec<&Logged> = releases.iter().filter(|r| eve(r)).copied().collect();
    let text = format!("{} of {} release(s) rest on evidence of the last 24 hours alone", seen.len(), releases.len());
    statement(&releases, &seen, text)
}

const BARS: Definition = Definition {
    id: "theatre.moved-bar",
    group: Group::Theatre,
    statement: "Bars stayed where they were once results were in",
    reads: "Results that missed something (`evaluation.recorded`, `threshold.tested`, `drill.done`, `pilot.reported`), and the two specs of each `spec.submitted` after them: the gates' bars, a threshold's promise, a pilot's criterion, an outcome's target.",
    rule: "`contradicted` where a bar of the kind that was missed asks for less after the miss than before it; `partly` where it is another one but a spec is not held, or which way it moved cannot be proved; `evidenced` where results missed and no bar fell; `no evidence` where nothing missed.",
    thresholds: &[],
    limits: "A bar that fell for a good reason, with the risk's owner accepting it, is shown all the same. A bar that was set low from the beginning is not seen.",
    better: "Compare the two specs. A bar that rose is no matter; one that fell needs the risk's owner to accept it.",
    command: "seatrial diff OLD NEW",
    run: bars,
};

/// The bars that a result can miss.
fn missed(body: &Body) -> Option<Vec<PathPattern>> {
    let one = |text: String| Some(vec![PathPattern::new(text)]);
    match body {
        Body::EvaluationRecorded(e) if e.passed.k < e.passed.n || e.let_through.k > 0 => {
            one(format!("gates.production.evaluation.{}", e.set))
        }
        Body::ThresholdTested(t) if !t.certified => {
            let path = &t.certificate.threshold;
            Some(["max_wrong", "assurance"].map(|part| PathPattern::new(format!("{path}.{part}"))).to_vec())
        }
        Body::DrillDone(DrillDone { control, effective_ms, allowed_ms: Some(allowed), .. })
            if effective_ms > allowed =>
        {
            one(format!("gates.production.drills.{control}"))
        }
        Body::PilotReported(p) if p.continues == Some(false) => one("gates.pilot.continue_if".to_owned()),
        _ => None,
    }
}

/// How the bars moved with a submission: fell, or moved nobody can tell which way.
fn moved(view: &View<'_>, new: Option<Digest>, s: &SpecSubmitted, bars: &[PathPattern]) -> (Vec<ElementPath>, bool) {
    let touched = within(s, bars);
    let specs = s.previous.and_then(|old| Some((view.spec(&old)?, view.spec(&new?)?)));
    let Some((old, new)) = specs else { return (touched, false) };
    let comparison = compare(old, new);
    let on_bar = |i: &&seatrial_spec::Item| bars.iter().any(|b| b.matches(&i.path));
    let of = |direction| -> Vec<ElementPath> {
        comparison.items().filter(on_bar).filter(|i| i.direction == direction).map(|i| i.path.clone()).collect()
    };
    let fell = of(Direction::Widens);
    if fell.is_empty() { (of(Direction::Unclear), false) } else { (fell, true) }
}

fn bars(view: &View<'_>) -> Answer {
    let results: Vec<(&Logged, Vec<PathPattern>)> =
        view.input.events.iter().filter_map(|e| missed(&e.event.body).map(|bars| (e, bars))).collect();
    let (mut fell, mut unclear, mut elements) = (Vec::new(), Vec::new(), Vec::new());
    for (event, s) in view.changes() {
        let before = results.iter().filter(|(miss, _)| miss.index < event.index);
        let bars: Vec<PathPattern> = before.flat_map(|(_, bars)| bars.iter().cloned()).collect();
        let (paths, down) = moved(view, event.event.spec, s, &bars);
        if paths.is_empty() {
            continue;
        }
        elements.extend(paths);
        if down { fell.push(event) } else { unclear.push(event) }
    }
    let misses: Vec<&Logged> = results.iter().map(|(e, _)| *e).collect();
    let text = format!(
        "{} submission(s) lowered a bar that one of {} results had missed, {} moved one nobody can tell which way",
        fell.len(),
        misses.len(),
        unclear.len()
    );
    if fell.is_empty() && !unclear.is_empty() {
        return Answer::new(Standing::Partly, vec![reason(text, unclear)]).about(elements);
    }
    statement(&misses, &fell, text).about(elements)
}

const EXAMPLES: Definition = Definition {
    id: "theatre.examples",
    group: Group::Theatre,
    statement: "Examples changed with the spec",
    reads: "`spec.submitted` after the first: which of them changed steps or thresholds, and which changed examples.",
    rule: "`contradicted` where two or more submissions changed steps or thresholds and none changed examples; `evidenced` where one did; `no evidence` before.",
    thresholds: &[Threshold {
        name: "SPEC_CHANGES_MIN",
        value: SPEC_CHANGES_MIN as u64,
        unit: "submissions",
        why: "one change may be covered by the examples that stand already; a second one that needs none either is worth a question",
    }],
    limits: "Examples that foresaw the change need none. Whether an example has to do with the change is not looked at.",
    better: "For each changed rule add an example that it catches and one that it lets by; evaluate again.",
    command: "seatrial eval",
    run: examples,
};

fn examples(view: &View<'_>) -> Answer {
    let (behaviour, sets) = (patterns(["steps", "thresholds"]), patterns(["examples"]));
    let changes = view.changes();
    let changed: Vec<_> = changes.iter().filter(|(_, s)| !within(s, &behaviour).is_empty()).collect();
    let with_sets: Vec<_> = changes.iter().filter(|(_, s)| !within(s, &sets).is_empty()).collect();
    let standing = match (changed.len(), with_sets.is_empty()) {
        (0, _) => Standing::NoEvidence,
        (_, false) => Standing::Evidenced,
        (n, true) if n >= SPEC_CHANGES_MIN => Standing::Contradicted,
        _ => Standing::NoEvidence,
    };
    let text =
        format!("{} submission(s) changed steps or thresholds, {} changed examples", changed.len(), with_sets.len());
    let elements: Vec<ElementPath> = if standing == Standing::Contradicted {
        changed.iter().flat_map(|(_, s)| within(s, &behaviour)).collect()
    } else {
        Vec::new()
    };
    let cites = changed.iter().chain(&with_sets).map(|(e, _)| *e);
    Answer::new(standing, vec![reason(text, cites)]).about(elements)
}
