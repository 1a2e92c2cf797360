//! The files that a spec names: schemas, prompts, runbooks, examples.

use super::reader::Reader;
use super::scopes::Names;
use crate::diagnostic::Code;
use crate::files::FileSource;
use crate::types::{self, Ty};
use crate::workflow::{Drawn, ExampleSet, SchemaType, SpecFile};
use crate::yaml::{self, Node, clip};
use seatrial_model::{Digest, ElementPath};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The largest schema, prompt or runbook: people write and read them.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// The largest example set: some hundred thousand rows; larger ones are sampled.
pub const EXAMPLES_BYTES_MAX: usize = 256 << 20;
/// How many findings of one example set are shown: the first ones show what is wrong.
const EXAMPLE_FINDINGS_MAX: usize = 5;

/// The files read so far.
pub(super) struct Files<'f> {
    source: &'f dyn FileSource,
    pub(super) files: BTreeMap<String, SpecFile>,
    /// The types by name, for expressions.
    pub(super) types: BTreeMap<String, Ty>,
}

impl<'f> Files<'f> {
    pub(super) fn new(source: &'f dyn FileSource) -> Self {
        Self { source, files: BTreeMap::new(), types: BTreeMap::new() }
    }

    /// Reads the file that a scalar names: its path and bytes.
    pub(super) fn read(&mut self, r: &mut Reader, node: &Node, bytes_max: usize) -> Option<(String, Arc<[u8]>)> {
        let path = r.text(node)?;
        if let Some(why) = outside(&path) {
            let message = format!("`{}` is not a file in the folder of the spec: {why}", clip(&path));
            let help = "name a file relative to the folder, as in `prompts/route.md`";
            r.find(Code::OutsideFolder, node.range.clone(), message).help(help).done();
            return None;
        }
        if let Some(known) = self.files.get(&path) {
            return Some((path, known.bytes.clone()));
        }
        let bytes = match self.source.read(&path) {
            Ok(bytes) if bytes.len() > bytes_max => {
                let message = format!("`{}` has {} bytes; at most {bytes_max} are read", clip(&path), bytes.len());
                r.find(Code::Limit, node.range.clone(), message).done();
                return None;
            }
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("`{}` was not read: {error}", clip(&path));
                r.find(Code::UnreadableFile, node.range.clone(), message).done();
                return None;
            }
        };
        let bytes: Arc<[u8]> = bytes.into();
        self.files.insert(path.clone(), SpecFile { bytes: bytes.clone(), blob: Digest::of(&bytes) });
        Some((path, bytes))
    }

    /// Reads a file of text: a prompt, a runbook.
    pub(super) fn text(&mut self, r: &mut Reader, node: &Node) -> Option<String> {
        let (path, bytes) = self.read(r, node, FILE_BYTES_MAX)?;
        if std::str::from_utf8(&bytes).is_err() {
            let message = format!("`{}` is not UTF-8 text", clip(&path));
            r.find(Code::UnreadableFile, node.range.clone(), message).done();
            return None;
        }
        Some(path)
    }
}

/// Why a path may leave the folder, or mean another file on another system.
fn outside(path: &str) -> Option<&'static str> {
    if path.starts_with('/') {
        return Some("it is absolute");
    }
    if path.contains('\\') || path.contains(':') || path.chars().any(char::is_control) {
        return Some("`\\`, `:` and control characters mean other things elsewhere");
    }
    if path.split('/').any(|s| s == "..") {
        return Some("`..` leads out of it");
    }
    if path.split('/').any(|s| s.is_empty() || s == ".") {
        return Some("it has an empty or `.` segment");
    }
    if path == super::WORKFLOW_FILE {
        return Some("the main file is not a part of itself");
    }
    None
}

/// `types`.
pub(super) fn types(r: &mut Reader, node: Option<&Node>, files: &mut Files<'_>) -> BTreeMap<String, SchemaType> {
    let mut out = BTreeMap::new();
    for entry in r.named_types(node) {
        r.at = ElementPath::new(format!("types.{}", entry.key));
        if let Some((schema, ty)) = schema(r, &entry.value, files) {
            files.types.insert(entry.key.clone(), ty);
            out.insert(entry.key.clone(), schema);
        }
    }
    out
}

fn schema(r: &mut Reader, node: &Node, files: &mut Files<'_>) -> Option<(SchemaType, Ty)> {
    let (file, bytes) = files.read(r, node, FILE_BYTES_MAX)?;
    let bad = |r: &mut Reader, message: String| {
        r.find(Code::BadSchema, node.range.clone(), message).done();
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        bad(r, format!("`{file}` is not UTF-8 text"));
        return None;
    };
    r.report.sources.insert(&file, text);
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        Err(error) => {
            let at = offset(text, error.line(), error.column());
            let at_path = r.at.clone();
            let message = format!("this is not JSON: {}", bare(&error));
            r.report.add(Code::BadSchema, &file, at..at, message).element(&at_path).done();
            return None;
        }
    };
    // The same text with places. JSON that the YAML reader does not take is still a schema, without places.
    let (tree, errors) = yaml::parse(text);
    for error in errors.iter().filter(|e| matches!(e.kind, yaml::YamlErrorKind::DuplicateKey(_))) {
        let at_path = r.at.clone();
        r.report.add(Code::DuplicateKey, &file, error.range.clone(), error.to_string()).element(&at_path).done();
    }
    if let Some(target) = remote_reference(&value) {
        bad(r, format!("`$ref: {}` leads out of the file; only `#/…` is followed", clip(&target)));
        return None;
    }
    if let Err(error) = jsonschema::draft202012::new(&value) {
        bad(r, format!("`{file}` is not a JSON Schema: {}", clip(&error.to_string())));
        return None;
    }
    let digest = match Digest::of_canonical(&value) {
        Ok(digest) => digest,
        Err(error) => {
            bad(r, error.to_string());
            return None;
        }
    };
    let ty = types::from_schema(&file, &value, tree.as_ref());
    Some((SchemaType { file, schema: Arc::new(value), digest }, ty))
}

