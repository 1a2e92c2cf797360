//! What a pilot showed, from the log: listed, shown, and recorded as evidence.

use crate::api::{Caller, Held, Refused};
use crate::decisions::held;
use crate::evaluate::slices_of;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served, row};
use crate::metrics::{Counted, agreed, each_decision, is_late};
use crate::project::{DecisionRec, ReleaseRec};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_guard::decide::codes;
use seatrial_guard::expr::holds_on_metrics;
use seatrial_model::event::{PilotReported, PilotTerms};
use seatrial_model::{Body, Digest, EventId, Logged, Stage, Time};
use seatrial_spec::workflow::{Bar, BarOp};
use seatrial_sprint::PilotFindings;
use seatrial_sprint::pilot::{PilotCase, PilotInput, PilotOutcome, PilotRepeats};
use seatrial_store::{Batch, ReaderExt as _, StoreError, StoreExt as _, View};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The most decisions of a pilot that a report looks at one by one: a pilot is bounded, and so is its report.
pub const PILOT_DECISIONS_MAX: usize = 200_000;

/// A pilot: its terms, and how it stands.
#[derive(Clone, Debug, Serialize)]
pub struct PilotLook {
    /// Its number.
    pub number: u64,
    /// Its newest terms.
    pub terms: PilotTerms,
    /// Its releases, the oldest first.
    pub releases: Vec<Digest>,
    /// From its first release.
    pub from: Time,
    /// Its end.
    pub until: Option<Time>,
    /// Its ceiling a day.
    pub per_day: Option<u64>,
    /// Whether one of its releases is in force.
    pub in_force: bool,
    /// Decisions in all, rehearsals left out.
    pub decisions: u64,
    /// Decisions on this day of the factory's time zone: what the ceiling counts.
    pub today: u64,
    /// Reports of it: event, when, and whether its criterion was met.
    pub reports: Vec<(EventId, Time, Option<bool>)>,
}

/// A pilot's report.
#[derive(Clone, Debug, Serialize)]
pub struct PilotReport {
    /// The event; none where nothing was recorded.
    pub event: Option<EventId>,
    /// The report.
    pub report: PilotFindings,
    /// The digest of the report, which approvals are over.
    pub digest: Digest,
    /// The figures that the criterion was evaluated on.
    pub metrics: BTreeMap<String, f64>,
}

/// One release of a pilot.
#[derive(Clone)]
struct Piloted {
    release: Digest,
    event: EventId,
    spec: Digest,
    at: Time,
    until: Option<Time>,
    per_day: Option<u64>,
    terms: PilotTerms,
}

/// Every pilot's releases, the oldest first, by its number. A release without terms was cut before terms were kept:
/// it is pilot 0.
fn pilots_of(events: &[Logged]) -> BTreeMap<u64, Vec<Piloted>> {
    let mut pilots: BTreeMap<u64, Vec<Piloted>> = BTreeMap::new();
    for logged in events {
        let Body::ReleaseCut(cut) = &logged.event.body else { continue };
        let Some(release) = logged.event.subject.release.filter(|_| cut.stage == Stage::Pilot) else { continue };
        let terms = cut.pilot.clone().unwrap_or(PilotTerms {
            number: 0,
            terms: cut.state,
            previous: None,
            shadow: false,
            continue_if: None,
        });
        pilots.entry(terms.number).or_default().push(Piloted {
            release,
            event: logged.event.id,
            spec: cut.spec,
            at: logged.event.time,
            until: cut.until,
            per_day: cut.per_day,
            terms,
        });
    }
    pilots
}

