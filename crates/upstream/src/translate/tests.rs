use super::talk::{Choice, Format, Shown, Tool, Turn};
use super::*;
use proptest::prelude::*;
use serde_json::json;

const CHAT: Protocol = Protocol::OpenAiChat;
const RESPONSES: Protocol = Protocol::OpenAiResponses;
const MESSAGES: Protocol = Protocol::AnthropicMessages;

fn said(from: Protocol, to: Protocol, body: &Value) -> Result<Value, String> {
    request(body.to_string().as_bytes(), from, to).map(|(bytes, _)| serde_json::from_slice(&bytes).unwrap())
}

fn chat_request() -> Value {
    json!({
        "model": "w/s",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [
                {"type": "text", "text": "Look:"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo=", "detail": "auto"}},
                {"type": "image_url", "image_url": {"url": "https://x.example/i.png"}}]},
            {"role": "assistant", "content": "Wait.", "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": "{\"city\":\"Paris\"}"}}]},
            {"role": "tool", "tool_call_id": "c1", "content": "12C"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "description": "w", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": "required", "parallel_tool_calls": false,
        "temperature": 0.2, "top_p": 0.9, "max_tokens": 20, "user": "u", "n": 1, "store": false, "stream": true,
        "stream_options": {"include_usage": true}, "frequency_penalty": 0, "prompt_cache_key": "k",
        "response_format": {"type": "json_schema", "json_schema": {"name": "Ticket", "strict": true, "schema": {"type": "object"}}},
    })
}

#[test]
fn a_chat_becomes_messages() {
    let got = said(CHAT, MESSAGES, &chat_request()).unwrap();
    assert_eq!(
        got,
        json!({
            "model": "w/s", "max_tokens": 20,
            "system": [{"type": "text", "text": "Be brief."}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "Look:"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}},
                    {"type": "image", "source": {"type": "url", "url": "https://x.example/i.png"}}]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "Wait."},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Paris"}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "12C"},
                    {"type": "text", "text": "And?"}]},
            ],
            "tools": [{"name": "weather", "description": "w", "input_schema": {"type": "object"}, "strict": true}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "temperature": 0.2, "top_p": 0.9, "stream": true,
            "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
            "metadata": {"user_id": "u"},
        })
    );
}

#[test]
fn a_chat_becomes_responses() {
    let got = said(CHAT, RESPONSES, &chat_request()).unwrap();
    assert_eq!(got["input"][0], json!({"type": "message", "role": "system", "content": "Be brief."}));
    assert_eq!(got["input"][1]["content"][1]["type"], "input_image");
    assert_eq!(
        got["input"][3],
        json!({"type": "function_call", "call_id": "c1", "name": "weather", "arguments": "{\"city\":\"Paris\"}"})
    );
    assert_eq!(got["input"][4], json!({"type": "function_call_output", "call_id": "c1", "output": "12C"}));
    assert_eq!(got["text"]["format"]["name"], "Ticket");
    assert_eq!(
        (&got["tool_choice"], &got["max_output_tokens"], &got["store"]),
        (&json!("required"), &json!(20), &json!(false))
    );
}

#[test]
fn how_the_reply_is_to_be_said() {
    let manner = |body: Value, from, to| request(body.to_string().as_bytes(), from, to).unwrap().1;
    let asked = manner(chat_request(), CHAT, MESSAGES);
    assert!(asked.include_usage && !asked.logprobs);
    let mut body = json!({"model": "m", "messages": [], "logprobs": true, "top_logprobs": 2});
    assert!(manner(body.clone(), CHAT, RESPONSES).logprobs);
    assert_eq!(said(CHAT, RESPONSES, &body).unwrap()["include"], json!(["message.output_text.logprobs"]));
    body["logprobs"] = json!(false);
    body.as_object_mut().unwrap().remove("top_logprobs");
    assert!(said(CHAT, MESSAGES, &body).is_ok());
}

