//! What changed in meaning between two specs.

mod assure;
mod compare;
mod gates;
mod rules;
mod said;
mod sets;
mod steps;
mod tools;

pub use compare::{Comparison, Item, compare};
pub use said::Direction;

use crate::workflow::Element;
use seatrial_model::ElementPath;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

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
    let mut above: BTreeSet<ElementPath> = BTreeSet::new();
    for path in differing.iter().map(|c| &c.path).chain(&added).chain(&removed) {
        let mut at = parent(path);
        while let Some(path) = at {
            at = parent(&path);
            above.insert(path);
        }
    }
    let changed = differing.into_iter().filter(|c| !above.contains(&c.path)).collect();
    Diff { added, removed, changed }
}

/// The topmost of these paths, sorted: those whose parent is not among them.
fn tops<'p>(paths: impl Iterator<Item = &'p ElementPath>) -> Vec<ElementPath> {
    let all: BTreeSet<&ElementPath> = paths.collect();
    all.iter().filter(|path| parent(path).is_none_or(|p| !all.contains(&p))).map(|path| (*path).clone()).collect()
}

/// The element above; none above the root.
fn parent(path: &ElementPath) -> Option<ElementPath> {
    match path.as_str().rsplit_once('.') {
        Some((above, _)) => Some(ElementPath::new(above)),
        None if path.as_str().is_empty() => None,
        None => Some(ElementPath::root()),
    }
}
