//! Tables and lines of JSON.

use super::{Draft, Reading};
use crate::Example;
use crate::example::{EXAMPLES_MAX, LINE_BYTES_MAX, check, shown};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// The most columns: each is a field of an example.
const COLUMNS_MAX: usize = 1_000;

/// A table: the first line names the columns.
pub(super) fn csv(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(bytes);
    let names = match reader.headers() {
        Ok(names) if names.len() > COLUMNS_MAX => {
            return reading.wrong(1, format!("{} columns are more than the {COLUMNS_MAX} that are read", names.len()));
        }
        Ok(names) => names.clone(),
        Err(error) => return reading.wrong(1, broken(&error)),
    };
    let columns: Vec<Vec<String>> = names.iter().map(|name| fields_of(reading, name.trim())).collect();
    let missing: Vec<String> = unmapped(reading, &names.iter().map(str::trim).collect::<Vec<_>>());
    for source in missing {
        reading.wrong(1, format!("the table has no column `{}`", shown(&source)));
    }
    for (name, _) in names.iter().zip(&columns).filter(|(_, fields)| fields.is_empty()) {
        reading
            .done
            .leave(format!("column {name}"), format!("no field of an example: `--map input.FIELD={}`", shown(name)));
    }
    for row in reader.records() {
        if reading.full() {
            return;
        }
        let row = match row {
            Ok(row) => row,
            Err(error) => {
                let line = error.position().map_or(1, csv::Position::line);
                reading.wrong(usize::try_from(line).unwrap_or(usize::MAX), broken(&error));
                continue;
            }
        };
        let line = row.position().map_or(1, |p| usize::try_from(p.line()).unwrap_or(usize::MAX));
        if row.as_slice().len() > LINE_BYTES_MAX {
            reading.wrong(line, format!("the row has more than the {LINE_BYTES_MAX} bytes that an example can have"));
            continue;
        }
        let mut draft = Draft::default();
        let cells = columns.iter().zip(row.iter()).flat_map(|(fields, cell)| fields.iter().map(move |f| (f, cell)));
        let mut outcome = Ok(());
        for (field, cell) in cells {
            if let Some(value) = reading.options.shape.typed(field, cell) {
                outcome = outcome.and_then(|()| draft.put(field, value));
            }
        }
        match outcome {
            Ok(()) => reading.take(line, draft),
            Err(message) => reading.wrong(line, message),
        }
    }
}

/// The csv crate's words name lines and fields, and quote nothing of the file.
fn broken(error: &csv::Error) -> String {
    shown(&error.to_string())
}

/// The fields that a source fills: those of the mapping, else the one it is called by.
fn fields_of(reading: &Reading<'_, '_>, source: &str) -> Vec<String> {
    let mapped: Vec<String> = reading.options.mapping.fields_of(source).map(str::to_owned).collect();
    if mapped.is_empty() { reading.options.shape.field_named(source).into_iter().collect() } else { mapped }
}

/// Sources of the mapping that a file does not have.
fn unmapped(reading: &Reading<'_, '_>, has: &[&str]) -> Vec<String> {
    let mapping = &reading.options.mapping.0;
    mapping.iter().map(|(_, source)| source).filter(|s| !has.contains(&s.as_str())).cloned().collect()
}

/// One JSON object a line: an example of ours, or any object.
pub(super) fn jsonl(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    let mut left = BTreeSet::new();
    for (line, object) in objects(bytes, reading) {
        if reading.full() {
            return;
        }
        let ours = reading.options.mapping.is_empty() && object.contains_key("input");
        let outcome = if ours { own(object) } else { mapped(reading, &object, &mut left) };
        match outcome {
            Ok(draft) => reading.take(line, draft),
            Err(message) => reading.wrong(line, message),
        }
    }
    for name in left {
        reading
            .done
            .leave(format!("member {name}"), format!("no field of an example: `--map input.FIELD={}`", shown(&name)));
    }
}

/// The objects of a file: one a line, or one list of them. What is no object is an error of its line.
pub(super) fn objects(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Vec<(usize, Map<String, Value>)> {
    let mut found = Vec::new();
    let first = bytes.iter().find(|b| !b.is_ascii_whitespace());
    if first == Some(&b'[') {
        match serde_json::from_slice::<Vec<Map<String, Value>>>(bytes) {
            Ok(list) => found.extend(list.into_iter().enumerate().map(|(i, object)| (i + 1, object))),
            Err(error) => {
                reading.wrong(error.line().max(1), format!("this is no list of objects: {}", shown(&error.to_string())))
            }
        }
        return found;
    }
    for (index, line) in bytes.split(|b| *b == b'\n').enumerate() {
        if line.iter().all(u8::is_ascii_whitespace) {
            continue;
        }
        if found.len() > EXAMPLES_MAX || reading.full() {
            return found;
        }
        if line.len() > LINE_BYTES_MAX {
            reading.wrong(
                index + 1,
                format!("the line has more than the {LINE_BYTES_MAX} bytes that an example can have"),
            );
            continue;
        }
        match serde_json::from_slice::<Map<String, Value>>(line) {
            Ok(object) => found.push((index + 1, object)),
            Err(error) => reading.wrong(index + 1, format!("this is no JSON object: {}", shown(&error.to_string()))),
        }
    }
    found
}

/// A line in our own form.
fn own(object: Map<String, Value>) -> Result<Draft, String> {
    let has_id = object.contains_key("id");
    let mut object = object;
    if !has_id {
        object.insert("id".to_owned(), Value::from("-"));
    }
    let example: Example = serde_json::from_value(Value::Object(object)).map_err(|e| shown(&e.to_string()))?;
    check(&example)?;
    let Example { id, input, expected, must_not_pass, output, confidence, cluster, tags } = example;
    let id = has_id.then_some(id);
    Ok(Draft { id, input: Some(input), expected, output, must_not_pass, confidence, cluster, tags })
}

/// Any object, by the mapping and by names.
fn mapped(
    reading: &Reading<'_, '_>,
    object: &Map<String, Value>,
    left: &mut BTreeSet<String>,
) -> Result<Draft, String> {
    let mut draft = Draft::default();
    let whole = Value::Object(object.clone());
    for (field, source) in &reading.options.mapping.0 {
        if let Some(value) = at(&whole, source) {
            draft.put(field, value.clone())?;
        }
    }
    for (name, value) in object {
        let below =
            |source: &String| source == name || source.strip_prefix(name.as_str()).is_some_and(|r| r.starts_with('.'));
        if reading.options.mapping.0.iter().any(|(_, source)| below(source)) {
            continue;
        }
        match reading.options.shape.field_named(name) {
            Some(field) => draft.put(&field, value.clone())?,
            None => {
                // Far more names than that are no names.
                if left.len() <= super::LEFT_MAX {
                    left.insert(name.clone());
                }
            }
        }
    }
    Ok(draft)
}

/// A member by its name, or by its dotted path.
fn at<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    value.get(path).or_else(|| path.split('.').try_fold(value, |v, name| v.get(name)))
}
