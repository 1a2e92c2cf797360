//! Every command that anything of ours names is a command of this program: obligations, gaps, the assessment, messages,
//! pages, the documentation. What is not there cannot be the next thing to do.

use super::Cli;
use super::tests::words;
use clap::{CommandFactory as _, Parser as _};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What looks like a command and is none: the text, and why.
const NO_COMMANDS: [(&str, &str); 3] = [
    ("crates/store/src/keys.rs", "seatrial log signing key 1"), // separates domains of a hash
    ("crates/guard/src/decide.rs", "seatrial draw v1"),         // likewise
    ("crates/cli/src/args/named.rs", ""),                       // this file
];

/// How a command stands in its text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Named {
    /// To be typed: with all its arguments.
    Whole,
    /// In backticks within prose: perhaps by its name alone.
    InProse,
}

struct Found {
    place: String,
    how: Named,
    text: String,
}

fn files(dir: &Path, ends: &[&str], into: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for entry in entries.map(Result::unwrap) {
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if path.is_dir() && !matches!(name.as_str(), "tests" | "target" | ".seatrial") {
            files(&path, ends, into);
        } else if name != "tests.rs" && ends.iter().any(|end| name.ends_with(end)) {
            into.push(path);
        }
    }
}

/// The files that name commands to people.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for room in std::fs::read_dir(root.join("crates")).unwrap() {
        files(&room.unwrap().path().join("src"), &[".rs"], &mut found);
    }
    // Scenarios are run: what they name exists.
    for folder in ["docs", "examples"] {
        files(&root.join(folder), &[".md", ".yaml"], &mut found);
    }
    for file in std::fs::read_dir(root).unwrap().map(|e| e.unwrap().path()) {
        found.extend(Some(file).filter(|f| f.extension().is_some_and(|e| e == "md")));
    }
    found.sort();
    found
}

/// What follows up to the end of the command, Rust's escapes undone.
fn cut(rest: &str, quote: Option<char>, rust: bool) -> String {
    let mut out = String::new();
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => break,
            c if Some(c) == quote => break,
            '\\' if rust => match chars.next() {
                Some('n') | None => break,
                Some(escaped) => out.push(escaped),
            },
            '"' if rust => break,
            '`' => break,
            // A remark behind the command.
            ' ' if quote.is_none() && matches!(chars.peek(), Some(' ' | '#')) => break,
            c => out.push(c),
        }
    }
    out.trim_end().to_owned()
}

/// Commands of one file.
fn commands(file: &str, text: &str) -> Vec<Found> {
    let rust = file.ends_with(".rs");
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let comment = rust && line.trim_start().starts_with("//");
        for (at, _) in line.match_indices("seatrial ") {
            let (before, rest) = (&line[..at], &line[at..]);
            if !rest["seatrial ".len()..].starts_with(|c: char| c.is_ascii_lowercase() || c == '{') {
                continue;
            }
            let how = match before.chars().next_back() {
                Some('`') => Named::InProse,
                _ if comment => continue,
                Some('"') if rust => Named::Whole,
                // A line of its own, as in help and in code blocks; or behind `next: `, or `&& `.
                None => Named::Whole,
                Some(' ') if before.trim().is_empty() || before.ends_with(": ") || before.ends_with("&& ") => {
                    Named::Whole
                }
                _ => continue,
            };
            let quote = match before.chars().next_back() {
                Some(c @ ('`' | '"')) => Some(c),
                _ => None,
            };
            for text in cut(rest, quote, rust).split("&& ").filter(|t| t.starts_with("seatrial ")) {
                found.push(Found { place: format!("{file}:{}", number + 1), how, text: text.trim().to_owned() });
            }
        }
    }
    found
}

const ID: &str = "019a0000-0000-7000-8000-000000000000";
/// A verifier key as the examples of the help stand for one.
pub(super) const KEY: &str = "example.org/log+2a0c1e3c+AV+Yp1D7lCJTCYBpmlCT6ReNpSWe/yzuUJ3vKiJvJvy4";

