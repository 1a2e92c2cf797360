//! The candidate of a decision, from its payload and from the parts that its facts list.

use seatrial_guard::{Candidate, Part, PartKind};
use seatrial_model::Facts;
use serde::Deserialize;

/// A part, as a payload of several parts holds it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    part: String,
    text: String,
}

/// The candidate as it was judged: one part is kept as its text, several as a JSON list of their names and texts.
pub(super) fn rebuild(facts: &Facts, output: &[u8]) -> Result<Candidate, String> {
    let text = std::str::from_utf8(output).map_err(|_| "its payload `output` is not UTF-8")?;
    let stored = match facts.inspected.as_slice() {
        [only] => vec![Stored { part: only.part.clone(), text: text.to_owned() }],
        _ => serde_json::from_str(text).map_err(|_| "its payload `output` is not a list of parts")?,
    };
    let parts = stored.into_iter().map(|s| Part { kind: kind(&s.part), name: s.part, text: s.text }).collect();
    let confidence =
        (facts.confidence.present && facts.confidence.source == "caller").then_some(facts.confidence.value);
    Ok(Candidate { parts, confidence, ..Candidate::default() })
}

/// The kind of a part, by its name.
fn kind(name: &str) -> PartKind {
    let last = name.rsplit('.').next();
    if name.contains(".tool_calls.") {
        return if last == Some("name") { PartKind::ToolName } else { PartKind::ToolArguments };
    }
    match last {
        Some("reasoning") => PartKind::Reasoning,
        Some("other") => PartKind::Other,
        _ => PartKind::Text,
    }
}

#[cfg(test)]
mod tests;
