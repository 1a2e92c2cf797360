//! A JSON object whose members stay as they were written: what is not understood passes untouched.

use bytes::Bytes;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::ser::{Error as _, Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

/// The most members that one object may have: real requests have under 60.
pub const MEMBERS_MAX: usize = 1_000;

/// The deepest nesting of a body. Real requests with tool schemas stay below 40; parsers that recurse break at
/// some hundreds.
pub const DEPTH_MAX: usize = 100;

/// Up to so many members, a name is looked for among those before it by comparing: that needs no memory.
const COMPARED_MAX: usize = 32;

/// An object in its own order, each value in its own bytes: a part of the text that was read, which is not copied. Two
/// members of the same name are refused, in whatever case: of `messages` and `Messages`, one parser reads the first,
/// another the second.
#[derive(Debug, Clone, Default)]
pub struct RawObject {
    members: Vec<(Name, Raw)>,
}

/// A member's name.
type Name = Cow<'static, str>;

/// A value as JSON, and nothing but JSON.
#[derive(Clone, Default)]
struct Raw(Bytes);

impl Raw {
    fn get(&self) -> &str {
        // It was a text when it was read or written.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.get())
    }
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
        Self::read(&Bytes::copy_from_slice(bytes))
    }

    /// The same without a copy: the members are parts of these bytes.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn read(bytes: &Bytes) -> Result<Self, RawError> {
        if depth(bytes) > DEPTH_MAX {
            return Err(RawError(format!("the JSON nests deeper than `{DEPTH_MAX}` levels")));
        }
        Self::read_within(bytes)
    }

    /// The same of a value within a text that was read: its depth is known.
    ///
    /// # Errors
    /// As [`Self::parse`], but for the depth.
    pub fn read_within(bytes: &Bytes) -> Result<Self, RawError> {
        let mut reader = serde_json::Deserializer::from_slice(bytes);
        let read = reader.deserialize_map(Members(bytes)).and_then(|members| reader.end().map(|()| members));
        let members = read.map_err(|e| RawError(format!("the text is not one usable JSON object: {e}")))?;
        Ok(Self { members })
    }

    /// The member of that name, as written.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).map(Raw::get)
    }

    /// The member of that name, as the bytes that it was read from.
    #[must_use]
    pub fn get_bytes(&self, name: &str) -> Option<&Bytes> {
        self.raw(name).map(|raw| &raw.0)
    }

    fn raw(&self, name: &str) -> Option<&Raw> {
        self.members.iter().find(|(n, _)| n == name).map(|(_, value)| value)
    }

    /// The member of that name, as text, if it is a string.
    #[must_use]
    pub fn get_str(&self, name: &str) -> Option<String> {
        self.get(name).and_then(text)
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
        let raw = serde_json::to_vec(value).map_err(|e| RawError(e.to_string()))?;
        self.put(name, raw);
        Ok(())
    }

    /// The same for a list of objects: their bytes one behind the other.
    pub fn set_list(&mut self, name: &str, list: &[Self]) {
        let mut raw = Vec::with_capacity(list.iter().map(|o| o.len() + 1).sum::<usize>() + 1);
        raw.push(b'[');
        for (i, object) in list.iter().enumerate() {
            if i > 0 {
                raw.push(b',');
            }
            object.write(&mut raw);
        }
        raw.push(b']');
        self.put(name, raw);
    }

    fn put(&mut self, name: &str, raw: Vec<u8>) {
        let raw = Raw(raw.into());
        match self.members.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => *old = raw,
            None => self.members.push((kept(name), raw)),
        }
    }

    /// Takes the member of that name out.
    pub fn remove(&mut self, name: &str) {
        self.members.retain(|(n, _)| n != name);
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members.iter().map(|(name, _)| name.as_ref())
    }

    /// The bytes: every value that was not replaced is as it came.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.len());
        self.write(&mut out);
        out
    }

    /// About how many bytes it is, and never more where no name needs an escape.
    fn len(&self) -> usize {
        self.members.iter().map(|(name, value)| name.len() + value.0.len() + 4).sum::<usize>() + 2
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(b'{');
        for (i, (name, value)) in self.members.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            // A text has a JSON form, and a vector takes all that is written.
            let _ = serde_json::to_writer(&mut *out, name.as_ref());
            out.push(b':');
            out.extend_from_slice(&value.0);
        }
        out.push(b'}');
    }
}

