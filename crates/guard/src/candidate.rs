//! The output under judgement, in parts.

/// The output under judgement.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Candidate {
    /// Its parts. Every `Text` part is an output of its own: each choice is judged.
    pub parts: Vec<Part>,
    /// The confidence that the caller claims (for `confidence: caller`).
    pub confidence: Option<f64>,
    /// Log-probabilities of the first text part's tokens, in order; empty where there are none.
    pub logprobs: Vec<TokenLogprob>,
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
    /// Arguments of a tool call.
    ToolArguments,
    /// Reasoning that the client would see.
    Reasoning,
}

/// A token of the answer with its log-probability.
#[derive(Clone, PartialEq, Debug)]
pub struct TokenLogprob {
    /// The token's text.
    pub token: String,
    /// The natural logarithm of its probability.
    pub logprob: f64,
}