impl Factory {
    /// Every pilot of a workflow, the oldest first; earlier ones stay visible.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn pilots(&self, workflow: &str) -> Result<Vec<PilotLook>, Refused> {
        let handle = self.handle(workflow)?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let (now, zone) = (self.now(), self.spec().timezone.clone());
        let mut looks = Vec::new();
        for (number, releases) in pilots_of(&events) {
            let (Some(first), Some(last)) = (releases.first().cloned(), releases.last().cloned()) else { continue };
            let reports = events.iter().filter_map(|logged| match &logged.event.body {
                Body::PilotReported(r) if r.pilot == number => Some((logged.event.id, logged.event.time, r.continues)),
                _ => None,
            });
            let digests: Vec<Digest> = releases.iter().map(|r| r.release).collect();
            let (keys, zone) = (digests.clone(), zone.clone());
            let (in_force, decisions, today) = self
                .0
                .store
                .read_with(&handle.log, move |view| {
                    let current: Option<ReleaseRec> = row(view, "release", b"in-force")?;
                    let in_force = current.is_some_and(|c| keys.contains(&c.release));
                    let key = pilot_key_of(view, &keys)?;
                    let Some(key) = key else { return Ok((in_force, 0, 0)) };
                    let all = super::decided_between(view, &key, Time::from_millis(0), now.plus_millis(86_400_000))?;
                    Ok((in_force, all, super::decided_on(view, &key, &zone, now)?))
                })
                .await
                .map_err(not_recorded)?;
            looks.push(PilotLook {
                number,
                terms: last.terms.clone(),
                releases: digests,
                from: first.at,
                until: last.until,
                per_day: last.per_day,
                in_force,
                decisions,
                today,
                reports: reports.collect(),
            });
        }
        Ok(looks)
    }

    /// A pilot's four findings, computed from the log: the one named, or the newest. With `record`, they stand in
    /// the log, and `pilot.findings` is approved over exactly this report.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn pilot_report(
        &self,
        caller: &Caller,
        workflow: &str,
        number: Option<u64>,
        record: bool,
    ) -> Result<PilotReport, Refused> {
        let (handle, candidate) = self.submitted(workflow)?;
        if record {
            let circumstances =
                Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
            candidate.authorize(&caller.principal, Act::ReportPilot, &circumstances)?;
        }
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let pilots = pilots_of(&events);
        let number = number.or_else(|| pilots.keys().next_back().copied());
        let releases = number.and_then(|n| pilots.get(&n)).cloned().unwrap_or_default();
        let (Some(number), Some(last)) = (number, releases.last().cloned()) else {
            let known: Vec<String> = pilots.keys().map(ToString::to_string).collect();
            let known = if known.is_empty() { "none yet".to_owned() } else { known.join(", ") };
            return Err(Refused::NotFound(format!("there is no such pilot (there are: {known})")));
        };
        let served = self.served_as(&handle, last.spec).await?;
        let (report, metrics) = self.findings_of(&handle, &served, number, &releases, &events).await?;
        let blob = seatrial_model::canonical(&report).map_err(internal)?;
        let digest = Digest::of(&blob);
        if !record {
            return Ok(PilotReport { event: None, report, digest, metrics });
        }
        let body = Body::PilotReported(PilotReported {
            pilot: number,
            release: last.release,
            report: digest,
            decisions: report.decisions,
            continues: report.continues,
            metrics: metrics.clone(),
        });
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        event.spec = Some(candidate.workflow.digest);
        event.release = Some(last.release);
        let id = event.id;
        let batch = Batch { events: vec![event], blobs: vec![blob], ..Batch::default() };
        self.0.store.append(&handle.log, batch).await.map_err(not_recorded)?;
        Ok(PilotReport { event: Some(id), report, digest, metrics })
    }

    /// A report that was recorded.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where that event is none.
    pub async fn pilot_reported(&self, workflow: &str, event: EventId) -> Result<PilotFindings, Refused> {
        let handle = self.handle(workflow)?;
        let found = self.0.store.event_by_id(&handle.log, event).await.map_err(not_recorded)?;
        let Some(Body::PilotReported(body)) = found.map(|(_, event)| event.body) else {
            return Err(Refused::NotFound(format!("`{event}` reports no pilot")));
        };
        let blob = self.0.store.blob(&handle.log, body.report).await.map_err(not_recorded)?;
        let blob = blob.ok_or_else(|| internal("the report is not held"))?;
        serde_json::from_slice(&blob).map_err(internal)
    }

    /// A spec that was submitted, compiled.
    pub(crate) async fn served_as(&self, handle: &Handle, spec: Digest) -> Result<Arc<Served>, Refused> {
        let live = handle.live.load_full();
        let known = [&live.in_force, &live.candidate].into_iter().flatten();
        let found = known.into_iter().find(|s| s.workflow.digest == spec).cloned();
        match found {
            Some(served) => Ok(served),
            None => self.load_old(&handle.log, spec).await.map(Arc::new).map_err(internal),
        }
    }

    async fn findings_of(
        &self,
        handle: &Handle,
        served: &Arc<Served>,
        number: u64,
        releases: &[Piloted],
        events: &[Logged],
    ) -> Result<(PilotFindings, BTreeMap<String, f64>), Refused> {
        let now = self.now();
        let from = releases.first().map_or(now, |r| r.at);
        let last = releases.last().ok_or_else(|| internal("a pilot has a release"))?;
        // Until another stage or another pilot was released, or the pilot's end.
        let next = cuts_after(events, last);
        let until = [last.until, next].into_iter().flatten().fold(now, Time::min);
        let digests: Vec<Digest> = releases.iter().map(|r| r.release).collect();
        let read = Arc::clone(served);
        let (cases, counted, refused) = self
            .0
            .store
            .read_with(&handle.log, move |view| cases_of(view, &read, &digests, from, now))
            .await
            .map_err(not_recorded)?;
        let metrics = counted.figures(from, until);
        let gate = served.workflow.gates.pilot.as_ref();
        let criterion = gate.and_then(|g| g.continue_if.as_ref());
        // Figures of nothing tell nothing.
        let told = criterion.filter(|_| !cases.is_empty());
        let continues = told.and_then(|c| holds_on_metrics(&c.promoted, &metrics).ok());
        let stops = events.iter().filter(|e| e.event.time >= from && e.event.time <= until);
        let stops: Vec<EventId> = stops
            .filter(|e| matches!(&e.event.body, Body::WorkflowStopped(s) if !s.marked))
            .map(|e| e.event.id)
            .collect();
        let named: Vec<(Digest, EventId)> = releases.iter().map(|r| (r.release, r.event)).collect();
        let report = PilotFindings::of(&PilotInput {
            number,
            releases: &named,
            shadow: last.terms.shadow,
            from,
            until,
            metrics: &metrics,
            continue_if: criterion.map(|c| c.source.as_str()),
            continues,
            cases: &cases,
            outcomes: &outcomes_of(served, events, from),
            repeats: &repeats_of(events, releases),
            stops: &stops,
            refused_by_bounds: refused,
        });
        Ok((report, metrics))
    }
}

