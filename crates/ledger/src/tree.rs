//! The tree as somebody sees it who only appends: the right edge, and nothing else.

use crate::hash::{empty_root, node_hash, root_of};
use crate::proof::{ProofError, TileReader};
use crate::tile::{LEVEL_MAX, TILE_WIDTH, Tile, nodes_at, width_at};
use seatrial_model::Digest;

/// The right edge of a tree: the hashes of its partial tiles, at most 255 for each level, and the roots of
/// its complete subtrees. Appending costs one or two hashes for an entry, the root at most 63; neither reads
/// anything that was stored before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Frontier {
    size: u64,
    /// The hashes of the rightmost, partial tile by level; always fewer than 256 each.
    edge: Vec<Vec<Digest>>,
    /// The roots of the complete subtrees, from the greatest to the smallest: one for each bit set in `size`.
    subtrees: Vec<Digest>,
}

/// What an append changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Appended {
    /// The size afterwards.
    pub size: u64,
    /// The root afterwards.
    pub root: Digest,
    /// Every tile that is new or has grown, each once, as it is now. A tile replaces the narrower one of the
    /// same level and index.
    pub tiles: Vec<Tile>,
}

impl Frontier {
    /// The tree without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads the right edge of a stored tree: one tile for each level. The caller compares
    /// [`root`](Self::root) with the root that was signed.
    ///
    /// # Errors
    /// Where a tile of the edge cannot be read or is too narrow.
    pub fn load<R: TileReader + ?Sized>(size: u64, tiles: &R) -> Result<Self, ProofError> {
        let mut frontier = Self { size, ..Self::default() };
        for level in 0..=LEVEL_MAX {
            let nodes = nodes_at(size, level);
            if nodes == 0 {
                break;
            }
            let n = nodes / TILE_WIDTH as u64;
            let width = width_at(size, level, n);
            let hashes = if width == 0 { Vec::new() } else { crate::proof::read(tiles, level, n, width)? };
            frontier.edge.push(hashes);
        }
        for partial in frontier.edge.iter().rev() {
            let mut rest = partial.as_slice();
            while !rest.is_empty() {
                // The greatest power of two that fits: what is left of the tile splits as the size's bits do.
                let width = 1 << rest.len().ilog2();
                let (subtree, after) = rest.split_at(width);
                frontier.subtrees.push(root_of(subtree));
                rest = after;
            }
        }
        Ok(frontier)
    }

    /// How many entries there are.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The RFC 6962 root.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut from_right = self.subtrees.iter().rev();
        let Some(last) = from_right.next() else { return empty_root() };
        from_right.fold(*last, |right, left| node_hash(left, &right))
    }

    /// Appends one leaf hash; returns the tiles that it filled (almost always none).
    pub fn push(&mut self, leaf: Digest) -> Vec<Tile> {
        let mut filled = Vec::new();
        let (mut hash, mut height) = (leaf, 0u32);
        self.place(hash, 0, &mut filled);
        // As in a binary counter: every bit that carries joins two complete subtrees.
        while (self.size >> height) & 1 == 1 {
            let Some(left) = self.subtrees.pop() else { break };
            hash = node_hash(&left, &hash);
            height += 1;
            if height.is_multiple_of(8) {
                self.place(hash, (height / 8) as usize, &mut filled);
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
        filled
    }

    /// Appends leaf hashes and says which tiles are new or have grown.
    pub fn extend(&mut self, leaves: &[Digest]) -> Appended {
        let before = self.size;
        let mut tiles: Vec<Tile> = leaves.iter().flat_map(|leaf| self.push(*leaf)).collect();
        tiles.extend(self.grown_since(before));
        Appended { size: self.size, root: self.root(), tiles }
    }

    /// The partial tiles that have grown since the tree had `before` entries; full ones came from [`push`](Self::push).
    #[must_use]
    pub fn grown_since(&self, before: u64) -> Vec<Tile> {
        let grown = |tile: &Tile| nodes_at(self.size, tile.level) != nodes_at(before, tile.level);
        self.edge().into_iter().filter(grown).collect()
    }

    /// The partial tiles: at most one for each level.
    #[must_use]
    pub fn edge(&self) -> Vec<Tile> {
        let partial = (0u8..).zip(&self.edge).filter(|(_, hashes)| !hashes.is_empty());
        let n = |level| nodes_at(self.size, level) / TILE_WIDTH as u64;
        partial.map(|(level, hashes)| Tile { level, n: n(level), hashes: hashes.clone() }).collect()
    }

    /// Puts a hash at the end of a level's edge; a tile that is full by this leaves the edge.
    fn place(&mut self, hash: Digest, level: usize, filled: &mut Vec<Tile>) {
        if self.edge.len() <= level {
            self.edge.push(Vec::with_capacity(TILE_WIDTH));
        }
        let Some(partial) = self.edge.get_mut(level) else { return };
        partial.push(hash);
        if partial.len() == TILE_WIDTH {
            let hashes = std::mem::take(partial);
            let level = u8::try_from(level).unwrap_or(LEVEL_MAX);
            // This leaf is not yet counted in `size`, and is the last one below the tile.
            let n = nodes_at(self.size + 1, level) / TILE_WIDTH as u64 - 1;
            filled.push(Tile { level, n, hashes });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
