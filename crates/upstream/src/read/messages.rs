//! Anthropic messages.
//!
//! Source: the API reference of messages and of their streams: a message is a list of blocks; a stream names each
//! block's start, deltas and stop. It has one choice.

use super::bit::Bit;
use super::chat::{other, other_value};
use super::fields::odd;
use super::{BLOCKS_MAX, Fields, ReadError, error_code};
use seatrial_model::event::Usage;
use serde_json::Value;
use std::collections::BTreeMap;

/// Members of a message that hold no text of the model. The stop sequence is the request's own.
const ENVELOPE: [&str; 5] = ["id", "type", "role", "stop_sequence", "stop_details"];

/// Reads a whole reply.
pub(super) fn whole(mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    if let Some(error) = fields.take("error") {
        return Err(ReadError::IsAnError(error_code(&error)));
    }
    let blocks = fields.list("content")?.ok_or_else(|| ReadError::odd("it has no `content`"))?;
    if blocks.len() > BLOCKS_MAX {
        return Err(ReadError::TooMany { what: "blocks", max: BLOCKS_MAX });
    }
    out.push(Bit::Begin { choice: 0 });
    let mut calls = 0;
    for block in blocks {
        let mut started = start(Fields::of(block, "content")?, &mut calls, out)?;
        started.input_at_once(out);
    }
    message(fields, &mut Tokens::default(), out)
}

/// What is around the blocks.
fn message(mut fields: Fields, tokens: &mut Tokens, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    if let Some(model) = fields.text("model")? {
        out.push(Bit::Model(model));
    }
    if let Some(usage) = fields.object("usage")? {
        tokens.take(usage, out)?;
    }
    if let Some(reason) = fields.text("stop_reason")? {
        out.push(Bit::End { choice: 0, reason });
    }
    fields.skip(&ENVELOPE);
    other(Some(0), fields, out);
    Ok(())
}

/// Tokens: a stream says the input at its start and the output at its end.
#[derive(Debug, Default)]
struct Tokens {
    input: u64,
    output: u64,
}

impl Tokens {
    fn take(&mut self, mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        // What came out of a cache, or went into it, was input as well.
        let plain = fields.number("input_tokens")?;
        let cached = ["cache_creation_input_tokens", "cache_read_input_tokens"];
        let cached: u64 = cached.iter().map(|n| Ok(fields.number(n)?.unwrap_or(0))).sum::<Result<u64, ReadError>>()?;
        if let Some(plain) = plain {
            self.input = plain.saturating_add(cached);
        }
        self.output = fields.number("output_tokens")?.unwrap_or(self.output);
        out.push(Bit::Usage(Usage { input: self.input, output: self.output }));
        fields.skip(&["service_tier", "inference_geo"]);
        other(None, fields, out);
        Ok(())
    }
}

/// A block that has begun.
#[derive(Debug)]
enum Block {
    Text,
    Thinking,
    /// A tool call: which, the input that stood at its start, and whether deltas followed.
    Call {
        call: usize,
        input: Option<Value>,
        deltas: bool,
    },
    /// One that this version does not know.
    Other,
}

/// Reads a block's start: in a whole message that is all of it.
fn start(mut fields: Fields, calls: &mut usize, out: &mut Vec<Bit>) -> Result<Block, ReadError> {
    let kind = fields.peek("type").unwrap_or_default().to_owned();
    let block = match kind.as_str() {
        "text" => {
            let text = fields.text("text")?.unwrap_or_default();
            out.push(Bit::Text { choice: 0, text });
            Block::Text
        }
        "thinking" => {
            let text = fields.text("thinking")?.unwrap_or_default();
            out.push(Bit::Reasoning { choice: 0, text, sealed: false });
            fields.skip(&["signature"]);
            Block::Thinking
        }
        "redacted_thinking" => {
            let text = fields.text("data")?.unwrap_or_default();
            out.push(Bit::Reasoning { choice: 0, text, sealed: true });
            Block::Thinking
        }
        "tool_use" => {
            let call = *calls;
            *calls += 1;
            out.push(Bit::Call { choice: 0, call, id: fields.text("id")? });
            out.push(Bit::Name { choice: 0, call, text: fields.text("name")?.unwrap_or_default() });
            // Who may call it, which is the model itself here.
            fields.skip(&["caller"]);
            Block::Call { call, input: fields.take("input"), deltas: false }
        }
        _ => {
            other_value(0, &fields.into_value(), out);
            return Ok(Block::Other);
        }
    };
    fields.skip(&["type"]);
    other(Some(0), fields, out);
    Ok(block)
}

impl Block {
    /// The input, where no deltas said it.
    fn input_at_once(&mut self, out: &mut Vec<Bit>) {
        if let Self::Call { call, input, deltas: false } = self {
            // A tool without parameters is called with an empty object.
            let text = input.take().map_or_else(|| "{}".to_owned(), |v| v.to_string());
            out.push(Bit::Arguments { choice: 0, call: *call, text });
        }
    }

