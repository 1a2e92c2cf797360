//! Examples from elsewhere: tables, lines of JSON, promptfoo's tests and Inspect's samples.
//!
//! Nothing is dropped silently. What has no place in an example is listed with its place and a word on where it belongs:
//! an assertion on every output is a rule of the step, an opinion of another model is a review.

mod inspect;
mod promptfoo;
mod shape;
mod table;

pub use shape::Shape;

use crate::example::{ERRORS_MAX, EXAMPLES_MAX, check, shown};
use crate::{Example, ExampleError};
use seatrial_model::{CanonicalError, Digest, canonical};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The largest file that is imported: a set is held in memory whole.
pub const IMPORT_BYTES_MAX: usize = 256 << 20;

/// The most things listed that were not carried over; the rest is counted.
pub const LEFT_MAX: usize = 200;

/// The most parts of a dotted path.
const PATH_PARTS_MAX: usize = 16;

/// Where the examples come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// A table with a line of names.
    Csv,
    /// One JSON object a line: our own form, or any other with a mapping.
    Jsonl,
    /// A configuration of promptfoo with `tests`, or a list of tests; YAML or JSON.
    Promptfoo,
    /// Samples of Inspect, one JSON object a line or in a list.
    Inspect,
}

/// Which field of an example comes from where: `input.text=question`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Mapping(Vec<(String, String)>);

impl Mapping {
    /// Reads pairs `FIELD=SOURCE`.
    ///
    /// # Errors
    /// The first that is none, in words.
    pub fn parse<T: AsRef<str>>(pairs: &[T]) -> Result<Self, String> {
        let mut all = Vec::with_capacity(pairs.len());
        for pair in pairs {
            let pair = pair.as_ref();
            let (field, source) = pair
                .split_once('=')
                .filter(|(field, source)| !field.is_empty() && !source.is_empty())
                .ok_or_else(|| format!("`{}` is no mapping: write FIELD=SOURCE", shown(pair)))?;
            if !is_field(field) {
                return Err(format!(
                    "`{}` is no field of an example: `id`, `input.…`, `expected.…`, `output`, `confidence`, `must_not_pass`, `cluster` or `tags`",
                    shown(field)
                ));
            }
            all.push((field.to_owned(), source.to_owned()));
        }
        Ok(Self(all))
    }

    /// The fields that come from a source.
    fn fields_of<'m>(&'m self, source: &'m str) -> impl Iterator<Item = &'m str> {
        self.0.iter().filter(move |(_, s)| s == source).map(|(field, _)| field.as_str())
    }

    fn names(&self, source: &str) -> bool {
        self.fields_of(source).next().is_some()
    }

    const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether a dotted path is one that an example has.
fn is_field(path: &str) -> bool {
    let first = path.split('.').next().unwrap_or_default();
    let whole = first.len() == path.len();
    let parts = path.split('.');
    let named = path.split('.').all(|p| !p.is_empty()) && parts.count() <= PATH_PARTS_MAX;
    named
        && match first {
            "input" | "expected" | "output" => true,
            "id" | "confidence" | "must_not_pass" | "cluster" | "tags" => whole,
            _ => false,
        }
}

/// Something that was not carried over.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Left {
    /// Where it stands: `column score`, `tests[3].assert[0]`, `line 7`.
    pub at: String,
    /// What it is, and where it belongs.
    pub what: String,
}

/// What an import came to.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Imported {
    /// The examples, in the file's order.
    pub examples: Vec<Example>,
    /// What was not carried over: the first [`LEFT_MAX`].
    pub left: Vec<Left>,
    /// How many things were not carried over in all.
    pub left_total: usize,
}

impl Imported {
    fn leave(&mut self, at: impl Into<String>, what: impl Into<String>) {
        self.left_total += 1;
        if self.left.len() < LEFT_MAX {
            self.left.push(Left { at: shown(&at.into()), what: what.into() });
        }
    }
}

