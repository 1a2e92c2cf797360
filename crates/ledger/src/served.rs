//! What a log serves below its prefix (C2SP `tlog-tiles`): the checkpoint, tiles and entry bundles; and, beside what C2SP
//! names, a `tlog-proof` of one entry, and the log's verifier key.

use crate::checkpoint::SIZE_MAX;
use crate::tile::{TileError, TilePath};
use std::fmt;
use std::str::FromStr;

/// One thing that a log serves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LogPath {
    /// `checkpoint`
    Checkpoint,
    /// `tile/…`
    Tile(TilePath),
    /// `proof/<index>`: the `tlog-proof` of this entry.
    Proof(u64),
    /// `key`: the verifier key that signs now.
    Key,
}

impl LogPath {
    /// Whether it can never change: a tile or a bundle, as wide as its path says.
    #[must_use]
    pub const fn is_immutable(&self) -> bool {
        matches!(self, Self::Tile(_))
    }
}

impl fmt::Display for LogPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Tile(path) => path.fmt(f),
            Self::Proof(index) => write!(f, "proof/{index}"),
            Self::Key => f.write_str("key"),
        }
    }
}

impl FromStr for LogPath {
    type Err = TileError;

    /// Each has one spelling: what does not write itself again is none.
    fn from_str(s: &str) -> Result<Self, TileError> {
        match s {
            "checkpoint" => return Ok(Self::Checkpoint),
            "key" => return Ok(Self::Key),
            _ => {}
        }
        let Some(index) = s.strip_prefix("proof/") else { return s.parse().map(Self::Tile) };
        let digits = index.len() <= 16 && index.bytes().all(|b| b.is_ascii_digit());
        let plain = digits && (index == "0" || !index.starts_with('0'));
        let index = index.parse().ok().filter(|index| plain && *index < SIZE_MAX);
        index.map(Self::Proof).ok_or_else(|| TileError::Path(s.chars().take(80).collect()))
    }
}

#[cfg(test)]
mod tests;
