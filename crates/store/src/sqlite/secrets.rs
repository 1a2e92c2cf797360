//! Tokens, sessions and keys: in a database of their own, so that no backup or export of evidence holds them.

use super::schema::classify;
use crate::contract::Secret;
use crate::error::StoreError;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::sync::{Mutex, PoisonError};

/// The largest secret; a session or a key is far smaller.
pub const SECRET_BYTES_MAX: usize = 64 << 10;

pub(crate) struct Secrets(pub(crate) Mutex<Connection>);

impl Secrets {
    fn with<T>(&self, run: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, StoreError> {
        run(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).map_err(classify)
    }

    pub(crate) fn put(&self, kind: &str, key: &str, secret: &Secret) -> Result<(), StoreError> {
        check_secret(kind, secret)?;
        let sql = "INSERT INTO secrets (kind, key, value) VALUES (?1, ?2, ?3)
                   ON CONFLICT DO UPDATE SET value = excluded.value";
        self.with(|conn| conn.prepare_cached(sql)?.execute(params![kind, key, secret.0]).map(drop))
    }

    pub(crate) fn get(&self, kind: &str, key: &str) -> Result<Option<Secret>, StoreError> {
        let sql = "SELECT value FROM secrets WHERE kind = ?1 AND key = ?2";
        self.with(|conn| conn.prepare_cached(sql)?.query_row(params![kind, key], |r| r.get(0).map(Secret)).optional())
    }

    pub(crate) fn list(&self, kind: &str) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT key FROM secrets WHERE kind = ?1 ORDER BY key";
        self.with(|conn| conn.prepare_cached(sql)?.query_map(params![kind], |r| r.get(0))?.collect())
    }

    pub(crate) fn delete(&self, kind: &str, key: &str) -> Result<bool, StoreError> {
        let sql = "DELETE FROM secrets WHERE kind = ?1 AND key = ?2";
        self.with(|conn| Ok(conn.prepare_cached(sql)?.execute(params![kind, key])? > 0))
    }
}

/// That a secret has a kind, and is not a file.
pub(crate) fn check_secret(kind: &str, secret: &Secret) -> Result<(), StoreError> {
    if kind.is_empty() {
        return Err(StoreError::Invalid("a secret has no kind; it was not kept".to_owned()));
    }
    if secret.0.len() > SECRET_BYTES_MAX {
        let bytes = secret.0.len();
        return Err(StoreError::Invalid(format!(
            "a secret of kind `{kind}` has {bytes} bytes; it was not kept, {SECRET_BYTES_MAX} is the most"
        )));
    }
    Ok(())
}
