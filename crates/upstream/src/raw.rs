//! A JSON object whose members stay as they were written: what is not understood passes untouched.

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::fmt;

/// The most members that one object may have: real requests have under 60.
pub const MEMBERS_MAX: usize = 1_000;

/// The deepest nesting of a body. Real requests with tool schemas stay below 40; parsers that recurse break at
/// some hundreds.
pub const DEPTH_MAX: usize = 100;

/// An object in its own order, each value in its own bytes. Two members of the same name are refused, in
/// whatever case: of `messages` and `Messages`, one parser reads the first, another the second.
#[derive(Debug, Clone, Default)]
pub struct RawObject {
    members: Vec<(String, Box<RawValue>)>,
}

/// Why a text is no usable object.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RawError(String);

impl RawObject {
    /// Reads an object.
    ///
    /// # Errors
    /// Where the bytes are not one JSON object, name a member twice, or nest deeper than [`DEPTH_MAX`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RawError> {
        if depth(bytes) > DEPTH_MAX {
            return Err(RawError(format!("the JSON nests deeper than `{DEPTH_MAX}` levels")));
        }
        serde_json::from_slice(bytes).map_err(|e| RawError(format!("the text is not one usable JSON object: {e}")))
    }

    /// The member of that name, as written.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| value.get())
    }

    /// The member of that name, as text, if it is a string.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<String> {
        self.get(name).and_then(|raw| serde_json::from_str(raw).ok())
    }

    /// The member of that name, if it is `true` or `false`.
    #[must_use]
    pub fn get_bool(&self, name: &str) -> Option<bool> {
        self.get(name).and_then(|raw| serde_json::from_str(raw).ok())
    }

    /// Replaces the member of that name where it stands, or appends it.
    ///
    /// # Errors
    /// Where the value has no JSON form.
    pub fn set<T: Serialize + ?Sized>(&mut self, name: &str, value: &T) -> Result<(), RawError> {
        let raw = serde_json::value::to_raw_value(value).map_err(|e| RawError(e.to_string()))?;
        match self.members.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = raw,
            None => self.members.push((name.to_owned(), raw)),
        }
        Ok(())
    }

    /// Takes the member of that name out.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(n, _)| n != name);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_str())
    }

    /// The bytes: every value that was not replaced is as it came.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for RawObject {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawObject;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RawObject, A::Error> {
                let mut seen = std::collections::HashSet::new();
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if !seen.insert(name.to_ascii_lowercase()) {
                        let shown: String = name.chars().take(80).collect();
                        return Err(de::Error::custom(format_args!("the member `{shown}` is there twice")));
                    }
                    if members.len() == MEMBERS_MAX {
                        return Err(de::Error::custom(format_args!("there are more than `{MEMBERS_MAX}` members")));
                    }
                    members.push((name, value));
                }
                Ok(RawObject { members })
            }
        }
        deserializer.deserialize_map(Members)
    }
}

/// How deep brackets nest, outside of strings. Reads every byte once and allocates nothing.
#[must_use]
pub fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => quoted = true,
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests;
