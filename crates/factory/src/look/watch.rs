//! How certificates stand since launch.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::{Served, rows};
use crate::project::{AssumptionRec, CertificateRec, DecisionRec, OutcomeRec};
use seatrial_model::{ElementPath, EventId, Time};
use seatrial_spec::workflow::{Assumption, Truth};
use seatrial_sprint::{AuditRule, AuditState, Promise};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
use serde::Serialize;
use std::collections::BTreeMap;

/// The most decisions that are read to draw the e-process: beyond it only its value is shown.
const PATH_DECISIONS_MAX: usize = 100_000;

/// A certificate with its audit since launch.
#[derive(Clone, Debug)]
pub struct CertificateLook {
    /// The event that gave it (or tested it in vain).
    pub event: EventId,
    /// `thresholds.<name>`.
    pub threshold: ElementPath,
    /// Whether it was given.
    pub certified: bool,
    /// Whether it was revoked.
    pub revoked: bool,
    /// Since when.
    pub since: Time,
    /// Decisions whose truth has matured.
    pub audits: u64,
    /// Wrong ones among them.
    pub wrong: u64,
    /// The e-process, as its natural logarithm.
    pub log_e: f64,
    /// Where it alarms.
    pub log_alarm: f64,
    /// Its values, oldest first; empty where nothing matured, or there were too many to draw.
    pub path: Vec<f64>,
    /// The change detector.
    pub change: f64,
    /// Where it alarms.
    pub change_alarm: f64,
    /// Whether it is watched.
    pub watch: WatchState,
}

/// Whether a certificate is watched: never said of one whose truth nobody knows yet.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WatchState {
    /// It was not given, or nothing is released under it.
    NotInForce,
    /// No truth is in yet.
    Unwatched {
        /// When the first can be; none where that is not known.
        until: Option<Time>,
        /// From where it comes.
        truth: &'static str,
    },
    /// Truths come in, and both tests are below their alarms.
    Watched,
    /// It was revoked.
    Revoked,
}

/// How a workflow is watched: what the promises that it was released under look like today.
#[derive(Clone, Debug)]
pub struct WatchLook {
    /// Certificates, the oldest first.
    pub certificates: Vec<CertificateLook>,
    /// Assumptions, by name.
    pub assumptions: Vec<AssumptionLook>,
    /// Drift against the release's first week; none without a release in force.
    pub drift: Option<crate::drift::DriftLook>,
}

/// An assumption, and how it was found last.
#[derive(Clone, Debug, Serialize)]
pub struct AssumptionLook {
    /// `assumptions.<name>`.
    pub assumption: ElementPath,
    /// In words.
    pub text: String,
    /// The expression over `metrics`; none where nothing watches it.
    pub watch: Option<String>,
    /// The role that watches it.
    pub owner: Option<String>,
    /// Whether it held; none where its first window is not over.
    pub holds: Option<bool>,
    /// The window that it was checked over last.
    pub window: Option<(Time, Time)>,
    /// When the next window closes.
    pub next: Option<Time>,
    /// The figures of that window.
    pub metrics: BTreeMap<String, f64>,
}

impl Factory {
    /// Every certificate of a workflow, one for each threshold, number and model, with how its audit stands.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn certificates(&self, workflow: &str) -> Result<Vec<CertificateLook>, Refused> {
        let handle = self.handle(workflow)?;
        let read = self.0.store.read_with(&handle.log, |view| {
            let found: Vec<(Vec<u8>, CertificateRec)> = rows(view, &Scan::all("certificate"))?;
            let audited = found.iter().any(|(_, rec)| rec.audit.audits > 0);
            let truths = if audited { truths(view)? } else { BTreeMap::new() };
            Ok(found
                .into_iter()
                .map(|(key, rec)| look(&rec, truths.get(String::from_utf8_lossy(&key).as_ref())))
                .collect::<Vec<_>>())
        });
        let mut certificates: Vec<CertificateLook> = read.await.map_err(not_recorded)?;
        certificates.sort_by_key(|c| c.since);
        let live = handle.live.load_full();
        for look in &mut certificates {
            look.watch = watch_state(look, live.in_force.as_deref(), self.now());
        }
        Ok(certificates)
    }

    /// How a workflow is watched: certificates with both tests, assumptions, drift.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow, or it cannot be read.
    pub async fn watch(&self, workflow: &str) -> Result<WatchLook, Refused> {
        let certificates = self.certificates(workflow).await?;
        let assumptions = self.assumptions(workflow).await?;
        Ok(WatchLook { certificates, assumptions, drift: self.drift(workflow).await? })
    }

    /// The assumptions of what is served (or else submitted), and how each was found last.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow, or it cannot be read.
    pub async fn assumptions(&self, workflow: &str) -> Result<Vec<AssumptionLook>, Refused> {
        let handle = self.handle(workflow)?;
        let live = handle.live.load_full();
        let Some(served) = live.in_force.as_ref().or(live.candidate.as_ref()) else { return Ok(Vec::new()) };
        let launched = served.release.as_ref().map(|r| r.at);
        let read = self.0.store.read_with(&handle.log, |view| {
            let found: Vec<(Vec<u8>, AssumptionRec)> = rows(view, &Scan::all("assumption"))?;
            Ok(found.into_iter().collect::<BTreeMap<_, _>>())
        });
        let found = read.await.map_err(not_recorded)?;
        let look = |(name, assumption): (&String, &Assumption)| {
            let path = ElementPath::from("assumptions").child(name);
            let compiled = served.workflow.element(&path).map(|e| e.compiled);
            // What was checked was another assumption under this name, otherwise.
            let rec = found.get(path.as_str().as_bytes()).filter(|rec| Some(rec.element) == compiled);
            let begins = rec.map(|rec| rec.until).max(launched);
            AssumptionLook {
                assumption: path,
                text: assumption.text.clone(),
                watch: assumption.watch.as_ref().map(|w| w.source.clone()),
                owner: assumption.owner.clone(),
                holds: rec.map(|rec| rec.holds),
                window: rec.map(|rec| (rec.from, rec.until)),
                next: assumption.over.zip(begins).map(|(over, begins)| begins.plus_millis(over.signed_millis())),
                metrics: rec.map(|rec| rec.metrics.clone()).unwrap_or_default(),
            }
        };
        Ok(served.workflow.assumptions.iter().map(look).collect())
    }
}

