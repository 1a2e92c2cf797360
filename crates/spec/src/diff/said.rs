//! What is said of one difference: its direction, and why.

use serde::Serialize;
use std::fmt;

/// The longest value that is shown, in characters: what is longer is clipped.
const VALUE_CHARS_MAX: usize = 80;
/// The longest `why`, in characters.
const WHY_CHARS_MAX: usize = 600;

/// What a difference does to what AI may do.
///
/// Ordered by how much it asks for somebody's attention. *Narrows* is said only where it is proved: no output that was
/// held back passes now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// It does not touch what AI may do.
    Neutral,
    /// AI may do less, or more holds it back, or more has to be shown.
    Narrows,
    /// It cannot be told from the spec alone.
    Unclear,
    /// AI may do more, or less holds it back, or less has to be shown.
    Widens,
}

impl Direction {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Neutral => "neutral",
            Self::Narrows => "narrows",
            Self::Unclear => "unclear",
            Self::Widens => "widens",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A direction with its reasons, in the making. Of several parts the one that asks for most attention wins.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) direction: Direction,
    reasons: Vec<String>,
}

impl Said {
    pub(super) const fn nothing() -> Self {
        Self { direction: Direction::Neutral, reasons: Vec::new() }
    }

    pub(super) fn one(direction: Direction, why: impl Into<String>) -> Self {
        Self::nothing().and(direction, why)
    }

    pub(super) fn widens(why: impl Into<String>) -> Self {
        Self::one(Direction::Widens, why)
    }

    pub(super) fn narrows(why: impl Into<String>) -> Self {
        Self::one(Direction::Narrows, why)
    }

    pub(super) fn unclear(why: impl Into<String>) -> Self {
        Self::one(Direction::Unclear, why)
    }

    pub(super) fn neutral(why: impl Into<String>) -> Self {
        Self::one(Direction::Neutral, why)
    }

    pub(super) fn and(mut self, direction: Direction, why: impl Into<String>) -> Self {
        self.add(direction, why);
        self
    }

    pub(super) fn add(&mut self, direction: Direction, why: impl Into<String>) {
        self.direction = self.direction.max(direction);
        self.reasons.push(why.into());
    }

    pub(super) fn join(&mut self, other: Self) {
        self.direction = self.direction.max(other.direction);
        self.reasons.extend(other.reasons);
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }

    /// A bound that holds AI back: the more, the wider; none is widest.
    pub(super) fn bound<T: PartialOrd>(
        &mut self,
        name: &str,
        old: Option<&T>,
        new: Option<&T>,
        show: impl Fn(&T) -> String,
    ) {
        let moved = || format!("{name}: {} → {}", old.map_or_else(none, &show), new.map_or_else(none, &show));
        match (old, new) {
            (None, None) => {}
            (Some(_), None) => self.add(Direction::Widens, format!("{}: there is no bound any more", moved())),
            (None, Some(_)) => self.add(Direction::Narrows, moved()),
            (Some(a), Some(b)) if b > a => self.add(Direction::Widens, moved()),
            (Some(a), Some(b)) if b < a => self.add(Direction::Narrows, moved()),
            (Some(a), Some(b)) if a == b => {}
            (Some(_), Some(_)) => self.add(Direction::Unclear, moved()),
        }
    }

    /// Something that changed, whatever it means.
    pub(super) fn differs<T: PartialEq>(
        &mut self,
        direction: Direction,
        name: &str,
        old: &T,
        new: &T,
        show: impl Fn(&T) -> String,
    ) {
        if old != new {
            self.add(direction, moved(name, &show(old), &show(new)));
        }
    }

    pub(super) fn why(&self) -> String {
        clipped(&self.reasons.join("; "), WHY_CHARS_MAX)
    }
}

pub(super) fn none() -> String {
    "none".to_owned()
}

/// `name: old → new`, each clipped.
pub(super) fn moved(name: &str, old: &str, new: &str) -> String {
    format!("{name}: {} → {}", value(old), value(new))
}

/// A value as it is shown: on one line, clipped.
pub(super) fn value(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    clipped(&line, VALUE_CHARS_MAX)
}

/// A text in backticks, for expressions and names.
pub(super) fn code(text: &str) -> String {
    format!("`{}`", value(text).replace('`', "'"))
}

pub(super) fn option<T>(of: Option<&T>, show: impl Fn(&T) -> String) -> String {
    of.map_or_else(none, show)
}

fn clipped(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}
