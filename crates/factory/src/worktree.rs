//! The work tree: the folders of `workflow.yaml` that people edit. Nothing is ever served from here.

use crate::api::Refused;
use crate::factory::Factory;
use seatrial_spec::{Checked, FileError, FileSource};
use std::path::{Path, PathBuf};

/// Files of one folder. What leaves it, by `..` or by a symbolic link, is refused.
pub struct DiskFiles {
    root: PathBuf,
}

/// The largest file that is read: the checker has finer limits.
const READ_BYTES_MAX: u64 = 256 << 20;

impl DiskFiles {
    /// The files below a folder.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl FileSource for DiskFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let other = |e: std::io::Error| match e.kind() {
            std::io::ErrorKind::NotFound => FileError::NotFound,
            _ => FileError::Other(e.to_string()),
        };
        let root = self.root.canonicalize().map_err(other)?;
        let file = root.join(path).canonicalize().map_err(other)?;
        if !file.starts_with(&root) {
            return Err(FileError::Outside);
        }
        let size = std::fs::metadata(&file).map_err(other)?.len();
        if size > READ_BYTES_MAX {
            return Err(FileError::TooLarge(READ_BYTES_MAX));
        }
        std::fs::read(&file).map_err(other)
    }
}

/// A checked folder.
pub struct WorkTree {
    /// The folder.
    pub folder: PathBuf,
    /// What the checker says.
    pub checked: Checked,
}

/// Checks the workflow of a folder as it stands there.
///
/// # Errors
/// Where its `workflow.yaml` cannot be read.
pub fn check_folder(
    folder: &Path,
    factory: Option<&seatrial_spec::workflow::FactorySpec>,
) -> Result<WorkTree, Refused> {
    let path = folder.join(seatrial_spec::check::WORKFLOW_FILE);
    let text =
        std::fs::read(&path).map_err(|e| Refused::NotFound(format!("`{}` cannot be read ({e})", path.display())))?;
    let text = String::from_utf8(text).map_err(|_| Refused::Invalid(format!("`{}` is not UTF-8", path.display())))?;
    let checked = seatrial_spec::check(&text, &DiskFiles::new(folder), factory);
    Ok(WorkTree { folder: folder.to_owned(), checked })
}

impl Factory {
    /// The folder of a workflow: the only one, where none is named.
    ///
    /// # Errors
    /// [`Refused::NotFound`] where there is none, or several and none is named.
    pub fn folder(&self, workflow: Option<&str>) -> Result<PathBuf, Refused> {
        let spec = self.spec();
        let names: Vec<&str> = spec.workflows.iter().map(|w| w.rsplit('/').next().unwrap_or(w)).collect();
        let found = match (workflow, spec.workflows.as_slice()) {
            (None, [only]) => Some(only),
            (None, _) => None,
            (Some(name), all) => all.iter().find(|w| w.as_str() == name || w.rsplit('/').next() == Some(name)),
        };
        found.map(|w| self.root().join(w)).ok_or_else(|| {
            let what = workflow.map_or_else(|| "name a workflow".to_owned(), |n| format!("there is no workflow `{n}`"));
            Refused::NotFound(format!("{what}: `--workflow NAME`, one of {}", names.join(", ")))
        })
    }

    /// Checks the work tree of a workflow.
    ///
    /// # Errors
    /// As [`Self::folder`] and [`check_folder`].
    pub fn work_tree(&self, workflow: Option<&str>) -> Result<WorkTree, Refused> {
        check_folder(&self.folder(workflow)?, Some(&self.spec()))
    }
}
