//! `seatrial log rotate-key`.

use crate::exit::Exit;
use crate::failure::Failure;
use crate::out::{Out, shown};
use crate::session::Session;
use seatrial_factory::{KeyRotated, NewKey};
use seatrial_model::digest::unhex;
use seatrial_store::Seed;
use std::path::Path;

/// Has the log signed by another key.
pub(crate) async fn rotate(
    holder: String,
    key_file: Option<&Path>,
    session: &Session,
    out: &mut Out,
) -> Result<Exit, Failure> {
    let caller = session.caller().await?;
    let log = session.log()?;
    let seed = key_file.map(|file| read_seed(&session.start.join(file))).transpose()?;
    let rotated = session.factory.rotate_key(&caller, &log, NewKey { holder, seed, drill: false }).await?;
    told(&rotated, out)?;
    Ok(Exit::Done)
}

/// Says it; never the key itself.
pub(crate) fn told(rotated: &KeyRotated, out: &mut Out) -> Result<(), Failure> {
    out.json(rotated)?;
    out.line(format!(
        "{}: the key is under {} from entry {} on",
        rotated.log,
        shown(&rotated.holder),
        rotated.point.size - 1
    ));
    out.line(format!("  old  {}", rotated.old));
    out.line(format!("  new  {}", rotated.new));
    out.line(format!(
        "  the checkpoint over {} entries is signed by both; the old key is gone from the store",
        rotated.point.size
    ));
    out.line("next: give the new key to everybody who verifies, and to each witness (`seatrial witness run --log`)");
    Ok(())
}

/// A private key in a file: 64 hexadecimal digits.
pub(super) fn read_seed(file: &Path) -> Result<Seed, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|e| Failure::file(format!("`{}` cannot be read ({e}); nothing was done", file.display())))?;
    let seed = unhex(text.trim()).and_then(|bytes| <[u8; 32]>::try_from(bytes).ok()).map(Seed);
    seed.ok_or_else(|| {
        Failure::file(format!("`{}` does not hold 64 hexadecimal digits; nothing was done", file.display()))
    })
}
