//! Messages.

use super::{Answer, Delta, Finish, Item, Wire, named_event, unsayable};
use crate::service::CallError;
use serde_json::{Value, json};

pub(super) struct Messages;

impl Wire for Messages {
    fn start(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let mut message = envelope(answer, json!([]));
        if let Some(members) = message.as_object_mut() {
            members.insert("stop_reason".to_owned(), Value::Null);
            // What the provider says about its tokens comes at the end.
            members.insert("usage".to_owned(), json!({"input_tokens": 0, "output_tokens": 0}));
        }
        named_event("message_start", &json!({"type": "message_start", "message": message}), out);
    }

    fn open(&mut self, _: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) {
        let block = match item {
            Item::Text(_) | Item::Refusal(_) => json!({"type": "text", "text": ""}),
            Item::Reasoning(_) => json!({"type": "thinking", "thinking": "", "signature": ""}),
            Item::Call { id, name, .. } => json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
        };
        let data = json!({"type": "content_block_start", "index": at, "content_block": block});
        named_event("content_block_start", &data, out);
    }

    fn delta(&mut self, _: &Answer, at: usize, item: &Item, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let said = match item {
            Item::Text(_) | Item::Refusal(_) => json!({"type": "text_delta", "text": delta.text}),
            Item::Reasoning(_) => json!({"type": "thinking_delta", "thinking": delta.text}),
            Item::Call { .. } => json!({"type": "input_json_delta", "partial_json": delta.text}),
        };
        let data = json!({"type": "content_block_delta", "index": at, "delta": said});
        named_event("content_block_delta", &data, out);
    }

    fn close(&mut self, _: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) -> Result<(), CallError> {
        if let Item::Call { arguments, .. } = item {
            input(arguments)?;
        }
        named_event("content_block_stop", &json!({"type": "content_block_stop", "index": at}), out);
        Ok(())
    }

    fn end(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let delta = json!({"stop_reason": reason(answer), "stop_sequence": null});
        let data = json!({"type": "message_delta", "delta": delta, "usage": usage(answer)});
        named_event("message_delta", &data, out);
        named_event("message_stop", &json!({"type": "message_stop"}), out);
    }

    fn whole(&self, answer: &Answer) -> Result<Value, CallError> {
        let mut blocks = Vec::new();
        for item in &answer.items {
            blocks.push(match item {
                Item::Text(text) | Item::Refusal(text) => json!({"type": "text", "text": text}),
                Item::Reasoning(text) => json!({"type": "thinking", "thinking": text, "signature": ""}),
                Item::Call { id, name, arguments } => {
                    json!({"type": "tool_use", "id": id, "name": name, "input": input(arguments)?})
                }
            });
        }
        Ok(envelope(answer, Value::Array(blocks)))
    }
}

/// A tool's input is an object here: text that is none cannot be said.
fn input(arguments: &str) -> Result<Value, CallError> {
    if arguments.trim().is_empty() {
        return Ok(json!({}));
    }
    let value = crate::json::parse(arguments.as_bytes()).ok().filter(Value::is_object);
    value.ok_or_else(|| unsayable("arguments of a tool that are no JSON object"))
}

fn reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Filter => "refusal",
        _ if answer.items.iter().any(|i| matches!(i, Item::Refusal(_))) => "refusal",
        Finish::Stop => "end_turn",
        Finish::Length => "max_tokens",
        Finish::Calls => "tool_use",
    }
}

fn usage(answer: &Answer) -> Value {
    json!({"input_tokens": answer.usage.input, "output_tokens": answer.usage.output})
}

fn envelope(answer: &Answer, content: Value) -> Value {
    json!({
        "id": answer.id, "type": "message", "role": "assistant", "model": answer.model, "content": content,
        "stop_reason": reason(answer), "stop_sequence": null, "usage": usage(answer),
    })
}
