use super::*;

fn day(text: &str) -> Day {
    text.parse().unwrap()
}

fn count(on: &str, kind: ActionKind, side: Side, count: u64) -> ActionCount {
    ActionCount { day: day(on), kind, side, count }
}

fn counts() -> Vec<ActionCount> {
    vec![
        count("2026-11-01", ActionKind::Change, Side::Delivery, 4),
        count("2026-11-10", ActionKind::Approval, Side::Receiving, 3),
        count("2026-11-10", ActionKind::Approval, Side::Independent, 5),
        count("2026-11-11", ActionKind::Release, Side::Delivery, 1),
        count("2026-11-24", ActionKind::Review, Side::Receiving, 12),
    ]
}

#[test]
fn the_share_is_of_receiving_and_delivery_alone_by_kind_and_by_week() {
    let index = transfer_index(&counts(), day("2026-10-01"), day("2026-11-30"));
    assert_eq!(index.sides, Sides { receiving: 15, delivery: 5, independent: 5 });
    assert_eq!(index.share, Some(0.75));
    assert_eq!(index.kinds[&ActionKind::Approval], Sides { receiving: 3, delivery: 0, independent: 5 });
    assert_eq!(index.kinds[&ActionKind::Stop], Sides::default());
    assert_eq!(index.kinds.len(), ActionKind::ALL.len());
    let weeks: Vec<(String, Option<f64>)> = index.weeks.iter().map(|w| (w.from.to_string(), w.share)).collect();
    let expected = [
        ("2026-10-26", Some(0.0)),
        ("2026-11-02", None),
        ("2026-11-09", Some(0.75)),
        ("2026-11-16", None),
        ("2026-11-23", Some(1.0)),
        ("2026-11-30", None),
    ];
    assert_eq!(weeks, expected.map(|(from, share)| (from.to_owned(), share)));
}

#[test]
fn only_the_days_of_the_window_count_both_ends_included() {
    let index = transfer_index(&counts(), day("2026-11-10"), day("2026-11-11"));
    assert_eq!(index.sides, Sides { receiving: 3, delivery: 1, independent: 5 });
    let empty = transfer_index(&counts(), day("2026-11-12"), day("2026-11-23"));
    assert_eq!((empty.sides.all(), empty.share), (0, None));
    let independent = transfer_index(&counts()[2..3], day("2026-11-10"), day("2026-11-10"));
    assert_eq!(independent.share, None, "the independent side operates nothing");
}

#[test]
fn a_week_is_the_sum_of_its_days_and_all_weeks_are_the_whole() {
    let index = transfer_index(&counts(), day("2026-10-28"), day("2026-11-24"));
    let sum: u64 = index.weeks.iter().map(|w| w.sides.all()).sum();
    assert_eq!(sum, index.sides.all());
    let of_kinds: u64 = index.kinds.values().map(Sides::all).sum();
    assert_eq!(of_kinds, index.sides.all());
}

#[test]
fn the_ends_of_the_calendar_end_nothing_else() {
    let far =
        ActionCount { day: Day(jiff::civil::Date::MAX), kind: ActionKind::Review, side: Side::Receiving, count: 1 };
    let near = ActionCount { day: Day(jiff::civil::Date::MIN), side: Side::Delivery, count: u64::MAX, ..far };
    let index = transfer_index(&[near, near, far], near.day, far.day);
    assert_eq!((index.sides.receiving, index.sides.delivery), (1, u64::MAX));
    assert_eq!(index.weeks.len(), 521, "ten years, and the week that goes on");
}

fn written(entry: Option<u64>, op: BarOp, value: f64, days: Option<u64>) -> WrittenBar {
    let over = days.map(|d| Span::from_millis(d * DAY_MS));
    WrittenBar { entry, bar: Bar { op, value }, over }
}

#[test]
fn a_bar_lowered_after_production_does_not_count() {
    let first = written(Some(40), BarOp::AtLeast, 0.8, Some(30));
    let second = written(Some(90), BarOp::AtLeast, 0.5, Some(30));
    let today = written(None, BarOp::AtLeast, 0.5, Some(30));
    let binding = binding_bar(&[first, second], Some(today)).unwrap();
    assert_eq!((binding.bar.value, binding.fixed_by), (0.8, Some(40)));
    assert_eq!(binding.lowered_to.map(|b| b.value), Some(0.5));
    let dropped = binding_bar(&[first], None).unwrap();
    assert_eq!((dropped.bar.value, dropped.dropped, dropped.lowered_to), (0.8, true, None));
}

#[test]
fn a_bar_may_be_raised_and_a_shorter_window_is_a_lower_one() {
    let first = written(Some(40), BarOp::AtLeast, 0.8, Some(30));
    let raised = binding_bar(&[first], Some(written(None, BarOp::Above, 0.8, Some(7)))).unwrap();
    assert_eq!((raised.bar.op, raised.fixed_by, raised.lowered_to), (BarOp::Above, None, None));
    let shorter = binding_bar(&[first], Some(written(None, BarOp::AtLeast, 0.8, Some(7)))).unwrap();
    assert_eq!((shorter.over.as_millis(), shorter.fixed_by), (30 * DAY_MS, Some(40)));
    assert!(shorter.lowered_to.is_some());
}

#[test]
fn what_no_share_reaches_upwards_is_no_bar() {
    assert_eq!(binding_bar(&[], None), None);
    assert_eq!(binding_bar(&[], Some(written(None, BarOp::AtMost, 0.9, None))), None);
    assert_eq!(binding_bar(&[], Some(written(None, BarOp::AtLeast, f64::NAN, None))), None);
    let only = binding_bar(&[], Some(written(None, BarOp::AtLeast, 0.9, None))).unwrap();
    assert_eq!((only.over.as_millis(), only.fixed_by, only.dropped), (OVER_DAYS * DAY_MS, None, false));
}
