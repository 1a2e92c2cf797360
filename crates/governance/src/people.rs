//! Who is present in a role. What rests on present people goes stale when they leave, after a grace.

use jiff::civil::{Date, Weekday};
use seatrial_model::{Day, Side, Time};
use seatrial_spec::FactorySpec;
use seatrial_spec::workflow::Person;

/// The grace after somebody's last day, in working days, while a named deputy stands in.
pub const GRACE_WORKING_DAYS: u32 = 10;

/// Today in the factory's time zone; UTC where that zone is unknown.
#[must_use]
pub fn today(factory: &FactorySpec, now: Time) -> Day {
    let zone = jiff::tz::TimeZone::get(&factory.timezone).unwrap_or(jiff::tz::TimeZone::UTC);
    Day(now.timestamp().to_zoned(zone).date())
}

/// Whether a person is present on a day: not past their last day, or within the grace with a present deputy.
#[must_use]
pub fn is_present(factory: &FactorySpec, person: &Person, on: Day) -> bool {
    let Some(until) = person.until else { return true };
    on <= until || (deputy(factory, person, on).is_some() && on <= Day(plus_working_days(until.0, GRACE_WORKING_DAYS)))
}

/// A person's deputy, if present on that day in their own right.
#[must_use]
pub fn deputy<'f>(factory: &'f FactorySpec, person: &Person, on: Day) -> Option<&'f Person> {
    let deputy = factory.person(person.deputy.as_deref()?)?;
    (deputy.id != person.id && deputy.until.is_none_or(|until| on <= until)).then_some(deputy)
}

/// The people present in a role, in the order of the file.
#[must_use]
pub fn present<'f>(factory: &'f FactorySpec, role: &str, on: Day) -> Vec<&'f Person> {
    factory.people.iter().filter(|p| p.roles.iter().any(|r| r == role) && is_present(factory, p, on)).collect()
}

/// The people of a role as an input of a key: sorted `id (side)`.
pub(crate) fn listed(factory: &FactorySpec, role: &str, now: Time) -> String {
    let mut people: Vec<String> =
        present(factory, role, today(factory, now)).iter().map(|p| format!("{} ({})", p.id, side(p.side))).collect();
    people.sort();
    people.join(", ")
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

fn plus_working_days(from: Date, days: u32) -> Date {
    let (mut day, mut left) = (from, days);
    while left > 0 {
        let Ok(next) = day.tomorrow() else { return day };
        day = next;
        if !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_working_days_are_two_weeks() {
        let friday = jiff::civil::date(2026, 11, 20);
        assert_eq!(plus_working_days(friday, GRACE_WORKING_DAYS), jiff::civil::date(2026, 12, 4));
        assert_eq!(plus_working_days(Date::MAX, 3), Date::MAX);
    }
}