impl Serialize for RawObject {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.members.len()))?;
        for (name, value) in &self.members {
            let value: &RawValue = serde_json::from_str(value.get()).map_err(S::Error::custom)?;
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// A JSON string's text; none where it is something else.
#[must_use]
pub fn text(raw: &str) -> Option<String> {
    if raw.starts_with('"') { serde_json::from_str(raw).ok() } else { None }
}

/// The items of a list, each in its own bytes; none where it is no list.
#[must_use]
pub fn list(bytes: &Bytes) -> Option<Vec<Bytes>> {
    let items: Vec<&RawValue> = serde_json::from_slice(bytes).ok()?;
    Some(items.into_iter().map(|item| bytes.slice_ref(item.get().as_bytes())).collect())
}

/// The JSON object that a text consists of, read as [`RawObject::parse`] reads one: the same texts are none.
#[must_use]
pub fn object(text: &str) -> Option<serde_json::Value> {
    if !text.trim_ascii_start().starts_with('{') || depth(text.as_bytes()) > DEPTH_MAX {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Values).ok()?;
    reader.end().ok().map(|()| serde_json::Value::Object(members))
}

/// A name as it is kept; those that nearly every request has need no memory of their own.
fn kept(name: &str) -> Name {
    const USUAL: [&str; 14] = [
        "model",
        "messages",
        "role",
        "content",
        "type",
        "text",
        "stream",
        "temperature",
        "max_tokens",
        "id",
        "object",
        "created",
        "choices",
        "usage",
    ];
    USUAL.into_iter().find(|usual| *usual == name).map_or_else(|| Name::Owned(name.to_owned()), Name::Borrowed)
}

/// A name as it is read: without a copy where it has no escapes.
#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// Whether a name, in whatever case, is among those before it.
fn is_twice<'n>(before: impl ExactSizeIterator<Item = &'n str>, seen: &mut HashSet<String>, name: &str) -> bool {
    let mut before = before;
    if before.len() < COMPARED_MAX {
        return before.any(|other| other.eq_ignore_ascii_case(name));
    }
    if seen.is_empty() {
        seen.extend(before.map(str::to_ascii_lowercase));
    }
    !seen.insert(name.to_ascii_lowercase())
}

/// Refuses a member too many, or there twice.
fn next_member<'n, E: de::Error>(
    before: impl ExactSizeIterator<Item = &'n str>,
    seen: &mut HashSet<String>,
    name: &str,
) -> Result<(), E> {
    if before.len() == MEMBERS_MAX {
        return Err(E::custom(format_args!("there are more than `{MEMBERS_MAX}` members")));
    }
    if is_twice(before, seen, name) {
        let shown: String = name.chars().take(80).collect();
        return Err(E::custom(format_args!("the member `{shown}` is there twice")));
    }
    Ok(())
}

struct Members<'b>(&'b Bytes);

impl<'de> Visitor<'de> for Members<'de> {
    type Value = Vec<(Name, Raw)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut seen = HashSet::new();
        let mut members: Self::Value = Vec::with_capacity(8);
        while let Some((Key(name), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
            next_member(members.iter().map(|(n, _)| n.as_ref()), &mut seen, &name)?;
            members.push((kept(&name), Raw(self.0.slice_ref(value.get().as_bytes()))));
        }
        Ok(members)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = serde_json::Map<String, serde_json::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut seen = HashSet::new();
        let mut members = serde_json::Map::new();
        while let Some(name) = map.next_key::<String>()? {
            next_member(members.keys().map(String::as_str), &mut seen, &name)?;
            members.insert(name, map.next_value()?);
        }
        Ok(members)
    }
}

/// How deep brackets nest, outside of strings. Reads every byte once and allocates nothing.
#[must_use]
pub fn depth(bytes: &[u8]) -> usize {
    let (mut now, mut most) = (0usize, 0usize);
    let mut rest = bytes;
    while let Some((byte, after)) = rest.split_first() {
        rest = match byte {
            b'"' => after_string(after),
            b'[' | b'{' => {
                now += 1;
                most = most.max(now);
                after
            }
            b']' | b'}' => {
                now = now.saturating_sub(1);
                after
            }
            _ => after,
        };
    }
    most
}

/// What follows a string whose inside begins here. Of a long text, nothing but its quotes and escapes is looked at.
fn after_string(inside: &[u8]) -> &[u8] {
    let mut rest = inside;
    while let Some(at) = memchr::memchr2(b'"', b'\\', rest) {
        let (_, found) = rest.split_at(at);
        match found {
            [b'"', after @ ..] => return after,
            [b'\\', _, after @ ..] => rest = after,
            _ => break,
        }
    }
    &[]
}

#[cfg(test)]
mod tests;
