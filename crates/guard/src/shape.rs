//! What a JSON Schema says about the types of values: expressions are bound by it, not by how the JSON happened to be
//! written. `number` is a double even where the JSON says `3`; `integer` is an int.

use cel::common::types::{CelBool, CelDouble, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString};
use cel::common::value::Val;
use serde_json::{Number, Value};
use std::collections::HashMap;

/// The most schemas that `$ref`, `allOf`, `anyOf` and `oneOf` bring together at one place.
const CHAIN_MAX: usize = 16;

/// An integer that the schema promises and 64 bits do not hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("an integer lies outside 64 bits; it was not rounded, and nothing was evaluated on it")]
pub struct IntegerRange;

/// The types of a schema, ready to bind values by.
#[derive(Clone, Debug)]
pub struct Shape {
    nodes: Vec<Node>,
    /// For each node: itself and those that it refers to, nearest first, bounded.
    chains: Vec<Vec<usize>>,
}

/// A place in a schema.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place(usize);

/// A place that nothing is known about.
const ANYTHING: Place = Place(0);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
enum Numbers {
    #[default]
    AsWritten,
    Integer,
    Double,
}

#[derive(Clone, Debug, Default)]
struct Node {
    numbers: Numbers,
    is_text: bool,
    fields: HashMap<String, Place>,
    others: Option<Place>,
    items: Option<Place>,
    prefix: Vec<Place>,
    also: Vec<Place>,
}

impl Shape {
    /// The shape of a value that nothing is known about.
    #[must_use]
    pub fn anything() -> Self {
        Self::new(vec![Node::default()])
    }

    /// The shape that a schema describes.
    #[must_use]
    pub fn of(schema: &Value) -> Self {
        let mut builder = Builder { root: schema, nodes: vec![Node::default()], known: HashMap::new() };
        let root = builder.place("", schema);
        let mut nodes = builder.nodes;
        // The root's place comes second; a chain from nothing leads there, so that `Place(0)` can stand for both.
        if let Some(first) = nodes.first_mut() {
            *first = Node { also: vec![root], ..Node::default() };
        }
        nodes.push(Node::default());
        Self::new(nodes)
    }

    fn new(nodes: Vec<Node>) -> Self {
        let chain = |start: usize| {
            let mut chain = vec![start];
            let mut next = 0;
            while let Some(at) = chain.get(next).copied() {
                let also = nodes.get(at).map_or(&[][..], |n| n.also.as_slice());
                for place in also {
                    if chain.len() < CHAIN_MAX && !chain.contains(&place.0) {
                        chain.push(place.0);
                    }
                }
                next += 1;
            }
            chain
        };
        let chains = (0..nodes.len()).map(chain).collect();
        Self { nodes, chains }
    }

    /// The whole value's place.
    #[must_use]
    pub const fn root(&self) -> Place {
        ANYTHING
    }

    /// Whether the whole value is a text and nothing else.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.chain(self.root()).any(|n| n.is_text)
    }

    /// The place of a field that the schema declares by name.
    #[must_use]
    pub fn declared(&self, at: Place, key: &str) -> Option<Place> {
        self.chain(at).find_map(|n| n.fields.get(key).copied())
    }

    /// The place of a field, declared or not.
    #[must_use]
    pub fn field(&self, at: Place, key: &str) -> Place {
        self.declared(at, key).or_else(|| self.chain(at).find_map(|n| n.others)).unwrap_or_else(|| self.unknown())
    }

    /// The place of an array's item.
    #[must_use]
    pub fn item(&self, at: Place, index: usize) -> Place {
        self.chain(at).find_map(|n| n.prefix.get(index).copied().or(n.items)).unwrap_or_else(|| self.unknown())
    }

    fn unknown(&self) -> Place {
        Place(self.nodes.len().saturating_sub(1))
    }

    fn chain(&self, at: Place) -> impl Iterator<Item = &Node> {
        let indices = self.chains.get(at.0).map_or(&[][..], Vec::as_slice);
        indices.iter().filter_map(|i| self.nodes.get(*i))
    }

    fn numbers(&self, at: Place) -> Numbers {
        self.chain(at).map(|n| n.numbers).max().unwrap_or_default()
    }

    /// Whether every integer that the schema promises lies within 64 bits.
    #[must_use]
    pub fn integers_fit(&self, value: &Value) -> bool {
        self.fits_at(self.root(), value)
    }

    fn fits_at(&self, at: Place, value: &Value) -> bool {
        match value {
            Value::Number(n) => number(n, self.numbers(at)).is_ok(),
            Value::Array(items) => items.iter().enumerate().all(|(i, item)| self.fits_at(self.item(at, i), item)),
            Value::Object(map) => map.iter().all(|(key, item)| self.fits_at(self.field(at, key), item)),
            Value::Null | Value::Bool(_) | Value::String(_) => true,
        }
    }

    /// Binds a value: strings are borrowed, numbers converted as the schema says.
    ///
    /// # Errors
    /// [`IntegerRange`] where the schema says `integer` and the value lies outside 64 bits.
    pub fn bind<'v>(&self, value: &'v Value) -> Result<Box<dyn Val + 'v>, IntegerRange> {
        self.bind_at(self.root(), value)
    }

    fn bind_at<'v>(&self, at: Place, value: &'v Value) -> Result<Box<dyn Val + 'v>, IntegerRange> {
        Ok(match value {
            Value::Null => Box::new(CelNull),
            Value::Bool(b) => Box::new(CelBool::from(*b)),
            Value::Number(n) => match number(n, self.numbers(at))? {
                Bound::Int(i) => Box::new(CelInt::from(i)),
                Bound::Double(d) => Box::new(CelDouble::from(d)),
            },
            Value::String(s) => Box::new(CelString::from(s.as_str())),
            Value::Array(items) => {
                let items: Result<Vec<Box<dyn Val + 'v>>, _> =
                    items.iter().enumerate().map(|(i, item)| self.bind_at(self.item(at, i), item)).collect();
                Box::new(CelList::from(items?))
            }
            Value::Object(map) => {
                let mut fields: HashMap<CelMapKey<'v>, Box<dyn Val + 'v>> = HashMap::with_capacity(map.len());
                for (key, item) in map {
                    let key_val = CelMapKey::String(CelString::from(key.as_str()));
                    fields.insert(key_val, self.bind_at(self.field(at, key), item)?);
                }
                Box::new(CelMap::from(fields))
            }
        })
    }
}

