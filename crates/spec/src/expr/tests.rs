use super::*;
use crate::types::{Bounds, from_schema};
use serde_json::json;

fn scope() -> Scope {
    let schema = json!({
        "type": "object",
        "required": ["n", "d", "s", "team", "list"],
        "properties": {
            "n": { "type": "integer", "minimum": 0, "maximum": 10 },
            "d": { "type": "number", "minimum": 0, "maximum": 1 },
            "s": { "type": "string", "maxLength": 20 },
            "team": { "enum": ["cards", "loans"] },
            "list": { "type": "array", "items": { "type": "object", "required": ["x"], "properties": { "x": { "type": "number" } } } },
            "maybe": { "type": ["integer", "null"] },
            "odd-name": { "type": "string" },
            "free": { "type": "object" },
            "tree": { "$ref": "#" },
        },
    });
    let input = from_schema("s.json", &schema, None);
    let confidence = Ty::Double(Bounds::between(0.0, 1.0));
    Scope { variables: [("input", input), ("confidence", confidence)].into_iter().collect(), ..Scope::default() }
}

fn promoted(source: &str) -> String {
    match check(source, &scope()) {
        (Some(checked), _) => checked.expr.promoted,
        (None, findings) => panic!("{source}: {:?}", findings.iter().map(|f| &f.message).collect::<Vec<_>>()),
    }
}

fn codes(source: &str) -> Vec<Code> {
    check(source, &scope()).1.iter().map(|f| f.code).collect()
}

#[test]
fn integers_beside_doubles_are_promoted() {
    for (source, text) in [
        ("input.d > 1", "input.d > 1.0"),
        ("1 <input.d", "1.0 < input.d"),
        ("input.d > -1", "input.d > -1.0"),
        ("input.d == 1", "input.d == 1.0"),
        ("input.n > 1", "input.n > 1"),
        ("input.n > input.d", "double(input.n) > input.d"),
        ("input.d * 2 + 1 > 3", "input.d * 2.0 + 1.0 > 3.0"),
        ("input.d > 2 * 3", "input.d > double(2 * 3)"),
        ("(true ? 1 : input.d) > 0", "(true ? 1.0 : input.d) > 0.0"),
        ("input.d in [1, 2.5]", "input.d in [1.0, 2.5]"),
        ("input.list.exists(i, i.x > 1)", "input.list.exists(i, i.x > 1.0)"),
        ("confidence < 1", "confidence < 1.0"),
    ] {
        assert_eq!(promoted(source), text, "{source}");
    }
}

#[test]
fn one_normal_spelling() {
    for (source, text) in [
        ("  input.s=='a'  ", "input.s == \"a\""),
        ("((input.n)) > (1)", "input.n > 1"),
        ("(input.n > 1 && input.n < 3) || !(input.n == 2)", "input.n > 1 && input.n < 3 || !(input.n == 2)"),
        ("input.n > 1 && (input.n < 3 || input.n == 2)", "input.n > 1 && (input.n < 3 || input.n == 2)"),
        ("input.n - (3 - 1) > 0", "input.n - (3 - 1) > 0"),
        ("input['n'] > 1", "input.n > 1"),
        ("input.s.size() > 1", "size(input.s) > 1"),
        ("input.s.contains('\\n\"\\u0041')", "input.s.contains(\"\\n\\\"A\")"),
        ("input.s.matches(r'\\d+')", "input.s.matches(\"\\\\d+\")"),
        (
            "has(input.maybe) && input.maybe != null && -input.maybe > 0",
            "has(input.maybe) && input.maybe != null && -input.maybe > 0",
        ),
        ("'é' + input.s == 'éa'", "\"é\" + input.s == \"éa\""),
    ] {
        assert_eq!(promoted(source), text, "{source}");
        assert_eq!(promoted(text), text, "the normal spelling of `{text}` is itself");
    }
}

