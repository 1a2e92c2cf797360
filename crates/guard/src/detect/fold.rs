//! Folding: what looks like ASCII becomes ASCII, what has no width disappears; offsets map back.

use std::borrow::Cow;
use std::ops::Range;

/// A text in folded form, with the way back.
pub(super) struct Folded<'a> {
    original: &'a str,
    text: Cow<'a, str>,
    /// For each byte of the folded text the range of the original character it came from; empty where nothing changed.
    origins: Vec<(usize, usize)>,
}

impl<'a> Folded<'a> {
    pub(super) fn of(original: &'a str) -> Self {
        if original.is_ascii() || original.chars().all(|c| fold(c) == Some(c)) {
            return Self { original, text: Cow::Borrowed(original), origins: Vec::new() };
        }
        let mut text = String::with_capacity(original.len());
        let mut origins = Vec::with_capacity(original.len());
        for (at, c) in original.char_indices() {
            if let Some(folded) = fold(c) {
                text.push(folded);
                origins.resize(text.len(), (at, at + c.len_utf8()));
            }
        }
        Self { original, text: Cow::Owned(text), origins }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) const fn original(&self) -> &'a str {
        self.original
    }

    /// The range of the original that a range of the folded text came from.
    pub(super) fn original_range(&self, range: Range<usize>) -> Range<usize> {
        if self.origins.is_empty() || range.is_empty() {
            return range;
        }
        let start = self.origins.get(range.start).map_or(self.original.len(), |o| o.0);
        let end = self.origins.get(range.end - 1).map_or(self.original.len(), |o| o.1);
        start..end
    }
}

/// The folded character; none where it has no width.
pub(crate) fn fold(c: char) -> Option<char> {
    if c.is_ascii() {
        return Some(c);
    }
    let code = u32::from(c);
    Some(match code {
        // Soft hyphen, joiners, zero-width spaces, bidirectional marks, word joiner, variation selectors, tags.
        0x00AD
        | 0x034F
        | 0x061C
        | 0x180E
        | 0x200B..=0x200F
        | 0x202A..=0x202E
        | 0x2060..=0x206F
        | 0xFE00..=0xFE0F
        | 0xFEFF
        | 0xE0000..=0xE0FFF => return None,
        // No-break, figure, thin and ideographic spaces.
        0x00A0 | 0x1680 | 0x2000..=0x200A | 0x202F | 0x205F | 0x3000 => ' ',
        // Hyphens, dashes, minus.
        0x2010..=0x2015 | 0x2212 | 0xFE58 | 0xFE63 => '-',
        // Full-width ASCII.
        0xFF01..=0xFF5E => char::from_u32(code - 0xFEE0).unwrap_or(c),
        _ => decimal(code).unwrap_or(c),
    })
}

/// Decimal digits of scripts in wide use, each block starting at its zero (Unicode `Nd`).
const ZEROES: [u32; 17] = [
    0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6, 0x0B66, 0x0BE6, 0x0C66, 0x0CE6, 0x0D66, 0x0E50, 0x0ED0,
    0x0F20, 0x1040, 0x17E0,
];

fn decimal(code: u32) -> Option<char> {
    // Mathematical digits: five styles of ten, without gaps.
    if (0x1D7CE..=0x1D7FF).contains(&code) {
        return char::from_digit((code - 0x1D7CE) % 10, 10);
    }
    let zero = ZEROES.iter().find(|zero| (**zero..**zero + 10).contains(&code))?;
    char::from_digit(code - zero, 10)
}
