//! The types of the step that examples are for: where a text belongs, and what it is.

use serde_json::{Number, Value};

/// The JSON Schemas of a step's input and output, where it has them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shape<'s> {
    /// The input's.
    pub input: Option<&'s Value>,
    /// The output's.
    pub output: Option<&'s Value>,
}

/// The field `expected.verdict` is the guard's own, whatever the output type has.
const VERDICT: &str = "verdict";

impl<'s> Shape<'s> {
    /// The field of an example that a name stands for: itself, or the field of the input or of the output type that is
    /// called so.
    pub(super) fn field_named(&self, name: &str) -> Option<String> {
        if super::is_field(name) {
            return Some(name.to_owned());
        }
        if self.property(self.input, name).is_some() {
            return Some(format!("input.{name}"));
        }
        self.property(self.output, name).map(|_| format!("expected.{name}"))
    }

    /// A text as the value that its field takes; none where it is empty.
    pub(super) fn typed(&self, field: &str, text: &str) -> Option<Value> {
        if text.is_empty() {
            return None;
        }
        let whole = |v: &str| Value::String(v.to_owned());
        let (root, rest) = field.split_once('.').map_or((field, ""), |(root, rest)| (root, rest));
        let schema = match root {
            "input" => self.input,
            "expected" | "output" if rest != VERDICT => self.output,
            _ => return Some(whole(text)),
        };
        let schema = if rest.is_empty() { schema } else { self.property(schema, rest) };
        Some(typed(schema, text).unwrap_or_else(|| whole(text)))
    }

    /// The field of the input that a single text belongs into: the input itself where it is a text, else its only text
    /// field, or the only one that is required.
    pub(super) fn sole_input(&self) -> Option<String> {
        let schema = self.input?;
        if is(schema, "string") {
            return Some("input".to_owned());
        }
        let properties = schema.get("properties")?.as_object()?;
        let texts: Vec<&String> = properties.iter().filter(|(_, s)| is(s, "string")).map(|(n, _)| n).collect();
        let required: Vec<&str> = schema.get("required")?.as_array()?.iter().filter_map(Value::as_str).collect();
        let chosen = match (texts.as_slice(), required.as_slice()) {
            ([only], _) => Some((*only).clone()),
            (several, [one]) if several.iter().any(|t| t == one) => Some((*one).to_owned()),
            _ => None,
        };
        chosen.map(|name| format!("input.{name}"))
    }

    /// The field of the output that a single label is about: the output itself where it is a text, its only field, or its
    /// only one with an enumeration.
    pub(super) fn sole_label(&self) -> Option<String> {
        let Some(schema) = self.output else { return Some("expected".to_owned()) };
        if is(schema, "string") {
            return Some("expected".to_owned());
        }
        let properties = schema.get("properties")?.as_object()?;
        let labels: Vec<&String> = properties.iter().filter(|(_, s)| s.get("enum").is_some()).map(|(n, _)| n).collect();
        match (labels.as_slice(), properties.keys().collect::<Vec<_>>().as_slice()) {
            ([only], _) | (_, [only]) => Some(format!("expected.{only}")),
            _ => None,
        }
    }

    /// Whether the output is JSON with members.
    pub(super) fn output_is_object(&self) -> bool {
        self.output.is_some_and(|schema| is(schema, "object") || schema.get("properties").is_some())
    }

    fn property<'v>(&self, schema: Option<&'v Value>, path: &str) -> Option<&'v Value>
    where
        's: 'v,
    {
        path.split('.').try_fold(schema?, |schema, name| schema.get("properties")?.get(name))
    }
}

/// Whether a schema takes values of this type.
fn is(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(one)) => one == name,
        Some(Value::Array(several)) => several.iter().any(|t| t == name),
        _ => false,
    }
}

/// A text as a value of this schema, where it reads as one. A schema that takes texts keeps them.
fn typed(schema: Option<&Value>, text: &str) -> Option<Value> {
    let schema = schema?;
    if let Some(listed) = schema.get("enum").and_then(Value::as_array) {
        let same = |v: &&Value| v.as_str().map_or_else(|| format!("{v}").as_str() == text, |s| s == text);
        return listed.iter().find(same).cloned();
    }
    if is(schema, "string") {
        return None;
    }
    if is(schema, "integer") || is(schema, "number") {
        let trimmed = text.trim();
        let whole = trimmed.parse::<i64>().ok().map(Number::from);
        let number = whole.or_else(|| trimmed.parse::<f64>().ok().and_then(Number::from_f64));
        if let Some(number) = number {
            return Some(Value::Number(number));
        }
    }
    if is(schema, "boolean") {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" => return Some(Value::Bool(true)),
            "false" => return Some(Value::Bool(false)),
            _ => {}
        }
    }
    let composite = is(schema, "object") || is(schema, "array") || schema.get("properties").is_some();
    // serde_json ends recursion at 128 levels by itself.
    composite.then(|| serde_json::from_str(text).ok()).flatten()
}
