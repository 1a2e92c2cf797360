//! Reading typed values out of the tree, with a diagnostic for everything that is not what it should be.

use crate::diagnostic::{Code, Diagnostic, Draft, Report, Sources, did_you_mean};
use crate::workflow::{Bar, BarOp};
use crate::yaml::{self, Core, Entry, Node, Scalar, Value, YamlErrorKind, clip};
use seatrial_model::{Day, ElementPath, Span};
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

/// The longest name of a tool: what model services accept.
pub const TOOL_NAME_MAX: usize = 128;

/// What is read, and where findings go.
#[derive(Debug)]
pub struct Reader {
    pub(crate) report: Report,
    pub(crate) file: &'static str,
    /// The element that is being read.
    pub(crate) at: ElementPath,
}

impl Reader {
    /// Reads a file under this name; `text` is what findings point into.
    #[must_use]
    pub fn new(file: &'static str, text: &str) -> Self {
        let mut report = Report::default();
        report.sources.insert(file, text);
        Self { report, file, at: ElementPath::root() }
    }

    /// The tree of the text, or a finding for each reason why there is none; `first` is how such a file begins.
    pub fn yaml(&mut self, text: &str, first: &str) -> Option<Node> {
        let (root, errors) = yaml::parse(text);
        for error in errors {
            let code = match error.kind {
                YamlErrorKind::Syntax(_) => Code::Syntax,
                YamlErrorKind::DuplicateKey(_) => Code::DuplicateKey,
                YamlErrorKind::Limit(_) => Code::Limit,
                YamlErrorKind::Unsupported(_) => Code::Unsupported,
            };
            let message = error.to_string();
            let file = self.file;
            let draft = self.find(code, error.range, message);
            match error.first {
                Some(first) => draft.other(file, first, "it stands here first").done(),
                None => draft.done(),
            }
        }
        if root.is_none() && !self.has_errors() {
            let help = format!("start with `{first}`");
            self.find(Code::MissingKey, 0..0, "the file is empty").help(help).done();
        }
        root
    }

