//! What no file of ours may hold: paths of somebody's machine, unfinished code, tests that do not run, and addresses
//! of a mirror in place of the public registry.

use super::Problems;
use crate::repo::Repo;

/// Home folders and checkouts. Written in two parts, so that this file passes.
const MACHINE: [&str; 4] =
    [concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/wo", "rk/"), concat!("/Us", "ers/")];

/// In Rust files only.
const UNFINISHED: [&str; 2] = [concat!("to", "do!("), concat!("unimple", "mented!(")];

const IGNORED: &str = concat!("#[ig", "nore");

/// Files with an ignored test that something else starts: a test of the same file, in a process of its own; or a stage
/// of `./test` that first installs what it needs.
const STARTED: [(&str, &str); 3] = [
    ("crates/store/tests/it/crash.rs", "crates/store/tests/it/crash.rs"),
    ("crates/gateway/tests/it/sdk.rs", "tests/sdk/run"),
    ("crates/store/tests/it/faulty.rs", "crates/store/tests/it/faulty.rs"),
];

/// Where packages of npm come from.
const NPM: &str = "https://registry.npmjs.org/";

/// Checks every text file, line by line.
pub(super) fn check(repo: &Repo) -> Problems {
    let mut problems = Problems::new();
    for (path, text) in &repo.files {
        for (at, line) in text.lines().enumerate() {
            problems.extend(objection(repo, path, line).map(|why| format!("`{path}` line {}: {why}", at + 1)));
        }
    }
    problems
}

fn objection(repo: &Repo, path: &str, line: &str) -> Option<String> {
    if let Some(word) = MACHINE.iter().find(|word| mentions(line, word)) {
        return Some(format!("`{word}` is a path of one machine"));
    }
    if path.ends_with("package-lock.json") {
        let from = line.trim().strip_prefix("\"resolved\": \"")?;
        return (!from.starts_with(NPM))
            .then(|| "a package is locked to a mirror; write the public registry".to_owned());
    }
    if !path.ends_with(".rs") {
        return None;
    }
    if let Some(word) = UNFINISHED.iter().find(|word| line.contains(*word)) {
        return Some(format!("`{word}…)` is unfinished code"));
    }
    let starter = STARTED.iter().find(|(file, _)| *file == path).and_then(|(_, starter)| repo.files.get(*starter));
    let started = starter.is_some_and(|text| text.contains("--ignored"));
    (line.trim_start().starts_with(IGNORED) && !started).then(|| "a test that does not run shows nothing".to_owned())
}

/// Whether a path of a machine is meant: not where the word is the middle of an address or of a relative path.
fn mentions(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line.get(..at).and_then(|l| l.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '}' | '/'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objections() {
        let files = [("tests/sdk/run".to_owned(), "cargo test -- --ignored sdk".to_owned())];
        let repo = Repo { root: "/".into(), files: files.into() };
        let says = |path: &str, line: &str| objection(&repo, path, line);
        assert!(says("a.md", &format!("see {}x", MACHINE[0])).is_some());
        assert_eq!(says("a.md", &format!("https://a.example{}x", MACHINE[1])), None);
        assert!(says("a.rs", &format!("    {})", UNFINISHED[0])).is_some());
        assert_eq!(says("a.md", UNFINISHED[0]), None);
        assert!(says("a.rs", &format!("    {}]", IGNORED)).is_some());
        assert!(says(STARTED[0].0, &format!("{}]", IGNORED)).is_some());
        assert_eq!(says(STARTED[1].0, &format!("{} = \"x\"]", IGNORED)), None);
        assert!(says("t/package-lock.json", "  \"resolved\": \"https://mirror.example/x\"").is_some());
        assert_eq!(says("t/package-lock.json", &format!("  \"resolved\": \"{NPM}x\"")), None);
    }
}
