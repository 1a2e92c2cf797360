//! A log in memory, as it is read.

use super::Log;
use crate::batch::Payload;
use crate::contract::{ENTRIES_READ_MAX, Entry, View};
use crate::error::{BatchError, StoreError};
use crate::lookup::Lookup;
use crate::rows::{Row, Rows as _, Scan};
use seatrial_model::{Commitment, Digest, EventId, LogName, Time};
use std::collections::BTreeSet;

pub(super) struct MemoryView<'a> {
    pub(super) name: &'a LogName,
    pub(super) log: &'a Log,
}

impl View for MemoryView<'_> {
    fn log(&self) -> &LogName {
        self.name
    }

    fn size(&self) -> Result<u64, StoreError> {
        Ok(self.log.frontier.size())
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let skip = usize::try_from(from).unwrap_or(usize::MAX);
        let entries = (from..).zip(self.log.entries.iter().skip(skip)).take(limit.min(ENTRIES_READ_MAX));
        Ok(entries.map(|(index, bytes)| Entry { index, bytes: bytes.clone() }).collect())
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        Ok(self.log.ids.get(&id).copied())
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.log.rows.get(table, key)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        Ok(self.log.rows.scan_rows(scan))
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let tables: BTreeSet<&String> = self.log.rows.rows.keys().map(|(table, _)| table).collect();
        Ok(tables.into_iter().cloned().collect())
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.log.blobs.get(digest).cloned())
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        let beyond = |digest: &&Digest| after.is_none_or(|after| **digest > after);
        Ok(self.log.blobs.keys().filter(beyond).take(limit).copied().collect())
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        Ok(self.log.payloads.get(commitment).cloned())
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        let place = |wanted| self.log.order.iter().position(|found| *found == wanted);
        let from = match after {
            Some(after) => place(after).ok_or(BatchError::NeverHeld(after))? + 1,
            None => 0,
        };
        let rest = self.log.order.iter().skip(from);
        let held = rest.filter(|commitment| matches!(self.log.payloads.get(commitment), Some(Payload::Held(_))));
        Ok(held.take(limit).copied().collect())
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        let held = self.log.held().filter(|(_, held)| held.case.as_deref() == Some(case));
        Ok(held.map(|(commitment, _)| *commitment).collect())
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        let expired = self.log.held().filter_map(|(commitment, held)| {
            let expires = held.expires.filter(|expires| *expires < now)?;
            Some((expires, *commitment, held.case.clone()))
        });
        let mut expired: Vec<_> = expired.collect();
        expired.sort_by_key(|(expires, ..)| *expires);
        Ok(expired.into_iter().map(|(_, commitment, case)| (commitment, case)).take(limit).collect())
    }

    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError> {
        let lookup = Lookup::of(name, key);
        let found = self.log.lookups.range((lookup, 0)..=(lookup, u64::MAX));
        Ok(found.rev().map(|(_, index)| *index).take(limit).collect())
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.log.tiles.get(&(level, n)).cloned())
    }
}
