//! The checkout: its files, and what cargo says of it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Folders that are built or fetched, never written by us.
const NOT_OURS: [&str; 4] = [".git", "target", "node_modules", ".seatrial"];

/// The checkout and its files, read once.
pub(crate) struct Repo {
    pub(crate) root: PathBuf,
    /// Every file of ours that is text, by its path from the root with `/`.
    pub(crate) files: BTreeMap<String, String>,
}

impl Repo {
    /// Reads the checkout that this program was built in.
    pub(crate) fn open() -> Result<Self, String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("xtask has no folder above it")?.to_owned();
        let mut files = BTreeMap::new();
        match tracked(&root) {
            Some(paths) => paths.iter().for_each(|path| keep(&root, Path::new(path), &mut files)),
            None => walk(&root, Path::new(""), &mut files)?,
        }
        Ok(Self { root, files })
    }

    /// A file's text; an error names it where it is not there.
    pub(crate) fn text(&self, path: &str) -> Result<&str, String> {
        self.files.get(path).map(String::as_str).ok_or_else(|| format!("`{path}` is missing"))
    }

    /// Our Rust files.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter(|(path, _)| path.ends_with(".rs")).map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// `cargo metadata` of what is built on this platform, without a network.
    pub(crate) fn metadata(&self) -> Result<Value, String> {
        let host = output(Command::new("rustc").arg("-vV"))?;
        let host = host.lines().find_map(|l| l.strip_prefix("host: ")).ok_or("`rustc -vV` names no host")?;
        let arguments = ["metadata", "--offline", "--locked", "--format-version", "1", "--filter-platform", host];
        let text = output(Command::new(cargo()).args(arguments).current_dir(&self.root))?;
        serde_json::from_str(&text).map_err(|e| format!("`cargo metadata` printed no JSON: {e}"))
    }
}

/// The cargo that runs us.
pub(crate) fn cargo() -> String {
    std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned())
}

fn output(command: &mut Command) -> Result<String, String> {
    let done = command.output().map_err(|e| format!("{command:?} did not start: {e}"))?;
    if !done.status.success() {
        return Err(format!("{command:?} failed:\n{}", String::from_utf8_lossy(&done.stderr)));
    }
    String::from_utf8(done.stdout).map_err(|e| e.to_string())
}

/// What git tracks or would track; none where this is no git checkout.
fn tracked(root: &Path) -> Option<Vec<String>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let list = output(Command::new("git").args(arguments).current_dir(root)).ok()?;
    let paths: Vec<String> = list.split('\0').filter(|p| !p.is_empty()).map(str::to_owned).collect();
    (!paths.is_empty()).then_some(paths)
}

fn walk(root: &Path, folder: &Path, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let here = root.join(folder);
    let read = |e: std::io::Error| format!("`{}` cannot be read: {e}", here.display());
    for entry in fs::read_dir(&here).map_err(read)? {
        let entry = entry.map_err(read)?;
        let name = entry.file_name();
        if NOT_OURS.iter().any(|not| name == *not) {
            continue;
        }
        let path = folder.join(name);
        if entry.file_type().map_err(read)?.is_dir() {
            walk(root, &path, files)?;
        } else {
            keep(root, &path, files);
        }
    }
    Ok(())
}

/// Keeps a file that is text. Tracked files that were just deleted, and binary ones, are left out.
fn keep(root: &Path, path: &Path, files: &mut BTreeMap<String, String>) {
    if let Ok(text) = fs::read_to_string(root.join(path)) {
        let name: Vec<String> = path.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        files.insert(name.join("/"), text);
    }
}
