//! The bounds of a scan against the plain reading of its words.

use super::*;
use proptest::prelude::*;

fn key() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0xfe), Just(0xff)], 0..4)
}

proptest! {
    #[test]
    fn bounds_are_what_the_words_say(key in key(), prefix in key(), after in proptest::option::of(key()), reverse: bool) {
        let mut scan = Scan::all("t").prefix(prefix.clone());
        scan.after.clone_from(&after);
        scan.reverse = reverse;
        let beyond = after.is_none_or(|after| if reverse { key < after } else { key > after });
        let (lower, upper) = scan.bounds();
        let within = key >= lower && upper.is_none_or(|upper| key < upper);
        prop_assert_eq!(within, key.starts_with(&prefix) && beyond);
    }
}

#[test]
fn no_scan_gives_more_than_the_limit() {
    assert_eq!(Scan::all("t").limit(usize::MAX).rows_max(), SCAN_ROWS_MAX);
    assert_eq!(Scan::default().rows_max(), 0);
}
