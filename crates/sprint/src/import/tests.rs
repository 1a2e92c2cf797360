use super::*;
use crate::parse_examples;
use proptest::prelude::*;
use serde_json::json;

fn types() -> (Value, Value) {
    let input = json!({"type": "object", "required": ["text"], "properties": {
        "text": {"type": "string"}, "age": {"type": "integer"}, "vip": {"type": "boolean"},
        "kind": {"enum": ["a", 1]}, "parts": {"type": "array"},
        "customer": {"type": "object", "properties": {"score": {"type": "number"}}},
    }});
    let output = json!({"type": "object", "properties": {
        "team": {"enum": ["billing", "refunds"]}, "reply": {"type": "string"}, "sure": {"type": "number"},
    }});
    (input, output)
}

fn read(format: Format, mapping: &[&str], text: &[u8]) -> Result<Imported, Vec<ExampleError>> {
    let (input, output) = types();
    let shape = Shape { input: Some(&input), output: Some(&output) };
    let mapping = Mapping::parse(mapping).unwrap();
    import(text, &ImportOptions { format, mapping, shape, prefix: "file".into() })
}

fn ok(format: Format, mapping: &[&str], text: &str) -> Imported {
    let done = read(format, mapping, text.as_bytes()).unwrap();
    // What is written is read again as the same.
    let again = parse_examples(&write_examples(&done.examples).unwrap()).unwrap();
    assert_eq!(again, done.examples);
    done
}

fn left(done: &Imported) -> Vec<String> {
    done.left.iter().map(|l| format!("{}: {}", l.at, l.what)).collect()
}

#[test]
fn a_table_reads_by_names_and_types() {
    let done = ok(
        Format::Csv,
        &["input.customer.score=points", "cluster=customer"],
        "\u{feff}id,text,age,vip,kind,points,customer,team,expected.verdict,tags,must_not_pass,comment\r\n\
         one,\"Where, is\r\nmy refund?\",41,TRUE,1,0.5,c7,refunds,escalate,urgent;paper,yes,not ours\r\n\
         two,Hi,,,a,,,,,,,\r\n",
    );
    let first = serde_json::to_value(&done.examples[0]).unwrap();
    assert_eq!(
        first,
        json!({"id": "one", "input": {"text": "Where, is\r\nmy refund?", "age": 41, "vip": true, "kind": 1,
               "customer": {"score": 0.5}}, "cluster": "c7", "expected": {"team": "refunds", "verdict": "escalate"},
               "tags": ["urgent", "paper"], "must_not_pass": true})
    );
    assert_eq!(
        serde_json::to_value(&done.examples[1]).unwrap(),
        json!({"id": "two", "input": {"text": "Hi", "kind": "a"}})
    );
    assert_eq!(left(&done), ["column comment: no field of an example: `--map input.FIELD=comment`"]);
}

#[test]
fn a_table_that_is_none_is_an_error_with_its_line() {
    let errors = read(Format::Csv, &[], b"text,age\nhello,1\nshort\n").unwrap_err();
    assert_eq!(errors.len(), 1);
    assert!(errors[0].message.contains("record") && errors[0].line == 3, "{errors:?}");
    let errors = read(Format::Csv, &["input.text=question"], b"text\nhello\n").unwrap_err();
    assert!(errors[0].message.contains("no column `question`"), "{errors:?}");
    let errors = read(Format::Csv, &[], b"text\n\xff\xfe\n").unwrap_err();
    assert_eq!(errors[0].line, 2, "{errors:?}");
    let errors = read(Format::Csv, &[], b"id,text\na,1\na,2\n").unwrap_err();
    assert!(errors[0].message.contains("`a` stands there already"), "{errors:?}");
    let errors = read(Format::Csv, &[], b"age\n1x\n").unwrap();
    assert_eq!(
        errors.examples[0].input,
        json!({"age": "1x"}),
        "what is no number is kept, and the input's schema objects"
    );
    let wide = format!("{}\n", "c,".repeat(2_000));
    assert!(read(Format::Csv, &[], wide.as_bytes()).unwrap_err()[0].message.contains("columns"));
    let errors = read(Format::Csv, &[], format!("text\n{}\n", "x".repeat(2 << 20)).as_bytes()).unwrap_err();
    assert!(errors[0].message.contains("bytes"), "{errors:?}");
}

