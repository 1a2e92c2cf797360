//! Messages: written, and written again.

use super::choice::Choice;
use super::part;
use crate::call::Call;
use crate::dialect::named_event;
use bytes::Bytes;
use seatrial_factory::api::Passed;
use seatrial_guard::Part;
use serde_json::{Map, Value, json};

/// A message that says the first of these answers; none where a tool's arguments are no object. Thinking that the
/// service did not sign is of no use to a client, so it is left out.
pub(super) fn whole(call: &Call, passed: &Passed, choices: &[Choice]) -> Option<Value> {
    let none = Choice::default();
    let choice = choices.first().unwrap_or(&none);
    let mut content = Vec::new();
    for text in [&choice.text, &choice.refusal].into_iter().flatten() {
        content.push(json!({"type": "text", "text": text}));
    }
    for (k, tool) in choice.tools.iter().enumerate() {
        let input: Map<String, Value> = serde_json::from_str(&tool.arguments).ok()?;
        let id = format!("toolu_{}_{k}", passed.decision);
        content.push(json!({"type": "tool_use", "id": id, "name": tool.name, "input": input}));
    }
    let stop = match choice {
        _ if choice.denied || choice.refusal.is_some() => "refusal",
        _ if !choice.tools.is_empty() => "tool_use",
        _ => "end_turn",
    };
    let usage = passed.usage.unwrap_or_default();
    Some(json!({
        "id": format!("msg_{}", passed.decision), "type": "message", "role": "assistant", "model": call.model(),
        "content": content, "stop_reason": stop, "stop_sequence": null,
        "usage": {"input_tokens": usage.input, "output_tokens": usage.output},
    }))
}

/// A message as a stream.
pub(super) fn stream(whole: &Value) -> Vec<Bytes> {
    let mut out = Vec::new();
    let mut event = |name: &str, mut data: Value| {
        if let Some(members) = data.as_object_mut() {
            members.insert("type".to_owned(), json!(name));
        }
        out.push(named_event(name, &data));
    };
    let mut start = whole.clone();
    if let Some(members) = start.as_object_mut() {
        members.insert("content".to_owned(), json!([]));
        members.insert("stop_reason".to_owned(), Value::Null);
        members.insert("stop_sequence".to_owned(), Value::Null);
    }
    event("message_start", json!({"message": start}));
    for (index, block) in whole.get("content").and_then(Value::as_array).into_iter().flatten().enumerate() {
        let (begun, deltas) = block_in_pieces(block);
        event("content_block_start", json!({"index": index, "content_block": begun}));
        for delta in deltas {
            event("content_block_delta", json!({"index": index, "delta": delta}));
        }
        event("content_block_stop", json!({"index": index}));
    }
    let member = |name: &str| whole.get(name).cloned().unwrap_or(Value::Null);
    let usage = match member("usage") {
        usage @ Value::Object(_) => usage,
        _ => json!({"output_tokens": 0}),
    };
    let delta = json!({"stop_reason": member("stop_reason"), "stop_sequence": member("stop_sequence")});
    event("message_delta", json!({"delta": delta, "usage": usage}));
    event("message_stop", json!({}));
    out
}

/// A block as it begins, and what is added to it.
fn block_in_pieces(block: &Value) -> (Value, Vec<Value>) {
    let mut begun = block.clone();
    let mut deltas = Vec::new();
    let kind = block.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(members) = begun.as_object_mut() else { return (begun, deltas) };
    let mut put = |name: &str, empty: Value, delta: fn(Value) -> Value| {
        if let Some(value) = members.insert(name.to_owned(), empty) {
            deltas.push(delta(value));
        }
    };
    match kind {
        "text" => put("text", json!(""), |text| json!({"type": "text_delta", "text": text})),
        "thinking" => {
            put("thinking", json!(""), |text| json!({"type": "thinking_delta", "thinking": text}));
            put("signature", json!(""), |text| json!({"type": "signature_delta", "signature": text}));
        }
        "tool_use" => {
            put("input", json!({}), |input| json!({"type": "input_json_delta", "partial_json": input.to_string()}))
        }
        _ => {}
    }
    (begun, deltas)
}

