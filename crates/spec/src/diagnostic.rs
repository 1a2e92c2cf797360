//! What the checker has to say: one value, rendered for people, for programs and for code scanners.

mod codes;
mod render;

pub use codes::{Code, reference};
pub use render::{Subject, to_human, to_human_of, to_json, to_sarif};

use seatrial_model::{ElementPath, Stage};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// The most diagnostics that one check reports: beyond it, fixing the first ones comes first.
pub const DIAGNOSTICS_MAX: usize = 500;

/// How bad it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The spec does not load.
    Error,
    /// The spec loads; a stage may be blocked.
    Warning,
}

/// A place in a file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file, relative to the folder of the spec.
    pub file: String,
    /// The bytes.
    pub range: Range<usize>,
    /// What stands there, in a few words.
    pub label: String,
}

/// One finding of the checker.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Diagnostic {
    /// Its stable code.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where; the first place is the main one.
    pub place: Place,
    /// Other places that explain it (the schema's line, the first of two).
    pub others: Vec<Place>,
    /// Line of the main place, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// Line of its end.
    pub end_line: usize,
    /// Column one past its end.
    pub end_column: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
    /// The element that it is about; empty where there is none.
    pub element: ElementPath,
    /// The first stage that it blocks: `draft` means that the spec does not load. None: advice.
    pub blocks: Option<Stage>,
}

impl Diagnostic {
    /// Whether it stands in the way of this stage.
    #[must_use]
    pub fn blocks_stage(&self, stage: Stage) -> bool {
        self.blocks.is_some_and(|blocks| blocks <= stage)
    }
}

/// The texts that diagnostics point into, by file.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, Arc<str>>);

impl Sources {
    /// Adds a text.
    pub fn insert(&mut self, file: &str, text: &str) {
        self.0.insert(file.to_owned(), text.into());
    }

    /// The text of a file.
    #[must_use]
    pub fn get(&self, file: &str) -> Option<&str> {
        self.0.get(file).map(AsRef::as_ref)
    }
}

/// Line and column (from 1, in characters) of a byte offset.
#[must_use]
pub fn line_column(text: &str, offset: usize) -> (usize, usize) {
    let mut end = offset.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let before = text.get(..end).unwrap_or("");
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    (line, before.get(start..).map_or(0, |s| s.chars().count()) + 1)
}

/// Collects diagnostics for one check.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// How many expressions were read.
    pub(crate) expressions: usize,
    pub(crate) sources: Sources,
}

/// A diagnostic in the making; it counts when it is [`Draft::done`].
#[must_use]
#[derive(Debug)]
pub struct Draft<'r> {
    report: &'r mut Report,
    diagnostic: Diagnostic,
}

impl Report {
    /// Starts a diagnostic; it is added when the [`Draft`] is dropped out of scope by [`Draft::done`].
    pub(crate) fn add(&mut self, code: Code, file: &str, range: Range<usize>, message: impl Into<String>) -> Draft<'_> {
        // Beyond the limit nothing is kept, so nothing is counted either: a hostile file would have us count for ever.
        let text = if self.is_full() { "" } else { self.sources.get(file).unwrap_or("") };
        let (line, column) = line_column(text, range.start);
        let (end_line, end_column) = line_column(text, range.end);
        let diagnostic = Diagnostic {
            code,
            severity: Severity::Error,
            place: Place { file: file.to_owned(), range, label: String::new() },
            others: Vec::new(),
            line,
            column,
            end_line,
            end_column,
            message: message.into(),
            help: None,
            element: ElementPath::root(),
            blocks: Some(Stage::Draft),
        };
        Draft { report: self, diagnostic }
    }

    /// Whether no more findings are kept.
    pub(crate) fn is_full(&self) -> bool {
        self.diagnostics.len() >= DIAGNOSTICS_MAX
    }

    /// Whether anything keeps the spec from loading.
    pub(crate) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|d| d.severity == Severity::Error)
    }

    /// In the order of the file, main file first.
    pub(crate) fn sorted(mut self, main: &str) -> (Vec<Diagnostic>, Sources) {
        self.diagnostics.sort_by(|a, b| {
            let key = |d: &Diagnostic| (d.place.file != main, d.place.file.clone(), d.place.range.start, d.code);
            key(a).cmp(&key(b))
        });
        self.diagnostics.dedup();
        (self.diagnostics, self.sources)
    }
}

impl Draft<'_> {
    /// What to write instead.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.diagnostic.help = Some(help.into());
        self
    }

    /// As [`Draft::help`], where there is something to say.
    pub fn maybe_help(mut self, help: Option<String>) -> Self {
        if help.is_some() {
            self.diagnostic.help = help;
        }
        self
    }

    /// The element that it is about.
    pub fn element(mut self, path: &ElementPath) -> Self {
        self.diagnostic.element = path.clone();
        self
    }

    /// Another place that explains it.
    pub fn other(mut self, file: &str, range: Range<usize>, label: impl Into<String>) -> Self {
        self.diagnostic.others.push(Place { file: file.to_owned(), range, label: label.into() });
        self
    }

    pub(crate) fn maybe_other(mut self, place: Option<Place>) -> Self {
        self.diagnostic.others.extend(place);
        self
    }

    /// A warning that blocks a stage, or advice where there is none.
    pub fn warns(mut self, blocks: Option<Stage>) -> Self {
        self.diagnostic.severity = Severity::Warning;
        self.diagnostic.blocks = blocks;
        self
    }

    /// Adds it to what was found.
    pub fn done(self) {
        if !self.report.is_full() {
            self.report.diagnostics.push(self.diagnostic);
        }
    }
}

/// The known word nearest to a mistyped one, within a third of its length.
pub(crate) fn nearest<'w>(wrong: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    const COMPARED_CHARS_MAX: usize = 64;
    if wrong.chars().count() > COMPARED_CHARS_MAX {
        return None;
    }
    let allowed = (wrong.chars().count() / 3).max(1);
    known
        .into_iter()
        .filter(|k| k.chars().count() <= COMPARED_CHARS_MAX)
        .map(|k| (distance(wrong, k), Reverse(common_start(wrong, k)), k))
        .filter(|(d, ..)| *d <= allowed)
        .min()
        .map(|(.., k)| k)
}

/// Of two words as near, the one that starts alike is more likely meant.
fn common_start(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(x, y)| x == y).count()
}

/// `did you mean` for a mistyped word, else the list of what is known.
#[must_use]
pub fn did_you_mean<'w>(wrong: &str, known: impl IntoIterator<Item = &'w str> + Clone) -> Option<String> {
    const LISTED_MAX: usize = 24;
    const COMPARED_MAX: usize = 1_000;
    if let Some(near) = nearest(wrong, known.clone().into_iter().take(COMPARED_MAX)) {
        return Some(format!("did you mean `{near}`?"));
    }
    let all: Vec<String> = known.into_iter().take(LISTED_MAX).map(|k| format!("`{k}`")).collect();
    if all.is_empty() { None } else { Some(format!("known here: {}", all.join(", "))) }
}

/// Optimal string alignment distance: insertions, deletions, changes and neighbours swapped.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.to_lowercase().chars().collect(), b.to_lowercase().chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, cb) in b.iter().enumerate() {
            let at = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&above, j) + usize::from(ca != cb)).min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(cb) && b.get(j - 1) == Some(ca);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests;
