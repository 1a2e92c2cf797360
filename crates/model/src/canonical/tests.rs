use super::*;
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};

/// The same in two passes, as it is easy to see that it is right: everything to a value, and the value written in order.
mod plainly {
    use super::super::write::write_string;
    use super::{CanonicalError, Serialize, Value};

    pub(super) fn canonical<T: Serialize + ?Sized>(value: &T) -> Result<Vec<u8>, CanonicalError> {
        let value = serde_json::to_value(value).map_err(|e| CanonicalError::NotJson(e.to_string()))?;
        let mut out = Vec::new();
        write_value(&mut out, &value)?;
        Ok(out)
    }

    fn write_value(out: &mut Vec<u8>, value: &Value) -> Result<(), CanonicalError> {
        match value {
            Value::Null => out.extend_from_slice(b"null"),
            Value::Bool(yes) => out.extend_from_slice(yes.to_string().as_bytes()),
            Value::Number(n) => write_number(out, n)?,
            Value::String(s) => write_string(out, s),
            Value::Array(items) => {
                out.push(b'[');
                for (i, item) in items.iter().enumerate() {
                    out.extend_from_slice(if i > 0 { b"," } else { b"" });
                    write_value(out, item)?;
                }
                out.push(b']');
            }
            Value::Object(map) => {
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
                out.push(b'{');
                for (i, (key, item)) in entries.into_iter().enumerate() {
                    out.extend_from_slice(if i > 0 { b"," } else { b"" });
                    write_string(out, key);
                    out.push(b':');
                    write_value(out, item)?;
                }
                out.push(b'}');
            }
        }
        Ok(())
    }

    fn write_number(out: &mut Vec<u8>, n: &serde_json::Number) -> Result<(), CanonicalError> {
        let exact = n.as_u64().or_else(|| n.as_i64().map(i64::unsigned_abs)).is_none_or(|u| u <= 1 << 53);
        if !exact {
            return Err(CanonicalError::InexactInteger(n.to_string()));
        }
        match n.as_f64() {
            Some(f) if n.is_f64() => out.extend_from_slice(ryu_js::Buffer::new().format(f).as_bytes()),
            _ => out.extend_from_slice(n.to_string().as_bytes()),
        }
        Ok(())
    }
}

fn form(json: &str) -> String {
    let value: Value = serde_json::from_str(json).unwrap();
    String::from_utf8(canonical_value(&value).unwrap()).unwrap()
}

/// The bytes, seen to be those of the plain way.
#[track_caller]
fn same<T: Serialize>(value: &T) -> String {
    let bytes = canonical(value).unwrap();
    assert_eq!(plainly::canonical(value).unwrap(), bytes, "{}", String::from_utf8_lossy(&bytes));
    String::from_utf8(bytes).unwrap()
}

#[derive(Serialize)]
struct Unit;

#[derive(Serialize)]
struct Newtype(u8);

#[derive(Serialize)]
struct Pair(i8, char);

#[derive(Serialize, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Kind {
    #[serde(rename = "z/1")]
    Bare,
}

#[derive(Serialize)]
enum External {
    Unit,
    Newtype(f32),
    Tuple(u8, Option<bool>),
    Struct { zeta: u8, alpha: Kind },
}

#[derive(Serialize)]
#[serde(tag = "kind", content = "body")]
enum Adjacent {
    #[serde(rename = "made/1")]
    Made {
        z: u8,
        a: &'static str,
    },
    Gone,
}

#[derive(Serialize)]
#[serde(tag = "type")]
enum Internal {
    B { value: Vec<u8>, inner: BTreeMap<String, f64> },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    Text(String),
    Many(Vec<Untagged>),
}

#[derive(Serialize)]
struct Outer {
    z: u64,
    #[serde(flatten)]
    adjacent: Adjacent,
    #[serde(flatten)]
    internal: Internal,
    #[serde(flatten)]
    rest: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u8>,
    null: Option<u8>,
    a: External,
}

