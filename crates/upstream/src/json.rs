//! Reading the JSON of a provider: bounded, and without members that are there twice (two readers would see two
//! values).

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::fmt;

/// The most values in one JSON text. A long answer with log-probabilities has some hundred thousand; a value takes
/// up to a hundred bytes of memory, whatever it took on the wire.
pub const NODES_MAX: usize = 1_000_000;

/// Why a text is no usable JSON. It quotes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum JsonError {
    #[error("line {line} column {column} is not JSON")]
    NotJson { line: usize, column: usize },
    #[error("a member is there twice at line {line} column {column}")]
    Twice { line: usize, column: usize },
    #[error("it holds more than {NODES_MAX} values")]
    TooMany,
}

/// Reads a JSON text; nesting is bounded by the parser at 127 levels.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonError> {
    let mut state = State { nodes: 0, twice: false };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Seed(&mut state).deserialize(&mut reader).and_then(|v| reader.end().map(|()| v));
    value.map_err(|e| match &state {
        State { nodes, .. } if *nodes > NODES_MAX => JsonError::TooMany,
        State { twice: true, .. } => JsonError::Twice { line: e.line(), column: e.column() },
        State { .. } => JsonError::NotJson { line: e.line(), column: e.column() },
    })
}

struct State {
    nodes: usize,
    twice: bool,
}

struct Seed<'s>(&'s mut State);

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.nodes += 1;
        if self.0.nodes > NODES_MAX {
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
    fn reads_what_is_json_and_refuses_what_reads_twice() {
        let text = r#" {"a":[1,-2,2.5,18446744073709551615,null,true,"\u00e9"],"b":{"c":{}}} "#;
        assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert!(matches!(parse(br#"{"a":{"x":1,"\u0078":2}}"#), Err(JsonError::Twice { .. })));
        for bad in ["", "{", "{} {}", "1e999", "NaN", "\"\\ud800\""] {
            assert!(matches!(parse(bad.as_bytes()), Err(JsonError::NotJson { .. })), "{bad}");
        }
    }

    #[test]
    fn memory_is_bounded() {
        assert_eq!(parse(format!("[{}1]", "1,".repeat(NODES_MAX)).as_bytes()), Err(JsonError::TooMany));
        assert!(matches!(parse("[".repeat(1 << 20).as_bytes()), Err(JsonError::NotJson { .. })));
    }
}
