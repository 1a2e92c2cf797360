//! Adding a workflow to `factory.yaml` in place: everything else stays as it is, comments included.

use seatrial_spec::check_factory;
use seatrial_spec::yaml::{self, Node, Value};

/// The text with this folder among its `workflows`; nothing where that cannot be done without touching anything else.
pub(super) fn with_workflow(text: &str, folder: &str) -> Option<String> {
    let (root, errors) = yaml::parse(text);
    let root = root.filter(|_| errors.is_empty())?;
    let before = check_factory(text).0?;
    if before.workflows.iter().any(|w| w.trim_end_matches('/') == folder) {
        return Some(text.to_owned());
    }
    let edited = match root.get("workflows") {
        None => appended(text, folder),
        Some(list) => extended(text, list, folder)?,
    };
    // What was written must read back as the same factory with one workflow more.
    let mut wanted = before;
    wanted.workflows.push(folder.to_owned());
    (check_factory(&edited).0.as_ref() == Some(&wanted)).then_some(edited)
}

fn appended(text: &str, folder: &str) -> String {
    let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    format!("{text}{end}workflows: [{folder}]\n")
}

fn extended(text: &str, list: &Node, folder: &str) -> Option<String> {
    let Value::List(items) = &list.value else { return None };
    let Some(last) = items.last() else {
        // An empty list: `[]`.
        let (before, after) = (text.get(..list.range.start)?, text.get(list.range.end..)?);
        return Some(format!("{before}[{folder}]{after}"));
    };
    let (before, after) = (text.get(..last.range.end)?, text.get(last.range.end..)?);
    if text.get(list.range.clone())?.starts_with('[') {
        return Some(format!("{before}, {folder}{after}"));
    }
    // A list of lines: one more, indented as the last one is.
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    let indent: String = text.get(line..)?.chars().take_while(|c| *c == ' ').collect();
    let rest = after.find('\n').map_or(after.len(), |newline| newline);
    let (tail, after) = (after.get(..rest)?, after.get(rest..)?);
    Some(format!("{before}{tail}\n{indent}- {folder}{after}"))
}
