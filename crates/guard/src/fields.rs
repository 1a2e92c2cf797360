//! Dotted fields (`output.reason`, `input.items.text`) and the texts below them. Arrays on the way are passed through:
//! the field of every item counts.

use crate::shape::{Place, Shape};
use serde_json::Value;
use std::borrow::Cow;

/// What a field belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Root {
    Input,
    Output,
    Arguments,
}

impl Root {
    /// As a spec writes it.
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Output => "output",
            Self::Arguments => "arguments",
        }
    }
}

/// A dotted field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Field {
    pub(crate) root: Root,
    pub(crate) names: Vec<String>,
}

impl Field {
    /// Reads `input.…`, `output.…` or `arguments.…` (or one of these words alone).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut names = text.split('.').map(str::to_owned);
        let root = match names.next()?.as_str() {
            "input" => Root::Input,
            "output" => Root::Output,
            "arguments" => Root::Arguments,
            _ => return None,
        };
        let names: Vec<String> = names.collect();
        names.iter().all(|n| !n.is_empty()).then_some(Self { root, names })
    }

    /// Every value at the field.
    pub(crate) fn select<'v>(&self, value: &'v Value) -> Vec<&'v Value> {
        let mut out = Vec::new();
        select(value, &self.names, &mut out);
        out
    }
}

fn select<'v>(value: &'v Value, names: &[String], out: &mut Vec<&'v Value>) {
    match (value, names.split_first()) {
        (Value::Array(items), Some(_)) => items.iter().for_each(|item| select(item, names, out)),
        (Value::Object(map), Some((name, rest))) => {
            if let Some(next) = map.get(name) {
                select(next, rest, out);
            }
        }
        (_, None) => out.push(value),
        _ => {}
    }
}

/// A text found in a value.
pub(crate) struct Leaf<'v> {
    /// Its RFC 6901 pointer. A key that the schema does not declare came from outside and is written `*`: no text that
    /// a model supplied enters a finding.
    pub(crate) pointer: String,
    /// The text; a number as it is written.
    pub(crate) text: Cow<'v, str>,
    /// A key of an object rather than a value: it cannot be redacted.
    pub(crate) is_key: bool,
}

/// Every text at a field (or everywhere, for no names).
pub(crate) fn leaves<'v>(value: &'v Value, shape: &Shape, names: &[String]) -> Vec<Leaf<'v>> {
    let mut out = Vec::new();
    walk(value, shape, shape.root(), names, &mut String::new(), &mut out);
    out
}

fn walk<'v>(
    value: &'v Value,
    shape: &Shape,
    at: Place,
    names: &[String],
    pointer: &mut String,
    out: &mut Vec<Leaf<'v>>,
) {
    let length = pointer.len();
    match (value, names.split_first()) {
        (Value::Array(items), _) => {
            for (i, item) in items.iter().enumerate() {
                pointer.push('/');
                pointer.push_str(&i.to_string());
                walk(item, shape, shape.item(at, i), names, pointer, out);
                pointer.truncate(length);
            }
        }
        (Value::Object(map), Some((name, rest))) => {
            if let Some(next) = map.get(name) {
                push_name(pointer, name);
                walk(next, shape, shape.field(at, name), rest, pointer, out);
                pointer.truncate(length);
            }
        }
        (Value::Object(map), None) => {
            for (key, item) in map {
                let is_declared = shape.declared(at, key).is_some();
                push_name(pointer, if is_declared { key } else { "*" });
                if !is_declared {
                    out.push(Leaf { pointer: pointer.clone(), text: Cow::Borrowed(key), is_key: true });
                }
                walk(item, shape, shape.field(at, key), names, pointer, out);
                pointer.truncate(length);
            }
        }
        (Value::String(s), None) => {
            out.push(Leaf { pointer: pointer.clone(), text: Cow::Borrowed(s), is_key: false });
        }
        (Value::Number(n), None) => {
            out.push(Leaf { pointer: pointer.clone(), text: Cow::Owned(n.to_string()), is_key: false });
        }
        _ => {}
    }
}

fn push_name(pointer: &mut String, name: &str) {
    pointer.push('/');
    pointer.push_str(&name.replace('~', "~0").replace('/', "~1"));
}

/// Rewrites every text at a field: the function says what it becomes, or nothing where it stays.
pub(crate) fn rewrite(value: &mut Value, names: &[String], change: &mut dyn FnMut(&str) -> Option<String>) {
    match (value, names.split_first()) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| rewrite(item, names, change)),
        (Value::Object(map), Some((name, rest))) => {
            if let Some(next) = map.get_mut(name) {
                rewrite(next, rest, change);
            }
        }
        (Value::Object(map), None) => map.values_mut().for_each(|item| rewrite(item, names, change)),
        (slot @ (Value::String(_) | Value::Number(_)), None) => {
            let changed = match &*slot {
                Value::String(s) => change(s),
                other => change(&other.to_string()),
            };
            if let Some(text) = changed {
                *slot = Value::String(text);
            }
        }
        _ => {}
    }
}

/// Removes a field, in every item of the arrays on the way.
pub(crate) fn remove(value: &mut Value, names: &[String]) {
    match (value, names) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| remove(item, names)),
        (Value::Object(map), [last]) => {
            // Not `remove`: it would put the last field in the place of the removed one.
            map.shift_remove(last);
        }
        (Value::Object(map), [name, rest @ ..]) => {
            if let Some(next) = map.get_mut(name) {
                remove(next, rest);
            }
        }
        _ => {}
    }
}