/// When something else was released after a pilot's newest release.
fn cuts_after(events: &[Logged], last: &Piloted) -> Option<Time> {
    let after = events.iter().skip_while(|e| e.event.id != last.event).skip(1);
    after.filter(|e| matches!(e.event.body, Body::ReleaseCut(_))).map(|e| e.event.time).next()
}

/// The name under which the decisions of these releases are counted.
fn pilot_key_of(view: &dyn View, releases: &[Digest]) -> Result<Option<String>, StoreError> {
    let Some(release) = releases.last() else { return Ok(None) };
    let rec: Option<ReleaseRec> = row(view, "release", release.hex().as_bytes())?;
    Ok(rec.and_then(|rec| rec.pilot_key()))
}

/// The cases of a pilot, its counts, and how many its bounds refused: these are no decisions about a case.
fn cases_of(
    view: &dyn View,
    served: &Served,
    releases: &[Digest],
    from: Time,
    now: Time,
) -> Result<(Vec<PilotCase>, Counted, u64), StoreError> {
    let (mut cases, mut counted, mut refused) = (Vec::new(), Counted::default(), 0);
    each_decision(view, from, now.plus_millis(1), &mut |rec, review| {
        if rec.release.is_none_or(|release| !releases.contains(&release)) || cases.len() >= PILOT_DECISIONS_MAX {
            return Ok(());
        }
        if rec.code == codes::NOT_RELEASED {
            refused += 1;
            return Ok(());
        }
        counted.add(rec, review, now);
        cases.push(PilotCase {
            event: rec.event,
            step: rec.step.clone(),
            verdict: rec.verdict,
            because: rec.because.clone(),
            slices: slices(view, served, rec)?,
            agreed: review.and_then(|review| agreed(rec, review)),
            reviewed: review.is_some_and(|r| r.answer.is_some()),
            late: review.is_some_and(|r| is_late(r, now)),
            overridden: rec.overridden.as_ref().map(|o| o.reason.clone()),
            wrong: rec.outcome.as_ref().filter(|o| o.matured).map(|o| o.wrong),
            no_candidate: rec.no_candidate,
        });
        Ok(())
    })?;
    Ok((cases, counted, refused))
}

