//! One growing text under all detectors: what they find in it, and from where on a match may be under way.

use super::track::{Automaton, Tracker};
use crate::detect::{Detector, find_all, fold};
use std::ops::Range;

/// Detectors, ready for texts that grow.
#[derive(Debug)]
pub(super) struct Detectors {
    list: Vec<Detector>,
    /// Over the folded text.
    folded: Automaton,
    /// Over the text as written; none where no expression is the user's own.
    written: Option<Automaton>,
}

impl Detectors {
    /// Prepares them; none where there are none.
    pub(super) fn new(list: Vec<Detector>) -> Result<Option<Self>, String> {
        if list.is_empty() {
            return Ok(None);
        }
        let all: Vec<String> = list.iter().flat_map(Detector::envelopes).collect();
        let own: Vec<String> = list.iter().filter(|d| d.is_own()).flat_map(Detector::envelopes).collect();
        let folded = Automaton::new(&all)?;
        let written = if own.is_empty() { None } else { Some(Automaton::new(&own)?) };
        Ok(Some(Self { list, folded, written }))
    }

    /// Whether they find anything in a text that is all there.
    pub(super) fn find_first(&self, text: &str) -> Option<Range<usize>> {
        find_all(&self.list, text).into_iter().next().map(|(_, range)| range)
    }
}

/// A growing text.
#[derive(Debug)]
pub(super) struct Scan {
    text: String,
    /// Where each byte of the text stands in the part; empty where it stands at its own place.
    places: Vec<usize>,
    folded: Tracker,
    written: Option<Tracker>,
    /// The last place at which no match was under way.
    quiet: usize,
    /// The last such place before which everything was inspected.
    base: usize,
    inspected: usize,
    /// Where what was found begins, in the part.
    found: Option<usize>,
}

impl Scan {
    pub(super) fn new(detectors: &Detectors) -> Self {
        Self {
            text: String::new(),
            places: Vec::new(),
            folded: Tracker::new(&detectors.folded),
            written: detectors.written.as_ref().map(Tracker::new),
            quiet: 0,
            base: 0,
            inspected: 0,
            found: None,
        }
    }

    /// Begins with another text.
    pub(super) fn reset(&mut self) {
        self.text.clear();
        self.places.clear();
        self.folded.reset();
        if let Some(written) = &mut self.written {
            written.reset();
        }
        (self.quiet, self.base, self.inspected, self.found) = (0, 0, 0, None);
    }

    /// The next character, at its own place.
    pub(super) fn push(&mut self, detectors: &Detectors, c: char) {
        let at = self.text.len();
        self.step(detectors, c, at);
    }

    /// The next character of a text within the part, where it stands at `place`.
    pub(super) fn push_from(&mut self, detectors: &Detectors, c: char, place: usize) {
        self.places.resize(self.text.len() + c.len_utf8(), place);
        self.step(detectors, c, place);
    }

    fn step(&mut self, detectors: &Detectors, c: char, at: usize) {
        self.text.push(c);
        if let Some(folded) = fold(c) {
            self.folded.push(&detectors.folded, folded, at);
        }
        if let (Some(tracker), Some(automaton)) = (&mut self.written, &detectors.written) {
            tracker.push(automaton, c, at);
        }
        if self.open().is_none() {
            self.quiet = self.text.len();
        }
    }

    /// Where the earliest match began that may be under way.
    fn open(&self) -> Option<usize> {
        let written = self.written.as_ref().and_then(Tracker::hold);
        [self.folded.hold(), written].into_iter().flatten().min()
    }

    /// From where on the text is held back: a match that may be under way, or one that was found.
    pub(super) fn hold(&self) -> Option<usize> {
        [self.open(), self.found].into_iter().flatten().min()
    }

    /// Bytes that nobody inspected yet.
    pub(super) fn waiting(&self) -> usize {
        self.text.len() - self.inspected
    }

    /// Bytes that an inspection has to read again.
    pub(super) fn open_bytes(&self) -> usize {
        self.text.len() - self.base
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where what was found begins: nothing that comes can undo it.
    pub(super) const fn found(&self) -> Option<usize> {
        self.found
    }

    /// Searches what was not searched yet. What is found counts once nothing that may come can undo it; at the end of
    /// the text that is at once.
    pub(super) fn inspect(&mut self, detectors: &Detectors, is_whole: bool) {
        self.inspected = self.text.len();
        if self.found.is_some() {
            return;
        }
        let from = self.with_neighbour();
        let first = self.text.get(from..).and_then(|text| detectors.find_first(text)).map(|r| from + r.start);
        let Some(first) = first else {
            self.base = self.quiet;
            return;
        };
        let place = if self.places.is_empty() { first } else { self.places.get(first).copied().unwrap_or(0) };
        if is_whole || self.open().is_none_or(|open| place < open) {
            self.found = Some(place);
        }
    }

    /// The base, with the visible character before it: whether a word begins there depends on it.
    fn with_neighbour(&self) -> usize {
        let before = self.text.get(..self.base).unwrap_or_default();
        before.char_indices().rev().find(|(_, c)| fold(*c).is_some()).map_or(0, |(at, _)| at)
    }
}
