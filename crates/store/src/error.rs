//! What can go wrong, and what was then not done.

use crate::rows::ProjectError;
use seatrial_model::{CanonicalError, Commitment, EventId, LogName};
use std::any::Any;
use std::fmt;
use std::path::PathBuf;

/// A precondition did not hold inside the commit. It carries the caller's own reason, so that the answer can say
/// what changed; see [`crate::StoreExt::transact_with`].
pub struct Refusal(Box<dyn Any + Send + Sync>);

impl Refusal {
    /// With this reason.
    pub fn new<E: Any + Send + Sync>(reason: E) -> Self {
        Self(Box::new(reason))
    }

    /// The reason, where it is of this type.
    ///
    /// # Errors
    /// The refusal itself, where its reason is of another type.
    pub fn downcast<E: Any>(self) -> Result<E, Self> {
        self.0.downcast::<E>().map(|reason| *reason).map_err(Self)
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refusal(…)")
    }
}

/// A batch that no log could hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BatchError {
    /// The leaf is longer than an entry bundle's 16-bit length can say.
    #[error(
        "the event `{id}` is {bytes} bytes long, an entry at most 65535; put long content into a payload or a blob"
    )]
    EntryTooLong {
        /// The event.
        id: EventId,
        /// Its length.
        bytes: usize,
    },
    /// The event names another log than the one it was appended to.
    #[error("the event `{id}` says that it belongs to the log `{says}`")]
    OtherLog {
        /// The event.
        id: EventId,
        /// The log that it names.
        says: LogName,
    },
    /// The event is of another envelope version than this program writes.
    #[error(
        "the event `{id}` has envelope version {version}, this program writes version {}",
        seatrial_model::event::ENVELOPE_VERSION
    )]
    EnvelopeVersion {
        /// The event.
        id: EventId,
        /// Its version.
        version: u32,
    },
    /// An event of this id is in the log already.
    #[error("an event with the id `{0}` is in the log already")]
    DuplicateId(EventId),
    /// The event has no canonical bytes.
    #[error("the event `{id}` has no canonical form: {source}")]
    NotCanonical {
        /// The event.
        id: EventId,
        /// Why.
        source: CanonicalError,
    },
    /// Its bytes do not read back as the same event (a number that is not finite, for instance).
    #[error("the event `{0}` does not read back from its own bytes")]
    NotReadable(EventId),
    /// A payload that none of the batch's events commits to.
    #[error("no event of the batch commits to the payload `{0}`")]
    Uncommitted(Commitment),
    /// A payload that was erased before is not taken again under the same commitment.
    #[error("the payload `{0}` was erased before")]
    ErasedBefore(Commitment),
    /// A payload to be erased that this log never held.
    #[error("the payload `{0}` was never held in this log, and cannot be erased")]
    NeverHeld(Commitment),
    /// Payloads were to be erased without the event that says so.
    #[error("payloads are erased only together with a `payload.erased` event in the same batch")]
    SilentErasure,
    /// An event that the store itself acts on (a key's, an erasure's) was sealed beforehand.
    #[error("the event `{0}` changes the store itself: it is appended as it is, not sealed before")]
    NotSealed(EventId),
    /// A limit of the batch.
    #[error("{what} is {is}, at most {max} can be taken in one batch")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// How large it is.
        is: usize,
        /// The limit.
        max: usize,
    },
}

