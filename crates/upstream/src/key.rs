//! Keys of providers: used, never shown.

use std::fmt;

/// The key of a provider. It has no `Display`, and its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Key(String);

/// A text that cannot be a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the provider's key was not taken: it is empty, or holds a character that no HTTP header can carry; set it again, without quotes or line breaks"
)]
pub struct KeyError;

impl Key {
    /// Takes a key as it stands in an environment variable or a file; surrounding white space is dropped.
    ///
    /// # Errors
    /// Where it is empty, or holds anything but visible ASCII.
    pub fn new(text: &str) -> Result<Self, KeyError> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(KeyError);
        }
        Ok(Self(text.to_owned()))
    }

    /// The value of an `authorization` header, marked sensitive so that no log shows it.
    pub(crate) fn bearer(&self) -> Option<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::try_from(format!("Bearer {}", self.0)).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// The value of an `x-api-key` header, marked sensitive likewise.
    pub(crate) fn plain(&self) -> Option<reqwest::header::HeaderValue> {
        let mut value = reqwest::header::HeaderValue::try_from(self.0.as_str()).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// Tells one key from another without showing either.
    #[must_use]
    pub fn digest(&self) -> seatrial_model::Digest {
        seatrial_model::Digest::of(self.0.as_bytes())
    }

    /// The text with every occurrence of the key taken out: some providers quote the key in their errors.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        text.replace(&self.0, "[key]")
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key([key])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_shows_nothing() {
        let key = Key::new(" sk-hidden-1 \n").unwrap();
        assert_eq!(format!("{key:?}"), "Key([key])");
        assert_eq!(format!("{:?}", key.bearer().unwrap()), "Sensitive");
        assert_eq!(key.redact("Incorrect API key: sk-hidden-1."), "Incorrect API key: [key].");
        for bad in ["", "  ", "a\nb", "k\u{e9}y", "two words"] {
            assert!(Key::new(bad).is_err(), "{bad:?}");
        }
    }
}
