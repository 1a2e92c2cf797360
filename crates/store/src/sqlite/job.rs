//! What the writer is asked for, and what became of it.

use super::append::Applied;
use super::signer::Signing;
use crate::batch::{Batch, Committed};
use crate::contract::Work;
use crate::error::StoreError;
use crate::rows::RowsReport;
use seatrial_model::LogName;
use std::sync::mpsc::Sender;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Where the answer goes.
pub(crate) type Reply<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the writer is asked for.
pub(crate) enum Job {
    Transact {
        log: LogName,
        work: Work,
        reply: Reply<Committed>,
        permit: OwnedSemaphorePermit,
    },
    Open {
        log: LogName,
        signing: Box<Signing>,
        first: Box<dyn FnOnce(&str) -> Batch + Send>,
        reply: Reply<Committed>,
    },
    Rebuild {
        log: LogName,
        reply: Reply<RowsReport>,
    },
    /// The signer remembered a checkpoint outside the database.
    Signed {
        log: LogName,
        note: String,
    },
    /// Answered when everything asked for before has been.
    Drain {
        reply: Sender<()>,
    },
    /// Ends the thread.
    Close {
        reply: Sender<Result<(), StoreError>>,
    },
}

/// A job that ran inside the open transaction, and is answered after it.
pub(crate) enum Ran {
    Batch {
        reply: Reply<Committed>,
        applied: Applied,
        opened: Option<Box<Signing>>,
        permit: Option<OwnedSemaphorePermit>,
    },
    Rebuilt {
        reply: Reply<RowsReport>,
        report: RowsReport,
    },
    Refused {
        reply: Reply<Committed>,
        error: StoreError,
        permit: Option<OwnedSemaphorePermit>,
    },
    NotRebuilt {
        reply: Reply<RowsReport>,
        error: StoreError,
    },
    Quiet,
}

/// The failure that ended the transaction, as the jobs before it are told.
pub(crate) fn lost_error(ran: &[Ran]) -> StoreError {
    match ran.last() {
        Some(Ran::Refused { error, .. } | Ran::NotRebuilt { error, .. }) => again(error),
        _ => StoreError::Database("the transaction was ended by the database".to_owned()),
    }
}

/// The same failure, for one more of those that shared the commit.
pub(crate) fn again(error: &StoreError) -> StoreError {
    match error {
        StoreError::Full(why) => StoreError::Full(why.clone()),
        StoreError::Stopped(why) => StoreError::Stopped(why.clone()),
        other => StoreError::Database(other.to_string()),
    }
}

pub(crate) fn refuse(job: Job, error: StoreError) {
    match job {
        Job::Transact { reply, .. } | Job::Open { reply, .. } => drop(reply.send(Err(error))),
        Job::Rebuild { reply, .. } => drop(reply.send(Err(error))),
        Job::Signed { .. } | Job::Drain { .. } | Job::Close { .. } => {}
    }
}
