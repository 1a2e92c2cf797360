//! Finding out what became of a commit whose answer was lost.

use super::Lane;
use crate::error::StoreError;
use crate::postgres::view::hold_log;
use seatrial_model::{EventId, LogName};
use std::time::{Duration, Instant};

/// How long it is tried to find out; whoever asked waits as long.
const SETTLED_WITHIN: Duration = Duration::from_secs(10);

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(100);

impl Lane {
    /// Looks whether a transaction is there that was to be committed when the connection was lost. Whoever holds the
    /// log's row knows that it has ended, one way or the other.
    pub(super) fn settle(&mut self, log: &LogName, ids: &[EventId], error: StoreError) -> Result<(), StoreError> {
        let Some(id) = ids.first() else {
            return Err(StoreError::Unsettled(error.to_string()));
        };
        let began = Instant::now();
        self.db.let_go();
        loop {
            match self.look_for(log, *id) {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let what =
                        format!("it was lost under a commit, which did not come about; nothing was recorded ({error})");
                    return Err(StoreError::Database(what));
                }
                Err(again) if began.elapsed() > SETTLED_WITHIN => {
                    tracing::error!(%log, error = %again, "what became of a commit could not be found out");
                    return Err(StoreError::Unsettled(again.to_string()));
                }
                Err(_) => {
                    self.db.let_go();
                    std::thread::sleep(PAUSE);
                }
            }
        }
    }

    fn look_for(&mut self, log: &LogName, id: EventId) -> Result<bool, StoreError> {
        self.db.transaction("BEGIN", |db| {
            let row = match hold_log(db, log) {
                // It was the transaction that made the log.
                Err(StoreError::NoLog(_)) => return Ok(false),
                other => other?,
            };
            let sql = "SELECT idx FROM events WHERE log = $1 AND id = $2";
            let id = id.uuid().into_bytes().to_vec();
            Ok(db.one(sql, &[&row.id, &id], |r| r.try_get::<_, i64>(0))?.is_some())
        })
    }
}
