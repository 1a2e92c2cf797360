//! Which obligation supports evidence for which article or clause: dated data with sources, embedded.
//!
//! The product never says that somebody fulfils a law: it says which evidence there is, and what it does not reach.

use crate::ObligationLine;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

/// The mapping as it is written.
const DATA: &str = include_str!("../data/regulation.yaml");

/// The whole mapping.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mapping {
    /// The day on which the texts were last compared with it.
    pub as_of: String,
    /// The frameworks, in their order.
    pub frameworks: Vec<Framework>,
    /// Obligations that support evidence for nothing here, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unmapped: Vec<Unmapped>,
}

/// One law, standard or guidance.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Its name on the command line.
    pub id: String,
    /// What people call it.
    pub name: String,
    /// What text it is.
    pub text: String,
    /// The date of that text.
    pub date: String,
    /// Where that text is.
    pub source: String,
    /// Whom it binds, and from when on.
    pub applies: String,
    /// Its clauses that are looked at.
    pub clauses: Vec<Clause>,
}

/// One article or clause.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clause {
    /// Its number.
    pub clause: String,
    /// What it is about, in our own words; none where a text is cited by number only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    /// The obligations that support evidence for it, in general form (`eval.<set>`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub supports: Vec<String>,
    /// What it asks for that Seatrial does not show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond: Option<String>,
    /// Why nothing supports evidence for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exclusion: Option<String>,
}

/// An obligation that is in no row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unmapped {
    /// The obligation, in general form.
    pub obligation: String,
    /// Why.
    pub because: String,
}

/// The mapping that this version was built with.
#[must_use]
pub fn mapping() -> &'static Mapping {
    // What was built with damaged data maps nothing; a test reads it.
    static MAPPING: LazyLock<Mapping> = LazyLock::new(|| serde_saphyr::from_str(DATA).unwrap_or_default());
    &MAPPING
}

impl Mapping {
    /// The framework of this id.
    #[must_use]
    pub fn framework(&self, id: &str) -> Option<&Framework> {
        self.frameworks.iter().find(|f| f.id == id)
    }
}

/// An obligation's id in general form: `eval.golden` → `eval.<set>`.
#[must_use]
pub fn general(id: &str) -> String {
    let families = [
        ("eval.forbidden.", "<category>"),
        ("eval.", "<set>"),
        ("threshold.", "<name>"),
        ("outcome.", "<name>"),
        ("approval.", "<role>"),
    ];
    let found = families.into_iter().find(|(family, _)| id.starts_with(family));
    found.map_or_else(|| id.to_owned(), |(family, which)| format!("{family}{which}"))
}

/// How the evidence for one clause stands in one workflow.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Support<'a> {
    /// The clause.
    #[serde(flatten)]
    pub clause: &'a Clause,
    /// The workflow's own obligations that support evidence for it, with their states.
    pub obligations: Vec<Supporting<'a>>,
    /// Obligations of the mapping that this workflow does not have.
    pub absent: Vec<&'a str>,
}

/// One obligation of a workflow.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct Supporting<'a> {
    /// Its id.
    pub id: &'a str,
    /// Its state.
    pub state: &'a str,
    /// Whether a release can be cut over that state.
    pub settled: bool,
    /// The entries that it rests on.
    pub entries: &'a [u64],
}

/// How the evidence for each clause of a framework stands.
#[must_use]
pub fn support<'a>(framework: &'a Framework, obligations: &'a [ObligationLine]) -> Vec<Support<'a>> {
    let one = |clause: &'a Clause| {
        let has = |id: &str| obligations.iter().any(|o| general(&o.id) == id);
        let supporting =
            |o: &'a ObligationLine| Supporting { id: &o.id, state: &o.state, settled: o.settled, entries: &o.events };
        Support {
            clause,
            obligations: obligations
                .iter()
                .filter(|o| clause.supports.contains(&general(&o.id)))
                .map(supporting)
                .collect(),
            absent: clause.supports.iter().filter(|id| !has(id)).map(String::as_str).collect(),
        }
    };
    framework.clauses.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
