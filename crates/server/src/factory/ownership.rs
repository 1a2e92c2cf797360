//! How far a workflow is taken over.

use super::boards::state;
use crate::view::{OwnershipLine, OwnershipPage};
use seatrial_factory::api::Refused;
use seatrial_factory::{Factory, HandoverLine};

pub(super) async fn page(factory: &Factory, workflow: &str) -> Result<OwnershipPage, Refused> {
    let look = factory.ownership(workflow).await?;
    let handover = look.handover.iter().map(line).collect();
    let missing = look.missing.iter().map(line).collect();
    Ok(OwnershipPage { look, handover, missing })
}

fn line(line: &HandoverLine) -> OwnershipLine {
    OwnershipLine {
        id: line.obligation.clone(),
        state: state(&line.state),
        why: line.why.clone(),
        next: line.next.clone(),
    }
}
