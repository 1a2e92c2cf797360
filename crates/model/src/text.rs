//! Text from outside (inputs, outputs, case ids, reasons): one type, one renderer for each surface.

use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The most characters of hostile text that any surface shows at once.
pub const SHOWN_CHARS_MAX: usize = 4_000;

/// A text that nobody vouches for. It has no `Display`: each surface asks for its own form.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Untrusted(String);

impl Untrusted {
    /// Marks a text as coming from outside.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text as it came: for checks and storage, never for a surface.
    #[must_use]
    pub fn raw(&self) -> &str {
        &self.0
    }

    /// For a terminal, a log line or plain text: control, bidirectional and zero-width characters are
    /// made visible as `⟨U+202E⟩`, and the length is capped at `max` characters.
    #[must_use]
    pub fn terminal(&self, max: usize) -> String {
        let max = max.min(SHOWN_CHARS_MAX);
        let mut out = String::with_capacity(self.0.len().min(max * 4));
        for (i, c) in self.0.chars().enumerate() {
            if i >= max {
                out.push('…');
                break;
            }
            if is_invisible(c) {
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            } else {
                out.push(c);
            }
        }
        out
    }

    /// For a page: as [`Self::terminal`], with line breaks and tabs kept. The page's templates escape
    /// markup themselves; [`Self::html`] is for those that do not.
    #[must_use]
    pub fn page(&self, max: usize) -> String {
        let max = max.min(SHOWN_CHARS_MAX);
        let mut out = String::with_capacity(self.0.len().min(max * 4));
        for (i, c) in self.0.chars().enumerate() {
            if i >= max {
                out.push('…');
                break;
            }
            if is_invisible(c) && c != '\n' && c != '\t' {
                let _ = write!(out, "⟨U+{:04X}⟩", u32::from(c));
            } else {
                out.push(c);
            }
        }
        out
    }

    /// [`Self::page`], with markup escaped.
    #[must_use]
    pub fn html(&self, max: usize) -> String {
        let mut out = String::new();
        for c in self.page(max).chars() {
            match c {
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                '"' => out.push_str("&quot;"),
                '\'' => out.push_str("&#39;"),
                c => out.push(c),
            }
        }
        out
    }
}

/// Control, bidirectional, zero-width and other invisible formatting characters.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(u32::from(c),
            0x00AD | 0x034F | 0x061C | 0x115F | 0x1160 | 0x17B4 | 0x17B5 | 0x180B..=0x180F
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFE00..=0xFE0F
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1BCA0..=0x1BCA3 | 0x1D173..=0x1D17A | 0xE0000..=0xE0FFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_hides() {
        let text = Untrusted::new("pay\u{202e}me\u{200b} \u{1b}[31m<b>&");
        assert_eq!(text.terminal(100), "pay⟨U+202E⟩me⟨U+200B⟩ ⟨U+001B⟩[31m<b>&");
        assert_eq!(text.html(100), "pay⟨U+202E⟩me⟨U+200B⟩ ⟨U+001B⟩[31m&lt;b&gt;&amp;");
        assert_eq!(Untrusted::new("abcdef").terminal(3), "abc…");
    }
}
