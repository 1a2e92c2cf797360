//! The fields of an output that a person writes, from the output type's schema.

use crate::view::{EditField, EditKind};
use seatrial_model::Untrusted;
use seatrial_spec::Workflow;
use serde_json::Value;

/// The fields of a step's output, with the candidate's values where it may be seen. Nothing for an output that is no
/// object: its corrected form is sent through the API.
pub(super) fn fields(spec: &Workflow, step: &str, candidate: Option<&Value>) -> Vec<EditField> {
    let output = spec.step(step).and_then(|s| s.output.as_ref()).and_then(|name| spec.types.get(name));
    let Some(properties) = output.and_then(|t| t.schema.get("properties")).and_then(Value::as_object) else {
        return Vec::new();
    };
    let required = output.and_then(|t| t.schema.get("required")).and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|list| list.iter().any(|r| r.as_str() == Some(name)));
    properties
        .iter()
        .map(|(name, schema)| EditField {
            name: name.clone(),
            label: label(schema),
            kind: kind(schema),
            value: Untrusted::new(candidate.and_then(|c| c.get(name)).map(shown).unwrap_or_default()),
            required: is_required(name),
        })
        .collect()
}

fn label(schema: &Value) -> String {
    let text = |name: &str| schema.get(name).and_then(Value::as_str);
    text("title").or_else(|| text("description")).unwrap_or_default().to_owned()
}

fn kind(schema: &Value) -> EditKind {
    let choices = schema.get("enum").and_then(Value::as_array);
    if let Some(choices) = choices.filter(|list| list.iter().all(Value::is_string)) {
        return EditKind::Choice { of: choices.iter().filter_map(Value::as_str).map(str::to_owned).collect() };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") => EditKind::Text,
        Some("integer") => EditKind::Number { whole: true },
        Some("number") => EditKind::Number { whole: false },
        Some("boolean") => EditKind::Boolean,
        _ => EditKind::Json,
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
