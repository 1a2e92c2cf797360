//! An export as a folder of files: the static layout of `tlog-tiles`, with blobs and payloads beside it.

use crate::source::{Held, Source, SourceError, blob_place, payload_place};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_ledger::bundle::BUNDLE_BYTES_MAX;
use seatrial_ledger::note::NOTE_BYTES_MAX;
use seatrial_ledger::tile::width_at;
use seatrial_ledger::{TILE_WIDTH, TilePath, TileTree};
use seatrial_model::digest::{hex, unhex};
use seatrial_model::{Commitment, Digest, Salt, canonical};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

/// The largest blob or payload file that is read: the greatest payload that a store keeps, as base64, and the
/// greatest blob both fit.
pub const FILE_BYTES_MAX: u64 = 256 << 20;

/// The deepest folder that is looked into: a tile's path has nine parts.
const DEPTH_MAX: usize = 12;

/// The most files that one listing takes: far beyond any export, and an end for a folder made to have none.
const FILES_MAX: usize = 50_000_000;

/// An export, read.
#[derive(Clone, Debug)]
pub struct Folder {
    root: PathBuf,
}

/// A payload's file: RFC 8785 JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PayloadFile {
    /// Base64 of the exact bytes.
    bytes: String,
    /// Its name in the event.
    kind: String,
    /// The salt's 64 hexadecimal digits.
    salt: String,
}

/// The bytes of a payload's file.
///
/// # Errors
/// A sentence where the payload has no canonical form; this cannot happen for text.
pub(crate) fn encode_payload(held: &Held) -> Result<Vec<u8>, String> {
    let file = PayloadFile { bytes: BASE64.encode(&held.bytes), kind: held.kind.clone(), salt: hex(&held.salt.0) };
    canonical(&file).map_err(|e| e.to_string())
}

/// Reads a payload's file.
fn decode_payload(bytes: &[u8]) -> Result<Held, String> {
    let file: PayloadFile = serde_json::from_slice(bytes).map_err(|e| format!("it is not a payload's JSON: {e}"))?;
    let salt = unhex(&file.salt).and_then(|s| s.try_into().ok()).ok_or("its salt is not 64 hexadecimal digits")?;
    let content = BASE64.decode(&file.bytes).map_err(|_| "its bytes are not base64")?;
    let held = Held { salt: Salt(salt), bytes: content, kind: file.kind };
    // One spelling of each file: otherwise a byte could change and nobody would say so.
    if encode_payload(&held)? == bytes { Ok(held) } else { Err("it is not written in its canonical form".to_owned()) }
}

impl Folder {
    /// Opens a folder for reading.
    ///
    /// # Errors
    /// Where there is no such folder.
    pub fn open(root: impl Into<PathBuf>) -> Result<Self, SourceError> {
        let root = root.into();
        match fs::metadata(&root) {
            Ok(meta) if meta.is_dir() => Ok(Self { root }),
            Ok(_) => Err(SourceError::new(root.display().to_string(), "it is not a folder")),
            Err(e) => Err(SourceError::new(root.display().to_string(), e.to_string())),
        }
    }

    /// Every file in it, as places, in order.
    ///
    /// # Errors
    /// Where a folder cannot be read.
    pub fn files(&self) -> Result<Vec<String>, SourceError> {
        self.list("")
    }

