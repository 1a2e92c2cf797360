//! Inclusion and consistency proofs (RFC 6962 § 2.1.1 and § 2.1.2), made from tiles and checked against
//! roots.

use crate::hash::{empty_root, node_hash, root_of};
use crate::tile::{TILE_WIDTH, Tile, width_at};
use seatrial_model::Digest;
use std::collections::BTreeMap;

/// The longest proof: one hash for each of the 64 levels that a size has, and one.
pub const PROOF_HASHES_MAX: usize = 65;

/// Why a proof was not made, or does not hold.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The question makes no sense: the entry is not in the tree, or the older tree is greater.
    #[error("no proof was made or checked: `{asked}` is not within a tree of `{size}` entries")]
    OutOfRange {
        /// The index or the older size.
        asked: u64,
        /// The tree's size.
        size: u64,
    },
    /// A tile could not be read.
    #[error("tile `{path}` was not read: {reason}")]
    Tile {
        /// Its path.
        path: String,
        /// Why.
        reason: String,
    },
    /// The proof has another length than this question has.
    #[error("the proof holds `{got}` hashes where `{want}` belong: it was not accepted")]
    Length {
        /// How many it holds.
        got: usize,
        /// How many it should hold.
        want: usize,
    },
    /// The proof leads to another root.
    #[error("the proof leads to the root `{computed}`, not to `{root}`: it was not accepted")]
    Root {
        /// What was computed.
        computed: Digest,
        /// What was to be proved.
        root: Digest,
    },
}

/// Where tiles are read from: a store, a folder, a cache.
pub trait TileReader {
    /// The hashes of tile `n` at a level, at least `width` of them (a wider tile of a greater tree will do).
    ///
    /// # Errors
    /// A sentence saying why there is no such tile.
    fn tile(&self, level: u8, n: u64, width: u16) -> Result<Vec<Digest>, String>;
}

/// Tiles held in memory, by level and index.
impl TileReader for BTreeMap<(u8, u64), Tile> {
    fn tile(&self, level: u8, n: u64, _width: u16) -> Result<Vec<Digest>, String> {
        self.get(&(level, n)).map(|t| t.hashes.clone()).ok_or_else(|| "there is no such tile".to_owned())
    }
}

/// Reads exactly the first `width` hashes of a tile.
pub(crate) fn read<R: TileReader + ?Sized>(
    tiles: &R,
    level: u8,
    n: u64,
    width: u16,
) -> Result<Vec<Digest>, ProofError> {
    let path = || crate::TilePath { tree: crate::TileTree::Hashes(level), n, width }.to_string();
    let mut hashes = tiles.tile(level, n, width).map_err(|reason| ProofError::Tile { path: path(), reason })?;
    if hashes.len() < usize::from(width) {
        let reason = format!("it holds {} hashes where {width} belong", hashes.len());
        return Err(ProofError::Tile { path: path(), reason });
    }
    hashes.truncate(usize::from(width));
    Ok(hashes)
}

/// The root over entries `start..start + 2^height` of a tree of this size; `start` is a multiple of 2^height.
fn subtree<R: TileReader + ?Sized>(tiles: &R, size: u64, start: u64, height: u32) -> Result<Digest, ProofError> {
    let level = height / 8;
    let first = start >> (8 * level);
    let (n, at) = (first / TILE_WIDTH as u64, (first % TILE_WIDTH as u64) as usize);
    let level = u8::try_from(level).unwrap_or(u8::MAX);
    let hashes = read(tiles, level, n, width_at(size, level, n))?;
    let nodes = hashes.get(at..at + (1 << (height % 8)));
    nodes.map(root_of).ok_or(ProofError::OutOfRange { asked: start, size })
}

/// MTH(D[start:end]) of RFC 6962 within a tree of this size.
fn range<R: TileReader + ?Sized>(tiles: &R, size: u64, start: u64, end: u64) -> Result<Digest, ProofError> {
    let mut parts = Vec::new();
    let mut at = start;
    while at < end {
        // A range that RFC 6962 asks for begins at a multiple of the greatest power of two below its length.
        let height = (end - at).ilog2();
        parts.push(subtree(tiles, size, at, height)?);
        at += 1 << height;
    }
    let mut from_right = parts.iter().rev();
    let Some(last) = from_right.next() else { return Ok(empty_root()) };
    Ok(from_right.fold(*last, |right, left| node_hash(left, &right)))
}

/// The greatest power of two smaller than `n`, for n of 2 or more.
const fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

/// The root of the tree of this size.
///
/// # Errors
/// Where a tile cannot be read.
pub fn root<R: TileReader + ?Sized>(tiles: &R, size: u64) -> Result<Digest, ProofError> {
    range(tiles, size, 0, size)
}

