//! Tools, judges, agreement, ways of serving: what loads, what is refused, what a difference does.

use crate::compare::lines;
use crate::diagnostics::lines as findings;
use crate::fixture::edited;
use expect_test::{Expect, expect};
use seatrial_spec::workflow::Check;
use seatrial_spec::{Checked, FactorySpec, MemoryFiles, check, check_factory, compare};

const FACTORY: &str = r#"seatrial: 1
factory: desk
profile: small
timezone: Europe/Madrid
people:
  - { id: ana@bank.example, name: Ana, side: receiving, roles: [agents] }
providers:
  default: { kind: openai, base_url: "https://models.example/v1" }
  other: { kind: anthropic, base_url: "https://models.example" }
  both: { kind: anthropic, base_url: "https://models.example", speaks: [messages, chat] }
  embedded: { kind: classifier }
store: { sqlite: .seatrial }
workflows: [workflows/desk]
"#;

const DESK: &str = r#"seatrial: 1
workflow: desk
title: "Answer customers"
types:
  Question: question.json
  Answer: answer.json
  Search: search.json
  Judged: judged.json
  Verdict: verdict.json
  Text: text.json
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
    require:
      is-kind: { judge: check, rule: "judged.ok && judged.confidence >= 0.5", because: "Nobody is shouted at" }
    forbid:
      is-rude: { judge: check, rule: "judged.rude" }
    confidence: { judge: check }
    escalate:
      unsure: { when: "confidence < 0.5", to: agents }
    tools:
      search:
        arguments: Search
        require:
          is-about-it: { rule: "input.text.contains(arguments.query)" }
          quotes: { grounded: { quote: arguments.query, in: input.text } }
        forbid:
          is-long: { rule: "size(arguments.query) > 200" }
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
"#;

