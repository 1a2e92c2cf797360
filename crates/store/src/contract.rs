//! What every store promises.
//!
//! - **Durable on return.** [`Store::transact`] answers only after its batch is on disk. One that answers with an
//!   error recorded nothing (but see [`StoreError::Stopped`] and [`StoreError::Unsettled`]).
//! - **Serial.** Each [`Work`] sees all that was committed before it, and nothing of what comes after. Concurrent
//!   calls may share one commit; one that fails is rolled back alone.
//! - **Together.** Events, payloads, blobs, erasures, the Merkle tree and the projections of a batch become visible in
//!   one step.
//! - **Read after write.** A read that begins after an acknowledgement sees what was acknowledged. Reads never
//!   hold up appends.
//! - **No log by accident.** [`Store::open_log`] makes one; everything else answers [`StoreError::NoLog`].
//! - **Not taken back.** Work that was handed over runs, even where the caller no longer waits for its answer.
//! - **No fork.** A checkpoint is signed only when it extends the newest one that was signed before.
//! - **One key at a time.** Another key signs only after an entry names it, and the first checkpoint over that entry is
//!   signed by both.

mod ext;

pub use ext::{ReaderExt, StoreExt, TransactError};

use crate::batch::{Batch, Commit, Committed, Payload};
use crate::error::{Refusal, StoreError};
use crate::import::{Adopt, Piece};
use crate::keys::Seed;
use crate::rows::{Row, RowsReport, Scan};
use futures_util::future::BoxFuture;
use seatrial_ledger::dsse::Envelope;
use seatrial_ledger::{Checkpoint, Note, NoteSignature, Signer};
use seatrial_model::{Commitment, Digest, Event, EventId, LogName, LogPoint, Time};
use std::fmt;
use std::sync::Arc;
use tokio::sync::broadcast;

/// The most entries that one read answers; a reader that wants more goes on after the last one.
pub const ENTRIES_READ_MAX: usize = 1_000;

/// Code that runs inside the next commit: it checks what it must on the [`View`], and says what to append. It must
/// not block: all other appends wait for it.
pub type Work = Box<dyn FnOnce(&dyn View) -> Result<Batch, Refusal> + Send>;

/// Code that reads one consistent state of a log.
pub type ReadWork = Box<dyn FnOnce(&dyn View) + Send>;

/// One log at one moment. Inside a commit it holds everything committed before.
pub trait View {
    /// The log.
    fn log(&self) -> &LogName;

    /// How many entries the log has.
    ///
    /// # Errors
    /// Where the database fails; so it is for every method here.
    fn size(&self) -> Result<u64, StoreError>;

    /// Entries from an index on: at most `limit`, at most [`ENTRIES_READ_MAX`].
    ///
    /// # Errors
    /// Where the database fails.
    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The index of an event.
    ///
    /// # Errors
    /// Where the database fails.
    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError>;

    /// A row of a projection.
    ///
    /// # Errors
    /// Where the database fails.
    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// A range of rows.
    ///
    /// # Errors
    /// Where the database fails.
    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError>;

    /// The indexes of events that are about a key, the newest first: those of which the projector says so
    /// ([`Projector::found_by`](crate::Projector::found_by)), and, for [`CASE`](crate::CASE), those with payloads of that case.
    /// Keys are kept as hashes: others may be among them, and the caller looks at the events.
    ///
    /// # Errors
    /// Where the database fails.
    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError>;

    /// A number that is another one after every change of a table's rows: whoever sees it again in a later commit may
    /// rely on what they read of the table before. None where the store keeps none, or outside a commit.
    fn stamp(&self, table: &str) -> Option<u64> {
        let _ = table;
        None
    }

    /// Whether others than this process may write to the log: then what it knows by itself of its own writes is not all.
    fn is_shared(&self) -> bool {
        true
    }

    /// A blob of this log.
    ///
    /// # Errors
    /// Where the database fails.
    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError>;

    /// The digests of this log's blobs, in order, beyond `after`.
    ///
    /// # Errors
    /// Where the database fails.
    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError>;

    /// A payload of this log; none where it never held one.
    ///
    /// # Errors
    /// Where the database fails.
    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError>;

    /// The commitments of payloads of this log that are still held, in the order of their events, beyond `after`.
    ///
    /// # Errors
    /// Where the database fails.
    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError>;

