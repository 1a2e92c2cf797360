//! Calls of a provider's bill against the recorded ones. A bill is of the factory's account, so the calls of all its
//! workflows stand on our side; a day at a time, in UTC, as providers bill.

use super::DIFFERENCES_MAX;
use crate::api::{Caller, Refused};
use crate::factory::{Factory, not_recorded};
use crate::handle::rows;
use crate::pilot::day_of;
use crate::project::{MODEL_CALLS, quarter_of};
use seatrial_model::event::ReconciliationDone;
use seatrial_model::{Day, EventId, LogName, Time, Untrusted};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most lines of one bill: they are held in memory.
pub const BILL_LINES_MAX: usize = 1_000_000;

/// The longest name of a model that is read, in characters.
const MODEL_CHARS_MAX: usize = 200;

const QUARTER_MS: i64 = 15 * 60 * 1_000;

/// One line of a provider's bill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BilledCalls {
    /// The day, in UTC.
    pub day: Day,
    /// The model, as the provider names it.
    pub model: String,
    /// How many calls.
    pub count: u64,
}

/// A provider's bill of a window.
#[derive(Clone, Debug)]
pub struct CallsInput {
    /// Its lines.
    pub lines: Vec<BilledCalls>,
    /// The window's start: its day is taken whole.
    pub from: Time,
    /// The window's end: its day is taken whole, unless it is the first moment of it.
    pub until: Time,
}

/// Calls of one model on one day.
#[derive(Clone, Debug, Serialize)]
pub struct ModelDay {
    /// The day, in UTC.
    pub day: Day,
    /// The model.
    pub model: Untrusted,
    /// How many were billed.
    pub theirs: u64,
    /// How many were recorded.
    pub ours: u64,
    /// Billed ones that no record explains.
    pub unrecorded: u64,
}

/// What reconciling a bill came to.
#[derive(Clone, Debug)]
pub struct ReconciledCalls {
    /// The event.
    pub event: EventId,
    /// What was counted.
    pub done: ReconciliationDone,
    /// Where both differ, at most [`DIFFERENCES_MAX`] of them.
    pub differences: Vec<ModelDay>,
    /// Recorded attempts that no model answered: a provider may have billed them, and they explain as many.
    pub unanswered: u64,
    /// Lines of days outside the window, left out.
    pub outside: u64,
}

/// Recorded calls by day and model, and of these those of the day's first quarter of an hour.
type Ours = BTreeMap<(Day, String), (u64, u64)>;

impl Factory {
    /// Compares the calls of a provider's bill with the recorded ones, and records how many differ. A billed call without a
    /// recorded attempt passed around the guard, or was cut before it was decided.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn reconcile_calls(
        &self,
        caller: &Caller,
        workflow: &str,
        input: CallsInput,
    ) -> Result<ReconciledCalls, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        self.may_reconcile(caller, &served, input.from, input.until)?;
        if input.lines.len() > BILL_LINES_MAX {
            return Err(Refused::Invalid(format!(
                "at most {BILL_LINES_MAX} lines are reconciled at once; take a shorter window"
            )));
        }
        let (first, last) = (input.from.day(), input.until.plus_millis(-1).day());
        let mut theirs: BTreeMap<(Day, String), u64> = BTreeMap::new();
        let mut outside = 0;
        for line in input.lines {
            if line.day < first || line.day > last {
                outside += 1;
                continue;
            }
            let total = theirs.entry((line.day, named(&line.model))).or_default();
            *total = total.saturating_add(line.count);
        }
        let mut ours = Ours::new();
        for log in self.workflows() {
            self.add_calls(&log, first, last, &mut ours).await?;
        }
        let unanswered: BTreeMap<Day, u64> =
            ours.iter().filter(|((_, model), _)| model.is_empty()).map(|((day, _), (n, _))| (*day, *n)).collect();
        ours.retain(|(_, model), _| !model.is_empty());
        let (days, unrecorded, unknown) = compare(&theirs, &ours, unanswered.clone(), first, last);
        let within = |day: &Day| (first..=last).contains(day);
        let done = ReconciliationDone {
            of: "calls".to_owned(),
            from: input.from,
            until: input.until,
            theirs: theirs.values().sum(),
            ours: ours.iter().filter(|((day, _), _)| within(day)).map(|(_, (n, _))| n).sum(),
            unrecorded,
            unknown,
        };
        let event = self.reconciled(caller, &handle, &served, done.clone()).await?;
        let unanswered = unanswered.iter().filter(|(day, _)| within(day)).map(|(_, n)| n).sum();
        Ok(ReconciledCalls {
            event,
            done,
            differences: days.into_iter().filter(|d| d.theirs != d.ours).take(DIFFERENCES_MAX).collect(),
            unanswered,
            outside,
        })
    }

    /// Adds a workflow's calls of these days, and of the quarter of an hour after them.
    async fn add_calls(&self, log: &LogName, first: Day, last: Day, ours: &mut Ours) -> Result<(), Refused> {
        let found = self.0.store.read_with(log, move |view| calls_of(view, first, last)).await;
        for (key, (all, early)) in found.map_err(not_recorded)? {
            let total = ours.entry(key).or_default();
            total.0 += all;
            total.1 += early;
        }
        Ok(())
    }
}

