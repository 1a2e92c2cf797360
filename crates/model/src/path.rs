//! Paths of elements (`steps.route.forbid.personal-data`) and patterns over them.

use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// The path of an element of a checked spec: names joined by dots. The root is the empty path. Findings and facts are
/// full of them, so that a copy is one of a reference.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct ElementPath(Arc<str>);

impl ElementPath {
    /// The root of a spec.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Wraps a dotted path.
    pub fn new(path: impl Into<Arc<str>>) -> Self {
        Self(path.into())
    }

    /// The path of a child.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() { Self::from(name) } else { Self(format!("{}.{name}", self.0).into()) }
    }

    /// The dotted text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The names, in order.
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.0.split('.').filter(|s| !s.is_empty())
    }

    /// The last name; empty for the root.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or("")
    }

    /// Whether this is `other` or lies below it.
    #[must_use]
    pub fn is_within(&self, other: &Self) -> bool {
        other.0.is_empty()
            || self.0 == other.0
            || self.0.strip_prefix(other.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }
}

impl fmt::Display for ElementPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for ElementPath {
    fn from(s: &str) -> Self {
        Self(s.into())
    }
}

impl Serialize for ElementPath {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ElementPath {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = ElementPath;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path as a string")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<ElementPath, E> {
                Ok(text.into())
            }
        }
        d.deserialize_str(Text)
    }
}

/// A pattern over element paths: `*` matches one segment, and a pattern includes what lies below.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PathPattern(String);

impl PathPattern {
    /// Wraps a dotted pattern.
    pub fn new(pattern: impl Into<String>) -> Self {
        Self(pattern.into())
    }

    /// The dotted text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the pattern matches this path, or an element above it.
    #[must_use]
    pub fn matches(&self, path: &ElementPath) -> bool {
        let mut segments = path.segments();
        for want in self.0.split('.').filter(|s| !s.is_empty()) {
            match segments.next() {
                Some(have) if want == "*" || want == have => {}
                _ => return false,
            }
        }
        true
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<&str> for PathPattern {
    fn from(s: &str) -> Self {
        Self(s.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_includes_what_lies_below() {
        let hits = |pattern: &str, path: &str| PathPattern::from(pattern).matches(&path.into());
        assert!(hits("steps.*.forbid", "steps.route.forbid.personal-data"));
        assert!(hits("thresholds", "thresholds.route.at"));
        assert!(!hits("steps.*.forbid", "steps.route.require.says-why"));
        assert!(!hits("steps.*.forbid", "steps.route"));
        assert!(!hits("step", "steps"));
    }

    #[test]
    fn within_is_by_segment_not_by_prefix() {
        assert!(ElementPath::from("steps.a.b").is_within(&"steps.a".into()));
        assert!(!ElementPath::from("steps.ab").is_within(&"steps.a".into()));
        assert!(ElementPath::from("x").is_within(&ElementPath::root()));
    }
}
