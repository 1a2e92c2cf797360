//! Writing canonical bytes in one pass: members are written as they come, and an object puts them in order when it ends.

mod open;

use super::CanonicalError;
use super::keys::KeyWriter;
use serde::Serialize;
use serde::ser::{self, Serializer};
use std::fmt;
use std::io::Write as _;

/// The largest integer that a double holds exactly.
const EXACT: u64 = 1 << 53;

/// What an event has: its bytes fit, and nothing is moved while they are written.
const USUAL_BYTES: usize = 4_096;

/// How `serde_json` names a text that is JSON already; its own writer knows it by this name as well.
const RAW: &str = "$serde_json::private::RawValue";

/// Writes one value.
pub(super) struct Writer {
    out: Vec<u8>,
    /// Names of the members of the objects that are open, one behind the other.
    keys: String,
    /// Members of the objects that are open, the innermost object's last.
    members: Vec<Member>,
    /// An object while it is put in order.
    ordered: Vec<u8>,
    /// Whether a number that is not finite becomes `null`.
    null_for_none: bool,
}

/// A member of an object: its name within `keys`, and all of it within `out`.
#[derive(Clone, Copy)]
struct Member {
    key: (usize, usize),
    from: usize,
    to: usize,
}

impl Writer {
    pub(super) fn new(null_for_none: bool) -> Self {
        Self {
            out: Vec::with_capacity(USUAL_BYTES),
            keys: String::new(),
            members: Vec::new(),
            ordered: Vec::new(),
            null_for_none,
        }
    }

    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        self.out.shrink_to_fit();
        self.out
    }

    fn open(&mut self, text: &str, close: &'static str) -> Object<'_> {
        self.out.extend_from_slice(text.as_bytes());
        let (start, first, keys) = (self.out.len(), self.members.len(), self.keys.len());
        Object { writer: self, start, first, keys, close, raw: false }
    }

    fn list(&mut self, text: &str, close: &'static str) -> List<'_> {
        self.out.extend_from_slice(text.as_bytes());
        let start = self.out.len();
        List { writer: self, start, close }
    }

    /// `{"variant":` before a variant's content.
    fn variant(&mut self, variant: &str) {
        self.out.push(b'{');
        write_string(&mut self.out, variant);
        self.out.push(b':');
    }

    fn display(&mut self, value: impl fmt::Display) -> Result<(), CanonicalError> {
        write!(self.out, "{value}").map_err(|e| CanonicalError::NotJson(e.to_string()))
    }

    fn key_of(&self, member: &Member) -> &str {
        self.keys.get(member.key.0..member.key.1).unwrap_or_default()
    }
}

/// RFC 8785 § 3.2.3 sorts by UTF-16 code units; for ASCII that is byte order.
fn order(a: &str, b: &str) -> std::cmp::Ordering {
    if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
}

pub(super) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    write_escaped(out, text);
    out.push(b'"');
}

fn write_escaped(out: &mut Vec<u8>, text: &str) {
    // Stretches without an escape are copied whole: almost every string of an event is one.
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\') {
        // All bytes that are escaped are ASCII, so both cuts are between characters.
        let (plain, from) = rest.split_at(at);
        let (escaped, after) = from.split_at(1);
        out.extend_from_slice(plain.as_bytes());
        match escaped {
            "\"" => out.extend_from_slice(b"\\\""),
            "\\" => out.extend_from_slice(b"\\\\"),
            "\u{8}" => out.extend_from_slice(b"\\b"),
            "\u{9}" => out.extend_from_slice(b"\\t"),
            "\u{a}" => out.extend_from_slice(b"\\n"),
            "\u{c}" => out.extend_from_slice(b"\\f"),
            "\u{d}" => out.extend_from_slice(b"\\r"),
            other => out.extend(other.bytes().flat_map(|b| format!("\\u{b:04x}").into_bytes())),
        }
        rest = after;
    }
    out.extend_from_slice(rest.as_bytes());
}

