//! Samples of Inspect: `input`, `target`, `choices`, `id`, `metadata`.

use super::{Draft, Reading, table, word};
use crate::example::{NAME_BYTES_MAX, shown};
use serde_json::{Map, Value};

/// Members of a sample that set up its surroundings: an example of a decision has none.
const SURROUNDINGS: [&str; 3] = ["sandbox", "files", "setup"];

pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    for (line, sample) in table::objects(bytes, reading) {
        if reading.full() {
            return;
        }
        match draft(line, &sample, reading) {
            Ok(Some(draft)) => reading.take(line, draft),
            Ok(None) => {}
            Err(message) => reading.wrong(line, message),
        }
    }
}

/// A sample as an example; none where it was left as a whole.
fn draft(line: usize, sample: &Map<String, Value>, reading: &mut Reading<'_, '_>) -> Result<Option<Draft>, String> {
    let mut draft = Draft::default();
    let at = |name: &str| format!("line {line}, {name}");
    let Some(input) = sample.get("input") else { return Err("the sample has no `input`".to_owned()) };
    let text = match asked(input) {
        Ok(text) => text,
        Err(what) => {
            reading.done.leave(at("input"), format!("the sample was left: {what}"));
            return Ok(None);
        }
    };
    let fields = targets(reading, "input", reading.options.shape.sole_input());
    if fields.is_empty() {
        return Err("its `input` is one text, and the step's input is not: `--map input.FIELD=input`".to_owned());
    }
    for field in fields {
        draft.put(&field, Value::from(text))?;
    }
    for (name, value) in sample {
        match name.as_str() {
            "input" => {}
            "id" if value.is_null() => {}
            "id" => draft.put("id", value.clone())?,
            "target" => target(&mut draft, value, &at("target"), reading)?,
            "metadata" => metadata(&mut draft, value, &at("metadata"), reading)?,
            _ if value.is_null() => {}
            name if SURROUNDINGS.contains(&name) => {
                reading.done.leave(at(name), "the surroundings of an agent: an example is one decision");
            }
            name => {
                let named = reading.options.shape.field_named(name).filter(|f| f.starts_with("input."));
                let fields = targets(reading, name, named);
                if fields.is_empty() {
                    reading
                        .done
                        .leave(at(name), format!("no field of an example: `--map input.FIELD={}`", shown(name)));
                }
                for field in fields {
                    draft.put(&field, value.clone())?;
                }
            }
        }
    }
    Ok(Some(draft))
}

fn targets(reading: &Reading<'_, '_>, source: &str, otherwise: Option<String>) -> Vec<String> {
    let mapped: Vec<String> = reading.options.mapping.fields_of(source).map(str::to_owned).collect();
    if mapped.is_empty() { otherwise.into_iter().collect() } else { mapped }
}

/// The text that is asked: the input itself, or the only message of a user.
fn asked(input: &Value) -> Result<&str, String> {
    if let Some(text) = input.as_str() {
        return Ok(text);
    }
    let messages = input.as_array().ok_or("its input is neither a text nor a list of messages")?;
    match messages.as_slice() {
        [only] if only.get("role").and_then(Value::as_str) == Some("user") => {
            only.get("content").and_then(Value::as_str).ok_or_else(|| "its message is no text".to_owned())
        }
        several => Err(format!("a conversation of {} messages: an example has one input", several.len())),
    }
}

fn target(draft: &mut Draft, value: &Value, at: &str, reading: &mut Reading<'_, '_>) -> Result<(), String> {
    let one = match value {
        Value::Array(items) => match items.as_slice() {
            [only] => only,
            [] => return Ok(()),
            several => {
                let what = format!("any of {} answers is right there: an example expects one", several.len());
                reading.done.leave(at, what);
                return Ok(());
            }
        },
        one => one,
    };
    // An empty target expects nothing.
    let Some(text) = one.as_str().filter(|t| !t.is_empty()) else { return Ok(()) };
    let fields = targets(reading, "target", reading.options.shape.sole_label());
    if fields.is_empty() {
        reading.done.leave(at, "the output has no single label: `--map expected.FIELD=target`");
    }
    for field in fields {
        let value = reading.options.shape.typed(&field, text).unwrap_or_else(|| Value::from(text));
        draft.put(&field, value)?;
    }
    Ok(())
}

fn metadata(draft: &mut Draft, value: &Value, at: &str, reading: &mut Reading<'_, '_>) -> Result<(), String> {
    let Some(members) = value.as_object() else {
        if !value.is_null() {
            reading.done.leave(at, "it is no object");
        }
        return Ok(());
    };
    for (name, value) in members {
        let source = format!("metadata.{name}");
        if reading.options.mapping.names(&source) {
            let fields: Vec<String> = reading.options.mapping.fields_of(&source).map(str::to_owned).collect();
            for field in fields {
                draft.put(&field, value.clone())?;
            }
            continue;
        }
        let text = word(value).or_else(|| value.as_bool().map(|b| b.to_string()));
        let tag = text.map(|t| format!("{name}:{t}"));
        match tag.filter(|t| t.len() <= NAME_BYTES_MAX && !t.chars().any(char::is_control)) {
            Some(tag) => draft.tags.push(tag),
            None => reading.done.leave(format!("{at}.{name}"), "too much for a tag: `--map input.FIELD=metadata.NAME`"),
        }
    }
    Ok(())
}
