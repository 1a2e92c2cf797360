//! Drills of the switch: a stop under marked traffic, and an incident that is stopped, corrected and reviewed.

use super::{Done, DrillOptions, Drilled, Steps, alone, elapsed, incident_runbooks, left, no_example, under_way};
use crate::api::{Caller, Passage, PassageEntry, Passed, Refused, StopEffect};
use crate::factory::Factory;
use crate::handle::{Handle, Served};
use crate::incidents::{IncidentInput, IncidentStep};
use crate::rehearse::rehearsal_passages;
use crate::switch::Reach;
use seatrial_governance::policy::Action as Act;
use seatrial_model::{EventId, IncidentCourse, IncidentSeverity, ReviewId, Time};
use serde::Serialize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

/// How many marked requests a stop drill sends after the stop: all of them have to be refused.
const REFUSALS: usize = 20;

/// How many marked requests are answered before a stop drill stops.
const ANSWERED_BEFORE: u64 = 3;

/// How many different marked cases a stop drill sends, and hands to the fallback.
const CASES: usize = 3;

impl Factory {
    /// A stop drill: marked requests run, one person stops them, every one is refused, another person resumes. Cases
    /// are not touched.
    ///
    /// # Errors
    /// [`Refused`]; where the stop itself went through, marked requests stay stopped, until the next drill.
    pub async fn drill_stop(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
    ) -> Result<Drilled, Refused> {
        self.drill_stop_with(stopper, resumer, workflow, DrillOptions::default()).await
    }

    /// The same, told step by step; with time for the fallback's people to finish what was refused.
    ///
    /// # Errors
    /// As [`Self::drill_stop`].
    pub async fn drill_stop_with(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
        options: DrillOptions<'_>,
    ) -> Result<Drilled, Refused> {
        let (name, handle, served) = self.drilling(stopper, workflow)?;
        let mut waiting = alone(&handle)?;
        self.both_hands(stopper, resumer, &handle).await?;
        let mut steps = Steps::new(options);
        let half = self.stop_half(stopper, &name, &handle, &served, &mut steps).await?;
        *waiting = None;
        self.other_half(stopper, resumer, &name, half, steps).await
    }

    /// The first half of a stop or an incident drill, for whoever cannot act for a second person: marked requests stay
    /// stopped until another person finishes it: [`Self::finish_drill`].
    ///
    /// # Errors
    /// [`Refused`]; where the stop itself went through, marked requests stay stopped.
    pub async fn begin_drill(&self, stopper: &Caller, workflow: &str, control: &str) -> Result<WaitingDrill, Refused> {
        let (name, handle, served) = self.drilling(stopper, Some(workflow))?;
        let mut waiting = alone(&handle)?;
        self.may_switch(stopper, &handle, Act::Stop, false)?;
        nothing_stopped(&handle)?;
        if let Some((_, stop)) = handle.marked_stops.load().first() {
            let (at, by) = (stop.at, &stop.by);
            let message =
                format!("marked requests are stopped since {at} by `{by}`: another person finishes that drill");
            return Err(Refused::Conflict { message, now: None });
        }
        let mut steps = Steps::new(DrillOptions::default());
        let half = match control {
            "stop" => self.stop_half(stopper, &name, &handle, &served, &mut steps).await?,
            "incident" => self.incident_half(stopper, &name, &served, &mut steps).await?,
            _ => return Err(Refused::NotFound("only a stop and an incident drill are finished by another".to_owned())),
        };
        let mut half = half;
        half.told = steps.done;
        let look = half.look();
        *waiting = Some(half);
        Ok(look)
    }

    /// The drill that waits for another person, where one does.
    ///
    /// # Errors
    /// [`Refused`] where there is no such workflow.
    pub async fn waiting_drill(&self, workflow: &str) -> Result<Option<WaitingDrill>, Refused> {
        let handle = self.handle(workflow)?;
        // One that is under way waits for nobody yet.
        let waiting = handle.drilling.try_lock().ok().and_then(|held| held.as_ref().map(Half::look));
        let left = handle.marked_stops.load().first().map(|(_, stop)| WaitingDrill {
            control: "stop".to_owned(),
            by: stop.by.clone(),
            since: stop.at,
            steps: Vec::new(),
            left: true,
        });
        Ok(waiting.or(left))
    }