/// What stands for a word that the reader has to fill in.
fn filled(word: &str, anything: &str) -> String {
    let digest = format!("sha256:{}", "0".repeat(64));
    let name: String = word.chars().filter(char::is_ascii_alphabetic).collect::<String>().to_lowercase();
    let placeholder = word.contains('{') || word == "…" || word.chars().all(|c| c.is_ascii_uppercase());
    if !placeholder {
        return word.to_owned();
    }
    match name.as_str() {
        "event" => format!("evt_{ID}"),
        "decision" => format!("dec_{ID}"),
        "review" => format!("rev_{ID}"),
        "old" | "new" | "digest" | "commitment" | "seen" => digest,
        "key" | "infokey" | "vkey" => KEY.to_owned(),
        "answer" => "accept".to_owned(),
        "action" => "block".to_owned(),
        "value" => "0.5".to_owned(),
        "severity" => "low".to_owned(),
        "time" | "date" => "2026-11-23".to_owned(),
        _ => match word.split_once('{').zip(word.rsplit_once('}')) {
            Some(((before, _), (_, after))) => format!("{before}{anything}{after}"),
            None => anything.to_owned(),
        },
    }
}

/// Whether the program takes it, whatever is filled in.
fn parses(text: &str) -> Result<(), String> {
    let mut said = String::new();
    let ids = [format!("dec_{ID}"), format!("rev_{ID}"), format!("evt_{ID}"), KEY.to_owned()];
    for anything in ["pilot", "1", "2026-11-23"].into_iter().chain(ids.iter().map(String::as_str)) {
        let mut args: Vec<String> = words(text).iter().map(|word| filled(word, anything)).collect();
        // Whatever stands for a key (a `$(cat …)` too) is filled in as one.
        let keys = (1..args.len()).filter(|at| matches!(args[at - 1].as_str(), "--key" | "--log"));
        for at in keys.collect::<Vec<_>>() {
            KEY.clone_into(&mut args[at]);
        }
        match Cli::try_parse_from(args) {
            Ok(_) => return Ok(()),
            Err(error) if said.is_empty() => said = error.to_string(),
            Err(_) => {}
        }
    }
    Err(said)
}

/// Whether it is a command's bare name, perhaps with options that it has, and there is such a command.
fn is_a_name(text: &str) -> bool {
    let mut at = Cli::command();
    let (mut words, mut named) = (text.split_whitespace().skip(1).filter(|w| *w != "…").peekable(), false);
    while let Some(word) = words.next() {
        if let Some(option) = word.strip_prefix("--") {
            let known = at.get_arguments().any(|a| a.get_long() == Some(option));
            // Its value, where it has one.
            words.next_if(|next| !next.starts_with("--"));
            named &= known;
            continue;
        }
        let Some(sub) = at.find_subcommand(word).cloned() else { return false };
        (at, named) = (sub, true);
    }
    named
}

fn wrong(found: &Found) -> Option<String> {
    if found.how == Named::InProse && is_a_name(&found.text) {
        return None;
    }
    parses(&found.text).err().map(|e| e.lines().next().unwrap_or_default().to_owned())
}

#[test]
fn every_command_that_is_named_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let (mut seen, mut bad) = (0, String::new());
    for path in sources(&root) {
        let file = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
        // The reference's usage lines are clap's notation; its examples are parsed beside the help.
        if file == "docs/reference/commands.md" {
            continue;
        }
        for found in commands(&file, &std::fs::read_to_string(&path).unwrap()) {
            if NO_COMMANDS.iter().any(|(f, text)| file == *f && found.text.starts_with(text)) {
                continue;
            }
            seen += 1;
            if let Some(why) = wrong(&found) {
                let _ = writeln!(bad, "{}: `{}`: {why}", found.place, found.text);
            }
        }
    }
    assert!(bad.is_empty(), "\n{bad}");
    assert!(seen > 120, "only {seen} were found: has the way of writing them changed?");
}

/// What the scanner must not let through.
#[test]
fn what_does_not_exist_is_found() {
    for (line, text) in [
        (r#"            "seatrial drill stop","#, "seatrial drill stop"),
        (r#"format!("seatrial stop {name} --reason \"…\""),"#, "seatrial stop {name} --reason \"…\""),
        (r#"        .text("next: seatrial sign-in you@your.example")"#, "seatrial sign-in you@your.example"),
        ("/// says `seatrial init`.", "seatrial init"),
        (r#"message: format!("`seatrial schema` lists them")"#, "seatrial schema"),
        (r#"format!("seatrial check {name} && seatrial submit {name}")"#, "seatrial submit {name}"),
    ] {
        let found = commands("x.rs", line);
        let bad: Vec<&str> = found.iter().filter(|f| wrong(f).is_some()).map(|f| f.text.as_str()).collect();
        assert!(bad.contains(&text), "{line}: {bad:?}");
    }
    for line in ["  seatrial check              # what is wrong", "| run | `seatrial log prove DECISION --out FILE` |"]
    {
        let found = commands("x.md", line);
        assert!(found.len() == 1 && found.iter().all(|f| wrong(f).is_none()), "{line}");
    }
}
