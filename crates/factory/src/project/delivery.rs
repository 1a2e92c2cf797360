//! The fold of delivery's events: few, and read whole where readiness is computed.

use super::{
    AssumptionRec, CertificateRec, EVALUATION, EVALUATION_PART, EvaluationRec, Fold, LapseRec, OWNED, ReleaseRec,
    RetiredRec, STREAM, SpecRec, StopRec, StreamRec, TokenRec, certificate_key, decode,
};
use crate::switch::Reach;
use seatrial_model::event::{AssumptionChecked, ReleaseCut, ThresholdTested, TokenIssued};
use seatrial_model::{Body, Digest, EventId, Stage};
use seatrial_sprint::AuditState;
use seatrial_store::{ProjectError, Scan};

impl Fold<'_> {
    pub(super) fn delivery(&mut self) -> Result<(), ProjectError> {
        match &self.event.body {
            Body::SpecSubmitted(_) => self.spec_submitted(),
            Body::ThresholdTested(tested) => self.threshold_tested(tested),
            Body::CertificateRevoked(revoked) => {
                let (event, threshold) = (revoked.certificate, revoked.threshold.clone());
                self.revoke(&threshold, |rec| rec.event == event)
            }
            Body::AssumptionChecked(checked) => self.assumption_checked(checked),
            Body::ReleaseCut(cut) => self.release_cut(cut),
            Body::ReleaseLapsed(body) => {
                let lost = body.lost.clone();
                let rec = LapseRec { event: self.event.id, at: self.event.time, lost, reaction: body.reaction };
                self.put("lapse", body.release.hex().as_bytes(), &rec)
            }
            Body::ReleaseRestored(body) => Ok(self.rows.delete("lapse", body.release.hex().as_bytes())?),
            Body::ReleaseRolledBack(body) => {
                let key = body.to.hex();
                let rec: Option<ReleaseRec> = self.get("release", key.as_bytes())?;
                let mut rec = rec.ok_or_else(|| ProjectError::reason("there is no such release"))?;
                rec.back = Some(self.event.time);
                self.rows.delete("release", b"retired")?;
                self.put("release", key.as_bytes(), &rec)?;
                self.put("release", b"in-force", &rec)
            }
            Body::WorkflowRetired(_) => {
                let rec = RetiredRec { event: self.event.id, at: self.event.time, by: self.event.actor.id.clone() };
                self.rows.delete("release", b"in-force")?;
                self.put("release", b"retired", &rec)
            }
            Body::WorkflowStopped(body) => {
                let by = self.event.actor.id.clone();
                let stop = StopRec { event: self.event.id, index: self.index, at: self.event.time, by };
                self.put(Reach::said(body.marked, body.factory).table(), body.element.as_str().as_bytes(), &stop)
            }
            Body::WorkflowResumed(body) => Ok(self
                .rows
                .delete(Reach::said(body.marked, body.factory).table(), body.element.as_str().as_bytes())?),
            Body::IncidentOpened(body) => self.incident_opened(body),
            Body::IncidentUpdated(body) => self.incident_updated(body),
            Body::IncidentReviewed(body) => self.incident_reviewed(body),
            Body::TokenIssued(issued) => self.token_issued(issued),
            Body::TokenRevoked(revoked) => {
                let key = revoked.token.as_bytes();
                let mut rec: TokenRec =
                    self.get("token", key)?.ok_or_else(|| ProjectError::reason("there is no such token"))?;
                rec.revoked = true;
                self.put("token", key, &rec)
            }
            Body::ClockAdvanced(advanced) => {
                let ahead: u64 = self.get("clock", b"ahead")?.unwrap_or(0);
                self.put("clock", b"ahead", &(ahead.saturating_add(advanced.by_ms)))
            }
            Body::NodeRecovered(_) => self.streams_broken_off(),
            Body::EvaluationRecorded(body) => body.started.map_or(Ok(()), |begun| self.evaluation_ended(begun)),
            _ => Ok(()),
        }
    }

    /// A node that comes back releases nothing yet: whatever is open was its predecessor's, and has no end any more.
    fn streams_broken_off(&mut self) -> Result<(), ProjectError> {
        let mut scan = Scan::all(STREAM);
        loop {
            let page = self.rows.scan(&scan)?;
            for (key, bytes) in &page {
                let rec: StreamRec = decode(STREAM, bytes)?;
                self.put(STREAM, key, &StreamRec { broken_off: true, ..rec })?;
            }
            match page.last() {
                Some((key, _)) if page.len() >= scan.rows_max() => scan = scan.after(key.clone()),
                _ => return Ok(()),
            }
        }
    }

    fn spec_submitted(&mut self) -> Result<(), ProjectError> {
        let spec = self.event.spec.ok_or_else(|| ProjectError::reason("a submitted spec names no digest"))?;
        let rec = SpecRec { spec, index: self.index, author: self.event.actor.id.clone() };
        let key = spec.hex();
        // The first submission is the one with the author; a later one of the same meaning changes nothing.
        if self.rows.get("spec", key.as_bytes())?.is_none() {
            self.put("spec", key.as_bytes(), &rec)?;
        }
        self.put("spec", b"latest", &rec)
    }

    fn threshold_tested(&mut self, tested: &ThresholdTested) -> Result<(), ProjectError> {
        let certificate = &tested.certificate;
        let Some(at) = certificate.at else { return Ok(()) };
        let key = certificate_key(&certificate.threshold, at, &certificate.model);
        let rec = CertificateRec {
            event: self.event.id,
            threshold: certificate.threshold.clone(),
            // What was read from a log is believed only where its figures follow from its counts.
            certified: tested.certified && seatrial_sprint::calibrate::recomputes(tested),
            revoked: false,
            slices: certificate.required.iter().map(|(name, slice)| (name.clone(), slice.certified)).collect(),
            since: self.event.time,
            max_wrong: certificate.max_wrong,
            assurance: certificate.assurance,
            audit: AuditState::default(),
        };
        self.put("certificate", key.as_bytes(), &rec)
    }

    fn assumption_checked(&mut self, checked: &AssumptionChecked) -> Result<(), ProjectError> {
        let rec = AssumptionRec {
            event: self.event.id,
            at: self.event.time,
            element: checked.element,
            holds: checked.holds,
            from: checked.from,
            until: checked.until,
            metrics: checked.metrics.clone(),
        };
        self.put("assumption", checked.assumption.as_str().as_bytes(), &rec)
    }

    fn revoke(
        &mut self,
        threshold: &seatrial_model::ElementPath,
        which: impl Fn(&CertificateRec) -> bool,
    ) -> Result<(), ProjectError> {
        let rows = self.rows.scan(&Scan::all("certificate").prefix(format!("{threshold}\n")))?;
        for (key, value) in rows {
            let mut rec: CertificateRec = decode("certificate", &value)?;
            if which(&rec) {
                rec.revoked = true;
                self.put("certificate", &key, &rec)?;
            }
        }
        Ok(())
    }

    /// A matured truth about a decision that passed under this certificate.
    pub(super) fn feed_audit(&mut self, key: &str, wrong: bool) -> Result<(), ProjectError> {
        let Some(mut rec) = self.get::<CertificateRec>("certificate", key.as_bytes())? else { return Ok(()) };
        rec.feed(wrong);
        self.put("certificate", key.as_bytes(), &rec)
    }

    fn release_cut(&mut self, cut: &ReleaseCut) -> Result<(), ProjectError> {
        let release = Digest::of_canonical(cut).map_err(|e| ProjectError::reason(e.to_string()))?;
        let owned = self.is_owned_after(cut)?;
        self.put("release", OWNED, &owned)?;
        let rec = ReleaseRec {
            release,
            owned: owned && cut.stage.in_production(),
            index: self.index,
            event: self.event.id,
            at: self.event.time,
            stage: cut.stage,
            spec: cut.spec,
            until: cut.until,
            per_day: cut.per_day,
            level: cut.level.clone(),
            models: cut.models.clone(),
            pilot: cut.pilot.clone(),
            waivers: cut.waivers.clone(),
            back: None,
            obligations: cut.obligations,
        };
        self.rows.delete("release", b"retired")?;
        self.put("release", release.hex().as_bytes(), &rec)?;
        self.put("release", b"in-force", &rec)
    }

    /// A handover makes a workflow owned; a production release that has a hypercare again begins another way there.
    fn is_owned_after(&self, cut: &ReleaseCut) -> Result<bool, ProjectError> {
        Ok(match cut.stage {
            Stage::Owned => true,
            Stage::Production if cut.until.is_some() => false,
            _ => self.get("release", OWNED)?.unwrap_or(false),
        })
    }

    /// What was recorded whole has nothing to be continued.
    fn evaluation_ended(&mut self, begun: EventId) -> Result<(), ProjectError> {
        for (key, value) in self.rows.scan(&Scan::all(EVALUATION))? {
            if decode::<EvaluationRec>(EVALUATION, &value)?.event == begun {
                self.rows.delete(EVALUATION, &key)?;
            }
        }
        loop {
            let parts = self.rows.scan(&Scan::all(EVALUATION_PART).prefix(begun.uuid().as_bytes().to_vec()))?;
            for (key, _) in &parts {
                self.rows.delete(EVALUATION_PART, key)?;
            }
            if parts.is_empty() {
                return Ok(());
            }
        }
    }

    fn token_issued(&mut self, issued: &TokenIssued) -> Result<(), ProjectError> {
        let rec = TokenRec {
            kind: issued.kind,
            principal: issued.principal.clone(),
            steps: issued.steps.clone(),
            expires: issued.expires,
            revoked: false,
        };
        self.put("token", issued.token.as_bytes(), &rec)
    }
}
