//! What readiness wants to know of the running system: read from projections, stated as values.

use crate::api::Refused;
use crate::calibrate::review_load;
use crate::factory::{Factory, not_recorded};
use crate::handle::row;
use crate::pilot::decided_between;
use crate::project::{PILOT_REVIEWED, ReleaseRec};
use seatrial_governance::Running;
use seatrial_governance::status::PilotNow;
use seatrial_model::event::Certificate;
use seatrial_model::{Body, EventId, LogName, Logged, Stage, Time};
use seatrial_spec::Workflow;
use seatrial_store::{ReaderExt as _, StoreError, View};
use std::collections::BTreeMap;

impl Factory {
    /// The facts of the running system. What is not known stays unknown.
    pub(crate) async fn running_facts(
        &self,
        log: &LogName,
        workflow: &Workflow,
        events: &[Logged],
    ) -> Result<Running, Refused> {
        let certificates = certificates(workflow, events);
        Ok(Running {
            review_load: review_load(workflow, &self.spec(), &certificates, self.now()),
            oversight: None,
            pilot: self.pilot_now(log, events).await?,
        })
    }

    async fn pilot_now(&self, log: &LogName, events: &[Logged]) -> Result<Option<PilotNow>, Refused> {
        let cuts = crate::release::cuts(events);
        let Some((release, cut)) = cuts.into_iter().find(|(_, cut)| cut.stage == Stage::Pilot) else { return Ok(None) };
        let number = cut.pilot.as_ref().map_or(0, |p| p.number);
        let end = self.now().plus_millis(86_400_000);
        let read = move |view: &dyn View| -> Result<(u64, u64), StoreError> {
            let rec: Option<ReleaseRec> = row(view, "release", release.hex().as_bytes())?;
            let Some(key) = rec.and_then(|rec| rec.pilot_key()) else { return Ok((0, 0)) };
            let decisions = decided_between(view, &key, Time::from_millis(0), end)?;
            Ok((decisions, row(view, PILOT_REVIEWED, key.as_bytes())?.unwrap_or(0)))
        };
        match self.0.store.read_with(log, read).await {
            Ok((decisions, reviewed)) => Ok(Some(PilotNow { number, release, decisions, reviewed })),
            Err(StoreError::NoLog(_)) => Ok(None),
            Err(error) => Err(not_recorded(error)),
        }
    }
}

/// The newest certificate of each threshold, for the number that the spec has now; none where it was revoked.
fn certificates(workflow: &Workflow, events: &[Logged]) -> BTreeMap<String, Certificate> {
    let mut found: BTreeMap<String, (EventId, &Certificate)> = BTreeMap::new();
    for logged in events {
        match &logged.event.body {
            Body::ThresholdTested(tested) if tested.certified => {
                let certificate = &tested.certificate;
                let name = certificate.threshold.name().to_owned();
                let at = workflow.thresholds.get(&name).and_then(|t| t.at);
                if at.is_some() && at == certificate.at {
                    found.insert(name, (logged.event.id, certificate));
                }
            }
            Body::CertificateRevoked(revoked) => found.retain(|_, (id, _)| *id != revoked.certificate),
            _ => {}
        }
    }
    found.into_iter().map(|(name, (_, certificate))| (name, certificate.clone())).collect()
}