    /// Whether anything found keeps the file from loading.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.report.has_errors()
    }

    /// Everything that was found, in the order of the file, and the text.
    #[must_use]
    pub fn finish(self) -> (Vec<Diagnostic>, Sources) {
        let file = self.file;
        self.report.sorted(file)
    }

    /// Starts a finding about the element that is being read.
    pub fn find(&mut self, code: Code, range: Range<usize>, message: impl Into<String>) -> Draft<'_> {
        let at = self.at.clone();
        self.report.add(code, self.file, range, message).element(&at)
    }

    fn wrong(&mut self, node: &Node, wanted: &str) {
        let message = format!("{wanted} is wanted here, found {}", node.described());
        self.find(Code::WrongKind, node.range.clone(), message).done();
    }

    /// The entries of a mapping, of which every key is then asked for.
    pub fn fields<'n>(&mut self, node: &'n Node) -> Option<Fields<'n>> {
        match node.as_map() {
            Some(entries) => Some(Fields { node, entries, asked: Vec::new() }),
            None => {
                self.wrong(node, "a mapping");
                None
            }
        }
    }

    /// Entries whose keys are names chosen by the author.
    pub(crate) fn named<'n>(&mut self, node: Option<&'n Node>) -> Vec<&'n Entry> {
        let Some(node) = node else { return Vec::new() };
        let Some(entries) = node.as_map() else {
            self.wrong(node, "a mapping of names");
            return Vec::new();
        };
        let mut out = Vec::new();
        for entry in entries {
            if seatrial_model::ids::is_name(&entry.key) {
                out.push(entry);
            } else {
                let message = format!("`{}` is not a name", clip(&entry.key));
                let help = "use 1 to 64 lower-case letters, digits and `-`, starting with a letter";
                self.find(Code::BadName, entry.key_range.clone(), message).help(help).done();
            }
        }
        out
    }

    /// Entries whose keys are names of types: as [`Self::named`], upper-case letters allowed.
    pub(crate) fn named_types<'n>(&mut self, node: Option<&'n Node>) -> Vec<&'n Entry> {
        let Some(node) = node else { return Vec::new() };
        let Some(entries) = node.as_map() else {
            self.wrong(node, "a mapping of type names");
            return Vec::new();
        };
        let is_type = |k: &str| {
            k.len() <= 64
                && k.starts_with(|c: char| c.is_ascii_alphabetic())
                && k.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        let (good, bad): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|e| is_type(&e.key));
        for entry in bad {
            let message = format!("`{}` is not a name of a type", clip(&entry.key));
            let help = "use 1 to 64 letters, digits and `-`, starting with a letter";
            self.find(Code::BadName, entry.key_range.clone(), message).help(help).done();
        }
        good
    }

    /// Entries whose keys are names of tools, as models write them.
    pub(crate) fn named_tools<'n>(&mut self, node: &'n Node) -> Vec<&'n Entry> {
        let Some(entries) = node.as_map() else {
            self.wrong(node, "a mapping of tool names");
            return Vec::new();
        };
        let is_tool = |k: &str| {
            (1..=TOOL_NAME_MAX).contains(&k.len())
                && k.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        let (good, bad): (Vec<&Entry>, Vec<&Entry>) = entries.iter().partition(|e| is_tool(&e.key));
        for entry in bad {
            let message = format!("`{}` is not a name of a tool", clip(&entry.key));
            let help = format!("use 1 to {TOOL_NAME_MAX} letters, digits, `-` and `_`, exactly as the client names it");
            self.find(Code::BadName, entry.key_range.clone(), message).help(help).done();
        }
        good
    }

    /// The items of a sequence; none where it is absent.
    pub fn items<'n>(&mut self, node: Option<&'n Node>) -> &'n [Node] {
        match node.map(|n| (n, n.as_list())) {
            None => &[],
            Some((_, Some(items))) => items,
            Some((node, None)) => {
                self.wrong(node, "a list");
                &[]
            }
        }
    }

    fn scalar<'n>(&mut self, node: &'n Node, wanted: &str) -> Option<&'n Scalar> {
        let scalar = node.as_scalar().filter(|s| s.core != Core::Null);
        if scalar.is_none() {
            self.wrong(node, wanted);
        }
        scalar
    }

    /// A text that is not empty.
    pub fn text(&mut self, node: &Node) -> Option<String> {
        let scalar = self.scalar(node, "a text")?;
        if scalar.core != Core::Text {
            let message = format!("a text is wanted here, found {}", node.described());
            self.find(Code::WrongKind, node.range.clone(), message).help("put it in quotes").done();
            return None;
        }
        if scalar.text.trim().is_empty() {
            self.find(Code::Empty, node.range.clone(), "this text is empty").done();
            return None;
        }
        Some(scalar.text.trim().to_owned())
    }

    pub(crate) fn texts(&mut self, node: Option<&Node>) -> Vec<String> {
        let items = self.items(node);
        items.iter().filter_map(|n| self.text(n)).collect()
    }

    /// `true` or `false`.
    pub fn bool(&mut self, node: &Node) -> Option<bool> {
        match node.as_scalar().map(|s| s.core) {
            Some(Core::Bool(b)) => Some(b),
            _ => {
                self.wrong(node, "`true` or `false`");
                None
            }
        }
    }

    pub(crate) fn integer(&mut self, node: &Node, range: RangeInclusive<u64>) -> Option<u64> {
        let Some(Scalar { core: Core::Int(n), .. }) = node.as_scalar() else {
            self.wrong(node, "a whole number");
            return None;
        };
        let n = u64::try_from(*n).ok().filter(|n| range.contains(n));
        if n.is_none() {
            let message = format!("{} is out of range", node.described());
            let help = format!("write a whole number from {} to {}", range.start(), range.end());
            self.find(Code::OutOfRange, node.range.clone(), message).help(help).done();
        }
        n
    }

    #[expect(clippy::cast_precision_loss, reason = "an integer beyond 2^53 is out of every range asked for")]
    pub(crate) fn number(&mut self, node: &Node, range: RangeInclusive<f64>) -> Option<f64> {
        let n = match node.as_scalar().map(|s| s.core) {
            Some(Core::Int(n)) => n as f64,
            Some(Core::Float(n)) => n,
            _ => {
                self.wrong(node, "a number");
                return None;
            }
        };
        if range.contains(&n) {
            return Some(n);
        }
        let message = format!("{} is out of range", node.described());
        let help = format!("write a number from {} to {}", range.start(), range.end());
        self.find(Code::OutOfRange, node.range.clone(), message).help(help).done();
        None
    }

    /// One of a few words.
    pub fn word<T: Copy>(&mut self, node: &Node, words: &[(&str, T)]) -> Option<T> {
        let scalar = self.scalar(node, "a word")?;
        let found = words.iter().find(|(w, _)| *w == scalar.text).map(|(_, v)| *v);
        if found.is_none() {
            let all: Vec<String> = words.iter().map(|(w, _)| format!("`{w}`")).collect();
            let message = format!("`{}` is none of {}", clip(&scalar.text), all.join(", "));
            let help = crate::diagnostic::nearest(&scalar.text, words.iter().map(|(w, _)| *w));
            let help = help.map(|h| format!("did you mean `{h}`?"));
            self.find(Code::UnknownWord, node.range.clone(), message).maybe_help(help).done();
        }
        found
    }

    fn parsed<T: FromStr>(&mut self, node: &Node, wanted: &str, code: Code, help: &str) -> Option<T> {
        let scalar = self.scalar(node, wanted)?;
        let parsed = scalar.text.trim().parse().ok();
        if parsed.is_none() {
            let message = format!("{} is not {wanted}", node.described());
            self.find(code, node.range.clone(), message).help(help).done();
        }
        parsed
    }

    pub(crate) fn span(&mut self, node: &Node) -> Option<Span> {
        let help = "write a whole number and one of `ms`, `s`, `min`, `h`, `d`, `w`, `y`, as in `4h`";
        self.parsed(node, "a length of time", Code::BadSpan, help)
    }

    /// A date.
    pub fn day(&mut self, node: &Node) -> Option<Day> {
        self.parsed(node, "a date", Code::BadDate, "write a date as in `2027-01-31`")
    }

    pub(crate) fn bar(&mut self, node: &Node) -> Option<Bar> {
        let scalar = self.scalar(node, "a bar")?;
        let text = scalar.text.trim();
        let ops = [(">=", BarOp::AtLeast), ("<=", BarOp::AtMost), (">", BarOp::Above), ("<", BarOp::Below)];
        let bar = ops.iter().find_map(|(sign, op)| {
            let value: f64 = text.strip_prefix(sign)?.trim().parse().ok()?;
            value.is_finite().then_some(Bar { op: *op, value })
        });
        if bar.is_none() {
            let message = format!("{} is not a bar", node.described());
            let help = "write a comparison with a number in quotes, as in `\">= 0.95\"`";
            self.find(Code::BadBar, node.range.clone(), message).help(help).done();
        }
        bar
    }

    /// A name that must be among those known.
    pub(crate) fn reference<'k>(
        &mut self,
        node: &Node,
        what: &str,
        code: Code,
        known: impl Iterator<Item = &'k String>,
    ) -> Option<String> {
        let name = self.text(node)?;
        let known: Vec<&str> = known.map(String::as_str).collect();
        if known.contains(&name.as_str()) {
            return Some(name);
        }
        let message = format!("there is no {what} `{}`", clip(&name));
        let help = did_you_mean(&name, known);
        self.find(code, node.range.clone(), message).maybe_help(help).done();
        None
    }
}

