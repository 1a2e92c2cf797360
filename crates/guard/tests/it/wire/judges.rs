//! Judges, agreement, and replay of both.

use super::*;
use seatrial_guard::replay::{Change, NeedsOutput, Side};

#[test]
fn what_a_judge_says_is_weighed() {
    let program = with_judge();
    let step = program.step("answer").unwrap();
    assert_eq!((step.judges(), step.samples(), step.asks_others()), (&["check".to_owned()][..], 0, true));
    let asks = step.judge_asks(&input(), &Candidate::value(&answer()).parts);
    assert_eq!(asks.len(), 1);
    assert_eq!((asks[0].key.as_str(), asks[0].step.as_str()), ("check", "check"));
    // What the model never saw, its judge does not see.
    assert_eq!(asks[0].input, json!({ "input": { "text": "Where is my card?", "vip": false }, "output": answer() }));
    let with = |answers: &[(&str, Judged)]| {
        judged(&program, &input(), &Candidate { aside: said(answers), ..Candidate::value(&answer()) })
    };
    let (judgement, decision) = with(&[("check", verdict(true, 0.8))]);
    assert_eq!((says(&judgement, "require.is-ok"), decision.verdict), (met(), Verdict::Allow));
    assert_eq!((judgement.confidence.value, judgement.confidence.source.as_str()), (0.8, "judge:check"));
    assert_eq!(with(&[("check", verdict(true, 0.4))]).1.because, ["steps.answer.escalate.unsure".into()]);
    assert_eq!(with(&[("check", verdict(false, 0.8))]).1.because, ["steps.answer.require.is-ok".into()]);
    assert!(with(&[("check", verdict(true, 0.05))]).1.review.unwrap().own, "`never` is a person's own decision");
    // Silence, and what is no answer, weighs as an objection.
    let not_run = |code: &str| (FindingResult::NotRun, code.to_owned());
    for (answers, code) in [
        (vec![], codes::NOT_JUDGED),
        (vec![("other", verdict(true, 1.0))], codes::NOT_JUDGED),
        (vec![("check", Judged::Failed("timed_out".to_owned()))], "timed_out"),
        (vec![("check", Judged::Failed("Dear Ana, no".to_owned()))], codes::JUDGE_FAILED),
        (vec![("check", Judged::Said(json!({ "ok": true })))], codes::JUDGE_SCHEMA),
        (vec![("check", Judged::Said(json!("yes")))], codes::JUDGE_SCHEMA),
    ] {
        let (judgement, decision) = with(&answers);
        assert_eq!((says(&judgement, "require.is-ok"), decision.verdict), (not_run(code), Verdict::Escalate));
        assert!(!judgement.confidence.present);
        assert!(!judgement.inspected[0].by.iter().any(|p| p.name() == "is-ok"), "it did not look");
    }
    // Confidence beyond one is no confidence.
    assert!(!with(&[("check", verdict(true, 1.5))]).0.confidence.present);
}

#[test]
fn each_choice_is_judged() {
    let program = with_judge();
    let step = program.step("answer").unwrap();
    let parts = vec![text(0, answer().to_string()), text(1, answer().to_string())];
    let asks = step.judge_asks(&input(), &parts);
    assert_eq!(asks.iter().map(|a| a.key.as_str()).collect::<Vec<_>>(), ["check", "check#1"]);
    let with = |answers: &[(&str, Judged)]| {
        judged(&program, &input(), &Candidate { aside: said(answers), ..candidate(parts.clone()) })
    };
    let (judgement, decision) = with(&[("check", verdict(true, 0.9)), ("check#1", verdict(true, 0.7))]);
    assert_eq!((decision.verdict, judgement.confidence.value), (Verdict::Allow, 0.7));
    assert_eq!(with(&[("check", verdict(true, 0.9)), ("check#1", verdict(false, 0.9))]).1.verdict, Verdict::Escalate);
    assert_eq!(with(&[("check", verdict(true, 0.9))]).1.verdict, Verdict::Escalate, "the other was not judged");
    // What no judge could save is not asked about; nor is a call of a tool.
    assert_eq!(step.judge_asks(&input(), &[text(0, "{}")]), []);
    assert_eq!(step.judge_asks(&input(), &call(0, 0, "search", search("card", 1))), []);
    let (judgement, decision) = judged(&program, &input(), &candidate(call(0, 0, "search", search("card", 1))));
    assert_eq!((says(&judgement, "require.is-ok").1.as_str(), decision.verdict), (codes::TOOL_TURN, Verdict::Allow));
}

