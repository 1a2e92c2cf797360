//! Folding a log again, and comparing the rows that are stored with what it folds to.

use crate::contract::{ENTRIES_READ_MAX, View};
use crate::error::StoreError;
use crate::rows::{DIFFERENCES_MAX, Projector, Row, RowDifference, Rows, RowsReport, SCAN_ROWS_MAX, Scan};
use seatrial_ledger::Tile;
use seatrial_model::{Digest, Event, LogName};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// A table and a key in it.
type At = (String, Vec<u8>);

/// Rows in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MemoryRows {
    pub(crate) rows: BTreeMap<At, Vec<u8>>,
    /// What stood where since [`MemoryRows::watch`], the newest last.
    undo: Option<Vec<(At, Option<Vec<u8>>)>>,
}

impl MemoryRows {
    /// From here on, changes can be taken back.
    pub(crate) fn watch(&mut self) {
        self.undo = Some(Vec::new());
    }

    /// Keeps the changes since [`MemoryRows::watch`].
    pub(crate) fn keep(&mut self) {
        self.undo = None;
    }

    /// Takes them back.
    pub(crate) fn take_back(&mut self) {
        for (at, before) in self.undo.take().into_iter().flatten().rev() {
            match before {
                Some(value) => self.rows.insert(at, value),
                None => self.rows.remove(&at),
            };
        }
    }

    pub(crate) fn scan_rows(&self, scan: &Scan) -> Vec<Row> {
        let (lower, upper) = scan.bounds();
        if upper.as_ref().is_some_and(|upper| lower >= *upper) {
            return Vec::new();
        }
        let start = (scan.table.clone(), lower);
        // The first key of the next table that could be: table names hold no NUL.
        let end = upper.map_or_else(|| (format!("{}\0", scan.table), Vec::new()), |upper| (scan.table.clone(), upper));
        let found = self.rows.range(start..end).map(|((_, key), value)| (key.clone(), value.clone()));
        if scan.reverse { found.rev().take(scan.rows_max()).collect() } else { found.take(scan.rows_max()).collect() }
    }

    fn note(&mut self, at: &At, before: Option<Vec<u8>>) {
        if let Some(undo) = &mut self.undo {
            undo.push((at.clone(), before));
        }
    }
}

impl Rows for MemoryRows {
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows.get(&(table.to_owned(), key.to_vec())).cloned())
    }

    fn put(&mut self, table: &str, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        check_table(table)?;
        let at = (table.to_owned(), key.to_vec());
        let before = self.rows.insert(at.clone(), value.to_vec());
        self.note(&at, before);
        Ok(())
    }

    fn delete(&mut self, table: &str, key: &[u8]) -> Result<(), StoreError> {
        let at = (table.to_owned(), key.to_vec());
        let before = self.rows.remove(&at);
        self.note(&at, before);
        Ok(())
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        Ok(self.scan_rows(scan))
    }
}

/// A table's name sorts before the keys: it is not empty, and holds no NUL.
pub(crate) fn check_table(table: &str) -> Result<(), StoreError> {
    if table.is_empty() || table.contains('\0') {
        return Err(StoreError::Invalid("a table's name is empty or holds a NUL; the row was not written".to_owned()));
    }
    Ok(())
}

/// Runs over all entries of a log.
pub(crate) fn each_entry(
    view: &dyn View,
    mut with: impl FnMut(Vec<crate::Entry>) -> Result<(), StoreError>,
) -> Result<u64, StoreError> {
    let mut next = 0;
    loop {
        let entries = view.entries(next, ENTRIES_READ_MAX)?;
        if entries.is_empty() {
            return Ok(next);
        }
        next += entries.len() as u64;
        with(entries)?;
    }
}

/// Folds all of a log into memory, and runs over its events.
fn fold(
    view: &dyn View,
    projector: &dyn Projector,
    mut with: impl FnMut(u64, &Event) -> Result<(), StoreError>,
) -> Result<(MemoryRows, u64), StoreError> {
    let mut rows = MemoryRows::default();
    let events = each_entry(view, |entries| {
        for entry in entries {
            let event = entry.event(view.log())?;
            projector.apply(entry.index, &event, &mut rows).map_err(|source| StoreError::project(event.id, source))?;
            with(entry.index, &event)?;
        }
        Ok(())
    })?;
    Ok((rows, events))
}

