//! Entry bundles (C2SP `tlog-tiles`): up to 256 entries, each after its length as a big-endian uint16.

use crate::tile::TILE_WIDTH;

/// The largest entry: its length is 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The largest bundle: 256 entries, each with its length.
pub const BUNDLE_BYTES_MAX: usize = TILE_WIDTH * (ENTRY_BYTES_MAX + 2);

/// Why a bundle was not written or read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum BundleError {
    /// An entry is too large for its length.
    #[error("the entry of `{0}` bytes was not written: at most 65535 are")]
    EntryTooLarge(usize),
    /// More entries than a bundle holds.
    #[error("the bundle was not accepted: it holds more than 256 entries")]
    TooMany,
    /// The bytes end within an entry.
    #[error("the bundle ends within its entry `{0}`")]
    Truncated(usize),
}

/// Writes entries as a bundle.
///
/// # Errors
/// Where an entry is larger than 65 535 bytes, or there are more than 256.
pub fn encode<B: AsRef<[u8]>>(entries: &[B]) -> Result<Vec<u8>, BundleError> {
    if entries.len() > TILE_WIDTH {
        return Err(BundleError::TooMany);
    }
    let mut out = Vec::with_capacity(entries.iter().map(|e| e.as_ref().len() + 2).sum());
    for entry in entries {
        let entry = entry.as_ref();
        let length = u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLarge(entry.len()))?;
        out.extend_from_slice(&length.to_be_bytes());
        out.extend_from_slice(entry);
    }
    Ok(out)
}

/// Reads the entries of a bundle.
///
/// # Errors
/// Where the bytes end within an entry, or there are more than 256.
pub fn decode(mut bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        if entries.len() == TILE_WIDTH {
            return Err(BundleError::TooMany);
        }
        let truncated = BundleError::Truncated(entries.len());
        let Some((length, rest)) = bytes.split_first_chunk::<2>() else { return Err(truncated) };
        let length = usize::from(u16::from_be_bytes(*length));
        let Some((entry, rest)) = rest.split_at_checked(length) else { return Err(truncated) };
        entries.push(entry);
        bytes = rest;
    }
    Ok(entries)
}

#[cfg(test)]
mod tests;
