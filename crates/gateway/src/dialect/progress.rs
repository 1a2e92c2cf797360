//! Where a stream that leaves piece by piece stands, so that it can be ended in words that its client understands.

use super::{Dialect, VERDICT_EVENT, data_event, named_event};
use crate::answer;
use crate::problem::Problem;
use bytes::{Bytes, BytesMut};
use seatrial_factory::api::Passed;
use seatrial_upstream::sse::Scanner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The most open choices or blocks that are remembered: what the protocols allow, and more.
const OPEN_MAX: usize = 1_024;

/// A stream's state, as a client that read it so far sees it.
#[derive(Debug)]
pub(crate) struct Progress {
    dialect: Dialect,
    id: String,
    model: String,
    created: i64,
    begun: bool,
    /// Choices, or content blocks, that began and did not end.
    open: BTreeSet<u64>,
    /// The next `sequence_number`.
    sequence: u64,
}

impl Progress {
    /// A stream of which nothing has left. `id` is what its objects are called where the model never said.
    pub(crate) fn new(dialect: Dialect, id: String, model: String, created: i64) -> Self {
        Self { dialect, id, model, created, begun: false, open: BTreeSet::new(), sequence: 0 }
    }

    /// These bytes, whole events, have left.
    pub(crate) fn saw(&mut self, raw: &[u8]) {
        let mut scanner = Scanner::default();
        let mut events = scanner.push(raw).unwrap_or_default();
        events.extend(scanner.finish());
        for event in events {
            if let Ok(data) = serde_json::from_str::<Value>(&event.data) {
                self.event(&data);
            }
        }
    }

    fn event(&mut self, data: &Value) {
        match self.dialect {
            Dialect::Chat => self.chat(data),
            Dialect::Responses => {
                let next = data.get("sequence_number").and_then(Value::as_u64).map(|n| n.saturating_add(1));
                self.sequence = next.unwrap_or(self.sequence).max(self.sequence);
                self.head(data.get("response"), "created_at");
            }
            Dialect::Messages => self.message(data),
        }
    }

    fn chat(&mut self, data: &Value) {
        self.head(Some(data), "created");
        for choice in data.get("choices").and_then(Value::as_array).into_iter().flatten() {
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            if choice.get("finish_reason").is_some_and(Value::is_string) {
                self.open.remove(&index);
            } else if self.open.len() < OPEN_MAX {
                self.open.insert(index);
            }
        }
    }

    fn message(&mut self, data: &Value) {
        let index = data.get("index").and_then(Value::as_u64);
        match data.get("type").and_then(Value::as_str) {
            Some("message_start") => self.head(data.get("message"), "created"),
            Some("content_block_start") if self.open.len() < OPEN_MAX => self.open.extend(index),
            Some("content_block_stop") => drop(index.map(|i| self.open.remove(&i))),
            _ => {}
        }
    }

    fn head(&mut self, object: Option<&Value>, created: &str) {
        let Some(object) = object else { return };
        self.begun = true;
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        self.id = text("id").unwrap_or_else(|| std::mem::take(&mut self.id));
        self.model = text("model").unwrap_or_else(|| std::mem::take(&mut self.model));
        self.created = object.get(created).and_then(Value::as_i64).unwrap_or(self.created);
    }

    fn next(&mut self) -> u64 {
        let now = self.sequence;
        self.sequence = self.sequence.saturating_add(1);
        now
    }

    fn chunk(&self, choices: &Value) -> Value {
        json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": choices,
        })
    }

    /// The event that says what was decided. A client of chat completions that does not know it reads a chunk without
    /// choices.
    pub(crate) fn verdict(&mut self, passed: &Passed) -> Bytes {
        let mut data = match self.dialect {
            Dialect::Chat => self.chunk(&json!([])),
            Dialect::Responses => json!({"type": VERDICT_EVENT, "sequence_number": self.next()}),
            Dialect::Messages => json!({"type": VERDICT_EVENT}),
        };
        if let Some(members) = data.as_object_mut() {
            members.insert("seatrial".to_owned(), answer::seatrial(passed));
        }
        named_event(VERDICT_EVENT, &data)
    }

    /// The event that is an error.
    pub(crate) fn error(&mut self, problem: &Problem, passed: Option<&Passed>, request: &str) -> Bytes {
        let mut data = self.dialect.error_body(problem, passed, request);
        match self.dialect {
            Dialect::Chat => data_event(&data),
            Dialect::Messages => named_event("error", &data),
            Dialect::Responses => {
                // Some clients read the error's own members, others the object `error`.
                let sequence = self.next();
                let message = data.pointer("/error/message").cloned().unwrap_or_default();
                if let Some(members) = data.as_object_mut() {
                    members.insert("type".to_owned(), json!("error"));
                    members.insert("sequence_number".to_owned(), json!(sequence));
                    members.insert("code".to_owned(), json!(problem.code));
                    members.insert("message".to_owned(), message);
                    members.insert("param".to_owned(), Value::Null);
                }
                named_event("error", &data)
            }
        }
    }

    /// The end of a stream of which nothing more may leave: what is open is closed for `content_filter`, then comes
    /// the error.
    pub(crate) fn cut(&mut self, problem: &Problem, passed: Option<&Passed>, request: &str) -> Bytes {
        let mut out = BytesMut::new();
        match self.dialect {
            Dialect::Chat => {
                let mut open = std::mem::take(&mut self.open);
                if !self.begun {
                    open.insert(0);
                }
                for index in open {
                    let end =
                        json!([{"index": index, "delta": {}, "logprobs": null, "finish_reason": "content_filter"}]);
                    out.extend_from_slice(&data_event(&self.chunk(&end)));
                }
            }
            Dialect::Responses if self.begun => {
                let sequence = self.next();
                let response = json!({
                    "id": self.id, "object": "response", "created_at": self.created, "model": self.model,
                    "status": "incomplete", "incomplete_details": {"reason": "content_filter"}, "error": null,
                    "output": [], "parallel_tool_calls": true, "tool_choice": "auto", "tools": [],
                });
                let data = json!({"type": "response.incomplete", "sequence_number": sequence, "response": response});
                out.extend_from_slice(&named_event("response.incomplete", &data));
            }
            Dialect::Messages if self.begun => {
                for index in std::mem::take(&mut self.open) {
                    let data = json!({"type": "content_block_stop", "index": index});
                    out.extend_from_slice(&named_event("content_block_stop", &data));
                }
                let tokens = passed.and_then(|p| p.usage).map_or(0, |u| u.output);
                let data = json!({
                    "type": "message_delta", "delta": {"stop_reason": "refusal", "stop_sequence": null},
                    "usage": {"output_tokens": tokens},
                });
                out.extend_from_slice(&named_event("message_delta", &data));
            }
            Dialect::Responses | Dialect::Messages => {}
        }
        out.extend_from_slice(&self.fail(problem, passed, request));
        out.freeze()
    }

    /// The end of a stream that nobody objected to, and that broke off.
    pub(crate) fn fail(&mut self, problem: &Problem, passed: Option<&Passed>, request: &str) -> Bytes {
        let error = self.error(problem, passed, request);
        match self.dialect {
            Dialect::Chat => [&error, DONE].concat().into(),
            _ => error,
        }
    }
}

/// The end of a stream of chat completions.
pub(crate) const DONE: &[u8] = b"data: [DONE]\n\n";
