//! Reading an OpenAI chat completion, whole or streamed, into the parts that have to be inspected.
//!
//! Everything a client could show or act on becomes a part: text, refusals, reasoning, names and arguments of
//! tool calls, and, as `other`, every member that this version does not know. What is read twice differently
//! (duplicate members) is refused rather than guessed.

use crate::sse::SseEvent;
use seatrial_model::event::Usage;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most choices of one reply: what the protocol allows to ask for.
pub const CHOICES_MAX: usize = 128;

/// The most tool calls of one choice: agents send tens.
pub const TOOL_CALLS_MAX: usize = 512;

/// The most token log-probabilities kept: beyond this a field's confidence is not read from them.
pub const LOGPROBS_MAX: usize = 65_536;

/// Which kind of part it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PieceKind {
    /// What is shown: content or refusal.
    Text,
    /// The name of a tool that is to be called.
    ToolName,
    /// The arguments of a tool call.
    ToolArguments,
    /// Reasoning.
    Reasoning,
    /// A member that this version does not know, as JSON.
    Other,
}

/// A part of a reply. Its name holds positions only, never text of the model.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Piece {
    /// `choices.0.text`, `choices.0.tool_calls.1.arguments`, `choices.0.reasoning`, `choices.0.other`.
    pub name: String,
    /// Which kind.
    pub kind: PieceKind,
    /// The text.
    pub text: String,
}

/// A reply, read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Completion {
    /// Its parts.
    pub pieces: Vec<Piece>,
    /// Why each choice ended, by its index.
    pub finish: Vec<(u64, String)>,
    /// The model's name as it answered.
    pub model: Option<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Tokens of the first choice with their log-probabilities.
    pub logprobs: Vec<(String, f64)>,
}

/// Why a reply cannot be read; then nothing of it may leave. No variant quotes the reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not what the protocol says.
    #[error("the model's reply is not a chat completion: {0}")]
    NotACompletion(String),
    /// It is an error in a successful response, with this code.
    #[error("the model's reply is an error (`{0}`), although its status says success")]
    IsAnError(String),
    /// The stream ended before every choice had.
    #[error("the model's stream ended before its answer was complete")]
    Cut,
    /// It holds more than is read.
    #[error("the model's reply holds more than `{max}` {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

#[derive(Deserialize)]
struct Wire {
    #[serde(default)]
    choices: Option<Vec<WireChoice>>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    usage: Option<WireUsage>,
    #[serde(default)]
    error: Option<Value>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

/// Members beside `choices` that hold no text of the model.
const ENVELOPE: [&str; 7] =
    ["id", "object", "created", "system_fingerprint", "service_tier", "timings", "prompt_filter_results"];

#[derive(Deserialize)]
struct WireChoice {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    message: Option<Message>,
    #[serde(default)]
    delta: Option<Message>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    logprobs: Option<WireLogprobs>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    #[expect(dead_code, reason = "named so that it does not count as unknown")]
    role: Option<String>,
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCall>>,
    #[serde(default)]
    function_call: Option<Function>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct ToolCall {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default, rename = "type")]
    #[expect(dead_code, reason = "named so that it does not count as unknown")]
    kind: Option<String>,
    #[serde(default)]
    function: Option<Function>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

#[derive(Deserialize)]
struct Function {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Option<Value>,
}

#[derive(Deserialize)]
struct WireUsage {
    #[serde(default)]
    prompt_tokens: Option<u64>,
    #[serde(default)]
    completion_tokens: Option<u64>,
}

#[derive(Deserialize)]
struct WireLogprobs {
    #[serde(default)]
    content: Option<Vec<WireToken>>,
}

#[derive(Deserialize)]
struct WireToken {
    token: String,
    logprob: f64,
}

/// Reads a whole (not streamed) reply.
///
/// # Errors
/// [`ReadError`]; then nothing of it may leave.
pub fn read_body(body: &[u8]) -> Result<Completion, ReadError> {
    let mut reader = Reader::default();
    reader.take(body)?;
    if reader.choices.is_empty() {
        return Err(ReadError::NotACompletion("it has no `choices`".to_owned()));
    }
    Ok(reader.end())
}

/// Puts a streamed reply together from its events.
#[derive(Debug, Default)]
pub struct StreamReader {
    reader: Reader,
}

impl StreamReader {
    /// Takes the next event. `[DONE]` says nothing, and what follows it is read like the rest: some client would.
    ///
    /// # Errors
    /// [`ReadError`]; then nothing of the stream may leave.
    pub fn event(&mut self, event: &SseEvent) -> Result<(), ReadError> {
        let data = event.data.trim();
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        self.reader.take(data.as_bytes())
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// [`ReadError::Cut`] where a choice has not ended, or none ever began.
    pub fn finish(self) -> Result<Completion, ReadError> {
        if self.reader.choices.is_empty() || self.reader.choices.values().any(|c| c.finish.is_none()) {
            return Err(ReadError::Cut);
        }
        Ok(self.reader.end())
    }
}

#[derive(Debug, Default)]
struct Reader {
    choices: BTreeMap<u64, Choice>,
    model: Option<String>,
    usage: Option<Usage>,
    logprobs: Vec<(String, f64)>,
    other: String,
}

#[derive(Debug, Default)]
struct Choice {
    text: String,
    refusal: String,
    reasoning: String,
    tools: BTreeMap<u64, Tool>,
    other: String,
    finish: Option<String>,
}

#[derive(Debug, Default)]
struct Tool {
    id: Option<String>,
    name: String,
    arguments: String,
}

impl Reader {
    fn take(&mut self, json: &[u8]) -> Result<(), ReadError> {
        if crate::raw::depth(json) > crate::raw::DEPTH_MAX {
            return Err(ReadError::NotACompletion("it nests too deep".to_owned()));
        }
        let wire: Wire = serde_json::from_slice(json).map_err(|e| ReadError::NotACompletion(place(&e)))?;
        if let Some(error) = wire.error.filter(|e| !e.is_null()) {
            return Err(ReadError::IsAnError(error_code(&error)));
        }
        if let Some(model) = wire.model.filter(|m| !m.is_empty()) {
            self.model = Some(model.chars().take(200).collect());
        }
        if let Some(usage) = wire.usage {
            self.usage =
                Some(Usage { input: usage.prompt_tokens.unwrap_or(0), output: usage.completion_tokens.unwrap_or(0) });
        }
        let mut other = wire.other;
        other.retain(|name, _| !ENVELOPE.contains(&name.as_str()));
        unknown(&mut self.other, &other);
        for (position, choice) in wire.choices.unwrap_or_default().into_iter().enumerate() {
            self.choice(position as u64, choice)?;
        }
        Ok(())
    }

