//! Calls of tools, judges, agreement: what each finding says, and that nothing passes that nobody looked at.

use crate::fixture::facts;
use proptest::prelude::*;
use seatrial_guard::judge::codes;
use seatrial_guard::{Aside, Candidate, Decision, Judged, Judgement, Part, PartKind, Program, StepProgram, decide};
use seatrial_model::facts::FindingResult;
use seatrial_model::{Finding, Verdict};
use seatrial_spec::{MemoryFiles, Workflow, check};
use serde_json::{Value, json};

const DESK: &str = r#"seatrial: 1
workflow: desk
types:
  Question: question.json
  Answer: answer.json
  Search: search.json
  Judged: judged.json
  Verdict: verdict.json
roles:
  agents: "Agents"
steps:
  answer:
    does: "Answer the question"
    actor: ai
    influence: decide
    reversible: true
    input: Question
    output: Answer
    model: { provider: default, name: some-model }
    withhold: [secret]
    require:
      is-short: { rule: "size(output.answer) < 60" }
    forbid:
      personal: { detect: [email], in: output.answer, else: modify }
      vip: { rule: "input.vip" }
    confidence: output.sure
    escalate:
      unsure: { when: "confidence < thresholds.sure", to: agents }
      short: { when: "size(input.text) < 3", to: agents }
    tools:
      search:
        arguments: Search
        require:
          is-about-it: { rule: "input.text.contains(arguments.query)" }
        forbid:
          is-deep: { rule: "arguments.limit > 5", else: escalate }
          personal: { detect: [email], in: arguments.query, else: modify }
      hang_up: {}
    fallback: { to: agents }
  check:
    does: "Judge an answer"
    actor: ai
    influence: inform
    reversible: true
    input: Judged
    output: Verdict
    model: { provider: default, name: another-model }
thresholds:
  sure: { at: 0.5, wrong_when: "output.team != expected.team" }
"#;

fn program(edits: &[(&str, &str)]) -> Program {
    Program::compile(&workflow(edits)).unwrap()
}

fn workflow(edits: &[(&str, &str)]) -> Workflow {
    let files = MemoryFiles::new([
        (
            "question.json",
            r#"{"type":"object","required":["text","vip"],"properties":{"text":{"type":"string"},"vip":{"type":"boolean"},"secret":{"type":"string"}}}"#,
        ),
        (
            "answer.json",
            r#"{"type":"object","required":["answer","team","sure"],"properties":{"answer":{"type":"string"},"team":{"type":"string"},"sure":{"type":"number"}}}"#,
        ),
        (
            "search.json",
            r#"{"type":"object","required":["query","limit"],"properties":{"query":{"type":"string"},"limit":{"type":"integer"}}}"#,
        ),
        ("judged.json", r#"{"type":"object","required":["output"],"properties":{"input":{},"output":{}}}"#),
        (
            "verdict.json",
            r#"{"type":"object","required":["ok","confidence"],"properties":{"ok":{"type":"boolean"},"confidence":{"type":"number","minimum":0}}}"#,
        ),
    ]);
    let text = edits.iter().fold(DESK.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the fixture does not contain `{from}`");
        text.replacen(from, to, 1)
    });
    let checked = check(&text, &files, None);
    let said = seatrial_spec::diagnostic::to_human(&checked.diagnostics, &checked.sources, false);
    checked.workflow.unwrap_or_else(|| panic!("{said}"))
}

/// The part of the fixture between two texts, for replacing.
fn between(from: &str, to: &str) -> &'static str {
    let start = DESK.find(from).unwrap();
    &DESK[start..start + DESK[start..].find(to).unwrap()]
}

fn untold() -> Program {
    program(&[(between("    tools:\n", "    fallback"), "")])
}

fn input() -> Value {
    json!({ "text": "Where is my card?", "vip": false, "secret": "s3cret" })
}

fn answer() -> Value {
    json!({ "answer": "On its way.", "team": "cards", "sure": 0.9 })
}

fn text(choice: usize, text: impl Into<String>) -> Part {
    Part { name: format!("choices.{choice}.text"), kind: PartKind::Text, text: text.into() }
}

fn call(choice: usize, n: usize, tool: &str, arguments: impl Into<String>) -> Vec<Part> {
    let part =
        |last: &str, kind, text: String| Part { name: format!("choices.{choice}.tool_calls.{n}.{last}"), kind, text };
    vec![
        part("name", PartKind::ToolName, tool.to_owned()),
        part("arguments", PartKind::ToolArguments, arguments.into()),
    ]
}

fn search(query: &str, limit: i64) -> String {
    json!({ "query": query, "limit": limit }).to_string()
}

