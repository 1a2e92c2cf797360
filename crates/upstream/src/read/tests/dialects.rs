//! Responses and messages: the same answer in every protocol, whole and streamed, reads the same.

use super::super::*;
use crate::sse::Scanner;
use proptest::prelude::*;
use serde_json::{Value, json};

const RESPONSES: Protocol = Protocol::OpenAiResponses;
const MESSAGES: Protocol = Protocol::AnthropicMessages;

fn names(read: &Read) -> Vec<(&str, &str)> {
    read.parts.iter().map(|p| (p.name.as_str(), p.text.as_str())).collect()
}

/// Reads a stream that comes in these pieces; what its deltas add up to has to be what the whole says.
fn stream_in(protocol: Protocol, pieces: &[&[u8]]) -> Result<Read, ReadError> {
    let mut scanner = Scanner::default();
    let mut reader = StreamReader::new(protocol);
    let mut sums: std::collections::BTreeMap<String, String> = std::collections::BTreeMap::new();
    for piece in pieces {
        for event in scanner.push(piece).unwrap() {
            for delta in reader.event(&event)? {
                sums.entry(delta.part).or_default().push_str(&delta.text);
            }
        }
    }
    if let Some(event) = scanner.finish() {
        reader.event(&event)?;
    }
    let read = reader.finish()?;
    for part in &read.parts {
        assert_eq!(sums.get(&part.name).map_or("", String::as_str), part.text, "{}", part.name);
    }
    Ok(read)
}

fn stream(protocol: Protocol, text: &str) -> Result<Read, ReadError> {
    stream_in(protocol, &[text.as_bytes()])
}

pub(crate) fn events(all: &[Value]) -> String {
    all.iter().map(|e| format!("event: {}\ndata: {e}\n\n", e["type"].as_str().unwrap())).collect()
}

pub(crate) fn message_body() -> Value {
    json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "c2ln"},
            {"type": "text", "text": "It is ", "citations": null},
            {"type": "text", "text": "12 C."},
            {"type": "tool_use", "id": "t1", "name": "weather", "input": {"city": "Paris"}},
            {"type": "tool_use", "id": "t2", "name": "now", "input": {}},
        ],
        "stop_reason": "tool_use", "stop_sequence": null,
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 3, "service_tier": "standard"},
    })
}

pub(crate) fn message_events() -> Vec<Value> {
    let delta = |i: u64, delta: Value| json!({"type": "content_block_delta", "index": i, "delta": delta});
    let start = |i: u64, block: Value| json!({"type": "content_block_start", "index": i, "content_block": block});
    let stop = |i: u64| json!({"type": "content_block_stop", "index": i});
    vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
            "model": "m-1", "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1}}}),
        start(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
        json!({"type": "ping"}),
        delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
        delta(0, json!({"type": "signature_delta", "signature": "c2ln"})),
        stop(0),
        start(1, json!({"type": "text", "text": ""})),
        delta(1, json!({"type": "text_delta", "text": "It is "})),
        delta(1, json!({"type": "text_delta", "text": "12 C."})),
        stop(1),
        start(2, json!({"type": "tool_use", "id": "t1", "name": "weather", "input": {}})),
        delta(2, json!({"type": "input_json_delta", "partial_json": ""})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "{\"city\":"})),
        delta(2, json!({"type": "input_json_delta", "partial_json": "\"Paris\"}"})),
        stop(2),
        start(3, json!({"type": "tool_use", "id": "t2", "name": "now", "input": {}})),
        stop(3),
        json!({"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": null}, "usage": {"output_tokens": 3}}),
        json!({"type": "message_stop"}),
    ]
}

