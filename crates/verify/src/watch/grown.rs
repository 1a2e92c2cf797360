//! What a log grew by, tied to its signed root.

use super::{Alarm, LookError, NewEntry};
use crate::check::keys::Keys;
use crate::source::{Source, SourceTiles};
use seatrial_ledger::proof::ProofError;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{Frontier, TILE_WIDTH, Tile, TilePath, TileTree, bundle, leaf_hash, proof};
use seatrial_model::{Body, Digest, Event, LogPoint};
use std::collections::BTreeMap;

/// Whether what is shown begins with what was seen.
pub(super) fn grows<S: Source + ?Sized>(source: &S, seen: &LogPoint, shown: &LogPoint) -> Result<(), LookError> {
    if shown.size < seen.size {
        return Err(Alarm::RolledBack { seen: seen.clone(), shown: shown.clone() }.into());
    }
    let tiles = SourceTiles::new(source, shown.size);
    let proof = proof::consistency(&tiles, seen.size, shown.size).map_err(|e| unread(source, e))?;
    match proof::verify_consistency(&proof, seen.size, &seen.root, shown.size, &shown.root) {
        Ok(()) => Ok(()),
        Err(_) => Err(blame(source, seen, shown)),
    }
}

/// A proof that does not hold comes from another history, or from tiles that are not those of the signed tree: the root that
/// the tiles come to tells which.
fn blame<S: Source + ?Sized>(source: &S, seen: &LogPoint, shown: &LogPoint) -> LookError {
    let fork = Alarm::Fork { seen: seen.clone(), shown: shown.clone() };
    if shown.size == seen.size {
        return fork.into();
    }
    match proof::root(&SourceTiles::new(source, shown.size), shown.size) {
        Ok(root) if root == shown.root => fork.into(),
        Ok(root) => wrong("tile", format!("the tiles come to the root {root}, and {} was signed", shown.root)).into(),
        Err(error) => unread(source, error),
    }
}

fn wrong(place: impl ToString, why: impl ToString) -> Alarm {
    Alarm::Wrong { place: place.to_string(), why: why.to_string() }
}

/// A tile that was needed and not read: it is not there, cannot be reached, or is no tile.
fn unread<S: Source + ?Sized>(source: &S, error: ProofError) -> LookError {
    let ProofError::Tile { path, reason } = error else { return wrong("tile", error).into() };
    match path.parse().map(|path| source.tile(path)) {
        Ok(Ok(None)) => Alarm::Missing { place: path }.into(),
        Ok(Err(error)) => error.into(),
        Ok(Ok(Some(_))) | Err(_) => wrong(path, reason).into(),
    }
}

/// Reads what is new.
pub(super) struct Grown<'a, S: ?Sized> {
    source: &'a S,
    seen: Option<&'a LogPoint>,
    shown: &'a LogPoint,
    old: u64,
    keys: &'a mut Keys,
    rotations: u64,
}

impl<'a, S: Source + ?Sized> Grown<'a, S> {
    pub(super) fn new(source: &'a S, seen: Option<&'a LogPoint>, shown: &'a LogPoint, keys: &'a mut Keys) -> Self {
        Self { source, seen, shown, old: seen.map_or(0, |seen| seen.size), keys, rotations: 0 }
    }

    /// Hands over each new entry; gives how often the key changed hands.
    pub(super) fn read(mut self, visit: &mut impl FnMut(NewEntry)) -> Result<u64, LookError> {
        let mut frontier = self.resume()?;
        let mut upper = BTreeMap::new();
        let mut above = |tiles: Vec<Tile>| {
            upper.extend(tiles.into_iter().filter(|t| t.level > 0).map(|t| ((t.level, t.n), t)));
        };
        let width = TILE_WIDTH as u64;
        for n in self.old / width..self.shown.size.div_ceil(width) {
            let first = n * width;
            let known = usize::try_from(self.old.saturating_sub(first)).unwrap_or(usize::MAX);
            for (index, entry) in (first..).zip(&self.leaves(n)?).skip(known) {
                let leaf = leaf_hash(entry);
                above(frontier.push(leaf));
                visit(self.entry(index, leaf, entry)?);
            }
        }
        if frontier.root() != self.shown.root {
            return Err(wrong("checkpoint", format!("the entries come to the root {}", frontier.root())).into());
        }
        above(frontier.edge());
        self.compare_upper(&upper)?;
        Ok(self.rotations)
    }

