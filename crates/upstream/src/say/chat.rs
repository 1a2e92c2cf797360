//! Chat completions.

use super::{Answer, Delta, Finish, Item, Wire};
use crate::service::CallError;
use serde_json::{Value, json};

/// The position of a tool call among the tool calls is its index.
pub(super) struct Chat;

impl Wire for Chat {
    fn start(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        chunk(answer, json!({"role": "assistant", "content": ""}), Value::Null, None, out);
    }

    fn open(&mut self, answer: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) {
        if let Item::Call { id, name, .. } = item {
            let function = json!({"name": name, "arguments": ""});
            let call = json!({"index": index(answer, at), "id": id, "type": "function", "function": function});
            chunk(answer, json!({"tool_calls": [call]}), Value::Null, None, out);
        }
    }

    fn delta(&mut self, answer: &Answer, at: usize, item: &Item, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let said = match item {
            Item::Text(_) => json!({"content": delta.text}),
            Item::Refusal(_) => json!({"refusal": delta.text}),
            Item::Reasoning(_) => json!({"reasoning_content": delta.text}),
            Item::Call { .. } => {
                let call = json!({"index": index(answer, at), "function": {"arguments": delta.text}});
                json!({"tool_calls": [call]})
            }
        };
        let tokens = if delta.tokens.is_empty() { Value::Null } else { json!({"content": delta.tokens}) };
        chunk(answer, said, tokens, None, out);
    }

    fn close(&mut self, _: &Answer, _: usize, _: &Item, _: &mut Vec<u8>) -> Result<(), CallError> {
        Ok(())
    }

    fn end(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        chunk(answer, json!({}), Value::Null, Some(reason(answer)), out);
        if answer.manner.include_usage {
            let mut data = envelope(answer, "chat.completion.chunk", json!([]));
            set(&mut data, "usage", usage(answer));
            event(&data, out);
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
    }

    fn whole(&self, answer: &Answer) -> Result<Value, CallError> {
        let text = |wanted: fn(&Item) -> bool| {
            let found: Vec<&str> = answer.items.iter().filter(|i| wanted(i)).map(Item::text).collect();
            if found.is_empty() { Value::Null } else { Value::String(found.concat()) }
        };
        let refusal = text(|i| matches!(i, Item::Refusal(_)));
        let mut content = text(|i| matches!(i, Item::Text(_)));
        let call = |item: &Item| match item {
            Item::Call { id, name, arguments } => {
                Some(json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}}))
            }
            _ => None,
        };
        let calls: Vec<Value> = answer.items.iter().filter_map(call).collect();
        if content.is_null() && calls.is_empty() && refusal.is_null() {
            content = json!("");
        }
        let mut message = json!({"role": "assistant", "content": content, "refusal": refusal});
        let reasoning = text(|i| matches!(i, Item::Reasoning(_)));
        if !reasoning.is_null() {
            set(&mut message, "reasoning_content", reasoning);
        }
        if !calls.is_empty() {
            set(&mut message, "tool_calls", json!(calls));
        }
        let tokens = if answer.tokens.is_empty() { Value::Null } else { json!({"content": answer.tokens}) };
        let choice = json!({"index": 0, "message": message, "logprobs": tokens, "finish_reason": reason(answer)});
        let mut body = envelope(answer, "chat.completion", json!([choice]));
        set(&mut body, "usage", usage(answer));
        Ok(body)
    }
}

fn index(answer: &Answer, at: usize) -> usize {
    answer.items.iter().take(at).filter(|i| matches!(i, Item::Call { .. })).count()
}

fn reason(answer: &Answer) -> &'static str {
    match answer.finish {
        Finish::Stop => "stop",
        Finish::Length => "length",
        Finish::Calls => "tool_calls",
        Finish::Filter => "content_filter",
    }
}

fn usage(answer: &Answer) -> Value {
    let (input, output) = (answer.usage.input, answer.usage.output);
    json!({"prompt_tokens": input, "completion_tokens": output, "total_tokens": input.saturating_add(output)})
}

fn envelope(answer: &Answer, object: &str, choices: Value) -> Value {
    json!({"id": answer.id, "object": object, "created": answer.created, "model": answer.model, "choices": choices})
}

fn chunk(answer: &Answer, delta: Value, logprobs: Value, reason: Option<&str>, out: &mut Vec<u8>) {
    let choice = json!({"index": 0, "delta": delta, "logprobs": logprobs, "finish_reason": reason});
    event(&envelope(answer, "chat.completion.chunk", json!([choice])), out);
}

fn event(data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("data: {data}\n\n").as_bytes());
}

fn set(value: &mut Value, name: &str, member: Value) {
    if let Some(members) = value.as_object_mut() {
        members.insert(name.to_owned(), member);
    }
}
