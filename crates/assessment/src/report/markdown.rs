//! The assessment as Markdown, for a repository or a mail.

use super::{Reader, groups, summary, word};
use crate::{Assessment, Item, Reason, definition, entry};
use std::fmt::Write as _;

/// The whole report.
#[must_use]
pub fn markdown(assessment: &Assessment, reader: Option<Reader>) -> String {
    let mut out = format!("# Assessment of `{}`", assessment.workflow);
    if let Some(reader) = reader {
        let _ = write!(out, ", {}", reader.title());
    }
    if assessment.simulation {
        out.push_str("\n\n**SIMULATION**: the factory is a simulation, for ever.");
    }
    let _ = write!(out, "\n\nSpec `{}`, as of {}. {}\n\n", assessment.spec, assessment.at, assessment.caveat);
    let sum = summary(assessment, reader);
    out.push_str("| standing | how many |\n|---|---|\n");
    for (standing, n) in sum.counts {
        let _ = writeln!(out, "| {} | {n} |", standing.as_str());
    }
    let _ = writeln!(out, "\n{} of {} detectors fired.", sum.fired.len(), sum.detectors);
    for group in groups(reader) {
        let _ = writeln!(out, "\n## {}\n", group.title());
        for item in assessment.group(*group) {
            one(item, &mut out);
        }
    }
    if reader == Some(Reader::Auditor) {
        out.push_str("## Definitions\n\n");
        for d in groups(reader).iter().flat_map(|g| assessment.group(*g)).filter_map(|i| definition(i.id)) {
            out.push_str(&entry(d));
        }
    }
    format!("{}\n", out.trim_end())
}

fn one(item: &Item, out: &mut String) {
    let _ = writeln!(out, "- **{}** (`{}`): *{}*", item.question, item.id, word(item));
    for reason in &item.reasons {
        let _ = writeln!(out, "  - {}{}", reason.text, cited(reason));
    }
    if !item.elements.is_empty() {
        let paths: Vec<String> = item.elements.iter().map(|e| format!("`{}`", e.path)).collect();
        let _ = writeln!(out, "  - in the spec: {}", paths.join(", "));
    }
    if let Some(better) = &item.better {
        let _ = writeln!(out, "  - better: {} `{}`", better.what, better.command);
    }
}

fn cited(reason: &Reason) -> String {
    if reason.cites.is_empty() {
        return String::new();
    }
    let cites: Vec<String> = reason.cites.iter().map(|c| format!("#{}", c.index)).collect();
    format!(" [{}]", cites.join(" "))
}