/// The hashes that prove entry `index` in the tree of `size` entries, from the leaf's sibling upwards.
///
/// # Errors
/// [`ProofError::OutOfRange`] where the entry is not in the tree; [`ProofError::Tile`] where a tile cannot
/// be read.
pub fn inclusion<R: TileReader + ?Sized>(tiles: &R, index: u64, size: u64) -> Result<Vec<Digest>, ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, size });
    }
    let (mut start, mut end) = (0, size);
    let mut proof = Vec::new();
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range(tiles, size, middle, end)?);
            end = middle;
        } else {
            proof.push(range(tiles, size, start, middle)?);
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The hashes that prove that the tree of `old` entries is the beginning of the tree of `size` entries.
///
/// # Errors
/// As [`inclusion`].
pub fn consistency<R: TileReader + ?Sized>(tiles: &R, old: u64, size: u64) -> Result<Vec<Digest>, ProofError> {
    if old > size {
        return Err(ProofError::OutOfRange { asked: old, size });
    }
    if old == 0 || old == size {
        return Ok(Vec::new());
    }
    let (mut start, mut end) = (0, size);
    let mut proof = Vec::new();
    while end != old {
        let middle = start + split(end - start);
        if old <= middle {
            proof.push(range(tiles, size, middle, end)?);
            end = middle;
        } else {
            proof.push(range(tiles, size, start, middle)?);
            start = middle;
        }
    }
    if start > 0 {
        // The old tree's own root is not a node of the new tree's left edge: its last part has to be given.
        proof.push(range(tiles, size, start, end)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks an inclusion proof.
///
/// # Errors
/// Where the entry cannot be in such a tree, the proof's length is another, or it leads to another root.
pub fn verify_inclusion(
    proof: &[Digest],
    index: u64,
    leaf: &Digest,
    size: u64,
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { asked: index, size });
    }
    let (mut node, mut last) = (index, size - 1);
    let want = path_hashes(node, last);
    if proof.len() != want {
        return Err(ProofError::Length { got: proof.len(), want });
    }
    let mut hash = *leaf;
    let mut hashes = proof.iter();
    while last > 0 {
        // A last node that is a left child has no sibling yet, and moves up as it is.
        if node & 1 == 1 || node < last {
            let Some(sibling) = hashes.next() else { break };
            hash = if node & 1 == 1 { node_hash(sibling, &hash) } else { node_hash(&hash, sibling) };
        }
        node >>= 1;
        last >>= 1;
    }
    if hash == *root { Ok(()) } else { Err(ProofError::Root { computed: hash, root: *root }) }
}

/// Checks that a tree is the beginning of another.
///
/// # Errors
/// Where the older tree is greater, the proof's length is another, or it leads to other roots.
pub fn verify_consistency(
    proof: &[Digest],
    old: u64,
    old_root: &Digest,
    size: u64,
    root: &Digest,
) -> Result<(), ProofError> {
    if old > size {
        return Err(ProofError::OutOfRange { asked: old, size });
    }
    if old == 0 || old == size {
        let known = if old == 0 { empty_root() } else { *root };
        return match proof {
            [] if known == *old_root => Ok(()),
            [] => Err(ProofError::Root { computed: known, root: *old_root }),
            more => Err(ProofError::Length { got: more.len(), want: 0 }),
        };
    }
    // The last node of the old tree that is complete in both, and its place at that height.
    let (mut node, mut last) = (old - 1, size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let want = usize::from(node > 0) + path_hashes(node, last);
    if proof.len() != want {
        return Err(ProofError::Length { got: proof.len(), want });
    }
    let mut hashes = proof.iter();
    let seed = if node > 0 { hashes.next().copied().unwrap_or(*old_root) } else { *old_root };
    let (mut from_old, mut from_new) = (seed, seed);
    while last > 0 {
        if node & 1 == 1 || node < last {
            let Some(sibling) = hashes.next() else { break };
            if node & 1 == 1 {
                from_old = node_hash(sibling, &from_old);
                from_new = node_hash(sibling, &from_new);
            } else {
                from_new = node_hash(&from_new, sibling);
            }
        }
        node >>= 1;
        last >>= 1;
    }
    if from_old != *old_root {
        return Err(ProofError::Root { computed: from_old, root: *old_root });
    }
    if from_new == *root { Ok(()) } else { Err(ProofError::Root { computed: from_new, root: *root }) }
}

/// How many siblings the path from a node to the root has.
const fn path_hashes(mut node: u64, mut last: u64) -> usize {
    let mut count = 0;
    while last > 0 {
        if node & 1 == 1 || node < last {
            count += 1;
        }
        node >>= 1;
        last >>= 1;
    }
    count
}

#[cfg(test)]
mod tests;
