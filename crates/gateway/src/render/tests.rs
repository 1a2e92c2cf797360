use super::*;
use http::HeaderMap;
use http_body_util::BodyExt;
use seatrial_model::event::Usage;
use seatrial_model::{Confidence, Digest, Verdict};
use std::sync::Arc;

pub(crate) fn call(dialect: Dialect, stream: bool) -> Call {
    let member = if dialect == Dialect::Responses { "input" } else { "messages" };
    let body = json!({"model": "credit/assess", "stream": stream, "stream_options": {"include_usage": true},
        "instructions": "Be brief.", member: [{"role": "user", "content": "{}"}]});
    Call::parse(dialect, body.to_string().into(), &HeaderMap::new()).unwrap()
}

pub(crate) fn passed(verdict: Verdict, action: Action, code: &str, output: Option<&str>) -> Passed {
    Passed {
        parts: Vec::new(),
        decision: "dec_01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap(),
        case: "case-1".to_owned(),
        release: Some(Digest::of(b"release")),
        verdict,
        action,
        code: code.to_owned(),
        because: vec!["steps.assess.forbid.promises".into()],
        findings: Vec::new(),
        confidence: Confidence { source: "none".to_owned(), value: 0.0, present: false },
        inspected: "all".to_owned(),
        output: output.map(str::to_owned),
        reply: None,
        review: (code == "review_pending").then(|| "rev_01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap()),
        usage: Some(Usage { input: 3, output: 4 }),
        model: None,
        joined: false,
    }
}

const ALL: [Dialect; 3] = [Dialect::Chat, Dialect::Responses, Dialect::Messages];

async fn frames(answer: Answer) -> Vec<String> {
    let mut body = answer.into_body();
    let mut out = Vec::new();
    while let Some(frame) = body.frame().await {
        out.push(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap());
    }
    out
}

async fn value(answer: Answer) -> Value {
    serde_json::from_str(&frames(answer).await.concat()).unwrap()
}

fn answered(call: &Call, passed: &Passed) -> Answer {
    answer(call, passed, "req_1", 7)
}

/// The parts that a client of this dialect reads, whole or streamed.
async fn said(dialect: Dialect, answer: Answer) -> Vec<(String, String)> {
    use seatrial_upstream::read::{StreamReader, read_body};
    let text = frames(answer).await.concat();
    let protocol = dialect.protocol();
    let read = if text.starts_with('{') {
        let mut body: Value = serde_json::from_str(&text).unwrap();
        body.as_object_mut().unwrap().remove("seatrial");
        read_body(protocol, body.to_string().as_bytes()).unwrap()
    } else {
        let (mut scanner, mut reader) = (Scanner::default(), StreamReader::new(protocol));
        for event in scanner.push(without_ours(&text).as_bytes()).unwrap() {
            reader.event(&event).unwrap();
        }
        reader.finish().unwrap()
    };
    read.parts.into_iter().map(|p| (p.name, p.text)).collect()
}

/// A stream without our object, which is no part of the answer.
fn without_ours(text: &str) -> String {
    let mut out = String::new();
    for line in text.lines() {
        match line.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok()) {
            Some(mut data) => {
                for at in ["", "/response", "/message"] {
                    if let Some(Value::Object(members)) = data.pointer_mut(at) {
                        members.remove("seatrial");
                    }
                }
                out.push_str(&format!("data: {data}\n"));
            }
            None => out.push_str(&format!("{line}\n")),
        }
    }
    out
}

fn part(name: &str, kind: PartKind, text: &str) -> Part {
    Part { name: name.to_owned(), kind, text: text.to_owned() }
}

