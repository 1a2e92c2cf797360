//! The output under judgement, in parts.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The output under judgement.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Candidate {
    /// Its parts. Every `Text` part is an output of its own: each choice is judged.
    pub parts: Vec<Part>,
    /// The confidence that the caller claims (for `confidence: caller`).
    pub confidence: Option<f64>,
    /// Log-probabilities of the first text part's tokens, in order; empty where there are none.
    pub logprobs: Vec<TokenLogprob>,
    /// What others were asked about it.
    pub aside: Aside,
}

/// What was asked beside the candidate, for checks that no machine can do alone: judges' outputs and further samples.
/// It is kept as the payload `aside`, so that findings recompute.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Aside {
    /// By judging step: its output, or why there is none (`model_unreachable`, `timed_out`, `denied`, …).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub judged: BTreeMap<String, Judged>,
    /// Further samples of the same ask: their texts, or why there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<Judged>,
    /// The same of the changed bytes, where something was redacted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified: Option<Box<Aside>>,
}

impl Aside {
    /// Whether nobody was asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.judged.is_empty() && self.samples.is_empty()
    }
}

/// What somebody who was asked said.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Judged {
    /// An output.
    Said(serde_json::Value),
    /// None, and this code says why.
    Failed(String),
}

impl Candidate {
    /// A candidate that is one text.
    #[must_use]
    pub fn text(text: impl Into<String>) -> Self {
        let part = Part { name: TEXT_PART.to_owned(), kind: PartKind::Text, text: text.into() };
        Self { parts: vec![part], ..Self::default() }
    }

    /// A candidate that is one JSON value.
    #[must_use]
    pub fn value(output: &serde_json::Value) -> Self {
        Self::text(output.to_string())
    }
}

/// The name of a candidate's part that is one text alone.
pub(crate) const TEXT_PART: &str = "choices.0.text";

/// A part, as a payload of several parts holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    part: String,
    text: String,
}

impl Candidate {
    /// The candidate of a decision, from the names of the parts that its facts list, its payload `output` (one part is
    /// kept as its text, several as a JSON list of their names and texts), and its payload `aside`, where it has one.
    /// Names of parts of the call ([`INPUT_PART`]) are none of its.
    ///
    /// # Errors
    /// Why the payloads cannot be such a candidate.
    pub fn rebuild(names: &[&str], output: &[u8], aside: Option<&[u8]>) -> Result<Self, String> {
        let text = std::str::from_utf8(output).map_err(|_| "its payload `output` is not UTF-8")?;
        let mut own = names.iter().filter(|name| !name.starts_with(INPUT_PART));
        let stored = match (own.next(), own.next()) {
            (Some(only), None) => vec![Stored { part: (*only).to_owned(), text: text.to_owned() }],
            _ => serde_json::from_str(text).map_err(|_| "its payload `output` is not a list of parts")?,
        };
        let part = |s: Stored| Part { kind: PartKind::of_name(&s.part), name: s.part, text: s.text };
        let aside = match aside {
            Some(bytes) => {
                serde_json::from_slice(bytes).map_err(|_| "its payload `aside` is not what judges and samples said")?
            }
            None => Aside::default(),
        };
        Ok(Self { parts: stored.into_iter().map(part).collect(), aside, ..Self::default() })
    }
}

/// One part of a candidate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// Its name: `choices.0.text`, `choices.0.tool_calls.1.arguments`, `choices.0.reasoning`.
    pub name: String,
    /// Its kind.
    pub kind: PartKind,
    /// Its text, as it came.
    pub text: String,
}

/// Kinds of parts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PartKind {
    /// The answer.
    Text,
    /// The name of a tool that is to be called (`choices.0.tool_calls.1.name`); its arguments are the part of the same
    /// name that ends in `.arguments`.
    ToolName,
    /// Arguments of a tool call.
    ToolArguments,
    /// Reasoning that the client would see.
    Reasoning,
    /// What this version does not know, as JSON: a client might show it.
    Other,
}

impl PartKind {
    /// The kind of a part, by its name: names are given so that they say it.
    #[must_use]
    pub fn of_name(name: &str) -> Self {
        let last = name.rsplit('.').next();
        if name.contains(".tool_calls.") {
            return if last == Some("name") { Self::ToolName } else { Self::ToolArguments };
        }
        match last {
            Some("reasoning") => Self::Reasoning,
            Some("other") => Self::Other,
            _ => Self::Text,
        }
    }
}

/// A token of the answer with its log-probability.
#[derive(Clone, PartialEq, Debug)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
}

/// How the names of parts of a call begin, where a decision lists them as not inspected. All others are the answer's.
pub const INPUT_PART: &str = "input.";

/// The parts of an answer as one payload keeps them: one part as its text, several as a JSON list of names and texts.
#[must_use]
pub fn payload_of(parts: &[Part]) -> String {
    match parts {
        [only] => only.text.clone(),
        parts => {
            let stored = parts.iter().map(|p| serde_json::json!({ "part": p.name, "text": p.text }));
            serde_json::Value::Array(stored.collect()).to_string()
        }
    }
}
