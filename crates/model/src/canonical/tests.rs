use super::*;
use proptest::prelude::*;

fn form(json: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap();
    String::from_utf8(canonical_value(&value).unwrap()).unwrap()
}

#[test]
fn the_example_of_rfc_8785() {
    let input = "{\"numbers\":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],\
        \"string\":\"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\",\"literals\":[null,true,false]}";
    assert_eq!(
        form(input),
        "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],\
         \"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
    );
}

#[test]
fn keys_sort_by_utf16_code_units() {
    // U+1F600 is a surrogate pair (d83d…) in UTF-16 and sorts before U+FB33, unlike in UTF-8.
    assert_eq!(form("{\"\\ufb33\":1,\"\\ud83d\\ude00\":2,\"1\":3}"), "{\"1\":3,\"😀\":2,\"\u{fb33}\":1}");
}

#[test]
fn integers_beyond_a_double_are_refused_not_rounded() {
    let value: Value = serde_json::from_str("9007199254740993").unwrap();
    assert!(matches!(canonical_value(&value), Err(CanonicalError::InexactInteger(_))));
    assert_eq!(form("[1.0,-0.0,9007199254740992]"), "[1,0,9007199254740992]");
}

proptest! {
    #[test]
    fn strings_are_escaped_as_ecmascript_does(text in "[\\x00-\\x7f€😀\u{2028}]{0,40}") {
        // RFC 8785 § 3.2.2.2 has ECMAScript's own escapes, which are those of `serde_json`.
        prop_assert_eq!(canonical_value(&Value::from(text.as_str())).unwrap(), serde_json::to_vec(&text).unwrap());
    }

    #[test]
    fn canonical_bytes_are_a_fixed_point(keys in prop::collection::vec((".{0,6}", any::<f64>()), 0..8)) {
        let map: serde_json::Map<String, Value> =
            keys.into_iter().filter(|(_, f)| f.is_finite()).map(|(k, f)| (k, f.into())).collect();
        let once = canonical_value(&Value::Object(map)).unwrap();
        let again: Value = serde_json::from_slice(&once).unwrap();
        // A whole double comes back as an integer; beyond 2^53 that integer is refused, never changed.
        if let Ok(twice) = canonical_value(&again) {
            prop_assert_eq!(once, twice);
        }
    }
}
