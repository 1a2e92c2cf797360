use super::*;
use serde_json::json;

/// What `path` (a pointer) of `value` is bound to, as CEL writes its type.
fn bound(schema: &Value, value: &Value, field: &str) -> String {
    let shape = Shape::of(schema);
    let val = shape.bind(value).unwrap();
    let key = CelString::from(field);
    let found = val.as_indexer().unwrap().get(&key).unwrap();
    found.get_type().name().to_owned()
}

#[test]
fn the_schema_decides_not_the_writing() {
    let schema = json!({ "properties": {
        "n": { "type": "number" }, "i": { "type": "integer" }, "maybe": { "type": ["null", "number"] },
        "both": { "type": ["integer", "number"] }, "listed": { "enum": [1, 2] }, "ref": { "$ref": "#/$defs/N" },
        "all": { "allOf": [{ "$ref": "#/$defs/N" }] } }, "$defs": { "N": { "type": "number" } } });
    for (field, value, is) in [
        ("n", json!(3), "double"),
        ("i", json!(3.0), "int"),
        ("maybe", json!(3), "double"),
        ("both", json!(3), "double"),
        ("listed", json!(1), "int"),
        ("ref", json!(3), "double"),
        ("all", json!(3), "double"),
        ("unknown", json!(3), "int"),
        ("unknown", json!(3.5), "double"),
        ("unknown", json!(u64::MAX), "double"),
    ] {
        assert_eq!(bound(&schema, &json!({ field: value }), field), is, "{field} = {value}");
    }
}

#[test]
fn integers_stay_within_64_bits() {
    let shape = Shape::of(&json!({ "type": "integer" }));
    for good in [json!(i64::MAX), json!(i64::MIN), json!(9_007_199_254_740_992.0), json!(0.0)] {
        assert!(shape.bind(&good).is_ok(), "{good}");
    }
    for bad in [
        json!(9_223_372_036_854_775_808_u64),
        json!(9_223_372_036_854_775_808.0),
        json!(1e300),
        json!(-9_223_372_036_854_775_808.0),
    ] {
        assert_eq!(shape.bind(&bad).err(), Some(IntegerRange), "{bad}");
    }
}

#[test]
fn recursive_schemas_end() {
    let tree = json!({ "type": "object", "properties": { "n": { "type": "number" }, "child": { "$ref": "#" } } });
    let value = json!({ "child": { "child": { "n": 1 } } });
    let shape = Shape::of(&tree);
    let at = shape.field(shape.field(shape.root(), "child"), "child");
    assert!(shape.declared(at, "n").is_some());
    assert!(shape.bind(&value).is_ok());
    for cycle in [
        json!({ "$ref": "#" }),
        json!({ "allOf": [{ "$ref": "#/allOf/0" }] }),
        json!({ "anyOf": [{ "$ref": "#" }, { "$ref": "#" }] }),
    ] {
        assert!(Shape::of(&cycle).bind(&json!({ "a": [1, { "b": 2 }] })).is_ok());
    }
}

#[test]
fn arrays_and_undeclared_fields() {
    let shape = Shape::of(&json!({ "prefixItems": [{ "type": "string" }], "items": { "properties": { "x": {} } },
        "additionalProperties": { "type": "number" } }));
    assert!(shape.declared(shape.item(shape.root(), 1), "x").is_some());
    assert!(shape.declared(shape.item(shape.root(), 0), "x").is_none());
    assert_eq!(shape.numbers(shape.field(shape.root(), "any")), Numbers::Double);
}
