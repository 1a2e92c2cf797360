//! The thread that signs checkpoints: about once a second while logs grow, on demand, and at the end.
//!
//! One node at a time signs a log (an advisory lock). Before each signature the log must extend the newest checkpoint in
//! the database, and the newest that this node remembers outside of it: an old copy is not signed.

use super::db::Db;
use super::lane::Reply;
use super::view::{LogRow, PgView, all_logs, log_row, to_sql};
use crate::contract::Attest;
use crate::error::StoreError;
use crate::fold::check_extends;
use crate::folder::Folder;
use crate::keys::{KeySource, signer};
use seatrial_ledger::{Checkpoint, Note, NoteError, NoteSignature};
use seatrial_model::{LogName, LogPoint};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// How often checkpoints are signed in the background, at most.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// The first half of the number of the lock that a signer holds; the second is the log's.
const SIGNS: i32 = 0x5EA7;

pub(crate) enum SignJob {
    /// A log has grown.
    Dirty,
    Now {
        log: LogName,
        reply: Reply<String>,
    },
    Attest {
        log: LogName,
        what: Attest,
        reply: Reply<String>,
    },
    Cosigned {
        log: LogName,
        point: LogPoint,
        lines: Vec<NoteSignature>,
        reply: Reply<bool>,
    },
    /// Sign all that has grown, and end.
    Close {
        reply: std::sync::mpsc::Sender<()>,
    },
}

pub(crate) struct SignerThread {
    pub(crate) db: Db,
    pub(crate) folder: Folder,
    pub(crate) keys: KeySource,
    pub(crate) jobs: Receiver<SignJob>,
}

/// The newest checkpoint of a log.
pub(crate) struct Newest {
    pub(crate) point: LogPoint,
    pub(crate) note: String,
}

impl Newest {
    /// Of the text of a signed note.
    pub(crate) fn read(log: &LogName, note: String) -> Result<Self, StoreError> {
        let damaged = |what: String| StoreError::Damaged { log: log.clone(), what };
        let parsed = Note::parse(note.as_bytes()).map_err(|e| damaged(e.to_string()))?;
        let said = Checkpoint::parse(parsed.text()).map_err(|e| damaged(e.to_string()))?;
        Ok(Self { point: LogPoint { size: said.size, root: said.root }, note })
    }
}

/// The newest checkpoint in the database.
pub(crate) fn newest(db: &Db, log: &LogName, id: i64) -> Result<Option<Newest>, StoreError> {
    let sql = "SELECT note FROM checkpoints WHERE log = $1 ORDER BY size DESC, seq DESC LIMIT 1";
    db.one(sql, &[&id], |r| r.try_get(0))?.map(|note| Newest::read(log, note)).transpose()
}

/// That a log extends the newest checkpoint that is kept in the database, and the newest that this node remembers.
pub(crate) fn check(db: &Db, folder: &Folder, row: &LogRow) -> Result<Option<Newest>, StoreError> {
    let (log, size) = (&row.info.log, row.info.size);
    let view = PgView { db, log, id: row.id, size, writing: None };
    let newest = newest(db, log, row.id)?;
    let remembered = folder.read_checkpoint(log)?.map(|note| Newest::read(log, note)).transpose()?;
    for point in newest.iter().chain(&remembered).map(|newest| &newest.point) {
        check_extends(&view, log, size, point)?;
    }
    Ok(newest)
}

