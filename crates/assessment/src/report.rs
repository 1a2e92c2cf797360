//! The assessment as documents: for whom it is, and in which form.

mod html;
mod markdown;
mod sarif;

pub use html::html;
pub use markdown::markdown;
pub use sarif::sarif;

use crate::{Assessment, Group, Item, Standing};

/// For whom a report is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reader {
    /// Whoever answers for the engineering.
    Cto,
    /// Whoever answers for the company.
    Founder,
    /// Whoever checks: all of it, detectors first, with their definitions.
    Auditor,
}

impl Reader {
    /// For whom, in words.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Cto => "for a CTO",
            Self::Founder => "for a founder",
            Self::Auditor => "for an auditor",
        }
    }

    /// Their groups, in the order in which they read.
    #[must_use]
    pub const fn groups(self) -> &'static [Group] {
        match self {
            Self::Cto => &[Group::Cto, Group::RedFlags, Group::Theatre],
            Self::Founder => &[Group::Founder, Group::Assumptions, Group::RedFlags, Group::Theatre],
            Self::Auditor => &[Group::RedFlags, Group::Theatre, Group::Assumptions, Group::Cto, Group::Founder],
        }
    }
}

/// The groups for a reader; all of them in their own order where nobody is named.
#[must_use]
pub fn groups(reader: Option<Reader>) -> &'static [Group] {
    reader.map_or(&Group::ALL, Reader::groups)
}

/// What a reader is told first: how many of what they read stand so, and which detectors fired.
#[derive(Debug)]
pub struct Summary<'a> {
    /// By standing, in the order evidenced, partly, no evidence, contradicted.
    pub counts: [(Standing, usize); 4],
    /// The detectors that fired.
    pub fired: Vec<&'a Item>,
    /// How many detectors there are among what is read.
    pub detectors: usize,
}

/// Sums up what a reader reads.
#[must_use]
pub fn summary(assessment: &Assessment, reader: Option<Reader>) -> Summary<'_> {
    let items = || groups(reader).iter().flat_map(|g| assessment.group(*g));
    let count = |standing: Standing| (standing, items().filter(|i| i.standing == standing).count());
    let detectors = groups(reader).iter().filter(|g| g.detects()).map(|g| assessment.group(*g).len()).sum();
    Summary {
        counts: [Standing::Evidenced, Standing::Partly, Standing::NoEvidence, Standing::Contradicted].map(count),
        fired: items().filter(|i| i.fires()).collect(),
        detectors,
    }
}

/// How an item is called where it stands: a detector that was not contradicted is not *evidenced*, nothing was seen.
#[must_use]
pub fn word(item: &Item) -> &'static str {
    match (item.fires(), item.standing) {
        (true, Standing::Contradicted) => "contradicted: fired",
        (true, _) => "partly: fired",
        (false, standing) => standing.as_str(),
    }
}

#[cfg(test)]
mod tests;
