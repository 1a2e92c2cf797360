//! Signatures of theatre, each as the statement that should hold.

use crate::log::{View, touched};
use crate::reading::{READ_CHARS_PER_S_MAX, characters};
use crate::{Citation, Item, Reason, Standing, item, reason};
use seatrial_governance::{Duty, obligations};
use seatrial_model::event::{ApprovalGiven, DrillDone, ThresholdTested};
use seatrial_model::{Assurance, Body, Digest, Logged, PathPattern, Side};

/// Judgements by one person within [`BULK_MS`] that count as a batch.
const BULK_MIN: usize = 3;
/// The time in which nobody judges so many things one by one.
const BULK_MS: i64 = 60_000;
/// Fewer judgements than these say nothing about never rejecting.
const JUDGED_MIN: u64 = 10;
/// Fewer pieces of evidence than these say nothing about their dates.
const EVIDENCE_MIN: usize = 5;
const DAY_MS: i64 = 86_400_000;
/// Changes of the spec after which unchanged examples are noticed.
const SPEC_CHANGES_MIN: usize = 2;

pub(crate) fn answers(view: &View<'_>) -> Vec<Item> {
    vec![
        reading_time(view),
        bulk(view),
        producer(view),
        rejection(view),
        last_day(view),
        bars(view),
        examples(view),
        served(view),
        drills(view),
        simulated(view),
    ]
}

/// One statement: `seen` are the events that speak against it, `of` all that could have. An answer cites those against
/// it, or where there are none, those for it.
fn statement(
    id: &'static str,
    question: &'static str,
    of: &[&Logged],
    seen: &[&Logged],
    text: String,
    what: &str,
    command: &str,
) -> Item {
    let standing = match (of.is_empty(), seen.is_empty()) {
        (_, false) => Standing::Contradicted,
        (true, true) => Standing::NoEvidence,
        (false, true) => Standing::Evidenced,
    };
    let cites = if seen.is_empty() { of } else { seen };
    item(id, question, standing, vec![reason(text, cites.iter().copied())], what, command)
}

fn reading_time(view: &View<'_>) -> Item {
    let approvals = view.approvals();
    let timed: Vec<&(&Logged, &ApprovalGiven)> = approvals.iter().filter(|(_, a)| a.shown_ms.is_some()).collect();
    let all = obligations(view.input.workflow, view.input.factory);
    let length = |e: &Logged, a: &ApprovalGiven| -> u64 {
        // The text of today stands for the text of then: specs of then are not read here. Close enough for a question.
        let approved = |id: &str| e.event.evidence.iter().any(|ev| ev.obligation == id);
        let asked = all.iter().filter(|o| o.is_for(a.stage) && o.duty != Duty::Release && approved(&o.id));
        let scopes: Vec<PathPattern> = asked.flat_map(|o| o.scope.iter().cloned()).collect();
        characters(view.input.workflow, &scopes)
    };
    let too_fast = |e: &Logged, a: &ApprovalGiven| {
        a.shown_ms.is_some_and(|ms| ms.saturating_mul(READ_CHARS_PER_S_MAX) / 1000 < length(e, a))
    };
    let seen: Vec<&Logged> = timed.iter().filter(|(e, a)| too_fast(e, a)).map(|(e, _)| *e).collect();
    statement(
        "theatre.reading-time",
        "Approvals took long enough to read what was approved",
        &timed.iter().map(|(e, _)| *e).collect::<Vec<_>>(),
        &seen,
        format!(
            "{} of {} approvals with a known time were faster than {READ_CHARS_PER_S_MAX} characters a second",
            seen.len(),
            timed.len()
        ),
        "Ask the approvers what they would have changed. Approve again on the page, which shows the text.",
        "seatrial explain spec.intent",
    )
}

fn bulk(view: &View<'_>) -> Item {
    let judged = view.all(|b| matches!(b, Body::ApprovalGiven(_) | Body::ResponsibilityAccepted(_)));
    let batch = |e: &&&Logged| {
        let near = judged.iter().filter(|o| {
            o.event.actor.id == e.event.actor.id && o.event.time.millis_since(e.event.time).abs() <= BULK_MS
        });
        near.count() >= BULK_MIN
    };
    let seen: Vec<&Logged> = judged.iter().filter(batch).copied().collect();
    statement(
        "theatre.bulk",
        "Judgements were made one by one",
        &judged,
        &seen,
        format!(
            "{} of {} approvals and acceptances were among {BULK_MIN} or more by one person within a minute",
            seen.len(),
            judged.len()
        ),
        "Ask what was looked at for each.",
        "seatrial explain ownership.accepted",
    )
}

