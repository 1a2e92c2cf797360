//! A request, and how it is put to Cedar.

use super::{Action, PolicyError};
use cedar_policy::{
    Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request as Query, RestrictedExpression, Schema,
};
use seatrial_model::event::TokenKind;
use seatrial_model::{Assurance, Principal, PrincipalKind, Side, Stage};
use std::collections::{HashMap, HashSet};

/// Everything about a request that the policies may look at, besides who asks.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Circumstances {
    /// The stage that the action is for.
    pub stage: Option<Stage>,
    /// The role in which the principal acts (which gate's approval, whose review, which responsibility).
    pub role: Option<String>,
    /// The obligation, where the action is about one: a factory's own policies may look at it.
    pub obligation: Option<String>,
    /// The step, where the action is about one.
    pub step: Option<String>,
    /// Whether the principal is an author of the change.
    pub author: bool,
    /// Whether what is acted on is the principal's own (an approval given, a decision called for).
    pub own: bool,
    /// Whether the principal asked for the waiver that would be granted.
    pub requester: bool,
    /// Whether the principal made the stop that would be resumed.
    pub stopper: bool,
    /// Whether it happens in rehearsal.
    pub rehearsal: bool,
    /// Whether the factory is a simulation.
    pub simulation: bool,
    /// Whether the rights of the delivery side in this workflow have ended: from then on it may only read.
    pub ended: bool,
    /// The token that authenticated the principal, where there was one.
    pub token: Option<TokenKind>,
    /// The steps that a caller's token lists (`workflow/step`, `workflow/*`, `*`).
    pub token_steps: Vec<String>,
}

/// Who wants to do what, under which circumstances.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// What.
    pub action: Action,
    /// Under which circumstances.
    pub circumstances: &'a Circumstances,
}

impl Request<'_> {
    pub(super) fn to_cedar(self, workflow: &str, schema: &Schema) -> Result<(Query, Entities), PolicyError> {
        let circumstances = self.circumstances;
        let roles = self.principal.roles.iter().map(|r| uid("Role", r)).collect::<Result<HashSet<_>, _>>()?;
        let principal_type = match self.principal.kind {
            PrincipalKind::Person => "Person",
            PrincipalKind::Agent => "Agent",
            PrincipalKind::Service => "Service",
        };
        let principal = uid(principal_type, &self.principal.id)?;
        let workflow_uid = uid("Workflow", workflow)?;
        let resource = match &circumstances.step {
            Some(step) => uid("Step", step)?,
            None => workflow_uid.clone(),
        };
        let attributes = HashMap::from([
            ("side".to_owned(), text(side(self.principal.side))),
            ("level".to_owned(), RestrictedExpression::new_long(level(self.principal.assurance))),
        ]);
        let mut entities = vec![
            Entity::new(principal.clone(), attributes, roles).map_err(|e| PolicyError::Request(e.to_string()))?,
            Entity::new_no_attrs(workflow_uid.clone(), HashSet::new()),
        ];
        if circumstances.step.is_some() {
            entities.push(Entity::new_no_attrs(resource.clone(), HashSet::from([workflow_uid])));
        }
        let entities =
            Entities::from_entities(entities, Some(schema)).map_err(|e| PolicyError::Request(e.to_string()))?;
        let action = uid("Action", self.action.as_str())?;
        let query = Query::new(principal, action, resource, self.context(workflow)?, Some(schema))?;
        Ok((query, entities))
    }

    fn context(&self, workflow: &str) -> Result<Context, PolicyError> {
        let c = self.circumstances;
        let token = match c.token {
            None => "none",
            Some(TokenKind::Caller) => "caller",
            Some(TokenKind::Reviewer) => "reviewer",
            Some(TokenKind::Operator) => "operator",
            Some(TokenKind::Ci) => "ci",
        };
        let mut pairs = vec![
            ("stage".to_owned(), text(c.stage.map_or("", Stage::as_str))),
            ("author".to_owned(), RestrictedExpression::new_bool(c.author)),
            ("own".to_owned(), RestrictedExpression::new_bool(c.own)),
            ("requester".to_owned(), RestrictedExpression::new_bool(c.requester)),
            ("stopper".to_owned(), RestrictedExpression::new_bool(c.stopper)),
            ("rehearsal".to_owned(), RestrictedExpression::new_bool(c.rehearsal)),
            ("simulation".to_owned(), RestrictedExpression::new_bool(c.simulation)),
            ("ended".to_owned(), RestrictedExpression::new_bool(c.ended)),
            ("token".to_owned(), text(token)),
            ("listed".to_owned(), RestrictedExpression::new_bool(self.listed(workflow))),
        ];
        if let Some(role) = &c.role {
            pairs.push(("role".to_owned(), RestrictedExpression::new_entity_uid(uid("Role", role)?)));
        }
        if let Some(obligation) = &c.obligation {
            pairs.push(("obligation".to_owned(), text(obligation)));
        }
        Context::from_pairs(pairs).map_err(|e| PolicyError::Request(e.to_string()))
    }

    /// Whether the token lists the step. Without a step nothing is listed.
    fn listed(&self, workflow: &str) -> bool {
        let Some(step) = &self.circumstances.step else { return false };
        let (exact, all) = (format!("{workflow}/{step}"), format!("{workflow}/*"));
        self.circumstances.token_steps.iter().any(|s| *s == exact || *s == all || s == "*")
    }
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, PolicyError> {
    let kind: EntityTypeName = kind.parse().map_err(|e| PolicyError::BuiltIn(format!("{e}")))?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn text(text: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(text.to_owned())
}

const fn side(side: Side) -> &'static str {
    match side {
        Side::Delivery => "delivery",
        Side::Receiving => "receiving",
        Side::Independent => "independent",
    }
}

/// Assurance as a number: policies compare it.
const fn level(assurance: Assurance) -> i64 {
    match assurance {
        Assurance::Simulated => 0,
        Assurance::Local => 1,
        Assurance::Token => 2,
        Assurance::Sso => 3,
        Assurance::Signed => 4,
    }
}