/// The message that a stream amounts to.
pub(super) fn gathered(events: &[Value]) -> Option<Value> {
    let mut whole: Option<Map<String, Value>> = None;
    let mut blocks: Vec<(u64, Map<String, Value>, String)> = Vec::new();
    for event in events {
        let index = event.get("index").and_then(Value::as_u64);
        match event.get("type").and_then(Value::as_str)? {
            "message_start" => whole = Some(event.get("message")?.as_object()?.clone()),
            "content_block_start" => {
                blocks.push((index?, event.get("content_block")?.as_object()?.clone(), String::new()));
            }
            "content_block_delta" => {
                let (_, block, input) = blocks.iter_mut().rev().find(|(i, ..)| Some(*i) == index)?;
                add(block, input, event.get("delta")?)?;
            }
            "message_delta" => {
                let whole = whole.as_mut()?;
                whole.extend(event.get("delta")?.as_object()?.clone());
                let usage = event.get("usage").and_then(Value::as_object).cloned().unwrap_or_default();
                if let Some(found) = whole.get_mut("usage").and_then(Value::as_object_mut) {
                    found.extend(usage);
                }
            }
            "content_block_stop" | "message_stop" | "ping" => {}
            _ => return None,
        }
    }
    let mut content = Vec::with_capacity(blocks.len());
    for (_, mut block, input) in blocks {
        if !input.is_empty() {
            block.insert("input".to_owned(), serde_json::from_str(&input).ok()?);
        }
        content.push(Value::Object(block));
    }
    let mut whole = whole?;
    whole.insert("content".to_owned(), Value::Array(content));
    Some(Value::Object(whole))
}

/// Adds a delta to a block; none where it is one that this version does not know.
fn add(block: &mut Map<String, Value>, input: &mut String, delta: &Value) -> Option<()> {
    let text = |name: &str| delta.get(name).and_then(Value::as_str);
    let name = match delta.get("type").and_then(Value::as_str)? {
        "text_delta" => "text",
        "thinking_delta" => "thinking",
        "signature_delta" => "signature",
        "input_json_delta" => {
            input.push_str(text("partial_json")?);
            return Some(());
        }
        _ => return None,
    };
    let mut all = block.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    all.push_str(text(name)?);
    block.insert(name.to_owned(), Value::String(all));
    Some(())
}

/// Puts these parts in the places of those that stand there: the text in the first block of text, the arguments in
/// their tools. Thinking that was changed is no longer what was signed, and citations quote: they do not stay.
pub(super) fn rewrite(whole: &mut Value, parts: &[Part]) {
    let Some(content) = whole.get_mut("content").and_then(Value::as_array_mut) else { return };
    let kind = |block: &Value| block.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let said = |of: &str, member: &str| -> String {
        let of = content.iter().filter(|b| kind(b) == of);
        of.filter_map(|b| b.get(member).and_then(Value::as_str)).collect()
    };
    let mut text = part(parts, "choices.0.text").filter(|text| *text != said("text", "text"));
    let same_text = text.is_none();
    let same_thinking = part(parts, "choices.0.reasoning").is_none_or(|t| t == said("thinking", "thinking"));
    content.retain(|block| match kind(block).as_str() {
        "thinking" | "redacted_thinking" => same_thinking,
        "text" | "tool_use" => true,
        _ => same_text,
    });
    let mut tools = 0_usize;
    for block in content.iter_mut() {
        let kind = kind(block);
        let Some(members) = block.as_object_mut() else { continue };
        match kind.as_str() {
            "text" if !same_text => {
                members.remove("citations");
                members.insert("text".to_owned(), json!(text.take().unwrap_or_default()));
            }
            "tool_use" => {
                let input = part(parts, &format!("choices.0.tool_calls.{tools}.arguments"));
                if let Some(input) = input.and_then(|text| serde_json::from_str::<Value>(text).ok()) {
                    members.insert("input".to_owned(), input);
                }
                tools = tools.saturating_add(1);
            }
            _ => {}
        }
    }
    // A text that is empty would be refused, were it sent back as history.
    content.retain(|block| kind(block) != "text" || block.get("text") != Some(&json!("")) || same_text);
}
