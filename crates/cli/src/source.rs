//! A store's log as the verifier reads it: one consistent moment, as wide as its newest checkpoint.

use seatrial_ledger::tile::{HASH_BYTES, TILE_WIDTH};
use seatrial_ledger::{Checkpoint, Note, TilePath, TileTree, bundle};
use seatrial_model::{Commitment, Digest};
use seatrial_store::{Payload, View};
use seatrial_verify::{Held, Source, SourceError};
use std::collections::HashSet;

/// How many digests are listed at a time.
const LIST_ROWS: usize = 1_000;

/// One log of a store at one moment.
pub(crate) struct StoreSource<'v> {
    view: &'v dyn View,
    checkpoint: Option<String>,
}

impl<'v> StoreSource<'v> {
    /// A log and the newest checkpoint that was signed of it, read before the view was taken.
    pub(crate) fn new(view: &'v dyn View, checkpoint: Option<String>) -> Self {
        Self { view, checkpoint }
    }

    fn entries(&self, n: u64, width: usize) -> Result<Option<Vec<u8>>, String> {
        let first = n.checked_mul(TILE_WIDTH as u64).ok_or("there is no such tile")?;
        let entries = self.view.entries(first, width).map_err(|e| e.to_string())?;
        if entries.len() != width {
            return Ok(None);
        }
        let bytes: Vec<Vec<u8>> = entries.into_iter().map(|entry| entry.bytes).collect();
        bundle::encode(&bytes).map(Some).map_err(|e| e.to_string())
    }

    /// Payloads that came with entries after the checkpoint, which are not signed yet: they belong to the next one.
    fn unsigned_payloads(&self) -> Result<HashSet<Commitment>, String> {
        let text = |e: seatrial_store::StoreError| e.to_string();
        let note = self.checkpoint.as_deref().and_then(|note| Note::parse(note.as_bytes()).ok());
        // Without a checkpoint nothing else is checked either.
        let Some(signed) = note.and_then(|note| Checkpoint::parse(note.text()).ok()).map(|c| c.size) else {
            return Ok(HashSet::new());
        };
        let (mut found, mut next) = (HashSet::new(), signed);
        loop {
            let entries = self.view.entries(next, LIST_ROWS).map_err(text)?;
            let Some(last) = entries.last() else { return Ok(found) };
            next = last.index + 1;
            // What is no event names nothing; the store's own check complains of it.
            let events = entries.iter().filter_map(|entry| entry.event(self.view.log()).ok());
            for commitment in events.flat_map(|event| event.payloads.into_values()) {
                let held = self.view.payload(&commitment).map_err(text)?.and_then(Payload::held);
                if held.is_some_and(|held| held.index >= signed) {
                    found.insert(commitment);
                }
            }
        }
    }

    fn hashes(&self, level: u8, n: u64, width: usize) -> Result<Option<Vec<u8>>, String> {
        // The log may have grown since the checkpoint: a wider tile begins with the narrower one.
        let tile = self.view.tile(level, n).map_err(|e| e.to_string())?;
        Ok(tile.and_then(|hashes| hashes.get(..width * HASH_BYTES).map(<[u8]>::to_vec)))
    }
}

impl Source for StoreSource<'_> {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(self.checkpoint.as_ref().map(|note| note.as_bytes().to_vec()))
    }

    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        Ok(Vec::new())
    }

    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        let width = usize::from(path.width);
        let found = match path.tree {
            TileTree::Entries => self.entries(path.n, width),
            TileTree::Hashes(level) => self.hashes(level, path.n, width),
        };
        found.map_err(|reason| SourceError::new(path.to_string(), reason))
    }

    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        let mut all = Vec::new();
        loop {
            let page = self
                .view
                .blobs(all.last().copied(), LIST_ROWS)
                .map_err(|e| SourceError::new("blobs", e.to_string()))?;
            let full = page.len() >= LIST_ROWS;
            all.extend(page);
            if !full {
                return Ok(all);
            }
        }
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        self.view.blob(digest).map_err(|e| SourceError::new(format!("blobs/{}", digest.hex()), e.to_string()))
    }

    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        let unsigned = self.unsigned_payloads().map_err(|reason| SourceError::new("payloads", reason))?;
        let mut all = Vec::new();
        loop {
            let page = self.view.payloads(all.last().copied(), LIST_ROWS);
            let page = page.map_err(|e| SourceError::new("payloads", e.to_string()))?;
            let full = page.len() >= LIST_ROWS;
            all.extend(page);
            if !full {
                all.retain(|commitment| !unsigned.contains(commitment));
                return Ok(all);
            }
        }
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Held>, SourceError> {
        let place = format!("payloads/{}", commitment.0.hex());
        match self.view.payload(commitment).map_err(|e| SourceError::new(place, e.to_string()))? {
            Some(Payload::Held(held)) => Ok(Some(Held { salt: held.salt, bytes: held.bytes, kind: held.kind })),
            Some(Payload::Erased(_)) | None => Ok(None),
        }
    }
}
