//! What a response said, place by place, so that saying it again is compared and not added.

use super::super::bit::Bit;
use super::super::chat::token_bit;
use super::super::{BLOCKS_MAX, Fields, ReadError, TOOL_CALLS_MAX};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// A place that holds text: the item, and the position within it; or the tool call.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Slot {
    Text(u64, u64),
    Refusal(u64, u64),
    Summary(u64, u64),
    Reasoning(u64, u64),
    Name(usize),
    Arguments(usize),
}

impl Slot {
    const fn name(self) -> &'static str {
        match self {
            Self::Text(..) => "output_text",
            Self::Refusal(..) => "refusal",
            Self::Summary(..) => "summary_text",
            Self::Reasoning(..) => "reasoning_text",
            Self::Name(_) => "name",
            Self::Arguments(_) => "arguments",
        }
    }

    fn bit(self, text: String) -> Bit {
        match self {
            Self::Text(..) => Bit::Text { choice: 0, text },
            Self::Refusal(..) => Bit::Refusal { choice: 0, text },
            Self::Summary(..) | Self::Reasoning(..) => Bit::Reasoning { choice: 0, text, sealed: false },
            Self::Name(call) => Bit::Name { choice: 0, call, text },
            Self::Arguments(call) => Bit::Arguments { choice: 0, call, text },
        }
    }
}

/// What was said so far.
#[derive(Debug, Default)]
pub(super) struct Said {
    slots: BTreeMap<Slot, String>,
    /// Items by their id, for servers that leave positions out.
    ids: BTreeMap<String, u64>,
    /// The items that call tools, in order of appearance.
    calls: Vec<u64>,
    /// What was unknown: once is enough.
    others: BTreeSet<String>,
}

impl Said {
    /// The item's position: as its id has it, or as stated, or the next one.
    pub(super) fn index(&mut self, id: Option<&str>, stated: Option<u64>) -> u64 {
        if let Some(known) = id.and_then(|id| self.ids.get(id)) {
            return *known;
        }
        let next = self.ids.values().max().map_or(0, |most| most.saturating_add(1));
        match id {
            Some(id) if !id.is_empty() && self.ids.len() < BLOCKS_MAX => {
                let index = stated.unwrap_or(next);
                self.ids.insert(id.to_owned(), index);
                index
            }
            _ => stated.unwrap_or_else(|| next.saturating_sub(1)),
        }
    }

    /// Which tool call an item is.
    pub(super) fn call(&mut self, item: u64, id: Option<String>, out: &mut Vec<Bit>) -> Result<usize, ReadError> {
        if let Some(place) = self.calls.iter().position(|known| *known == item) {
            return Ok(place);
        }
        if self.calls.len() == TOOL_CALLS_MAX {
            return Err(ReadError::TooMany { what: "tool calls", max: TOOL_CALLS_MAX });
        }
        out.push(Bit::Call { choice: 0, call: self.calls.len(), id });
        self.calls.push(item);
        Ok(self.calls.len() - 1)
    }

    /// A delta.
    pub(super) fn append(&mut self, slot: Slot, text: &str, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        self.in_order(slot)?;
        self.slot(slot)?.push_str(text);
        out.push(slot.bit(text.to_owned()));
        Ok(())
    }

    /// All of a place's text. Whether it is news: nothing was said there before.
    pub(super) fn settle(&mut self, slot: Slot, text: String, out: &mut Vec<Bit>) -> Result<bool, ReadError> {
        let known = self.slot(slot)?;
        if known.is_empty() {
            if !text.is_empty() {
                self.in_order(slot)?;
            }
            self.slot(slot)?.clone_from(&text);
            out.push(slot.bit(text));
            return Ok(true);
        }
        if *known == text { Ok(false) } else { Err(ReadError::Disagrees(slot.name().to_owned())) }
    }

    /// Those who read the whole at its end read its texts in their order: they have to come in it.
    fn in_order(&self, slot: Slot) -> Result<(), ReadError> {
        let behind = (Bound::Excluded(slot), Bound::Included(Slot::Text(u64::MAX, u64::MAX)));
        if matches!(slot, Slot::Text(..)) && self.slots.range(behind).any(|(_, text)| !text.is_empty()) {
            return Err(ReadError::odd("its texts do not come in their order"));
        }
        Ok(())
    }

