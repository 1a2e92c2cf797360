//! Arguments of replay.

use clap::Args;
use seatrial_model::{Digest, Span};
use std::convert::Infallible;
use std::path::PathBuf;
use std::str::FromStr;

/// `seatrial replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The changed spec: `worktree`, `submitted`, `released`, a spec's digest, or a folder with a workflow.yaml
    #[arg(long, value_name = "SPEC", default_value = "worktree")]
    pub(crate) against: Against,
    /// Only decisions of so long ago at most (`30d`)
    #[arg(long, value_name = "SPAN")]
    pub(crate) since: Option<Span>,
    /// Only so many decisions, the newest
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// How many threads; as many as there are cores, where none are named
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<usize>,
    /// Record the result as evidence; the spec must have been submitted
    #[arg(long)]
    pub(crate) record: bool,
    /// Exit 1 where a verdict changes
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// A spec to decide under.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Against {
    /// The work tree.
    WorkTree,
    /// The newest submitted one.
    Submitted,
    /// That of the release in force.
    Released,
    /// A submitted one, by its digest.
    Spec(Digest),
    /// A folder's.
    Folder(PathBuf),
}

impl FromStr for Against {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text.to_ascii_lowercase().as_str() {
            "worktree" => Self::WorkTree,
            "submitted" => Self::Submitted,
            "released" => Self::Released,
            _ => text.parse().map_or_else(|_| Self::Folder(PathBuf::from(text)), Self::Spec),
        })
    }
}
