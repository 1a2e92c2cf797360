//! What subscribers of this node were told: each log's commits in order and without a gap, whoever made them.

use super::db::Db;
use super::view::{PgView, log_row};
use crate::batch::Commit;
use crate::contract::{ENTRIES_READ_MAX, View as _};
use crate::error::StoreError;
use seatrial_model::LogName;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::broadcast;

/// Who listens, and how far each log was told.
pub(crate) struct Told {
    sizes: Mutex<HashMap<LogName, u64>>,
    commits: broadcast::Sender<Arc<Commit>>,
}

impl Told {
    pub(crate) fn new(lag_max: usize) -> Self {
        Self { sizes: Mutex::default(), commits: broadcast::Sender::new(lag_max) }
    }

    pub(crate) fn subscribe(&self) -> broadcast::Receiver<Arc<Commit>> {
        self.commits.subscribe()
    }

    fn sizes(&self) -> MutexGuard<'_, HashMap<LogName, u64>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From here on a log is told of.
    pub(crate) fn begins(&self, log: &LogName, size: u64) {
        self.sizes().insert(log.clone(), size);
    }

    /// How far a log was told.
    pub(crate) fn size(&self, log: &LogName) -> u64 {
        self.sizes().get(log).copied().unwrap_or(0)
    }

    /// Tells of this node's own commits; of those of others that came before them, first. Where these cannot be read now,
    /// nothing is told, and whoever follows the database tells all of it later.
    pub(crate) fn own(&self, db: &Db, log: &LogName, commits: Vec<Commit>) {
        let Some(first) = commits.first().map(|commit| commit.first_index) else { return };
        let mut sizes = self.sizes();
        let told = sizes.entry(log.clone()).or_insert(0);
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

    /// Tells of what others appended, up to a size.
    pub(crate) fn others(&self, db: &Db, log: &LogName, size: u64) -> Result<(), StoreError> {
        let mut sizes = self.sizes();
        let told = sizes.entry(log.clone()).or_insert(0);
        self.fill(db, log, told, size)
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
