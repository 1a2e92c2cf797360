//! Tests of promptfoo: `vars` are the input, and an assertion of equality is what is expected. Other assertions hold for
//! every output, and so belong in the step: they are listed.

use super::{Draft, Reading, word};
use crate::example::{NAME_BYTES_MAX, shown};
use seatrial_spec::yaml::{self, Core, Node};
use serde_json::{Map, Number, Value};
use std::collections::BTreeSet;

/// The longest description that becomes an id.
const ID_CHARS_MAX: usize = 80;

/// Reads a configuration, or a list of tests.
pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) {
    let Ok(text) = std::str::from_utf8(bytes) else { return reading.wrong(1, "the file is not UTF-8 text") };
    let (root, errors) = yaml::parse(text);
    for error in &errors {
        let line = 1 + text.get(..error.range.start).map_or(0, |before| before.matches('\n').count());
        reading.wrong(line, shown(&error.to_string()));
    }
    let Some(root) = root.filter(|_| errors.is_empty()) else { return };
    let line_of = |node: &Node| 1 + text.get(..node.range.start).map_or(0, |before| before.matches('\n').count());
    let tests = if root.as_list().is_some() { Some(&root) } else { root.get("tests") };
    let Some(tests) = tests else {
        return reading.wrong(1, "there are no `tests`: this is no configuration of promptfoo, and no list of tests");
    };
    let Some(list) = tests.as_list() else {
        return reading.wrong(line_of(tests), "`tests` is no list; where it names a file, import that file");
    };
    surroundings(&root, reading);
    let common = root.get("defaultTest").map(value).unwrap_or_default();
    let mut common_asserts = Vec::new();
    for (j, assert) in list_of(common.get("assert")).into_iter().enumerate() {
        let at = format!("defaultTest.assert[{j}]");
        match expectation(assert, reading) {
            Ok(found) => common_asserts.extend(found),
            Err(what) => reading.done.leave(at, what),
        }
    }
    let mut used = BTreeSet::new();
    for (i, node) in list.iter().enumerate() {
        if reading.full() {
            return;
        }
        let at = format!("tests[{i}]");
        let test = value(node);
        let Some(test) = test.as_object() else {
            reading.done.leave(at, "no test with `vars`; where it names a file, import that file");
            continue;
        };
        match draft(&at, test, &common, &common_asserts, reading) {
            Ok(Some(mut draft)) => {
                // Two tests may have one description; then both are called by their place.
                let name = test.get("description").and_then(Value::as_str).filter(|d| is_id(d));
                let name = name.filter(|d| used.insert((*d).to_owned()));
                draft.id =
                    name.map_or_else(|| Some(format!("{}-{}", reading.options.prefix, i + 1)), |d| Some(d.to_owned()));
                reading.take(line_of(node), draft);
            }
            Ok(None) => {}
            Err(message) => reading.wrong(line_of(node), message),
        }
    }
}

/// What a configuration has beside its tests.
fn surroundings(root: &Node, reading: &mut Reading<'_, '_>) {
    for entry in root.as_map().unwrap_or_default() {
        let what = match entry.key.as_str() {
            "tests" | "defaultTest" | "description" => continue,
            "prompts" => "a prompt is a file of the step: `prompt: FILE`",
            "providers" | "targets" => "a model is the step's: `model: { provider, name }`",
            "scenarios" => "scenarios are not expanded: write their tests out",
            "assertionTemplates" => "templates are not resolved: write the assertions out",
            _ => "a setting of promptfoo",
        };
        reading.done.leave(&entry.key, what);
    }
}

fn is_id(text: &str) -> bool {
    let chars = text.chars().count();
    chars > 0 && chars <= ID_CHARS_MAX && text.len() <= NAME_BYTES_MAX && !text.chars().any(char::is_control)
}

/// One test as an example; none where it was left as a whole.
fn draft(
    at: &str,
    test: &Map<String, Value>,
    common: &Value,
    common_asserts: &[(String, Value)],
    reading: &mut Reading<'_, '_>,
) -> Result<Option<Draft>, String> {
    let mut draft = Draft::default();
    let mut vars = common.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
    match test.get("vars") {
        None | Some(Value::Null) => {}
        Some(Value::Object(own)) => vars.extend(own.clone()),
        Some(_) => {
            reading.done.leave(format!("{at}.vars"), "the test was left: its `vars` are in a file");
            return Ok(None);
        }
    }
    for (name, value) in &vars {
        if let Some(what) = not_plain(value) {
            reading.done.leave(format!("{at}.vars.{name}"), format!("the test was left: {what}"));
            return Ok(None);
        }
    }
    for (name, value) in vars {
        let mapped: Vec<String> = reading.options.mapping.fields_of(&name).map(str::to_owned).collect();
        let fields = if mapped.is_empty() { vec![format!("input.{name}")] } else { mapped };
        for field in fields {
            draft.put(&field, value.clone())?;
        }
    }
    for (field, value) in common_asserts {
        draft.put(field, value.clone())?;
    }
    for (j, assert) in list_of(test.get("assert")).into_iter().enumerate() {
        let at = format!("{at}.assert[{j}]");
        match expectation(assert, reading) {
            Ok(found) => {
                for (field, value) in found {
                    draft.put(&field, value)?;
                }
            }
            Err(what) => reading.done.leave(at, what),
        }
    }
    for (name, value) in test {
        match name.as_str() {
            "description" | "vars" | "assert" => {}
            "providerOutput" => draft.put("output", value.clone())?,
            "metadata" => metadata(&mut draft, value, at, reading),
            other => reading.done.leave(format!("{at}.{other}"), "a setting of promptfoo"),
        }
    }
    Ok(Some(draft))
}