impl SignerThread {
    pub(crate) fn run(mut self) {
        let mut dirty = true;
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
                Ok(SignJob::Now { log, reply }) => drop(reply.send(self.sign(&log))),
                Ok(SignJob::Attest { log, what, reply }) => drop(reply.send(self.attest(&log, &what))),
                Ok(SignJob::Cosigned { log, point, lines, reply }) => {
                    drop(reply.send(self.add_cosignatures(&log, &point, lines)));
                }
                // One that failed is tried again: the database may be back by then.
                Err(RecvTimeoutError::Timeout) => {
                    dirty = !self.sign_all();
                    signed_at = Some(Instant::now());
                }
                Ok(SignJob::Close { reply }) => {
                    self.sign_all();
                    let _ = reply.send(());
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Whether every log could be signed that this node has the key of.
    fn sign_all(&mut self) -> bool {
        let logs = self.db.ready().and_then(|()| all_logs(&self.db));
        let logs = match logs {
            Ok(logs) => logs,
            Err(error) => {
                tracing::debug!(%error, "nothing was signed");
                self.db.let_go();
                return false;
            }
        };
        let failed = logs.iter().filter(|row| match self.sign(&row.info.log) {
            // Another node has the key: it signs.
            Ok(_) | Err(StoreError::Key { .. }) => false,
            Err(error) => {
                tracing::error!(log = %row.info.log, %error, "a checkpoint was not signed");
                true
            }
        });
        failed.count() == 0
    }

    /// Runs within a transaction in which nobody else signs this log.
    fn alone<T>(
        &mut self,
        log: &LogName,
        run: impl FnOnce(&Db, &Folder, &KeySource, LogRow) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let (folder, keys) = (&self.folder, &self.keys);
        self.db.transaction("BEGIN", |db| {
            let row = log_row(db, log)?;
            let number = i32::try_from(row.id).unwrap_or(i32::MAX);
            db.execute("SELECT pg_advisory_xact_lock($1, $2)", &[&SIGNS, &number])?;
            // As it stands now that nobody else signs.
            run(db, folder, keys, log_row(db, log)?)
        })
    }

    /// Signs a log as it stands, unless that has been done already.
    fn sign(&mut self, log: &LogName) -> Result<String, StoreError> {
        let (note, rotated) = self.alone(log, |db, folder, keys, row| {
            let info = &row.info;
            let point = LogPoint { size: info.size, root: info.root };
            let newest = check(db, folder, &row)?;
            // What is signed is what the tiles say, not only what the log's row says.
            let view = PgView { db, log, id: row.id, size: info.size, writing: None };
            check_extends(&view, log, info.size, &point)?;
            let (signer, before) = folder.signers(keys, log, &info.origin, &info.key)?;
            if let Some(newest) = newest.filter(|newest| newest.point == point) {
                return Ok((newest.note, false));
            }
            let mut note = Checkpoint::new(info.origin.as_str(), point.size, point.root)
                .sign(before.as_ref().unwrap_or(&signer))
                .map_err(|e| StoreError::Key { log: log.clone(), what: e.to_string() })?;
            note.sign(&signer);
            let note = note.to_string();
            // It is remembered outside the database before anybody sees it.
            folder.write_checkpoint(log, &note)?;
            let sql = "INSERT INTO checkpoints (log, size, note) VALUES ($1, $2, $3)";
            db.execute(sql, &[&row.id, &to_sql(point.size), &note])?;
            Ok((note, before.is_some()))
        })?;
        if rotated && let Err(error) = self.folder.promote(log) {
            // Both sign the next one, too.
            tracing::error!(%log, %error, "the key that was followed was not removed");
        }
        Ok(note)
    }

    fn attest(&mut self, log: &LogName, what: &Attest) -> Result<String, StoreError> {
        self.db.ready()?;
        let row = log_row(&self.db, log)?;
        let (signer, _) = self.folder.signers(&self.keys, log, &row.info.origin, &row.info.key)?;
        what.sign(log, &signer)
    }

    /// Keeps witnesses' signatures with the newest checkpoint, unless there is a newer one by now.
    fn add_cosignatures(
        &mut self,
        log: &LogName,
        point: &LogPoint,
        lines: Vec<NoteSignature>,
    ) -> Result<bool, StoreError> {
        self.alone(log, |db, folder, _, row| {
            let Some(found) = newest(db, log, row.id)?.filter(|newest| newest.point == *point) else {
                return Ok(false);
            };
            let damaged = |e: NoteError| StoreError::Damaged { log: log.clone(), what: e.to_string() };
            let mut note = Note::parse(found.note.as_bytes()).map_err(damaged)?;
            lines.into_iter().for_each(|line| note.add(line));
            let note = note.to_string();
            folder.write_checkpoint(log, &note)?;
            let sql = "INSERT INTO checkpoints (log, size, note) VALUES ($1, $2, $3)";
            db.execute(sql, &[&row.id, &to_sql(point.size), &note])?;
            Ok(true)
        })
    }
}

/// Makes the next key of a log ready on this node.
pub(crate) fn stage(folder: &Folder, row: &LogRow, seed: &crate::keys::Seed) -> Result<String, StoreError> {
    let log = &row.info.log;
    let next = signer(log, &row.info.origin, seed)?.verifier_key().to_string();
    if next == row.info.key {
        let what = "the key in force cannot follow itself; no key was staged".to_owned();
        return Err(StoreError::Key { log: log.clone(), what });
    }
    folder.stage(log, seed)?;
    Ok(next)
}
