//! What the writer is asked for, and what became of it.

use super::append::Applied;
use super::signer::Signing;
use crate::batch::{Batch, Committed};
use crate::contract::Work;
use crate::error::StoreError;
use crate::import::Piece;
use crate::prepare::Prepared;
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
    /// A log that was elsewhere: its row, without entries.
    BeginImport {
        log: LogName,
        origin: String,
        key: String,
        reply: Reply<()>,
    },
    Import {
        log: LogName,
        piece: Piece,
        reply: Reply<u64>,
    },
    /// The log that was taken over goes on here.
    Adopt {
        log: LogName,
        signing: Box<Signing>,
        checkpoint: String,
        last: Batch,
        reply: Reply<Committed>,
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

/// A batch as it was decided: what is written of it is the same each time.
pub(crate) struct Written {
    pub(crate) log: LogName,
    pub(crate) prepared: Prepared,
    /// The key that it makes the log's own.
    pub(crate) key: Option<String>,
}

/// A job that ran inside the open transaction, and is answered after it.
pub(crate) enum Ran {
    Batch {
        reply: Reply<Committed>,
        applied: Applied,
        opened: Option<Box<Signing>>,
        permit: Option<OwnedSemaphorePermit>,
        /// What was written, where it may have to be written again.
        written: Option<Box<Written>>,
    },
    Begun {
        reply: Reply<()>,
        done: Result<(), StoreError>,
    },
    Imported {
        reply: Reply<u64>,
        done: Result<u64, StoreError>,
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
        Some(
            Ran::Refused { error, .. }
            | Ran::NotRebuilt { error, .. }
            | Ran::Begun { done: Err(error), .. }
            | Ran::Imported { done: Err(error), .. },
        ) => again(error),
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
        Job::Transact { reply, .. } | Job::Open { reply, .. } | Job::Adopt { reply, .. } => {
            drop(reply.send(Err(error)));
        }
        Job::BeginImport { reply, .. } => drop(reply.send(Err(error))),
        Job::Import { reply, .. } => drop(reply.send(Err(error))),
        Job::Rebuild { reply, .. } => drop(reply.send(Err(error))),
        Job::Signed { .. } | Job::Drain { .. } | Job::Close { .. } => {}
    }
}
