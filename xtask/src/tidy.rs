//! What the compiler does not check. Every problem is listed, never only the first.

mod edges;
mod layout;
mod length;
mod licences;
mod papers;
mod runtime;
mod words;

use crate::docs;
use crate::repo::Repo;

/// Problems found, each one line that names the place and says what to do.
pub(crate) type Problems = Vec<String>;

/// Runs every check.
///
/// # Errors
/// All problems, one a line.
pub(crate) fn run(repo: &Repo, shrink: bool) -> Result<(), String> {
    if shrink {
        length::shrink(repo)?;
    }
    let metadata = repo.metadata()?;
    let checks: [(&str, Result<Problems, String>); 8] = [
        ("edges", edges::check(repo, &metadata)),
        ("runtime", runtime::check(repo, &metadata)),
        ("lengths", if shrink { Ok(Problems::new()) } else { length::check(repo) }),
        ("layout", Ok(layout::check(repo))),
        ("words", Ok(words::check(repo))),
        ("licences", licences::check(repo, &metadata)),
        ("papers", papers::check(repo)),
        ("reference", docs::check(repo)),
    ];
    let mut problems = Vec::new();
    for (name, found) in checks {
        let found = found.unwrap_or_else(|error| vec![error]);
        println!(
            "tidy {name}: {}",
            if found.is_empty() { "ok".to_owned() } else { format!("{} problems", found.len()) }
        );
        problems.extend(found.into_iter().map(|problem| format!("{name}: {problem}")));
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("\n")) }
}
