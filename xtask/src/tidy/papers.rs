//! The papers are true: rooms, folders, links and addresses that they name exist, and none is left out.

use super::Problems;
use super::edges::PAGE;
use crate::repo::Repo;
use std::collections::BTreeSet;

/// Where each endpoint of the data plane stands in the code, in the comment of its variant.
const ENDPOINTS: &str = "crates/gateway/src/route.rs";

/// Where each address of the pages stands.
const PAGES: &str = "crates/server/src/router.rs";

const API: &str = "docs/reference/api.md";

/// Checks `ARCHITECTURE.md`, `CHANGELOG.md`, links, folders and addresses.
pub(super) fn check(repo: &Repo) -> Result<Problems, String> {
    let mut problems = Problems::new();
    for page in [PAGE, "CHANGELOG.md"] {
        let text = repo.text(page)?;
        let unnamed = crates(repo).into_iter().filter(|name| !text.contains(&format!("`{name}`")));
        problems.extend(unnamed.map(|name| format!("`{page}` does not name `{name}`")));
    }
    for (path, text) in repo.files.iter().filter(|(path, _)| path.ends_with(".md")) {
        problems.extend(links(repo, path, text));
        problems.extend(folders(repo, path, text));
    }
    let api = repo.text(API)?;
    let missing = addresses(repo)?.into_iter().filter(|address| !api.contains(&format!("`{address}`")));
    problems.extend(missing.map(|address| format!("`{API}` does not list `{address}`")));
    Ok(problems)
}

fn crates(repo: &Repo) -> BTreeSet<&str> {
    let manifests = repo.files.keys().filter_map(|path| path.strip_prefix("crates/")?.strip_suffix("/Cargo.toml"));
    manifests.collect()
}

/// Links to files that are not there.
fn links(repo: &Repo, path: &str, text: &str) -> Problems {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let own = targets.filter(|target| !target.contains(':') && !target.starts_with('#') && !target.contains(' '));
    let missing = own.filter(|target| {
        let file = target.split('#').next().unwrap_or_default();
        !repo.root.join(path).parent().is_some_and(|folder| folder.join(file).exists())
    });
    missing.map(|target| format!("`{path}` links to `{target}`, which is not there")).collect()
}

/// Rooms that a page names by their folder, and that do not exist.
fn folders(repo: &Repo, path: &str, text: &str) -> Problems {
    let known = crates(repo);
    let named = text.split("crates/").skip(1).map(|rest| {
        rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).next().unwrap_or_default()
    });
    let unknown: BTreeSet<&str> = named.filter(|name| !name.is_empty() && !known.contains(name)).collect();
    unknown.into_iter().map(|name| format!("`{path}` names `crates/{name}`, which is not there")).collect()
}

/// Every address that the gateway or the server answers.
fn addresses(repo: &Repo) -> Result<BTreeSet<String>, String> {
    let endpoints = repo.text(ENDPOINTS)?.lines().filter_map(|line| {
        let address = line.trim().strip_prefix("/// `")?.strip_suffix('`')?;
        address.contains(" /").then(|| address.to_owned())
    });
    let pages = repo.text(PAGES)?.split(".route(\"").skip(1).filter_map(|rest| rest.split('"').next());
    let found: BTreeSet<String> = endpoints.chain(pages.map(str::to_owned)).collect();
    if found.len() < 10 {
        return Err(format!(
            "only {} addresses were found in `{ENDPOINTS}` and `{PAGES}`; teach tidy where they are",
            found.len()
        ));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn rooms_that_are_not_there() {
        let files = [("crates/guard/Cargo.toml".to_owned(), String::new())];
        let repo = Repo { root: env!("CARGO_MANIFEST_DIR").into(), files: BTreeMap::from(files) };
        assert_eq!(folders(&repo, "a.md", "in `crates/guard/src` and crates/* and `crates/`"), Problems::new());
        assert_eq!(folders(&repo, "a.md", "in crates/gone/src").len(), 1);
        assert_eq!(links(&repo, "a.md", "[x](Cargo.toml) [y](https://a.example) [z](#here)"), Problems::new());
        assert_eq!(links(&repo, "a.md", "[x](gone.md)").len(), 1);
    }
}