fn candidate(parts: Vec<Part>) -> Candidate {
    Candidate { parts, ..Candidate::default() }
}

fn judged(program: &Program, input: &Value, candidate: &Candidate) -> (Judgement, Decision) {
    let step = program.step("answer").unwrap();
    let judgement = step.judge(input, candidate);
    assert_eq!(judgement.findings.len(), step.plan().checks.len());
    let paths = step.plan().checks.iter().map(|c| &c.path);
    assert!(paths.eq(judgement.findings.iter().map(|f| &f.path)), "in the plan's order");
    let decision = decide(step.plan(), &facts(&judgement, step.check_input(input)));
    (judgement, decision)
}

fn passed(parts: Vec<Part>) -> (Judgement, Decision) {
    judged(&program(&[]), &input(), &candidate(parts))
}

fn found<'j>(judgement: &'j Judgement, path: &str) -> &'j Finding {
    let path = format!("steps.answer.{path}");
    judgement.findings.iter().find(|f| f.path.as_str() == path).unwrap_or_else(|| panic!("no `{path}`"))
}

fn says(judgement: &Judgement, path: &str) -> (FindingResult, String) {
    let finding = found(judgement, path);
    (finding.result, finding.code.clone())
}

fn met() -> (FindingResult, String) {
    (FindingResult::Met, String::new())
}

fn violated(code: &str) -> (FindingResult, String) {
    (FindingResult::Violated, code.to_owned())
}

#[test]
fn a_turn_of_tools_passes_without_an_output() {
    let (judgement, decision) = passed(call(0, 0, "search", search("card", 3)));
    assert_eq!(decision.verdict, Verdict::Allow, "{decision:?}");
    for path in ["output", "require.is-short", "forbid.personal"] {
        assert_eq!(says(&judgement, path), (FindingResult::Met, codes::TOOL_TURN.to_owned()), "{path}");
    }
    for path in ["tools", "tools.search.arguments", "tools.search.require.is-about-it", "forbid.vip"] {
        assert_eq!(says(&judgement, path), met(), "{path}");
    }
    assert!(!judgement.confidence.present);
    assert!(judgement.whens.iter().all(|w| !w.holds && !w.failed), "{:?}", judgement.whens);
    assert_eq!(judgement.output, None);
    let by = |part: usize| judgement.inspected[part].by.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
    assert_eq!(by(0), ["steps.answer.tools"]);
    assert_eq!(
        by(1),
        ["arguments", "require.is-about-it", "forbid.is-deep", "forbid.personal"]
            .map(|p| format!("steps.answer.tools.search.{p}"))
    );
    // Rules and conditions over the input alone hold back as ever.
    let vip = json!({ "text": "card", "vip": true });
    let (judgement, decision) = judged(&program(&[]), &vip, &candidate(call(0, 0, "search", search("card", 3))));
    assert_eq!((found(&judgement, "forbid.vip").result, decision.verdict), (FindingResult::Violated, Verdict::Deny));
    let short = json!({ "text": "ab", "vip": false });
    let (_, decision) = judged(&program(&[]), &short, &candidate(call(0, 0, "search", search("ab", 3))));
    assert_eq!(decision.verdict, Verdict::Escalate);
    assert_eq!(decision.because, ["steps.answer.escalate.short".into()]);
    // Without a certificate of its threshold it escalates, as an output would.
    let program = program(&[]);
    let step = program.step("answer").unwrap();
    let judgement = step.judge(&input(), &candidate(call(0, 0, "search", search("card", 3))));
    let mut uncertified = facts(&judgement, step.check_input(&input()));
    uncertified.thresholds.clear();
    assert_eq!(decide(step.plan(), &uncertified).verdict, Verdict::Escalate);
}

#[test]
fn a_blank_text_beside_a_call_is_no_output() {
    for blank in ["", " \n"] {
        let mut parts = vec![text(0, blank)];
        parts.extend(call(0, 0, "search", search("card", 3)));
        let (judgement, decision) = passed(parts);
        assert_eq!(decision.verdict, Verdict::Allow, "{:?}", judgement.findings);
        assert!(judgement.inspected.iter().all(|i| !i.by.is_empty()));
    }
    // In another choice it is one, and so is any other text.
    for (choice, words) in [(1, ""), (0, "Let me look.")] {
        let mut parts = vec![text(choice, words)];
        parts.extend(call(0, 0, "search", search("card", 3)));
        let (judgement, decision) = passed(parts);
        assert_eq!(says(&judgement, "output"), violated("not_json"));
        assert!(decision.verdict >= Verdict::Escalate);
    }
}

