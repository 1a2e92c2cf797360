//! Pilots: their terms, what they count, and what they showed.

mod report;

pub use report::{PILOT_DECISIONS_MAX, PilotLook, PilotReport};

use crate::api::Refused;
use crate::factory::internal;
use crate::handle::row;
use crate::project::{PILOT_COUNT, ReleaseRec, pilot_count_key};
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use seatrial_model::event::{PilotTerms, ReleaseCut};
use seatrial_model::{Day, Digest, Stage, Time};
use seatrial_spec::Workflow;
use seatrial_store::{Scan, StoreError, View};
use serde_json::json;

/// The terms of a pilot as its spec writes them.
pub(crate) struct Terms {
    digest: Digest,
    shadow: bool,
    continue_if: Option<String>,
}

/// The terms of a pilot's release; none for another stage.
pub(crate) fn terms_of(workflow: &Workflow, stage: Stage, until: Option<Time>) -> Result<Option<Terms>, Refused> {
    let Some(gate) = workflow.gates.pilot.as_ref().filter(|_| stage == Stage::Pilot) else { return Ok(None) };
    let continue_if = gate.continue_if.as_ref().map(|e| e.source.clone());
    let stated = json!({
        "until": until,
        "per_day": gate.per_day,
        "shadow": gate.shadow,
        "review": gate.review,
        "continue_if": gate.continue_if.as_ref().map(|e| &e.promoted),
    });
    let digest = Digest::of_canonical(&stated).map_err(internal)?;
    Ok(Some(Terms { digest, shadow: gate.shadow, continue_if }))
}

impl Terms {
    /// Numbers the pilot inside the commit. The same terms are the same pilot; other terms are another one from the
    /// first decision on that was made under the old ones.
    pub(crate) fn numbered(self, view: &dyn View, cuts: &[(Digest, ReleaseCut)]) -> Result<PilotTerms, StoreError> {
        let make = |number, previous| PilotTerms {
            number,
            terms: self.digest,
            previous,
            shadow: self.shadow,
            continue_if: self.continue_if.clone(),
        };
        let newest = cuts.iter().find(|(_, cut)| cut.stage == Stage::Pilot);
        let Some((release, cut)) = newest else { return Ok(make(1, None)) };
        let Some(last) = &cut.pilot else { return Ok(make(1, Some(*release))) };
        if last.terms == self.digest {
            return Ok(make(last.number, last.previous));
        }
        let rec: Option<ReleaseRec> = row(view, "release", release.hex().as_bytes())?;
        let decided = match rec.and_then(|rec| rec.pilot_key()) {
            Some(key) => !view.scan(&Scan::all(PILOT_COUNT).prefix(format!("{key}/")).limit(1))?.is_empty(),
            None => true,
        };
        Ok(if decided { make(last.number + 1, Some(*release)) } else { make(last.number, last.previous) })
    }
}

/// How many decisions a pilot made on the day of `now` in a time zone.
pub(crate) fn decided_on(view: &dyn View, pilot: &str, timezone: &str, now: Time) -> Result<u64, StoreError> {
    let (from, until) = day_at(timezone, now);
    decided_between(view, pilot, from, until)
}

/// How many decisions a pilot made between two quarters of an hour.
pub(crate) fn decided_between(view: &dyn View, pilot: &str, from: Time, until: Time) -> Result<u64, StoreError> {
    let (first, end) = (pilot_count_key(pilot, from), pilot_count_key(pilot, until));
    let mut scan = Scan::all(PILOT_COUNT).prefix(format!("{pilot}/"));
    // The key just before the first one that is wanted.
    if let Some(before) = before(&first) {
        scan = scan.after(before);
    }
    let mut total = 0_u64;
    loop {
        let page = view.scan(&scan)?;
        for (key, value) in page.iter().take_while(|(key, _)| *key < end) {
            let count: u64 = serde_json::from_slice(value).map_err(|e| StoreError::Damaged {
                log: view.log().clone(),
                what: format!("a count of a pilot cannot be read ({e}; {} bytes of key)", key.len()),
            })?;
            total = total.saturating_add(count);
        }
        match page.last() {
            Some((key, _)) if page.len() >= scan.rows_max() && *key < end => scan = scan.after(key.clone()),
            _ => return Ok(total),
        }
    }
}

/// The greatest key of the same length before this one.
fn before(key: &[u8]) -> Option<Vec<u8>> {
    let mut key = key.to_vec();
    for byte in key.iter_mut().rev() {
        if let Some(less) = byte.checked_sub(1) {
            *byte = less;
            return Some(key);
        }
        *byte = u8::MAX;
    }
    None
}

/// The day of a time in a zone, from its first moment to the next day's. An unknown zone is UTC.
pub(crate) fn day_at(timezone: &str, now: Time) -> (Time, Time) {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    day_of(timezone, Day(now.timestamp().to_zoned(zone).date()))
}

/// A day of a time zone, from its first moment to the next day's. An unknown zone is UTC.
#[must_use]
pub fn day_of(timezone: &str, day: Day) -> (Time, Time) {
    let zone = TimeZone::get(timezone).unwrap_or(TimeZone::UTC);
    let start = |date: jiff::civil::Date| date.to_zoned(zone.clone()).map(|z| Time::from(z.timestamp()));
    let from = start(day.0).unwrap_or_else(|_| Time::from_millis(0));
    let until = day.0.checked_add(1.day()).and_then(start).unwrap_or_else(|_| from.plus_millis(86_400_000));
    (from, until)
}

#[cfg(test)]
mod tests;
