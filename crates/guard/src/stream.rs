//! Streams that are released in windows: every text is searched before it leaves, and nothing of a match leaves.
//!
//! What holds, for every way in which a reply is cut into events:
//!
//! 1. No byte of a text leaves before the text was searched up to and including it.
//! 2. No byte leaves while a match that began at it or before may still be under way, in its own part: a match that is
//!    found later lies wholly in what was held back. This holds for the text as written and, for JSON, for the texts
//!    within it without their escapes.
//! 3. At most `window` bytes of text wait for a search, one event's apart; of a long text in which nothing lets go, a
//!    64th of what has to be searched again.
//! 4. A stream is cut only where a check that denies has found what nothing that may come can undo: the whole reply is
//!    denied, too. One that is not cut is judged as a whole at its end, by the same checks as a reply that was held
//!    back, before its last event leaves.
//!
//! Events leave whole and in their order: an event waits for the last byte of its texts, and for those before it.

use crate::candidate::{Part, PartKind};
use crate::detect::Detector;
use crate::json::TEXT_BYTES_MAX;
use crate::judge::PARTS_MAX;
use crate::port::{Delta, StreamEvent};
use crate::program::{CheckProgram, StepProgram};
use leaves::Leaves;
use scan::{Detectors, Scan};
use seatrial_model::facts::CheckKind;
use seatrial_spec::workflow::Else;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

mod leaves;
mod scan;
mod track;

/// Of a long text in which no match lets go, this share waits before all of it is searched again: what a search costs
/// is then in proportion to the text.
const SHARE_WAITING: usize = 64;

/// What a step's checks say while its answer is still coming.
#[derive(Clone, Debug)]
pub struct Windows {
    bytes: usize,
    /// For every part.
    everywhere: Option<Arc<Detectors>>,
    /// For the answer's texts: the same, and what is said about `output` alone.
    answer: Option<Arc<Detectors>>,
    /// Tools that may be called; none where nothing is said of tools.
    tools: Option<BTreeSet<String>>,
    /// The answer is a text, whatever it looks like; and of a step that says nothing of tools a call is an objection.
    is_plain_text: bool,
}

impl Windows {
    /// The checks of a step that can run on windows of so many bytes.
    ///
    /// # Errors
    /// Why the step's checks need the whole output: it is then released only after its verdict.
    pub fn of(program: &StepProgram, bytes: u32) -> Result<Self, String> {
        let plan = &program.plan;
        let whole = |what: &str| Err(format!("{what} needs the whole output"));
        if program.output.schema.is_some() && !program.output.is_plain_text {
            return whole("the schema of the output");
        }
        if program.confidence.is_some() || !program.escalations.is_empty() {
            return whole("an escalation");
        }
        if plan.attempts > 1 {
            return whole("asking again");
        }
        let (mut everywhere, mut answer): (Vec<Detector>, Vec<Detector>) = (Vec::new(), Vec::new());
        for check in &plan.checks {
            if check.otherwise == Else::Warn && check.kind != CheckKind::Never {
                continue;
            }
            let rule = program.rules.iter().find(|rule| rule.path == check.path && rule.tool.is_none());
            match (check.kind, check.otherwise, rule.map(|rule| &rule.check)) {
                (CheckKind::Schema, ..) if check.path == program.output.path => {}
                (CheckKind::Forbid, _, Some(CheckProgram::Tools)) => {}
                (CheckKind::Forbid, Else::Deny, Some(CheckProgram::Detect { detectors, within })) => match within {
                    None => {
                        everywhere.extend(detectors.iter().cloned());
                        answer.extend(detectors.iter().cloned());
                    }
                    Some(field) if field.names.is_empty() => answer.extend(detectors.iter().cloned()),
                    Some(_) => return whole("a field of the output"),
                },
                _ => return whole(&format!("`{}`", check.path)),
            }
        }
        let bytes = usize::try_from(bytes).unwrap_or(usize::MAX).max(1);
        Ok(Self {
            bytes,
            everywhere: Detectors::new(everywhere)?.map(Arc::new),
            answer: Detectors::new(answer)?.map(Arc::new),
            tools: program.tools.as_ref().map(|tools| tools.keys().cloned().collect()),
            is_plain_text: program.output.is_plain_text,
        })
    }

    /// The same checks on windows of another size.
    #[must_use]
    pub fn resized(&self, bytes: u32) -> Self {
        Self { bytes: usize::try_from(bytes).unwrap_or(usize::MAX).max(1), ..self.clone() }
    }

    fn detectors(&self, kind: PartKind) -> Option<&Detectors> {
        if kind == PartKind::Text { self.answer.as_deref() } else { self.everywhere.as_deref() }
    }

    /// Whether a part that begins so may be JSON of which the judgement reads the texts within.
    const fn is_json_begun(&self, kind: PartKind, first: char) -> bool {
        let is_text = matches!(kind, PartKind::Text);
        match first {
            '{' | '[' => !(is_text && self.is_plain_text),
            '"' | '-' | '0'..='9' => !is_text,
            _ => false,
        }
    }

