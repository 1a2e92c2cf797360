//! Waivers: somebody asks that an obligation may stay undischarged until a date, with what is done instead; somebody
//! else grants it; anybody entitled ends it. Whether one counts is computed, each time, from the log.

use crate::api::{Caller, Held, Refused};
use crate::approve::{find, newest};
use crate::decisions::held;
use crate::factory::{Factory, internal, not_recorded};
use crate::handle::{Handle, Served};
use crate::release::end_of_day;
use crate::standing::Gathered;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_governance::status::{WaiverRecord, WaiverStanding, waiver_refusal, waivers};
use seatrial_governance::waiver_limit_days;
use seatrial_model::event::{WaiverEnded, WaiverGranted, WaiverRequested};
use seatrial_model::{Body, Day, Digest, Event, EventId, Logged, Stage};
use seatrial_store::ReaderExt as _;
use serde::Serialize;
use std::sync::Arc;

/// The longest reason or measure of a waiver, in bytes: it is read by whoever grants it.
pub const WAIVER_TEXT_BYTES_MAX: usize = 4_000;

/// A waiver to be asked for.
#[derive(Clone, Debug)]
pub struct WaiverInput {
    /// The stage.
    pub stage: Stage,
    /// The obligation.
    pub obligation: String,
    /// Why it cannot be discharged now.
    pub reason: String,
    /// What is done instead.
    pub measure: String,
    /// Its last day, in the factory's time zone.
    pub until: Day,
    /// The waiver that it renews.
    pub renews: Option<EventId>,
    /// The obligation's key that was shown; another one now refuses it.
    pub key: Option<Digest>,
}

/// A waiver as it is shown.
#[derive(Clone, Debug, Serialize)]
pub struct WaiverLook {
    /// The waiver.
    #[serde(flatten)]
    pub waiver: WaiverRecord,
    /// Why the obligation cannot be discharged now.
    pub reason: Held,
    /// What is done instead.
    pub measure: Held,
}

impl Factory {
    /// Asks for a waiver. It waives nothing before somebody else grants it.
    ///
    /// # Errors
    /// [`Refused`] where it could never be granted, says why, and nothing was recorded.
    pub async fn request_waiver(
        &self,
        caller: &Caller,
        workflow: &str,
        mut input: WaiverInput,
    ) -> Result<EventId, Refused> {
        // What is owned keeps production's waivers.
        input.stage = input.stage.measure();
        for (name, text) in [("reason", &input.reason), ("measure", &input.measure)] {
            if text.trim().is_empty() || text.len() > WAIVER_TEXT_BYTES_MAX {
                return Err(Refused::Invalid(format!(
                    "a waiver's {name} has between 1 and {WAIVER_TEXT_BYTES_MAX} bytes, and this one {}",
                    text.len()
                )));
            }
        }
        let (handle, served, gathered) = self.standing_now(workflow).await?;
        let states = self.states(&gathered, input.stage);
        let state = find(&states, input.stage, &input.obligation)?;
        if let Some(key) = input.key.filter(|key| *key != state.key) {
            return Err(self.conflict(&handle.log, &gathered, &states, state, key).await);
        }
        let circumstances =
            Circumstances { obligation: Some(state.obligation.id.clone()), ..self.waiving(caller, input.stage) };
        served.authorize(&caller.principal, Act::Waive, &circumstances)?;
        if state.under.is_settled() {
            let id = &state.obligation.id;
            return Err(Refused::Invalid(format!("`{id}` is {}: there is nothing to waive", state.under)));
        }
        if let Some(why) = state.obligation.no_waiver(state.under) {
            return Err(Refused::Invalid(format!("`{}` cannot be waived: {why}", state.obligation.id)));
        }
        let body = Body::WaiverRequested(WaiverRequested {
            obligation: state.obligation.id.clone(),
            stage: input.stage,
            until: end_of_day(input.until, &self.spec().timezone)?,
            renews: input.renews,
            shown: state.key,
        });
        // No evidence: a waiver is bound to the key, and shows nothing.
        let event = self.judgement(caller, &handle.log, &served, body, Vec::new()).await?;
        self.would_waive(&gathered, input.stage, &event)?;
        let texts =
            vec![("reason".to_owned(), input.reason.into_bytes()), ("measure".to_owned(), input.measure.into_bytes())];
        self.append_judgement(&handle.log, event, texts, Vec::new(), newest(&gathered.events)).await
    }

