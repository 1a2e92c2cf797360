//! Reading JSON that nobody vouches for: bounded, and without members that are there twice (two readers would see two
//! values).

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::de::{Deserializer, Read};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The most bytes of text that are judged: larger candidates are not inspected, and therefore not released.
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// The most values (scalars, arrays, objects) in one JSON text: bounds what checks have to walk.
pub const NODES_MAX: usize = 100_000;

/// Why a text is no usable JSON. It quotes nothing of the text.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum JsonFault {
    /// It is not JSON, or nested deeper than 127 levels.
    #[error("line {line} column {column} is not JSON")]
    NotJson {
        /// Counted from one.
        line: usize,
        /// Counted from one, in bytes; zero where the line before ended.
        column: usize,
    },
    /// A member is there twice in one object.
    #[error("a member is there twice at line {line} column {column}")]
    Twice {
        /// Counted from one.
        line: usize,
        /// Counted from one, in bytes; zero where the line before ended.
        column: usize,
    },
    /// Too many bytes.
    #[error("it holds more than {most} bytes")]
    TooLong {
        /// The bound.
        most: usize,
    },
    /// Too many values.
    #[error("it holds more than {most} values")]
    TooMany {
        /// The bound.
        most: usize,
    },
}

impl JsonFault {
    /// Its stable code, as findings say it.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotJson { .. } => "not_json",
            Self::Twice { .. } => "duplicate_key",
            Self::TooLong { .. } | Self::TooMany { .. } => "too_large",
        }
    }
}

/// Reads a JSON text that is judged: of [`TEXT_BYTES_MAX`] bytes and [`NODES_MAX`] values at most.
///
/// # Errors
/// [`JsonFault`] where it is not JSON, has a member twice, or is too large.
pub fn parse(text: &str) -> Result<Value, JsonFault> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(JsonFault::TooLong { most: TEXT_BYTES_MAX });
    }
    read_from(Deserializer::from_str(text), NODES_MAX)
}

/// Reads JSON of `most` values at most. Nesting is bounded by the parser at 127 levels.
///
/// # Errors
/// [`JsonFault`] where it is not JSON, has a member twice, or holds more values.
pub fn read(bytes: &[u8], most: usize) -> Result<Value, JsonFault> {
    read_from(Deserializer::from_slice(bytes), most)
}

fn read_from<'de, R: Read<'de>>(mut reader: Deserializer<R>, most: usize) -> Result<Value, JsonFault> {
    let mut state = State { nodes: 0, most, twice: false };
    let value = Seed(&mut state).deserialize(&mut reader).and_then(|v| reader.end().map(|()| v));
    value.map_err(|e| match state {
        State { nodes, .. } if nodes > most => JsonFault::TooMany { most },
        State { twice: true, .. } => JsonFault::Twice { line: e.line(), column: e.column() },
        State { .. } => JsonFault::NotJson { line: e.line(), column: e.column() },
    })
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

/// What the values of one text share.
struct State {
    nodes: usize,
    most: usize,
    twice: bool,
}

struct Seed<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.nodes += 1;
        if self.0.nodes > self.0.most {
            return Err(de::Error::custom("too many values"));
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
        Number::from_f64(v).map(Value::Number).ok_or_else(|| E::custom("no number"))
    }

    fn visit_str<E>(self, v: &str) -> Result<Value, E> {
        Ok(Value::String(v.to_owned()))
    }

    fn visit_string<E>(self, v: String) -> Result<Value, E> {
        Ok(Value::String(v))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Seed(self.0))? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let item = access.next_value_seed(Seed(self.0))?;
            if map.insert(key, item).is_some() {
                self.0.twice = true;
                return Err(de::Error::custom("a member is there twice"));
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
        assert_eq!(parse("{\"a\":1,\n\"b\":{\"x\":1,\"\\u0078\":2}}"), Err(JsonFault::Twice { line: 2, column: 22 }));
        for text in ["NaN", "{\"a\":NaN}", "1e999", "{} {}", "{\"a\":1", "'a'", "\"\\ud800\"", ""] {
            assert!(matches!(parse(text), Err(JsonFault::NotJson { .. })), "{text}");
            assert_eq!(parse(text), read(text.as_bytes(), NODES_MAX), "{text}");
        }
        assert_eq!(read(b"[\n\"\xff\"]", 2), Err(JsonFault::NotJson { line: 2, column: 2 }));
    }

    #[test]
    fn is_bounded() {
        assert!(matches!(parse(&"[".repeat(100_000)), Err(JsonFault::NotJson { .. })));
        let many = Err(JsonFault::TooMany { most: NODES_MAX });
        assert_eq!(parse(&format!("[{}1]", "1,".repeat(NODES_MAX))), many);
        let long = Err(JsonFault::TooLong { most: TEXT_BYTES_MAX });
        assert_eq!(parse(&format!("\"{}\"", "a".repeat(TEXT_BYTES_MAX))), long);
        assert!(read(b"[1,{\"a\":2}]", 4).is_ok());
        assert_eq!(read(b"[1,{\"a\":2}]", 3), Err(JsonFault::TooMany { most: 3 }));
    }

    #[test]
    fn findings_keep_their_codes() {
        let codes = [("{", "not_json"), (r#"{"a":1,"a":1}"#, "duplicate_key")];
        for (text, code) in codes {
            assert_eq!(parse(text).unwrap_err().code(), code);
        }
        assert_eq!(JsonFault::TooLong { most: 1 }.code(), "too_large");
        assert_eq!(JsonFault::TooMany { most: 1 }.code(), "too_large");
    }
}
