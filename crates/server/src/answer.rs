//! From the fields of a form to an output as JSON, by the output type's schema.

use crate::view::{EditField, EditKind};
use seatrial_model::Untrusted;
use serde_json::{Map, Number, Value};

/// The name of a field of the output in a form.
const PREFIX: &str = "out.";

/// The value that was sent for a name: the last one, as browsers mean it.
pub fn sent<'f>(form: &'f [(String, String)], name: &str) -> Option<&'f str> {
    form.iter().rev().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
}

/// The output that the fields make, as JSON text. The schema itself is checked by the guard.
///
/// # Errors
/// What is wrong with which field; nothing is recorded then.
pub fn compose(fields: &[EditField], form: &[(String, String)]) -> Result<String, String> {
    let mut output = Map::new();
    for field in fields {
        let text = sent(form, &format!("{PREFIX}{}", field.name)).unwrap_or("");
        if let Some(value) = value(field, text)? {
            output.insert(field.name.clone(), value);
        } else if field.required {
            return Err(format!("`{}` is empty; the answer was not recorded. Fill it in.", field.name));
        }
    }
    Ok(Value::Object(output).to_string())
}

/// Keeps what was sent in the fields, so that a refused answer need not be typed again.
pub fn keep(fields: &mut [EditField], form: &[(String, String)]) {
    for field in fields {
        if let Some(text) = sent(form, &format!("{PREFIX}{}", field.name)) {
            field.value = Untrusted::new(text);
        }
    }
}

fn value(field: &EditField, text: &str) -> Result<Option<Value>, String> {
    let wrong = |what: &str| Err(format!("`{}` is not {what}; the answer was not recorded. Correct it.", field.name));
    // A form sends CRLF for the line breaks that were typed.
    let text = text.replace("\r\n", "\n");
    if text.trim().is_empty() {
        return Ok(None);
    }
    Ok(Some(match &field.kind {
        EditKind::Text => Value::String(text),
        EditKind::Number { whole } => match text.trim().parse::<Number>() {
            Ok(n) if !*whole || n.is_i64() || n.is_u64() => Value::Number(n),
            _ => return wrong(if *whole { "a whole number" } else { "a number" }),
        },
        EditKind::Boolean => match text.as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            _ => return wrong("`yes` or `no`"),
        },
        EditKind::Choice { of } if of.contains(&text) => Value::String(text),
        EditKind::Choice { .. } => return wrong("one of its choices"),
        EditKind::Json => match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(e) => return wrong(&format!("JSON ({e})")),
        },
    }))
}

#[cfg(test)]
mod tests;
