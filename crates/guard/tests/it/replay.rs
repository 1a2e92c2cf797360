//! Replay says what the guard would have said: every pair of specs, every case, beside the passage itself.
#![expect(clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]

use crate::fixture::{self, cel, detect, rule, with, workflow};
use seatrial_guard::replay::{
    Change, NeedsOutput, Outcome, Payloads, Recorded, Replay, Side, Tally, Triage, in_parallel,
};
use seatrial_guard::{Candidate, Decision, Program, StepProgram, decide};
use seatrial_model::event::{Entry, ReviewOpened};
use seatrial_model::facts::{CertificateState, SliceFact};
use seatrial_model::{DecisionId, Digest, ElementPath, Facts, ReviewId, Time, Verdict};
use seatrial_spec::Workflow;
use seatrial_spec::workflow::{Audit, ConfidenceSource, Else, Escalation};
use serde_json::{Value, json};
use std::sync::Arc;

fn side(workflow: Workflow) -> Side {
    let program = Arc::new(Program::compile(&workflow).unwrap());
    Side { workflow: Arc::new(workflow), program }
}

/// One passage, as the factory makes it: a refused input reaches no model.
fn pass(program: &StepProgram, input: &Value, output: &str) -> (Facts, Decision) {
    let findings = program.check_input(input);
    let mut judgement = program.judge(input, &Candidate::text(output));
    if findings.iter().any(seatrial_model::Finding::objects) {
        judgement.findings.clear();
        judgement.whens.clear();
        judgement.after_modify = None;
        judgement.inspected.clear();
    }
    let mut facts = fixture::facts(&judgement, findings);
    let certified = |(path, failed)| SliceFact { path, state: CertificateState::Certified, failed };
    facts.slices = program.guaranteed_slices(input).into_iter().map(certified).collect();
    facts.attempts = program.plan().attempts;
    let decision = decide(program.plan(), &facts);
    (facts, decision)
}

fn recorded(facts: Facts, decision: &Decision) -> Recorded {
    let review = decision.review.as_ref().map(|ask| ReviewOpened {
        review: ReviewId::new(uuid()),
        to: ask.to.clone(),
        own: ask.own,
        within_ms: ask.within_ms,
        seeded: false,
    });
    let because = decision.because.clone();
    Recorded {
        decision: DecisionId::new(uuid()),
        step: "route".to_owned(),
        entry: Entry::Decide,
        facts,
        verdict: decision.verdict,
        because,
        review,
    }
}

fn uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(7)
}

/// Cases that between them make every rule object, and read badly in several ways.
fn cases() -> Vec<(Value, String)> {
    let good = fixture::output();
    let but = |change: &dyn Fn(&mut Value)| {
        let mut output = good.clone();
        change(&mut output);
        output.to_string()
    };
    let outputs = [
        good.to_string(),
        but(&|o| o["confidence"] = json!(0.55)),
        but(&|o| o["confidence"] = json!(0.85)),
        but(&|o| o["confidence"] = json!("high")),
        but(&|o| o["reason"] = json!("short")),
        but(&|o| o["reason"] = json!("They want a refund for a card that was charged twice.")),
        but(&|o| o["reason"] = json!("Write to ana@bank.example about the card 4111 1111 1111 1111.")),
        but(&|o| o["reason"] = json!("A refund to ana@bank.example, as she has asked us for.")),
        but(&|o| o["action"] = json!("close")),
        but(&|o| o["quote"] = json!("never said")),
        but(&|o| o["team"] = json!("nobody")),
        but(&|o| o["count"] = json!(3)),
        "cards, I think".to_owned(),
        String::new(),
    ];
    let inputs = [
        fixture::input(),
        json!({ "text": "My card was charged twice.", "amount": 20_000 }),
        json!({ "text": "My card was charged twice.", "amount": -1 }),
        json!({ "text": format!("{} charged twice", "long ".repeat(60)), "amount": 5 }),
        json!({ "text": "charged twice", "amount": 5, "count": 9_223_372_036_854_775_807_u64 }),
        json!({ "text": "mail me at ana@bank.example, charged twice", "amount": 15 }),
    ];
    inputs.iter().flat_map(|i| outputs.iter().map(|o| (i.clone(), o.clone()))).collect()
}

