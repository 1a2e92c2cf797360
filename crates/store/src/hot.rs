//! Rows that the writer holds in memory: those that a group of batches changed and that are written once, at its end,
//! and those that are read again with every decision. Nobody else writes, so what is held is what the database says.

use std::cell::RefCell;
use std::collections::HashMap;

/// The most rows held between commits; beyond it all are let go. Counts, releases and callers are far fewer.
const ROWS_MAX: usize = 4_096;

/// The longest row held between commits.
const ROW_BYTES_MAX: usize = 4_096;

/// A change to a row: its table, and its key with the new value; none where it goes.
pub(crate) type Change = (String, Vec<u8>, Option<Vec<u8>>);

/// The rows held, of every log.
#[derive(Default)]
pub(crate) struct Hot(RefCell<Held>);

#[derive(Default)]
struct Held {
    /// Counts changes; it never goes back.
    changes: u64,
    /// What `changes` was when everything was last let go: older stamps say nothing.
    since: u64,
    /// By the log's number, then by table.
    logs: HashMap<i64, HashMap<String, Table>>,
    /// How many rows are held.
    rows: usize,
}

#[derive(Default)]
struct Table {
    /// What `changes` was at the last change of this table.
    changed: u64,
    rows: HashMap<Vec<u8>, Known>,
    /// Keys that the database does not have as they are here.
    dirty: Vec<Vec<u8>>,
}

struct Known {
    value: Option<Vec<u8>>,
    dirty: bool,
    /// Whether anybody read it: what is only written is not kept.
    read: bool,
}

impl Hot {
    /// A row, where it is held: its value, or that it is not there.
    pub(crate) fn get(&self, log: i64, table: &str, key: &[u8]) -> Option<Option<Vec<u8>>> {
        let mut held = self.0.borrow_mut();
        let known = held.logs.get_mut(&log)?.get_mut(table)?.rows.get_mut(key)?;
        known.read = true;
        Some(known.value.clone())
    }

    /// Holds what the database said of a row.
    pub(crate) fn learn(&self, log: i64, table: &str, key: &[u8], value: Option<&[u8]>) {
        if value.is_some_and(|value| value.len() > ROW_BYTES_MAX) {
            return;
        }
        let mut held = self.0.borrow_mut();
        let known = Known { value: value.map(<[u8]>::to_vec), dirty: false, read: true };
        if held.table(log, table).rows.insert(key.to_vec(), known).is_none() {
            held.rows += 1;
        }
    }

    /// Changes a row; none takes it away.
    pub(crate) fn put(&self, log: i64, table: &str, key: &[u8], value: Option<&[u8]>) {
        let mut held = self.0.borrow_mut();
        held.changes += 1;
        let changes = held.changes;
        let found = held.table(log, table);
        found.changed = changes;
        let value = value.map(<[u8]>::to_vec);
        match found.rows.get_mut(key) {
            Some(known) => {
                known.value = value;
                if !known.dirty {
                    known.dirty = true;
                    found.dirty.push(key.to_vec());
                }
            }
            None => {
                found.rows.insert(key.to_vec(), Known { value, dirty: true, read: false });
                found.dirty.push(key.to_vec());
                held.rows += 1;
            }
        }
    }

    /// A number that is another one after every change of a table's rows.
    pub(crate) fn stamp(&self, log: i64, table: &str) -> u64 {
        let held = self.0.borrow();
        held.logs.get(&log).and_then(|tables| tables.get(table)).map_or(held.since, |t| t.changed.max(held.since))
    }

    /// Takes the changes that the database does not have yet (of one table, or of all) in the order of their keys.
    pub(crate) fn take_changes(&self, log: i64, only: Option<&str>) -> Vec<Change> {
        let mut held = self.0.borrow_mut();
        let mut changes: Vec<Change> = Vec::new();
        let mut gone = 0;
        for (name, table) in held.logs.get_mut(&log).into_iter().flatten() {
            if only.is_some_and(|only| only != name) {
                continue;
            }
            for key in std::mem::take(&mut table.dirty) {
                let Some(known) = table.rows.get_mut(&key) else { continue };
                known.dirty = false;
                let keeps = known.read && known.value.as_ref().is_none_or(|value| value.len() <= ROW_BYTES_MAX);
                let value = if keeps { known.value.clone() } else { known.value.take() };
                if !keeps {
                    table.rows.remove(&key);
                    gone += 1;
                }
                changes.push((name.clone(), key, value));
            }
        }
        held.rows = held.rows.saturating_sub(gone);
        // Neighbours share a page.
        changes.sort_unstable_by(|(a, x, _), (b, y, _)| (a, x).cmp(&(b, y)));
        changes
    }

    /// After a commit: lets go of everything where it has become too much.
    pub(crate) fn trim(&self) {
        if self.0.borrow().rows > ROWS_MAX {
            self.forget();
        }
    }

    /// Lets go of everything, changes that were not written included: what the database says holds.
    pub(crate) fn forget(&self) {
        let mut held = self.0.borrow_mut();
        held.logs.clear();
        held.rows = 0;
        held.changes += 1;
        held.since = held.changes;
    }
}

impl Held {
    fn table(&mut self, log: i64, table: &str) -> &mut Table {
        let tables = self.logs.entry(log).or_default();
        if !tables.contains_key(table) {
            tables.insert(table.to_owned(), Table { changed: self.since, ..Table::default() });
        }
        tables.entry(table.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests;
