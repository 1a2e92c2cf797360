//! The thread that signs checkpoints: about once a second while the log grows, on demand, and at the end.
//!
//! A checkpoint is seen by nobody before it is remembered outside the database. Before each signature the log
//! must extend the one that is remembered: an old copy or a rewritten history is not signed.

use super::job::{Job, Reply};
use super::readers::in_transaction;
use super::view::{Newest as Lookups, SqlView, log_row};
use crate::contract::Attest;
use crate::error::StoreError;
use crate::fold::check_extends;
use crate::folder::Folder;
use rusqlite::Connection;
use seatrial_ledger::{Checkpoint, CheckpointError, Note, NoteError, NoteSignature, Signer, VerifierKey};
use seatrial_model::{LogName, LogPoint};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// How often checkpoints are signed in the background, at most: an entry waits that long for its signature.
pub const SIGN_EVERY: Duration = Duration::from_secs(1);

/// A log's key.
#[derive(Clone)]
pub(crate) struct Signing {
    pub(crate) log: LogName,
    pub(crate) origin: String,
    pub(crate) signer: Signer,
    /// The key before it, where the first checkpoint over the entry that names its successor is still to be signed.
    pub(crate) before: Option<Signer>,
}

/// A checkpoint of a log, by whichever of its keys.
pub(crate) fn open_by_any(note: &[u8], known: &[VerifierKey]) -> Result<Checkpoint, CheckpointError> {
    let mut opened = Err(CheckpointError::Malformed("the log has no key"));
    for key in known {
        opened = Checkpoint::open(note, key).map(|(checkpoint, _)| checkpoint);
        if opened.is_ok() {
            break;
        }
    }
    opened
}

impl Signing {
    pub(crate) fn key(&self) -> String {
        self.signer.verifier_key().to_string()
    }

    /// A checkpoint, signed; by both keys, where one follows the other.
    pub(crate) fn sign(&self, point: &LogPoint) -> Result<String, StoreError> {
        let mut note = Checkpoint::new(self.origin.as_str(), point.size, point.root)
            .sign(self.before.as_ref().unwrap_or(&self.signer))
            .map_err(|e| StoreError::Key { log: self.log.clone(), what: e.to_string() })?;
        note.sign(&self.signer);
        Ok(note.to_string())
    }
}

/// The newest checkpoint of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Newest {
    pub(crate) point: LogPoint,
    pub(crate) note: String,
}

/// The newest checkpoint of every log that has one.
pub(crate) type NewestMap = Arc<RwLock<BTreeMap<LogName, Newest>>>;

pub(crate) enum SignJob {
    /// A log has grown.
    Dirty,
    /// A log was opened.
    Add(Box<Signing>),
    /// Sign now.
    Now { log: LogName, reply: Reply<String> },
    /// Sign something that is no checkpoint.
    Attest { log: LogName, what: Attest, reply: Reply<String> },
    /// Witnesses have cosigned the checkpoint of this point.
    Cosigned { log: LogName, point: LogPoint, lines: Vec<NoteSignature>, reply: Reply<bool> },
    /// Sign all that has grown, and end.
    Close,
}

pub(crate) struct SignerThread {
    pub(crate) conn: Connection,
    pub(crate) folder: Folder,
    pub(crate) keys: BTreeMap<LogName, Signing>,
    pub(crate) newest: NewestMap,
    pub(crate) jobs: Receiver<SignJob>,
    pub(crate) writer: Sender<Job>,
    /// Set by the writer with a [`SignJob::Dirty`]: one message for each round of signing is enough.
    pub(crate) unsigned: Arc<AtomicBool>,
}

