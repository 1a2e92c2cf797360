//! Figures of the running system over a window: what gates and assumptions read as `metrics`.
//!
//! What each is stands in `seatrial_spec::metrics`; rehearsals are left out of all. A window shorter than a day counts
//! as a day where something is said to be "a day".

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{row, rows};
use crate::project::{DecisionRec, ReviewRec};
use seatrial_model::{Answer, Time, Verdict};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use std::collections::BTreeMap;

/// How many decisions are read at once: memory stays bounded, whatever the window.
const PAGE_ROWS: usize = 2_000;

const DAY_MS: f64 = 86_400_000.0;

/// How far a decision's id can be older than its record: a request waits for its model, never that long.
const ID_SLACK_MS: i64 = 60 * 60 * 1_000;

/// Counts over decisions and the reviews that they opened.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counted {
    pub(crate) decisions: u64,
    allowed: u64,
    modified: u64,
    escalated: u64,
    denied: u64,
    overridden: u64,
    pub(crate) reviewed: u64,
    could_agree: u64,
    agreed: u64,
    pub(crate) late: u64,
    minutes: Vec<f64>,
    audits: u64,
    wrong: u64,
    errors: u64,
    tokens: u64,
}

/// Whether whoever answered a review agreed with what was decided; none where they could not have.
pub(crate) fn agreed(rec: &DecisionRec, review: &ReviewRec) -> Option<bool> {
    let (answer, _, _) = review.answer.as_ref()?;
    if review.own {
        return None;
    }
    match answer {
        // A blind audit states what is right; whether the decision was that is known by its truth.
        Answer::Own if review.audit => rec.outcome.as_ref().map(|o| !o.wrong),
        answer => Some(*answer == Answer::Accept),
    }
}

/// Whether a review was answered late, or is late and open at that time.
pub(crate) fn is_late(review: &ReviewRec, until: Time) -> bool {
    let answered = review.answer.as_ref().map_or(until, |(_, _, at)| *at);
    review.due.is_some_and(|due| answered > due)
}

/// From a review's opening to its answer, in minutes.
pub(crate) fn minutes(review: &ReviewRec) -> Option<f64> {
    let (_, _, at) = review.answer.as_ref()?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a review are far below 2^53")]
    Some(at.millis_since(review.opened) as f64 / 60_000.0)
}

impl Counted {
    pub(crate) fn add(&mut self, rec: &DecisionRec, review: Option<&ReviewRec>, until: Time) {
        self.decisions += 1;
        match rec.verdict {
            Verdict::Allow | Verdict::Warn => self.allowed += 1,
            Verdict::Modify => self.modified += 1,
            Verdict::Escalate => self.escalated += 1,
            Verdict::Deny => self.denied += 1,
        }
        self.overridden += u64::from(rec.overridden.is_some());
        self.errors += u64::from(rec.no_candidate);
        self.tokens = self.tokens.saturating_add(rec.tokens);
        let Some(review) = review else { return };
        let late = is_late(review, until);
        self.late += u64::from(late);
        let answered = review.answer.is_some();
        self.reviewed += u64::from(answered);
        self.minutes.extend(minutes(review));
        let agreed = agreed(rec, review);
        self.could_agree += u64::from(agreed.is_some());
        self.agreed += u64::from(agreed == Some(true));
        if review.audit && (answered || late) {
            self.audits += 1;
            let wrong = agreed == Some(false) || !answered;
            self.wrong += u64::from(wrong);
        }
    }

    /// The figures, under the names of `seatrial_spec::metrics`.
    pub(crate) fn figures(mut self, from: Time, until: Time) -> BTreeMap<String, f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts and milliseconds far below 2^53")]
        let (number, days) = (|n: u64| n as f64, (until.millis_since(from).max(0) as f64) / DAY_MS);
        let share = |k: u64, n: u64| if n == 0 { 0.0 } else { number(k) / number(n) };
        self.minutes.sort_by(f64::total_cmp);
        let median = self.minutes.get(self.minutes.len() / 2).copied().unwrap_or(0.0);
        let figures = [
            ("days", days),
            ("decisions", number(self.decisions)),
            ("per_day", number(self.decisions) / days.max(1.0)),
            ("allowed", number(self.allowed)),
            ("modified", number(self.modified)),
            ("escalated", number(self.escalated)),
            ("denied", number(self.denied)),
            ("escalation_rate", share(self.escalated, self.decisions)),
            ("deny_rate", share(self.denied, self.decisions)),
            ("override_rate", share(self.overridden, self.decisions)),
            ("reviewed", number(self.reviewed)),
            ("agreement", share(self.agreed, self.could_agree)),
            ("late_reviews", number(self.late)),
            ("review_minutes", median),
            ("audits", number(self.audits)),
            ("wrong", number(self.wrong)),
            ("wrong_rate", share(self.wrong, self.audits)),
            ("errors", number(self.errors)),
            ("cost_tokens", number(self.tokens)),
        ];
        figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

impl Factory {
    /// The figures of a workflow's running system over a window, by the names of `seatrial_spec::metrics`.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn metrics(&self, workflow: &str, from: Time, until: Time) -> Result<BTreeMap<String, f64>, Refused> {
        let handle = self.handle(workflow)?;
        let count = move |view: &dyn View| {
            let mut counted = Counted::default();
            each_decision(view, from, until, &mut |rec, review| {
                counted.add(rec, review, until);
                Ok(())
            })?;
            Ok(counted)
        };
        let counted = self.0.store.read_with(&handle.log, count).await.map_err(not_recorded)?;
        Ok(counted.figures(from, until))
    }
}

/// What is done with a decision and its review.
pub(crate) type Each<'e> = dyn FnMut(&DecisionRec, Option<&ReviewRec>) -> Result<(), StoreError> + 'e;

/// Every decision of a window, rehearsals left out, with the review that it opened.
pub(crate) fn each_decision(view: &dyn View, from: Time, until: Time, each: &mut Each<'_>) -> Result<(), StoreError> {
    // Ids are ordered by their time: what is surely older need not be read.
    let first = u64::try_from(from.as_millis().saturating_sub(ID_SLACK_MS)).unwrap_or(0);
    let mut after: Vec<u8> = first.to_be_bytes().get(2..).map(<[u8]>::to_vec).unwrap_or_default();
    loop {
        let scan = Scan::all("decision").after(after.clone()).limit(PAGE_ROWS);
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        for (_, rec) in page.iter().filter(|(_, r)| !r.rehearsal && r.time >= from && r.time < until) {
            let review: Option<ReviewRec> = match rec.review {
                Some(review) => row(view, "review", review.uuid().as_bytes())?,
                None => None,
            };
            each(rec, review.as_ref())?;
        }
        match page.last() {
            Some((key, _)) if page.len() >= scan.rows_max() => after = key.clone(),
            _ => return Ok(()),
        }
    }
}
