use super::*;
use proptest::prelude::*;

fn day(n: i64) -> Day {
    seatrial_model::Time::from_millis(n * 86_400_000).day()
}

#[test]
fn a_day_like_the_baseline_is_within_and_another_is_not() {
    let days = [(day(1), Share { k: 21, n: 100 }), (day(2), Share { k: 60, n: 100 }), (day(3), Share { k: 0, n: 100 })];
    let drift = RateDrift::new("escalate", Share { k: 200, n: 1_000 }, &days);
    let out: Vec<bool> = drift.days.iter().map(|d| d.out).collect();
    assert_eq!((out, drift.out()), (vec![false, true, true], 2));
    // P(Bin(100, 0.179…) ≤ 7) and P(Bin(100, 0.222…) > 35) cross 0.00135 there.
    assert_eq!(drift.days[0].within, (7, 35));
    // A baseline of five says little: the same day is within its limits.
    let short = RateDrift::new("escalate", Share { k: 1, n: 5 }, &days);
    assert_eq!(short.out(), 0);
    assert!(RateDrift::new("x", Share { k: 0, n: 0 }, &days).days.iter().all(|d| !d.out));
    assert!(RateDrift::new("x", Share { k: 3, n: 9 }, &[(day(1), Share { k: 0, n: 0 })]).days.is_empty());
}

#[test]
fn chance_alone_seldom_leaves_the_limits() {
    // The same share on every day, 2 000 days: at most a handful may be out, and some would be without the interval.
    let mut state = 88_172_645_463_325_252_u64;
    let mut wrong = |p: f64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1_u64 << 53) as f64 <= p
    };
    let days: Vec<(Day, Share)> =
        (0..2_000).map(|d| (day(d), Share { k: (0..200).filter(|_| wrong(0.1)).count() as u64, n: 200 })).collect();
    let drift = RateDrift::new("deny", Share { k: 100, n: 1_000 }, &days);
    assert!(drift.out() <= 8, "{} of 2 000 days", drift.out());
}

#[test]
fn a_shifted_field_is_told_from_a_quiet_one() {
    let numbers = |from: i32, to: i32| (from..to).map(|n| Observed::Number(f64::from(n))).collect::<Vec<_>>();
    let quiet = Shift::between("amount", &numbers(0, 1_000), &numbers(0, 1_000)).unwrap();
    assert!(quiet.index < 1e-9 && !quiet.is_shifted(), "{quiet:?}");
    let moved = Shift::between("amount", &numbers(0, 1_000), &numbers(500, 1_500)).unwrap();
    assert!(moved.index > 1.0 && moved.is_shifted(), "{moved:?}");
    assert_eq!(
        moved.bins.first().map(|(name, before, now)| (name.as_str(), *before, *now)),
        Some(("≤ 100", 0.101, 0.0))
    );
    let words = |words: &[(&str, usize)]| {
        words.iter().flat_map(|(w, n)| vec![Observed::Word((*w).to_owned()); *n]).collect::<Vec<_>>()
    };
    let jobs =
        Shift::between("job", &words(&[("fixed", 90), ("freelance", 10)]), &words(&[("fixed", 40), ("none", 60)]));
    let jobs = jobs.unwrap();
    assert!(jobs.is_shifted() && jobs.bins.iter().any(|(name, p, q)| name == "other" && *p == 0.0 && *q == 0.6));
    // A handful says nothing.
    let few = Shift::between("job", &words(&[("fixed", 3)]), &words(&[("freelance", 3)])).unwrap();
    assert!(!few.is_shifted(), "{few:?}");
    let gone = Shift::between("x", &numbers(0, 500), &vec![Observed::Absent; 500]).unwrap();
    assert!(gone.is_shifted());
    assert!(Shift::between("x", &[], &[Observed::Absent]).is_none());
}

proptest! {
    #[test]
    fn any_values_have_a_finite_index(
        a in proptest::collection::vec(any::<f64>(), 1..60),
        b in proptest::collection::vec(any::<f64>(), 1..60),
        w in proptest::collection::vec("[a-c]{0,2}", 0..30),
    ) {
        let mut before: Vec<Observed> = a.into_iter().map(Observed::Number).collect();
        before.extend(w.into_iter().map(Observed::Word));
        let now: Vec<Observed> = b.into_iter().map(Observed::Number).collect();
        let shift = Shift::between("x", &before, &now).unwrap();
        prop_assert!(shift.index.is_finite() && shift.index >= 0.0);
        let (p, q) = shift.bins.iter().fold((0.0, 0.0), |(p, q), (_, a, b)| (p + a, q + b));
        prop_assert!((p - 1.0).abs() < 1e-9 && (q - 1.0).abs() < 1e-9);
    }

    #[test]
    fn limits_hold_what_is_likely(n in 1_u64..400, k in 0_u64..400, m in 1_u64..400) {
        let baseline = Share { k: k.min(n), n };
        let drift = RateDrift::new("x", baseline, &[(day(0), Share { k: 0, n: m })]);
        let (low, high) = drift.days[0].within;
        prop_assert!(low <= high && high <= m);
        // The baseline's own rate is never beyond its limits.
        let same = (baseline.k as f64 / n as f64 * m as f64).round() as u64;
        prop_assert!(low <= same && same <= high, "{low} {same} {high}");
    }
}
