//! Who acts: people, agents and services, each on a side, with the assurance of their identity.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What kind of actor a principal is. Agents and services never approve, waive, override, accept or release.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PrincipalKind {
    /// A natural person.
    Person,
    /// A program that acts on its own judgement (an AI agent).
    Agent,
    /// A program that acts by rule (a caller, a scheduler, Seatrial itself).
    Service,
}

/// The side of a delivery that a principal belongs to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Side {
    /// Builds it.
    Delivery,
    /// Takes it over and operates it.
    Receiving,
    /// Challenges, approves, vetoes and witnesses; never operates or owns.
    Independent,
}

/// How sure the log can be that the principal acted. Ordered from weakest to strongest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// A simulated person, in a factory of kind `simulation` only.
    Simulated,
    /// Whoever holds the machine.
    Local,
    /// Held a token issued to them.
    Token,
    /// Signed in through the organisation's single sign-on.
    Sso,
    /// Signed with their own key.
    Signed,
}

/// An authenticated principal, as an event embeds it, so that a workflow's export stands alone.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Principal {
    /// The id in the factory's directory (`ana@bank.example`), or the name of a service.
    pub id: String,
    /// Person, agent or service.
    pub kind: PrincipalKind,
    /// Delivery, receiving or independent. A calling service belongs to the side that runs it.
    pub side: Side,
    /// The roles held at that moment.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub roles: BTreeSet<String>,
    /// How it was authenticated.
    pub assurance: Assurance,
}

impl Principal {
    /// Seatrial itself, acting by rule (an alarm that revokes, a recovery).
    #[must_use]
    pub fn system() -> Self {
        Self {
            id: "seatrial".to_owned(),
            kind: PrincipalKind::Service,
            side: Side::Delivery,
            roles: BTreeSet::new(),
            assurance: Assurance::Local,
        }
    }

    /// Whether the principal holds this role.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.roles.contains(role)
    }
}
