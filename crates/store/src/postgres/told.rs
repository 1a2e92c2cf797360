//! What subscribers of this node were told: each log's commits in order and without a gap, whoever made them.

use super::db::Db;
use super::view::{PgView, log_row};
use crate::batch::Commit;
use crate::contract::{ENTRIES_READ_MAX, View as _};
use crate::error::StoreError;
use seatrial_model::LogName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use tokio::sync::broadcast;

/// How far a log was told, to be changed.
pub(crate) fn held(cell: &Mutex<u64>) -> MutexGuard<'_, u64> {
    cell.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who listens, and how far each log was told.
pub(crate) struct Told {
    sizes: Mutex<HashMap<LogName, Arc<Mutex<u64>>>>,
    commits: broadcast::Sender<Arc<Commit>>,
}

impl Told {
    pub(crate) fn new(lag_max: usize) -> Self {
        Self { sizes: Mutex::default(), commits: broadcast::Sender::new(lag_max) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    /// How far a log was told. Whoever commits holds it from before the commit until its own is told: otherwise what this
    /// node appended might be told as another's.
    pub(crate) fn of(&self, log: &LogName) -> Arc<Mutex<u64>> {
        let mut sizes = self.sizes.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(sizes.entry(log.clone()).or_default())
    }

    /// From here on a log is told of.
    pub(crate) fn begins(&self, log: &LogName, size: u64) {
        *held(&self.of(log)) = size;
    }

    /// Tells of this node's own commits; of those of others that came before them, first. Where these cannot be read now,
    /// nothing is told, and whoever follows the database tells all of it later.
    pub(crate) fn own(&self, db: &Db, log: &LogName, told: &mut u64, commits: Vec<Commit>) {
        let Some(first) = commits.first().map(|commit| commit.first_index) else { return };
        if let Err(error) = self.fill(db, log, told, first) {
            tracing::debug!(%log, %error, "commits of other nodes will be told later");
            return;
        }
        for commit in commits {
            let end = commit.first_index + commit.events.len() as u64;
            if commit.first_index == *told {
                *told = end;
                // Nobody has to listen.
                let _ = self.commits.send(Arc::new(commit));
            }
        }
    }

    /// Tells of what others appended, up to a size; says whether there was anything. Where this node is about to commit,
    /// that is told first.
    pub(crate) fn others(&self, db: &Db, log: &LogName, size: u64) -> Result<bool, StoreError> {
        let cell = self.of(log);
        let mut told = match cell.try_lock() {
            Ok(told) => told,
            Err(TryLockError::Poisoned(told)) => told.into_inner(),
            Err(TryLockError::WouldBlock) => return Ok(false),
        };
        let before = *told;
        self.fill(db, log, &mut told, size)?;
        Ok(*told > before)
    }

    fn fill(&self, db: &Db, log: &LogName, told: &mut u64, until: u64) -> Result<(), StoreError> {
        if *told >= until {
            return Ok(());
        }
        let row = log_row(db, log)?;
        let view = PgView { db, log, id: row.id, size: row.info.size, writing: None };
        while *told < until {
            let wanted = usize::try_from(until - *told).unwrap_or(ENTRIES_READ_MAX);
            let entries = view.entries(*told, wanted)?;
            if entries.is_empty() {
                return Ok(());
            }
            let first_index = *told;
            let mut events = Vec::with_capacity(entries.len());
            for entry in entries {
                events.push(Arc::new(entry.event(log)?));
            }
            *told += events.len() as u64;
            let _ = self.commits.send(Arc::new(Commit { log: log.clone(), first_index, events, foreign: true }));
        }
        Ok(())
    }
}
