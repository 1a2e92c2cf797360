//! Streams in windows: however a reply is cut, the verdict is that of the whole, and nothing of a match leaves.

use crate::fixture::{detect, rule, with};
use proptest::prelude::*;
use seatrial_guard::detect::{Detector, NAMES, find_all};
use seatrial_guard::port::{Delta, StreamEvent};
use seatrial_guard::stream::{Inspector, Windows};
use seatrial_guard::{Candidate, Part, PartKind, Program, StepProgram};
use seatrial_spec::workflow::{Check, Else, Rule, Step};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// A step that answers in text: what windows can be used for.
fn text_step(rules: Vec<Rule>) -> impl FnOnce(&mut Step) {
    move |step| {
        step.output = None;
        step.attempts = 1;
        step.confidence = None;
        step.escalate = Vec::new();
        step.require = Vec::new();
        step.never = Vec::new();
        step.forbid = rules;
    }
}

fn deny(names: &[&str], regexes: &[&str], within: Option<&str>) -> Rule {
    let check = match detect(names, within) {
        Check::Detect { detectors, within, .. } => {
            Check::Detect { detectors, within, regexes: regexes.iter().map(|r| (*r).to_owned()).collect() }
        }
        other => other,
    };
    rule("forbid", "found", check, Else::Deny)
}

fn program(rules: Vec<Rule>) -> Program {
    Program::compile(&with(text_step(rules))).unwrap()
}

const TEXT: &str = "choices.0.text";

/// What came of a stream.
struct Outcome {
    /// What left before the end, by part.
    left: BTreeMap<String, String>,
    /// Denied while it came.
    cut: bool,
    /// Denied in the end.
    denied: bool,
    /// The parts that were judged.
    parts: Vec<Part>,
    /// All bytes that left, where nothing was denied.
    bytes: Vec<u8>,
    released: u64,
}

fn denied(step: &StepProgram, parts: &[Part]) -> bool {
    let candidate = Candidate { parts: parts.to_vec(), ..Candidate::default() };
    step.judge(&json!({}), &candidate).findings.iter().any(seatrial_model::Finding::objects)
}

fn run(step: &StepProgram, window: u32, events: &[Vec<Delta>]) -> Outcome {
    run_to(step, window, events, None)
}

/// The same; at its end the reply has these parts.
fn run_to(step: &StepProgram, window: u32, events: &[Vec<Delta>], whole: Option<&[Part]>) -> Outcome {
    run_by(&Windows::of(step, window).unwrap(), step, events, whole)
}

fn run_by(windows: &Windows, step: &StepProgram, events: &[Vec<Delta>], whole: Option<&[Part]>) -> Outcome {
    let mut inspector = Inspector::new(Arc::new(windows.clone()));
    let (mut left, mut bytes, mut cut) = (BTreeMap::<String, String>::new(), Vec::new(), false);
    let (mut at, mut released) = (0, 0);
    for (i, deltas) in events.iter().enumerate() {
        let pushed = inspector.push(StreamEvent { raw: format!("<{i}>").into_bytes(), deltas: deltas.clone() });
        for leaving in pushed.leave {
            released += leaving.text_bytes;
            assert_eq!(leaving.raw, format!("<{at}>").into_bytes(), "events leave in their order");
            for delta in &events[at] {
                left.entry(delta.part.clone()).or_default().push_str(&delta.text);
            }
            bytes.extend(leaving.raw);
            at += 1;
        }
        if pushed.cut {
            cut = true;
            break;
        }
    }
    let parts = inspector.parts();
    assert_eq!(released, left.values().map(|t| t.len() as u64).sum::<u64>());
    let denied = if cut { denied(step, &parts) } else { denied(step, whole.unwrap_or(&parts)) };
    assert!(denied || !cut, "what was cut is denied");
    if !denied {
        let rest = inspector.rest();
        let more: u64 = rest.iter().map(|l| l.text_bytes).sum();
        bytes.extend(rest.into_iter().flat_map(|l| l.raw));
        assert_eq!(released + more, parts.iter().map(|p| p.text.len() as u64).sum::<u64>());
    }
    Outcome { left, cut, denied, parts, bytes, released }
}

