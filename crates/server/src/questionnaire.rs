//! The questionnaire's own small site: no factory, no store, one folder of files, this machine only.
//!
//! Whoever has the link that the command printed may enter; a cookie keeps it. Every request names this server as its
//! host, so that no page of another site reaches it under a name of its own, and every form carries a token.

mod form;
mod pages;
mod router;

pub use router::router;

use crate::session::SessionsError;
use crate::session::random_hex;
use seatrial_assessment::questionnaire::{Artifacts, Read, read};
use seatrial_model::Digest;
use std::net::SocketAddr;

/// The longest name of a file, without its ending: it stands in addresses and in lists.
pub const NAME_CHARS_MAX: usize = 64;

/// Where the questionnaires lie. The site itself opens no file.
pub trait Shelf: Send + Sync + 'static {
    /// The names of the questionnaires, without `.yaml`, in order.
    ///
    /// # Errors
    /// Where the folder cannot be read.
    fn names(&self) -> Result<Vec<String>, ShelfError>;

    /// The text of one.
    ///
    /// # Errors
    /// Where there is none, or it cannot be read.
    fn text(&self, name: &str) -> Result<String, ShelfError>;

    /// Replaces the text of one whole, where it is still the one that was seen; makes it where none was seen.
    ///
    /// # Errors
    /// [`ShelfError::Changed`] where it is another by now; nothing is written then.
    fn save(&self, name: &str, seen: Option<Digest>, text: &str) -> Result<(), ShelfError>;

    /// The files beside them.
    fn artifacts(&self) -> &dyn Artifacts;

    /// How the folder is called, for people.
    fn label(&self) -> String;
}

/// Why nothing was read or written.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ShelfError {
    /// There is none of this name.
    #[error("there is no questionnaire of this name")]
    NotFound,
    /// It is another than the one that was seen.
    #[error("the file was changed meanwhile")]
    Changed,
    /// The file cannot be read or written.
    #[error("{0}")]
    Other(String),
}

/// Whether a name can stand in an address and as a file's name.
#[must_use]
pub fn is_name(name: &str) -> bool {
    name.len() <= NAME_CHARS_MAX
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

/// One questionnaire as it stands.
struct Held {
    name: String,
    text: String,
    read: Read,
}

impl Held {
    fn open(shelf: &dyn Shelf, name: &str) -> Result<Self, ShelfError> {
        if !is_name(name) {
            return Err(ShelfError::NotFound);
        }
        let text = shelf.text(name)?;
        let read = read(&file_name(name), &text, shelf.artifacts());
        Ok(Self { name: name.to_owned(), text, read })
    }

    fn seen(&self) -> Digest {
        Digest::of(self.text.as_bytes())
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.yaml")
}

/// Who may enter: whoever has the link.
#[derive(Clone, Debug)]
pub struct Entry {
    address: SocketAddr,
    key: String,
    csrf: String,
}

impl Entry {
    /// Fresh secrets for a server at this address.
    ///
    /// # Errors
    /// Where the system has no random bytes.
    pub fn new(address: SocketAddr) -> Result<Self, SessionsError> {
        Ok(Self { address, key: random_hex()?, csrf: random_hex()? })
    }

    /// The link to open.
    #[must_use]
    pub fn link(&self) -> String {
        format!("http://{}/?key={}", self.address, self.key)
    }

    /// Cookies are shared by all ports of a machine, so that the port is part of the name.
    fn cookie_name(&self) -> String {
        format!("seatrial-questionnaire-{}", self.address.port())
    }

    /// Whether a request means this server, by a name that only this machine gives it.
    fn is_host(&self, host: &str) -> bool {
        host == self.address.to_string() || host == format!("localhost:{}", self.address.port())
    }
}

#[cfg(test)]
mod tests;
