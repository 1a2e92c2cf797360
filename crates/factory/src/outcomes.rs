//! Outcomes of a workflow: what it is for, measured.

use crate::api::{Caller, Refused};
use crate::approve::newest;
use crate::factory::{Factory, not_recorded};
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::event::OutcomeMeasured;
use seatrial_model::{Body, ElementPath, EventId, Time};

/// An outcome that somebody measured.
#[derive(Clone, Debug)]
pub struct OutcomeInput {
    /// Its name in the spec.
    pub outcome: String,
    /// The figure, in the unit of its target.
    pub value: f64,
    /// The window's start.
    pub from: Time,
    /// The window's end.
    pub until: Time,
    /// Of how many cases, where it is a share.
    pub cases: Option<u64>,
    /// How it was measured, and where the figure is from.
    pub note: String,
}

/// An outcome as it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// The event.
    pub event: EventId,
    /// How it stood before.
    pub today: Option<f64>,
    /// Whether it meets its target.
    pub met: bool,
}

impl Factory {
    /// Records a measurement of an outcome of the newest submitted spec.
    ///
    /// # Errors
    /// [`Refused`]: nothing was recorded.
    pub async fn measure(&self, caller: &Caller, workflow: &str, input: OutcomeInput) -> Result<Measured, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::MeasureOutcome, &circumstances)?;
        let name = input.outcome.strip_prefix("outcomes.").unwrap_or(&input.outcome);
        let path = ElementPath::new(format!("outcomes.{name}"));
        let (Some(outcome), Some(element)) = (served.workflow.outcomes.get(name), served.workflow.element(&path))
        else {
            let known: Vec<&str> = served.workflow.outcomes.keys().map(String::as_str).collect();
            return Err(Refused::NotFound(format!("there is no such outcome; there are: {}", known.join(", "))));
        };
        if !input.value.is_finite() {
            return Err(Refused::Invalid("the figure is not a number".to_owned()));
        }
        if input.until <= input.from || input.until > self.now() {
            return Err(Refused::Invalid("a window ends after it begins, and not in the future".to_owned()));
        }
        if input.note.trim().is_empty() {
            return Err(Refused::Invalid("say how it was measured, and where the figure is from: `--note`".to_owned()));
        }
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let id = format!("outcome.{name}");
        let evidence = self.evidence(&handle.log, &served.workflow, &[&id]).await?;
        let (today, met) = (outcome.today, outcome.target.is_met_by(input.value));
        let body = Body::OutcomeMeasured(OutcomeMeasured {
            outcome: path,
            element: element.written,
            value: input.value,
            from: input.from,
            until: input.until,
            cases: input.cases,
        });
        let texts = vec![("note".to_owned(), input.note.into_bytes())];
        let event = self.judged(caller, &handle.log, &served, body, evidence, texts, newest(&events)).await?;
        Ok(Measured { event, today, met })
    }
}
