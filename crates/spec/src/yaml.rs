//! YAML text to a tree of our own, with the place of every node.
//!
//! The scalars are those of the YAML 1.2 core schema: `no` and `2027-01-31` stay text. A key that stands twice is
//! an error, tags and merge keys are not part of the language, and every size is bounded, so that hostile text
//! ends in a clear error and in bounded time.

use granit_parser::{Event, Options, Parser, ScalarStyle, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// The largest text that is read: a spec is written by people, and 1 MiB is thousands of pages.
pub const TEXT_BYTES_MAX: usize = 1 << 20;
/// The deepest nesting: the language itself needs 8 levels.
pub const DEPTH_MAX: usize = 64;
/// The most nodes, aliases expanded: it bounds the memory that aliases can multiply.
pub const NODES_MAX: usize = 100_000;

/// A node with its place: a range of bytes in the text.
#[derive(Clone, PartialEq, Debug)]
pub struct Node {
    /// What it is.
    pub value: Value,
    /// Where it stands.
    pub range: Range<usize>,
}

/// What a node is.
#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// One scalar.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the text; no key stands twice.
    Map(Vec<Entry>),
}

/// A scalar as text, and what it is by the core schema.
#[derive(Clone, PartialEq, Debug)]
pub struct Scalar {
    /// The text after unquoting.
    pub text: String,
    /// By the core schema; quoted scalars are always [`Core::Text`].
    pub core: Core,
}

/// The scalars of the YAML 1.2 core schema.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Core {
    /// `null`, `~` or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Another number.
    Float(f64),
    /// Everything else.
    Text,
}

/// One entry of a mapping.
#[derive(Clone, PartialEq, Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_range: Range<usize>,
    /// The value.
    pub value: Node,
}

/// Why a text is no tree.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{kind}")]
pub struct YamlError {
    /// What is wrong.
    pub kind: YamlErrorKind,
    /// Where.
    pub range: Range<usize>,
    /// The other place, for a key that stands twice.
    pub first: Option<Range<usize>>,
}

/// What can be wrong with YAML.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum YamlErrorKind {
    /// It is not YAML.
    #[error("this is not YAML: {0}")]
    Syntax(String),
    /// A key stands twice.
    #[error("the key `{0}` stands twice in one mapping")]
    DuplicateKey(String),
    /// A limit is exceeded.
    #[error("{0}")]
    Limit(String),
    /// Something of YAML that is not part of the language.
    #[error("{0}")]
    Unsupported(String),
}

impl Node {
    /// The entries, where it is a mapping.
    #[must_use]
    pub fn as_map(&self) -> Option<&[Entry]> {
        if let Value::Map(entries) = &self.value { Some(entries) } else { None }
    }

    /// The items, where it is a sequence.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Self]> {
        if let Value::List(items) = &self.value { Some(items) } else { None }
    }

    /// The scalar, where it is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&Scalar> {
        if let Value::Scalar(scalar) = &self.value { Some(scalar) } else { None }
    }

    /// The value under a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.as_map()?.iter().find(|e| e.key == key).map(|e| &e.value)
    }

    /// Whether it is an explicit or implicit null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(s) if s.core == Core::Null)
    }

    /// What it is, for messages: `a mapping`, `the number 3`.
    #[must_use]
    pub fn described(&self) -> String {
        match &self.value {
            Value::Map(_) => "a mapping".to_owned(),
            Value::List(_) => "a list".to_owned(),
            Value::Scalar(s) => match s.core {
                Core::Null => "nothing".to_owned(),
                Core::Bool(b) => format!("`{b}`"),
                Core::Int(_) | Core::Float(_) => format!("the number `{}`", clip(&s.text)),
                Core::Text => format!("the text `{}`", clip(&s.text)),
            },
        }
    }

    /// The bytes of the source that a part of a scalar's text comes from; the whole scalar where quoting, escapes or
    /// folding moved them.
    #[must_use]
    pub fn inner(&self, source: &str, part: Range<usize>) -> Range<usize> {
        let Some(scalar) = self.as_scalar() else { return self.range.clone() };
        for quote in [0, 1] {
            let from = self.range.start.saturating_add(quote);
            let slice = from.checked_add(scalar.text.len()).and_then(|to| source.get(from..to));
            if slice == Some(scalar.text.as_str()) {
                let start = from.saturating_add(part.start.min(scalar.text.len()));
                let end = from.saturating_add(part.end.min(scalar.text.len()));
                return start..end.max(start);
            }
        }
        self.range.clone()
    }
}

