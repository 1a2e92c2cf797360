//! Responses: written, and written again.

use super::choice::Choice;
use super::part;
use crate::call::Call;
use crate::dialect::named_event;
use bytes::Bytes;
use seatrial_factory::api::Passed;
use seatrial_guard::Part;
use serde_json::{Value, json};

/// Members of a request that its response repeats, and what they are where the request does not say.
const ECHOED: [(&str, &str); 11] = [
    ("instructions", "null"),
    ("max_output_tokens", "null"),
    ("metadata", "{}"),
    ("parallel_tool_calls", "true"),
    ("previous_response_id", "null"),
    ("reasoning", "null"),
    ("temperature", "null"),
    ("text", "{\"format\":{\"type\":\"text\"}}"),
    ("tool_choice", "\"auto\""),
    ("tools", "[]"),
    ("top_p", "null"),
];

/// A response that says the first of these answers.
pub(super) fn whole(call: &Call, passed: &Passed, created: i64, choices: &[Choice]) -> Value {
    let none = Choice::default();
    let choice = choices.first().unwrap_or(&none);
    let usage = passed.usage.unwrap_or_default();
    let mut body = json!({
        "id": format!("resp_{}", passed.decision), "object": "response", "created_at": created,
        "status": if choice.denied { "incomplete" } else { "completed" }, "error": null,
        "incomplete_details": if choice.denied { json!({"reason": "content_filter"}) } else { Value::Null },
        "model": call.model(), "output": items(passed, choice),
        "usage": {
            "input_tokens": usage.input, "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": usage.output, "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": usage.input.saturating_add(usage.output),
        },
    });
    if let Some(members) = body.as_object_mut() {
        for (name, usual) in ECHOED {
            let said = call.member(name).and_then(|raw| serde_json::from_str(raw).ok());
            let value = said.or_else(|| serde_json::from_str(usual).ok()).unwrap_or(Value::Null);
            members.insert(name.to_owned(), value);
        }
    }
    body
}

fn items(passed: &Passed, choice: &Choice) -> Vec<Value> {
    let id = passed.decision;
    let mut items = Vec::new();
    if let Some(reasoning) = &choice.reasoning {
        let summary = json!([{"type": "summary_text", "text": reasoning}]);
        items.push(json!({"type": "reasoning", "id": format!("rs_{id}"), "summary": summary}));
    }
    let mut content = Vec::new();
    if let Some(text) = &choice.text {
        content.push(json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []}));
    }
    if let Some(refusal) = &choice.refusal {
        content.push(json!({"type": "refusal", "refusal": refusal}));
    }
    if !content.is_empty() {
        items.push(json!({
            "type": "message", "id": format!("msg_{id}"), "status": "completed", "role": "assistant", "content": content,
        }));
    }
    for (k, tool) in choice.tools.iter().enumerate() {
        items.push(json!({
            "type": "function_call", "id": format!("fc_{id}_{k}"), "call_id": format!("call_{id}_{k}"),
            "name": tool.name, "arguments": tool.arguments, "status": "completed",
        }));
    }
    items
}

/// The events of a stream, numbered.
struct Events {
    out: Vec<Bytes>,
    next: u64,
}

impl Events {
    fn add(&mut self, name: &str, mut data: Value) {
        if let Some(members) = data.as_object_mut() {
            members.insert("type".to_owned(), json!(name));
            members.insert("sequence_number".to_owned(), json!(self.next));
        }
        self.next = self.next.saturating_add(1);
        self.out.push(named_event(name, &data));
    }
}

/// A response as a stream.
pub(super) fn stream(whole: &Value) -> Vec<Bytes> {
    let mut events = Events { out: Vec::new(), next: 0 };
    let begun = with(
        whole,
        [
            ("status", json!("in_progress")),
            ("output", json!([])),
            ("usage", Value::Null),
            ("incomplete_details", Value::Null),
        ],
    );
    events.add("response.created", json!({"response": begun}));
    events.add("response.in_progress", json!({"response": begun}));
    for (place, item) in whole.get("output").and_then(Value::as_array).into_iter().flatten().enumerate() {
        one_item(&mut events, place, item);
    }
    let end = match whole.get("status").and_then(Value::as_str) {
        Some("incomplete") => "response.incomplete",
        Some("failed") => "response.failed",
        _ => "response.completed",
    };
    events.add(end, json!({"response": whole}));
    events.out
}

