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
        let part = Part { name: "choices.0.text".to_owned(), kind: PartKind::Text, text: text.into() };
        Self { parts: vec![part], ..Self::default() }
    }

    /// A candidate that is one JSON value.
    #[must_use]
    pub fn value(output: &serde_json::Value) -> Self {
        Self::text(output.to_string())
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

/// A token of the answer with its log-probability.
#[derive(Clone, PartialEq, Debug)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
}
