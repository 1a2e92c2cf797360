//! What a witness keeps: its key, and the newest checkpoint that it cosigned of each log. A checkpoint is on the disk before
//! its cosignature leaves.

use crate::failure::Failure;
use crate::out::shown;
use seatrial_ledger::witness::{Considered, Objection};
use seatrial_ledger::{Checkpoint, Note, Signer, VerifierKey, Witness};
use seatrial_model::Digest;
use seatrial_model::digest::{hex, unhex};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// The key's file: its name, a space, its seed in hexadecimal.
const KEY_FILE: &str = "witness.key";

/// Locked by the one process that cosigns: two would each keep a history of their own.
const LOCK_FILE: &str = "witness.lock";

/// The newest checkpoints, each in a file named after the digest of its origin.
const CHECKPOINTS: &str = "checkpoints";

/// Why a request got no cosignature.
pub(super) enum NotCosigned {
    /// The witness objects.
    Objection(Objection),
    /// The checkpoint could not be kept, so it was not cosigned.
    NotKept(io::Error),
}

/// A witness, and where it keeps what it cosigned.
pub(super) struct Kept {
    witness: Witness,
    dir: PathBuf,
    /// Held for as long as this process cosigns.
    _lock: File,
}

/// Makes a witness's folder and key.
pub(super) fn init(dir: &Path, name: &str) -> Result<VerifierKey, Failure> {
    let file = dir.join(KEY_FILE);
    if file.exists() {
        return Err(Failure::usage(format!(
            "there is a witness in `{}` already; its key was left as it is, and nothing was made",
            dir.display()
        )));
    }
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| Failure::failed(format!("no key could be drawn ({e}); nothing was made")))?;
    let signer = Signer::from_seed(name, &seed).map_err(|e| Failure::usage(format!("{e}; nothing was made")))?;
    let failed = |e: io::Error| Failure::file(format!("`{}` cannot be made ({e}); there is no witness", dir.display()));
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir.join(CHECKPOINTS)).map_err(failed)?;
    write(&file, format!("{name} {}\n", hex(&seed)).as_bytes()).map_err(failed)?;
    Ok(signer.cosigner_key())
}

/// The witness's key, read from its folder.
pub(super) fn signer(dir: &Path) -> Result<Signer, Failure> {
    let file = dir.join(KEY_FILE);
    let text = fs::read_to_string(&file).map_err(|e| {
        Failure::file(format!(
            "`{}` cannot be read ({e}); nothing was done. `seatrial witness init` makes a witness",
            file.display()
        ))
    })?;
    let (name, seed) = text.trim_end().rsplit_once(' ').unwrap_or_default();
    let seed = unhex(seed).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    // Whatever is wrong with it, the key itself is not shown.
    let signer = seed.and_then(|seed| Signer::from_seed(name, &seed).ok());
    signer.ok_or_else(|| {
        Failure::file(format!("`{}` does not hold a witness's key; nothing was done. Put it back", file.display()))
    })
}

impl Kept {
    /// Becomes the one process that cosigns, with what was cosigned before.
    pub(super) fn open(dir: &Path, logs: &[VerifierKey]) -> Result<Self, Failure> {
        let signer = signer(dir)?;
        let lock = own(dir)?;
        let mut witness = Witness::new(signer);
        logs.iter().for_each(|key| witness.trust(key.clone()));
        let mut kept = Self { witness, dir: dir.to_owned(), _lock: lock };
        let origins: Vec<String> = kept.witness.logs().map(str::to_owned).collect();
        for origin in origins {
            kept.read(&origin)?;
        }
        Ok(kept)
    }

    /// Reads what was cosigned of a log. A file that is damaged is no reason to begin again from nothing.
    fn read(&mut self, origin: &str) -> Result<(), Failure> {
        let file = self.file(origin);
        let damaged = |what: String| {
            Failure::file(format!(
                "the newest checkpoint cosigned of `{}`, in `{}`, cannot be read ({what}); nothing is witnessed, since a \
                 witness that forgot would cosign another history. Put the file back",
                shown(origin),
                file.display()
            ))
        };
        match fs::read(&file) {
            Ok(note) => {
                let read = Note::parse(&note).map_err(|e| e.to_string());
                let read = read.and_then(|note| Checkpoint::parse(note.text()).map_err(|e| e.to_string()));
                match read {
                    Ok(checkpoint) if checkpoint.origin == origin => self.witness.restore(&note).map_err(damaged),
                    Ok(_) => Err(damaged("it is of another log".to_owned())),
                    Err(what) => Err(damaged(what)),
                }
            }
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            Err(e) => Err(damaged(e.to_string())),
        }
    }

    fn file(&self, origin: &str) -> PathBuf {
        self.dir.join(CHECKPOINTS).join(Digest::of(origin.as_bytes()).hex())
    }

    /// The key that verifies what is cosigned here.
    pub(super) fn key(&self) -> VerifierKey {
        self.witness.key()
    }

    /// The logs that are known, with the size that was cosigned last.
    pub(super) fn logs(&self) -> impl Iterator<Item = (&str, Option<u64>)> {
        self.witness.logs().map(|origin| (origin, self.witness.newest(origin).map(|point| point.size)))
    }

    /// Considers a request, keeps its checkpoint, and cosigns it: in this order.
    pub(super) fn add_checkpoint(&mut self, body: &[u8]) -> Result<(Considered, String), NotCosigned> {
        let considered = self.witness.consider(body).map_err(NotCosigned::Objection)?;
        if self.witness.newest(&considered.origin) != Some(&considered.point) {
            let file = self.file(&considered.origin);
            write(&file, considered.note.to_string().as_bytes()).map_err(NotCosigned::NotKept)?;
            self.witness.keep(&considered.origin, considered.point.clone());
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let line = self.witness.cosign(&considered, now);
        Ok((considered, line))
    }
}

fn own(dir: &Path) -> Result<File, Failure> {
    let path = dir.join(LOCK_FILE);
    let failed =
        |e: io::Error| Failure::file(format!("`{}` cannot be locked ({e}); nothing is witnessed", path.display()));
    let file = private().create(true).truncate(false).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::usage(format!(
            "another process witnesses with `{}`; this one did not start. Two would keep two histories",
            dir.display()
        ))),
        Err(TryLockError::Error(e)) => Err(failed(e)),
    }
}

/// Writes a file in one step, durably, for its owner only.
fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension("new");
    let mut file = private().create(true).truncate(true).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    match path.parent() {
        // The rename itself is durable only when its folder is.
        Some(parent) if cfg!(unix) => File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
