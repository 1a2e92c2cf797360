//! The statement by which a log's key names its successor: signed by the old key, so that whoever trusts that one can
//! follow to the new one.

use crate::note::{Note, NoteSignature, VerifierKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use seatrial_model::LogPoint;

/// What the statement's first line is: no origin, so that it can be taken for no checkpoint.
pub const FORMAT: &str = "seatrial/log-key-rotation/1";

/// Why a rotation is none.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RotationError {
    /// A key cannot be read.
    #[error("a rotation names a key that is none: {0}")]
    Key(String),
    /// The new key is another log's, or the old one again.
    #[error("a rotation of the log `{origin}` names the key `{new}`, which is not another key of this log")]
    Successor {
        /// The log.
        origin: String,
        /// The key.
        new: String,
    },
    /// The statement has a form that cannot be signed.
    #[error("a rotation cannot be stated: {0}")]
    Statement(String),
    /// The old key did not sign it.
    #[error("the old key did not sign that the new one follows it: {0}")]
    NotSigned(String),
}

/// One key of a log is followed by another.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    /// The verifier key that signed until now; its name is the log's origin.
    pub old: &'a str,
    /// The one that signs from now on.
    pub new: &'a str,
    /// Under whom it is.
    pub holder: &'a str,
    /// The log as the holder of the old key saw it.
    pub point: &'a LogPoint,
}

impl Rotation<'_> {
    /// The text that the old key signs.
    ///
    /// # Errors
    /// [`RotationError`] where a key is none, the successor is not another key of the same log, or the holder's id holds
    /// control characters.
    pub fn statement(&self) -> Result<Note, RotationError> {
        let old = key(self.old)?;
        let new = key(self.new)?;
        if new.name() != old.name() || new.kind() != old.kind() || new.public_key() == old.public_key() {
            return Err(RotationError::Successor { origin: old.name().to_owned(), new: self.new.to_owned() });
        }
        if self.holder.chars().any(char::is_control) {
            return Err(RotationError::Statement("the holder's id holds control characters".to_owned()));
        }
        let (size, root) = (self.point.size, BASE64.encode(self.point.root.as_bytes()));
        let text = format!("{FORMAT}\n{}\n{}\n{}\n{}\n{size}\n{root}\n", old.name(), self.old, self.new, self.holder);
        Note::new(text).map_err(|e| RotationError::Statement(e.to_string()))
    }

    /// Checks the old key's signature line; gives the new key.
    ///
    /// # Errors
    /// [`RotationError`].
    pub fn verify(&self, line: &str) -> Result<VerifierKey, RotationError> {
        let mut note = self.statement()?;
        let not_signed = |e: &dyn std::error::Error| RotationError::NotSigned(e.to_string());
        note.add(NoteSignature::parse(line).map_err(|e| not_signed(&e))?);
        note.verify(&[key(self.old)?]).map_err(|e| not_signed(&e))?;
        key(self.new)
    }
}

fn key(text: &str) -> Result<VerifierKey, RotationError> {
    text.parse().map_err(|e: crate::note::KeyError| RotationError::Key(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Checkpoint, Signer};
    use seatrial_model::Digest;

    fn signer(origin: &str, seed: u8) -> Signer {
        Signer::from_seed(origin, &[seed; 32]).unwrap()
    }

    fn line(rotation: &Rotation<'_>, by: &Signer) -> String {
        let mut note = rotation.statement().unwrap();
        note.sign(by);
        note.signatures()[0].to_string()
    }

    #[test]
    fn only_the_old_key_names_its_successor() {
        let (old, new) = (signer("bank/credit", 1), signer("bank/credit", 2));
        let (old_key, new_key) = (old.verifier_key().to_string(), new.verifier_key().to_string());
        let point = LogPoint { size: 7, root: Digest::of(b"root") };
        let rotation = Rotation { old: &old_key, new: &new_key, holder: "hana@bank.example", point: &point };
        let good = line(&rotation, &old);
        assert_eq!(rotation.verify(&good).unwrap(), *new.verifier_key());
        assert!(matches!(rotation.verify(&line(&rotation, &new)), Err(RotationError::NotSigned(_))));
        assert!(Rotation { holder: "eve", ..rotation }.verify(&good).is_err());
        let later = LogPoint { size: 8, ..point.clone() };
        assert!(Rotation { point: &later, ..rotation }.verify(&good).is_err());
        let other = signer("bank/other", 2).verifier_key().to_string();
        for wrong in [other.as_str(), &old_key, "nothing"] {
            assert!(Rotation { new: wrong, ..rotation }.statement().is_err(), "{wrong}");
        }
        assert!(Rotation { holder: "a\nb", ..rotation }.statement().is_err());
        assert!(Checkpoint::parse(rotation.statement().unwrap().text()).is_err(), "it is no checkpoint");
    }
}
