//! Every control that can be exercised: how it stands, when it was exercised last, what is next.

use crate::api::Refused;
use crate::factory::{Factory, not_recorded};
use seatrial_governance::DRILLS;
use seatrial_model::{Body, EventId, Logged, Side, Stage, Time};
use serde::Serialize;

/// A control that can be exercised.
#[derive(Clone, Debug, Serialize)]
pub struct DrillLook {
    /// The control.
    pub control: String,
    /// What has to be shown.
    pub title: String,
    /// Its obligation; none where none asks for it by itself.
    pub obligation: Option<String>,
    /// How that stands for production.
    pub state: Option<String>,
    /// Why.
    pub why: String,
    /// The longest that the spec allows, in milliseconds.
    pub allowed_ms: Option<u64>,
    /// The newest one.
    pub last: Option<LastDrill>,
    /// What to run.
    pub command: String,
    /// Whether a second person resumes.
    pub second: bool,
    /// Whether people finish it through the review queue.
    pub by_answers: bool,
}

/// A drill that was done.
#[derive(Clone, Debug, Serialize)]
pub struct LastDrill {
    /// The event.
    pub event: EventId,
    /// When.
    pub at: Time,
    /// By whom.
    pub by: String,
    /// Their side.
    pub side: Side,
    /// How long it took.
    pub effective_ms: u64,
    /// Whether that was within the time that the spec allowed then.
    pub in_time: bool,
    /// Whether it counts for production today.
    pub counts: Option<bool>,
    /// Why, or why not.
    pub why: String,
}

/// Controls that an obligation of ownership asks for, rather than one of their own.
const OF_OWNERSHIP: [(&str, &str, &str); 2] = [
    ("restore", "The log restores from its export into a fresh factory", "seatrial drill restore"),
    ("key-rotation", "The log's signing key is under the receiving side", "seatrial drill key-rotation"),
];

impl Factory {
    /// Every control that can be exercised.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn drills(&self, workflow: &str) -> Result<Vec<DrillLook>, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let standing = self.standing(workflow, Stage::Production).await?;
        let events = self.delivery_events(&handle.log).await.map_err(not_recorded)?;
        let own = DRILLS.iter().map(|kind| (kind.control, kind.title, kind.command));
        let mut looks = Vec::new();
        for (control, title, command) in own.chain(OF_OWNERSHIP) {
            let id = format!("drill.{control}");
            let state = standing.states.iter().find(|s| s.obligation.id == id);
            let mut last = events.iter().rev().find_map(|logged| last(logged, control));
            if let (Some(last), Some(state)) = (&mut last, state)
                && let Some(considered) = state.considered.iter().find(|c| c.event == last.event)
            {
                last.counts = Some(considered.counts);
                last.why.clone_from(&considered.why);
            }
            let gate = served.workflow.gates.production.as_ref().and_then(|g| g.drills.get(control));
            looks.push(DrillLook {
                control: control.to_owned(),
                title: title.to_owned(),
                obligation: state.map(|s| s.obligation.id.clone()),
                state: state.map(|s| s.state.as_str().to_owned()),
                why: state.map_or_else(String::new, |s| s.why.clone()),
                allowed_ms: gate.map(|span| span.as_millis()),
                last,
                command: command.to_owned(),
                second: matches!(control, "stop" | "incident"),
                by_answers: matches!(control, "escalation" | "degraded"),
            });
        }
        Ok(looks)
    }
}

fn last(logged: &Logged, control: &str) -> Option<LastDrill> {
    let Body::DrillDone(done) = &logged.event.body else { return None };
    (done.control == control).then(|| LastDrill {
        event: logged.event.id,
        at: logged.event.time,
        by: logged.event.actor.id.clone(),
        side: logged.event.actor.side,
        effective_ms: done.effective_ms,
        in_time: done.allowed_ms.is_none_or(|allowed| done.effective_ms <= allowed),
        counts: None,
        why: String::new(),
    })
}