#[test]
fn mappings_name_fields() {
    for bad in ["input", "=x", "input.text=", "verdict=x", "id.x=y", "input..a=b", "tags.a=b"] {
        assert!(Mapping::parse(&[bad]).is_err(), "{bad}");
    }
    let deep = format!("input{}=x", ".a".repeat(40));
    assert!(Mapping::parse(&[deep]).is_err());
}

#[test]
fn lines_of_json_are_ours_or_mapped() {
    let ours = ok(
        Format::Jsonl,
        &[],
        "{\"id\":\"a\",\"input\":{\"text\":\"x\"},\"expected\":{\"team\":\"billing\"}}\r\n\n{\"input\":{\"text\":\"y\"}}",
    );
    assert_eq!(ours.examples.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["a", "file-3"]);
    let other = ok(
        Format::Jsonl,
        &["input.text=ticket.body", "expected.team=gold", "id=no"],
        r#"{"no":7,"ticket":{"body":"x","by":"somebody"},"gold":"refunds","vip":true,"noise":1}"#,
    );
    let example = serde_json::to_value(&other.examples[0]).unwrap();
    assert_eq!(example, json!({"id": "7", "input": {"text": "x", "vip": true}, "expected": {"team": "refunds"}}));
    assert_eq!(left(&other), ["member noise: no field of an example: `--map input.FIELD=noise`"]);
    let errors = read(Format::Jsonl, &[], b"{\"input\":1,\"oops\":2}\n[1]\n{\"x\":}").unwrap_err();
    assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [1, 2, 3], "{errors:?}");
}

