//! Chat completions: written, and written again.

use super::choice::{Choice, Tool};
use super::{part, tokens};
use crate::call::Call;
use crate::dialect::{DONE, data_event};
use bytes::Bytes;
use seatrial_factory::api::Passed;
use seatrial_guard::Part;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// A body that says these answers.
pub(super) fn whole(call: &Call, passed: &Passed, created: i64, choices: &[Choice]) -> Value {
    let choices: Vec<Value> = choices.iter().enumerate().map(|(i, c)| choice(passed, i, c)).collect();
    let mut body = json!({
        "id": format!("chatcmpl-{}", passed.decision), "object": "chat.completion", "created": created,
        "model": call.model(), "choices": choices,
    });
    if let (Some(_), Some(members)) = (passed.usage, body.as_object_mut()) {
        members.insert("usage".to_owned(), tokens("prompt_tokens", "completion_tokens", passed));
    }
    body
}

fn choice(passed: &Passed, index: usize, choice: &Choice) -> Value {
    let mut message = json!({"role": "assistant", "content": choice.text, "refusal": choice.refusal});
    if let Some(members) = message.as_object_mut() {
        if let Some(reasoning) = &choice.reasoning {
            members.insert("reasoning_content".to_owned(), json!(reasoning));
        }
        if !choice.tools.is_empty() {
            let call = |(k, t): (usize, &Tool)| {
                json!({"id": format!("call_{}_{index}_{k}", passed.decision), "type": "function",
                    "function": {"name": t.name, "arguments": t.arguments}})
            };
            members.insert("tool_calls".to_owned(), choice.tools.iter().enumerate().map(call).collect());
        }
    }
    let finish = match choice {
        _ if choice.denied => "content_filter",
        _ if !choice.tools.is_empty() => "tool_calls",
        _ => "stop",
    };
    json!({"index": index, "message": message, "logprobs": null, "finish_reason": finish})
}

/// A body as a stream.
pub(super) fn stream(whole: &Value, include_usage: bool) -> Vec<Bytes> {
    let mut base = Map::new();
    for name in ["id", "created", "model", "system_fingerprint", "service_tier"] {
        if let Some(value) = whole.get(name) {
            base.insert(name.to_owned(), value.clone());
        }
    }
    base.insert("object".to_owned(), json!("chat.completion.chunk"));
    let mut ours = whole.get("seatrial").cloned();
    let mut out = Vec::new();
    let mut chunk = |choices: Value, usage: Option<&Value>| {
        let mut members = base.clone();
        members.insert("choices".to_owned(), choices);
        if let Some(usage) = usage {
            members.insert("usage".to_owned(), usage.clone());
        }
        if let Some(ours) = ours.take() {
            members.insert("seatrial".to_owned(), ours);
        }
        out.push(data_event(&Value::Object(members)));
    };
    for choice in whole.get("choices").and_then(Value::as_array).into_iter().flatten() {
        let index = choice.get("index").cloned().unwrap_or_else(|| json!(0));
        let mut delta = |delta: Value, finish: &Value| {
            chunk(json!([{"index": index, "delta": delta, "logprobs": null, "finish_reason": finish}]), None);
        };
        delta(json!({"role": "assistant"}), &Value::Null);
        for said in deltas(choice.get("message").unwrap_or(&Value::Null)) {
            delta(said, &Value::Null);
        }
        delta(json!({}), choice.get("finish_reason").unwrap_or(&Value::Null));
    }
    if include_usage {
        let none = json!({"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0});
        chunk(json!([]), Some(whole.get("usage").filter(|u| u.is_object()).unwrap_or(&none)));
    }
    out.push(Bytes::from_static(DONE));
    out
}

/// What a message says, one delta a member; tools with their places.
fn deltas(message: &Value) -> Vec<Value> {
    let mut out = Vec::new();
    for (name, value) in message.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("role", _) | (_, Value::Null) => {}
            ("tool_calls", Value::Array(calls)) => {
                for (place, call) in calls.iter().enumerate() {
                    let mut call = call.clone();
                    if let Some(members) = call.as_object_mut() {
                        members.insert("index".to_owned(), json!(place));
                    }
                    out.push(json!({"tool_calls": [call]}));
                }
            }
            (_, value) => out.push(Value::Object(Map::from_iter([(name.clone(), value.clone())]))),
        }
    }
    out
}