/// Beyond this a number that is not written as an integer of 64 bits may have been rounded by reading it: 2^53.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// A number as an expression sees it.
enum Bound {
    Int(i64),
    Double(f64),
}

fn number(n: &Number, numbers: Numbers) -> Result<Bound, IntegerRange> {
    let double = n.as_f64().unwrap_or(f64::NAN);
    match numbers {
        Numbers::Double => Ok(Bound::Double(double)),
        Numbers::AsWritten => Ok(n.as_i64().map_or(Bound::Double(double), Bound::Int)),
        Numbers::Integer => {
            // JSON Schema counts `3.0` as an integer. What has a fraction violates the schema, which says so itself.
            let whole = (double.fract() == 0.0 && double.abs() <= EXACT).then_some(double);
            #[expect(clippy::cast_possible_truncation, reason = "whole, and exact as a double")]
            let int = n.as_i64().or_else(|| whole.filter(|_| !n.is_u64()).map(|d| d as i64));
            match int {
                Some(i) => Ok(Bound::Int(i)),
                None if double.fract() != 0.0 => Ok(Bound::Double(double)),
                None => Err(IntegerRange),
            }
        }
    }
}

struct Builder<'s> {
    root: &'s Value,
    nodes: Vec<Node>,
    known: HashMap<String, Place>,
}

impl<'s> Builder<'s> {
    /// The place of the schema at a JSON pointer; each is built once, so recursive schemas end.
    fn place(&mut self, pointer: &str, schema: &'s Value) -> Place {
        if let Some(place) = self.known.get(pointer) {
            return *place;
        }
        let place = Place(self.nodes.len());
        self.nodes.push(Node::default());
        self.known.insert(pointer.to_owned(), place);
        let node = self.node(pointer, schema);
        if let Some(slot) = self.nodes.get_mut(place.0) {
            *slot = node;
        }
        place
    }

    fn node(&mut self, pointer: &str, schema: &'s Value) -> Node {
        let mut node = Node { numbers: numbers_of(schema), is_text: is_text(schema), ..Node::default() };
        if let Some(fields) = schema.get("properties").and_then(Value::as_object) {
            for (name, field) in fields {
                let at = format!("{pointer}/properties/{}", escape(name));
                let place = self.place(&at, field);
                node.fields.insert(name.clone(), place);
            }
        }
        let mut child = |name: &str| {
            schema.get(name).filter(|s| s.is_object()).map(|s| self.place(&format!("{pointer}/{name}"), s))
        };
        node.others = child("additionalProperties");
        node.items = child("items");
        for (keyword, is_prefix) in [("prefixItems", true), ("allOf", false), ("anyOf", false), ("oneOf", false)] {
            for (i, item) in schema.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate() {
                let place = self.place(&format!("{pointer}/{keyword}/{i}"), item);
                if is_prefix { node.prefix.push(place) } else { node.also.push(place) }
            }
        }
        if let Some(target) = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#')) {
            let root = self.root;
            if let Some(found) = root.pointer(target) {
                node.also.push(self.place(target, found));
            }
        }
        node
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let one = schema.get("type").and_then(Value::as_str);
    let many = schema.get("type").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    one.into_iter().chain(many)
}

fn is_text(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("string")
}

fn numbers_of(schema: &Value) -> Numbers {
    if types(schema).any(|t| t == "number") {
        return Numbers::Double;
    }
    if types(schema).any(|t| t == "integer") {
        return Numbers::Integer;
    }
    let listed = schema.get("enum").and_then(Value::as_array).into_iter().flatten().chain(schema.get("const"));
    let of = |n: &Number| if n.is_i64() || n.is_u64() { Numbers::Integer } else { Numbers::Double };
    listed.filter_map(Value::as_number).map(of).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
