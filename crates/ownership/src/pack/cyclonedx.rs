//! The workflow as CycloneDX 1.7: its models with their cards (an ML-BOM), its data, and the obligations as attestations.

use super::ident::uuid;
use crate::{ObligationLine, PackInput};
use seatrial_model::event::EvaluationRecorded;
use seatrial_model::{Body, Logged, Side};
use seatrial_spec::workflow::{Actor, ModelRef, Step};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most examples sets, metrics and the like of one list: far more than a spec has.
const LIST_MAX: usize = 1_000;

/// The document.
pub(super) fn bom(input: &PackInput<'_>) -> Value {
    let w = input.workflow;
    let (models, sets, prompts) = (models(input), sets(input), files(input));
    let refs = |all: &[Value]| -> Vec<String> {
        all.iter().filter_map(|c| c.get("bom-ref").and_then(Value::as_str).map(str::to_owned)).collect()
    };
    let mut depends = refs(&models);
    depends.extend(refs(&sets));
    depends.extend(refs(&prompts));
    let dependencies: Vec<Value> = std::iter::once(json!({ "ref": "workflow", "dependsOn": depends })).collect();
    let components: Vec<Value> = models.into_iter().chain(sets).chain(prompts).collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.7.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.7",
        "serialNumber": format!("urn:uuid:{}", uuid("cyclonedx", &format!("{}\n{}", input.log.origin, input.log.point.root))),
        "version": 1,
        "metadata": {
            "timestamp": input.now.to_string(),
            "tools": { "components": [{ "type": "application", "name": "seatrial", "version": env!("CARGO_PKG_VERSION") }] },
            "component": {
                "type": "application",
                "bom-ref": "workflow",
                "name": w.name,
                "version": w.digest.to_string(),
                "description": w.purpose,
                "properties": [
                    property("seatrial:factory", &input.factory.name),
                    property("seatrial:log:origin", &input.log.origin),
                    property("seatrial:log:size", &input.log.point.size.to_string()),
                    property("seatrial:log:root", &input.log.point.root.to_string()),
                ],
            },
        },
        "components": components,
        "dependencies": dependencies,
        "definitions": { "standards": [standard(input)] },
        "declarations": declarations(input),
    })
}

fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "value": value })
}

fn models(input: &PackInput<'_>) -> Vec<Value> {
    let ai = input.workflow.steps.iter().filter(|s| s.actor == Actor::Ai).take(LIST_MAX);
    ai.filter_map(|step| step.model.as_ref().map(|model| model_of(input, step, model))).collect()
}

fn model_of(input: &PackInput<'_>, step: &Step, model: &ModelRef) -> Value {
    let identity = identity(input, &step.name);
    let mut properties = vec![
        property("seatrial:step", &step.name),
        property("seatrial:influence", step.influence.as_str()),
        property("seatrial:provider", &model.provider),
    ];
    properties.extend(identity.iter().map(|id| property("seatrial:identity", id)));
    let mut component = json!({
        "type": "machine-learning-model",
        "bom-ref": format!("model/{}", step.name),
        "name": model.name,
        "description": step.does,
        "modelCard": card(input, step, model),
        "properties": properties,
    });
    if let Some(map) = component.as_object_mut() {
        if let Some(version) = &identity {
            map.insert("version".to_owned(), json!(version));
        }
        let digest = identity.as_deref().and_then(|i| i.strip_prefix("sha256:")).filter(|hex| hex.len() == 64);
        if let Some(hex) = digest {
            map.insert("hashes".to_owned(), json!([{ "alg": "SHA-256", "content": hex }]));
        }
    }
    component
}

/// The model's identity in the newest release, else in the newest evaluation.
fn identity(input: &PackInput<'_>, step: &str) -> Option<String> {
    let of = |e: &Logged| match &e.event.body {
        Body::ReleaseCut(cut) => cut.models.get(step).cloned(),
        _ => None,
    };
    let sets: BTreeSet<&String> =
        input.workflow.examples.iter().filter(|(_, set)| set.step == step).map(|(name, _)| name).collect();
    let evaluated = |e: &Logged| match &e.event.body {
        Body::EvaluationRecorded(e) if sets.contains(&e.set) => Some(e.model.clone()),
        _ => None,
    };
    input.events.iter().rev().find_map(of).or_else(|| input.events.iter().rev().find_map(evaluated))
}

