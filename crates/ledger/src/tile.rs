//! Tiles and their paths (C2SP `tlog-tiles`): 256 consecutive hashes at a height of the tree that is a
//! multiple of eight.

use seatrial_model::Digest;
use std::fmt;
use std::str::FromStr;

/// How many hashes a full tile holds, and how many entries a full bundle.
pub const TILE_WIDTH: usize = 256;

/// The bytes of one hash.
pub const HASH_BYTES: usize = 32;

/// The greatest level that a path may name (C2SP `tlog-tiles`).
pub const LEVEL_MAX: u8 = 63;

/// The longest path that is read: a level, seven path elements for 2^64, a width; with room.
const PATH_BYTES_MAX: usize = 80;

/// A path or a tile that is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileError {
    /// The path is not one of `tlog-tiles`.
    #[error("`{0}` is not a tile path: write `tile/0/x001/067` or `tile/entries/000.p/12`")]
    Path(String),
    /// The bytes are not between 1 and 256 hashes of 32 bytes.
    #[error("a tile of `{0}` bytes was not read: it holds 1 to 256 hashes of 32 bytes each")]
    Bytes(usize),
}

/// One tile: at most 256 hashes. At level 0 they are leaf hashes; above, each is the root of a full tile of
/// the level below.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tile {
    /// The level, 0 to 63.
    pub level: u8,
    /// The index within the level.
    pub n: u64,
    /// The hashes, 1 to 256.
    pub hashes: Vec<Digest>,
}

impl Tile {
    /// Whether it holds all 256 hashes, and will never change again.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.hashes.len() == TILE_WIDTH
    }

    /// The hashes, one after the other: the file's content.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.hashes.len() * HASH_BYTES);
        self.hashes.iter().for_each(|hash| bytes.extend_from_slice(hash.as_bytes()));
        bytes
    }

    /// Reads the hashes of a tile.
    ///
    /// # Errors
    /// [`TileError::Bytes`] where these are not 1 to 256 hashes.
    pub fn from_bytes(level: u8, n: u64, bytes: &[u8]) -> Result<Self, TileError> {
        let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
        if hashes.is_empty() || hashes.len() > TILE_WIDTH || !rest.is_empty() {
            return Err(TileError::Bytes(bytes.len()));
        }
        Ok(Self { level, n, hashes: hashes.iter().map(|h| Digest::from_bytes(*h)).collect() })
    }

    /// Where it is served, below the log's prefix.
    #[must_use]
    pub fn path(&self) -> TilePath {
        // A tile holds at most 256 hashes; a wider value could only be a full tile's.
        let width = u16::try_from(self.hashes.len()).unwrap_or(u16::MAX);
        TilePath { tree: TileTree::Hashes(self.level), n: self.n, width }
    }
}

/// Which of the two: hashes at a level, or the entries themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TileTree {
    /// `tile/<level>/…`
    Hashes(u8),
    /// `tile/entries/…`
    Entries,
}

/// The path of a tile or of an entry bundle: `tile/0/x001/x234/067.p/8`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TilePath {
    /// Hashes of a level, or entries.
    pub tree: TileTree,
    /// The index.
    pub n: u64,
    /// 256 for a full one, else how many it holds.
    pub width: u16,
}

impl TilePath {
    /// Whether it names a full tile.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.width) >= TILE_WIDTH
    }

    /// Every tile and entry bundle of a tree of this size, in a fixed order: the entry bundles, then level by
    /// level, from left to right.
    pub fn all(size: u64) -> impl Iterator<Item = Self> {
        let trees = std::iter::once((TileTree::Entries, 0)).chain((0..=LEVEL_MAX).map(|l| (TileTree::Hashes(l), l)));
        trees.flat_map(move |(tree, level)| {
            let nodes = nodes_at(size, level);
            (0..nodes.div_ceil(TILE_WIDTH as u64)).map(move |n| Self { tree, n, width: width_at(size, level, n) })
        })
    }
}

/// How many hashes the levels of tiles have in a tree of this size.
#[must_use]
pub fn nodes_at(size: u64, level: u8) -> u64 {
    size.checked_shr(8 * u32::from(level)).unwrap_or(0)
}

/// How many hashes tile `n` of a level holds in a tree of this size: 0 (there is none) to 256.
#[must_use]
pub fn width_at(size: u64, level: u8, n: u64) -> u16 {
    let before = n.saturating_mul(TILE_WIDTH as u64);
    let width = nodes_at(size, level).saturating_sub(before).min(TILE_WIDTH as u64);
    u16::try_from(width).unwrap_or(0)
}

impl fmt::Display for TilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tree {
            TileTree::Hashes(level) => write!(f, "tile/{level}/")?,
            TileTree::Entries => f.write_str("tile/entries/")?,
        }
        let mut groups = Vec::new();
        let mut rest = self.n;
        loop {
            groups.push(rest % 1000);
            rest /= 1000;
            if rest == 0 {
                break;
            }
        }
        while let Some(group) = groups.pop() {
            if groups.is_empty() { write!(f, "{group:03}")? } else { write!(f, "x{group:03}/")? }
        }
        if self.is_full() { Ok(()) } else { write!(f, ".p/{}", self.width) }
    }
}

impl FromStr for TilePath {
    type Err = TileError;

    fn from_str(s: &str) -> Result<Self, TileError> {
        let error = || TileError::Path(s.chars().take(PATH_BYTES_MAX).collect());
        if s.len() > PATH_BYTES_MAX {
            return Err(error());
        }
        let (tree, rest) = s.strip_prefix("tile/").and_then(|r| r.split_once('/')).ok_or_else(error)?;
        let tree = match tree {
            "entries" => TileTree::Entries,
            level => TileTree::Hashes(level.parse().ok().filter(|l| *l <= LEVEL_MAX).ok_or_else(error)?),
        };
        let (n, width) = match rest.split_once(".p/") {
            None => (rest, 256),
            Some((n, width)) => (n, width.parse().ok().filter(|w| (1..=255).contains(w)).ok_or_else(error)?),
        };
        let n = n.split('/').try_fold(0u64, |n, group| {
            let digits = group.strip_prefix('x').unwrap_or(group);
            n.checked_mul(1000)?.checked_add(digits.parse().ok()?)
        });
        let path = Self { tree, n: n.ok_or_else(error)?, width };
        // One spelling of each path: signs, leading zeroes, missing or needless `x` all fail here.
        if path.to_string() == s { Ok(path) } else { Err(error()) }
    }
}

#[cfg(test)]
mod tests;
