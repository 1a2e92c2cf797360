//! What the running system did between two times, from the projections of its decisions and reviews.

use crate::handle::{row, rows};
use crate::project::{DecisionRec, QUEUE, ReviewRec};
use seatrial_model::{Answer, ElementPath, Time};
use seatrial_spec::Workflow;
use seatrial_sprint::Tallies;
use seatrial_sprint::backlog::{Cluster, Operation};
use seatrial_store::{Scan, StoreError, View};
use std::collections::BTreeSet;

/// Rows that are read at a time.
const PAGE_ROWS: usize = 2_000;

/// The most decisions that the backlog looks through, the newest first: it is drawn on a page.
const OPERATION_DECISIONS_MAX: usize = 20_000;

/// A decision's id is made when its request comes, its event when the answer is there. No request takes this long.
const ID_BEFORE_EVENT_MS: i64 = 3_600_000;

const DAY_MS: f64 = 86_400_000.0;

/// What of a spec counts as explained: its rules with a `because`.
pub(super) fn explained_rules(workflow: &Workflow) -> BTreeSet<ElementPath> {
    let mut explained = BTreeSet::new();
    for step in &workflow.steps {
        let rules = [&step.refuse_input, &step.require, &step.forbid, &step.never].into_iter().flatten();
        explained.extend(rules.filter(|r| r.because.is_some()).map(|r| r.path.clone()));
        explained.extend(step.escalate.iter().filter(|e| e.because.is_some()).map(|e| e.path.clone()));
    }
    explained
}

/// The least key of a decision that was made at or after this time: ids begin with the milliseconds of their making.
fn key_before(time: Time) -> Vec<u8> {
    let ms = u64::try_from(time.as_millis().saturating_sub(ID_BEFORE_EVENT_MS)).unwrap_or(0);
    ms.to_be_bytes().get(2..).unwrap_or_default().to_vec()
}

/// The running system between two times; none where nothing ran.
pub(super) fn tallies(
    view: &dyn View,
    from: Time,
    until: Time,
    explained: &BTreeSet<ElementPath>,
) -> Result<Option<Tallies>, StoreError> {
    let mut tallies = Tallies { days: until.millis_since(from) as f64 / DAY_MS, ..Tallies::default() };
    let mut review_ms: Vec<u64> = Vec::new();
    let mut after = key_before(from);
    loop {
        let scan = Scan::all("decision").limit(PAGE_ROWS).after(after.clone());
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        for (_, rec) in page.iter().filter(|(_, r)| !r.rehearsal && r.time >= from && r.time < until) {
            count_decision(rec, &mut tallies, explained);
            if let Some(review) = rec.review {
                let found: Option<ReviewRec> = row(view, "review", review.uuid().as_bytes())?;
                found.iter().for_each(|review| count_review(review, until, &mut tallies, &mut review_ms));
            }
        }
        match page.last() {
            Some((key, _)) if page.len() >= scan.rows_max() => after = key.clone(),
            _ => break,
        }
    }
    review_ms.sort_unstable();
    tallies.review_ms_median = review_ms.get(review_ms.len() / 2).copied();
    Ok((tallies.decisions > 0).then_some(tallies))
}

fn count_decision(rec: &DecisionRec, tallies: &mut Tallies, explained: &BTreeSet<ElementPath>) {
    tallies.decisions += 1;
    tallies.inspected.n += 1;
    tallies.inspected.k += u64::from(rec.inspected);
    for path in &rec.because {
        tallies.explained.n += 1;
        tallies.explained.k += u64::from(explained.contains(path));
        if rec.review.is_some() && !rec.audit {
            *tallies.escalations.entry(path.clone()).or_default() += 1;
        }
        if rec.overridden.is_some() {
            *tallies.overrides.entry(path.clone()).or_default() += 1;
        }
    }
}

fn count_review(review: &ReviewRec, until: Time, tallies: &mut Tallies, review_ms: &mut Vec<u64>) {
    tallies.reviews_opened += 1;
    let Some((answer, _, at)) = &review.answer else {
        tallies.reviews_late += u64::from(review.due.is_some_and(|due| until > due));
        return;
    };
    tallies.reviews_answered += 1;
    // A decision of the person's own is no opinion on the output: nobody could have accepted it.
    if !review.own {
        tallies.agreement.n += 1;
        tallies.agreement.k += u64::from(*answer == Answer::Accept);
    }
    let from = review.claimed_at.unwrap_or(review.opened);
    review_ms.push(u64::try_from(at.millis_since(from)).unwrap_or(0));
}

/// What operation found since a time: overrides by rule and reason, escalations by rule, audits that are late.
pub(super) fn operation(view: &dyn View, since: Time, now: Time) -> Result<Operation, StoreError> {
    let mut found = Operation::default();
    let mut seen = 0;
    let mut after: Option<Vec<u8>> = None;
    let least = key_before(since);
    while seen < OPERATION_DECISIONS_MAX {
        let mut scan = Scan::all("decision").limit(PAGE_ROWS).reversed();
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        seen += page.len();
        for (_, rec) in page.iter().filter(|(_, r)| !r.rehearsal && r.time >= since) {
            note_decision(rec, &mut found);
        }
        match page.last() {
            Some((key, _)) if page.len() >= scan.rows_max() && *key > least => after = Some(key.clone()),
            _ => break,
        }
    }
    late_audits(view, now, &mut found)?;
    Ok(found)
}

fn note_decision(rec: &DecisionRec, found: &mut Operation) {
    found.decisions += 1;
    // A gate that has everything reviewed is no rule that fires too often.
    for path in rec.because.iter().filter(|path| path.segments().next() == Some("steps")) {
        if rec.review.is_some() && !rec.audit {
            *found.escalations.entry(path.clone()).or_default() += 1;
        }
    }
    let Some(overridden) = &rec.overridden else { return };
    // An override of what no rule had objected to is one of the step itself.
    let rule = rec.because.first().cloned().unwrap_or_else(|| ElementPath::new(format!("steps.{}", rec.step)));
    let cluster = Cluster { rule, reason: overridden.reason.clone() };
    found.overrides.entry(cluster).or_default().push(rec.event);
}

fn late_audits(view: &dyn View, now: Time, found: &mut Operation) -> Result<(), StoreError> {
    for (key, _) in view.scan(&Scan::all(QUEUE))? {
        let Some(review): Option<ReviewRec> = row(view, "review", &key)? else { continue };
        // What was seeded is nobody's case.
        if review.audit && review.seeded_by.is_none() && review.due.is_some_and(|due| now > due) {
            let element = ElementPath::new(format!("steps.{}.audit", review.step));
            *found.audits_missed.entry(element).or_default() += 1;
        }
    }
    Ok(())
}
