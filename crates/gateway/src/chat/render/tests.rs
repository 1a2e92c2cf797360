use super::*;
use http_body_util::BodyExt;
use seatrial_model::event::Usage;
use seatrial_model::{Action, Confidence, Digest, Verdict};
use std::sync::Arc;

fn call(stream: bool) -> ChatCall {
    let body = json!({"model": "credit/assess", "stream": stream, "stream_options": {"include_usage": true},
        "messages": [{"role": "user", "content": "{}"}]});
    ChatCall::parse(body.to_string().into()).unwrap()
}

fn passed(verdict: Verdict, action: Action, code: &str, output: Option<&str>) -> Passed {
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

#[tokio::test]
async fn an_unchanged_body_keeps_every_byte_of_its_members() {
    let raw = br#"{"id":"x","n":1.00,"choices":[ {"index":0} ]}"#.to_vec();
    let mut passed = passed(Verdict::Allow, Action::Allow, "allowed", Some("t"));
    passed.reply = Some(Arc::new(Reply { raw, ..Reply::default() }));
    let answer = answer(&call(false), &passed, 1);
    assert_eq!(answer.headers()["x-seatrial-verdict"], "allow");
    assert_eq!(answer.headers()["x-seatrial-inspected"], "all");
    assert_eq!(answer.headers()["x-seatrial-case"], "case-1");
    let text = frames(answer).await.concat();
    assert!(text.starts_with(r#"{"id":"x","n":1.00,"choices":[ {"index":0} ],"seatrial":{"#), "{text}");
}

#[tokio::test]
async fn a_stream_leaves_in_its_own_chunks() {
    let mut passed = passed(Verdict::Allow, Action::Allow, "allowed", Some("t"));
    let reply = Reply { raw: b"data: a\n\nda\rta".to_vec(), chunks: vec![3, 9, 14], ..Reply::default() };
    passed.reply = Some(Arc::new(reply));
    let answer = answer(&call(true), &passed, 1);
    assert_eq!(answer.headers()["content-type"], EVENT_STREAM);
    assert_eq!(frames(answer).await, ["dat", "a: a\n\n", "da\rta"]);
}

#[tokio::test]
async fn a_denied_output_has_no_content_on_either_wire() {
    let passed = passed(Verdict::Deny, Action::Block, "output_denied", None);
    let plain = answer(&call(false), &passed, 1);
    assert_eq!(plain.status(), StatusCode::OK);
    let body = value(plain).await;
    assert_eq!(body["choices"][0]["finish_reason"], "content_filter");
    assert!(body["choices"][0]["message"]["content"].is_null());
    assert_eq!(body["seatrial"]["verdict"], "deny");
    let events = frames(answer(&call(true), &passed, 1)).await;
    assert!(events.iter().all(|e| !e.contains("\"content\"") && e.ends_with("\n\n")), "{events:?}");
    assert!(events.iter().any(|e| e.contains("\"finish_reason\":\"content_filter\"")));
    assert_eq!(events.last().map(String::as_str), Some("data: [DONE]\n\n"));
}

#[tokio::test]
async fn a_changed_output_is_said_whole() {
    let passed = passed(Verdict::Modify, Action::Modify, "modified", Some("call [phone]"));
    let body = value(answer(&call(false), &passed, 7)).await;
    assert_eq!(body["choices"][0]["message"]["content"], "call [phone]");
    assert_eq!((&body["created"], &body["usage"]["total_tokens"]), (&json!(7), &json!(7)));
    let events = frames(answer(&call(true), &passed, 7)).await;
    assert!(events[1].contains("call [phone]"));
    assert!(events[3].contains("\"total_tokens\":7"));
}

#[tokio::test]
async fn what_leaves_nothing_is_an_error_that_sdks_do_not_retry() {
    for (verdict, code, status, wire, kind) in [
        (Verdict::Deny, "input_denied", 400, "content_filter", "policy_denied"),
        (Verdict::Escalate, "review_pending", 403, "review_pending", "permission_error"),
        (Verdict::Deny, "workflow_stopped", 403, "workflow_stopped", "permission_error"),
        (Verdict::Deny, "not_released", 403, "not_released", "permission_error"),
        (Verdict::Deny, "model_unreachable", 502, "model_unreachable", "server_error"),
    ] {
        for stream in [false, true] {
            let passed = passed(verdict, Action::Block, code, None);
            let answer = answer(&call(stream), &passed, 1);
            assert_eq!(answer.status().as_u16(), status);
            assert!(answer.headers().contains_key("x-seatrial-decision"));
            assert_eq!(status >= 500, answer.headers().contains_key("x-should-retry"));
            let body = value(answer).await;
            assert_eq!((&body["error"]["code"], &body["error"]["type"]), (&json!(wire), &json!(kind)));
            assert_eq!(body["seatrial"]["decision"], passed.decision.to_string());
            if code == "review_pending" {
                assert_eq!(body["seatrial"]["poll"], format!("/v1/decisions/{}?wait=30s", passed.decision));
            }
        }
    }
}

#[tokio::test]
async fn a_reply_never_leaves_when_the_output_may_not() {
    let mut passed = passed(Verdict::Escalate, Action::Escalate, "review_pending", None);
    passed.reply = Some(Arc::new(Reply { raw: b"{\"secret\":1}".to_vec(), ..Reply::default() }));
    let text = frames(answer(&call(false), &passed, 1)).await.concat();
    assert!(!text.contains("secret"));
}
