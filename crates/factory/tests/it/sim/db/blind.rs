//! A planted bug: a node whose commits do not see that anything is stopped.

use super::*;

/// The planted bug: a view in which nothing is stopped.
pub struct Blind<'a>(pub &'a dyn View);

impl View for Blind<'_> {
    fn log(&self) -> &LogName {
        self.0.log()
    }

    fn size(&self) -> Result<u64, StoreError> {
        self.0.size()
    }

    fn entries(&self, from: u64, limit: usize) -> Result<Vec<Entry>, StoreError> {
        self.0.entries(from, limit)
    }

    fn event_index(&self, id: EventId) -> Result<Option<u64>, StoreError> {
        self.0.event_index(id)
    }

    fn row(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.row(table, key)
    }

    fn scan(&self, scan: &Scan) -> Result<Vec<Row>, StoreError> {
        if scan.table == "stop" { Ok(Vec::new()) } else { self.0.scan(scan) }
    }

    fn about(&self, name: &str, key: &[u8], limit: usize) -> Result<Vec<u64>, StoreError> {
        self.0.about(name, key, limit)
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.blob(digest)
    }

    fn blobs(&self, after: Option<Digest>, limit: usize) -> Result<Vec<Digest>, StoreError> {
        self.0.blobs(after, limit)
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Payload>, StoreError> {
        self.0.payload(commitment)
    }

    fn payloads(&self, after: Option<Commitment>, limit: usize) -> Result<Vec<Commitment>, StoreError> {
        self.0.payloads(after, limit)
    }

    fn payloads_of_case(&self, case: &str) -> Result<Vec<Commitment>, StoreError> {
        self.0.payloads_of_case(case)
    }

    fn payloads_expired(&self, now: Time, limit: usize) -> Result<Vec<(Commitment, Option<String>)>, StoreError> {
        self.0.payloads_expired(now, limit)
    }

    fn tables(&self) -> Result<Vec<String>, StoreError> {
        self.0.tables()
    }

    fn tile(&self, level: u8, n: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.tile(level, n)
    }
}
