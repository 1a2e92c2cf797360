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

/// An object of as many members, whose last is named like the one at `place`, in other letters.
fn repeated(members: usize, place: usize) -> String {
    let names = (0..members - 1).map(|i| format!("\"k{i}\":0"));
    let last = format!("\"K{place}\":0");
    format!("{{{}}}", names.chain([last]).collect::<Vec<_>>().join(","))
}

#[test]
fn a_member_is_found_twice_however_many_there_are() {
    for members in [4, COMPARED_MAX - 1, COMPARED_MAX, COMPARED_MAX + 1, COMPARED_MAX + 2, 500] {
        for place in [0, members / 2, members - 2] {
            let text = repeated(members, place);
            assert!(RawObject::parse(text.as_bytes()).unwrap_err().to_string().contains("twice"), "{text}");
            assert_eq!(object(&text), None, "{text}");
        }
        assert_eq!(RawObject::parse(repeated(members, 9_999).as_bytes()).unwrap().names().count(), members);
    }
}

#[test]
fn a_list_is_taken_apart_without_a_copy() {
    let bytes = Bytes::from_static(b" [1 , {\"a\":\"]\"},null]");
    let items = list(&bytes).unwrap();
    assert_eq!(items, [&b"1"[..], b"{\"a\":\"]\"}", b"null"]);
    assert_eq!(list(&Bytes::from_static(b"{}")), None);
    let mut object = RawObject::read(&Bytes::from_static(b"{\"b\\n\":1}")).unwrap();
    object.set_list("list", &[RawObject::read_within(&items[1]).unwrap(), RawObject::default()]);
    assert_eq!(String::from_utf8(object.to_bytes()).unwrap(), r#"{"b\n":1,"list":[{"a":"]"},{}]}"#);
    assert_eq!(serde_json::to_vec(&object).unwrap(), object.to_bytes());
}

/// The depth, byte by byte.
fn plain_depth(bytes: &[u8]) -> usize {
    let (mut now, mut most, mut quoted, mut escaped) = (0usize, 0usize, false, false);
    for byte in bytes {
        match byte {
            _ if quoted && escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                now += 1;
                most = most.max(now);
            }
            b']' | b'}' if !quoted => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

proptest! {
    #[test]
    fn the_depth_is_that_of_every_byte(text in r#"[\[\]{}"\\a€]{0,40}"#) {
        prop_assert_eq!(depth(text.as_bytes()), plain_depth(text.as_bytes()));
    }

    #[test]
    fn an_object_is_one_in_both_forms(text in r#"( ?\{"[aAb]":[1-9]?(,"[aAb]":(\{"a":1,"a":2\}|1e400|null|"\\u00(41|)"))?\} ?|.{0,9})"#) {
        let plainly = RawObject::parse(text.as_bytes()).ok().and_then(|_| serde_json::from_str(&text).ok());
        prop_assert_eq!(object(&text), plainly);
    }

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
