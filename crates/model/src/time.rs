//! Points in time and calendar days, always in UTC on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A point in time with millisecond precision, written `2026-11-23T09:55:51.123Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

/// A text that is not a point in time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a time: write it as `2026-11-23T09:55:51.123Z`")]
pub struct ParseTimeError(String);

/// The last millisecond that jiff represents in every time zone, in the year 9999.
const MAX_MS: i64 = 253_402_207_200_000;

impl Time {
    /// From milliseconds since 1970 (UTC); held within the years 1970 to 9999.
    #[must_use]
    pub fn from_millis(ms: i64) -> Self {
        Self(ms.clamp(0, MAX_MS))
    }

    /// Milliseconds since 1970 (UTC).
    #[must_use]
    pub const fn as_millis(&self) -> i64 {
        self.0
    }

    /// This time and a number of milliseconds more (or fewer), held within range.
    #[must_use]
    pub fn plus_millis(&self, ms: i64) -> Self {
        Self::from_millis(self.0.saturating_add(ms))
    }

    /// Milliseconds from `earlier` until this time; negative where it is not earlier.
    #[must_use]
    pub const fn millis_since(&self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The timestamp for calendar arithmetic.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The UTC day.
    #[must_use]
    pub fn day(&self) -> Day {
        let date = self.timestamp().to_zoned(jiff::tz::TimeZone::UTC).date();
        Day(date)
    }
}

impl From<Timestamp> for Time {
    fn from(t: Timestamp) -> Self {
        Self::from_millis(t.as_millisecond())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.3}", self.timestamp())
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Time {
    type Err = ParseTimeError;

    fn from_str(s: &str) -> Result<Self, ParseTimeError> {
        let time: Timestamp = s.parse().map_err(|_| ParseTimeError(s.chars().take(80).collect()))?;
        Ok(time.into())
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A calendar day, written `2027-01-31`. As an end it means 24:00 in the factory's time zone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Day(pub jiff::civil::Date);

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::str::FromStr for Day {
    type Err = ParseTimeError;

    fn from_str(s: &str) -> Result<Self, ParseTimeError> {
        s.parse().map(Self).map_err(|_| ParseTimeError(s.chars().take(80).collect()))
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn always_three_decimals_and_a_z() {
        let time = Time::from_millis(1_795_427_751_120);
        assert_eq!(time.to_string(), "2026-11-23T09:55:51.120Z");
        assert_eq!(time.to_string().parse::<Time>(), Ok(time));
        assert_eq!(time.day().to_string(), "2026-11-23");
        assert_eq!(Time::from_millis(i64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
    }
}
