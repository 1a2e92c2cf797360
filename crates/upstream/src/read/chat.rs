//! OpenAI chat completions.
//!
//! Source: the API reference of chat completions, and what compatible servers write in practice: contents as lists,
//! reasoning under two names, tool calls without an index.

use super::bit::Bit;
use super::fields::odd;
use super::{BLOCKS_MAX, CHOICES_MAX, Fields, ReadError, error_code, speaks};
use seatrial_model::event::Usage;
use serde_json::Value;
use std::collections::BTreeMap;

/// Members beside `choices` that hold no text of the model.
const ENVELOPE: [&str; 8] = [
    "id",
    "object",
    "created",
    "system_fingerprint",
    "service_tier",
    "timings",
    "prompt_filter_results",
    "obfuscation",
];

/// Reads a whole reply.
pub(super) fn whole(fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    let mut stream = Stream::default();
    stream.take(fields, "message", out)?;
    if stream.choices.is_empty() { Err(ReadError::odd("it has no `choices`")) } else { Ok(()) }
}

/// What is known of a stream so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    choices: BTreeMap<u64, Choice>,
}

#[derive(Debug, Default)]
struct Choice {
    ended: bool,
    /// The calls in order of appearance: the index that the provider gave, and the id.
    calls: Vec<(u64, Option<String>)>,
}

/// The place of the protocol's older form of a single tool call: one of its own.
const OLD_CALL: u64 = u64::MAX;

impl Stream {
    pub(super) fn event(&mut self, fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        self.take(fields, "delta", out)
    }

    pub(super) fn ended(&self) -> bool {
        !self.choices.is_empty() && self.choices.values().all(|c| c.ended)
    }

    /// `message` is the member of a choice that holds what it says; the other form counts as unknown.
    fn take(&mut self, mut fields: Fields, message: &str, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        if let Some(error) = fields.take("error") {
            return Err(ReadError::IsAnError(error_code(&error)));
        }
        if let Some(model) = fields.text("model")? {
            out.push(Bit::Model(model));
        }
        let choices = fields.list("choices")?.unwrap_or_default();
        if choices.len() > CHOICES_MAX {
            return Err(ReadError::TooMany { what: "choices", max: CHOICES_MAX });
        }
        for (position, choice) in choices.into_iter().enumerate() {
            self.choice(position as u64, Fields::of(choice, "choices")?, message, out)?;
        }
        if let Some(usage) = fields.object("usage")? {
            read_usage(usage, out)?;
        }
        fields.skip(&ENVELOPE);
        other(None, fields, out);
        Ok(())
    }

    fn choice(
        &mut self,
        position: u64,
        mut fields: Fields,
        message: &str,
        out: &mut Vec<Bit>,
    ) -> Result<(), ReadError> {
        let index = fields.number("index")?.unwrap_or(position);
        if index >= CHOICES_MAX as u64 {
            return Err(ReadError::TooMany { what: "choices", max: CHOICES_MAX });
        }
        let state = self.choices.entry(index).or_insert_with(|| {
            out.push(Bit::Begin { choice: index });
            Choice::default()
        });
        if let Some(said) = fields.object(message)? {
            state.message(index, said, out)?;
        }
        if let Some(mut logprobs) = fields.object("logprobs")? {
            for token in logprobs.list("content")?.unwrap_or_default() {
                out.push(token_bit(index, token)?);
            }
        }
        if let Some(reason) = fields.text("finish_reason")? {
            state.ended = true;
            out.push(Bit::End { choice: index, reason });
        }
        // Results of the provider's own filters: levels, no text of the model.
        fields.skip(&["content_filter_results"]);
        other(Some(index), fields, out);
        Ok(())
    }
}

impl Choice {
    fn message(&mut self, choice: u64, mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        fields.text("role")?;
        match fields.take("content") {
            None => {}
            Some(Value::String(text)) => out.push(Bit::Text { choice, text }),
            Some(Value::Array(items)) => items.into_iter().for_each(|item| content_item(choice, item, out)),
            Some(odd) => out.push(Bit::Other { choice: Some(choice), text: odd.to_string(), content: true }),
        }
        if let Some(text) = fields.text("refusal")? {
            out.push(Bit::Refusal { choice, text });
        }
        // Providers that write both repeat the same text; both are kept, since a client may show either.
        for name in ["reasoning", "reasoning_content"] {
            if let Some(text) = fields.text(name)? {
                out.push(Bit::Reasoning { choice, text, sealed: false });
            }
        }
        let calls = fields.list("tool_calls")?.unwrap_or_default();
        if calls.len() > BLOCKS_MAX {
            return Err(ReadError::TooMany { what: "tool calls", max: BLOCKS_MAX });
        }
        for (position, call) in calls.into_iter().enumerate() {
            self.tool_call(choice, position as u64, Fields::of(call, "tool_calls")?, out)?;
        }
        if let Some(function) = fields.object("function_call")? {
            let call = self.call(choice, OLD_CALL, None, out);
            function_bits(choice, call, function, "arguments", out)?;
        }
        other(Some(choice), fields, out);
        Ok(())
    }

