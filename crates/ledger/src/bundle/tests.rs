use super::*;
use proptest::prelude::*;

#[test]
fn the_length_stands_before_each_entry() {
    assert_eq!(encode(&[b"ab".as_slice(), b"", b"c"]).unwrap(), b"\x00\x02ab\x00\x00\x00\x01c");
    assert_eq!(encode(&[vec![0; 65_535]]).unwrap().len(), 65_537);
    assert_eq!(encode(&[vec![0; 65_536]]), Err(BundleError::EntryTooLarge(65_536)));
    assert_eq!(encode(&vec![b"x"; 257]), Err(BundleError::TooMany));
    assert_eq!(decode(&[0; 2 * 257]), Err(BundleError::TooMany));
    assert_eq!(decode(b"\x00\x01a\x00"), Err(BundleError::Truncated(1)));
    assert_eq!(decode(b"\x00\x02a"), Err(BundleError::Truncated(0)));
}

proptest! {
    #[test]
    fn bundles_read_back(entries in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 0..=256)) {
        let bytes = encode(&entries).unwrap();
        prop_assert_eq!(decode(&bytes).unwrap(), entries);
    }

    #[test]
    fn hostile_bundles_never_panic(bytes in prop::collection::vec(prop_oneof![Just(0u8), 0u8..4, any::<u8>()], 0..900)) {
        if let Ok(entries) = decode(&bytes) {
            prop_assert_eq!(encode(&entries).unwrap(), bytes);
        }
    }
}