/// Compares the rows as stored with the rows as folded.
fn compare(view: &dyn View, folded: &MemoryRows, events: u64) -> Result<RowsReport, StoreError> {
    let mut report = RowsReport { events, before: Digest::of(b""), after: digest(folded), differences: Vec::new() };
    let mut hasher = Sha256::new();
    let mut unseen = folded.rows.iter().peekable();
    let mut differ = |table: &str, key: &[u8], stored: Option<&[u8]>, folded: Option<&[u8]>| {
        if report.differences.len() < DIFFERENCES_MAX {
            let (table, key) = (table.to_owned(), key.to_vec());
            let (stored, folded) = (stored.map(<[u8]>::to_vec), folded.map(<[u8]>::to_vec));
            report.differences.push(RowDifference { table, key, stored, folded });
        }
    };
    for table in view.tables()? {
        let mut scan = Scan::all(table.clone());
        loop {
            let page = view.scan(&scan)?;
            for (key, value) in &page {
                hash_row(&mut hasher, &table, key, value);
                while let Some(((t, k), v)) = unseen.next_if(|((t, k), _)| (t, k) < (&table, key)) {
                    differ(t, k, None, Some(v));
                }
                match unseen.next_if(|((t, k), _)| (t, k) == (&table, key)) {
                    Some((_, folded)) if folded == value => {}
                    Some((_, folded)) => differ(&table, key, Some(value), Some(folded)),
                    None => differ(&table, key, Some(value), None),
                }
            }
            match page.last() {
                Some((key, _)) if page.len() == SCAN_ROWS_MAX => scan.after = Some(key.clone()),
                _ => break,
            }
        }
    }
    for ((t, k), v) in unseen {
        differ(t, k, None, Some(v));
    }
    report.before = Digest::from_bytes(hasher.finalize().into());
    Ok(report)
}

/// [`fold`], then [`compare`]; and that every event is found by what its projector says.
pub(crate) fn check_rows(view: &dyn View, projector: &dyn Projector) -> Result<RowsReport, StoreError> {
    checked(view, projector).map(|(_, report)| report)
}

/// The same, with the rows as folded.
pub(crate) fn checked(view: &dyn View, projector: &dyn Projector) -> Result<(MemoryRows, RowsReport), StoreError> {
    let mut missing = Vec::new();
    let (folded, events) = fold(view, projector, |index, event| {
        for (name, key) in projector.found_by(event) {
            if missing.len() < DIFFERENCES_MAX && !view.about(name, key, usize::MAX)?.contains(&index) {
                let (table, folded) = (format!("lookups/{name}"), Some(index.to_be_bytes().to_vec()));
                missing.push(RowDifference { table, key: key.to_vec(), stored: None, folded });
            }
        }
        Ok(())
    })?;
    let mut report = compare(view, &folded, events)?;
    report.differences.extend(missing);
    Ok((folded, report))
}

fn digest(rows: &MemoryRows) -> Digest {
    let mut hasher = Sha256::new();
    for ((table, key), value) in &rows.rows {
        hash_row(&mut hasher, table, key, value);
    }
    Digest::from_bytes(hasher.finalize().into())
}

fn hash_row(hasher: &mut Sha256, table: &str, key: &[u8], value: &[u8]) {
    for part in [table.as_bytes(), key, value] {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
}

/// Reads tiles through a view, for proofs.
pub(crate) struct ViewTiles<'a>(pub(crate) &'a dyn View);

impl seatrial_ledger::TileReader for ViewTiles<'_> {
    fn tile(&self, level: u8, n: u64, _: u16) -> Result<Vec<Digest>, String> {
        let bytes = self.0.tile(level, n).map_err(|e| e.to_string())?.ok_or("it is not there")?;
        Tile::from_bytes(level, n, &bytes).map(|tile| tile.hashes).map_err(|e| e.to_string())
    }
}

/// That a log extends a checkpoint that was signed before.
pub(crate) fn check_extends(
    view: &dyn View,
    log: &LogName,
    size: u64,
    signed: &seatrial_model::LogPoint,
) -> Result<(), StoreError> {
    let forked = |what: String| StoreError::Forked { log: log.clone(), signed: signed.size, what };
    if size < signed.size {
        return Err(forked(format!("it has only {size} entries")));
    }
    let root = seatrial_ledger::proof::root(&ViewTiles(view), signed.size).map_err(|e| forked(e.to_string()))?;
    if root == signed.root {
        Ok(())
    } else {
        Err(forked(format!("its first {} entries have the root {root}, signed was {}", signed.size, signed.root)))
    }
}
