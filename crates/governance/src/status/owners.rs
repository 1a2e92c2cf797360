//! Who takes the workflow over: people who are there, and accepted for themselves. Whoever leaves takes what rests on
//! them along, after a grace.

use super::{Claim, Fold, Outcome};
use crate::people::{Gone, Grace, GraceReason, RoleNow, deputy, today};
use crate::state::{InputChange, State};
use seatrial_model::{Body, Day, ElementPath, EventId, PrincipalKind, Side};
use seatrial_spec::workflow::{Person, RESPONSIBILITIES};
use std::collections::{BTreeMap, BTreeSet};

/// How many present people a receiving role needs.
pub const PEOPLE_MIN: usize = 2;

/// How one responsibility stands.
enum Held {
    /// By people who are there.
    Yes,
    /// By people of whom some are not there.
    InGrace(Vec<Grace>),
    /// It was, until somebody left.
    NoMore(String, InputChange),
    /// It is not.
    No(String),
}

/// All five, put together.
#[derive(Default)]
struct AllHeld {
    grace: BTreeSet<Grace>,
    open: Vec<String>,
    stale: Vec<String>,
    changed: Vec<ElementPath>,
    inputs: BTreeMap<String, InputChange>,
}

impl AllHeld {
    fn add(&mut self, responsibility: &str, held: Held) {
        match held {
            Held::Yes => {}
            Held::InGrace(grace) => self.grace.extend(grace),
            Held::NoMore(why, input) => {
                self.stale.push(why);
                self.changed.push(ElementPath::new(format!("responsibilities.{responsibility}")));
                self.inputs.insert(input.input.clone(), input);
            }
            Held::No(why) => self.open.push(why),
        }
    }

    /// The outcome. Where something rested on somebody who left it is stale, whatever else is missing beside it.
    fn outcome(self, good: &str, bad: impl FnOnce(&[String]) -> String) -> Outcome {
        let missing: Vec<String> = self.stale.iter().chain(&self.open).cloned().collect();
        if !missing.is_empty() {
            let state = if self.stale.is_empty() { State::Open } else { State::Stale };
            let mut out = Outcome::new(state, bad(&missing));
            out.changed = self.changed;
            out.changed_inputs = self.inputs.into_values().collect();
            return out;
        }
        let grace: Vec<Grace> = self.grace.into_iter().collect();
        let said: Vec<String> = grace.iter().map(ToString::to_string).collect();
        let why = if said.is_empty() { good.to_owned() } else { format!("{good}; {}", super::name_some(&said)) };
        let mut out = Outcome::new(State::Discharged, why);
        out.grace = grace;
        out
    }
}

impl<'a> Fold<'a> {
    pub(super) fn assigned(&self) -> Outcome {
        let on = today(self.input.factory, self.input.now);
        let mut all = AllHeld::default();
        for name in RESPONSIBILITIES {
            all.add(name, self.assignment(name, on));
        }
        all.outcome("all five resolve to present people of the receiving side", |missing| missing.join("; "))
    }

