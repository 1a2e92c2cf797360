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

/// Whether an output leaves under no circumstances, whatever else is said of it: something objects that denies.
pub(crate) fn output_denied(plan: &Plan, findings: &[Finding]) -> bool {
    let denies = |f: &&Finding| plan.checks.iter().any(|c| c.path == f.path && c.otherwise == Else::Deny);
    findings.iter().filter(|f| f.objects()).any(|f| denies(&f))
}
