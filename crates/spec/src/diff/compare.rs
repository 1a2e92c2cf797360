//! What changed from one workflow to another, and whether it widens or narrows what AI may do.

use super::said::{Direction, Said};
use super::{Diff, assure, diff, gates, steps};
use crate::workflow::Workflow;
use seatrial_model::ElementPath;
use serde::Serialize;

/// What differs between two workflows, with what it does to what AI may do.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Comparison {
    /// Elements that only the new one has; of a whole added branch its top, or each of a group.
    pub added: Vec<Item>,
    /// Elements that only the old one has.
    pub removed: Vec<Item>,
    /// Elements that differ in themselves.
    pub changed: Vec<Item>,
}

/// One difference.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Item {
    /// The element.
    pub path: ElementPath,
    /// Whether what it compiles to differs; otherwise only what people read.
    pub compiled: bool,
    /// What it does to what AI may do.
    pub direction: Direction,
    /// Why, in words, with the old and the new value.
    pub why: String,
}

impl Comparison {
    /// Whether nothing changed in meaning.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// Every difference.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.added.iter().chain(&self.removed).chain(&self.changed)
    }

    /// How many differences go in a direction.
    #[must_use]
    pub fn count(&self, direction: Direction) -> usize {
        self.items().filter(|i| i.direction == direction).count()
    }

    /// The direction that asks for most attention; neutral where nothing changed.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.items().map(|i| i.direction).max().unwrap_or(Direction::Neutral)
    }
}

/// Both workflows, and what is asked about them.
#[derive(Clone, Copy)]
pub(super) struct Pair<'w> {
    pub(super) old: &'w Workflow,
    pub(super) new: &'w Workflow,
}

/// What changed from `old` to `new` in meaning. A change says *narrows* only where that is proved.
#[must_use]
pub fn compare(old: &Workflow, new: &Workflow) -> Comparison {
    let Diff { added, removed, changed } = diff(&old.elements, &new.elements);
    let pair = Pair { old, new };
    let listed = |tops: &[ElementPath], of: &Workflow| -> Vec<Item> {
        tops.iter().flat_map(|top| expanded(top, of)).map(|path| item(pair, path)).collect()
    };
    let changed = changed.into_iter().map(|c| Item { compiled: c.compiled, ..item(pair, c.path) }).collect();
    Comparison { added: listed(&added, new), removed: listed(&removed, old), changed }
}

fn item(pair: Pair<'_>, path: ElementPath) -> Item {
    let said = said(pair, &path);
    let prose = crate::identity::prose_digest();
    let compiles = |w: &Workflow| w.element(&path).is_some_and(|e| e.compiled != prose);
    let compiled = compiles(pair.old) || compiles(pair.new);
    Item { path, compiled, direction: said.direction, why: said.why() }
}

fn said(pair: Pair<'_>, path: &ElementPath) -> Said {
    let segments: Vec<&str> = path.segments().collect();
    let said = match segments.as_slice() {
        ["steps", name, rest @ ..] => steps::said(pair, name, rest),
        ["gates", rest @ ..] => gates::said(pair, rest),
        [section, rest @ ..] => assure::said(pair, section, rest),
        [] => Said::nothing(),
    };
    if said.is_empty() { unexplained(pair, path) } else { said }
}

/// A difference that no rule explains. What compiles to the same changes nothing that a machine does.
fn unexplained(pair: Pair<'_>, path: &ElementPath) -> Said {
    match (pair.old.element(path), pair.new.element(path)) {
        (Some(a), Some(b)) if a.compiled == b.compiled => Said::neutral("in words only; it compiles to the same"),
        (Some(_), Some(_)) => Said::unclear("it compiles to something else"),
        (None, _) => Said::unclear("it is new"),
        (_, None) => Said::unclear("it is gone"),
    }
}

/// A group stands for its members: `steps.route.never` that is new as a whole is each of its rules.
fn expanded(top: &ElementPath, of: &Workflow) -> Vec<ElementPath> {
    const SECTIONS: [&str; 9] =
        ["outcomes", "types", "roles", "steps", "thresholds", "slices", "examples", "questions", "assumptions"];
    const RULES: [&str; 5] = ["refuse_input", "require", "forbid", "never", "escalate"];
    let segments: Vec<&str> = top.segments().collect();
    let is_group = match segments.as_slice() {
        [section] => SECTIONS.contains(section) || matches!(*section, "responsibilities" | "gates"),
        ["steps", _, part] => RULES.contains(part),
        ["gates", "production", part] => matches!(*part, "evaluation" | "drills"),
        _ => false,
    };
    if !is_group {
        return vec![top.clone()];
    }
    let depth = segments.len() + 1;
    let members = of.elements.iter().map(|e| &e.path);
    let members: Vec<ElementPath> =
        members.filter(|p| p.is_within(top) && p.segments().count() == depth).cloned().collect();
    if members.is_empty() { vec![top.clone()] } else { members }
}
