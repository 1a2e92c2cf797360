//! The obligations and their evidence as OSCAL 1.2 assessment results.
//!
//! A control is an obligation of Seatrial, not of a law: the mapping to laws stands in `regulation.json`.

use super::ident::uuid;
use crate::{ObligationLine, PackInput};
use seatrial_model::words::FactoryKind;
use seatrial_model::{Body, Logged};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The version of OSCAL that is written.
const OSCAL_VERSION: &str = "1.2.0";

/// The namespace of our own properties.
const NS: &str = "urn:seatrial:oscal";

/// The document.
pub(super) fn assessment_results(input: &PackInput<'_>) -> Value {
    let of_workflow = format!("{}/{}", input.factory.name, input.workflow.name);
    let id = |kind: &str, name: &str| uuid(kind, &format!("{}\n{}\n{name}", input.log.origin, input.log.point.root));
    let (applies, not): (Vec<&ObligationLine>, Vec<_>) = input.obligations.iter().partition(|o| !o.is_not_applicable());
    let observations = observations(input, &id);
    let findings: Vec<Value> = applies.iter().map(|o| finding(o, &observations, &id)).collect();
    let selection =
        |all: &[&ObligationLine]| -> Vec<Value> { all.iter().map(|o| json!({ "control-id": token(&o.id) })).collect() };
    let mut controls = json!({ "description": "The obligations that apply to this workflow", "include-controls": selection(&applies) });
    if !not.is_empty() {
        insert(&mut controls, "exclude-controls", json!(selection(&not)));
    }
    let mut result = json!({
        "uuid": id("result", ""),
        "title": format!("Obligations of {of_workflow}"),
        "description": "How each obligation stands, computed from the workflow's evidence log. A control is an obligation of Seatrial; this says which evidence there is, and claims nothing about any law.",
        "start": input.now.to_string(),
        "props": props(input),
        "reviewed-controls": { "control-selections": [controls] },
    });
    // Empty lists are no OSCAL.
    if !observations.is_empty() {
        let all: Vec<&Value> = observations.values().map(|(_, value)| value).collect();
        insert(&mut result, "observations", json!(all));
    }
    if !findings.is_empty() {
        insert(&mut result, "findings", json!(findings));
    }
    let plan = id("resource", "spec");
    json!({ "assessment-results": {
        "uuid": id("assessment-results", ""),
        "metadata": {
            "title": format!("Assessment results: {of_workflow}"),
            "last-modified": input.now.to_string(),
            "version": input.workflow.digest.to_string(),
            "oscal-version": OSCAL_VERSION,
        },
        "import-ap": { "href": format!("#{plan}"), "remarks": "The workflow's spec says what is shown, and how." },
        "results": [result],
        "back-matter": { "resources": [
            { "uuid": plan, "title": "The workflow's spec", "rlinks": [{ "href": "spec/workflow.yaml" }] },
            { "uuid": id("resource", "log"), "title": "The exported log", "rlinks": [{ "href": "log/checkpoint" }] },
        ] },
    } })
}

fn props(input: &PackInput<'_>) -> Value {
    let simulation = input.factory.kind == FactoryKind::Simulation;
    json!([
        { "name": "log-origin", "ns": NS, "value": line(&input.log.origin) },
        { "name": "log-size", "ns": NS, "value": input.log.point.size.to_string() },
        { "name": "log-root", "ns": NS, "value": input.log.point.root.to_string() },
        { "name": "simulation", "ns": NS, "value": simulation.to_string() },
    ])
}

/// One observation for each entry that an obligation rests on: its uuid, and itself.
fn observations(input: &PackInput<'_>, id: &impl Fn(&str, &str) -> String) -> BTreeMap<u64, (String, Value)> {
    let by_index: BTreeMap<u64, &Logged> = input.events.iter().map(|e| (e.index, e)).collect();
    let cited = input.obligations.iter().filter(|o| !o.is_not_applicable()).flat_map(|o| &o.events);
    let one = |index: &u64| {
        let logged = by_index.get(index)?;
        let uuid = id("observation", &logged.event.id.to_string());
        let value = json!({
            "uuid": uuid,
            "title": format!("Entry {} of the log: {}", index, logged.event.body.kind()),
            "description": format!("{} by {} ({} side)", logged.event.body.kind(), line(&logged.event.actor.id), super::history::side(logged.event.actor.side)),
            "props": [
                { "name": "event", "ns": NS, "value": logged.event.id.to_string() },
                { "name": "entry", "ns": NS, "value": index.to_string() },
            ],
            "methods": [method(&logged.event.body)],
            "collected": logged.event.time.to_string(),
            "relevant-evidence": [{ "href": "log/checkpoint", "description": format!("Entry {index} of the exported log") }],
        });
        Some((*index, (uuid, value)))
    };
    cited.filter_map(one).collect()
}

/// How the evidence came about, in OSCAL's words.
fn method(body: &Body) -> &'static str {
    match body {
        Body::DrillDone(_)
        | Body::ProbeRun(_)
        | Body::EvaluationRecorded(_)
        | Body::ThresholdTested(_)
        | Body::TraceAudited(_) => "TEST",
        _ => "EXAMINE",
    }
}

fn finding(
    o: &ObligationLine,
    observations: &BTreeMap<u64, (String, Value)>,
    id: &impl Fn(&str, &str) -> String,
) -> Value {
    let (state, reason) = match o.state.as_str() {
        "discharged" => ("satisfied", "pass"),
        "failed" | "revoked" => ("not-satisfied", "fail"),
        // A waiver lets a release be cut, and shows nothing.
        _ => ("not-satisfied", "other"),
    };
    let mut finding = json!({
        "uuid": id("finding", &o.id),
        "title": line(&o.title),
        "description": format!("{}: {}", o.state, line(&o.why)),
        "target": {
            "type": "objective-id",
            "target-id": token(&o.id),
            "status": { "state": state, "reason": reason, "remarks": line(&o.state) },
        },
    });
    let related: Vec<Value> =
        o.events.iter().filter_map(|i| observations.get(i)).map(|(u, _)| json!({ "observation-uuid": u })).collect();
    if !related.is_empty() {
        insert(&mut finding, "related-observations", json!(related));
    }
    finding
}

fn insert(value: &mut Value, name: &str, inner: Value) {
    if let Some(map) = value.as_object_mut() {
        map.insert(name.to_owned(), inner);
    }
}

/// One line without spaces at its ends, as OSCAL wants values; never empty.
fn line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() { "-".to_owned() } else { words.join(" ") }
}

/// An id as an OSCAL token: letters, digits, `.`, `-` and `_`, and a letter first.
fn token(id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    let text: String = id.chars().map(plain).collect();
    if text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { text } else { format!("_{text}") }
}
