//! The reference of detectors, as Markdown: written from the definitions.

use crate::definition::{Definition, Group, definitions};
use std::fmt::Write as _;

/// The page's generated part.
#[must_use]
pub fn reference() -> String {
    let mut out = String::new();
    for group in Group::ALL {
        let _ = writeln!(out, "## {}\n", group.title());
        for d in definitions().filter(|d| d.group == group) {
            out.push_str(&entry(d));
        }
    }
    format!("{}\n", out.trim_end())
}

/// One definition, in Markdown: as `seatrial assess --explain` shows it.
#[must_use]
pub fn entry(d: &Definition) -> String {
    let mut out = format!("### `{}`\n\n**{}**\n\n", d.id, d.statement);
    let _ = writeln!(out, "- Reads: {}", d.reads);
    let _ = writeln!(out, "- Answer: {}", d.rule);
    for t in d.thresholds {
        let _ = writeln!(out, "- Threshold `{}` = {} {}: {}", t.name, t.value, t.unit, t.why);
    }
    let _ = writeln!(out, "- Limits: {}", d.limits);
    let _ = writeln!(out, "- Shortest way to a better answer: {} `{}`\n", d.better, d.command);
    out
}
