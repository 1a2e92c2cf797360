//! Why a request is allowed or refused: the policies that decided it.

use super::{Action, Loaded, Policies, PolicyError, Request};
use cedar_policy::{ActionConstraint, Decision, Effect, Policy, PolicyId};
use seatrial_model::PrincipalKind;
use serde::Serialize;

/// Where a policy comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// What nothing can lift, and what does not depend on the spec.
    Base,
    /// Generated from the spec.
    Spec,
    /// The factory's own.
    Factory,
}

/// A policy that decided.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Deciding {
    /// Where it comes from.
    pub origin: Origin,
    /// What it says of itself: for whom it is, or why it forbids.
    pub says: String,
    /// Its text.
    pub text: String,
}

/// A request's answer with its reasons.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Explained {
    /// Whether it may be done.
    pub allowed: bool,
    /// The policies that permit it, where it is allowed.
    pub permits: Vec<Deciding>,
    /// The policies that forbid it.
    pub forbids: Vec<Deciding>,
    /// For whom the action is, where nothing forbids it and nothing permits it either.
    pub missing: Vec<String>,
    /// Why it could not even be asked: broken policies, or a request that cannot be expressed.
    pub error: Option<String>,
}

impl Explained {
    fn failed(why: String) -> Self {
        Self { allowed: false, permits: Vec::new(), forbids: Vec::new(), missing: Vec::new(), error: Some(why) }
    }

    /// The refusal in words, for the one who asked.
    #[must_use]
    pub fn refusal(&self, request: &Request<'_>) -> String {
        let what = format!("`{}` was not done for `{}`", request.action, request.principal.id);
        if let Some(error) = &self.error {
            return format!("{what}: {error}");
        }
        if !self.forbids.is_empty() {
            let mut why: Vec<&str> = self.forbids.iter().map(|f| f.says.as_str()).collect();
            why.sort_unstable();
            why.dedup();
            return format!("{what}: {}", why.join("; "));
        }
        if self.missing.is_empty() {
            let nobody = match request.action {
                Action::BreakGlass => "whoever stopped does not resume, and no policy of the factory lifts that",
                _ => "nobody may: the spec names no role for it",
            };
            return format!("{what}: {nobody}");
        }
        let kind = match request.principal.kind {
            PrincipalKind::Person => "",
            PrincipalKind::Agent => " (this is an agent)",
            PrincipalKind::Service => " (this is a service)",
        };
        format!("{what}: it is for {}{kind}", self.missing.join("; or "))
    }
}

impl Policies {
    /// Answers a request, with the policies that decided. What cannot be expressed or evaluated is refused.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explained {
        let loaded = match &self.state {
            Ok(loaded) => loaded,
            Err(why) => return Explained::failed(why.clone()),
        };
        match loaded.explain(&self.workflow, request) {
            Ok(explained) => explained,
            Err(error) => Explained::failed(error.to_string()),
        }
    }
}

impl Loaded {
    fn explain(&self, workflow: &str, request: &Request<'_>) -> Result<Explained, PolicyError> {
        let (query, entities) = request.to_cedar(workflow, &self.schema)?;
        let response = self.authorizer.is_authorized(&query, &self.set, &entities);
        let diagnostics = response.diagnostics();
        // A policy that errs is left out by Cedar; were it a `forbid`, leaving it out would open a door.
        if let Some(error) = diagnostics.errors().next() {
            return Ok(Explained::failed(format!("a policy could not be evaluated: {error}")));
        }
        let mut reasons: Vec<&PolicyId> = diagnostics.reason().collect();
        reasons.sort_by_key(|id| number(id));
        let decided = || reasons.iter().filter_map(|id| self.set.policy(id));
        if response.decision() == Decision::Deny {
            let forbids: Vec<Deciding> = decided().map(|p| self.deciding(p)).collect();
            let missing = if forbids.is_empty() { self.who_could(request.action) } else { Vec::new() };
            return Ok(Explained { allowed: false, permits: Vec::new(), forbids, missing, error: None });
        }
        let permits: Vec<&Policy> = decided().filter(|p| is_explicit_enough(p, request.action)).collect();
        let allowed = !permits.is_empty();
        let missing = if allowed { Vec::new() } else { self.who_could(request.action) };
        let permits = permits.into_iter().map(|p| self.deciding(p)).collect();
        Ok(Explained { allowed, permits, forbids: Vec::new(), missing, error: None })
    }

    fn deciding(&self, policy: &Policy) -> Deciding {
        let at = number(policy.id());
        let origin = if at < self.base {
            Origin::Base
        } else if at < self.generated {
            Origin::Spec
        } else {
            Origin::Factory
        };
        let (name, without) = match policy.effect() {
            Effect::Permit => ("who", "a policy of the factory permits it"),
            Effect::Forbid => ("why", "a policy of the factory forbids it"),
        };
        let says = policy.annotation(name).unwrap_or(without).to_owned();
        Deciding { origin, says, text: policy.to_string() }
    }

    /// For whom an action is: the annotation `@who` of each permit that names it.
    fn who_could(&self, action: Action) -> Vec<String> {
        let mut who: Vec<String> = self
            .set
            .policies()
            .filter(|p| p.effect() == Effect::Permit && names(p, action))
            .filter_map(|p| p.annotation("who").map(str::to_owned))
            .collect();
        who.sort_unstable();
        who.dedup();
        who
    }
}

/// Where a policy stands in the set's text: the parser numbers them. What is none of these is of the factory.
fn number(id: &PolicyId) -> usize {
    let id: &str = id.as_ref();
    id.strip_prefix("policy").and_then(|n| n.parse().ok()).unwrap_or(usize::MAX)
}

/// Breaking the glass takes a policy that names it: one that permits everything does not mean it.
fn is_explicit_enough(policy: &Policy, action: Action) -> bool {
    action != Action::BreakGlass || names(policy, action)
}

fn names(policy: &Policy, action: Action) -> bool {
    let is = |uid: &cedar_policy::EntityUid| AsRef::<str>::as_ref(uid.id()) == action.as_str();
    match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(uid) => is(&uid),
        ActionConstraint::In(uids) => uids.iter().any(is),
    }
}