/// Specs as people edit them: each leaves the prompt, the model and the output type alone.
fn specs() -> Vec<(&'static str, Workflow)> {
    let at = |value: Option<f64>| {
        let mut workflow = workflow();
        workflow.thresholds.get_mut("route").unwrap().at = value;
        workflow
    };
    let escalation = |name: &str, when: &str| Escalation {
        name: name.to_owned(),
        path: ElementPath::new(format!("steps.route.escalate.{name}")),
        when: fixture::expr(when),
        to: "supervisors".to_owned(),
        because: None,
        thresholds: Vec::new(),
    };
    let mut typed = workflow();
    let wide = json!({ "type": "object", "required": ["text"] });
    let input = typed.types.get_mut("Complaint").unwrap();
    input.digest = Digest::of_canonical(&wide).unwrap();
    input.schema = Arc::new(wide);
    let mut sliced = workflow();
    sliced.slices.get_mut("long").unwrap().required = true;
    let mut other_slice = sliced.clone();
    // On an input without a history it cannot be told, and so escalates.
    other_slice.slices.get_mut("long").unwrap().condition = fixture::expr("size(input.history) > 3");
    vec![
        ("a slice with a guarantee", sliced),
        ("another such slice", other_slice),
        ("as it is", workflow()),
        ("a stricter threshold", at(Some(0.9))),
        ("a looser threshold", at(Some(0.5))),
        ("nothing passes", at(None)),
        ("another condition on the amount", with(|s| s.escalate[1].when = fixture::expr("input.amount > 10.0"))),
        ("a new escalation", with(|s| s.escalate.push(escalation("teams", "output.team == 'cards'")))),
        ("a new escalation on confidence", with(|s| s.escalate.push(escalation("odd", "confidence < 0.6")))),
        ("no escalation", with(|s| s.escalate.clear())),
        ("a forbid less", with(|s| drop(s.forbid.remove(0)))),
        (
            "a forbid more",
            with(|s| s.forbid.push(cel("forbid", "twice", "output.reason.contains('twice')", Else::Deny))),
        ),
        (
            "a detector more",
            with(|s| s.forbid[1] = rule("forbid", "personal-data", detect(&["email"], None), Else::Modify)),
        ),
        ("personal data denies", with(|s| s.forbid[1].otherwise = Else::Deny)),
        ("money is redacted", with(|s| s.forbid[2].otherwise = Else::Modify)),
        ("a require warns", with(|s| s.require[0].otherwise = Else::Warn)),
        (
            "another length",
            with(|s| s.require[0] = cel("require", "says-why", "size(output.reason) >= 45", Else::Escalate)),
        ),
        ("rules in another order", with(|s| s.forbid.reverse())),
        ("nothing is never", with(|s| s.never.clear())),
        (
            "the input may be longer",
            with(|s| s.refuse_input = vec![cel("refuse_input", "too-long", "size(input.text) > 2000", Else::Deny)]),
        ),
        (
            "the input may hold no address",
            with(|s| {
                s.refuse_input.push(rule("refuse_input", "address", detect(&["email"], Some("input.text")), Else::Deny))
            }),
        ),
        ("another input type", typed),
        (
            "the confidence is another field",
            with(|s| s.confidence = Some(ConfidenceSource::Output("output.count".to_owned()))),
        ),
        ("no confidence", with(|s| s.confidence = None)),
        ("audits for all", with(|s| s.audit = Some(Audit { sample: 1.0, to: "supervisors".to_owned(), blind: true }))),
        ("others are asked", with(|s| s.escalate[0].to = "supervisors".to_owned())),
    ]
}

