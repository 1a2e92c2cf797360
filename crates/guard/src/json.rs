//! Reading JSON that nobody vouches for: bounded, and without duplicate keys (two readers would see two values).

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::cell::Cell;
use std::fmt;

/// The most bytes of text that are judged: larger candidates are not inspected, and therefore not released.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most values (scalars, arrays, objects) in one JSON text: bounds what checks have to walk.
pub const NODES_MAX: usize = 100_000;

/// Why a text is no usable JSON.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonFault {
    /// It is not JSON, or nested deeper than 127 levels.
    #[error("the text is not JSON; it was not used")]
    NotJson,
    /// A key occurs twice in one object.
    #[error("a key occurs twice in one object; the text was not used, since two readers would see two values")]
    DuplicateKey,
    /// Too many bytes or values.
    #[error("the text is larger than {TEXT_BYTES_MAX} bytes or {NODES_MAX} values; it was not used")]
    TooLarge,
}

impl JsonFault {
    /// Its stable code.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson => "not_json",
            Self::DuplicateKey => "duplicate_key",
            Self::TooLarge => "too_large",
        }
    }
}

/// Reads a JSON text. Nesting is bounded by the parser at 127 levels.
///
/// # Errors
/// [`JsonFault`] where it is not JSON, has a duplicate key, or is too large.
pub fn parse(text: &str) -> Result<Value, JsonFault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(JsonFault::TooLarge);
    }
    let state = State { nodes: Cell::new(0), fault: Cell::new(None) };
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Seed(&state).deserialize(&mut reader).and_then(|v| reader.end().map(|()| v));
    value.map_err(|_| state.fault.get().unwrap_or(JsonFault::NotJson))
}

/// How many values there are in a JSON value, and how many bytes of text.
#[must_use]
pub fn weight(value: &Value) -> (usize, usize) {
    match value {
        Value::String(s) => (1, s.len()),
        Value::Array(items) => items.iter().map(weight).fold((1, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
        Value::Object(map) => map.iter().fold((1, 0), |acc, (key, item)| {
            let (nodes, bytes) = weight(item);
            (acc.0 + nodes, acc.1 + bytes + key.len())
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => (1, 0),
    }
}

struct State {
    nodes: Cell<usize>,
    fault: Cell<Option<JsonFault>>,
}

impl State {
    fn fail<E: de::Error>(&self, fault: JsonFault) -> E {
        self.fault.set(Some(fault));
        E::custom(fault)
    }
}

#[derive(Clone, Copy)]
struct Seed<'s>(&'s State);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        let nodes = self.0.nodes.get() + 1;
        self.0.nodes.set(nodes);
        if nodes > NODES_MAX {
            return Err(self.0.fail(JsonFault::TooLarge));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, v: bool) -> Result<Value, E> {
        Ok(Value::Bool(v))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Value, E> {
        Ok(Value::Number(v.into()))
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<Value, E> {
        Number::from_f64(v).map(Value::Number).ok_or_else(|| self.0.fail(JsonFault::NotJson))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(self)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let item = access.next_value_seed(self)?;
            if map.insert(key, item).is_some() {
                return Err(self.0.fail(JsonFault::DuplicateKey));
            }
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#" {"a":[1,-2,2.5,1e3,18446744073709551615,null,true,"\u00e9"],"b":{"c":{}}} "#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn refuses_what_two_readers_would_read_differently() {
        assert_eq!(parse(r#"{"a":1,"b":{"x":1,"\u0078":2}}"#), Err(JsonFault::DuplicateKey));
        for text in ["NaN", "{\"a\":NaN}", "1e999", "{} {}", "{\"a\":1", "'a'", "\"\\ud800\"", ""] {
            assert_eq!(parse(text), Err(JsonFault::NotJson), "{text}");
        }
    }

    #[test]
    fn is_bounded() {
        assert_eq!(parse(&"[".repeat(100_000)), Err(JsonFault::NotJson));
        assert_eq!(parse(&format!("[{}1]", "1,".repeat(NODES_MAX))), Err(JsonFault::TooLarge));
        assert_eq!(parse(&format!("\"{}\"", "a".repeat(TEXT_BYTES_MAX))), Err(JsonFault::TooLarge));
    }
}
