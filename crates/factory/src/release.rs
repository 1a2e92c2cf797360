//! Releases: the signed statement that nothing is missing, cut only where that holds in the commit itself.

use crate::api::{Caller, Refused};
use crate::approve::{newest, unchanged};
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::row;
use crate::project::OWNED;
use crate::reviews::settle;
use jiff::ToSpan as _;
use jiff::tz::TimeZone;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::release::{Missing, ReleaseError, can_release, level, statement, waivers};
use seatrial_model::event::ReleaseCut;
use seatrial_model::{Body, Day, Digest, EventId, LogName, Logged, Side, Stage, Time};
use seatrial_spec::Workflow;
use seatrial_store::{Batch, ReaderExt as _, StoreExt as _, TransactError};
use std::sync::Arc;

/// What came of asking for a release.
#[derive(Clone, Debug)]
pub enum Released {
    /// It was cut and is in force.
    Cut {
        /// Its event.
        event: EventId,
        /// The digest of its statement.
        release: Digest,
        /// The statement.
        body: Box<ReleaseCut>,
    },
    /// Nothing is missing; nothing was cut, because nobody asked for it.
    Ready {
        /// How many obligations are settled.
        obligations: usize,
    },
    /// Nothing was cut.
    Missing(Vec<Missing>),
}

/// Every release that was cut, the newest first, with its digest.
pub(crate) fn cuts(events: &[Logged]) -> Vec<(Digest, ReleaseCut)> {
    let cut = |logged: &Logged| match &logged.event.body {
        Body::ReleaseCut(cut) => Some((logged.event.subject.release?, cut.clone())),
        _ => None,
    };
    events.iter().rev().filter_map(cut).collect()
}

/// When the hypercare that runs ends. Another release within it does not begin it anew: else the handover could be put
/// off for ever, one release at a time. One that ended without a handover lapsed its release, which everybody saw.
fn running_hypercare(cuts: &[(Digest, ReleaseCut)], now: Time) -> Option<Time> {
    let production = cuts.iter().find(|(_, cut)| cut.stage == Stage::Production);
    production.and_then(|(_, cut)| cut.until).filter(|until| *until > now)
}

/// Whether the caller submitted the spec of this digest.
fn submitted_by(events: &[Logged], caller: &Caller, spec: Digest) -> bool {
    events.iter().any(|logged| {
        matches!(logged.event.body, Body::SpecSubmitted(_))
            && logged.event.actor.id == caller.principal.id
            && logged.event.spec == Some(spec)
    })
}

/// The end of a day in a time zone: 24:00, as a point in time.
pub(crate) fn end_of_day(day: Day, timezone: &str) -> Result<Time, Refused> {
    let zone = TimeZone::get(timezone)
        .map_err(|e| Refused::Invalid(format!("`timezone: {timezone}` is not known here: {e}")))?;
    let next = day.0.checked_add(1.day()).map_err(internal)?;
    let end = next.to_zoned(zone).map_err(internal)?;
    Ok(end.timestamp().into())
}

impl Factory {
    /// Computes what is missing for a stage, and cuts the release where nothing is. The commit refuses where delivery
    /// went on since the computation.
    ///
    /// # Errors
    /// [`Refused`] where the caller may not, or the release cannot be recorded.
    pub async fn release(
        &self,
        caller: &Caller,
        workflow: &str,
        stage: Stage,
        dry_run: bool,
    ) -> Result<Released, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let states = self.states(&gathered, stage);
        match can_release(stage, &states) {
            Ok(()) => {}
            Err(ReleaseError::Missing { missing, .. }) => return Ok(Released::Missing(missing)),
            Err(error) => return Err(Refused::Invalid(error.to_string())),
        }
        if dry_run {
            return Ok(Released::Ready { obligations: states.len() });
        }
        let circumstances = Circumstances {
            stage: Some(stage),
            author: submitted_by(&gathered.events, caller, served.workflow.digest),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, Act::Release, &circumstances)?;
        let stated = statement(&states);
        let blob = seatrial_model::canonical(&stated.obligations).map_err(internal)?;
        let (until, per_day) = self.bounds_of(&served.workflow, stage)?;
        let cuts = cuts(&gathered.events);
        let until = match stage {
            Stage::Production => self.hypercare_until(caller, &handle.log, &cuts, until).await?,
            _ => until,
        };
        let waivers = waivers(&states);
        let terms = crate::pilot::terms_of(&served.workflow, stage, until)?;
        let mut body = ReleaseCut {
            workflow: served.workflow.name.clone(),
            stage,
            spec: served.workflow.digest,
            state: stated.state,
            obligations: Digest::of(&blob),
            level: level(stage, self.spec().kind, &waivers).to_owned(),
            models: gathered.inputs.models.iter().map(|(step, m)| (step.clone(), m.text.clone())).collect(),
            until,
            per_day,
            pilot: None,
            waivers,
        };
        let mut event =
            self.event(&handle.log, caller.principal.clone(), Body::ReleaseCut(body.clone())).map_err(internal)?;
        event.spec = Some(served.workflow.digest);
        event.people = self.people_point().await.map_err(not_recorded)?;
        let id = event.id;
        let seen = newest(&gathered.events);
        let done = self
            .0
            .store
            .transact_with::<(Digest, ReleaseCut), Refused, _>(&handle.log, move |view| {
                unchanged(view, seen)?;
                // Whether the pilot before it has decided anything is known for certain only here.
                body.pilot = match terms {
                    Some(terms) => Some(terms.numbered(view, &cuts)?),
                    None => None,
                };
                let release = Digest::of_canonical(&body).map_err(|e| TransactError::Refused(internal(e)))?;
                event.body = Body::ReleaseCut(body.clone());
                event.subject.release = Some(release);
                Ok((Batch { events: vec![event], blobs: vec![blob], ..Batch::default() }, (release, body)))
            })
            .await;
        let (release, body) = settle(done)?;
        self.sign_soon(&handle.log).await;
        self.reload(&handle.log).await?;
        Ok(Released::Cut { event: id, release, body: Box::new(body) })
    }

    /// When the hypercare of a release for production ends. It is for what was not taken over yet: those who own the
    /// workflow release without it.
    async fn hypercare_until(
        &self,
        caller: &Caller,
        log: &LogName,
        cuts: &[(Digest, ReleaseCut)],
        until: Option<Time>,
    ) -> Result<Option<Time>, Refused> {
        if caller.principal.side == Side::Receiving && self.is_owned(log).await? {
            return Ok(None);
        }
        Ok(running_hypercare(cuts, self.now()).into_iter().chain(until).min())
    }

    /// Whether the workflow was handed over, and nothing with a hypercare of its own was released for production since.
    async fn is_owned(&self, log: &LogName) -> Result<bool, Refused> {
        let owned = self.0.store.read_with(log, |view| row::<bool>(view, "release", OWNED)).await;
        Ok(owned.map_err(not_recorded)?.unwrap_or(false))
    }

    pub(crate) fn bounds_of(&self, workflow: &Workflow, stage: Stage) -> Result<(Option<Time>, Option<u64>), Refused> {
        match (stage, &workflow.gates.pilot, &workflow.gates.production) {
            (Stage::Pilot, Some(pilot), _) => {
                let until = pilot.until.map(|day| end_of_day(day, &self.spec().timezone)).transpose()?;
                Ok((until, pilot.per_day))
            }
            (Stage::Production, _, Some(production)) => {
                let hypercare = production.hypercare;
                Ok((hypercare.map(|span| self.now().plus_millis(span.signed_millis())), None))
            }
            _ => Ok((None, None)),
        }
    }
}
