//! TLS to the database: what the address asks for, and what it may not. There is no way down to plain text, and no TLS
//! whose other end is not checked.

use crate::error::StoreError;
use percent_encoding::percent_decode_str;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// What the database calls its protocol, for those of its versions that ask.
const PROTOCOL: &[u8] = b"postgresql";

/// How the connections of a node are protected.
#[derive(Clone, Debug)]
pub(crate) struct Tls {
    client: Arc<ClientConfig>,
    asked: bool,
}

impl Tls {
    /// What is handed to every connection.
    pub(crate) fn connector(&self) -> MakeRustlsConnect {
        MakeRustlsConnect::new(self.client.as_ref().clone())
    }

    /// Whether the database is reached over TLS.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked
    }
}

/// Reads an address whole: `sslmode` and `sslrootcert` here, everything else by the client's library.
pub(crate) fn read(url: &str) -> Result<(Config, Tls), StoreError> {
    // Its own words might quote the address, and with it the password.
    let bad = || {
        invalid(
            "the address of the database cannot be read; it is `postgres://USER@HOST:PORT/DATABASE` or \
             `host=… user=… dbname=…`",
        )
    };
    let (rest, said) = if url.starts_with("postgres://") || url.starts_with("postgresql://") {
        of_url(url)
    } else {
        of_pairs(url).ok_or_else(bad)?
    };
    let mut config: Config = rest.parse().map_err(|_| bad())?;
    let wanted = wanted(said.mode.as_deref(), &config)?;
    config.ssl_mode(if wanted { SslMode::Require } else { SslMode::Disable });
    if !wanted && said.roots.is_some() {
        return Err(invalid("`sslrootcert` is named where there is no TLS: say `sslmode=verify-full`"));
    }
    let roots = if wanted { roots(said.roots.as_deref())? } else { RootCertStore::empty() };
    Ok((config, Tls { client: Arc::new(client(roots)?), asked: wanted }))
}

/// Whether TLS is used. Without a word: to this machine no, to any other yes.
fn wanted(mode: Option<&str>, config: &Config) -> Result<bool, StoreError> {
    let sockets =
        config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_))) && config.get_hostaddrs().is_empty();
    match mode {
        // As everywhere with this database: a socket has none, whatever is said.
        _ if sockets => Ok(false),
        None => Ok(!is_here(config)),
        Some("disable") => Ok(false),
        Some("require" | "verify-full") => Ok(true),
        Some("prefer" | "allow") => {
            Err(invalid("`sslmode=prefer` and `allow` would go on in plain text: say `verify-full`, or `disable`"))
        }
        Some("verify-ca") => {
            Err(invalid("`sslmode=verify-ca` would not check the name of the database's host: say `verify-full`"))
        }
        Some(_) => Err(invalid("`sslmode` is `verify-full`, `require` (here the same) or `disable`")),
    }
}

/// Whether every place of the database is this machine.
fn is_here(config: &Config) -> bool {
    let looped = |name: &str| name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback());
    let host = |host: &Host| match host {
        Host::Tcp(name) => looped(name),
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(host) && config.get_hostaddrs().iter().all(IpAddr::is_loopback)
}

/// Whose signature below the database's certificate is enough: a file's, or the machine's own list.
fn roots(file: Option<&str>) -> Result<RootCertStore, StoreError> {
    let mut roots = RootCertStore::empty();
    match file {
        None | Some("system") => {
            let found = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(found.certs);
            if roots.is_empty() {
                return Err(invalid("this machine has no list of authorities: name one with `sslrootcert=FILE`"));
            }
        }
        Some(file) => {
            let unread =
                |why: &dyn std::fmt::Display| invalid(&format!("`sslrootcert`: `{file}` cannot be read: {why}"));
            let found = CertificateDer::pem_file_iter(Path::new(file)).map_err(|e| unread(&e))?;
            for one in found {
                roots.add(one.map_err(|e| unread(&e))?).map_err(|e| unread(&e))?;
            }
            if roots.is_empty() {
                return Err(unread(&"it has no certificate in PEM"));
            }
        }
    }
    Ok(roots)
}

fn client(roots: RootCertStore) -> Result<ClientConfig, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = builder.map_err(|e| StoreError::Database(format!("TLS cannot be set up: {e}")))?;
    let mut client = builder.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = vec![PROTOCOL.to_vec()];
    Ok(client)
}

fn invalid(what: &str) -> StoreError {
    StoreError::Invalid(format!("{what}; nothing was opened"))
}

/// What an address says of TLS.
#[derive(Default, Debug, PartialEq, Eq)]
struct Said {
    mode: Option<String>,
    roots: Option<String>,
}

impl Said {
    /// Keeps what is ours. The last of two wins, as in the client's library.
    fn takes(&mut self, key: &str, value: &str) -> bool {
        let place = match key {
            "sslmode" => &mut self.mode,
            "sslrootcert" => &mut self.roots,
            _ => return false,
        };
        *place = Some(value.to_owned());
        true
    }
}

/// `postgres://…?key=value&…`: a question mark of the password comes before the `@`.
fn of_url(url: &str) -> (String, Said) {
    let mut said = Said::default();
    let after = url.find('@').unwrap_or(0);
    let Some((before, query)) = url.get(after..).and_then(|rest| rest.split_once('?')) else {
        return (url.to_owned(), said);
    };
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let ours = |pair: &&str| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        !said.takes(&decoded(key), &decoded(value))
    };
    let rest: Vec<&str> = query.split('&').filter(ours).collect();
    let start = url.get(..after).unwrap_or_default();
    (format!("{start}{before}?{}", rest.join("&")).trim_end_matches('?').to_owned(), said)
}

/// `key=value key='a value'`, with backslashes. Nothing where it is not that.
fn of_pairs(text: &str) -> Option<(String, Said)> {
    let mut said = Said::default();
    let mut rest = String::new();
    let mut left = text.trim_start();
    while !left.is_empty() {
        let (key, after) = left.split_once('=')?;
        let after = after.trim_start();
        let (value, length) = value(after)?;
        let whole = left.len() - after.len() + length;
        if !said.takes(key.trim_end(), &value) {
            rest.push_str(left.get(..whole)?);
            rest.push(' ');
        }
        left = left.get(whole..)?.trim_start();
    }
    Some((rest, said))
}

/// A value at the start of a text, and how many bytes it takes there.
fn value(text: &str) -> Option<(String, usize)> {
    let quoted = text.starts_with('\'');
    let mut found = String::new();
    let mut letters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => found.push(letters.next()?.1),
            '\'' if quoted => return Some((found, at + 1)),
            other if !quoted && other.is_whitespace() => return Some((found, at)),
            other => found.push(other),
        }
    }
    (!quoted).then_some((found, text.len()))
}

#[cfg(test)]
mod tests;