#[test]
fn replay_says_what_the_guard_would_have_said() {
    let passed = |side: &Side| -> Vec<(Facts, Decision)> {
        let program = side.program.step("route").unwrap();
        cases().iter().map(|(input, output)| pass(program, input, output)).collect()
    };
    let sides = specs().into_iter().map(|(name, workflow)| (name, side(workflow)));
    let specs: Vec<_> = sides.map(|(name, side)| (name, passed(&side), side)).collect();
    let (mut again, mut changed, mut without, mut refused, mut partly) = (0, 0, 0, 0, 0);
    for (old_name, before, old) in &specs {
        for (new_name, after, new) in &specs {
            let change = Change::between(Some(old), new, "route").unwrap();
            for (((input, output), (facts, then)), (expected, now)) in cases().iter().zip(before).zip(after) {
                let what = format!("{old_name} → {new_name}: {input} {output}");
                let recorded = recorded(facts.clone(), then);
                let (text, was_refused) = (input.to_string(), recorded.facts.findings.is_empty());
                let held = Payloads { input: Some(text.as_bytes()), output: Some(output.as_bytes()), aside: None };
                let mut replayed = recorded.clone();
                match change.decide(&mut replayed, held) {
                    Outcome::Again(decision) => {
                        assert_eq!(decision, *now, "{what}");
                        assert_eq!(replayed.facts.findings, expected.findings, "{what}");
                        assert_eq!(replayed.facts.whens, expected.whens, "{what}");
                        assert_eq!(replayed.facts.after_modify, expected.after_modify, "{what}");
                        again += 1;
                        changed += u32::from(then.verdict != now.verdict);
                    }
                    Outcome::NeedsOutput(NeedsOutput::Refused) => {
                        assert!(was_refused, "{what}");
                        refused += 1;
                    }
                    other => panic!("{what}: {other:?}"),
                }
                // With nothing but what it asks for: the same.
                if let Triage::Payloads { input, output: wanted } = change.triage(&recorded) {
                    let held = Payloads {
                        input: input.then_some(text.as_bytes()),
                        output: wanted.then_some(output.as_bytes()),
                        aside: None,
                    };
                    match change.decide(&mut recorded.clone(), held) {
                        Outcome::Again(decision) => assert_eq!(decision, *now, "{what}, as asked"),
                        other => assert_eq!(other, Outcome::NeedsOutput(NeedsOutput::Refused), "{what}, as asked"),
                    }
                    partly += u32::from(!(input && wanted));
                }
                // With everything erased: the same, or it says that something is missing.
                let mut bare = recorded.clone();
                match (change.triage(&recorded), change.decide(&mut bare, Payloads::default())) {
                    (Triage::Facts, Outcome::Again(decision)) => {
                        assert_eq!(decision, *now, "{what}, erased");
                        without += 1;
                    }
                    (Triage::Payloads { .. }, Outcome::Erased) => {}
                    (Triage::Payloads { .. }, Outcome::Again(decision)) => assert_eq!(decision, *now, "{what}, erased"),
                    other => panic!("{what}, erased: {other:?}"),
                }
            }
        }
    }
    // The comparison is one: much is decided, much changes, and much of it needs no payload.
    assert!(
        again > 40_000 && changed > 5_000 && without > 5_000 && refused > 100 && partly > 1_000,
        "{again} {changed} {without} {refused} {partly}"
    );
}

#[test]
fn a_changed_threshold_needs_no_payload() {
    let old = side(workflow());
    let mut changed = workflow();
    changed.thresholds.get_mut("route").unwrap().at = Some(0.95);
    let new = side(changed);
    let change = Change::between(Some(&old), &new, "route").unwrap();
    let (facts, then) = pass(old.program.step("route").unwrap(), &fixture::input(), &fixture::output().to_string());
    let mut recorded = recorded(facts, &then);
    assert_eq!((then.verdict, change.triage(&recorded)), (Verdict::Allow, Triage::Facts));
    let Outcome::Again(now) = change.decide(&mut recorded, Payloads::default()) else { panic!("not decided") };
    assert_eq!(now.verdict, Verdict::Escalate);
    assert_eq!(now.because[0].as_str(), "steps.route.escalate.unsure");
    assert_eq!(change.assumed(), [ElementPath::from("thresholds.route")]);
}

#[test]
fn another_output_is_not_guessed() {
    use seatrial_spec::workflow::ModelRef;
    let model = |name: &str| {
        let name = name.to_owned();
        with(|s| {
            s.model = Some(ModelRef { provider: "p".into(), name, temperature: None, fallback: vec![], train: None });
        })
    };
    let mut prompt = workflow();
    let file = prompt.files.get_mut("prompts/route.md").unwrap();
    file.bytes = Arc::from(&b"{{input.text}}"[..]);
    file.blob = Digest::of(b"{{input.text}}");
    let mut typed = workflow();
    typed.types.get_mut("Routing").unwrap().digest = Digest::of(b"another");
    let logprobs = with(|s| s.confidence = Some(ConfidenceSource::Logprobs("output.team".to_owned())));
    let pairs = [
        (workflow(), prompt, NeedsOutput::Prompt),
        (workflow(), with(|s| s.withhold.clear()), NeedsOutput::Prompt),
        (model("one"), model("two"), NeedsOutput::Model),
        (workflow(), typed, NeedsOutput::OutputType),
        (workflow(), logprobs, NeedsOutput::Confidence),
    ];
    for (old, new, why) in pairs {
        let (old, new) = (side(old), side(new));
        let change = Change::between(Some(&old), &new, "route").unwrap();
        let program = old.program.step("route").unwrap();
        let (facts, then) = pass(program, &fixture::input(), &fixture::output().to_string());
        let passed = recorded(facts, &then);
        assert_eq!(change.triage(&passed), Triage::Output(why));
        assert_eq!(change.decide(&mut passed.clone(), Payloads::default()), Outcome::NeedsOutput(why));
        // What was refused before any model was asked is refused again.
        let (facts, then) = pass(program, &json!({ "text": "x".repeat(300), "amount": 1 }), "");
        let refused = recorded(facts, &then);
        assert_eq!((then.verdict, change.triage(&refused)), (Verdict::Deny, Triage::Facts));
        assert!(matches!(change.decide(&mut refused.clone(), Payloads::default()), Outcome::Again(d) if d == then));
    }
}

