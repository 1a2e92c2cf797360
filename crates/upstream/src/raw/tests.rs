use super::*;
use proptest::prelude::*;

#[test]
fn what_is_not_replaced_keeps_its_bytes() {
    let text = br#"{"b": 1.000, "model":"a", "x":{"k" : [1e400,  "\u0041"]},"a":null}"#;
    let mut object = RawObject::parse(text).unwrap();
    object.set("model", "m-1").unwrap();
    assert_eq!(
        String::from_utf8(object.to_bytes()).unwrap(),
        r#"{"b":1.000,"model":"m-1","x":{"k" : [1e400,  "\u0041"]},"a":null}"#
    );
    assert_eq!((object.get_str("model").as_deref(), object.get_bool("b")), (Some("m-1"), None));
}

#[test]
fn two_readings_are_none() {
    for bad in [
        r#"{"messages":[],"messages":[1]}"#,
        r#"{"messages":[],"Messages":[1]}"#,
        r#"{"messages":[],"mess\u0061ges":[1]}"#,
        r#"{"a":1} {"a":2}"#,
        r#"[1]"#,
        r#""{}""#,
        "",
        "{",
        "{\"a\":\u{0}}",
    ] {
        assert!(RawObject::parse(bad.as_bytes()).is_err(), "{bad}");
    }
}

#[test]
fn depth_and_width_are_bounded() {
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(RawObject::parse(deep.as_bytes()).unwrap_err().to_string().contains("nests deeper"));
    let wide = format!("{{{}}}", (0..2_000).map(|i| format!("\"k{i}\":0")).collect::<Vec<_>>().join(","));
    assert!(RawObject::parse(wide.as_bytes()).unwrap_err().to_string().contains("more than"));
    assert_eq!(depth(br#"{"a\"[[[":[{"b":"]"}]}"#), 3);
}

proptest! {
    #[test]
    fn never_panics_and_what_parses_prints_the_same_value(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = RawObject::parse(&bytes);
    }

    #[test]
    fn round_trip(members in prop::collection::btree_map("[a-z]{1,6}", any::<i32>(), 0..8)) {
        let text = serde_json::to_vec(&members).unwrap();
        prop_assert_eq!(RawObject::parse(&text).unwrap().to_bytes(), text);
    }
}