fn card(input: &PackInput<'_>, step: &Step, model: &ModelRef) -> Value {
    let datasets: Vec<Value> = model.train.iter().map(|t| json!({ "ref": format!("set/{}", t.examples) })).collect();
    let mut parameters = Map::new();
    parameters.insert("task".to_owned(), json!(step.does));
    if !datasets.is_empty() {
        parameters.insert("approach".to_owned(), json!({ "type": "supervised" }));
        parameters.insert("datasets".to_owned(), json!(datasets));
    }
    for (name, list) in [(&step.input, "inputs"), (&step.output, "outputs")] {
        if let Some(name) = name {
            parameters.insert(list.to_owned(), json!([{ "format": format!("JSON, type {name}") }]));
        }
    }
    let never = step.never.iter().map(|rule| {
        format!(
            "never left to AI: {}{}",
            rule.name,
            rule.because.as_ref().map(|b| format!(" ({b})")).unwrap_or_default()
        )
    });
    let withheld = step.withhold.iter().map(|field| format!("the model never sees {field}"));
    let limits: Vec<String> = never.chain(withheld).take(LIST_MAX).collect();
    let risks = input.workflow.risks.items.iter().take(LIST_MAX);
    let risks: Vec<Value> = risks.map(|r| json!({ "name": r.risk, "mitigationStrategy": r.measure })).collect();
    let users: BTreeSet<&str> =
        input.workflow.responsibilities.values().filter_map(|r| r.receiving.as_deref()).collect();
    json!({
        "modelParameters": parameters,
        "quantitativeAnalysis": { "performanceMetrics": metrics(input, step) },
        "considerations": {
            "users": users,
            "useCases": [input.workflow.purpose],
            "technicalLimitations": limits,
            "ethicalConsiderations": risks,
        },
    })
}

/// The newest evaluation of each set of a step, and the certificate of each threshold that rests on them.
fn metrics(input: &PackInput<'_>, step: &Step) -> Vec<Value> {
    let mut newest: BTreeMap<&str, &EvaluationRecorded> = BTreeMap::new();
    for e in input.events {
        if let Body::EvaluationRecorded(e) = &e.event.body
            && input.workflow.examples.get(&e.set).is_some_and(|set| set.step == step.name)
        {
            newest.insert(&e.set, e);
        }
    }
    let mut out: Vec<Value> = newest.values().map(|e| pass_rate(e)).collect();
    for e in input.events {
        if let Body::ThresholdTested(t) = &e.event.body
            && t.certified
            && !t.certificate.withheld
        {
            out.push(json!({
                "type": "share wrong among what passes without a person",
                "value": format!("{} of {}", t.certificate.errors, t.certificate.examples),
                "slice": t.certificate.threshold.as_str(),
                "confidenceInterval": { "lowerBound": "0", "upperBound": t.certificate.bound.to_string() },
            }));
        }
    }
    out.truncate(LIST_MAX);
    out
}

fn pass_rate(e: &EvaluationRecorded) -> Value {
    let mut metric = json!({
        "type": format!("passed ({} set)", e.drawn),
        "value": format!("{} of {}", e.passed.k, e.passed.n),
        "slice": e.set,
    });
    if let (Some(lower), Some(map)) = (e.lower, metric.as_object_mut()) {
        map.insert("confidenceInterval".to_owned(), json!({ "lowerBound": lower.to_string(), "upperBound": "1" }));
    }
    metric
}