/// How a file is read.
#[derive(Clone, Debug)]
pub struct ImportOptions<'s> {
    /// Its format.
    pub format: Format,
    /// Which field comes from where.
    pub mapping: Mapping,
    /// The types of the step that the set is for.
    pub shape: Shape<'s>,
    /// What ids begin with, where the file has none: its own name.
    pub prefix: String,
}

/// Reads examples.
///
/// # Errors
/// Everything that is wrong with the file (the first fifty); no example is returned then.
pub fn import(bytes: &[u8], options: &ImportOptions<'_>) -> Result<Imported, Vec<ExampleError>> {
    if bytes.len() > IMPORT_BYTES_MAX {
        let message = format!("{} bytes are more than the {IMPORT_BYTES_MAX} that are imported; split it", bytes.len());
        return Err(vec![ExampleError { line: 1, message }]);
    }
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut reading = Reading { options, done: Imported::default(), errors: Vec::new(), ids: BTreeSet::new() };
    match options.format {
        Format::Csv => table::csv(bytes, &mut reading),
        Format::Jsonl => table::jsonl(bytes, &mut reading),
        Format::Promptfoo => promptfoo::read(bytes, &mut reading),
        Format::Inspect => inspect::read(bytes, &mut reading),
    }
    reading.errors.sort_by_key(|e| e.line);
    if reading.errors.is_empty() { Ok(reading.done) } else { Err(reading.errors) }
}

/// An import under way.
struct Reading<'o, 's> {
    options: &'o ImportOptions<'s>,
    done: Imported,
    errors: Vec<ExampleError>,
    ids: BTreeSet<String>,
}

impl Reading<'_, '_> {
    /// Whether it goes on.
    const fn full(&self) -> bool {
        self.errors.len() >= ERRORS_MAX
    }

    fn wrong(&mut self, line: usize, message: impl Into<String>) {
        if !self.full() {
            self.errors.push(ExampleError { line, message: message.into() });
        }
    }

    /// Takes a finished draft.
    fn take(&mut self, line: usize, draft: Draft) {
        if self.done.examples.len() >= EXAMPLES_MAX {
            // Once is enough.
            if self.done.examples.len() == EXAMPLES_MAX && self.errors.is_empty() {
                self.wrong(line, format!("the file was not imported: more than {EXAMPLES_MAX} examples; split it"));
            }
            return;
        }
        let id = draft.id.clone().unwrap_or_else(|| format!("{}-{line}", self.options.prefix));
        let example = match draft.example(id) {
            Ok(example) => example,
            Err(message) => return self.wrong(line, message),
        };
        if !self.ids.insert(example.id.clone()) {
            return self.wrong(line, format!("the id `{}` stands there already", shown(&example.id)));
        }
        self.done.examples.push(example);
    }
}

/// An example that is being put together.
#[derive(Default)]
struct Draft {
    id: Option<String>,
    input: Option<Value>,
    expected: Option<Value>,
    output: Option<Value>,
    must_not_pass: bool,
    confidence: Option<f64>,
    cluster: Option<String>,
    tags: Vec<String>,
}

impl Draft {
    /// Puts a value at a field of the example.
    fn put(&mut self, field: &str, value: Value) -> Result<(), String> {
        let (first, rest) = field.split_once('.').map_or((field, None), |(first, rest)| (first, Some(rest)));
        match first {
            "input" => place(&mut self.input, rest, value, field),
            "expected" => place(&mut self.expected, rest, value, field),
            "output" => place(&mut self.output, rest, value, field),
            "id" => {
                self.id = Some(word(&value).ok_or("`id` is neither a text nor a number")?);
                Ok(())
            }
            "cluster" => {
                self.cluster = Some(word(&value).ok_or("`cluster` is neither a text nor a number")?);
                Ok(())
            }
            "confidence" => {
                let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
                self.confidence = Some(number.ok_or("`confidence` is no number")?);
                Ok(())
            }
            "must_not_pass" => {
                self.must_not_pass = truth(&value).ok_or("`must_not_pass` is neither true nor false")?;
                Ok(())
            }
            "tags" => {
                self.tags.extend(tags(&value).ok_or("`tags` is neither a text nor a list of texts")?);
                Ok(())
            }
            _ => Err(format!("`{}` is no field of an example", shown(field))),
        }
    }