#[tokio::test]
async fn an_unchanged_body_keeps_every_byte_of_its_members() {
    for dialect in ALL {
        let raw = br#"{"id":"x","n":1.00,"choices":[ {"index":0} ]}"#.to_vec();
        let mut passed = passed(Verdict::Allow, Action::Allow, "allowed", Some("t"));
        passed.reply = Some(Arc::new(Reply { raw, ..Reply::default() }));
        let answer = answered(&call(dialect, false), &passed);
        assert_eq!(answer.headers()["x-seatrial-verdict"], "allow");
        assert_eq!(answer.headers()["x-seatrial-inspected"], "all");
        assert_eq!(answer.headers()["x-seatrial-case"], "case-1");
        let text = frames(answer).await.concat();
        assert!(text.starts_with(r#"{"id":"x","n":1.00,"choices":[ {"index":0} ],"seatrial":{"#), "{text}");
    }
}

#[tokio::test]
async fn a_stream_leaves_in_its_own_chunks() {
    for dialect in ALL {
        let mut passed = passed(Verdict::Allow, Action::Allow, "allowed", Some("t"));
        let reply = Reply { raw: b"data: a\n\nda\rta".to_vec(), chunks: vec![3, 9, 14], ..Reply::default() };
        passed.reply = Some(Arc::new(reply));
        let answer = answered(&call(dialect, true), &passed);
        assert_eq!(answer.headers()["content-type"], EVENT_STREAM);
        assert_eq!(frames(answer).await, ["dat", "a: a\n\n", "da\rta"]);
    }
}

#[tokio::test]
async fn a_denied_output_has_no_content_in_any_dialect() {
    let passed = passed(Verdict::Deny, Action::Block, "output_denied", None);
    for (dialect, place, word) in [
        (Dialect::Chat, "/choices/0/finish_reason", "content_filter"),
        (Dialect::Responses, "/incomplete_details/reason", "content_filter"),
        (Dialect::Messages, "/stop_reason", "refusal"),
    ] {
        let plain = answered(&call(dialect, false), &passed);
        assert_eq!(plain.status(), StatusCode::OK);
        let body = value(plain).await;
        assert_eq!(body.pointer(place), Some(&json!(word)));
        assert_eq!(body["seatrial"]["verdict"], "deny");
        let all = frames(answered(&call(dialect, true), &passed)).await.concat();
        assert!(all.contains(word) && all.ends_with("\n\n"), "{all}");
        for name in ["output_text", "content_block_start", "\"content\":\""] {
            assert!(!all.contains(name), "{name}: {all}");
        }
    }
    let mut three = call(Dialect::Chat, false);
    three.choices = 3;
    assert_eq!(value(answered(&three, &passed)).await["choices"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn an_answer_of_our_own_is_read_alike_whole_and_streamed() {
    let mut with_tools = passed(Verdict::Modify, Action::Modify, "modified", Some("x"));
    with_tools.parts = vec![
        part("choices.0.text", PartKind::Text, "call [phone]"),
        part("choices.0.tool_calls.0.name", PartKind::ToolName, "mail"),
        part("choices.0.tool_calls.0.arguments", PartKind::ToolArguments, r#"{"to":"[email]"}"#),
    ];
    let wanted: Vec<(String, String)> = with_tools.parts.iter().map(|p| (p.name.clone(), p.text.clone())).collect();
    let text = passed(Verdict::Modify, Action::Modify, "modified", Some("call [phone]"));
    for dialect in ALL {
        for stream in [false, true] {
            let call = call(dialect, stream);
            let got = said(dialect, answered(&call, &text)).await;
            assert_eq!(got, [("choices.0.text".to_owned(), "call [phone]".to_owned())], "{dialect:?} {stream}");
            assert_eq!(said(dialect, answered(&call, &with_tools)).await, wanted, "{dialect:?} {stream}");
        }
    }
    let body = value(answered(&call(Dialect::Chat, false), &text)).await;
    assert_eq!((&body["created"], &body["usage"]["total_tokens"]), (&json!(7), &json!(7)));
    let body = value(answered(&call(Dialect::Responses, false), &text)).await;
    assert_eq!((&body["usage"]["total_tokens"], &body["instructions"]), (&json!(7), &json!("Be brief.")));
    let body = value(answered(&call(Dialect::Messages, false), &with_tools)).await;
    assert_eq!((&body["usage"]["input_tokens"], &body["stop_reason"]), (&json!(3), &json!("tool_use")));
}

fn upstreams(dialect: Dialect) -> Value {
    match dialect {
        Dialect::Chat => json!({
            "id": "c-1", "object": "chat.completion", "created": 5, "model": "m", "x_vendor": 1.5,
            "choices": [
                {"index": 0, "finish_reason": "tool_calls", "logprobs": {"content": [{"token": "ann@x.org", "logprob": -0.1}]},
                 "message": {"role": "assistant", "content": "Write to ann@x.org", "tool_calls": [
                    {"id": "call_7", "type": "function", "function": {"name": "mail", "arguments": "{\"to\":\"ann@x.org\"}"}}]}},
                {"index": 1, "finish_reason": "length", "message": {"role": "assistant", "content": "or ann@x.org"}}],
            "usage": {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7},
        }),
        Dialect::Responses => json!({
            "id": "resp_1", "object": "response", "created_at": 5, "status": "completed", "model": "m", "error": null,
            "incomplete_details": null,
            "output": [
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                    {"type": "output_text", "text": "Write to ", "annotations": []},
                    {"type": "output_text", "text": "ann@x.org", "annotations": [], "logprobs": []}]},
                {"type": "function_call", "id": "fc_7", "call_id": "call_7", "name": "mail", "status": "completed",
                    "arguments": "{\"to\":\"ann@x.org\"}"}],
            "usage": {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7},
        }),
        Dialect::Messages => json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "m",
            "content": [
                {"type": "text", "text": "Write to "}, {"type": "text", "text": "ann@x.org"},
                {"type": "tool_use", "id": "toolu_7", "name": "mail", "input": {"to": "ann@x.org"}}],
            "stop_reason": "tool_use", "stop_sequence": null, "usage": {"input_tokens": 5, "output_tokens": 2},
        }),
    }
}

fn redacted(dialect: Dialect) -> Vec<Part> {
    let mut parts = vec![
        part("choices.0.text", PartKind::Text, "Write to [email]"),
        part("choices.0.tool_calls.0.name", PartKind::ToolName, "mail"),
        part("choices.0.tool_calls.0.arguments", PartKind::ToolArguments, r#"{"to":"[email]"}"#),
    ];
    if dialect == Dialect::Chat {
        parts.push(part("choices.1.text", PartKind::Text, "or [email]"));
    }
    parts
}

/// The upstream's reply as a stream, by our own writer: ids, reasons and usage as the upstream has them.
fn streamed(dialect: Dialect) -> Reply {
    let whole = upstreams(dialect);
    let events = match dialect {
        Dialect::Chat => chat::stream(&whole, true),
        Dialect::Responses => responses::stream(&whole),
        Dialect::Messages => messages::stream(&whole),
    };
    let raw = events.concat();
    Reply { chunks: vec![raw.len()], raw, ..Reply::default() }
}

#[tokio::test]
async fn a_changed_reply_keeps_ids_reasons_and_usage_of_every_choice() {
    for dialect in ALL {
        for (reply, stream) in [
            (Reply { raw: upstreams(dialect).to_string().into_bytes(), ..Reply::default() }, false),
            (streamed(dialect), true),
        ] {
            let mut passed = passed(Verdict::Modify, Action::Modify, "modified", Some("x"));
            passed.parts = redacted(dialect);
            passed.reply = Some(Arc::new(reply));
            let call = call(dialect, stream);
            let text = frames(answered(&call, &passed)).await.concat();
            assert!(!text.contains("ann@x.org"), "{dialect:?} {stream}: {text}");
            for kept in ["call_7", "toolu_7"] {
                let there = text.contains(kept);
                assert_eq!(
                    there,
                    (dialect == Dialect::Messages) == (kept == "toolu_7"),
                    "{dialect:?} {stream}: {text}"
                );
            }
            if dialect == Dialect::Chat {
                assert!(
                    text.contains("\"length\"") && text.contains("or [email]") && text.contains("\"total_tokens\":7")
                );
            }
            let wanted: Vec<_> = passed.parts.iter().map(|p| (p.name.clone(), p.text.clone())).collect();
            assert_eq!(said(dialect, answered(&call, &passed)).await, wanted, "{dialect:?} {stream}");
        }
    }
}

#[tokio::test]
async fn what_cannot_be_written_again_is_said_in_our_own_words() {
    for dialect in ALL {
        // The upstream's body holds a text in a place that no version knows: it does not leave with the changed parts.
        let mut odd = upstreams(dialect);
        odd["x_more"] = json!({"secret": "ann@x.org"});
        let mut passed = passed(Verdict::Modify, Action::Modify, "modified", Some("x"));
        passed.parts = redacted(dialect);
        passed.reply = Some(Arc::new(Reply { raw: odd.to_string().into_bytes(), ..Reply::default() }));
        let text = frames(answered(&call(dialect, false), &passed)).await.concat();
        assert!(!text.contains("ann@x.org") && text.contains("[email]"), "{dialect:?}: {text}");
    }
}

#[tokio::test]
async fn an_upstream_that_answers_in_the_other_form_is_put_into_the_one_asked_for() {
    for dialect in ALL {
        let reply = Reply { raw: upstreams(dialect).to_string().into_bytes(), ..Reply::default() };
        let parts = read(dialect, &reply.raw).unwrap();
        for (reply, stream) in [(reply, true), (streamed(dialect), false)] {
            let mut passed = passed(Verdict::Allow, Action::Allow, "allowed", Some("x"));
            passed.reply = Some(Arc::new(Reply { parts: parts.clone(), ..reply }));
            let got = said(dialect, answered(&call(dialect, stream), &passed)).await;
            let wanted: Vec<_> = parts.iter().map(|p| (p.name.clone(), p.text.clone())).collect();
            assert_eq!(got, wanted, "{dialect:?} {stream}");
        }
    }
}

#[tokio::test]
async fn arguments_that_are_no_object_do_not_leave_as_a_message() {
    let mut passed = passed(Verdict::Modify, Action::Modify, "modified", Some("x"));
    passed.parts = vec![
        part("choices.0.tool_calls.0.name", PartKind::ToolName, "mail"),
        part("choices.0.tool_calls.0.arguments", PartKind::ToolArguments, "{\"to\":"),
    ];
    let answer = answered(&call(Dialect::Messages, false), &passed);
    assert_eq!((answer.status().as_u16(), &answer.headers()["x-should-retry"]), (502, &"false".parse().unwrap()));
}

#[tokio::test]
async fn what_leaves_nothing_is_an_error_that_sdks_do_not_retry() {
    for (verdict, code, status, wire, kind, anthropic) in [
        (Verdict::Deny, "input_denied", 400, "content_filter", "policy_denied", "invalid_request_error"),
        (Verdict::Escalate, "review_pending", 403, "review_pending", "permission_error", "permission_error"),
        (Verdict::Deny, "workflow_stopped", 403, "workflow_stopped", "permission_error", "permission_error"),
        (Verdict::Deny, "not_released", 403, "not_released", "permission_error", "permission_error"),
        (Verdict::Deny, "model_unreachable", 502, "model_unreachable", "server_error", "api_error"),
    ] {
        for (dialect, stream) in ALL.into_iter().flat_map(|d| [(d, false), (d, true)]) {
            let passed = passed(verdict, Action::Block, code, None);
            let answer = answered(&call(dialect, stream), &passed);
            assert_eq!(answer.status().as_u16(), status);
            assert!(answer.headers().contains_key("x-seatrial-decision"));
            assert_eq!(status != 400, answer.headers().contains_key("x-should-retry"));
            let body = value(answer).await;
            if dialect == Dialect::Messages {
                assert_eq!((&body["type"], &body["error"]["type"]), (&json!("error"), &json!(anthropic)));
                assert_eq!((&body["seatrial"]["code"], &body["request_id"]), (&json!(code), &json!("req_1")));
            } else {
                assert_eq!((&body["error"]["code"], &body["error"]["type"]), (&json!(wire), &json!(kind)));
            }
            assert_eq!(body["seatrial"]["decision"], passed.decision.to_string());
            if code == "review_pending" {
                assert_eq!(body["seatrial"]["poll"], format!("/v1/decisions/{}?wait=30s", passed.decision));
            }
        }
    }
}

#[tokio::test]
async fn a_reply_never_leaves_when_the_output_may_not() {
    for (verdict, action, output) in [
        (Verdict::Escalate, Action::Escalate, None),
        (Verdict::Escalate, Action::Escalate, Some("reviewed")),
        (Verdict::Modify, Action::Modify, Some("[word]")),
    ] {
        for dialect in ALL {
            let mut passed = passed(verdict, action, "review_pending", output);
            passed.reply = Some(Arc::new(Reply { raw: b"{\"secret\":1}".to_vec(), ..Reply::default() }));
            let text = frames(answered(&call(dialect, false), &passed)).await.concat();
            assert!(!text.contains("secret") && text.contains(output.unwrap_or("review_pending")), "{text}");
        }
    }
}
