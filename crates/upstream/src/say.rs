//! Saying a reply in a protocol, whole or as a stream: what readers take apart, writers put together.
//!
//! A writer writes one choice. It writes what the official clients of its protocol need, and nothing that has no
//! words there: a content that cannot be said fails the reply, a member beside known ones is left out.

mod chat;
mod messages;
mod responses;

use crate::read::{Bit, TOOL_CALLS_MAX};
use crate::service::CallError;
use seatrial_guard::port::Protocol;
use seatrial_model::event::Usage;
use serde_json::Value;

/// How a reply is to be said.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Manner {
    /// The client asked for tokens at the end of its stream (chat completions).
    pub include_usage: bool,
    /// The client asked for log-probabilities.
    pub logprobs: bool,
}

/// Why an answer ended, in no protocol.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Finish {
    Stop,
    Length,
    Calls,
    Filter,
}

/// A piece of an answer: what a client shows or acts on as one.
#[derive(Clone, PartialEq, Debug)]
enum Item {
    Text(String),
    Refusal(String),
    Reasoning(String),
    Call { id: String, name: String, arguments: String },
}

impl Item {
    /// What deltas add to.
    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Refusal(text) | Self::Reasoning(text) => text,
            Self::Call { arguments, .. } => arguments,
        }
    }

    fn text_mut(&mut self) -> &mut String {
        match self {
            Self::Text(text) | Self::Refusal(text) | Self::Reasoning(text) => text,
            Self::Call { arguments, .. } => arguments,
        }
    }
}

/// An answer so far.
#[derive(Debug)]
struct Answer {
    /// Its name, of our own making: the provider's is in another form.
    id: String,
    created: u64,
    model: String,
    items: Vec<Item>,
    tokens: Vec<Value>,
    finish: Finish,
    usage: Usage,
    manner: Manner,
}

/// How a protocol writes a stream. `at` is an item's position.
trait Wire: Send {
    fn start(&mut self, answer: &Answer, out: &mut Vec<u8>);
    fn open(&mut self, answer: &Answer, at: usize, item: &Item, out: &mut Vec<u8>);
    fn delta(&mut self, answer: &Answer, at: usize, item: &Item, delta: &Delta<'_>, out: &mut Vec<u8>);
    fn close(&mut self, answer: &Answer, at: usize, item: &Item, out: &mut Vec<u8>) -> Result<(), CallError>;
    fn end(&mut self, answer: &Answer, out: &mut Vec<u8>);
    fn whole(&self, answer: &Answer) -> Result<Value, CallError>;
}

struct Delta<'a> {
    text: &'a str,
    tokens: &'a [Value],
}

/// Writes a reply in a protocol.
pub struct Writer {
    from: Protocol,
    wire: Box<dyn Wire>,
    answer: Answer,
    started: bool,
    /// The item that is open is the last one. A tool call opens when its name is complete.
    open: bool,
    pending: bool,
    call: Option<usize>,
    ended: bool,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Writer {
    /// A writer of `to`, for pieces of a reply in `from` (whose words for an end it has to know).
    #[must_use]
    pub fn new(from: Protocol, to: Protocol, manner: Manner) -> Self {
        let (prefix, wire): (_, Box<dyn Wire>) = match to {
            Protocol::OpenAiChat => ("chatcmpl-", Box::new(chat::Chat)),
            Protocol::OpenAiResponses => ("resp_", Box::new(responses::Responses::default())),
            Protocol::AnthropicMessages => ("msg_", Box::new(messages::Messages)),
        };
        let created = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_secs());
        let answer = Answer {
            id: format!("{prefix}{}", unique()),
            created,
            model: String::new(),
            items: Vec::new(),
            tokens: Vec::new(),
            finish: Finish::Stop,
            usage: Usage::default(),
            manner,
        };
        Self { from, wire, answer, started: false, open: false, pending: false, call: None, ended: false }
    }