fn response_items() -> Value {
    json!([
        {"id": "rs_1", "type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "x"},
        {"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": [
            {"type": "output_text", "text": "It is 12 C.", "annotations": [], "logprobs": []}]},
        {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "t1", "name": "weather", "arguments": "{\"city\":\"Paris\"}"},
        {"id": "fc_2", "type": "function_call", "status": "completed", "call_id": "t2", "name": "now", "arguments": "{}"},
    ])
}

pub(crate) fn response_body() -> Value {
    json!({
        "id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "error": null,
        "incomplete_details": null, "instructions": "be brief", "metadata": {"a": "b"}, "model": "m-1",
        "output": response_items(), "tools": [{"type": "function", "name": "weather", "description": "w"}],
        "text": {"format": {"type": "text"}}, "reasoning": {"effort": "low"},
        "usage": {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10, "input_tokens_details": {"cached_tokens": 2}},
    })
}

pub(crate) fn response_events() -> Vec<Value> {
    let items = response_items();
    let added = |i: usize, item: Value| json!({"type": "response.output_item.added", "output_index": i, "item": item});
    let done = |i: usize| json!({"type": "response.output_item.done", "output_index": i, "item": items[i]});
    let text = |d: &str| {
        json!({"type": "response.output_text.delta", "item_id": "msg_1", "output_index": 1,
        "content_index": 0, "delta": d, "logprobs": [{"token": d, "logprob": -0.5}], "obfuscation": "xyz"})
    };
    let mut out = vec![
        json!({"type": "response.created", "response": {"id": "resp_1", "model": "m-1", "status": "in_progress", "output": []}}),
        added(0, json!({"id": "rs_1", "type": "reasoning", "summary": []})),
        json!({"type": "response.reasoning_summary_part.added", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "part": {"type": "summary_text", "text": ""}}),
        json!({"type": "response.reasoning_summary_text.delta", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "delta": "hm"}),
        json!({"type": "response.reasoning_summary_text.done", "item_id": "rs_1", "output_index": 0, "summary_index": 0, "text": "hm"}),
        done(0),
        added(
            1,
            json!({"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []}),
        ),
        json!({"type": "response.content_part.added", "item_id": "msg_1", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
        text("It is "),
        text("12 C."),
        json!({"type": "response.output_text.done", "item_id": "msg_1", "output_index": 1, "content_index": 0, "text": "It is 12 C."}),
        json!({"type": "response.content_part.done", "item_id": "msg_1", "output_index": 1, "content_index": 0, "part": {"type": "output_text", "text": "It is 12 C.", "annotations": []}}),
        done(1),
    ];
    for (i, id, arguments) in [(2, "fc_1", "{\"city\":\"Paris\"}"), (3, "fc_2", "{}")] {
        let mut item = items[i].clone();
        item["arguments"] = json!("");
        out.push(added(i, item));
        let (a, b) = arguments.split_at(1);
        for d in [a, b] {
            out.push(
                json!({"type": "response.function_call_arguments.delta", "item_id": id, "output_index": i, "delta": d}),
            );
        }
        out.push(json!({"type": "response.function_call_arguments.done", "item_id": id, "output_index": i, "arguments": arguments}));
        out.push(done(i));
    }
    out.push(json!({"type": "response.completed", "response": response_body()}));
    out
}

pub(crate) const EXPECTED: [(&str, &str); 6] = [
    ("choices.0.text", "It is 12 C."),
    ("choices.0.reasoning", "hm"),
    ("choices.0.tool_calls.0.name", "weather"),
    ("choices.0.tool_calls.0.arguments", "{\"city\":\"Paris\"}"),
    ("choices.0.tool_calls.1.name", "now"),
    ("choices.0.tool_calls.1.arguments", "{}"),
];

pub(crate) fn chat_body() -> Value {
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    json!({
        "id": "c-1", "object": "chat.completion", "created": 1, "model": "m-1",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
            "role": "assistant", "content": "It is 12 C.", "reasoning_content": "hm",
            "tool_calls": [call("t1", "weather", "{\"city\":\"Paris\"}"), call("t2", "now", "{}")]}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10},
    })
}

pub(crate) fn chat_events() -> String {
    let chunk = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "finish_reason": finish});
        format!(
            "data: {}\n\n",
            json!({"id": "c-1", "object": "chat.completion.chunk", "model": "m-1", "choices": [choice]})
        )
    };
    let call = |i: u64, rest: Value| {
        let mut call = json!({"index": i});
        call.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        chunk(json!({"tool_calls": [call]}), Value::Null)
    };
    let begin =
        |id: &str, name: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": ""}});
    let more = |text: &str| json!({"function": {"arguments": text}});
    [
        chunk(json!({"role": "assistant", "content": ""}), Value::Null),
        chunk(json!({"reasoning_content": "hm"}), Value::Null),
        chunk(json!({"content": "It is "}), Value::Null),
        chunk(json!({"content": "12 C."}), Value::Null),
        call(0, begin("t1", "weather")),
        call(0, more("{\"city\":")),
        call(0, more("\"Paris\"}")),
        call(1, begin("t2", "now")),
        call(1, more("{}")),
        chunk(json!({}), json!("tool_calls")),
        format!("data: {}\n\n", json!({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}})),
        "data: [DONE]\n\n".to_owned(),
    ]
    .concat()
}

