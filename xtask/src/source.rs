//! Just enough reading of Rust source: what is a test, where a function begins and ends. It leans on rustfmt's
//! layout, which `cargo fmt --check` holds us to.

use crate::repo::Repo;

/// The crate's folder that a path is in: `crates/guard/src/lib.rs` → `guard`.
pub(crate) fn crate_of(path: &str) -> Option<&str> {
    path.strip_prefix("crates/")?.split('/').next()
}

/// Source that is shipped: below `src`, without what only tests see.
pub(crate) fn shipped(repo: &Repo) -> impl Iterator<Item = (&str, String)> {
    repo.rust()
        .filter(|(path, _)| path.starts_with("crates/") && path.contains("/src/") && !only_for_tests(repo, path))
        .map(|(path, text)| (path, without_tests(text)))
}

/// Whether a module's file, or one above it, is declared under `#[cfg(test)]`.
pub(crate) fn only_for_tests(repo: &Repo, path: &str) -> bool {
    let mut path = path.to_owned();
    loop {
        let Some((folder, file)) = path.rsplit_once('/') else { return false };
        let name = file.trim_end_matches(".rs");
        if folder.ends_with("/src") && matches!(name, "lib" | "main") {
            return false;
        }
        let parents = [format!("{folder}/lib.rs"), format!("{folder}/main.rs"), format!("{folder}.rs")];
        let Some(parent) = parents.into_iter().find(|p| repo.files.contains_key(p) && *p != path) else { return false };
        let text = repo.files.get(&parent).map_or("", String::as_str);
        if text.contains(&format!("#[cfg(test)]\nmod {name};")) {
            return true;
        }
        path = parent;
    }
}

/// The text up to an inline module of tests, without lines that are comments.
fn without_tests(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or(text);
    let lines: Vec<&str> = code.lines().map(|l| if l.trim_start().starts_with("//") { "" } else { l }).collect();
    lines.join("\n")
}

/// A function: its name, the line it begins at (from 1), and how many lines of code its body has.
#[derive(PartialEq, Eq, Debug)]
pub(crate) struct Function<'t> {
    pub(crate) name: &'t str,
    pub(crate) line: usize,
    pub(crate) lines: usize,
}

/// Every function with a body of its own lines. Blank lines and comments do not count, as in clippy's own lint.
pub(crate) fn functions(text: &str) -> Vec<Function<'_>> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let indent = line.len() - line.trim_start().len();
        // A signature ends with the line that opens the body, or with `;` where there is none.
        let mut rest = lines.iter().skip(at).skip_while(|l| !l.ends_with(['{', ';', '}']));
        if !rest.next().is_some_and(|l| l.ends_with('{')) {
            continue;
        }
        let end = |l: &&&str| l.len() - l.trim_start().len() == indent && l.trim_start().starts_with('}');
        found.push(Function { name, line: at + 1, lines: rest.take_while(|l| !end(l)).filter(|l| is_code(l)).count() });
    }
    found
}

fn is_code(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with("//")
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(crate) ", "pub(super) ", "pub ", "default ", "const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().filter(|n| !n.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_functions() {
        let text = "fn short() {}\n\nimpl X {\n    pub(crate) async fn long(\n        &self,\n    ) -> u8 {\n        // why\n\n        if true {\n            1\n        }\n    }\n\n    fn next(\n        &self,\n    ) -> u8;\n}\n";
        assert_eq!(functions(text), [Function { name: "long", line: 4, lines: 3 }]);
    }

    #[test]
    fn what_ships() {
        let text = "use a;\n// std::fs\nfn f() {}\n\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(without_tests(text), "use a;\n\nfn f() {}\n");
        assert_eq!(crate_of("crates/guard/src/lib.rs"), Some("guard"));
        assert_eq!(crate_of("xtask/src/main.rs"), None);
    }
}
