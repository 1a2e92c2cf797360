//! What the findings, the confidence and the stage's reviews ask for: version 1.

use super::{Cause, codes, is_certified};
use crate::plan::{CheckPlan, Plan};
use seatrial_model::facts::{CertificateState, CheckKind, FindingResult, ReviewAll};
use seatrial_model::{ElementPath, Facts, Finding, Verdict};
use seatrial_spec::workflow::Else;

pub(super) fn causes_of_output(plan: &Plan, facts: &Facts, causes: &mut Vec<Cause>) {
    let denied = denied_input(plan, facts, causes);
    if let Some(why) = &facts.no_candidate {
        no_candidate(plan, why, causes);
    } else if !denied || !facts.findings.is_empty() {
        // A denied input has no candidate. Where facts hold findings all the same (shadow judges on), they count.
        weigh(plan, facts, causes);
    }
    if facts.review_all == Some(ReviewAll::Before) {
        causes.push(Cause::escalate(ElementPath::from("gates.pilot.review"), None));
    }
}

fn denied_input(plan: &Plan, facts: &Facts, causes: &mut Vec<Cause>) -> bool {
    let before = causes.len();
    for finding in facts.input.iter().filter(|f| f.objects()) {
        causes.push(Cause::deny(finding.path.clone(), codes::INPUT_DENIED));
    }
    for check in plan.input.iter().filter(|c| !facts.input.iter().any(|f| f.path == c.path)) {
        causes.push(Cause::deny(check.path.clone(), codes::INPUT_DENIED));
    }
    causes.len() > before
}

fn no_candidate(plan: &Plan, why: &str, causes: &mut Vec<Cause>) {
    match &plan.fallback {
        // There is no output that could be accepted: the person decides.
        Some(role) => {
            causes.push(Cause { own: true, ..Cause::escalate(plan.step.child("fallback"), Some(role.clone())) })
        }
        None => {
            let code = if why == "unreadable" { codes::UNREADABLE } else { codes::MODEL_UNREACHABLE };
            causes.push(Cause::deny(plan.step.clone(), code));
        }
    }
}

fn weigh(plan: &Plan, facts: &Facts, causes: &mut Vec<Cause>) {
    let mut redacts = false;
    for finding in facts.findings.iter().filter(|f| f.objects()) {
        let cause = objection(plan, finding);
        redacts |= cause.verdict == Verdict::Modify;
        causes.push(cause);
    }
    causes.extend(missing(plan, &facts.findings).map(|f| objection(plan, &f)));
    if redacts {
        match &facts.after_modify {
            Some(after) => {
                causes.extend(after.iter().filter(|f| f.objects()).map(|f| strict_objection(plan, f)));
                causes.extend(missing(plan, after).map(|f| strict_objection(plan, &f)));
            }
            None => causes.push(Cause::escalate(plan.step.clone(), None)),
        }
    }
    for escalation in &plan.escalations {
        let mut outcomes = facts.whens.iter().filter(|w| w.path == escalation.path).peekable();
        // Without an outcome it was not evaluated, and what cannot be evaluated holds.
        if outcomes.peek().is_none() || outcomes.any(|w| w.holds || w.failed) {
            causes.push(Cause::escalate(escalation.path.clone(), Some(escalation.to.clone())));
        }
        for threshold in escalation.thresholds.iter().filter(|t| !is_certified(facts, t)) {
            causes.push(Cause::escalate(threshold.clone(), Some(escalation.to.clone())));
        }
    }
    // A slice with a guarantee of its own that has no certificate escalates, to whom the threshold asks.
    let asked = plan.escalations.iter().find(|e| !e.thresholds.is_empty()).map(|e| e.to.clone());
    for slice in facts.slices.iter().filter(|s| s.failed || s.state != CertificateState::Certified) {
        causes.push(Cause::escalate(slice.path.clone(), asked.clone()));
    }
    let known = |path: &ElementPath| plan.escalations.iter().any(|e| e.path == *path);
    for when in facts.whens.iter().filter(|w| (w.holds || w.failed) && !known(&w.path)) {
        causes.push(Cause::escalate(when.path.clone(), None));
    }
}

/// Checks of the plan that left no finding: they did not run.
fn missing<'a>(plan: &'a Plan, findings: &'a [Finding]) -> impl Iterator<Item = Finding> + 'a {
    plan.checks.iter().filter(|c| !findings.iter().any(|f| f.path == c.path)).map(|check| Finding {
        path: check.path.clone(),
        kind: check.kind,
        result: FindingResult::NotRun,
        code: String::new(),
        spans: Vec::new(),
    })
}

/// What an objection asks for by its rule's `else`.
fn objection(plan: &Plan, finding: &Finding) -> Cause {
    let check = plan.checks.iter().find(|c| c.path == finding.path);
    let to = check.and_then(|c| c.to.clone());
    let otherwise = check.map_or_else(|| default_else(finding.kind), |c| c.otherwise);
    let path = finding.path.clone();
    if finding.kind == CheckKind::Never || check.is_some_and(|c| c.kind == CheckKind::Never) {
        return match otherwise {
            Else::Deny => Cause::deny(path, codes::OUTPUT_DENIED),
            // Whatever else a `never` might say, nobody can release its output.
            Else::Escalate | Else::Modify | Else::Warn => Cause { own: true, ..Cause::escalate(path, to) },
        };
    }
    match otherwise {
        Else::Deny => Cause::deny(path, codes::OUTPUT_DENIED),
        Else::Escalate => Cause::escalate(path, to),
        Else::Modify if finding.result == FindingResult::Violated && !finding.spans.is_empty() => {
            Cause::mild(Verdict::Modify, path)
        }
        // Nothing can be redacted where nothing was located.
        Else::Modify => Cause::escalate(path, to),
        Else::Warn => Cause::mild(Verdict::Warn, path),
    }
}

/// An objection on changed bytes: at least an escalation.
fn strict_objection(plan: &Plan, finding: &Finding) -> Cause {
    let cause = objection(plan, finding);
    if cause.verdict >= Verdict::Escalate {
        return cause;
    }
    let to = plan.checks.iter().find(|c: &&CheckPlan| c.path == finding.path).and_then(|c| c.to.clone());
    Cause::escalate(finding.path.clone(), to)
}

const fn default_else(kind: CheckKind) -> Else {
    match kind {
        CheckKind::RefuseInput | CheckKind::Forbid => Else::Deny,
        CheckKind::Schema | CheckKind::Require | CheckKind::Never => Else::Escalate,
    }
}