    /// The right edge of what was seen, from the tiles that are served now.
    fn resume(&self) -> Result<Frontier, LookError> {
        let tiles = SourceTiles::new(self.source, self.shown.size);
        let frontier = Frontier::load(self.old, &tiles).map_err(|e| unread(self.source, e))?;
        match self.seen {
            Some(seen) if frontier.root() != seen.root => {
                Err(wrong("tile", "they are not of what was seen before").into())
            }
            _ => Ok(frontier),
        }
    }

    fn bytes(&self, tree: TileTree, n: u64, width: u16) -> Result<(TilePath, Vec<u8>), LookError> {
        let path = TilePath { tree, n, width };
        let bytes = self.source.tile(path)?.ok_or_else(|| Alarm::Missing { place: path.to_string() })?;
        Ok((path, bytes))
    }

    /// The entries of a bundle, each as its tile of hashes says.
    fn leaves(&self, n: u64) -> Result<Vec<Vec<u8>>, LookError> {
        let width = width_at(self.shown.size, 0, n);
        let (path, bytes) = self.bytes(TileTree::Entries, n, width)?;
        let entries = bundle::decode(&bytes).map_err(|e| wrong(path, e))?;
        let (tile, hashes) = self.bytes(TileTree::Hashes(0), n, width)?;
        let hashes = Tile::from_bytes(0, n, &hashes).map_err(|e| wrong(tile, e))?.hashes;
        for (place, count) in [(path, entries.len()), (tile, hashes.len())] {
            if count != usize::from(width) {
                return Err(wrong(place, format!("it holds {count} where {width} belong")).into());
            }
        }
        if let Some(at) = entries.iter().zip(&hashes).position(|(entry, hash)| leaf_hash(entry) != *hash) {
            let index = n.saturating_mul(TILE_WIDTH as u64).saturating_add(at as u64);
            return Err(wrong(path, format!("entry {index} is not the one whose hash is in `{tile}`")).into());
        }
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// The tiles above level 0 that grew are those that the entries come to.
    fn compare_upper(&self, upper: &BTreeMap<(u8, u64), Tile>) -> Result<(), LookError> {
        for ((level, n), tile) in upper {
            let width = width_at(self.shown.size, *level, *n);
            if width == width_at(self.old, *level, *n) {
                continue;
            }
            let (path, bytes) = self.bytes(TileTree::Hashes(*level), *n, width)?;
            if bytes != tile.to_bytes() {
                return Err(wrong(path, "its hashes are not those of the tiles below it").into());
            }
        }
        Ok(())
    }

    fn entry(&mut self, index: u64, leaf: Digest, bytes: &[u8]) -> Result<NewEntry, LookError> {
        let no_event = |e| wrong(format!("entry {index}"), format!("it is not an event: {e}"));
        let event: Event = serde_json::from_slice(bytes).map_err(no_event)?;
        let of_keys = match &event.body {
            Body::LogOpened(opened) if index == 0 => self.keys.opened(&opened.key),
            Body::LogKeyRotated(rotated) => self.keys.rotated(rotated).map(|()| self.rotations += 1),
            Body::LogRestored(restored) => self.keys.restored(index, restored),
            Body::CheckpointCosigned(cosigned) => {
                let origin = self.keys.newest().map(|key| key.name().to_owned()).unwrap_or_default();
                self.keys.cosigned(&origin, cosigned).map_err(|why| wrong(format!("entry {index}"), why))?;
                Ok(())
            }
            _ => Ok(()),
        };
        of_keys.map_err(|why| Alarm::KeyNotVouched { index, why })?;
        let kind = event.body.kind().to_owned();
        Ok(NewEntry { index, leaf, id: event.id, time: event.time, actor: event.actor.id, kind })
    }
}