/// The first characters of a text, for a message.
pub(crate) fn clip(text: &str) -> String {
    const CLIP: usize = 60;
    let shown: String = text.chars().take(CLIP).collect();
    if text.chars().count() > CLIP { format!("{shown}…") } else { shown }
}

/// Reads one YAML document.
///
/// A key that stands twice is reported and skipped, so that the rest is still checked; every other error ends the
/// reading, and then there is no tree.
#[must_use]
pub fn parse(text: &str) -> (Option<Node>, Vec<YamlError>) {
    if text.len() > TEXT_BYTES_MAX {
        let kind =
            YamlErrorKind::Limit(format!("the file has {} bytes; at most {TEXT_BYTES_MAX} are read", text.len()));
        return (None, vec![YamlError { kind, range: 0..0, first: None }]);
    }
    let mut options = Options::default();
    options.set_emit_comments(false);
    options.flow_nesting_limit = DEPTH_MAX + 2;
    options.block_nesting_limit = DEPTH_MAX + 2;
    let mut builder = Builder { text, ..Builder::default() };
    for event in Parser::new_from_str_with_options(text, options) {
        let step = match event {
            Ok((event, span)) => builder.event(&event, &span),
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
                Err(YamlError { kind: YamlErrorKind::Syntax(error.info()), range: at..at, first: None })
            }
        };
        if let Err(error) = step {
            builder.errors.push(error);
            return (None, builder.errors);
        }
    }
    (builder.root, builder.errors)
}

enum Frame {
    List {
        start: usize,
        items: Vec<Node>,
        anchor: usize,
    },
    Map {
        start: usize,
        entries: Vec<Entry>,
        seen: BTreeMap<String, Range<usize>>,
        key: Option<(String, Range<usize>)>,
        anchor: usize,
    },
}

#[derive(Default)]
struct Builder<'t> {
    text: &'t str,
    stack: Vec<Frame>,
    root: Option<Node>,
    errors: Vec<YamlError>,
    anchors: BTreeMap<usize, (Node, usize)>,
    open_anchors: BTreeSet<usize>,
    nodes: usize,
    documents: usize,
}

