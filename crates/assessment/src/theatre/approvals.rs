//! How judgements came about: read, one by one, by others, and now and then a no.

use super::{statement, told};
use crate::definition::{Answer, Definition, Group, Threshold};
use crate::log::{View, events, touched};
use crate::reading::{READ_CHARS_PER_S_MAX, characters};
use crate::{Citation, Reason, Standing, reason};
use seatrial_governance::{Duty, obligations};
use seatrial_model::event::{ApprovalGiven, ReleaseCut};
use seatrial_model::{Body, Logged, PathPattern, Stage};
use seatrial_spec::workflow::AssessedBy;
use std::collections::BTreeMap;

/// Judgements by one person within [`BULK_MS`] that count as a batch.
const BULK_MIN: usize = 3;
/// The time in which nobody judges so many things one by one.
const BULK_MS: i64 = 60_000;
/// Fewer judgements than these say nothing about never rejecting: 0.9 to the power of 29 is the first below 0.05.
const JUDGED_MIN: u64 = 29;

pub(crate) const ALL: [Definition; 4] = [READING, BULK, PRODUCER, REJECTION];

const READING: Definition = Definition {
    id: "theatre.reading-time",
    group: Group::Theatre,
    statement: "Approvals took long enough to read what was approved",
    reads: "`approval.given` with the time for which the text was shown, and the spec of that digest: the prose, rules and risks within what was approved.",
    rule: "`contradicted` where one approval with a known time was faster than the threshold; `evidenced` where none was; `no evidence` where no time is known. Rates are shown by role, or by person where `factory.yaml` says `assessment: { by: person }`.",
    thresholds: &[Threshold {
        name: "READ_CHARS_PER_S_MAX",
        value: READ_CHARS_PER_S_MAX,
        unit: "characters a second",
        why: "silent reading of English prose has 238 words a minute (Brysbaert 2019, a meta-analysis of 190 studies), about 24 characters a second with the blanks; this is more than three times as fast, so that whoever skims what they know is not accused",
    }],
    limits: "Whoever read the text elsewhere (in a pull request, on paper) looks fast here. Whoever leaves a page open looks slow. A role that one person holds is that person.",
    better: "Ask the approvers what they would have changed. Approve again on the page, which shows the text.",
    command: "seatrial explain spec.intent",
    run: reading_time,
};

/// What was approved faster than it can be read, in one role or by one person.
#[derive(Default)]
struct Pace {
    fast: usize,
    /// Characters a second of each timed approval.
    rates: Vec<u64>,
}

fn reading_time(view: &View<'_>) -> Answer {
    let approvals = view.approvals();
    let (mut timed, mut seen) = (Vec::new(), Vec::new());
    let mut paces: BTreeMap<&str, Pace> = BTreeMap::new();
    for (event, given) in &approvals {
        let Some(ms) = given.shown_ms else { continue };
        let length = length(view, event, given);
        timed.push(*event);
        let who = match view.input.factory.assessment {
            AssessedBy::Role => given.role.as_str(),
            AssessedBy::Person => event.event.actor.id.as_str(),
        };
        let pace = paces.entry(who).or_default();
        pace.rates.push(length.saturating_mul(1000) / ms.max(1));
        if ms.saturating_mul(READ_CHARS_PER_S_MAX) / 1000 < length {
            pace.fast += 1;
            seen.push(*event);
        }
    }
    let text = format!(
        "{} of {} approvals with a known time were faster than {READ_CHARS_PER_S_MAX} characters a second; of {} the time is not known",
        seen.len(),
        timed.len(),
        approvals.len() - timed.len()
    );
    let mut reasons = vec![reason(text, super::cited(&timed, &seen).iter().copied())];
    for (who, pace) in &mut paces {
        pace.rates.sort_unstable();
        let median = pace.rates.get(pace.rates.len() / 2).copied().unwrap_or_default();
        let of = pace.rates.len();
        reasons
            .push(reason(format!("`{who}`: {} of {of} too fast, median {median} characters a second", pace.fast), []));
    }
    told(&timed, &seen, reasons)
}

