//! The stop switch: for everything, or, in a drill, for marked requests alone. One code, one kind of event, one way to
//! cut what is in flight; only the reach differs.

mod factory;

use crate::api::{Caller, Refused, StopEffect};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::{Handle, row, rows};
use crate::project::StopRec;
use crate::reviews::settle;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::{WorkflowResumed, WorkflowStopped};
use seatrial_model::{Body, ElementPath, Event, EventId};
use seatrial_store::{Batch, Scan, StoreError, StoreExt as _, TransactError, View};

/// Whom a stop reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// Everybody.
    All,
    /// Everybody, with the whole factory: it stands apart from a stop of the workflow itself.
    Factory,
    /// Marked requests: a drill's stop.
    Marked,
}

impl Reach {
    /// Every reach.
    pub(crate) const EACH: [Self; 3] = [Self::All, Self::Factory, Self::Marked];

    pub(crate) const fn is_marked(self) -> bool {
        matches!(self, Self::Marked)
    }

    pub(crate) const fn of(marked: bool) -> Self {
        if marked { Self::Marked } else { Self::All }
    }

    /// As an event of the switch says it.
    pub(crate) const fn said(marked: bool, factory: bool) -> Self {
        if factory { Self::Factory } else { Self::of(marked) }
    }

    const fn is_factory(self) -> bool {
        matches!(self, Self::Factory)
    }

    /// The table of its stops.
    pub(crate) const fn table(self) -> &'static str {
        match self {
            Self::All => "stop",
            Self::Factory => "factory-stop",
            Self::Marked => "marked-stop",
        }
    }
}

/// Whether a step is stopped, as the commit sees it: by a stop of the workflow or of the factory, or for a marked
/// request by a drill's.
pub(crate) fn is_stopped(view: &dyn View, path: &ElementPath, marked: bool) -> Result<bool, StoreError> {
    let within = |reach: Reach| -> Result<bool, StoreError> {
        let stops: Vec<(Vec<u8>, StopRec)> = rows(view, &Scan::all(reach.table()))?;
        Ok(stops.iter().any(|(key, _)| path.is_within(&ElementPath::new(String::from_utf8_lossy(key).into_owned()))))
    };
    Ok(within(Reach::All)? || within(Reach::Factory)? || (marked && within(Reach::Marked)?))
}

impl Factory {
    /// Stops a workflow or one of its steps: recorded, then in force on every answer; requests in flight get no
    /// output. The time from the request to the last affected answer is measured.
    ///
    /// # Errors
    /// [`Refused`] where the caller may not, or it is stopped already.
    pub async fn stop(
        &self,
        caller: &Caller,
        workflow: &str,
        step: Option<&str>,
        reason: &str,
    ) -> Result<StopEffect, Refused> {
        self.switch_off(caller, workflow, step, reason, Reach::All).await
    }

