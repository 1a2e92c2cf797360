//! The workflow as an entry of a Backstage catalog, and who owns which file as CODEOWNERS.

use crate::{PackInput, responsibilities};
use seatrial_model::{Body, Stage};
use serde_json::Value;
use std::fmt::Write as _;

/// The longest name that a catalog takes.
const NAME_CHARS_MAX: usize = 63;

/// `catalog-info.yaml`: one Component, owned by the receiving role.
pub(super) fn catalog_info(input: &PackInput<'_>) -> String {
    let w = input.workflow;
    let owner = w.responsibilities.get("workflow").and_then(|r| r.receiving.as_deref());
    let mut out = String::from("# A Backstage catalog entry of this workflow. The owner is the receiving role.\n");
    let mut put = |line: &str| out.push_str(line);
    put("apiVersion: backstage.io/v1alpha1\nkind: Component\nmetadata:\n");
    put(&format!("  name: {}\n", quoted(&name(&w.name))));
    put(&format!("  title: {}\n", quoted(&w.title)));
    put(&format!("  description: {}\n", quoted(&w.purpose)));
    put("  annotations:\n");
    for (key, value) in [
        ("seatrial/factory", input.factory.name.clone()),
        ("seatrial/spec", w.digest.to_string()),
        ("seatrial/log-origin", input.log.origin.clone()),
        ("seatrial/log-key", input.log.key.clone()),
        ("seatrial/stage", stage(input).to_string()),
    ] {
        put(&format!("    {key}: {}\n", quoted(&value)));
    }
    put("  tags: [ai, workflow, seatrial]\n");
    put("spec:\n  type: ai-workflow\n");
    put(&format!("  lifecycle: {}\n", lifecycle(stage(input))));
    put(&format!(
        "  owner: {}\n",
        quoted(&owner.map_or_else(|| "group:default/unowned".to_owned(), |o| format!("group:default/{}", name(o))))
    ));
    out
}

/// The stage of the newest release, or of the retirement after it.
fn stage(input: &PackInput<'_>) -> Stage {
    let of = |e: &seatrial_model::Logged| match &e.event.body {
        Body::ReleaseCut(cut) => Some(cut.stage),
        Body::WorkflowRetired(_) => Some(Stage::Retired),
        _ => None,
    };
    input.events.iter().rev().find_map(of).unwrap_or(Stage::Draft)
}

const fn lifecycle(stage: Stage) -> &'static str {
    match stage {
        Stage::Draft | Stage::Pilot => "experimental",
        Stage::Production | Stage::Owned => "production",
        Stage::Retired => "deprecated",
    }
}

/// A name as catalogs take it: letters, digits, `-`, `_` and `.`.
fn name(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '-' };
    let text: String = text.chars().take(NAME_CHARS_MAX).map(plain).collect();
    let text = text.trim_matches(['-', '_', '.']);
    if text.is_empty() { "workflow".to_owned() } else { text.to_owned() }
}

/// A string in double quotes: JSON's, which YAML reads.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// `CODEOWNERS` for the folder of the spec: changes go to whoever holds `changes`, examples to whoever reviews the
/// behaviour, runbooks to whoever handles exceptions. The last line that fits a file counts.
pub(super) fn codeowners(input: &PackInput<'_>) -> String {
    let takings = responsibilities(input);
    let people = |name: &str| -> Vec<&str> {
        let taking = takings.iter().find(|t| t.responsibility == name);
        let ids = taking.into_iter().flat_map(|t| &t.takers).map(|t| t.id.as_str());
        // An owner is an e-mail address or a name of the host's; ids that are neither would own nothing.
        ids.filter(|id| id.contains('@') && id.bytes().all(|b| b.is_ascii_graphic() && b != b'#')).collect()
    };
    let mut out = String::from(
        "# Who reviews a change of which file: the receiving side, by responsibility. For the folder of `workflow.yaml`.\n",
    );
    let mut line = |path: &str, name: &str| {
        let owners = people(name);
        // Writing into a String cannot fail.
        let _ = match owners.is_empty() {
            true => writeln!(out, "# {path}: nobody with an e-mail address holds `{name}`"),
            false => writeln!(out, "{path} {}", owners.join(" ")),
        };
    };
    line("*", "changes");
    for set in input.workflow.examples.values() {
        line(&pattern(&set.file), "behaviour");
    }
    for runbook in super::runbooks::files(input.workflow) {
        line(&pattern(runbook), "exceptions");
    }
    out
}

/// A path as a pattern from the folder's top; spaces are escaped.
fn pattern(path: &str) -> String {
    let plain = |c: char| !c.is_control() && !matches!(c, '#' | '!' | '[' | ']' | '*' | '?' | '\\');
    let path: String = path.chars().filter(|c| plain(*c)).collect();
    format!("/{}", path.replace(' ', "\\ "))
}
