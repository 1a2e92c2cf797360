//! The switch of the whole factory: one event in every workflow's log, so that each commit sees it, and one in the
//! factory's own, so that a workflow that comes later is stopped with the others.

use super::Reach;
use crate::api::{Caller, Refused, ResumedAll, StopEffect, StoppedAll};
use crate::factory::{Factory, internal, not_recorded, payload};
use crate::handle::row;
use crate::project::StopRec;
use crate::reviews::settle;
use futures_util::future::join_all;
use seatrial_model::event::{WorkflowResumed, WorkflowStopped};
use seatrial_model::{Body, ElementPath, Event, EventId, LogName};
use seatrial_store::{Batch, NewPayload, Payload, ReaderExt as _, StoreExt as _};
use std::time::Instant;

impl Factory {
    /// Stops every workflow of the factory, each as far as the caller may. A workflow's own stop stands apart from it,
    /// and outlives it.
    ///
    /// # Errors
    /// [`Refused`] where nothing was stopped: the whole factory is stopped already, or the caller may stop nothing.
    pub async fn stop_all(&self, caller: &Caller, reason: &str) -> Result<StoppedAll, Refused> {
        let requested = Instant::now();
        let logs: Vec<LogName> = self.workflows();
        let mut asked = Vec::new();
        let mut since = None;
        for log in logs {
            let handle = self.handle(log.as_str())?;
            match handle.factory_stops.load().first() {
                Some((_, stop)) => since = Some(stop.clone()),
                None => asked.push(log),
            }
        }
        if asked.is_empty() {
            let message = match since {
                Some(stop) => format!("the factory is stopped already, since {} by `{}`", stop.at, stop.by),
                None => "there is no workflow in this factory".to_owned(),
            };
            return Err(Refused::Conflict { message, now: None });
        }
        let stopping = asked.into_iter().map(|log| async move {
            let done = self.switch_off(caller, log.as_str(), None, reason, Reach::Factory).await;
            (log, done)
        });
        let mut effects: Vec<(LogName, StopEffect)> = Vec::new();
        let (mut failed, mut refusal) = (Vec::new(), None);
        for (log, done) in join_all(stopping).await {
            match done {
                Ok(effect) => effects.push((log, effect)),
                Err(error) => {
                    failed.push((log, error.to_string()));
                    refusal.get_or_insert(error);
                }
            }
        }
        if let (true, Some(refusal)) = (effects.is_empty(), refusal) {
            return Err(refusal);
        }
        self.note_factory_stop(caller, reason).await?;
        let effective_ms = u64::try_from(requested.elapsed().as_millis()).unwrap_or(u64::MAX);
        let cut = effects.iter().map(|(_, effect)| effect.cut).sum();
        Ok(StoppedAll { at: self.now(), effective_ms, cut, stopped: effects, failed })
    }

    /// Resumes what was stopped with the whole factory, each workflow as far as the caller may. What was stopped on its
    /// own stays stopped.
    ///
    /// # Errors
    /// [`Refused`] where nothing was resumed: the factory is not stopped, or the caller may resume nothing.
    pub async fn resume_all(&self, caller: &Caller, reason: &str) -> Result<ResumedAll, Refused> {
        let mut done = ResumedAll { resumed: Vec::new(), still_stopped: Vec::new(), failed: Vec::new() };
        let mut refusal = None;
        for log in self.workflows() {
            let handle = self.handle(log.as_str())?;
            if handle.factory_stops.load().is_empty() {
                continue;
            }
            match self.switch_on(caller, log.as_str(), None, reason, Reach::Factory).await {
                Ok(event) => done.resumed.push((log.clone(), event)),
                Err(error) => {
                    done.failed.push((log.clone(), error.to_string()));
                    refusal.get_or_insert(error);
                }
            }
            if !handle.stops.load().is_empty() {
                done.still_stopped.push(log);
            }
        }
        match (done.resumed.is_empty(), refusal) {
            (true, Some(refusal)) => return Err(refusal),
            (true, None) => {
                let message = "the factory is not stopped".to_owned();
                return Err(Refused::Conflict { message, now: None });
            }
            _ => {}
        }
        if done.failed.is_empty() {
            self.note_factory_resumed(caller, reason).await?;
        }
        Ok(done)
    }

    /// A workflow whose log was made while the factory is stopped is stopped with it, in the stopper's name.
    pub(crate) async fn stop_with_the_factory(&self, log: &LogName) -> Result<(), Refused> {
        let found = self
            .0
            .store
            .read_with(&LogName::factory(), |view| {
                let Some(stop) = row::<StopRec>(view, Reach::Factory.table(), b"")? else { return Ok(None) };
                let Some(event) = view.event(stop.index)? else { return Ok(None) };
                let reason = event.payloads.get("reason").map(|c| view.payload(c)).transpose()?.flatten();
                Ok(Some((event, reason)))
            })
            .await
            .map_err(not_recorded)?;
        let Some((stopped, reason)) = found else { return Ok(()) };
        let mut event = self.event(log, stopped.actor, everything_stopped()).map_err(internal)?;
        let mut payloads = Vec::new();
        if let Some(Payload::Held(held)) = reason {
            payload(&mut payloads, &mut event.payloads, "reason", held.bytes, None, None).map_err(internal)?;
        }
        self.0
            .store
            .append(log, Batch { events: vec![event], payloads, ..Batch::default() })
            .await
            .map_err(not_recorded)?;
        Ok(())
    }

    async fn note_factory_stop(&self, caller: &Caller, reason: &str) -> Result<(), Refused> {
        let (event, payloads) = self.factory_switch_event(caller, everything_stopped(), reason)?;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&LogName::factory(), move |view| {
                // Stopped in part before, and now the rest: the first stop stands.
                if row::<StopRec>(view, Reach::Factory.table(), b"")?.is_some() {
                    return Ok((Batch::default(), ()));
                }
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)
    }

    async fn note_factory_resumed(&self, caller: &Caller, reason: &str) -> Result<(), Refused> {
        let (event, payloads) =
            self.factory_switch_event(caller, everything_resumed(EventId::new(uuid::Uuid::nil())), reason)?;
        let done = self
            .0
            .store
            .transact_with::<(), Refused, _>(&LogName::factory(), move |view| {
                let Some(stop) = row::<StopRec>(view, Reach::Factory.table(), b"")? else {
                    return Ok((Batch::default(), ()));
                };
                let event = Event { body: everything_resumed(stop.event), ..event };
                Ok((Batch { events: vec![event], payloads, ..Batch::default() }, ()))
            })
            .await;
        settle(done)
    }

    fn factory_switch_event(
        &self,
        caller: &Caller,
        body: Body,
        reason: &str,
    ) -> Result<(Event, Vec<NewPayload>), Refused> {
        let mut event = self.event(&LogName::factory(), caller.principal.clone(), body).map_err(internal)?;
        let mut payloads = Vec::new();
        payload(&mut payloads, &mut event.payloads, "reason", reason.as_bytes().to_vec(), None, None)
            .map_err(internal)?;
        Ok((event, payloads))
    }
}

fn everything_stopped() -> Body {
    Body::WorkflowStopped(WorkflowStopped { element: ElementPath::root(), marked: false, factory: true })
}

fn everything_resumed(stop: EventId) -> Body {
    let element = ElementPath::root();
    Body::WorkflowResumed(WorkflowResumed { element, stop, marked: false, factory: true, break_glass: false })
}
