//! Detectors: exact byte spans of personal data and secrets in a text.
//!
//! A detector finds what it is written for and nothing else; none of them proves a text clean. Texts are folded
//! before they are searched (full-width and other decimal digits, look-alike dashes and spaces, characters of no
//! width), so that a card number with a zero-width space inside is still a card number; spans are of the original.

use fold::Folded;
use regex::Regex;
use std::ops::Range;
use std::sync::LazyLock;

mod emails;
mod envelope;
mod fold;
mod numbers;
mod secrets;

pub(crate) use fold::fold;

/// The longest regular expression of a user's own, compiled: enough for any honest pattern, too little to exhaust
/// memory with `x{1000}{1000}`.
pub const OWN_REGEX_BYTES_MAX: usize = 1 << 20;

/// The most spans that one detector reports in one text. A finding holds offsets and an entry of the log is at most
/// 65 535 bytes; more than this is one more reason to withhold, not to list.
pub const SPANS_MAX: usize = 256;

/// Names of the detectors, as a spec writes them.
pub const NAMES: [&str; 8] = ["email", "phone", "iban", "card-number", "national-id", "ip-address", "url", "secret"];

/// One detector.
#[derive(Clone, Debug)]
pub enum Detector {
    /// E-mail addresses.
    Email,
    /// Telephone numbers: international, or grouped national ones of 9 to 15 digits.
    Phone,
    /// IBANs with valid check digits (ISO 13616, mod 97).
    Iban,
    /// Payment card numbers of 13 to 19 digits with a valid Luhn digit.
    CardNumber,
    /// National ids: United States (SSN), Spain (DNI, NIE), United Kingdom (NINO).
    NationalId,
    /// IPv4 and IPv6 addresses.
    IpAddress,
    /// Addresses of the web.
    Url,
    /// Keys and tokens: known shapes, and assignments of strings of high entropy.
    Secret,
    /// A regular expression of the user's own.
    Own(Regex),
}

impl Detector {
    /// The detector of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "email" => Self::Email,
            "phone" => Self::Phone,
            "iban" => Self::Iban,
            "card-number" => Self::CardNumber,
            "national-id" => Self::NationalId,
            "ip-address" => Self::IpAddress,
            "url" => Self::Url,
            "secret" | "secrets" => Self::Secret,
            _ => return None,
        })
    }

    /// A detector of the user's own.
    ///
    /// # Errors
    /// Where the expression does not compile, is too large, or matches the empty text (it would find everything).
    pub fn own(pattern: &str) -> Result<Self, String> {
        let regex = regex::RegexBuilder::new(pattern)
            .size_limit(OWN_REGEX_BYTES_MAX)
            .build()
            .map_err(|e| format!("`{pattern}` is no regular expression that can be used: {e}"))?;
        if regex.is_match("") {
            return Err(format!("`{pattern}` matches the empty text; write what has to be there"));
        }
        Ok(Self::Own(regex))
    }

    /// Its name; `regex` for the user's own.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Iban => "iban",
            Self::CardNumber => "card-number",
            Self::NationalId => "national-id",
            Self::IpAddress => "ip-address",
            Self::Url => "url",
            Self::Secret => "secret",
            Self::Own(_) => "regex",
        }
    }

    /// Every place where it finds something: byte ranges of `text`, in order, without overlaps, on character
    /// boundaries, at most [`SPANS_MAX`].
    #[must_use]
    pub fn find(&self, text: &str) -> Vec<Range<usize>> {
        self.find_in(&Folded::of(text))
    }

    fn find_in(&self, folded: &Folded<'_>) -> Vec<Range<usize>> {
        let text = folded.text();
        let found: Vec<Range<usize>> = match self {
            Self::Email => emails::find(text),
            Self::Phone => numbers::phones(text),
            Self::Iban => numbers::ibans(text),
            Self::CardNumber => numbers::cards(text),
            Self::NationalId => numbers::national_ids(text),
            Self::IpAddress => numbers::ip_addresses(text),
            Self::Url => all(&URL, text),
            Self::Secret => secrets::find(text),
            Self::Own(regex) => {
                // The user's expression is for the text as written, and for its folded form.
                let mut spans = all(regex, folded.original());
                spans.extend(all(regex, text).into_iter().map(|r| folded.original_range(r)));
                return merged(spans);
            }
        };
        merged(found.into_iter().map(|r| folded.original_range(r)).collect())
    }
}

/// What several detectors find in one text, as `(detector, range)` in order of position; overlapping ranges of
/// different detectors are merged under the first one's name.
#[must_use]
pub fn find_all<'d>(detectors: &'d [Detector], text: &str) -> Vec<(&'d Detector, Range<usize>)> {
    let folded = Folded::of(text);
    let mut found: Vec<(&Detector, Range<usize>)> =
        detectors.iter().flat_map(|d| d.find_in(&folded).into_iter().map(move |r| (d, r))).collect();
    found.sort_by(|a, b| a.1.start.cmp(&b.1.start).then(b.1.end.cmp(&a.1.end)));
    let mut out: Vec<(&Detector, Range<usize>)> = Vec::with_capacity(found.len());
    for (detector, range) in found {
        match out.last_mut() {
            Some((_, last)) if range.start < last.end => last.end = last.end.max(range.end),
            _ => out.push((detector, range)),
        }
    }
    out
}

fn all(regex: &Regex, text: &str) -> Vec<Range<usize>> {
    regex.find_iter(text).map(|m| m.range()).filter(|r| !r.is_empty()).take(SPANS_MAX).collect()
}

/// Sorted, overlaps merged, empty ones dropped.
fn merged(mut spans: Vec<Range<usize>>) -> Vec<Range<usize>> {
    spans.retain(|r| !r.is_empty());
    spans.sort_by_key(|r| (r.start, r.end));
    let mut out: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        match out.last_mut() {
            Some(last) if span.start < last.end => last.end = last.end.max(span.end),
            _ => out.push(span),
        }
    }
    out.truncate(SPANS_MAX);
    out
}

/// A pattern of this crate's own. Each one is compiled by a test.
#[expect(clippy::expect_used, reason = "constant patterns, each compiled by the tests of this module")]
fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("a constant pattern compiles")
}

/// How an address of the web begins.
const URL_BEGINS: &str = r"(?i)\b(?:(?:https?|ftp|wss?)://|www\.)";

static URL: LazyLock<Regex> = LazyLock::new(|| pattern(&format!(r#"{URL_BEGINS}[^\s<>"'`{{}}|\\^\[\]]{{1,2048}}"#)));

#[cfg(test)]
mod tests;
