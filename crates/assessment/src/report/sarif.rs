//! SARIF 2.1.0: every detector a rule, every one that fired a result; for code scanning beside the spec.

use super::{Reader, groups};
use crate::place::FILE;
use crate::{Assessment, CITATIONS_MAX, Definition, Element, Item, Standing, definitions, entry};
use serde_json::{Value, json};

/// The schema that the document names.
const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// The document. `folder` is the workflow's folder below the root of the repository; `version` the tool's own.
#[must_use]
pub fn sarif(assessment: &Assessment, reader: Option<Reader>, folder: &str, version: &str) -> Value {
    let rules: Vec<&Definition> = definitions().filter(|d| d.detects() && groups(reader).contains(&d.group)).collect();
    let uri = uri(folder);
    let fired = groups(reader).iter().flat_map(|g| assessment.group(*g)).filter(|i| i.fires());
    let results: Vec<Value> = fired
        .filter_map(|item| {
            let index = rules.iter().position(|d| d.id == item.id)?;
            Some(result(assessment, item, index, &uri))
        })
        .collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "seatrial",
                "version": version,
                "rules": rules.iter().map(|d| rule(d)).collect::<Vec<_>>(),
            } },
            "columnKind": "utf16CodeUnits",
            "results": results,
            "properties": {
                "workflow": assessment.workflow,
                "spec": assessment.spec.to_string(),
                "at": assessment.at.to_string(),
                "simulation": assessment.simulation,
                "caveat": assessment.caveat,
            },
        }],
    })
}

fn rule(d: &Definition) -> Value {
    json!({
        "id": d.id,
        "shortDescription": { "text": d.statement },
        "fullDescription": { "text": d.rule.replace('`', "") },
        "help": { "text": help(d), "markdown": entry(d) },
        "defaultConfiguration": { "level": "warning" },
        "properties": { "tags": [d.group.title()] },
    })
}

fn help(d: &Definition) -> String {
    let text = format!(
        "Reads: {} Answer: {} Limits: {} {} {}. It prompts an inquiry, it proves nothing.",
        d.reads, d.rule, d.limits, d.better, d.command
    );
    text.replace('`', "")
}

fn result(assessment: &Assessment, item: &Item, index: usize, uri: &str) -> Value {
    let level = if item.standing == Standing::Contradicted { "warning" } else { "note" };
    let seen: Vec<String> = item.reasons.iter().map(|r| r.text.replace('`', "")).collect();
    let text = format!("{} is {}: {}.", item.question, item.standing.as_str(), seen.join("; "));
    // Viewers of code need a file: where no element is meant, it is the spec as a whole.
    let mut locations: Vec<Value> = item.elements.iter().take(CITATIONS_MAX).map(|e| on_spec(e, uri)).collect();
    if locations.is_empty() {
        locations.push(json!({ "physicalLocation": physical(uri, 1) }));
    }
    if let Some(first) = locations.first_mut().and_then(Value::as_object_mut) {
        let logical = first.entry("logicalLocations").or_insert_with(|| json!([]));
        if let Some(list) = logical.as_array_mut() {
            list.extend(entries(assessment, item));
        }
    }
    json!({
        "ruleId": item.id,
        "ruleIndex": index,
        "level": level,
        "message": { "text": text },
        "locations": locations,
        "partialFingerprints": { "detector/v1": format!("{}:{}", assessment.workflow, item.id) },
    })
}

fn on_spec(element: &Element, uri: &str) -> Value {
    json!({
        "physicalLocation": physical(uri, element.line.unwrap_or(1)),
        "logicalLocations": [{ "fullyQualifiedName": element.path.as_str(), "kind": "member" }],
    })
}

fn physical(uri: &str, line: usize) -> Value {
    json!({
        "artifactLocation": { "uri": uri, "uriBaseId": "%SRCROOT%" },
        "region": { "startLine": line },
    })
}

/// The entries of the log that the item cites, each once.
fn entries(assessment: &Assessment, item: &Item) -> Vec<Value> {
    let mut cites: Vec<_> = item.reasons.iter().flat_map(|r| r.cites.iter()).collect();
    cites.sort();
    cites.dedup();
    let one = |c: &&crate::Citation| {
        json!({
            "name": c.event.to_string(),
            "fullyQualifiedName": format!("{}/{}", assessment.workflow, c.index),
            "kind": "log-entry",
        })
    };
    cites.iter().map(one).collect()
}

/// A relative address: what RFC 3986 does not leave alone is escaped.
fn uri(folder: &str) -> String {
    let mut out = String::new();
    for part in folder.split('/').filter(|p| !p.is_empty() && *p != ".").chain([FILE]) {
        if !out.is_empty() {
            out.push('/');
        }
        for byte in part.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                out.push(char::from(byte));
            } else {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    out
}
