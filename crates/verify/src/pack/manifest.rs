//! The manifest of a handover pack: every file with its size and digest, and the note that seals it.

use crate::folder::Folder;
use crate::source::SourceError;
use seatrial_ledger::{Note, VerifierKey};
use seatrial_model::Digest;
use std::fmt;

/// The manifest's file.
pub const MANIFEST: &str = "MANIFEST";

/// The file of the signed note over the manifest.
pub const SEAL: &str = "MANIFEST.sig";

/// The first line of a manifest and of its seal: the format, and its version.
pub const FORMAT: &str = "seatrial-pack/1";

/// The largest manifest that is read: some 600 000 files, which is a log of about a hundred million entries.
pub const MANIFEST_BYTES_MAX: u64 = 64 << 20;

/// The longest path of a file: longer ones do not fit into the archives that packs are sent in.
const PATH_BYTES_MAX: usize = 240;

/// Why something is no manifest, or not the one that was sealed.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// It is not UTF-8, or its first line is another.
    #[error("it does not begin with the line `{FORMAT}`")]
    Format,
    /// A line is not `<digest> <bytes> <path>`.
    #[error("its line {0} is not `<64 hexadecimal digits> <bytes> <path>`")]
    Line(usize),
    /// The files are not in order, or one is there twice.
    #[error("its line {0} does not come after the one before it")]
    Order(usize),
    /// A path leads out of the folder, or cannot be written on every machine.
    #[error("its line {0} names no file within the folder")]
    Path(usize),
    /// The seal is damaged, or not written in its one form.
    #[error("the seal is damaged: {0}")]
    Seal(String),
    /// The seal is over another manifest.
    #[error("the seal is over another manifest, `{0}`")]
    Other(String),
}

/// One file of a pack.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ManifestFile {
    /// Its path within the pack, with `/` between its parts.
    pub path: String,
    /// How many bytes it has.
    pub bytes: u64,
    /// SHA-256 over them.
    pub digest: Digest,
}

/// Every file of a pack but the manifest itself and its seal, by path.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Manifest {
    files: Vec<ManifestFile>,
}

impl Manifest {
    /// The files, by path.
    #[must_use]
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// The file at a path.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&ManifestFile> {
        let at = self.files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }

    /// Lists what a folder holds.
    ///
    /// # Errors
    /// Where a file cannot be read, or has a name that a manifest cannot hold.
    pub fn of(folder: &Folder) -> Result<Self, SourceError> {
        let mut files = Vec::new();
        for path in folder.files()? {
            if path == MANIFEST || path == SEAL {
                continue;
            }
            if !is_path(&path) {
                return Err(SourceError::new(path, "a manifest cannot hold such a name"));
            }
            let bytes = folder.bytes(&path)?.ok_or_else(|| SourceError::new(path.as_str(), "it is gone"))?;
            files.push(ManifestFile { bytes: bytes.len() as u64, digest: Digest::of(&bytes), path });
        }
        files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// Reads a manifest. It has one spelling: what is read is written in the same bytes.
    ///
    /// # Errors
    /// [`ManifestError`] with the line that is wrong.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let text = std::str::from_utf8(bytes).map_err(|_| ManifestError::Format)?;
        let body = text.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix('\n')).ok_or(ManifestError::Format)?;
        let mut files: Vec<ManifestFile> = Vec::new();
        let mut rest = body;
        let mut number = 1;
        while !rest.is_empty() {
            number += 1;
            let (line, after) = rest.split_once('\n').ok_or(ManifestError::Line(number))?;
            rest = after;
            let file = parse_line(line).ok_or(ManifestError::Line(number))?;
            if !is_path(&file.path) {
                return Err(ManifestError::Path(number));
            }
            if files.last().is_some_and(|last| last.path >= file.path) {
                return Err(ManifestError::Order(number));
            }
            files.push(file);
        }
        Ok(Self { files })
    }

    /// The text that a log's key signs as a note over this manifest.
    #[must_use]
    pub fn seal(&self, origin: &str) -> String {
        format!("{FORMAT}\n{origin}\nmanifest {}\n", Digest::of(self.to_string().as_bytes()))
    }

    /// Whether a seal is by one of these keys, over this manifest, and nothing else. It names the key.
    ///
    /// # Errors
    /// [`ManifestError::Seal`] or [`ManifestError::Other`].
    pub fn check_seal(&self, seal: &[u8], origin: &str, keys: &[VerifierKey]) -> Result<String, ManifestError> {
        let damaged = |e: String| ManifestError::Seal(e);
        let note = Note::parse(seal).map_err(|e| damaged(e.to_string()))?;
        // One spelling, and one signature: otherwise a byte could change and nobody would say so.
        if note.to_string().as_bytes() != seal || note.signatures().len() != 1 {
            return Err(damaged("it is not written in its one form".to_owned()));
        }
        let good = note.verify(keys).map_err(|e| damaged(e.to_string()))?;
        if note.text() != self.seal(origin) {
            return Err(ManifestError::Other(note.text().lines().last().unwrap_or_default().to_owned()));
        }
        Ok(good.into_iter().map(|g| format!("{}+{:08x}", g.name, g.id)).collect())
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORMAT}")?;
        for file in &self.files {
            writeln!(f, "{} {} {}", file.digest.hex(), file.bytes, file.path)?;
        }
        Ok(())
    }
}

fn parse_line(line: &str) -> Option<ManifestFile> {
    let (digest, rest) = line.split_once(' ')?;
    let (bytes, path) = rest.split_once(' ')?;
    let digest: Digest = format!("sha256:{digest}").parse().ok()?;
    let count: u64 = bytes.parse().ok()?;
    // `007` and `+7` are read as numbers, too, and are not how they are written.
    (count.to_string() == bytes).then(|| ManifestFile { path: path.to_owned(), bytes: count, digest })
}

/// A path within the folder that every file system can hold.
fn is_path(path: &str) -> bool {
    let plain = |c: char| !c.is_control() && c != '\\' && c != ':';
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    path.len() <= PATH_BYTES_MAX && path.chars().all(plain) && path.split('/').all(part)
}

#[cfg(test)]
mod tests;