fn slices(view: &dyn View, served: &Served, rec: &DecisionRec) -> Result<Vec<String>, StoreError> {
    if served.workflow.slices.is_empty() {
        return Ok(Vec::new());
    }
    let Some(program) = served.program.step(&rec.step) else { return Ok(Vec::new()) };
    let input = match held(view, rec.payloads.get("input").copied())? {
        Held::Text { text, .. } => serde_json::from_str::<Value>(text.raw()).ok(),
        _ => None,
    };
    Ok(input.map(|input| slices_of(&served.workflow, program, &input)).unwrap_or_default())
}

fn outcomes_of(served: &Served, events: &[Logged], from: Time) -> Vec<PilotOutcome> {
    let newest = |name: &str| {
        let path = format!("outcomes.{name}");
        let element = served.workflow.element(&seatrial_model::ElementPath::new(path.clone()))?;
        events.iter().rev().find_map(|logged| match &logged.event.body {
            Body::OutcomeMeasured(m)
                if m.outcome.as_str() == path && m.element == element.written && m.until > from =>
            {
                Some((m.value, logged.event.id))
            }
            _ => None,
        })
    };
    let each = served.workflow.outcomes.iter().map(|(name, outcome)| PilotOutcome {
        name: name.clone(),
        today: outcome.today,
        target: bar_text(outcome.target),
        measured: newest(name).map(|(value, event)| (value, outcome.target.is_met_by(value), event)),
    });
    each.collect()
}

/// A target as the spec writes it.
fn bar_text(bar: Bar) -> String {
    let op = match bar.op {
        BarOp::AtLeast => ">=",
        BarOp::AtMost => "<=",
        BarOp::Above => ">",
        BarOp::Below => "<",
    };
    format!("{op} {}", bar.value)
}

/// Evaluations of the piloted specs that asked each example more than once.
fn repeats_of(events: &[Logged], releases: &[Piloted]) -> Vec<PilotRepeats> {
    let specs: Vec<Digest> = releases.iter().map(|r| r.spec).collect();
    let mut runs: BTreeMap<String, PilotRepeats> = BTreeMap::new();
    for logged in events {
        let Body::EvaluationRecorded(body) = &logged.event.body else { continue };
        let Some(repeats) = body.repeats.filter(|r| r.times > 1) else { continue };
        if logged.event.spec.is_none_or(|spec| !specs.contains(&spec)) {
            continue;
        }
        let examples = body.verdicts.values().sum::<u64>();
        let run = PilotRepeats { set: body.set.clone(), examples, repeats, event: logged.event.id };
        runs.insert(body.set.clone(), run);
    }
    runs.into_values().collect()
}
