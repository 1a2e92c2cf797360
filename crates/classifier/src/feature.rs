//! Which fields of an input the model may look at, and what they are.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The most features of one model: a form has tens of fields; more is a mistake in the schema.
pub const FEATURES_MAX: usize = 500;

/// How deep a schema is followed, `$ref` included: deeper inputs are not forms, and a cycle ends here.
const DEPTH_MAX: usize = 8;

/// One field of the input that the model may look at.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Feature {
    /// Where it is in the input: names joined by dots, as in the spec's `withhold` (`customer.age`).
    pub path: String,
    /// What it is.
    pub kind: FeatureKind,
}

/// What a field is.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FeatureKind {
    /// A number: standardised, with an indicator for missing where training saw it missing.
    Number(Shape),
    /// One of few values (text, number or boolean), one column each; the values named here are always known, others
    /// are taken from the training rows.
    Category(Vec<String>),
}

/// How a number enters the model.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// As its logarithm, ln(1 + x), where no training row is negative and the values are skewed to the right.
    #[default]
    Auto,
    /// As it is.
    Linear,
    /// As ln(1 + x), negative values counting as 0.
    Log,
}

impl Feature {
    /// A number, its shape chosen from the training rows.
    pub fn number(path: impl Into<String>) -> Self {
        Self { path: path.into(), kind: FeatureKind::Number(Shape::Auto) }
    }

    /// One of few values, learned from the training rows.
    pub fn category(path: impl Into<String>) -> Self {
        Self { path: path.into(), kind: FeatureKind::Category(Vec::new()) }
    }
}

/// The features that an input's JSON Schema declares: its numbers, booleans and enumerations, in the schema's order,
/// without what is withheld (a path, and all below it).
///
/// Free text, arrays, constants, and fields whose name contains a dot are left out: this model cannot use them. Nested
/// objects, `$ref` within the document, and a nullable `anyOf` or `oneOf` are followed.
#[must_use]
pub fn features_from_schema(schema: &Value, withhold: &[String]) -> Vec<Feature> {
    let mut walk = Walk { root: schema, withhold, found: Vec::new(), steps: 0 };
    walk.object(schema, "", 0);
    walk.found
}

struct Walk<'a> {
    root: &'a Value,
    withhold: &'a [String],
    found: Vec<Feature>,
    /// Schema nodes visited: bounds a document whose references fan out.
    steps: usize,
}

impl<'a> Walk<'a> {
    fn object(&mut self, schema: &'a Value, prefix: &str, depth: usize) {
        self.steps += 1;
        if depth > DEPTH_MAX || self.steps > 10 * FEATURES_MAX {
            return;
        }
        let Some(properties) = self.resolve(schema).get("properties").and_then(Value::as_object) else { return };
        for (name, field) in properties {
            if name.is_empty() || name.contains('.') || self.found.len() >= FEATURES_MAX {
                continue;
            }
            let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            let withheld = self
                .withhold
                .iter()
                .any(|w| path.strip_prefix(w.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')));
            if withheld {
                continue;
            }
            let field = self.resolve(field);
            if field.get("properties").is_some() {
                self.object(field, &path, depth + 1);
            } else if let Some(kind) = field.as_object().and_then(kind_of) {
                self.found.push(Feature { path, kind });
            }
        }
    }

    /// Follows `$ref` within the document, and the one alternative that is not null.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let mut schema = schema;
        for _ in 0..DEPTH_MAX {
            if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
                let Some(target) = reference.strip_prefix('#').and_then(|p| self.root.pointer(p)) else { break };
                schema = target;
                continue;
            }
            let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf")).and_then(Value::as_array);
            let mut real = alternatives.into_iter().flatten().filter(|a| a.get("type") != Some(&Value::from("null")));
            match (real.next(), real.next()) {
                (Some(only), None) => schema = only,
                _ => break,
            }
        }
        schema
    }
}

fn kind_of(field: &Map<String, Value>) -> Option<FeatureKind> {
    if let Some(values) = field.get("enum").and_then(Value::as_array) {
        return Some(FeatureKind::Category(values.iter().filter_map(scalar_text).collect()));
    }
    let types: Vec<&str> = match field.get("type")? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect(),
        _ => return None,
    };
    match types.as_slice() {
        ["boolean"] => Some(FeatureKind::Category(vec!["false".to_owned(), "true".to_owned()])),
        ["number" | "integer"] | ["number", "integer"] | ["integer", "number"] => {
            Some(FeatureKind::Number(Shape::Auto))
        }
        _ => None,
    }
}

/// A scalar as the text that names its category; none for null, arrays and objects.
pub(crate) fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests;
