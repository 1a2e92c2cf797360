//! A model that was not there stopped nothing, and rehearsed nothing.

use super::{DEV, Plant, Upstream, WORKFLOW, questions};
use crate::support::{Ran, seatrial};
use serde_json::{Value, json};
use std::time::Duration;

fn run(plant: &Plant, args: &[&str]) -> Ran {
    Ran::of(seatrial(plant.path()).args(args).output().unwrap())
}

/// Its set is of a category, none of whose marked examples may pass, and some inputs are refused.
fn guarded() -> String {
    let refuse = "    refuse_input:\n      shouting: { rule: \"input.answer == 'SHOUT'\" }\n    forbid:\n";
    WORKFLOW.replace("drawn: curated }", "drawn: curated, category: injection }").replace("    forbid:\n", refuse)
}

fn must_not_pass(id: &str, answer: &str, mark: &str) -> Value {
    json!({"id": id, "input": {"id": id, "answer": answer, mark: true}, "must_not_pass": true})
}

#[test]
fn what_a_model_did_not_answer_was_not_stopped() {
    let upstream = Upstream::start(Duration::ZERO);
    let examples = [
        must_not_pass("stopped", "nobody", "calm"),
        must_not_pass("refused", "SHOUT", "away"),
        must_not_pass("away", "nobody", "away"),
        must_not_pass("garbled", "nobody", "garbled"),
        // What the guard does without the model is not what was expected of it.
        json!({"id": "hoped", "input": {"id": "hoped", "answer": "nobody", "away": true},
               "must_not_pass": true, "expected": {"verdict": "deny"}}),
    ];
    let plant = Plant::of(&upstream, &guarded(), questions(4).chain(examples));
    let done = plant.eval(&["--junit", "eval.xml"]).exits(1).json()[0].clone();
    assert_eq!((&done["let_through"], &done["unjudged"]), (&json!({"k": 0, "n": 5}), &json!(3)), "{done}");
    assert_eq!((&done["passed"], &done["inconclusive"]), (&json!({"k": 4, "n": 7}), &json!(3)), "{done}");
    assert_eq!((&done["verdicts"]["none"], &done["in_order"]), (&json!(3), &json!(false)), "{done}");
    let xml = std::fs::read_to_string(plant.path().join("eval.xml")).unwrap();
    assert_eq!(xml.matches("was not shown to be stopped").count(), 3, "{xml}");

    let text = run(&plant, &["eval", "golden", "--as", DEV]).exits(1).out;
    let line = "3 of 5 that must not pass got no answer that could be judged, so nothing is shown of them: away, garbled, hoped";
    assert!(text.contains(line), "{text}");
    let explained = run(&plant, &["explain", "eval.forbidden.injection"]).exits(1).out;
    for part in ["inconclusive", "3 of 5 examples that must not pass got no answer", "seatrial eval golden"] {
        assert!(explained.contains(part), "`{part}` in\n{explained}");
    }

    upstream.heal();
    let done = plant.eval(&[]).exits(0).json()[0].clone();
    assert_eq!((&done["let_through"], &done["unjudged"]), (&json!({"k": 0, "n": 5}), &Value::Null), "{done}");
    let explained = run(&plant, &["explain", "eval.forbidden.injection"]).exits(0).out;
    assert!(explained.contains("discharged"), "{explained}");
}

#[test]
fn one_let_through_is_known_whoever_else_did_not_answer() {
    let upstream = Upstream::start(Duration::ZERO);
    let examples = [must_not_pass("through", "billing", "calm"), must_not_pass("away", "nobody", "away")];
    let plant = Plant::of(&upstream, &guarded(), questions(2).chain(examples));
    let done = plant.eval(&[]).exits(1).json()[0].clone();
    assert_eq!((&done["let_through"], &done["unjudged"]), (&json!({"k": 1, "n": 2}), &json!(1)), "{done}");
    let explained = run(&plant, &["explain", "eval.forbidden.injection"]).exits(1).out;
    assert!(explained.contains("failed"), "{explained}");
}

fn probe() -> Value {
    json!({"id": "probe", "input": {"id": "probe", "answer": "nobody"}, "output": {"team": "nobody"}})
}

/// A set of no category has its own obligation: without a bar it is only reported, and not even that where a marked
/// example was not seen.
#[test]
fn a_set_with_what_was_not_seen_is_not_reported_as_evaluated() {
    let upstream = Upstream::start(Duration::ZERO);
    let plant = Plant::new(&upstream, questions(2).chain([must_not_pass("away", "nobody", "away")]));
    plant.eval(&[]).exits(1);
    let explained = run(&plant, &["explain", "eval.golden"]).exits(1).out;
    assert!(explained.contains("inconclusive") && explained.contains("1 of 1 examples"), "{explained}");
    upstream.heal();
    plant.eval(&[]).exits(0);
    run(&plant, &["explain", "eval.golden"]).exits(0);
}

#[test]
fn nothing_is_rehearsed_with_a_model_that_is_away() {
    let upstream = Upstream::start(Duration::ZERO);
    let away = json!({"id": "away", "input": {"id": "away", "answer": "billing", "away": true}});
    let plant = Plant::new(&upstream, questions(3).chain([away, probe()]));
    upstream.go_down(true);
    let ran = run(&plant, &["rehearse", "--as", DEV]).exits(4);
    for part in ["the provider `slow` answered none of 4", "`route`", "nothing was recorded as rehearsed"] {
        assert!(ran.err.contains(part), "`{part}` in\n{}", ran.err);
    }
    for id in ["runtime.enforces", "runtime.trace"] {
        let explained = run(&plant, &["explain", id]).exits(1).out;
        assert!(explained.contains("○ open"), "{explained}");
    }
    let failed = run(&plant, &["rehearse", "--as", DEV, "--format", "json"]).exits(4);
    assert!(failed.err.contains("model_unreachable"), "{}", failed.err);

    upstream.go_down(false);
    let done = run(&plant, &["rehearse", "--as", DEV, "--format", "json"]).exits(0).json();
    assert_eq!((&done["decisions"], &done["unanswered"]), (&json!(5), &json!(1)), "{done}");
    for id in ["runtime.enforces", "runtime.trace"] {
        run(&plant, &["explain", id]).exits(0);
    }
}

/// A probe brings its output, and an input that is refused needs none: whether a model is there does not matter.
#[test]
fn what_needs_no_model_is_rehearsed_without_one() {
    let upstream = Upstream::start(Duration::ZERO);
    let refused = json!({"id": "refused", "input": {"id": "refused", "answer": "SHOUT"}});
    let plant = Plant::of(&upstream, &guarded(), [refused, probe()].into_iter());
    upstream.go_down(true);
    let done = run(&plant, &["rehearse", "--as", DEV, "--format", "json"]).exits(0).json();
    assert_eq!((&done["decisions"], &done["unanswered"]), (&json!(2), &json!(0)), "{done}");
    run(&plant, &["explain", "runtime.enforces"]).exits(0);
}
