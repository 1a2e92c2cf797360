//! Edits of the example: all that generic mutators find and the checker takes, and for the rest a change in the table.

use crate::example::Example;
use crate::expected::Kind;
use seatrial_model::{Digest, ElementPath};
use seatrial_spec::Workflow;
use seatrial_spec::identity::prose_digest;
use seatrial_spec::workflow::Element;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// One edit and what it is.
pub struct Edit {
    /// What was done, for people.
    pub what: String,
    /// The spec as data, after it.
    pub value: Value,
    /// The spec, after it.
    pub workflow: Workflow,
    /// The leaf-most elements that are others now.
    pub changed: Vec<(String, Kind)>,
}

/// The leaf-most elements that differ, and how.
pub fn changed(old: &[Element], new: &[Element]) -> Vec<(String, Kind)> {
    let index = |t: &[Element]| -> BTreeMap<ElementPath, (Digest, Digest)> {
        t.iter().map(|e| (e.path.clone(), (e.written, e.compiled))).collect()
    };
    let (old, new) = (index(old), index(new));
    let paths: BTreeSet<&ElementPath> = old.keys().chain(new.keys()).collect();
    let differs: Vec<&ElementPath> = paths.into_iter().filter(|p| old.get(*p) != new.get(*p)).collect();
    let leaf = |p: &ElementPath| !differs.iter().any(|other| *other != p && other.is_within(p));
    let compiled = |t: &BTreeMap<ElementPath, (Digest, Digest)>, p: &ElementPath| {
        t.get(p).map(|(_, compiled)| *compiled).filter(|c| *c != prose_digest())
    };
    let kind = |p: &ElementPath| {
        if compiled(&old, p) == compiled(&new, p) { Kind::Prose } else { Kind::Meaning }
    };
    differs.iter().filter(|p| leaf(p)).map(|p| (p.to_string(), kind(p))).collect()
}

/// Words that can stand for one another.
const KINDS_OF_WORDS: &[&[&str]] = &[
    &["underwriters", "credit", "risk", "engineering", "delivery-lead"],
    &["inform", "suggest", "decide", "act"],
    &["deny", "escalate", "warn", "modify", "stop"],
    &["minimal", "limited", "high"],
    &["low", "medium", "high"],
    &["shadow", "live"],
    &["all", "audit"],
    &["required", "reported"],
    &["random", "curated", "generated"],
    &["pilot", "production"],
    &["email", "phone", "address"],
    &["applicant.age", "applicant.marital", "credit.price"],
    &["applications", "boundary", "hardship", "probes"],
    &["Application", "Assessment"],
    &["split", "fixed-sequence"],
    &["none", "0.5"],
];

fn other_words(s: &str) -> Vec<Value> {
    let mut out: Vec<Value> = Vec::new();
    for kind in KINDS_OF_WORDS.iter().filter(|kind| kind.contains(&s)) {
        out.extend(kind.iter().filter(|w| **w != s).map(|w| json!(w)));
    }
    let digits = s.bytes().take_while(u8::is_ascii_digit).count();
    let unit = s.get(digits..).unwrap_or_default();
    if digits > 0 && ["s", "min", "h", "d", "w", "y"].contains(&unit) {
        out.push(json!(format!("2{unit}")));
        out.push(json!(format!("11{unit}")));
    }
    if s.starts_with("20") {
        out.push(json!("2027-02-28"));
    }
    if s.starts_with("<=") || s.starts_with(">=") {
        out.push(json!("<= 0.5"));
        out.push(json!(">= 0.95"));
    }
    if s.contains(' ') && out.is_empty() {
        // Prose, or an expression: each takes one of these.
        out.extend([json!(format!("{s} x")), json!(format!("({s}) || false")), json!(format!("!({s})"))]);
    }
    if out.is_empty() {
        out.push(json!(format!("{s}x")));
    }
    out
}

fn mutations(value: &Value) -> Vec<Value> {
    match value {
        Value::String(s) => other_words(s),
        Value::Bool(b) => vec![json!(!b)],
        Value::Number(n) => {
            let n = n.as_f64().unwrap();
            let whole = n.fract() == 0.0;
            #[expect(clippy::cast_possible_truncation, reason = "the numbers of the example are small")]
            let up = if whole { json!(n as i64 + 1) } else { json!(n) };
            vec![up, json!(n * 0.9), json!(n * 0.99)]
        }
        Value::Array(items) => {
            let mut out = Vec::new();
            for at in 0..items.len() {
                let mut fewer = items.clone();
                fewer.remove(at);
                out.push(Value::Array(fewer));
            }
            out
        }
        Value::Object(fields) => {
            let mut out: Vec<Value> = Vec::new();
            for name in fields.keys() {
                let mut fewer = fields.clone();
                fewer.shift_remove(name);
                out.push(Value::Object(fewer));
            }
            // One more of the same, under another name.
            if let Some((_, first)) = fields.iter().next() {
                let mut more = fields.clone();
                more.insert("another-one".to_owned(), first.clone());
                out.push(Value::Object(more));
            }
            for (name, added) in ADDED {
                if !fields.contains_key(*name) {
                    let mut more: Map<String, Value> = fields.clone();
                    more.insert((*name).to_owned(), serde_json::from_str(added).unwrap());
                    out.push(Value::Object(more));
                }
            }
            out
        }
        Value::Null => vec![json!("none")],
    }
}

