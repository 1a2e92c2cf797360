//! Bills against records.

use super::*;
use proptest::prelude::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn theirs(lines: &[(&str, &str, u64)]) -> BTreeMap<(Day, String), u64> {
    lines.iter().map(|(d, m, n)| ((day(d), named(m)), *n)).collect()
}

fn ours(lines: &[(&str, &str, u64, u64)]) -> Ours {
    lines.iter().map(|(d, m, n, early)| ((day(d), named(m)), (*n, *early))).collect()
}

fn counts(
    theirs: &BTreeMap<(Day, String), u64>,
    ours: &Ours,
    unanswered: &[(&str, u64)],
    first: &str,
    last: &str,
) -> (u64, u64) {
    let unanswered = unanswered.iter().map(|(d, n)| (day(d), *n)).collect();
    let (_, unrecorded, unknown) = compare(theirs, ours, unanswered, day(first), day(last));
    (unrecorded, unknown)
}

#[test]
fn a_models_name_is_the_same_with_provider_and_date() {
    for name in ["gpt-9-mini", "GPT-9-mini ", "openai/gpt-9-mini", "gpt-9-mini-2026-01-31", "x/gpt-9-mini-20260131"] {
        assert_eq!(named(name), "gpt-9-mini", "{name}");
    }
    assert_eq!(named("2026-01-31"), "2026-01-31", "a date alone is a name");
    assert_ne!(named("gpt-9"), named("gpt-9-mini"));
}

#[test]
fn a_billed_call_without_a_record_is_found() {
    let d = "2026-11-23";
    let same = counts(&theirs(&[(d, "m", 5)]), &ours(&[(d, "p/m-2026-01-31", 5, 0)]), &[], d, d);
    assert_eq!(same, (0, 0));
    assert_eq!(counts(&theirs(&[(d, "m", 7)]), &ours(&[(d, "m", 5, 0)]), &[], d, d), (2, 0));
    assert_eq!(counts(&theirs(&[(d, "m", 5), (d, "other", 1)]), &ours(&[(d, "m", 5, 0)]), &[], d, d), (1, 0));
    assert_eq!(counts(&theirs(&[(d, "m", 4)]), &ours(&[(d, "m", 5, 0)]), &[], d, d), (0, 1));
    // Attempts that nobody answered explain as many, and no more.
    assert_eq!(counts(&theirs(&[(d, "m", 8)]), &ours(&[(d, "m", 5, 0)]), &[(d, 2)], d, d), (1, 0));
}

#[test]
fn one_day_does_not_make_up_for_another() {
    let (one, two) = ("2026-11-23", "2026-11-24");
    let bill = theirs(&[(one, "m", 7), (two, "m", 3)]);
    assert_eq!(counts(&bill, &ours(&[(one, "m", 5, 0), (two, "m", 5, 0)]), &[], one, two), (2, 2));
    // What was sent before midnight and decided after it does; also beyond the window's end.
    assert_eq!(counts(&bill, &ours(&[(one, "m", 5, 0), (two, "m", 5, 2)]), &[], one, two), (0, 0));
    assert_eq!(counts(&theirs(&[(one, "m", 6)]), &ours(&[(one, "m", 5, 0), (two, "m", 5, 1)]), &[], one, one), (0, 0));
    // And is not lent twice: the day that lent it lacks it.
    assert_eq!(
        counts(&theirs(&[(one, "m", 6), (two, "m", 5)]), &ours(&[(one, "m", 5, 0), (two, "m", 5, 1)]), &[], one, two),
        (1, 0)
    );
}

proptest! {
    #[test]
    fn hostile_names_are_read(name in "\\PC{0,300}") {
        let read = named(&name);
        prop_assert!(read.chars().count() <= MODEL_CHARS_MAX);
        prop_assert_eq!(named(&read), named(&read));
    }

    #[test]
    fn more_than_all_records_is_never_explained(billed in 0_u64..50, recorded in 0_u64..50, early in 0_u64..5) {
        let (one, two) = ("2026-11-23", "2026-11-24");
        let ours = ours(&[(one, "m", recorded, 0), (two, "m", early, early)]);
        let (unrecorded, _) = counts(&theirs(&[(one, "m", billed)]), &ours, &[], one, one);
        prop_assert_eq!(unrecorded, billed.saturating_sub(recorded + early));
    }
}
