use super::*;
use serde_json::json;

fn paths(schema: &Value, withhold: &[&str]) -> Vec<String> {
    let withhold: Vec<String> = withhold.iter().map(|w| (*w).to_owned()).collect();
    features_from_schema(schema, &withhold).into_iter().map(|f| f.path).collect()
}

#[test]
fn a_schema_declares_its_features() {
    let schema = json!({
        "$defs": {"money": {"type": "number", "minimum": 0}},
        "properties": {
            "customer": {"type": "object", "properties": {"age": {"type": "integer"}, "aged": {"type": "integer"}}},
            "amount": {"$ref": "#/$defs/money"},
            "income": {"anyOf": [{"type": "number"}, {"type": "null"}]},
            "home": {"enum": ["own", "rent", null]},
            "first": {"type": ["boolean", "null"]},
            "text": {"type": "string"}, "list": {"type": "array"}, "either": {"type": ["string", "number"]},
            "a.b": {"type": "number"}, "": {"type": "number"},
        }
    });
    assert_eq!(paths(&schema, &["customer.age"]), ["customer.aged", "amount", "income", "home", "first"]);
    assert_eq!(paths(&schema, &["customer", "amount"]), ["income", "home", "first"]);
    let features = features_from_schema(&schema, &[]);
    assert_eq!(features[4].kind, FeatureKind::Category(vec!["own".into(), "rent".into()]));
    assert_eq!(features[5].kind, FeatureKind::Category(vec!["false".into(), "true".into()]));
}

#[test]
fn hostile_schemas_end() {
    let cycle = json!({"properties": {"a": {"$ref": "#"}, "b": {"$ref": "#"}, "c": {"$ref": "#/properties/c"}, "n": {"type": "number"}}});
    assert!(paths(&cycle, &[]).len() <= FEATURES_MAX);
    let wide: Map<String, Value> = (0..10_000).map(|i| (format!("f{i}"), json!({"type": "number"}))).collect();
    assert_eq!(paths(&json!({"properties": wide}), &[]).len(), FEATURES_MAX);
    for odd in [json!(null), json!([]), json!({"properties": 3}), json!({"properties": {"a": {"type": 7, "enum": 8}}})]
    {
        assert!(paths(&odd, &[]).is_empty(), "{odd}");
    }
}