/// Fields that the example does not have.
const ADDED: &[(&str, &str)] = &[
    ("per_day", "300"),
    ("because", r#""somebody asked""#),
    ("title", r#""another title""#),
    ("attempts", "2"),
    ("requires", r#""true""#),
    ("withhold", r#"["applicant.age"]"#),
    ("challenged_by", r#""risk""#),
    ("runbook", r#""runbooks/by-hand.md""#),
    ("from", r#""elsewhere""#),
    ("owner", r#""risk""#),
    ("blocks", r#""pilot""#),
    ("override", r#"{ "by": ["risk"], "reasons": ["other"] }"#),
];

fn walk(pointer: &str, value: &Value, out: &mut Vec<(String, Value)>) {
    out.extend(mutations(value).into_iter().map(|m| (pointer.to_owned(), m)));
    let escape = |s: &str| s.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            for (name, child) in fields {
                walk(&format!("{pointer}/{}", escape(name)), child, out);
            }
        }
        Value::Array(items) => {
            for (at, child) in items.iter().enumerate() {
                walk(&format!("{pointer}/{at}"), child, out);
            }
        }
        _ => {}
    }
}

/// Edits of the files beside the spec: their words, and what the machine reads of them.
fn of_files(example: &Example) -> Vec<(String, Example)> {
    let mut out = Vec::new();
    for name in example.files.keys() {
        let mut with = |what: &str, change: &dyn Fn(String) -> String| {
            let mut edited = example.clone();
            let text = String::from_utf8(edited.files[name].clone()).unwrap();
            edited.files.insert(name.clone(), change(text).into_bytes());
            out.push((format!("{name}: {what}"), edited));
        };
        if name.ends_with(".md") {
            with("another line", &|t| format!("{t}\nAnother line.\n"));
        } else if name.ends_with(".jsonl") {
            with("a row less", &|t| t.lines().skip(1).map(|l| format!("{l}\n")).collect());
        } else if name.ends_with(".json") {
            with("another description", &|t| t.replacen('{', r#"{ "description": "described anew", "#, 1));
            with("one more property", &|t| {
                t.replacen(r#""properties": {"#, r#""properties": { "more": { "type": "string" }, "#, 1)
            });
        }
    }
    out
}

/// Every edit that the checker takes and that changes an element; of those that change the same elements in the same way,
/// the first two.
pub fn accepted(example: &Example, base: &Workflow) -> Vec<Edit> {
    let value = example.value();
    let mut candidates = Vec::new();
    walk("", &value, &mut candidates);
    let mut seen: BTreeMap<Vec<(String, Kind)>, usize> = BTreeMap::new();
    let mut out = Vec::new();
    let mut take = |what: String, value: Value, workflow: Workflow| {
        let changed = changed(&base.elements, &workflow.elements);
        let times = seen.entry(changed.clone()).or_default();
        if changed.is_empty() || *times >= 2 {
            return;
        }
        *times += 1;
        out.push(Edit { what, value, workflow, changed });
    };
    for (pointer, mutation) in candidates {
        let mut edited = value.clone();
        let Some(place) = edited.pointer_mut(&pointer) else { continue };
        *place = mutation;
        // JSON is YAML.
        let example = Example { text: serde_json::to_string_pretty(&edited).unwrap(), ..example.clone() };
        if let Some(workflow) = example.checked() {
            take(format!("{pointer} := {}", edited.pointer(&pointer).unwrap()), edited, workflow);
        }
    }
    for (what, edited) in of_files(example) {
        if let Some(workflow) = edited.checked() {
            take(what, value.clone(), workflow);
        }
    }
    out
}

/// For each element that no edit alone changed in a way that it could: the same table with this element (and what is above
/// it) changed.
pub fn in_the_table(example: &Example, base: &Workflow, edits: &[Edit]) -> Vec<Edit> {
    let covered: BTreeSet<(&str, Kind)> = edits
        .iter()
        .filter(|e| e.changed.len() == 1)
        .flat_map(|e| &e.changed)
        .map(|(path, kind)| (path.as_str(), *kind))
        .collect();
    let value = example.value();
    let mut out = Vec::new();
    for element in &base.elements {
        let prose_alone = element.compiled == prose_digest();
        for kind in [Kind::Prose, Kind::Meaning] {
            if covered.contains(&(element.path.as_str(), kind)) || (prose_alone && kind == Kind::Meaning) {
                continue;
            }
            let mut workflow = base.clone();
            for above in workflow.elements.iter_mut().filter(|e| element.path.is_within(&e.path)) {
                let other = |was: Digest| Digest::of(format!("other {was}").as_bytes());
                above.written = other(above.written);
                if kind == Kind::Meaning && above.compiled != prose_digest() {
                    above.compiled = other(above.compiled);
                }
            }
            workflow.digest = workflow.elements[0].written;
            let changed = vec![(element.path.to_string(), kind)];
            out.push(Edit { what: format!("{} in the table", element.path), value: value.clone(), workflow, changed });
        }
    }
    out
}
