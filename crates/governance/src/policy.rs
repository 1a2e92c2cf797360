//! Who may do what: Cedar policies, generated from the spec and validated strictly against a schema.
//!
//! The base set (`policy/base.cedar`) holds the rules that nothing can lift: they are `forbid`s. The permits for
//! roles are generated from a workflow's [`Grants`]. A factory can add policies of its own; they are validated
//! against the same schema, and a `forbid` of the base set still wins.

mod action;
mod explain;
mod grants;
mod request;

pub use action::Action;
pub use explain::{Deciding, Explained, Origin};
pub use grants::{ApprovalGrant, Grants, StepGrants};
pub use request::{Circumstances, Request};

use cedar_policy::{Authorizer, PolicySet, RequestValidationError, Schema, ValidationMode, Validator};
use std::fmt;

const SCHEMA: &str = include_str!("policy/schema.cedarschema");
const BASE: &str = include_str!("policy/base.cedar");

/// The most bytes of policies that a factory may add: policies are read by people, and each request walks all.
pub const EXTRA_BYTES_MAX: usize = 64 * 1024;

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

/// One file of policies of a factory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PolicyFile {
    /// Its path, for people.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// The policies of one workflow, ready to answer.
pub struct Policies {
    workflow: String,
    text: String,
    state: Result<Loaded, String>,
}

/// Policies that parsed and validated.
struct Loaded {
    set: PolicySet,
    schema: Schema,
    authorizer: Authorizer,
    /// Where policies come from: how many of the set are of the base, and how many of these and the spec together.
    base: usize,
    generated: usize,
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
        let schema = schema()?;
        let generated = grants.to_cedar();
        let count = |text: &str| {
            text.parse::<PolicySet>().map(|s| s.policies().count()).map_err(|e| PolicyError::BuiltIn(e.to_string()))
        };
        let base = count(BASE)?;
        let generated_count = count(&generated)?;
        let text = format!("{BASE}\n{generated}\n{extra}");
        let set: PolicySet = text.parse().map_err(|e| PolicyError::BuiltIn(format!("{e}")))?;
        fits(&schema, &set)?;
        let loaded = Loaded { set, schema, authorizer: Authorizer::new(), base, generated: base + generated_count };
        Ok(Self { workflow: grants.workflow.clone(), text, state: Ok(loaded) })
    }

    /// The default set, and the files of a factory beside it.
    ///
    /// # Errors
    /// [`PolicyError`] as [`Self::with_factory`]; what does not parse is told by its file.
    pub fn with_files(grants: &Grants, files: &[PolicyFile]) -> Result<Self, PolicyError> {
        check_files(files)?;
        Self::with_factory(grants, &joined(files))
    }

    /// Policies that permit nothing, because what they should be made of is broken: the failure is closed.
    #[must_use]
    pub fn closed(workflow: &str, why: impl fmt::Display) -> Self {
        let state = Err(format!("{why}; nothing is permitted until that is put right"));
        Self { workflow: workflow.to_owned(), text: String::new(), state }
    }

    /// Why nothing is permitted, where the policies are broken.
    #[must_use]
    pub fn broken(&self) -> Option<&str> {
        self.state.as_ref().err().map(String::as_str)
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
        let explained = self.explain(request);
        if explained.allowed {
            return Authorization::Allowed;
        }
        Authorization::Refused { why: explained.refusal(request) }
    }
}

/// Checks a factory's policies by themselves: each file parses, all fit the schema, and they are not too long.
///
/// # Errors
/// [`PolicyError`], which names the file.
pub fn check_files(files: &[PolicyFile]) -> Result<(), PolicyError> {
    let text = joined(files);
    if text.len() > EXTRA_BYTES_MAX {
        return Err(PolicyError::TooLong(text.len()));
    }
    let schema = schema()?;
    for file in files {
        let set: PolicySet = file.text.parse().map_err(|e| PolicyError::Syntax(format!("`{}`: {e}", file.path)))?;
        fits(&schema, &set).map_err(|e| match e {
            PolicyError::Invalid(what) => PolicyError::Invalid(format!("`{}`: {what}", file.path)),
            other => other,
        })?;
    }
    Ok(())
}

/// The files as one text. A line of its own says where each begins.
fn joined(files: &[PolicyFile]) -> String {
    files.iter().map(|f| format!("// Of the factory: {}\n{}\n", f.path.escape_default(), f.text)).collect()
}

fn schema() -> Result<Schema, PolicyError> {
    Schema::from_cedarschema_str(SCHEMA).map(|(schema, _)| schema).map_err(|e| PolicyError::BuiltIn(e.to_string()))
}

fn fits(schema: &Schema, set: &PolicySet) -> Result<(), PolicyError> {
    if set.templates().next().is_some() {
        return Err(PolicyError::Invalid("a template (`?principal`, `?resource`) decides nothing".to_owned()));
    }
    let result = Validator::new(schema.clone()).validate(set, ValidationMode::Strict);
    if result.validation_passed() {
        return Ok(());
    }
    let errors: Vec<String> = result.validation_errors().map(ToString::to_string).collect();
    Err(PolicyError::Invalid(errors.join("; ")))
}

#[cfg(test)]
mod tests;