fn outer(adjacent: Adjacent, a: External) -> Outer {
    let rest = [("\u{1f600}", 1.5), ("\u{fb33}", -0.0), ("\"q\"", 1e300)].map(|(k, v)| (k.to_owned(), v.into()));
    let inner = BTreeMap::from([("b".to_owned(), 1e21), (String::new(), 1e-7), ("a".to_owned(), f64::NAN)]);
    let internal = Internal::B { value: vec![3, 1], inner };
    Outer { z: 9, adjacent, internal, rest: rest.into(), none: None, null: None, a }
}

#[test]
fn every_shape_is_written_as_by_way_of_a_value() {
    same(&(Unit, Newtype(7), Pair(-3, '"'), Kind::Bare, (), Some("x"), None::<u8>, 1.5f32, f32::INFINITY));
    same(&outer(Adjacent::Made { z: 1, a: "\u{7}\u{1f}\u{7f}é" }, External::Struct { zeta: 1, alpha: Kind::Bare }));
    same(&outer(Adjacent::Gone, External::Tuple(1, None)));
    same(&[External::Unit, External::Newtype(0.1), External::Newtype(f32::NAN)]);
    same(&Untagged::Many(vec![Untagged::Text("t".into()), Untagged::Many(Vec::new())]));
    same(&HashMap::from([(Kind::Bare, serde_json::json!({"b": {}, "a": []}))]));
    same(&BTreeMap::from([(10, 'a'), (9, 'b'), (-1, 'c')]));
    same(&BTreeMap::from([(true, i64::MIN >> 11), (false, i64::MAX >> 11)]));
    same(&(u128::from(7u8), -7i128, i16::MIN, u16::MAX, [(); 0]));
    let raw: Box<RawValue> = serde_json::from_str("{\"b\": [1.0, 2e2],  \"a\": \"\\u0041\"}").unwrap();
    assert_eq!(same(&BTreeMap::from([("raw", raw)])), "{\"raw\":{\"a\":\"A\",\"b\":[1,200]}}");
}

/// A map that says everything it is given.
struct Says(Vec<(f64, u8)>);

impl Serialize for Says {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(k, v)| (k, v)))
    }
}

#[test]
fn of_members_of_one_name_the_last_stays() {
    assert_eq!(
        same(&Says(vec![(2.0, 1), (1e30, 2), (2.0, 3), (1.5, 4), (2.0, 5)])),
        "{\"1.5\":4,\"1e+30\":2,\"2.0\":5}"
    );
    assert_eq!(same(&Says(vec![(2.0, 1), (2.0, 2)])), "{\"2.0\":2}");
}

#[test]
fn what_has_no_form_is_refused_alike() {
    fn refused<T: Serialize>(value: &T) -> CanonicalError {
        let error = canonical(value).unwrap_err();
        assert_eq!(plainly::canonical(value).unwrap_err(), error);
        error
    }
    refused(&Says(vec![(f64::NAN, 1)]));
    refused(&BTreeMap::from([((1, 2), 3)]));
    refused(&BTreeMap::from([(Some(1), 3)]));
    refused(&u128::MAX);
    refused(&i128::MIN);
    assert_eq!(refused(&[u64::MAX]), CanonicalError::InexactInteger(u64::MAX.to_string()));
    assert_eq!(refused(&[i64::MIN]), CanonicalError::InexactInteger(i64::MIN.to_string()));
}

#[test]
fn what_is_read_back_has_no_number_that_is_none() {
    assert_eq!(canonical(&[f64::NAN, f64::NEG_INFINITY]).unwrap(), b"[null,null]");
    for none in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(canonical_finite(&[none]), Err(CanonicalError::NotFinite));
    }
    assert_eq!(canonical_finite(&[f64::MAX, 0.5]).unwrap(), canonical(&[f64::MAX, 0.5]).unwrap());
}

fn json() -> impl Strategy<Value = Value> {
    let text = "([a-c]|[\\x00-\\x7f]|[€😀\u{fb33}\u{2028}]){0,6}";
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(|i| Value::from(i >> 10)),
        any::<u64>().prop_map(|u| Value::from(u >> 11)),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((text, inner), 0..8).prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
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
    fn any_value_is_written_as_in_two_passes(value in json()) {
        prop_assert_eq!(canonical(&value), plainly::canonical(&value));
        prop_assert_eq!(canonical_value(&value), plainly::canonical(&value));
    }

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