    /// Writes pieces of a stream, as they come.
    ///
    /// # Errors
    /// Where one of them has no words in the protocol; then nothing more may leave.
    pub fn bits(&mut self, bits: &[Bit]) -> Result<Vec<u8>, CallError> {
        let mut out = Vec::new();
        let written = |bit: &Bit| match bit {
            Bit::Token { choice: 0, written, .. } => Some(written.clone()),
            _ => None,
        };
        let mut tokens: Vec<Value> = match self.answer.manner.logprobs {
            true => bits.iter().filter_map(written).collect(),
            false => Vec::new(),
        };
        // The start of a stream names the model, whichever came first.
        let model = bits.iter().find_map(|b| if let Bit::Model(m) = b { Some(m) } else { None });
        if let Some(model) = model.filter(|m| !m.is_empty()) {
            self.answer.model.clone_from(model);
        }
        for bit in bits {
            self.bit(bit, &mut tokens, &mut out)?;
        }
        Ok(out)
    }

    /// Writes the end of a stream.
    ///
    /// # Errors
    /// As [`Writer::bits`].
    pub fn end(&mut self) -> Result<Vec<u8>, CallError> {
        let mut out = Vec::new();
        self.start(&mut out);
        self.close(&mut out)?;
        self.wire.end(&self.answer, &mut out);
        Ok(out)
    }

    /// Writes all pieces of a reply as one body.
    ///
    /// # Errors
    /// As [`Writer::bits`].
    pub fn whole(mut self, bits: &[Bit]) -> Result<Vec<u8>, CallError> {
        self.bits(bits)?;
        Ok(self.wire.whole(&self.answer)?.to_string().into_bytes())
    }

    fn bit(&mut self, bit: &Bit, tokens: &mut Vec<Value>, out: &mut Vec<u8>) -> Result<(), CallError> {
        match bit {
            Bit::Model(_) => {}
            Bit::Usage(usage) => self.answer.usage = *usage,
            Bit::Begin { choice } => {
                only(*choice)?;
                self.start(out);
            }
            Bit::Text { choice, text } => self.say(*choice, Item::Text(String::new()), text, tokens, out)?,
            Bit::Refusal { choice, text } => self.say(*choice, Item::Refusal(String::new()), text, tokens, out)?,
            Bit::Reasoning { choice, text, sealed: false } => {
                self.say(*choice, Item::Reasoning(String::new()), text, &mut Vec::new(), out)?;
            }
            // Sealed for the provider alone: the client could do nothing with it.
            Bit::Reasoning { .. } => {}
            Bit::Call { choice, call, id } => {
                only(*choice)?;
                self.start(out);
                self.close(out)?;
                let id = id.clone().unwrap_or_else(|| format!("call_{}", unique()));
                self.answer.items.push(Item::Call { id, name: String::new(), arguments: String::new() });
                (self.open, self.pending, self.call) = (true, true, Some(*call));
                if self.answer.items.len() > TOOL_CALLS_MAX * 2 {
                    return Err(unsayable("so many items"));
                }
            }
            Bit::Name { call, text, .. } => {
                if self.call != Some(*call) || !(self.pending || text.is_empty()) {
                    return Err(unsayable("tool calls that come interleaved"));
                }
                if let Some(Item::Call { name, .. }) = self.answer.items.last_mut() {
                    name.push_str(text);
                }
            }
            Bit::Arguments { call, text, .. } => {
                if text.is_empty() {
                    return Ok(());
                }
                if self.call != Some(*call) {
                    return Err(unsayable("tool calls that come interleaved"));
                }
                self.begin_pending(out);
                self.add(text, &[], out);
            }
            Bit::Other { content: true, .. } => return Err(unsayable("a content of the reply")),
            Bit::Other { .. } => {}
            Bit::Token { written, .. } => {
                if self.answer.manner.logprobs {
                    self.answer.tokens.push(written.clone());
                }
            }
            Bit::End { choice, reason } => {
                only(*choice)?;
                self.ended = true;
                let calls = self.answer.items.iter().any(|i| matches!(i, Item::Call { .. }));
                self.answer.finish = finish(self.from, reason, calls)?;
            }
        }
        Ok(())
    }

