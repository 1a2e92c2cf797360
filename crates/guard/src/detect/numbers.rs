//! Detectors of numbers, with their check digits.

use super::{SPANS_MAX, pattern};
use regex::Regex;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;
use std::sync::LazyLock;

/// Runs of digits with single separators; candidates for card and telephone numbers.
static DIGIT_RUN: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9](?:[ .\-/]{0,2}[0-9])+"));

/// Payment cards: 13 to 19 digits with a valid Luhn digit (ISO/IEC 7812). Longer runs are searched for a card within.
pub(super) fn cards(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for run in DIGIT_RUN.find_iter(text) {
        let digits = digits(text, run.range());
        let mut at = 0;
        while out.len() < SPANS_MAX && at + 13 <= digits.len() {
            match (13..=19).rev().find(|n| is_card(digits.get(at..at + n).unwrap_or_default())) {
                Some(n) => {
                    out.extend(span(digits.get(at..at + n).unwrap_or_default()));
                    at += n;
                }
                None => at += 1,
            }
        }
    }
    out
}

/// The digits of a range with their offsets.
fn digits(text: &str, range: Range<usize>) -> Vec<(usize, u8)> {
    let bytes = text.as_bytes().get(range.clone()).unwrap_or_default();
    bytes.iter().enumerate().filter(|(_, b)| b.is_ascii_digit()).map(|(i, b)| (range.start + i, b - b'0')).collect()
}

fn span(digits: &[(usize, u8)]) -> Option<Range<usize>> {
    Some(digits.first()?.0..digits.last()?.0 + 1)
}

fn is_card(digits: &[(usize, u8)]) -> bool {
    // Issuers' ranges start with 2 to 6 (banks, travel); all-equal digits are no card.
    let Some((_, first)) = digits.first() else { return false };
    (2..=6).contains(first) && digits.iter().any(|(_, d)| d != first) && luhn(digits.iter().map(|(_, d)| *d))
}

/// The Luhn check over digits, last digit last.
fn luhn(digits: impl DoubleEndedIterator<Item = u8>) -> bool {
    let sum: u32 = digits
        .rev()
        .enumerate()
        .map(|(i, d)| {
            let d = u32::from(d);
            if i % 2 == 0 { d } else { 2 * d / 10 + 2 * d % 10 }
        })
        .sum();
    sum.is_multiple_of(10)
}

static IBAN: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?i)\b[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]){11,30}"));

/// The shortest IBAN (Norway) and the longest that the standard allows.
const IBAN_CHARS: std::ops::RangeInclusive<usize> = 15..=34;

/// The length of each country's IBAN (the registry of ISO 13616). A country that is not listed may have any.
const IBAN_LENGTHS: &str = "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 \
    EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 \
    LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 \
    SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20";

fn iban_length(country: &str) -> Option<usize> {
    let entry = IBAN_LENGTHS.split_whitespace().find_map(|e| e.strip_prefix(country))?;
    entry.parse().ok()
}

/// IBANs with valid check digits. Words may follow in the same run: the country says where the IBAN ends.
pub(super) fn ibans(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    let mut from = 0;
    while let Some(found) = IBAN.find_at(text, from) {
        let chars: Vec<(usize, u8)> = found
            .as_str()
            .bytes()
            .enumerate()
            .filter(|(_, b)| b.is_ascii_alphanumeric())
            .map(|(i, b)| (found.start() + i, b.to_ascii_uppercase()))
            .collect();
        let is_valid = |n: &usize| chars.get(..*n).is_some_and(|c| mod97(c) == 1);
        let country = found.as_str().get(..2).unwrap_or_default().to_ascii_uppercase();
        let valid = match iban_length(&country) {
            Some(n) => Some(n).filter(is_valid),
            None => IBAN_CHARS.rev().find(is_valid),
        };
        match valid.and_then(|n| span(chars.get(..n)?)) {
            Some(span) => {
                from = span.end;
                out.push(span);
            }
            // Another may start within the run.
            None => from = found.start() + 1,
        }
        if out.len() >= SPANS_MAX {
            break;
        }
    }
    out
}

/// ISO 7064 mod 97-10 over upper-case letters and digits, the first four characters moved to the end.
fn mod97(chars: &[(usize, u8)]) -> u32 {
    let (head, tail) = chars.split_at(chars.len().min(4));
    tail.iter().chain(head).fold(0, |acc, (_, b)| {
        if b.is_ascii_digit() {
            (acc * 10 + u32::from(b - b'0')) % 97
        } else {
            (acc * 100 + u32::from(b - b'A') + 10) % 97
        }
    })
}

static PHONE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?:\+|\b00)[1-9][0-9]{0,2}(?:[ .\-/]{0,2}\(?[0-9]{1,5}\)?){2,7}|\(0?[0-9]{1,4}\)[ .\-/]{0,2}[0-9](?:[ .\-/]?[0-9]){4,9}|\b[0-9]{2,5}(?:[ .\-/][0-9]{2,5}){1,5}\b|\b0[1-9][0-9]{7,10}\b|\b[6-9][0-9]{8,9}\b",
    )
});

