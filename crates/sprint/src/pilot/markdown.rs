//! The report as Markdown.

use super::PilotFindings;
use std::fmt::Write as _;

pub(super) fn of(report: &PilotFindings) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(out, "# Pilot {}{}\n", report.pilot, if report.shadow { " (shadow)" } else { "" });
    let _ = writeln!(out, "{} decisions from {} until {}.\n", report.decisions, report.from, report.until);
    for finding in &report.findings {
        let _ = writeln!(out, "## {}\n\n**{}.** {}\n", finding.question, finding.answer.as_str(), finding.says);
        if finding.figures.is_empty() {
            continue;
        }
        let _ = writeln!(out, "| what | figure | events |\n|---|---|---|");
        for figure in &finding.figures {
            let events: Vec<String> = figure.events.iter().map(|e| format!("`{e}`")).collect();
            let events = if events.len() > 3 {
                format!("{} and {} more", events.get(..3).unwrap_or_default().join(" "), events.len() - 3)
            } else {
                events.join(" ")
            };
            let _ = writeln!(out, "| {} | {} | {events} |", cell(&figure.what), cell(&figure.value));
        }
        out.push('\n');
    }
    out
}

/// Text for a cell: names of the spec are safe, reasons may be anything.
fn cell(text: &str) -> String {
    text.chars().map(|c| if c == '|' || c.is_control() { ' ' } else { c }).collect()
}