/// What is printed means what was written: both are evaluated by the engine that the guard uses.
#[test]
fn what_is_printed_is_what_was_meant() {
    // As the guard binds them: by the schema's type, not by how JSON writes a number.
    #[derive(serde::Serialize)]
    struct Item {
        x: f64,
    }
    #[derive(serde::Serialize)]
    struct Input {
        n: i64,
        d: f64,
        s: &'static str,
        team: &'static str,
        list: Vec<Item>,
        maybe: i64,
    }
    let input = Input { n: 2, d: 0.5, s: "a\"\n", team: "cards", list: vec![Item { x: 1.5 }], maybe: 3 };
    for source in [
        "input.n * 2 - 1 == 3 ? input.d < 1.0 : false",
        "!(input.n > 1 && input.n < 3) || input.s.contains('\"\\n')",
        "input.n - (3 - 1) == 0 && 7 - 2 - 1 == 4 && 12 / (6 / 2) == 4 && 7 % 4 == 3",
        "input.list.exists(i, i.x > 1.0) && input.list.all(i, i.x < 2.0) && size(input.list.filter(i, i.x > 1.0)) == 1",
        "input.team in ['cards', 'loans'] && input.list.map(i, i.x)[0] == 1.5",
        "has(input.maybe) && input.maybe != null && -input.maybe == -3 && string(input.n) == '2' && int('3') == 3",
        "(true || false) && !(true && false) && (1 < 2) == true",
    ] {
        let run = |text: &str| {
            let mut context = cel::Context::default();
            context.add_variable("input", cel::to_value(&input).unwrap()).unwrap();
            cel::Program::compile(text).unwrap().execute(&context).unwrap()
        };
        assert_eq!(run(source), cel::Value::Bool(true), "{source}");
        assert_eq!(run(&promoted(source)), cel::Value::Bool(true), "{}", promoted(source));
    }
}

#[test]
fn what_the_bounds_decide() {
    let constant = |source: &str| check(source, &scope()).0.unwrap().constant;
    for (source, decided) in [
        ("input.n > 10", Some(false)),
        ("input.n >= 10", None),
        ("input.n >= 0", Some(true)),
        ("input.d > 1.5 || input.n > 20", Some(false)),
        ("input.d > 1.5 && input.s == 'x'", Some(false)),
        ("!(input.d <= 1.0)", Some(false)),
        ("size(input.s) > 20", Some(false)),
        ("size(input.team) == 5", Some(true)),
        ("input.team in ['cards', 'loans']", Some(true)),
        ("input.team == 'cards'", None),
        ("input.d == 2", Some(false)),
        ("confidence < 0.5", None),
        ("confidence < 2.0", Some(true)),
        ("input.s == 'this text is longer than twenty'", Some(false)),
    ] {
        assert_eq!(constant(source), decided, "{source}");
    }
}

#[test]
fn what_is_missing_or_null_is_known() {
    for (source, fine) in [
        ("input.maybe > 1", false),
        ("has(input.maybe) && input.maybe > 1", false),
        ("has(input.maybe) && input.maybe != null && input.maybe > 1", true),
        ("!has(input.maybe) || input.maybe == null || input.maybe > 1", true),
        ("has(input.maybe) ? input.maybe == 1 : false", true),
        ("has(input.maybe) ? false : input.maybe == 1", false),
        ("(has(input.maybe) || true) && input.maybe == 1", false),
        ("has(input.maybe) && input.maybe in [1, 2]", true),
        ("has(input.free) && has(input.free.any) && input.free.any.thing == 3", true),
        ("has(input.tree) && has(input.tree.tree) && input.tree.tree.n > 1", true),
        ("input.n == null", false),
    ] {
        let (checked, findings) = check(source, &scope());
        assert_eq!(checked.is_some(), fine, "{source}: {:?}", findings.iter().map(|f| &f.message).collect::<Vec<_>>());
    }
}

#[test]
fn what_is_not_of_the_language() {
    for (source, code) in [
        ("input.n == 1u", Code::ExprSyntax),
        ("b'a' == b'a'", Code::ExprSyntax),
        ("{'a': 1} == {'a': 1}", Code::ExprSyntax),
        ("input.?n == 1", Code::ExprSyntax),
        ("timestamp('2026-01-01T00:00:00Z') == null", Code::ExprFunction),
        ("type(input.n) == int", Code::ExprFunction),
        ("input.list.exists(input, true)", Code::ExprArguments),
        ("input.list.exists(i.x, true)", Code::ExprArguments),
        ("has(input)", Code::ExprArguments),
        ("size()  > 1", Code::ExprArguments),
        ("[1, 'a'] == [1]", Code::ExprType),
        ("'open", Code::ExprSyntax),
        ("", Code::ExprSyntax),
    ] {
        assert_eq!(codes(source).first(), Some(&code), "{source}: {:?}", codes(source));
    }
}

#[test]
fn a_hyphen_is_a_minus() {
    let number = Ty::Double(Bounds::between(0.0, 1.0));
    let mut scope = scope();
    scope.variables.insert("thresholds", Ty::record([("by-team", number)]));
    let (_, findings) = check("confidence < thresholds.by-team", &scope);
    assert_eq!(findings[0].help.as_deref(), Some("`-` is a minus here: write `thresholds['by-team']`"));
    let (checked, _) = check("confidence < thresholds['by-team']", &scope);
    let checked = checked.unwrap();
    assert_eq!(checked.expr.promoted, "confidence < thresholds[\"by-team\"]");
    assert!(checked.reads.contains("thresholds.by-team"));
}
