//! A client's request, said in a provider's protocol.

use crate::say::Manner;
use seatrial_guard::port::Protocol;

/// Says a request in another protocol, and how its reply is to be said.
///
/// # Errors
/// The place of a field that the other protocol has no words for.
pub fn request(bytes: &[u8], from: Protocol, to: Protocol) -> Result<(Vec<u8>, Manner), String> {
    let _ = (bytes, from, to);
    Err("model".to_owned())
}
