//! The classifier on real data: credit applications with their true outcome, as the example `credit-preapproval` ships them.

use seatrial_classifier::{Classifier, Feature, FitOptions, cross_predict, features_from_schema, fit};
use serde_json::Value;
use std::time::Instant;

const WORKFLOW: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval/workflows/credit-preapproval");

type Rows = Vec<(Value, String)>;

fn applications() -> Rows {
    let text = std::fs::read_to_string(format!("{WORKFLOW}/examples/applications.jsonl")).unwrap();
    let row = |line: &str| {
        let mut example: Value = serde_json::from_str(line).unwrap();
        let outcome = example["expected"]["outcome"].as_str().unwrap().to_owned();
        (example["input"].take(), outcome)
    };
    text.lines().filter(|l| !l.is_empty()).map(row).collect()
}

fn features(withhold: &[&str]) -> Vec<Feature> {
    let schema = std::fs::read_to_string(format!("{WORKFLOW}/schemas/application.json")).unwrap();
    let withhold: Vec<String> = withhold.iter().map(|w| (*w).to_owned()).collect();
    features_from_schema(&serde_json::from_str(&schema).unwrap(), &withhold)
}

/// A row's side, by a mixed index: neighbours in the file do not stay together.
fn side(i: usize, seed: u64) -> u64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ seed.wrapping_mul(0xD1B5_4A32_D192_ED03);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x ^ (x >> 27)) % 100
}

fn split(seed: u64) -> (Rows, Rows) {
    let (mut train, mut held) = (Vec::new(), Vec::new());
    for (i, row) in applications().into_iter().enumerate() {
        if side(i, seed) < 35 { train.push(row) } else { held.push(row) }
    }
    (train, held)
}

/// The chance that a good one has a greater probability of being good than a bad one: by ranks.
fn auc(scored: &mut [(f64, bool)]) -> f64 {
    scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    let good = scored.iter().filter(|(_, g)| *g).count() as f64;
    let bad = scored.len() as f64 - good;
    let ranks: f64 = scored.iter().enumerate().filter(|(_, (_, g))| *g).map(|(i, _)| i as f64 + 1.0).sum();
    (ranks - good * (good + 1.0) / 2.0) / (good * bad)
}

fn scored(model: &Classifier, rows: &[(Value, String)]) -> Vec<(f64, bool)> {
    rows.iter().map(|(input, outcome)| (model.predict(input).probability("good"), outcome == "good")).collect()
}

#[test]
fn it_ranks_real_applications() {
    let mut all = Vec::new();
    for seed in 0..5 {
        let (train, held) = split(seed);
        let withheld = fit(&train, &features(&["applicant.age", "applicant.marital"]), &FitOptions::default()).unwrap();
        let everything = fit(&train, &features(&[]), &FitOptions::default()).unwrap();
        let without = auc(&mut scored(&withheld, &held));
        let with = auc(&mut scored(&everything, &held));
        assert!(without >= 0.80, "seed {seed}: AUC {without} on {} held back", held.len());
        assert!((with - without).abs() < 0.02, "age and marital status hardly matter: {with} {without}");
        all.push(without);
    }
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    assert!(mean >= 0.82, "mean AUC {mean} of {all:?}");
    println!("AUC held back: mean {mean:.3} of {all:.3?}");
}

/// Reliability: in each tenth of the predictions, the share of good ones is what was predicted.
#[test]
fn its_probabilities_are_honest() {
    let (train, held) = split(7);
    let model = fit(&train, &features(&["applicant.age", "applicant.marital"]), &FitOptions::default()).unwrap();
    let mut scored = scored(&model, &held);
    scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
    for tenth in scored.chunks(scored.len().div_ceil(10)) {
        let n = tenth.len() as f64;
        let predicted = tenth.iter().map(|(p, _)| p).sum::<f64>() / n;
        let found = tenth.iter().filter(|(_, good)| *good).count() as f64 / n;
        // Three standard errors, and some for a model of 1 500 rows.
        let allowed = 3.0 * (predicted * (1.0 - predicted) / n).sqrt() + 0.03;
        assert!((predicted - found).abs() < allowed, "predicted {predicted:.3}, found {found:.3} ± {allowed:.3}");
    }
}

#[test]
fn cross_predictions_are_as_honest_as_held_back_ones() {
    let (train, held) = split(3);
    let features = features(&["applicant.age", "applicant.marital"]);
    let model = fit(&train, &features, &FitOptions::default()).unwrap();
    let crossed = cross_predict(&train, &features, &FitOptions::default(), 5).unwrap();
    let mut crossed: Vec<(f64, bool)> =
        crossed.iter().zip(&train).map(|(p, (_, outcome))| (p.probability("good"), outcome == "good")).collect();
    let (own, cross, fresh) = (auc(&mut scored(&model, &train)), auc(&mut crossed), auc(&mut scored(&model, &held)));
    assert!(own > cross, "a model knows its own rows too well: {own} {cross}");
    assert!((cross - fresh).abs() < 0.03, "{cross} {fresh}");
}

#[test]
fn the_same_rows_give_the_same_bytes_and_fast() {
    let (train, held) = split(1);
    let features = features(&["applicant.age", "applicant.marital"]);
    let begun = Instant::now();
    let model = fit(&train, &features, &FitOptions::default()).unwrap();
    let took = begun.elapsed();
    assert_eq!(model.digest(), fit(&train, &features, &FitOptions::default()).unwrap().digest());
    let read = Classifier::from_json(&model.to_json().unwrap()).unwrap();
    assert!(held.iter().all(|(input, _)| read.predict(input) == model.predict(input)));
    let begun = Instant::now();
    let sum: f64 = held.iter().map(|(input, _)| model.predict(input).confidence()).sum();
    let each = begun.elapsed() / held.len() as u32;
    println!(
        "fit {} rows: {took:?}; predict: {each:?} each (mean confidence {:.3})",
        train.len(),
        sum / held.len() as f64
    );
    // Generous: a loaded machine, a debug build. In release it is some 10 ms and 1 to 2 µs.
    assert!(took.as_secs() < 5, "{took:?}");
    assert!(each.as_micros() < 200, "{each:?}");
}
