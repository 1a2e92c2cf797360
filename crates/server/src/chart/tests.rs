use super::*;
use crate::view::{CurvePoint, ObligationState, Tally};
use proptest::prelude::*;

#[test]
fn ticks_are_round_and_reach_the_top() {
    assert_eq!(ticks(0.08).len(), 5);
    for max in [0.001, 0.05, 0.08, 0.3, 1.0, 7.0, 1234.0, f64::NAN, -1.0] {
        let ticks = ticks(max);
        assert!((2..=11).contains(&ticks.len()), "{max}: {ticks:?}");
        if max > 0.0 {
            assert!(*ticks.last().unwrap() >= max * 0.999, "{max}: {ticks:?}");
        }
    }
}

#[test]
fn the_waterline_says_in_words_what_it_draws() {
    let tally =
        Tally(vec![(ObligationState::Discharged, 9), (ObligationState::Open, 1), (ObligationState::NotApplicable, 4)]);
    let got = waterline(&tally, "pilot").into_string();
    assert!(got.contains("pilot: 9 discharged, 1 open of 10 obligations"), "{got}");
    assert_eq!(got.matches("<rect").count(), 2);
}

#[test]
fn the_curve_marks_the_number_in_force() {
    let points: Vec<_> = (0..=10)
        .map(|i| {
            let c = place(i) / 10.0;
            CurvePoint { at: 1.0 - c, coverage: c, risk: c * c * 0.1, bound: c * c * 0.1 + 0.01 }
        })
        .collect();
    let got = curve(&points, CurveMarks { at: Some(0.4), max_wrong: 0.05 }).into_string();
    assert!(got.contains("λ = 0.4"), "{got}");
    assert!(got.contains("60.0 % pass without a person and 3.6 % of those are wrong"), "{got}");
}

proptest! {
    #[test]
    fn no_number_breaks_a_drawing(values in prop::collection::vec(any::<f64>(), 0..6), alarm in any::<f64>()) {
        let points: Vec<_> = values.iter().map(|v| CurvePoint { at: *v, coverage: *v, risk: *v, bound: -*v }).collect();
        let all = [
            curve(&points, CurveMarks { at: Some(alarm), max_wrong: alarm }).into_string(),
            watch(&values, alarm).into_string(),
            confidence(alarm, values.first().copied()).into_string(),
        ];
        for drawing in all {
            for attribute in drawing.split(" d=\"").skip(1) {
                let d = attribute.split('"').next().unwrap_or("");
                prop_assert!(!d.contains("NaN") && !d.contains("inf"), "{}", d);
            }
        }
    }
}
