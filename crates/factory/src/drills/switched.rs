//! Drills of the switch: a stop under marked traffic, and an incident that is stopped, corrected and reviewed.

use super::{Done, DrillOptions, Drilled, Steps, alone, elapsed, incident_runbooks, left, no_example};
use crate::api::{Caller, Passage, PassageEntry, Passed, Refused, StopEffect};
use crate::factory::Factory;
use crate::handle::{Handle, Served};
use crate::incidents::{IncidentInput, IncidentStep};
use crate::rehearse::rehearsal_passages;
use crate::switch::Reach;
use seatrial_governance::policy::Action as Act;
use seatrial_model::{EventId, IncidentCourse, IncidentSeverity, ReviewId};
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
        let _alone = alone(&handle)?;
        self.both_hands(stopper, resumer, &handle).await?;
        let mut steps = Steps::new(options);
        let marked: Vec<Passage> = to_stop(&served)?;
        let (answered, going) = (AtomicU64::new(0), AtomicBool::new(true));
        let traffic = self.marked_traffic(stopper, &marked, &answered, &going);
        let drill = async {
            while answered.load(Ordering::Relaxed) < ANSWERED_BEFORE && going.load(Ordering::Relaxed) {
                tokio::task::yield_now().await;
            }
            steps.tell(format!("marked requests run: {} answered", answered.load(Ordering::Relaxed)));
            let stop = self.switch_off(stopper, &name, None, "stop drill", Reach::Marked).await;
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
        let resumed = self.switch_on(resumer, &name, None, "stop drill over", Reach::Marked).await?;
        steps.tell(format!("`{}` resumed", resumer.principal.id));
        let mut events = vec![stop.event, resumed];
        let finished = self.finished_by_hand(stopper, &handle, &served, marked, &mut steps, &mut events).await?;
        let done = Done {
            control: "stop",
            effective_ms: stop.effective_ms,
            answered: answered.load(Ordering::Relaxed),
            refused,
            finished,
            events,
            steps: steps.done,
            ..Done::default()
        };
        self.drilled(stopper, &handle, &served, done).await
    }

    /// Whether both people may do their part, before either does; and whether the switch is free: a stop of everything
    /// would hide what the drill shows, and one that a drill left behind is resumed first.
    async fn both_hands(&self, stopper: &Caller, resumer: &Caller, handle: &Handle) -> Result<(), Refused> {
        self.may_switch(stopper, handle, Act::Stop, false)?;
        self.may_resume_from(resumer, handle, &stopper.principal.id)?;
        if let Some((_, stop)) = handle.stops.load().first() {
            let message = format!(
                "it is stopped for everybody since {} by `{}`, and a drill would show nothing; nothing was done",
                stop.at, stop.by
            );
            return Err(Refused::Conflict { message, now: None });
        }
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
        let _alone = alone(&handle)?;
        self.both_hands(stopper, resumer, &handle).await?;
        let mut steps = Steps::new(options);
        let passed = self.to_take_back(stopper, &served).await?;
        steps.tell(format!("a marked case was decided: `{}`, {}", passed.decision, passed.verdict));
        let began = Instant::now();
        let input = IncidentInput {
            decisions: vec![passed.decision],
            drill: true,
            text: "incident drill: a marked decision that should not have left".to_owned(),
            ..IncidentInput::of(IncidentSeverity::Medium)
        };
        let opened = self.open_incident(stopper, &name, input).await?;
        let number = opened.incident;
        steps.tell(format!("`{}` opened incident {number}, a drill", stopper.principal.id));
        let stop = IncidentStep::decide(IncidentCourse::Stop, "incident drill: nothing more may leave");
        let stopped = self.incident_step(stopper, &name, number, stop).await?;
        steps.tell(format!("`{}` decided to stop: marked requests are stopped", stopper.principal.id));
        let taken = self.take_back(stopper, &served, &passed, "incident drill").await;
        let effective_ms = elapsed(began);
        let resumed = self.switch_on(resumer, &name, None, "incident drill over", Reach::Marked).await?;
        let taken = taken?;
        let (_, rec) = self.decision_rec(passed.decision).await?;
        let refused = u64::from(rec.overridden.is_some() && rec.released.is_none());
        steps.tell(format!("`{}` took the decision back: {}", stopper.principal.id, left(refused)));
        steps.tell(format!("`{}` resumed", resumer.principal.id));
        let resolve = IncidentStep::resolve("incident drill: what had left is taken back");
        let resolved = self.incident_step(stopper, &name, number, resolve).await?;
        let text = "incident drill: stopped, corrected and resumed as the runbook says";
        let reviewed = self.review_incident(stopper, &name, number, text, Vec::new()).await?;
        steps.tell(format!("incident {number} was resolved and reviewed"));
        let stops = stopped.stop.into_iter();
        let done = Done {
            control: "incident",
            effective_ms,
            answered: 1,
            refused,
            events: [rec.event, opened.event]
                .into_iter()
                .chain(stops)
                .chain([stopped.event, taken, resumed, resolved.event, reviewed.event])
                .collect(),
            runbooks: incident_runbooks(&served.workflow),
            steps: steps.done,
            incident: Some(number),
            ..Done::default()
        };
        self.drilled(stopper, &handle, &served, done).await
    }
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