#[test]
fn changed_bytes_are_judged_again() {
    let program = with_judge();
    let step = program.step("answer").unwrap();
    let output = json!({ "answer": "Ask eve@bank.example", "team": "a", "sure": 0.9 });
    let mut first = Candidate { aside: said(&[("check", verdict(true, 0.9))]), ..Candidate::value(&output) };
    let (judgement, decision) = judged(&program, &input(), &first);
    assert_eq!(decision.verdict, Verdict::Escalate, "nobody judged what would leave");
    let changed = judgement.modified.unwrap();
    let asks = step.judge_asks(&input(), &changed.parts);
    assert_eq!(asks[0].input["output"]["answer"], "Ask [email]");
    for (ok, want) in [(true, Verdict::Modify), (false, Verdict::Escalate)] {
        first.aside.modified = Some(Box::new(said(&[("check", verdict(ok, 0.9))])));
        assert_eq!(judged(&program, &input(), &first).1.verdict, want);
    }
}

#[test]
fn nobody_judges_what_a_person_wrote() {
    let program = with_judge();
    let step = program.step("answer").unwrap();
    assert!(step.check_authored(&input(), &answer()).iter().all(|f| !f.objects()));
    assert_eq!(step.never_violated(&input(), &answer()), []);
}

#[test]
fn samples_agree_in_what_decides_whether_it_is_wrong() {
    let by = |edits: &[(&str, &str)]| {
        let mut all = vec![("    confidence: output.sure", "    confidence: { agreement: 4 }")];
        all.extend(edits);
        program(&all)
    };
    let text = |team: &str, answer: &str| {
        Judged::Said(Value::String(json!({ "answer": answer, "team": team, "sure": 0 }).to_string()))
    };
    let share = |program: &Program, samples: &[Judged]| {
        let aside = Aside { samples: samples.to_vec(), ..Aside::default() };
        let step = program.step("answer").unwrap();
        let confidence = step.judge(&input(), &Candidate { aside, ..Candidate::value(&answer()) }).confidence;
        confidence.present.then_some(confidence.value)
    };
    let program = by(&[]);
    let step: &StepProgram = program.step("answer").unwrap();
    assert_eq!((step.samples(), step.asks_others()), (3, true));
    let (same, other, failed) = (text("cards", "Anything"), text("loans", "x"), Judged::Failed("timed_out".to_owned()));
    let unreadable = Judged::Said(Value::String("{}".to_owned()));
    for (samples, want) in [
        (vec![], None),
        (vec![same.clone(), same.clone(), same.clone()], Some(1.0)),
        (vec![same.clone(), other.clone(), same.clone()], Some(0.75)),
        (vec![same.clone()], Some(0.5)),
        (vec![failed.clone(), unreadable, other], Some(0.25)),
        // More than was asked for counts for nothing.
        (vec![failed.clone(), failed.clone(), failed, same.clone()], Some(0.25)),
    ] {
        assert_eq!(share(&program, &samples), want, "{samples:?}");
    }
    // Where no threshold says what is wrong, all of it has to agree, however numbers are written.
    let whole = by(&[("confidence < thresholds.sure", "confidence < 0.5")]);
    assert_eq!(share(&whole, &[same]), Some(0.25));
    let spelt = r#"{ "sure": 9e-1, "team": "c\u0061rds", "answer": "On its way." }"#;
    assert_eq!(share(&whole, &[Judged::Said(Value::String(spelt.to_owned()))]), Some(0.5));
    // `wrong_when` over the whole output is that, too.
    let every = by(&[("output.team != expected.team", "output != expected")]);
    assert_eq!(share(&every, &[text("cards", "Anything")]), Some(0.25));
}

#[test]
fn what_was_kept_is_what_was_judged() {
    use seatrial_guard::candidate::payload_of;
    let mut parts = vec![text(0, answer().to_string())];
    parts.extend(call(0, 0, "search", search("card", 1)));
    parts.push(Part { name: "choices.0.reasoning".to_owned(), kind: PartKind::Reasoning, text: "hm".to_owned() });
    parts.push(Part { name: "choices.0.other".to_owned(), kind: PartKind::Other, text: "[1]".to_owned() });
    let aside = Aside {
        samples: vec![Judged::Failed("timed_out".to_owned())],
        modified: Some(Box::new(said(&[("check", verdict(false, 0.2))]))),
        ..said(&[("check", verdict(true, 0.5))])
    };
    let kept = serde_json::to_vec(&aside).unwrap();
    let names: Vec<&str> = parts.iter().map(|p| p.name.as_str()).collect();
    let again = Candidate::rebuild(&names, payload_of(&parts).as_bytes(), Some(&kept)).unwrap();
    assert_eq!(again, Candidate { aside, ..candidate(parts.clone()) });
    assert!(Candidate::rebuild(&names, b"{}", None).is_err());
    assert!(Candidate::rebuild(&["choices.0.text"], b"x", Some(b"x")).is_err());
}

