//! What goes over the owner's socket: one line of JSON to ask, lines of JSON to answer.

use super::Asked;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Layout, Stream};
use crate::session::Who;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The version of the exchange: both ends are the same program.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The longest request: arguments are bounded by the operating system at about this much.
pub(crate) const REQUEST_BYTES_MAX: u64 = 4 << 20;

/// The longest path that a Unix socket's address holds on every system.
const ADDRESS_BYTES_MAX: usize = 100;

/// A command to be run by the owner.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Request {
    /// The program's version.
    pub(crate) version: String,
    /// The arguments, the program's name first.
    pub(crate) argv: Vec<String>,
    /// The folder that it was started in, or `-C`.
    pub(crate) start: PathBuf,
    /// Who acts.
    pub(crate) who: Who,
    /// How output is laid out.
    pub(crate) layout: Layout,
}

impl Request {
    /// From a command as it was given.
    pub(crate) fn of(asked: &Asked) -> Self {
        let Asked { argv, start, who, layout } = asked.clone();
        // Progress is drawn on a terminal, and the owner does not have it.
        let layout = Layout { progress: false, ..layout };
        Self { version: VERSION.to_owned(), argv, start, who, layout }
    }

    /// The command.
    pub(crate) fn asked(self) -> Asked {
        Asked { argv: self.argv, start: self.start, who: self.who, layout: self.layout }
    }
}

/// A line of the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reply {
    /// The command was begun: from here on it is not tried again.
    Begun,
    /// The owner is another version of the program; nothing was begun.
    Version(String),
    /// A piece of output.
    Text(Stream, String),
    /// It ended.
    Exit(Exit),
}

/// The address of a store's socket. A long path is reached through the open folder.
pub(crate) struct Address {
    path: PathBuf,
    _folder: Option<File>,
}

impl Address {
    /// The address of the socket in a store's folder.
    pub(crate) fn of(store: &Path) -> Result<Self, Failure> {
        let path = socket(store);
        if path.as_os_str().len() <= ADDRESS_BYTES_MAX {
            return Ok(Self { path, _folder: None });
        }
        let error = |e: std::io::Error| Failure::file(format!("`{}` cannot be opened ({e})", store.display()));
        let folder = File::open(store).map_err(error)?;
        let open = PathBuf::from(format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&folder)));
        if !open.exists() {
            return Err(Failure::file(format!(
                "the path of the store `{}` is too long for a socket; nothing was done. Put it into a shorter one",
                store.display()
            )));
        }
        Ok(Self { path: open.join(SOCKET), _folder: Some(folder) })
    }

    /// The path to bind or connect to.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

const SOCKET: &str = "owner.sock";

/// Where a store's socket is.
pub(crate) fn socket(store: &Path) -> PathBuf {
    store.join(SOCKET)
}
