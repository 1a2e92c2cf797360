use super::*;
use crate::fixture::factory;
use proptest::prelude::*;
use seatrial_model::Side;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

const fn nobody(_: &str) -> bool {
    false
}

fn on() -> Day {
    day("2026-11-23")
}

#[test]
fn what_takes_away_holds_at_once() {
    let before = factory().people;
    let mut wanted = before.clone();
    wanted.remove(1);
    wanted[0].roles.clear();
    wanted[1].until = Some(day("2026-12-01"));
    let got = effect(&before, &wanted, &nobody, on());
    assert_eq!(got.held, wanted);
    assert!(got.pending.is_empty() && got.joined.is_empty());
    let left: Vec<_> = got.left.iter().map(|c| (c.person.as_str(), c.role.as_str(), c.day)).collect();
    assert_eq!(left, [("ana@bank.example", "officers", on()), ("bo@bank.example", "officers", on())]);
}

#[test]
fn what_adds_waits_and_the_rest_of_the_change_does_not() {
    let before = factory().people;
    let mut wanted = before.clone();
    // One role for another.
    wanted[0].roles = vec!["risk".to_owned()];
    let mut cy = before[0].clone();
    cy.id = "cy@bank.example".to_owned();
    wanted.push(cy);
    let got = effect(&before, &wanted, &nobody, on());
    assert_eq!(got.held.len(), before.len());
    assert!(got.held[0].roles.is_empty());
    let adds: Vec<_> = got.pending.iter().map(|p| format!("{}: {}", p.person, p.adds.join(", "))).collect();
    assert_eq!(adds, ["ana@bank.example: the role `risk`", "cy@bank.example: is new, on the receiving side: officers"]);
    let granted = effect(&got.held, &wanted, &|id| id == "ana@bank.example", on());
    assert_eq!(granted.held[0].roles, ["risk"]);
    assert_eq!(granted.joined.len(), 1);
    assert_eq!(granted.pending.len(), 1, "cy still waits");
}

#[test]
fn another_side_is_none_until_it_is_approved() {
    let before = factory().people;
    let mut wanted = before.clone();
    wanted[3].side = Side::Receiving;
    let got = effect(&before, &wanted, &nobody, on());
    assert_eq!((got.held[3].side, got.held[3].roles.len()), (Side::Delivery, 0));
    let granted = effect(&got.held, &wanted, &|_| true, on());
    assert_eq!(granted.held, wanted);
}

#[test]
fn a_key_a_longer_stay_and_an_earlier_start_are_additions() {
    let mut before = factory().people;
    before[0].until = Some(day("2026-11-01"));
    before[1].from = Some(day("2027-01-01"));
    let mut wanted = before.clone();
    wanted[0].until = None;
    wanted[1].from = None;
    wanted[2].keys.push("ssh-ed25519 AAAA".to_owned());
    let got = effect(&before, &wanted, &nobody, on());
    assert_eq!(got.held, before);
    assert_eq!(got.pending.len(), 3);
}

fn person() -> impl Strategy<Value = Person> {
    let side = prop_oneof![Just(Side::Delivery), Just(Side::Receiving), Just(Side::Independent)];
    let date = || proptest::option::of((1i8..=28).prop_map(|d| Day(jiff::civil::date(2026, 11, d))));
    let some = |all: &'static [&'static str]| proptest::sample::subsequence(all.to_vec(), 0..=all.len());
    (0u8..5, side, some(&["a", "b", "c"]), some(&["k1", "k2"]), date(), date()).prop_map(
        |(id, side, roles, keys, from, until)| Person {
            id: format!("p{id}"),
            name: "…".to_owned(),
            side,
            roles: roles.into_iter().map(str::to_owned).collect(),
            reviews_per_day: None,
            from,
            until,
            deputy: None,
            keys: keys.into_iter().map(str::to_owned).collect(),
        },
    )
}

fn people() -> impl Strategy<Value = Vec<Person>> {
    proptest::collection::vec(person(), 0..6).prop_map(|mut all| {
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all.dedup_by(|a, b| a.id == b.id);
        all
    })
}

proptest! {
    /// Nobody ever holds more than before, or than is wanted, without a grant; with all granted it is what is wanted; and
    /// nothing changes by looking twice.
    #[test]
    fn nothing_is_gained_without_a_grant(before in people(), wanted in people()) {
        let got = effect(&before, &wanted, &nobody, on());
        for held in &got.held {
            let was = before.iter().find(|p| p.id == held.id).unwrap();
            let now = wanted.iter().find(|p| p.id == held.id).unwrap();
            prop_assert_eq!(was.side, held.side);
            prop_assert!(held.roles.iter().all(|r| was.roles.contains(r) && now.roles.contains(r)));
            prop_assert!(held.keys.iter().all(|k| was.keys.contains(k) && now.keys.contains(k)));
            for d in 1..=30 {
                let d = Day(jiff::civil::date(2026, 11, d));
                prop_assert!(!held.is_in(d) || was.is_in(d));
            }
        }
        prop_assert!(got.joined.is_empty());
        let again = effect(&got.held, &wanted, &nobody, on());
        prop_assert_eq!(&again.held, &got.held);
        prop_assert_eq!(&again.pending, &got.pending);
        prop_assert!(again.left.is_empty());
        prop_assert_eq!(effect(&got.held, &wanted, &|_| true, on()).held, wanted);
    }

    /// The text of people reads as these people again.
    #[test]
    fn people_survive_their_text(all in people()) {
        let mut all: Vec<Person> = all;
        for p in &mut all {
            p.keys.clear();
            if p.until < p.from { p.until = None; }
        }
        let text = seatrial_spec::workflow::people_text("bank", &all);
        let (read, found, _) = seatrial_spec::check_factory(&text);
        prop_assert_eq!(read.map(|f| f.people), Some(all), "{:?}", found);
    }
}
