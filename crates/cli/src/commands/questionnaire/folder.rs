//! Questionnaires and the artifacts beside them, in one folder.

use seatrial_assessment::questionnaire::Artifacts;
use seatrial_model::Digest;
use seatrial_server::questionnaire::{Shelf, ShelfError, is_name};
use seatrial_spec::FileError;
use seatrial_spec::yaml::{self, TEXT_BYTES_MAX};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// The largest artifact that is looked at: recordings of screens and exports of a week fit.
pub(super) const ARTIFACT_BYTES_MAX: u64 = 256 << 20;
/// The most questionnaires of one folder that a page lists.
const LISTED_MAX: usize = 100;

/// A folder of questionnaires.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    saving: Mutex<()>,
}

impl Folder {
    /// The folder of this path.
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, saving: Mutex::new(()) }
    }

    /// The folder that a questionnaire lies in.
    pub(super) fn beside(file: &Path) -> Self {
        Self::new(file.parent().map_or_else(|| PathBuf::from("."), Path::to_owned))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}.yaml"))
    }
}

impl Artifacts for Folder {
    fn digest(&self, path: &str) -> Result<Digest, FileError> {
        let other = |e: std::io::Error| match e.kind() {
            ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Other(e.to_string()),
        };
        let root = self.root.canonicalize().map_err(other)?;
        // Links are followed first: where they lead to counts.
        let file = root.join(path).canonicalize().map_err(other)?;
        if !file.starts_with(&root) {
            return Err(FileError::Outside);
        }
        let about = file.metadata().map_err(other)?;
        if !about.is_file() {
            return Err(FileError::Other("it is no file".to_owned()));
        }
        if about.len() > ARTIFACT_BYTES_MAX {
            return Err(FileError::TooLarge(ARTIFACT_BYTES_MAX));
        }
        std::fs::read(&file).map(|bytes| Digest::of(&bytes)).map_err(other)
    }
}

impl Shelf for Folder {
    fn names(&self) -> Result<Vec<String>, ShelfError> {
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.root).map_err(failed)? {
            let Ok(file) = entry.map_err(failed)?.file_name().into_string() else { continue };
            let Some(name) = file.strip_suffix(".yaml").filter(|name| is_name(name)) else { continue };
            if self.text(name).is_ok_and(|text| is_questionnaire(&text)) {
                names.push(name.to_owned());
            }
        }
        names.sort();
        names.truncate(LISTED_MAX);
        Ok(names)
    }

    fn text(&self, name: &str) -> Result<String, ShelfError> {
        let path = self.path(name);
        let about = std::fs::metadata(&path).map_err(failed)?;
        if !about.is_file() || about.len() > TEXT_BYTES_MAX as u64 {
            return Err(ShelfError::Other("it is no file, or larger than any questionnaire".to_owned()));
        }
        std::fs::read_to_string(&path).map_err(failed)
    }

    fn save(&self, name: &str, seen: Option<Digest>, text: &str) -> Result<(), ShelfError> {
        if !is_name(name) {
            return Err(ShelfError::NotFound);
        }
        // Two tabs of one browser do not overtake each other between the look and the write.
        let _saving = self.saving.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(name);
        let Some(seen) = seen else {
            let mut file = std::fs::File::create_new(&path).map_err(|e| match e.kind() {
                ErrorKind::AlreadyExists => ShelfError::Changed,
                _ => failed(e),
            })?;
            return file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed);
        };
        if Digest::of(self.text(name)?.as_bytes()) != seen {
            return Err(ShelfError::Changed);
        }
        // Whole or not at all; where the name is a link, the file that it leads to is replaced.
        let path = path.canonicalize().map_err(failed)?;
        let beside = path.with_extension(format!("saving-{}", std::process::id()));
        let written = std::fs::File::create(&beside)
            .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
            .and_then(|()| std::fs::rename(&beside, &path));
        if written.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        written.map_err(failed)
    }

    fn artifacts(&self) -> &dyn Artifacts {
        self
    }

    fn label(&self) -> String {
        self.root.display().to_string()
    }
}

/// A file of this kind, errors in it notwithstanding.
fn is_questionnaire(text: &str) -> bool {
    match yaml::parse(text).0 {
        Some(root) => root.get("seatrial-questionnaire").is_some(),
        None => text.lines().any(|line| line.starts_with("seatrial-questionnaire:")),
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
fn failed(error: std::io::Error) -> ShelfError {
    match error.kind() {
        ErrorKind::NotFound => ShelfError::NotFound,
        _ => ShelfError::Other(error.to_string()),
    }
}
