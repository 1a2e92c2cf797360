//! Lookups that the database does not have yet.
//!
//! A lookup's key is a hash: in the order in which they come, each would change another page of the index, and that page
//! would be written to the disk twice. So they gather in memory, and with every commit the next few in the order of the
//! hashes are written, those that share pages together. A start finds the ones that were not written yet in the events.
//!
//! Only the writer adds, writes out and takes away; readers look. A lookup that leads beyond what a reader sees is passed
//! over; one that was written out stays until no reader is left that began before that commit.

use super::schema::classify;
use super::view::{execute, from_sql, to_sql};
use crate::contract::Entry;
use crate::error::StoreError;
use crate::lookup::{Lookup, of_event, of_payload};
use crate::rows::Projector;
use rusqlite::{Connection, params};
use seatrial_model::{Commitment, Digest, LogName};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// How many lookups gather before they are written as fast as they come: the more, the more of them share a page. They
/// take some MB of memory, and a start after a crash reads their events again.
const GATHERED_MAX: usize = 65_536;

/// The least part of what has gathered that a commit writes: what is left when a store gets quiet is written soon, too.
const PART: usize = 512;

/// The most that one commit writes of what is left when nobody writes anything else.
const CHUNK: usize = 8_192;

/// Stands for no reader.
const NOBODY: u64 = u64::MAX;

/// One lookup: what it goes by, and the event.
type At = (Lookup, u64);

/// The lookups of all logs that are not in the database, or were not for some reader.
pub(crate) struct Pending {
    logs: RwLock<HashMap<i64, Gathered>>,
    /// How many transactions were committed.
    commits: AtomicU64,
    /// For each reading thread the commit before which its transaction did not begin; [`NOBODY`] where it has none.
    readers: Vec<AtomicU64>,
}

/// Lookups of one log.
#[derive(Default)]
struct Gathered {
    /// Each with the commit that wrote it out; none where it waits.
    entries: BTreeMap<At, Option<u64>>,
    waiting: usize,
    written: VecDeque<(u64, At)>,
    pass: Pass,
    /// What the open transaction changed, to be taken back with it.
    open: Option<Open>,
}

/// One way through the hashes.
#[derive(Clone, Copy, Default)]
struct Pass {
    /// The last lookup that it wrote.
    last: Option<At>,
    /// The log's size when it began: at its end, everything before is written.
    began: u64,
    /// The lookups of all events before are written.
    until: u64,
}

struct Open {
    added: Vec<At>,
    written: Vec<At>,
    pass: Pass,
}

