//! The types that expressions are checked against, read from JSON Schemas.
//!
//! The subset of draft 2020-12: `type`, `properties`, `required`, `additionalProperties`, `enum`, `const`, `items`,
//! bounds of numbers, lengths, `allOf`, a `null` beside another type, and `$ref` within the file. Whatever else a
//! schema says is left to its validator, and the type is then wider than the schema, never narrower.

use crate::diagnostic::Place;
use crate::yaml::Node;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How deep a schema is followed, `$ref` included: a recursive one ends in [`Ty::Dyn`].
const DEPTH_MAX: usize = 12;
/// How many schemas are followed in all: `$ref` can multiply them.
const SCHEMAS_MAX: usize = 10_000;

/// A type.
#[derive(Clone, Debug)]
pub(crate) enum Ty {
    /// Not known: everything is allowed.
    Dyn,
    /// Only null.
    Null,
    /// True or false.
    Bool,
    /// An integer.
    Int(Bounds),
    /// A double.
    Double(Bounds),
    /// Text.
    Text(Words),
    /// A list, with bounds of its length.
    List(Arc<Self>, Bounds),
    /// An object.
    Object(Arc<Object>),
    /// The type, or null.
    Nullable(Arc<Self>),
}

/// The words that a text may be, and its length in characters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Words {
    pub(crate) allowed: Option<Arc<Vec<String>>>,
    pub(crate) size: Bounds,
    pub(crate) place: Option<Place>,
}

/// An interval, both ends included.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Bounds {
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { low: f64::NEG_INFINITY, high: f64::INFINITY }
    }
}

impl Bounds {
    pub(crate) const fn exactly(value: f64) -> Self {
        Self { low: value, high: value }
    }

    pub(crate) const fn between(low: f64, high: f64) -> Self {
        Self { low, high }
    }
}

/// An object's fields.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) fields: BTreeMap<String, Field>,
    /// What other fields are; none: there are no others that an expression may name.
    pub(crate) rest: Option<Ty>,
    pub(crate) place: Option<Place>,
}

/// A field.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) ty: Ty,
    pub(crate) required: bool,
    pub(crate) place: Option<Place>,
}

impl Ty {
    /// For messages: `a text`, `a number`.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Dyn => "a value of unknown type".to_owned(),
            Self::Null => "null".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int(_) => "an integer".to_owned(),
            Self::Double(_) => "a number".to_owned(),
            Self::Text(_) => "a text".to_owned(),
            Self::List(..) => "a list".to_owned(),
            Self::Object(_) => "an object".to_owned(),
            Self::Nullable(inner) => format!("{} or null", inner.name()),
        }
    }

    /// An object of required fields, for variables that Seatrial itself defines.
    pub(crate) fn record<'f>(fields: impl IntoIterator<Item = (&'f str, Self)>) -> Self {
        let fields =
            fields.into_iter().map(|(name, ty)| (name.to_owned(), Field { ty, required: true, place: None })).collect();
        Self::Object(Arc::new(Object { fields, rest: None, place: None }))
    }
}

/// The type that a schema describes. `tree` is the same text read with places, where that was possible.
pub(crate) fn from_schema(file: &str, schema: &Value, tree: Option<&Node>) -> Ty {
    Reader { file, root: schema, tree, left: SCHEMAS_MAX }.ty(schema, tree, 0)
}

struct Reader<'s> {
    file: &'s str,
    root: &'s Value,
    tree: Option<&'s Node>,
    left: usize,
}