static DATE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^(?:(?:19|20)[0-9]{2}[ .\-/][01]?[0-9][ .\-/][0-3]?[0-9]|[0-3]?[0-9][ .\-/][0-3]?[0-9][ .\-/](?:19|20)[0-9]{2})(?:[ .\-/][0-9]{2})?$",
    )
});

/// Telephone numbers: 8 to 15 digits (E.164) in a telephone's shape, dates excepted.
pub(super) fn phones(text: &str) -> Vec<Range<usize>> {
    let fits = |m: &regex::Match<'_>| {
        let digits = m.as_str().bytes().filter(u8::is_ascii_digit).count();
        let international = m.as_str().starts_with('+') || m.as_str().starts_with("00");
        let least = if international { 7 } else { 9 };
        (least..=17).contains(&digits) && !DATE.is_match(m.as_str()) && m.as_str().parse::<Ipv4Addr>().is_err()
    };
    PHONE.find_iter(text).filter(fits).map(|m| m.range()).take(SPANS_MAX).collect()
}

static NATIONAL_ID: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)\b(?:[0-9]{3}[\- ][0-9]{2}[\- ][0-9]{4}|[0-9]{8}[\- ]?[A-Z]|[XYZ][\- ]?[0-9]{7}[\- ]?[A-Z]|[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-D])\b",
    )
});

/// National ids: SSN by its excluded ranges, DNI and NIE by their check letter, NINO by its alphabet.
pub(super) fn national_ids(text: &str) -> Vec<Range<usize>> {
    NATIONAL_ID.find_iter(text).filter(|m| is_national_id(m.as_str())).map(|m| m.range()).take(SPANS_MAX).collect()
}

fn is_national_id(text: &str) -> bool {
    let chars: Vec<u8> = text.bytes().filter(u8::is_ascii_alphanumeric).map(|b| b.to_ascii_uppercase()).collect();
    match chars.as_slice() {
        digits if digits.len() == 9 && digits.iter().all(u8::is_ascii_digit) => {
            let number = |part: &[u8]| part.iter().fold(0_u32, |n, b| n * 10 + u32::from(b - b'0'));
            let (area, rest) = digits.split_at(3);
            let (group, serial) = rest.split_at(2);
            !matches!(number(area), 0 | 666 | 900..) && number(group) != 0 && number(serial) != 0
        }
        [number @ .., letter] if chars.len() == 9 && number.iter().skip(1).all(u8::is_ascii_digit) => {
            // The Spanish table: letter = "TRWAGMYFPDXBNJZSQVHLCKE"[number mod 23]; X, Y, Z stand for 0, 1, 2.
            let value = number.iter().fold(0_usize, |n, b| {
                let digit = if b.is_ascii_digit() { b - b'0' } else { b.wrapping_sub(b'X') };
                n * 10 + usize::from(digit)
            });
            b"TRWAGMYFPDXBNJZSQVHLCKE".get(value % 23) == Some(letter)
        }
        _ => chars.len() == 9,
    }
}

static IP: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"(?i)[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:.]*|[0-9]{1,3}(?:\.[0-9]{1,3}){3}"));

/// IP addresses, by the standard library's parsers.
pub(super) fn ip_addresses(text: &str) -> Vec<Range<usize>> {
    let mut out = Vec::new();
    for found in IP.find_iter(text) {
        let trimmed = found.as_str().trim_end_matches('.');
        // `std::d` holds `d::d`, which parses: a word on either side says that it is none.
        let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        let alone = !is_word(text.get(..found.start()).and_then(|t| t.chars().next_back()))
            && !is_word(text.get(found.end()..).and_then(|t| t.chars().next()));
        let is_v6 = alone && trimmed.len() > 2 && trimmed.parse::<Ipv6Addr>().is_ok();
        if is_v6 || trimmed.parse::<Ipv4Addr>().is_ok() {
            out.push(found.start()..found.start() + trimmed.len());
        } else if let Some(v4) = IPV4.find(trimmed).filter(|m| m.as_str().parse::<Ipv4Addr>().is_ok()) {
            out.push(found.start() + v4.start()..found.start() + v4.end());
        } else if let Some(part) = v6_within(trimmed).filter(|_| alone) {
            out.push(found.start() + part.start..found.start() + part.end);
        }
        if out.len() >= SPANS_MAX {
            break;
        }
    }
    out
}

static IPV4: LazyLock<Regex> = LazyLock::new(|| pattern(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}"));

/// An IPv6 address with a stray colon at an end (`from fe80::1: refused`).
fn v6_within(text: &str) -> Option<Range<usize>> {
    let start = usize::from(text.starts_with(':') && !text.starts_with("::"));
    let end = text.len() - usize::from(text.ends_with(':') && !text.ends_with("::"));
    let part = text.get(start..end)?;
    (part.len() > 2 && part.parse::<Ipv6Addr>().is_ok()).then_some(start..end)
}

/// The patterns themselves, for whoever asks where a match may still be under way.
pub(super) fn digits_pattern() -> &'static str {
    DIGIT_RUN.as_str()
}

pub(super) fn phone_pattern() -> &'static str {
    PHONE.as_str()
}

pub(super) fn iban_pattern() -> &'static str {
    IBAN.as_str()
}

pub(super) fn national_id_pattern() -> &'static str {
    NATIONAL_ID.as_str()
}

pub(super) fn ip_pattern() -> &'static str {
    IP.as_str()
}
