//! Keys that follow each other, and logs that are put back from their exports.

use super::super::append::{Applied, LogState, append_prepared, insert_log, settle_left_out};
use super::super::signer::Signing;
use super::super::view::{execute, log_row};
use super::Writer;
use crate::batch::Batch;
use crate::error::StoreError;
use crate::import::{Piece, check_covers, new_keys, prepare_piece};
use rusqlite::params;
use seatrial_model::{Body, LogName, LogPoint};
use std::collections::BTreeMap;

impl Writer {
    /// The key that a batch makes the log's own: it follows the one in force, and is ready.
    pub(super) fn rotated(&self, log: &LogName, batch: &Batch) -> Result<Option<String>, StoreError> {
        let mut found = new_keys(batch.all_events());
        let Some((event, new)) = found.next() else { return Ok(None) };
        let refused =
            |what: &str| Err(StoreError::Invalid(format!("the key of the log `{log}` was not changed: {what}")));
        if found.next().is_some() {
            return refused("a batch changes it once");
        }
        let Body::LogKeyRotated(rotated) = &event.body else { return refused("only a rotation does that") };
        let row = log_row(&self.conn, log)?;
        if rotated.old != row.info.key {
            return refused("the key in force is another one by now; begin again");
        }
        match self.folder.staged(log, &row.info.origin)? {
            Some(staged) if staged.verifier_key().to_string() == new => Ok(Some(new.to_owned())),
            _ => refused("the next key is not the one that the event names; begin again"),
        }
    }

    pub(super) fn set_key(&self, log: &LogName, key: &str) -> Result<(), StoreError> {
        execute(&self.conn, "UPDATE logs SET key = ?2 WHERE name = ?1", params![log.as_str(), key])
    }

    pub(super) fn begin_import(
        &self,
        log: &LogName,
        origin: &str,
        key: &str,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<(), StoreError> {
        match log_row(&self.conn, log) {
            Ok(_) => return Err(StoreError::LogExists(log.clone())),
            Err(StoreError::NoLog(_)) => {}
            Err(error) => return Err(error),
        }
        let state = insert_log(&self.conn, log, origin, key, self.projector.version())?;
        states.insert(log.clone(), state);
        Ok(())
    }

    pub(super) fn import(
        &self,
        log: &LogName,
        piece: Piece,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<u64, StoreError> {
        let mut state = self.state(log, states)?;
        let prepared = prepare_piece(&state.view(&self.conn, log, &self.held), piece)?;
        let applied = append_prepared(&self.conn, log, &mut state, (&*self.projector, &self.held), &prepared)?;
        let events: Vec<_> = prepared.entries.iter().map(|e| (*e.event).clone()).collect();
        if let Some((_, key)) = new_keys(&events).last() {
            self.set_key(log, key)?;
        }
        states.insert(log.clone(), state);
        Ok(applied.committed.size)
    }

    /// What was taken over has to be what its checkpoint is over; then the log goes on.
    pub(super) fn adopt(
        &self,
        log: &LogName,
        signing: &Signing,
        checkpoint: &str,
        last: Batch,
        states: &mut BTreeMap<LogName, LogState>,
    ) -> Result<Applied, StoreError> {
        let state = self.state(log, states)?;
        let row = log_row(&self.conn, log)?;
        let point = LogPoint { size: state.frontier.size(), root: state.frontier.root() };
        check_covers(log, checkpoint, &row.info.origin, &point)?;
        let named = new_keys(&last.events).map(|(_, key)| key.to_owned()).last();
        if named.as_ref().unwrap_or(&row.info.key) != &signing.key() {
            let what = format!("it is `{}`, and the log was signed with `{}`", signing.key(), row.info.key);
            return Err(StoreError::Key { log: log.clone(), what });
        }
        execute(&self.conn, "UPDATE logs SET note = ?2 WHERE name = ?1", params![log.as_str(), checkpoint])?;
        settle_left_out(&self.conn, row.id, point.size)?;
        self.set_key(log, &signing.key())?;
        self.apply(log, state, last, states)
    }
}