    /// Resumes what the first half stopped, as another person, and records the drill. A stop that a drill left behind when
    /// the server ended is only resumed: what it measured is gone, and nothing is recorded of it.
    ///
    /// # Errors
    /// [`Refused`]: marked requests stay stopped.
    pub async fn finish_drill(&self, resumer: &Caller, workflow: &str) -> Result<Option<Drilled>, Refused> {
        let (name, handle, _) = self.drilling(resumer, Some(workflow))?;
        let mut waiting = handle.drilling.try_lock().map_err(|_| under_way())?;
        let Some(stop) = handle.marked_stops.load().first().map(|(_, stop)| stop.clone()) else {
            *waiting = None;
            return Err(Refused::Conflict { message: "no drill waits for another person".to_owned(), now: None });
        };
        self.may_resume_from(resumer, &handle, &stop.by)?;
        let Some(half) = waiting.take() else {
            self.resume_left(resumer, &handle).await?;
            return Ok(None);
        };
        let mut steps = Steps::new(DrillOptions::default());
        steps.done.clone_from(&half.told);
        self.other_half(resumer, resumer, &name, half, steps).await.map(Some)
    }

    /// Marked requests run, and are stopped: every one after that is refused.
    async fn stop_half(
        &self,
        stopper: &Caller,
        name: &str,
        handle: &Handle,
        served: &Served,
        steps: &mut Steps<'_>,
    ) -> Result<Half, Refused> {
        let marked: Vec<Passage> = to_stop(served)?;
        let (answered, going) = (AtomicU64::new(0), AtomicBool::new(true));
        let traffic = self.marked_traffic(stopper, &marked, &answered, &going);
        let drill = async {
            while answered.load(Ordering::Relaxed) < ANSWERED_BEFORE && going.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            steps.tell(format!("marked requests run: {} answered", answered.load(Ordering::Relaxed)));
            let stop = self.switch_off(stopper, name, None, "stop drill", Reach::Marked).await;
            let mut refused = 0;
            if let Ok(stop) = &stop {
                steps.tell(stopped_by(stopper, stop));
                for passage in marked.iter().cycle().take(REFUSALS) {
                    let again = self.pass(stopper, passage.clone()).await;
                    refused += u64::from(matches!(again, Err(Refused::Stopped { .. })));
                }
                steps.tell(format!("{REFUSALS} more marked requests were sent: {refused} refused"));
            }
            going.store(false, Ordering::Relaxed);
            stop.map(|stop| (stop, refused))
        };
        let (result, ()) = tokio::join!(drill, traffic);
        let (stop, refused) = result?;
        debug_assert!(!handle.marked_stops.load().is_empty(), "the switch was read back");
        Ok(Half {
            control: "stop",
            by: stopper.principal.id.clone(),
            since: stop.at,
            effective_ms: stop.effective_ms,
            answered: answered.load(Ordering::Relaxed),
            refused,
            events: vec![stop.event],
            marked,
            incident: None,
            told: Vec::new(),
        })
    }

    /// Another person resumes; what was refused is finished, an incident is resolved and reviewed, the drill is recorded.
    async fn other_half(
        &self,
        caller: &Caller,
        resumer: &Caller,
        name: &str,
        half: Half,
        mut steps: Steps<'_>,
    ) -> Result<Drilled, Refused> {
        let (handle, served) = self.submitted(name)?;
        let reason = format!("{} drill over", half.control);
        let resumed = self.switch_on(resumer, name, None, &reason, Reach::Marked).await?;
        steps.tell(format!("`{}` resumed", resumer.principal.id));
        let mut events = half.events;
        events.push(resumed);
        let mut finished = 0;
        match half.incident {
            None => {
                finished =
                    self.finished_by_hand(caller, &handle, &served, half.marked, &mut steps, &mut events).await?;
            }
            Some(number) => {
                let resolve = IncidentStep::resolve("incident drill: what had left is taken back");
                events.push(self.incident_step(caller, name, number, resolve).await?.event);
                let text = "incident drill: stopped, corrected and resumed as the runbook says";
                events.push(self.review_incident(caller, name, number, text, Vec::new()).await?.event);
                steps.tell(format!("incident {number} was resolved and reviewed"));
            }
        }
        let runbooks = if half.incident.is_some() { incident_runbooks(&served.workflow) } else { Vec::new() };
        let done = Done {
            control: half.control,
            effective_ms: half.effective_ms,
            answered: half.answered,
            refused: half.refused,
            finished,
            events,
            runbooks,
            steps: steps.done,
            incident: half.incident,
            ..Done::default()
        };
        self.drilled(caller, &handle, &served, done).await
    }

