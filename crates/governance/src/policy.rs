//! Who may do what: Cedar policies, generated from the spec and validated strictly against a schema.
//!
//! The base set (`policy/base.cedar`) holds the rules that nothing can lift: they are `forbid`s. The permits for
//! roles are generated from a workflow's [`Grants`]. A factory can add policies of its own; they are validated
//! against the same schema, and a `forbid` of the base set still wins.

mod grants;
mod request;

pub use grants::{ApprovalGrant, Grants, StepGrants};
pub use request::{Circumstances, Request};

use cedar_policy::{
    Authorizer, Decision, Effect, PolicySet, RequestValidationError, Schema, ValidationMode, Validator,
};
use seatrial_model::PrincipalKind;
use std::fmt;

const SCHEMA: &str = include_str!("policy/schema.cedarschema");
const BASE: &str = include_str!("policy/base.cedar");

/// The most bytes of policies that a factory may add: policies are read by people, and each request walks all.
pub const EXTRA_BYTES_MAX: usize = 64 * 1024;

/// What somebody wants to do.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Action {
    /// Give an approval.
    Approve,
    /// Withdraw one.
    Withdraw,
    /// Accept a responsibility.
    Accept,
    /// Cut a release.
    Release,
    /// Change a decision, with a reason.
    Override,
    /// Answer a review.
    AnswerReview,
    /// Check an allowed decision.
    Audit,
    /// Stop the workflow or a step.
    Stop,
    /// Resume it.
    Resume,
    /// Call a step: the guard asks the model (run, proxy).
    Call,
    /// Submit an output for a decision.
    Decide,
    /// Evaluate, train, seal, calibrate, probe.
    Evaluate,
    /// Submit a spec; whoever does is its author.
    SubmitSpec,
    /// Exercise a control.
    Drill,
    /// Issue or revoke a token.
    IssueToken,
    /// Read decisions, reviews, the log.
    Read,
}

impl Action {
    /// All actions.
    pub const ALL: &'static [Self] = &[
        Self::Approve,
        Self::Withdraw,
        Self::Accept,
        Self::Release,
        Self::Override,
        Self::AnswerReview,
        Self::Audit,
        Self::Stop,
        Self::Resume,
        Self::Call,
        Self::Decide,
        Self::Evaluate,
        Self::SubmitSpec,
        Self::Drill,
        Self::IssueToken,
        Self::Read,
    ];

    /// Its name in policies and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Withdraw => "withdraw",
            Self::Accept => "accept",
            Self::Release => "release",
            Self::Override => "override",
            Self::AnswerReview => "answer_review",
            Self::Audit => "audit",
            Self::Stop => "stop",
            Self::Resume => "resume",
            Self::Call => "call",
            Self::Decide => "decide",
            Self::Evaluate => "evaluate",
            Self::SubmitSpec => "submit_spec",
            Self::Drill => "drill",
            Self::IssueToken => "issue_token",
            Self::Read => "read",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The answer to a request.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Authorization {
    /// It may be done.
    Allowed,
    /// It may not, and was not.
    Refused {
        /// Why, for the one who asked: every rule that forbids it, or who could do it.
        why: String,
    },
}

impl Authorization {
    /// Whether it may be done.
    #[must_use]
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed)
    }
}

/// Why no policies could be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// Seatrial's own schema or base set does not parse: a defect of Seatrial.
    #[error("the built-in policies are broken, nothing is permitted: {0}")]
    BuiltIn(String),
    /// A factory's policies are too long.
    #[error("the factory's policies have {0} bytes, the limit is {EXTRA_BYTES_MAX}; none was loaded: shorten them")]
    TooLong(usize),
    /// A factory's policies do not parse.
    #[error("the factory's policies do not parse, none was loaded: {0}")]
    Syntax(String),
    /// Policies do not fit the schema.
    #[error("the policies do not fit the schema, none was loaded: {0}")]
    Invalid(String),
    /// A request could not be expressed.
    #[error("the request cannot be expressed, and was refused: {0}")]
    Request(String),
}

impl From<RequestValidationError> for PolicyError {
    fn from(e: RequestValidationError) -> Self {
        Self::Request(e.to_string())
    }
}