#[test]
fn an_answer_that_would_be_asked_for_again_is_not_guessed() {
    let old = side(workflow());
    let longer = cel("require", "says-why", "size(output.reason) >= 400", Else::Escalate);
    let new = side(with(|s| s.require[0] = longer));
    let change = Change::between(Some(&old), &new, "route").unwrap();
    let (input, output) = (fixture::input().to_string(), fixture::output().to_string());
    let (facts, then) = pass(old.program.step("route").unwrap(), &fixture::input(), &output);
    let held = Payloads { input: Some(input.as_bytes()), output: Some(output.as_bytes()), aside: None };
    let mut recorded = recorded(facts, &then);
    // Attempts are spent: with what was asked, the answer stands.
    let mut run = Recorded { entry: Entry::Run, ..recorded.clone() };
    run.facts.attempts = 1;
    assert_eq!(change.decide(&mut run, held), Outcome::NeedsOutput(NeedsOutput::Attempts));
    assert!(matches!(change.decide(&mut recorded, held), Outcome::Again(d) if d.verdict == Verdict::Escalate));
}

#[test]
fn an_unknown_spec_and_a_step_that_is_gone_are_said() {
    let old = side(workflow());
    let mut renamed = workflow();
    renamed.digest = Digest::of(b"renamed");
    renamed.steps[0].name = "triage".to_owned();
    let replay = Replay::new(&side(renamed), std::slice::from_ref(&old));
    assert!(replay.change(Some(old.workflow.digest), "route").is_none());
    let replay = Replay::new(&old, &[]);
    let change = replay.change(Some(Digest::of(b"unread")), "route").unwrap();
    let (facts, then) = pass(old.program.step("route").unwrap(), &fixture::input(), &fixture::output().to_string());
    let text = fixture::input().to_string();
    let held = Payloads { input: Some(text.as_bytes()), output: None, aside: None };
    let outcome = change.decide(&mut recorded(facts, &then), held);
    assert_eq!(outcome, Outcome::NeedsOutput(NeedsOutput::OldSpec));
}

#[test]
fn a_revoked_certificate_stays_revoked_where_its_number_is_the_same() {
    let old = side(workflow());
    let new = side(with(|s| drop(s.forbid.remove(0))));
    let change = Change::between(Some(&old), &new, "route").unwrap();
    let program = old.program.step("route").unwrap();
    let (mut facts, _) = pass(program, &fixture::input(), &fixture::output().to_string());
    facts.thresholds[0].state = CertificateState::Revoked;
    let then = decide(program.plan(), &facts);
    let mut recorded = recorded(facts, &then);
    assert!(matches!(change.decide(&mut recorded, Payloads::default()), Outcome::Again(d) if d == then));
    assert_eq!(recorded.facts.thresholds[0].state, CertificateState::Revoked);
}

#[test]
fn parts_are_counted_in_any_order() {
    let old = side(workflow());
    let mut changed = workflow();
    changed.thresholds.get_mut("route").unwrap().at = Some(0.95);
    let new = side(changed);
    let replay = Replay::new(&new, std::slice::from_ref(&old));
    let change = replay.change(Some(old.workflow.digest), "route").unwrap();
    let count = |range: std::ops::Range<usize>| {
        let mut tally = Tally::default();
        for (index, (input, output)) in cases().into_iter().enumerate().skip(range.start).take(range.len()) {
            let (facts, then) = pass(old.program.step("route").unwrap(), &input, &output);
            let recorded = recorded(facts, &then);
            let outcome = change.decide(&mut recorded.clone(), Payloads::default());
            tally.add(index as u64, Time::from_millis(index as i64), &recorded, &outcome);
        }
        tally
    };
    let n = cases().len();
    let whole = count(0..n);
    assert!(whole.changed() > 0 && whole.again > 0);
    for threads in [1, 2, 3, 7] {
        let parts: Vec<_> = (0..n).step_by(10).map(|from| from..n.min(from + 10)).collect();
        let mut merged = Tally::default();
        for part in in_parallel(parts, threads, count).into_iter().rev() {
            merged.merge(part);
        }
        merged.settle();
        assert_eq!(merged, whole, "{threads} threads");
    }
}
