//! Files of 500 lines and functions of 70 are a reason to look again. Today's longer ones stand in a list that may only
//! shrink: a file that grew, or that got shorter than its entry, is a problem until the entry is lowered.

use super::Problems;
use crate::repo::Repo;
use crate::source::functions;
use std::collections::BTreeMap;
use std::fs;

/// A file beyond this has a second topic in it.
const FILE_LINES_MAX: usize = 500;

/// A function beyond this does not fit a screen.
const FUNCTION_LINES_MAX: usize = 70;

/// The list.
const LIST: &str = "xtask/tidy-exceptions.txt";

const HEAD: &str = "# Files over 500 lines and functions over 70, as they are today. `cargo xtask tidy` lets these numbers shrink, never\n# grow; `cargo xtask tidy --shrink` writes the lower ones. A new line here is a decision to be argued for in review.\n";

/// What is too long: `file PATH` or `function PATH NAME` → lines.
fn long(repo: &Repo) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for (path, text) in repo.rust() {
        let lines = text.lines().count();
        if lines > FILE_LINES_MAX {
            found.insert(format!("file {path}"), lines);
        }
        for function in functions(text).iter().filter(|f| f.lines > FUNCTION_LINES_MAX) {
            let most = found.entry(format!("function {path} {}", function.name)).or_default();
            *most = function.lines.max(*most);
        }
    }
    found
}

fn listed(text: &str) -> Result<BTreeMap<String, usize>, String> {
    let lines = text.lines().filter(|l| !l.trim().is_empty() && !l.starts_with('#'));
    let read = |line: &str| {
        let (what, lines) = line.rsplit_once(' ')?;
        Some((what.to_owned(), lines.parse().ok()?))
    };
    lines.map(|line| read(line).ok_or_else(|| format!("`{LIST}`: `{line}` does not end with a number"))).collect()
}

fn compare(found: &BTreeMap<String, usize>, listed: &BTreeMap<String, usize>) -> Problems {
    let mut problems = Problems::new();
    for (what, lines) in found {
        match listed.get(what) {
            None => problems.push(format!("{what} has {lines} lines: split it where its topics part")),
            Some(most) if lines > most => {
                problems.push(format!("{what} grew from {most} to {lines} lines: exceptions only shrink"));
            }
            Some(_) => {}
        }
    }
    for (what, most) in listed {
        let lines = found.get(what).copied().unwrap_or(0);
        if lines < *most {
            problems.push(format!("{what} is shorter than its exception ({most}): run `cargo xtask tidy --shrink`"));
        }
    }
    problems
}

/// Compares what is too long with the list.
pub(super) fn check(repo: &Repo) -> Result<Problems, String> {
    Ok(compare(&long(repo), &listed(repo.text(LIST)?)?))
}

/// Writes lower numbers; adds nothing and raises nothing.
pub(super) fn shrink(repo: &Repo) -> Result<(), String> {
    let found = long(repo);
    let mut text = HEAD.to_owned();
    for (what, most) in listed(repo.text(LIST)?)? {
        if let Some(lines) = found.get(&what) {
            text.push_str(&format!("{what} {}\n", most.min(*lines)));
        }
    }
    fs::write(repo.root.join(LIST), text).map_err(|e| format!("`{LIST}` was not written: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_only_shrink() {
        let of = |lines| BTreeMap::from([("file a.rs".to_owned(), lines)]);
        assert_eq!(compare(&of(600), &of(600)), Problems::new());
        assert!(compare(&of(601), &of(600))[0].contains("grew"));
        assert!(compare(&of(599), &of(600))[0].contains("shorter"));
        assert!(compare(&of(600), &BTreeMap::new())[0].contains("split"));
        assert!(compare(&BTreeMap::new(), &of(600))[0].contains("shorter"));
        assert_eq!(listed("# x\n\nfile a.rs 600\n"), Ok(of(600)));
        assert!(listed("file a.rs").is_err());
    }
}
