//! The members of an object, taken out one by one: what is left over is what this version does not know.

use super::ReadError;
use serde_json::{Map, Value};

/// The longest name of a member that counts as a name, and not as text.
const NAME_CHARS_MAX: usize = 64;

/// The members of an object that were not taken yet.
#[derive(Debug, Default)]
pub(crate) struct Fields(Map<String, Value>);

impl Fields {
    /// Reads an object.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        Self::of(crate::json::parse(bytes).map_err(|e| ReadError::odd(e.to_string()))?, "it")
    }

    /// The members of a value that has to be an object.
    pub(crate) fn of(value: Value, name: &str) -> Result<Self, ReadError> {
        match value {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(odd(name)),
        }
    }

    /// Takes a member; `null` counts as absent.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.shift_remove(name).filter(|v| !v.is_null())
    }

    /// Looks at a member that is a text.
    pub(crate) fn peek(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// Looks at a member that is a count.
    pub(crate) fn peek_number(&self, name: &str) -> Option<u64> {
        self.0.get(name).and_then(Value::as_u64)
    }

    /// Takes a text.
    pub(crate) fn text(&mut self, name: &str) -> Result<Option<String>, ReadError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(odd(name)),
        }
    }

    /// Takes a count.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<u64>, ReadError> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => value.as_u64().map(Some).ok_or_else(|| odd(name)),
        }
    }

    /// Takes an object.
    pub(crate) fn object(&mut self, name: &str) -> Result<Option<Self>, ReadError> {
        self.take(name).map(|value| Self::of(value, name)).transpose()
    }

    /// Takes a list.
    pub(crate) fn list(&mut self, name: &str) -> Result<Option<Vec<Value>>, ReadError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items)),
            Some(_) => Err(odd(name)),
        }
    }

    /// Takes members that hold no text of the model.
    pub(crate) fn skip(&mut self, names: &[&str]) {
        for name in names {
            self.0.shift_remove(*name);
        }
    }

    /// What is left and says something, a line for each member: numbers and the like say nothing.
    pub(crate) fn rest(self) -> String {
        let mut out = String::new();
        for (name, value) in self.0.iter().filter(|(name, value)| speaks(value) || !is_name(name)) {
            out.push_str(name);
            out.push_str(": ");
            out.push_str(&value.to_string());
            out.push('\n');
        }
        out
    }

    /// All that is left, as it is.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.0)
    }
}

/// The error of a member that is something else.
pub(crate) fn odd(name: &str) -> ReadError {
    ReadError::odd(format!("`{name}` is not of its kind"))
}

/// Whether a value holds any text.
pub(crate) fn speaks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => items.iter().any(speaks),
        Value::Object(map) => map.iter().any(|(name, value)| speaks(value) || !is_name(name)),
    }
}

/// A name of a member as programs write them; anything else could be text.
fn is_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}