    /// Adds text to the item that is open, if it is of that kind, or to a new one.
    fn say(
        &mut self,
        choice: u64,
        kind: Item,
        text: &str,
        tokens: &mut Vec<Value>,
        out: &mut Vec<u8>,
    ) -> Result<(), CallError> {
        only(choice)?;
        self.start(out);
        if text.is_empty() {
            return Ok(());
        }
        let same = self.answer.items.last().is_some_and(|last| {
            std::mem::discriminant(last) == std::mem::discriminant(&kind) && !matches!(kind, Item::Call { .. })
        });
        if !(self.open && same) {
            self.close(out)?;
            self.answer.items.push(kind);
            (self.open, self.pending) = (true, true);
        }
        self.begin_pending(out);
        self.add(text, &std::mem::take(tokens), out);
        Ok(())
    }

    fn start(&mut self, out: &mut Vec<u8>) {
        if !self.started {
            self.started = true;
            self.wire.start(&self.answer, out);
        }
    }

    fn begin_pending(&mut self, out: &mut Vec<u8>) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        if let (Some(item), at) = (self.answer.items.last(), self.answer.items.len().saturating_sub(1)) {
            self.wire.open(&self.answer, at, item, out);
        }
    }

    fn add(&mut self, text: &str, tokens: &[Value], out: &mut Vec<u8>) {
        if let (Some(item), at) = (self.answer.items.last(), self.answer.items.len().saturating_sub(1)) {
            self.wire.delta(&self.answer, at, item, &Delta { text, tokens }, out);
        }
        if let Some(item) = self.answer.items.last_mut() {
            item.text_mut().push_str(text);
        }
    }

    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), CallError> {
        if !self.open {
            return Ok(());
        }
        self.begin_pending(out);
        (self.open, self.call) = (false, None);
        if let (Some(item), at) = (self.answer.items.last(), self.answer.items.len().saturating_sub(1)) {
            self.wire.close(&self.answer, at, item, out)?;
        }
        Ok(())
    }
}

/// Only chat completions have several choices, and whoever asks for them is not passed on to another protocol.
fn only(choice: u64) -> Result<(), CallError> {
    if choice == 0 { Ok(()) } else { Err(unsayable("a second choice")) }
}

fn unsayable(what: &str) -> CallError {
    CallError::Unreadable(format!("the client's protocol has no words for {what}"))
}

/// Why an answer ended, from the provider's word.
fn finish(from: Protocol, reason: &str, calls: bool) -> Result<Finish, CallError> {
    Ok(match (from, reason) {
        (Protocol::OpenAiChat, "stop") => Finish::Stop,
        (Protocol::OpenAiChat, "length") => Finish::Length,
        (Protocol::OpenAiChat, "tool_calls" | "function_call") => Finish::Calls,
        (Protocol::OpenAiChat, "content_filter") => Finish::Filter,
        (Protocol::OpenAiResponses, "completed") if calls => Finish::Calls,
        (Protocol::OpenAiResponses, "completed") => Finish::Stop,
        (Protocol::OpenAiResponses, "max_output_tokens") => Finish::Length,
        (Protocol::OpenAiResponses, "content_filter") => Finish::Filter,
        (Protocol::AnthropicMessages, "end_turn" | "stop_sequence") => Finish::Stop,
        (Protocol::AnthropicMessages, "max_tokens" | "model_context_window_exceeded") => Finish::Length,
        (Protocol::AnthropicMessages, "tool_use") => Finish::Calls,
        (Protocol::AnthropicMessages, "refusal") => Finish::Filter,
        _ => return Err(unsayable("the way in which it ended")),
    })
}

/// 16 hexadecimal digits that no other reply of this process is likely to have.
fn unique() -> String {
    use std::hash::{BuildHasher, Hasher};
    format!("{:016x}", std::hash::RandomState::new().build_hasher().finish())
}

/// One event with its name, as the clients of responses and messages read them.
fn named_event(name: &str, data: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("event: {name}\ndata: {data}\n\n").as_bytes());
}

#[cfg(test)]
mod tests;
