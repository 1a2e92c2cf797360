//! Prompts: a template over the input, and what the model is told when a check objected.
//!
//! A template is text with placeholders: `{{input.field}}` is the field (a string as it is, anything else as JSON),
//! `{{input}}` the whole input as JSON. There is nothing else: no loops, no conditions. A template with placeholders
//! becomes one message of the user; one without becomes the system's message, followed by the input as JSON.

use crate::fields::{Field, Root};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Instructions.
    System,
    /// The request.
    User,
    /// An earlier answer of the model.
    Assistant,
}

/// A message to a model.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Why a prompt was not rendered.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RenderError {
    /// The template names a field that this input does not have.
    #[error(
        "the prompt names `{0}`, which the input does not have; the model was not asked. Send the field, or make the prompt do without it"
    )]
    Missing(String),
}

/// A parsed template.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Clone, PartialEq, Debug)]
enum Piece {
    Text(String),
    Field(Field, String),
}

impl Template {
    /// Reads a template. Placeholders must be closed, name the input, and no withheld field.
    pub(crate) fn parse(text: &str, withheld: &[Vec<String>]) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, tail) = after.split_once("}}").ok_or("a placeholder of the prompt is not closed with `}}`")?;
            let name = name.trim();
            let field = Field::parse(name)
                .filter(|f| f.root == Root::Input)
                .ok_or_else(|| format!("`{{{{{name}}}}}` is no placeholder; write `{{{{input.field}}}}`"))?;
            if withheld.iter().any(|w| field.names.starts_with(w)) {
                return Err(format!("the prompt names `{name}`, which `withhold` keeps from the model"));
            }
            pieces.push(Piece::Text(before.to_owned()));
            pieces.push(Piece::Field(field, name.to_owned()));
            rest = tail;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        Ok(Self { pieces })
    }

    pub(crate) fn render(&self, input: &Value) -> Result<Vec<Message>, RenderError> {
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(field, name) => {
                    let found = field.select(input);
                    match found.as_slice() {
                        [] => return Err(RenderError::Missing(name.clone())),
                        [one] => push_value(&mut out, one),
                        many => push_value(&mut out, &Value::Array(many.iter().map(|v| (*v).clone()).collect())),
                    }
                }
            }
        }
        if self.pieces.len() > 1 {
            return Ok(vec![Message { role: Role::User, content: out }]);
        }
        Ok(vec![Message { role: Role::System, content: out }, as_json(input)])
    }
}

fn push_value(out: &mut String, value: &Value) {
    match value {
        Value::String(s) => out.push_str(s),
        other => out.push_str(&other.to_string()),
    }
}

/// The input as JSON: what a model is asked where there is no prompt.
pub(crate) fn as_json(input: &Value) -> Message {
    Message { role: Role::User, content: input.to_string() }
}
