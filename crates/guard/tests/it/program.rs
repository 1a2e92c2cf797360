//! Compiling, prompts, withholding, digests.

use crate::fixture::{cel, detect, input, output, rule, with, workflow};
use seatrial_guard::{Program, RenderError, Role};
use seatrial_spec::workflow::{Check, Else};
use serde_json::json;

#[test]
fn what_is_withheld_never_reaches_the_model() {
    let program = Program::compile(&workflow()).unwrap();
    let step = program.step("route").unwrap();
    let mut input = input();
    input["history"] = json!([{ "note": "secret", "day": 1 }, { "note": "secret", "day": 2 }]);
    let seen = step.withhold(&input);
    assert_eq!(seen["customer"], json!({ "name": "Ana" }));
    assert_eq!(seen["history"], json!([{ "day": 1 }, { "day": 2 }]));
    let messages = step.render(&input).unwrap();
    assert_eq!(messages.len(), 1);
    assert_eq!(messages[0].role, Role::User);
    assert_eq!(messages[0].content, "Route this complaint:\nMy card was charged twice.\nCustomer: {\"name\":\"Ana\"}");
    let missing = step.render(&json!({ "text": "x", "amount": 1 }));
    assert_eq!(missing, Err(RenderError::Missing("input.customer".to_owned())));
}

#[test]
fn without_a_prompt_the_input_is_asked_as_json() {
    let program = Program::compile(&with(|s| s.prompt = None)).unwrap();
    let messages = program.step("route").unwrap().render(&json!({ "text": "x", "customer": { "age": 3 } })).unwrap();
    assert_eq!(messages[0].content, r#"{"text":"x","customer":{}}"#);
}

#[test]
fn an_objection_is_told_to_the_model_in_the_specs_words() {
    let program = Program::compile(&with(|s| s.require[0].because = Some("Handlers must see why".to_owned()))).unwrap();
    let step = program.step("route").unwrap();
    let mut short = output();
    short["reason"] = json!("x");
    let findings = step.judge(&input(), &seatrial_guard::Candidate::value(&short)).findings;
    assert!(step.plan().asks_again(&findings, 1));
    assert!(!step.plan().asks_again(&findings, 2));
    let unreadable = step.judge(&input(), &seatrial_guard::Candidate::text("cards, I think")).findings;
    assert!(step.plan().asks_again(&unreadable, 1));
    // What is denied anyway is not asked for again.
    short["reason"] = json!("refund");
    let denied = step.judge(&input(), &seatrial_guard::Candidate::value(&short)).findings;
    assert!(!step.plan().asks_again(&denied, 1));
    let messages = step.ask_again(&step.render(&input()).unwrap(), "answer", &findings);
    assert_eq!(messages.len(), 3);
    assert!(messages[2].content.contains("- says-why: Handlers must see why\n"), "{}", messages[2].content);
}

#[test]
fn every_error_of_compilation_is_told() {
    let broken = with(|s| {
        s.require = vec![
            cel("require", "syntax", "output.(", Else::Escalate),
            cel("require", "pattern", "output.reason.matches(input.text)", Else::Escalate),
            cel("require", "loops", "[1].all(a, [1].all(b, [1].all(c, true)))", Else::Escalate),
            cel("require", "deep", &"(".repeat(2_000), Else::Escalate),
        ];
        s.forbid = vec![
            rule("forbid", "unknown", detect(&["aura"], None), Else::Deny),
            rule("forbid", "nothing", detect(&[], None), Else::Deny),
            rule("forbid", "foreign", detect(&["email"], Some("input.text")), Else::Deny),
            rule(
                "forbid",
                "empty",
                Check::Detect { detectors: vec![], regexes: vec!["a*".to_owned()], within: None },
                Else::Deny,
            ),
        ];
        s.withhold.push("text".to_owned());
    });
    let errors = Program::compile(&broken).unwrap_err();
    let mut names: Vec<_> = errors.iter().map(|e| e.path.name().to_owned()).collect();
    names.dedup();
    assert_eq!(
        names,
        ["syntax", "pattern", "loops", "deep", "unknown", "nothing", "foreign", "empty", "prompt"],
        "{errors:#?}"
    );
}

#[test]
fn the_digest_is_of_meaning() {
    let digest = |w| Program::compile(&w).unwrap().digest();
    let base = digest(workflow());
    assert_eq!(base, digest(workflow()));
    assert_eq!(base, digest(with(|s| s.does = "Other prose".to_owned())));
    assert_eq!(base, digest(with(|s| s.forbid[0].because = Some("Prose".to_owned()))));
    for changed in [
        with(|s| s.attempts = 3),
        with(|s| s.forbid[0].otherwise = Else::Warn),
        with(|s| s.withhold.clear()),
        with(|s| s.never[0].check = Check::Rule(crate::fixture::expr("output.action == 'assign'"))),
    ] {
        assert_ne!(base, digest(changed));
    }
    let mut threshold = workflow();
    threshold.thresholds.get_mut("route").unwrap().at = Some(0.7);
    assert_ne!(base, digest(threshold));
}

#[test]
fn wrong_and_slices() {
    let program = Program::compile(&workflow()).unwrap();
    let step = program.step("route").unwrap();
    assert_eq!(step.wrong("route", &input(), &output(), &json!({ "team": "cards" })), Ok(false));
    assert_eq!(step.wrong("route", &input(), &output(), &json!({ "team": "loans" })), Ok(true));
    assert_eq!(step.wrong("route", &input(), &output(), &json!({})).unwrap_err().code(), "no_field");
    assert_eq!(step.wrong("other", &input(), &output(), &json!({})).unwrap_err().code(), "no_value");
    assert_eq!(step.in_slice("long", &input()), Ok(false));
    assert_eq!(step.in_slice("long", &json!({ "text": "y".repeat(51) })), Ok(true));
    assert_eq!(step.in_slice("other", &input()).unwrap_err().code(), "no_value");
    assert!(step.guaranteed_slices(&json!({ "text": "y".repeat(51) })).is_empty(), "it is reported");
}

#[test]
fn a_slice_with_a_guarantee_of_its_own_holds_what_cannot_be_told() {
    let mut workflow = workflow();
    workflow.slices.get_mut("long").unwrap().required = true;
    let program = Program::compile(&workflow).unwrap();
    let of = |input: serde_json::Value| program.step("route").unwrap().guaranteed_slices(&input);
    assert_eq!(of(json!({ "text": "y".repeat(51) })), [("slices.long".into(), false)]);
    assert_eq!(of(input()), []);
    assert_eq!(of(json!({ "text": null })), [("slices.long".into(), true)]);
    assert_eq!(of(json!({})), [("slices.long".into(), true)]);
}
