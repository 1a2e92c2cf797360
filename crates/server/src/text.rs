//! Text from outside on a page: escaped, invisible characters made visible, capped, never a link.

use crate::view::Mark;
use maud::{Markup, html};
use seatrial_model::Untrusted;
use seatrial_model::text::SHOWN_CHARS_MAX;
use std::ops::Range;

/// The most characters of hostile text in one line of a list.
pub const LINE_CHARS_MAX: usize = 160;

/// The most marks that are drawn in one field: more of them say no more, and each costs markup.
pub const MARKS_MAX: usize = 200;

/// One line of hostile text.
#[must_use]
pub fn line(text: &Untrusted) -> Markup {
    html! { bdi .outside { (text.terminal(LINE_CHARS_MAX)) } }
}

/// Hostile text with its line breaks.
#[must_use]
pub fn block(text: &Untrusted) -> Markup {
    html! { bdi .outside .block { (text.page(SHOWN_CHARS_MAX)) } }
}

/// Text of a spec or of the factory: written by people of the house, shown with the same care, since it is
/// what approvers read.
#[must_use]
pub fn house(text: &str) -> String {
    Untrusted::new(text).page(SHOWN_CHARS_MAX)
}

/// [`house`], with what stands between backticks set as code, as messages name things.
#[must_use]
pub fn prose(text: &str) -> Markup {
    let shown = house(text);
    // A backtick without its partner is left as it is.
    let closed = shown.matches('`').count() / 2 * 2;
    html! {
        @for (i, piece) in shown.splitn(closed + 1, '`').enumerate() {
            @if i % 2 == 1 { code { (piece) } } @else { (piece) }
        }
    }
}

/// Hostile text with what checks found in it highlighted. Offsets that lie outside the text, or within a
/// character, are moved to the next character's start: they come from events, and are not trusted either.
#[must_use]
pub fn marked(text: &Untrusted, marks: &[Mark]) -> Markup {
    let raw = text.raw();
    let mut left = SHOWN_CHARS_MAX;
    let mut shown = Vec::new();
    for (range, found) in pieces(raw, marks) {
        let piece = raw.get(range).unwrap_or("");
        shown.push((Untrusted::new(piece).page(left), titles(&found)));
        left = left.saturating_sub(piece.chars().count());
        if left == 0 {
            break;
        }
    }
    let cut = left == 0 && raw.chars().nth(SHOWN_CHARS_MAX).is_some();
    let ends_with_dots = shown.last().is_some_and(|(text, _)| text.ends_with('…'));
    html! {
        bdi .outside .block {
            @for (text, titles) in &shown {
                @if titles.is_empty() { (text) } @else { mark title=(titles) { (text) span .sr { " (" (titles) ")" } } }
            }
            @if cut && !ends_with_dots { "…" }
        }
    }
}

fn titles(found: &[&Mark]) -> String {
    let mut names: Vec<String> = found
        .iter()
        .map(|m| if m.code.is_empty() { m.path.clone() } else { format!("{}: {}", m.path, m.code) })
        .map(|t| Untrusted::new(t).terminal(LINE_CHARS_MAX))
        .collect();
    names.dedup();
    names.join(", ")
}

/// Cuts a text where marks begin and end; each piece with the marks that cover it.
fn pieces<'m>(text: &str, marks: &'m [Mark]) -> Vec<(Range<usize>, Vec<&'m Mark>)> {
    let spans: Vec<(Range<usize>, &Mark)> = marks
        .iter()
        .take(MARKS_MAX)
        .map(|m| (boundary(text, m.start)..boundary(text, m.end), m))
        .filter(|(r, _)| r.start < r.end)
        .collect();
    let mut cuts: Vec<usize> = spans.iter().flat_map(|(r, _)| [r.start, r.end]).chain([0, text.len()]).collect();
    cuts.sort_unstable();
    cuts.dedup();
    cuts.iter()
        .zip(cuts.iter().skip(1))
        .map(|(from, to)| {
            let over = spans.iter().filter(|(r, _)| r.start <= *from && *to <= r.end).map(|(_, m)| *m).collect();
            (*from..*to, over)
        })
        .collect()
}

/// The first character boundary at or after an offset, within the text.
fn boundary(text: &str, offset: u64) -> usize {
    let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(text.len());
    (offset..=text.len()).find(|i| text.is_char_boundary(*i)).unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