    /// What is to be said of a tool's name, as far as it came.
    fn tool(&self, name: &str) -> Tool {
        match &self.tools {
            Some(tools) if tools.contains(name) => Tool::Allowed,
            Some(tools) if tools.iter().any(|tool| tool.starts_with(name)) => Tool::Begun,
            Some(_) => Tool::Refused,
            None if self.is_plain_text => Tool::Refused,
            None => Tool::Allowed,
        }
    }
}

/// A tool's name that may still grow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tool {
    Allowed,
    Begun,
    Refused,
}

/// What came of an event.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pushed {
    /// Events that may leave now, in their order, byte for byte.
    pub leave: Vec<Leaving>,
    /// A check that denies has found something: nothing more leaves, whatever comes. What came so far is to be judged.
    pub cut: bool,
}

/// An event that may leave.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leaving {
    /// Its bytes.
    pub raw: Vec<u8>,
    /// How many bytes of text it adds.
    pub text_bytes: u64,
}

/// One reply, inspected as it comes.
#[derive(Debug)]
pub struct Inspector {
    windows: Arc<Windows>,
    parts: Vec<Growing>,
    waiting: VecDeque<Waiting>,
    text_bytes: usize,
    cut: bool,
}

/// An event that has not left.
#[derive(Debug)]
struct Waiting {
    raw: Vec<u8>,
    /// Which parts it belongs to, and up to where each has to be free.
    needs: Vec<(usize, usize)>,
    text_bytes: usize,
}

impl Waiting {
    fn leaving(self) -> Leaving {
        Leaving { raw: self.raw, text_bytes: self.text_bytes as u64 }
    }
}

/// A part that grows.
#[derive(Debug)]
struct Growing {
    name: String,
    kind: PartKind,
    text: Text,
}

#[derive(Debug)]
enum Text {
    /// Nobody objects to anything in it.
    Free(String),
    Searched {
        raw: Box<Scan>,
        leaves: Option<Box<Leaves>>,
        began: bool,
        /// Up to where it may leave, as the last search found it: what came since is not searched, and may complete a
        /// match.
        free: usize,
    },
}

impl Inspector {
    /// Before the first event.
    #[must_use]
    pub const fn new(windows: Arc<Windows>) -> Self {
        Self { windows, parts: Vec::new(), waiting: VecDeque::new(), text_bytes: 0, cut: false }
    }

    /// Takes an event, and hands out those that may leave.
    pub fn push(&mut self, event: StreamEvent) -> Pushed {
        let StreamEvent { raw, deltas } = event;
        let mut needs: Vec<(usize, usize)> = Vec::new();
        let mut text_bytes = 0;
        for delta in deltas.iter().filter(|d| !d.text.is_empty()) {
            text_bytes += delta.text.len();
            let (part, end) = self.append(delta);
            needs.retain(|(p, _)| *p != part);
            needs.push((part, end));
        }
        self.text_bytes += text_bytes;
        self.waiting.push_back(Waiting { raw, needs, text_bytes });
        self.cut |= deltas.iter().any(|d| self.calls_refused(d));
        let searches = self.windows.answer.is_some() || self.windows.everywhere.is_some();
        // What is too large is inspected by nobody, here as in one piece.
        self.cut |= searches && (self.text_bytes > TEXT_BYTES_MAX || self.parts.len() > PARTS_MAX);
        if !self.cut && self.is_due() {
            self.inspect();
        }
        if self.cut {
            return Pushed { leave: Vec::new(), cut: true };
        }
        let mut leave = Vec::new();
        while self.waiting.front().is_some_and(|w| self.is_free(w)) {
            if let Some(waiting) = self.waiting.pop_front() {
                leave.push(waiting.leaving());
            }
        }
        Pushed { leave, cut: false }
    }

