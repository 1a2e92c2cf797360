//! What readiness wants to know of the running system: read from projections, stated as values.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use crate::handle::row;
use crate::pilot::decided_between;
use crate::project::{PILOT_REVIEWED, ReleaseRec};
use seatrial_governance::Running;
use seatrial_governance::people::{is_present, today};
use seatrial_governance::status::{PilotNow, ReviewLoad};
use seatrial_model::event::Certificate;
use seatrial_model::{Body, EventId, LogName, Logged, Stage, Time};
use seatrial_spec::workflow::{Actor, Person, Step};
use seatrial_spec::{FactorySpec, Workflow};
use seatrial_sprint::calibrate::reviews_per_day;
use seatrial_store::{ReaderExt as _, StoreError, View};
use std::collections::{BTreeMap, BTreeSet};

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
            oversight: self.oversight(log).await?,
            pilot: self.pilot_now(log, events).await?,
            handover: Some(self.handover_now(log, workflow, events).await?),
            cosigned: self.cosigned(log).await?,
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
pub(crate) fn certificates<'e>(workflow: &Workflow, events: &'e [Logged]) -> BTreeMap<String, &'e Certificate> {
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
    found.into_iter().map(|(name, (_, certificate))| (name, certificate)).collect()
}

/// How many reviews and audits a day are expected at the volume that the spec names, beside what the people present in
/// the roles that answer manage; each counts once, and whoever does not say how many they manage counts as none. None
/// where a step that asks people does not say how many cases it expects, or nobody says what they manage.
pub(crate) fn review_load(
    workflow: &Workflow,
    factory: &FactorySpec,
    certificates: &BTreeMap<String, &Certificate>,
    now: Time,
) -> Option<ReviewLoad> {
    let (mut expected_per_day, mut roles) = (0.0, BTreeSet::new());
    for step in workflow.steps.iter().filter(|s| s.actor == Actor::Ai) {
        let asked = asks(step);
        if asked.is_empty() {
            continue;
        }
        expected_per_day += expected(step, certificates)?;
        roles.extend(asked);
    }
    let on = today(factory, now);
    let answers = |p: &&Person| p.roles.iter().any(|r| roles.contains(r.as_str())) && is_present(factory, p, on);
    let known: Vec<u64> = factory.people.iter().filter(answers).filter_map(|p| p.reviews_per_day).collect();
    if known.is_empty() {
        return None;
    }
    #[expect(clippy::cast_precision_loss, reason = "people's capacities are far below 2^53")]
    let capacity_per_day = known.into_iter().sum::<u64>() as f64;
    Some(ReviewLoad { expected_per_day, capacity_per_day })
}

/// The roles that a step asks.
fn asks(step: &Step) -> BTreeSet<&str> {
    let rules = step.require.iter().chain(&step.forbid).chain(&step.never).filter_map(|r| r.to.as_deref());
    let escalated = step.escalate.iter().map(|e| e.to.as_str());
    rules.chain(escalated).chain(step.audit.as_ref().map(|a| a.to.as_str())).collect()
}

/// What of a step's cases a day needs a person, and what of the rest is audited. A threshold without a certificate lets
/// nothing through; of several the one that leaves the most to people counts.
fn expected(step: &Step, certificates: &BTreeMap<String, &Certificate>) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "cases a day are far below 2^53")]
    let cases = step.per_day? as f64;
    let used: BTreeSet<&str> = step.escalate.iter().flat_map(|e| &e.thresholds).map(|t| t.name()).collect();
    let of = |name: &&str| certificates.get(*name).map_or(cases, |c| reviews_per_day(c.reviewed, cases));
    let reviewed = used.iter().map(of).reduce(f64::max).unwrap_or(cases);
    let sample = step.audit.as_ref().map_or(0.0, |a| a.sample.clamp(0.0, 1.0));
    Some(reviewed + (cases - reviewed) * sample)
}