fn calls_of(view: &dyn View, first: Day, last: Day) -> Result<Ours, StoreError> {
    let mut found = Ours::new();
    let start = quarter_of(start_of(first));
    // A call of the last minute of the window may have been decided in the quarter of an hour after it.
    let end = quarter_of(start_of(last).plus_millis(DAY_MS)) + 1;
    let mut scan = Scan::all(MODEL_CALLS).after(start.saturating_sub(1).to_be_bytes().to_vec());
    loop {
        let page: Vec<(Vec<u8>, u64)> = rows(view, &scan)?;
        let Some((key, _)) = page.last() else { return Ok(found) };
        scan = Scan::all(MODEL_CALLS).after(key.clone());
        for (key, count) in &page {
            let Some((quarter, model)) = key.split_first_chunk::<8>() else { continue };
            let quarter = u64::from_be_bytes(*quarter);
            if quarter >= end {
                return Ok(found);
            }
            if quarter < start {
                continue;
            }
            let at = Time::from_millis(i64::try_from(quarter).unwrap_or(i64::MAX / QUARTER_MS) * QUARTER_MS);
            let early = at == start_of(at.day());
            let total = found.entry((at.day(), named(&String::from_utf8_lossy(model)))).or_default();
            total.0 += count;
            total.1 += if early { *count } else { 0 };
        }
    }
}

const DAY_MS: i64 = 86_400_000;

fn start_of(day: Day) -> Time {
    day_of("UTC", day).0
}

fn next(day: Day) -> Day {
    start_of(day).plus_millis(DAY_MS).day()
}

/// A model's name as both sides have it: without the provider before it and the date behind it, in small letters.
fn named(model: &str) -> String {
    let name: String = model.trim().to_ascii_lowercase().chars().take(MODEL_CHARS_MAX).collect();
    let name = name.rsplit('/').next().unwrap_or_default();
    let digits = |part: &str, n: usize| part.len() == n && part.bytes().all(|b| b.is_ascii_digit());
    let parts: Vec<&str> = name.split('-').collect();
    let kept = match parts.as_slice() {
        [head @ .., y, m, d] if !head.is_empty() && digits(y, 4) && digits(m, 2) && digits(d, 2) => head,
        [head @ .., date] if !head.is_empty() && digits(date, 8) => head,
        all => all,
    };
    kept.join("-")
}

/// Each day and model, the billed calls that no record explains, and the recorded ones that were not billed.
fn compare(
    theirs: &BTreeMap<(Day, String), u64>,
    ours: &Ours,
    mut unanswered: BTreeMap<Day, u64>,
    first: Day,
    last: Day,
) -> (Vec<ModelDay>, u64, u64) {
    let mut keys: Vec<&(Day, String)> = theirs.keys().chain(ours.keys()).collect();
    keys.sort();
    keys.dedup();
    // What a model's record lends to the day before: calls that were sent before midnight and decided after it.
    let mut lent: BTreeMap<&(Day, String), u64> = BTreeMap::new();
    let (mut days, mut unrecorded, mut unknown) = (Vec::new(), 0, 0);
    for key in keys {
        let (day, model) = key;
        if *day < first || *day > last {
            continue;
        }
        let billed = theirs.get(key).copied().unwrap_or(0);
        let recorded = ours.get(key).map_or(0, |(n, _)| *n);
        let here = recorded.saturating_sub(lent.get(key).copied().unwrap_or(0));
        let mut missing = billed.saturating_sub(here);
        if missing > 0
            && let Some((next, (_, early))) = ours.get_key_value(&(next(*day), model.clone()))
        {
            let borrowed = missing.min(*early);
            lent.insert(next, borrowed);
            missing -= borrowed;
        }
        if let Some(left) = unanswered.get_mut(day) {
            let explained = missing.min(*left);
            *left -= explained;
            missing -= explained;
        }
        unrecorded += missing;
        unknown += here.saturating_sub(billed);
        let model = Untrusted::new(model.clone());
        days.push(ModelDay { day: *day, model, theirs: billed, ours: recorded, unrecorded: missing });
    }
    (days, unrecorded, unknown)
}

#[cfg(test)]
mod tests;
