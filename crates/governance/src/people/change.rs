//! A change of the people: what takes rights away holds at once, what adds some waits for the receiving side.

use super::side;
use seatrial_model::event::RoleChange;
use seatrial_model::{Body, Day, Logged};
use seatrial_spec::workflow::{Departure, Person};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What somebody is given, and that waits.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct PendingChange {
    /// Whose id.
    pub person: String,
    /// What they are given, in words.
    pub adds: Vec<String>,
}

/// What a changed list of people comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PeopleEffect {
    /// The people as they hold.
    pub held: Vec<Person>,
    /// Roles given.
    pub joined: Vec<RoleChange>,
    /// Roles taken away.
    pub left: Vec<RoleChange>,
    /// What waits.
    pub pending: Vec<PendingChange>,
}

/// What it comes to that the people are now to be these. `granted` says whose additions hold.
#[must_use]
pub fn effect(before: &[Person], wanted: &[Person], granted: &dyn Fn(&str) -> bool, on: Day) -> PeopleEffect {
    let mut out = PeopleEffect { held: Vec::new(), joined: Vec::new(), left: Vec::new(), pending: Vec::new() };
    let known: BTreeMap<&str, &Person> = before.iter().map(|p| (p.id.as_str(), p)).collect();
    for person in wanted {
        let was = known.get(person.id.as_str()).copied();
        let adds = additions(was, person);
        if adds.is_empty() || granted(&person.id) {
            out.hold(was, person.clone(), on);
            continue;
        }
        out.pending.push(PendingChange { person: person.id.clone(), adds });
        if let Some(was) = was {
            out.hold(Some(was), without_additions(was, person), on);
        }
    }
    let kept: BTreeSet<&str> = wanted.iter().map(|p| p.id.as_str()).collect();
    for gone in before.iter().filter(|p| !kept.contains(p.id.as_str())) {
        out.lose(gone, &[], on);
    }
    out
}

impl PeopleEffect {
    fn hold(&mut self, was: Option<&Person>, now: Person, on: Day) {
        let none: &[String] = &[];
        let same = was.is_some_and(|was| was.side == now.side);
        if let Some(was) = was {
            self.lose(was, if same { &now.roles } else { none }, on);
        }
        let had = was.filter(|_| same).map_or(none, |was| &was.roles);
        let day = now.from.filter(|from| *from > on).unwrap_or(on);
        let joined = now.roles.iter().filter(|role| !had.contains(role));
        self.joined.extend(joined.map(|role| RoleChange {
            person: now.id.clone(),
            side: now.side,
            role: role.clone(),
            day,
            deputy: None,
        }));
        self.held.push(now);
    }

    /// The roles of somebody that are not kept.
    fn lose(&mut self, was: &Person, kept: &[String], on: Day) {
        // Whoever had not come yet leaves nothing behind.
        if was.from.is_some_and(|from| from > on) {
            return;
        }
        let day = was.until.filter(|until| *until < on).unwrap_or(on);
        let lost = was.roles.iter().filter(|role| !kept.contains(role));
        self.left.extend(lost.map(|role| RoleChange {
            person: was.id.clone(),
            side: was.side,
            role: role.clone(),
            day,
            deputy: was.deputy.clone(),
        }));
    }
}

/// What a person would have more than before, in words.
fn additions(was: Option<&Person>, now: &Person) -> Vec<String> {
    let Some(was) = was else {
        let roles = if now.roles.is_empty() { "no role".to_owned() } else { now.roles.join(", ") };
        return vec![format!("is new, on the {} side: {roles}", side(now.side))];
    };
    if was.side != now.side {
        let roles = if now.roles.is_empty() { "no role".to_owned() } else { now.roles.join(", ") };
        return vec![format!("moves from the {} to the {} side: {roles}", side(was.side), side(now.side))];
    }
    let mut out: Vec<String> =
        now.roles.iter().filter(|r| !was.roles.contains(r)).map(|r| format!("the role `{r}`")).collect();
    let keys = now.keys.iter().filter(|k| !was.keys.contains(k)).count();
    if keys > 0 {
        out.push(format!("{keys} key(s) to sign with"));
    }
    // A person who left and comes back is given what they had.
    if let Some(last) = was.until
        && now.until.is_none_or(|until| until > last)
    {
        let until = now.until.map_or_else(|| "without an end".to_owned(), |until| format!("until {until}"));
        out.push(format!("stays {until}, not until {last}"));
    }
    if let Some(first) = was.from
        && now.from.is_none_or(|from| from < first)
    {
        let from = now.from.map_or_else(|| "at once".to_owned(), |from| format!("on {from}"));
        out.push(format!("begins {from}, not on {first}"));
    }
    out
}

/// The person with everything that the change takes away, and with nothing that it adds.
fn without_additions(was: &Person, now: &Person) -> Person {
    let same = was.side == now.side;
    let both = |mine: &[String], theirs: &[String]| -> Vec<String> {
        mine.iter().filter(|x| same && theirs.contains(x)).cloned().collect()
    };
    let until = match (was.until, now.until) {
        (Some(was), Some(now)) => Some(was.min(now)),
        (was, now) => was.or(now),
    };
    Person {
        side: was.side,
        roles: both(&was.roles, &now.roles),
        keys: both(&was.keys, &now.keys),
        from: was.from.max(now.from),
        until,
        ..now.clone()
    }
}

/// Who held a role and holds it no more, by the events of the factory's log: the newest departure of each, unless they
/// came back.
#[must_use]
pub fn departures(events: &[Logged]) -> Vec<Departure> {
    let mut left: BTreeMap<(String, String), Departure> = BTreeMap::new();
    for logged in events {
        let (joined, gone): (&[RoleChange], &[RoleChange]) = match &logged.event.body {
            Body::PeopleChanged(changed) => (&changed.joined, &changed.left),
            Body::PeopleApproved(approved) => (&approved.joined, &[]),
            _ => continue,
        };
        for change in gone {
            let departure = Departure {
                person: change.person.clone(),
                side: change.side,
                role: change.role.clone(),
                last: change.day,
                deputy: change.deputy.clone(),
            };
            left.insert((change.person.clone(), change.role.clone()), departure);
        }
        for change in joined {
            let key = (change.person.clone(), change.role.clone());
            if left.get(&key).is_some_and(|d| d.side == change.side) {
                left.remove(&key);
            }
        }
    }
    left.into_values().collect()
}

#[cfg(test)]
mod tests;