    fn example(self, id: String) -> Result<Example, String> {
        let Self { input, expected, output, must_not_pass, confidence, cluster, mut tags, .. } = self;
        let input = input.ok_or("it has no input: map one with `--map input.FIELD=SOURCE`")?;
        tags.dedup();
        let example = Example { id, input, expected, must_not_pass, output, confidence, cluster, tags };
        check(&example)?;
        Ok(example)
    }
}

/// Puts a value below a root, making the objects between.
fn place(root: &mut Option<Value>, path: Option<&str>, value: Value, field: &str) -> Result<(), String> {
    let Some(path) = path else {
        *root = Some(value);
        return Ok(());
    };
    let mut at = root.get_or_insert_with(|| Value::Object(Map::new()));
    for name in path.split('.') {
        let Value::Object(members) = at else {
            return Err(format!("`{}` lies below something that is no object", shown(field)));
        };
        at = members.entry(name.to_owned()).or_insert_with(|| Value::Object(Map::new()));
    }
    *at = value;
    Ok(())
}

fn word(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(is) => Some(*is),
        Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" | "" => Some(false),
            _ => None,
        },
        Value::Number(number) => number.as_u64().filter(|n| *n < 2).map(|n| n == 1),
        _ => None,
    }
}

fn tags(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => {
            let parts = text.split([';', ',', '|']).map(str::trim).filter(|t| !t.is_empty());
            Some(parts.map(str::to_owned).collect())
        }
        Value::Array(items) => items.iter().map(word).collect(),
        _ => None,
    }
}

/// What of an import goes into a set that exists.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Merged {
    /// The examples that are new.
    pub new: Vec<Example>,
    /// Left out: the set has an example with this id.
    pub same_id: Vec<String>,
    /// Left out: the set has an example with this input and this label.
    pub same_example: Vec<(String, String)>,
    /// Taken, and to be looked at: another example has the same input and another label.
    pub contradicts: Vec<(String, String)>,
}

/// Sorts out what is there already, by id and by input.
///
/// # Errors
/// None in practice: examples that were read have a canonical form.
pub fn merge(existing: &[Example], imported: Vec<Example>) -> Result<Merged, CanonicalError> {
    let mut merged = Merged::default();
    let mut ids: BTreeSet<String> = existing.iter().map(|e| e.id.clone()).collect();
    let mut inputs: BTreeMap<Digest, Vec<(String, Digest)>> = BTreeMap::new();
    for example in existing {
        inputs.entry(example.input_digest()?).or_default().push((example.id.clone(), label_digest(example)?));
    }
    for example in imported {
        if ids.contains(&example.id) {
            merged.same_id.push(example.id);
            continue;
        }
        let label = label_digest(&example)?;
        let known = inputs.entry(example.input_digest()?).or_default();
        if let Some((id, _)) = known.iter().find(|(_, l)| *l == label) {
            merged.same_example.push((example.id, id.clone()));
            continue;
        }
        if let Some((id, _)) = known.first() {
            merged.contradicts.push((example.id.clone(), id.clone()));
        }
        known.push((example.id.clone(), label));
        ids.insert(example.id.clone());
        merged.new.push(example);
    }
    Ok(merged)
}

/// What an example says of its input: what is expected, and what must not pass. One with an output of its own says
/// something else than one without.
fn label_digest(example: &Example) -> Result<Digest, CanonicalError> {
    Digest::of_canonical(&(&example.expected, example.must_not_pass, &example.output))
}

/// Examples as the lines of a set's file.
///
/// # Errors
/// As [`merge`].
pub fn write_examples(examples: &[Example]) -> Result<Vec<u8>, CanonicalError> {
    let mut out = Vec::new();
    for example in examples {
        out.extend(canonical(example)?);
        out.push(b'\n');
    }
    Ok(out)
}

#[cfg(test)]
mod tests;
