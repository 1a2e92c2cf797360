//! Lengths of time as people write them: `30s`, `4h`, `60d`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A length of time: a whole number and one of `ms s min h d w y` (a day 24 h, a year 365 d).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    millis: u64,
}

/// A text that is not a length of time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a length of time: write a whole number and one of `ms`, `s`, `min`, `h`, `d`, `w`, `y`, as in `4h`"
)]
pub struct ParseSpanError(String);

const UNITS: [(&str, u64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("min", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// The longest span: 200 years. Longer ones are mistakes, and would overflow a calendar.
const MAX_MS: u64 = 200 * 365 * 86_400_000;

impl Span {
    /// From milliseconds, held to 200 years.
    #[must_use]
    pub fn from_millis(millis: u64) -> Self {
        Self { millis: millis.min(MAX_MS) }
    }

    /// In milliseconds.
    #[must_use]
    pub const fn as_millis(&self) -> u64 {
        self.millis
    }

    /// In milliseconds, signed, for arithmetic with [`crate::Time`].
    #[must_use]
    pub fn signed_millis(&self) -> i64 {
        i64::try_from(self.millis).unwrap_or(i64::MAX)
    }
}

impl std::str::FromStr for Span {
    type Err = ParseSpanError;

    fn from_str(s: &str) -> Result<Self, ParseSpanError> {
        let error = || ParseSpanError(s.chars().take(80).collect());
        let digits = s.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = s.split_at(digits);
        let number: u64 = number.parse().map_err(|_| error())?;
        let (_, scale) = UNITS.iter().find(|(name, _)| *name == unit.trim()).ok_or_else(error)?;
        let millis = number.checked_mul(*scale).filter(|ms| *ms <= MAX_MS).ok_or_else(error)?;
        Ok(Self { millis })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |(_, scale): &&(&str, u64)| self.millis.is_multiple_of(*scale) && self.millis > 0;
        match UNITS.iter().filter(|(name, _)| *name != "w" && *name != "y").find(fits) {
            Some((name, scale)) => write!(f, "{}{name}", self.millis / scale),
            None => write!(f, "{}s", self.millis / 1_000),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_print() {
        for (text, ms, back) in
            [("30s", 30_000, "30s"), ("0s", 0, "0s"), ("90min", 5_400_000, "90min"), ("2y", 63_072_000_000, "730d")]
        {
            let span: Span = text.parse().unwrap();
            assert_eq!((span.as_millis(), span.to_string().as_str()), (ms, back));
        }
        for bad in ["", "4", "h", "-1h", "4 hours", "1.5h", "999999999999y"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }
}