/// The keys of one mapping; those not asked for are unknown.
#[derive(Debug)]
pub struct Fields<'n> {
    pub(crate) node: &'n Node,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
}

impl<'n> Fields<'n> {
    /// The value of a key, which is thereby known here.
    pub fn get(&mut self, key: &'static str) -> Option<&'n Node> {
        self.asked.push(key);
        self.entries.iter().find(|e| e.key == key).map(|e| &e.value)
    }

    /// A key that must be there.
    pub fn need(&mut self, r: &mut Reader, key: &'static str) -> Option<&'n Node> {
        let found = self.get(key);
        if found.is_none() {
            let message = format!("`{key}` is missing");
            r.find(Code::MissingKey, self.head(), message).help(format!("add `{key}`")).done();
        }
        found
    }

    /// The start of the mapping: what a missing key is reported at.
    #[must_use]
    pub fn head(&self) -> Range<usize> {
        match self.entries.first() {
            Some(first) if !matches!(self.node.value, Value::Scalar(_)) => first.key_range.clone(),
            _ => self.node.range.clone(),
        }
    }

    /// Where a key stands.
    #[must_use]
    pub fn key_range(&self, key: &str) -> Range<usize> {
        self.entries.iter().find(|e| e.key == key).map_or_else(|| self.head(), |e| e.key_range.clone())
    }

    /// Reports the keys that nobody asked for.
    pub fn done(self, r: &mut Reader) {
        for entry in self.entries.iter().filter(|e| !self.asked.contains(&e.key.as_str())) {
            let message = format!("there is no key `{}` here", clip(&entry.key));
            let help = did_you_mean(&entry.key, self.asked.iter().copied());
            r.find(Code::UnknownKey, entry.key_range.clone(), message).maybe_help(help).done();
        }
    }
}