/// A text in pieces of these lengths, again and again.
fn pieces(text: &str, lengths: &[usize]) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut lengths = lengths.iter().cycle();
    let mut left = *lengths.next().unwrap();
    for c in text.chars() {
        if left == 0 {
            out.push(String::new());
            left = *lengths.next().unwrap();
        }
        left = left.saturating_sub(1);
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out
}

fn deltas(part: &str, kind: PartKind, text: &str, lengths: &[usize]) -> Vec<Vec<Delta>> {
    let delta = |text| vec![Delta { part: part.to_owned(), kind, text }];
    pieces(text, lengths).into_iter().map(delta).collect()
}

/// Pieces of what detectors look for, and of what only begins like it.
fn text() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "ana@bank.example",
        "ana@",
        "@x",
        "o'neil@x.co.uk",
        "4111 1111 1111 1111",
        "4111-1111-1111-111",
        "5500",
        "DE89370400440532013000",
        "DE89 3704",
        "+49 30 1234567",
        "(030) 123456",
        "2024-01-02",
        "078-05-1120",
        "12345678Z",
        "192.168.0.1",
        "1.2.3",
        "fe80::1",
        "::",
        "https://a.b/c?d",
        "http://",
        "www.x",
        "token: a1b2c3d4e5f6g7",
        "the secret is ",
        "api key",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-abcdefghijklmnopqrstuv1",
        "ghp_",
        "eyJhbGciOiJI.eyJzdWIiOiIx.SflKxwRJ",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN ",
        "classified",
        "class",
        "order 66",
        "order 6",
        "\u{200b}",
        "\u{ff14}",
        "１",
        " ",
        "  ",
        "\n",
        ". ",
        "-",
        "/",
        "\"",
        "'",
        "é",
        "漢字。",
        "hello ",
        "a",
        "7",
    ])
    .prop_map(str::to_owned);
    prop::collection::vec(prop_oneof![4 => known, 1 => "[a-z0-9 .@:+\\-]{0,10}"], 0..10).prop_map(|p| p.concat())
}

fn all_rules() -> Vec<Rule> {
    let names: Vec<&str> = NAMES.to_vec();
    vec![deny(&names, &["classified", r"(?i)\border [0-9]{2}\b", r"\Bx+y$"], None)]
}

fn all_detectors() -> Vec<Detector> {
    let own = ["classified", r"(?i)\border [0-9]{2}\b", r"\Bx+y$"];
    let named = NAMES.iter().map(|n| Detector::named(n).unwrap());
    named.chain(own.iter().map(|r| Detector::own(r).unwrap())).collect()
}

