use super::*;
use proptest::prelude::*;

fn read(dialect: Dialect, body: &Value) -> Result<Call, Problem> {
    Call::parse(dialect, body.to_string().into(), &HeaderMap::new())
}

fn chat(body: &Value) -> Call {
    read(Dialect::Chat, body).unwrap()
}

fn strip(value: &Value) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("age");
    value
}

const ALL: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

fn member(dialect: Dialect) -> &'static str {
    if dialect == Dialect::Responses { "input" } else { "messages" }
}

#[test]
fn the_last_users_message_is_the_input_where_it_is_an_object() {
    for dialect in ALL {
        for last in
            [json!("{\"amount\": 7}"), json!([{"type": "text", "text": "{\"amount\": 7}", "cache_control": {}}])]
        {
            let body = json!({"model": "credit/assess", member(dialect): [
                {"role": "user", "content": "{\"a\":1}"},
                {"role": "assistant", "content": "x"},
                {"role": "user", "content": last},
            ]});
            let got = read(dialect, &body).unwrap();
            assert_eq!((got.workflow.as_str(), got.step.as_str(), got.stream), ("credit", "assess", false));
            assert_eq!(got.input(), json!({"amount": 7}), "{dialect:?}");
        }
    }
    let alone = read(Dialect::Responses, &json!({"model": "a/b", "input": "{\"amount\": 7}"})).unwrap();
    assert_eq!(alone.input(), json!({"amount": 7}));
}

#[test]
fn results_of_tools_do_not_hide_what_the_user_said() {
    let chat = chat(&json!({"model": "a/b", "messages": [
        {"role": "user", "content": "{\"amount\": 7}"},
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "tool_call_id": "t", "content": "{\"x\":1}"}]}));
    let responses = read(
        Dialect::Responses,
        &json!({"model": "a/b", "input": [
        {"role": "user", "content": "{\"amount\": 7}"},
        {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "{\"x\":1}"}]}),
    )
    .unwrap();
    let messages = read(
        Dialect::Messages,
        &json!({"model": "a/b", "messages": [
        {"role": "user", "content": "{\"amount\": 7}"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": {}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "{\"x\":1}"}]}]}),
    )
    .unwrap();
    for call in [chat, responses, messages] {
        assert_eq!(call.input(), json!({"amount": 7}), "{:?}", call.dialect);
    }
}

#[test]
fn anything_else_is_all_the_messages_the_systems_words_first() {
    let said = json!([{"role": "user", "content": "Hi"}]);
    let with_system = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]);
    let got = chat(&json!({"model": "a/b", "messages": with_system, "stream": null}));
    assert_eq!(got.input(), json!({ "messages": with_system }));
    for (dialect, body) in [
        (Dialect::Responses, json!({"model": "a/b", "instructions": "s", "input": said})),
        (Dialect::Responses, json!({"model": "a/b", "instructions": "s", "input": "Hi"})),
        (Dialect::Messages, json!({"model": "a/b", "system": "s", "messages": said})),
    ] {
        assert_eq!(read(dialect, &body).unwrap().input(), json!({ "messages": with_system }), "{dialect:?}");
    }
    for text in ["[1]", "7", "{\"a\":1,\"a\":2}", "{\"a\":1} x"] {
        for dialect in ALL {
            let body = json!({"model": "a/b", member(dialect): [{"role": "user", "content": text}]});
            assert!(read(dialect, &body).unwrap().input().get("messages").is_some(), "{text}");
        }
    }
}

