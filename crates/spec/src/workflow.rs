//! The checked workflow: what a spec means once the checker is content. Plain data, in the spec's words.

mod assure;
mod factory;
mod gates;
mod money;
mod people;
mod step;

pub use assure::*;
pub use factory::*;
pub use gates::*;
pub use money::*;
pub use people::*;
pub use step::*;

use seatrial_model::{Digest, ElementPath};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A checked spec. Every reference in it resolves.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its name: also the name of its log.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// What it is for.
    pub purpose: String,
    /// Whom it is about.
    pub population: String,
    /// What it should achieve, by name.
    pub outcomes: BTreeMap<String, Outcome>,
    /// JSON Schemas by type name.
    pub types: BTreeMap<String, SchemaType>,
    /// Roles by name, with their description.
    pub roles: BTreeMap<String, String>,
    /// Steps, in the order of the file.
    pub steps: Vec<Step>,
    /// Confidence thresholds by name.
    pub thresholds: BTreeMap<String, Threshold>,
    /// Parts of the population by name.
    pub slices: BTreeMap<String, Slice>,
    /// Example sets by name.
    pub examples: BTreeMap<String, ExampleSet>,
    /// Tier and register.
    pub risks: Risks,
    /// What is not known yet, by name.
    pub questions: BTreeMap<String, Question>,
    /// What must stay true after handoff, by name.
    pub assumptions: BTreeMap<String, Assumption>,
    /// The five responsibilities: `workflow`, `changes`, `exceptions`, `behaviour`, `evolution`.
    pub responsibilities: BTreeMap<String, Responsibility>,
    /// The gates.
    pub gates: Gates,
    /// `workflow.yaml` and every file it names: path within the folder → content.
    pub files: BTreeMap<String, SpecFile>,
    /// Every addressable element, sorted by path; the root (empty path) first.
    pub elements: Vec<Element>,
    /// The digest of the root as written.
    pub digest: Digest,
}

impl Workflow {
    /// The step of that name.
    #[must_use]
    pub fn step(&self, name: &str) -> Option<&Step> {
        self.steps.iter().find(|s| s.name == name)
    }

    /// The element at that path.
    #[must_use]
    pub fn element(&self, path: &ElementPath) -> Option<&Element> {
        self.elements.binary_search_by(|e| e.path.cmp(path)).ok().and_then(|i| self.elements.get(i))
    }
}

/// One addressable element with its two digests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Element {
    /// Its path.
    pub path: ElementPath,
    /// Digest as written: prose included. Human judgement is keyed on it.
    pub written: Digest,
    /// Digest of what it compiles to. Measurement is keyed on it.
    pub compiled: Digest,
}

/// A file of the spec.
#[derive(Clone, Debug)]
pub struct SpecFile {
    /// Its bytes.
    pub bytes: Arc<[u8]>,
    /// The digest of its bytes: its blob.
    pub blob: Digest,
}

/// What a workflow should achieve.
#[derive(Clone, PartialEq, Debug)]
pub struct Outcome {
    /// How it is measured.
    pub measure: String,
    /// How it stands today.
    pub today: Option<f64>,
    /// What it should be.
    pub target: Bar,
}

/// A comparison with a number: `">= 0.95"`.
#[derive(Clone, Copy, PartialEq, Debug, Serialize)]
pub struct Bar {
    /// The comparison.
    pub op: BarOp,
    /// The number.
    pub value: f64,
}

/// The comparison of a [`Bar`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub enum BarOp {
    /// At least.
    #[serde(rename = ">=")]
    AtLeast,
    /// At most.
    #[serde(rename = "<=")]
    AtMost,
    /// More than.
    #[serde(rename = ">")]
    Above,
    /// Less than.
    #[serde(rename = "<")]
    Below,
}

impl Bar {
    /// Whether a figure meets it.
    #[must_use]
    pub fn is_met_by(&self, figure: f64) -> bool {
        match self.op {
            BarOp::AtLeast => figure >= self.value,
            BarOp::AtMost => figure <= self.value,
            BarOp::Above => figure > self.value,
            BarOp::Below => figure < self.value,
        }
    }
}

/// A named type: a JSON Schema in a file of the spec.
#[derive(Clone, Debug)]
pub struct SchemaType {
    /// The file.
    pub file: String,
    /// The schema.
    pub schema: Arc<Value>,
    /// The digest of its RFC 8785 form.
    pub digest: Digest,
}

impl SchemaType {
    /// Whether it says that a value is a text, and nothing else.
    #[must_use]
    pub fn is_plain_text(&self) -> bool {
        const SAYS_NOTHING: [&str; 8] =
            ["type", "title", "description", "$comment", "$schema", "$id", "examples", "default"];
        let Some(fields) = self.schema.as_object() else { return false };
        fields.get("type").and_then(Value::as_str) == Some("string")
            && fields.keys().all(|key| SAYS_NOTHING.contains(&key.as_str()))
    }
}

/// A checked expression.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Expr {
    /// As written.
    pub source: String,
    /// Ready to compile: integer literals beside doubles are promoted, spelling normalised.
    pub promoted: String,
}
