//! Every code of the checker, from the one table in the code.

use super::cell;
use crate::repo::Repo;

const CODES: &str = "crates/spec/src/diagnostic/codes.rs";

/// One table, in the codes' order.
pub(super) fn table(repo: &Repo) -> Result<String, String> {
    let rows: Vec<[String; 4]> = repo.text(CODES)?.lines().filter_map(code).collect();
    if rows.is_empty() {
        return Err(format!("`{CODES}` has no codes that are read here"));
    }
    let mut out = "| code | what | why it matters | what to write |\n|---|---|---|---|\n".to_owned();
    for [code, title, why, fix] in rows {
        out.push_str(&format!("| `{code}` | {} | {} | {} |\n", cell(&title), cell(&why), cell(&fix)));
    }
    Ok(out)
}

/// `Name = "ST0001", "title", "why", "fix";`
fn code(line: &str) -> Option<[String; 4]> {
    let (_, rest) = line.trim().split_once(" = \"ST")?;
    let mut texts = texts(&format!("\"ST{rest}")).into_iter();
    Some([texts.next()?, texts.next()?, texts.next()?, texts.next()?])
}

/// The string literals of a line.
fn texts(line: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (&mut open, c) {
            (Some(text), '\\') => text.extend(chars.next()),
            (Some(_), '"') => found.extend(open.take()),
            (Some(text), c) => text.push(c),
            (None, '"') => open = Some(String::new()),
            (None, _) => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read() {
        let line = r#"    BadBar = "ST0108", "not a bar", "why, and", "write `\">= 0.95\"`";"#;
        assert_eq!(code(line).unwrap(), ["ST0108", "not a bar", "why, and", "write `\">= 0.95\"`"].map(str::to_owned));
        assert_eq!(code("macro_rules! codes {"), None);
    }
}
