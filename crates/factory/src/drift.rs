//! Drift: verdicts by day, confidences and inputs, against the first week of the release in force.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{Handle, rows};
use crate::project::{DecisionRec, ReleaseRec};
use seatrial_model::event::Share;
use seatrial_model::{Commitment, Day, Stage, Time, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::Actor;
use seatrial_sprint::drift::{BASELINE_MIN, Observed, RateDrift, Shift};
use seatrial_store::{Payload, ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// The first so many days of a release are what later ones are held against.
pub const BASELINE_DAYS: i64 = 7;

/// The newest so many days that are shown.
pub const DAYS_MAX: usize = 60;

/// Decisions of each side whose confidence and input are read: beyond it the figures hardly move.
pub const SAMPLE_MAX: usize = 10_000;

/// Fields of an input that are watched.
const FIELDS_MAX: usize = 40;

/// How deep objects nest in a watched field's name.
const DEPTH_MAX: usize = 4;

const DAY_MS: i64 = 86_400_000;

/// How a workflow differs from its first week.
#[derive(Clone, Debug, Serialize)]
pub struct DriftLook {
    /// From when to when the baseline reaches.
    pub baseline: (Time, Time),
    /// How many decisions it has.
    pub decisions: u64,
    /// Too few decisions, or the week is not over: nothing is held against it yet, and this says why.
    pub not_yet: Option<String>,
    /// Each verdict's share by day.
    pub rates: Vec<RateDrift>,
    /// Confidences, by step.
    pub confidence: Vec<Shift>,
    /// Fields of inputs that are numbers, words of an enumeration or truth values, from payloads still held.
    pub inputs: Vec<Shift>,
}

impl DriftLook {
    /// Whether anything is beyond its limit.
    #[must_use]
    pub fn is_out(&self) -> bool {
        let day = |rate: &RateDrift| rate.days.last().is_some_and(|d| d.out);
        self.rates.iter().any(day) || self.confidence.iter().chain(&self.inputs).any(Shift::is_shifted)
    }
}

/// One side's sample.
#[derive(Default)]
struct Sample {
    confidence: BTreeMap<String, Vec<Observed>>,
    inputs: BTreeMap<String, Vec<Observed>>,
}

impl Factory {
    /// How verdicts, confidences and inputs differ from the first week of the release in force; none without one.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow, or it cannot be read.
    pub async fn drift(&self, workflow: &str) -> Result<Option<DriftLook>, Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let Some(served) = live.in_force.as_ref() else { return Ok(None) };
        let release =
            served.release.as_ref().filter(|r| matches!(r.stage, Stage::Pilot | Stage::Production | Stage::Owned));
        let Some(release) = release else { return Ok(None) };
        self.drift_of(&handle, &served.workflow, release).await.map(Some)
    }

    async fn drift_of(&self, handle: &Handle, workflow: &Workflow, release: &ReleaseRec) -> Result<DriftLook, Refused> {
        let (since, now) = (release.at, self.now());
        let until = since.plus_millis(BASELINE_DAYS * DAY_MS);
        let fields = fields(workflow);
        let read = self.0.store.read_with(&handle.log, move |view| {
            let week = sample(view, since, until, &fields, false)?;
            let newest = if now > until { sample(view, until, now, &fields, true)? } else { Sample::default() };
            Ok((
                days(view, since, until)?,
                days(view, until.plus_millis(DAY_MS), now.plus_millis(DAY_MS))?,
                week,
                newest,
            ))
        });
        let (before, after, week, newest) = read.await.map_err(not_recorded)?;
        let decisions: u64 = before.iter().map(|(_, day)| day.values().sum::<u64>()).sum();
        let not_yet = match (now > until, decisions < BASELINE_MIN) {
            (false, _) => Some(format!("the release is younger than {BASELINE_DAYS} days")),
            (true, true) => Some(format!("its first {BASELINE_DAYS} days have fewer than {BASELINE_MIN} decisions")),
            (true, false) => None,
        };
        let mut look = DriftLook {
            baseline: (since, until),
            decisions,
            not_yet,
            rates: vec![],
            confidence: vec![],
            inputs: vec![],
        };
        if look.not_yet.is_none() {
            look.rates = rates(&before, &after);
            look.confidence = shifts(&week.confidence, &newest.confidence, "confidence of steps.");
            look.inputs = shifts(&week.inputs, &newest.inputs, "");
        }
        Ok(look)
    }
}

fn shifts(
    before: &BTreeMap<String, Vec<Observed>>,
    after: &BTreeMap<String, Vec<Observed>>,
    named: &str,
) -> Vec<Shift> {
    let both = before.iter().filter_map(|(name, values)| Some((name, values, after.get(name)?)));
    both.filter_map(|(name, values, now)| Shift::between(format!("{named}{name}"), values, now)).collect()
}

type DayCounts = Vec<(Day, BTreeMap<Verdict, u64>)>;

/// Verdicts by day, from the counts that are kept for each (days are UTC), the newest days only.
fn days(view: &dyn View, from: Time, until: Time) -> Result<DayCounts, StoreError> {
    let mut days = Vec::new();
    let mut at = until.plus_millis(-1);
    while at >= from && days.len() < DAYS_MAX {
        let prefix = format!("{}/verdict/", at.day());
        let found: Vec<(Vec<u8>, u64)> = rows(view, &Scan::all("tally").prefix(prefix.clone()))?;
        let verdict =
            |key: &[u8]| serde_json::from_value(Value::from(String::from_utf8_lossy(key.get(prefix.len()..)?))).ok();
        let counts = found.into_iter().filter_map(|(key, n)| Some((verdict(&key)?, n)));
        days.push((at.day(), counts.collect()));
        at = at.plus_millis(-DAY_MS);
    }
    days.reverse();
    Ok(days)
}

fn rates(before: &DayCounts, after: &DayCounts) -> Vec<RateDrift> {
    let total = |day: &BTreeMap<Verdict, u64>| day.values().sum::<u64>();
    let share =
        |day: &BTreeMap<Verdict, u64>, verdict| Share { k: day.get(&verdict).copied().unwrap_or(0), n: total(day) };
    let each = |verdict: Verdict| {
        let baseline = before.iter().map(|(_, day)| share(day, verdict));
        let baseline = baseline.fold(Share::default(), |a, b| Share { k: a.k + b.k, n: a.n + b.n });
        let days: Vec<(Day, Share)> = after.iter().map(|(day, counts)| (*day, share(counts, verdict))).collect();
        RateDrift::new(verdict.to_string(), baseline, &days)
    };
    let all = [Verdict::Allow, Verdict::Warn, Verdict::Modify, Verdict::Escalate, Verdict::Deny];
    let seen = |rate: &RateDrift| rate.baseline.k > 0 || rate.days.iter().any(|d| d.share.k > 0);
    all.into_iter().map(each).filter(seen).collect()
}

/// A field of an input that can be watched: its name, and the way to it.
type Watched = (String, Vec<String>);

/// The fields of the AI steps' inputs that are numbers, words of an enumeration or truth values: step → fields.
fn fields(workflow: &Workflow) -> BTreeMap<String, Vec<Watched>> {
    let steps = workflow.steps.iter().filter(|s| s.actor == Actor::Ai);
    let typed = steps.filter_map(|s| Some((s, workflow.types.get(s.input.as_ref()?)?)));
    typed
        .map(|(step, input)| {
            let mut found = Vec::new();
            collect(&input.schema, &mut Vec::new(), &mut found);
            found.truncate(FIELDS_MAX);
            (step.name.clone(), found)
        })
        .collect()
}

fn collect(schema: &Value, way: &mut Vec<String>, found: &mut Vec<Watched>) {
    let Some(properties) = schema.get("properties").and_then(Value::as_object).filter(|_| way.len() < DEPTH_MAX) else {
        return;
    };
    for (name, property) in properties {
        way.push(name.clone());
        let kind = property.get("type").and_then(Value::as_str);
        let watched = property.get("enum").is_some() || matches!(kind, Some("number" | "integer" | "boolean"));
        if watched {
            found.push((format!("input.{}", way.join(".")), way.clone()));
        }
        collect(property, way, found);
        way.pop();
    }
}

/// Confidences and inputs of decisions of a window: the oldest of it, or the newest.
fn sample(
    view: &dyn View,
    from: Time,
    until: Time,
    fields: &BTreeMap<String, Vec<Watched>>,
    newest: bool,
) -> Result<Sample, StoreError> {
    let mut out = Sample::default();
    let mut after: Option<Vec<u8>> = (!newest).then(|| first_key(from));
    let mut read = 0;
    while read < SAMPLE_MAX {
        let mut scan = Scan::all("decision").limit(1_000);
        scan.reverse = newest;
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        let full = page.len() >= scan.rows_max();
        let beyond = page.last().is_some_and(|(_, r)| if newest { r.time < from } else { r.time >= until });
        after = page.last().map(|(key, _)| key.clone());
        for (_, rec) in page {
            if rec.rehearsal || rec.time < from || rec.time >= until || read >= SAMPLE_MAX {
                continue;
            }
            read += 1;
            if !rec.no_candidate {
                out.confidence.entry(rec.step.clone()).or_default().push(Observed::Number(rec.confidence));
            }
            let Some(fields) = fields.get(&rec.step) else { continue };
            let Some(input) = input(view, rec.payloads.get("input"))? else { continue };
            for (name, way) in fields {
                let value = way.iter().try_fold(&input, |value, name| value.get(name));
                out.inputs.entry(name.clone()).or_default().push(observed(value));
            }
        }
        if !full || beyond {
            break;
        }
    }
    Ok(out)
}

/// Ids are ordered by their time; a request waits for its model, and its id is a little older than its record.
fn first_key(from: Time) -> Vec<u8> {
    const SLACK_MS: i64 = 60 * 60 * 1_000;
    let first = u64::try_from(from.as_millis().saturating_sub(SLACK_MS)).unwrap_or(0);
    first.to_be_bytes().get(2..).map(<[u8]>::to_vec).unwrap_or_default()
}

fn input(view: &dyn View, commitment: Option<&Commitment>) -> Result<Option<Value>, StoreError> {
    let Some(commitment) = commitment else { return Ok(None) };
    let held = view.payload(commitment)?.and_then(Payload::held);
    Ok(held.and_then(|held| serde_json::from_slice(&held.bytes).ok()))
}

fn observed(value: Option<&Value>) -> Observed {
    match value {
        None | Some(Value::Null) => Observed::Absent,
        Some(Value::Number(n)) => n.as_f64().map_or(Observed::Absent, Observed::Number),
        Some(Value::String(word)) => Observed::Word(word.clone()),
        Some(other) => Observed::Word(other.to_string()),
    }
}