    /// A file's bytes, at most [`FILE_BYTES_MAX`]; none where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, is too large, or is no plain file.
    pub fn bytes(&self, place: &str) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(place, FILE_BYTES_MAX)
    }

    /// Reads a file of at most `max` bytes; none where there is none. What is not a plain file (a link out of the
    /// folder, a pipe that never ends) is refused.
    pub(crate) fn read(&self, place: &str, max: u64) -> Result<Option<Vec<u8>>, SourceError> {
        let path = self.root.join(place);
        let error = |reason: String| SourceError::new(place, reason);
        let meta = match fs::symlink_metadata(&path) {
            Ok(meta) => meta,
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
            Err(e) => return Err(error(e.to_string())),
        };
        if !meta.is_file() {
            return Err(error("it is not a plain file".to_owned()));
        }
        let file = fs::File::open(&path).map_err(|e| error(e.to_string()))?;
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes).map_err(|e| error(e.to_string()))?;
        if bytes.len() as u64 > max {
            return Err(error(format!("it is larger than {max} bytes")));
        }
        Ok(Some(bytes))
    }

    /// All files below a folder, as places, in order; none where there is no such folder.
    pub(crate) fn list(&self, place: &str) -> Result<Vec<String>, SourceError> {
        let mut found = Vec::new();
        self.walk(Path::new(place), 0, &mut found)?;
        found.sort_unstable();
        Ok(found)
    }

    fn walk(&self, place: &Path, depth: usize, found: &mut Vec<String>) -> Result<(), SourceError> {
        let error = |e: std::io::Error| SourceError::new(place.display().to_string(), e.to_string());
        let entries = match fs::read_dir(self.root.join(place)) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => return Err(error(e)),
        };
        for entry in entries {
            let entry = entry.map_err(error)?;
            let below = place.join(entry.file_name());
            if found.len() >= FILES_MAX || depth > DEPTH_MAX {
                return Err(SourceError::new(below.display().to_string(), "it has too many files or folders"));
            }
            if entry.file_type().map_err(error)?.is_dir() {
                self.walk(&below, depth + 1, found)?;
            } else {
                found.push(below.to_string_lossy().into_owned());
            }
        }
        Ok(())
    }

    /// The digests that the files of a folder are named after.
    fn digests(&self, folder: &str) -> Result<Vec<Digest>, SourceError> {
        let names = self.list(folder)?;
        Ok(names.iter().filter_map(|place| named(place, folder)).collect())
    }
}

/// The digest that `<folder>/<64 hexadecimal digits>` is named after.
fn named(place: &str, folder: &str) -> Option<Digest> {
    let name = place.strip_prefix(folder)?.strip_prefix('/')?;
    format!("sha256:{name}").parse().ok()
}

impl Source for Folder {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        self.read("checkpoint", NOTE_BYTES_MAX as u64)
    }

    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        let places = self.list("earlier-checkpoints")?;
        let read = |place: String| Ok(self.read(&place, NOTE_BYTES_MAX as u64)?.map(|note| (place, note)));
        places.into_iter().filter_map(|place| read(place).transpose()).collect()
    }

    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        let max = match path.tree {
            TileTree::Hashes(_) => TILE_WIDTH * 32,
            TileTree::Entries => BUNDLE_BYTES_MAX,
        };
        self.read(&path.to_string(), max as u64)
    }

    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        self.digests("blobs")
    }

    fn blob(&self, digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        self.read(&blob_place(digest), FILE_BYTES_MAX)
    }

    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        Ok(self.digests("payloads")?.into_iter().map(Commitment).collect())
    }

    fn payload(&self, commitment: &Commitment) -> Result<Option<Held>, SourceError> {
        let place = payload_place(commitment);
        let Some(bytes) = self.read(&place, FILE_BYTES_MAX)? else { return Ok(None) };
        decode_payload(&bytes).map(Some).map_err(|reason| SourceError::new(place, reason))
    }

    fn others(&self, size: u64) -> Result<Vec<String>, SourceError> {
        let of_the_tree = |path: TilePath| {
            let level = match path.tree {
                TileTree::Hashes(level) => level,
                TileTree::Entries => 0,
            };
            width_at(size, level, path.n) == path.width
        };
        let known = |place: &String| {
            place == "checkpoint"
                || place.starts_with("earlier-checkpoints/")
                || named(place, "blobs").is_some()
                || named(place, "payloads").is_some()
                || place.parse().is_ok_and(of_the_tree)
        };
        Ok(self.list("")?.into_iter().filter(|place| !known(place)).collect())
    }
}
