pub(crate) mod dialects;

use super::*;
use crate::sse::Scanner;
use proptest::prelude::*;
use serde_json::json;

const CHAT: Protocol = Protocol::OpenAiChat;

fn read_chat(body: &[u8]) -> Result<Read, ReadError> {
    read_body(CHAT, body)
}

fn names(read: &Read) -> Vec<(&str, &str)> {
    read.parts.iter().map(|p| (p.name.as_str(), p.text.as_str())).collect()
}

fn stream(text: &str) -> Result<Read, ReadError> {
    let mut scanner = Scanner::default();
    let mut reader = StreamReader::new(CHAT);
    for event in scanner.push(text.as_bytes()).unwrap() {
        reader.event(&event)?;
    }
    if let Some(event) = scanner.finish() {
        reader.event(&event)?;
    }
    reader.finish()
}

#[test]
fn every_part_of_every_choice() {
    let body = json!({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1", "citations": ["https://x"], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
        "choices": [
            {"index": 0, "finish_reason": "stop", "logprobs": {"content": [{"token": "a", "logprob": -0.5, "bytes": null, "top_logprobs": []}]},
             "message": {"role": "assistant", "content": "a", "refusal": null, "reasoning_content": "why", "annotations": []}},
            {"index": 1, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": "pay", "arguments": "{\"to\":1}"}}],
                "audio": {"transcript": "said"}}},
            {"index": 2, "finish_reason": "stop", "message": {"role": "assistant", "content": [{"type": "text", "text": "x"}, {"type": "image", "url": "u"}], "refusal": "no"}},
        ],
    });
    let got = read_chat(body.to_string().as_bytes()).unwrap();
    assert_eq!(
        names(&got),
        [
            ("choices.0.text", "a"),
            ("choices.0.reasoning", "why"),
            ("choices.1.tool_calls.0.name", "pay"),
            ("choices.1.tool_calls.0.arguments", "{\"to\":1}"),
            ("choices.1.other", "audio: {\"transcript\":\"said\"}\n"),
            ("choices.2.text", "x"),
            ("choices.2.refusal", "no"),
            ("choices.2.other", "{\"type\":\"image\",\"url\":\"u\"}"),
            ("other", "citations: [\"https://x\"]\n"),
        ]
    );
    assert_eq!(got.usage, Some(Usage { input: 7, output: 3 }));
    assert_eq!(
        (got.model.as_deref(), got.logprobs),
        (Some("m-1"), vec![TokenLogprob { token: "a".to_owned(), logprob: -0.5 }])
    );
}

#[test]
fn a_stream_reads_as_the_whole_does() {
    let got = stream(concat!(
        "data: {\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hel\"}},{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"lo\"},\"finish_reason\":null},{\"index\":1,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{}\"}}]}}]}\n\n",
        "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"},{\"index\":1,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n",
        "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n",
        "data: [DONE]\n\n",
    ))
    .unwrap();
    assert_eq!(
        names(&got),
        [("choices.0.text", "Hello"), ("choices.1.tool_calls.0.name", "f"), ("choices.1.tool_calls.0.arguments", "{}"),]
    );
    assert_eq!(got.finish, [(0, "stop".to_owned()), (1, "tool_calls".to_owned())]);
    assert_eq!(got.usage, Some(Usage { input: 1, output: 2 }));
}

#[test]
fn what_hides_behind_the_end_is_read() {
    let end = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
    let hidden = format!("{end}data: {{\"choices\":[{{\"delta\":{{\"content\":\"secret\"}}}}]}}");
    assert_eq!(names(&stream(&hidden).unwrap()), [("choices.0.text", "asecret")]);
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let cut = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
    assert_eq!(stream(cut), Err(ReadError::Cut));
    assert_eq!(stream(""), Err(ReadError::Cut));
    assert_eq!(stream("data: [DONE]\n\n"), Err(ReadError::Cut));
    assert!(matches!(stream("data: nonsense\n\n"), Err(ReadError::Odd(_))));
    let error = r#"{"error":{"message":"boom","code":500,"type":"server_error"}}"#;
    assert_eq!(read_chat(error.as_bytes()), Err(ReadError::IsAnError("500".to_owned())));
    assert_eq!(stream(&format!("data: {error}\n\n")), Err(ReadError::IsAnError("500".to_owned())));
    for bad in [
        "",
        "[]",
        "{}",
        "{\"choices\":[]}",
        "{\"choices\":{}}",
        "{\"choices\":[{\"message\":7}]}",
        "{\"choices\":[{\"message\":{\"content\":\"a\",\"content\":\"b\"}}]}",
        "<html>502</html>",
    ] {
        assert!(matches!(read_chat(bad.as_bytes()), Err(ReadError::Odd(_))), "{bad}");
    }
    let quoted = read_chat(b"{\"choices\":\"PRIVATE\"}").unwrap_err().to_string();
    assert_eq!(quoted, "the model's reply is not what its protocol says: `choices` is not of its kind");
    let deep = format!("{{\"choices\":{}{}}}", "[".repeat(50_000), "]".repeat(50_000));
    assert!(read_chat(deep.as_bytes()).is_err());
}

#[test]
fn sizes_are_bounded() {
    let many: Vec<_> = (0..=CHOICES_MAX).map(|i| json!({"index": i, "message": {"content": "x"}})).collect();
    assert_eq!(
        read_chat(json!({"choices": many}).to_string().as_bytes()),
        Err(ReadError::TooMany { what: "choices", max: CHOICES_MAX })
    );
}

#[test]
fn an_error_is_one_harmless_line() {
    assert_eq!(error_text(&json!("plain")), "plain");
    assert_eq!(error_text(&json!({"code": "x"})), "no message (x)");
    assert_eq!(error_text(&json!({"message": "a\nb"})), "a⟨U+000A⟩b");
}

proptest! {
    #[test]
    fn never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in "[\\[\\]{}\":,a-z0-9]{0,200}") {
        let _ = read_chat(&bytes);
        let _ = read_chat(text.as_bytes());
        let _ = stream(&format!("data: {text}\n\n"));
    }

    #[test]
    fn however_the_text_is_cut_into_deltas_it_is_the_text(pieces in prop::collection::vec("\\PC{0,12}", 1..10)) {
        let mut body = String::new();
        for piece in &pieces {
            body.push_str(&format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {"content": piece}}]})));
        }
        body.push_str("data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
        let got = stream(&body).unwrap();
        prop_assert_eq!(&got.parts[0].text, &pieces.concat());
    }
}
