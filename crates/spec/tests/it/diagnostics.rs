//! What a person reads, and what a program does.

use crate::fixture::{FACTORY, WORKFLOW, changed, factory, files};
use expect_test::{Expect, expect};
use seatrial_spec::diagnostic::{to_human, to_json, to_sarif};
use seatrial_spec::{check, check_factory};

fn says(text: &str, expected: Expect) {
    let checked = check(text, &files(), Some(&factory()));
    expected.assert_eq(&to_human(&checked.diagnostics, &checked.sources, false));
}

/// Codes and messages, one a line.
pub fn brief(text: &str, expected: Expect) {
    let checked = check(text, &files(), Some(&factory()));
    expected.assert_eq(&lines(&checked.diagnostics));
}

/// Codes and messages, one a line.
pub fn lines(diagnostics: &[seatrial_spec::Diagnostic]) -> String {
    let line = |d: &seatrial_spec::Diagnostic| {
        let blocks = d.blocks.map_or("advice", |s| s.as_str());
        let help = d.help.as_ref().map(|h| format!(" [{h}]")).unwrap_or_default();
        format!("{} {}:{} {blocks} {}: {}{help}\n", d.code, d.line, d.column, d.element, d.message)
    };
    diagnostics.iter().map(line).collect()
}

#[test]
fn an_unknown_field_shows_the_schema() {
    says(
        &changed("output.reason) >= 10", "output.reasn) >= 10"),
        expect![[r#"
            error[ST0304]: `output` has no field `reasn`
              --> workflow.yaml:39:31
               |
            39 |       says-why: { rule: "size(output.reasn) >= 10", because: "Underwriters must see the reason" }
               |                               ^^^^^^^^^^^^
               |
              ::: schemas/assessment.json:8:5
               |
             8 |     "reason": { "type": "string", "maxLength": 500 },
               |     -------- `reason` in the schema
               |
               = help: did you mean `reason`?
               = note: the spec was not loaded: the expression would fail on every case

            1 error; nothing was loaded
        "#]],
    );
}

#[test]
fn an_unknown_key_says_what_was_meant() {
    says(
        &changed("reversible: true", "reversable: true"),
        expect![[r#"
        error[ST0101]: there is no key `reversable` here
          --> workflow.yaml:25:5
           |
        25 |     reversable: true
           |     ^^^^^^^^^^
           |
           = help: did you mean `reversible`?
           = note: the spec was not loaded: a misspelt control would be configured, green and inert

        1 error; nothing was loaded
    "#]],
    );
}

#[test]
fn a_key_that_stands_twice() {
    says(
        &changed("    within: 5s", "    actor: person\n    within: 5s"),
        expect![[r#"
            error[ST0002]: the key `actor` stands twice in one mapping
              --> workflow.yaml:34:5
               |
            23 |     actor: ai
               |     ----- it stands here first
            ...
            34 |     actor: person
               |     ^^^^^
               |
               = note: the spec was not loaded: two rules of one name, and a reader cannot know which holds

            1 error; nothing was loaded
        "#]],
    );
}

#[test]
fn many_at_once() {
    let text = changed("seatrial: 1", "seatrial: 2")
        .replacen("influence: decide", "influence: decides", 1)
        .replacen("within: 5s", "within: 5 seconds", 1)
        .replacen("until: 2027-01-31", "until: 31.1.2027", 1)
        .replacen("at: 0.93", "at: 93", 1)
        .replacen("target: \">= 0.25\"", "target: 25 %", 1)
        .replacen("late: heads", "late: head", 1)
        .replacen("input: Application", "input: Aplication", 1)
        .replacen("examples: applications, label", "examples: aplications, label", 1)
        .replacen("provider: embedded", "provider: embeded", 1)
        .replacen("steps.assess.settled", "steps.asses.settled", 1)
        .replacen("detect: [email", "detect: [e-mail", 1)
        .replacen("[A-Z]{2}-[0-9]{6}", "[A-Z{2}", 1)
        .replacen("withhold: [age,", "withhold: [agee,", 1)
        .replacen("per_day: 200", "per_day: 0", 1)
        .replacen("tools: {}", "tools: { search: {} }", 1)
        .replacen("steps.*.never", "steps.*.nevr", 1)
        .replacen("evaluation: { hostile:", "evaluation: { hostil:", 1)
        .replacen("runbook: runbooks/by-hand.md }\n    limits", "runbook: runbooks/gone.md }\n    limits", 1)
        .replacen("metrics.agreement", "metrics.agreemnt", 1)
        .replacen("else: modify", "else: redact", 1);
    brief(
        &text,
        expect![[r#"
            ST0110 1:11 draft : the number `2` is not a version of the language that is understood [write `seatrial: 1`]
            ST0411 7:1 production outcomes: `outcomes` is missing: nothing says what it should achieve
            ST0108 8:99 draft outcomes.waiting: the text `25 %` is not a bar [write a comparison with a number in quotes, as in `">= 0.95"`]
            ST0104 24:16 draft steps.assess: `decides` is none of `inform`, `suggest`, `decide`, `act` [did you mean `decide`?]
            ST0202 27:12 draft steps.assess: there is no type `Aplication` [did you mean `Application`?]
            ST0206 30:17 draft steps.assess.model: there is no provider `embeded` [did you mean `embedded`?]
            ST0205 32:26 draft steps.assess.model: there is no example set `aplications` [did you mean `applications`?]
            ST0106 34:13 draft steps.assess: the text `5 seconds` is not a length of time [write a whole number and one of `ms`, `s`, `min`, `h`, `d`, `w`, `y`, as in `4h`]
            ST0104 42:33 draft steps.assess.forbid.personal-data: there is no detector `e-mail` [did you mean `email`?]
            ST0112 42:63 draft steps.assess.forbid.personal-data: this is not a regular expression: unclosed character class
            ST0104 42:102 draft steps.assess.forbid.personal-data: `redact` is none of `deny`, `escalate`, `modify`, `warn`
            ST0201 50:33 draft steps.assess.review: there is no role `head` [did you mean `heads`?]
            ST0209 53:58 draft steps.assess.fallback: `runbooks/gone.md` was not read: there is no such file
            ST0105 62:9 draft thresholds.approve: the number `93` is out of range [write a number from 0 to 1]
            ST0107 98:12 draft gates.pilot: the text `31.1.2027` is not a date [write a date as in `2027-01-31`]
            ST0105 99:14 draft gates.pilot: the number `0` is out of range [write a whole number from 1 to 1000000000]
            ST0304 102:19 draft gates.pilot.continue_if: `metrics` has no field `agreemnt` [did you mean `agreement`?]
            ST0205 105:19 draft gates.production: there is no example set `hostil` [did you mean `hostile`?]
            ST0207 109:5 draft gates.production.approvals: `steps.*.nevr` matches no element: there is no `nevr` [did you mean `never`?]
        "#]],
    );
}

#[test]
fn expressions_are_checked_against_the_schema() {
    let of = |rule: &str| changed("input.amount > 5000", rule);
    let rules = [
        "input.amount > '5000'",
        "output.decision == 'declined'",
        "output.decision in ['refer', 'pre-aprove']",
        "input.time > 12",
        "input.income != null && input.income > 1",
        "has(input.income) && input.income > 1",
        "!has(input.time) || input.time > 60",
        "outputt.decision == 'refer'",
        "input.debts.exists(d, d.amount > 1)",
        "has(input.debts) && input.debts.exists(d, d.amout > 1)",
        "has(input.debts) && input.debts.exists(d, d.to == 'x')",
        "len(input.text) > 3",
        "size(input.text)",
        "input.text.matches('(')",
        "input.text.matches(output.reason)",
        "input.text + 1 == 'x'",
        "input.amount >",
        "input.text.size > 3",
        "confidence < thresholds.aprove",
        "expected.outcome == 'good'",
        "input['amuont'] > 1.0",
        "size(input.text) > 'é' && input.amoun > 3",
    ];
    let mut said = String::new();
    for rule in rules {
        let checked = check(&of(rule), &files(), Some(&factory()));
        let at = |d: &seatrial_spec::Diagnostic| {
            let text = checked.sources.get(&d.place.file).and_then(|t| t.get(d.place.range.clone())).unwrap_or("?");
            let help = d.help.as_ref().map(|h| format!(" [{h}]")).unwrap_or_default();
            let other = d.others.first().map(|o| format!(" ({})", o.label)).unwrap_or_default();
            format!("    {} at `{text}`: {}{help}{other}\n", d.code, d.message)
        };
        let found: String = checked.diagnostics.iter().map(at).collect();
        said.push_str(&format!("{rule}\n{}", if found.is_empty() { "    fine\n".to_owned() } else { found }));
    }
    expect![[r#"
        input.amount > '5000'
            ST0305 at `input.amount > '5000'`: a number is not compared with a text [compare values of one type; these are a number and a text: a number stands without quotes]
        output.decision == 'declined'
            ST0306 at `'declined'`: the schema does not allow `declined` in `output.decision`, so this never holds [did you mean `decline`?] (the schema)
        output.decision in ['refer', 'pre-aprove']
            ST0306 at `'pre-aprove'`: the schema does not allow `pre-aprove` in `output.decision`, so this never holds [did you mean `pre-approve`?] (the schema)
        input.time > 12
            ST0307 at `input.time`: `input.time` is optional in the schema, and the expression fails where it is missing [write `has(input.time) && …` before it, or make the field required in the schema] (`time` in the schema)
        input.income != null && input.income > 1
            ST0307 at `input.income`: `input.income` is optional in the schema, and the expression fails where it is missing [write `has(input.income) && …` before it, or make the field required in the schema] (`income` in the schema)
        has(input.income) && input.income > 1
            ST0308 at `input.income`: `input.income` may be null, and the expression fails where it is [write `input.income != null && …` before it]
        !has(input.time) || input.time > 60
            fine
        outputt.decision == 'refer'
            ST0302 at `outputt`: there is no variable `outputt` here [did you mean `output`?]
        input.debts.exists(d, d.amount > 1)
            ST0307 at `input.debts`: `input.debts` is optional in the schema, and the expression fails where it is missing [write `has(input.debts) && …` before it, or make the field required in the schema] (`debts` in the schema)
        has(input.debts) && input.debts.exists(d, d.amout > 1)
            ST0304 at `d.amout`: `d` has no field `amout` [did you mean `amount`?] (`amount` in the schema)
        has(input.debts) && input.debts.exists(d, d.to == 'x')
            ST0307 at `d.to`: `d.to` is optional in the schema, and the expression fails where it is missing [write `has(d.to) && …` before it, or make the field required in the schema] (`to` in the schema)
        len(input.text) > 3
            ST0303 at `len(input.text)`: there is no function `len` [known here: `size`, `contains`, `startsWith`, `endsWith`, `matches`, `int`, `double`, `string`, `has`, `all`, `exists`, `exists_one`, `map`, `filter`]
        size(input.text)
            ST0309 at `size(input.text)`: a condition is wanted here, and this is an integer
        input.text.matches('(')
            ST0112 at `'('`: this is not a regular expression: unclosed group
        input.text.matches(output.reason)
            ST0311 at `output.reason`: the pattern of `matches` is written out, not read from a case
        input.text + 1 == 'x'
            ST0305 at `input.text + 1`: `+` does not combine a text and an integer
        input.amount >
            ST0301 at ``: the expression ends too early
        input.text.size > 3
            ST0304 at `input.text.size`: a text has no fields, so there is no `size`
        confidence < thresholds.aprove
            ST0304 at `thresholds.aprove`: `thresholds` has no field `aprove` [did you mean `approve`?]
        expected.outcome == 'good'
            ST0302 at `expected`: there is no variable `expected` here: it exists only in `wrong_when` [known here: `confidence`, `input`, `output`, `thresholds`]
        input['amuont'] > 1.0
            ST0304 at `input['amuont']`: `input` has no field `amuont` [did you mean `amount`?] (`amount` in the schema)
        size(input.text) > 'é' && input.amoun > 3
            ST0305 at `size(input.text) > 'é'`: an integer is not compared with a text [compare values of one type; these are a text and an integer: a number stands without quotes]
            ST0304 at `input.amoun`: `input` has no field `amoun` [did you mean `amount`?] (`amount` in the schema)
    "#]].assert_eq(&said);
}

#[test]
fn findings_over_the_whole_spec() {
    let text = changed("reversible: true", "reversible: false")
        .replacen("influence: decide", "influence: act", 1)
        .replacen("receiving: heads }\n  changes", "receiving: engineering }\n  changes", 1)
        .replacen("  evolution: { delivery: engineering, receiving: heads }\n", "", 1)
        .replacen("    max_wrong: 0.08\n", "", 1)
        .replacen("      large: {", "      huge: { when: \"input.amount >= 9000\", to: heads }\n      large: {", 1)
        .replacen("    forbid:\n", "    forbid:\n      short: { rule: \"size(output.reason) > 5\" }\n      odd: { rule: \"output.confidence > 1\" }\n", 1)
        .replacen("owner: engineering, blocks", "blocks", 1)
        .replacen("purpose: |\n  A customer with a sound application hears at once; everybody else is looked at by a person.\n", "", 1)
        .replacen("risk: \"Credit risk\"", "risk: \"Credit risk\"\n  nobody: \"Nobody\"", 1)
        .replacen("to: heads, blind: true", "to: nobody, blind: true", 1);
    brief(
        &text,
        expect![[r#"
            ST0411 1:1 pilot purpose: `purpose` is missing: nobody can say whether it works
            ST0403 23:5 pilot steps.assess: `assess` acts and cannot be taken back, which no pilot may [write `reversible: true` where that is so, lower the influence, or `mode: shadow` in `gates.pilot`]
            ST0407 38:25 pilot steps.assess.require.says-why: `says-why` and `short` contradict each other: no output can pass both
            ST0310 41:20 production steps.assess.forbid.odd: by the bounds of the schema alone, it can never hold, so it stops nothing
            ST0406 49:21 production steps.assess.escalate.huge: `huge` holds only where `large` holds already
            ST0402 51:5 pilot steps.assess.audit: nobody has the role `nobody`, which `steps.assess.audit` needs [add `nobody` to the roles of a person in `factory.yaml`]
            ST0405 63:3 production thresholds.approve: `approve` lacks `max_wrong`, so it cannot be certified [add them, or write `at: none`: then nothing passes without a person]
            ST0414 85:3 pilot questions.seasonal: the question `seasonal` has no owner [add `owner: ROLE`]
            ST0408 90:1 production responsibilities.evolution: nobody is responsible for `evolution` [write `evolution: { delivery: ROLE, receiving: ROLE }`]
            ST0404 91:38 production responsibilities.workflow: `engineering` receives `workflow`, and `dev@builder.example` in it is of the delivery side [name a role held by people of the receiving side]
        "#]],
    );
}

#[test]
fn nobody_to_ask() {
    let text = changed("    fallback: { to: underwriters, per_day: 300, runbook: runbooks/by-hand.md }\n", "")
        .replacen("else: escalate, to: underwriters }", "else: escalate }", 1);
    brief(
        &text,
        expect![[r#"
            ST0411 21:3 production steps.assess: `assess` has no `fallback`: when it is stopped, nobody does the work [add `fallback: { to: ROLE, per_day: N, runbook: FILE }`]
            ST0413 39:7 draft steps.assess.require.says-why: `says-why` escalates to nobody [add `to`, or a `fallback` to the step]
            ST0413 44:7 draft steps.assess.never.declines: `declines` escalates to nobody [add `to`, or a `fallback` to the step]
        "#]],
    );
}

#[test]
fn a_step_that_cannot_escalate() {
    let start = WORKFLOW.find("    escalate:\n").unwrap();
    let end = WORKFLOW.find("    audit:").unwrap();
    let text = format!("{}{}", &WORKFLOW[..start], &WORKFLOW[end..])
        .replacen("else: escalate, to: underwriters", "else: deny", 1)
        .replacen("size(output.reason) >= 10\"", "size(output.reason) >= 10\", else: deny", 1);
    brief(
        &text,
        expect![[r#"
            ST0401 24:5 pilot steps.assess: `assess` lets AI decide, and there is no way to escalate [add `escalate: { unsure: { when: "confidence < thresholds.NAME", to: ROLE } }`]
            ST0410 58:3 production thresholds.approve: no `escalate` reads `thresholds.approve`, so it holds nothing back [write `when: "confidence < thresholds.approve"`, or remove it]
        "#]],
    );
}

#[test]
fn windows_and_whole_outputs_do_not_go_together() {
    brief(
        &changed("stream: buffer", "stream: { window: 2048 }"),
        expect![[r#"
            ST0409 28:5 draft steps.assess: a schema that says more than that the output is a text needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 38:5 draft steps.assess: a `require` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 40:5 draft steps.assess: a rule over the output needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 40:5 draft steps.assess: `modify` or `escalate` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 43:5 draft steps.assess: a `never` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 45:5 draft steps.assess: the confidence needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 46:5 draft steps.assess: an escalation needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
        "#]],
    );
}

#[test]
fn broken_files() {
    let mut broken = files();
    broken.0.insert("schemas/assessment.json".to_owned(), b"{\n  \"type\": \"object\",\n  \"properties\": }".to_vec());
    broken.0.insert(
        "examples/hostile.jsonl".to_owned(),
        b"{\"id\":\"a\",\"input\":1}\n{\"id\":\"a\",\"input\":1}\nnope\n{\"id\":\"b\",\"input\":9007199254740993}\n"
            .to_vec(),
    );
    broken.0.insert(
        "schemas/application.json".to_owned(),
        br#"{"type":"object","properties":{"a":{"$ref":"https://x.example/y"}}}"#.to_vec(),
    );
    let checked = check(WORKFLOW, &broken, None);
    expect![[r#"
        ST0210 11:16 draft types.Application: `$ref: https://x.example/y` leads out of the file; only `#/…` is followed
        ST0211 2:1 draft examples.hostile: the id `a` stands twice
        ST0211 3:1 draft examples.hostile: this line is not JSON: expected ident
        ST0211 4:1 draft examples.hostile: the integer `9007199254740993` is beyond 2^53 and has no exact RFC 8785 form; write it as a string
        ST0210 3:17 draft types.Assessment: this is not JSON: expected value
    "#]].assert_eq(&lines(&checked.diagnostics));
}

#[test]
fn a_factory_is_checked_too() {
    let text = FACTORY
        .replacen("side: independent", "side: outside", 1)
        .replacen("timezone: Europe/Madrid", "timezone: madrid", 1)
        .replacen("deputy: uwe@bank.example", "deputy: uwe@bank.exmple", 1)
        .replacen("key: { env: MODEL_KEY }", "key: sk-123", 1)
        .replacen("webhooks: []", "webhooks: [https://x.example]", 1)
        .replacen("[workflows/credit-preapproval]", "[../elsewhere]", 1)
        .replacen("kind: classifier", "kind: classifer", 1);
    let (factory, diagnostics, _) = check_factory(&text);
    assert_eq!(factory, None);
    expect![[r#"
        ST0104 4:11 draft : `madrid` is not a time zone [write a name of the IANA time zone database, as in `Europe/Madrid`]
        ST0213 6:131 draft people: there is no person `uwe@bank.exmple` [did you mean `uwe@bank.example`?]
        ST0104 8:46 draft people: `outside` is none of `delivery`, `receiving`, `independent`
        ST0103 11:72 draft providers.default: a key never stands in a file of the factory; it was not read [write `{ env: NAME }` or `{ file: PATH }`]
        ST0104 12:21 draft providers.embedded: `classifer` is none of `openai`, `anthropic`, `classifier` [did you mean `classifier`?]
        ST0208 14:13 draft workflows: `../elsewhere` is not a folder below the factory [name it relative to `factory.yaml`]
        ST0111 15:11 draft : webhooks are not sent by this version, so they are not accepted [write `webhooks: []`]
    "#]].assert_eq(&lines(&diagnostics));
    assert!(!lines(&diagnostics).contains("sk-123"), "a key reached a message");
}

#[test]
fn for_programs() {
    let text = changed("at: 0.93", "at: 93");
    let checked = check(&text, &files(), None);
    expect![[r#"
        {
          "diagnostics": [
            {
              "code": "ST0105",
              "severity": "error",
              "file": "workflow.yaml",
              "line": 62,
              "column": 9,
              "end_line": 62,
              "end_column": 11,
              "message": "the number `93` is out of range",
              "help": "write a number from 0 to 1",
              "element": "thresholds.approve",
              "blocks": "draft"
            }
          ]
        }"#]]
    .assert_eq(&format!("{:#}", to_json(&checked.diagnostics)));
    let sarif = to_sarif(&checked.diagnostics, "0.1.0");
    assert_eq!(sarif["version"], "2.1.0");
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], sarif["runs"][0]["tool"]["driver"]["rules"][0]["id"]);
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], checked.diagnostics[0].line);
}

#[test]
fn what_a_certificate_rests_on() {
    let text = changed("drawn: random, from", "drawn: generated, from")
        .replacen("truth: { from: outcome, matures: 90d }", "truth: { from: blind-review }", 1)
        .replacen("blind: true", "blind: false", 1)
        .replacen("confidence: output.confidence", "confidence: { agreement: 5 }", 1);
    brief(
        &text,
        expect![[r#"
            ST0416 45:5 draft steps.assess.confidence: the embedded classifier answers the same every time: its samples always agree [write the field of the output that it fills]
            ST0405 66:5 production thresholds.approve: `applications` is generated: only a random sample says how often something is wrong [name a set with `drawn: random`]
            ST0411 68:5 production thresholds.approve: its truth comes from blind reviews, and no step that reads it has a blind `audit` [add `audit: { sample: 0.05, to: ROLE, blind: true }` to the step]
        "#]],
    );
}

#[test]
fn a_threshold_that_is_none_holds_everything_back() {
    let text = changed("    at: 0.93\n    max_wrong: 0.08\n", "    at: none\n");
    let checked = check(&text, &files(), Some(&factory()));
    assert_eq!(lines(&checked.diagnostics), "");
    assert_eq!(checked.workflow.unwrap().thresholds["approve"].at, None);
}

/// Nothing is configured, green and inert: what this version does not act on is said, and blocks production.
#[test]
fn what_this_version_does_not_enforce() {
    let text = |requires: &str| {
        WORKFLOW
            .replacen("limits: { per_minute: 600 }", "limits: { per_minute: 600, tokens_per_day: 5000000 }", 1)
            .replacen("actor: system\n", &format!("actor: system\n    requires: \"{requires}\"\n"), 1)
    };
    brief(&text("steps.assess.settled"), expect![""]);
    brief(
        &text("steps.asses.settled"),
        expect![[r#"
            ST0304 59:16 draft steps.offer.requires: `steps` has no field `asses` [did you mean `assess`?]
        "#]],
    );
}