/// The characters of what was approved, as it stood then.
fn length(view: &View<'_>, event: &Logged, given: &ApprovalGiven) -> u64 {
    let spec = view.spec_or_today(event.event.spec);
    let approved = |id: &str| event.event.evidence.iter().any(|ev| ev.obligation == id);
    let all = obligations(spec, view.input.factory);
    let asked = all.iter().filter(|o| o.is_for(given.stage) && o.duty != Duty::Release && approved(&o.id));
    let scopes: Vec<PathPattern> = asked.flat_map(|o| o.scope.iter().cloned()).collect();
    characters(spec, &scopes)
}

const BULK: Definition = Definition {
    id: "theatre.bulk",
    group: Group::Theatre,
    statement: "Judgements were made one by one",
    reads: "`approval.given` and `responsibility.accepted`: who, and when.",
    rule: "`contradicted` where one person gave three or more within a minute; `evidenced` where nobody did; `no evidence` where nothing was judged.",
    thresholds: &[
        Threshold {
            name: "BULK_MIN",
            value: BULK_MIN as u64,
            unit: "judgements",
            why: "two in a minute are a second look at the same text; three are a list that is worked off",
        },
        Threshold {
            name: "BULK_MS",
            value: BULK_MS as u64,
            unit: "milliseconds",
            why: "three in a minute leave at most thirty seconds between two of them, in which a practised reader has read 700 characters: less than a purpose with one rule and its reason",
        },
    ],
    limits: "Whoever reads everything first and then signs in one go is shown all the same: ask. Batches of several people are not seen.",
    better: "Ask what was looked at for each.",
    command: "seatrial explain ownership.accepted",
    run: bulk,
};

fn bulk(view: &View<'_>) -> Answer {
    let judged = view.all(|b| matches!(b, Body::ApprovalGiven(_) | Body::ResponsibilityAccepted(_)));
    let mut seen: Vec<&Logged> = Vec::new();
    for first in &judged {
        let same = |o: &&&Logged| {
            let after = o.event.time.millis_since(first.event.time);
            o.event.actor.id == first.event.actor.id && o.index >= first.index && (0..=BULK_MS).contains(&after)
        };
        let batch: Vec<&Logged> = judged.iter().filter(same).copied().collect();
        if batch.len() >= BULK_MIN {
            seen.extend(batch);
        }
    }
    seen.sort_by_key(|e| e.index);
    seen.dedup_by_key(|e| e.index);
    let text = format!(
        "{} of {} approvals and acceptances were among {BULK_MIN} or more by one person within a minute",
        seen.len(),
        judged.len()
    );
    statement(&judged, &seen, text)
}

const PRODUCER: Definition = Definition {
    id: "theatre.producer",
    group: Group::Theatre,
    statement: "Nobody approved their own work",
    reads: "`approval.given` with the obligations that it is evidence for, and the `spec.submitted` since the last release of that stage: who changed which elements.",
    rule: "`contradicted` where somebody approved what they had changed themselves since the last release of that stage: an element within what the approval is over, also where somebody else submitted the spec that was approved. `evidenced` where nobody did; `no evidence` where nothing was approved.",
    thresholds: &[],
    limits: "Who wrote what is who submitted it: work that somebody else submits for its author is not seen. A first spec names no changes, so its submitter counts as the author of that digest only.",
    better: "Have somebody else judge it.",
    command: "seatrial status --stage production",
    run: producer,
};

