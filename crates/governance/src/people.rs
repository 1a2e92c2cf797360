//! Who is there in a role. What rests on people who are there goes stale when they leave, after a grace.

mod change;
mod grace;
mod role;

pub use change::{PendingChange, PeopleEffect, departures, effect};
pub use grace::{Grace, GraceReason};
pub use role::{Gone, RoleNow};

use jiff::civil::{Date, Weekday};
use seatrial_model::{Day, Side, Time};
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::Person;

/// The grace after somebody's last day, in working days (Monday to Friday), while a named deputy is there.
pub const GRACE_WORKING_DAYS: u32 = 10;

/// Today in the factory's time zone; UTC where that zone is unknown.
#[must_use]
pub fn today(factory: &FactorySpec, now: Time) -> Day {
    let zone = jiff::tz::TimeZone::get(&factory.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    Day(now.timestamp().to_zoned(zone).date())
}

/// The last day of the grace after somebody's last day.
#[must_use]
pub fn grace_end(last: Day) -> Day {
    Day(plus_working_days(last.0, GRACE_WORKING_DAYS))
}

/// Whether a person is of the factory on a day: between their first and last, or within the grace with a deputy who is
/// there. Somebody who is away for a while still is.
#[must_use]
pub fn is_present(factory: &FactorySpec, person: &Person, on: Day) -> bool {
    if person.is_in(on) {
        return true;
    }
    let Some(last) = person.until.filter(|until| *until < on) else { return false };
    on <= grace_end(last) && deputy(factory, person, on).is_some()
}

/// A person's deputy, if there on that day in their own right.
#[must_use]
pub fn deputy<'f>(factory: &'f FactorySpec, person: &Person, on: Day) -> Option<&'f Person> {
    stands_in(factory, &person.id, person.deputy.as_deref(), on)
}

/// Somebody who stands in for a person, if there on that day in their own right.
pub(crate) fn stands_in<'f>(
    factory: &'f FactorySpec,
    person: &str,
    deputy: Option<&str>,
    on: Day,
) -> Option<&'f Person> {
    let deputy = factory.person(deputy?)?;
    (deputy.id != person && factory.is_there(deputy, on)).then_some(deputy)
}

/// The people present in a role, in the order of the file; those within their grace are among them.
#[must_use]
pub fn present<'f>(factory: &'f FactorySpec, role: &str, on: Day) -> Vec<&'f Person> {
    factory.people.iter().filter(|p| p.has_role(role) && is_present(factory, p, on)).collect()
}

/// The people of a role as an input of a key: sorted `id (side)`. Who is away for a while is among them: a key that
/// changed with every holiday would be worth nothing.
pub(crate) fn listed(factory: &FactorySpec, role: &str, now: Time) -> String {
    let mut people: Vec<String> =
        present(factory, role, today(factory, now)).iter().map(|p| named(&p.id, p.side)).collect();
    people.sort();
    people.join(", ")
}

pub(crate) fn named(id: &str, of: Side) -> String {
    format!("{id} ({})", side(of))
}

/// The side as a word.
#[must_use]
pub const fn side(side: Side) -> &'static str {
    match side {
        Side::Delivery => "delivery",
        Side::Receiving => "receiving",
        Side::Independent => "independent",
    }
}

fn is_working(day: Date) -> bool {
    !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

fn plus_working_days(from: Date, days: u32) -> Date {
    let (mut day, mut left) = (from, days);
    while left > 0 {
        let Ok(next) = day.tomorrow() else { return day };
        day = next;
        if is_working(day) {
            left -= 1;
        }
    }
    day
}

#[cfg(test)]
mod tests;