const TESTS: &str = r#"
prompts: [file://prompt.txt]
providers: [openai:chat:x]
defaultTest:
  vars: { vip: false }
  assert:
    - type: is-json
    - { type: not-regex, value: "@" }
tests:
  - description: late refund
    vars: { text: "Where is it?", vip: true }
    metadata: { origin: mail, deep: { a: 1 } }
    assert:
      - { type: equals, value: { team: refunds, sure: 1 } }
      - { type: contains, value: "{{text}}" }
      - { type: llm-rubric, value: polite }
  - description: late refund
    vars: { text: "Bill" }
    assert: [{ type: javascript, value: "JSON.parse(output).team === 'billing';" }]
    options: { transform: output.trim() }
  - vars: { text: [one, two] }
  - vars: { text: file://a.txt }
  - file://more.yaml
"#;

#[test]
fn tests_of_promptfoo() {
    let done = ok(Format::Promptfoo, &[], TESTS);
    let examples: Vec<Value> = done.examples.iter().map(|e| serde_json::to_value(e).unwrap()).collect();
    assert_eq!(
        examples,
        [
            json!({"id": "late refund", "input": {"text": "Where is it?", "vip": true},
                   "expected": {"team": "refunds", "sure": 1}, "tags": ["origin:mail"]}),
            json!({"id": "file-2", "input": {"text": "Bill", "vip": false}, "expected": {"team": "billing"}}),
        ]
    );
    assert_eq!(
        left(&done),
        [
            "prompts: a prompt is a file of the step: `prompt: FILE`",
            "providers: a model is the step's: `model: { provider, name }`",
            "defaultTest.assert[1]: `not-regex`: a `forbid` rule of the step",
            "tests[0].assert[1]: `contains`: a `require` rule of the step",
            "tests[0].assert[2]: `llm-rubric`: an opinion of a model: a person's review, or a judge",
            "tests[0].metadata.deep: too much for a tag",
            "tests[1].options: a setting of promptfoo",
            "tests[2].vars.text: the test was left: a list, which promptfoo makes several tests of",
            "tests[3].vars.text: the test was left: its value is in a file",
            "tests[4]: no test with `vars`; where it names a file, import that file",
        ]
    );
}

#[test]
fn only_plain_equalities_are_carried_over() {
    for (code, wanted) in [
        ("output.team === 'billing'", Some(json!("billing"))),
        ("JSON.parse(output).team == \"a b\" ;", Some(json!("a b"))),
        ("output.team===3", Some(json!(3))),
        ("output.team === true", Some(json!(true))),
        ("output.team === 'a' || true", None),
        ("output.team === 'a' + 'b'", None),
        ("output.team !== 'a'", None),
        ("output.team === other", None),
        ("output.a.b === 1", None),
        ("output.includes('x')", None),
        ("output. === 1", None),
    ] {
        let text = json!([{"vars": {"text": "x"}, "assert": [{"type": "javascript", "value": code}]}]).to_string();
        let done = ok(Format::Promptfoo, &[], &text);
        let found = done.examples[0].expected.as_ref().and_then(|e| e.get("team")).cloned();
        assert_eq!((found, done.left.is_empty()), (wanted.clone(), wanted.is_some()), "{code}");
    }
}

#[test]
fn a_whole_text_is_expected_where_the_output_is_one() {
    let text = "[{ vars: { q: x }, assert: [{ type: equals, value: yes please }] }]";
    let plain = ImportOptions {
        format: Format::Promptfoo,
        mapping: Mapping::default(),
        shape: Shape::default(),
        prefix: "t".into(),
    };
    let done = import(text.as_bytes(), &plain).unwrap();
    assert_eq!(done.examples[0].expected, Some(json!("yes please")));
    let typed = ok(Format::Promptfoo, &[], text);
    assert!(left(&typed)[0].contains("--map expected.FIELD=equals"), "{typed:?}");
    let mapped = ok(Format::Promptfoo, &["expected.reply=equals"], text);
    assert_eq!(mapped.examples[0].expected, Some(json!({"reply": "yes please"})));
}

#[test]
fn samples_of_inspect() {
    let done = ok(
        Format::Inspect,
        &["input.age=metadata.years"],
        concat!(
            r#"{"id":3,"input":"Where is my refund?","target":"refunds","metadata":{"years":40,"origin":"mail"},"choices":["a"],"parts":[1]}"#,
            "\n",
            r#"{"input":[{"role":"user","content":"Bill"}],"target":["billing"],"sandbox":"docker"}"#,
            "\n",
            r#"{"input":[{"role":"system","content":"s"},{"role":"user","content":"u"}],"target":"x"}"#,
            "\n",
            r#"{"input":"either","target":["billing","refunds"],"files":null,"id":null}"#,
        ),
    );
    let examples: Vec<Value> = done.examples.iter().map(|e| serde_json::to_value(e).unwrap()).collect();
    assert_eq!(
        examples,
        [
            json!({"id": "3", "input": {"text": "Where is my refund?", "age": 40, "parts": [1]},
                   "expected": {"team": "refunds"}, "tags": ["origin:mail"]}),
            json!({"id": "file-2", "input": {"text": "Bill"}, "expected": {"team": "billing"}}),
            json!({"id": "file-4", "input": {"text": "either"}}),
        ]
    );
    assert_eq!(
        left(&done),
        [
            "line 1, choices: no field of an example: `--map input.FIELD=choices`",
            "line 2, sandbox: the surroundings of an agent: an example is one decision",
            "line 3, input: the sample was left: a conversation of 2 messages: an example has one input",
            "line 4, target: any of 2 answers is right there: an example expects one",
        ]
    );
    let list = ok(Format::Inspect, &[], r#"[{"input":"a","target":""},{"input":"b"}]"#);
    assert_eq!(list.examples.len(), 2);
    assert!(list.examples[0].expected.is_none());
    assert!(read(Format::Inspect, &[], b"{\"target\":\"x\"}").unwrap_err()[0].message.contains("no `input`"));
}

#[test]
fn what_is_there_already_is_sorted_out() {
    let of = |text: &str| parse_examples(text.as_bytes()).unwrap();
    let existing = of(r#"{"id":"a","input":1,"expected":{"team":"x"}}"#);
    let imported = of(concat!(
        "{\"id\":\"a\",\"input\":2}\n{\"id\":\"b\",\"input\":1,\"expected\":{\"team\":\"x\"}}\n",
        "{\"id\":\"c\",\"input\":1,\"expected\":{\"team\":\"y\"}}\n{\"id\":\"d\",\"input\":3}\n{\"id\":\"e\",\"input\":3.0}"
    ));
    let merged = merge(&existing, imported).unwrap();
    let ids: Vec<&str> = merged.new.iter().map(|e| e.id.as_str()).collect();
    assert_eq!(ids, ["c", "d"]);
    assert_eq!(merged.same_id, ["a"]);
    assert_eq!(merged.same_example, [("b".to_owned(), "a".to_owned()), ("e".to_owned(), "d".to_owned())]);
    assert_eq!(merged.contradicts, [("c".to_owned(), "a".to_owned())]);
}

#[test]
fn hostile_files_end() {
    let deep = format!("- vars: {}{}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(!read(Format::Promptfoo, &[], deep.as_bytes()).unwrap_err().is_empty());
    let bomb = "a: &a [x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\n\
                e: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ntests: [{vars: {x: *f}}]";
    assert!(!read(Format::Promptfoo, &[], bomb.as_bytes()).unwrap_err().is_empty());
    let deep = format!("{{\"input\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    for format in [Format::Jsonl, Format::Inspect] {
        assert_eq!(read(format, &[], deep.as_bytes()).unwrap_err().len(), 1, "{format:?}");
        let many = "x\n".repeat(1_000_000);
        assert_eq!(read(format, &[], many.as_bytes()).unwrap_err().len(), ERRORS_MAX, "{format:?}");
    }
    let many: String =
        (0..2_000).map(|i| format!("{{\"input\":{{\"text\":\"x\"}},\"id\":\"{i}\",\"n{i}\":1}}\n")).collect();
    assert!(read(Format::Jsonl, &[], many.as_bytes()).is_err(), "an own line with an unknown member is an error");
    let many: String = (0..2_000).map(|i| format!("{{\"text\":\"x\",\"id\":\"{i}\",\"n{i}\":1}}\n")).collect();
    let done = read(Format::Jsonl, &[], many.as_bytes()).unwrap();
    assert_eq!((done.examples.len(), done.left.len()), (2_000, LEFT_MAX));
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"tests:\n".to_vec()),
        Just(b"- vars: {text: x}\n".to_vec()),
        Just(b"  assert:\n".to_vec()),
        Just(b"    - type: equals\n      value: {team: a}\n".to_vec()),
        Just(b"{\"input\":".to_vec()),
        Just(b"\"target\":\"x\"}\n".to_vec()),
        Just(b"text,age\r\n".to_vec()),
        Just(b"\"a\n\",1\n".to_vec()),
        Just("\u{feff}".as_bytes().to_vec()),
        Just(b"&a *a ".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(piece, 0..14).prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn any_bytes_are_examples_or_errors(bytes in pieces(), mapping in "(input|expected|id|tags)(\\.[a-z]{1,3}){0,3}") {
        let mapping = format!("{mapping}=text");
        for format in [Format::Csv, Format::Jsonl, Format::Promptfoo, Format::Inspect] {
            for mapping in [vec![], vec![mapping.as_str()]] {
                if Mapping::parse(&mapping).is_err() {
                    continue;
                }
                match read(format, &mapping, &bytes) {
                    Ok(done) => {
                        let again = parse_examples(&write_examples(&done.examples).unwrap());
                        prop_assert_eq!(again, Ok(done.examples));
                        prop_assert!(done.left.len() <= done.left_total);
                    }
                    Err(errors) => prop_assert!((1..=ERRORS_MAX).contains(&errors.len())),
                }
            }
        }
    }
}
