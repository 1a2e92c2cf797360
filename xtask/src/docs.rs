//! The reference's tables that are written from the code: events, limits, diagnostics. Words around them are ours;
//! what stands between the two marks is not edited by hand.

mod diagnostics;
mod events;
mod limits;

use crate::repo::Repo;
use std::fs;

const BEGIN: &str = "<!-- from the code: `cargo xtask docs` -->";
const END: &str = "<!-- end -->";

/// Each page with its table.
fn pages(repo: &Repo) -> Result<[(&'static str, String); 3], String> {
    Ok([
        ("docs/reference/events.md", events::table(repo)?),
        ("docs/reference/limits.md", limits::table(repo)),
        ("docs/reference/diagnostics.md", diagnostics::table(repo)?),
    ])
}

/// Says which pages are not what the code says.
pub(crate) fn check(repo: &Repo) -> Result<Vec<String>, String> {
    let mut problems = Vec::new();
    for (path, table) in pages(repo)? {
        let text = repo.text(path)?;
        if replaced(path, text, &table)? != text {
            problems.push(format!("`{path}` is not what the code says; run `cargo xtask docs`"));
        }
    }
    Ok(problems)
}

/// Writes the tables anew.
pub(crate) fn write(repo: &Repo) -> Result<(), String> {
    for (path, table) in pages(repo)? {
        let text = repo.text(path)?;
        let new = replaced(path, text, &table)?;
        if new != text {
            fs::write(repo.root.join(path), new).map_err(|e| format!("`{path}` was not written: {e}"))?;
            println!("wrote {path}");
        }
    }
    Ok(())
}

fn replaced(path: &str, text: &str, table: &str) -> Result<String, String> {
    let marks = || format!("`{path}` needs the marks `{BEGIN}` and `{END}`");
    let (before, rest) = text.split_once(BEGIN).ok_or_else(marks)?;
    let (_, after) = rest.split_once(END).ok_or_else(marks)?;
    Ok(format!("{before}{BEGIN}\n\n{table}\n{END}{after}"))
}

/// A doc comment as a table's cell: links of rustdoc lose their brackets.
fn cell(doc: &str) -> String {
    let linked = doc.replace("[`", "`").replace("`]", "`");
    // The target of a rustdoc link, `](crate::x)` without its bracket by now, means nothing outside the code.
    linked.replace('|', "\\|").trim().to_owned()
}

/// Gathers the doc comment that stands before a line.
#[derive(Default)]
struct Docs(Vec<String>);

impl Docs {
    /// Takes a line in: a doc comment is kept, an attribute is passed over, anything else ends the comment. Gives
    /// the comment at that end.
    fn line(&mut self, line: &str) -> Option<String> {
        let line = line.trim();
        if let Some(doc) = line.strip_prefix("///") {
            self.0.push(doc.trim().to_owned());
            return None;
        }
        if line.starts_with("#[") {
            return None;
        }
        Some(std::mem::take(&mut self.0).join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_changes() {
        let text = format!("# T\n\n{BEGIN}\nold\n{END}\nafter\n");
        let new = replaced("a.md", &text, "new\n").unwrap();
        assert_eq!(new, format!("# T\n\n{BEGIN}\n\nnew\n\n{END}\nafter\n"));
        assert_eq!(replaced("a.md", &new, "new\n").unwrap(), new);
        assert!(replaced("a.md", "no marks", "x").is_err());
    }

    #[test]
    fn comments_go_with_what_follows() {
        let mut docs = Docs::default();
        assert_eq!(docs.line("/// One,"), None);
        assert_eq!(docs.line("    /// two: [`A`]."), None);
        assert_eq!(docs.line("#[serde]"), None);
        assert_eq!(docs.line("x").as_deref().map(cell).as_deref(), Some("One, two: `A`."));
        assert_eq!(docs.line("y").as_deref(), Some(""));
    }
}
