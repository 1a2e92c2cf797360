//! The guard's port, answered over HTTP.

use crate::completion::{Completion, Piece, PieceKind};
use crate::openai::{CallError, Fetched, OpenAi};
use crate::raw::RawObject;
use bytes::Bytes;
use seatrial_guard::port::{Ask, AskBody, BoxFuture, Model, ModelError, Protocol, Reply};
use seatrial_guard::{Part, PartKind, TokenLogprob};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An OpenAI-compatible provider behind the guard's port.
#[derive(Debug)]
pub struct OpenAiModel {
    client: OpenAi,
    /// The provider once refused a request because of its schema: it is not sent again. The schema is a help to
    /// the model, the check is the guard's own.
    without_schema: AtomicBool,
}

impl OpenAiModel {
    /// Puts a client behind the port.
    #[must_use]
    pub const fn new(client: OpenAi) -> Self {
        Self { client, without_schema: AtomicBool::new(false) }
    }

    async fn answer(&self, ask: Ask) -> Result<Reply, ModelError> {
        let limit = Duration::from_millis(ask.timeout_ms);
        let begun = Instant::now();
        let with_schema = ask.schema.is_some() && !self.without_schema.load(Ordering::Relaxed);
        let body = request_body(&ask, with_schema)?;
        let mut outcome = self.client.complete(body, limit).await;
        if with_schema
            && matches!(ask.body, AskBody::Messages { .. })
            && matches!(outcome, Err(CallError::Refused { status: 400 | 422, .. }))
        {
            let body = request_body(&ask, false)?;
            outcome = self.client.complete(body, limit.saturating_sub(begun.elapsed())).await;
            if outcome.is_ok() {
                self.without_schema.store(true, Ordering::Relaxed);
            }
        }
        match outcome {
            Ok(fetched) => Ok(reply(fetched)),
            Err(error) => Err(model_error(error, &ask)),
        }
    }
}

impl Model for OpenAiModel {
    fn ask(&self, ask: Ask) -> BoxFuture<'_, Result<Reply, ModelError>> {
        Box::pin(self.answer(ask))
    }
}

/// The bytes to send: a client's own but for the model's name, or the guard's messages.
fn request_body(ask: &Ask, with_schema: bool) -> Result<Bytes, ModelError> {
    match &ask.body {
        AskBody::Raw { protocol: Protocol::OpenAiChat, bytes, .. } => raw_body(ask, bytes),
        AskBody::Raw { .. } => Err(ModelError::Unreachable {
            model: ask.model.clone(),
            status: "this provider speaks chat completions only".to_owned(),
        }),
        AskBody::Messages { messages, .. } => {
            let messages: Vec<Value> = messages.iter().map(|m| json!({"role": m.role, "content": m.content})).collect();
            let mut body = json!({"model": ask.model, "messages": messages});
            if let Some(temperature) = ask.temperature.filter(|t| t.is_finite()) {
                put(&mut body, "temperature", json!(temperature));
            }
            if ask.logprobs {
                put(&mut body, "logprobs", json!(true));
            }
            if let Some(schema) = ask.schema.as_ref().filter(|_| with_schema) {
                let format = json!({"type": "json_schema", "json_schema": {"name": "output", "schema": schema}});
                put(&mut body, "response_format", format);
            }
            Ok(body.to_string().into())
        }
    }
}

fn raw_body(ask: &Ask, bytes: &[u8]) -> Result<Bytes, ModelError> {
    let unreadable = |why: String| ModelError::Unreadable { model: ask.model.clone(), why };
    let mut body = RawObject::parse(bytes).map_err(|e| unreadable(format!("the caller's request: {e}")))?;
    body.set("model", &ask.model).map_err(|e| unreadable(e.to_string()))?;
    if ask.logprobs {
        body.set("logprobs", &true).map_err(|e| unreadable(e.to_string()))?;
    }
    Ok(body.to_bytes().into())
}

fn put(body: &mut Value, name: &str, value: Value) {
    if let Some(members) = body.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn reply(fetched: Fetched) -> Reply {
    let Fetched { chunks, event_stream, completion, attempts } = fetched;
    let Completion { pieces, finish, model, usage, logprobs } = completion;
    let mut ends = Vec::new();
    let mut raw = Vec::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        raw.extend_from_slice(&chunk);
        ends.push(raw.len());
    }
    Reply {
        raw,
        chunks: if event_stream { ends } else { Vec::new() },
        parts: pieces.into_iter().map(part).collect(),
        logprobs: logprobs.into_iter().map(|(token, logprob)| TokenLogprob { token, logprob }).collect(),
        finish_reason: finish.into_iter().next().map(|(_, reason)| reason),
        model,
        usage,
        requests: u64::from(attempts),
    }
}

fn part(piece: Piece) -> Part {
    let kind = match piece.kind {
        PieceKind::Text => PartKind::Text,
        PieceKind::ToolName => PartKind::ToolName,
        PieceKind::ToolArguments => PartKind::ToolArguments,
        PieceKind::Reasoning => PartKind::Reasoning,
        PieceKind::Other => PartKind::Other,
    };
    Part { name: piece.name, kind, text: piece.text }
}

/// What a provider says stays here: it may quote the input.
fn model_error(error: CallError, ask: &Ask) -> ModelError {
    let model = ask.model.clone();
    match error {
        CallError::Unreachable { status } => ModelError::Unreachable { model, status },
        CallError::TimedOut => ModelError::TimedOut { model, timeout_ms: ask.timeout_ms },
        CallError::TooMany { retry_after } => ModelError::Limited {
            model,
            retry_after_ms: retry_after.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)),
        },
        CallError::Refused { status, .. } => ModelError::Rejected { model, status },
        CallError::Unreadable(why) => ModelError::Unreadable { model, why },
    }
}
