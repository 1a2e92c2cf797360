use super::*;
use serde_json::json;

fn holds(text: &str, input: &Value) -> Result<bool, &'static str> {
    let thresholds = [("route".to_owned(), Some(0.8)), ("none".to_owned(), None)];
    let mut values = Bindings::default();
    values.input(&Shape::anything(), input).unwrap();
    values.confidence(0.5, &thresholds);
    Compiled::compile(text).unwrap().holds(&values).map_err(Fault::code)
}

#[test]
fn the_language_evaluates() {
    let input = json!({ "text": "Refund me", "n": 3, "items": [{ "a": 1 }, { "a": 2 }], "x-y": true });
    for text in [
        "input.text.matches('(?i)^refund')",
        "matches(input.text, 'me$')",
        "size(input.text) == 9 && input.text.contains('und')",
        "has(input.n) && !has(input.m)",
        "input.items.exists(i, i.a == 2) && input.items.all(i, i.a > 0)",
        "input.items.exists(i, input.items.exists(j, i.a + j.a == 3))",
        "confidence < thresholds.route",
        "confidence < thresholds.none",
        "'n' in input && input['x-y']",
        "input.text in ['a', 'Refund me']",
    ] {
        assert_eq!(holds(text, &input), Ok(true), "{text}");
    }
}

#[test]
fn what_cannot_be_evaluated_has_a_code() {
    let input = json!({ "text": "x", "n": 3 });
    for (text, code) in [
        ("input.missing == 1", "no_field"),
        ("input.text > 3", "wrong_type"),
        ("output.x == 1", "no_value"),
        ("confidence < thresholds.other", "no_value"),
        ("input.n", "not_bool"),
        ("input.n / 0 == 1", "overflow"),
        ("9223372036854775807 + input.n > 0", "overflow"),
        ("-9223372036854775808 / -1 > 0", "overflow"),
        ("nothing(input.n)", "no_value"),
        ("input.n.matches('x')", "wrong_type"),
    ] {
        assert_eq!(holds(text, &input), Err(code), "{text}");
    }
}

#[test]
fn loops_over_hostile_values_are_bounded() {
    let wide = json!({ "items": vec![0; 50_000] });
    assert_eq!(holds("input.items.all(i, input.items.all(j, i == j))", &wide), Err("too_much_work"));
    assert_eq!(holds("input.items.all(i, i == 0)", &wide), Ok(true));
    let long = json!({ "items": vec![0; 50_000], "text": "x".repeat(1 << 20) });
    assert_eq!(holds("input.items.all(i, input.text.contains('y'))", &long), Err("too_much_work"));
}

#[test]
fn hostile_sources_are_refused() {
    let n = SOURCE_BYTES_MAX / 2 - 8;
    for text in [
        "(".repeat(n),
        format!("{}true{}", "(".repeat(n), ")".repeat(n)),
        format!("{}true{}", "[".repeat(n), "]".repeat(n)),
        format!("1{}", "-1".repeat(n)),
        format!("x{}", ".x".repeat(n)),
        format!("x{}", "[1]".repeat(n / 2)),
        format!("{}1", "true?1:".repeat(n / 4)),
        "x".repeat(SOURCE_BYTES_MAX + 1),
        "input.text.matches('(')".to_owned(),
        "input.text.matches('\\\\w{1000}{1000}')".to_owned(),
        String::new(),
    ] {
        assert!(Compiled::compile(&text).is_err(), "{}", text.chars().take(40).collect::<String>());
    }
}

#[test]
fn deep_but_allowed_sources_do_not_exhaust_the_stack() {
    let nested = format!("{}true{}", "[".repeat(DEPTH_MAX - 1), "]".repeat(DEPTH_MAX - 1));
    assert_eq!(holds(&nested, &json!({})), Err("not_bool"));
    let sum = format!("{}1 == {}", "1 + ".repeat(DEPTH_MAX - 2), DEPTH_MAX - 1);
    assert_eq!(holds(&sum, &json!({})), Ok(true));
    let many = format!("{}true", "true && ".repeat(200));
    assert_eq!(holds(&many, &json!({})), Ok(true));
}

proptest::proptest! {
    #[test]
    fn any_source_compiles_or_is_refused(text in "[a-z.()\\[\\]{}!&|?:'\"0-9+*/<>= -]{0,60}") {
        let _ = Compiled::compile(&text);
    }
}

#[test]
fn gates_read_metrics() {
    let figures = |agreement: f64| {
        BTreeMap::from([
            ("agreement".to_owned(), agreement),
            ("reviewed".to_owned(), 120.0),
            ("broken".to_owned(), f64::NAN),
        ])
    };
    let text = "metrics.agreement >= 0.85 && metrics.reviewed >= 100.0";
    assert_eq!(holds_on_metrics(text, &figures(0.9)), Ok(true));
    assert_eq!(holds_on_metrics(text, &figures(0.8)), Ok(false));
    assert_eq!(holds_on_metrics("metrics.broken < 1.0", &figures(0.9)).map_err(Fault::code), Err("no_field"));
    assert!(holds_on_metrics("metrics.(", &figures(0.9)).is_err());
}
