//! What the writer does while nobody asks for anything: it finishes erasures, and writes the lookups that wait.

use super::super::job::Job;
use super::super::schema::classify_ref;
use super::super::view::{execute, from_sql, to_sql};
use super::{SCRUB_EVERY, Writer};
use crate::error::StoreError;
use rusqlite::params;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How long nobody has to have asked for anything before lookups that wait are written by themselves.
const QUIET: Duration = Duration::from_millis(200);

impl Writer {
    /// Waits for a job; none where something else was done meanwhile.
    pub(super) fn next(&mut self) -> Option<Job> {
        // Without senders the store was dropped, which sends a `Close` first: this is only a safeguard.
        let close = || Job::Close { reply: channel().0 };
        let lookups = self.stopped.is_none() && !self.tired && !self.held.pending.waiting().is_empty();
        let wait = match (lookups, self.scrub.is_some()) {
            (true, _) => QUIET,
            (false, true) => SCRUB_EVERY,
            (false, false) => return Some(self.jobs.recv().unwrap_or_else(|_| close())),
        };
        match self.jobs.recv_timeout(wait) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => {
                if lookups && let Err(error) = self.write_lookups() {
                    // They are in the events; the next commit tries again.
                    tracing::warn!(%error, "lookups were not written");
                    self.tired = true;
                }
                None
            }
            Err(RecvTimeoutError::Disconnected) => Some(close()),
        }
    }

    /// Writes some of the lookups that wait, in a transaction of their own.
    pub(super) fn write_lookups(&mut self) -> Result<(), StoreError> {
        execute(&self.conn, "BEGIN IMMEDIATE", [])?;
        let (conn, pending) = (&self.conn, &self.held.pending);
        let written = pending.waiting().into_iter().try_for_each(|log| {
            let size: i64 = conn
                .query_row("SELECT size FROM logs WHERE id = ?1", [log], |r| r.get(0))
                .map_err(|e| classify_ref(&e))?;
            let looked = pending.write_out(conn, log, from_sql(size), true)?;
            execute(conn, "UPDATE logs SET looked = ?2 WHERE id = ?1", params![log, to_sql(looked)])
        });
        let committed = self.end(written);
        match &committed {
            Ok(()) => self.held.pending.committed(),
            Err(_) => self.held.pending.taken_back(),
        }
        committed
    }
}
