//! What rules redact.

use crate::candidate::{Part, PartKind};
use crate::detect::Detector;
use crate::fields::{self, Field};
use crate::json;
use crate::redact::redact;
use serde_json::Value;

/// What a rule redacts.
pub(super) struct Redaction<'r> {
    pub(super) detectors: &'r [Detector],
    pub(super) within: Option<&'r Field>,
    /// The tool in whose arguments it does; none: in every part, or in a field of the output.
    pub(super) tool: Option<&'r str>,
}

/// A part's text with everything redacted that the rules find in it; `tool` is the one that the part's arguments are for.
pub(super) fn redacted(part: &Part, output: Option<&Value>, tool: Option<&str>, rules: &[Redaction<'_>]) -> String {
    let read_as_json;
    let value = match (part.kind, output) {
        (PartKind::Text, Some(value)) => Some(value),
        (PartKind::ToolArguments, _) => {
            read_as_json = json::parse(&part.text).ok();
            read_as_json.as_ref()
        }
        _ => None,
    };
    let mut changed = value.cloned();
    let mut text = part.text.clone();
    let mut is_changed = false;
    for Redaction { detectors, within, tool: of } in rules {
        if of.is_some() && *of != tool {
            continue;
        }
        match (&mut changed, within) {
            (Some(value), _) => {
                // Fields are fields of the output, but in the rules of a tool, where they are those of its arguments.
                if within.is_some() && of.is_none() && part.kind != PartKind::Text {
                    continue;
                }
                let names = within.map_or(&[][..], |f| f.names.as_slice());
                fields::rewrite(value, names, &mut |leaf| {
                    let changed = redact(detectors, leaf);
                    is_changed |= changed.is_some();
                    changed
                });
            }
            (None, None) => text = redact(detectors, &text).unwrap_or(text),
            (None, Some(_)) => {}
        }
    }
    match changed {
        Some(Value::String(whole)) if is_changed => whole,
        Some(value) if is_changed => value.to_string(),
        _ => text,
    }
}
