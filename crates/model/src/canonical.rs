//! RFC 8785 (JSON Canonicalization Scheme): the one byte form that is hashed and signed.

use serde::Serialize;
use serde_json::Value;

/// Why a value has no canonical form.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum CanonicalError {
    /// The value could not be represented as JSON at all.
    #[error("the value is not JSON: {0}")]
    NotJson(String),
    /// An integer that a double cannot hold exactly: RFC 8785 numbers are IEEE 754 doubles.
    #[error("the integer `{0}` is beyond 2^53 and has no exact RFC 8785 form; write it as a string")]
    InexactInteger(String),
}

/// The RFC 8785 bytes of anything that serialises.
///
/// # Errors
/// [`CanonicalError`] where the value is not JSON, or holds an integer beyond ±2^53.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let value = serde_json::to_value(value).map_err(|e| CanonicalError::NotJson(e.to_string()))?;
    canonical_value(&value)
}

/// The RFC 8785 bytes of a JSON value.
///
/// # Errors
/// [`CanonicalError::InexactInteger`] where an integer is beyond ±2^53.
pub fn canonical_value(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::with_capacity(256);
    write_value(&mut out, value)?;
    Ok(out)
}

fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<(), CanonicalError> {
    match value {
        Value::Null => out.extend_from_slice(b"null"),
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::Number(n) => write_number(out, n)?,
        Value::String(s) => write_string(out, s),
        Value::Array(items) => {
            out.push(b'[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_value(out, item)?;
            }
            out.push(b']');
        }
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            // RFC 8785 § 3.2.3 sorts by UTF-16 code units; for ASCII that is byte order.
            entries.sort_unstable_by(|(a, _), (b, _)| {
                if a.is_ascii() && b.is_ascii() { a.cmp(b) } else { a.encode_utf16().cmp(b.encode_utf16()) }
            });
            out.push(b'{');
            for (i, (key, item)) in entries.into_iter().enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                write_string(out, key);
                out.push(b':');
                write_value(out, item)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// The largest integer that a double holds exactly.
const EXACT: u64 = 1 << 53;

fn write_number(out: &mut Vec<u8>, n: &serde_json::Number) -> Result<(), CanonicalError> {
    let inexact = || CanonicalError::InexactInteger(n.to_string());
    if let Some(u) = n.as_u64() {
        if u > EXACT {
            return Err(inexact());
        }
        out.extend_from_slice(u.to_string().as_bytes());
    } else if let Some(i) = n.as_i64() {
        if i.unsigned_abs() > EXACT {
            return Err(inexact());
        }
        out.extend_from_slice(i.to_string().as_bytes());
    } else {
        let f = n.as_f64().ok_or_else(inexact)?;
        let mut buffer = ryu_js::Buffer::new();
        out.extend_from_slice(buffer.format(f).as_bytes());
    }
    Ok(())
}

fn write_string(out: &mut Vec<u8>, s: &str) {
    out.push(b'"');
    // Stretches without an escape are copied whole: almost every string of an event is one.
    let mut rest = s;
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
    out.push(b'"');
}

#[cfg(test)]
mod tests;