impl<'s> Reader<'s> {
    fn ty(&mut self, schema: &'s Value, node: Option<&'s Node>, depth: usize) -> Ty {
        let Some(fields) = schema.as_object() else { return Ty::Dyn };
        if depth > DEPTH_MAX || self.left == 0 {
            return Ty::Dyn;
        }
        self.left -= 1;
        if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
            let Some(pointer) = target.strip_prefix('#') else { return Ty::Dyn };
            let Some(found) = self.root.pointer(pointer) else { return Ty::Dyn };
            let place = pointer.split('/').skip(1).try_fold(self.tree, |n, key| n.map(|n| n.get(key))).flatten();
            return self.ty(found, place, depth + 1);
        }
        if !fields.contains_key("type")
            && let Some(ty) = self.one_of(fields, node, depth)
        {
            return ty;
        }
        let (kinds, nullable) = kinds(fields);
        let ty = match kinds.as_slice() {
            [] if nullable => return Ty::Null,
            [one] => self.kind(one, fields, node, depth),
            // An integer is a number too.
            ["integer", "number"] | ["number", "integer"] => self.kind("number", fields, node, depth),
            _ => Ty::Dyn,
        };
        if nullable && !matches!(ty, Ty::Dyn) { Ty::Nullable(Arc::new(ty)) } else { ty }
    }

    /// `anyOf`/`oneOf` of one schema and null.
    fn one_of(
        &mut self,
        fields: &'s serde_json::Map<String, Value>,
        node: Option<&'s Node>,
        depth: usize,
    ) -> Option<Ty> {
        let key = ["anyOf", "oneOf"].into_iter().find(|k| fields.contains_key(*k))?;
        let options = fields.get(key)?.as_array()?;
        let is_null = |s: &&Value| s.get("type").and_then(Value::as_str) == Some("null");
        let others: Vec<(usize, &Value)> = options.iter().enumerate().filter(|(_, s)| !is_null(s)).collect();
        let [(index, only)] = others.as_slice() else { return Some(Ty::Dyn) };
        let place = node.and_then(|n| n.get(key)).and_then(|n| n.as_list()).and_then(|l| l.get(*index));
        let ty = self.ty(only, place, depth + 1);
        Some(if options.len() > 1 && !matches!(ty, Ty::Dyn) { Ty::Nullable(Arc::new(ty)) } else { ty })
    }

    fn kind(
        &mut self,
        kind: &str,
        fields: &'s serde_json::Map<String, Value>,
        node: Option<&'s Node>,
        depth: usize,
    ) -> Ty {
        match kind {
            "boolean" => Ty::Bool,
            "integer" => Ty::Int(number_bounds(fields, true)),
            "number" => Ty::Double(number_bounds(fields, false)),
            "string" => {
                let place = node.and_then(|n| n.get("enum").or_else(|| n.get("const"))).map(|n| self.place(n));
                Ty::Text(Words { allowed: words(fields), size: sizes(fields, "minLength", "maxLength"), place })
            }
            "array" => {
                let items = match fields.get("items") {
                    Some(items) => self.ty(items, node.and_then(|n| n.get("items")), depth + 1),
                    None => Ty::Dyn,
                };
                Ty::List(Arc::new(items), sizes(fields, "minItems", "maxItems"))
            }
            "object" => self.object(fields, node, depth),
            _ => Ty::Dyn,
        }
    }

    fn object(&mut self, fields: &'s serde_json::Map<String, Value>, node: Option<&'s Node>, depth: usize) -> Ty {
        let mut out = BTreeMap::new();
        let required: Vec<&str> =
            fields.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (index, part) in fields.get("allOf").and_then(Value::as_array).into_iter().flatten().enumerate() {
            let place = node.and_then(|n| n.get("allOf")).and_then(|n| n.as_list()).and_then(|l| l.get(index));
            if let Ty::Object(object) = self.ty(part, place, depth + 1) {
                out.extend(object.fields.clone());
            }
        }
        let properties = node.and_then(|n| n.get("properties"));
        for (name, schema) in fields.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let entry = properties.and_then(Node::as_map).and_then(|e| e.iter().find(|e| e.key == *name));
            let ty = self.ty(schema, entry.map(|e| &e.value), depth + 1);
            let label = format!("`{name}` in the schema");
            let place = entry.map(|e| Place { file: self.file.to_owned(), range: e.key_range.clone(), label });
            out.insert(name.clone(), Field { ty, required: false, place });
        }
        for name in required {
            if let Some(field) = out.get_mut(name) {
                field.required = true;
            }
        }
        let rest = match fields.get("additionalProperties") {
            Some(schema @ Value::Object(_)) => {
                Some(self.ty(schema, node.and_then(|n| n.get("additionalProperties")), depth + 1))
            }
            // A schema that names no field at all describes a free-form object.
            _ if out.is_empty() && fields.get("additionalProperties") != Some(&Value::Bool(false)) => Some(Ty::Dyn),
            _ => None,
        };
        let place = properties.or(node).map(|n| self.place(n));
        Ty::Object(Arc::new(Object { fields: out, rest, place }))
    }

    fn place(&self, node: &Node) -> Place {
        Place { file: self.file.to_owned(), range: node.range.clone(), label: "the schema".to_owned() }
    }
}

/// The kinds that a schema allows, null apart.
fn kinds(fields: &serde_json::Map<String, Value>) -> (Vec<&str>, bool) {
    let mut kinds: Vec<&str> = match fields.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => {
            let values = fields.get("enum").and_then(Value::as_array).map(Vec::as_slice);
            let values = values.or_else(|| fields.get("const").map(std::slice::from_ref)).unwrap_or_default();
            let mut kinds: Vec<&str> = values.iter().map(kind_of).collect();
            kinds.dedup();
            if kinds.is_empty() && (fields.contains_key("properties") || fields.contains_key("allOf")) {
                kinds.push("object");
            }
            kinds
        }
    };
    let before = kinds.len();
    kinds.retain(|k| *k != "null");
    let nullable = kinds.len() < before;
    (kinds, nullable)
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The words of `enum` or `const`; a null among them is the type's matter.
fn words(fields: &serde_json::Map<String, Value>) -> Option<Arc<Vec<String>>> {
    let list = fields.get("enum").and_then(Value::as_array).map(Vec::as_slice);
    let list = list.or_else(|| fields.get("const").map(std::slice::from_ref))?;
    Some(Arc::new(list.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

fn number_bounds(fields: &serde_json::Map<String, Value>, integer: bool) -> Bounds {
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    let step = if integer { 1.0 } else { 0.0 };
    let mut bounds = Bounds::default();
    for low in [number("minimum"), number("exclusiveMinimum").map(|n| n + step)].into_iter().flatten() {
        bounds.low = bounds.low.max(low);
    }
    for high in [number("maximum"), number("exclusiveMaximum").map(|n| n - step)].into_iter().flatten() {
        bounds.high = bounds.high.min(high);
    }
    let listed: Vec<f64> = match (fields.get("enum").and_then(Value::as_array), fields.get("const")) {
        (Some(list), _) => list.iter().filter_map(Value::as_f64).collect(),
        (None, Some(one)) => one.as_f64().into_iter().collect(),
        _ => Vec::new(),
    };
    if !listed.is_empty() {
        bounds.low = bounds.low.max(listed.iter().copied().fold(f64::INFINITY, f64::min));
        bounds.high = bounds.high.min(listed.iter().copied().fold(f64::NEG_INFINITY, f64::max));
    }
    bounds
}

fn sizes(fields: &serde_json::Map<String, Value>, low: &str, high: &str) -> Bounds {
    let number = |key: &str| fields.get(key).and_then(Value::as_f64);
    Bounds { low: number(low).unwrap_or(0.0), high: number(high).unwrap_or(f64::INFINITY) }
}
