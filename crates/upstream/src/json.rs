//! Reading the JSON of a provider: as strictly as the guard reads, and with room for log-probabilities.

use seatrial_guard::json::{JsonFault, read};
use serde_json::Value;

/// The most values in one JSON text. A long answer with log-probabilities has some hundred thousand; a value takes
/// up to a hundred bytes of memory, whatever it took on the wire.
pub const NODES_MAX: usize = 1_000_000;

/// Reads a JSON text.
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, JsonFault> {
    read(bytes, NODES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded() {
        let text = |values: usize| format!("[{}1]", "1,".repeat(values - 2));
        assert!(parse(text(NODES_MAX).as_bytes()).is_ok());
        assert_eq!(parse(text(NODES_MAX + 1).as_bytes()), Err(JsonFault::TooMany { most: NODES_MAX }));
    }
}