    /// Grants a waiver that somebody else asked for, in a role that approves for its stage.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn grant_waiver(
        &self,
        caller: &Caller,
        workflow: &str,
        waiver: EventId,
        role: Option<&str>,
    ) -> Result<EventId, Refused> {
        let (handle, served, gathered) = self.standing_now(workflow).await?;
        let (logged, asked) = requested(&gathered.events, waiver)?;
        let spec_author = |event: &Event| {
            matches!(event.body, Body::SpecSubmitted(_))
                && event.actor.id == caller.principal.id
                && event.spec == Some(served.workflow.digest)
        };
        let fair = Circumstances {
            obligation: Some(asked.obligation.clone()),
            author: gathered.events.iter().any(|e| spec_author(&e.event)),
            requester: logged.event.actor.id == caller.principal.id,
            ..self.waiving(caller, asked.stage)
        };
        let roles: Vec<String> = match role {
            Some(role) => vec![role.to_owned()],
            None => caller.principal.roles.iter().cloned().collect(),
        };
        // In the first role in which both the policies and readiness accept it; the last refusal is told.
        let mut refused = Refused::Forbidden(format!("`{}` holds no role", caller.principal.id));
        for role in roles {
            let circumstances = Circumstances { role: Some(role.clone()), ..fair.clone() };
            if let Err(why) = served.authorize(&caller.principal, Act::GrantWaiver, &circumstances) {
                refused = why;
                continue;
            }
            let shown = logged.event.leaf().map(|leaf| Digest::of(&leaf)).map_err(internal)?;
            let body = Body::WaiverGranted(WaiverGranted { waiver, role, shown });
            let event = self.judgement(caller, &handle.log, &served, body, Vec::new()).await?;
            match self.would_waive(&gathered, asked.stage, &event) {
                Ok(()) => {
                    let seen = newest(&gathered.events);
                    return self.append_judgement(&handle.log, event, Vec::new(), Vec::new(), seen).await;
                }
                Err(why) => refused = why,
            }
        }
        Err(refused)
    }

    /// Ends a waiver before its time.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn end_waiver(
        &self,
        caller: &Caller,
        workflow: &str,
        waiver: EventId,
        reason: &str,
    ) -> Result<EventId, Refused> {
        if reason.trim().is_empty() || reason.len() > WAIVER_TEXT_BYTES_MAX {
            return Err(Refused::Invalid(format!("a reason has between 1 and {WAIVER_TEXT_BYTES_MAX} bytes")));
        }
        let (handle, served, gathered) = self.standing_now(workflow).await?;
        let (logged, asked) = requested(&gathered.events, waiver)?;
        let record = self.waiver_records(&gathered, asked.stage).into_iter().find(|w| w.request == waiver);
        if let Some(record) = record.filter(|w| matches!(w.standing, WaiverStanding::Ended | WaiverStanding::Expired)) {
            let message = format!("the waiver `{waiver}` is over already: {}", record.why);
            return Err(Refused::Conflict { message, now: None });
        }
        let own = |event: &Event| match &event.body {
            Body::WaiverGranted(granted) => granted.waiver == waiver && event.actor.id == caller.principal.id,
            _ => false,
        };
        let own = logged.event.actor.id == caller.principal.id || gathered.events.iter().any(|e| own(&e.event));
        let circumstances =
            Circumstances { obligation: Some(asked.obligation.clone()), own, ..self.waiving(caller, asked.stage) };
        self.in_some_role(caller, &served, Act::EndWaiver, circumstances)?;
        let body = Body::WaiverEnded(WaiverEnded { waiver });
        let texts = vec![("reason".to_owned(), reason.as_bytes().to_vec())];
        self.judged(caller, &handle.log, &served, body, Vec::new(), texts, newest(&gathered.events)).await
    }

    /// Every waiver of a stage that the log knows, oldest first, with its texts.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn waivers(&self, workflow: &str, stage: Stage) -> Result<Vec<WaiverLook>, Refused> {
        let (handle, _, gathered) = self.standing_now(workflow).await?;
        let mut out = Vec::new();
        for waiver in self.waiver_records(&gathered, stage) {
            out.push(self.look_at(&handle, &gathered, waiver).await?);
        }
        Ok(out)
    }

    /// One waiver, by the event that asked for it: what somebody is shown before they grant it.
    ///
    /// # Errors
    /// [`Refused`] where there is none.
    pub async fn waiver(&self, workflow: &str, waiver: EventId) -> Result<WaiverLook, Refused> {
        let (handle, _, gathered) = self.standing_now(workflow).await?;
        let (_, asked) = requested(&gathered.events, waiver)?;
        let record = self.waiver_records(&gathered, asked.stage).into_iter().find(|w| w.request == waiver);
        let record = record.ok_or_else(|| internal("a waiver that was asked for is not among its stage's"))?;
        self.look_at(&handle, &gathered, record).await
    }

    /// A waiver with its texts.
    async fn look_at(&self, handle: &Handle, gathered: &Gathered, waiver: WaiverRecord) -> Result<WaiverLook, Refused> {
        let (logged, _) = requested(&gathered.events, waiver.request)?;
        let commitments = logged.event.payloads.clone();
        let texts = self.0.store.read_with(&handle.log, move |view| {
            let text = |kind: &str| held(view, commitments.get(kind).copied());
            Ok((text("reason")?, text("measure")?))
        });
        let (reason, measure) = texts.await.map_err(not_recorded)?;
        Ok(WaiverLook { waiver, reason, measure })
    }

    /// The longest that a waiver lasts, in days: for a pilot, for production.
    #[must_use]
    pub fn waiver_days_max(&self) -> (u64, u64) {
        (waiver_limit_days(Stage::Pilot), waiver_limit_days(Stage::Production))
    }

    fn waiver_records(&self, gathered: &Gathered, stage: Stage) -> Vec<WaiverRecord> {
        self.with_status(gathered, stage, waivers)
    }

    /// Refuses a request or a grant that would waive nothing.
    fn would_waive(&self, gathered: &Gathered, stage: Stage, event: &Event) -> Result<(), Refused> {
        match self.with_status(gathered, stage, |input| waiver_refusal(input, event)) {
            None => Ok(()),
            Some(why) => Err(Refused::Forbidden(format!(
                "the waiver would not count: {why} (the limit for {stage} is {} days in all)",
                waiver_limit_days(stage)
            ))),
        }
    }

    async fn standing_now(&self, workflow: &str) -> Result<(Arc<Handle>, Arc<Served>, Gathered), Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        Ok((handle, served, gathered))
    }

    fn waiving(&self, caller: &Caller, stage: Stage) -> Circumstances {
        Circumstances {
            stage: Some(stage),
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        }
    }

    /// Allowed in any of the roles that they hold.
    pub(crate) fn in_some_role(
        &self,
        caller: &Caller,
        served: &Served,
        act: Act,
        circumstances: Circumstances,
    ) -> Result<(), Refused> {
        let mut refused = served.authorize(&caller.principal, act, &circumstances);
        for role in &caller.principal.roles {
            if refused.is_ok() {
                break;
            }
            let in_role = Circumstances { role: Some(role.clone()), ..circumstances.clone() };
            refused = served.authorize(&caller.principal, act, &in_role);
        }
        refused
    }
}

/// The request of a waiver.
fn requested(events: &[Logged], waiver: EventId) -> Result<(&Logged, &WaiverRequested), Refused> {
    let found = events.iter().find(|logged| logged.event.id == waiver);
    let asked = found.and_then(|logged| match &logged.event.body {
        Body::WaiverRequested(asked) => Some((logged, asked)),
        _ => None,
    });
    asked.ok_or_else(|| {
        Refused::NotFound(format!("no waiver was asked for by `{waiver}`: `seatrial waive list` shows all"))
    })
}