fn producer(view: &View<'_>) -> Item {
    let approvals = view.approvals();
    let submissions = view.submissions();
    let own = |e: &Logged| {
        submissions.iter().any(|(s, _)| s.event.spec == e.event.spec && s.event.actor.id == e.event.actor.id)
    };
    let seen: Vec<&Logged> = approvals.iter().filter(|(e, _)| own(e)).map(|(e, _)| *e).collect();
    statement(
        "theatre.producer",
        "Nobody approved their own work",
        &crate::log::events(&approvals),
        &seen,
        format!(
            "{} of {} approvals came from an author of that spec; none of those counts",
            seen.len(),
            approvals.len()
        ),
        "Have somebody else judge it.",
        "seatrial status --stage production",
    )
}

fn rejection(view: &View<'_>) -> Item {
    let running = view.input.running;
    let failed = view.all(|b| match b {
        Body::ApprovalWithdrawn(_) => true,
        Body::ThresholdTested(ThresholdTested { certified, .. }) => !certified,
        Body::EvaluationRecorded(e) => e.passed.k < e.passed.n || e.let_through.k > 0,
        _ => false,
    });
    let example = running.changed_example.map(|(index, event)| Citation { index, event });
    let judged = running.reviews_answered.saturating_add(view.approvals().len() as u64);
    let changed = running.reviews_changed.saturating_add(running.overrides);
    let standing = match (changed > 0 || !failed.is_empty(), judged >= JUDGED_MIN) {
        (true, _) => Standing::Evidenced,
        (false, true) => Standing::Contradicted,
        (false, false) => Standing::NoEvidence,
    };
    let text = format!(
        "{} review(s) answered, {} of them changed or rejected, {} override(s); {} evaluation(s), certifications and approvals that missed or were withdrawn",
        running.reviews_answered,
        running.reviews_changed,
        running.overrides,
        failed.len()
    );
    item(
        "theatre.no-rejection",
        "Somebody said no at least once",
        standing,
        vec![Reason { cites: reason("", failed).cites.into_iter().chain(example).collect(), text }],
        "Seed a few known-bad items into the reviews, and see whether they are caught.",
        "seatrial rehearse",
    )
}

fn last_day(view: &View<'_>) -> Item {
    let releases: Vec<&Logged> = view.all(|b| matches!(b, Body::ReleaseCut(_)));
    let mut seen: Vec<&Logged> = Vec::new();
    let mut after = 0;
    for release in &releases {
        let evidence: Vec<&Logged> = view
            .input
            .events
            .iter()
            .filter(|e| e.index >= after && e.index < release.index && !e.event.evidence.is_empty())
            .collect();
        after = release.index;
        let recent = |e: &&&Logged| release.event.time.millis_since(e.event.time) <= DAY_MS;
        if evidence.len() >= EVIDENCE_MIN && evidence.iter().filter(recent).count() == evidence.len() {
            seen.push(release);
        }
    }
    statement(
        "theatre.last-day",
        "Evidence grew with the work, not on the eve of the release",
        &releases,
        &seen,
        format!("{} of {} release(s) rest on evidence of the last 24 hours alone", seen.len(), releases.len()),
        "Ask what was known a week before. Measure with each change of the spec.",
        "seatrial eval",
    )
}

fn bars(view: &View<'_>) -> Item {
    let bars =
        ["gates.production.evaluation", "gates.production.drills", "gates.pilot.continue_if"].map(PathPattern::from);
    let promises = ["max_wrong", "assurance"].map(|p| PathPattern::new(format!("thresholds.*.{p}")));
    let missed = view.all(|b| match b {
        Body::ThresholdTested(t) => !t.certified,
        Body::EvaluationRecorded(e) => e.passed.k < e.passed.n,
        Body::DrillDone(DrillDone { effective_ms, allowed_ms, .. }) => allowed_ms.is_some_and(|ms| *effective_ms > ms),
        _ => false,
    });
    let submissions = view.submissions();
    let moved = |s: &seatrial_model::event::SpecSubmitted| {
        touched(s).any(|p| bars.iter().chain(&promises).any(|b| b.matches(p)))
    };
    let after_miss: Vec<&Logged> = submissions
        .iter()
        .filter(|(e, s)| s.previous.is_some() && moved(s) && missed.iter().any(|m| m.index < e.index))
        .map(|(e, _)| *e)
        .collect();
    statement(
        "theatre.moved-bar",
        "Bars stayed where they were once results were in",
        &missed,
        &after_miss,
        format!(
            "{} submission(s) changed a bar after one of {} results that missed something",
            after_miss.len(),
            missed.len()
        ),
        "Compare the two specs. A bar that rose is no matter; one that fell needs the risk's owner to accept it.",
        "seatrial diff OLD NEW",
    )
}