fn sets(input: &PackInput<'_>) -> Vec<Value> {
    let one = |(name, set): (&String, &seatrial_spec::workflow::ExampleSet)| {
        json!({
            "type": "data",
            "bom-ref": format!("set/{name}"),
            "name": name,
            "version": set.digest.to_string(),
            "hashes": [{ "alg": "SHA-256", "content": set.digest.hex() }],
            "data": [{ "type": "dataset", "name": name, "contents": { "properties": [
                property("seatrial:drawn", set.drawn.as_str()),
                property("seatrial:step", &set.step),
            ] } }],
        })
    };
    input.workflow.examples.iter().take(LIST_MAX).map(one).collect()
}

/// Prompts and schemas: files of the spec that decide what a model is asked.
fn files(input: &PackInput<'_>) -> Vec<Value> {
    let sets: BTreeSet<&str> = input.workflow.examples.values().map(|s| s.file.as_str()).collect();
    let rest = input.workflow.files.iter().filter(|(path, _)| !sets.contains(path.as_str())).take(LIST_MAX);
    rest.map(|(path, file)| {
        json!({
            "type": "file",
            "bom-ref": format!("file/{path}"),
            "name": path,
            "hashes": [{ "alg": "SHA-256", "content": file.blob.hex() }],
        })
    })
    .collect()
}

/// The obligations, as the requirements that are attested.
fn standard(input: &PackInput<'_>) -> Value {
    let requirement = |o: &ObligationLine| json!({ "bom-ref": format!("requirement/{}", o.id), "identifier": o.id, "title": o.title, "text": o.title });
    json!({
        "bom-ref": "standard/obligations",
        "name": "Seatrial obligations",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "What has to be shown before this workflow may be released. These are obligations of Seatrial and of no law.",
        "owner": "Seatrial",
        "requirements": input.obligations.iter().map(requirement).collect::<Vec<_>>(),
    })
}

fn declarations(input: &PackInput<'_>) -> Value {
    let by_index: BTreeMap<u64, &Logged> = input.events.iter().map(|e| (e.index, e)).collect();
    let applies = || input.obligations.iter().filter(|o| !o.is_not_applicable());
    let cited: BTreeSet<u64> = applies().flat_map(|o| &o.events).copied().collect();
    let evidence: Vec<Value> = cited.iter().filter_map(|i| by_index.get(i)).map(|e| evidence(e)).collect();
    let known = |o: &ObligationLine| -> Vec<String> {
        o.events.iter().filter(|i| by_index.contains_key(i)).map(|i| format!("evidence/{i}")).collect()
    };
    let claims: Vec<Value> = applies()
        .map(|o| {
            let place = if o.state == "discharged" { "evidence" } else { "counterEvidence" };
            json!({
                "bom-ref": format!("claim/{}", o.id),
                "target": "workflow",
                "predicate": format!("{} is {}", o.id, o.state),
                "reasoning": o.why,
                place: known(o),
            })
        })
        .collect();
    let map: Vec<Value> = applies()
        .map(|o| {
            let shown = o.state == "discharged";
            let place = if shown { "claims" } else { "counterClaims" };
            json!({
                "requirement": format!("requirement/{}", o.id),
                place: [format!("claim/{}", o.id)],
                "conformance": { "score": if shown { 1 } else { 0 }, "rationale": format!("{}: {}", o.state, o.why) },
            })
        })
        .collect();
    json!({
        "assessors": [{ "bom-ref": "assessor/factory", "thirdParty": false, "organization": { "name": input.factory.name } }],
        "attestations": [{
            "summary": "How each obligation stands, computed from the evidence log",
            "assessor": "assessor/factory",
            "map": map,
        }],
        "claims": claims,
        "evidence": evidence,
    })
}

fn evidence(e: &Logged) -> Value {
    let event = &e.event;
    let side = match event.actor.side {
        Side::Delivery => "delivery",
        Side::Receiving => "receiving",
        Side::Independent => "independent",
    };
    json!({
        "bom-ref": format!("evidence/{}", e.index),
        "propertyName": event.body.kind(),
        "description": format!("entry {} of the log, event {}, {side} side", e.index, event.id),
        "created": event.time.to_string(),
        "author": { "name": event.actor.id },
        "data": [{ "name": event.id.to_string(), "contents": { "url": "log/checkpoint" } }],
    })
}
