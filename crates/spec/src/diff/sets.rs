//! Differences of example sets: which examples are gone, new or other.

use super::compare::Pair;
use super::said::{Direction, Said, code, moved, option};
use crate::workflow::{ExampleSet, Workflow};
use seatrial_model::Digest;
use serde_json::Value;
use std::collections::BTreeMap;

/// How many ids are named.
const IDS_SHOWN: usize = 3;

pub(super) fn examples(pair: Pair<'_>, name: &str) -> Said {
    match (pair.old.examples.get(name), pair.new.examples.get(name)) {
        (None, Some(set)) => Said::neutral(format!("a new example set, {}", set.drawn.as_str())),
        (Some(set), None) => Said::widens(format!("an example set is gone, {}", set.drawn.as_str())),
        (Some(a), Some(b)) => changed(pair, a, b),
        (None, None) => Said::nothing(),
    }
}

fn changed(pair: Pair<'_>, a: &ExampleSet, b: &ExampleSet) -> Said {
    let mut said = Said::nothing();
    said.differs(Direction::Unclear, "drawn", &a.drawn, &b.drawn, |d| d.as_str().to_owned());
    said.differs(Direction::Unclear, "step", &a.step, &b.step, |s| code(s));
    let direction = if b.category.is_none() { Direction::Widens } else { Direction::Unclear };
    said.differs(direction, "category", &a.category, &b.category, |c| option(c.as_ref(), |c| code(c)));
    said.differs(Direction::Neutral, "from", &a.from, &b.from, |f| option(f.as_ref(), Clone::clone));
    if a.digest != b.digest {
        content(&rows(pair.old, a), &rows(pair.new, b), &mut said);
    }
    said
}

/// Examples by id, each as the digest of its canonical form.
fn rows(w: &Workflow, set: &ExampleSet) -> BTreeMap<String, Digest> {
    let Some(file) = w.files.get(&set.file) else { return BTreeMap::new() };
    let text = String::from_utf8_lossy(&file.bytes);
    let row = |line: &str| {
        let value: Value = serde_json::from_str(line).ok()?;
        let id = value.get("id")?.as_str()?.to_owned();
        Some((id, Digest::of_canonical(&value).ok()?))
    };
    text.lines().filter_map(row).collect()
}

fn content(old: &BTreeMap<String, Digest>, new: &BTreeMap<String, Digest>, said: &mut Said) {
    let gone: Vec<&String> = old.keys().filter(|id| !new.contains_key(*id)).collect();
    let more: Vec<&String> = new.keys().filter(|id| !old.contains_key(*id)).collect();
    let other: Vec<&String> =
        old.iter().filter(|(id, d)| new.get(*id).is_some_and(|n| n != *d)).map(|(id, _)| id).collect();
    let listed = |ids: &[&String]| {
        let shown: Vec<String> = ids.iter().take(IDS_SHOWN).map(|id| code(id)).collect();
        let rest = if ids.len() > IDS_SHOWN { ", …" } else { "" };
        format!("{}{rest}", shown.join(", "))
    };
    if !gone.is_empty() {
        said.add(Direction::Widens, format!("{} example(s) gone: {}", gone.len(), listed(&gone)));
    }
    if !other.is_empty() {
        said.add(Direction::Unclear, format!("{} example(s) say something else: {}", other.len(), listed(&other)));
    }
    if !more.is_empty() {
        said.add(Direction::Neutral, format!("{} example(s) more: {}", more.len(), listed(&more)));
    }
    if gone.is_empty() && other.is_empty() && more.is_empty() {
        said.add(Direction::Unclear, moved("examples", &format!("{} rows", old.len()), "other content"));
    }
}