    /// The parts as they came so far, in the order in which they began.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let part = |p: &Growing| Part { name: p.name.clone(), kind: p.kind, text: p.text.text().to_owned() };
        self.parts.iter().map(part).collect()
    }

    /// Whether a reply has no text but what came in its events.
    #[must_use]
    pub fn saw_all_of(&self, parts: &[Part]) -> bool {
        parts.iter().filter(|p| !p.text.is_empty()).all(|part| {
            self.parts.iter().any(|p| p.name == part.name && p.kind == part.kind && p.text.text() == part.text)
        })
    }

    /// The events that were held back to the end, after a verdict that lets them go.
    #[must_use]
    pub fn rest(self) -> Vec<Leaving> {
        self.waiting.into_iter().map(Waiting::leaving).collect()
    }

    fn append(&mut self, delta: &Delta) -> (usize, usize) {
        let found = self.parts.iter().position(|p| p.name == delta.part && p.kind == delta.kind);
        let windows = Arc::clone(&self.windows);
        let detectors = windows.detectors(delta.kind);
        let index = found.unwrap_or(self.parts.len());
        if found.is_none() {
            let text = match detectors {
                Some(d) => Text::Searched { raw: Box::new(Scan::new(d)), leaves: None, began: false, free: 0 },
                None => Text::Free(String::new()),
            };
            self.parts.push(Growing { name: delta.part.clone(), kind: delta.kind, text });
        }
        let end = self.parts.get_mut(index).map_or(0, |part| part.append(&windows, detectors, &delta.text));
        (index, end)
    }

    /// Whether enough waits for a search.
    fn is_due(&self) -> bool {
        let scans = || self.parts.iter().filter_map(|p| p.text.scan());
        let waiting: usize = scans().map(Scan::waiting).sum();
        let again: usize = scans().filter(|s| s.waiting() > 0).map(Scan::open_bytes).sum();
        waiting >= self.windows.bytes.max(again / SHARE_WAITING)
    }

    fn inspect(&mut self) {
        let windows = Arc::clone(&self.windows);
        for part in &mut self.parts {
            if let Some(detectors) = windows.detectors(part.kind) {
                self.cut |= part.inspect(detectors);
            }
        }
    }

    fn is_free(&self, waiting: &Waiting) -> bool {
        waiting.needs.iter().all(|(part, end)| {
            let Some(part) = self.parts.get(*part) else { return false };
            // A name that the spec lists is its author's: nothing is under way in it.
            let is_listed = part.kind == PartKind::ToolName && self.windows.tools.is_some();
            self.tool_of(part) == Tool::Allowed && (is_listed || part.is_free(*end))
        })
    }

    /// Whether a delta calls a tool that may not be called.
    fn calls_refused(&self, delta: &Delta) -> bool {
        let Some(part) = self.parts.iter().find(|p| p.name == delta.part && p.kind == delta.kind) else { return false };
        match part.kind {
            PartKind::ToolName => self.windows.tool(part.text.text()) == Tool::Refused,
            // Arguments belong to a name; where a step says nothing of tools, they are a call by themselves.
            PartKind::ToolArguments => self.windows.tools.is_none() && self.windows.is_plain_text,
            PartKind::Text | PartKind::Reasoning | PartKind::Other => false,
        }
    }

    /// The tool that a part is about. Arguments wait for their tool's name; two names for one call wait for the end.
    fn tool_of(&self, part: &Growing) -> Tool {
        let of_tool = matches!(part.kind, PartKind::ToolName | PartKind::ToolArguments);
        if !of_tool || self.windows.tools.is_none() {
            return Tool::Allowed;
        }
        let call = |name: &str| name.rsplit_once('.').map_or(name.len(), |(call, _)| call.len());
        let own = part.name.get(..call(&part.name));
        let mut names = self
            .parts
            .iter()
            .filter(|p| p.kind == PartKind::ToolName && p.name.get(..call(&p.name)) == own)
            .map(|p| p.text.text());
        match (names.next(), names.next()) {
            (Some(name), None) => self.windows.tool(name),
            _ => Tool::Begun,
        }
    }
}

impl Growing {
    /// Appends to the text, and gives its new length.
    fn append(&mut self, windows: &Windows, detectors: Option<&Detectors>, more: &str) -> usize {
        match (&mut self.text, detectors) {
            (Text::Searched { raw, leaves, began, .. }, Some(detectors)) => {
                for c in more.chars() {
                    let place = raw.text().len();
                    if !*began && !matches!(c, ' ' | '\t' | '\r' | '\n') {
                        *began = true;
                        *leaves = windows.is_json_begun(self.kind, c).then(|| Box::new(Leaves::new(detectors)));
                    }
                    if let Some(leaves) = leaves {
                        leaves.push(detectors, c, place);
                    }
                    raw.push(detectors, c);
                }
                raw.text().len()
            }
            (Text::Free(text), _) => {
                text.push_str(more);
                text.len()
            }
            // No detectors, no scan: such a part was made `Free`.
            (Text::Searched { raw, .. }, None) => raw.text().len(),
        }
    }

    /// Searches; whether that denies the reply, however it ends.
    fn inspect(&mut self, detectors: &Detectors) -> bool {
        let Text::Searched { raw, leaves, free, .. } = &mut self.text else { return false };
        if raw.waiting() == 0 {
            return false;
        }
        raw.inspect(detectors, false);
        if let Some(leaves) = leaves {
            leaves.inspect(detectors);
        }
        let held = [raw.hold(), leaves.as_ref().and_then(|l| l.hold())].into_iter().flatten().min();
        *free = held.unwrap_or_else(|| raw.text().len());
        // An answer that turns out to be JSON is judged by the texts within it, any other as it stands. Of other parts
        // both are.
        match (self.kind, leaves) {
            (PartKind::Text, Some(leaves)) => raw.found().is_some() && leaves.found().is_some(),
            _ => raw.found().is_some(),
        }
    }

    /// Whether the text may leave up to there.
    const fn is_free(&self, end: usize) -> bool {
        match &self.text {
            Text::Free(_) => true,
            Text::Searched { free, .. } => end <= *free,
        }
    }
}

impl Text {
    fn text(&self) -> &str {
        match self {
            Self::Free(text) => text,
            Self::Searched { raw, .. } => raw.text(),
        }
    }

    fn scan(&self) -> Option<&Scan> {
        match self {
            Self::Free(_) => None,
            Self::Searched { raw, .. } => Some(raw),
        }
    }
}
