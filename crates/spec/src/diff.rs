//! What changed in meaning between two specs.

use crate::workflow::Element;
use seatrial_model::ElementPath;
use serde::Serialize;
use std::collections::BTreeMap;

/// The difference of two element tables.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Diff {
    /// Elements that only the new one has; of a whole added branch only its top.
    pub added: Vec<ElementPath>,
    /// Elements that only the old one has; of a whole removed branch only its top.
    pub removed: Vec<ElementPath>,
    /// Elements that differ in themselves, not only in what is below them.
    pub changed: Vec<Change>,
}

/// A changed element.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Change {
    /// Which.
    pub path: ElementPath,
    /// Whether it compiles to something else; otherwise only its prose changed.
    pub compiled: bool,
}

impl Diff {
    /// Whether nothing changed in meaning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// Every path that is part of the difference, sorted.
    #[must_use]
    pub fn paths(&self) -> Vec<ElementPath> {
        let changed = self.changed.iter().map(|c| &c.path);
        let mut all: Vec<ElementPath> = self.added.iter().chain(&self.removed).chain(changed).cloned().collect();
        all.sort();
        all
    }
}

/// What changed from `old` to `new`. An element above a changed one is left out: it changed only by what is below it.
#[must_use]
pub fn diff(old: &[Element], new: &[Element]) -> Diff {
    let table = |list: &[Element]| -> BTreeMap<ElementPath, Element> {
        list.iter().map(|e| (e.path.clone(), e.clone())).collect()
    };
    let (old, new) = (table(old), table(new));
    let added = tops(new.keys().filter(|p| !old.contains_key(*p)));
    let removed = tops(old.keys().filter(|p| !new.contains_key(*p)));
    let differing: Vec<Change> = old
        .iter()
        .filter_map(|(path, before)| new.get(path).map(|after| (path, before, after)))
        .filter(|(_, before, after)| before.written != after.written || before.compiled != after.compiled)
        .map(|(path, before, after)| Change { path: path.clone(), compiled: before.compiled != after.compiled })
        .collect();
    let below = |path: &ElementPath| {
        let inside = |other: &ElementPath| other != path && other.is_within(path);
        differing.iter().any(|c| inside(&c.path)) || added.iter().any(inside) || removed.iter().any(inside)
    };
    let changed = differing.iter().filter(|c| !below(&c.path)).cloned().collect();
    Diff { added, removed, changed }
}

/// The topmost of these paths, sorted.
fn tops<'p>(paths: impl Iterator<Item = &'p ElementPath>) -> Vec<ElementPath> {
    let mut all: Vec<&ElementPath> = paths.collect();
    all.sort_by_key(|p| (p.segments().count(), p.as_str()));
    let mut out: Vec<ElementPath> = Vec::new();
    for path in all {
        if !out.iter().any(|top| path.is_within(top)) {
            out.push(path.clone());
        }
    }
    out.sort();
    out
}
