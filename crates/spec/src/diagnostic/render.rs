//! Diagnostics as text with excerpts, as JSON, and as SARIF 2.1.0.

use super::{Code, Diagnostic, Place, Severity, Sources};
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What the diagnostics are about, in the words of their closing lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Subject {
    /// A spec.
    #[default]
    Spec,
    /// A questionnaire about a delivery that is not run here.
    Questionnaire,
}

impl Subject {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Spec => "spec",
            Self::Questionnaire => "questionnaire",
        }
    }
}

/// For people, about a spec: each with its excerpt and a caret, then one line that counts.
///
/// `color` asks for ANSI colours; the text comes from files, so control characters are shown, never sent on.
#[must_use]
pub fn to_human(diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    to_human_of(Subject::Spec, diagnostics, sources, color)
}

/// As [`to_human`], about something else.
#[must_use]
pub fn to_human_of(subject: Subject, diagnostics: &[Diagnostic], sources: &Sources, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for diagnostic in diagnostics {
        out.push_str(&one(subject, &renderer, diagnostic, sources));
        out.push_str("\n\n");
    }
    out.push_str(&summary(subject, diagnostics));
    out.push('\n');
    out
}

fn one(subject: Subject, renderer: &Renderer, d: &Diagnostic, sources: &Sources) -> String {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let message = visible(&d.message);
    let mut group: Group<'_> = Group::with_title(level.primary_title(message).id(d.code.as_str()));
    let mut files = vec![d.place.file.as_str()];
    files.extend(d.others.iter().map(|o| o.file.as_str()));
    files.dedup();
    for file in files {
        let Some(text) = sources.get(file) else { continue };
        let mut snippet = Snippet::source(visible(text)).path(file.to_owned()).fold(true);
        if d.place.file == file {
            snippet =
                snippet.annotation(AnnotationKind::Primary.span(shown(text, &d.place)).label(visible(&d.place.label)));
        }
        for other in d.others.iter().filter(|o| o.file == file) {
            snippet = snippet.annotation(AnnotationKind::Context.span(shown(text, other)).label(visible(&other.label)));
        }
        group = group.element(snippet);
    }
    if let Some(help) = &d.help {
        group = group.element(Level::HELP.message(visible(help)));
    }
    group = group.element(Level::NOTE.message(note(subject, d)));
    renderer.render(&[group])
}

fn note(subject: Subject, d: &Diagnostic) -> String {
    match d.blocks {
        Some(seatrial_model::Stage::Draft) => format!("the {} was not loaded: {}", subject.as_str(), d.code.why()),
        Some(stage) => format!("blocks {stage}: {}", d.code.why()),
        None => d.code.why().to_owned(),
    }
}

fn summary(subject: Subject, diagnostics: &[Diagnostic]) -> String {
    let loads = format!("the {} loads", subject.as_str());
    let errors = diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
    let warnings = diagnostics.len() - errors;
    let s = |n: usize| if n == 1 { "" } else { "s" };
    match (errors, warnings) {
        (0, 0) => "no findings".to_owned(),
        (0, w) => format!("{w} warning{}; {loads}", s(w)),
        (e, 0) => format!("{e} error{}; nothing was loaded", s(e)),
        (e, w) => format!("{e} error{} and {w} warning{}; nothing was loaded", s(e), s(w)),
    }
}

/// Control characters and the like made visible, each by characters of its own byte length where the excerpt's
/// offsets count on it.
fn visible(text: &str) -> String {
    text.chars().map(|c| if hidden(c) { replacement(c) } else { c }).collect()
}

fn hidden(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t' && c != '\r')
        || matches!(u32::from(c), 0x00AD | 0x061C | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0xFEFF)
}

/// Of the same length in UTF-8, so that byte ranges still hold.
fn replacement(c: char) -> char {
    match c.len_utf8() {
        1 => '?',
        2 => '¿',
        _ => '\u{fffd}',
    }
}

/// A range that lies within the text, on character boundaries, and is not empty where that is possible.
fn shown(text: &str, place: &Place) -> std::ops::Range<usize> {
    let boundary = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let start = boundary(place.range.start);
    let end = boundary(place.range.end).max(start);
    // A long block would bury the message: its first line says where it is.
    let first_line = text.get(start..end).and_then(|s| s.find('\n')).map_or(end, |i| start + i);
    start..first_line
}

/// For programs: `{"diagnostics": [...]}`.
#[must_use]
pub fn to_json(diagnostics: &[Diagnostic]) -> Value {
    let list: Vec<Value> = diagnostics
        .iter()
        .map(|d| {
            json!({
                "code": d.code,
                "severity": d.severity,
                "file": d.place.file,
                "line": d.line,
                "column": d.column,
                "end_line": d.end_line,
                "end_column": d.end_column,
                "message": d.message,
                "help": d.help,
                "element": d.element,
                "blocks": d.blocks,
            })
        })
        .collect();
    json!({ "diagnostics": list })
}

/// For code scanners: SARIF 2.1.0 (OASIS), one run.
#[must_use]
pub fn to_sarif(diagnostics: &[Diagnostic], version: &str) -> Value {
    let used: BTreeSet<Code> = diagnostics.iter().map(|d| d.code).collect();
    let rules: Vec<Value> = used
        .iter()
        .map(|code| {
            json!({
                "id": code,
                "shortDescription": { "text": code.title() },
                "fullDescription": { "text": code.why() },
                "help": { "text": code.what_to_write() },
            })
        })
        .collect();
    let results: Vec<Value> = diagnostics.iter().map(sarif_result).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "seatrial", "version": version, "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn sarif_result(d: &Diagnostic) -> Value {
    let text = d.help.as_ref().map_or_else(|| d.message.clone(), |help| format!("{}\n{help}", d.message));
    json!({
        "ruleId": d.code,
        "level": match d.severity { Severity::Error => "error", Severity::Warning => "warning" },
        "message": { "text": text },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": { "uri": d.place.file },
                "region": { "startLine": d.line, "startColumn": d.column, "endLine": d.end_line, "endColumn": d.end_column },
            },
            "logicalLocations": [{ "fullyQualifiedName": d.element }],
        }],
        "properties": { "blocks": d.blocks },
    })
}
