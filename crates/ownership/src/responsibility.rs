//! The five responsibilities: who holds each now, who takes it over, and who accepted.

use crate::PackInput;
use seatrial_model::{Body, Day, Digest, EventId, Logged, PrincipalKind, Side, Time};
use seatrial_spec::workflow::RESPONSIBILITIES;
use seatrial_spec::{FactorySpec, Workflow};
use serde::Serialize;

/// Somebody who takes a responsibility over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Taker {
    /// The id in the directory.
    pub id: String,
    /// The name.
    pub name: String,
    /// The side.
    pub side: Side,
    /// Their own acceptance, over what they take on today: event and entry.
    pub accepted: Option<(EventId, u64)>,
}

/// One responsibility and its transfer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Taking {
    /// `workflow`, `changes`, `exceptions`, `behaviour`, `evolution`.
    pub responsibility: &'static str,
    /// The delivery side's role.
    pub delivery: Option<String>,
    /// The receiving side's role.
    pub receiving: Option<String>,
    /// The independent role that challenges.
    pub challenged_by: Option<String>,
    /// The runbook's file.
    pub runbook: Option<String>,
    /// The people present in the receiving role.
    pub takers: Vec<Taker>,
    /// Why it is not transferred yet; empty where it is.
    pub missing: Vec<String>,
}

/// The five responsibilities, in the order of the design.
#[must_use]
pub fn responsibilities(input: &PackInput<'_>) -> Vec<Taking> {
    let key = input.obligations.iter().find(|o| o.id == "ownership.accepted").map(|o| o.key);
    takings(input.workflow, input.factory, input.events, key, input.now)
}

/// The same, from its parts: `key` is what an acceptance must have been given over.
#[must_use]
pub fn takings(
    workflow: &Workflow,
    factory: &FactorySpec,
    events: &[Logged],
    key: Option<Digest>,
    now: Time,
) -> Vec<Taking> {
    let zone = jiff::tz::TimeZone::get(&factory.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    let today = Day(now.timestamp().to_zoned(zone).date());
    let input = Takings { workflow, factory, events };
    RESPONSIBILITIES.into_iter().map(|name| taking(&input, name, today, key)).collect()
}

struct Takings<'a> {
    workflow: &'a Workflow,
    factory: &'a FactorySpec,
    events: &'a [Logged],
}

fn taking(input: &Takings<'_>, name: &'static str, today: Day, key: Option<Digest>) -> Taking {
    let responsibility = input.workflow.responsibilities.get(name);
    let receiving = responsibility.and_then(|r| r.receiving.clone());
    let takers: Vec<Taker> = receiving
        .iter()
        .flat_map(|role| input.factory.present(role, today))
        .map(|p| Taker {
            id: p.id.clone(),
            name: p.name.clone(),
            side: p.side,
            accepted: acceptance(input.events, name, &p.id, key),
        })
        .collect();
    let mut missing = Vec::new();
    match &receiving {
        None => missing.push("it has no receiving role".to_owned()),
        Some(role) if takers.is_empty() => missing.push(format!("nobody present holds `{role}`")),
        Some(_) => {}
    }
    missing.extend(
        takers.iter().filter(|t| t.side != Side::Receiving).map(|t| format!("{} is not of the receiving side", t.id)),
    );
    missing.extend(takers.iter().filter(|t| t.accepted.is_none()).map(|t| format!("{} has not accepted it", t.id)));
    Taking {
        responsibility: name,
        delivery: responsibility.and_then(|r| r.delivery.clone()),
        receiving,
        challenged_by: responsibility.and_then(|r| r.challenged_by.clone()),
        runbook: responsibility.and_then(|r| r.runbook.clone()),
        takers,
        missing,
    }
}

/// A person's own newest acceptance under the key of today.
fn acceptance(events: &[Logged], name: &str, person: &str, key: Option<Digest>) -> Option<(EventId, u64)> {
    let found = events.iter().rev().find(|logged| {
        let event = &logged.event;
        let Body::ResponsibilityAccepted(accepted) = &event.body else { return false };
        accepted.responsibility.name() == name
            && event.actor.id == person
            && event.actor.kind == PrincipalKind::Person
            && event.actor.has_role(&accepted.role)
            && event.evidence.iter().any(|e| e.obligation == "ownership.accepted" && Some(e.key) == key)
    });
    found.map(|logged| (logged.event.id, logged.index))
}