/// What is displayed, escaped as it comes.
struct Escaped<'a>(&'a mut Vec<u8>);

impl fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write_escaped(self.0, text);
        Ok(())
    }
}

impl ser::Error for CanonicalError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::NotJson(message.to_string())
    }
}

type Done = Result<(), CanonicalError>;

impl<'a> Serializer for &'a mut Writer {
    type Ok = ();
    type Error = CanonicalError;
    type SerializeSeq = List<'a>;
    type SerializeTuple = List<'a>;
    type SerializeTupleStruct = List<'a>;
    type SerializeTupleVariant = List<'a>;
    type SerializeMap = Object<'a>;
    type SerializeStruct = Object<'a>;
    type SerializeStructVariant = Object<'a>;

    fn serialize_bool(self, v: bool) -> Done {
        self.out.extend_from_slice(if v { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, v: i8) -> Done {
        self.serialize_i64(v.into())
    }

    fn serialize_i16(self, v: i16) -> Done {
        self.serialize_i64(v.into())
    }

    fn serialize_i32(self, v: i32) -> Done {
        self.serialize_i64(v.into())
    }

    fn serialize_i64(self, v: i64) -> Done {
        if v.unsigned_abs() > EXACT {
            return Err(CanonicalError::InexactInteger(v.to_string()));
        }
        self.display(v)
    }

    fn serialize_i128(self, v: i128) -> Done {
        match (u64::try_from(v), i64::try_from(v)) {
            (Ok(v), _) => self.serialize_u64(v),
            (_, Ok(v)) => self.serialize_i64(v),
            _ => Err(CanonicalError::NotJson("number out of range".to_owned())),
        }
    }

    fn serialize_u8(self, v: u8) -> Done {
        self.serialize_u64(v.into())
    }

    fn serialize_u16(self, v: u16) -> Done {
        self.serialize_u64(v.into())
    }

    fn serialize_u32(self, v: u32) -> Done {
        self.serialize_u64(v.into())
    }

    fn serialize_u64(self, v: u64) -> Done {
        if v > EXACT {
            return Err(CanonicalError::InexactInteger(v.to_string()));
        }
        self.display(v)
    }

    fn serialize_u128(self, v: u128) -> Done {
        let v = u64::try_from(v).map_err(|_| CanonicalError::NotJson("number out of range".to_owned()))?;
        self.serialize_u64(v)
    }

    fn serialize_f32(self, v: f32) -> Done {
        self.serialize_f64(v.into())
    }

    fn serialize_f64(self, v: f64) -> Done {
        if !v.is_finite() {
            return if self.null_for_none { self.serialize_unit() } else { Err(CanonicalError::NotFinite) };
        }
        self.out.extend_from_slice(ryu_js::Buffer::new().format(v).as_bytes());
        Ok(())
    }

    fn serialize_char(self, v: char) -> Done {
        self.serialize_str(v.encode_utf8(&mut [0; 4]))
    }

    fn serialize_str(self, v: &str) -> Done {
        write_string(&mut self.out, v);
        Ok(())
    }

    fn serialize_bytes(self, v: &[u8]) -> Done {
        self.collect_seq(v)
    }

    fn serialize_none(self) -> Done {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Done {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Done {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Done {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Done {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Done {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'a>, CanonicalError> {
        Ok(self.list("[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'a>, CanonicalError> {
        Ok(self.list("[", "]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'a>, CanonicalError> {
        Ok(self.list("[", "]"))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<List<'a>, CanonicalError> {
        self.variant(variant);
        Ok(self.list("[", "]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'a>, CanonicalError> {
        Ok(self.open("{", "}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'a>, CanonicalError> {
        if name == RAW {
            return Ok(Object { raw: true, ..self.open("", "") });
        }
        Ok(self.open("{", "}"))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Object<'a>, CanonicalError> {
        self.variant(variant);
        Ok(self.open("{", "}}"))
    }

    fn collect_str<T: fmt::Display + ?Sized>(self, value: &T) -> Done {
        self.out.push(b'"');
        fmt::Write::write_fmt(&mut Escaped(&mut self.out), format_args!("{value}")).map_err(ser::Error::custom)?;
        self.out.push(b'"');
        Ok(())
    }
}

/// A list that is open.
pub(super) struct List<'a> {
    writer: &'a mut Writer,
    start: usize,
    close: &'static str,
}

impl List<'_> {
    fn add<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        if self.writer.out.len() > self.start {
            self.writer.out.push(b',');
        }
        value.serialize(&mut *self.writer)
    }

    fn close(self) -> Done {
        self.writer.out.extend_from_slice(self.close.as_bytes());
        Ok(())
    }
}

/// An object that is open.
pub(super) struct Object<'a> {
    writer: &'a mut Writer,
    /// Where its members begin: in `out`, among the members, and in `keys`.
    start: usize,
    first: usize,
    keys: usize,
    close: &'static str,
    /// It is none, but a text that is JSON already.
    raw: bool,
}

impl Object<'_> {
    fn key<T: Serialize + ?Sized>(&mut self, key: &T) -> Done {
        let from = self.writer.keys.len();
        key.serialize(KeyWriter(&mut self.writer.keys))?;
        self.begin(from);
        Ok(())
    }

    /// A member begins, whose name is the end of `keys` from here on.
    fn begin(&mut self, key: usize) {
        let writer = &mut *self.writer;
        if writer.out.len() > self.start {
            writer.out.push(b',');
        }
        let from = writer.out.len();
        write_string(&mut writer.out, writer.keys.get(key..).unwrap_or_default());
        writer.out.push(b':');
        writer.members.push(Member { key: (key, writer.keys.len()), from, to: from });
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Done {
        value.serialize(&mut *self.writer)?;
        let to = self.writer.out.len();
        if let Some(member) = self.writer.members.last_mut() {
            member.to = to;
        }
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, key: &str, value: &T) -> Done {
        if self.raw {
            let json = serde_json::to_value(value).map_err(ser::Error::custom)?;
            let text = json.as_str().unwrap_or_default();
            let read: serde_json::Value = serde_json::from_str(text).map_err(ser::Error::custom)?;
            return read.serialize(&mut *self.writer);
        }
        let from = self.writer.keys.len();
        self.writer.keys.push_str(key);
        self.begin(from);
        self.value(value)
    }

    fn close(self) -> Done {
        let writer = &mut *self.writer;
        let members = writer.members.get(self.first..).unwrap_or_default();
        let sorted = |pair: &[Member]| match pair {
            [a, b] => order(writer.key_of(a), writer.key_of(b)).is_lt(),
            _ => true,
        };
        if !members.windows(2).all(sorted) {
            writer.put_in_order(self.start, self.first);
        }
        writer.members.truncate(self.first);
        writer.keys.truncate(self.keys);
        writer.out.extend_from_slice(self.close.as_bytes());
        Ok(())
    }
}

impl Writer {
    /// Writes the members from `first` on again, in order; of those with one name the last stays.
    fn put_in_order(&mut self, start: usize, first: usize) {
        let Self { out, keys, members, ordered, .. } = self;
        let key = |m: &Member| keys.get(m.key.0..m.key.1).unwrap_or_default();
        let members = members.get_mut(first..).unwrap_or_default();
        members.sort_by(|a, b| order(key(a), key(b)));
        ordered.clear();
        for (i, member) in members.iter().enumerate() {
            if members.get(i + 1).is_some_and(|next| key(next) == key(member)) {
                continue;
            }
            if !ordered.is_empty() {
                ordered.push(b',');
            }
            ordered.extend_from_slice(out.get(member.from..member.to).unwrap_or_default());
        }
        out.truncate(start);
        out.extend_from_slice(ordered);
    }
}