    /// The same switch, at the reach that is asked: a drill's stop holds for marked requests, and cases go on.
    pub(crate) async fn switch_off(
        &self,
        caller: &Caller,
        workflow: &str,
        step: Option<&str>,
        reason: &str,
        reach: Reach,
    ) -> Result<StopEffect, Refused> {
        let requested = std::time::Instant::now();
        let handle = self.handle(workflow)?;
        let element = stoppable(&handle, step)?;
        self.may_switch(caller, &handle, Act::Stop, false)?;
        let body = Body::WorkflowStopped(WorkflowStopped {
            element: element.clone(),
            marked: reach.is_marked(),
            factory: reach.is_factory(),
        });
        let (event, payloads) = self.switch_event(&handle, caller, body, reason).await?;
        let id = event.id;
        let key = element.clone();
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                if let Some(stop) = row::<StopRec>(view, reach.table(), key.as_str().as_bytes())? {
                    let message = format!("it is stopped already, since {} by `{}`", stop.at, stop.by);
                    return Err(TransactError::Refused(Refused::Conflict { message, now: None }));
                }
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        self.reload_stops(&handle).await;
        let cut = handle.traffic.cut(reach).await;
        let effective_ms = u64::try_from(requested.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ok(StopEffect { event: id, at: self.now(), effective_ms, cut })
    }

    /// Resumes what another principal stopped; what oneself stopped only where a policy of the factory names that, and
    /// the event then says so.
    ///
    /// # Errors
    /// [`Refused`] where it is not stopped, or the caller stopped it.
    pub async fn resume(
        &self,
        caller: &Caller,
        workflow: &str,
        step: Option<&str>,
        reason: &str,
    ) -> Result<EventId, Refused> {
        self.switch_on(caller, workflow, step, reason, Reach::All).await
    }

    /// The same, for what was stopped at this reach.
    pub(crate) async fn switch_on(
        &self,
        caller: &Caller,
        workflow: &str,
        step: Option<&str>,
        reason: &str,
        reach: Reach,
    ) -> Result<EventId, Refused> {
        let handle = self.handle(workflow)?;
        let element = stoppable(&handle, step)?;
        let stops = self.load_stops(&handle.log, reach).await.map_err(not_recorded)?;
        let stop = stops.into_iter().find(|(path, _)| *path == element).map(|(_, stop)| stop);
        let stop = stop.ok_or_else(|| Refused::Conflict { message: "it is not stopped".to_owned(), now: None })?;
        let break_glass = self.may_resume_from(caller, &handle, &stop.by)?;
        let body = Body::WorkflowResumed(WorkflowResumed {
            element: element.clone(),
            stop: stop.event,
            marked: reach.is_marked(),
            factory: reach.is_factory(),
            break_glass,
        });
        let (event, payloads) = self.switch_event(&handle, caller, body, reason).await?;
        let id = event.id;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&handle.log, move |view| {
                let now: Option<StopRec> = row(view, reach.table(), element.as_str().as_bytes())?;
                if now.map(|s| s.event) != Some(stop.event) {
                    let message = "it was stopped or resumed by somebody else meanwhile".to_owned();
                    return Err(TransactError::Refused(Refused::Conflict { message, now: None }));
                }
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)?;
        self.reload_stops(&handle).await;
        Ok(id)
    }

    /// Whether somebody may resume what this person stopped: by break-glass, or plainly.
    pub(crate) fn may_resume_from(&self, caller: &Caller, handle: &Handle, stopped_by: &str) -> Result<bool, Refused> {
        let stopper = stopped_by == caller.principal.id;
        let Err(refused) = self.may_switch(caller, handle, Act::Resume, stopper) else { return Ok(false) };
        // Whoever stopped does not resume, unless a policy of the factory says so; the log then says it, too.
        if stopper && self.may_switch(caller, handle, Act::BreakGlass, stopper).is_ok() {
            return Ok(true);
        }
        Err(refused)
    }

    pub(crate) fn may_switch(&self, caller: &Caller, handle: &Handle, act: Act, stopper: bool) -> Result<(), Refused> {
        let live = handle.live.load_full();
        let served = live.in_force.as_ref().or(live.candidate.as_ref());
        let served = served.ok_or_else(|| Refused::NotFound("nothing of this workflow is served".to_owned()))?;
        let circumstances = Circumstances {
            stopper,
            simulation: self.is_simulation(),
            token: caller.token,
            ..Circumstances::default()
        };
        served.authorize(&caller.principal, act, &circumstances)
    }

    async fn switch_event(
        &self,
        handle: &Handle,
        caller: &Caller,
        body: Body,
        reason: &str,
    ) -> Result<(Event, Vec<seatrial_store::NewPayload>), Refused> {
        if reason.trim().is_empty() {
            return Err(Refused::Invalid("a reason is missing: those who come after read it".to_owned()));
        }
        let mut event = self.event(&handle.log, caller.principal.clone(), body).map_err(internal)?;
        let live = handle.live.load_full();
        event.release = live.in_force.as_ref().and_then(|s| s.release.as_ref()).map(|r| r.release);
        event.people = self.people_point().await.map_err(not_recorded)?;
        let mut payloads = Vec::new();
        payload(&mut payloads, &mut event.payloads, "reason", reason.as_bytes().to_vec(), None, None)
            .map_err(internal)?;
        Ok((event, payloads))
    }
}

fn stoppable(handle: &Handle, step: Option<&str>) -> Result<ElementPath, Refused> {
    let Some(step) = step else { return Ok(ElementPath::root()) };
    let live = handle.live.load();
    let served = live.in_force.as_ref().or(live.candidate.as_ref());
    match served.and_then(|s| s.workflow.step(step)) {
        Some(step) => Ok(step.path()),
        None => Err(Refused::NotFound("there is no such step".to_owned())),
    }
}
