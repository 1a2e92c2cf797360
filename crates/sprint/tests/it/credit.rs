//! A calibration from end to end on real credit applications: split, train, propose, certify, look at what was held back.

use seatrial_classifier::{Classifier, Feature, FitOptions, Prediction, cross_predict, features_from_schema, fit};
use seatrial_model::event::SplitSide;
use seatrial_model::{Digest, ElementPath};
use seatrial_sprint::calibrate::Proposal;
use seatrial_sprint::{
    CertificateContext, Example, Method, Point, Promise, Split, Terms, certify, parse_examples, propose,
};
use serde_json::Value;

const WORKFLOW: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/credit-preapproval/workflows/credit-preapproval");

fn applications() -> Vec<Example> {
    parse_examples(&std::fs::read(format!("{WORKFLOW}/examples/applications.jsonl")).unwrap()).unwrap()
}

fn features() -> Vec<Feature> {
    let schema: Value =
        serde_json::from_slice(&std::fs::read(format!("{WORKFLOW}/schemas/application.json")).unwrap()).unwrap();
    features_from_schema(&schema, &["applicant.age".to_owned(), "applicant.marital".to_owned()])
}

/// The example's own rules, by hand: the guard's are tested in its own crate.
fn point(example: &Example, prediction: &Prediction) -> Point {
    let number = |path: &str| example.input.pointer(path).and_then(Value::as_f64);
    let income = number("/finances/income");
    let affordable = income.is_some_and(|income| income >= number("/finances/expenses").unwrap());
    let passes = prediction.label() == "pre-approve" && affordable && number("/credit/amount").unwrap() <= 2000.0;
    Point::new(prediction.confidence(), example.expected.as_ref().unwrap()["outcome"] == "bad", passes)
}

struct Calibration {
    proposal: Proposal,
    certify: Vec<Point>,
    held_back: Vec<Point>,
}

fn calibrate(examples: &[Example], salt: &str, max_wrong: f64) -> Calibration {
    let split = Split::of(salt, examples).unwrap();
    let side = |side| split.thinned(side, examples).into_iter().map(|i| &examples[i]).collect::<Vec<&Example>>();
    let label = |e: &Example| e.expected.as_ref().unwrap()["decision"].as_str().unwrap().to_owned();
    let train = side(SplitSide::Train);
    let rows: Vec<(Value, String)> = train.iter().map(|e| (e.input.clone(), label(e))).collect();
    let model = fit(&rows, &features(), &FitOptions::default()).unwrap();
    let crossed = cross_predict(&rows, &features(), &FitOptions::default(), 5).unwrap();
    let points = |model: &Classifier, examples: &[&Example]| -> Vec<Point> {
        examples.iter().map(|e| point(e, &model.predict(&e.input))).collect()
    };
    let mut known: Vec<Point> = train.iter().zip(&crossed).map(|(e, p)| point(e, p)).collect();
    known.extend(points(&model, &side(SplitSide::Tune)));
    let certify = points(&model, &side(SplitSide::Certify));
    let terms = Terms::once(Promise::new(max_wrong, 0.95).unwrap());
    let proposal = propose(&known, certify.len() as u64, &Method::Split, &terms).unwrap();
    Calibration { proposal, certify, held_back: points(&model, &side(SplitSide::HeldBack)) }
}

fn context() -> CertificateContext {
    CertificateContext {
        threshold: ElementPath::new("thresholds.approve"),
        sealed: Digest::of(b"sealed"),
        model: "digest".to_owned(),
        confidence: "output.confidence".to_owned(),
        left_out: 0,
        thinned: 0,
    }
}

/// One line for each of 20 salts: what was certified, and what then passed and was bad among what nobody had touched.
struct Earned {
    proposed: u32,
    certified: u32,
    covered: f64,
    bad: f64,
}

fn earn(max_wrong: f64) -> Earned {
    let examples = applications();
    let terms = Terms::once(Promise::new(max_wrong, 0.95).unwrap());
    let mut earned = Earned { proposed: 0, certified: 0, covered: 0.0, bad: 0.0 };
    for salt in 0..20 {
        let calibration = calibrate(&examples, &format!("{salt:08x}"), max_wrong);
        let Some(at) = calibration.proposal.at else { continue };
        earned.proposed += 1;
        let tested = certify(&calibration.certify, at, &Method::Split, &terms, &context()).unwrap();
        if !tested.event.certified {
            continue;
        }
        let passed: Vec<&Point> = calibration.held_back.iter().filter(|p| p.passes_at(at)).collect();
        let share = |k: usize, n: usize| k as f64 / n as f64;
        let (covered, bad) = (
            share(passed.len(), calibration.held_back.len()),
            share(passed.iter().filter(|p| p.wrong).count(), passed.len()),
        );
        println!(
            "salt {salt}: λ {at}, power {:.2}: {covered:.3} pass, {bad:.3} of these bad",
            calibration.proposal.power
        );
        earned.certified += 1;
        earned.covered += covered;
        earned.bad += bad;
    }
    earned.covered /= f64::from(earned.certified.max(1));
    earned.bad /= f64::from(earned.certified.max(1));
    println!(
        "{max_wrong}: proposed {}, certified {} of 20; {:.3} pass, {:.3} of these bad",
        earned.proposed, earned.certified, earned.covered, earned.bad
    );
    earned
}

#[test]
fn a_threshold_is_earned_on_most_splits_and_holds_on_what_was_held_back() {
    let earned = earn(0.08);
    assert!(earned.certified >= 15, "{} of 20", earned.certified);
    assert!(earned.covered > 0.20, "{}", earned.covered);
    assert!(earned.bad < 0.06, "{}", earned.bad);
}

#[test]
fn a_promise_of_one_in_fifty_is_not_earned() {
    let earned = earn(0.02);
    assert!(earned.certified <= 5, "{} of 20", earned.certified);
}
