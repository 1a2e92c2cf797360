//! What a lane does besides batches: logs that are opened, taken over, folded again. Each has its own transaction.

use super::{Committed, Done, First, Job, Lane, Open};
use crate::batch::Batch;
use crate::contract::View as _;
use crate::error::StoreError;
use crate::fold::checked;
use crate::import::{Piece, check_covers, new_keys, prepare_piece};
use crate::keys;
use crate::lookup::{of_event, of_payload};
use crate::postgres::buffer::{LEFT_OUT, put_lookups};
use crate::postgres::signer::SignJob;
use crate::postgres::view::{LogRow, PgView, hold_log, log_row, put_rows, to_sql};
use crate::prepare::{look_up, prepare};
use crate::rows::RowsReport;
use seatrial_ledger::empty_root;
use seatrial_model::{Event, LogName, LogPoint};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Rows or lookups that one statement writes.
const CHUNK: usize = 5_000;

impl Lane {
    pub(super) fn alone(&mut self, job: Job) {
        match job {
            Job::Open { log, origin, first, reply } => {
                let opened = self.guarded(|lane| lane.open(&log, &origin, first));
                let _ = reply.send(opened);
            }
            Job::BeginImport { log, origin, key, reply } => {
                let _ = reply.send(self.guarded(|lane| lane.begin_import(&log, &origin, &key)));
            }
            Job::Import { log, piece, reply } => {
                let _ = reply.send(self.guarded(|lane| lane.import(&log, piece)));
            }
            Job::Adopt { log, key, checkpoint, last, reply } => {
                let _ = reply.send(self.guarded(|lane| lane.adopt(&log, &key, &checkpoint, last)));
            }
            Job::Rebuild { log, reply } => {
                let _ = reply.send(self.guarded(|lane| lane.rebuild(&log)));
            }
            Job::Renew { log, reply } => {
                let _ = reply.send(self.guarded(|lane| lane.renew(&log)));
            }
            // `run` does these itself.
            Job::Transact { .. } | Job::Close { .. } => {}
        }
    }

    fn guarded<T>(&mut self, run: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let outcome = catch_unwind(AssertUnwindSafe(|| run(self))).unwrap_or(Err(StoreError::Panicked));
        if outcome.is_err() {
            self.take_back();
        }
        outcome
    }

    fn open(&mut self, log: &LogName, origin: &str, first: First) -> Result<Committed, StoreError> {
        self.db.ready()?;
        // No key is drawn for a log that is there.
        match log_row(&self.db, log) {
            Ok(_) => return Err(StoreError::LogExists(log.clone())),
            Err(StoreError::NoLog(_)) => {}
            Err(error) => return Err(error),
        }
        // The key is on the disk before the log that needs it.
        let seed = self.folder.seed(&self.keys, log, origin, true)?;
        let key = keys::signer(log, origin, &seed)?.verifier_key().to_string();
        let batch = first(&key);
        if batch.events.is_empty() {
            return Err(StoreError::Invalid(format!("the log `{log}` was not opened: its first batch has no event")));
        }
        self.db.batch("BEGIN")?;
        self.insert_log(log, origin, &key)?;
        let mut open = self.hold(log)?;
        let done = self.take(&mut open, batch)?;
        self.finish(open, done)
    }

    /// Makes a log's row, without entries.
    fn insert_log(&self, log: &LogName, origin: &str, key: &str) -> Result<(), StoreError> {
        let sql =
            "INSERT INTO logs (name, origin, key, size, root, epoch, rows_version) VALUES ($1, $2, $3, 0, $4, 0, $5)
                   ON CONFLICT (name) DO NOTHING";
        let (root, version) = (empty_root(), i64::from(self.projector.version()));
        match self.db.execute(sql, &[&log.as_str(), &origin, &key, &root.as_bytes().as_slice(), &version])? {
            0 => Err(StoreError::LogExists(log.clone())),
            _ => Ok(()),
        }
    }

    fn take(&self, open: &mut Open, batch: Batch) -> Result<Done, StoreError> {
        let mut prepared = prepare(&self.view(open), batch)?;
        look_up(&self.view(open), &mut prepared)?;
        let committed = self.write(open, &prepared)?;
        Ok(Done { prepared, key: None, committed })
    }

    fn finish(&mut self, mut open: Open, done: Done) -> Result<Committed, StoreError> {
        let done = [done];
        self.commit(&mut open, &done)?;
        let [done] = done;
        Ok(done.committed)
    }

    fn begin_import(&mut self, log: &LogName, origin: &str, key: &str) -> Result<(), StoreError> {
        self.db.ready()?;
        self.db.batch("BEGIN")?;
        self.insert_log(log, origin, key)?;
        self.db.batch("COMMIT")
    }

    fn import(&mut self, log: &LogName, piece: Piece) -> Result<u64, StoreError> {
        let mut open = self.begin(log)?;
        let prepared = prepare_piece(&self.view(&open), piece)?;
        let committed = self.write(&mut open, &prepared)?;
        let events: Vec<Event> = prepared.entries.iter().map(|e| (*e.event).clone()).collect();
        if let Some((_, key)) = new_keys(&events).last() {
            open.key = Some(key.to_owned());
        }
        let size = committed.size;
        // What is taken over is nobody's news.
        self.told.begins(log, size);
        self.commit(&mut open, &[Done { prepared, key: None, committed }])?;
        Ok(size)
    }

