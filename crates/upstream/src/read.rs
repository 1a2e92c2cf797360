//! Reading a model's reply, whole or streamed, into the parts that have to be inspected.
//!
//! Everything a client could show or act on becomes a part: text, refusals, reasoning, names and arguments of tool
//! calls, and, as `other`, every member, block and event that this version does not know. Parts have the same names
//! in every protocol. What says the same thing twice has to say it alike (the end of a stream of responses repeats all
//! of it): where it does not, one client would show this and another that, so the reply is refused.

mod bit;
mod chat;
mod fields;
mod messages;
mod responses;

pub use bit::Bit;
pub(crate) use fields::{Fields, speaks};

use crate::sse::SseEvent;
use bit::Gather;
use seatrial_guard::port::{Delta, Protocol};
use seatrial_guard::{Part, TokenLogprob};
use seatrial_model::event::Usage;

/// The most choices of one reply: what the protocol allows to ask for.
pub const CHOICES_MAX: usize = 128;

/// The most tool calls of one choice: agents send tens.
pub const TOOL_CALLS_MAX: usize = 512;

/// The most token log-probabilities kept: beyond this a field's confidence is not read from them.
pub const LOGPROBS_MAX: usize = 65_536;

/// The most blocks, items or contents of one reply: more is an attack on the memory.
pub const BLOCKS_MAX: usize = 4_096;

/// A reply, read.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Read {
    /// Its parts, in one order however they came: by choice, then text, refusal, reasoning, tool calls, other.
    pub parts: Vec<Part>,
    /// Why each choice ended, by its index, as the provider wrote it.
    pub finish: Vec<(u64, String)>,
    /// The model's name as it answered.
    pub model: Option<String>,
    /// Tokens.
    pub usage: Option<Usage>,
    /// Tokens of the first choice with their log-probabilities.
    pub logprobs: Vec<TokenLogprob>,
}

/// Why a reply cannot be read; then nothing of it may leave. No variant quotes the reply.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It is not what the protocol says.
    #[error("the model's reply is not what its protocol says: {0}")]
    Odd(String),
    /// It is an error in a successful response, with this code.
    #[error("the model's reply is an error (`{0}`), although its status says success")]
    IsAnError(String),
    /// The stream ended before every choice had.
    #[error("the model's stream ended before its answer was complete")]
    Cut,
    /// It says one thing twice, and not alike.
    #[error("the model's reply says `{0}` twice, and not alike: clients would show different answers")]
    Disagrees(String),
    /// It holds more than is read.
    #[error("the model's reply holds more than `{max}` {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        max: usize,
    },
}

impl ReadError {
    pub(crate) fn odd(what: impl Into<String>) -> Self {
        Self::Odd(what.into())
    }
}

/// Reads a whole (not streamed) reply.
///
/// # Errors
/// [`ReadError`]; then nothing of it may leave.
pub fn read_body(protocol: Protocol, body: &[u8]) -> Result<Read, ReadError> {
    let mut gather = Gather::default();
    for bit in bits_of_body(protocol, body)? {
        gather.take(&bit)?;
    }
    Ok(gather.read())
}

/// A whole reply in protocol-free pieces.
///
/// # Errors
/// [`ReadError`].
pub fn bits_of_body(protocol: Protocol, body: &[u8]) -> Result<Vec<Bit>, ReadError> {
    let mut out = Vec::new();
    let fields = Fields::parse(body)?;
    match protocol {
        Protocol::OpenAiChat => chat::whole(fields, &mut out)?,
        Protocol::OpenAiResponses => responses::whole(fields, &mut out)?,
        Protocol::AnthropicMessages => messages::whole(fields, &mut out)?,
    }
    Ok(out)
}

/// Takes a stream apart into protocol-free pieces, event by event.
#[derive(Debug)]
pub struct BitReader(Kind);

#[derive(Debug)]
enum Kind {
    Chat(chat::Stream),
    Responses(responses::Stream),
    Messages(messages::Stream),
}

impl BitReader {
    /// A reader of one stream.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self(match protocol {
            Protocol::OpenAiChat => Kind::Chat(chat::Stream::default()),
            Protocol::OpenAiResponses => Kind::Responses(responses::Stream::default()),
            Protocol::AnthropicMessages => Kind::Messages(messages::Stream::default()),
        })
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// [`ReadError`]; then nothing more of the stream may leave.
    pub fn event(&mut self, event: &SseEvent) -> Result<Vec<Bit>, ReadError> {
        let data = event.data.trim();
        let mut out = Vec::new();
        // `[DONE]` says nothing, and what follows it is read like the rest: some client would.
        if data.is_empty() || data == "[DONE]" {
            return Ok(out);
        }
        let fields = Fields::parse(data.as_bytes())?;
        match &mut self.0 {
            Kind::Chat(stream) => stream.event(fields, &mut out)?,
            Kind::Responses(stream) => stream.event(&event.name, fields, &mut out)?,
            Kind::Messages(stream) => stream.event(&event.name, fields, &mut out)?,
        }
        Ok(out)
    }

    /// Whether the stream may end here.
    ///
    /// # Errors
    /// [`ReadError::Cut`].
    pub fn end(&self) -> Result<(), ReadError> {
        let ended = match &self.0 {
            Kind::Chat(stream) => stream.ended(),
            Kind::Responses(stream) => stream.ended(),
            Kind::Messages(stream) => stream.ended(),
        };
        if ended { Ok(()) } else { Err(ReadError::Cut) }
    }
}

/// Puts a streamed reply together from its events.
#[derive(Debug)]
pub struct StreamReader {
    reader: BitReader,
    gather: Gather,
}

impl StreamReader {
    /// A reader of one stream.
    #[must_use]
    pub fn new(protocol: Protocol) -> Self {
        Self { reader: BitReader::new(protocol), gather: Gather::default() }
    }

    /// Takes the next event, and says what text it adds to which parts.
    ///
    /// # Errors
    /// [`ReadError`]; then nothing more of the stream may leave.
    pub fn event(&mut self, event: &SseEvent) -> Result<Vec<Delta>, ReadError> {
        let mut deltas = Vec::new();
        for bit in self.reader.event(event)? {
            deltas.extend(self.gather.take(&bit)?);
        }
        Ok(deltas)
    }

    /// The stream has ended.
    ///
    /// # Errors
    /// [`ReadError::Cut`] where the answer has not.
    pub fn finish(self) -> Result<Read, ReadError> {
        self.reader.end()?;
        Ok(self.gather.read())
    }
}

/// The code of an error body where it is one, and not prose.
pub(crate) fn error_code(error: &serde_json::Value) -> String {
    use serde_json::Value;
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
pub fn error_text(error: &serde_json::Value) -> String {
    use serde_json::Value;
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
pub(crate) mod tests;