/// The body that a stream amounts to.
pub(super) fn gathered(events: &[Value]) -> Option<Value> {
    let mut whole = Map::new();
    let mut choices: BTreeMap<u64, Map<String, Value>> = BTreeMap::new();
    for event in events {
        for (name, value) in event.as_object()? {
            match name.as_str() {
                "choices" | "object" => {}
                "usage" if value.is_null() => {}
                _ => drop(whole.insert(name.clone(), value.clone())),
            }
        }
        for choice in event.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            let found = choices.entry(index).or_insert_with(|| {
                Map::from_iter([
                    ("index".to_owned(), json!(index)),
                    ("message".to_owned(), json!({"role": "assistant", "content": null})),
                ])
            });
            if let Some(finish) = choice.get("finish_reason").filter(|f| f.is_string()) {
                found.insert("finish_reason".to_owned(), finish.clone());
            }
            if let (Some(message), Some(delta)) = (found.get_mut("message"), choice.get("delta")) {
                add(message.as_object_mut()?, delta);
            }
        }
    }
    whole.insert("object".to_owned(), json!("chat.completion"));
    whole.insert("choices".to_owned(), choices.into_values().map(Value::Object).collect());
    Some(Value::Object(whole))
}

/// Adds a delta to a message. What is neither text nor a tool's call is left out.
fn add(message: &mut Map<String, Value>, delta: &Value) {
    for (name, value) in delta.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("content" | "refusal" | "reasoning" | "reasoning_content", Value::String(text)) => {
                append(message, name, text)
            }
            ("tool_calls", Value::Array(calls)) => {
                let Some(all) = message.entry("tool_calls").or_insert_with(|| json!([])).as_array_mut() else {
                    continue;
                };
                for call in calls {
                    // Without its place, a call cannot be told from the one before; reading it again shows that.
                    let place = call.get("index").and_then(Value::as_u64).unwrap_or(0);
                    let Ok(place) = usize::try_from(place) else { continue };
                    if place > all.len() {
                        continue;
                    }
                    if place == all.len() {
                        all.push(json!({"type": "function", "function": {"name": "", "arguments": ""}}));
                    }
                    if let Some(found) = all.get_mut(place) {
                        add_call(found, call);
                    }
                }
            }
            _ => {}
        }
    }
}

fn add_call(found: &mut Value, call: &Value) {
    if let (Some(members), Some(id)) = (found.as_object_mut(), call.get("id").filter(|id| id.is_string())) {
        members.insert("id".to_owned(), id.clone());
    }
    let said = call.get("function").and_then(Value::as_object);
    if let Some(function) = found.get_mut("function").and_then(Value::as_object_mut) {
        for (name, value) in said.into_iter().flatten() {
            if let Some(text) = value.as_str() {
                append(function, name, text);
            }
        }
    }
}

fn append(members: &mut Map<String, Value>, name: &str, text: &str) {
    match members.get_mut(name) {
        Some(Value::String(found)) => found.push_str(text),
        _ => drop(members.insert(name.to_owned(), json!(text))),
    }
}

/// Puts these parts in the places of those that stand there. Log-probabilities quote the text: they do not stay.
pub(super) fn rewrite(whole: &mut Value, parts: &[Part]) {
    for (position, choice) in whole.get_mut("choices").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        let index = choice.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
        let name = |below: &str| format!("choices.{index}.{below}");
        let Some(choice) = choice.as_object_mut() else { continue };
        choice.insert("logprobs".to_owned(), Value::Null);
        let Some(message) = choice.get_mut("message").and_then(Value::as_object_mut) else { continue };
        for (member, below) in [
            ("content", "text"),
            ("refusal", "refusal"),
            ("reasoning", "reasoning"),
            ("reasoning_content", "reasoning"),
        ] {
            match (message.get(member), part(parts, &name(below))) {
                (None | Some(Value::Null), _) => {}
                // Providers that write both fields of reasoning repeat the text; one of them stays.
                (_, Some(_)) if member == "reasoning_content" && message.contains_key("reasoning") => {
                    message.remove(member);
                }
                (_, Some(text)) => drop(message.insert(member.to_owned(), json!(text))),
                (_, None) => drop(message.remove(member)),
            }
        }
        for (k, call) in message.get_mut("tool_calls").and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
            let Some(function) = call.get_mut("function").and_then(Value::as_object_mut) else { continue };
            for below in ["name", "arguments"] {
                if let Some(text) = part(parts, &name(&format!("tool_calls.{k}.{below}"))) {
                    function.insert(below.to_owned(), json!(text));
                }
            }
        }
        message.retain(|name, _| KNOWN.contains(&name.as_str()));
    }
}

/// Members of a message that are written again; others might quote what was changed.
const KNOWN: [&str; 7] =
    ["role", "content", "refusal", "reasoning", "reasoning_content", "tool_calls", "function_call"];