#[test]
fn withheld_fields_leave_every_message_and_nothing_else_changes() {
    for (dialect, body, sent) in [
        (
            Dialect::Chat,
            r#"{"model":"a/b","x":[1.0, 2],"messages":[{"role":"system","content":"keep"},{"role":"user","name":"n","content":"{\"age\":41,\"amount\":7}"},{"role":"tool","tool_call_id":"t","content":"{\"age\":5}"}]}"#,
            r#"{"model":"a/b","x":[1.0, 2],"messages":[{"role":"system","content":"keep"},{"role":"user","name":"n","content":"{\"amount\":7}"},{"role":"tool","tool_call_id":"t","content":"{}"}]}"#,
        ),
        (
            Dialect::Responses,
            r#"{"model":"a/b","x":[1.0, 2],"input":[{"role":"user","content":[{"type":"input_text","text":"{\"age\":41,\"amount\":7}"}]},{"type":"reasoning","id":"r","summary":[]},{"type":"function_call_output","call_id":"c","output":"{\"age\":5}"}]}"#,
            r#"{"model":"a/b","x":[1.0, 2],"input":[{"role":"user","content":[{"type":"input_text","text":"{\"amount\":7}"}]},{"type":"reasoning","id":"r","summary":[]},{"type":"function_call_output","call_id":"c","output":"{}"}]}"#,
        ),
        (Dialect::Responses, r#"{"model":"a/b","input":"{\"age\":41}"}"#, r#"{"model":"a/b","input":"{}"}"#),
        (
            Dialect::Messages,
            r#"{"model":"a/b","system":"keep","messages":[{"role":"user","content":"{\"age\":41,\"amount\":7}"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"{\"age\":5}"}]}]}]}"#,
            r#"{"model":"a/b","system":"keep","messages":[{"role":"user","content":"{\"amount\":7}"},{"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"{}"}]}]}]}"#,
        ),
    ] {
        let got = Call::parse(dialect, Bytes::from(body.to_owned()), &HeaderMap::new()).unwrap();
        assert_eq!(String::from_utf8(got.stripped(&strip).unwrap()).unwrap(), sent);
        assert_eq!(got.received(), body.as_bytes());
    }
}

#[test]
fn what_cannot_be_searched_is_refused() {
    let image = json!([{"type": "image_url", "image_url": {"url": "x"}}]);
    for dialect in ALL {
        for content in [json!("I am 41"), json!(null), json!(7), json!([]), image.clone()] {
            let body = json!({"model": "a/b", member(dialect): [
                {"role": "user", "content": content}, {"role": "user", "content": "{}"}]});
            let why = read(dialect, &body).unwrap().stripped(&strip).unwrap_err();
            assert!(why.contains("not a JSON object"), "{why}");
        }
    }
    for more in [json!({"previous_response_id": "r"}), json!({"conversation": "c"}), json!({"prompt": {"id": "p"}})] {
        let mut body = json!({"model": "a/b", "input": "{}"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let call = read(Dialect::Responses, &body).unwrap();
        assert!(call.stripped(&strip).unwrap_err().contains("not in the call"));
        assert_eq!(call.not_inspected().len(), 1);
    }
    let item =
        json!({"model": "a/b", "input": [{"role": "user", "content": "{}"}, {"type": "item_reference", "id": "i"}]});
    assert!(read(Dialect::Responses, &item).unwrap().stripped(&strip).is_err());
}

#[test]
fn what_no_check_looks_into_is_named() {
    let body = json!({"model": "a/b", "messages": [
        {"role": "developer", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "hi"}, {"type": "image_url", "image_url": {"url": "x"}}]},
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}, {"type": "file", "file": {}}]}]});
    assert_eq!(
        chat(&body).not_inspected(),
        ["input.messages.1.image", "input.messages.2.audio", "input.messages.2.document"]
    );
    let body = json!({"model": "a/b", "system": "s", "messages": [{"role": "user", "content": [
        {"type": "tool_result", "tool_use_id": "t", "content": [{"type": "image", "source": {}}]}]}]});
    assert_eq!(read(Dialect::Messages, &body).unwrap().not_inspected(), ["input.messages.1.image"]);
    let many: Vec<Value> = (0..100).map(|_| json!({"role": "user", "content": [{"type": "image"}]})).collect();
    let names = chat(&json!({"model": "a/b", "messages": many})).not_inspected();
    assert_eq!((names.len(), names.last().map(String::as_str)), (NOT_INSPECTED_MAX + 1, Some("input.more")));
    assert!(chat(&json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}]})).not_inspected().is_empty());
}

#[test]
fn headers_that_mean_something_come_along_and_keys_never() {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("anthropic-version", "2026-10-21"),
        ("anthropic-beta", "a,b"),
        ("authorization", "Bearer t"),
        ("x-api-key", "t"),
        ("cookie", "c"),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    let body = json!({"model": "a/b", "messages": [{"role": "user", "content": "x"}]}).to_string();
    let call = Call::parse(Dialect::Messages, body.clone().into(), &headers).unwrap();
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(call.headers(), [pair("anthropic-version", "2026-10-21"), pair("anthropic-beta", "a,b")]);
    assert!(Call::parse(Dialect::Chat, body.into(), &headers).unwrap().headers().is_empty());
}

