use super::*;
use serde_json::json;

fn rows(n: u32, label: impl Fn(u32) -> String) -> Vec<(Value, String)> {
    (0..n).map(|i| (json!({"x": i % 17, "c": if i % 3 == 0 { "a" } else { "b" }}), label(i))).collect()
}

fn features() -> Vec<Feature> {
    vec![Feature::number("x"), Feature::category("c")]
}

#[test]
fn three_labels_are_told_apart() {
    let label = |i: u32| ["low", "middle", "high"][(i % 17 / 6) as usize].to_owned();
    let rows = rows(600, label);
    let model = fit(&rows, &features(), &FitOptions::default()).unwrap();
    assert_eq!(model.labels(), ["high", "low", "middle"]);
    let right = rows.iter().filter(|(input, label)| model.predict(input).label() == label).count();
    assert!(right > 570, "{right} of 600");
    let prediction = model.predict(&json!({"x": 8, "c": "a"}));
    let sum: f64 = prediction.probabilities().iter().map(|(_, p)| p).sum();
    assert!((sum - 1.0).abs() < 1e-12);
    assert_eq!(prediction.confidence(), prediction.probability("middle"));
    assert_eq!(prediction.probability("unknown"), 0.0);
}

/// The known solution of a 2 × 2 table without a noticeable ridge: the logarithms of the odds.
#[test]
fn a_saturated_table_gives_the_odds() {
    let cell = |c: &str, label: &str, n: usize| vec![(json!({"c": c}), label.to_owned()); n];
    let rows = [cell("a", "no", 30), cell("a", "yes", 10), cell("b", "no", 20), cell("b", "yes", 60)].concat();
    let model = fit(&rows, &[Feature::category("c")], &FitOptions { ridge: 1e-6, squares: false }).unwrap();
    for (c, share) in [("a", 0.25), ("b", 0.75)] {
        let p = model.predict(&json!({"c": c})).probability("yes");
        assert!((p - share).abs() < 1e-6, "{c}: {p}");
    }
}

#[test]
fn the_gradient_is_zero_at_the_solution_and_right_elsewhere() {
    let cells = vec![1.0, 0.3, 1.0, -1.2, 1.0, 0.7, 1.0, 2.0, 1.0, -0.4, 1.0, 0.1];
    let problem = Problem { width: 2, free: 2, cells, classes: vec![0, 1, 2, 1, 0, 2], ridge: 0.5 };
    let solution = problem.solve().unwrap();
    let (gradient, _) = problem.slope(&solution);
    assert!(gradient.iter().all(|g| g.abs() < 1e-5), "{gradient:?}");
    let at = vec![0.2, -0.1, 0.4, 0.3];
    let (gradient, mut hessian) = problem.slope(&at);
    for (i, slope) in gradient.iter().enumerate() {
        let moved =
            |by: f64| at.iter().enumerate().map(|(j, w)| if i == j { w + by } else { *w }).collect::<Vec<f64>>();
        let numeric = (problem.loss(&moved(1e-6)) - problem.loss(&moved(-1e-6))) / 2e-6;
        assert!((numeric - slope).abs() < 1e-7, "gradient {i}: {numeric} {slope}");
        let (up, down) = (problem.slope(&moved(1e-6)).0, problem.slope(&moved(-1e-6)).0);
        for j in 0..=i {
            let numeric = (up[j] - down[j]) / 2e-6;
            let found = hessian.row_mut(i)[j];
            assert!((numeric - found).abs() < 1e-7, "hessian {i},{j}: {numeric} {found}");
        }
    }
}

#[test]
fn separable_rows_have_a_finite_model() {
    let rows = rows(200, |i| if i % 17 > 8 { "yes".into() } else { "no".into() });
    let model = fit(&rows, &features(), &FitOptions::default()).unwrap();
    let p = model.predict(&json!({"x": 16, "c": "a"})).confidence();
    assert!(p > 0.9 && p < 1.0, "{p}");
}

#[test]
fn repeated_columns_are_no_trouble() {
    let rows: Vec<(Value, String)> = (0..300)
        .map(|i| (json!({"x": i, "y": i, "z": 2 * i}), if i % 7 + i / 60 > 5 { "a" } else { "b" }.into()))
        .collect();
    let features: Vec<Feature> = ["x", "y", "z"].map(Feature::number).to_vec();
    assert!(fit(&rows, &features, &FitOptions::default()).is_ok());
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let good = rows(20, |i| (i % 2).to_string());
    let options = FitOptions::default();
    assert_eq!(fit(&good, &[], &options), Err(FitError::NoFeatures));
    assert_eq!(fit(&[], &features(), &options), Err(FitError::OneLabel { rows: 0, labels: 0 }));
    assert_eq!(fit(&rows(9, |_| "x".into()), &features(), &options), Err(FitError::OneLabel { rows: 9, labels: 1 }));
    let many = rows(200, |i| i.to_string());
    assert_eq!(
        fit(&many, &features(), &options),
        Err(FitError::TooMany { what: "labels", found: 200, max: LABELS_MAX })
    );
    for ridge in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(matches!(fit(&good, &features(), &FitOptions { ridge, squares: false }), Err(FitError::Ridge(_))));
    }
}

#[test]
fn cross_prediction_does_not_see_its_own_row() {
    // Every row's own category is unique to its fold: a model that saw it would know it.
    let rows: Vec<(Value, String)> = (0..100)
        .map(|i| (json!({"x": i % 10, "c": format!("fold-{}", i % 5)}), if i % 10 > 4 { "a" } else { "b" }.into()))
        .collect();
    let predictions = cross_predict(&rows, &features(), &FitOptions::default(), 5).unwrap();
    assert_eq!(predictions.len(), rows.len());
    assert!(predictions.iter().all(|p| p.unfamiliar() == 1), "the row's category is unknown to its model");
    for folds in [0, 1, 21, usize::MAX] {
        let refused = cross_predict(&rows, &features(), &FitOptions::default(), folds);
        assert_eq!(refused, Err(FitError::Folds(folds)));
    }
}
