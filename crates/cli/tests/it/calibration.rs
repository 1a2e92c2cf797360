//! `seatrial calibrate`: what is said before, at, and after a certification.

use crate::support::{DEV, Yard, seatrial};
use serde_json::Value;
use std::path::Path;

fn json(dir: &Path, args: &[&str], code: i32) -> Value {
    let ran = crate::support::Ran::of(seatrial(dir).args(args).args(["--format", "json"]).output().unwrap());
    ran.exits(code).json()
}

fn text(dir: &Path, args: &[&str], code: i32) -> String {
    crate::support::Ran::of(seatrial(dir).args(args).output().unwrap()).exits(code).out
}

#[test]
fn a_bound_needs_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let bound = |k: &str, n: &str, more: &[&str], code: i32| {
        let args = ["calibrate", "bound", "--errors", k, "--examples", n, "--assurance", "0.95"];
        json(dir.path(), &[&args[..], more].concat(), code)
    };
    let upper = bound("3", "200", &[], 0)["upper"].as_f64().unwrap();
    assert!((upper - 0.038_309_708_5).abs() < 5e-11, "{upper}");
    let lower = bound("28", "30", &[], 0)["lower"].as_f64().unwrap();
    assert!((lower - 0.804_674).abs() < 5e-7, "{lower}");
    let certified = bound("1", "93", &["--max-wrong", "0.05"], 0);
    assert!((certified["p"].as_f64().unwrap() - 0.049_975_795_243).abs() < 5e-13, "{certified}");
    assert_eq!(certified["certifies"], true);
    assert_eq!(bound("1", "92", &["--max-wrong", "0.05"], 1)["certifies"], false);
    let said = text(dir.path(), &["calibrate", "bound", "--errors", "0", "--examples", "59", "--assurance", "0.95"], 0);
    assert!(said.starts_with("0 of 59: at most 0.0495076099 at 95.00 % assurance"), "{said}");
    for odd in [["4", "3", "0.95"], ["1", "3", "1"], ["1", "3", "NaN"], ["1", "99999999999", "0.9"]] {
        let args = ["calibrate", "bound", "--errors", odd[0], "--examples", odd[1], "--assurance", odd[2]];
        text(dir.path(), &args, 2);
    }
    assert!(std::fs::read_dir(dir.path()).unwrap().next().is_none(), "nothing was made");
}

#[test]
fn a_plan_needs_no_store() {
    let dir = tempfile::tempdir().unwrap();
    let plan = ["calibrate", "plan", "--max-wrong", "0.05", "--assurance", "0.95"];
    let planned = json(dir.path(), &[&plan[..], &["--expected-error", "0.03", "--pass-share", "0.5"]].concat(), 0);
    let needs: Vec<u64> = planned["table"].as_array().unwrap().iter().map(|r| r["passing"].as_u64().unwrap()).collect();
    assert_eq!(needs, [59, 93, 124, 153, 181, 208]);
    let (passing, sealed, labelled) = (&planned["passing"], &planned["sealed"], &planned["labelled"]);
    assert_eq!(sealed.as_u64().unwrap(), passing.as_u64().unwrap() * 2);
    assert_eq!(labelled.as_u64().unwrap(), sealed.as_u64().unwrap() * 4);
    // What is expected breaks the promise: no set gives a chance.
    let hopeless = json(dir.path(), &[&plan[..], &["--expected-error", "0.06"]].concat(), 1);
    assert_eq!(hopeless["passing"], Value::Null);
    text(dir.path(), &["calibrate", "plan", "--max-wrong", "0.05"], 2);
    text(dir.path(), &["calibrate", "plan", "approve"], 2);
    text(dir.path(), &["calibrate", "plan", "--max-wrong", "1.5", "--assurance", "0.95"], 2);
    // With the promise, the slices and the attempts of a spec.
    let yard = Yard::new();
    let of_spec = json(yard.path(), &["calibrate", "plan", "approve"], 0);
    assert_eq!((of_spec["max_wrong"].as_f64(), of_spec["slices"].as_u64()), (Some(0.08), Some(0)));
    let changed = yard.text().replace("method: split", "method: split\n    attempts: 2");
    std::fs::write(yard.workflow(), changed.replacen("guarantee: reported", "guarantee: required", 1)).unwrap();
    let more = json(yard.path(), &["calibrate", "plan", "thresholds.approve"], 0);
    assert_eq!((more["attempts"].as_u64(), more["slices"].as_u64()), (Some(2), Some(1)));
    assert!((more["delta"].as_f64().unwrap() - 0.0125).abs() < 1e-12, "half of a half: {more}");
    assert!(more["labelled"].as_u64() > of_spec["labelled"].as_u64());
    let said = text(yard.path(), &["calibrate", "plan", "approve"], 0);
    assert!(said.contains("labelled examples in all") && said.contains("(under-30)"), "{said}");
}

#[test]
fn a_second_attempt_that_was_not_declared_opens_nothing() {
    let yard = Yard::new();
    yard.run_as(DEV, &["calibrate", "approve", "--salt", "5eed", "--write"]).exits(0);
    let certified = yard.run_as(DEV, &["calibrate", "approve", "--certify"]).exits(0).out;
    for part in ["certified", "attempt", "1 of 1 (δ spent: 0.05)", "slice under-30", "reported:", "reviews a day"] {
        assert!(certified.contains(part), "no `{part}`:\n{certified}");
    }
    let refused = yard.run_as(DEV, &["calibrate", "approve", "--certify"]).exits(3);
    assert!(refused.err.contains("nothing was opened") && refused.err.contains("are spent"), "{}", refused.err);
}

#[test]
fn a_failed_attempt_with_others_left_shows_no_figures() {
    let yard = Yard::new();
    let text = yard.text().replace("method: split", "method: split\n    attempts: 2").replace("at: none ", "at: 0.5 ");
    std::fs::write(yard.workflow(), text).unwrap();
    // The sides are sealed under a salt of the test's, so that the figures are the same every time.
    yard.run_as(DEV, &["calibrate", "approve", "--salt", "5eed"]).exits(0);
    let failed = yard.run_as(DEV, &["calibrate", "approve", "--certify", "--format", "json"]).exits(1).json();
    assert_eq!(failed["certificate"]["withheld"], true);
    assert_eq!(failed["certificate"]["examples"], 0);
    let last = yard.run_as(DEV, &["calibrate", "approve", "--certify"]).exits(1).out;
    assert!(last.contains("not certified") && last.contains("2 of 2") && last.contains("reported:"), "{last}");
}