#[test]
fn what_has_no_words_is_refused_by_its_place() {
    let cases: [(Protocol, Protocol, Value, &str); 29] = [
        (CHAT, MESSAGES, json!({"n": 2}), "n"),
        (CHAT, RESPONSES, json!({"n": 2}), "n"),
        (CHAT, MESSAGES, json!({"logprobs": true}), "logprobs"),
        (CHAT, MESSAGES, json!({"temperature": 1.5}), "temperature"),
        (CHAT, MESSAGES, json!({"seed": 1}), "seed"),
        (CHAT, RESPONSES, json!({"stop": ["x"]}), "stop"),
        (CHAT, MESSAGES, json!({"frequency_penalty": 0.5}), "frequency_penalty"),
        (CHAT, MESSAGES, json!({"logit_bias": {"50": 1}}), "logit_bias"),
        (CHAT, MESSAGES, json!({"response_format": {"type": "json_object"}}), "response_format"),
        (CHAT, MESSAGES, json!({"reasoning_effort": "minimal"}), "reasoning_effort"),
        (CHAT, MESSAGES, json!({"modalities": ["audio"]}), "modalities"),
        (CHAT, MESSAGES, json!({"store": true}), "store"),
        (CHAT, MESSAGES, json!({"brand_new": {"a": 1}}), "brand_new"),
        (CHAT, MESSAGES, json!({"tools": [{"type": "custom", "custom": {"name": "x"}}]}), "tools.0"),
        (
            CHAT,
            MESSAGES,
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]}),
            "messages.0.content.0",
        ),
        (
            CHAT,
            MESSAGES,
            json!({"messages": [{"role": "system", "content": [{"type": "refusal", "refusal": "no"}]}]}),
            "messages.0.content.0",
        ),
        (CHAT, MESSAGES, json!({"messages": [{"role": "user", "content": "a", "name": "Bo"}]}), "messages.0.name"),
        (
            CHAT,
            MESSAGES,
            json!({"messages": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}]}),
            "messages: a system message as turn 1, behind the first",
        ),
        (RESPONSES, CHAT, json!({"previous_response_id": "resp_1"}), "previous_response_id"),
        (RESPONSES, CHAT, json!({"conversation": "c"}), "conversation"),
        (RESPONSES, CHAT, json!({"background": true}), "background"),
        (RESPONSES, CHAT, json!({"tools": [{"type": "web_search"}]}), "tools.0"),
        (RESPONSES, CHAT, json!({"input": [{"type": "item_reference", "id": "x"}]}), "input.0"),
        (RESPONSES, CHAT, json!({"include": ["file_search_call.results"]}), "include.0"),
        (MESSAGES, CHAT, json!({"thinking": {"type": "enabled", "budget_tokens": 1024}}), "thinking"),
        (MESSAGES, CHAT, json!({"top_k": 5}), "top_k"),
        (MESSAGES, CHAT, json!({"mcp_servers": [{"url": "x"}]}), "mcp_servers"),
        (MESSAGES, CHAT, json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}), "tools.0"),
        (
            MESSAGES,
            CHAT,
            json!({"messages": [{"role": "user", "content": [{"type": "document", "source": {}}]}]}),
            "messages.0.content.0",
        ),
    ];
    for (from, to, change, place) in cases {
        let mut body = match from {
            RESPONSES => json!({"model": "m", "input": "hi"}),
            _ => json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]}),
        };
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(said(from, to, &body).unwrap_err(), place, "{body}");
    }
    assert_eq!(
        said(CHAT, MESSAGES, &json!({"model": "m", "messages": [], "PRIVATE text": 1})).unwrap_err(),
        "a member with an odd name"
    );
}

