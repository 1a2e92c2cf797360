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
fn brief(text: &str, expected: Expect) {
    let checked = check(text, &files(), Some(&factory()));
    expected.assert_eq(&lines(&checked.diagnostics));
}

fn lines(diagnostics: &[seatrial_spec::Diagnostic]) -> String {
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
            ST0111 52:12 draft steps.assess: rules over tools are not enforced by this version, so they are not accepted [write `tools: {}`: no tool is allowed]
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
            ST0409 28:5 draft steps.assess: the schema of the output needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0111 35:5 production steps.assess.stream: `steps.assess.stream` is not enforced by this version: streams are buffered: nothing leaves before the verdict
            ST0409 38:5 draft steps.assess: a rule over the output needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
            ST0409 40:5 draft steps.assess: a rule over the output, or `modify` needs the whole output, and `stream: { window }` lets parts of it leave before [write `stream: buffer`]
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
        ST0104 12:21 draft providers.embedded: `classifer` is none of `openai`, `classifier` [did you mean `classifier`?]
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
            ST0111 45:17 production steps.assess.confidence: this version does not measure it: the confidence is 0, and what depends on it escalates
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
    brief(
        &text("steps.assess.settled"),
        expect![[r#"
            ST0111 54:32 production steps.assess.limits.tokens_per_day: `steps.assess.limits.tokens_per_day` is not enforced by this version: tokens are counted, and no call is refused for them
            ST0111 59:5 production steps.offer.requires: `steps.offer.requires` is not enforced by this version: nothing asks for admission before the step acts
        "#]],
    );
    brief(
        &text("steps.asses.settled"),
        expect![[r#"
            ST0111 54:32 production steps.assess.limits.tokens_per_day: `steps.assess.limits.tokens_per_day` is not enforced by this version: tokens are counted, and no call is refused for them
            ST0304 59:16 draft steps.offer.requires: `steps` has no field `asses` [did you mean `assess`?]
        "#]],
    );
}

#[test]
fn a_grid_is_declared_as_it_is_tested() {
    let grid = |grid: &str| changed("method: split", &format!("method: fixed-sequence\n    grid: {grid}"));
    brief(&grid("[0.97, 0.93, 0.9]"), expect![[""]]);
    brief(
        &grid("[0.97, 0.97, 0]"),
        expect![[r#"
        ST0105 68:18 draft thresholds.approve: the number `0.97` does not come after 0.97 [write the grid strictest first, each confidence lower than the one before]
        ST0105 68:24 draft thresholds.approve: the number `0` lets everything pass; a grid has confidences above 0 [write the grid strictest first, each confidence lower than the one before]
    "#]],
    );
    brief(
        &grid("[0.97, 0.9]"),
        expect![[r#"
        ST0105 62:5 draft thresholds.approve: `at: 0.93` is not on the grid, so no test can certify it [write one of the grid, or `at: none`]
    "#]],
    );
    brief(
        &grid("[]"),
        expect![[r#"
            ST0113 68:5 draft thresholds.approve: a grid has at least one confidence
        "#]],
    );
    brief(
        &changed("method: split", "method: fixed-sequence"),
        expect![[r#"
        ST0102 67:5 draft thresholds.approve: `grid` is missing: fixed-sequence testing needs the confidences to test, in their order [add `grid: [0.99, 0.95, 0.9]`, the strictest first]
    "#]],
    );
    brief(
        &changed("method: split", "method: split\n    grid: [0.93]"),
        expect![[r#"
        ST0101 68:5 draft thresholds.approve: `grid` belongs to `method: fixed-sequence`; `split` tests one confidence [remove `grid`, or write `method: fixed-sequence`]
    "#]],
    );
    brief(
        &changed("method: split", "method: fixed-sequense"),
        expect![[r#"
        ST0104 67:13 draft thresholds.approve: `fixed-sequense` is none of `split`, `fixed-sequence` [did you mean `fixed-sequence`?]
    "#]],
    );
}

#[test]
fn an_error_must_be_noticed_in_time() {
    let blind = changed("truth: { from: outcome, matures: 90d }", "truth: { from: blind-review }");
    let within = |days: &str| blind.replacen("detect_within: 120d", &format!("detect_within: {days}"), 1);
    brief(&within("6d"), expect![[""]]);
    brief(
        &within("5d"),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 audits to notice; in 5d the sample brings 75 at best, where every case passes [audit at least 0.058 of the cases, or allow more time in `detect_within`]
    "#]],
    );
    brief(
        &within("5d").replacen("per_day: 300", "per_day: 10", 1),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 audits to notice; in 5d the sample brings 2 at best, where every case passes [auditing every case is not enough either: `detect_within` is at least 9d]
    "#]],
    );
    brief(
        &changed("    per_day: 300\n", ""),
        expect![[r#"
        ST0411 68:5 production thresholds.approve.detect_within: whether an error is noticed within 120d cannot be told: `assess` does not say how many cases a day it expects [add `per_day: N` to `steps.assess`]
    "#]],
    );
    brief(
        &changed("detect_within: 120d", "detect_within: 60d"),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: outcomes are known after 90d, so none can tell of an error within 60d [write at least `detect_within: 91d`]
    "#]],
    );
    brief(
        &changed("detect_within: 120d", "detect_within: 91d").replacen("per_day: 300", "per_day: 30", 1),
        expect![[r#"
        ST0415 69:5 production thresholds.approve.detect_within: twice `max_wrong` takes 87 outcomes to notice; in 91d, of which 90d pass before one is known, there are 30 at best [write at least `detect_within: 93d`]
    "#]],
    );
    brief(&changed("at: 0.93", "at: none").replacen("    per_day: 300\n", "", 1), expect![[""]]);
}

#[test]
fn cases_a_day_belong_to_ai() {
    brief(
        &changed("actor: system\n", "actor: system\n    per_day: 3\n"),
        expect![[r#"
        ST0101 59:5 draft steps.offer: `per_day` belongs to a step whose actor is `ai`; it would do nothing here [remove it]
    "#]],
    );
    brief(
        &changed("per_day: 300\n    input", "per_day: 0\n    input"),
        expect![[r#"
        ST0105 26:14 draft steps.assess: the number `0` is out of range [write a whole number from 1 to 1000000000]
        ST0411 69:5 production thresholds.approve.detect_within: whether an error is noticed within 120d cannot be told: `assess` does not say how many cases a day it expects [add `per_day: N` to `steps.assess`]
    "#]],
    );
}

#[test]
fn metrics_are_a_list() {
    let gate = |e: &str| changed("metrics.agreement >= 0.85 && metrics.reviewed >= 500", e);
    let all: Vec<String> = seatrial_spec::METRICS.iter().map(|m| format!("metrics.{} >= 0.5", m.name)).collect();
    brief(&gate(&all.join(" && ")), expect![[""]]);
    brief(
        &gate("metrics.agrement >= 0.85"),
        expect![[r#"
        ST0304 102:19 draft gates.pilot.continue_if: `metrics` has no field `agrement` [did you mean `agreement`?]
    "#]],
    );
    brief(
        &gate("metrics.override_rate > 2"),
        expect![[r#"
        ST0310 102:18 production gates.pilot.continue_if: it can never hold, whatever happens
    "#]],
    );
    brief(
        &changed("metrics.per_day <= 400", "metrics.perday <= 400"),
        expect![[r#"
        ST0304 87:64 draft assumptions.volume: `metrics` has no field `perday` [did you mean `per_day`?]
    "#]],
    );
}

#[test]
fn a_factory_adds_of_its_own() {
    let of = |text: &str| {
        let (factory, diagnostics, _) = check_factory(&format!("{FACTORY}{text}"));
        (factory, lines(&diagnostics))
    };
    let (factory, said) = of(
        "obligations:\n  works-council: { title: \"The works council has agreed\", stages: [production, pilot], scope: [purpose, \"steps.*.influence\"], approver: heads, age: 1y, waivable: true }\n  dpia: { title: \"Data protection impact assessment\", stages: [production], scope: [steps], document: true, filed_by: risk, layer: spec }\npolicies: [policies/house.cedar]\n",
    );
    assert_eq!(said, "");
    let factory = factory.unwrap();
    expect![[r#"
        (
            [
                FactoryObligation {
                    id: "works-council",
                    title: "The works council has agreed",
                    stages: [
                        Pilot,
                        Production,
                    ],
                    layer: Governance,
                    scope: [
                        PathPattern(
                            "purpose",
                        ),
                        PathPattern(
                            "steps.*.influence",
                        ),
                    ],
                    by: Approval {
                        role: "heads",
                    },
                    max_age: Some(
                        365d,
                    ),
                    waivable: true,
                },
                FactoryObligation {
                    id: "dpia",
                    title: "Data protection impact assessment",
                    stages: [
                        Production,
                    ],
                    layer: Spec,
                    scope: [
                        PathPattern(
                            "steps",
                        ),
                    ],
                    by: Document {
                        role: "risk",
                    },
                    max_age: None,
                    waivable: false,
                },
            ],
            [
                "policies/house.cedar",
            ],
        )
    "#]]
    .assert_debug_eq(&(factory.obligations, factory.policies));
    let (_, said) = of(concat!(
        "obligations:\n",
        "  eval: { title: A, stages: [draft], scope: [stepz], approver: heads }\n",
        "  a: { title: A, stages: [], scope: [], approver: heads, document: true }\n",
        "  b: { title: A, stages: [pilot], scope: [steps], document: true }\n",
        "  c: { title: A, stages: [pilot], scope: [steps], approver: haeds }\n",
        "  d.e: { title: A, stages: [pilot], scope: [steps], approver: heads }\n",
        "  f: { stages: [pilot], scope: [steps], layer: law, age: old }\n",
        "policies: [../x.cedar, /x.cedar, x.txt, a//b.cedar, \"C:x.cedar\", p.cedar, p.cedar]\n",
    ));
    expect![[r#"
        ST0109 17:3 draft obligations.eval: `eval` is what built-in obligations are called [choose another name]
        ST0104 17:30 draft obligations.eval: `draft` is none of `pilot`, `production`
        ST0207 17:46 draft obligations.eval: `stepz` matches no element: there is no `stepz` [did you mean `steps`?]
        ST0103 18:8 draft obligations.a: an obligation is discharged by an approval or by a document [write `approver: ROLE`, or `document: true` and `filed_by: ROLE`]
        ST0113 18:18 draft obligations.a: an obligation that no stage needs obliges nobody [write `stages: [production]`]
        ST0113 18:37 draft obligations.a: an obligation over nothing would never be stale [name elements, as in `[purpose, "steps.*.influence"]`]
        ST0102 19:51 draft obligations.b: `filed_by` is missing: nobody files the document [add `filed_by: ROLE`]
        ST0402 20:61 pilot obligations.c: nobody has the role `haeds` [did you mean `heads`?]
        ST0109 21:3 draft obligations: `d.e` is not a name [use 1 to 64 lower-case letters, digits and `-`, starting with a letter]
        ST0102 22:8 draft obligations.f: `title` is missing [add `title`]
        ST0103 22:8 draft obligations.f: an obligation is discharged by an approval or by a document [write `approver: ROLE`, or `document: true` and `filed_by: ROLE`]
        ST0104 22:48 draft obligations.f: `law` is none of `spec`, `sprint`, `governance`, `runtime`, `ownership`
        ST0106 22:58 draft obligations.f: the text `old` is not a length of time [write a whole number and one of `ms`, `s`, `min`, `h`, `d`, `w`, `y`, as in `4h`]
        ST0208 23:12 draft policies: `../x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0208 23:24 draft policies: `/x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0103 23:34 draft policies: `x.txt` is not a file of Cedar policies [name a file that ends in `.cedar`]
        ST0208 23:41 draft policies: `a//b.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0208 23:53 draft policies: `C:x.cedar` is not a file below the factory [name it relative to `factory.yaml`]
        ST0002 23:75 draft policies: `p.cedar` stands twice
    "#]].assert_eq(&said);
}

#[test]
fn keys_of_people_are_public_keys_of_one_person() {
    // Not a real key: 32 bytes of zero.
    let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let with = |keys: &str| {
        let text = FACTORY.replacen("roles: [underwriters] }", &format!("roles: [underwriters], keys: {keys} }}"), 1);
        let (factory, diagnostics, _) = check_factory(&text);
        (factory, lines(&diagnostics))
    };
    let (factory, said) = with(&format!("[\"{key} uwe@laptop\"]"));
    assert_eq!(said, "");
    assert_eq!(factory.unwrap().person("uwe@bank.example").unwrap().keys, [key]);
    let (_, said) = with(&format!(
        "[\"{key}\", \"{key} again\", \"ssh-ed25519 AAAA\", \"ssh-ed25519 %%\", \"ssh-dss AAAA\", \"{}\", \"-----BEGIN OPENSSH PRIVATE KEY-----\", 7]",
        key.replacen("ssh-ed25519", "ssh-rsa", 1)
    ));
    expect![[r#"
        ST0002 7:171 draft people: this key stands twice; it is `uwe@bank.example` who has it already
        ST0103 7:261 draft people: this key says `ssh-ed25519` and holds something else [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:281 draft people: what follows the type of this key is not base64 [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:299 draft people: `ssh-dss` is not the type of an SSH public key [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:315 draft people: this key says `ssh-rsa` and holds something else [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:395 draft people: `-----BEGIN` is not the type of an SSH public key [write the line of the `.pub` file, as in `ssh-ed25519 AAAA…`; a private key never stands here]
        ST0103 7:434 draft people: a text is wanted here, found the number `7` [put it in quotes]
    "#]].assert_eq(&said);
    let twice = FACTORY
        .replacen("roles: [underwriters] }", &format!("roles: [underwriters], keys: [\"{key}\"] }}"), 1)
        .replacen("roles: [risk] }", &format!("roles: [risk], keys: [\"{key}\"] }}"), 1);
    expect![[r#"
        ST0002 8:81 draft people: this key stands twice; it is `uwe@bank.example` who has it already
    "#]]
    .assert_eq(&lines(&check_factory(&twice).1));
}