    /// What was taken over has to be what its checkpoint is over; then the log goes on.
    fn adopt(&mut self, log: &LogName, key: &str, checkpoint: &str, last: Batch) -> Result<Committed, StoreError> {
        let mut open = self.begin(log)?;
        let point = LogPoint { size: open.frontier.size(), root: open.frontier.root() };
        check_covers(log, checkpoint, &open.row.info.origin, &point)?;
        let named = new_keys(&last.events).map(|(_, key)| key.to_owned()).last();
        if named.as_deref().unwrap_or(&open.row.info.key) != key {
            let what = format!("it is `{key}`, and the log was signed with `{}`", open.row.info.key);
            return Err(StoreError::Key { log: log.clone(), what });
        }
        let sql = "INSERT INTO checkpoints (log, size, note) VALUES ($1, $2, $3)";
        self.db.execute(sql, &[&open.row.id, &to_sql(point.size), &checkpoint])?;
        let sql = "UPDATE payloads SET erased_by = $3 WHERE log = $1 AND erased_by = $2";
        self.db.execute(sql, &[&open.row.id, &LEFT_OUT, &to_sql(point.size)])?;
        open.key = Some(key.to_owned());
        let done = self.take(&mut open, last)?;
        let committed = self.finish(open, done)?;
        let _ = self.signer.send(SignJob::Dirty);
        Ok(committed)
    }

    /// Folds a log's events again and puts the outcome in the place of its rows.
    fn rebuild(&mut self, log: &LogName) -> Result<RowsReport, StoreError> {
        self.db.ready()?;
        self.db.batch("BEGIN")?;
        let row = hold_log(&self.db, log)?;
        let report = self.fold_again(log, &row)?;
        self.db.batch("COMMIT")?;
        Ok(report)
    }

    /// The same, where another version folded the rows; says whether it was needed.
    fn renew(&mut self, log: &LogName) -> Result<bool, StoreError> {
        self.db.ready()?;
        self.db.batch("BEGIN")?;
        let row = hold_log(&self.db, log)?;
        let version = i64::from(self.projector.version());
        if row.rows_version > version {
            // A newer node is at work: folding back would take its rows from it.
            let number = |version| u32::try_from(version).unwrap_or(u32::MAX);
            let (found, expected) = (number(row.rows_version), self.projector.version());
            return Err(StoreError::RowsVersion { log: log.clone(), found, expected });
        }
        let renews = row.rows_version < version;
        if renews {
            self.fold_again(log, &row)?;
        }
        self.db.batch("COMMIT")?;
        Ok(renews)
    }

    fn fold_again(&mut self, log: &LogName, row: &LogRow) -> Result<RowsReport, StoreError> {
        let (db, id) = (&self.db, row.id);
        let view = PgView { db, log, id, size: row.info.size, writing: None };
        let (folded, report) = checked(&view, &*self.projector)?;
        db.execute("DELETE FROM rows WHERE log = $1", &[&id])?;
        let rows: Vec<_> = folded.rows.into_iter().collect();
        for chunk in rows.chunks(CHUNK) {
            let (mut tables, mut keys, mut values) = (Vec::new(), Vec::new(), Vec::new());
            for ((table, key), value) in chunk.iter().cloned() {
                tables.push(table);
                keys.push(key);
                values.push(value);
            }
            put_rows(db, id, &tables, &keys, &values)?;
        }
        self.look_again(log, row)?;
        let sql = "UPDATE logs SET rows_version = $2, epoch = epoch + 1 WHERE id = $1";
        self.db.execute(sql, &[&id, &i64::from(self.projector.version())])?;
        self.writing.hot.forget();
        self.logs.remove(log);
        Ok(report)
    }

    /// Makes a log's lookups again.
    fn look_again(&self, log: &LogName, row: &LogRow) -> Result<(), StoreError> {
        let (db, id) = (&self.db, row.id);
        let view = PgView { db, log, id, size: row.info.size, writing: None };
        db.execute("DELETE FROM lookups WHERE log = $1", &[&id])?;
        let mut found: Vec<(i64, i64)> = Vec::new();
        let write = |found: &mut Vec<(i64, i64)>| {
            let (hashes, indexes): (Vec<i64>, Vec<i64>) = std::mem::take(found).into_iter().unzip();
            put_lookups(db, id, &hashes, &indexes)
        };
        crate::fold::each_entry(&view, |entries| {
            for entry in entries {
                let event = entry.event(log)?;
                found.extend(of_event(self.projector.found_by(&event)).map(|l| (l.0, to_sql(entry.index))));
            }
            if found.len() > CHUNK { write(&mut found) } else { Ok(()) }
        })?;
        let mut after = None;
        loop {
            let page = view.payloads(after, CHUNK)?;
            for commitment in &page {
                if let Some(held) = view.payload(commitment)?.and_then(crate::Payload::held) {
                    let lookups = of_payload(commitment, held.case.as_deref());
                    found.extend(lookups.map(|l| (l.0, to_sql(held.index))));
                }
            }
            if found.len() > CHUNK {
                write(&mut found)?;
            }
            after = page.last().copied();
            if page.len() < CHUNK {
                return write(&mut found);
            }
        }
    }
}
