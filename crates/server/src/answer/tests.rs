use super::*;
use proptest::prelude::*;

fn field(name: &str, kind: EditKind, required: bool) -> EditField {
    EditField { name: name.into(), label: String::new(), kind, value: Untrusted::default(), required }
}

fn fields() -> Vec<EditField> {
    vec![
        field("team", EditKind::Choice { of: vec!["cards".into(), "loans".into()] }, true),
        field("amount", EditKind::Number { whole: false }, false),
        field("count", EditKind::Number { whole: true }, false),
        field("urgent", EditKind::Boolean, false),
        field("reason", EditKind::Text, true),
        field("tags", EditKind::Json, false),
    ]
}

fn form(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(n, v)| (format!("out.{n}"), (*v).to_owned())).collect()
}

#[test]
fn fields_become_typed_json_in_the_schemas_order() {
    let sent = form(&[
        ("reason", "a\r\nb \"c\""),
        ("team", "cards"),
        ("amount", "12.50"),
        ("count", "3"),
        ("urgent", "false"),
        ("tags", "[\"x\"]"),
        ("unknown", "ignored"),
    ]);
    let output = compose(&fields(), &sent).unwrap();
    assert_eq!(output, r#"{"team":"cards","amount":12.5,"count":3,"urgent":false,"reason":"a\nb \"c\"","tags":["x"]}"#);
}

#[test]
fn what_is_wrong_is_named_and_nothing_is_guessed() {
    let with = |name: &str, value: &str| {
        let mut sent = form(&[("team", "cards"), ("reason", "because")]);
        sent.extend(form(&[(name, value)]));
        compose(&fields(), &sent)
    };
    assert_eq!(
        with("count", "3.5").unwrap_err(),
        "`count` is not a whole number; the answer was not recorded. Correct it."
    );
    for (name, value) in [
        ("team", "pirates"),
        ("amount", "NaN"),
        ("amount", "1e999"),
        ("urgent", "yes"),
        ("tags", "{"),
        ("reason", "  "),
    ] {
        assert!(with(name, value).unwrap_err().contains(&format!("`{name}`")), "{name}={value}");
    }
    assert!(with("amount", "").unwrap().find("amount").is_none());
}

proptest! {
    #[test]
    fn any_form_ends_in_json_or_a_message(pairs in prop::collection::vec(("(out\\.)?[a-z]{0,8}", "\\PC{0,40}"), 0..12)) {
        match compose(&fields(), &pairs) {
            Ok(output) => prop_assert!(serde_json::from_str::<Value>(&output).is_ok_and(|v| v.is_object())),
            Err(message) => prop_assert!(message.contains("not recorded")),
        }
    }
}
