//! One candidate at a time: what is found, what is decided.

use crate::fixture::{cel, detect, facts, input, output, rule, with, workflow};
use seatrial_guard::{Candidate, Decision, Judgement, Part, PartKind, Program, TokenLogprob, decide};
use seatrial_model::facts::FindingResult;
use seatrial_model::{Action, Finding, Verdict};
use seatrial_spec::workflow::{Check, ConfidenceSource, Else, Workflow};
use serde_json::{Value, json};

fn judge(workflow: &Workflow, input: &Value, candidate: &Candidate) -> (Judgement, Decision) {
    let program = Program::compile(workflow).unwrap();
    let step = program.step("route").unwrap();
    let judgement = step.judge(input, candidate);
    let decision = decide(step.plan(), &facts(&judgement, step.check_input(input)));
    (judgement, decision)
}

fn changed(change: impl FnOnce(&mut Value)) -> Candidate {
    let mut output = output();
    change(&mut output);
    Candidate::value(&output)
}

fn found<'j>(findings: &'j [Finding], name: &str) -> &'j Finding {
    findings.iter().find(|f| f.path.name() == name).unwrap()
}

fn because(decision: &Decision) -> Vec<&str> {
    decision.because.iter().map(|p| p.as_str()).collect()
}

#[test]
fn a_good_output_passes_and_every_check_inspected_it() {
    let (judgement, decision) = judge(&workflow(), &input(), &Candidate::value(&output()));
    assert_eq!((decision.verdict, decision.action, decision.code), (Verdict::Allow, Action::Allow, "allowed"));
    assert!(decision.because.is_empty() && decision.review.is_none() && !decision.audit);
    let paths: Vec<_> = judgement.findings.iter().map(|f| f.path.as_str().to_owned()).collect();
    assert_eq!(
        paths,
        [
            "steps.route.output",
            "steps.route.require.says-why",
            "steps.route.require.quotes",
            "steps.route.forbid.promises-money",
            "steps.route.forbid.personal-data",
            "steps.route.forbid.secrets",
            "steps.route.never.closes",
        ]
    );
    assert_eq!(judgement.inspected.len(), 1);
    assert_eq!(judgement.inspected[0].by.len(), 7);
    assert_eq!(judgement.output, Some(output()));
    assert!(judgement.confidence.present);
    assert_eq!(judgement.confidence.source, "output.confidence");
}

#[test]
fn each_rule_objects_in_its_own_way() {
    for (field, value, verdict, why) in [
        ("reason", json!("short"), Verdict::Escalate, "steps.route.require.says-why"),
        ("quote", json!("never said"), Verdict::Escalate, "steps.route.require.quotes"),
        ("quote", json!(" "), Verdict::Escalate, "steps.route.require.quotes"),
        ("reason", json!("We shall REFUND you the whole amount"), Verdict::Deny, "steps.route.forbid.promises-money"),
        ("note", json!("password: hunter2Xy9Lq0aa"), Verdict::Deny, "steps.route.forbid.secrets"),
        ("action", json!("close"), Verdict::Escalate, "steps.route.never.closes"),
        ("team", json!("sales"), Verdict::Escalate, "steps.route.output"),
        ("confidence", json!(0.5), Verdict::Escalate, "steps.route.escalate.unsure"),
    ] {
        let (_, decision) = judge(&workflow(), &input(), &changed(|o| o[field] = value.clone()));
        assert_eq!((decision.verdict, because(&decision)), (verdict, vec![why]), "{field} = {value}");
    }
}

#[test]
fn never_is_a_persons_own_decision_but_a_denial_stays_one() {
    let (_, decision) = judge(&workflow(), &input(), &changed(|o| o["action"] = json!("close")));
    let review = decision.review.unwrap();
    assert!(review.own);
    assert_eq!((review.to.as_str(), review.within_ms), ("supervisors", Some(14_400_000)));
    let (_, decision) = judge(
        &workflow(),
        &input(),
        &changed(|o| {
            o["action"] = json!("close");
            o["reason"] = json!("A refund was promised to the customer");
        }),
    );
    assert_eq!((decision.verdict, decision.code), (Verdict::Deny, "output_denied"));
    assert_eq!(because(&decision), ["steps.route.forbid.promises-money", "steps.route.never.closes"]);
}

