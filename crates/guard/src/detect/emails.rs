//! E-mail addresses, in practice (RFC 5321, RFC 6531): a local part, `@`, labels, a top-level name of letters.

use super::SPANS_MAX;
use std::ops::Range;

/// The longest local part and the longest domain (RFC 5321 § 4.5.3.1), in characters.
const LOCAL_CHARS_MAX: usize = 64;
const DOMAIN_CHARS_MAX: usize = 255;

/// A run of what a local part may hold, and a domain after it: longer than any address, in a form that costs little.
pub(super) const ENVELOPE: &str = r"[\p{Alphabetic}\p{N}._%+\-'/=?^{|}~!#$&*`]+(?:@[\p{Alphabetic}\p{N}.\-]*)?";

/// Around every `@`: what may stand in a local part before it, and a domain after it.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let at_signs = memchr::memchr_iter(b'@', text.as_bytes());
    let found = at_signs.filter_map(|at| {
        let (before, after) = (text.get(..at)?, text.get(at + 1..)?);
        let local = before.chars().rev().take(LOCAL_CHARS_MAX).take_while(|c| is_local(*c));
        let length: usize = local.map(char::len_utf8).sum();
        // Quotes and apostrophes around an address are not part of it.
        let local = before.get(at - length..)?.trim_start_matches(['.', '\'', '/', '=', '*', '`', '{', '|']);
        let domain = domain(after)?;
        (!local.is_empty()).then(|| at - local.len()..at + 1 + domain)
    });
    found.take(SPANS_MAX).collect()
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "._%+-'/=?^{|}~!#$&*`".contains(c)
}

/// The length in bytes of the domain that a text begins with: at least two labels, the last one of letters (or in its
/// ASCII form, `xn--…`).
fn domain(text: &str) -> Option<usize> {
    let is_domain = |c: &char| c.is_alphanumeric() || matches!(c, '.' | '-');
    let length: usize = text.chars().take(DOMAIN_CHARS_MAX).take_while(is_domain).map(char::len_utf8).sum();
    let mut rest = text.get(..length)?;
    // The longest beginning that is a domain: a full stop or a hyphen may follow it.
    while !rest.is_empty() {
        let mut labels = rest.rsplit('.');
        let top = labels.next().unwrap_or_default();
        let is_top = top.starts_with("xn--") || (top.chars().count() >= 2 && top.chars().all(char::is_alphabetic));
        let is_label = |l: &str| !l.is_empty() && !l.starts_with('-') && !l.ends_with('-');
        let mut others = labels.peekable();
        if is_top && is_label(top) && others.peek().is_some() && others.all(is_label) {
            return Some(rest.len());
        }
        let last = rest.chars().next_back()?;
        rest = rest.get(..rest.len() - last.len_utf8())?;
    }
    None
}
