use super::*;
use proptest::prelude::*;

fn call(body: &Value) -> Result<ChatCall, Problem> {
    ChatCall::parse(body.to_string().into())
}

fn strip(value: &Value) -> Value {
    let mut value = value.clone();
    value.as_object_mut().unwrap().remove("age");
    value
}

#[test]
fn the_last_user_message_is_the_input_where_it_is_an_object() {
    let body = json!({"model": "credit/assess", "messages": [
        {"role": "user", "content": "{\"a\":1}"},
        {"role": "assistant", "content": "x"},
        {"role": "user", "content": [{"type": "text", "text": "{\"amount\": 7}"}]},
    ]});
    let got = call(&body).unwrap();
    assert_eq!((got.workflow.as_str(), got.step.as_str(), got.stream), ("credit", "assess", false));
    assert_eq!(got.input(), json!({"amount": 7}));
}

#[test]
fn anything_else_is_all_the_messages() {
    let messages = json!([{"role": "system", "content": "s"}, {"role": "user", "content": "Hi"}]);
    let got = call(&json!({"model": "a/b", "messages": messages, "stream": null})).unwrap();
    assert_eq!(got.input(), json!({ "messages": messages }));
    for text in ["[1]", "7", "{\"a\":1,\"a\":2}", "{\"a\":1} x"] {
        let body = json!({"model": "a/b", "messages": [{"role": "user", "content": text}]});
        assert!(call(&body).unwrap().input().get("messages").is_some(), "{text}");
    }
}

#[test]
fn withheld_fields_leave_every_message_and_nothing_else_changes() {
    let body = r#"{"model":"a/b","x":[1.0, 2],"messages":[{"role":"system","content":"keep"},{"role":"user","name":"n","content":"{\"age\":41,\"amount\":7}"},{"role":"tool","tool_call_id":"t","content":"{\"age\":5}"}]}"#;
    let got = ChatCall::parse(Bytes::from(body.to_owned())).unwrap();
    assert_eq!(
        String::from_utf8(got.stripped(&strip).unwrap()).unwrap(),
        r#"{"model":"a/b","x":[1.0, 2],"messages":[{"role":"system","content":"keep"},{"role":"user","name":"n","content":"{\"amount\":7}"},{"role":"tool","tool_call_id":"t","content":"{}"}]}"#
    );
    assert_eq!(got.received(), body.as_bytes());
    assert_eq!(got.input()["age"], json!(41));
}

#[test]
fn what_cannot_be_searched_is_refused() {
    for content in [json!("I am 41"), json!(null), json!([{"type": "image_url", "image_url": {"url": "x"}}])] {
        let body = json!({"model": "a/b", "messages": [
            {"role": "user", "content": content}, {"role": "user", "content": "{}"}]});
        let why = call(&body).unwrap().stripped(&strip).unwrap_err();
        assert!(why.contains("not a JSON object"), "{why}");
    }
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
        (r#"{"model":"a/b","messages":[{"role":"user"}],"Messages":[]}"#, "twice"),
        (r#"{"model":"a/b","messages":[{"role":"user"}],"stream":"yes"}"#, "`stream`"),
        (r#"{"model":"a/b","messages":[{"role":"user"}],"stream_options":7}"#, "`stream_options`"),
    ] {
        let problem = ChatCall::parse(Bytes::from(body.to_owned())).unwrap_err();
        assert_eq!(problem.status.as_u16(), 400);
        assert!(
            problem.message.contains(word) && problem.message.contains("nothing was decided"),
            "{body}: {}",
            problem.message
        );
    }
    let deep = format!(r#"{{"model":"a/b","messages":{}{}}}"#, "[".repeat(9_000), "]".repeat(9_000));
    assert!(ChatCall::parse(deep.into()).unwrap_err().message.contains("nests deeper"));
}

#[test]
fn real_clients_requests_are_read() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/captures");
    let mut read = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let capture: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut body = capture["body"].clone();
        body["model"] = json!("flow/step");
        let call = call(&body).unwrap_or_else(|p| panic!("{}: {}", path.display(), p.message));
        assert_eq!(call.stream, body["stream"] == json!(true));
        assert!(call.input().get("messages").is_some());
        assert_eq!(serde_json::from_slice::<Value>(call.received()).unwrap(), body);
        read += 1;
    }
    assert!(read >= 12, "only {read} captures");
}

proptest! {
    #[test]
    fn hostile_bodies_end_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), content in "\\PC{0,60}", json in "[\\[\\]{}\":,a-z0-9 ]{0,80}") {
        let _ = ChatCall::parse(bytes.into());
        let _ = ChatCall::parse(json.clone().into());
        for text in [content, json] {
            let body = json!({"model": "a/b", "messages": [{"role": "user", "content": text}]});
            let call = call(&body).unwrap();
            let input = call.input();
            prop_assert!(input.is_object());
            // Stripped or refused: never on its way with a field that is withheld.
            let strip = |value: &Value| match value {
                Value::Object(_) => json!({"stripped": true}),
                other => other.clone(),
            };
            if let Ok(bytes) = call.stripped(&strip) {
                let sent: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(&sent["messages"][0]["content"], &json!("{\"stripped\":true}"));
            }
        }
    }
}