#[test]
fn what_says_nothing_about_the_answer_is_left_out() {
    let body = json!({
        "model": "m", "max_tokens": 5, "cache_control": {"type": "ephemeral"}, "service_tier": "auto",
        "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}], "thinking": {"type": "disabled"},
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}]},
            {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "x"}, {"type": "text", "text": "a"}]},
            {"role": "user", "content": "go on"},
        ],
    });
    let got = said(MESSAGES, CHAT, &body).unwrap();
    assert_eq!(
        got["messages"],
        json!([
            {"role": "system", "content": "s"}, {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "a"}, {"role": "user", "content": "go on"},
        ])
    );
    let body = json!({"model": "m", "input": [{"role": "user", "content": [{"type": "input_text", "text": "Hi"}]},
        {"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "x"}], "previous_response_id": null, "store": true,
        "instructions": "be kind", "include": ["reasoning.encrypted_content"], "reasoning": {"effort": "low", "summary": "auto"}});
    let got = said(RESPONSES, MESSAGES, &body).unwrap();
    assert_eq!(got["messages"], json!([{"role": "user", "content": [{"type": "text", "text": "Hi"}]}]));
    assert_eq!(got["output_config"], json!({"effort": "low"}));
    assert_eq!(got["max_tokens"], json!(crate::MAX_TOKENS_DEFAULT));
}

fn word() -> impl Strategy<Value = String> {
    "[a-zA-Z\u{e9}\u{4e16} {}\"\\\\]{1,12}"
}

fn turn() -> impl Strategy<Value = Vec<Turn>> {
    let image = prop_oneof![
        Just("https://x.example/i.png".to_owned()),
        "[A-Za-z0-9+/]{4,8}".prop_map(|data| format!("data:image/png;base64,{data}")),
    ];
    let shown = prop_oneof![word().prop_map(Shown::Text), image.prop_map(|url| Shown::Image { url, detail: None }),];
    let call = (0u32..1_000, word(), word()).prop_map(|(id, value, result)| {
        let id = format!("call_{id}");
        let arguments = json!({"q": value, "n": 1.5}).to_string();
        vec![Turn::Call { id: id.clone(), name: "tool_a".to_owned(), arguments }, Turn::Result { id, text: result }]
    });
    prop_oneof![
        prop::collection::vec(shown, 1..3).prop_map(|shown| vec![Turn::User(shown)]),
        word().prop_map(|text| vec![Turn::Said(text)]),
        call,
    ]
}

prop_compose! {
    fn talks()(
        system in prop::collection::vec(word(), 0..2),
        turns in prop::collection::vec(turn(), 1..6),
        tool in prop::option::of((word(), any::<bool>())),
        choice in prop::option::of(prop_oneof![Just(Choice::Auto), Just(Choice::Any), Just(Choice::One("tool_a".to_owned()))]),
        parallel in prop::option::of(any::<bool>()),
        temperature in prop::option::of(0.0f64..1.0),
        max_tokens in 1u64..10_000,
        stream in any::<bool>(),
        schema in any::<bool>(),
        user in prop::option::of(word()),
        effort in prop::option::of(prop_oneof![Just("low"), Just("high")]),
    ) -> Talk {
        let mut all: Vec<Turn> = system.into_iter().map(|text| Turn::System { developer: false, text }).collect();
        for turn in turns.into_iter().flatten() {
            // Two turns of a user, one behind the other, are one to messages.
            if matches!((&turn, all.last()), (Turn::User(_), Some(Turn::User(_)))) {
                continue;
            }
            all.push(turn);
        }
        let tools: Vec<Tool> = tool.into_iter().map(|(description, strict)| Tool {
            name: "tool_a".to_owned(),
            description: Some(description),
            parameters: Some(json!({"type": "object", "properties": {"q": {"type": "string"}}})),
            strict: Some(strict),
        }).collect();
        let choice = choice.filter(|_| !tools.is_empty());
        Talk {
            model: "m".to_owned(),
            turns: all,
            parallel: parallel.filter(|_| choice.is_some()),
            choice,
            tools,
            temperature,
            max_tokens: Some(max_tokens),
            stream,
            format: schema.then(|| Format::Schema {
                name: Some(talk::SCHEMA_NAME.to_owned()), schema: json!({"type": "object"}), strict: Some(true), description: None,
            }),
            user,
            effort: effort.map(str::to_owned),
            ..Talk::default()
        }
    }
}

/// What a request means, whatever protocol it went through: tokens at the end are the guard's own wish, a schema's
/// name says nothing.
fn meaning(mut talk: Talk) -> Talk {
    talk.include_usage = false;
    if let Some(Format::Schema { name, .. }) = &mut talk.format {
        *name = None;
    }
    talk
}

proptest! {
    #[test]
    fn there_and_back_the_meaning_is_kept(talk in talks()) {
        for via in [CHAT, RESPONSES, MESSAGES] {
            let body = write(via, &talk).unwrap();
            let back = read(via, Members::of(body, "body").unwrap()).unwrap();
            prop_assert_eq!(meaning(back), meaning(talk.clone()), "{:?}", via);
        }
    }

    #[test]
    fn hostile_requests_never_panic(text in "[\\[\\]{}\":,a-z0-9]{0,100}", value in "[a-z]{0,5}") {
        for (from, to) in [(CHAT, MESSAGES), (RESPONSES, CHAT), (MESSAGES, RESPONSES)] {
            let _ = request(text.as_bytes(), from, to);
            for name in ["messages", "input", "tools", "stop", "tool_choice", "system", "response_format", "text"] {
                let mut body = chat_request();
                body[name] = json!([{"role": value, "type": value, "content": [value]}]);
                let _ = said(from, to, &body);
                body[name] = json!(value);
                let _ = said(from, to, &body);
            }
        }
    }
}
