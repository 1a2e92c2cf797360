//! A workflow's standing as data: the command line and the API give the same.

use super::{Hypercare, Standing};
use crate::api::InForce;
use crate::ending::RightsLook;
use crate::factory::Factory;
use seatrial_governance::{InputChange, ObligationState, State};
use seatrial_model::words::Layer;
use seatrial_model::{Digest, ElementPath, EventId, LogName, Stage, Time};
use serde::Serialize;

/// How a workflow stands for a stage.
#[derive(Clone, Debug, Serialize)]
pub struct StandingReport<'s> {
    /// The workflow.
    pub workflow: &'s LogName,
    /// Whether the factory is a simulation.
    pub simulation: bool,
    /// The stage.
    pub stage: Stage,
    /// Every obligation of the stage is settled.
    pub ready: bool,
    /// The spec that was asked about.
    pub spec: Digest,
    /// It is the newest submitted one.
    pub submitted: bool,
    /// It is another than the released one.
    pub ahead: bool,
    /// The release in force.
    pub in_force: &'s Option<InForce>,
    /// Hypercare, as it counts down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hypercare: Option<Hypercare>,
    /// The end of the delivery side's rights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rights: &'s Option<RightsLook>,
    /// What is stopped: the element, since when, by whom.
    pub stopped: Vec<(ElementPath, Time, String)>,
    /// Every obligation, in the order of the layers.
    pub obligations: Vec<ObligationLine<'s>>,
    /// The next useful thing to do.
    pub next: Option<String>,
}

/// One obligation in a report.
#[derive(Clone, Debug, Serialize)]
pub struct ObligationLine<'s> {
    /// Its id.
    pub id: &'s str,
    /// Its layer.
    pub layer: Layer,
    /// One line for people.
    pub title: &'s str,
    /// How it stands.
    pub state: State,
    /// Why.
    pub why: &'s str,
    /// Its key.
    pub key: Digest,
    /// The events that it rests on.
    pub events: &'s [EventId],
    /// Elements that changed since it was shown.
    pub changed: &'s [ElementPath],
    /// Inputs that changed since.
    pub changed_inputs: &'s [InputChange],
    /// What to do next.
    pub next: Option<&'s str>,
}

impl Factory {
    /// A standing as data, with what is stopped.
    #[must_use]
    pub fn report<'s>(&self, standing: &'s Standing) -> StandingReport<'s> {
        // A workflow that was never submitted has nothing that could be stopped.
        let stops = self.handle(standing.workflow.as_str()).map(|handle| handle.standing_stops());
        let stopped = stops.map(|stops| stops.iter().map(|(path, s)| (path.clone(), s.at, s.by.clone())).collect());
        StandingReport {
            workflow: &standing.workflow,
            simulation: self.is_simulation(),
            stage: standing.stage,
            ready: standing.missing().next().is_none(),
            spec: standing.spec,
            submitted: !standing.unsubmitted,
            ahead: standing.ahead,
            in_force: &standing.in_force,
            hypercare: standing.hypercare,
            rights: &standing.rights,
            stopped: stopped.unwrap_or_default(),
            obligations: standing.states.iter().map(line).collect(),
            next: next(standing),
        }
    }
}

fn line(state: &ObligationState) -> ObligationLine<'_> {
    ObligationLine {
        id: &state.obligation.id,
        layer: state.obligation.layer,
        title: &state.obligation.title,
        state: state.state,
        why: &state.why,
        key: state.key,
        events: &state.events,
        changed: &state.changed,
        changed_inputs: &state.changed_inputs,
        next: state.next.as_deref(),
    }
}

/// The next useful thing: nothing that is judged or measured counts before the spec is submitted; what a release
/// approval rests on comes before it.
fn next(standing: &Standing) -> Option<String> {
    if standing.unsubmitted {
        return Some("seatrial submit".to_owned());
    }
    let mut missing: Vec<&ObligationState> = standing.missing().filter(|s| s.next.is_some()).collect();
    missing.sort_by_key(|s| s.obligation.id == "release.approval");
    match missing.first() {
        Some(state) => state.next.clone(),
        None if standing.missing().next().is_none() => {
            let in_force = standing.in_force.as_ref().is_some_and(|r| r.stage == standing.stage && !standing.ahead);
            (!in_force).then(|| format!("seatrial release {}", standing.stage))
        }
        None => None,
    }
}
