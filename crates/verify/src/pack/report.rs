//! What was found in a pack.

use crate::report::{PROBLEMS_MAX, Problem, Verified};
use seatrial_model::{Digest, Untrusted};
use serde::Serialize;
use std::fmt::Write as _;

/// The most characters of one problem that are shown.
const SHOWN_CHARS: usize = 600;

/// What was checked of a handover pack, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct PackVerified {
    /// Whether everything is in order: seal, files, log, statements, citations.
    pub verified: bool,
    /// What is wrong outside the log.
    pub problems: Vec<Problem>,
    /// The digest of the manifest: the `pack.generated` event names it.
    pub manifest: Option<Digest>,
    /// The key that sealed it, as `<name>+<id>`.
    pub sealed_by: String,
    /// Files that are as the manifest says.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Signed statements.
    pub attestations: u64,
    /// Entries that the page cites, each found in its log as the event that the page says.
    pub citations: u64,
    /// The log in the pack.
    pub log: Verified,
}

impl PackVerified {
    /// Notes a problem.
    pub(super) fn problem(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(Problem { place: place.into(), what: what.into() });
        }
    }

    /// Draws the conclusion.
    pub(super) fn finish(&mut self) {
        self.verified = self.problems.is_empty() && self.log.verified && self.files > 0 && !self.sealed_by.is_empty();
    }

    /// As indented JSON, for programs.
    ///
    /// # Errors
    /// Where serialising fails, which it does not for this type.
    pub fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string_pretty(self)
    }

    /// For people, on a terminal. Whatever came from the pack is shown with its control characters made visible.
    #[must_use]
    pub fn human(&self) -> String {
        let shown = |text: &str| Untrusted::new(text).terminal(SHOWN_CHARS);
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = (|| {
            match self.manifest {
                Some(digest) => writeln!(out, "pack      manifest {digest}")?,
                None => writeln!(out, "pack      no manifest was read")?,
            }
            match self.sealed_by.as_str() {
                "" => writeln!(out, "seal      none that holds")?,
                by => writeln!(out, "seal      by {}", shown(by))?,
            }
            writeln!(out, "files     {} as the manifest says, {} bytes", self.files, self.bytes)?;
            writeln!(out, "statements {} signed by the log's key", self.attestations)?;
            writeln!(out, "citations {} of the page found in the log", self.citations)?;
            for problem in &self.problems {
                writeln!(out, "PROBLEM   {}: {}", shown(&problem.place), shown(&problem.what))?;
            }
            writeln!(out, "\nthe log in it:")?;
            out.push_str(&self.log.human());
            writeln!(out, "\nthe pack  {}", if self.verified { "VERIFIED" } else { "NOT VERIFIED" })
        })();
        out
    }
}
