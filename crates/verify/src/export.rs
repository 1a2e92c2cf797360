//! Writing an export: static files that anybody can serve, and that third-party tools for `tlog-tiles` read.

use crate::folder::encode_payload;
use crate::source::{Source, SourceError, blob_place, payload_place};
use seatrial_ledger::{Checkpoint, Note, TilePath};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// What goes into an export besides the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ExportOptions {
    /// The payloads still held, too: personal data leaves the store with them.
    pub payloads: bool,
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Exported {
    /// The log's size.
    pub size: u64,
    /// How many files.
    pub files: u64,
    /// How many bytes.
    pub bytes: u64,
}

/// Why an export was not finished. What was written by then has no `checkpoint`, and so passes for no export.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// The folder is there already, and holds something.
    #[error("nothing was exported: the folder `{0}` is not empty; name a new one")]
    NotEmpty(String),
    /// There is no checkpoint to export.
    #[error("nothing was exported: the log has no signed checkpoint yet")]
    NoCheckpoint,
    /// The checkpoint cannot be read as one.
    #[error("nothing was exported: the checkpoint is damaged: {0}")]
    Checkpoint(String),
    /// Something that belongs to the log is not there.
    #[error("the export was not finished: the log has no `{0}`")]
    Missing(String),
    /// The source failed.
    #[error("the export was not finished: {0}")]
    Source(#[from] SourceError),
    /// A payload cannot be written as JSON.
    #[error("the export was not finished: `{place}`: {reason}")]
    Payload {
        /// Which one.
        place: String,
        /// Why.
        reason: String,
    },
    /// A file was not written.
    #[error("the export was not finished: `{place}` was not written: {error}")]
    Write {
        /// Which file.
        place: String,
        /// Why.
        error: io::Error,
    },
}

struct Writer<'a> {
    root: &'a Path,
    done: Exported,
}

impl Writer<'_> {
    fn write(&mut self, place: &str, bytes: &[u8]) -> Result<(), ExportError> {
        let path = self.root.join(place);
        let error = |error| ExportError::Write { place: place.to_owned(), error };
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(error)?;
        }
        fs::write(&path, bytes).map_err(error)?;
        self.done.files += 1;
        self.done.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Writes everything that a [`Source`] holds into a new folder, the checkpoint last. It copies and does not judge:
/// [`verify()`](crate::verify()) does that.
///
/// # Errors
/// [`ExportError`], where the folder is not empty, the source fails or lacks something, or a file cannot be written.
pub fn export<S: Source + ?Sized>(source: &S, dir: &Path, options: ExportOptions) -> Result<Exported, ExportError> {
    let note = source.checkpoint()?.ok_or(ExportError::NoCheckpoint)?;
    let damaged = |e: &dyn std::error::Error| ExportError::Checkpoint(e.to_string());
    let text = Note::parse(&note).map_err(|e| damaged(&e))?;
    let checkpoint = Checkpoint::parse(text.text()).map_err(|e| damaged(&e))?;
    make_empty(dir)?;
    let mut writer = Writer { root: dir, done: Exported { size: checkpoint.size, ..Exported::default() } };
    for path in TilePath::all(checkpoint.size) {
        let place = path.to_string();
        let bytes = source.tile(path)?.ok_or_else(|| ExportError::Missing(place.clone()))?;
        writer.write(&place, &bytes)?;
    }
    for digest in source.blobs()? {
        let place = blob_place(&digest);
        let bytes = source.blob(&digest)?.ok_or_else(|| ExportError::Missing(place.clone()))?;
        writer.write(&place, &bytes)?;
    }
    if options.payloads {
        for commitment in source.payloads()? {
            let place = payload_place(&commitment);
            // One that was erased since it was listed is simply not there any more.
            let Some(held) = source.payload(&commitment)? else { continue };
            let bytes =
                encode_payload(&held).map_err(|reason| ExportError::Payload { place: place.clone(), reason })?;
            writer.write(&place, &bytes)?;
        }
    }
    for (number, (_, earlier)) in source.earlier_checkpoints()?.into_iter().enumerate() {
        writer.write(&format!("earlier-checkpoints/{number:06}"), &earlier)?;
    }
    writer.write("checkpoint", &note)?;
    Ok(writer.done)
}

/// Makes the folder, or finds it empty.
fn make_empty(dir: &Path) -> Result<(), ExportError> {
    let place = || dir.display().to_string();
    match fs::read_dir(dir).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(ExportError::NotEmpty(place())),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(dir).map_err(|error| ExportError::Write { place: place(), error })
        }
        Err(error) => Err(ExportError::Write { place: place(), error }),
    }
}
