use super::*;
use proptest::prelude::*;
use statrs::distribution::{Beta, Binomial, ContinuousCDF, DiscreteCDF};

fn near(found: f64, expected: f64, within: f64) {
    assert!((found - expected).abs() <= within, "{found} is not within {within} of {expected}");
}

#[test]
fn upper_bounds_as_published() {
    for (k, n, delta, bound) in [
        (0, 58, 0.05, 0.0503393383),
        (0, 59, 0.05, 0.0495076099),
        (1, 93, 0.05, 0.0499939784),
        (3, 200, 0.05, 0.0383097085),
        (12, 1000, 0.01, 0.0226974679),
    ] {
        near(upper_bound(k, n, delta), bound, 5e-11);
    }
    assert_eq!(upper_bound(5, 5, 0.05), 1.0);
    assert_eq!(upper_bound(0, 0, 0.05), 1.0, "nothing seen bounds nothing");
    assert_eq!(upper_bound(0, 100, f64::NAN), 1.0);
}

#[test]
fn lower_bounds_as_published() {
    near(lower_bound(28, 30, 0.05), 0.804674, 5e-7);
    near(lower_bound(59, 59, 0.05), 0.950492, 5e-7);
    assert_eq!(lower_bound(0, 10, 0.05), 0.0);
    assert_eq!(lower_bound(0, 0, 0.05), 0.0);
}

#[test]
fn tails_as_published() {
    for (k, n, alpha, p) in [
        (0, 59, 0.05, 0.048494525249),
        (1, 93, 0.05, 0.049975795243),
        (10, 500, 0.03, 0.114787484204),
        (20, 500, 0.05, 0.178850716446),
    ] {
        near(tail(k, n, alpha), p, 5e-13);
    }
}

#[test]
fn items_needed_as_published() {
    let needed: Vec<_> = (0..6).map(|k| items_needed(k, 0.05, 0.05)).collect();
    assert_eq!(needed, [59, 93, 124, 153, 181, 208].map(Some));
    assert_eq!(items_needed(0, 1e-12, 0.05), None, "more than anybody labels");
    assert_eq!(items_needed(0, 0.0, 0.05), None);
}

#[test]
fn fixed_sequence_as_published() {
    let grid = [(80, 0), (140, 1), (210, 2), (270, 4), (330, 8), (410, 15), (600, 18), (720, 30)];
    let p = [0.016515, 0.006367, 0.001529, 0.002176, 0.014755, 0.125929, 0.011277, 0.174063];
    for ((n, k), p) in grid.iter().zip(p) {
        near(tail(*k, *n, 0.05), p, 5e-7);
    }
    assert_eq!(fixed_sequence(&grid, 0.05, 0.05), Some(4), "λ = .90, and not .80, which passes too");
    // Bonferroni over 10 points would stop at .93.
    assert!(certifies(4, 270, 0.05, 0.005) && !certifies(8, 330, 0.05, 0.005));
    assert_eq!(fixed_sequence(&[(10, 0)], 0.05, 0.05), None);
}

#[test]
fn the_loosest_that_passes_would_break_its_promise() {
    assert!(certifies(18, 600, 0.05, 0.05) && !certifies(15, 410, 0.05, 0.05));
}

#[test]
fn power_follows_the_tuning_estimate() {
    assert_eq!(power(0, 100, 58, 0.05, 0.05), 0.0, "58 items can never certify 5 %");
    let figures: Vec<f64> = [5, 15, 25, 40].map(|wrong| power(wrong, 500, 300, 0.05, 0.05)).to_vec();
    assert!(figures.windows(2).all(|w| w[0] > w[1]), "{figures:?}");
    assert!(figures[0] > 0.95 && figures[3] < 0.05, "{figures:?}");
    assert!(power(1, 10, 300, 0.05, 0.05) < power(10, 1_000, 300, 0.05, 0.05), "few items leave more doubt");
    // All outcomes together are certain: with α near 1 every count but n certifies.
    near(power(3, 50, 40, 0.9999, 0.5), 1.0, 1e-4);
}

proptest! {
    #[test]
    fn tails_agree_with_an_independent_implementation(n in 1_u64..1_000, share in 0.0..1.0_f64, p in 0.001..0.999_f64) {
        let k = (share * n as f64) as u64;
        let expected = Binomial::new(p, n).unwrap().cdf(k);
        prop_assert!((tail(k, n, p) - expected).abs() < 1e-9, "{} {expected}", tail(k, n, p));
    }

    #[test]
    fn bounds_agree_with_the_beta_quantile(n in 1_u64..1_000, share in 0.0..1.0_f64, delta in 0.001..0.5_f64) {
        let k = ((share * n as f64) as u64).min(n - 1);
        let bound = upper_bound(k, n, delta);
        let expected = Beta::new(k as f64 + 1.0, (n - k) as f64).unwrap().inverse_cdf(1.0 - delta);
        prop_assert!((bound - expected).abs() < 1e-6, "{bound} {expected}");
        prop_assert!((tail(k, n, bound) - delta).abs() < 1e-10, "the bound solves its own equation");
    }

    #[test]
    fn certifying_is_the_bound_below_alpha(n in 1_u64..2_000, share in 0.0..0.2_f64, alpha in 0.01..0.3_f64) {
        let k = (share * n as f64) as u64;
        let bound = upper_bound(k, n, 0.05);
        prop_assume!((bound - alpha).abs() > 1e-9);
        prop_assert_eq!(certifies(k, n, alpha, 0.05), bound <= alpha);
        prop_assert_eq!(errors_allowed(n, alpha, 0.05).is_some_and(|most| k <= most), bound <= alpha);
    }

    #[test]
    fn odd_arguments_end_and_certify_nothing(k in any::<u64>(), n in 0_u64..1_000_000, p in any::<f64>(), d in any::<f64>()) {
        let k = k % (n + 2);
        let t = tail(k, n, p);
        prop_assert_eq!(t.is_nan(), p.is_nan());
        prop_assert!(t.is_nan() || (0.0..=1.0).contains(&t));
        let u = upper_bound(k, n, d);
        prop_assert!((0.0..=1.0).contains(&u));
        prop_assert!(!certifies(k, n, p, d) || (p > 0.0 && p < 1.0 && d > 0.0 && d < 1.0));
    }
}