    fn choice(&mut self, position: u64, wire: WireChoice) -> Result<(), ReadError> {
        let index = wire.index.unwrap_or(position);
        if !self.choices.contains_key(&index) && self.choices.len() == CHOICES_MAX {
            return Err(ReadError::TooMany { what: "choices", max: CHOICES_MAX });
        }
        let choice = self.choices.entry(index).or_default();
        if let Some(reason) = wire.finish_reason {
            choice.finish = Some(reason.chars().take(80).collect());
        }
        if index == 0
            && let Some(tokens) = wire.logprobs.and_then(|l| l.content)
        {
            if self.logprobs.len().saturating_add(tokens.len()) > LOGPROBS_MAX {
                return Err(ReadError::TooMany { what: "log-probabilities", max: LOGPROBS_MAX });
            }
            self.logprobs.extend(tokens.into_iter().map(|t| (t.token, t.logprob)));
        }
        unknown(&mut choice.other, &wire.other);
        for message in [wire.message, wire.delta].into_iter().flatten() {
            choice.message(message)?;
        }
        Ok(())
    }

    fn end(self) -> Completion {
        let mut out =
            Completion { model: self.model, usage: self.usage, logprobs: self.logprobs, ..Completion::default() };
        for (index, choice) in self.choices {
            if let Some(reason) = &choice.finish {
                out.finish.push((index, reason.clone()));
            }
            choice.pieces(index, &mut out.pieces);
        }
        if !self.other.is_empty() {
            out.pieces.push(Piece { name: "other".to_owned(), kind: PieceKind::Other, text: self.other });
        }
        out
    }
}

impl Choice {
    fn message(&mut self, message: Message) -> Result<(), ReadError> {
        match message.content {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.text.push_str(&text),
            Some(Value::Array(items)) => items.iter().for_each(|item| self.content_item(item)),
            Some(odd) => self.other.push_str(&odd.to_string()),
        }
        self.refusal.push_str(message.refusal.as_deref().unwrap_or_default());
        // Providers that write both fields repeat the same text; both are kept, since a client may show either.
        self.reasoning.push_str(message.reasoning.as_deref().unwrap_or_default());
        self.reasoning.push_str(message.reasoning_content.as_deref().unwrap_or_default());
        unknown(&mut self.other, &message.other);
        for (position, call) in message.tool_calls.unwrap_or_default().into_iter().enumerate() {
            self.tool_call(position as u64, call)?;
        }
        if let Some(function) = message.function_call {
            // The protocol's older form of a single tool call: it gets a place of its own, behind the others.
            self.tools.entry(u64::MAX).or_default().function(function);
        }
        Ok(())
    }