impl Builder<'_> {
    fn event(&mut self, event: &Event<'_>, span: &Span) -> Result<(), YamlError> {
        let range = self.range(span);
        if event.tag().is_some() {
            return Err(unsupported("tags (`!…`) are not part of this language; remove it", range));
        }
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(unsupported("there is a second document (`---`); a file holds one", range));
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                self.count(1, &range)?;
                let core = if *style == ScalarStyle::Plain { core(text) } else { Core::Text };
                let value = Value::Scalar(Scalar { text: text.to_string(), core });
                return self.add(Node { value, range }, *anchor, 1);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.open(&range, *anchor)?;
                self.stack.push(Frame::List { start: range.start, items: Vec::new(), anchor: *anchor });
            }
            Event::MappingStart(_, anchor, _) => {
                self.open(&range, *anchor)?;
                self.stack.push(Frame::Map {
                    start: range.start,
                    entries: Vec::new(),
                    seen: BTreeMap::new(),
                    key: None,
                    anchor: *anchor,
                });
            }
            Event::SequenceEnd | Event::MappingEnd => return self.close(&range),
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(id).cloned() else {
                    return Err(unsupported(
                        "this alias stands inside what it names; a tree cannot hold itself",
                        range,
                    ));
                };
                self.count(size, &range)?;
                return self.add(node, 0, size);
            }
            _ => {}
        }
        Ok(())
    }

    fn range(&self, span: &Span) -> Range<usize> {
        let range = span.byte_range().unwrap_or(0..0);
        range.start.min(self.text.len())..range.end.min(self.text.len())
    }

    fn count(&mut self, more: usize, range: &Range<usize>) -> Result<(), YamlError> {
        self.nodes = self.nodes.saturating_add(more);
        if self.nodes > NODES_MAX {
            return Err(limit(
                format!("the file has more than {NODES_MAX} nodes, aliases counted each time"),
                range.clone(),
            ));
        }
        Ok(())
    }

    fn open(&mut self, range: &Range<usize>, anchor: usize) -> Result<(), YamlError> {
        self.count(1, range)?;
        if self.stack.len() >= DEPTH_MAX {
            return Err(limit(format!("this is nested more than {DEPTH_MAX} levels deep"), range.clone()));
        }
        if matches!(self.stack.last(), Some(Frame::Map { key: None, .. })) {
            return Err(unsupported("a key is one word or text, not a list or a mapping", range.clone()));
        }
        if anchor != 0 {
            self.open_anchors.insert(anchor);
        }
        Ok(())
    }

    fn close(&mut self, range: &Range<usize>) -> Result<(), YamlError> {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let (value, start, anchor) = match frame {
            Frame::List { start, items, anchor } => (Value::List(items), start, anchor),
            Frame::Map { start, entries, anchor, .. } => (Value::Map(entries), start, anchor),
        };
        // A block collection ends where its last child does, not at the next token.
        let end = if range.end > range.start { range.end } else { last_end(&value).unwrap_or(range.end) };
        let size = if anchor == 0 { 0 } else { size(&value) };
        self.add(Node { value, range: start..end.max(start) }, anchor, size)
    }

    fn add(&mut self, node: Node, anchor: usize, size: usize) -> Result<(), YamlError> {
        if anchor != 0 {
            self.open_anchors.remove(&anchor);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.stack.last_mut() {
            None => {
                self.root = Some(node);
                Ok(())
            }
            Some(Frame::List { items, .. }) => {
                items.push(node);
                Ok(())
            }
            Some(Frame::Map { entries, seen, key, .. }) => match key.take() {
                None => {
                    let Value::Scalar(scalar) = node.value else {
                        return Err(unsupported("a key is one word or text, not a list or a mapping", node.range));
                    };
                    *key = Some((scalar.text, node.range));
                    Ok(())
                }
                Some((name, key_range)) => {
                    if let Some(first) = seen.get(&name) {
                        let kind = YamlErrorKind::DuplicateKey(clip(&name));
                        self.errors.push(YamlError { kind, range: key_range, first: Some(first.clone()) });
                    } else {
                        seen.insert(name.clone(), key_range.clone());
                        entries.push(Entry { key: name, key_range, value: node });
                    }
                    Ok(())
                }
            },
        }
    }
}

fn last_end(value: &Value) -> Option<usize> {
    match value {
        Value::Scalar(_) => None,
        Value::List(items) => items.last().map(|n| n.range.end),
        Value::Map(entries) => entries.last().map(|e| e.value.range.end.max(e.key_range.end)),
    }
}

/// How many nodes, the node itself counted. The depth is bounded by [`DEPTH_MAX`] when the tree is read; aliases can
/// nest deeper only as far as [`NODES_MAX`] allows, and each level costs a node.
fn size(value: &Value) -> usize {
    let mut total = 0_usize;
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        total = total.saturating_add(1);
        match value {
            Value::Scalar(_) => {}
            Value::List(items) => open.extend(items.iter().map(|n| &n.value)),
            Value::Map(entries) => open.extend(entries.iter().map(|e| &e.value.value)),
        }
    }
    total
}

fn unsupported(message: &str, range: Range<usize>) -> YamlError {
    YamlError { kind: YamlErrorKind::Unsupported(message.to_owned()), range, first: None }
}

fn limit(message: String, range: Range<usize>) -> YamlError {
    YamlError { kind: YamlErrorKind::Limit(message), range, first: None }
}

/// A plain scalar by the YAML 1.2 core schema (chapter 10.3.2 of the specification).
fn core(text: &str) -> Core {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Core::Null,
        "true" | "True" | "TRUE" => return Core::Bool(true),
        "false" | "False" | "FALSE" => return Core::Bool(false),
        ".nan" | ".NaN" | ".NAN" => return Core::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Core::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Core::Float(f64::NEG_INFINITY),
        _ => {}
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return i64::from_str_radix(digits, 16).ok().filter(|n| *n >= 0).map_or(Core::Text, Core::Int);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return i64::from_str_radix(digits, 8).ok().filter(|n| *n >= 0).map_or(Core::Text, Core::Int);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || !unsigned.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'-' | b'+'))
        || !unsigned.bytes().any(|b| b.is_ascii_digit())
    {
        return Core::Text;
    }
    if let Ok(int) = text.parse::<i64>() {
        return Core::Int(int);
    }
    text.parse::<f64>().map_or(Core::Text, Core::Float)
}

#[cfg(test)]
mod tests;