    /// Whether both people may do their part, before either does; and whether the switch is free: a stop of everything
    /// would hide what the drill shows, and one that a drill left behind is resumed first.
    async fn both_hands(&self, stopper: &Caller, resumer: &Caller, handle: &Handle) -> Result<(), Refused> {
        self.may_switch(stopper, handle, Act::Stop, false)?;
        self.may_resume_from(resumer, handle, &stopper.principal.id)?;
        nothing_stopped(handle)?;
        self.resume_left(resumer, handle).await
    }

    /// Resumes what a drill left behind.
    async fn resume_left(&self, resumer: &Caller, handle: &Handle) -> Result<(), Refused> {
        let left: Vec<_> = handle.marked_stops.load().iter().map(|(element, _)| element.clone()).collect();
        for element in left {
            let step = (!element.as_str().is_empty()).then(|| element.name().to_owned());
            let reason = "left by a drill that did not end";
            self.switch_on(resumer, handle.log.as_str(), step.as_deref(), reason, Reach::Marked).await?;
        }
        Ok(())
    }

    /// Marked requests, one after the other, until told to end.
    async fn marked_traffic(&self, caller: &Caller, marked: &[Passage], answered: &AtomicU64, going: &AtomicBool) {
        for passage in marked.iter().cycle() {
            if !going.load(Ordering::Relaxed) {
                return;
            }
            match self.pass(caller, passage.clone()).await {
                Ok(_) => {
                    answered.fetch_add(1, Ordering::Relaxed);
                }
                Err(Refused::Stopped { .. }) => {}
                Err(_) => going.store(false, Ordering::Relaxed),
            }
            tokio::task::yield_now().await;
        }
    }

    /// Hands the marked cases that were refused to the people of the step's fallback, and waits for them. A guard that
    /// is stopped opens no review, so they are handed over once it is resumed. What is not finished in time is taken
    /// back, where whoever drills may; else it stays among the marked reviews, where it harms nobody.
    async fn finished_by_hand(
        &self,
        caller: &Caller,
        handle: &Handle,
        served: &Served,
        marked: Vec<Passage>,
        steps: &mut Steps<'_>,
        events: &mut Vec<EventId>,
    ) -> Result<u64, Refused> {
        if steps.options.finish_ms == 0 {
            return Ok(0);
        }
        let mut handed: Vec<Passed> = Vec::new();
        for mut passage in marked {
            if served.workflow.step(&passage.step).is_none_or(|s| s.fallback.is_none()) {
                continue;
            }
            passage.entry = PassageEntry::Run { input: passage.entry.input().clone() };
            let passed = self.pass_without_model(caller, passage).await?;
            if let Some(review) = passed.review {
                let to = self.review(review).await?.to;
                steps.tell(format!("a marked case waits for `{to}`: {review}"));
                handed.push(passed);
            }
        }
        let reviews: Vec<ReviewId> = handed.iter().filter_map(|p| p.review).collect();
        self.reviews_answered(&reviews, steps.options.finish_ms).await?;
        let mut finished = 0;
        for passed in &handed {
            let Some(review) = passed.review else { continue };
            let (_, rec, decision) = self.review_rec(review).await?;
            events.push(decision.event);
            if rec.answer.is_some() && rec.usable == Some(true) {
                finished += 1;
                events.extend(self.followed_by(handle, passed.decision).await?);
            } else if let Ok(taken) = self.take_back(caller, served, passed, "not finished in the stop drill").await {
                events.push(taken);
            }
        }
        steps.tell(format!("{finished} of {} marked cases were finished by the fallback", handed.len()));
        Ok(finished)
    }

    /// An incident drill: a marked decision that should not have left. A drill incident is opened, marked requests are
    /// stopped, the decision is taken back, another person resumes, and the incident is resolved and reviewed.
    ///
    /// # Errors
    /// [`Refused`]; where the stop itself went through, marked requests stay stopped, until the next drill.
    pub async fn drill_incident(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
    ) -> Result<Drilled, Refused> {
        self.drill_incident_with(stopper, resumer, workflow, DrillOptions::default()).await
    }

    /// The same, told step by step.
    ///
    /// # Errors
    /// As [`Self::drill_incident`].
    pub async fn drill_incident_with(
        &self,
        stopper: &Caller,
        resumer: &Caller,
        workflow: Option<&str>,
        options: DrillOptions<'_>,
    ) -> Result<Drilled, Refused> {
        let (name, handle, served) = self.drilling(stopper, workflow)?;
        let mut waiting = alone(&handle)?;
        self.both_hands(stopper, resumer, &handle).await?;
        let mut steps = Steps::new(options);
        let half = self.incident_half(stopper, &name, &served, &mut steps).await;
        *waiting = None;
        match half {
            Ok(half) => self.other_half(stopper, resumer, &name, half, steps).await,
            Err(refused) => {
                // What could not be corrected is no reason to leave marked requests stopped.
                self.resume_left(resumer, &handle).await?;
                Err(refused)
            }
        }
    }

