//! Redaction: what detectors found is replaced by the detector's name in brackets, until they find nothing more.

use crate::detect::{Detector, find_all};

/// How often a redacted text is searched again: a replacement can bring parts together that were apart, and one search
/// reports a bounded number of spans. What is still found after that objects, and a person answers.
pub const ROUNDS_MAX: usize = 8;

/// The redacted text; none where nothing was found.
#[must_use]
pub fn redact(detectors: &[Detector], text: &str) -> Option<String> {
    let mut current: Option<String> = None;
    for _ in 0..ROUNDS_MAX {
        let source = current.as_deref().unwrap_or(text);
        let found = find_all(detectors, source);
        if found.is_empty() {
            break;
        }
        let mut out = String::with_capacity(source.len());
        let mut at = 0;
        for (detector, range) in found {
            out.push_str(source.get(at..range.start).unwrap_or_default());
            out.push('[');
            out.push_str(detector.name());
            out.push(']');
            at = range.end;
        }
        out.push_str(source.get(at..).unwrap_or_default());
        current = Some(out);
    }
    current
}