    fn tool_call(
        &mut self,
        choice: u64,
        position: u64,
        mut fields: Fields,
        out: &mut Vec<Bit>,
    ) -> Result<(), ReadError> {
        let id = fields.text("id")?;
        let index = match fields.number("index")? {
            Some(index) => index,
            None => self.without_index(position, id.as_deref()),
        };
        let call = self.call(choice, index, id, out);
        fields.text("type")?;
        if let Some(function) = fields.object("function")? {
            function_bits(choice, call, function, "arguments", out)?;
        }
        if let Some(custom) = fields.object("custom")? {
            function_bits(choice, call, custom, "input", out)?;
        }
        other(Some(choice), fields, out);
        Ok(())
    }

    /// Which call of the choice it is.
    fn call(&mut self, choice: u64, index: u64, id: Option<String>, out: &mut Vec<Bit>) -> usize {
        if let Some(place) = self.calls.iter().position(|(known, _)| *known == index) {
            if let Some((_, known @ None)) = self.calls.get_mut(place) {
                *known = id;
            }
            return place;
        }
        out.push(Bit::Call { choice, call: self.calls.len(), id: id.clone() });
        self.calls.push((index, id));
        self.calls.len() - 1
    }

    /// Some providers leave the index out: then a new id is a new call, and no id continues the last one.
    fn without_index(&self, position: u64, id: Option<&str>) -> u64 {
        match (id, self.calls.last()) {
            (_, None) => position,
            (None, Some((index, _))) => *index,
            (Some(id), Some(_)) => match self.calls.iter().find(|(_, known)| known.as_deref() == Some(id)) {
                Some((index, _)) => *index,
                None => self.calls.iter().map(|(i, _)| *i).filter(|i| *i != OLD_CALL).max().map_or(position, |i| i + 1),
            },
        }
    }
}

fn function_bits(
    choice: u64,
    call: usize,
    mut fields: Fields,
    arguments: &str,
    out: &mut Vec<Bit>,
) -> Result<(), ReadError> {
    if let Some(text) = fields.text("name")? {
        out.push(Bit::Name { choice, call, text });
    }
    match fields.take(arguments) {
        None => {}
        Some(Value::String(text)) => out.push(Bit::Arguments { choice, call, text }),
        // Some servers write the object itself.
        Some(value) => out.push(Bit::Arguments { choice, call, text: value.to_string() }),
    }
    other(Some(choice), fields, out);
    Ok(())
}

fn content_item(choice: u64, item: Value, out: &mut Vec<Bit>) {
    let kind = item.get("type").and_then(Value::as_str);
    match (kind, item.get("text").and_then(Value::as_str)) {
        (Some("text" | "output_text"), Some(text)) => out.push(Bit::Text { choice, text: text.to_owned() }),
        _ => out.push(Bit::Other { choice: Some(choice), text: item.to_string(), content: true }),
    }
}

/// A token's log-probability, the same in chat completions and responses.
pub(super) fn token_bit(choice: u64, written: Value) -> Result<Bit, ReadError> {
    let token = written.get("token").and_then(Value::as_str).ok_or_else(|| odd("token"))?.to_owned();
    let logprob = written.get("logprob").and_then(Value::as_f64).ok_or_else(|| odd("logprob"))?;
    Ok(Bit::Token { choice, token, logprob, written })
}

fn read_usage(mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    let input = fields.number("prompt_tokens")?.unwrap_or(0);
    let output = fields.number("completion_tokens")?.unwrap_or(0);
    out.push(Bit::Usage(Usage { input, output }));
    other(None, fields, out);
    Ok(())
}

/// What is left of an object, if it says something.
pub(super) fn other(choice: Option<u64>, fields: Fields, out: &mut Vec<Bit>) {
    let text = fields.rest();
    if !text.is_empty() {
        out.push(Bit::Other { choice, text, content: false });
    }
}

/// A value of an unknown kind, if it says something.
pub(super) fn other_value(choice: u64, value: &Value, out: &mut Vec<Bit>) {
    if speaks(value) {
        out.push(Bit::Other { choice: Some(choice), text: format!("{value}\n"), content: true });
    }
}
