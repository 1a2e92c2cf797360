//! From a questionnaire to text: the same bytes for the same answers, and no comment lost where one answer changes.

use super::read::{NoFiles, read};
use super::{About, Answer, Artifact, FIRST_LINE, Found, QUESTIONS, Questionnaire, Section};
use seatrial_spec::yaml::{self, Entry};
use std::fmt::Write as _;
use std::ops::Range;

const HEAD: &str = "\
# What a candidate answers, and what stands behind each answer. How to use it: docs/guides/questionnaire.md
#
# claim      yes, partly, no, or unknown: whether the statement holds
# text       in their own words
# artifacts  what can be looked at. A claim without one counts as \"no evidence\".
#   - kind: link | file | event       a file lies beside this one, and is looked at; the others are not opened
#     where: address, path, or the entry and its register
#     date: 2026-01-31                of when it is
#     by: Name                        who stands for it, and can be asked
#     shows: what one sees in it
#     contradicts: true               where it shows the opposite
";

/// A questionnaire that nobody has answered yet.
#[must_use]
pub fn empty(about: About) -> Questionnaire {
    let answers = QUESTIONS.iter().map(|q| (q.id.to_owned(), Answer::default())).collect();
    Questionnaire { about, answers }
}

/// The whole file, with the questions as comments. What is not answered is written as `unknown`.
#[must_use]
pub fn to_yaml(questionnaire: &Questionnaire) -> String {
    let mut out = format!("{HEAD}{FIRST_LINE}\n\n{}\nanswers:\n", about(&questionnaire.about));
    for section in Section::ALL {
        let _ = writeln!(out, "\n  # == {}", section.title());
        for q in QUESTIONS.iter().filter(|q| q.section == section) {
            let _ = writeln!(out, "\n  # {}\n  #   Claim:   {}\n  #   Ask for: {}", q.asks, q.statement, q.look_for);
            let unknown = Answer::default();
            out.push_str("  ");
            out.push_str(&answer(q.id, questionnaire.answers.get(q.id).unwrap_or(&unknown), 2));
            out.push('\n');
        }
    }
    out
}

/// The text with one answer changed. Comments elsewhere stay; where the text is laid out in a way that does not allow it,
/// the whole file is written anew. None where the text is no questionnaire.
#[must_use]
pub fn with_answer(text: &str, id: &str, new: &Answer) -> Option<String> {
    let mut wanted = bare(text)?;
    wanted.answers.insert(id.to_owned(), without_found(new));
    let edited = edited_answer(text, id, new).filter(|edited| bare(edited).as_ref() == Some(&wanted));
    Some(edited.unwrap_or_else(|| to_yaml(&wanted)))
}

/// The text with another `about`, as [`with_answer`].
#[must_use]
pub fn with_about(text: &str, new: &About) -> Option<String> {
    let mut wanted = bare(text)?;
    wanted.about = new.clone();
    let edited = edited_about(text, new).filter(|edited| bare(edited).as_ref() == Some(&wanted));
    Some(edited.unwrap_or_else(|| to_yaml(&wanted)))
}

/// What a text says, without looking at any file.
fn bare(text: &str) -> Option<Questionnaire> {
    let mut read = read("", text, &NoFiles).questionnaire?;
    for answer in read.answers.values_mut() {
        *answer = without_found(answer);
    }
    Some(read)
}

fn without_found(answer: &Answer) -> Answer {
    let mut answer = answer.clone();
    for artifact in &mut answer.artifacts {
        artifact.found = Found::NotLooked;
    }
    answer
}

fn edited_answer(text: &str, id: &str, new: &Answer) -> Option<String> {
    let root = yaml::parse(text).0?;
    let entries = root.get("answers")?.as_map()?;
    if let Some(entry) = entries.iter().find(|e| e.key == id) {
        let indent = indent(text, entry.key_range.start)?;
        return replaced(text, whole(text, entry), &answer(id, new, indent));
    }
    let last = entries.last()?;
    let indent = indent(text, last.key_range.start)?;
    let end = whole(text, last).end;
    let end = text.get(end..)?.find('\n').map_or(text.len(), |i| end + i);
    replaced(text, end..end, &format!("\n{}{}", " ".repeat(indent), answer(id, new, indent)))
}

fn edited_about(text: &str, new: &About) -> Option<String> {
    let root = yaml::parse(text).0?;
    let entry = root.as_map()?.iter().find(|e| e.key == "about")?;
    indent(text, entry.key_range.start).filter(|n| *n == 0)?;
    replaced(text, whole(text, entry), about(new).trim_end())
}

/// An entry from its key to the end of its value, blank lines after it left out.
fn whole(text: &str, entry: &Entry) -> Range<usize> {
    let end = entry.value.range.end.max(entry.key_range.end);
    let said = text.get(..end).unwrap_or(text);
    entry.key_range.start..said.trim_end().len()
}

/// How far a key is indented; none where something else stands before it on its line.
fn indent(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.rsplit('\n').next()?;
    line.bytes().all(|b| b == b' ').then_some(line.len())
}

fn replaced(text: &str, range: Range<usize>, with: &str) -> Option<String> {
    Some(format!("{}{with}{}", text.get(..range.start)?, text.get(range.end..)?))
}

fn about(about: &About) -> String {
    format!(
        "about:\n  name: {}\n  kind: {}  # vendor | internal | platform | factory\n  date: {}\n  answered_by: {}\n",
        quoted(&about.name),
        about.kind.as_str(),
        about.date,
        quoted(&about.answered_by)
    )
}

/// One entry of `answers`, without the indentation of its first line and without a line break at its end.
fn answer(id: &str, answer: &Answer, indent: usize) -> String {
    let pad = " ".repeat(indent + 2);
    let mut out = format!("{id}:\n{pad}claim: {}", answer.claim.as_str());
    if let Some(text) = &answer.text {
        let _ = write!(out, "\n{pad}text: {}", quoted(text));
    }
    if !answer.artifacts.is_empty() {
        let _ = write!(out, "\n{pad}artifacts:");
    }
    for artifact in &answer.artifacts {
        let _ = write!(out, "\n{pad}  - {}", lines(artifact).join(&format!("\n{pad}    ")));
    }
    out
}

fn lines(artifact: &Artifact) -> Vec<String> {
    let mut lines = vec![format!("kind: {}", artifact.kind.as_str()), format!("where: {}", quoted(&artifact.place))];
    lines.extend(artifact.date.map(|date| format!("date: {date}")));
    lines.extend(artifact.by.as_deref().map(|by| format!("by: {}", quoted(by))));
    lines.extend(artifact.shows.as_deref().map(|shows| format!("shows: {}", quoted(shows))));
    lines.extend(artifact.sha256.map(|digest| format!("sha256: \"{digest}\"")));
    lines.extend(artifact.contradicts.then(|| "contradicts: true".to_owned()));
    lines
}

/// A double-quoted scalar: whatever is not plainly printable is escaped (YAML 1.2, chapter 5.7).
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c if printable(c) => out.push(c),
            c => {
                let _ = write!(out, "\\U{:08X}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// What stands in a file as it is: no control characters, nothing that changes the direction or is not seen.
fn printable(c: char) -> bool {
    !c.is_control()
        && !matches!(u32::from(c), 0x00AD | 0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF | 0xFFFE | 0xFFFF)
}
