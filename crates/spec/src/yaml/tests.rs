use super::*;
use proptest::prelude::*;

fn tree(text: &str) -> Node {
    let (node, errors) = parse(text);
    assert_eq!(errors, []);
    node.unwrap()
}

fn error(text: &str) -> String {
    let (_, errors) = parse(text);
    errors.first().map(ToString::to_string).unwrap_or_default()
}

#[test]
fn core_scalars_and_nothing_more() {
    let root = tree("a: no\nb: 2027-01-31\nc: 0x1F\nd: 1e3\ne: ~\nf: 'true'\ng: true\nh: 1.2.3\ni: 4h\nj: -7\n");
    let of = |key: &str| root.get(key).unwrap().as_scalar().unwrap().core;
    assert_eq!(of("a"), Core::Text);
    assert_eq!(of("b"), Core::Text);
    assert_eq!(of("c"), Core::Int(31));
    assert_eq!(of("d"), Core::Float(1000.0));
    assert_eq!(of("e"), Core::Null);
    assert_eq!(of("f"), Core::Text);
    assert_eq!(of("g"), Core::Bool(true));
    assert_eq!(of("h"), Core::Text);
    assert_eq!(of("i"), Core::Text);
    assert_eq!(of("j"), Core::Int(-7));
}

#[test]
fn every_node_knows_its_bytes() {
    let text = "né: { \"k\": 'väl' }\nlist:\n  - x\n  - y z\n";
    let root = tree(text);
    assert_eq!(&text[root.get("né").unwrap().get("k").unwrap().range.clone()], "'väl'");
    let list = root.get("list").unwrap();
    assert_eq!(&text[list.as_list().unwrap()[1].range.clone()], "y z");
    assert_eq!(&text[list.range.clone()], "- x\n  - y z");
    let value = root.get("né").unwrap().get("k").unwrap();
    assert_eq!(&text[value.inner(text, 1..3)], "ä");
}

#[test]
fn what_is_refused() {
    assert_eq!(error("a: 1\nb: 2\na: 3\n"), "the key `a` stands twice in one mapping");
    assert!(error("a: !!str 1").starts_with("tags"), "{}", error("a: !!str 1"));
    assert!(error("a: &x [*x]").contains("cannot hold itself"), "{}", error("a: &x [*x]"));
    assert!(error("--- a\n--- b\n").contains("second document"));
    assert!(error("? [a]\n: b\n").contains("a key is"));
    assert!(error("a: [").starts_with("this is not YAML"));
    let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
    assert!(error(&deep).contains("nested"), "{}", error(&deep));
    assert!(error(&"x".repeat(TEXT_BYTES_MAX + 1)).contains("bytes"));
}

#[test]
fn aliases_are_expanded_within_a_budget() {
    let root = tree("a: &x { k: 1 }\nb: *x\n");
    assert_eq!(root.get("a").unwrap().value, root.get("b").unwrap().value);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for i in 1..9 {
        let inner = vec![format!("*a{}", i - 1); 10].join(", ");
        bomb.push_str(&format!("a{i}: &a{i} [{inner}]\n"));
    }
    assert!(error(&bomb).contains("nodes"));
}

proptest! {
    #[test]
    fn hostile_text_never_panics(text in "\\PC{0,200}") {
        let _ = parse(&text);
    }

    #[test]
    fn hostile_yaml_never_panics(parts in proptest::collection::vec(
        prop_oneof![Just("- "), Just(": "), Just("\n"), Just("  "), Just("{"), Just("}"), Just("["), Just("]"), Just(","),
            Just("&a "), Just("*a"), Just("|\n"), Just(">-\n"), Just("'"), Just("\""), Just("? "), Just("!!x "), Just("#"),
            Just("---\n"), Just("a"), Just("é"), Just("\t"), Just("%"), Just("\u{feff}"), Just("\\")], 0..80)) {
        let text = parts.concat();
        let (root, _) = parse(&text);
        if let Some(root) = root {
            prop_assert!(text.get(root.range).is_some());
        }
    }
}
