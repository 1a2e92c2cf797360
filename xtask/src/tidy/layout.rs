//! No forgotten file: a module that nobody declares compiles nowhere, and its tests never run. And one integration
//! binary for each crate, because each further one is linked again.

use super::Problems;
use crate::repo::Repo;

/// Checks every Rust file below `src` and `tests`.
pub(super) fn check(repo: &Repo) -> Problems {
    let mut problems = Problems::new();
    for (path, _) in repo.rust() {
        let Some((_, inside)) = path.split_once("/tests/").filter(|(room, _)| room.matches('/').count() == 1) else {
            problems.extend(forgotten(repo, path));
            continue;
        };
        if inside.starts_with("it/") {
            problems.extend(forgotten(repo, path));
        } else {
            problems.push(format!("`{path}`: a crate has one integration binary; move it below `tests/it/`"));
        }
    }
    problems
}

/// Whether nobody declares this module.
fn forgotten(repo: &Repo, path: &str) -> Option<String> {
    let within = path.contains("/src/") || path.contains("/tests/it/");
    let (folder, file) = path.rsplit_once('/')?;
    let is_root = matches!(file, "lib.rs" | "main.rs") && (folder.ends_with("/src") || folder.ends_with("/tests/it"));
    if !within || is_root || folder.ends_with("/src/bin") {
        return None;
    }
    let name = file.strip_suffix(".rs")?;
    let parents = ["lib.rs", "main.rs", "mod.rs"].map(|f| format!("{folder}/{f}"));
    let parents = parents.into_iter().chain([format!("{folder}.rs")]);
    let declared = parents.filter_map(|p| repo.files.get(&p)).any(|text| declares(text, name));
    (!declared).then(|| format!("`{path}` is declared by no module: nothing in it compiles or runs"))
}

fn declares(text: &str, name: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim();
        let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
        line.strip_prefix("mod ").and_then(|l| l.strip_suffix(';')) == Some(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn forgotten_files_are_found() {
        let files = [
            ("crates/a/src/lib.rs", "pub mod b;\n#[cfg(test)]\nmod tests;"),
            ("crates/a/src/b.rs", "mod c;"),
            ("crates/a/src/b/c.rs", ""),
            ("crates/a/src/b/tests.rs", ""),
            ("crates/a/src/tests.rs", ""),
            ("crates/a/tests/it/main.rs", "mod one;"),
            ("crates/a/tests/it/one.rs", ""),
            ("crates/a/tests/it/two.rs", ""),
            ("crates/a/tests/other.rs", ""),
        ];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let repo = Repo { root: "/".into(), files: BTreeMap::from(files) };
        let problems = check(&repo);
        let named = ["`crates/a/src/b/tests.rs`", "`crates/a/tests/it/two.rs`", "`crates/a/tests/other.rs`"];
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(named.iter().all(|n| problems.iter().any(|p| p.starts_with(n))), "{problems:?}");
    }
}
