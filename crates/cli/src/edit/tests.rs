use super::*;

#[test]
fn only_the_number_changes() {
    let text = "# top\nthresholds:\n  approve:\n    at: none   # until one is earned\n    max_wrong: 0.08 # kept\n";
    let edited = set_threshold(text, "approve", 0.87).unwrap();
    assert_eq!(edited, text.replace("at: none ", "at: 0.87 "));
    assert_eq!(set_threshold(&edited, "approve", 1.0).unwrap(), text.replace("at: none ", "at: 1.0 "));
}

#[test]
fn a_missing_number_is_put_first_in_the_style_of_the_text() {
    let block = "thresholds:\n  a:\n    max_wrong: 0.1 # x\n";
    assert_eq!(set_threshold(block, "a", 0.5).unwrap(), "thresholds:\n  a:\n    at: 0.5\n    max_wrong: 0.1 # x\n");
    let flow = "thresholds: { a: { max_wrong: 0.1 } }";
    assert_eq!(set_threshold(flow, "a", 0.5).unwrap(), "thresholds: { a: { at: 0.5, max_wrong: 0.1 } }");
}

#[test]
fn nothing_is_guessed() {
    assert_eq!(set_threshold("a: [", "x", 0.5), Err(EditError::Unreadable));
    assert_eq!(set_threshold("thresholds: {}", "x", 0.5), Err(EditError::NoThreshold("x".to_owned())));
    let alias = "base: &b { at: 0.1 }\nthresholds:\n  x: *b\n";
    let edited = set_threshold(alias, "x", 0.5);
    assert!(edited.is_err() || edited.is_ok_and(|t| t.contains("base: &b { at: 0.5 }")));
}
