//! The restore drill, as it is recorded; the surface exports, verifies and restores.

use super::{Done, Drilled};
use crate::api::{Caller, Refused};
use crate::factory::Factory;
use seatrial_governance::policy::{Action as Act, Circumstances};
use seatrial_model::LogPoint;

/// A log that was restored and compared, in a drill.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestoreDrill {
    /// The log as it was found again.
    pub point: LogPoint,
    /// How long all of it took, in milliseconds.
    pub effective_ms: u64,
    /// What was done, step by step.
    pub steps: Vec<String>,
}

impl Factory {
    /// Records a restore drill: everything was found again.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn restore_drilled(
        &self,
        caller: &Caller,
        workflow: Option<&str>,
        drill: RestoreDrill,
    ) -> Result<Drilled, Refused> {
        let name = self.name_of(workflow)?;
        let (handle, served) = self.submitted(&name)?;
        let circumstances =
            Circumstances { simulation: self.is_simulation(), token: caller.token, ..Circumstances::default() };
        served.authorize(&caller.principal, Act::Drill, &circumstances)?;
        let RestoreDrill { point, effective_ms, steps } = drill;
        let done = Done { control: "restore", effective_ms, restored: Some(point), steps, ..Done::default() };
        self.drilled(caller, &handle, &served, done).await
    }
}