/// Why a variable is not simply its value.
fn not_plain(value: &Value) -> Option<&'static str> {
    match value {
        Value::Array(_) => Some("a list, which promptfoo makes several tests of"),
        Value::String(text) if text.starts_with("file://") => Some("its value is in a file"),
        Value::String(text) if text.contains("{{") || text.contains("{%") => Some("its value is a template"),
        _ => None,
    }
}

fn metadata(draft: &mut Draft, value: &Value, at: &str, reading: &mut Reading<'_, '_>) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let text = word(value).or_else(|| value.as_bool().map(|b| b.to_string()));
        let tag = text.map(|t| format!("{name}:{t}"));
        match tag.filter(|t| t.len() <= NAME_BYTES_MAX && !t.chars().any(char::is_control)) {
            Some(tag) => draft.tags.push(tag),
            None => reading.done.leave(format!("{at}.metadata.{name}"), "too much for a tag"),
        }
    }
}

fn list_of(value: Option<&Value>) -> Vec<&Value> {
    value.and_then(Value::as_array).into_iter().flatten().collect()
}

/// What an assertion expects, as fields of the example: none where the output type says so already.
fn expectation(assert: &Value, reading: &Reading<'_, '_>) -> Result<Vec<(String, Value)>, String> {
    let kind = assert.get("type").and_then(Value::as_str).ok_or("an assertion without a `type`")?;
    if ["transform", "contextTransform"].iter().any(|t| assert.get(t).is_some()) {
        return Err(format!("`{}` of a transformed output", shown(kind)));
    }
    let wanted = assert.get("value");
    let shape = &reading.options.shape;
    match (kind, wanted) {
        ("equals", Some(Value::Object(members))) => {
            if members.values().any(|v| not_plain(v) == Some("its value is a template")) {
                return Err("`equals` with a template".to_owned());
            }
            Ok(members.iter().map(|(name, value)| (format!("expected.{name}"), value.clone())).collect())
        }
        ("equals", Some(value)) if word(value).is_some() || value.is_boolean() => {
            if let Some(what) = not_plain(value) {
                return Err(format!("`equals`: {what}"));
            }
            let mapped: Vec<String> = reading.options.mapping.fields_of("equals").map(str::to_owned).collect();
            if !mapped.is_empty() {
                return Ok(mapped.into_iter().map(|field| (field, value.clone())).collect());
            }
            if shape.output_is_object() {
                return Err(
                    "`equals` of a whole text, and the output has fields: `--map expected.FIELD=equals`".to_owned()
                );
            }
            Ok(vec![("expected".to_owned(), value.clone())])
        }
        ("is-json", None) if shape.output.is_some() => Ok(Vec::new()),
        ("is-json", Some(schema)) if shape.output == Some(schema) => Ok(Vec::new()),
        ("javascript", Some(Value::String(code))) => {
            let (field, value) = equality(code).ok_or_else(|| hint(kind))?;
            Ok(vec![(format!("expected.{field}"), value)])
        }
        _ => Err(hint(kind)),
    }
}

/// Where an assertion that is not carried over belongs.
fn hint(kind: &str) -> String {
    let place = match kind.strip_prefix("not-").unwrap_or(kind) {
        "is-json" | "contains-json" | "is-valid-openai-tools-call" => "the step's output type",
        "llm-rubric" | "factuality" | "model-graded-closedqa" | "answer-relevance" | "similar" | "g-eval" => {
            "an opinion of a model: a person's review, or a judge"
        }
        "cost" | "latency" | "perplexity" => "a limit of the step, not of an output",
        "javascript" | "python" | "webhook" => "code: write it as a rule of the step, in CEL",
        _ if kind.starts_with("not-") => "a `forbid` rule of the step",
        _ => "a `require` rule of the step",
    };
    format!("`{}`: {place}", shown(kind))
}

/// `F` and `v`, where code is `output.F === v` or `JSON.parse(output).F === v` with a plain value, and nothing else.
fn equality(code: &str) -> Option<(String, Value)> {
    let code = code.trim().trim_end_matches(';').trim_end();
    let rest = code.strip_prefix("JSON.parse(output).").or_else(|| code.strip_prefix("output."))?;
    let (field, value) = rest.split_once("==")?;
    let (field, value) = (field.trim(), value.strip_prefix('=').unwrap_or(value).trim());
    let named = !field.is_empty() && field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let quoted = ['\'', '"'].iter().find_map(|q| value.strip_prefix(*q)?.strip_suffix(*q));
    let value = match quoted {
        Some(text) if !text.contains(['\'', '"', '\\', '`']) => Value::from(text),
        Some(_) => return None,
        None => serde_json::from_str::<Value>(value).ok().filter(|v| v.is_number() || v.is_boolean())?,
    };
    named.then(|| (field.to_owned(), value))
}

/// A node as JSON. The parser has bounded its depth and its size.
fn value(node: &Node) -> Value {
    if let Some(entries) = node.as_map() {
        return Value::Object(entries.iter().map(|e| (e.key.clone(), value(&e.value))).collect());
    }
    if let Some(items) = node.as_list() {
        return Value::Array(items.iter().map(value).collect());
    }
    let Some(scalar) = node.as_scalar() else { return Value::Null };
    match scalar.core {
        Core::Null => Value::Null,
        Core::Bool(is) => Value::Bool(is),
        Core::Int(n) => Value::Number(n.into()),
        Core::Float(n) => Number::from_f64(n).map_or_else(|| Value::from(scalar.text.clone()), Value::Number),
        Core::Text => Value::from(scalar.text.clone()),
    }
}
