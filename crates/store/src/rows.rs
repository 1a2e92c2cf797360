//! Projections: rows that are a fold over events, written in the same transaction as the event.

use crate::error::StoreError;
use seatrial_model::{Digest, Event};

/// The most rows that one scan answers; a reader that wants more goes on after the last key.
pub const SCAN_ROWS_MAX: usize = 10_000;

/// A row's key and value.
pub type Row = (Vec<u8>, Vec<u8>);

/// A range of one table's rows, in the order of their keys' bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Scan {
    /// The table.
    pub table: String,
    /// Only keys that start with these bytes.
    pub prefix: Vec<u8>,
    /// Only keys beyond this one (before it, where `reverse`): where the last page ended.
    pub after: Option<Vec<u8>>,
    /// The most rows wanted; at most [`SCAN_ROWS_MAX`] are given.
    pub limit: usize,
    /// From the greatest key to the least.
    pub reverse: bool,
}

impl Scan {
    /// All of a table, from its first key, up to [`SCAN_ROWS_MAX`].
    #[must_use]
    pub fn all(table: impl Into<String>) -> Self {
        Self { table: table.into(), limit: SCAN_ROWS_MAX, ..Self::default() }
    }

    /// Only keys that start with these bytes.
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<Vec<u8>>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Only keys beyond this one, in the direction of the scan.
    #[must_use]
    pub fn after(mut self, key: impl Into<Vec<u8>>) -> Self {
        self.after = Some(key.into());
        self
    }

    /// At most so many.
    #[must_use]
    pub const fn limit(mut self, rows: usize) -> Self {
        self.limit = rows;
        self
    }

    /// From the greatest key to the least.
    #[must_use]
    pub const fn reversed(mut self) -> Self {
        self.reverse = true;
        self
    }

    /// How many rows the scan may give.
    #[must_use]
    pub fn rows_max(&self) -> usize {
        self.limit.min(SCAN_ROWS_MAX)
    }

    /// The first key that may be given, and the first beyond that may not (none: up to the table's end).
    #[must_use]
    pub fn bounds(&self) -> (Vec<u8>, Option<Vec<u8>>) {
        let mut lower = self.prefix.clone();
        let mut upper = successor(&self.prefix);
        match &self.after {
            Some(key) if self.reverse => {
                upper = Some(upper.map_or_else(|| key.clone(), |upper| upper.min(key.clone())));
            }
            Some(key) => {
                let mut next = key.clone();
                next.push(0);
                lower = lower.max(next);
            }
            None => {}
        }
        (lower, upper)
    }
}

/// The least key that is greater than every key with this prefix; none where there is none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut key = prefix.to_vec();
    while let Some(last) = key.pop() {
        if last < u8::MAX {
            key.push(last + 1);
            return Some(key);
        }
    }
    None
}

/// The rows of one log, as a projector reads and writes them; it sees its own writes.
pub trait Rows {
    /// One row's value.
    ///
    /// # Errors
    /// Where the database fails.
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Writes a row over what stood there.
    ///
    /// # Errors
    /// Where the database fails.
    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError>;

    /// Removes a row, if it is there.
    ///
    /// # Errors
    /// Where the database fails.
    fn delete(&mut self, table: &str, key: &[u8]) -> Result<(), StoreError>;

    /// A range of rows.
    ///
    /// # Errors
    /// Where the database fails.
    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError>;
}

/// An event that could not be folded: it is not appended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProjectError {
    /// The projector's own reason.
    #[error("{0}")]
    Reason(String),
    /// The rows could not be read or written.
    #[error(transparent)]
    Store(#[from] Box<StoreError>),
}

impl ProjectError {
    /// The projector's own reason.
    pub fn reason(text: impl Into<String>) -> Self {
        Self::Reason(text.into())
    }
}

impl From<StoreError> for ProjectError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}

/// Folds events into rows. Pure: the same events in the same order give the same rows, byte for byte; it reads
/// nothing but the event and the rows of the same log.
pub trait Projector: Send + Sync + 'static {
    /// A number that changes whenever the fold does; rows of another version are folded again at the start.
    fn version(&self) -> u32;

    /// Folds one event.
    ///
    /// # Errors
    /// Where the event contradicts the rows; it is then not appended.
    fn apply(&self, index: u64, event: &Event, rows: &mut dyn Rows) -> Result<(), ProjectError>;

    /// What an event can be found by: names and keys, as [`View::about`](crate::View::about) takes them. Keys without an
    /// order (hashes, HMACs) cost far less here than as rows. A payload's case is one by itself.
    fn found_by<'e>(&self, event: &'e Event) -> Vec<(&'static str, &'e [u8])> {
        let _ = event;
        Vec::new()
    }
}

/// The projector that keeps no rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoRows;

impl Projector for NoRows {
    fn version(&self) -> u32 {
        0
    }

    fn apply(&self, _: u64, _: &Event, _: &mut dyn Rows) -> Result<(), ProjectError> {
        Ok(())
    }
}

/// What folding a log again came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowsReport {
    /// Events folded.
    pub events: u64,
    /// The digest over all rows as they were stored.
    pub before: Digest,
    /// The digest over all rows as folded again.
    pub after: Digest,
    /// Where they differ, up to [`DIFFERENCES_MAX`].
    pub differences: Vec<RowDifference>,
}

impl RowsReport {
    /// Whether the stored rows are what the events fold to.
    #[must_use]
    pub fn identical(&self) -> bool {
        self.before == self.after && self.differences.is_empty()
    }
}

/// How many differences a report names: enough to see the pattern, few enough to read.
pub const DIFFERENCES_MAX: usize = 100;

/// A row that is not what the events fold to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowDifference {
    /// The table.
    pub table: String,
    /// The key.
    pub key: Vec<u8>,
    /// As stored; none where the row is missing.
    pub stored: Option<Vec<u8>>,
    /// As folded; none where the row should not be there.
    pub folded: Option<Vec<u8>>,
}

#[cfg(test)]
mod tests;
