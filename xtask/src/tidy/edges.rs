//! The edge table of `ARCHITECTURE.md`: which room may use which. The page is the rule; nothing repeats it here.

use super::Problems;
use crate::repo::Repo;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The page with the tables.
pub(super) const PAGE: &str = "ARCHITECTURE.md";

/// A crate's folder → the names in the other column.
pub(super) type Table = BTreeMap<String, BTreeSet<String>>;

/// Compares what is built with what is allowed.
pub(super) fn check(repo: &Repo, metadata: &Value) -> Result<Problems, String> {
    let allowed = table(repo.text(PAGE)?, "| crate | may use |")?;
    let built = rooms(metadata);
    let mut problems = Problems::new();
    for (room, uses) in &built {
        let Some(may) = allowed.get(room) else {
            problems.push(format!("`crates/{room}` has no row in the edge table of `{PAGE}`; give it one"));
            continue;
        };
        for other in uses.iter().filter(|o| *o != "model" && !may.contains(*o)) {
            problems.push(format!("`{room}` uses `{other}`, which the edge table of `{PAGE}` does not allow"));
        }
    }
    for (room, may) in &allowed {
        for name in std::iter::once(room).chain(may).filter(|name| !built.contains_key(*name)) {
            problems.push(format!("the edge table of `{PAGE}` names `{name}`, and there is no `crates/{name}`"));
        }
    }
    Ok(problems)
}

/// Our crates with the ones of ours that they use: normal dependencies only, for tests may use more.
fn rooms(metadata: &Value) -> Table {
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let own = packages.filter_map(|p| Some((p["name"].as_str()?.strip_prefix("seatrial-")?, p)));
    own.map(|(name, package)| (name.to_owned(), normal(package).filter_map(|d| ours(&d)).collect())).collect()
}

fn ours(dependency: &str) -> Option<String> {
    dependency.strip_prefix("seatrial-").map(str::to_owned)
}

/// A package's dependencies that are built into it.
pub(super) fn normal(package: &Value) -> impl Iterator<Item = String> {
    let all = package["dependencies"].as_array().into_iter().flatten();
    all.filter(|d| d["kind"].is_null()).filter_map(|d| Some(d["name"].as_str()?.to_owned()))
}

/// Reads a table of the page by its head: the first column's names, each with the names of the second one. A name
/// stands in backticks; a cell without any means nothing.
pub(super) fn table(page: &str, head: &str) -> Result<Table, String> {
    let mut lines = page.lines().skip_while(|line| line.trim() != head);
    lines.next().ok_or_else(|| format!("`{PAGE}` has no table that begins `{head}`"))?;
    let mut table = Table::new();
    for line in lines.skip(1).take_while(|line| line.starts_with('|')) {
        let mut cells = line.trim_matches('|').split('|');
        let (Some(first), Some(second)) = (cells.next(), cells.next()) else { continue };
        for room in names(first) {
            table.entry(room).or_default().extend(names(second));
        }
    }
    Ok(table)
}

fn names(cell: &str) -> impl Iterator<Item = String> {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tables_are_read() {
        let page = "text\n\n| crate | may use |\n|---|---|\n| `a`, `b` | `c` |\n| `a` | `d`, and words |\n| `c` | – |\n\n| `x` | `y` |\n";
        let read = table(page, "| crate | may use |").unwrap();
        let of = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(read.len(), 3);
        assert_eq!((&read["a"], &read["b"], &read["c"]), (&of(&["c", "d"]), &of(&["c"]), &of(&[])));
        assert!(table(page, "| other |").is_err());
    }

    #[test]
    fn only_normal_dependencies_count() {
        let metadata = json!({"packages": [
            {"name": "seatrial-a", "dependencies": [
                {"name": "seatrial-b", "kind": null}, {"name": "seatrial-c", "kind": "dev"}, {"name": "serde", "kind": null}]},
            {"name": "serde", "dependencies": []}]});
        assert_eq!(rooms(&metadata), Table::from([("a".to_owned(), BTreeSet::from(["b".to_owned()]))]));
    }
}
