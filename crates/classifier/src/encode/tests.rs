use super::*;
use serde_json::json;

fn fitted(feature: &Feature, values: &[Value], squares: bool) -> Encoding {
    let rows: Vec<Value> = values.iter().map(|v| if v.is_null() { json!({}) } else { json!({"x": v}) }).collect();
    Encoding::fit(feature, &rows.iter().collect::<Vec<_>>(), squares)
}

fn columns(encoding: &Encoding, input: &Value) -> (Vec<f64>, bool) {
    let mut out = Vec::new();
    let familiar = encoding.encode(input, &mut out);
    assert_eq!(out.len(), encoding.columns());
    (out, familiar)
}

#[test]
fn numbers_are_standardised_and_held_to_the_range_of_training() {
    let encoding = fitted(&Feature::number("x"), &[json!(1), json!(2), json!(3)], false);
    let (at_mean, _) = columns(&encoding, &json!({"x": 2}));
    assert_eq!(at_mean, [0.0]);
    let (top, far) = (columns(&encoding, &json!({"x": 3})), columns(&encoding, &json!({"x": 1e300})));
    assert_eq!(top, far);
    assert_eq!(columns(&encoding, &json!({"x": "3"})), (vec![0.0], false), "another type counts as missing");
    assert_eq!(columns(&encoding, &json!({})), (vec![0.0], false), "never missing in training");
}

#[test]
fn missing_has_its_column_where_training_saw_it() {
    let encoding = fitted(&Feature::number("x"), &[json!(1), json!(2), json!(3), Value::Null], true);
    let (columns_of_missing, familiar) = columns(&encoding, &json!({}));
    assert_eq!((columns_of_missing, familiar), (vec![0.0, 0.0, 1.0], true));
    let (present, _) = columns(&encoding, &json!({"x": 1}));
    assert!(present[1] > 0.0 && present[2] == 0.0, "{present:?}");
}

#[test]
fn skewed_numbers_enter_as_logarithms() {
    let skewed: Vec<Value> = (0..100).map(|i| json!(f64::from(i).exp2().min(1e15))).collect();
    let negative: Vec<Value> = skewed.iter().map(|v| json!(v.as_f64().unwrap() - 2.0)).collect();
    let log = |values: &[Value], kind| match fitted(&Feature { path: "x".into(), kind }, values, false) {
        Encoding::Number(n) => n.log,
        Encoding::Category(_) => unreachable!(),
    };
    assert!(!log(&negative, FeatureKind::Number(Shape::Auto)), "no logarithm of what can be negative");
    assert!(log(&negative, FeatureKind::Number(Shape::Log)), "unless it is asked for");
    let exponential: Vec<Value> = (1..200).map(|i| json!(-(f64::from(i) / 200.0).ln())).collect();
    assert!(log(&exponential, FeatureKind::Number(Shape::Auto)));
    assert!(!log(&exponential, FeatureKind::Number(Shape::Linear)));
}

#[test]
fn rare_categories_share_a_column() {
    let mut values = vec![json!("a"); 6];
    values.extend(vec![json!("b"); 5]);
    values.extend([json!("rare"), json!("declared"), json!(true)]);
    let feature = Feature { path: "x".into(), kind: FeatureKind::Category(vec!["declared".into(), "absent".into()]) };
    let encoding = fitted(&feature, &values, false);
    assert_eq!(columns(&encoding, &json!({"x": "a"})), (vec![1.0, 0.0, 0.0, 0.0], true));
    assert_eq!(columns(&encoding, &json!({"x": "declared"})), (vec![0.0, 0.0, 1.0, 0.0], true));
    assert_eq!(columns(&encoding, &json!({"x": "never seen"})), (vec![0.0, 0.0, 0.0, 1.0], true));
    assert_eq!(columns(&encoding, &json!({})), (vec![0.0; 4], false));
    assert_eq!(columns(&encoding, &json!({"x": ["a"]})), (vec![0.0; 4], false));
}

#[test]
fn constants_and_nothing_at_all_stay_finite() {
    for values in [vec![json!(5); 10], vec![Value::Null; 10], vec![json!(1e308), json!(-1e308)], vec![]] {
        let encoding = fitted(&Feature::number("x"), &values, true);
        assert!(encoding.is_sound());
        let (out, _) = columns(&encoding, &json!({"x": 7}));
        assert!(out.iter().all(|x| x.is_finite()), "{out:?}");
    }
}
