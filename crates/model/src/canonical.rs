//! RFC 8785 (JSON Canonicalization Scheme): the one byte form that is hashed and signed.

mod keys;
mod write;

use serde::Serialize;
use serde_json::Value;
use write::Writer;

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
    /// A number that is infinite or none at all, where what is written has to be read back.
    #[error("a number is not finite: JSON has no form for it")]
    NotFinite,
}

/// The RFC 8785 bytes of anything that serialises. A number that is not finite becomes `null`, as in JavaScript.
///
/// # Errors
/// [`CanonicalError`] where the value is not JSON, or holds an integer beyond ±2^53.
pub fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut writer = Writer::new(true);
    value.serialize(&mut writer)?;
    Ok(writer.into_bytes())
}

/// The same for what is read back from its bytes: a number that is not finite is refused.
///
/// # Errors
/// As [`canonical`], and [`CanonicalError::NotFinite`].
pub fn canonical_finite<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
    let mut writer = Writer::new(false);
    value.serialize(&mut writer)?;
    Ok(writer.into_bytes())
}

/// The RFC 8785 bytes of a JSON value.
///
/// # Errors
/// [`CanonicalError::InexactInteger`] where an integer is beyond ±2^53.
pub fn canonical_value(value: &Value) -> Result<Vec<u8>, CanonicalError> {
    canonical(value)
}

#[cfg(test)]
mod tests;