#[test]
fn the_same_answer_reads_the_same_everywhere() {
    let all = [
        (read_body(Protocol::OpenAiChat, chat_body().to_string().as_bytes()), "tool_calls"),
        (stream(Protocol::OpenAiChat, &chat_events()), "tool_calls"),
        (read_body(MESSAGES, message_body().to_string().as_bytes()), "tool_use"),
        (stream(MESSAGES, &events(&message_events())), "tool_use"),
        (read_body(RESPONSES, response_body().to_string().as_bytes()), "completed"),
        (stream(RESPONSES, &events(&response_events())), "completed"),
    ];
    for (read, reason) in all {
        let read = read.unwrap();
        assert_eq!(names(&read), EXPECTED);
        assert_eq!(read.usage, Some(Usage { input: 7, output: 3 }));
        assert_eq!((read.model.as_deref(), read.finish), (Some("m-1"), vec![(0, reason.to_owned())]));
    }
    let logprobs = stream(RESPONSES, &events(&response_events())).unwrap().logprobs;
    assert_eq!(logprobs.iter().map(|t| t.token.as_str()).collect::<Vec<_>>(), ["It is ", "12 C."]);
}

#[test]
fn what_is_unknown_is_a_part() {
    let mut body = message_body();
    body["content"] = json!([
        {"type": "text", "text": "a", "citations": [{"cited_text": "secret"}]},
        {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        {"type": "redacted_thinking", "data": "b3BhcXVl"},
    ]);
    body["container"] = json!({"id": "c"});
    let read = read_body(MESSAGES, body.to_string().as_bytes()).unwrap();
    let other = &read.parts.iter().find(|p| p.name == "choices.0.other").unwrap().text;
    for word in ["secret", "web_search", "container"] {
        assert!(other.contains(word), "{word}: {other}");
    }
    assert!(names(&read).contains(&("choices.0.reasoning", "b3BhcXVl")));

    let mut body = response_body();
    body["output"] = json!([
        {"type": "web_search_call", "id": "w", "status": "completed", "action": {"type": "search", "query": "q1"}},
        {"type": "message", "role": "assistant", "content": [
            {"type": "refusal", "refusal": "no"},
            {"type": "output_text", "text": "b", "annotations": [{"type": "url_citation", "url": "https://x"}]}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "run", "input": "ls"},
    ]);
    let read = read_body(RESPONSES, body.to_string().as_bytes()).unwrap();
    let shown = names(&read);
    for part in [("choices.0.text", "b"), ("choices.0.refusal", "no"), ("choices.0.tool_calls.0.arguments", "ls")] {
        assert!(shown.contains(&part), "{shown:?}");
    }
    let other = shown.iter().find(|(name, _)| *name == "choices.0.other").unwrap().1;
    assert!(other.contains("q1") && other.contains("https://x"), "{other}");
    let mut all = response_events();
    all.insert(3, json!({"type": "response.new_thing.happened", "item_id": "x", "shown": "surprise"}));
    let read = stream(RESPONSES, &events(&all)).unwrap();
    assert!(names(&read).contains(&("choices.0.other", "shown: \"surprise\"\n")));
}

#[test]
fn what_is_said_twice_has_to_be_said_alike() {
    let n = response_events().len();
    for (place, pointer) in [
        (n - 1, "/response/output/1/content/0/text"),
        (n - 1, "/response/output/0/summary/0/text"),
        (n - 1, "/response/output/2/name"),
        (n - 1, "/response/output/3/arguments"),
        (4, "/text"),
        (10, "/text"),
        (11, "/part/text"),
        (12, "/item/content/0/text"),
    ] {
        let mut all = response_events();
        *all[place].pointer_mut(pointer).unwrap() = json!("{\"other\":1}");
        let error = stream(RESPONSES, &events(&all)).unwrap_err();
        assert!(matches!(error, ReadError::Disagrees(_)), "{place} {pointer}: {error:?}");
    }
    let mut body = response_body();
    body["output_text"] = json!("something else");
    assert!(matches!(read_body(RESPONSES, body.to_string().as_bytes()), Err(ReadError::Disagrees(_))));
    let mut all = message_events();
    all[10]["content_block"]["input"] = json!({"city": "London"});
    assert!(matches!(stream(MESSAGES, &events(&all)), Err(ReadError::Disagrees(_))));
}

#[test]
fn what_is_cut_or_goes_on_or_is_out_of_place_is_no_answer() {
    for (protocol, all) in [(MESSAGES, message_events()), (RESPONSES, response_events())] {
        for n in 0..all.len() {
            assert_eq!(stream(protocol, &events(&all[..n])), Err(ReadError::Cut), "{protocol:?} {n}");
        }
        let mut more = all.clone();
        more.push(all[3].clone());
        if more.last().unwrap()["type"] == "ping" {
            more.push(all[7].clone());
        }
        more.push(all[8].clone());
        assert!(matches!(stream(protocol, &events(&more)), Err(ReadError::Odd(_))), "{protocol:?}");
        let disguised = events(&all).replacen("event: ", "event: x", 1);
        assert!(matches!(stream(protocol, &disguised), Err(ReadError::Odd(_))), "{protocol:?}");
    }
    let odd = |i: usize, change: Value| {
        let mut all = message_events();
        all[i] = change;
        stream(MESSAGES, &events(&all))
    };
    let late = json!({"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}});
    assert!(odd(7, late).is_err());
    let mixed = json!({"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "x"}});
    assert!(odd(12, mixed).is_err());
    let twice = json!({"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": "x"}});
    assert!(odd(10, twice).is_err());
}

#[test]
fn errors_keep_their_code() {
    let error = Err(ReadError::IsAnError("overloaded_error".to_owned()));
    let body = json!({"type": "error", "error": {"type": "overloaded_error", "message": "PRIVATE"}});
    assert_eq!(read_body(MESSAGES, body.to_string().as_bytes()), error);
    assert_eq!(stream(MESSAGES, &events(&[message_events()[0].clone(), body])), error);
    let failed = json!({"type": "response.failed", "response": {"status": "failed", "error": {"code": "server_error", "message": "PRIVATE"}}});
    assert_eq!(stream(RESPONSES, &events(&[failed])), Err(ReadError::IsAnError("server_error".to_owned())));
    let error = json!({"type": "error", "code": "rate_limit_exceeded", "message": "PRIVATE"});
    assert_eq!(stream(RESPONSES, &events(&[error])), Err(ReadError::IsAnError("rate_limit_exceeded".to_owned())));
    for status in ["queued", "in_progress", "cancelled", "failed"] {
        let mut body = response_body();
        body["status"] = json!(status);
        assert!(read_body(RESPONSES, body.to_string().as_bytes()).is_err(), "{status}");
    }
    for twice in
        [r#"{"content":[],"content":[{"type":"text","text":"x"}]}"#, r#"{"output":[{"type":"x","a":"b","a":"c"}]}"#]
    {
        for protocol in [MESSAGES, RESPONSES] {
            assert!(read_body(protocol, twice.as_bytes()).is_err());
        }
    }
}

proptest! {
    #[test]
    fn however_a_stream_is_cut_it_reads_the_same(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        for (protocol, all) in [(MESSAGES, message_events()), (RESPONSES, response_events())] {
            let text = events(&all);
            let mut places: Vec<usize> = cuts.iter().map(|i| i.index(text.len())).collect();
            places.sort_unstable();
            let mut pieces = Vec::new();
            let mut last = 0;
            for place in places {
                pieces.push(&text.as_bytes()[last..place]);
                last = place;
            }
            pieces.push(&text.as_bytes()[last..]);
            prop_assert_eq!(stream_in(protocol, &pieces), stream(protocol, &text));
        }
    }

    #[test]
    fn hostile_events_never_panic(
        text in "[\\[\\]{}\":,a-z0-9]{0,100}",
        order in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        index in 0u64..5,
    ) {
        for (protocol, all) in [(MESSAGES, message_events()), (RESPONSES, response_events()), (Protocol::OpenAiChat, message_events())] {
            let mut picked: Vec<Value> = order.iter().map(|i| all[i.index(all.len())].clone()).collect();
            for event in &mut picked {
                if event.get("index").is_some() {
                    event["index"] = json!(index);
                }
                if event.get("output_index").is_some() {
                    event["output_index"] = json!(index);
                }
            }
            let mut reader = StreamReader::new(protocol);
            let mut scanner = Scanner::default();
            for event in scanner.push(format!("{}data: {text}\n\n", events(&picked)).as_bytes()).unwrap() {
                if reader.event(&event).is_err() {
                    break;
                }
            }
            let _ = reader.finish();
            let _ = read_body(protocol, text.as_bytes());
        }
    }
}
