//! What an answer of our own making says.

use seatrial_guard::{Part, PartKind};

/// One of the answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) text: Option<String>,
    pub(super) refusal: Option<String>,
    pub(super) reasoning: Option<String>,
    pub(super) tools: Vec<Tool>,
    /// Nothing of it may leave.
    pub(super) denied: bool,
}

/// A call of a tool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: String,
    pub(super) arguments: String,
}

impl Choice {
    /// One that is a text.
    pub(super) fn text(text: &str) -> Self {
        Self { text: Some(text.to_owned()), ..Self::default() }
    }
}

/// So many answers of which nothing may leave.
pub(super) fn denied(n: u64) -> Vec<Choice> {
    (0..n.max(1)).map(|_| Choice { denied: true, ..Choice::default() }).collect()
}

/// The answers that parts are of. What is no text, no tool and no reasoning has no form here, and does not leave.
pub(super) fn of_parts(parts: &[Part]) -> Vec<Choice> {
    let mut found: std::collections::BTreeMap<u64, Choice> = std::collections::BTreeMap::new();
    for part in parts {
        let mut names = part.name.split('.');
        let (Some("choices"), Some(index)) = (names.next(), names.next().and_then(|n| n.parse().ok())) else {
            continue;
        };
        let choice = found.entry(index).or_default();
        let text = || Some(part.text.clone());
        match (names.next(), names.next().and_then(|n| n.parse::<usize>().ok()), part.kind) {
            (Some("text"), ..) => choice.text = text(),
            (Some("refusal"), ..) => choice.refusal = text(),
            (_, _, PartKind::Reasoning) => choice.reasoning = text(),
            (Some("tool_calls"), Some(_), PartKind::ToolName) => {
                choice.tools.push(Tool { name: part.text.clone(), arguments: String::new() });
            }
            // The arguments of a call stand behind its name.
            (Some("tool_calls"), Some(_), PartKind::ToolArguments) => {
                if let Some(tool) = choice.tools.last_mut() {
                    tool.arguments.clone_from(&part.text);
                }
            }
            _ => {}
        }
    }
    found.into_values().collect()
}