/// A `$ref` that does not stay within the file.
fn remote_reference(schema: &Value) -> Option<String> {
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(fields) => {
                for key in ["$ref", "$dynamicRef"] {
                    if let Some(Value::String(target)) = fields.get(key)
                        && !target.starts_with('#')
                    {
                        return Some(target.clone());
                    }
                }
                open.extend(fields.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    None
}

/// What a JSON error says, without its place, which is shown.
fn bare(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.split(" at line ").next().unwrap_or("").to_owned()
}

fn offset(text: &str, line: usize, column: usize) -> usize {
    let start: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let mut at = (start + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// `examples`.
pub(super) fn examples(
    r: &mut Reader,
    node: Option<&Node>,
    files: &mut Files<'_>,
    names: &mut Names,
) -> BTreeMap<String, ExampleSet> {
    let mut out = BTreeMap::new();
    for entry in r.named(node) {
        r.at = ElementPath::new(format!("examples.{}", entry.key));
        let Some(mut f) = r.fields(&entry.value) else { continue };
        let file_node = f.need(r, "file");
        let step = f.need(r, "step").and_then(|n| r.reference(n, "step", Code::UnknownStep, names.steps.keys()));
        let drawn = f.need(r, "drawn").and_then(|n| {
            r.word(n, &[("random", Drawn::Random), ("curated", Drawn::Curated), ("generated", Drawn::Generated)])
        });
        let from = f.get("from").and_then(|n| r.text(n));
        let category = f.get("category").and_then(|n| category(r, n));
        f.done(r);
        let read = file_node.and_then(|n| rows(r, n, files));
        let (Some((file, digest, expected)), Some(step), Some(drawn)) = (read, step, drawn) else { continue };
        names.expected.insert(entry.key.clone(), (step.clone(), expected));
        out.insert(entry.key.clone(), ExampleSet { file, step, drawn, from, category, digest });
    }
    out
}

/// A category is a name: it becomes part of an obligation's id.
fn category(r: &mut Reader, node: &Node) -> Option<String> {
    let text = r.text(node)?;
    if seatrial_model::ids::is_name(&text) {
        return Some(text);
    }
    r.find(Code::BadName, node.range.clone(), format!("`{}` is not a name", clip(&text))).done();
    None
}

/// The rows of an example set: its file, its digest line by line, and the fields that `expected` ever has.
fn rows(r: &mut Reader, node: &Node, files: &mut Files<'_>) -> Option<(String, Digest, BTreeSet<String>)> {
    let (file, bytes) = files.read(r, node, EXAMPLES_BYTES_MAX)?;
    let Ok(text) = std::str::from_utf8(&bytes) else {
        r.find(Code::BadExamples, node.range.clone(), format!("`{file}` is not UTF-8 text")).done();
        return None;
    };
    let mut canonical = Vec::with_capacity(text.len());
    let mut expected = BTreeSet::new();
    let mut ids = BTreeSet::new();
    let mut wrong: Vec<(std::ops::Range<usize>, String)> = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let row = line.trim();
        let range = start..start + line.trim_end().len();
        start += line.len();
        if row.is_empty() {
            continue;
        }
        match example(row, &mut ids, &mut expected) {
            Ok(bytes) => {
                canonical.extend_from_slice(&bytes);
                canonical.push(b'\n');
            }
            Err(message) => wrong.push((range, message)),
        }
        if wrong.len() > EXAMPLE_FINDINGS_MAX {
            break;
        }
    }
    if !wrong.is_empty() {
        r.report.sources.insert(&file, text);
    }
    let failed = !wrong.is_empty();
    for (range, message) in wrong.into_iter().take(EXAMPLE_FINDINGS_MAX) {
        let at = r.at.clone();
        r.report.add(Code::BadExamples, &file, range, message).element(&at).done();
    }
    (!failed).then(|| (file, Digest::of(&canonical), expected))
}

/// One row: its canonical bytes, or what is wrong with it.
fn example(row: &str, ids: &mut BTreeSet<String>, expected: &mut BTreeSet<String>) -> Result<Vec<u8>, String> {
    let value: Value = serde_json::from_str(row).map_err(|e| format!("this line is not JSON: {}", bare(&e)))?;
    let fields = value.as_object().ok_or("an example is a JSON object")?;
    let id = fields.get("id").and_then(Value::as_str).filter(|id| !id.is_empty());
    let id = id.ok_or("an example has an `id`, which is a text")?;
    if !fields.contains_key("input") {
        return Err(format!("the example `{}` has no `input`", clip(id)));
    }
    if !ids.insert(id.to_owned()) {
        return Err(format!("the id `{}` stands twice", clip(id)));
    }
    if let Some(Value::Object(labels)) = fields.get("expected") {
        expected.extend(labels.keys().cloned());
    }
    seatrial_model::canonical_value(&value).map_err(|e| e.to_string())
}
