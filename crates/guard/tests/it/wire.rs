//! Calls of tools, judges, agreement: what each finding says, and that nothing passes that nobody looked at.

use crate::fixture::facts;
use seatrial_guard::judge::codes;
use seatrial_guard::{Aside, Candidate, Decision, Judged, Judgement, Part, PartKind, Program, StepProgram, decide};
use seatrial_model::facts::FindingResult;
use seatrial_model::{Finding, Verdict};
use seatrial_spec::{MemoryFiles, Workflow, check};
use serde_json::{Value, json};

mod any;
mod judges;

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
