use super::*;
use crate::fixture::factory;
use seatrial_spec::workflow::{Away, Departure};

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

#[test]
fn ten_working_days_are_two_weeks() {
    let friday = jiff::civil::date(2026, 11, 20);
    assert_eq!(plus_working_days(friday, GRACE_WORKING_DAYS), jiff::civil::date(2026, 12, 4));
    assert_eq!(plus_working_days(Date::MAX, 3), Date::MAX);
}

#[test]
fn the_day_ends_in_the_factorys_zone() {
    let mut factory = factory();
    // The clocks go back in Madrid on the night of 2026-10-25: that day has 25 hours.
    let at = |factory: &FactorySpec, text: &str| today(factory, text.parse().unwrap());
    factory.timezone = "Europe/Madrid".to_owned();
    assert_eq!(at(&factory, "2026-10-24T21:59:59.999Z"), day("2026-10-24"));
    assert_eq!(at(&factory, "2026-10-24T22:00:00.000Z"), day("2026-10-25"));
    assert_eq!(at(&factory, "2026-10-25T22:59:59.999Z"), day("2026-10-25"));
    assert_eq!(at(&factory, "2026-10-25T23:00:00.000Z"), day("2026-10-26"));
    factory.timezone = "Pacific/Auckland".to_owned();
    assert_eq!(at(&factory, "2026-10-24T12:00:00.000Z"), day("2026-10-25"));
    factory.timezone = "Nowhere/Atall".to_owned();
    assert_eq!(at(&factory, "2026-10-24T23:59:59.999Z"), day("2026-10-24"), "UTC");
}

#[test]
fn the_grace_ends_with_its_tenth_working_day() {
    let mut factory = factory();
    factory.people[1].until = Some(day("2026-11-20"));
    factory.people[1].deputy = Some("ana@bank.example".to_owned());
    let counted = |factory: &FactorySpec, on: &str| RoleNow::of(factory, "officers", day(on)).counted();
    for (on, counts) in [("2026-11-20", 2), ("2026-11-21", 2), ("2026-12-04", 2), ("2026-12-05", 1), ("2026-12-07", 1)]
    {
        assert_eq!(counted(&factory, on), counts, "{on}");
    }
    factory.people[1].deputy = None;
    assert_eq!(counted(&factory, "2026-11-21"), 1, "no deputy, no grace");
    factory.people[1].deputy = Some("ria@bank.example".to_owned());
    assert_eq!(counted(&factory, "2026-11-21"), 1, "a deputy of another side takes nothing on");
    factory.people[1].deputy = Some("ana@bank.example".to_owned());
    factory.away.push(Away {
        person: "ana@bank.example".to_owned(),
        from: day("2026-11-21"),
        until: day("2026-11-21"),
        stand_in: None,
    });
    assert_eq!(counted(&factory, "2026-11-21"), 0, "the deputy is away, and nobody is there");
}

#[test]
fn who_was_taken_out_of_the_file_has_the_grace_too() {
    let mut factory = factory();
    let bo = factory.people.remove(1);
    factory.departures.push(Departure {
        person: bo.id,
        side: bo.side,
        role: "officers".to_owned(),
        last: day("2026-11-20"),
        deputy: Some("ana@bank.example".to_owned()),
    });
    let now = RoleNow::of(&factory, "officers", day("2026-12-04"));
    assert_eq!(
        now.grace[0].0.to_string(),
        "grace until 2026-12-04: bo@bank.example left `officers` on 2026-11-20; deputy ana@bank.example"
    );
    assert_eq!(now.counted(), 2);
    let after = RoleNow::of(&factory, "officers", day("2026-12-05"));
    assert_eq!((after.counted(), after.gone.len()), (1, 1));
}

#[test]
fn an_absence_counts_after_its_tenth_working_day() {
    let mut factory = factory();
    let away = |from: &str, until: &str| Away {
        person: "bo@bank.example".to_owned(),
        from: day(from),
        until: day(until),
        stand_in: None,
    };
    factory.away = vec![away("2026-11-30", "2026-12-31"), away("2026-11-23", "2026-11-27")];
    let counted = |on: &str| RoleNow::of(&factory, "officers", day(on)).counted();
    // Two rows with a weekend between them are one absence, whatever their order.
    for (on, counts) in [("2026-11-23", 2), ("2026-12-04", 2), ("2026-12-05", 1), ("2026-12-31", 1), ("2027-01-01", 2)]
    {
        assert_eq!(counted(on), counts, "{on}");
    }
}

#[test]
fn who_has_not_come_yet_is_not_there() {
    let mut factory = factory();
    factory.people[1].from = Some(day("2026-11-24"));
    let there = |on: &str| RoleNow::of(&factory, "officers", day(on)).there.len();
    assert_eq!((there("2026-11-23"), there("2026-11-24")), (1, 2));
    assert!(RoleNow::of(&factory, "officers", day("2026-11-23")).gone.is_empty(), "nobody left");
}