/// What went wrong in a store. Unless a variant says otherwise, nothing was recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The caller's precondition did not hold.
    #[error("a precondition did not hold when the commit was made; nothing was recorded")]
    Refused(Refusal),
    /// The batch itself is at fault.
    #[error("nothing was recorded: {0}")]
    Batch(#[from] BatchError),
    /// An event could not be folded into rows.
    #[error("nothing was recorded: the event `{id}` could not be folded: {source}")]
    Project {
        /// The event.
        id: EventId,
        /// Why.
        source: ProjectError,
    },
    /// The caller's code panicked inside the transaction, which was rolled back.
    #[error("nothing was recorded: the code inside the transaction panicked")]
    Panicked,
    /// There is no such log; a log is never created by accident.
    #[error("there is no log `{0}` in this store; open it first")]
    NoLog(LogName),
    /// The log is there already.
    #[error("the log `{0}` is there already; it was not opened again")]
    LogExists(LogName),
    /// The disk, or the database's own limit, is full.
    #[error("nothing was recorded: no space is left for the database; free some, and try again ({0})")]
    Full(String),
    /// Another process owns the store.
    #[error("the store `{}` is owned by another process; go through that one, or end it", .0.display())]
    Owned(PathBuf),
    /// There is a store at that place already.
    #[error("there is a store at `{}` already; it was not made again", .0.display())]
    StoreExists(PathBuf),
    /// There is no store at that place.
    #[error("there is no store at `{}`", .0.display())]
    NoStore(PathBuf),
    /// The store was written by another version: by a newer one, or by an earlier one and this is a reader, which
    /// changes nothing.
    #[error("the store has format {found}, this program reads format {expected}; {}; nothing was changed", format_advice(*found, *expected))]
    Format {
        /// As found.
        found: i64,
        /// As expected.
        expected: i64,
    },
    /// The rows were folded by another version of the projections, and cannot be folded again by a reader.
    #[error(
        "the rows of the log `{log}` were folded by version {found}, this program folds version {expected}; start its owner once, which folds them again"
    )]
    RowsVersion {
        /// The log.
        log: LogName,
        /// As found.
        found: u32,
        /// As expected.
        expected: u32,
    },
    /// What is stored contradicts itself.
    #[error("the log `{log}` is damaged: {what}; restore it from a copy that verifies")]
    Damaged {
        /// The log.
        log: LogName,
        /// What was found.
        what: String,
    },
    /// The database does not extend a checkpoint that was signed before: an old copy, or a rewritten history.
    #[error(
        "the log `{log}` does not extend the checkpoint of size {signed} that this store signed before: {what}; signing it would fork the log. Restore the newest copy"
    )]
    Forked {
        /// The log.
        log: LogName,
        /// The size of the newest signed checkpoint.
        signed: u64,
        /// What contradicts it.
        what: String,
    },
    /// A log's signing key cannot be used.
    #[error("the signing key of the log `{log}` cannot be used: {what}")]
    Key {
        /// The log.
        log: LogName,
        /// Why; never the key itself.
        what: String,
    },
    /// A name or value that the store cannot take.
    #[error("{0}")]
    Invalid(String),
    /// A file of the store.
    #[error("`{}` could not be {done}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was to be done with it (`written`, `read`).
        done: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The database failed. Where it was the commit that failed, nothing was acknowledged.
    #[error("the database failed: {0}")]
    Database(String),
    /// The disk failed under a commit. Whether that commit is there is known only after the next start.
    #[error(
        "the disk failed under a commit, and the store has stopped writing: {0}; start it again to see what is there"
    )]
    Stopped(String),
    /// The connection to the database was lost under a commit. Whether that commit is there could not be found out.
    #[error(
        "the database was lost under a commit: {0}; whether it is recorded could not be found out. Look before you try again"
    )]
    Unsettled(String),
    /// The store was closed.
    #[error("the store is closed; nothing was recorded")]
    Closed,
}

impl StoreError {
    /// Of an event that could not be folded. Where it was the database that failed, that is what is told.
    pub(crate) fn project(id: EventId, source: ProjectError) -> Self {
        match source {
            ProjectError::Store(error) => *error,
            source @ ProjectError::Reason(_) => Self::Project { id, source },
        }
    }
}

fn format_advice(found: i64, expected: i64) -> &'static str {
    if found < expected {
        "start its owner once (any command that writes, or the server), which migrates it"
    } else {
        "a newer program wrote it: go on with that one"
    }
}
