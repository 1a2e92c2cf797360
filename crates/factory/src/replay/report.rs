//! What a replay came to, for people, programs and the log.

use seatrial_guard::replay::{Changed, NeedsOutput, Replay, Tally};
use seatrial_model::event::{BeforeAfter, ReplayRecorded};
use seatrial_model::{Day, Digest, ElementPath, Time};
use seatrial_spec::workflow::{FactorySpec, Person};
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A day in milliseconds.
const DAY_MS: f64 = 86_400_000.0;

/// What a replay came to.
#[derive(Clone, Debug, Serialize)]
pub struct ReplayReport {
    /// The changed spec.
    pub against: Digest,
    /// The first entry that was looked at, and the one after the last.
    pub entries: (u64, u64),
    /// The time of the first and of the last decision.
    pub span: Option<(Time, Time)>,
    /// The days between them; at least one.
    pub days: f64,
    /// Decisions recorded there, rehearsals left out.
    pub decisions: u64,
    /// Decided again: all figures below speak of these.
    pub again: u64,
    /// Whose outputs would be others: they go to `seatrial eval`.
    pub need_outputs: u64,
    /// Why, by reason.
    pub need_outputs_why: BTreeMap<&'static str, u64>,
    /// Whose payloads were erased, and a changed check needs them.
    pub erased: u64,
    /// Of steps that the changed spec does not have.
    pub gone: u64,
    /// Verdicts that changed.
    pub changed: u64,
    /// `allow→escalate` → how many.
    pub changes: BTreeMap<String, u64>,
    /// By verdict, then and now.
    pub verdicts: BTreeMap<String, BeforeAfter>,
    /// Of those changed, by the element that brings about the new verdict, or whose objection fell away.
    pub rules: BTreeMap<ElementPath, u64>,
    /// Decisions that need a person (to review or to audit), then and now.
    pub reviews: BeforeAfter,
    /// The same by the day, against what the people asked can do.
    pub per_day: PerDay,
    /// By role that is asked.
    pub roles: BTreeMap<String, RoleLoad>,
    /// Overridden decisions, and how many of these would have gone another way.
    pub overrides: BeforeAfter,
    /// Thresholds that were weighed as if they were certified: they have no certificate for this number yet.
    pub assumed: Vec<ElementPath>,
    /// How many changed decisions are listed one by one.
    pub listed: usize,
    #[serde(skip)]
    list: Vec<Changed>,
}

/// Questions a day, against capacity.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct PerDay {
    /// As it was.
    pub before: f64,
    /// Under the changed spec.
    pub after: f64,
    /// How many the people in these roles manage; none where one of them says nothing.
    pub capacity: Option<u64>,
}

/// One role's questions.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct RoleLoad {
    /// In all.
    pub reviews: BeforeAfter,
    /// A day.
    pub per_day: PerDay,
}

impl ReplayReport {
    pub(super) fn new(replay: &Replay, entries: (u64, u64), tally: &Tally, factory: &FactorySpec, today: Day) -> Self {
        let days = tally.span.map_or(1.0, |(first, last)| (last.millis_since(first) as f64 / DAY_MS).max(1.0));
        let per_day = |load: BeforeAfter, roles: &[&str]| PerDay {
            before: load.before as f64 / days,
            after: load.after as f64 / days,
            capacity: capacity(factory, roles, today),
        };
        let mut verdicts: BTreeMap<String, BeforeAfter> = BTreeMap::new();
        let mut changes = BTreeMap::new();
        for ((from, to), count) in &tally.verdicts {
            verdicts.entry(from.to_string()).or_default().before += count;
            verdicts.entry(to.to_string()).or_default().after += count;
            if from != to {
                changes.insert(format!("{from}→{to}"), *count);
            }
        }
        let all_roles: Vec<&str> = tally.roles.keys().map(String::as_str).collect();
        let role = |(role, load): (&String, &BeforeAfter)| {
            (role.clone(), RoleLoad { reviews: *load, per_day: per_day(*load, &[role]) })
        };
        Self {
            against: replay.against(),
            entries,
            span: tally.span,
            days,
            decisions: tally.decisions,
            again: tally.again,
            need_outputs: tally.needs_output.values().sum(),
            need_outputs_why: tally.needs_output.iter().map(|(why, n)| (NeedsOutput::as_str(*why), *n)).collect(),
            erased: tally.erased,
            gone: tally.gone,
            changed: tally.changed(),
            changes,
            verdicts,
            rules: tally.rules.clone(),
            reviews: tally.reviews,
            per_day: per_day(tally.reviews, &all_roles),
            roles: tally.roles.iter().map(role).collect(),
            overrides: tally.overrides,
            assumed: replay.assumed(),
            listed: tally.listed.len(),
            list: tally.listed.clone(),
        }
    }

    /// Decisions whose verdict changed, the oldest first.
    #[must_use]
    pub fn list(&self) -> &[Changed] {
        &self.list
    }

    /// The blob beside the event: each changed decision.
    pub(super) fn listing(&self) -> Value {
        let row = |c: &Changed| json!([c.index, c.decision, c.from, c.to, c.rule]);
        json!({
            "against": self.against,
            "entries": self.entries,
            "columns": ["entry", "decision", "from", "to", "rule"],
            "changed": self.list.iter().map(row).collect::<Vec<_>>(),
            "left_off": self.changed - (self.list.len() as u64).min(self.changed),
        })
    }

    /// The event's body, but for its blob.
    pub(super) fn body(&self) -> ReplayRecorded {
        ReplayRecorded {
            entries: self.entries,
            decisions: self.decisions,
            again: self.again,
            need_outputs: self.need_outputs,
            erased: self.erased,
            gone: self.gone,
            changed: self.changed,
            changes: self.changes.clone(),
            rules: self.rules.clone(),
            reviews: self.reviews,
            overrides: self.overrides,
            assumed: self.assumed.clone(),
            results: Digest::of(b""),
        }
    }
}

/// What the people in these roles manage a day, each counted once; none where somebody's capacity is not stated.
fn capacity(factory: &FactorySpec, roles: &[&str], today: Day) -> Option<u64> {
    let people: Vec<&Person> = roles.iter().flat_map(|role| factory.present(role, today)).collect();
    let mut seen = BTreeSet::new();
    let once = people.into_iter().filter(|p| seen.insert(p.id.as_str()));
    let mut total = None;
    for person in once {
        total = Some(total.unwrap_or(0) + person.reviews_per_day?);
    }
    total
}
