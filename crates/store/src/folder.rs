//! The files of a store, and how they are written so that they survive the next power cut.

use crate::error::StoreError;
use crate::keys::{self, KeySource, Seed};
use seatrial_ledger::Signer;
use seatrial_model::LogName;
use seatrial_model::digest::{hex, unhex};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

/// The folder of one store.
///
/// ```text
/// owner.lock          locked by the one owner process
/// evidence.db         logs, payloads, blobs, projections
/// secrets.db          tokens, sessions, HMAC keys
/// keys/<log>.key      the signing key, in hexadecimal
/// keys/<log>.key.next the one that follows it, until an entry names it and a checkpoint is signed by both
/// checkpoints/<log>   the newest checkpoint that was signed: what an old copy of the database cannot know
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn evidence(&self) -> PathBuf {
        self.0.join("evidence.db")
    }

    pub(crate) fn secrets(&self) -> PathBuf {
        self.0.join("secrets.db")
    }

    fn key(&self, log: &LogName) -> PathBuf {
        self.0.join("keys").join(format!("{log}.key"))
    }

    fn checkpoint(&self, log: &LogName) -> PathBuf {
        self.0.join("checkpoints").join(log.as_str())
    }

    /// Makes the folder and those within; what is there already stays.
    pub(crate) fn make(&self) -> Result<(), StoreError> {
        for dir in [self.0.clone(), self.0.join("keys"), self.0.join("checkpoints")] {
            let mut builder = fs::DirBuilder::new();
            builder.recursive(true);
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            builder.create(&dir).map_err(file_error(&dir, "made"))?;
        }
        Ok(())
    }

    /// Becomes the owner, until the file that is returned is dropped (or the process ends, in whatever way).
    pub(crate) fn own(&self) -> Result<File, StoreError> {
        let path = self.0.join("owner.lock");
        let file = private().create(true).truncate(false).open(&path).map_err(file_error(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => Err(StoreError::Owned(self.0.clone())),
            Err(TryLockError::Error(e)) => Err(file_error(&path, "locked")(e)),
        }
    }

    /// The seed of a log's signing key. A key file is made where there is none and `make` says so; one that a
    /// start left behind before the log came about is used.
    pub(crate) fn seed(&self, source: &KeySource, log: &LogName, origin: &str, make: bool) -> Result<Seed, StoreError> {
        let path = self.key(log);
        match (read_seed(log, &path)?, source) {
            // A key that was given or rotated is in a file, and is newer than the one that is derived.
            (Some(seed), _) => Ok(seed),
            (None, KeySource::Seed(seed)) => Ok(keys::derive(seed, origin)),
            (None, KeySource::Files) if make => {
                let seed = keys::draw(log)?;
                self.write_seed(&path, &seed)?;
                Ok(seed)
            }
            (None, KeySource::Files) => Err(StoreError::Key {
                log: log.clone(),
                what: format!(
                    "`{}` is missing; put it back, or give the seed that the key was derived from",
                    path.display()
                ),
            }),
        }
    }

    fn write_seed(&self, path: &Path, seed: &Seed) -> Result<(), StoreError> {
        self.write(path, format!("{}\n", hex(&seed.0)).as_bytes())
    }

    /// Keeps the key of a log that came from elsewhere.
    pub(crate) fn keep_seed(&self, log: &LogName, seed: &Seed) -> Result<(), StoreError> {
        self.write_seed(&self.key(log), seed)
    }

    fn next_key(&self, log: &LogName) -> PathBuf {
        self.0.join("keys").join(format!("{log}.key.next"))
    }

    /// Keeps the key that is to follow, durably.
    pub(crate) fn stage(&self, log: &LogName, seed: &Seed) -> Result<(), StoreError> {
        self.write_seed(&self.next_key(log), seed)
    }

    /// The key that is to follow, where one is ready.
    pub(crate) fn staged(&self, log: &LogName, origin: &str) -> Result<Option<Signer>, StoreError> {
        read_seed(log, &self.next_key(log))?.map(|seed| keys::signer(log, origin, &seed)).transpose()
    }

    /// The staged key takes the place of the one before, which is gone with it, in one step.
    pub(crate) fn promote(&self, log: &LogName) -> Result<(), StoreError> {
        let (from, to) = (self.next_key(log), self.key(log));
        fs::rename(&from, &to).and_then(|()| sync_parent(&to)).map_err(file_error(&to, "replaced"))
    }

    /// The key that signs a log whose row says `expected`, and the one before it, where the first checkpoint by both is
    /// still to be signed.
    pub(crate) fn signers(
        &self,
        source: &KeySource,
        log: &LogName,
        origin: &str,
        expected: &str,
    ) -> Result<(Signer, Option<Signer>), StoreError> {
        let current = keys::signer(log, origin, &self.seed(source, log, origin, false)?)?;
        let is = |signer: &Signer| signer.verifier_key().to_string() == expected;
        if is(&current) {
            // One that no entry names was staged for a rotation that did not come about.
            return Ok((current, None));
        }
        match self.staged(log, origin)? {
            Some(staged) if is(&staged) => Ok((staged, Some(current))),
            _ => {
                let what = format!("it is `{}`, and the log is signed with `{expected}`", current.verifier_key());
                Err(StoreError::Key { log: log.clone(), what })
            }
        }
    }

    /// The newest checkpoint of a log that was signed, if any was.
    pub(crate) fn read_checkpoint(&self, log: &LogName) -> Result<Option<String>, StoreError> {
        let path = self.checkpoint(log);
        match fs::read_to_string(&path) {
            Ok(note) => Ok(Some(note)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(file_error(&path, "read")(e)),
        }
    }

    /// The logs of which a checkpoint is remembered, by the names of their files.
    pub(crate) fn remembered(&self) -> Result<Vec<LogName>, StoreError> {
        let dir = self.0.join("checkpoints");
        let mut logs = Vec::new();
        for entry in fs::read_dir(&dir).map_err(file_error(&dir, "listed"))? {
            let name = entry.map_err(file_error(&dir, "listed"))?.file_name();
            // A file that was being written when the last end came is no checkpoint; its name is no log's.
            logs.extend(name.to_str().and_then(|name| name.parse::<LogName>().ok()));
        }
        logs.sort();
        Ok(logs)
    }

    /// Remembers a checkpoint; it is on the disk when this returns.
    pub(crate) fn write_checkpoint(&self, log: &LogName, note: &str) -> Result<(), StoreError> {
        self.write(&self.checkpoint(log), note.as_bytes())
    }

    /// Makes an empty file that only its owner can read: SQLite keeps the mode, for its other files too.
    pub(crate) fn make_private(path: &Path) -> Result<(), StoreError> {
        private().create(true).truncate(false).open(path).map(drop).map_err(file_error(path, "made"))
    }

    /// Writes a file in one step: either the old content is there afterwards, or the new.
    fn write(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let written = (|| {
            let mut file = private().create(true).truncate(true).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&temporary, path)?;
            sync_parent(path)
        })();
        written.map_err(file_error(path, "written"))
    }
}

/// A rename is durable only when its folder is.
fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

/// The seed in a file; none where there is no file.
fn read_seed(log: &LogName, path: &Path) -> Result<Option<Seed>, StoreError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let bytes = unhex(text.trim()).and_then(|bytes| bytes.try_into().ok());
            let seed = bytes.map(Seed).ok_or_else(|| StoreError::Key {
                log: log.clone(),
                what: format!("`{}` does not hold 64 hexadecimal digits", path.display()),
            });
            seed.map(Some)
        }
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(file_error(path, "read")(e)),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

pub(crate) fn file_error(path: &Path, done: &'static str) -> impl FnOnce(std::io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::File { path, done, source }
}
