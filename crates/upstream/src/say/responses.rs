//! Responses. A stream says everything once in deltas and once more in the whole at its end.

use super::{Answer, Delta, Finish, Item, Wire, named_event};
use crate::service::CallError;
use serde_json::{Value, json};

/// Every event of a stream has a number.
#[derive(Default)]
pub(super) struct Responses {
    sequence: u64,
}

impl Responses {
    fn event(&mut self, name: &str, mut data: Value, out: &mut Vec<u8>) {
        if let Some(members) = data.as_object_mut() {
            members.insert("type".to_owned(), json!(name));
            members.insert("sequence_number".to_owned(), json!(self.sequence));
        }
        self.sequence += 1;
        named_event(name, &data, out);
    }
}

impl Wire for Responses {
    fn start(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let begun = body(answer, "in_progress", json!([]), Value::Null);
        self.event("response.created", json!({"response": begun}), out);
        self.event("response.in_progress", json!({"response": begun}), out);
    }

    fn open(&mut self, answer: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) {
        let id = item_id(answer, at, item);
        let (begun, part) = match item {
            Item::Text(_) => (message(&id, "in_progress", json!([])), Some(text_part(""))),
            Item::Refusal(_) => (message(&id, "in_progress", json!([])), Some(refusal_part(""))),
            Item::Reasoning(_) => (json!({"id": id, "type": "reasoning", "summary": []}), None),
            Item::Call { id: call, name, .. } => (call_item(&id, call, name, "", "in_progress"), None),
        };
        self.event("response.output_item.added", json!({"output_index": at, "item": begun}), out);
        if let Some(part) = part {
            let data = json!({"item_id": id, "output_index": at, "content_index": 0, "part": part});
            self.event("response.content_part.added", data, out);
        }
        if matches!(item, Item::Reasoning(_)) {
            let part = json!({"type": "summary_text", "text": ""});
            let data = json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part});
            self.event("response.reasoning_summary_part.added", data, out);
        }
    }

    fn delta(&mut self, answer: &Answer, at: usize, item: &Item, delta: &Delta<'_>, out: &mut Vec<u8>) {
        let id = item_id(answer, at, item);
        let mut data = json!({"item_id": id, "output_index": at, "delta": delta.text});
        let (name, place) = match item {
            Item::Text(_) => ("response.output_text.delta", "content_index"),
            Item::Refusal(_) => ("response.refusal.delta", "content_index"),
            Item::Reasoning(_) => ("response.reasoning_summary_text.delta", "summary_index"),
            Item::Call { .. } => ("response.function_call_arguments.delta", ""),
        };
        if let (Some(members), false) = (data.as_object_mut(), place.is_empty()) {
            members.insert(place.to_owned(), json!(0));
        }
        if let (Some(members), Item::Text(_)) = (data.as_object_mut(), item) {
            members.insert("logprobs".to_owned(), json!(delta.tokens));
        }
        self.event(name, data, out);
    }

    fn close(&mut self, answer: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) -> Result<(), CallError> {
        let id = item_id(answer, at, item);
        match item {
            Item::Text(text) => {
                let data = json!({"item_id": id, "output_index": at, "content_index": 0, "text": text, "logprobs": []});
                self.event("response.output_text.done", data, out);
            }
            Item::Refusal(text) => {
                let data = json!({"item_id": id, "output_index": at, "content_index": 0, "refusal": text});
                self.event("response.refusal.done", data, out);
            }
            Item::Reasoning(text) => {
                let data = json!({"item_id": id, "output_index": at, "summary_index": 0, "text": text});
                self.event("response.reasoning_summary_text.done", data, out);
                let part = json!({"type": "summary_text", "text": text});
                let data = json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part});
                self.event("response.reasoning_summary_part.done", data, out);
            }
            Item::Call { name, arguments, .. } => {
                let data = json!({"item_id": id, "output_index": at, "name": name, "arguments": arguments});
                self.event("response.function_call_arguments.done", data, out);
            }
        }
        let part = match item {
            Item::Text(text) => Some(text_part(text)),
            Item::Refusal(text) => Some(refusal_part(text)),
            _ => None,
        };
        if let Some(part) = part {
            let data = json!({"item_id": id, "output_index": at, "content_index": 0, "part": part});
            self.event("response.content_part.done", data, out);
        }
        let done = json!({"output_index": at, "item": done(answer, at, item)});
        self.event("response.output_item.done", done, out);
        Ok(())
    }

    fn end(&mut self, answer: &Answer, out: &mut Vec<u8>) {
        let name = if incomplete(answer).is_some() { "response.incomplete" } else { "response.completed" };
        self.event(name, json!({"response": complete(answer, &[])}), out);
    }

    fn whole(&self, answer: &Answer) -> Result<Value, CallError> {
        Ok(complete(answer, &answer.tokens))
    }
}

fn incomplete(answer: &Answer) -> Option<&'static str> {
    match answer.finish {
        Finish::Length => Some("max_output_tokens"),
        Finish::Filter => Some("content_filter"),
        Finish::Stop | Finish::Calls => None,
    }
}

fn complete(answer: &Answer, tokens: &[Value]) -> Value {
    let mut items: Vec<Value> = answer.items.iter().enumerate().map(|(at, item)| done(answer, at, item)).collect();
    let first = items.iter_mut().find(|i| i.get("type").and_then(Value::as_str) == Some("message"));
    if let (Some(logprobs), false) = (first.and_then(|i| i.pointer_mut("/content/0/logprobs")), tokens.is_empty()) {
        *logprobs = json!(tokens);
    }
    let status = if incomplete(answer).is_some() { "incomplete" } else { "completed" };
    let usage = json!({
        "input_tokens": answer.usage.input, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": answer.usage.output, "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.usage.input.saturating_add(answer.usage.output),
    });
    body(answer, status, Value::Array(items), usage)
}

fn body(answer: &Answer, status: &str, output: Value, usage: Value) -> Value {
    let details = match (status, incomplete(answer)) {
        ("incomplete", Some(reason)) => json!({"reason": reason}),
        _ => Value::Null,
    };
    json!({
        "id": answer.id, "object": "response", "created_at": answer.created, "status": status, "error": null,
        "incomplete_details": details, "instructions": null, "metadata": {}, "model": answer.model,
        "output": output, "parallel_tool_calls": true, "temperature": null, "tool_choice": "auto", "tools": [],
        "top_p": null, "usage": usage,
    })
}

fn done(answer: &Answer, at: usize, item: &Item) -> Value {
    let id = item_id(answer, at, item);
    match item {
        Item::Text(text) => message(&id, "completed", json!([text_part(text)])),
        Item::Refusal(text) => message(&id, "completed", json!([refusal_part(text)])),
        Item::Reasoning(text) => {
            json!({"id": id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]})
        }
        Item::Call { id: call, name, arguments } => call_item(&id, call, name, arguments, "completed"),
    }
}

fn item_id(answer: &Answer, at: usize, item: &Item) -> String {
    let prefix = match item {
        Item::Text(_) | Item::Refusal(_) => "msg",
        Item::Reasoning(_) => "rs",
        Item::Call { .. } => "fc",
    };
    format!("{prefix}_{}_{at}", answer.id)
}

fn message(id: &str, status: &str, content: Value) -> Value {
    json!({"id": id, "type": "message", "status": status, "role": "assistant", "content": content})
}

fn text_part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn refusal_part(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

fn call_item(id: &str, call: &str, name: &str, arguments: &str, status: &str) -> Value {
    json!({
        "id": id, "type": "function_call", "status": status, "call_id": call, "name": name, "arguments": arguments,
    })
}