fn examples(view: &View<'_>) -> Item {
    let (steps, sets) = (["steps", "thresholds"].map(PathPattern::from), PathPattern::from("examples"));
    let submissions = view.submissions();
    let touches =
        |pattern: &PathPattern, s: &seatrial_model::event::SpecSubmitted| touched(s).any(|p| pattern.matches(p));
    let changed: Vec<_> = submissions
        .iter()
        .filter(|(_, s)| s.previous.is_some() && steps.iter().any(|p| touches(p, s)))
        .map(|(e, _)| *e)
        .collect();
    let with_sets = submissions.iter().filter(|(_, s)| s.previous.is_some() && touches(&sets, s)).count();
    let standing = match (changed.len(), with_sets) {
        (0, _) => Standing::NoEvidence,
        (_, 1..) => Standing::Evidenced,
        (n, 0) if n >= SPEC_CHANGES_MIN => Standing::Contradicted,
        _ => Standing::Partly,
    };
    item(
        "theatre.examples",
        "Examples changed with the spec",
        standing,
        vec![reason(
            format!("{} submission(s) changed steps or thresholds, {with_sets} changed examples", changed.len()),
            changed,
        )],
        "For each changed rule add an example that it catches and one that it lets by; evaluate again.",
        "seatrial eval",
    )
}

fn served(view: &View<'_>) -> Item {
    let releases: Vec<(Option<Digest>, Digest)> = crate::RELEASED
        .into_iter()
        .flat_map(|stage| view.releases(stage))
        .map(|(_, cut)| (Digest::of_canonical(cut).ok(), cut.spec))
        .collect();
    let released = |s: &&crate::Served| {
        releases.iter().any(|(release, spec)| s.release.is_some() && s.release == *release && s.spec == Some(*spec))
    };
    let all = &view.input.running.served;
    let other: Vec<&crate::Served> = all.iter().filter(|s| !released(s)).collect();
    let total: u64 = all.iter().map(|s| s.decisions).sum();
    let count: u64 = other.iter().map(|s| s.decisions).sum();
    let standing = match (total, count) {
        (0, _) => Standing::NoEvidence,
        (_, 0) => Standing::Evidenced,
        _ => Standing::Contradicted,
    };
    let cited: Vec<&crate::Served> = if other.is_empty() { all.iter().collect() } else { other };
    let cite = |s: &&crate::Served| Citation { index: s.example.0, event: s.example.1 };
    let cites = cited.iter().map(cite).take(crate::CITATIONS_MAX).collect();
    let text = format!("{count} of {total} decision(s) were made under another digest than a released one");
    item(
        "theatre.served-digest",
        "What was served is what was released",
        standing,
        vec![Reason { text, cites }],
        "Stop, and find out which program answered. Then release it, or roll back.",
        "seatrial stop --reason REASON",
    )
}

fn drills(view: &View<'_>) -> Item {
    let drills = view.all(|b| matches!(b, Body::DrillDone(_)));
    let delivery: Vec<&Logged> = drills.iter().filter(|e| e.event.actor.side == Side::Delivery).copied().collect();
    let alone = if delivery.len() == drills.len() { delivery } else { Vec::new() };
    statement(
        "theatre.drills",
        "The receiving side drills the controls itself",
        &drills,
        &alone,
        format!(
            "{} drill(s), {} of them by the delivery side while the receiving side did none",
            drills.len(),
            alone.len()
        ),
        "Have somebody of the receiving side do the next drill without help.",
        "seatrial drill stop --resumed-by PERSON",
    )
}

fn simulated(view: &View<'_>) -> Item {
    let judged =
        view.all(|b| matches!(b, Body::ApprovalGiven(_) | Body::ResponsibilityAccepted(_) | Body::ReleaseCut(_)));
    let seen: Vec<&Logged> = judged
        .iter()
        .filter(|e| e.event.simulation || e.event.actor.assurance == Assurance::Simulated)
        .copied()
        .collect();
    statement(
        "theatre.simulated",
        "Approvers are real people",
        &judged,
        &seen,
        format!(
            "{} of {} approvals, acceptances and releases are simulated; they count in a simulation only",
            seen.len(),
            judged.len()
        ),
        "Nothing to do in a demo: that is what it is. For a real delivery write a `factory.yaml` of kind `real`.",
        "seatrial check",
    )
}