impl Pending {
    pub(crate) fn new(readers: usize) -> Self {
        let readers = std::iter::repeat_with(|| AtomicU64::new(NOBODY)).take(readers).collect();
        Self { logs: RwLock::default(), commits: AtomicU64::new(0), readers }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<i64, Gathered>> {
        self.logs.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<i64, Gathered>> {
        self.logs.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// A reader's transactions begin from here on; before them nothing that they may need is taken away.
    pub(crate) fn enter(&self, reader: usize) {
        if let Some(slot) = self.readers.get(reader) {
            slot.store(self.commits.load(Ordering::SeqCst), Ordering::SeqCst);
        }
    }

    /// They have ended.
    pub(crate) fn leave(&self, reader: usize) {
        if let Some(slot) = self.readers.get(reader) {
            slot.store(NOBODY, Ordering::SeqCst);
        }
    }

    /// The events before `size` that a lookup may lead to, as far as they are held here.
    pub(crate) fn find(&self, log: i64, lookup: Lookup, size: u64) -> Vec<u64> {
        let logs = self.read();
        let Some(found) = logs.get(&log) else { return Vec::new() };
        found.entries.range((lookup, 0)..(lookup, size)).map(|((_, index), _)| *index).collect()
    }

    /// Takes up lookups of a log at the start.
    pub(crate) fn take_up(&self, log: i64, tail: Tail) {
        let mut logs = self.write();
        let gathered = logs.entry(log).or_default();
        gathered.pass = Pass { last: None, began: tail.until, until: tail.until };
        // Two payloads of one event may be of one case: that is one lookup.
        gathered.entries = tail.entries.into_iter().map(|at| (at, None)).collect();
        gathered.waiting = gathered.entries.len();
    }

    /// Adds lookups within the open transaction.
    pub(crate) fn add(&self, log: i64, index: u64, lookups: impl Iterator<Item = Lookup>) {
        let mut logs = self.write();
        let gathered = logs.entry(log).or_default();
        for lookup in lookups {
            let at = (lookup, index);
            if let std::collections::btree_map::Entry::Vacant(place) = gathered.entries.entry(at) {
                place.insert(None);
                gathered.waiting += 1;
                gathered.open().added.push(at);
            }
        }
    }

    /// Writes the next ones within the open transaction, more where the store is `idle`. Gives the index before which all
    /// events' lookups are written.
    pub(crate) fn write_out(&self, conn: &Connection, log: i64, size: u64, idle: bool) -> Result<u64, StoreError> {
        let (part, until) = {
            let mut logs = self.write();
            let gathered = logs.entry(log).or_default();
            (gathered.part(size, idle), gathered.pass.until)
        };
        let sql = "INSERT OR IGNORE INTO lookups (log, hash, idx) VALUES (?1, ?2, ?3)";
        let mut statement = conn.prepare_cached(sql).map_err(classify)?;
        for (lookup, index) in &part {
            statement.execute(params![log, lookup.0, to_sql(*index)]).map_err(classify)?;
        }
        Ok(until)
    }

    /// The logs that have lookups to be written.
    pub(crate) fn waiting(&self) -> Vec<i64> {
        self.read().iter().filter(|(_, gathered)| gathered.waiting > 0).map(|(log, _)| *log).collect()
    }

    /// The transaction was committed: what it wrote goes once nobody needs it here.
    pub(crate) fn committed(&self) {
        let commit = self.commits.fetch_add(1, Ordering::SeqCst) + 1;
        let oldest = self.readers.iter().map(|slot| slot.load(Ordering::SeqCst)).min().unwrap_or(NOBODY);
        for gathered in self.write().values_mut() {
            gathered.committed(commit, oldest);
        }
    }

    /// The transaction was taken back.
    pub(crate) fn taken_back(&self) {
        self.write().values_mut().for_each(Gathered::taken_back);
    }
}

impl Gathered {
    fn open(&mut self) -> &mut Open {
        let pass = self.pass;
        self.open.get_or_insert_with(|| Open { added: Vec::new(), written: Vec::new(), pass })
    }

    /// The next ones in the order of the hashes, from the beginning again after the last.
    fn part(&mut self, size: u64, idle: bool) -> Vec<At> {
        let wanted = match idle {
            true => self.waiting.min(CHUNK),
            false => self.waiting.saturating_sub(GATHERED_MAX) + self.waiting / PART + 1,
        };
        self.open();
        let from = self.pass.last.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let next = self.entries.range((from, std::ops::Bound::Unbounded)).filter(|(_, commit)| commit.is_none());
        let part: Vec<At> = next.map(|(at, _)| *at).take(wanted).collect();
        if part.len() < wanted {
            // The pass is at its end.
            (self.pass.until, self.pass.began, self.pass.last) = (self.pass.began, size, None);
        } else {
            self.pass.last = part.last().copied();
        }
        self.waiting -= part.len();
        if self.waiting == 0 {
            self.pass = Pass { last: None, began: size, until: size };
        }
        for at in &part {
            // Which commit it will be is known when it is one.
            self.entries.insert(*at, Some(NOBODY));
        }
        self.open().written.extend(&part);
        part
    }

    fn committed(&mut self, commit: u64, oldest: u64) {
        if let Some(open) = self.open.take() {
            for at in open.written {
                self.entries.insert(at, Some(commit));
                self.written.push_back((commit, at));
            }
        }
        while let Some((_, at)) = self.written.pop_front_if(|(written, _)| *written <= oldest) {
            self.entries.remove(&at);
        }
    }

    fn taken_back(&mut self) {
        let Some(open) = self.open.take() else { return };
        self.waiting += open.written.len();
        for at in open.written {
            self.entries.insert(at, None);
        }
        for at in open.added {
            if self.entries.remove(&at).is_some() {
                self.waiting -= 1;
            }
        }
        self.pass = open.pass;
    }
}

/// The lookups of a log's newest events, which the database may not have yet.
pub(crate) struct Tail {
    /// The database has those of all events before.
    until: u64,
    /// In order.
    entries: Vec<At>,
}

impl Tail {
    /// Reads it.
    pub(crate) fn load(
        conn: &Connection,
        log: (&LogName, i64),
        size: u64,
        projector: &dyn Projector,
    ) -> Result<Self, StoreError> {
        let looked = conn
            .prepare_cached("SELECT looked FROM logs WHERE id = ?1")
            .and_then(|mut statement| statement.query_row([log.1], |r| r.get(0)));
        let until = from_sql(looked.map_err(classify)?);
        let mut entries = Vec::new();
        each_lookup(conn, log, (until, size), projector, |at| {
            entries.push(at);
            Ok(())
        })?;
        // After a migration these are all there are: they are searched, not run through.
        entries.sort_unstable();
        Ok(Self { until, entries })
    }

    pub(crate) fn find(&self, lookup: Lookup) -> Vec<u64> {
        let from = self.entries.partition_point(|(found, _)| *found < lookup);
        self.entries.iter().skip(from).take_while(|(found, _)| *found == lookup).map(|(_, index)| *index).collect()
    }
}

/// Makes a log's lookups again, in the database.
pub(crate) fn make_again(
    conn: &Connection,
    log: (&LogName, i64),
    size: u64,
    projector: &dyn Projector,
) -> Result<(), StoreError> {
    execute(conn, "DELETE FROM lookups WHERE log = ?1", [log.1])?;
    let sql = "INSERT OR IGNORE INTO lookups (log, hash, idx) VALUES (?1, ?2, ?3)";
    each_lookup(conn, log, (0, size), projector, |(lookup, index)| {
        execute(conn, sql, params![log.1, lookup.0, to_sql(index)])
    })?;
    execute(conn, "UPDATE logs SET looked = ?2 WHERE id = ?1", params![log.1, to_sql(size)])
}

/// Runs over the lookups of a range of events: first those that the projector names, then those of payloads.
fn each_lookup(
    conn: &Connection,
    (name, log): (&LogName, i64),
    (from, to): (u64, u64),
    projector: &dyn Projector,
    mut with: impl FnMut(At) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let sql = "SELECT idx, bytes FROM events WHERE log = ?1 AND idx >= ?2 AND idx < ?3 ORDER BY idx";
    let mut statement = conn.prepare_cached(sql).map_err(classify)?;
    let mut rows = statement.query(params![log, to_sql(from), to_sql(to)]).map_err(classify)?;
    while let Some(row) = rows.next().map_err(classify)? {
        let entry = Entry { index: from_sql(row.get(0).map_err(classify)?), bytes: row.get(1).map_err(classify)? };
        let event = entry.event(name)?;
        of_event(projector.found_by(&event)).try_for_each(|lookup| with((lookup, entry.index)))?;
    }
    let sql = "SELECT idx, commitment, case_id FROM payloads WHERE log = ?1 AND idx >= ?2 AND idx < ?3";
    let mut statement = conn.prepare_cached(sql).map_err(classify)?;
    let mut rows = statement.query(params![log, to_sql(from), to_sql(to)]).map_err(classify)?;
    while let Some(row) = rows.next().map_err(classify)? {
        let index = from_sql(row.get(0).map_err(classify)?);
        let commitment = Commitment(Digest::from_bytes(row.get(1).map_err(classify)?));
        let case: Option<String> = row.get(2).map_err(classify)?;
        of_payload(&commitment, case.as_deref()).try_for_each(|lookup| with((lookup, index)))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
