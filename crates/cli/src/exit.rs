//! Exit codes: a contract, documented in `docs/reference/exit-codes.md`.

use serde::{Deserialize, Serialize};
use std::process::ExitCode;

/// How a command ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Exit {
    /// Done; everything that was asked about is in order.
    Done,
    /// Looked, and something is not in order: findings, missing obligations, a gate that refuses, a failed check.
    NotReady,
    /// Could not run: usage, files, something named that is not there.
    CouldNotRun,
    /// Refused: not authenticated, not allowed, or something changed in between.
    Refused,
    /// The record (or the model) failed, so nothing happened.
    Failed,
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::NotReady => 1,
            Self::CouldNotRun => 2,
            Self::Refused => 3,
            Self::Failed => 4,
        }
    }

    /// [`Self::Done`] where all is in order, else [`Self::NotReady`].
    pub(crate) const fn ready(is: bool) -> Self {
        if is { Self::Done } else { Self::NotReady }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