    /// The payloads still held that belong to a case: what an erasure by case erases.
    ///
    /// # Errors
    /// Where the database fails.
    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError>;

    /// Payloads still held whose retention ended before `now`, the earliest first, each with its case.
    ///
    /// # Errors
    /// Where the database fails.
    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError>;

    /// The projections' tables that have rows, in order.
    ///
    /// # Errors
    /// Where the database fails.
    fn tables(&self) -> Result<Vec<String>, StoreError>;

    /// The hashes of a tile as far as they stand: 32 bytes each, 256 in a full one. Inside a commit they stand as
    /// they did before it.
    ///
    /// # Errors
    /// Where the database fails.
    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// One entry.
    ///
    /// # Errors
    /// Where the database fails.
    fn entry(&self, index: u64) -> Result<Option<Entry>, StoreError> {
        Ok(self.entries(index, 1)?.pop())
    }

    /// One event.
    ///
    /// # Errors
    /// Where the database fails, or the entry is damaged.
    fn event(&self, index: u64) -> Result<Option<Event>, StoreError> {
        self.entry(index)?.map(|entry| entry.event(self.log())).transpose()
    }

    /// One event, by its id.
    ///
    /// # Errors
    /// Where the database fails, or the entry is damaged.
    fn event_by_id(&self, id: EventId) -> Result<Option<(u64, Event)>, StoreError> {
        let Some(index) = self.event_index(id)? else { return Ok(None) };
        Ok(self.event(index)?.map(|event| (index, event)))
    }
}

/// One entry of a log, as its bytes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// Its place, from 0.
    pub index: u64,
    /// The leaf: the event's canonical bytes.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// The event.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] where the bytes are no event.
    pub fn event(&self, log: &LogName) -> Result<Event, StoreError> {
        serde_json::from_slice(&self.bytes).map_err(|e| StoreError::Damaged {
            log: log.clone(),
            what: format!("entry {} is no event: {e}", self.index),
        })
    }
}

/// A log as the store knows it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LogInfo {
    /// Its name within the factory.
    pub log: LogName,
    /// The checkpoint's origin and the key's name.
    pub origin: String,
    /// The verifier key, in C2SP signed-note form.
    pub key: String,
    /// How many entries it has.
    pub size: u64,
    /// The RFC 6962 root over them.
    pub root: Digest,
}

/// How a log is opened for the first time.
pub struct OpenLog {
    /// `<factory>/<log>`: the checkpoint's origin and the key's name.
    pub origin: String,
    /// Makes the log's first batch (its entry 0 says `log.opened`), given the verifier key that was made for it.
    pub first: Box<dyn FnOnce(&str) -> Batch + Send>,
}

/// Bytes that are never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Reading a store. A store without its owner can be read, too.
pub trait Reader: Send + Sync + 'static {
    /// Runs `work` on one consistent state of a log.
    fn read<'a>(&'a self, log: &LogName, work: ReadWork) -> BoxFuture<'a, Result<(), StoreError>>;

    /// All logs, by name.
    fn logs(&self) -> BoxFuture<'_, Result<Vec<LogInfo>, StoreError>>;

    /// The newest signed checkpoint (a C2SP signed note); none where none was signed yet.
    fn checkpoint<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Option<String>, StoreError>>;

    /// Folds the log into memory and compares with the rows stored.
    fn check_rows<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>>;

    /// Compares what is kept beside the events' bytes (id, index, leaf hashes, payloads' commitments, blobs' digests)
    /// with the bytes. Gives what was found, in words; nothing where all agrees.
    fn check_mirror<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// The database's own check of its page structure. Gives what was found; nothing where all is well.
    fn check_database(&self) -> BoxFuture<'_, Result<Vec<String>, StoreError>>;
}

/// What a log's key signs besides checkpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Attest {
    /// The text of a signed note. Its first line is no checkpoint's: it names a format, with a `/` and a version after
    /// it, and never the log's origin.
    Note(String),
    /// A payload of this type, in a DSSE envelope.
    Dsse {
        /// The payload's type.
        payload_type: String,
        /// The payload.
        payload: Vec<u8>,
    },
}

