//! The key of a piece of evidence: exactly what it depends on, as one digest.

use crate::define::{DRILLS, Input, Obligation, Which, obligations};
use seatrial_model::{Digest, ElementPath, Evidence, PathPattern, Time};
use seatrial_spec::workflow::Element;
use seatrial_spec::{FactorySpec, ScopeEntry, Scopes, Workflow};
use std::collections::BTreeMap;

/// A model as it identifies itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ModelIdentity {
    /// A digest, a dated version, or an alias.
    pub text: String,
    /// Whether it is an alias: what answers under it tomorrow may be another model. An alias blocks production.
    pub alias: bool,
}

/// The external inputs as they stand now, where the spec does not hold them itself.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Inputs {
    /// The model of each AI step. A step without one has the input `unknown`, and nothing measured on it counts.
    pub models: BTreeMap<String, ModelIdentity>,
    /// The version of the guard's checks.
    pub checks: u32,
    /// The version of the guard's `decide`.
    pub decide: u32,
}

/// External inputs that only the log tells.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LoggedInputs {
    /// The digest of the other obligations' state.
    pub state: Option<Digest>,
    /// The digest of the newest report on a pilot.
    pub report: Option<Digest>,
    /// The keys of other obligations of the stage.
    pub keys: BTreeMap<String, Digest>,
}

/// The value of an input that nobody could tell. It never equals a recorded one.
pub const UNKNOWN: &str = "unknown";

/// Everything that keys are computed from.
#[derive(Clone, Debug)]
pub struct Keys<'a> {
    workflow: &'a Workflow,
    factory: &'a FactorySpec,
    inputs: &'a Inputs,
    now: Time,
    scopes: Scopes<'a>,
}

impl<'a> Keys<'a> {
    /// Prepares the keys of a workflow.
    #[must_use]
    pub fn new(workflow: &'a Workflow, factory: &'a FactorySpec, inputs: &'a Inputs, now: Time) -> Self {
        Self { workflow, factory, inputs, now, scopes: Scopes::new(workflow) }
    }

    /// The value of an obligation's scope: sorted (path, digest).
    #[must_use]
    pub fn scope(&self, obligation: &Obligation) -> Vec<ScopeEntry> {
        if obligation.closed {
            return self.scopes.value(&obligation.scope, obligation.which);
        }
        let prose = seatrial_spec::identity::prose_digest();
        let matched = self.workflow.elements.iter().filter(|e| matches(&obligation.scope, &e.path));
        matched
            .filter(|e| obligation.which == Which::Written || e.compiled != prose)
            .map(|e| ScopeEntry(e.path.clone(), digest_of(e, obligation.which)))
            .collect()
    }

    /// The external inputs of an obligation, by name. `logged` is what only the log tells.
    #[must_use]
    pub fn inputs(&self, obligation: &Obligation, logged: &LoggedInputs) -> BTreeMap<String, String> {
        let unknown = || UNKNOWN.to_owned();
        let each = |input: &Input| match input {
            Input::Model(step) => {
                (format!("model.{step}"), self.inputs.models.get(step).map_or_else(unknown, |m| m.text.clone()))
            }
            Input::Checks => ("checks".to_owned(), format!("{}.{}", self.inputs.checks, self.inputs.decide)),
            Input::People(role) => (format!("people.{role}"), crate::people::listed(self.factory, role, self.now)),
            Input::State => ("state".to_owned(), logged.state.map_or_else(unknown, |d| d.to_string())),
            Input::Key(id) => (format!("key.{id}"), logged.keys.get(id).map_or_else(unknown, ToString::to_string)),
            Input::Report => ("report".to_owned(), logged.report.map_or_else(unknown, |d| d.to_string())),
        };
        obligation.inputs.iter().map(each).collect()
    }

    /// The key: SHA-256 over the RFC 8785 form of [obligation id, version of its definition, parameters, scope value,
    /// inputs].
    #[must_use]
    pub fn key(&self, obligation: &Obligation, inputs: &BTreeMap<String, String>) -> Digest {
        key(obligation, &self.scope(obligation), inputs)
    }
}

/// The key of an obligation over a scope's value and inputs.
#[must_use]
pub fn key(obligation: &Obligation, scope: &[ScopeEntry], inputs: &BTreeMap<String, String>) -> Digest {
    let parts = (&obligation.id, obligation.version, &obligation.parameters, scope, inputs);
    // Parameters are texts and small numbers, the rest are texts: all have an RFC 8785 form. Were one without, the
    // random-looking digest of its debug form matches no evidence, and the obligation stays open.
    Digest::of_canonical(&parts).unwrap_or_else(|e| Digest::of(format!("{e}{parts:?}").as_bytes()))
}

/// The evidence entries for an event's envelope: for each id, every obligation of that id (an approval may stand once
/// for each stage) with its key of now. Unknown ids yield nothing. `release.approval` needs the state's digest and
/// `pilot.findings` the newest report, which [`crate::status`] reads off the log: take their keys from there.
#[must_use]
pub fn evidence(workflow: &Workflow, factory: &FactorySpec, inputs: &Inputs, now: Time, ids: &[&str]) -> Vec<Evidence> {
    let keys = Keys::new(workflow, factory, inputs, now);
    let of_the_log =
        |o: &Obligation| o.inputs.iter().any(|i| matches!(i, Input::State | Input::Report | Input::Key(_)));
    obligations(workflow, factory)
        .iter()
        .filter(|o| ids.contains(&o.id.as_str()) && !of_the_log(o))
        .map(|o| {
            let inputs = keys.inputs(o, &LoggedInputs::default());
            Evidence { obligation: o.id.clone(), key: keys.key(o, &inputs), inputs }
        })
        .collect()
}

/// The obligations that an evaluation of this set speaks to: ids for [`evidence`].
#[must_use]
pub fn evaluation_speaks_to(workflow: &Workflow, set: &str) -> Vec<String> {
    let mut ids = vec![format!("eval.{set}"), "spec.exercised".to_owned()];
    if let Some(category) = workflow.examples.get(set).and_then(|s| s.category.as_ref()) {
        ids.push(format!("eval.forbidden.{category}"));
    }
    ids
}

/// The obligations that a drill of this control speaks to: ids for [`evidence`]. None where there is no such control.
#[must_use]
pub fn drill_speaks_to(control: &str) -> Vec<String> {
    let known = DRILLS.iter().any(|kind| kind.control == control);
    if known { vec![format!("drill.{control}"), "ownership.runbooks".to_owned()] } else { Vec::new() }
}

pub(crate) fn matches(patterns: &[PathPattern], path: &ElementPath) -> bool {
    patterns.iter().any(|p| p.matches(path))
}

pub(crate) fn digest_of(element: &Element, which: Which) -> Digest {
    match which {
        Which::Written => element.written,
        Which::Compiled => element.compiled,
    }
}

#[cfg(test)]
mod tests;
