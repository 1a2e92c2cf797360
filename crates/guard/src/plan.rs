//! What [`crate::decide()`] needs of the spec, as plain data: which checks there are, what each does when it objects,
//! who is asked. No expression, no schema, nothing that has to run.

use seatrial_model::facts::{CheckKind, FindingResult};
use seatrial_model::{ElementPath, Finding};
use seatrial_spec::workflow::{Else, Step, Workflow};
use serde::Serialize;

/// What [`crate::decide()`] needs of one step.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Plan {
    /// The step's element (`steps.route`).
    pub step: ElementPath,
    /// Why this step cannot be decided at all; such a plan denies everything.
    pub invalid: Option<String>,
    /// Checks of the input: its schema, then `refuse_input` in the spec's order.
    pub input: Vec<CheckPlan>,
    /// Checks of the output: its schema, then `require`, `forbid`, `never` in the spec's order, then those of tools.
    pub checks: Vec<CheckPlan>,
    /// Escalations, in the spec's order.
    pub escalations: Vec<EscalationPlan>,
    /// How often the model is asked at most; at least 1.
    pub attempts: u32,
    /// Sampling for audits.
    pub audit: Option<AuditPlan>,
    /// Who answers where nothing more precise is said; none: what would escalate is denied.
    pub role: Option<String>,
    /// When a review is late, in milliseconds.
    pub within_ms: Option<u64>,
    /// How many people answer.
    pub people: u32,
    /// Who does the work when the step is stopped or its model is down.
    pub fallback: Option<String>,
}

/// One check.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct CheckPlan {
    /// Its element.
    pub path: ElementPath,
    /// Its kind.
    pub kind: CheckKind,
    /// What happens when it objects.
    pub otherwise: Else,
    /// The role that answers where it escalates.
    pub to: Option<String>,
}

/// One escalation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EscalationPlan {
    /// Its element.
    pub path: ElementPath,
    /// The role that answers.
    pub to: String,
    /// The thresholds that it reads.
    pub thresholds: Vec<ElementPath>,
}

/// Sampling for audits.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct AuditPlan {
    /// Its element: also what the draw is made for.
    pub path: ElementPath,
    /// The share, in [0, 1].
    pub sample: f64,
    /// The role that checks.
    pub to: String,
}

impl Plan {
    /// A plan that denies everything, for a step that could not be compiled or does not exist.
    #[must_use]
    pub fn denies(step: ElementPath, why: impl Into<String>) -> Self {
        Self {
            step,
            invalid: Some(why.into()),
            input: Vec::new(),
            checks: Vec::new(),
            escalations: Vec::new(),
            attempts: 1,
            audit: None,
            role: None,
            within_ms: None,
            people: 1,
            fallback: None,
        }
    }

    /// The plan of a checked step.
    #[must_use]
    pub fn of(workflow: &Workflow, step: &Step) -> Self {
        let path = step.path();
        let schema =
            |name: &str, otherwise| CheckPlan { path: path.child(name), kind: CheckKind::Schema, otherwise, to: None };
        let has_type = |name: &Option<String>| name.as_ref().is_some_and(|n| workflow.types.contains_key(n));
        let mut input: Vec<CheckPlan> = Vec::new();
        if has_type(&step.input) {
            input.push(schema("input", Else::Deny));
        }
        let mut checks: Vec<CheckPlan> = Vec::new();
        if has_type(&step.output) {
            checks.push(schema("output", Else::Escalate));
        }
        for (kind, rules) in [
            (CheckKind::RefuseInput, &step.refuse_input),
            (CheckKind::Require, &step.require),
            (CheckKind::Forbid, &step.forbid),
            (CheckKind::Never, &step.never),
        ] {
            let list = if kind == CheckKind::RefuseInput { &mut input } else { &mut checks };
            list.extend(rules.iter().map(|rule| CheckPlan {
                path: rule.path.clone(),
                kind,
                otherwise: rule.otherwise,
                to: rule.to.clone(),
            }));
        }
        checks.extend(tool_checks(step));
        let escalations: Vec<EscalationPlan> = step
            .escalate
            .iter()
            .map(|e| EscalationPlan { path: e.path.clone(), to: e.to.clone(), thresholds: e.thresholds.clone() })
            .collect();
        let audit = step.audit.as_ref().map(|a| AuditPlan {
            path: path.child("audit"),
            sample: if a.sample.is_finite() { a.sample.clamp(0.0, 1.0) } else { 1.0 },
            to: a.to.clone(),
        });
        let fallback = step.fallback.as_ref().map(|f| f.to.clone());
        let role = escalations
            .first()
            .map(|e| e.to.clone())
            .or_else(|| fallback.clone())
            .or_else(|| step.review.late.clone())
            .or_else(|| audit.as_ref().map(|a| a.to.clone()));
        Self {
            step: path,
            invalid: None,
            input,
            checks,
            escalations,
            attempts: step.attempts.max(1),
            audit,
            role,
            within_ms: step.review.within.map(|w| w.as_millis()),
            people: step.review.people.max(1),
            fallback,
        }
    }

    /// Every threshold that an escalation reads, sorted, each once: the caller states how each stands.
    #[must_use]
    pub fn thresholds(&self) -> Vec<ElementPath> {
        let mut all: Vec<_> = self.escalations.iter().flat_map(|e| e.thresholds.iter().cloned()).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Whether the model is asked again: a `require` or the schema objects, attempts remain, and nothing objects that
    /// denies, or that is not delegated to AI at all: for those another attempt is not another chance. (Rules that did
    /// not run, because the answer could not be read, do not stand in the way.)
    #[must_use]
    pub fn asks_again(&self, findings: &[Finding], attempts: u32) -> bool {
        let denies = |f: &Finding| {
            let is_denial = || self.checks.iter().any(|c| c.path == f.path && c.otherwise == Else::Deny);
            f.result == FindingResult::Violated && (f.kind == CheckKind::Never || is_denial())
        };
        let mut objections = findings.iter().filter(|f| f.objects());
        attempts < self.attempts
            && objections.clone().any(|f| matches!(f.kind, CheckKind::Require | CheckKind::Schema))
            && !objections.any(denies)
    }
}

/// Checks of what tools are called, and with what, in the order in which [`crate::StepProgram::judge`] runs them: which
/// tools, then for each its arguments and its rules. Nobody answers a call in a person's place, so what is not allowed
/// is denied.
fn tool_checks(step: &Step) -> Vec<CheckPlan> {
    let Some(tools) = &step.tools else { return Vec::new() };
    let own = |path: ElementPath, kind| CheckPlan { path, kind, otherwise: Else::Deny, to: None };
    let mut out = vec![own(step.path().child("tools"), CheckKind::Forbid)];
    for tool in tools {
        if tool.arguments.is_some() {
            out.push(own(tool.path.child("arguments"), CheckKind::Schema));
        }
        for (kind, rules) in [(CheckKind::Require, &tool.require), (CheckKind::Forbid, &tool.forbid)] {
            out.extend(rules.iter().map(|rule| CheckPlan {
                path: rule.path.clone(),
                kind,
                otherwise: rule.otherwise,
                to: rule.to.clone(),
            }));
        }
    }
    out
}