impl Attest {
    /// Signs it.
    pub(crate) fn sign(&self, log: &LogName, signer: &Signer) -> Result<String, StoreError> {
        match self {
            Self::Note(text) => {
                // A checkpoint has the key's name as its first line: what has another one can be taken for none.
                if text.lines().next() == Some(signer.name()) || Checkpoint::parse(text).is_ok() {
                    let what = "it reads as a checkpoint; the log's key signs those by itself, and nothing was signed";
                    return Err(StoreError::Invalid(what.to_owned()));
                }
                let mut note = Note::new(text.as_str()).map_err(|e| StoreError::Invalid(e.to_string()))?;
                note.sign(signer);
                Ok(note.to_string())
            }
            Self::Dsse { payload_type, payload } => {
                let envelope = Envelope::sign(payload_type, payload, signer);
                seatrial_model::canonical(&envelope)
                    .ok()
                    .and_then(|bytes| String::from_utf8(bytes).ok())
                    .ok_or_else(|| StoreError::Key { log: log.clone(), what: "the envelope has no JSON".to_owned() })
            }
        }
    }
}

/// A store, held by its one owner (or, for a fleet's database, by each node).
pub trait Store: Reader {
    /// Makes a log: its signing key, and its first entries.
    fn open_log<'a>(&'a self, log: &LogName, opening: OpenLog) -> BoxFuture<'a, Result<Committed, StoreError>>;

    /// Runs `work` inside the next commit and makes its batch durable.
    fn transact<'a>(&'a self, log: &LogName, work: Work) -> BoxFuture<'a, Result<Committed, StoreError>>;

    /// Signs a checkpoint over all that is durable now, and answers the signed note.
    fn sign_now<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<String, StoreError>>;

    /// Signs something other than a checkpoint with a log's key, and answers it signed (the note, or the envelope as
    /// JSON). What could be taken for a checkpoint is refused with [`StoreError::Invalid`].
    fn attest<'a>(&'a self, log: &LogName, what: Attest) -> BoxFuture<'a, Result<String, StoreError>>;

    /// Makes the next signing key of a log ready (drawn, or of this seed), and answers its verifier key. It signs nothing
    /// before a `log.key-rotated` that names it is committed; one that is staged later takes its place.
    fn stage_key<'a>(&'a self, log: &LogName, seed: Option<Seed>) -> BoxFuture<'a, Result<String, StoreError>>;

    /// Adds witnesses' signature lines to the newest checkpoint, where it is still the one of this point; says whether it
    /// was. The caller has verified them.
    fn add_cosignatures<'a>(
        &'a self,
        log: &LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Begins to take over a log that was elsewhere, under the origin and verifier key that its first entry names. It is
    /// not signed until it is [`adopt`](Self::adopt)ed; a store that ends before is thrown away.
    fn begin_import<'a>(&'a self, log: &LogName, origin: &str, key: &str) -> BoxFuture<'a, Result<(), StoreError>>;

    /// Takes over the next part of it; answers the log's size afterwards.
    fn import<'a>(&'a self, log: &LogName, piece: Piece) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Ends the import: the log goes on here, from the checkpoint that was signed of it.
    fn adopt<'a>(&'a self, log: &LogName, how: Adopt) -> BoxFuture<'a, Result<Committed, StoreError>>;

    /// Drops every row of a log, and folds its events again, in one transaction.
    fn rebuild<'a>(&'a self, log: &LogName) -> BoxFuture<'a, Result<RowsReport, StoreError>>;

    /// Tells of every commit from now on. One that lags behind is told so, and reads what it missed.
    fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>>;

    /// Keeps a secret (a token, a session, a workflow's HMAC key) apart from all else.
    fn secret_put<'a>(&'a self, kind: &str, key: &str, secret: Secret) -> BoxFuture<'a, Result<(), StoreError>>;

    /// A secret.
    fn secret_get<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<Option<Secret>, StoreError>>;

    /// The keys of all secrets of a kind, in order.
    fn secret_list<'a>(&'a self, kind: &str) -> BoxFuture<'a, Result<Vec<String>, StoreError>>;

    /// Forgets a secret; says whether it was there.
    fn secret_delete<'a>(&'a self, kind: &str, key: &str) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Finishes what was accepted, signs, and lets go of the store. Later calls answer [`StoreError::Closed`].
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}