fn one_item(events: &mut Events, place: usize, item: &Value) {
    let id = item.get("id").cloned().unwrap_or_else(|| json!(""));
    let begun = match item.get("type").and_then(Value::as_str) {
        Some("message") => with(item, [("status", json!("in_progress")), ("content", json!([]))]),
        Some("function_call") => with(item, [("status", json!("in_progress")), ("arguments", json!(""))]),
        Some("reasoning") => with(item, [("summary", json!([]))]),
        _ => item.clone(),
    };
    events.add("response.output_item.added", json!({"output_index": place, "item": begun}));
    let at = |name: &str, index: usize, more: Value| {
        let mut data = json!({"item_id": id, "output_index": place, name: index});
        if let (Some(members), Value::Object(more)) = (data.as_object_mut(), more) {
            members.extend(more);
        }
        data
    };
    let list = |name: &str| item.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    match item.get("type").and_then(Value::as_str) {
        Some("message") => {
            for (index, content) in list("content").iter().enumerate() {
                let (kind, member) = match content.get("type").and_then(Value::as_str) {
                    Some("refusal") => ("response.refusal", "refusal"),
                    _ => ("response.output_text", "text"),
                };
                let text = content.get(member).cloned().unwrap_or_else(|| json!(""));
                let empty = with(content, [(member, json!(""))]);
                events.add("response.content_part.added", at("content_index", index, json!({"part": empty})));
                let mut delta = at("content_index", index, json!({"delta": text}));
                let mut done = at("content_index", index, json!({member: text}));
                if member == "text" {
                    delta = with(&delta, [("logprobs", json!([]))]);
                    done = with(&done, [("logprobs", json!([]))]);
                }
                events.add(&format!("{kind}.delta"), delta);
                events.add(&format!("{kind}.done"), done);
                events.add("response.content_part.done", at("content_index", index, json!({"part": content})));
            }
        }
        Some("function_call") => {
            let text = item.get("arguments").cloned().unwrap_or_else(|| json!(""));
            let name = item.get("name").cloned().unwrap_or(Value::Null);
            let here = json!({"item_id": id, "output_index": place});
            let kind = "response.function_call_arguments";
            events.add(&format!("{kind}.delta"), with(&here, [("delta", text.clone())]));
            events.add(&format!("{kind}.done"), with(&here, [("name", name), ("arguments", text)]));
        }
        Some("reasoning") => {
            for (index, summary) in list("summary").iter().enumerate() {
                let text = summary.get("text").cloned().unwrap_or_else(|| json!(""));
                let empty = with(summary, [("text", json!(""))]);
                let kind = "response.reasoning_summary";
                events.add(&format!("{kind}_part.added"), at("summary_index", index, json!({"part": empty})));
                events.add(&format!("{kind}_text.delta"), at("summary_index", index, json!({"delta": text})));
                events.add(&format!("{kind}_text.done"), at("summary_index", index, json!({"text": text})));
                events.add(&format!("{kind}_part.done"), at("summary_index", index, json!({"part": summary})));
            }
        }
        _ => {}
    }
    events.add("response.output_item.done", json!({"output_index": place, "item": item}));
}

/// An object with other values in some of its members.
fn with<const N: usize>(object: &Value, members: [(&str, Value); N]) -> Value {
    let mut out = object.as_object().cloned().unwrap_or_default();
    out.extend(members.into_iter().map(|(name, value)| (name.to_owned(), value)));
    Value::Object(out)
}

/// The response that a stream amounts to: its last event repeats all of it.
pub(super) fn gathered(events: &[Value]) -> Option<Value> {
    let ended = |e: &&Value| {
        let kind = e.get("type").and_then(Value::as_str);
        matches!(kind, Some("response.completed" | "response.incomplete" | "response.failed"))
    };
    events.iter().rev().find(ended)?.get("response").cloned()
}

/// Puts these parts in the places of those that stand there. Log-probabilities and annotations quote the text: they do
/// not stay where it was changed, and neither does `output_text`, which repeats it.
pub(super) fn rewrite(whole: &mut Value, parts: &[Part]) {
    if let Some(members) = whole.as_object_mut() {
        members.remove("output_text");
    }
    let Some(output) = whole.get_mut("output").and_then(Value::as_array_mut) else { return };
    let mut text = part(parts, "choices.0.text");
    let mut refusal = part(parts, "choices.0.refusal");
    let mut tools = 0_usize;
    output.retain(|item| matches!(kind(item), "message" | "function_call" | "custom_tool_call"));
    for item in output.iter_mut() {
        let kind = kind(item).to_owned();
        let Some(members) = item.as_object_mut() else { continue };
        if kind == "message" {
            for content in members.get_mut("content").and_then(Value::as_array_mut).into_iter().flatten() {
                rewrite_content(content, &mut text, &mut refusal);
            }
            continue;
        }
        let member = if kind == "function_call" { "arguments" } else { "input" };
        if let Some(text) = part(parts, &format!("choices.0.tool_calls.{tools}.arguments")) {
            members.insert(member.to_owned(), json!(text));
        }
        tools = tools.saturating_add(1);
    }
}

/// All of the text goes where text stands first, and nothing where it goes on.
fn rewrite_content(content: &mut Value, text: &mut Option<&str>, refusal: &mut Option<&str>) {
    let kind = kind(content).to_owned();
    let Some(members) = content.as_object_mut() else { return };
    match kind.as_str() {
        "output_text" => {
            members.insert("text".to_owned(), json!(text.take().unwrap_or_default()));
            members.insert("annotations".to_owned(), json!([]));
            members.insert("logprobs".to_owned(), json!([]));
        }
        "refusal" => drop(members.insert("refusal".to_owned(), json!(refusal.take().unwrap_or_default()))),
        _ => {}
    }
}

fn kind(value: &Value) -> &str {
    value.get("type").and_then(Value::as_str).unwrap_or_default()
}
