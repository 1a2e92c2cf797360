//! The end of a transaction: what waits in memory is sent and committed, and everybody is told.

use super::{Done, Known, Lane, Open, Reply, again};
use crate::batch::{Commit, Committed};
use crate::error::StoreError;
use crate::postgres::signer::SignJob;
use crate::postgres::told::held;
use crate::postgres::view::to_sql;
use seatrial_model::{EventId, LogName};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;

impl Lane {
    /// Sends what waits in memory, commits, and tells everybody: subscribers first, so that who reads an answer may rely on
    /// what they have been told.
    pub(super) fn commit(&mut self, open: &mut Open, done: &[Done]) -> Result<(), StoreError> {
        match catch_unwind(AssertUnwindSafe(|| self.send(open))).unwrap_or(Err(StoreError::Panicked)) {
            Ok(()) => {}
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        }
        let cell = self.told.of(&open.log);
        let mut told = held(&cell);
        let committed = self.db.batch("COMMIT");
        let committed = match committed {
            Err(error) if !self.db.is_there() || self.db.batch("SELECT").is_err() => {
                let ids: Vec<EventId> = done.iter().flat_map(|done| done.prepared.ids()).collect();
                self.settle(&open.log, &ids, error)
            }
            other => other,
        };
        match &committed {
            Ok(()) => {
                let frontier = std::mem::take(&mut open.frontier);
                self.logs.insert(open.log.clone(), Known { epoch: open.row.epoch + 1, frontier });
                self.writing.hot.trim();
                self.tell(&open.log, &mut told, done);
            }
            Err(_) => self.take_back(),
        }
        committed
    }

    fn send(&self, open: &Open) -> Result<(), StoreError> {
        let view = self.view(open);
        view.flush()?;
        view.flush_rows(None)?;
        let size = open.frontier.size();
        let (mut levels, mut numbers, mut tiles) = (Vec::new(), Vec::new(), Vec::new());
        for tile in open.filled.iter().chain(&open.frontier.grown_since(open.before)) {
            levels.push(i16::from(tile.level));
            numbers.push(to_sql(tile.n));
            tiles.push(tile.to_bytes());
        }
        if !tiles.is_empty() {
            let sql = "INSERT INTO tiles (log, level, n, bytes)
                       SELECT $1, * FROM UNNEST($2::smallint[], $3::bigint[], $4::bytea[])
                       ON CONFLICT (log, level, n) DO UPDATE SET bytes = excluded.bytes";
            self.db.execute(sql, &[&open.row.id, &levels, &numbers, &tiles])?;
        }
        let key = open.key.as_ref().unwrap_or(&open.row.info.key);
        let root = open.frontier.root();
        let sql = "UPDATE logs SET size = $3, root = $4, key = $5, epoch = epoch + 1 WHERE id = $1 AND epoch = $2";
        let root = root.as_bytes().as_slice();
        if self.db.execute(sql, &[&open.row.id, &open.row.epoch, &to_sql(size), &root, key])? != 1 {
            return Err(StoreError::Database("another node holds the log by now; nothing was recorded".to_owned()));
        }
        let channel = self.db.place().channel();
        self.db.execute("SELECT pg_notify($1, $2)", &[&channel, &open.log.as_str()]).map(drop)
    }

    /// Answers those whose batches shared the transaction.
    pub(super) fn answer(
        done: Vec<Done>,
        waiting: Vec<(Reply<Committed>, OwnedSemaphorePermit)>,
        committed: Result<(), StoreError>,
    ) {
        for (done, (reply, permit)) in done.into_iter().zip(waiting) {
            let answer = match &committed {
                Ok(()) => Ok(done.committed),
                Err(error) => Err(again(error)),
            };
            let _ = reply.send(answer);
            drop(permit);
        }
    }

    fn tell(&self, log: &LogName, told: &mut u64, done: &[Done]) {
        let commits = done.iter().filter(|done| !done.prepared.entries.is_empty()).map(|done| {
            let events = done.prepared.entries.iter().map(|entry| Arc::clone(&entry.event)).collect();
            Commit { log: log.clone(), first_index: done.prepared.first_index, events, foreign: false }
        });
        self.told.own(&self.db, log, told, commits.collect());
        let _ = self.signer.send(SignJob::Dirty);
    }
}