    fn slot(&mut self, slot: Slot) -> Result<&mut String, ReadError> {
        if self.slots.len() >= BLOCKS_MAX && !self.slots.contains_key(&slot) {
            return Err(ReadError::TooMany { what: "contents", max: BLOCKS_MAX });
        }
        Ok(self.slots.entry(slot).or_default())
    }

    /// A whole item, or one that only begins: then it is mostly empty.
    pub(super) fn item(&mut self, index: u64, mut item: Fields, out: &mut Vec<Bit>) -> Result<(), ReadError> {
        match item.peek("type").unwrap_or_default() {
            "message" => {
                for (at, part) in item.list("content")?.unwrap_or_default().into_iter().enumerate() {
                    self.part(index, at as u64, Fields::of(part, "content")?, true, out)?;
                }
                item.skip(&["role", "phase"]);
            }
            "reasoning" => {
                for name in ["summary", "content"] {
                    for (at, part) in item.list(name)?.unwrap_or_default().into_iter().enumerate() {
                        self.part(index, at as u64, Fields::of(part, name)?, true, out)?;
                    }
                }
                // Only the provider can read it.
                item.skip(&["encrypted_content"]);
            }
            kind @ ("function_call" | "custom_tool_call") => {
                let said = if kind == "function_call" { "arguments" } else { "input" };
                let id = item.text("call_id")?;
                let call = self.call(index, id, out)?;
                if let Some(name) = item.text("name")? {
                    self.settle(Slot::Name(call), name, out)?;
                }
                // Empty where the item only begins; a call that stays without arguments has none.
                if let Some(text) = item.text(said)?.filter(|t| !t.is_empty()) {
                    self.settle(Slot::Arguments(call), text, out)?;
                }
            }
            _ => {
                item.skip(&["status"]);
                self.other(&item.into_value(), out);
                return Ok(());
            }
        }
        item.skip(&["type", "id", "status"]);
        self.left(item, out);
        Ok(())
    }

    /// A content of a message, or a piece of reasoning: as it begins, or as it is when it is done.
    pub(super) fn part(
        &mut self,
        item: u64,
        at: u64,
        mut part: Fields,
        done: bool,
        out: &mut Vec<Bit>,
    ) -> Result<(), ReadError> {
        let (slot, name) = match part.peek("type").unwrap_or_default() {
            "output_text" | "text" => (Slot::Text(item, at), "text"),
            "refusal" => (Slot::Refusal(item, at), "refusal"),
            "summary_text" => (Slot::Summary(item, at), "text"),
            "reasoning_text" => (Slot::Reasoning(item, at), "text"),
            _ => {
                self.other(&part.into_value(), out);
                return Ok(());
            }
        };
        let text = part.text(name)?.unwrap_or_default();
        if !(text.is_empty() || done) {
            self.append(slot, &text, out)?;
        } else if done {
            let tokens = part.list("logprobs")?.unwrap_or_default();
            if self.settle(slot, text, out)? {
                for token in tokens {
                    out.push(token_bit(0, token)?);
                }
            }
        }
        part.skip(&["type", "logprobs"]);
        self.left(part, out);
        Ok(())
    }

    fn left(&mut self, fields: Fields, out: &mut Vec<Bit>) {
        let text = fields.rest();
        if !text.is_empty() && self.others.insert(text.clone()) {
            out.push(Bit::Other { choice: Some(0), text, content: false });
        }
    }

    fn other(&mut self, value: &Value, out: &mut Vec<Bit>) {
        let text = format!("{value}\n");
        if super::super::speaks(value) && self.others.insert(text.clone()) {
            out.push(Bit::Other { choice: Some(0), text, content: true });
        }
    }

    /// The texts of all messages, one behind the other.
    pub(super) fn texts(&self) -> String {
        let texts = self.slots.iter().filter(|(slot, _)| matches!(slot, Slot::Text(..)));
        texts.map(|(_, text)| text.as_str()).collect()
    }
}
