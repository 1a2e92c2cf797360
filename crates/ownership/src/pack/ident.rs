//! Identifiers that follow from what they name: the same pack has the same ones.

use seatrial_model::Digest;

/// A UUID for a thing, by its kind and what tells it from others. The first 16 bytes of a SHA-256, with the version of
/// name-based UUIDs (5), which is what OSCAL and CycloneDX take; RFC 9562's own hash for that version is SHA-1.
pub(super) fn uuid(kind: &str, name: &str) -> String {
    let digest = Digest::of(format!("seatrial-{kind}\n{name}").as_bytes());
    let hex = digest.hex();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!("{}-{}-5{}-8{}-{}", part(0, 8), part(8, 12), part(13, 16), part(17, 20), part(20, 32))
}

#[cfg(test)]
mod tests {
    use super::uuid;

    #[test]
    fn it_is_a_uuid_and_follows_from_the_name() {
        let one = uuid("finding", "drill.stop");
        let lengths: Vec<usize> = one.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12]);
        assert_eq!((one.as_bytes()[14], one.as_bytes()[19]), (b'5', b'8'));
        assert_eq!(one, uuid("finding", "drill.stop"));
        assert_ne!(one, uuid("finding", "drill.override"));
    }
}
