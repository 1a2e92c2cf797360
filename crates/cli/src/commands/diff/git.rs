//! A folder as it stood in a git revision, read with the `git` program; nothing is checked out.
//!
//! What was asked for reaches git once, behind `--end-of-options`, and comes back as the number of a commit. Everything
//! after that goes by numbers.

use seatrial_spec::{FileError, FileSource};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The most files of a folder that are listed: a spec names a few dozen.
const FILES_MAX: usize = 20_000;
/// The largest file that is read; the checker has finer limits.
const READ_BYTES_MAX: u64 = 256 << 20;
/// How much of what git complains about is shown.
const SAID_CHARS_MAX: usize = 200;
/// How the pointer of a file begins that is kept elsewhere.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

/// A folder in a commit.
pub(super) struct Tree {
    folder: PathBuf,
    commit: String,
    files: BTreeMap<String, Entry>,
}

struct Entry {
    object: String,
    bytes: u64,
    link: bool,
}

impl Tree {
    /// The commit's number.
    pub(super) fn commit(&self) -> &str {
        &self.commit
    }
}

/// The folder that `asked` names: `REV:PATH` with a path from the repository's root (or from `start` where it begins with
/// `./`), or `REV` for the workflow's own folder. A folder that is not there has no files.
pub(super) fn tree(start: &Path, own: Option<&Path>, asked: &str) -> Result<Tree, String> {
    let (revision, path) = match asked.split_once(':') {
        Some((revision, path)) => (revision, Some(path)),
        None => (asked, None),
    };
    if revision.is_empty() {
        return Err("it names no revision before `:`".to_owned());
    }
    let near = match path {
        None => own.ok_or("no workflow's folder is known: write `REVISION:FOLDER`")?,
        Some(_) => start,
    };
    let commit =
        line(near, &["rev-parse", "--verify", "--quiet", "--end-of-options", &format!("{revision}^{{commit}}")])
            .map_err(|e| if e.is_empty() { format!("git knows no commit `{revision}`") } else { e })?;
    if commit.len() < 40 || !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(format!("git knows no commit `{revision}`"));
    }
    let prefix = || line(near, &["rev-parse", "--show-prefix"]);
    let folder = match path {
        None => prefix()?,
        Some(path) => match path.strip_prefix("./") {
            Some(below) => format!("{}{below}", prefix()?),
            None if path == "." => prefix()?,
            None => path.to_owned(),
        },
    };
    let folder = folder.trim_matches('/').trim_end_matches("/workflow.yaml").to_owned();
    let folder = if folder == "workflow.yaml" { String::new() } else { folder };
    // A commit's number stands first, so that nothing here is an option.
    let listed = run(near, &["ls-tree", "-r", "-l", "-z", "--full-tree", &format!("{commit}:{folder}")]);
    let files = match listed {
        Ok(bytes) => entries(&bytes)?,
        // Not there in that commit.
        Err(_) => BTreeMap::new(),
    };
    Ok(Tree { folder: near.to_owned(), commit, files })
}

/// `MODE TYPE OBJECT SIZE\tPATH`, each ended by a NUL.
fn entries(listed: &[u8]) -> Result<BTreeMap<String, Entry>, String> {
    let mut out = BTreeMap::new();
    for record in listed.split(|b| *b == 0).filter(|r| !r.is_empty()) {
        // A name that is no UTF-8 cannot stand in a spec.
        let Ok(record) = std::str::from_utf8(record) else { continue };
        let Some((head, path)) = record.split_once('\t') else { continue };
        let head: Vec<&str> = head.split_ascii_whitespace().collect();
        let [mode, "blob", object, bytes] = head.as_slice() else { continue };
        let Ok(bytes) = bytes.parse() else { continue };
        out.insert(path.to_owned(), Entry { object: (*object).to_owned(), bytes, link: *mode == "120000" });
        if out.len() > FILES_MAX {
            return Err(format!("the folder has more than {FILES_MAX} files"));
        }
    }
    Ok(out)
}

impl FileSource for Tree {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let entry = self.files.get(path).ok_or(FileError::NotFound)?;
        if entry.link {
            return Err(FileError::Other("it is a symbolic link, which is not followed in a revision".to_owned()));
        }
        if entry.bytes > READ_BYTES_MAX {
            return Err(FileError::TooLarge(READ_BYTES_MAX));
        }
        let bytes = run(&self.folder, &["cat-file", "blob", &entry.object]).map_err(FileError::Other)?;
        if bytes.starts_with(LFS_POINTER) {
            return Err(FileError::Other("git holds only a pointer to it (Git LFS)".to_owned()));
        }
        Ok(bytes)
    }
}

fn line(folder: &Path, args: &[&str]) -> Result<String, String> {
    let bytes = run(folder, args)?;
    let text = String::from_utf8(bytes).map_err(|_| "git answered in no UTF-8".to_owned())?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

fn run(folder: &Path, args: &[&str]) -> Result<Vec<u8>, String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(args).stdin(Stdio::null());
    // It asks nobody, fetches nothing and writes nothing; another repository is not slipped in by the environment.
    command.env("GIT_TERMINAL_PROMPT", "0").env("GIT_OPTIONAL_LOCKS", "0").env("GIT_NO_LAZY_FETCH", "1");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"] {
        command.env_remove(name);
    }
    let done = command.output().map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => "the program `git` is not there".to_owned(),
        _ => format!("git could not be run ({e})"),
    })?;
    if done.status.success() {
        return Ok(done.stdout);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    Err(said.lines().next().unwrap_or("").trim_start_matches("fatal: ").chars().take(SAID_CHARS_MAX).collect())
}

#[cfg(test)]
mod tests;
