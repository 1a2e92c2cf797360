//! Examples: labelled or recorded rows for evaluation and calibration, one JSON object a line.

use seatrial_model::{Digest, Untrusted, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The longest line: an input, an output and a label of a business case fit many times over.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// The most examples of one set: a set is held in memory whole.
pub const EXAMPLES_MAX: usize = 1_000_000;

/// The longest id, cluster or tag: they are names, and stand in results.
pub const NAME_BYTES_MAX: usize = 256;

/// The most errors reported at once: after these, the file is of another kind.
pub const ERRORS_MAX: usize = 50;

/// One example.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// Its name within the set.
    pub id: String,
    /// The step's input.
    pub input: Value,
    /// What is right, as `wrong_when` and the evaluation read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<Value>,
    /// No output for this example may pass without a person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub must_not_pass: bool,
    /// An output that came with the example: `supplied`, which discharges nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The confidence that came with it, between 0 and 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f64>,
    /// What it hangs together with (one customer's applications): such examples are on one side of a split, and one of
    /// them is certified on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Free marks.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl Example {
    /// The digest of the whole example, label included. Examples that were parsed have one.
    ///
    /// # Errors
    /// Where an integer is beyond ±2^53.
    pub fn digest(&self) -> Result<Digest, seatrial_model::CanonicalError> {
        Digest::of_canonical(self)
    }

    /// The digest of its input alone.
    ///
    /// # Errors
    /// As [`Self::digest`].
    pub fn input_digest(&self) -> Result<Digest, seatrial_model::CanonicalError> {
        Digest::of_canonical(&self.input)
    }
}

/// What is wrong with one line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExampleError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub message: String,
}

impl std::fmt::Display for ExampleError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.message)
    }
}

impl std::error::Error for ExampleError {}

/// Parses a file of examples. Empty lines are skipped, a byte order mark too.
///
/// # Errors
/// Every line that is no example (the first [`ERRORS_MAX`]); no example is returned then.
pub fn parse_examples(bytes: &[u8]) -> Result<Vec<Example>, Vec<ExampleError>> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut examples = Vec::new();
    let mut errors = Vec::new();
    let mut lines_of: BTreeMap<String, usize> = BTreeMap::new();
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let number = index + 1;
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        let parsed = if examples.len() >= EXAMPLES_MAX {
            Err(format!("the set was not read: it has more than {EXAMPLES_MAX} examples; split it"))
        } else {
            parse_line(line).and_then(|example| match lines_of.insert(example.id.clone(), number) {
                Some(first) => Err(format!(
                    "the id `{}` is that of line {first} already; ids are unique in a set",
                    shown(&example.id)
                )),
                None => Ok(example),
            })
        };
        match parsed {
            Ok(example) => examples.push(example),
            Err(message) => errors.push(ExampleError { line: number, message }),
        }
        if errors.len() >= ERRORS_MAX {
            break;
        }
    }
    if errors.is_empty() { Ok(examples) } else { Err(errors) }
}

fn parse_line(line: &[u8]) -> Result<Example, String> {
    if line.len() > LINE_BYTES_MAX {
        return Err(format!("{} bytes are more than the {LINE_BYTES_MAX} that an example can have", line.len()));
    }
    // serde_json ends recursion at 128 levels by itself.
    let example: Example = serde_json::from_slice(line).map_err(|e| {
        format!("this is no example, `{{\"id\", \"input\", \"expected\"?, …}}`: {}", shown(&e.to_string()))
    })?;
    check(&example)?;
    Ok(example)
}

/// What holds of every example, wherever it comes from.
pub(crate) fn check(example: &Example) -> Result<(), String> {
    let names = std::iter::once(&example.id).chain(&example.cluster).chain(&example.tags);
    for name in names {
        if name.is_empty() || name.len() > NAME_BYTES_MAX || name.chars().any(char::is_control) {
            return Err(format!(
                "`{}` is no id, cluster or tag: use 1 to {NAME_BYTES_MAX} bytes without control characters",
                shown(name)
            ));
        }
    }
    if example.confidence.is_some_and(|c| !(0.0..=1.0).contains(&c)) {
        return Err("`confidence` is not between 0 and 1".to_owned());
    }
    // What has no canonical form cannot be sealed; better said here than then.
    let bytes = canonical(example).map_err(|e| e.to_string())?;
    if bytes.len() > LINE_BYTES_MAX {
        return Err(format!("{} bytes are more than the {LINE_BYTES_MAX} that an example can have", bytes.len()));
    }
    Ok(())
}

pub(crate) fn shown(text: &str) -> String {
    Untrusted::new(text).terminal(120)
}

#[cfg(test)]
mod tests;
