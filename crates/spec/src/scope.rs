//! Scopes: the sets of elements that something depends on.

use crate::identity::{prose_digest, references};
use crate::workflow::Workflow;
use seatrial_model::{CanonicalError, Digest, ElementPath, PathPattern};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Which of an element's two digests counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Which {
    /// As written: for human judgement.
    Written,
    /// As compiled: for measurement. Elements that are prose alone do not count.
    Compiled,
}

/// One entry of a scope's value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct ScopeEntry(pub ElementPath, pub Digest);

/// The scopes of one workflow. Keep it where several scopes of one workflow are asked for.
#[derive(Clone, Debug)]
pub struct Scopes<'w> {
    workflow: &'w Workflow,
    references: BTreeMap<ElementPath, Vec<ElementPath>>,
}

impl<'w> Scopes<'w> {
    /// Prepares the scopes of a workflow.
    #[must_use]
    pub fn new(workflow: &'w Workflow) -> Self {
        Self { workflow, references: references(workflow) }
    }

    /// The value of a scope: the sorted list of all elements that the patterns match (each includes what is below
    /// it), closed over what they refer to: thresholds, types, example sets, prompts and roles.
    #[must_use]
    pub fn value(&self, patterns: &[PathPattern], which: Which) -> Vec<ScopeEntry> {
        let mut paths: BTreeSet<&ElementPath> = BTreeSet::new();
        let mut followed: BTreeSet<&ElementPath> = BTreeSet::new();
        let matched = self.workflow.elements.iter().map(|e| &e.path).filter(|p| patterns.iter().any(|x| x.matches(p)));
        let mut open: Vec<&ElementPath> = matched.collect();
        while let Some(path) = open.pop() {
            if !paths.insert(path) {
                continue;
            }
            for target in self.references.get(path).into_iter().flatten() {
                if followed.insert(target) {
                    open.extend(self.workflow.elements.iter().map(|e| &e.path).filter(|p| p.is_within(target)));
                }
            }
        }
        let prose = prose_digest();
        paths
            .into_iter()
            .filter_map(|path| self.workflow.element(path))
            .filter(|e| which == Which::Written || e.compiled != prose)
            .map(|e| {
                let digest = match which {
                    Which::Written => e.written,
                    Which::Compiled => e.compiled,
                };
                ScopeEntry(e.path.clone(), digest)
            })
            .collect()
    }
}

/// [`Scopes::value`] for a single scope.
#[must_use]
pub fn scope_value(workflow: &Workflow, patterns: &[PathPattern], which: Which) -> Vec<ScopeEntry> {
    Scopes::new(workflow).value(patterns, which)
}

/// The digest of a scope's value.
///
/// # Errors
/// Never for paths and digests, which all have an RFC 8785 form.
pub fn scope_digest(value: &[ScopeEntry]) -> Result<Digest, CanonicalError> {
    Digest::of_canonical(value)
}
