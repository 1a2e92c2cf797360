//! Small questions about plans and findings.

use seatrial_guard::Plan;
use seatrial_model::Finding;
use seatrial_spec::workflow::Else;

/// Whether the input alone already denies: the model is then never asked or billed.
pub(crate) fn input_denied(plan: &Plan, findings: &[Finding]) -> bool {
    plan.input.iter().any(|check| {
        let finding = findings.iter().find(|f| f.path == check.path);
        check.otherwise == Else::Deny && finding.is_none_or(Finding::objects)
    })
}
