//! Who can discharge an obligation: roles, as the spec names them.

use super::{Duty, Obligation, approving_roles};
use seatrial_model::{Side, Stage};
use seatrial_spec::Workflow;
use std::collections::BTreeSet;

impl Obligation {
    /// The roles whose holders can produce its evidence for a stage.
    #[must_use]
    pub fn roles(&self, workflow: &Workflow, stage: Stage) -> BTreeSet<String> {
        let responsible = |receiving: bool, delivery: bool| {
            let of = workflow.responsibilities.values();
            let (ours, theirs) = (|on: bool, r: &Option<String>| r.clone().filter(|_| on), receiving);
            of.flat_map(|r| ours(theirs, &r.receiving).into_iter().chain(ours(delivery, &r.delivery))).collect()
        };
        match &self.duty {
            Duty::Approval { role } | Duty::Document { role } | Duty::Attested { role, .. } => {
                BTreeSet::from([role.clone()])
            }
            Duty::Risks => workflow.risks.items.iter().map(|r| r.accepted_by.clone()).collect(),
            Duty::Intent | Duty::Release | Duty::Findings | Duty::Validated => approving_roles(workflow, stage),
            Duty::Questions => workflow.questions.values().filter_map(|q| q.owner.clone()).collect(),
            Duty::Assigned | Duty::Accepted | Duty::Runbooks | Duty::Drills => responsible(true, false),
            Duty::Unaided | Duty::Access | Duty::Pack | Duty::Index => responsible(true, false),
            Duty::Drill { .. } if stage.in_production() => responsible(true, false),
            _ => responsible(true, true),
        }
    }

    /// Whether people of a side can produce its evidence for a stage.
    #[must_use]
    pub fn is_open_to(&self, side: Side, stage: Stage) -> bool {
        let production = stage.in_production();
        match &self.duty {
            Duty::Validated => side == Side::Independent,
            Duty::Findings | Duty::Accepted | Duty::Assigned | Duty::Runbooks | Duty::Drills => side == Side::Receiving,
            Duty::Unaided | Duty::Access | Duty::Pack | Duty::Index => side == Side::Receiving,
            Duty::Drill { .. } if production => side == Side::Receiving,
            Duty::Intent | Duty::Release if production => side != Side::Delivery,
            _ => true,
        }
    }
}
