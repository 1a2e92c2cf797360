//! Licences and origins of everything that is built, by the list in `deny.toml`. `cargo deny` reads the same file and
//! says more; this check needs nothing installed.

use super::Problems;
use crate::repo::Repo;
use serde_json::Value;
use std::collections::BTreeSet;

const FILE: &str = "deny.toml";

/// Where packages come from, as the lock file names it whatever mirror is in use.
const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Checks every package of the lock file's platform.
pub(super) fn check(repo: &Repo, metadata: &Value) -> Result<Problems, String> {
    let text = repo.text(FILE)?;
    let allowed = array(text, "allow")?;
    let banned = array(text, "deny")?;
    let mut problems = Problems::new();
    for package in metadata["packages"].as_array().into_iter().flatten() {
        let name = package["name"].as_str().unwrap_or_default();
        let licence = package["license"].as_str().unwrap_or_default();
        if !fits(licence, &allowed) {
            problems.push(format!("`{name}` is under `{licence}`, which `{FILE}` does not allow"));
        }
        if banned.contains(name) {
            problems.push(format!("`{name}` is banned by `{FILE}`"));
        }
        if package["source"].as_str().is_some_and(|source| source != CRATES_IO) {
            problems.push(format!("`{name}` does not come from crates.io"));
        }
    }
    Ok(problems)
}

/// The texts of the first array under a key: `allow = [ … ]`.
fn array(toml: &str, key: &str) -> Result<BTreeSet<String>, String> {
    let head = format!("\n{key} = [");
    let (_, rest) = toml.split_once(&head).ok_or_else(|| format!("`{FILE}` has no `{key} = [`"))?;
    let inside = rest.split(']').next().unwrap_or_default();
    Ok(inside.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Whether an SPDX expression can be kept with the licences allowed. `OR` needs one side, `AND` both; a slash is the
/// older way to write `OR`. `WITH` binds to its licence and is looked up as a whole.
fn fits(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut words = spaced.split_whitespace().peekable();
    let fits = either(&mut words, allowed);
    fits && words.next().is_none()
}

type Words<'t> = std::iter::Peekable<std::str::SplitWhitespace<'t>>;

fn either(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut fits = both(words, allowed);
    while words.next_if_eq(&"OR").is_some() {
        fits |= both(words, allowed);
    }
    fits
}

fn both(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    let mut fits = one(words, allowed);
    while words.next_if_eq(&"AND").is_some() {
        fits &= one(words, allowed);
    }
    fits
}

fn one(words: &mut Words<'_>, allowed: &BTreeSet<String>) -> bool {
    match words.next() {
        Some("(") => either(words, allowed) & words.next_if_eq(&")").is_some(),
        Some(id) if words.next_if_eq(&"WITH").is_some() => {
            words.next().is_some_and(|exception| allowed.contains(&format!("{id} WITH {exception}")))
        }
        Some(id) => allowed.contains(id),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        let allowed = ["MIT", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "Unicode-3.0"].map(str::to_owned).into();
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/Apache-2.0",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(fits(good, &allowed), "{good}");
        }
        for bad in ["", "GPL-3.0", "MIT AND GPL-3.0", "(MIT", "MIT)", "GPL-2.0 WITH LLVM-exception", "MIT MIT"] {
            assert!(!fits(bad, &allowed), "{bad}");
        }
    }

    #[test]
    fn the_list_is_read() {
        let toml = "[licenses]\nallow = [\n  \"MIT\", # why\n  \"ISC\",\n]\n";
        assert_eq!(array(toml, "allow").unwrap(), ["ISC", "MIT"].map(str::to_owned).into());
        assert!(array(toml, "deny").is_err());
    }
}
