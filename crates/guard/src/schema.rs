//! JSON Schema 2020-12, compiled once. Patterns run on an engine without backtracking; nothing is fetched.

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::Value;

/// A compiled schema.
#[derive(Debug)]
pub struct Schema {
    validator: Validator,
}

impl Schema {
    /// Compiles a schema.
    ///
    /// # Errors
    /// A message for the author: no valid schema, a reference out of the file, or a pattern that needs backtracking.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        jsonschema::options()
            .with_draft(Draft::Draft202012)
            .with_pattern_options(PatternOptions::regex())
            .build(schema)
            .map(|validator| Self { validator })
            .map_err(|e| format!("the schema cannot be used: {e}"))
    }

    /// The keyword that the value fails first; none where it conforms. Keywords are the schema's words: nothing of the
    /// value stands in them.
    #[must_use]
    pub fn failing_keyword(&self, value: &Value) -> Option<String> {
        if self.validator.is_valid(value) {
            return None;
        }
        let keyword = self.validator.iter_errors(value).next().map(|e| e.kind().keyword().to_owned());
        Some(keyword.unwrap_or_else(|| "schema".to_owned()))
    }
}
