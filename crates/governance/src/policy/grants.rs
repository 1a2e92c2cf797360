//! What a spec grants to roles, and the Cedar policies that say so.

use seatrial_model::Stage;
use seatrial_spec::workflow::{FactoryDuty, Step};
use seatrial_spec::{FactorySpec, Workflow};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A role whose approval a stage's gate asks for.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ApprovalGrant {
    /// The stage.
    pub stage: Stage,
    /// The role.
    pub role: String,
}

/// What one step grants.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StepGrants {
    /// The step.
    pub step: String,
    /// Roles that may override.
    pub overrides: BTreeSet<String>,
    /// Roles that reviews may go to.
    pub reviews: BTreeSet<String>,
    /// Roles that audit.
    pub audits: BTreeSet<String>,
}

/// What a spec grants to roles.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Grants {
    /// The workflow.
    pub workflow: String,
    /// Approvals by stage.
    pub approvals: BTreeSet<ApprovalGrant>,
    /// By step.
    pub steps: Vec<StepGrants>,
    /// Receiving roles of the five responsibilities: they accept.
    pub receiving: BTreeSet<String>,
    /// Roles, of either side, that operate: stop, resume, drill, issue tokens, cut releases and roll back, measure.
    pub operating: BTreeSet<String>,
    /// Roles, of either side, that are responsible for exceptions and incidents: they decide in one.
    pub exceptions: BTreeSet<String>,
    /// Roles that file documents.
    pub filing: BTreeSet<String>,
}

impl Grants {
    /// Reads the grants off a spec.
    #[must_use]
    pub fn of(workflow: &Workflow) -> Self {
        let mut grants = Self { workflow: workflow.name.clone(), ..Self::default() };
        for stage in [Stage::Pilot, Stage::Production, Stage::Owned] {
            for role in crate::define::approving_roles(workflow, stage) {
                grants.approvals.insert(ApprovalGrant { stage, role });
            }
        }
        for responsibility in workflow.responsibilities.values() {
            grants.receiving.extend(responsibility.receiving.clone());
            grants.operating.extend(responsibility.receiving.clone());
            grants.operating.extend(responsibility.delivery.clone());
        }
        if let Some(exceptions) = workflow.responsibilities.get("exceptions") {
            grants.exceptions.extend(exceptions.receiving.clone());
            grants.exceptions.extend(exceptions.delivery.clone());
        }
        grants.steps = workflow.steps.iter().map(step_grants).collect();
        grants.filing = grants.named();
        grants
    }

    /// Adds what the factory's own obligations grant: who approves them, and who files their documents and adds
    /// what others attest.
    #[must_use]
    pub fn and_factory(mut self, factory: &FactorySpec) -> Self {
        for obligation in &factory.obligations {
            match &obligation.by {
                FactoryDuty::Approval { role } => {
                    let stages = obligation.stages.iter();
                    self.approvals.extend(stages.map(|&stage| ApprovalGrant { stage, role: role.clone() }));
                }
                FactoryDuty::Document { role } | FactoryDuty::Attestation { role, .. } => {
                    self.filing.insert(role.clone());
                }
            }
        }
        self
    }

    /// Every role that approves or operates.
    fn named(&self) -> BTreeSet<String> {
        self.approvals.iter().map(|a| a.role.clone()).chain(self.operating.iter().cloned()).collect()
    }

    /// The permits as Cedar text.
    #[must_use]
    pub fn to_cedar(&self) -> String {
        let mut out = String::from("// Generated from the spec.\n");
        for ApprovalGrant { stage, role } in &self.approvals {
            let when = format!("{} && context.stage == \"{stage}\"", as_role(role));
            let actions = ["approve", "withdraw", "reaffirm", "grant_waiver", "end_waiver"];
            permit(&mut out, &format!("people who hold `{role}`, for {stage}"), &actions, "resource", &when);
        }
        for role in &self.named() {
            let when = format!("principal in Role::{}", quote(role));
            permit(
                &mut out,
                &format!("people of the delivery or the receiving side who hold `{role}`"),
                &["waive"],
                "resource",
                &when,
            );
        }
        for role in &self.filing {
            permit(
                &mut out,
                &format!("people who hold `{role}`, in that role"),
                &["file_document"],
                "resource",
                &as_role(role),
            );
        }
        for role in &self.receiving {
            let when = format!("{} && principal.side == \"receiving\"", as_role(role));
            permit(
                &mut out,
                &format!("people of the receiving side who hold `{role}`"),
                &["accept", "end_rights", "acknowledge"],
                "resource",
                &when,
            );
        }
        for role in &self.operating {
            let when = format!("principal in Role::{}", quote(role));
            let actions = [
                "stop",
                "resume",
                "drill",
                "issue_token",
                "release",
                "roll_back",
                "retire",
                "measure_outcome",
                "open_incident",
                "handle_incident",
            ];
            permit(&mut out, &format!("people who hold `{role}`"), &actions, "resource", &when);
        }
        for role in &self.exceptions {
            let when = format!("principal in Role::{}", quote(role));
            let who = format!("people who hold `{role}`, responsible for exceptions and incidents");
            permit(&mut out, &who, &["decide_incident"], "resource", &when);
        }
        for step in &self.steps {
            step.write(&mut out);
        }
        out
    }
}

impl StepGrants {
    fn write(&self, out: &mut String) {
        let resource = format!("resource == Step::{}", quote(&self.step));
        let mut grant = |roles: &BTreeSet<String>, action: &str| {
            for role in roles {
                // The role in which somebody answers is the role that was asked: a holder of another one, even of
                // this step, is not who the spec meant.
                let when = as_role(role);
                permit(out, &format!("people who hold `{role}`, in step `{}`", self.step), &[action], &resource, &when);
            }
        };
        grant(&self.reviews, "answer_review");
        grant(&self.audits, "audit");
        grant(&self.overrides, "override");
    }
}

/// Acts in a role, and holds it.
fn as_role(role: &str) -> String {
    format!("context has role && context.role == Role::{role} && principal in Role::{role}", role = quote(role))
}

fn step_grants(step: &Step) -> StepGrants {
    let mut reviews: BTreeSet<String> = step.escalate.iter().map(|e| e.to.clone()).collect();
    reviews.extend(step.rules().filter_map(|r| r.to.clone()));
    reviews.extend(step.review.late.clone());
    reviews.extend(step.fallback.iter().map(|f| f.to.clone()));
    StepGrants {
        step: step.name.clone(),
        overrides: step.overrides.iter().flat_map(|o| o.by.iter().cloned()).collect(),
        reviews,
        audits: step.audit.iter().map(|a| a.to.clone()).collect(),
    }
}

fn permit(out: &mut String, who: &str, actions: &[&str], resource: &str, when: &str) {
    let actions: Vec<String> = actions.iter().map(|a| format!("Action::\"{a}\"")).collect();
    // Writing into a String cannot fail.
    let _ = writeln!(
        out,
        "@who({})\npermit (principal is Person, action in [{}], {resource})\nwhen {{ {when} }};",
        quote(who),
        actions.join(", ")
    );
}

/// A Cedar string literal. Cedar reads the escapes that Rust writes.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.escape_default())
}
