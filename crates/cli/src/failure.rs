//! Why a command did not do what it was asked.

use crate::exit::Exit;
use seatrial_factory::OpenError;
use seatrial_factory::api::Refused;
use seatrial_store::StoreError;

/// A command that did nothing (or nothing more), with the words for people and the exit code for programs.
#[derive(Debug)]
pub(crate) struct Failure {
    /// How the command ends.
    pub(crate) exit: Exit,
    /// A stable word for programs.
    pub(crate) code: &'static str,
    /// What was not done, why, and what to do.
    pub(crate) message: String,
}

impl Failure {
    /// A command that could not run as it was given.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::CouldNotRun, code: "usage", message: message.into() }
    }

    /// A file that is not there, or not as it has to be.
    pub(crate) fn file(message: impl Into<String>) -> Self {
        Self { exit: Exit::CouldNotRun, code: "file", message: message.into() }
    }

    /// The person did not confirm.
    pub(crate) fn declined() -> Self {
        let message = "it was not confirmed; nothing was recorded".to_owned();
        Self { exit: Exit::Refused, code: "not_confirmed", message }
    }

    /// Something that failed under us.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Self { exit: Exit::Failed, code: "failed", message: message.into() }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let (exit, code) = match &refused {
            Refused::Unauthenticated => (Exit::Refused, "unauthenticated"),
            Refused::Forbidden(_) => (Exit::Refused, "forbidden"),
            Refused::Conflict { .. } | Refused::Changed { .. } => (Exit::Refused, "conflict"),
            Refused::Stopped { .. } => (Exit::Refused, "stopped"),
            Refused::TooMany { .. } => (Exit::Refused, "too_many"),
            Refused::NotReleased { .. } => (Exit::NotReady, "not_released"),
            Refused::NotFound(_) => (Exit::CouldNotRun, "not_found"),
            Refused::Invalid(_) => (Exit::CouldNotRun, "invalid"),
            Refused::NotRecorded(_) => (Exit::Failed, "not_recorded"),
            Refused::Unsettled(_) => (Exit::Failed, "unsettled"),
            Refused::ModelUnreachable(_) => (Exit::Failed, "model_unreachable"),
            _ => (Exit::Failed, "internal"),
        };
        Self { exit, code, message: refused.to_string() }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let (exit, code) = match &error {
            StoreError::Owned(_) => (Exit::Refused, "store_owned"),
            StoreError::NoStore(_) | StoreError::NoLog(_) => (Exit::CouldNotRun, "no_store"),
            _ => (Exit::Failed, "store"),
        };
        Self { exit, code, message: error.to_string() }
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => error.into(),
            OpenError::File { .. } | OpenError::Spec(_) => Self::file(error.to_string()),
            OpenError::Another { .. } => {
                Self { exit: Exit::Refused, code: "another_factory", message: error.to_string() }
            }
            other => Self::failed(other.to_string()),
        }
    }
}