    fn delta(&mut self, mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        let kind = fields.text("type")?.unwrap_or_default();
        match (kind.as_str(), self) {
            ("text_delta", Self::Text) => {
                out.push(Bit::Text { choice: 0, text: fields.text("text")?.unwrap_or_default() });
            }
            ("thinking_delta", Self::Thinking) => {
                let text = fields.text("thinking")?.unwrap_or_default();
                out.push(Bit::Reasoning { choice: 0, text, sealed: false });
                fields.skip(&["estimated_tokens"]);
            }
            ("signature_delta", Self::Thinking) => fields.skip(&["signature"]),
            ("input_json_delta", Self::Call { call, input, deltas }) => {
                let text = fields.text("partial_json")?.unwrap_or_default();
                // The deltas replace what stood at the start, with some clients; with others they do not.
                if !text.is_empty() && input.as_ref().is_some_and(|v| v.as_object().is_none_or(|o| !o.is_empty())) {
                    return Err(ReadError::Disagrees("content_block.input".to_owned()));
                }
                *deltas |= !text.is_empty();
                out.push(Bit::Arguments { choice: 0, call: *call, text });
            }
            ("text_delta" | "thinking_delta" | "input_json_delta", _) => return Err(odd("delta")),
            _ => {}
        }
        other(Some(0), fields, out);
        Ok(())
    }
}

/// What is known of a stream so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    begun: bool,
    stopped: bool,
    calls: usize,
    tokens: Tokens,
    /// The blocks by their index; none where it has stopped.
    blocks: BTreeMap<u64, Option<Block>>,
}

impl Stream {
    pub(super) fn event(&mut self, name: &str, mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        let kind = event_kind(name, &mut fields)?;
        match kind.as_str() {
            "ping" => {}
            "error" => {
                let error = fields.take("error").unwrap_or_default();
                return Err(ReadError::IsAnError(error_code(&error)));
            }
            // Whatever comes behind the end, some client would read.
            _ if self.stopped => return Err(ReadError::odd("it goes on behind its end")),
            "message_start" => {
                let mut message_fields = fields.object("message")?.unwrap_or_default();
                if self.begun || message_fields.list("content")?.is_some_and(|c| !c.is_empty()) {
                    return Err(odd("message_start"));
                }
                self.begun = true;
                out.push(Bit::Begin { choice: 0 });
                message(message_fields, &mut self.tokens, out)?;
            }
            "content_block_start" => {
                let index = fields.number("index")?.ok_or_else(|| odd("index"))?;
                if self.blocks.contains_key(&index) || !self.begun {
                    return Err(odd("content_block_start"));
                }
                if self.blocks.len() == BLOCKS_MAX {
                    return Err(ReadError::TooMany { what: "blocks", max: BLOCKS_MAX });
                }
                let block = fields.object("content_block")?.unwrap_or_default();
                let block = start(block, &mut self.calls, out)?;
                self.blocks.insert(index, Some(block));
            }
            "content_block_delta" => {
                let delta = fields.object("delta")?.unwrap_or_default();
                self.block(&mut fields)?.delta(delta, out)?;
            }
            "content_block_stop" => {
                self.block(&mut fields)?.input_at_once(out);
                self.stop(&mut fields)?;
            }
            "message_delta" => {
                if let Some(usage) = fields.object("usage")? {
                    self.tokens.take(usage, out)?;
                }
                if let Some(delta) = fields.object("delta")? {
                    message(delta, &mut self.tokens, out)?;
                }
            }
            "message_stop" => self.stopped = true,
            _ => {}
        }
        fields.skip(&["index"]);
        other(Some(0), fields, out);
        Ok(())
    }

    fn block(&mut self, fields: &mut Fields) -> Result<&mut Block, ReadError> {
        let index = fields.peek_number("index").ok_or_else(|| odd("index"))?;
        self.blocks.get_mut(&index).and_then(Option::as_mut).ok_or_else(|| odd("index"))
    }

    fn stop(&mut self, fields: &mut Fields) -> Result<(), ReadError> {
        let index = fields.number("index")?.ok_or_else(|| odd("index"))?;
        self.blocks.insert(index, None);
        Ok(())
    }

    pub(super) fn ended(&self) -> bool {
        self.stopped
    }
}

/// The kind of an event, which its name and its data say alike: some clients go by the one, some by the other.
pub(super) fn event_kind(name: &str, fields: &mut Fields) -> Result<String, ReadError> {
    let kind = fields.text("type")?.unwrap_or_else(|| name.to_owned());
    if kind.is_empty() || !(name.is_empty() || name == kind) {
        return Err(ReadError::odd("an event's name and its `type` differ"));
    }
    Ok(kind)
}