/// The policies of one workflow, ready to answer.
pub struct Policies {
    workflow: String,
    text: String,
    set: PolicySet,
    schema: Schema,
    authorizer: Authorizer,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").field("workflow", &self.workflow).finish_non_exhaustive()
    }
}

impl Policies {
    /// The default set for a workflow, generated from its spec.
    ///
    /// # Errors
    /// [`PolicyError`] where a generated policy does not validate; then nothing is permitted.
    pub fn new(grants: &Grants) -> Result<Self, PolicyError> {
        Self::with_factory(grants, "")
    }

    /// The default set, and a factory's own policies beside it.
    ///
    /// # Errors
    /// [`PolicyError`] where these are too long, do not parse, or do not fit the schema.
    pub fn with_factory(grants: &Grants, extra: &str) -> Result<Self, PolicyError> {
        if extra.len() > EXTRA_BYTES_MAX {
            return Err(PolicyError::TooLong(extra.len()));
        }
        extra.parse::<PolicySet>().map_err(|e| PolicyError::Syntax(e.to_string()))?;
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|e| PolicyError::BuiltIn(e.to_string()))?;
        let text = format!("{BASE}\n{}\n{extra}", grants.to_cedar());
        let set: PolicySet = text.parse().map_err(|e| PolicyError::BuiltIn(format!("{e}")))?;
        let result = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if !result.validation_passed() {
            let errors: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
            return Err(PolicyError::Invalid(errors.join("; ")));
        }
        Ok(Self { workflow: grants.workflow.clone(), text, set, schema, authorizer: Authorizer::new() })
    }

    /// The whole set as Cedar text, for people and for export.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The schema as Cedar text.
    #[must_use]
    pub const fn schema_text() -> &'static str {
        SCHEMA
    }

    /// Answers a request. What cannot be expressed or evaluated is refused.
    pub fn authorize(&self, request: &Request<'_>) -> Authorization {
        match self.decide(request) {
            Ok(answer) => answer,
            Err(error) => Authorization::Refused { why: error.to_string() },
        }
    }

    fn decide(&self, request: &Request<'_>) -> Result<Authorization, PolicyError> {
        let (query, entities) = request.to_cedar(&self.workflow, &self.schema)?;
        let response = self.authorizer.is_authorized(&query, &self.set, &entities);
        let diagnostics = response.diagnostics();
        // A policy that errs is left out by Cedar; were it a `forbid`, leaving it out would open a door.
        if let Some(error) = diagnostics.errors().next() {
            return Ok(Authorization::Refused { why: format!("a policy could not be evaluated: {error}") });
        }
        if response.decision() == Decision::Allow {
            return Ok(Authorization::Allowed);
        }
        let mut forbidden: Vec<&str> = diagnostics
            .reason()
            .map(|id| self.set.annotation(id, "why").unwrap_or("a policy of the factory forbids it"))
            .collect();
        forbidden.sort_unstable();
        forbidden.dedup();
        let what = format!("`{}` was not done for `{}`", request.action, request.principal.id);
        let why = if forbidden.is_empty() { self.who_could(request) } else { forbidden.join("; ") };
        Ok(Authorization::Refused { why: format!("{what}: {why}") })
    }

    /// Who is permitted what was asked for: the annotation `@who` of each permit that names the action.
    fn who_could(&self, request: &Request<'_>) -> String {
        let wanted = format!("Action::\"{}\"", request.action);
        let mut who: Vec<&str> = self
            .set
            .policies()
            .filter(|p| p.effect() == Effect::Permit && p.to_string().contains(&wanted))
            .filter_map(|p| p.annotation("who"))
            .collect();
        who.sort_unstable();
        who.dedup();
        if who.is_empty() {
            return "nobody may: the spec names no role for it".to_owned();
        }
        let kind = match request.principal.kind {
            PrincipalKind::Person => "",
            PrincipalKind::Agent => " (this is an agent)",
            PrincipalKind::Service => " (this is a service)",
        };
        format!("it is for {}{kind}", who.join("; or "))
    }
}

#[cfg(test)]
mod tests;
