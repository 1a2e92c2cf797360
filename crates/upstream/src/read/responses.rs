//! OpenAI responses.
//!
//! Source: the API reference of responses and of their streams. A response is a list of items; a stream says an item's
//! text in deltas, says it again when the text, its content and its item are done, and once more in the whole response
//! at the end. Each of them has to say the same. It has one choice.

mod said;

use super::bit::Bit;
use super::chat::{other, token_bit};
use super::fields::odd;
use super::messages::event_kind;
use super::{BLOCKS_MAX, Fields, ReadError, error_code};
use said::{Said, Slot};
use seatrial_model::event::Usage;

/// Members of a response that hold no text of the model: what the request said, and the provider's own.
const ENVELOPE: [&str; 32] = [
    "id",
    "object",
    "created_at",
    "completed_at",
    "background",
    "billing",
    "content_filters",
    "conversation",
    "frequency_penalty",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "moderation",
    "parallel_tool_calls",
    "presence_penalty",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];

/// Reads a whole reply.
pub(super) fn whole(fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    out.push(Bit::Begin { choice: 0 });
    response(fields, &mut Said::default(), out)
}

fn response(mut fields: Fields, said: &mut Said, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    if let Some(error) = fields.take("error") {
        return Err(ReadError::IsAnError(error_code(&error)));
    }
    let status = fields.text("status")?.unwrap_or_else(|| "completed".to_owned());
    let why = fields.object("incomplete_details")?.map(|mut d| d.text("reason")).transpose()?.flatten();
    let reason = match status.as_str() {
        "completed" => status,
        "incomplete" => why.unwrap_or(status),
        // In the background, or failed without an error: there is no answer.
        _ => return Err(ReadError::odd("its `status` is neither `completed` nor `incomplete`")),
    };
    if let Some(model) = fields.text("model")? {
        out.push(Bit::Model(model));
    }
    let items = fields.list("output")?.ok_or_else(|| ReadError::odd("it has no `output`"))?;
    if items.len() > BLOCKS_MAX {
        return Err(ReadError::TooMany { what: "items", max: BLOCKS_MAX });
    }
    for (place, item) in items.into_iter().enumerate() {
        let item = Fields::of(item, "output")?;
        let index = said.index(item.peek("id"), Some(place as u64));
        said.item(index, item, out)?;
    }
    // A convenience of some servers: the texts of all messages.
    if let Some(text) = fields.text("output_text")?
        && text != said.texts()
    {
        return Err(ReadError::Disagrees("output_text".to_owned()));
    }
    if let Some(usage) = fields.object("usage")? {
        read_usage(usage, out)?;
    }
    out.push(Bit::End { choice: 0, reason });
    fields.skip(&ENVELOPE);
    other(Some(0), fields, out);
    Ok(())
}

fn read_usage(mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    let input = fields.number("input_tokens")?.unwrap_or(0);
    let output = fields.number("output_tokens")?.unwrap_or(0);
    out.push(Bit::Usage(Usage { input, output }));
    other(None, fields, out);
    Ok(())
}

/// What is known of a stream so far.
#[derive(Debug, Default)]
pub(super) struct Stream {
    said: Said,
    begun: bool,
    ended: bool,
}

/// Members of events that place them.
const PLACES: [&str; 6] =
    ["item_id", "sequence_number", "output_index", "content_index", "summary_index", "obfuscation"];

impl Stream {
    pub(super) fn event(&mut self, name: &str, mut fields: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        let kind = event_kind(name, &mut fields)?;
        if self.ended {
            return Err(ReadError::odd("it goes on behind its end"));
        }
        if !self.begun {
            self.begun = true;
            out.push(Bit::Begin { choice: 0 });
        }
        match kind.as_str() {
            "response.created" | "response.in_progress" | "response.queued" => begun(&mut fields, out)?,
            "response.completed" | "response.incomplete" => {
                let whole = fields.object("response")?.ok_or_else(|| odd("response"))?;
                response(whole, &mut self.said, out)?;
                self.ended = true;
            }
            "response.failed" => {
                let error = fields.object("response")?.and_then(|mut r| r.take("error")).unwrap_or_default();
                return Err(ReadError::IsAnError(error_code(&error)));
            }
            "error" => return Err(ReadError::IsAnError(error_code(&fields.into_value()))),
            "response.output_item.added" | "response.output_item.done" => {
                let item = fields.object("item")?.ok_or_else(|| odd("item"))?;
                let index = self.said.index(item.peek("id"), fields.peek_number("output_index"));
                self.said.item(index, item, out)?;
            }
            _ => self.piece(&kind, &mut fields, out)?,
        }
        fields.skip(&PLACES);
        other(Some(0), fields, out);
        Ok(())
    }

    /// An event within an item.
    fn piece(&mut self, kind: &str, fields: &mut Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        let item = self.said.index(fields.peek("item_id"), fields.peek_number("output_index"));
        let content = fields.peek_number("content_index").unwrap_or(0);
        let summary = fields.peek_number("summary_index").unwrap_or(0);
        let (what, step) = kind.rsplit_once('.').unwrap_or((kind, ""));
        let slot = match what {
            "response.content_part" | "response.reasoning_summary_part" => {
                if let Some(part) = fields.object("part")? {
                    let at = if what == "response.content_part" { content } else { summary };
                    self.said.part(item, at, part, step == "done", out)?;
                }
                return Ok(());
            }
            "response.output_text" => Slot::Text(item, content),
            "response.refusal" => Slot::Refusal(item, content),
            "response.reasoning_text" => Slot::Reasoning(item, content),
            "response.reasoning_summary_text" => Slot::Summary(item, summary),
            "response.function_call_arguments" | "response.custom_tool_call_input" => {
                Slot::Arguments(self.said.call(item, None, out)?)
            }
            _ => return Ok(()),
        };
        match step {
            "delta" => {
                let text = fields.text("delta")?.ok_or_else(|| odd("delta"))?;
                self.said.append(slot, &text, out)?;
                for token in fields.list("logprobs")?.unwrap_or_default() {
                    out.push(token_bit(0, token)?);
                }
            }
            "done" => {
                let name = match slot {
                    Slot::Arguments(_) if what.ends_with("input") => "input",
                    Slot::Arguments(_) => "arguments",
                    Slot::Refusal(..) => "refusal",
                    _ => "text",
                };
                let text = fields.text(name)?.ok_or_else(|| odd(name))?;
                self.said.settle(slot, text, out)?;
                if let (Slot::Arguments(call), Some(tool)) = (slot, fields.text("name")?) {
                    self.said.settle(Slot::Name(call), tool, out)?;
                }
                // Said already, token by token.
                fields.skip(&["logprobs"]);
            }
            _ => {}
        }
        Ok(())
    }

    pub(super) fn ended(&self) -> bool {
        self.ended
    }
}

/// The response as it begins: without anything in it.
fn begun(fields: &mut Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
    let Some(mut response) = fields.object("response")? else { return Ok(()) };
    if let Some(model) = response.text("model")? {
        out.push(Bit::Model(model));
    }
    if response.list("output")?.is_some_and(|items| !items.is_empty()) {
        return Err(odd("response.output"));
    }
    response.skip(&ENVELOPE);
    response.skip(&["status", "usage", "error", "incomplete_details"]);
    other(Some(0), response, out);
    Ok(())
}