    fn content_item(&mut self, item: &Value) {
        match (item.get("type").and_then(Value::as_str), item.get("text").and_then(Value::as_str)) {
            (Some("text" | "output_text"), Some(text)) => self.text.push_str(text),
            _ => self.other.push_str(&item.to_string()),
        }
    }

    fn tool_call(&mut self, position: u64, call: ToolCall) -> Result<(), ReadError> {
        let index = call.index.unwrap_or_else(|| self.tool_without_index(position, call.id.as_deref()));
        if !self.tools.contains_key(&index) && self.tools.len() == TOOL_CALLS_MAX {
            return Err(ReadError::TooMany { what: "tool calls", max: TOOL_CALLS_MAX });
        }
        let tool = self.tools.entry(index).or_default();
        if call.id.is_some() {
            tool.id = call.id;
        }
        if let Some(function) = call.function {
            tool.function(function);
        }
        unknown(&mut self.other, &call.other);
        Ok(())
    }

    /// Some providers leave the index out: then a new id is a new call, and no id continues the last one.
    fn tool_without_index(&self, position: u64, id: Option<&str>) -> u64 {
        let last = self.tools.iter().next_back();
        match (id, last) {
            (_, None) => position,
            (None, Some((index, _))) => *index,
            (Some(id), Some((index, tool))) if tool.id.as_deref() == Some(id) => *index,
            (Some(_), Some((index, _))) => index.saturating_add(1),
        }
    }

    fn pieces(self, index: u64, out: &mut Vec<Piece>) {
        let mut add = |name: &str, kind, text: String| {
            out.push(Piece { name: format!("choices.{index}.{name}"), kind, text });
        };
        // A choice without any text still is one: its empty text is what gets judged, unless it calls tools.
        if !self.text.is_empty() || (self.tools.is_empty() && self.refusal.is_empty()) {
            add("text", PieceKind::Text, self.text);
        }
        let optional =
            [("refusal", PieceKind::Text, self.refusal), ("reasoning", PieceKind::Reasoning, self.reasoning)];
        for (name, kind, text) in optional.into_iter().filter(|(_, _, text)| !text.is_empty()) {
            add(name, kind, text);
        }
        for (place, (_, tool)) in self.tools.into_iter().enumerate() {
            add(&format!("tool_calls.{place}.name"), PieceKind::ToolName, tool.name);
            add(&format!("tool_calls.{place}.arguments"), PieceKind::ToolArguments, tool.arguments);
        }
        if !self.other.is_empty() {
            add("other", PieceKind::Other, self.other);
        }
    }
}

/// Members that this version does not know, as text, so that somebody looks at them. Numbers and the like say nothing.
fn unknown(out: &mut String, members: &Map<String, Value>) {
    for (name, value) in members {
        let empty = match value {
            Value::Null | Value::Bool(_) | Value::Number(_) => true,
            Value::String(s) => s.is_empty(),
            Value::Array(items) => items.is_empty(),
            Value::Object(map) => map.is_empty(),
        };
        if !empty {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(&value.to_string());
            out.push('\n');
        }
    }
}

impl Tool {
    fn function(&mut self, function: Function) {
        self.name.push_str(function.name.as_deref().unwrap_or_default());
        match function.arguments {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.arguments.push_str(&text),
            Some(odd) => self.arguments.push_str(&odd.to_string()),
        }
    }
}

/// Where reading failed; the parser's own words may quote the text.
fn place(error: &serde_json::Error) -> String {
    let what = if error.is_data() { "is not what the protocol says" } else { "is not JSON" };
    format!("line {} column {} {what}", error.line(), error.column())
}

/// The code of an error body where it is one, and not prose.
fn error_code(error: &Value) -> String {
    let is_word = |s: &str| {
        (1..=40).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
    };
    let field = |name: &str| match error.get(name) {
        Some(Value::String(s)) if is_word(s) => Some(s.clone()),
        Some(Value::Number(n)) => Some(n.to_string()),
        _ => None,
    };
    field("code").or_else(|| field("type")).unwrap_or_else(|| "no code".to_owned())
}

/// What an error body says, in one bounded line. Codes are numbers with some servers, texts with others.
#[must_use]
pub fn error_text(error: &Value) -> String {
    let field = |name: &str| match error.get(name) {
        Some(Value::String(s)) if !s.is_empty() => Some(s.clone()),
        Some(Value::Number(n)) => Some(n.to_string()),
        _ => None,
    };
    let message = match error {
        Value::String(s) => s.clone(),
        _ => field("message").unwrap_or_else(|| "no message".to_owned()),
    };
    let code = field("code").or_else(|| field("type"));
    let text = code.map_or_else(|| message.clone(), |code| format!("{message} ({code})"));
    seatrial_model::Untrusted::new(text).terminal(400)
}

#[cfg(test)]
mod tests;
