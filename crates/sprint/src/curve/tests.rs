use super::*;
use proptest::prelude::*;

fn points() -> Vec<Point> {
    vec![
        Point::new(0.9, false, true),
        Point::new(0.9, true, true),
        Point::new(0.5, false, true),
        Point::new(0.99, true, false),
        Point::new(f64::NAN, true, true),
    ]
}

#[test]
fn the_curve_counts_ties_together_and_leaves_out_what_other_rules_stop() {
    let share = |k, n| Share { k, n };
    assert_eq!(
        risk_coverage(&points()),
        [
            CurvePoint { at: 0.9, coverage: share(2, 5), wrong: share(1, 2) },
            CurvePoint { at: 0.5, coverage: share(3, 5), wrong: share(1, 3) },
            CurvePoint { at: 0.0, coverage: share(4, 5), wrong: share(2, 4) },
        ]
    );
    assert!(risk_coverage(&[]).is_empty());
}

#[test]
fn the_picture_says_what_it_shows() {
    let svg = svg(&points(), Some(0.8), 0.05, "A <title> & more");
    assert!(svg.contains("<title>A &lt;title&gt; &amp; more</title>"), "{svg}");
    assert!(svg.contains(
        "Of 5 examples, 2 (40 %) pass without a person at a confidence of 0.8 or more; 1 of these (50 %) are wrong."
    ));
    assert!(svg.contains("λ = 0.8") && svg.contains("promised: at most 5 % wrong") && svg.contains("role=\"img\""));
    assert!(svg.contains("currentColor") && !svg.contains("<script") && !svg.contains("href"));
}

#[test]
fn no_threshold_and_no_examples_have_a_picture_too() {
    assert!(svg(&[], None, 0.05, "t").contains("0 examples, no threshold: everything is escalated"));
    assert!(svg(&points(), Some(0.95), 0.05, "t").contains("none passes without a person"));
}

proptest! {
    #[test]
    fn every_picture_is_well_formed_and_small(
        drawn in proptest::collection::vec((any::<f64>(), any::<bool>(), any::<bool>()), 0..2_000),
        at in proptest::option::of(0.0..=1.0_f64),
        max_wrong in 0.0001..0.9999_f64,
        title in any::<String>(),
    ) {
        let points: Vec<Point> = drawn.into_iter().map(|(c, w, p)| Point::new(c, w, p)).collect();
        let svg = svg(&points, at, max_wrong, &title);
        prop_assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>") && svg.len() < 20_000);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf") || title.contains("NaN") || title.contains("inf"));
        prop_assert_eq!(svg.matches('<').count(), svg.matches('>').count());
        for element in ["g", "text", "title", "desc", "svg"] {
            let opened = svg.matches(&format!("<{element}>")).count() + svg.matches(&format!("<{element} ")).count();
            prop_assert_eq!(opened, svg.matches(&format!("</{element}>")).count());
        }
    }
}
