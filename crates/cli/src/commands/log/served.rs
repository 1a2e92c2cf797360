//! A log that is served as C2SP `tlog-tiles`, read over HTTP.

use seatrial_ledger::bundle::{BUNDLE_BYTES_MAX, decode, encode};
use seatrial_ledger::tile::HASH_BYTES;
use seatrial_ledger::{TILE_WIDTH, TilePath, TileTree};
use seatrial_model::{Commitment, Digest};
use seatrial_upstream::web::WebClient;
use seatrial_verify::{Held, Source, SourceError};
use std::path::Path;
use tokio::runtime::Handle;

/// Whether this names an address, and no folder.
pub(super) fn is_address(place: &Path) -> bool {
    place.to_str().is_some_and(|text| text.starts_with("https://") || text.starts_with("http://"))
}

/// The log below an address.
#[derive(Clone)]
pub(super) struct ServedLog {
    client: WebClient,
    prefix: String,
    token: Option<String>,
    /// Where requests are waited for: this source is read on a thread that may block.
    runtime: Handle,
}

impl ServedLog {
    /// The log below this address. A token goes with https, or to this machine, and nowhere else.
    pub(super) fn new(address: &Path, token: Option<String>) -> Result<Self, String> {
        let prefix = address.to_str().unwrap_or_default().trim_end_matches('/').to_owned();
        if token.is_some() && !is_safe_for_secrets(&prefix) {
            return Err(format!(
                "the token in SEATRIAL_TOKEN is not sent to `{prefix}` without TLS; use https, or unset the token"
            ));
        }
        let client = WebClient::new(BUNDLE_BYTES_MAX)?;
        Ok(Self { client, prefix, token, runtime: Handle::current() })
    }

    /// A file below the prefix; none where it is not served.
    pub(super) fn get(&self, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let url = format!("{}/{path}", self.prefix);
        let got = self.runtime.block_on(self.client.file(&url, self.token.as_deref()));
        got.map_err(|reason| {
            let hint = match reason.as_str() {
                "it answers 401" | "it answers 403" => ": give a token that may read the log, in SEATRIAL_TOKEN",
                _ => "",
            };
            SourceError::new(url, format!("{reason}{hint}"))
        })
    }
}

fn is_safe_for_secrets(prefix: &str) -> bool {
    let Some(rest) = prefix.strip_prefix("http://") else { return prefix.starts_with("https://") };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.strip_suffix(|c: char| c.is_ascii_digit()).map_or(authority, |_| {
        authority
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(authority, |s| s.0)
    });
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

/// The beginning of a full tile or bundle, where the partial one is not served any more.
fn narrowed(bytes: &[u8], path: TilePath) -> Result<Vec<u8>, String> {
    let width = usize::from(path.width);
    let short = || "it is shorter than the tree needs".to_owned();
    match path.tree {
        TileTree::Hashes(_) => bytes.get(..width * HASH_BYTES).map(<[u8]>::to_vec).ok_or_else(short),
        TileTree::Entries => {
            let entries = decode(bytes).map_err(|e| e.to_string())?;
            encode(entries.get(..width).ok_or_else(short)?).map_err(|e| e.to_string())
        }
    }
}

impl Source for ServedLog {
    fn checkpoint(&self) -> Result<Option<Vec<u8>>, SourceError> {
        self.get("checkpoint")
    }

    fn earlier_checkpoints(&self) -> Result<Vec<(String, Vec<u8>)>, SourceError> {
        Ok(Vec::new())
    }

    fn tile(&self, path: TilePath) -> Result<Option<Vec<u8>>, SourceError> {
        let found = self.get(&path.to_string())?;
        if found.is_some() || path.is_full() {
            return Ok(found);
        }
        // The log may have grown past it since its checkpoint was read.
        let full = TilePath { width: u16::try_from(TILE_WIDTH).unwrap_or(u16::MAX), ..path };
        let Some(bytes) = self.get(&full.to_string())? else { return Ok(None) };
        narrowed(&bytes, path).map(Some).map_err(|reason| SourceError::new(full.to_string(), reason))
    }

    fn blobs(&self) -> Result<Vec<Digest>, SourceError> {
        Ok(Vec::new())
    }

    fn blob(&self, _digest: &Digest) -> Result<Option<Vec<u8>>, SourceError> {
        Ok(None)
    }

    fn payloads(&self) -> Result<Vec<Commitment>, SourceError> {
        Ok(Vec::new())
    }

    fn payload(&self, _commitment: &Commitment) -> Result<Option<Held>, SourceError> {
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_by_tls_or_to_this_machine() {
        for good in [
            "https://factory.example/log/x",
            "http://127.0.0.1:7070/log/x",
            "http://localhost/log/x",
            "http://[::1]:7070/log",
            "http://127.0.0.1",
        ] {
            assert!(is_safe_for_secrets(good), "{good}");
        }
        for bad in [
            "http://factory.example/log/x",
            "http://localhost@evil.example/log/x",
            "http://localhost.evil.example/log",
            "http://127.0.0.1.evil.example/",
            "http://evil.example:80/localhost",
            "http://evil.example#localhost",
            "http://localhost:7070@evil.example/",
            "ftp://localhost/",
            "http://",
        ] {
            assert!(!is_safe_for_secrets(bad), "{bad}");
        }
    }

    #[test]
    fn a_full_tile_begins_with_the_narrower_one() {
        let entries: Vec<Vec<u8>> = (0..256u16).map(|n| n.to_string().into_bytes()).collect();
        let path = TilePath { tree: TileTree::Entries, n: 3, width: 7 };
        assert_eq!(narrowed(&encode(&entries).unwrap(), path).unwrap(), encode(&entries[..7]).unwrap());
        let path = TilePath { tree: TileTree::Hashes(1), n: 0, width: 2 };
        assert_eq!(narrowed(&[7; 8_192], path).unwrap(), vec![7; 64]);
        assert!(narrowed(&[7; 32], path).is_err());
    }
}