fn files() -> MemoryFiles {
    MemoryFiles::new([
        ("question.json", r#"{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}}"#),
        (
            "answer.json",
            r#"{"type":"object","required":["answer","sure"],"properties":{"answer":{"type":"string"},"sure":{"type":"number"}}}"#,
        ),
        (
            "search.json",
            r#"{"type":"object","required":["query"],"properties":{"query":{"type":"string"},"limit":{"type":"integer","maximum":10}}}"#,
        ),
        ("judged.json", r#"{"type":"object","required":["output"],"properties":{"input":{},"output":{}}}"#),
        (
            "verdict.json",
            r#"{"type":"object","required":["ok","rude","confidence"],"properties":{"ok":{"type":"boolean"},"rude":{"type":"boolean"},"confidence":{"type":"number"},"why":{"type":"string"}}}"#,
        ),
        ("text.json", r#"{"type":"string","title":"An answer"}"#),
        ("prompt.md", "Answer {{input.text}}\n"),
        ("cases.jsonl", "{\"id\":\"1\",\"input\":{\"text\":\"x\"},\"expected\":{\"answer\":\"y\"}}\n"),
    ])
}

fn factory() -> FactorySpec {
    let (factory, found, _) = check_factory(FACTORY);
    assert_eq!(found, []);
    factory.unwrap()
}

/// The fixture with some texts replaced.
fn changed(edits: &[(&str, &str)]) -> String {
    edited(DESK, edits)
}

/// What stands in the way of loading; drafts lack much that production wants.
fn refused(checked: &Checked) -> String {
    let errors: Vec<_> =
        checked.diagnostics.iter().filter(|d| d.blocks == Some(seatrial_model::Stage::Draft)).cloned().collect();
    assert_eq!(errors.is_empty(), checked.workflow.is_some(), "{}", findings(&checked.diagnostics));
    findings(&errors)
}

#[track_caller]
fn says(edits: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&refused(&check(&changed(edits), &files(), Some(&factory()))));
}

#[test]
fn tools_and_judges_load() {
    let checked = check(DESK, &files(), Some(&factory()));
    assert_eq!(refused(&checked), "");
    let w = checked.workflow.unwrap();
    let step = w.step("answer").unwrap();
    let tools = step.tools.as_ref().unwrap();
    assert_eq!(tools.iter().map(|t| t.name.as_str()).collect::<Vec<_>>(), ["hang_up", "search"]);
    assert_eq!(step.judges(), ["check"]);
    assert_eq!(step.rules().count(), 6);
    let judge = &step.forbid[0].check;
    assert!(matches!(judge, Check::Judge { step, rule } if step == "check" && rule.promoted == "judged.rude"));
    for path in ["tools", "tools.search", "tools.search.arguments", "tools.search.forbid.is-long", "require.is-kind"] {
        assert!(w.element(&format!("steps.answer.{path}").as_str().into()).is_some(), "{path}");
    }
    assert!(w.element(&"steps.check.tools".into()).is_none(), "what says nothing of tools has no such element");
    assert!(w.element(&"steps.answer.serves".into()).is_none());
}

#[test]
fn what_is_wrong_with_a_tool() {
    says(
        &[
            ("arguments.query) > 200", "arguments.qery) > 200"),
            ("input.text.contains(arguments.query)", "output.answer == 'x'"),
            ("quote: arguments.query", "quote: output.answer"),
            ("in: arguments.query", "in: output.answer"),
            ("arguments: Search", "arguments: Serch"),
        ],
        expect![[r#"
            ST0202 31:20 draft steps.answer.tools.search: there is no type `Serch` [did you mean `Search`?]
            ST0302 33:33 draft steps.answer.tools.search.require.is-about-it: there is no variable `output` here: a tool is called before there is an output [known here: `input`]
            ST0212 34:40 draft steps.answer.tools.search.require.quotes: `output.answer` is not a field here [write a field of `arguments`, as in `arguments.text`]
            ST0302 36:34 draft steps.answer.tools.search.forbid.is-long: there is no variable `arguments` here: the tool names no `arguments` type [known here: `input`]
            ST0212 37:44 draft steps.answer.tools.search.forbid.personal: `output.answer` is not a field here [write a field of `arguments`, as in `arguments.text`]
        "#]],
    );
    says(
        &[
            ("arguments.query) > 200", "arguments.limit) > 200"),
            ("hang_up: {}", "\"hang up\": {}"),
            (
                "is-about-it: { rule: \"input.text.contains(arguments.query)\" }",
                "is-about-it: { judge: check, rule: \"judged.ok\" }",
            ),
            ("      hang", "      more: { rules: 1 }\n      hang"),
        ]
        .iter()
        .rev()
        .copied()
        .collect::<Vec<_>>(),
        expect![[r#"
            ST0302 33:33 draft steps.answer.tools.search.require.is-about-it: a judge is asked about an output, and there is none here [write a `rule` over what there is]
            ST0305 36:34 draft steps.answer.tools.search.forbid.is-long: `size` needs a text or a list, and this is an integer
            ST0307 36:34 draft steps.answer.tools.search.forbid.is-long: `arguments.limit` is optional in the schema, and the expression fails where it is missing [write `has(arguments.limit) && …` before it, or make the field required in the schema]
            ST0101 38:15 draft steps.answer.tools.more: there is no key `rules` here [known here: `arguments`, `require`, `forbid`]
            ST0109 39:7 draft steps.answer.tools: `hang up` is not a name of a tool [use 1 to 128 letters, digits, `-` and `_`, exactly as the client names it]
        "#]],
    );
}

#[test]
fn who_can_judge() {
    // Not itself, not a person, not one that has a judge, calls tools, or cannot be asked.
    says(
        &[("is-rude: { judge: check,", "is-rude: { judge: answer,")],
        expect![[r#"
        ST0304 25:40 draft steps.answer.forbid.is-rude: `judged` has no field `rude` [known here: `answer`, `sure`]
    "#]],
    );
    says(
        &[("is-rude: { judge: check,", "is-rude: { judge: chek,")],
        expect![[r#"
        ST0203 25:25 draft steps.answer.forbid.is-rude: there is no step `chek` [did you mean `check`?]
    "#]],
    );
    says(
        &[("    output: Verdict\n    model: { provider: default, name: another-model }\n", "    output: Verdict\n")],
        expect![[r#"
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: no model does it [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 25:18 draft steps.answer.forbid.is-rude: `check` cannot judge: no model does it [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: no model does it [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
    "#]],
    );
    says(
        &[(
            "    output: Verdict\n",
            "    output: Verdict\n    tools: { look: {} }\n    confidence: { judge: answer }\n",
        )],
        expect![[r#"
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: it has a judge itself [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: it may call tools, and a judge answers at once [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 25:18 draft steps.answer.forbid.is-rude: `check` cannot judge: it has a judge itself [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 25:18 draft steps.answer.forbid.is-rude: `check` cannot judge: it may call tools, and a judge answers at once [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: it has a judge itself [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: it may call tools, and a judge answers at once [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 48:19 draft steps.check.confidence: `answer` cannot judge: it has a judge itself [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 48:19 draft steps.check.confidence: `answer` cannot judge: it may call tools, and a judge answers at once [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 48:19 draft steps.check.confidence: `answer` cannot judge: its input `Question` has no `output`, so it would not see what it judges [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 48:19 draft steps.check.confidence: the output of `answer` has no `confidence` that is always there and a number [add a required `confidence`, a number from 0 to 1, to its output type]
    "#]],
    );
    says(
        &[("    output: Verdict\n", "    output: Verdict\n    serves: [decide]\n")],
        expect![[r#"
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: it does not serve `run`, by which a judge is asked [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 25:18 draft steps.answer.forbid.is-rude: `check` cannot judge: it does not serve `run`, by which a judge is asked [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: it does not serve `run`, by which a judge is asked [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
    "#]],
    );
}

/// What it is asked with: `output`, and `input` where wanted.
#[test]
fn what_a_judge_is_asked_with() {
    says(
        &[("input: Judged", "input: Question"), ("judged.rude", "judged.ruder")],
        expect![[r#"
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: its input `Question` has no `output`, so it would not see what it judges [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0304 25:39 draft steps.answer.forbid.is-rude: `judged` has no field `ruder` [did you mean `rude`?]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: its input `Question` has no `output`, so it would not see what it judges [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
    "#]],
    );
    says(
        &[("input: Judged", "input: Text")],
        expect![[r#"
        ST0417 23:18 draft steps.answer.require.is-kind: `check` cannot judge: its input `Text` is not an object [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 25:18 draft steps.answer.forbid.is-rude: `check` cannot judge: its input `Text` is not an object [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
        ST0417 26:19 draft steps.answer.confidence: `check` cannot judge: its input `Text` is not an object [name another AI step with a `model`, whose input is an object of `output` and, where wanted, `input`]
    "#]],
    );
    // Its confidence is a number that is always there, and a rule reads what it says.
    says(
        &[
            ("output: Verdict", "output: Search"),
            ("judged.rude", "output.answer == ''"),
            ("judged.ok && judged.confidence >= 0.5", "judged.query == ''"),
        ],
        expect![[r#"
        ST0410 25:38 draft steps.answer.forbid.is-rude: `check` is asked, and the rule does not read what it says [read a field of `judged`, or remove `judge`]
        ST0417 26:19 draft steps.answer.confidence: the output of `check` has no `confidence` that is always there and a number [add a required `confidence`, a number from 0 to 1, to its output type]
    "#]],
    );
}

#[test]
fn what_cannot_run_is_refused() {
    // The caller's word.
    let caller = ("confidence: { judge: check }", "confidence: caller");
    says(
        &[caller, ("      search:\n", "      search_more: {}\n      search:\n")],
        expect![[r#"
        ST0416 29:5 draft steps.answer.tools: tools are offered by a client's own call, and the step does not serve `proxy` [add `proxy` to `serves`, or write `tools: {}`]
    "#]],
    );
    let start = DESK.find("    require:").unwrap();
    let checks = &DESK[start..DESK.find("    fallback").unwrap()];
    says(
        &[(checks, "    confidence: caller\n    serves: [decide, run]\n")],
        expect![[r#"
        ST0416 22:5 draft steps.answer.confidence: a caller says its confidence where it submits an output, and nowhere else [write `serves: [decide]`, or another source]
    "#]],
    );
    says(&[(checks, "    confidence: caller\n")], expect![[r#""#]]);
    // Log-probabilities.
    let logprobs = ("confidence: { judge: check }", "confidence: { logprobs: output.answer }");
    says(&[logprobs], expect![[r#""#]]);
    says(
        &[logprobs, ("    fallback", "    serves: [proxy, decide]\n    fallback")],
        expect![[r#"
        ST0416 26:5 draft steps.answer.confidence: an output that is submitted comes without log-probabilities [write `serves: [run, proxy]`, or another source]
    "#]],
    );
    says(
        &[logprobs, ("provider: default", "provider: other")],
        expect![[r#"
        ST0416 26:5 draft steps.answer.confidence: provider `other` gives no log-probabilities [name a provider that speaks `chat` or `responses`, or another source]
    "#]],
    );
    says(&[logprobs, ("provider: default", "provider: both")], expect![[r#""#]]);
    // Agreement.
    let agreement = ("confidence: { judge: check }", "confidence: { agreement: 5 }");
    says(&[agreement], expect![[r#""#]]);
    says(
        &[agreement, ("    fallback", "    serves: [proxy, decide]\n    fallback")],
        expect![[r#"
        ST0416 26:5 draft steps.answer.confidence: for an output that is submitted the guard asks no model, so there are no samples [write `serves: [run, proxy]`, or another source]
    "#]],
    );
    says(
        &[agreement, ("name: some-model }", "name: some-model, temperature: 0 }")],
        expect![[r#"
        ST0416 26:5 draft steps.answer.confidence: without a model, or at temperature 0, samples say nothing: all are alike [name a model with a `temperature` above 0, or another source]
    "#]],
    );
    // No model to ask; no way in which a tool could be called.
    says(
        &[("    model: { provider: default, name: some-model }\n", "    serves: [run, decide]\n")],
        expect![[r#"
        ST0416 21:5 draft steps.answer.serves: `run` and `proxy` ask a model, and the step names none [add `model`, or write `serves: [decide]`]
        ST0416 29:5 draft steps.answer.tools: tools are offered by a client's own call, and the step does not serve `proxy` [add `proxy` to `serves`, or write `tools: {}`]
    "#]],
    );
    says(
        &[("    model: { provider: default, name: some-model }\n", "")],
        expect![[r#"
        ST0416 28:5 draft steps.answer.tools: tools are offered by a client's own call, and the step does not serve `proxy` [add `proxy` to `serves`, or write `tools: {}`]
    "#]],
    );
    says(
        &[("    fallback", "    serves: []\n    fallback")],
        expect![[r#"
        ST0113 39:13 draft steps.answer: a step that is served in no way does nothing [leave it out, or name `run`, `proxy` or `decide`]
    "#]],
    );
    says(
        &[("    fallback", "    serves: [stream]\n    fallback")],
        expect![[r#"
        ST0104 39:14 draft steps.answer: `stream` is none of `run`, `proxy`, `decide`
    "#]],
    );
}

#[test]
fn what_the_embedded_classifier_cannot_do() {
    let trained = [
        (
            "    model: { provider: default, name: some-model }\n",
            "    model: { provider: embedded, name: m, train: { examples: cases, label: expected.answer } }\n    prompt: prompt.md\n",
        ),
        ("  check:\n", "  unused:\n    does: \"x\"\n    actor: system\n  check:\n"),
        ("types:\n", "examples:\n  cases: { file: cases.jsonl, step: answer, drawn: random }\ntypes:\n"),
    ];
    let with = |confidence| {
        let mut edits = trained.to_vec();
        edits.push(("confidence: { judge: check }", confidence));
        edits
    };
    says(
        &with("confidence: { agreement: 3 }"),
        expect![[r#"
        ST0416 24:5 draft steps.answer.prompt: the embedded classifier is asked with the input, and reads no prompt [remove `prompt`, or name a language model]
        ST0416 29:5 draft steps.answer.confidence: the embedded classifier answers the same every time: its samples always agree [write the field of the output that it fills]
        ST0416 32:5 draft steps.answer.tools: the embedded classifier calls no tools [write `tools: {}`, or name a language model]
    "#]],
    );
    says(
        &with("confidence: { logprobs: output.answer }"),
        expect![[r#"
        ST0416 24:5 draft steps.answer.prompt: the embedded classifier is asked with the input, and reads no prompt [remove `prompt`, or name a language model]
        ST0416 29:5 draft steps.answer.confidence: the embedded classifier gives no log-probabilities [write the field of the output that it fills]
        ST0416 32:5 draft steps.answer.tools: the embedded classifier calls no tools [write `tools: {}`, or name a language model]
    "#]],
    );
}

#[test]
fn what_cannot_run_on_windows() {
    let window = "    stream: { window: 2048 }\n    fallback";
    // All at once: the schema, the judges, the confidence, the escalation, and what looks into arguments.
    says(
        &[("    fallback", window)],
        expect![[r#"
        ST0409 20:5 draft steps.answer: a schema that says more than that the output is a text needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        ST0409 22:5 draft steps.answer: a `require` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        ST0409 24:5 draft steps.answer: a rule over the output needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        ST0409 26:5 draft steps.answer: the confidence needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        ST0409 27:5 draft steps.answer: an escalation needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        ST0409 29:5 draft steps.answer: a rule over what a tool is called with needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
    "#]],
    );
    // A text, detectors that deny, and a list of tools: that can be judged as it comes.
    let start = DESK.find("    require:").unwrap();
    let end = DESK.find("    fallback").unwrap();
    let checks = &DESK[start..end];
    let plain = ("output: Answer", "output: Text");
    let allowed = "    forbid:\n      personal: { detect: [email] }\n    tools: { search: {}, hang_up: {} }\n";
    says(&[plain, (checks, allowed), ("    fallback", window)], expect![[""]]);
    // It streams to a client's own call, and to nobody else.
    says(
        &[plain, (checks, "    serves: [run]\n"), ("    fallback", window)],
        expect![[r#"
        ST0416 23:5 draft steps.answer.stream: streams answer a client's own call, and the step does not serve `proxy` [add `proxy` to `serves`, or write `stream: buffer`]
    "#]],
    );
    let escalates = "    forbid:\n      personal: { detect: [email], else: escalate }\n";
    says(
        &[plain, (checks, escalates), ("    fallback", window)],
        expect![[r#"
        ST0409 22:5 draft steps.answer: `modify` or `escalate` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
    "#]],
    );
    let requires = "    require:\n      personal: { detect: [email], else: deny }\n";
    says(
        &[plain, (checks, requires), ("    fallback", window)],
        expect![[r#"
        ST0409 22:5 draft steps.answer: a `require` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
    "#]],
    );
}

#[test]
fn what_a_difference_in_tools_and_judges_does() {
    let load = |text: &str| check(text, &files(), None).workflow.unwrap();
    let old = load(DESK);
    let table: String = [
        ("      hang_up: {}\n", ""),
        ("    tools:\n      search:\n", "    tools:\n      look_up: {}\n      search:\n"),
        ("        arguments: Search\n        require:\n          is-about-it: { rule: \"input.text.contains(arguments.query)\" }\n", "        arguments: Search\n        require:\n"),
        ("> 200", "> 100"),
        ("judged.rude\"", "judged.rude || !judged.ok\""),
        ("      is-rude: { judge: check, rule: \"judged.rude\" }", "      is-rude: { rule: \"output.answer == ''\" }"),
        ("    fallback", "    serves: [run, proxy]\n    fallback"),
        ("    model: { provider: default, name: another-model }\n", "    model: { provider: default, name: another-model }\n    tools: {}\n"),
        ("    model: { provider: default, name: another-model }\n", "    model: { provider: default, name: another-model }\n    prompt: prompt.md\n"),
    ]
    .iter()
    .map(|edit| {
        let new = load(&changed(&[*edit]));
        format!("> {}< {}", lines(&compare(&old, &new)), lines(&compare(&new, &old)))
    })
    .collect();
    expect![[r#"
        > - steps.answer.tools.hang_up narrows: it may call `hang_up` no longer
        < + steps.answer.tools.hang_up widens: it may call `hang_up`
        > + steps.answer.tools.look_up widens: it may call `look_up`
        < - steps.answer.tools.look_up narrows: it may call `look_up` no longer
        > - steps.answer.tools.search.require.is-about-it widens: a rule is gone: `input.text.contains(arguments.query)`; else escalate
        < + steps.answer.tools.search.require.is-about-it narrows: a new rule: `input.text.contains(arguments.query)`; else escalate
        > ~ steps.answer.tools.search.forbid.is-long narrows: it objects where: `size(arguments.query) > 200` → `size(arguments.query) > 100`, which holds in more cases
        < ~ steps.answer.tools.search.forbid.is-long widens: it objects where: `size(arguments.query) > 100` → `size(arguments.query) > 200`, which holds in fewer cases
        > ~ steps.answer.forbid.is-rude narrows: it objects where: `judged.rude` → `judged.rude || !judged.ok`, which holds in more cases
        < ~ steps.answer.forbid.is-rude widens: it objects where: `judged.rude || !judged.ok` → `judged.rude`, which holds in fewer cases
        > ~ steps.answer.forbid.is-rude unclear: it checks in another way
        < ~ steps.answer.forbid.is-rude unclear: it checks in another way
        > + steps.answer.serves narrows: it is served by `decide` no longer
        < - steps.answer.serves widens: it is served by `decide`, too
        > + steps.check.tools narrows: no tool may be called; until now a call was escalated
        < - steps.check.tools widens: a call of a tool is escalated; until now it was denied
        > + steps.check.prompt unclear: the step has a prompt of its own now
        < - steps.check.prompt unclear: the prompt is gone: the caller writes it
    "#]].assert_eq(&table);
}

#[test]
fn names_of_tools_carry_no_order_and_no_layout() {
    let load = |text: &str| check(text, &files(), None).workflow.unwrap().digest;
    let turned = changed(&[("      hang_up: {}\n", ""), ("    tools:\n", "    tools:\n      hang_up: {} # first\n")]);
    assert_eq!(load(&turned), load(DESK));
    // To say the usual is to say nothing.
    let said = changed(&[("    fallback", "    serves: [decide, run, proxy]\n    fallback")]);
    assert_eq!(load(&said), load(DESK));
}
