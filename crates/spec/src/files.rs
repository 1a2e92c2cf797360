//! Where the files of a spec come from: the checker itself does no I/O.

use std::collections::BTreeMap;

/// Why a file was not read.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It lies outside the folder of the spec (by a symbolic link, for instance).
    #[error("it lies outside the folder of the spec")]
    Outside,
    /// It is larger than what is read.
    #[error("it is larger than {0} bytes")]
    TooLarge(u64),
    /// Something else.
    #[error("{0}")]
    Other(String),
}

/// Reads the files of one spec. The checker asks only for relative paths without `..`; whoever implements this
/// refuses what leaves the folder by other ways, such as symbolic links.
pub trait FileSource {
    /// The content of a file.
    ///
    /// # Errors
    /// [`FileError`], which the checker turns into a diagnostic at the place that names the file.
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;
}

/// Files held in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryFiles(pub BTreeMap<String, Vec<u8>>);

impl MemoryFiles {
    /// From pairs of path and content.
    pub fn new<P: Into<String>, C: Into<Vec<u8>>>(files: impl IntoIterator<Item = (P, C)>) -> Self {
        Self(files.into_iter().map(|(p, c)| (p.into(), c.into())).collect())
    }
}

impl FileSource for MemoryFiles {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).cloned().ok_or(FileError::NotFound)
    }
}
