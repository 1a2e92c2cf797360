//! Every limit that is a named constant, with its value and its reason.

use super::{Docs, cell};
use crate::repo::Repo;
use crate::source::{crate_of, only_for_tests};
use std::collections::BTreeMap;

/// A constant of one of these types may be a limit.
const TYPES: [&str; 9] = ["usize", "u64", "u32", "u16", "u8", "i64", "i32", "f64", "Duration"];

/// A limit as written.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Limit {
    name: String,
    value: String,
    why: String,
}

/// A table for each crate. A limit is a public constant of a number or a length of time, or any constant whose name
/// says `MAX`; versions are none.
pub(super) fn table(repo: &Repo) -> String {
    let mut rooms: BTreeMap<&str, Vec<(Limit, &str)>> = BTreeMap::new();
    for (path, text) in repo.rust().filter(|(path, _)| path.contains("/src/") && !only_for_tests(repo, path)) {
        let Some(room) = crate_of(path) else { continue };
        rooms.entry(room).or_default().extend(limits(text).into_iter().map(|limit| (limit, path)));
    }
    let mut out = String::new();
    for (room, mut limits) in rooms.into_iter().filter(|(_, limits)| !limits.is_empty()) {
        limits.sort();
        out.push_str(&format!(
            "### `{room}`\n\n| limit | value | what it bounds, and why | where |\n|---|---|---|---|\n"
        ));
        for (limit, path) in limits {
            let file = path.split_once("/src/").map_or(path, |(_, file)| file);
            out.push_str(&format!("| `{}` | `{}` | {} | `{file}` |\n", limit.name, limit.value, cell(&limit.why)));
        }
        out.push('\n');
    }
    out
}

fn limits(text: &str) -> Vec<Limit> {
    let mut docs = Docs::default();
    let mut found = Vec::new();
    for line in text.lines() {
        let Some(doc) = docs.line(line) else { continue };
        found.extend(limit(line.trim(), doc));
    }
    found
}

fn limit(line: &str, why: String) -> Option<Limit> {
    let public = line.starts_with("pub const ");
    let line = ["pub ", "pub(crate) ", "pub(super) "].iter().find_map(|word| line.strip_prefix(word)).unwrap_or(line);
    let (name, rest) = line.strip_prefix("const ")?.split_once(": ")?;
    let (kind, value) = rest.strip_suffix(';')?.split_once(" = ")?;
    let is_limit = (public || name.contains("MAX")) && !name.contains("VERSION") && TYPES.contains(&kind);
    is_limit.then(|| Limit { name: name.to_owned(), value: value.to_owned(), why })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_found() {
        let text = "/// The most.\n/// So it is.\npub const A_MAX: usize = 1 << 20;\nconst B: u8 = 1;\nconst C_MAX: Duration = Duration::from_secs(5);\npub const NAME: &str = \"x\";\npub const A_VERSION: u32 = 1;\n";
        let names: Vec<(String, String)> = limits(text).into_iter().map(|l| (l.name, l.why)).collect();
        assert_eq!(
            names,
            [("A_MAX".to_owned(), "The most. So it is.".to_owned()), ("C_MAX".to_owned(), String::new())]
        );
    }
}
