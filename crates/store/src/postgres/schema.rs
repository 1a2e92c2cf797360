//! The tables, their format, and who may do what with them.

use super::db::Db;
use crate::error::StoreError;

/// The format of the tables.
pub(crate) const FORMAT: i64 = 1;

/// The longest name of a schema or role that PostgreSQL keeps whole.
const NAME_BYTES_MAX: usize = 63;

/// That a name needs no quotes, whatever is done with it.
pub(crate) fn check_name<'n>(what: &str, name: &'n str) -> Result<&'n str, StoreError> {
    let mut bytes = name.bytes();
    let begins = bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_');
    let goes_on = bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if begins && goes_on && name.len() <= NAME_BYTES_MAX {
        return Ok(name);
    }
    Err(StoreError::Invalid(format!(
        "{what} has a name that is not small letters, digits and `_` (at most {NAME_BYTES_MAX}, a letter first); nothing was done"
    )))
}

/// The SQL that gives the two roles of a fleet their rights: the nodes, and whoever only looks.
///
/// # Errors
/// [`StoreError::Invalid`] where a name would need quotes.
pub fn rights(schema: &str, serving: &str, reading: &str) -> Result<String, StoreError> {
    let schema = check_name("the schema", schema)?;
    let serving = check_name("the serving role", serving)?;
    let reading = check_name("the reading role", reading)?;
    let text = include_str!("rights.sql");
    Ok(text.replace("{schema}", schema).replace("{serving}", serving).replace("{reading}", reading))
}

/// Makes the tables.
pub(crate) fn make(db: &mut Db, schema: &str) -> Result<(), StoreError> {
    let there =
        db.one("SELECT to_regclass($1)::text", &[&format!("{schema}.meta")], |r| r.try_get::<_, Option<String>>(0))?;
    if there.flatten().is_some() {
        return Err(StoreError::StoreExists(schema.into()));
    }
    let sql = include_str!("schema.sql").replace("{schema}", schema);
    db.batch(&format!("BEGIN; {sql} COMMIT"))
}

/// That the tables are there, and of this format.
pub(crate) fn check_format(db: &Db, schema: &str) -> Result<(), StoreError> {
    let there =
        db.one("SELECT to_regclass($1)::text", &[&format!("{schema}.meta")], |r| r.try_get::<_, Option<String>>(0))?;
    if there.flatten().is_none() {
        return Err(StoreError::NoStore(schema.into()));
    }
    let found: i64 = db.one("SELECT format FROM meta", &[], |r| r.try_get(0))?.unwrap_or(0);
    if found == FORMAT { Ok(()) } else { Err(StoreError::Format { found, expected: FORMAT }) }
}
