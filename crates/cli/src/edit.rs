//! Changing one number of `workflow.yaml` in place: everything else stays as it is, comments included.

use seatrial_spec::yaml::{self, Core, Node};

/// Why nothing was written.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EditError {
    /// The text is no YAML.
    #[error("`workflow.yaml` cannot be read; nothing was written. `seatrial check` says where")]
    Unreadable,
    /// There is no such threshold.
    #[error("`workflow.yaml` has no `thresholds.{0}`; nothing was written")]
    NoThreshold(String),
    /// The threshold stands where a change of text would change something else, too.
    #[error(
        "`thresholds.{0}.at` stands behind an alias or in a form that cannot be changed in place; nothing was written. Write the number yourself"
    )]
    NotInPlace(String),
}

/// The text with `thresholds.<name>.at` set to this number.
pub(crate) fn set_threshold(text: &str, name: &str, at: f64) -> Result<String, EditError> {
    let unclear = || EditError::NotInPlace(name.to_owned());
    let (root, errors) = yaml::parse(text);
    let root = root.filter(|_| errors.is_empty()).ok_or(EditError::Unreadable)?;
    let threshold = root.get("thresholds").and_then(|t| t.get(name));
    let threshold = threshold.ok_or_else(|| EditError::NoThreshold(name.to_owned()))?;
    let number = number(at);
    let edited = match threshold.get("at") {
        Some(node) => replaced(text, node, &number),
        None => inserted(text, threshold, &number),
    };
    let edited = edited.ok_or_else(unclear)?;
    // What was written must read back as exactly that, and as nothing else.
    let (again, errors) = yaml::parse(&edited);
    let again = again.filter(|_| errors.is_empty()).ok_or_else(unclear)?;
    let reads = again.get("thresholds").and_then(|t| t.get(name)).and_then(|t| t.get("at")).and_then(Node::as_scalar);
    match reads.map(|scalar| scalar.core) {
        #[expect(clippy::float_cmp, reason = "the shortest decimal of a double reads back as that double")]
        Some(Core::Float(found)) if found == at => Ok(edited),
        _ => Err(unclear()),
    }
}

/// As YAML reads it back as a number with a fraction.
fn number(at: f64) -> String {
    let text = at.to_string();
    if text.contains(['.', 'e', 'E']) { text } else { format!("{text}.0") }
}

fn replaced(text: &str, node: &Node, number: &str) -> Option<String> {
    node.as_scalar()?;
    let (before, after) = (text.get(..node.range.start)?, text.get(node.range.end..)?);
    Some(format!("{before}{number}{after}"))
}

/// Before the first key of the threshold, in its own style.
fn inserted(text: &str, threshold: &Node, number: &str) -> Option<String> {
    let first = threshold.as_map()?.first()?.key_range.start;
    let (before, after) = (text.get(..first)?, text.get(first..)?);
    let indent = before.rfind('\n').map_or(before, |newline| before.get(newline + 1..).unwrap_or_default());
    if indent.chars().all(|c| c == ' ') {
        Some(format!("{before}at: {number}\n{indent}{after}"))
    } else {
        Some(format!("{before}at: {number}, {after}"))
    }
}

#[cfg(test)]
mod tests;
