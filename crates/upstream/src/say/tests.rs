use super::*;
use crate::pass::{Passing, whole};
use crate::read::tests::dialects::{
    EXPECTED, chat_body, chat_events, events, message_body, message_events, response_body, response_events,
};
use crate::read::{Read, ReadError};
use crate::sse::Scanner;
use serde_json::json;

const ALL: [Protocol; 3] = [Protocol::OpenAiChat, Protocol::OpenAiResponses, Protocol::AnthropicMessages];

fn body(protocol: Protocol) -> Value {
    match protocol {
        Protocol::OpenAiChat => chat_body(),
        Protocol::OpenAiResponses => response_body(),
        Protocol::AnthropicMessages => message_body(),
    }
}

fn stream(protocol: Protocol) -> String {
    match protocol {
        Protocol::OpenAiChat => chat_events(),
        Protocol::OpenAiResponses => events(&response_events()),
        Protocol::AnthropicMessages => events(&message_events()),
    }
}

fn pairs() -> impl Iterator<Item = (Protocol, Protocol)> {
    ALL.iter().flat_map(|from| ALL.iter().map(|to| (*from, *to))).filter(|(from, to)| from != to)
}

/// A stream said again: its bytes, and what they say.
fn said(from: Protocol, to: Protocol, text: &str, manner: Manner) -> Result<(String, Read), CallError> {
    let mut passing = Passing::new(from, Some((to, manner)));
    let mut out = Vec::new();
    for event in Scanner::default().push(text.as_bytes()).unwrap() {
        out.extend(passing.event(&event)?.0.unwrap());
    }
    let (tail, _, read) = passing.finish()?;
    out.extend(tail);
    Ok((String::from_utf8(out).unwrap(), read))
}

fn check(read: &Read, to: Protocol) {
    let names: Vec<_> = read.parts.iter().map(|p| (p.name.as_str(), p.text.as_str())).collect();
    assert_eq!(names, EXPECTED, "{to:?}");
    assert_eq!(read.model.as_deref(), Some("m-1"));
    let reason = match to {
        Protocol::OpenAiChat => "tool_calls",
        Protocol::OpenAiResponses => "completed",
        Protocol::AnthropicMessages => "tool_use",
    };
    assert_eq!(read.finish, [(0, reason.to_owned())]);
    assert_eq!(read.usage, Some(Usage { input: 7, output: 3 }));
}

#[test]
fn an_answer_keeps_its_meaning_in_every_protocol() {
    for (from, to) in pairs() {
        let (written, read) = whole(from, Some((to, Manner::default())), body(from).to_string().as_bytes()).unwrap();
        check(&read, to);
        // And back again.
        let (_, back) = whole(to, Some((from, Manner::default())), &written.unwrap()).unwrap();
        check(&back, from);

        let manner = Manner { include_usage: true, logprobs: false };
        let (written, read) = said(from, to, &stream(from), manner).unwrap();
        check(&read, to);
        assert!(written.ends_with("\n\n"));
        check(&said(to, from, &written, manner).unwrap().1, from);
    }
}

#[test]
fn streams_are_what_official_clients_expect() {
    let (written, _) =
        said(Protocol::OpenAiChat, Protocol::AnthropicMessages, &chat_events(), Manner::default()).unwrap();
    let kinds: Vec<&str> = written.lines().filter_map(|l| l.strip_prefix("event: ")).collect();
    let block = |deltas: usize| {
        let mut all = vec!["content_block_start"];
        all.extend(std::iter::repeat_n("content_block_delta", deltas));
        all.push("content_block_stop");
        all
    };
    let blocks = [block(1), block(2), block(2), block(1)].concat();
    assert_eq!(kinds, [vec!["message_start"], blocks, vec!["message_delta", "message_stop"]].concat());

    let (written, _) =
        said(Protocol::AnthropicMessages, Protocol::OpenAiResponses, &events(&message_events()), Manner::default())
            .unwrap();
    let data: Vec<Value> =
        written.lines().filter_map(|l| l.strip_prefix("data: ")).map(|d| serde_json::from_str(d).unwrap()).collect();
    for (n, event) in data.iter().enumerate() {
        assert_eq!(event["sequence_number"], json!(n));
    }
    assert_eq!(data.last().unwrap()["type"], "response.completed");
    assert_eq!(data.last().unwrap()["response"]["output"][2]["call_id"], "t1");

    let (written, _) = said(
        Protocol::OpenAiResponses,
        Protocol::OpenAiChat,
        &events(&response_events()),
        Manner { include_usage: true, logprobs: true },
    )
    .unwrap();
    assert!(written.ends_with("data: [DONE]\n\n"));
    assert!(written.contains("\"logprob\":-0.5") && written.contains("\"total_tokens\":10"), "{written}");
    let (written, _) =
        said(Protocol::OpenAiResponses, Protocol::OpenAiChat, &events(&response_events()), Manner::default()).unwrap();
    assert!(!written.contains("logprob\":-") && !written.contains("total_tokens"), "nobody asked: {written}");
}

#[test]
fn ends_have_their_words() {
    let reason = |from: Protocol, pointer: &str, word: &str, to: Protocol| {
        let mut body = body(from);
        *body.pointer_mut(pointer).unwrap() = json!(word);
        let (_, read) = whole(from, Some((to, Manner::default())), body.to_string().as_bytes())?;
        Ok::<_, CallError>(read.finish.first().map(|(_, r)| r.clone()).unwrap_or_default())
    };
    let chat = "/choices/0/finish_reason";
    for (word, messages, responses) in [
        ("stop", "end_turn", "completed"),
        ("length", "max_tokens", "max_output_tokens"),
        ("content_filter", "refusal", "content_filter"),
    ] {
        assert_eq!(reason(Protocol::OpenAiChat, chat, word, Protocol::AnthropicMessages).unwrap(), messages);
        assert_eq!(reason(Protocol::OpenAiChat, chat, word, Protocol::OpenAiResponses).unwrap(), responses);
    }
    assert!(reason(Protocol::OpenAiChat, chat, "eos", Protocol::OpenAiResponses).is_err());
    assert!(reason(Protocol::AnthropicMessages, "/stop_reason", "pause_turn", Protocol::OpenAiChat).is_err());
}

#[test]
fn what_cannot_be_said_fails_the_reply() {
    let fails = |from: Protocol, to: Protocol, pointer: &str, value: Value| {
        let mut body = body(from);
        *body.pointer_mut(pointer).unwrap() = value;
        let error = whole(from, Some((to, Manner::default())), body.to_string().as_bytes()).unwrap_err();
        assert!(matches!(&error, CallError::Unreadable(why) if why.contains("no words")), "{error}");
    };
    let search = json!({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": "x"}});
    fails(Protocol::AnthropicMessages, Protocol::OpenAiChat, "/content/0", search);
    fails(Protocol::OpenAiResponses, Protocol::OpenAiChat, "/output/0", json!({"type": "web_search_call", "q": "x"}));
    let arguments = "/choices/0/message/tool_calls/0/function/arguments";
    fails(Protocol::OpenAiChat, Protocol::AnthropicMessages, arguments, json!("not json"));
    fails(Protocol::OpenAiChat, Protocol::AnthropicMessages, "/choices/0/index", json!(1));
    let cut: String = chat_events().split_inclusive("\n\n").take(4).collect();
    let error = said(Protocol::OpenAiChat, Protocol::AnthropicMessages, &cut, Manner::default()).unwrap_err();
    assert_eq!(error, CallError::from(ReadError::Cut));
}
