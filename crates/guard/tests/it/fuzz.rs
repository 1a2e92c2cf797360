//! Hostile text: no panic, bounded time, nothing detected left behind.

use crate::fixture::{detect, facts, input, output, rule, with, workflow};
use proptest::prelude::*;
use seatrial_guard::detect::Detector;
use seatrial_guard::redact::redact;
use seatrial_guard::{Candidate, Part, PartKind, Program, decide};
use seatrial_model::Verdict;
use seatrial_spec::workflow::Else;
use serde_json::{Value, json};

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("team|action|reason|quote|confidence|count|text|amount|.{0,8}", inner, 0..6)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// Text with pieces that detectors look for, glued together in any way.
fn personal() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("ana@bank.example".to_owned()),
        Just("4111 1111 1111 1111".to_owned()),
        Just("DE89370400440532013000".to_owned()),
        Just("+34 600 123 456".to_owned()),
        Just("192.168.0.1".to_owned()),
        Just("https://bank.example/x".to_owned()),
        Just("token=a8Zk2Lq9Xw4Rt7Yp".to_owned()),
        Just("12345678Z".to_owned()),
        "[0-9 .\\-+()@a-z:/\u{200b}\u{ff10}-\u{ff19}]{0,12}",
        ".{0,6}",
    ];
    prop::collection::vec(piece, 0..8).prop_map(|p| p.concat())
}

fn detectors() -> Vec<Detector> {
    seatrial_guard::detect::NAMES.iter().map(|n| Detector::named(n).unwrap()).collect()
}

proptest! {
    #[test]
    fn judging_any_text_is_total(text in prop_oneof![".{0,200}", any_json().prop_map(|v| v.to_string()), personal()],
                                 arguments in ".{0,60}", input in any_json(), claimed in any::<f64>()) {
        let program = Program::compile(&workflow()).unwrap();
        let step = program.step("route").unwrap();
        let mut candidate = Candidate { confidence: Some(claimed), ..Candidate::text(text) };
        candidate.parts.push(Part { name: "choices.0.tool_calls.0.arguments".into(), kind: PartKind::ToolArguments, text: arguments });
        let judgement = step.judge(&input, &candidate);
        prop_assert_eq!(judgement.findings.len(), step.plan().checks.len());
        prop_assert_eq!(judgement.whens.len(), 2);
        prop_assert_eq!(judgement.inspected.len(), 2);
        prop_assert!((0.0..=1.0).contains(&judgement.confidence.value));
        let _ = step.withhold(&input);
        let decision = decide(step.plan(), &facts(&judgement, step.check_input(&input)));
        prop_assert_eq!(decision.verdict == Verdict::Allow, decision.because.is_empty());
        // Judged again it is the same: no clock, no chance.
        prop_assert_eq!(step.judge(&input, &candidate), judgement);
    }

    #[test]
    fn spans_are_exact_and_redaction_leaves_nothing(text in personal()) {
        let detectors = detectors();
        let mut found = false;
        for detector in &detectors {
            let mut last = 0;
            for span in detector.find(&text) {
                prop_assert!(text.get(span.clone()).is_some_and(|t| !t.is_empty()), "{span:?}");
                prop_assert!(span.start >= last, "ordered, without overlap");
                last = span.end;
                found = true;
            }
        }
        match redact(&detectors, &text) {
            Some(clean) => {
                prop_assert!(found);
                for detector in &detectors {
                    prop_assert!(detector.find(&clean).is_empty(), "{} in {clean:?}", detector.name());
                }
            }
            None => prop_assert!(!found),
        }
    }

    #[test]
    fn what_is_released_after_a_modify_is_clean(text in personal()) {
        let all = seatrial_guard::detect::NAMES;
        let redacts = with(|s| {
            s.require.clear();
            s.forbid = vec![rule("forbid", "personal-data", detect(&all, None), Else::Modify)];
        });
        let program = Program::compile(&redacts).unwrap();
        let step = program.step("route").unwrap();
        let mut out = output();
        out["reason"] = json!(text);
        let judgement = step.judge(&input(), &Candidate::value(&out));
        let decision = decide(step.plan(), &facts(&judgement, step.check_input(&input())));
        if decision.verdict == Verdict::Modify {
            let released = judgement.modified.unwrap().output.unwrap();
            for detector in detectors() {
                prop_assert!(detector.find(released["reason"].as_str().unwrap()).is_empty());
            }
        } else {
            prop_assert_ne!(decision.verdict, Verdict::Warn);
            prop_assert!(decision.verdict != Verdict::Allow || detectors().iter().all(|d| d.find(&text).is_empty()));
        }
    }
}