impl SignerThread {
    pub(crate) fn run(mut self) {
        let mut dirty = false;
        let mut signed_at: Option<Instant> = None;
        loop {
            let job = if dirty {
                let wait = signed_at.map_or(Duration::ZERO, |at| SIGN_EVERY.saturating_sub(at.elapsed()));
                self.jobs.recv_timeout(wait)
            } else {
                self.jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match job {
                Ok(SignJob::Dirty) => dirty = true,
                Ok(SignJob::Add(signing)) => {
                    self.keys.insert(signing.log.clone(), *signing);
                    dirty = true;
                }
                Ok(SignJob::Now { log, reply }) => drop(reply.send(self.sign(&log))),
                Ok(SignJob::Attest { log, what, reply }) => {
                    let signing = self.keys.get(&log).ok_or_else(|| StoreError::NoLog(log.clone()));
                    drop(reply.send(signing.and_then(|signing| what.sign(&log, &signing.signer))));
                }
                Ok(SignJob::Cosigned { log, point, lines, reply }) => {
                    drop(reply.send(self.add_cosignatures(&log, &point, lines)));
                }
                Err(RecvTimeoutError::Timeout) => {
                    // Before anything is read: what grows from here on is told again.
                    self.unsigned.store(false, Ordering::SeqCst);
                    // One that failed is tried again: the disk may have room by then.
                    dirty = !self.sign_all();
                    signed_at = Some(Instant::now());
                }
                Ok(SignJob::Close) | Err(RecvTimeoutError::Disconnected) => {
                    self.sign_all();
                    return;
                }
            }
        }
    }

    /// Whether every log could be signed.
    fn sign_all(&mut self) -> bool {
        let logs: Vec<LogName> = self.keys.keys().cloned().collect();
        let failed = logs.iter().filter(|log| match self.sign(log) {
            Ok(_) => false,
            Err(error) => {
                tracing::error!(%log, %error, "a checkpoint was not signed");
                true
            }
        });
        failed.count() == 0
    }

    /// Keeps witnesses' signatures with the newest checkpoint, unless there is a newer one by now.
    fn add_cosignatures(&self, log: &LogName, point: &LogPoint, lines: Vec<NoteSignature>) -> Result<bool, StoreError> {
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner).get(log).cloned();
        let Some(newest) = newest.filter(|newest| newest.point == *point) else { return Ok(false) };
        let damaged = |e: NoteError| StoreError::Damaged { log: log.clone(), what: e.to_string() };
        let mut note = Note::parse(newest.note.as_bytes()).map_err(damaged)?;
        lines.into_iter().for_each(|line| note.add(line));
        self.remember(log, Newest { point: newest.point, note: note.to_string() })?;
        Ok(true)
    }

    /// Keeps a checkpoint outside the database first, and only then shows it.
    fn remember(&self, log: &LogName, newest: Newest) -> Result<(), StoreError> {
        self.folder.write_checkpoint(log, &newest.note)?;
        let note = newest.note.clone();
        self.newest.write().unwrap_or_else(PoisonError::into_inner).insert(log.clone(), newest);
        // The copy in the database shows a later start that a checkpoint's file has been lost.
        let _ = self.writer.send(Job::Signed { log: log.clone(), note });
        Ok(())
    }

    /// The key that an entry has named meanwhile signs from here on, together with the one before it.
    fn take_up(&mut self, log: &LogName, expected: &str) -> Result<(), StoreError> {
        let signing = self.keys.get_mut(log).ok_or_else(|| StoreError::NoLog(log.clone()))?;
        if signing.key() == expected {
            return Ok(());
        }
        match self.folder.staged(log, &signing.origin)? {
            Some(staged) if staged.verifier_key().to_string() == expected => {
                signing.before = Some(std::mem::replace(&mut signing.signer, staged));
                Ok(())
            }
            _ => {
                let what = format!("it is `{}`, and the log is to be signed with `{expected}`", signing.key());
                Err(StoreError::Key { log: log.clone(), what })
            }
        }
    }

    /// Signs a log as it stands, unless that has been done already.
    fn sign(&mut self, log: &LogName) -> Result<String, StoreError> {
        if !self.keys.contains_key(log) {
            return Err(StoreError::NoLog(log.clone()));
        }
        let newest = self.newest.read().unwrap_or_else(PoisonError::into_inner).get(log).cloned();
        let (point, key) = in_transaction(&self.conn, || {
            let row = log_row(&self.conn, log)?;
            let point = LogPoint { size: row.info.size, root: row.info.root };
            let view =
                SqlView { conn: &self.conn, log, id: row.id, size: point.size, hot: None, newest: Lookups::Unused };
            if let Some(newest) = &newest {
                check_extends(&view, log, point.size, &newest.point)?;
            }
            // What is signed is what the tiles say, not only what the log's row says.
            check_extends(&view, log, point.size, &point)?;
            Ok((point, row.info.key))
        })?;
        if let Some(newest) = newest.filter(|newest| newest.point == point) {
            return Ok(newest.note);
        }
        self.take_up(log, &key)?;
        let signing = self.keys.get(log).ok_or_else(|| StoreError::NoLog(log.clone()))?;
        let note = signing.sign(&point)?;
        let rotated = signing.before.is_some();
        self.remember(log, Newest { point, note: note.clone() })?;
        if rotated {
            // From here on the old key is gone. Where this fails both sign the next one too.
            match self.folder.promote(log) {
                Ok(()) => drop(self.keys.get_mut(log).and_then(|signing| signing.before.take())),
                Err(error) => tracing::error!(%log, %error, "the key that was followed was not removed"),
            }
        }
        Ok(note)
    }
}