    /// A marked decision that should not have left: an incident is opened, marked requests are stopped, it is taken back.
    async fn incident_half(
        &self,
        stopper: &Caller,
        name: &str,
        served: &Served,
        steps: &mut Steps<'_>,
    ) -> Result<Half, Refused> {
        let passed = self.to_take_back(stopper, served).await?;
        steps.tell(format!("a marked case was decided: `{}`, {}", passed.decision, passed.verdict));
        let began = Instant::now();
        let input = IncidentInput {
            decisions: vec![passed.decision],
            drill: true,
            text: "incident drill: a marked decision that should not have left".to_owned(),
            ..IncidentInput::of(IncidentSeverity::Medium)
        };
        let opened = self.open_incident(stopper, name, input).await?;
        let number = opened.incident;
        steps.tell(format!("`{}` opened incident {number}, a drill", stopper.principal.id));
        let stop = IncidentStep::decide(IncidentCourse::Stop, "incident drill: nothing more may leave");
        let stopped = self.incident_step(stopper, name, number, stop).await?;
        steps.tell(format!("`{}` decided to stop: marked requests are stopped", stopper.principal.id));
        let taken = self.take_back(stopper, served, &passed, "incident drill").await?;
        let effective_ms = elapsed(began);
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let refused = u64::from(rec.overridden.is_some() && rec.released.is_none());
        steps.tell(format!("`{}` took the decision back: {}", stopper.principal.id, left(refused)));
        let stop = stopped.stop.into_iter();
        Ok(Half {
            control: "incident",
            by: stopper.principal.id.clone(),
            since: self.now(),
            effective_ms,
            answered: 1,
            refused,
            events: [rec.event, opened.event].into_iter().chain(stop).chain([stopped.event, taken]).collect(),
            marked: Vec::new(),
            incident: Some(number),
            told: Vec::new(),
        })
    }
}

/// A drill that another person finishes.
#[derive(Clone, Debug, Serialize)]
pub struct WaitingDrill {
    /// The control.
    pub control: String,
    /// Who stopped: not who resumes.
    pub by: String,
    /// Since when.
    pub since: Time,
    /// What was done so far.
    pub steps: Vec<String>,
    /// A drill left it behind when the server ended: it is only resumed.
    pub left: bool,
}

/// What the first half came to: measured here, and in no store.
pub(crate) struct Half {
    control: &'static str,
    by: String,
    since: Time,
    effective_ms: u64,
    answered: u64,
    refused: u64,
    events: Vec<EventId>,
    /// The marked cases that were refused.
    marked: Vec<Passage>,
    incident: Option<u64>,
    told: Vec<String>,
}

impl Half {
    pub(super) fn look(&self) -> WaitingDrill {
        let (control, by, steps) = (self.control.to_owned(), self.by.clone(), self.told.clone());
        WaitingDrill { control, by, since: self.since, steps, left: false }
    }
}

/// A stop of everybody hides what a drill would show.
fn nothing_stopped(handle: &Handle) -> Result<(), Refused> {
    let stops = handle.standing_stops();
    let Some((_, stop)) = stops.first() else { return Ok(()) };
    let (at, by) = (stop.at, &stop.by);
    let message =
        format!("it is stopped for everybody since {at} by `{by}`: a drill would show nothing; nothing was done");
    Err(Refused::Conflict { message, now: None })
}

/// The marked cases of a stop drill: those of steps with a fallback first.
fn to_stop(served: &Served) -> Result<Vec<Passage>, Refused> {
    let mut passages = rehearsal_passages(served)?;
    passages.sort_by_key(|p| served.workflow.step(&p.step).is_none_or(|s| s.fallback.is_none()));
    passages.truncate(CASES);
    if passages.is_empty() { Err(no_example()) } else { Ok(passages) }
}

fn stopped_by(stopper: &Caller, stop: &StopEffect) -> String {
    let (who, ms) = (&stopper.principal.id, stop.effective_ms);
    format!("`{who}` stopped them: in force after {ms} ms, {} in flight were cut", stop.cut)
}
