//! How far a workflow is taken over: who takes what, what operation shows, what counts down, what is missing.

use crate::api::{InForce, Refused};
use crate::drills::DrillLook;
use crate::ending::RightsLook;
use crate::factory::Factory;
use crate::standing::Hypercare;
use crate::transfer::TransferLook;
use seatrial_governance::ObligationState;
use seatrial_model::{LogName, Stage};
use seatrial_ownership::{Taking, takings};
use serde::Serialize;
use std::sync::Arc;

/// The obligations that a handover asks for beyond production's.
const HANDOVER: [&str; 4] = ["ownership.unaided", "ownership.access", "ownership.pack", "ownership.index"];

/// How far a workflow is taken over.
#[derive(Clone, Debug, Serialize)]
pub struct OwnershipLook {
    /// The workflow.
    pub workflow: LogName,
    /// The release in force.
    pub in_force: Option<InForce>,
    /// Hypercare, as it counts down.
    pub hypercare: Option<Hypercare>,
    /// The end of the delivery side's rights.
    pub rights: Option<RightsLook>,
    /// The five responsibilities: who takes them over, and who accepted.
    pub responsibilities: Vec<Taking>,
    /// Every control, and who exercised it last.
    pub drills: Vec<DrillLook>,
    /// The transfer index, over all time and over its bar's window.
    pub transfer: TransferLook,
    /// How the handover's own obligations stand.
    pub handover: Vec<HandoverLine>,
    /// What else stands between here and the stage `owned`.
    pub missing: Vec<HandoverLine>,
}

/// An obligation, as it stands for `owned`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct HandoverLine {
    /// Its id.
    pub obligation: String,
    /// How it stands: the word as events write it.
    pub state: String,
    /// Why.
    pub why: String,
    /// What to do next, as a command.
    pub next: Option<String>,
}

impl HandoverLine {
    fn of(state: &ObligationState) -> Self {
        Self {
            obligation: state.obligation.id.clone(),
            state: state.state.as_str().to_owned(),
            why: state.why.clone(),
            next: state.next.clone(),
        }
    }
}

impl Factory {
    /// How far the newest submitted spec of a workflow is taken over.
    ///
    /// # Errors
    /// [`Refused`] where nothing was submitted.
    pub async fn ownership(&self, workflow: &str) -> Result<OwnershipLook, Refused> {
        let (handle, served) = self.submitted(workflow)?;
        let gathered = self.gather(&handle.log, Arc::clone(&served.workflow), served.findings.clone()).await?;
        let standing = self.standing_of(&handle.log, &gathered, Stage::Owned).await?;
        let key = standing.states.iter().find(|s| s.obligation.id == "ownership.accepted").map(|s| s.key);
        let responsibilities = takings(&served.workflow, &self.spec(), &gathered.events, key, self.now());
        let (handover, others): (Vec<ObligationState>, Vec<ObligationState>) =
            standing.states.into_iter().partition(|s| HANDOVER.contains(&s.obligation.id.as_str()));
        Ok(OwnershipLook {
            workflow: handle.log.clone(),
            in_force: standing.in_force,
            hypercare: standing.hypercare,
            rights: standing.rights,
            responsibilities,
            drills: self.drills(workflow).await?,
            transfer: self.transfer(workflow, None).await?,
            handover: handover.iter().map(HandoverLine::of).collect(),
            missing: others.iter().filter(|s| !s.state.is_settled()).map(HandoverLine::of).collect(),
        })
    }
}
