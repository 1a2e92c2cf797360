//! Keys and tokens: by the shapes that issuers publish, and by entropy where a name says that a secret follows.

use super::{SPANS_MAX, pattern};
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

/// Shapes that nothing else has.
static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?x)
        -----BEGIN\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY-----(?:[A-Za-z0-9+/=\s:,\-]*?-----END\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY-----)?
        | \b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b
        | \bgh[pousr]_[A-Za-z0-9]{36,255}
        | \bgithub_pat_[A-Za-z0-9_]{60,255}
        | \bglpat-[A-Za-z0-9_\-]{20,64}
        | \bsk-[A-Za-z0-9_\-]{20,200}
        | \b[sr]k_(?:live|test)_[A-Za-z0-9]{16,128}
        | \bxox[abeoprs]-[A-Za-z0-9\-]{10,250}
        | \bAIza[A-Za-z0-9_\-]{35}
        | \bya29\.[A-Za-z0-9_\-]{20,400}
        | \bSG\.[A-Za-z0-9_\-]{16,32}\.[A-Za-z0-9_\-]{32,64}
        | \bnpm_[A-Za-z0-9]{36}
        | \bpypi-[A-Za-z0-9_\-]{50,300}
        | \bhf_[A-Za-z0-9]{30,60}
        | \beyJ[A-Za-z0-9_\-]{8,2000}\.[A-Za-z0-9_\-]{8,4000}\.[A-Za-z0-9_\-]{8,1000}
        ",
    )
});

/// The same shapes without their upper bounds, which cost states and hold back no less. Of a private key its first line
/// is enough to be found by.
pub(super) const ENVELOPES: [&str; 2] = [
    r"(?x)
    -----BEGIN\ (?:[A-Z0-9]+\ )*PRIVATE\ KEY-----
    | (?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}
    | gh[pousr]_[A-Za-z0-9]+
    | github_pat_[A-Za-z0-9_]+
    | glpat-[A-Za-z0-9_\-]+
    | sk-[A-Za-z0-9_\-]+
    | [sr]k_(?:live|test)_[A-Za-z0-9]+
    | xox[abeoprs]-[A-Za-z0-9\-]+
    | AIza[A-Za-z0-9_\-]+
    | ya29\.[A-Za-z0-9_\-]+
    | SG\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+
    | npm_[A-Za-z0-9]+
    | pypi-[A-Za-z0-9_\-]+
    | hf_[A-Za-z0-9]+
    | eyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+
    ",
    r#"(?i)(?:api[_\- ]?key|secret|token|passw(?:or)?d|pwd|credential|access[_\- ]?key|client[_\- ]?secret|bearer|authorization)["']?\s{0,4}(?:[:=]|is|=>)?\s{0,4}["']?(?:bearer\s)?[A-Za-z0-9+/_=.~!@#$%^&*\-]+"#,
];

/// A name that announces a secret, and what follows it.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?i)(?:api[_\- ]?key|secret|token|passw(?:or)?d|pwd|credential|access[_\- ]?key|client[_\- ]?secret|bearer|authorization)["']?\s{0,4}(?:[:=]|is|=>)?\s{0,4}["']?(?:bearer\s)?([A-Za-z0-9+/_=.~!@#$%^&*\-]{12,512})"#,
    )
});

/// Bits a character below which a string is a word rather than a key: English words lie near 3, random base64
/// near 4.5 (and short random strings lower, for want of characters).
const ENTROPY_BITS_MIN: f64 = 3.0;

pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut out: Vec<Range<usize>> = SHAPES.find_iter(text).map(|m| m.range()).take(SPANS_MAX).collect();
    for captures in NAMED.captures_iter(text).take(SPANS_MAX) {
        if let Some(value) = captures.get(1).filter(|m| is_random(m.as_str())) {
            out.push(value.range());
        }
    }
    out
}

/// Letters and digits mixed, with the entropy of a key.
fn is_random(text: &str) -> bool {
    let has = |f: fn(&u8) -> bool| text.bytes().any(|b| f(&b));
    has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic) && entropy_bits(text.as_bytes()) >= ENTROPY_BITS_MIN
}

/// Shannon entropy in bits a byte.
#[expect(clippy::cast_precision_loss, reason = "at most 512 bytes")]
fn entropy_bits(bytes: &[u8]) -> f64 {
    let mut counts = std::collections::BTreeMap::<u8, usize>::new();
    for b in bytes {
        *counts.entry(*b).or_default() += 1;
    }
    let all = bytes.len() as f64;
    counts.values().map(|n| *n as f64 / all).map(|p| -p * p.log2()).sum()
}