/// Replay of what calls tools and what was judged is what the guard would have said.
fn side(edits: &[(&str, &str)]) -> Side {
    let workflow = std::sync::Arc::new(workflow(edits));
    Side { program: std::sync::Arc::new(Program::compile(&workflow).unwrap()), workflow }
}

#[test]
fn replay_reads_calls_and_judges() {
    use seatrial_guard::candidate::payload_of;
    use seatrial_guard::replay::{Outcome, Payloads, Recorded};
    let judges = ("    require:\n", "    require:\n      is-ok: { judge: check, rule: \"judged.ok\" }\n");
    let calm = ("confidence < thresholds.sure", "confidence < 0.95");
    let specs = [
        side(&[judges]),
        side(&[judges, ("arguments.limit > 5", "arguments.limit > 2")]),
        side(&[judges, ("      hang_up: {}\n", "")]),
        side(&[judges, (between("    tools:\n", "    fallback"), "    tools: {}\n")]),
        side(&[judges, (between("    tools:\n", "    fallback"), "")]),
        side(&[judges, calm]),
        side(&[judges, ("size(input.text) < 3", "size(input.text) < 30")]),
        side(&[("    require:\n", "    require:\n      is-ok: { judge: check, rule: \"judged.confidence > 0.5\" }\n")]),
        side(&[judges, ("size(output.answer) < 60", "size(output.answer) < 6")]),
    ];
    let both = [vec![text(0, answer().to_string())], call(0, 0, "search", search("card", 3))].concat();
    let asked = |parts: Vec<Part>, ok, confidence| Candidate {
        aside: said(&[("check", verdict(ok, confidence))]),
        ..candidate(parts)
    };
    let cases = [
        candidate(call(0, 0, "search", search("card", 3))),
        candidate(call(0, 0, "hang_up", "{}")),
        candidate(call(0, 0, "delete_all", "{}")),
        asked(vec![text(0, answer().to_string())], true, 0.2),
        asked(vec![text(0, answer().to_string())], false, 0.9),
        asked(both.clone(), true, 0.9),
        candidate(both),
    ];
    let uuid = uuid::Uuid::from_u128(7);
    let input = input();
    let kept = input.to_string();
    let pass = |side: &Side, candidate: &Candidate| {
        let step = side.program.step("answer").unwrap();
        let facts = facts(&step.judge(&input, candidate), step.check_input(&input));
        let decision = decide(step.plan(), &facts);
        (facts, decision)
    };
    for old in &specs {
        for new in &specs {
            let change = Change::between(Some(old), new, "answer").unwrap();
            for candidate in &cases {
                let (facts, then) = pass(old, candidate);
                let mut recorded = Recorded {
                    decision: seatrial_model::DecisionId::new(uuid),
                    step: "answer".to_owned(),
                    entry: seatrial_model::event::Entry::Proxy,
                    facts,
                    verdict: then.verdict,
                    because: then.because,
                    review: None,
                };
                let output = payload_of(&candidate.parts);
                let aside = serde_json::to_vec(&candidate.aside).unwrap();
                let held = Payloads {
                    input: Some(kept.as_bytes()),
                    output: Some(output.as_bytes()),
                    aside: Some(&aside).filter(|_| !candidate.aside.is_empty()).map(Vec::as_slice),
                };
                let (_, now) = pass(new, candidate);
                assert_eq!(change.decide(&mut recorded, held), Outcome::Again(now), "{output}");
            }
        }
    }
}

/// Another judge says another thing, and one that was not asked has said nothing.
#[test]
fn replay_asks_for_judges_that_were_not_asked() {
    let judges = ("    require:\n", "    require:\n      is-ok: { judge: check, rule: \"judged.ok\" }\n");
    let asked = side(&[judges]);
    let other = ("name: another-model }", "name: third-model }");
    let change = Change::between(Some(&asked), &side(&[judges, other]), "answer").unwrap();
    assert_eq!(change.needs_output(), Some(NeedsOutput::Judge));
    let change = Change::between(Some(&side(&[])), &asked, "answer").unwrap();
    assert_eq!(change.needs_output(), Some(NeedsOutput::Judge));
    let change = Change::between(Some(&asked), &side(&[]), "answer").unwrap();
    assert_eq!(change.needs_output(), None);
}
