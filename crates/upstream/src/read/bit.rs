//! What all protocols say, in pieces: what readers hand out, and writers take.

use super::{CHOICES_MAX, LOGPROBS_MAX, Read, ReadError, TOOL_CALLS_MAX};
use seatrial_guard::port::Delta;
use seatrial_guard::{Part, PartKind, TokenLogprob};
use seatrial_model::event::Usage;
use std::collections::{BTreeMap, BTreeSet};

/// A piece of a reply, in no protocol.
#[derive(Clone, PartialEq, Debug)]
pub enum Bit {
    /// Who answers.
    Model(String),
    /// A choice begins.
    Begin {
        /// Which.
        choice: u64,
    },
    /// Text of the answer.
    Text {
        /// Of which choice.
        choice: u64,
        /// The text.
        text: String,
    },
    /// Text of a refusal.
    Refusal {
        /// Of which choice.
        choice: u64,
        /// The text.
        text: String,
    },
    /// Text of the reasoning.
    Reasoning {
        /// Of which choice.
        choice: u64,
        /// The text.
        text: String,
        /// Encrypted: it means something to the provider only.
        sealed: bool,
    },
    /// A tool call begins.
    Call {
        /// Of which choice.
        choice: u64,
        /// Which call of the choice, from 0.
        call: usize,
        /// How its result will refer to it.
        id: Option<String>,
    },
    /// Text of a tool's name.
    Name {
        /// Of which choice.
        choice: u64,
        /// Of which call.
        call: usize,
        /// The text.
        text: String,
    },
    /// Text of a tool call's arguments.
    Arguments {
        /// Of which choice.
        choice: u64,
        /// Of which call.
        call: usize,
        /// The text.
        text: String,
    },
    /// What this version does not know, as text.
    Other {
        /// Of which choice; none where it is beside them.
        choice: Option<u64>,
        /// The text.
        text: String,
        /// A content of its own, not only a member beside known ones.
        content: bool,
    },
    /// A token with its log-probability.
    Token {
        /// Of which choice.
        choice: u64,
        /// Its text.
        token: String,
        /// The natural logarithm of its probability.
        logprob: f64,
        /// As the provider wrote it.
        written: serde_json::Value,
    },
    /// A choice ended.
    End {
        /// Which.
        choice: u64,
        /// Why, as the provider wrote it.
        reason: String,
    },
    /// Tokens so far.
    Usage(Usage),
}

/// Where a part stands in its choice: the order of the parts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Place {
    Text,
    Refusal,
    Reasoning,
    Name(usize),
    Arguments(usize),
    Other,
}

/// What stands beside all choices is behind them.
const BESIDE: u64 = u64::MAX;

impl Place {
    /// Names and arguments of a call belong together.
    const fn order(self) -> (u8, usize, u8) {
        match self {
            Self::Text => (0, 0, 0),
            Self::Refusal => (1, 0, 0),
            Self::Reasoning => (2, 0, 0),
            Self::Name(call) => (3, call, 0),
            Self::Arguments(call) => (3, call, 1),
            Self::Other => (4, 0, 0),
        }
    }

    const fn kind(self) -> PartKind {
        match self {
            Self::Text | Self::Refusal => PartKind::Text,
            Self::Reasoning => PartKind::Reasoning,
            Self::Name(_) => PartKind::ToolName,
            Self::Arguments(_) => PartKind::ToolArguments,
            Self::Other => PartKind::Other,
        }
    }

    fn name(self, choice: u64) -> String {
        match self {
            Self::Other if choice == BESIDE => "other".to_owned(),
            Self::Text => format!("choices.{choice}.text"),
            Self::Refusal => format!("choices.{choice}.refusal"),
            Self::Reasoning => format!("choices.{choice}.reasoning"),
            Self::Name(call) => format!("choices.{choice}.tool_calls.{call}.name"),
            Self::Arguments(call) => format!("choices.{choice}.tool_calls.{call}.arguments"),
            Self::Other => format!("choices.{choice}.other"),
        }
    }
}

/// Where a part stands: its choice, and its order there.
type At = (u64, (u8, usize, u8));

