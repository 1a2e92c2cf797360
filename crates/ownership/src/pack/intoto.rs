//! Releases, evaluations and approvals as in-toto Statements v1. Whoever packs signs each in a DSSE envelope.

use seatrial_model::event::{EvaluationRecorded, ReleaseCut};
use seatrial_model::{ApprovalStatement, Body, Digest, Logged, canonical};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The type of every statement.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// A release: a summary of a verification, as SLSA has it.
const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
/// An evaluation.
const TEST_RESULT: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// An approval: none has been standardised.
const APPROVAL: &str = "urn:seatrial:approval:v1";

/// What statements are made from.
#[derive(Clone, Copy, Debug)]
pub struct Attested<'a> {
    /// The workflow's name.
    pub workflow: &'a str,
    /// The log's origin.
    pub origin: &'a str,
    /// The log's events of delivery.
    pub events: &'a [Logged],
    /// Results of evaluations and lists of releases, by their digests.
    pub blobs: &'a BTreeMap<Digest, Vec<u8>>,
}

/// A statement that is not signed yet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    /// Its file's name, without a folder.
    pub name: String,
    /// The entry of the log that it is about.
    pub index: u64,
    /// What it is about: `release`, `evaluation` or `approval`.
    pub kind: &'static str,
    /// The type of its predicate.
    pub predicate_type: &'static str,
    /// The statement: RFC 8785 JSON.
    pub payload: Vec<u8>,
}

/// Every release, evaluation and approval of the log.
#[must_use]
pub fn statements(input: &Attested<'_>) -> Vec<Statement> {
    input.events.iter().filter_map(|e| one(input, e)).collect()
}

fn one(input: &Attested<'_>, e: &Logged) -> Option<Statement> {
    let spec = e.event.spec?;
    let (kind, predicate_type, predicate) = match &e.event.body {
        Body::ReleaseCut(cut) => ("release", SUMMARY, release(input, e, cut)),
        Body::EvaluationRecorded(evaluation) => ("evaluation", TEST_RESULT, evaluation_of(input, evaluation)),
        Body::ApprovalGiven(_) => ("approval", APPROVAL, approval(input, e)?),
        _ => return None,
    };
    let statement = json!({
        "_type": STATEMENT,
        "subject": [{ "name": format!("{}/workflow.yaml", input.workflow), "digest": { "sha256": spec.hex() } }],
        "predicateType": predicate_type,
        "predicate": predicate,
    });
    let payload = canonical(&statement).ok()?;
    Some(Statement { name: format!("{:06}-{kind}.json", e.index), index: e.index, kind, predicate_type, payload })
}

/// An entry of the log as a resource.
fn entry(input: &Attested<'_>, index: u64, event: &str) -> Value {
    json!({ "uri": format!("urn:seatrial:log:{}:{index}:{event}", percent(input.origin)) })
}

fn release(input: &Attested<'_>, e: &Logged, cut: &ReleaseCut) -> Value {
    let obligations = input.blobs.get(&cut.obligations);
    let obligations: Vec<seatrial_model::event::ReleasedObligation> =
        obligations.and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
    let at = |id: &seatrial_model::EventId| input.events.iter().find(|e| e.event.id == *id).map(|e| e.index);
    let attestations = obligations.iter().flat_map(|o| &o.events).filter_map(|id| Some((at(id)?, id)));
    let attestations: BTreeMap<u64, Value> = attestations
        .map(|(index, id)| (index, with_digest(entry(input, index, &id.to_string()), input, index)))
        .collect();
    json!({
        "verifier": { "id": format!("urn:seatrial:release:{}", env!("CARGO_PKG_VERSION")) },
        "timeVerified": e.event.time.to_string(),
        "resourceUri": format!("urn:seatrial:workflow:{}", percent(input.origin)),
        "policy": { "uri": format!("urn:seatrial:obligations:{}", cut.stage), "digest": { "sha256": cut.obligations.hex() } },
        "inputAttestations": attestations.into_values().collect::<Vec<_>>(),
        "verificationResult": "PASSED",
        "verifiedLevels": [cut.level],
    })
}

/// A resource with the digest of its leaf: the event's canonical bytes.
fn with_digest(mut resource: Value, input: &Attested<'_>, index: u64) -> Value {
    let leaf = input.events.iter().find(|e| e.index == index).and_then(|e| e.event.leaf().ok());
    if let (Some(leaf), Some(map)) = (leaf, resource.as_object_mut()) {
        map.insert("digest".to_owned(), json!({ "sha256": Digest::of(&leaf).hex() }));
    }
    resource
}

fn evaluation_of(input: &Attested<'_>, e: &EvaluationRecorded) -> Value {
    let results = input.blobs.get(&e.results).and_then(|bytes| serde_json::from_slice::<Vec<Line>>(bytes).ok());
    let named = |outcome: &str| -> Vec<String> {
        results.iter().flatten().filter(|l| l.outcome == outcome).map(|l| l.id.clone()).collect()
    };
    let (failed, open) = (named("failed"), named("inconclusive"));
    let result = if e.passed.k == e.passed.n && e.let_through.k == 0 {
        "PASSED"
    } else if e.passed.k + e.inconclusive == e.passed.n && e.let_through.k == 0 {
        "WARNED"
    } else {
        "FAILED"
    };
    json!({
        "result": result,
        "configuration": [{ "name": format!("examples/{}", e.set), "digest": { "sha256": e.examples.hex() } }],
        "passedTests": named("passed"),
        "warnedTests": open,
        "failedTests": failed,
    })
}

/// What is read of one line of an evaluation's results.
#[derive(serde::Deserialize)]
struct Line {
    id: String,
    outcome: String,
}

fn approval(input: &Attested<'_>, e: &Logged) -> Option<Value> {
    let statement = ApprovalStatement::of(&e.event, input.origin)?;
    let Body::ApprovalGiven(given) = &e.event.body else { return None };
    Some(json!({
        "statement": statement,
        "event": e.event.id,
        "time": e.event.time,
        "side": e.event.actor.side,
        "assurance": e.event.actor.assurance,
        "shownMs": given.shown_ms,
    }))
}

/// As part of a URN: what is not plain is written as `%` and its bytes.
fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