#[test]
fn what_makes_no_sense_is_said() {
    for (body, word) in [
        ("", "not one usable JSON object"),
        ("[]", "not one usable JSON object"),
        ("{}", "`model`"),
        (r#"{"model":7,"messages":[]}"#, "`model`"),
        (r#"{"model":"gpt","messages":[]}"#, "workflow/step"),
        (r#"{"model":"a/b"}"#, "`messages`"),
        (r#"{"model":"a/b","messages":{}}"#, "`messages`"),
        (r#"{"model":"a/b","messages":[]}"#, "0 messages"),
        (r#"{"model":"a/b","messages":[7]}"#, "message 0"),
        (r#"{"model":"a/b","messages":[{"content":"x"}]}"#, "`role`"),
        (r#"{"model":"a/b","messages":[{"role":"user","role":"tool"}]}"#, "twice"),
        (r#"{"model":"a/b","messages":[{"role":"user","content":[{"type":"text","text":"a","Text":"b"}]}]}"#, "twice"),
        (r#"{"model":"a/b","messages":[{"role":"user"}],"Messages":[]}"#, "twice"),
        (r#"{"model":"a/b","messages":[{"role":"user"}],"stream":"yes"}"#, "`stream`"),
    ] {
        for dialect in [Dialect::Chat, Dialect::Messages] {
            let problem = Call::parse(dialect, Bytes::from(body.to_owned()), &HeaderMap::new()).unwrap_err();
            assert_eq!(problem.status.as_u16(), 400);
            let message = &problem.message;
            assert!(message.contains(word) && message.contains("nothing was decided"), "{body}: {message}");
        }
    }
    for (more, word) in [("\"stream_options\":7", "`stream_options`"), ("\"n\":0", "`n`"), ("\"n\":\"2\"", "`n`")] {
        let body = format!(r#"{{"model":"a/b","messages":[{{"role":"user"}}],{more}}}"#);
        let problem = Call::parse(Dialect::Chat, body.into(), &HeaderMap::new()).unwrap_err();
        assert!(problem.message.contains(word), "{}", problem.message);
    }
    for body in [json!({"model": "a/b"}), json!({"model": "a/b", "input": 7}), json!({"model": "a/b", "input": [{}]})] {
        assert!(read(Dialect::Responses, &body).is_err());
    }
    let deep = format!(r#"{{"model":"a/b","messages":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
    let problem = Call::parse(Dialect::Chat, deep.into(), &HeaderMap::new()).unwrap_err();
    assert!(problem.message.contains("nests deeper"));
}

#[test]
fn real_clients_requests_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/captures");
    let mut read_of = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let capture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let dialect = Dialect::of(capture["path"].as_str().unwrap(), &HeaderMap::new());
        let mut body = capture["body"].clone();
        body["model"] = json!("flow/step");
        let call = read(dialect, &body).unwrap_or_else(|p| panic!("{}: {}", path.display(), p.message));
        assert_eq!(call.stream, body["stream"] == json!(true));
        assert!(call.input().get("messages").is_some());
        assert_eq!(serde_json::from_slice::<Value>(call.received()).unwrap(), body);
        let image = body.to_string().contains("image/png");
        assert_eq!(call.not_inspected().len(), usize::from(image), "{}", path.display());
        *read_of.entry(dialect.protocol().as_str()).or_insert(0) += 1;
    }
    assert!(read_of.len() == 3 && read_of.values().all(|n| *n >= 8), "{read_of:?}");
}

proptest! {
    #[test]
    fn hostile_bodies_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), content in "\\PC{0,60}", json in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        for dialect in ALL {
            for body in [bytes.clone(), json.clone().into_bytes()] {
                if let Err(problem) = Call::parse(dialect, body.into(), &HeaderMap::new()) {
                    prop_assert_eq!(problem.status.as_u16(), 400);
                }
            }
            for text in [&content, &json] {
                let body = json!({"model": "a/b", member(dialect): [{"role": "user", "content": text}]});
                let call = read(dialect, &body).unwrap();
                prop_assert!(call.input().is_object());
                // Stripped or refused: never on its way with a field that is withheld.
                let strip = |value: &Value| match value {
                    Value::Object(_) => json!({"stripped": true}),
                    other => other.clone(),
                };
                if let Ok(bytes) = call.stripped(&strip) {
                    let sent: Value = serde_json::from_slice(&bytes).unwrap();
                    prop_assert_eq!(&sent[member(dialect)][0]["content"], &json!("{\"stripped\":true}"));
                }
            }
        }
    }

    #[test]
    fn hostile_messages_end_without_a_panic(value in hostile()) {
        for dialect in ALL {
            let body = json!({"model": "a/b", member(dialect): value, "system": value, "instructions": value});
            if let Ok(call) = read(dialect, &body) {
                prop_assert!(call.input().is_object());
                let _ = call.stripped(&|v| v.clone());
                let _ = call.not_inspected();
            }
        }
    }
}

/// JSON that looks like messages and is not quite.
fn hostile() -> impl Strategy<Value = Value> {
    let words = ["user", "tool", "assistant", "role", "content", "type", "text", "tool_result", "image", "output", "x"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        prop::sample::select(words.to_vec()).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map(prop::sample::select(words.to_vec()), inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())),
        ]
    })
}