#[test]
fn an_output_beside_a_call_is_judged_as_well() {
    let with = |output: Value| {
        let mut parts = vec![text(0, output.to_string())];
        parts.extend(call(0, 0, "search", search("card", 3)));
        passed(parts)
    };
    let (judgement, decision) = with(answer());
    assert_eq!((says(&judgement, "output"), decision.verdict), (met(), Verdict::Allow));
    assert_eq!(judgement.confidence.value, 0.9);
    let (_, decision) = with(json!({ "answer": "x".repeat(99), "team": "cards", "sure": 0.9 }));
    assert_eq!(decision.verdict, Verdict::Escalate);
    // Of several choices, each counts: one of tools alone hides nothing of another.
    let mut parts = call(0, 0, "search", search("card", 3));
    parts.push(text(1, json!({ "answer": "On its way.", "team": "cards", "sure": 0.1 }).to_string()));
    assert_eq!(passed(parts).1.verdict, Verdict::Escalate);
}

#[test]
fn what_is_called_and_with_what() {
    let deny = |parts: Vec<Part>, path: &str, code: &str| {
        let (judgement, decision) = passed(parts);
        assert_eq!(
            (says(&judgement, path), decision.verdict),
            (violated(code), Verdict::Deny),
            "{:?}",
            judgement.findings
        );
    };
    deny(call(0, 0, "delete_all", "{}"), "tools", codes::UNKNOWN_TOOL);
    // Exactly as it is named.
    for name in ["Search", "search ", "", "search\u{200b}", "functions.search"] {
        deny(call(0, 0, name, search("card", 1)), "tools", codes::UNKNOWN_TOOL);
    }
    // One bad call among good ones, of another choice even.
    let mut parts = call(0, 0, "search", search("card", 1));
    parts.extend(call(1, 3, "delete_all", "{}"));
    deny(parts, "tools", codes::UNKNOWN_TOOL);
    for (arguments, code) in [
        ("{", "not_json"),
        (r#"{"query":"card","query":"x","limit":1}"#, "duplicate_key"),
        (r#"{"query":"card"}"#, "required"),
        (r#"{"query":"card","limit":"1"}"#, "type"),
        (r#"{"query":"card","limit":99999999999999999999}"#, "integer_range"),
        ("", "required"),
    ] {
        deny(call(0, 0, "search", arguments), "tools.search.arguments", code);
    }
    // Arguments without a name, a name without arguments, two names for one call.
    deny(call(0, 0, "search", search("card", 1))[1..].to_vec(), "tools", codes::UNKNOWN_TOOL);
    deny(call(0, 0, "search", search("card", 1))[..1].to_vec(), "tools.search.arguments", "required");
    let mut parts = call(0, 0, "search", search("card", 1));
    parts.insert(0, Part { text: "hang_up".to_owned(), ..parts[0].clone() });
    deny(parts, "tools", codes::UNKNOWN_TOOL);
    // Rules over the arguments, each with its own `else`.
    let (judgement, decision) = passed(call(0, 0, "search", search("weather", 1)));
    assert_eq!(says(&judgement, "tools.search.require.is-about-it"), violated(""));
    assert_eq!(decision.verdict, Verdict::Escalate);
    let (_, decision) = passed(call(0, 0, "search", search("card", 6)));
    assert_eq!((decision.verdict, decision.because[0].name()), (Verdict::Escalate, "is-deep"));
    // A tool without a type or rules passes, and it is said that nobody looked at its arguments.
    let (judgement, decision) = passed(call(0, 0, "hang_up", r#"{"at":"once"}"#));
    assert_eq!(decision.verdict, Verdict::Allow);
    assert_eq!((judgement.inspected[0].by.len(), judgement.inspected[1].by.len()), (1, 0));
}

#[test]
fn what_is_found_in_arguments_is_redacted_there() {
    let start = json!({ "text": "Who is ana@bank.example? [email]", "vip": false });
    let step = program(&[]);
    let (judgement, decision) = judged(&step, &start, &candidate(call(0, 0, "search", search("ana@bank.example", 1))));
    let finding = found(&judgement, "tools.search.forbid.personal");
    assert_eq!((finding.result, finding.code.as_str()), (FindingResult::Violated, "email"));
    assert_eq!(finding.spans[0].part, "choices.0.tool_calls.0.arguments#/query");
    assert_eq!(decision.verdict, Verdict::Modify, "{decision:?}");
    assert_eq!(judgement.modified.unwrap().parts[1].text, search("[email]", 1));
    // What the rules of the output redact is not touched by those of a tool, nor the other way round.
    let mut parts = vec![text(0, json!({ "answer": "Ask eve@bank.example", "team": "a", "sure": 0.9 }).to_string())];
    parts.extend(call(0, 0, "search", search("card", 1)));
    let (judgement, decision) = passed(parts.clone());
    assert_eq!(decision.verdict, Verdict::Modify);
    let modified = judgement.modified.unwrap();
    assert!(modified.parts[0].text.contains("Ask [email]"));
    assert_eq!(modified.parts[2], parts[2]);
}

#[test]
fn a_step_that_says_nothing_of_tools_passes_none() {
    let program = untold();
    for parts in [
        call(0, 0, "search", search("card", 1)),
        call(0, 0, "search", "{}")[..1].to_vec(),
        [vec![text(0, answer().to_string())], call(0, 0, "search", "{}")].concat(),
    ] {
        let (judgement, decision) = judged(&program, &input(), &candidate(parts));
        assert_eq!(says(&judgement, "output"), violated(codes::TOOL_CALL));
        assert!(decision.verdict >= Verdict::Escalate);
    }
    // `tools: {}` denies.
    let none = self::program(&[(between("    tools:\n", "    fallback"), "    tools: {}\n")]);
    let (judgement, decision) = judged(&none, &input(), &candidate(call(0, 0, "search", "{}")));
    assert_eq!((says(&judgement, "tools"), decision.verdict), (violated(codes::UNKNOWN_TOOL), Verdict::Deny));
    let (_, decision) = judged(&none, &input(), &Candidate::value(&answer()));
    assert_eq!(decision.verdict, Verdict::Allow);
}

fn with_judge() -> Program {
    program(&[
        ("    require:\n", "    require:\n      is-ok: { judge: check, rule: \"judged.ok\" }\n"),
        (
            "    confidence: output.sure",
            "    never:\n      is-hopeless: { judge: check, rule: \"judged.confidence < 0.1\" }\n    confidence: { judge: check }",
        ),
    ])
}

fn said(answers: &[(&str, Judged)]) -> Aside {
    Aside { judged: answers.iter().map(|(k, v)| ((*k).to_owned(), v.clone())).collect(), ..Aside::default() }
}

fn verdict(ok: bool, confidence: f64) -> Judged {
    Judged::Said(json!({ "ok": ok, "confidence": confidence }))
}

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
#[test]
fn replay_reads_calls_and_judges() {
    use seatrial_guard::candidate::payload_of;
    use seatrial_guard::replay::{Change, NeedsOutput, Outcome, Payloads, Recorded, Side};
    let side = |edits: &[(&str, &str)]| {
        let workflow = std::sync::Arc::new(workflow(edits));
        Side { program: std::sync::Arc::new(Program::compile(&workflow).unwrap()), workflow }
    };
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
    // Another judge says another thing, and one that was not asked has said nothing.
    let other = ("name: another-model }", "name: third-model }");
    let change = Change::between(Some(&specs[0]), &side(&[judges, other]), "answer").unwrap();
    assert_eq!(change.needs_output(), Some(NeedsOutput::Judge));
    let change = Change::between(Some(&side(&[])), &specs[0], "answer").unwrap();
    assert_eq!(change.needs_output(), Some(NeedsOutput::Judge));
    let change = Change::between(Some(&specs[0]), &side(&[]), "answer").unwrap();
    assert_eq!(change.needs_output(), None);
}

fn any_part() -> impl Strategy<Value = Part> {
    let body = prop_oneof![
        Just(answer().to_string()),
        Just(search("card", 1)),
        Just(search("ana@bank.example", 9)),
        Just(String::new()),
        ".{0,40}",
        Just("search".to_owned()),
        Just("hang_up".to_owned()),
    ];
    let name = prop_oneof![
        (0..2_u8, 0..2_u8, prop_oneof![Just("name"), Just("arguments")])
            .prop_map(|(c, n, l)| format!("choices.{c}.tool_calls.{n}.{l}")),
        (0..2_u8, prop_oneof![Just("text"), Just("reasoning"), Just("other")])
            .prop_map(|(c, l)| format!("choices.{c}.{l}")),
        "[a-z.]{0,8}",
    ];
    (name, body).prop_map(|(name, text)| Part { kind: PartKind::of_name(&name), name, text })
}

fn any_judged() -> impl Strategy<Value = Judged> {
    prop_oneof![
        Just(verdict(true, 0.9)),
        Just(verdict(false, 0.2)),
        ".{0,20}".prop_map(Judged::Failed),
        ".{0,20}".prop_map(|s| Judged::Said(Value::String(s))),
        Just(Judged::Said(Value::String(answer().to_string()))),
    ]
}

fn any_aside() -> impl Strategy<Value = Aside> {
    let answers = prop::collection::btree_map("check|check#1|x", any_judged(), 0..3);
    (answers, prop::collection::vec(any_judged(), 0..4)).prop_map(|(judged, samples)| Aside {
        judged,
        samples,
        modified: None,
    })
}

fn programs() -> &'static [Program; 4] {
    static ALL: std::sync::OnceLock<[Program; 4]> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        [program(&[]), untold(), with_judge(), program(&[("confidence: output.sure", "confidence: { agreement: 3 }")])]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn judging_any_parts_is_total(parts in prop::collection::vec(any_part(), 0..7), aside in any_aside(), which in 0..4_usize) {
        let program = &programs()[which];
        let step = program.step("answer").unwrap();
        let candidate = Candidate { parts: parts.clone(), aside, ..Candidate::default() };
        let judgement = step.judge(&input(), &candidate);
        prop_assert!(step.plan().checks.iter().map(|c| &c.path).eq(judgement.findings.iter().map(|f| &f.path)));
        prop_assert_eq!(judgement.inspected.len(), parts.len());
        let decision = decide(step.plan(), &facts(&judgement, vec![]));
        // A call of what the step may not call never passes.
        let may = |p: &Part| which != 1 && matches!(p.text.as_str(), "search" | "hang_up");
        let calls_other = parts.iter().any(|p| p.kind == PartKind::ToolName && !may(p));
        if calls_other {
            prop_assert!(decision.verdict >= Verdict::Escalate);
        }
        // Arguments that no name goes with were looked at as nobody's: they never pass either.
        let named = |p: &Part| parts.iter().any(|n| n.kind == PartKind::ToolName && n.name.strip_suffix("name") == p.name.strip_suffix("arguments"));
        if parts.iter().any(|p| p.kind == PartKind::ToolArguments && !named(p)) {
            prop_assert!(decision.verdict >= Verdict::Escalate);
        }
        // What is said in a finding is never a model's or a judge's words.
        for f in judgement.findings.iter().filter(|f| !f.code.is_empty()) {
            prop_assert!(f.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{}", f.code);
        }
        let _ = step.judge_asks(&input(), &parts);
    }

    #[test]
    fn the_order_of_calls_is_irrelevant(parts in prop::collection::vec(any_part(), 0..5), turn in 0..5_usize, which in 0..4_usize) {
        // Every part once: two of one name are told apart by their order alone. Texts keep theirs: they are numbered.
        let mut seen = std::collections::BTreeSet::new();
        let parts: Vec<Part> = parts.into_iter().filter(|p| p.kind != PartKind::Text && seen.insert(p.name.clone())).collect();
        let mut turned = parts.clone();
        turned.rotate_left(turn.min(parts.len()));
        turned.reverse();
        let step = programs()[which].step("answer").unwrap();
        let results = |parts: Vec<Part>| -> Vec<FindingResult> {
            step.judge(&input(), &candidate(parts)).findings.iter().map(|f| f.result).collect()
        };
        prop_assert_eq!(results(parts), results(turned));
    }

    #[test]
    fn one_more_call_is_never_laxer(parts in prop::collection::vec(any_part(), 1..5), more in any_part(), which in 0..4_usize) {
        // A further call of a choice that has one already: no check that objected is content now.
        let step = programs()[which].step("answer").unwrap();
        let name = "choices.0.tool_calls.7.name";
        let mut base = parts;
        base.extend(call(0, 5, "hang_up", "{}"));
        let mut longer = base.clone();
        longer.push(Part { name: name.to_owned(), kind: PartKind::ToolName, text: more.text });
        let (before, after) = (step.judge(&input(), &candidate(base)), step.judge(&input(), &candidate(longer)));
        for (b, a) in before.findings.iter().zip(&after.findings) {
            prop_assert!(!b.objects() || a.objects(), "{} objected, and does not any more", b.path);
        }
    }

    #[test]
    fn silence_is_never_laxer_than_an_answer(answers in any_aside(), choices in 1..3_usize) {
        let program = &programs()[2];
        let step = program.step("answer").unwrap();
        let parts: Vec<Part> = (0..choices).map(|i| text(i, answer().to_string())).collect();
        let with = Candidate { parts: parts.clone(), aside: answers, ..Candidate::default() };
        let verdict = |c: &Candidate| decide(step.plan(), &facts(&step.judge(&input(), c), vec![])).verdict;
        prop_assert!(verdict(&candidate(parts)) >= verdict(&with));
    }
}
