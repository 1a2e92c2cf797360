//! Two people: who builds, and who answers for it. One alone can only play.

use crate::failure::Failure;
use crate::out::shown;
use seatrial_model::Side;
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::Person;

/// How long an address may be: RFC 5321's path, and nothing is gained by more.
const ADDRESS_MAX: usize = 254;
/// How long a name may be.
const NAME_MAX: usize = 100;

/// A person and the role that they have in the workflow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) role: String,
}

/// Who builds, and who owns.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pair {
    pub(super) builder: Named,
    pub(super) owner: Named,
    pub(super) simulation: bool,
}

/// The people of a new factory. Whoever is not named is invented, and then it is a simulation.
pub(super) fn pair(person: Option<&str>, colleague: Option<&str>, simulation: bool) -> Result<Pair, Failure> {
    let invented = person.is_none() || colleague.is_none();
    if invented && colleague.is_none() && person.is_some() && !simulation {
        return Err(Failure::usage(
            "an author never approves their own change, so there have to be two: name the other with `--colleague EMAIL`, or play both with `--simulation`; nothing was written",
        ));
    }
    if person.is_none() && colleague.is_some() {
        return Err(Failure::usage("say who you are, too: `--person EMAIL`; nothing was written"));
    }
    let builder = named(person.unwrap_or("You <you@your.example>"), "builders")?;
    let owner = named(colleague.unwrap_or("Kim <kim@your.example>"), "owners")?;
    if builder.id == owner.id {
        return Err(Failure::usage(format!(
            "`{}` is named twice, and an author never approves their own change; nothing was written. Name somebody else as `--colleague`, or play both with `--simulation`",
            shown(&builder.id)
        )));
    }
    Ok(Pair { builder, owner, simulation: simulation || invented })
}

/// The people of a factory that is there: the first of each side, each by their first role.
pub(super) fn of_factory(spec: &FactorySpec) -> Result<Pair, Failure> {
    let first = |side: Side, word: &str| {
        let person = spec.people.iter().find(|p| p.side == side && !p.roles.is_empty());
        person.and_then(of_person).ok_or_else(|| {
            Failure::file(format!(
                "`factory.yaml` names nobody of the {word} side with a role; nothing was written. Add a person under `people`"
            ))
        })
    };
    let simulation = spec.kind == seatrial_model::words::FactoryKind::Simulation;
    Ok(Pair { builder: first(Side::Delivery, "delivery")?, owner: first(Side::Receiving, "receiving")?, simulation })
}

fn of_person(person: &Person) -> Option<Named> {
    Some(Named { id: person.id.clone(), name: person.name.clone(), role: person.roles.first()?.clone() })
}

/// `Name <address>`, or an address.
fn named(text: &str, role: &str) -> Result<Named, Failure> {
    let text = text.trim();
    let (name, id) = match text.strip_suffix('>').and_then(|t| t.split_once('<')) {
        Some((name, id)) => (name.trim().to_owned(), id.trim()),
        None => (String::new(), text),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._+-".contains(c);
    let parts = id.split_once('@');
    let fits = parts.is_some_and(|(who, at)| !who.is_empty() && !at.is_empty() && !at.contains('@'));
    if !fits || id.len() > ADDRESS_MAX || !id.chars().all(plain) {
        return Err(Failure::usage(format!(
            "`{}` is no address of a person; nothing was written. Write `ada@your.example`, or `\"Ada Ray <ada@your.example>\"`",
            shown(text)
        )));
    }
    let name = if name.is_empty() { guessed(id) } else { name };
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(Failure::usage(format!(
            "`{}` is no name of a person: at most {NAME_MAX} characters, on one line; nothing was written",
            shown(&name)
        )));
    }
    Ok(Named { id: id.to_owned(), name, role: role.to_owned() })
}

/// The part before the `@`, as a name would be written.
fn guessed(id: &str) -> String {
    let who = id.split('@').next().unwrap_or_default();
    let words = who.split(['.', '_', '-', '+']).filter(|w| !w.is_empty());
    let upper = |w: &str| {
        let mut letters = w.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    words.map(upper).collect::<Vec<_>>().join(" ")
}
