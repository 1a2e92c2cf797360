//! Truths that reach a certificate: each is counted once, and the one that alarms revokes the certificate in its own
//! commit. From then on everything that depends on it escalates, without waiting for anybody.

use crate::api::Refused;
use crate::factory::{Factory, internal};
use crate::handle::{Handle, row};
use crate::project::CertificateRec;
use seatrial_model::event::CertificateRevoked;
use seatrial_model::{Body, Event, LogName, Principal};
use seatrial_store::{TransactError, View};
use std::collections::BTreeMap;

/// The responsibility whose holders are told of an alarm.
const BEHAVIOUR: &str = "behaviour";

/// The roles that are told of an alarm: who reviews the behaviour of what is served.
pub(crate) fn told_of_alarms(handle: &Handle) -> Vec<String> {
    let live = handle.live.load();
    let served = live.in_force.as_ref().or(live.candidate.as_ref());
    let held = served.and_then(|s| s.workflow.responsibilities.get(BEHAVIOUR));
    held.and_then(|r| r.receiving.clone().or_else(|| r.delivery.clone())).into_iter().collect()
}

/// Certificates as they stand within one commit.
pub(crate) struct Audits<'f> {
    factory: &'f Factory,
    log: &'f LogName,
    told: Vec<String>,
    certificates: BTreeMap<String, CertificateRec>,
}

impl<'f> Audits<'f> {
    pub(crate) const fn new(factory: &'f Factory, log: &'f LogName, told: Vec<String>) -> Self {
        Self { factory, log, told, certificates: BTreeMap::new() }
    }

    /// Feeds one truth; gives the revocation where it is the one that alarms.
    pub(crate) fn feed(
        &mut self,
        view: &dyn View,
        key: &str,
        wrong: bool,
    ) -> Result<Option<Event>, TransactError<Refused>> {
        if !self.certificates.contains_key(key) {
            let Some(rec) = row::<CertificateRec>(view, "certificate", key.as_bytes())? else { return Ok(None) };
            self.certificates.insert(key.to_owned(), rec);
        }
        let Some(rec) = self.certificates.get_mut(key) else { return Ok(None) };
        let Some(alarm) = rec.feed(wrong).filter(|_| !rec.revoked) else { return Ok(None) };
        rec.revoked = true;
        let body = Body::CertificateRevoked(CertificateRevoked {
            threshold: rec.threshold.clone(),
            certificate: rec.event,
            reason: alarm.kind.reason().to_owned(),
            audits: alarm.audits,
            log_e: alarm.log_e,
            log_change: Some(alarm.log_change),
            told: self.told.clone(),
        });
        let event = self.factory.event(self.log, Principal::system(), body);
        let mut event = event.map_err(|e| TransactError::Refused(internal(e)))?;
        event.subject.element = Some(rec.threshold.clone());
        Ok(Some(event))
    }
}