/// Puts pieces together to parts.
#[derive(Debug, Default)]
pub(super) struct Gather {
    parts: BTreeMap<At, (Place, String)>,
    choices: BTreeSet<u64>,
    finish: BTreeMap<u64, String>,
    model: Option<String>,
    usage: Option<Usage>,
    logprobs: Vec<TokenLogprob>,
}

impl Gather {
    /// Takes a piece; what text it adds to which part.
    pub(super) fn take(&mut self, bit: &Bit) -> Result<Option<Delta>, ReadError> {
        Ok(match bit {
            Bit::Model(model) => {
                if !model.is_empty() {
                    self.model = Some(model.chars().take(200).collect());
                }
                None
            }
            Bit::Begin { choice } => {
                self.choice(*choice)?;
                None
            }
            Bit::Text { choice, text } => self.add(*choice, Place::Text, text)?,
            Bit::Refusal { choice, text } => self.add(*choice, Place::Refusal, text)?,
            Bit::Reasoning { choice, text, .. } => self.add(*choice, Place::Reasoning, text)?,
            Bit::Call { choice, call, .. } => {
                if *call >= TOOL_CALLS_MAX {
                    return Err(ReadError::TooMany { what: "tool calls", max: TOOL_CALLS_MAX });
                }
                // A call without a name, or without arguments, still is one.
                self.slot(*choice, Place::Name(*call))?;
                self.slot(*choice, Place::Arguments(*call))?;
                None
            }
            Bit::Name { choice, call, text } => self.add(*choice, Place::Name(*call), text)?,
            Bit::Arguments { choice, call, text } => self.add(*choice, Place::Arguments(*call), text)?,
            Bit::Other { choice, text, .. } => self.add(choice.unwrap_or(BESIDE), Place::Other, text)?,
            Bit::Token { choice: 0, token, logprob, .. } => {
                if self.logprobs.len() == LOGPROBS_MAX {
                    return Err(ReadError::TooMany { what: "log-probabilities", max: LOGPROBS_MAX });
                }
                self.logprobs.push(TokenLogprob { token: token.clone(), logprob: *logprob });
                None
            }
            Bit::Token { .. } => None,
            Bit::End { choice, reason } => {
                self.choice(*choice)?;
                self.finish.insert(*choice, reason.chars().take(80).collect());
                None
            }
            Bit::Usage(usage) => {
                self.usage = Some(*usage);
                None
            }
        })
    }

    fn choice(&mut self, choice: u64) -> Result<(), ReadError> {
        if choice != BESIDE && self.choices.insert(choice) && self.choices.len() > CHOICES_MAX {
            return Err(ReadError::TooMany { what: "choices", max: CHOICES_MAX });
        }
        Ok(())
    }

    fn slot(&mut self, choice: u64, place: Place) -> Result<&mut String, ReadError> {
        self.choice(choice)?;
        Ok(&mut self.parts.entry((choice, place.order())).or_insert_with(|| (place, String::new())).1)
    }

    fn add(&mut self, choice: u64, place: Place, text: &str) -> Result<Option<Delta>, ReadError> {
        if text.is_empty() {
            self.choice(choice)?;
            return Ok(None);
        }
        self.slot(choice, place)?.push_str(text);
        Ok(Some(Delta { part: place.name(choice), kind: place.kind(), text: text.to_owned() }))
    }

    pub(super) fn read(mut self) -> Read {
        for choice in std::mem::take(&mut self.choices) {
            let has = |p: Place| self.parts.contains_key(&(choice, p.order()));
            // A choice without any text still is one: its empty text is what gets judged, unless it calls tools.
            if !has(Place::Text) && !has(Place::Refusal) && !has(Place::Name(0)) {
                self.parts.insert((choice, Place::Text.order()), (Place::Text, String::new()));
            }
        }
        let part = |((choice, _), (place, text)): ((u64, _), (Place, String))| Part {
            name: place.name(choice),
            kind: place.kind(),
            text,
        };
        Read {
            parts: self.parts.into_iter().map(part).collect(),
            finish: self.finish.into_iter().collect(),
            model: self.model,
            usage: self.usage,
            logprobs: self.logprobs,
        }
    }
}
