//! Staleness: what was shown before, and what changed since.

use super::{Claim, Fold};
use crate::define::{Obligation, Which};
use crate::key::{digest_of, matches};
use crate::state::{InputChange, ObligationState, State};
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::ScopeEntry;
use seatrial_spec::identity::prose_digest;
use seatrial_spec::workflow::Element;
use std::collections::{BTreeMap, BTreeSet};

/// The most changes that a reason names; all of them stand in the state's own fields.
const NAMED_MAX: usize = 3;

impl<'a> Fold<'a> {
    /// Turns `open` into `stale` where evidence exists that was made under another key.
    pub(super) fn mark_stale(&self, out: &mut ObligationState, claims: &[Claim<'a>]) {
        let old = claims.iter().rev().filter(|c| !c.current && !self.withdrawn.contains_key(&c.id()));
        let Some(claim) = old.into_iter().find(|c| self.is_for_this_stage(&out.obligation, c)) else { return };
        out.state = State::Stale;
        out.changed_inputs = changed_inputs(&claim.evidence.inputs, &out.inputs);
        let scope = self.keys.scope(&out.obligation);
        let then = claim.logged.event.spec;
        let table = then.and_then(|spec| self.input.old_elements.get(&spec));
        let table = table.filter(|_| claim.aged.is_none());
        out.changed = table.map(|t| changed(&scope, t, &out.obligation)).unwrap_or_default();
        let mut what: Vec<String> = out.changed.iter().map(|p| format!("`{p}`")).collect();
        what.extend(out.changed_inputs.iter().map(|c| format!("the input `{}`", c.input)));
        let more = what.len().saturating_sub(NAMED_MAX);
        what.truncate(NAMED_MAX);
        if more > 0 {
            what.push(format!("{more} more"));
        }
        let changed = match (what.is_empty(), table.is_some()) {
            _ if claim.aged.is_some() => claim.outdated(""),
            (false, _) => format!("changed since: {}", what.join(", ")),
            (true, true) => "the obligation's definition or parameters changed since".to_owned(),
            (true, false) => "something it depends on changed since; the spec of then is not at hand".to_owned(),
        };
        let index = claim.logged.index;
        out.why = format!("shown by entry {index} on {}; {changed}", claim.logged.event.time.day());
        if !out.considered.iter().any(|c| c.event == claim.id()) {
            out.considered.push(claim.considered(false, changed));
        }
    }

    /// An approval of another stage was never this stage's evidence, so it cannot have gone stale for it.
    pub(super) fn is_for_this_stage(&self, obligation: &Obligation, claim: &Claim<'_>) -> bool {
        match &claim.logged.event.body {
            seatrial_model::Body::ApprovalGiven(a) if obligation.parameters.contains_key("stage") => {
                // Its own stage: what is owned keeps the approvals that were given for production.
                obligation.parameters.get("stage").is_some_and(|stage| stage == a.stage.as_str())
            }
            _ => true,
        }
    }
}

fn changed_inputs(was: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<InputChange> {
    let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
    names
        .into_iter()
        .filter(|n| was.get(*n) != now.get(*n))
        .map(|n| InputChange { input: n.clone(), was: was.get(n).cloned(), now: now.get(n).cloned() })
        .collect()
}

/// The leaf-most paths that differ between a scope's value of now and the element table of then.
fn changed(scope: &[ScopeEntry], then: &[Element], obligation: &Obligation) -> Vec<ElementPath> {
    let now: BTreeMap<&ElementPath, Digest> = scope.iter().map(|ScopeEntry(p, d)| (p, *d)).collect();
    let then: BTreeMap<&ElementPath, Digest> = then.iter().map(|e| (&e.path, digest_of(e, obligation.which))).collect();
    let mut out: BTreeSet<&ElementPath> = BTreeSet::new();
    out.extend(now.iter().filter(|(p, d)| then.get(*p) != Some(d)).map(|(p, _)| *p));
    // Gone: what the patterns match, and what lay beside something that is still in the scope by reference.
    let counted = |p: &ElementPath, d: Digest| {
        obligation.which == Which::Written || (d != prose_digest() && !p.as_str().is_empty())
    };
    let in_scope =
        |p: &ElementPath| matches(&obligation.scope, p) || now.keys().any(|s| !s.as_str().is_empty() && p.is_within(s));
    out.extend(then.iter().filter(|(p, d)| !now.contains_key(*p) && counted(p, **d) && in_scope(p)).map(|(p, _)| *p));
    let leaf = |p: &&ElementPath| !out.iter().any(|other| other != p && other.is_within(p));
    out.iter().copied().filter(leaf).cloned().collect()
}
