//! Identity: digests of meaning, not of text.
//!
//! Every element has two digests, each SHA-256 over the RFC 8785 form of `{"own": …, "children": {name: digest}}`:
//! *as written*, with the prose that people judge, and *as compiled*, with only what the machine does. They are made
//! from the checked workflow, so comments, the order of keys, layout and quoting cannot change them. A file is
//! represented by the digest of its content, never by its name.

mod parts;

use crate::workflow::{Element, Workflow};
use seatrial_model::{CanonicalError, Digest, ElementPath};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// One element in the making.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// Own fields as written; null where it has none.
    pub(crate) written: Value,
    /// Own fields as compiled; none where all of it is prose.
    pub(crate) compiled: Option<Value>,
    /// Children by name.
    pub(crate) children: BTreeMap<String, Self>,
    /// Other elements that this one's meaning rests on.
    pub(crate) refs: Vec<ElementPath>,
}

impl Part {
    /// A leaf that means to the machine what it says.
    pub(crate) fn leaf(value: Value) -> Self {
        Self { compiled: Some(value.clone()), written: value, ..Self::default() }
    }

    /// A leaf for people only.
    pub(crate) fn prose(value: impl Into<Value>) -> Self {
        Self { written: value.into(), ..Self::default() }
    }

    /// A leaf that is written one way and compiled another.
    pub(crate) fn both(written: Value, compiled: Value) -> Self {
        Self { written, compiled: Some(compiled), ..Self::default() }
    }

    pub(crate) fn with_refs(mut self, refs: impl IntoIterator<Item = ElementPath>) -> Self {
        self.refs.extend(refs);
        self
    }

    /// Adds a child; one with nothing in it is left out.
    pub(crate) fn put(&mut self, name: &str, child: Self) {
        if !(child.written.is_null() && child.compiled.is_none() && child.children.is_empty()) {
            self.children.insert(name.to_owned(), child);
        }
    }
}

/// The digest as compiled of an element that is prose alone: there is nothing to compile.
#[must_use]
pub fn prose_digest() -> Digest {
    Digest::of(b"null")
}

/// All elements of a checked workflow, sorted by path, the root first; `workflow.elements` is not read.
///
/// # Errors
/// Where a number of the spec has no RFC 8785 form.
pub fn elements(workflow: &Workflow) -> Result<Vec<Element>, CanonicalError> {
    let mut out = Vec::new();
    collect(&ElementPath::root(), &parts::workflow(workflow), &mut out)?;
    out.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(out)
}

fn collect(
    path: &ElementPath,
    part: &Part,
    out: &mut Vec<Element>,
) -> Result<(Digest, Option<Digest>), CanonicalError> {
    let mut written = Map::new();
    let mut compiled = Map::new();
    for (name, child) in &part.children {
        let (w, c) = collect(&path.child(name), child, out)?;
        written.insert(name.clone(), json!(w));
        if let Some(c) = c {
            compiled.insert(name.clone(), json!(c));
        }
    }
    let of =
        |own: &Value, children: Map<String, Value>| Digest::of_canonical(&json!({ "own": own, "children": children }));
    let as_compiled = match (&part.compiled, compiled.is_empty()) {
        (None, true) => None,
        (own, _) => Some(of(own.as_ref().unwrap_or(&Value::Null), compiled)?),
    };
    let as_written = of(&part.written, written)?;
    out.push(Element { path: path.clone(), written: as_written, compiled: as_compiled.unwrap_or_else(prose_digest) });
    Ok((as_written, as_compiled))
}

/// What each element's meaning rests on beside itself: path → paths.
pub(crate) fn references(workflow: &Workflow) -> BTreeMap<ElementPath, Vec<ElementPath>> {
    fn walk(path: &ElementPath, part: &Part, out: &mut BTreeMap<ElementPath, Vec<ElementPath>>) {
        if !part.refs.is_empty() {
            out.insert(path.clone(), part.refs.clone());
        }
        for (name, child) in &part.children {
            walk(&path.child(name), child, out);
        }
    }
    let mut out = BTreeMap::new();
    walk(&ElementPath::root(), &parts::workflow(workflow), &mut out);
    out
}