/// All detectors and expressions at once, compiled once.
static ALL: LazyLock<(Program, Windows)> = LazyLock::new(|| {
    let program = program(all_rules());
    let windows = Windows::of(program.step("route").unwrap(), 1).unwrap();
    (program, windows)
});

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1_usize..12, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    /// One text, cut in two ways and released in two windows.
    #[test]
    fn a_text_is_judged_alike_however_it_is_cut(text in text(), one in lengths(), other in lengths(),
                                                 window in 1_u32..80, wide in 1_u32..80) {
        let (program, windows) = &*ALL;
        let step = program.step("route").unwrap();
        let whole = denied(step, &Candidate::text(text.clone()).parts);
        let first = find_all(&all_detectors(), &text).first().map(|(_, range)| range.start);
        for (lengths, window) in [(&one, window), (&other, wide)] {
            let events = deltas(TEXT, PartKind::Text, &text, lengths);
            let whole_parts = Candidate::text(text.clone()).parts;
            let outcome = run_by(&windows.resized(window), step, &events, Some(&whole_parts));
            prop_assert_eq!(outcome.denied, whole, "{:?} by {:?}", &text, lengths);
            let left = outcome.left.get(TEXT).cloned().unwrap_or_default();
            prop_assert!(text.starts_with(&left));
            if let Some(first) = first {
                prop_assert!(left.len() <= first, "{:?}: {} bytes left of {:?}", lengths, left.len(), &text);
            }
            if !whole {
                let all: String = (0..events.len()).map(|i| format!("<{i}>")).collect();
                prop_assert_eq!(&outcome.bytes, all.as_bytes());
                prop_assert_eq!(outcome.parts.first().map_or("", |p| p.text.as_str()), &text);
            }
            prop_assert_eq!(outcome.released as usize, left.len());
        }
    }

    /// Several choices and a tool's arguments, mixed: each part is searched by itself, and raw as well as read.
    #[test]
    fn parts_are_judged_alike_however_they_are_mixed(texts in prop::collection::vec(text(), 4), json in any::<bool>(),
                                                     cuts in lengths(), order in prop::collection::vec(0_usize..4, 1..9),
                                                     window in 1_u32..60) {
        let (program, windows) = &*ALL;
        let step = program.step("route").unwrap();
        let arguments = json!({ "to": texts[2], texts[3].as_str(): [4111111111111111_u64, "x"] }).to_string();
        let third = if json { escaped(&json!({ "a": texts[3] }).to_string()) } else { texts[3].clone() };
        let parts = [
            (TEXT, PartKind::Text, texts[0].clone()),
            ("choices.1.text", PartKind::Text, third),
            ("choices.0.tool_calls.0.arguments", PartKind::ToolArguments, arguments),
            ("choices.0.reasoning", PartKind::Reasoning, texts[1].clone()),
        ];
        let mut queues: Vec<_> = parts.iter().map(|(name, kind, text)| deltas(name, *kind, text, &cuts).into_iter()).collect();
        let mut events = Vec::new();
        for at in order.iter().cycle() {
            if let Some(event) = queues[*at].next() {
                events.push(event);
            } else {
                let rest: Vec<_> = queues.iter_mut().flatten().collect();
                events.extend(rest);
                break;
            }
        }
        let whole: Vec<Part> =
            parts.iter().map(|(name, kind, text)| Part { name: (*name).to_owned(), kind: *kind, text: text.clone() }).collect();
        let outcome = run_by(&windows.resized(window), step, &events, Some(&whole));
        prop_assert_eq!(outcome.denied, denied(step, &whole));
        for (name, _, text) in &parts {
            let left = outcome.left.get(*name).map_or(0, String::len);
            if let Some((_, first)) = find_all(&all_detectors(), text).first() {
                prop_assert!(left <= first.start, "{left} bytes left of {name}: {text:?}");
            }
        }
    }

    /// Nothing that a stream may hold makes it panic.
    #[test]
    fn any_text_is_inspected(text in ".{0,300}", kind in 0_usize..3, cuts in lengths(), window in 1_u32..400) {
        let kind = [PartKind::Text, PartKind::ToolArguments, PartKind::Other][kind];
        let (program, windows) = &*ALL;
        let step = program.step("route").unwrap();
        let part = Part { name: TEXT.to_owned(), kind, text: text.clone() };
        let parts = [part];
        let outcome = run_by(&windows.resized(window), step, &deltas(TEXT, kind, &text, &cuts), Some(&parts));
        prop_assert_eq!(outcome.denied, denied(step, &parts));
    }
}