fn producer(view: &View<'_>) -> Answer {
    let approvals = view.approvals();
    let submissions = view.submissions();
    let mut elements = Vec::new();
    let mut seen: Vec<&Logged> = Vec::new();
    for (event, given) in &approvals {
        let released = |r: &&(&Logged, &ReleaseCut)| r.0.index < event.index;
        let since = view.releases(given.stage).iter().rev().find(released).map_or(0, |(e, _)| e.index);
        let spec = view.spec_or_today(event.event.spec);
        let scope = scope(view, event, given.stage, spec);
        let mine = submissions
            .iter()
            .filter(|(s, _)| s.event.actor.id == event.event.actor.id && s.index > since && s.index < event.index);
        let mut own = false;
        for (submitted, change) in mine {
            let changed = touched(change).filter(|path| scope.iter().any(|p| p.matches(path)));
            let before = elements.len();
            elements.extend(changed.cloned());
            own |= elements.len() > before || submitted.event.spec == event.event.spec;
        }
        if own {
            seen.push(event);
        }
    }
    let text = format!(
        "{} of {} approvals came from somebody who had changed what they approved",
        seen.len(),
        approvals.len()
    );
    statement(&events(&approvals), &seen, text).about(elements)
}

/// Over which elements an approval is; an approval of the whole state is over everything.
fn scope(view: &View<'_>, event: &Logged, stage: Stage, spec: &seatrial_spec::Workflow) -> Vec<PathPattern> {
    let all = obligations(spec, view.input.factory);
    let given = all.iter().filter(|o| o.is_for(stage) && event.event.evidence.iter().any(|e| e.obligation == o.id));
    given.flat_map(|o| if o.duty == Duty::Release { vec![PathPattern::from("*")] } else { o.scope.clone() }).collect()
}

const REJECTION: Definition = Definition {
    id: "theatre.no-rejection",
    group: Group::Theatre,
    statement: "Somebody said no at least once",
    reads: "Reviews answered, overrides, approvals given and withdrawn, waivers ended before their time. What a machine measured and missed is no person's no.",
    rule: "`evidenced` where one person once said no: a review that was rejected, edited or decided by the person, an override, an approval withdrawn, a waiver ended. `contradicted` where nobody did in so many judgements that this is improbable; `no evidence` where there were fewer.",
    thresholds: &[Threshold {
        name: "JUDGED_MIN",
        value: JUDGED_MIN,
        unit: "judgements",
        why: "if one in ten deserved a no, 29 in a row without any would come about in fewer than 5 % of deliveries: 0.9 to the power of 29 is 0.047",
    }],
    limits: "A delivery in which less than one in ten deserved a no can be in order without any. A no that was said in a meeting is not seen. In a blind review the person's own answer counts as a change, also where it is the same as the AI's.",
    better: "Seed a few known-bad items into the reviews, and see whether they are caught.",
    command: "seatrial seed --file seeds.jsonl --step STEP",
    run: rejection,
};

fn rejection(view: &View<'_>) -> Answer {
    let running = view.input.running;
    let taken_back = view.all(|b| matches!(b, Body::ApprovalWithdrawn(_) | Body::WaiverEnded(_)));
    let approvals = view.approvals();
    let example = running.changed_example.map(|(index, event)| Citation { index, event });
    let judged = running.reviews_answered.saturating_add(approvals.len() as u64);
    let no = running.reviews_changed.saturating_add(running.overrides).saturating_add(taken_back.len() as u64);
    let standing = match (no > 0, judged >= JUDGED_MIN) {
        (true, _) => Standing::Evidenced,
        (false, true) => Standing::Contradicted,
        (false, false) => Standing::NoEvidence,
    };
    let text = format!(
        "{} review(s) answered, {} of them changed or rejected, {} override(s); {} approval(s) given, {} withdrawn or waivers ended",
        running.reviews_answered,
        running.reviews_changed,
        running.overrides,
        approvals.len(),
        taken_back.len()
    );
    let mut cites: Vec<Citation> = reason("", taken_back).cites.into_iter().chain(example).collect();
    if cites.is_empty() {
        cites = reason("", events(&approvals)).cites;
    }
    Answer::new(standing, vec![Reason { text, cites }])
}
