//! The grace: somebody left or is away, and what rests on them still stands for ten working days.

use seatrial_model::Day;
use serde::Serialize;
use std::fmt;

/// Why somebody is not there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum GraceReason {
    /// They left, or hold the role no more.
    Left,
    /// They are away for a while.
    Away,
}

/// Somebody who counts in a role although not there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
pub struct Grace {
    /// The last day on which they count.
    pub until: Day,
    /// Who: an id.
    pub person: String,
    /// In which role.
    pub role: String,
    /// Why they are not there.
    pub reason: GraceReason,
    /// Their last day.
    pub last: Day,
    /// Who stands in and is there.
    pub deputy: Option<String>,
}

impl fmt::Display for Grace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { until, person, role, last, .. } = self;
        match self.reason {
            GraceReason::Left => write!(f, "grace until {until}: {person} left `{role}` on {last}")?,
            GraceReason::Away => write!(f, "grace until {until}: {person} of `{role}` is away since {last}")?,
        }
        match &self.deputy {
            Some(deputy) => write!(f, "; deputy {deputy}"),
            None => Ok(()),
        }
    }
}