fn watch_state(look: &CertificateLook, in_force: Option<&Served>, now: Time) -> WatchState {
    let served = in_force.and_then(|s| Some((s, s.release.as_ref()?)));
    let current = served.and_then(|(s, r)| Some((s.workflow.thresholds.get(look.threshold.name())?, r)));
    match current {
        _ if look.revoked => WatchState::Revoked,
        Some((threshold, release)) if look.certified && threshold.at.is_some() => {
            if look.audits > 0 {
                return WatchState::Watched;
            }
            let (until, truth) = match threshold.truth {
                Some(Truth::Outcome { matures }) => {
                    let first = release.at.max(look.since).plus_millis(matures.signed_millis());
                    (Some(first).filter(|first| *first > now), "outcomes, once they have matured")
                }
                Some(Truth::BlindReview) => (None, "blind reviews of sampled decisions"),
                None => (None, "nowhere: the spec names no source of truth"),
            };
            WatchState::Unwatched { until, truth }
        }
        _ => WatchState::NotInForce,
    }
}

fn look(rec: &CertificateRec, truths: Option<&Vec<OutcomeRec>>) -> CertificateLook {
    let rule = Promise::new(rec.max_wrong, rec.assurance).ok().map(AuditRule::new);
    let path = rule.as_ref().zip(truths).map(|(rule, truths)| {
        let mut state = AuditState::default();
        let values: Vec<f64> = truths
            .iter()
            .map(|truth| {
                state.feed(rule, truth.wrong);
                state.log_e
            })
            .collect();
        // What is drawn is what was counted, or nothing.
        if state.audits == rec.audit.audits { values } else { Vec::new() }
    });
    CertificateLook {
        event: rec.event,
        threshold: rec.threshold.clone(),
        certified: rec.certified,
        revoked: rec.revoked,
        since: rec.since,
        audits: rec.audit.audits,
        wrong: rec.audit.wrong,
        log_e: rec.audit.log_e,
        log_alarm: rule.map_or(f64::INFINITY, |r| r.ln_alarm()),
        path: path.unwrap_or_default(),
        change: rec.audit.change,
        change_alarm: rule.map_or(f64::INFINITY, |r| r.change_alarm()),
        watch: WatchState::NotInForce,
    }
}

/// Matured truths by certificate, in the order in which they were told.
fn truths(view: &dyn View) -> Result<BTreeMap<String, Vec<OutcomeRec>>, StoreError> {
    let mut found: BTreeMap<String, Vec<OutcomeRec>> = BTreeMap::new();
    let mut after: Option<Vec<u8>> = None;
    let mut read = 0;
    loop {
        let mut scan = Scan::all("decision").limit(2_000);
        if let Some(key) = after.take() {
            scan = scan.after(key);
        }
        let page: Vec<(Vec<u8>, DecisionRec)> = rows(view, &scan)?;
        let full = page.len() >= scan.rows_max();
        read += page.len();
        after = page.last().map(|(key, _)| key.clone());
        for (_, rec) in page {
            // Left unanswered past its time, it counted as wrong then.
            let missed = rec.missed.map(|at| OutcomeRec { at, wrong: true, matured: true });
            if let (Some(key), Some(outcome)) = (rec.certificate, missed.or(rec.outcome.filter(|o| o.matured))) {
                found.entry(key).or_default().push(outcome);
            }
        }
        if !full {
            break;
        }
        if read >= PATH_DECISIONS_MAX {
            return Ok(BTreeMap::new());
        }
    }
    for truths in found.values_mut() {
        truths.sort_by_key(|t| t.at);
    }
    Ok(found)
}
