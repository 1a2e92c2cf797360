//! Signing keys of logs: one for each, in a file of its own or derived from a seed that the caller was given.

use crate::error::StoreError;
use hmac::{Hmac, KeyInit, Mac};
use seatrial_ledger::Signer;
use seatrial_model::LogName;
use sha2::Sha256;
use std::fmt;

/// 32 secret bytes.
#[derive(Clone)]
pub struct Seed(pub [u8; 32]);

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// Where the signing keys of logs come from.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// Drawn when a log is opened, and kept in `keys/<log>.key` with mode 0600.
    #[default]
    Files,
    /// Derived from this seed for each log; no key is written to the disk.
    Seed(Seed),
}

/// What is mixed into a derived key, so that the seed can serve other purposes too.
const PURPOSE: &[u8] = b"seatrial log signing key 1\n";

/// The seed of one log's key: HMAC-SHA256 over its origin.
pub(crate) fn derive(seed: &Seed, origin: &str) -> Seed {
    // HMAC takes keys of every length; the fallback is never reached.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&seed.0) else { return seed.clone() };
    mac.update(PURPOSE);
    mac.update(origin.as_bytes());
    Seed(mac.finalize().into_bytes().into())
}

/// 32 bytes from the operating system.
pub(crate) fn draw(log: &LogName) -> Result<Seed, StoreError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|e| StoreError::Key { log: log.clone(), what: format!("no random bytes could be drawn: {e}") })?;
    Ok(Seed(seed))
}

/// The key that signs a log.
pub(crate) fn signer(log: &LogName, origin: &str, seed: &Seed) -> Result<Signer, StoreError> {
    Signer::from_seed(origin, &seed.0).map_err(|e| StoreError::Key { log: log.clone(), what: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_log_has_its_own_key_and_none_is_shown() {
        let seed = Seed([7; 32]);
        assert_ne!(derive(&seed, "f/a").0, derive(&seed, "f/b").0);
        assert_eq!(derive(&seed, "f/a").0, derive(&seed, "f/a").0);
        assert_ne!(derive(&seed, "f/a").0, seed.0);
        assert_eq!(format!("{:?}", KeySource::Seed(seed)), "Seed(Seed(…))");
    }
}