    fn receiving_role(&self, responsibility: &str) -> Option<&'a str> {
        self.input.workflow.responsibilities.get(responsibility)?.receiving.as_deref()
    }

    fn assignment(&self, responsibility: &str, on: Day) -> Held {
        let Some(role) = self.receiving_role(responsibility) else {
            return Held::No(format!("`{responsibility}` has no receiving role"));
        };
        let now = RoleNow::of(self.input.factory, role, on);
        if let Some(delivery) = now.there.iter().find(|p| p.side != Side::Receiving) {
            let who = &delivery.id;
            return Held::No(format!("`{responsibility}`: `{who}` in `{role}` is not of the receiving side"));
        }
        if self.is_enough(now.there.len(), &now.there, on) {
            return Held::Yes;
        }
        if self.is_enough(now.counted(), &now.there, on) {
            return Held::InGrace(now.grace.into_iter().map(|(grace, _)| grace).collect());
        }
        let counted = now.counted();
        let short =
            format!("`{responsibility}`: `{role}` resolves to {counted} present person(s), {PEOPLE_MIN} are needed");
        // With everybody who held it since it would be enough: it was, and is no more.
        let gone: Vec<&Gone> = now.gone.iter().filter(|g| g.side == Side::Receiving).collect();
        if gone.is_empty() || counted + gone.len() < PEOPLE_MIN {
            return Held::No(short);
        }
        let why: Vec<String> = gone.iter().map(|g| said(g)).collect();
        Held::NoMore(format!("{short}; {}", super::name_some(&why)), change(&now))
    }

    /// Whether so many carry a responsibility. A small house has one and a deputy, who need not hold the role but must be
    /// there, and not of delivery.
    fn is_enough(&self, people: usize, there: &[&Person], on: Day) -> bool {
        let factory = self.input.factory;
        let deputised = |p: &&Person| deputy(factory, p, on).is_some_and(|d| d.side == Side::Receiving);
        people >= PEOPLE_MIN || (people > 0 && factory.profile == "small" && there.iter().any(deputised))
    }

    pub(super) fn accepted(&self, claims: &[Claim<'a>]) -> Outcome {
        let on = today(self.input.factory, self.input.now);
        let (mut events, mut considered) = (Vec::new(), Vec::new());
        let mut accepted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for claim in claims {
            let event = &claim.logged.event;
            let Body::ResponsibilityAccepted(taken) = &event.body else { continue };
            let refusal = self.acceptance_refusal(claim, taken.role.as_str());
            let name = taken.responsibility.name();
            let still = self.still_theirs(name, &event.actor.id, on);
            considered.push(claim.considered(
                refusal.is_none(),
                refusal.clone().unwrap_or_else(|| {
                    format!(
                        "`{}`{}",
                        taken.responsibility,
                        if still { "" } else { ", by somebody who holds it no more" }
                    )
                }),
            ));
            if refusal.is_none() {
                accepted.entry(name).or_default().insert(&event.actor.id);
                events.push(event.id);
            }
        }
        let none = BTreeSet::new();
        let mut all = AllHeld::default();
        for name in RESPONSIBILITIES {
            self.acceptance(name, accepted.get(name).unwrap_or(&none), on, &mut all);
        }
        let good = "everybody who takes over accepted for themselves";
        let mut out = all.outcome(good, |missing| format!("not accepted: {}", super::name_some(missing)));
        out.considered = considered;
        let on: Vec<EventId> = events;
        out.on(on)
    }

    fn still_theirs(&self, responsibility: &str, person: &str, on: Day) -> bool {
        let role = self.receiving_role(responsibility);
        let person = self.input.factory.person(person).filter(|p| p.is_in(on) && p.side == Side::Receiving);
        person.zip(role).is_some_and(|(p, role)| p.has_role(role))
    }

    /// Whoever holds the role accepts; and where somebody left who had, enough of those who are left have.
    fn acceptance(&self, name: &str, by: &BTreeSet<&str>, on: Day, all: &mut AllHeld) {
        let Some(role) = self.receiving_role(name) else {
            return all.add(name, Held::No(format!("`{name}` has no receiving role")));
        };
        let factory = self.input.factory;
        // Somebody away for a while has accepted or has not; only who left has to be replaced.
        let holders: Vec<&Person> = factory.people.iter().filter(|p| p.has_role(role) && p.is_in(on)).collect();
        let done: Vec<&Person> = holders.iter().copied().filter(|p| by.contains(p.id.as_str())).collect();
        let now = RoleNow::of(factory, role, on);
        let left = |reason: GraceReason, person: &str| reason == GraceReason::Left && by.contains(person);
        let grace: Vec<Grace> =
            now.grace.iter().map(|(g, _)| g).filter(|g| left(g.reason, &g.person)).cloned().collect();
        let gone: Vec<&Gone> = now.gone.iter().filter(|g| left(g.reason, &g.person)).collect();
        let enough = self.is_enough(done.len(), &done, on);
        if !grace.is_empty() && !enough {
            // The successors have as long as those whom they succeed.
            return all.add(name, Held::InGrace(grace));
        }
        if !gone.is_empty() && !enough {
            let why: Vec<String> = gone.iter().map(|g| said(g)).collect();
            let waiting: Vec<String> = holders
                .iter()
                .filter(|p| !by.contains(p.id.as_str()))
                .map(|p| format!("`{name}` by {}", p.id))
                .collect();
            let who = if waiting.is_empty() { format!("`{name}` by a successor") } else { waiting.join(", ") };
            return all.add(name, Held::NoMore(format!("{who} ({})", super::name_some(&why)), change(&now)));
        }
        if holders.is_empty() {
            all.add(name, Held::No(format!("`{name}`: nobody holds `{role}`")));
        }
        for person in holders.iter().filter(|p| !by.contains(p.id.as_str())) {
            all.add(name, Held::No(format!("`{name}` by {}", person.id)));
        }
    }

    fn acceptance_refusal(&self, claim: &Claim<'a>, role: &str) -> Option<String> {
        let actor = &claim.logged.event.actor;
        if !claim.current {
            return Some(claim.outdated("what was taken on has changed"));
        }
        if actor.kind != PrincipalKind::Person || actor.side != Side::Receiving {
            return Some("only people of the receiving side accept".to_owned());
        }
        if !actor.has_role(role) {
            return Some(format!("`{role}` was not a role of theirs"));
        }
        self.too_unsure(&claim.logged.event)
    }
}

/// Why somebody is gone, in words.
fn said(gone: &Gone) -> String {
    let Gone { person, last, .. } = gone;
    match (gone.reason, gone.grace) {
        (GraceReason::Left, Some(grace)) => format!("{person} left on {last}, the grace ended on {grace}"),
        (GraceReason::Left, None) => format!("{person} left on {last}, no deputy stands in"),
        (GraceReason::Away, Some(grace)) => format!("{person} is away since {last}, the grace ended on {grace}"),
        (GraceReason::Away, None) => format!("{person} is away since {last}"),
    }
}

fn change(now: &RoleNow<'_>) -> InputChange {
    let (was, is) = (Some(now.listed_before()), Some(now.listed()));
    InputChange { input: format!("people.{}", now.role), was, now: is }
}