#[test]
fn redaction_has_exact_spans_and_is_checked_again() {
    let reason = "Écrivez à ana@bank.example or pay DE89 3704 0044 0532 0130 00 today";
    let (judgement, decision) = judge(&workflow(), &input(), &changed(|o| o["reason"] = json!(reason)));
    assert_eq!((decision.verdict, decision.action), (Verdict::Modify, Action::Modify));
    let spans = &found(&judgement.findings, "personal-data").spans;
    let texts: Vec<&str> =
        spans.iter().map(|s| &reason[usize::try_from(s.start).unwrap()..usize::try_from(s.end).unwrap()]).collect();
    assert_eq!(texts, ["ana@bank.example", "DE89 3704 0044 0532 0130 00"]);
    assert!(spans.iter().all(|s| s.part == "/reason"));
    let modified = judgement.modified.unwrap();
    assert_eq!(modified.output.unwrap()["reason"], "Écrivez à [email] or pay [iban] today");
    assert!(judgement.after_modify.unwrap().iter().all(|f| !f.objects()));
    // Key order and everything else stay.
    assert!(modified.parts[0].text.starts_with(r#"{"team":"cards","action":"assign","reason":"#));
}

#[test]
fn a_redaction_that_breaks_another_rule_escalates() {
    let (judgement, decision) =
        judge(&workflow(), &input(), &changed(|o| o["reason"] = json!("ana.maria.lopez@bank.example")));
    assert_eq!(found(judgement.after_modify.as_ref().unwrap(), "says-why").result, FindingResult::Violated);
    assert_eq!(decision.verdict, Verdict::Escalate);
    assert_eq!(because(&decision), ["steps.route.require.says-why", "steps.route.forbid.personal-data"]);
}

#[test]
fn text_that_is_no_output_is_never_met() {
    for (text, code) in [
        ("I would say cards.", "not_json"),
        (r#"{"team":"cards","team":"loans"}"#, "duplicate_key"),
        ("```json\n{}\n```", "not_json"),
        ("", "not_json"),
    ] {
        let (judgement, decision) = judge(&workflow(), &input(), &Candidate::text(text));
        assert_eq!(found(&judgement.findings, "output").code, code, "{text}");
        assert!(judgement.output.is_none() && judgement.whens.iter().all(|w| w.holds && w.failed));
        assert_eq!(found(&judgement.findings, "says-why").result, FindingResult::NotRun);
        assert!(decision.verdict >= Verdict::Escalate, "{text}");
        assert_eq!((judgement.confidence.value, judgement.confidence.present), (0.0, false));
    }
    let huge = Candidate::text("a".repeat(seatrial_guard::json::TEXT_BYTES_MAX + 1));
    let (judgement, decision) = judge(&workflow(), &input(), &huge);
    assert!(judgement.findings.iter().all(|f| f.result == FindingResult::NotRun && f.code == "too_large"));
    assert_eq!(decision.verdict, Verdict::Deny);
    assert!(judgement.inspected[0].by.is_empty());
}

#[test]
fn numbers_are_bound_by_the_schema() {
    // `amount` is a number: 20000 is a double, and compares with 10000.0; `count` is an integer: 3.0 is an int.
    let mut large = input();
    large["amount"] = json!(20_000);
    let (_, decision) = judge(&workflow(), &large, &Candidate::value(&output()));
    assert_eq!(because(&decision), ["steps.route.escalate.large"]);
    let adds = with(|s| {
        s.require = vec![cel("require", "adds", "output.count + 1 == 4 && input.amount / 2.0 == 60.0", Else::Escalate)]
    });
    let (judgement, _) = judge(&adds, &input(), &changed(|o| o["count"] = json!(3.0)));
    assert_eq!(found(&judgement.findings, "adds").result, FindingResult::Met);
    for outside in ["9223372036854775808", "1e30", "-9223372036854775809"] {
        let text = Candidate::value(&output()).parts[0].text.replacen('{', &format!("{{\"count\":{outside},"), 1);
        let (judgement, decision) = judge(&workflow(), &input(), &Candidate::text(text));
        assert_eq!(found(&judgement.findings, "output").code, "integer_range", "{outside}");
        assert_eq!(found(&judgement.findings, "closes").result, FindingResult::NotRun);
        assert!(decision.verdict >= Verdict::Escalate);
    }
}

#[test]
fn every_choice_is_judged() {
    let mut candidate = Candidate::value(&output());
    let second = changed(|o| {
        o["action"] = json!("close");
        o["reason"] = json!("Write to ana@bank.example about the double charge");
        o["confidence"] = json!(0.1);
    });
    candidate.parts.push(Part { name: "choices.1.text".to_owned(), ..second.parts[0].clone() });
    let (judgement, decision) = judge(&workflow(), &input(), &candidate);
    assert_eq!(found(&judgement.findings, "closes").result, FindingResult::Violated);
    assert_eq!(found(&judgement.findings, "personal-data").spans[0].part, "choices.1.text#/reason");
    assert!((judgement.confidence.value - 0.1).abs() < 1e-9);
    assert!(decision.review.unwrap().own);
    let parts = judgement.modified.unwrap().parts;
    assert_eq!(parts[0].text, candidate.parts[0].text);
    assert!(parts[1].text.contains("[email]"));
}

#[test]
fn parts_that_nobody_inspected_are_named() {
    let mut candidate = Candidate::value(&output());
    for (name, kind) in
        [("choices.0.reasoning", PartKind::Reasoning), ("choices.0.tool_calls.0.arguments", PartKind::ToolArguments)]
    {
        candidate.parts.push(Part {
            name: name.to_owned(),
            kind,
            text: r#"{"to":"ana\u0040bank.example"}"#.to_owned(),
        });
    }
    let narrow = with(|s| s.forbid.clear());
    let (judgement, _) = judge(&narrow, &input(), &candidate);
    assert!(!judgement.inspected[0].by.is_empty());
    assert!(judgement.inspected[1].by.is_empty() && judgement.inspected[2].by.is_empty());
    // A detector over all text looks at them too, behind their escapes.
    let wide = with(|s| s.forbid = vec![rule("forbid", "pii", detect(&["email"], None), Else::Modify)]);
    let (judgement, decision) = judge(&wide, &input(), &candidate);
    assert!(judgement.inspected[2].by.iter().any(|p| p.name() == "pii"));
    let parts: Vec<_> = found(&judgement.findings, "pii").spans.iter().map(|s| s.part.as_str()).collect();
    assert_eq!(parts, ["choices.0.reasoning#/*", "choices.0.tool_calls.0.arguments#/*"]);
    assert_eq!(judgement.modified.unwrap().parts[2].text, r#"{"to":"[email]"}"#);
    // Reasoning is not read as JSON when redacting: what is still found after it escalates.
    assert_eq!(decision.verdict, Verdict::Escalate);
}

#[test]
fn what_a_model_wrote_never_enters_a_finding() {
    let all = with(|s| s.forbid = vec![rule("forbid", "pii", detect(&["email"], None), Else::Modify)]);
    let (judgement, decision) =
        judge(&all, &input(), &changed(|o| o["ana@bank.example"] = json!({ "bob@bank.example": "eve@bank.example" })));
    let text = serde_json::to_string(&judgement.findings).unwrap();
    assert!(!text.contains("bank.example"), "{text}");
    assert_eq!(found(&judgement.findings, "pii").spans[0].part, "/*/*");
    // Keys cannot be redacted: a person answers.
    assert_eq!(decision.verdict, Verdict::Escalate);
}

#[test]
fn confidence_comes_from_where_the_spec_says() {
    let candidate = |confidence| Candidate { confidence, ..Candidate::value(&output()) };
    let caller = with(|s| s.confidence = Some(ConfidenceSource::Caller));
    for (claimed, value, present) in
        [(Some(0.9), 0.9, true), (Some(f64::NAN), 0.0, false), (Some(1.01), 0.0, false), (None, 0.0, false)]
    {
        let (judgement, _) = judge(&caller, &input(), &candidate(claimed));
        assert_eq!((judgement.confidence.value, judgement.confidence.present), (value, present), "{claimed:?}");
    }
    for bad in [json!("0.99"), json!(-0.1), json!(null), json!([0.99])] {
        let (judgement, decision) = judge(&workflow(), &input(), &changed(|o| o["confidence"] = bad.clone()));
        assert_eq!((judgement.confidence.value, judgement.confidence.present), (0.0, false), "{bad}");
        assert!(decision.because.iter().any(|p| p.name() == "unsure"));
    }
    let agreement = with(|s| s.confidence = Some(ConfidenceSource::Agreement(5)));
    let (judgement, _) = judge(&agreement, &input(), &candidate(Some(1.0)));
    assert!(!judgement.confidence.present, "nobody was asked");
}

#[test]
fn logprobs_are_those_of_the_fields_tokens() {
    let source = Some(ConfidenceSource::Logprobs("output.team".to_owned()));
    let text = r#"{"reason":"a \"team\": x","team":"cards"}"#;
    let tokens = [(r#"{"reason":"a \"team\": x","team":""#, -3.0), ("car", -0.1), (r#"ds""#, -0.2), ("}", -5.0)];
    let logprobs = |tokens: &[(&str, f64)]| -> Vec<TokenLogprob> {
        tokens.iter().map(|(t, p)| TokenLogprob { token: (*t).to_owned(), logprob: *p }).collect()
    };
    let by_tokens = with(|s| s.confidence = source);
    let good = Candidate { logprobs: logprobs(&tokens), ..Candidate::text(text) };
    let (judgement, _) = judge(&by_tokens, &input(), &good);
    assert!((judgement.confidence.value - (-0.3_f64).exp()).abs() < 1e-12);
    // Tokens that spell another text are not about this one.
    for broken in [&tokens[1..], &tokens[..3]] {
        let (judgement, _) = judge(&by_tokens, &input(), &Candidate { logprobs: logprobs(broken), ..good.clone() });
        assert!(!judgement.confidence.present);
    }
}

#[test]
fn a_denied_input_is_denied_before_anything_else() {
    let program = Program::compile(&workflow()).unwrap();
    let step = program.step("route").unwrap();
    let long = json!({ "text": "x".repeat(201), "amount": 1.0 });
    let findings = step.check_input(&long);
    assert_eq!(found(&findings, "too-long").result, FindingResult::Violated);
    assert_eq!(found(&findings, "input").result, FindingResult::Met);
    let findings = step.check_input(&json!({ "amount": -1 }));
    assert_eq!(
        (found(&findings, "input").result, found(&findings, "input").code.as_str()),
        (FindingResult::Violated, "required")
    );
    assert_eq!(
        (found(&findings, "too-long").result, found(&findings, "too-long").code.as_str()),
        (FindingResult::NotRun, "no_field")
    );
}

#[test]
fn what_binds_people_is_not_what_binds_ai() {
    let program = Program::compile(&workflow()).unwrap();
    let step = program.step("route").unwrap();
    let mut own = output();
    own["action"] = json!("close");
    assert_eq!(step.never_violated(&input(), &own).len(), 1);
    assert!(step.never_violated(&input(), &output()).is_empty());
    assert!(step.check_authored(&input(), &own).iter().all(|f| !f.objects()));
    own["reason"] = json!("A refund was promised by the branch");
    assert_eq!(step.check_authored(&input(), &own).iter().filter(|f| f.objects()).count(), 1);
}

#[test]
fn own_expressions_and_wrongly_typed_rules() {
    let own = Check::Detect { detectors: Vec::new(), regexes: vec!["(?i)project\\s+\\w+".to_owned()], within: None };
    let workflow = with(|s| {
        s.forbid = vec![
            rule("forbid", "codename", own, Else::Modify),
            cel("forbid", "typed", "output.reason > 3", Else::Warn),
        ];
    });
    let (judgement, decision) = judge(
        &workflow,
        &input(),
        &changed(|o| o["reason"] = json!("This belongs to Project Orca, as everybody knows")),
    );
    assert_eq!(
        (found(&judgement.findings, "typed").result, found(&judgement.findings, "typed").code.as_str()),
        (FindingResult::NotRun, "wrong_type")
    );
    assert_eq!(judgement.modified.unwrap().output.unwrap()["reason"], "This belongs to [regex], as everybody knows");
    // The rule that does not run objects again on the changed bytes.
    assert_eq!(decision.verdict, Verdict::Escalate);
}
