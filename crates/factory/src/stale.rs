//! What a changed spec does to what was shown: which obligations that are settled now would not be.

use crate::api::Refused;
use crate::factory::Factory;
use crate::standing::check_findings;
use seatrial_governance::key::Keys;
use seatrial_governance::{Basis, Inputs, Obligation, State, obligations};
use seatrial_guard::{CHECKS_VERSION, DECIDE_VERSION};
use seatrial_model::{Digest, ElementPath, LogName, Stage, Time};
use seatrial_spec::{Diagnostic, FactorySpec, ScopeEntry, Workflow};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A spec as it is compared: checked, with what the checker said.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The spec.
    pub workflow: Arc<Workflow>,
    /// What the checker said of it.
    pub diagnostics: Vec<Diagnostic>,
}

/// What goes stale.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Staling {
    /// By what it is told.
    pub told_by: ToldBy,
    /// Each obligation and stage, in the order of the layers.
    pub obligations: Vec<Stales>,
}

/// By what it is told what goes stale.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ToldBy {
    /// By the log: what is settled, and would not be.
    Evidence,
    /// By the keys alone, for want of a log: whatever evidence there may be for these does not count for the new spec.
    Keys,
}

/// One obligation that goes stale.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Stales {
    /// The obligation.
    pub obligation: String,
    /// The stage that needs it.
    pub stage: Stage,
    /// How it stands; none where only keys were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub was: Option<State>,
    /// How it would stand; none where only keys were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub would_be: Option<State>,
    /// The elements that do it, leaf-most.
    pub paths: Vec<ElementPath>,
    /// Why, where it is not an element that does it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

const STAGES: [Stage; 2] = [Stage::Pilot, Stage::Production];

impl Factory {
    /// What would not be settled any more if `new` stood in the place of `old`, by the log of that workflow; by the keys
    /// alone where nothing was recorded yet.
    ///
    /// # Errors
    /// [`Refused`] where the log cannot be read.
    pub async fn stale_by(&self, log: &LogName, old: &Compared, new: &Compared) -> Result<Staling, Refused> {
        let before = self.gather(log, Arc::clone(&old.workflow), check_findings(&old.diagnostics)).await?;
        if before.events.is_empty() {
            return Ok(stale_by_keys(&old.workflow, &new.workflow, &self.spec(), self.now()));
        }
        let after = self.gather(log, Arc::clone(&new.workflow), check_findings(&new.diagnostics)).await?;
        let factory = self.spec();
        let differing = differing(&old.workflow, &new.workflow, &factory, self.now());
        let mut obligations = Vec::new();
        for stage in STAGES {
            let would: BTreeMap<String, _> =
                self.states(&after, stage).into_iter().map(|s| (s.obligation.id.clone(), s)).collect();
            for was in self.states(&before, stage).into_iter().filter(|s| s.state.is_settled()) {
                let Some(now) = would.get(&was.obligation.id).filter(|s| !s.state.is_settled()) else { continue };
                let by_scope = || differing.get(&was.obligation.id).cloned().unwrap_or_default();
                let paths = if now.changed.is_empty() { by_scope() } else { now.changed.clone() };
                let why = if paths.is_empty() { now.why.clone() } else { String::new() };
                obligations.push(Stales {
                    obligation: was.obligation.id,
                    stage,
                    was: Some(was.state),
                    would_be: Some(now.state),
                    paths,
                    why,
                });
            }
        }
        Ok(Staling { told_by: ToldBy::Evidence, obligations })
    }
}

/// What would go stale by the keys alone: every obligation of both specs whose key differs. What is computed whenever it
/// is asked for has no evidence that could go stale.
#[must_use]
pub fn stale_by_keys(old: &Workflow, new: &Workflow, factory: &FactorySpec, now: Time) -> Staling {
    let differing = differing(old, new, factory, now);
    let all = obligations(new, factory);
    let listed = STAGES.iter().flat_map(|stage| {
        let needed = all.iter().filter(|o| o.stages.contains(stage) && o.basis != Basis::Computed);
        needed.filter_map(|o| differing.get(&o.id).map(|paths| (o, *stage, paths.clone())))
    });
    let obligations = listed
        .map(|(o, stage, paths)| Stales {
            obligation: o.id.clone(),
            stage,
            was: None,
            would_be: None,
            why: if paths.is_empty() { "its parameters differ".to_owned() } else { String::new() },
            paths,
        })
        .collect();
    Staling { told_by: ToldBy::Keys, obligations }
}

/// Obligations of both specs whose key differs, with the leaf-most elements of their scopes that do.
fn differing(old: &Workflow, new: &Workflow, factory: &FactorySpec, now: Time) -> BTreeMap<String, Vec<ElementPath>> {
    let inputs = Inputs { models: BTreeMap::new(), checks: CHECKS_VERSION, decide: DECIDE_VERSION };
    let (before, after) = (Keys::new(old, factory, &inputs, now), Keys::new(new, factory, &inputs, now));
    // An approval may stand twice under one id, once for each stage: both have to be the same.
    let table = |workflow: &Workflow, keys: &Keys<'_>| -> BTreeMap<(String, usize), (Digest, Vec<ScopeEntry>)> {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        let entry = |o: Obligation| {
            let nth = seen.entry(o.id.clone()).and_modify(|n| *n += 1).or_insert(0);
            let scope = keys.scope(&o);
            let key = seatrial_governance::key::key(&o, &scope, &BTreeMap::new());
            ((o.id, *nth), (key, scope))
        };
        obligations(workflow, factory).into_iter().map(entry).collect()
    };
    let (before, after) = (table(old, &before), table(new, &after));
    let mut out: BTreeMap<String, Vec<ElementPath>> = BTreeMap::new();
    for ((id, nth), (key, scope)) in &before {
        let Some((_, other)) = after.get(&(id.clone(), *nth)).filter(|(now, _)| now != key) else { continue };
        let paths = out.entry(id.clone()).or_default();
        paths.extend(leaves(scope, other));
        paths.sort();
        paths.dedup();
    }
    out
}

/// The leaf-most paths in which two scopes differ.
fn leaves(old: &[ScopeEntry], new: &[ScopeEntry]) -> Vec<ElementPath> {
    let (a, b): (BTreeMap<_, _>, BTreeMap<_, _>) =
        (old.iter().map(|e| (&e.0, e.1)).collect(), new.iter().map(|e| (&e.0, e.1)).collect());
    let mut paths: Vec<&ElementPath> = a.keys().chain(b.keys()).copied().filter(|p| a.get(*p) != b.get(*p)).collect();
    paths.sort();
    paths.dedup();
    let above = |path: &ElementPath| paths.iter().any(|p| *p != path && p.is_within(path));
    paths.iter().filter(|p| !above(p)).map(|p| (*p).clone()).collect()
}
