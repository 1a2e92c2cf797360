//! What a transaction writes besides rows: gathered in memory, and sent in few statements.

use super::db::Db;
use super::view::to_sql;
use crate::error::StoreError;
use crate::lookup::Lookup;
use crate::prepare::{Prepared, PreparedEntry};
use std::collections::BTreeSet;

/// The most bytes of payloads or blobs in one statement, where there is more than one in it.
const STATEMENT_BYTES_MAX: usize = 16 << 20;

/// Stands for the entry that says of a payload that it did not come along, until that entry is there.
pub(crate) const LEFT_OUT: i64 = i64::MAX;

/// Entries, payloads, blobs, erasures and lookups that the database does not have yet.
#[derive(Default)]
pub(crate) struct Buffer {
    entries: Entries,
    payloads: Vec<Payloads>,
    blobs: Vec<(Vec<u8>, Vec<u8>)>,
    erased: Vec<(Vec<Vec<u8>>, i64)>,
    lookups: BTreeSet<(i64, i64)>,
}

#[derive(Default)]
struct Entries {
    indexes: Vec<i64>,
    ids: Vec<Vec<u8>>,
    bytes: Vec<Vec<u8>>,
}

/// Payloads of one statement, a column each.
#[derive(Default)]
struct Payloads {
    size: usize,
    commitments: Vec<Vec<u8>>,
    indexes: Vec<i64>,
    kinds: Vec<String>,
    cases: Vec<Option<String>>,
    expires: Vec<Option<i64>>,
    salts: Vec<Option<Vec<u8>>>,
    bytes: Vec<Option<Vec<u8>>>,
    erased_by: Vec<Option<i64>>,
}

impl Buffer {
    /// Takes what a batch writes.
    pub(crate) fn add(&mut self, prepared: &Prepared) {
        for (index, PreparedEntry { event, bytes, .. }) in (prepared.first_index..).zip(&prepared.entries) {
            self.entries.indexes.push(to_sql(index));
            self.entries.ids.push(event.id.uuid().as_bytes().to_vec());
            self.entries.bytes.push(bytes.clone());
        }
        for payload in &prepared.payloads {
            let (new, size) = (&payload.new, payload.new.bytes.len());
            let mut into = self.part(size);
            into.size += size;
            into.commitments.push(payload.commitment.0.as_bytes().to_vec());
            into.indexes.push(to_sql(payload.index));
            into.kinds.push(new.kind.clone());
            into.cases.push(new.case.clone());
            into.expires.push(new.expires.map(|t| t.as_millis()));
            into.salts.push(Some(new.salt.0.to_vec()));
            into.bytes.push(Some(new.bytes.clone()));
            into.erased_by.push(None);
            self.payloads.push(into);
        }
        for (index, absent) in &prepared.absent {
            let mut into = self.part(0);
            into.commitments.push(absent.commitment.0.as_bytes().to_vec());
            into.indexes.push(to_sql(*index));
            into.kinds.push(absent.kind.clone());
            into.cases.push(None);
            into.expires.push(None);
            into.salts.push(None);
            into.bytes.push(None);
            into.erased_by.push(Some(absent.erased_by.map_or(LEFT_OUT, to_sql)));
            self.payloads.push(into);
        }
        self.blobs.extend(prepared.blobs.iter().map(|(digest, bytes)| (digest.as_bytes().to_vec(), bytes.clone())));
        if !prepared.erase.is_empty() {
            let erase = prepared.erase.iter().map(|commitment| commitment.0.as_bytes().to_vec());
            self.erased.push((erase.collect(), to_sql(prepared.erased_by)));
        }
    }

    /// Takes what an event can be found by.
    pub(crate) fn find_by(&mut self, index: u64, lookups: impl Iterator<Item = Lookup>) {
        self.lookups.extend(lookups.map(|lookup| (lookup.0, to_sql(index))));
    }

    /// The last part, where it has room for so many bytes more; else a new one.
    fn part(&mut self, size: usize) -> Payloads {
        let room = |last: &mut Payloads| last.size == 0 || last.size + size <= STATEMENT_BYTES_MAX;
        self.payloads.pop_if(room).unwrap_or_default()
    }

    /// Forgets everything: the transaction was taken back.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Sends everything to the database, within its open transaction.
    pub(crate) fn write(&mut self, db: &Db, log: i64) -> Result<(), StoreError> {
        let Self { entries, payloads, blobs, erased, lookups } = std::mem::take(self);
        if !entries.indexes.is_empty() {
            let sql = "INSERT INTO events (log, idx, id, bytes)
                       SELECT $1, * FROM UNNEST($2::bigint[], $3::bytea[], $4::bytea[])";
            db.execute(sql, &[&log, &entries.indexes, &entries.ids, &entries.bytes])?;
        }
        for part in &payloads {
            part.write(db, log)?;
        }
        for (digest, bytes) in &blobs {
            let sql = "INSERT INTO blobs (log, digest, bytes) VALUES ($1, $2, $3) ON CONFLICT (log, digest) DO NOTHING";
            db.execute(sql, &[&log, digest, bytes])?;
        }
        for (commitments, by) in &erased {
            let sql = "UPDATE payloads SET salt = NULL, bytes = NULL, case_id = NULL, erased_by = $3
                       WHERE log = $1 AND commitment = ANY($2) AND erased_by IS NULL";
            db.execute(sql, &[&log, commitments, by])?;
        }
        if !lookups.is_empty() {
            let (hashes, indexes): (Vec<i64>, Vec<i64>) = lookups.into_iter().unzip();
            put_lookups(db, log, &hashes, &indexes)?;
        }
        Ok(())
    }
}

/// Writes lookups; one that is there already stays.
pub(crate) fn put_lookups(db: &Db, log: i64, hashes: &[i64], indexes: &[i64]) -> Result<(), StoreError> {
    let sql = "INSERT INTO lookups (log, hash, idx) SELECT $1, * FROM UNNEST($2::bigint[], $3::bigint[])
               ON CONFLICT (log, hash, idx) DO NOTHING";
    db.execute(sql, &[&log, &hashes, &indexes]).map(drop)
}

impl Payloads {
    fn write(&self, db: &Db, log: i64) -> Result<(), StoreError> {
        let sql = "INSERT INTO payloads (log, commitment, idx, kind, case_id, expires, salt, bytes, erased_by)
                   SELECT $1, * FROM UNNEST($2::bytea[], $3::bigint[], $4::text[], $5::text[], $6::bigint[],
                                            $7::bytea[], $8::bytea[], $9::bigint[])";
        db.execute(
            sql,
            &[
                &log,
                &self.commitments,
                &self.indexes,
                &self.kinds,
                &self.cases,
                &self.expires,
                &self.salts,
                &self.bytes,
                &self.erased_by,
            ],
        )
        .map(drop)
    }
}
