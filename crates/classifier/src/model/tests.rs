use super::*;
use crate::{Feature, FitOptions, fit};
use proptest::prelude::*;
use serde_json::json;

fn model() -> Classifier {
    let rows: Vec<(Value, String)> = (0..120)
        .map(|i| {
            let input =
                json!({"n": {"x": i * i}, "c": (["a", "b", "c"][i % 3]), "y": ((i % 5 != 0).then_some(i % 13))});
            (input, ["good", "bad", "ugly"][(i / 9) % 3].to_owned())
        })
        .collect();
    let features = [Feature::number("n.x"), Feature::category("c"), Feature::number("y")];
    fit(&rows, &features, &FitOptions::default()).unwrap()
}

#[test]
fn a_model_survives_its_bytes() {
    let model = model();
    let bytes = model.to_json().unwrap();
    let read = Classifier::from_json(&bytes).unwrap();
    assert_eq!(read, model);
    assert_eq!(read.digest(), model.digest());
    assert_eq!(bytes, self::model().to_json().unwrap(), "fitting again gives the same bytes");
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let good: Value = serde_json::from_slice(&model().to_json().unwrap()).unwrap();
    let refuse = |change: fn(&mut Value), why: &str| {
        let mut bad = good.clone();
        change(&mut bad);
        let error = Classifier::from_json(&serde_json::to_vec(&bad).unwrap()).unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    };
    refuse(|m| m["v"] = json!(2), "form 2");
    refuse(|m| m["labels"] = json!(["b", "a", "c"]), "labels");
    refuse(|m| m["labels"] = json!(["a", "b"]), "weights");
    refuse(|m| m["weights"][0] = json!([1]), "weights");
    refuse(|m| m["encodings"][0]["scale"] = json!(0), "encodings");
    refuse(|m| m["encodings"][1]["values"] = json!(["b", "a", "c"]), "encodings");
    refuse(|m| m["extra"] = json!(1), "unknown field");
    assert_eq!(Classifier::from_json(&vec![b' '; MODEL_BYTES_MAX + 1]), Err(LoadError::TooLarge(MODEL_BYTES_MAX + 1)));
}

#[test]
fn huge_weights_give_probabilities() {
    let mut value: Value = serde_json::from_slice(&model().to_json().unwrap()).unwrap();
    for w in value["weights"].as_array_mut().unwrap().iter_mut().flat_map(|w| w.as_array_mut().unwrap()) {
        *w = json!(if w.as_f64().unwrap() > 0.0 { 1e308 } else { -1e308 });
    }
    let model = Classifier::from_json(&serde_json::to_vec(&value).unwrap()).unwrap();
    let prediction = model.predict(&json!({"n": {"x": 1e308}, "c": "b"}));
    assert!(prediction.probabilities().iter().all(|(_, p)| (0.0..=1.0).contains(p)), "{prediction:?}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[abc]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[ncxy]", inner, 0..4).prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_input_has_probabilities(input in any_json()) {
        thread_local!(static MODEL: Classifier = model());
        let prediction = MODEL.with(|m| m.predict(&input));
        let sum: f64 = prediction.probabilities().iter().map(|(_, p)| p).sum();
        prop_assert!((sum - 1.0).abs() < 1e-9);
        prop_assert!(prediction.probabilities().windows(2).all(|w| w[0].1 >= w[1].1));
    }

    #[test]
    fn any_bytes_are_a_model_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200), at in 0_usize..2_000, with in any::<u8>()) {
        let _ = Classifier::from_json(&bytes);
        let mut changed = model().to_json().unwrap();
        let at = at % changed.len();
        changed[at] = with;
        if let Ok(model) = Classifier::from_json(&changed) {
            let sum: f64 = model.predict(&json!({"n": {"x": 3}, "c": "a", "y": 2})).probabilities().iter().map(|(_, p)| p).sum();
            prop_assert!((sum - 1.0).abs() < 1e-9);
        }
    }
}
