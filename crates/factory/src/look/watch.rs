//! How certificates stand since launch.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::rows;
use crate::project::{CertificateRec, DecisionRec, OutcomeRec};
use seatrial_model::{ElementPath, EventId, Time};
use seatrial_sprint::{AuditRule, AuditState, Promise};
use seatrial_store::{ReaderExt as _, Scan, StoreError, View};
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
        Ok(certificates)
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
            if let (Some(key), Some(outcome)) = (rec.certificate, rec.outcome.filter(|o| o.matured)) {
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