/// Every character of a string as an escape.
fn escaped(json: &str) -> String {
    let mut out = String::new();
    for c in json.chars() {
        if c.is_ascii_punctuation() && c != '@' && c != '.' && c != '+' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    // The structure stays: only texts hold letters.
    out
}

#[test]
fn escapes_hide_nothing() {
    let program = program(vec![deny(&["email"], &[], None)]);
    let step = program.step("route").unwrap();
    let text = r#"{"to": "hello ana\u0040bank.example and more"}"#;
    assert!(find_all(&[Detector::Email], text).is_empty(), "raw there is no address");
    for kind in [PartKind::ToolArguments, PartKind::Text] {
        for n in 1..9 {
            let outcome = run(step, 1, &deltas(TEXT, kind, text, &[n]));
            assert!(outcome.denied);
            let left = outcome.left.get(TEXT).map_or(0, String::len);
            assert!(left <= text.find("ana").unwrap(), "{left} bytes left");
        }
    }
    // The same text is no JSON in the end: as it stands there is no address, and it is let go, as it is in one piece.
    let broken = r#"{"to": "hello ana\u0040bank.example and more""#;
    let outcome = run(step, 1, &deltas(TEXT, PartKind::Text, broken, &[3]));
    assert!(!outcome.denied && !outcome.cut);
}

#[test]
fn numbers_are_read_as_a_reader_prints_them() {
    let program = program(vec![deny(&["card-number"], &[], None)]);
    let step = program.step("route").unwrap();
    let text = r#"{"n": 4.111111111111111e15, "m": 1}"#;
    let outcome = run(step, 1, &deltas(TEXT, PartKind::ToolArguments, text, &[1]));
    assert!(outcome.denied);
    assert!(outcome.left.get(TEXT).map_or(0, String::len) <= 6);
}

#[test]
fn prose_leaves_at_once_and_a_match_stops_it() {
    let program = program(all_rules());
    let step = program.step("route").unwrap();
    let calm = "Your card was charged once, and the second charge is being returned to you. ";
    let outcome = run(step, 1, &deltas(TEXT, PartKind::Text, calm, &[1]));
    assert_eq!(outcome.left[TEXT], calm, "nothing waits where no match is under way");
    let bad = format!("{calm}Write to ana@bank.example. {calm}");
    let outcome = run(step, 16, &deltas(TEXT, PartKind::Text, &bad, &[5]));
    assert!(outcome.cut, "it is cut while it comes, not at its end");
    let judged = &outcome.parts[0].text;
    assert!(judged.len() < bad.len() && judged.contains("ana@bank.example"));
    assert!(outcome.left[TEXT].len() > calm.len() / 2);
}

#[test]
fn what_is_too_large_is_cut() {
    let program = program(all_rules());
    let step = program.step("route").unwrap();
    let line = "Nothing to see here at all. ".repeat(400);
    let events: Vec<_> =
        (0..100).map(|_| vec![Delta { part: TEXT.to_owned(), kind: PartKind::Text, text: line.clone() }]).collect();
    let outcome = run(step, 256, &events);
    assert!(outcome.cut && denied(step, &outcome.parts));
    let many: Vec<_> = (0..70)
        .map(|i| vec![Delta { part: format!("choices.{i}.text"), kind: PartKind::Text, text: "x ".to_owned() }])
        .collect();
    assert!(run(step, 1, &many).cut);
}

#[test]
fn events_without_text_leave_in_their_turn() {
    let program = program(all_rules());
    let step = program.step("route").unwrap();
    let mut inspector = Inspector::new(Arc::new(Windows::of(step, 1).unwrap()));
    let event = |raw: &str, text: &str| StreamEvent {
        raw: raw.as_bytes().to_vec(),
        deltas: vec![Delta { part: TEXT.to_owned(), kind: PartKind::Text, text: text.to_owned() }],
    };
    assert_eq!(inspector.push(event("role", "")).leave[0].raw, b"role");
    assert!(inspector.push(event("half", "ana@bank")).leave.is_empty());
    assert!(inspector.push(event("ping", "")).leave.is_empty(), "the order stays");
    assert!(!inspector.saw_all_of(&Candidate::text("ana@bank, x").parts));
    assert!(inspector.saw_all_of(&Candidate::text("ana@bank").parts));
    let rest: Vec<(Vec<u8>, u64)> = inspector.rest().into_iter().map(|l| (l.raw, l.text_bytes)).collect();
    assert_eq!(rest, [(b"half".to_vec(), 8), (b"ping".to_vec(), 0)]);
}

#[test]
fn what_needs_the_whole_output_has_no_windows() {
    let whole = |change: Box<dyn FnOnce(&mut Step)>| {
        let workflow = with(|step| {
            text_step(vec![deny(&["email"], &[], None)])(step);
            change(step);
        });
        Windows::of(Program::compile(&workflow).unwrap().step("route").unwrap(), 64).is_err()
    };
    assert!(!whole(Box::new(|_| {})));
    assert!(!whole(Box::new(|step| step.forbid.push(rule("forbid", "w", detect(&["url"], None), Else::Warn)))));
    assert!(whole(Box::new(|step| step.output = Some("Routing".to_owned()))));
    assert!(whole(Box::new(|step| step.attempts = 2)));
    for otherwise in [Else::Modify, Else::Escalate] {
        assert!(whole(Box::new(move |step| step.forbid.push(rule("forbid", "w", detect(&["url"], None), otherwise)))));
    }
    assert!(whole(Box::new(|step| step.require.push(rule("require", "w", detect(&["url"], None), Else::Deny)))));
    assert!(whole(Box::new(|step| step.never.push(rule("never", "w", detect(&["url"], None), Else::Deny)))));
    assert!(whole(Box::new(|step| {
        step.forbid.push(crate::fixture::cel("forbid", "w", "size(input.text) > 3", Else::Deny));
    })));
}

#[test]
fn a_rule_about_the_answer_is_for_the_answer() {
    let program = program(vec![deny(&["email"], &[], Some("output"))]);
    let step = program.step("route").unwrap();
    let text = "write to ana@bank.example now";
    assert!(run(step, 1, &deltas(TEXT, PartKind::Text, text, &[4])).cut);
    let outcome = run(step, 1, &deltas("choices.0.reasoning", PartKind::Reasoning, text, &[4]));
    assert_eq!(outcome.left["choices.0.reasoning"], text);
}

#[test]
fn a_tool_that_is_not_named_is_never_called() {
    use seatrial_spec::workflow::Tool;
    let allow = |names: &[&str]| {
        let tool = |name: &&str| Tool {
            name: (*name).to_owned(),
            path: format!("steps.route.tools.{name}").as_str().into(),
            arguments: None,
            require: Vec::new(),
            forbid: Vec::new(),
        };
        let tools: Vec<Tool> = names.iter().map(tool).collect();
        Program::compile(&with(|step| {
            text_step(vec![deny(&["email"], &[], None)])(step);
            step.tools = Some(tools);
        }))
        .unwrap()
    };
    let program = allow(&["look_up", "look"]);
    let step = program.step("route").unwrap();
    let (name, arguments) = ("choices.0.tool_calls.0.name", "choices.0.tool_calls.0.arguments");
    let call = |tool: &str| {
        let mut events = deltas(name, PartKind::ToolName, tool, &[3]);
        events.extend(deltas(arguments, PartKind::ToolArguments, r#"{"a": "calm words"}"#, &[2]));
        run(step, 1, &events)
    };
    for allowed in ["look", "look_up"] {
        let outcome = call(allowed);
        assert!(!outcome.denied && outcome.left[name] == allowed && outcome.left[arguments].len() > 10);
    }
    for refused in ["looks", "delete_all", "l", "look_up_all"] {
        let outcome = call(refused);
        assert!(outcome.denied, "{refused}");
        let left = outcome.left.get(name).map_or("", String::as_str);
        assert!(["", "look", "look_up"].contains(&left), "{left}");
    }
    // Arguments without a name belong to no tool.
    let outcome = run(step, 1, &deltas(arguments, PartKind::ToolArguments, "{}", &[1]));
    assert!(outcome.denied && outcome.left.is_empty());
}

#[test]
fn a_plain_text_is_a_text_and_calls_nothing() {
    let mut workflow = with(|step| {
        text_step(vec![deny(&["email"], &[], None)])(step);
        step.output = Some("Routing".to_owned());
    });
    if let Some(routing) = workflow.types.get_mut("Routing") {
        routing.schema = Arc::new(json!({"type": "string"}));
    }
    let program = Program::compile(&workflow).unwrap();
    let step = program.step("route").unwrap();
    let text = r#"{"to": "ana@bank.example"} "#;
    assert!(run(step, 1, &deltas(TEXT, PartKind::Text, text, &[2])).cut, "it is a text, whatever it looks like");
    let arguments = deltas("choices.0.tool_calls.0.arguments", PartKind::ToolArguments, "{}", &[1]);
    let outcome = run(step, 1, &arguments);
    assert!(outcome.cut && outcome.left.is_empty());
}
