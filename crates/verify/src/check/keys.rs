//! The keys of a log, one after the other: each names its successor, by an entry that it signed.

use crate::source::Source;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Checkpoint, Note, Rotation, TILE_WIDTH, TilePath, TileTree, VerifierKey, bundle};
use seatrial_model::event::{CheckpointCosigned, LogKeyRotated, LogRestored};
use seatrial_model::{Body, Event, LogPoint};
use std::collections::BTreeMap;

/// The kinds of events that say something of a log's key: only entries that hold one of these texts are read twice.
const KINDS: [&[u8]; 2] = [b"log.key-rotated/", b"log.restored/"];

/// The keys that a log has had, as its entries name them.
#[derive(Default)]
pub(crate) struct Keys {
    /// The keys, the newest last.
    known: Vec<VerifierKey>,
    /// Where a key is not vouched for by the one before it: its place among the keys, and its entry.
    broken: Vec<(usize, u64)>,
    /// The newest cosignature of each witness that the log holds, by the witness's key.
    cosigned: BTreeMap<String, (LogPoint, u64)>,
}

impl From<VerifierKey> for Keys {
    /// The keys that follow this one.
    fn from(key: VerifierKey) -> Self {
        Self { known: vec![key], ..Self::default() }
    }
}

impl Keys {
    /// The first key.
    pub(crate) fn opened(&mut self, key: &str) -> Result<(), String> {
        self.known.push(key.parse().map_err(|e| format!("it names the key `{key}`, which is none: {e}"))?);
        Ok(())
    }

    /// A key names its successor.
    pub(crate) fn rotated(&mut self, rotated: &LogKeyRotated) -> Result<(), String> {
        let current = self.known.last().map(ToString::to_string).unwrap_or_default();
        if rotated.old != current {
            return Err(format!("it replaces the key `{}`, and the log's key then was `{current}`", rotated.old));
        }
        self.known.push(follow(rotated)?);
        Ok(())
    }

    /// The log was taken over from its export, perhaps without its key.
    pub(crate) fn restored(&mut self, index: u64, restored: &LogRestored) -> Result<(), String> {
        if restored.point.size != index {
            return Err(format!("it restores the log at `{}` entries, and has {index} before it", restored.point.size));
        }
        let Some(current) = self.known.last() else { return Ok(()) };
        let (said, _) = Checkpoint::open(restored.checkpoint.as_bytes(), current)
            .map_err(|e| format!("the checkpoint that it goes on from is not one of this log: {e}"))?;
        if said.size != restored.point.size || said.root != restored.point.root {
            return Err("the checkpoint that it goes on from is of another state of the log".to_owned());
        }
        if let Some(key) = &restored.key {
            let key: VerifierKey = key.parse().map_err(|e| format!("the key that it names is none: {e}"))?;
            if key.name() != said.origin {
                return Err(format!("the key that it names is of the log `{}`", key.name()));
            }
            self.broken.push((self.known.len(), index));
            self.known.push(key);
        }
        Ok(())
    }

    /// A witness's cosignature that the log holds.
    pub(crate) fn cosigned(&mut self, origin: &str, cosigned: &CheckpointCosigned) -> Result<(), String> {
        let key: VerifierKey =
            cosigned.witness.parse().map_err(|e| format!("the witness's key that it names is none: {e}"))?;
        let LogPoint { size, root } = cosigned.point;
        let line = seatrial_ledger::NoteSignature::parse(&cosigned.line).map_err(|e| e.to_string())?;
        let mut note = Note::new(Checkpoint::new(origin, size, root).to_string()).map_err(|e| e.to_string())?;
        note.add(line);
        let good = note.verify(&[key]).map_err(|e| format!("the witness's cosignature does not hold: {e}"))?;
        if !good.iter().any(|g| g.time_s == Some(cosigned.time_s)) {
            return Err("the witness signed another time than it says".to_owned());
        }
        self.cosigned.insert(cosigned.witness.clone(), (cosigned.point.clone(), cosigned.time_s));
        Ok(())
    }

    /// The newest.
    pub(crate) fn newest(&self) -> Option<&VerifierKey> {
        self.known.last()
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[VerifierKey] {
        &self.known
    }

    /// The first entry that the holder of this key does not vouch for, though it may be signed: none where every later
    /// key is named by the one before it.
    pub(crate) fn broken_after(&self, key: &VerifierKey) -> Option<u64> {
        let at = self.known.iter().position(|known| known == key)?;
        self.broken.iter().find(|(place, _)| *place > at).map(|(_, index)| *index)
    }

    /// What a witness cosigned last, as far as the log holds it.
    pub(crate) fn last_cosigned(&self, witness: &VerifierKey) -> Option<&(LogPoint, u64)> {
        self.cosigned.get(&witness.to_string())
    }
}

fn follow(rotated: &LogKeyRotated) -> Result<VerifierKey, String> {
    let LogKeyRotated { old, new, holder, point, line, .. } = rotated;
    Rotation { old, new, holder, point }.verify(line).map_err(|e| e.to_string())
}

/// Follows the entries of a log from one of its keys to the newest. Nothing of it is trusted before the tree is checked.
pub(crate) fn followed<S: Source + ?Sized>(source: &S, size: u64, from: &VerifierKey) -> VerifierKey {
    let mut current = from.clone();
    for n in 0..size.div_ceil(TILE_WIDTH as u64) {
        let path = TilePath { tree: TileTree::Entries, n, width: width_at(size, 0, n) };
        let Some(bytes) = source.tile(path).ok().flatten() else { continue };
        let Ok(entries) = bundle::decode(&bytes) else { continue };
        let about_keys = |leaf: &&[u8]| KINDS.iter().any(|kind| leaf.windows(kind.len()).any(|w| w == *kind));
        for leaf in entries.into_iter().filter(about_keys) {
            let Ok(event) = serde_json::from_slice::<Event>(leaf) else { continue };
            let next = match &event.body {
                Body::LogKeyRotated(rotated) if rotated.old == current.to_string() => follow(rotated).ok(),
                Body::LogRestored(LogRestored { key: Some(key), .. }) => key.parse().ok(),
                _ => None,
            };
            current = next.unwrap_or(current);
        }
    }
    current
}
