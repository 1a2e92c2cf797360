use super::*;
use proptest::prelude::*;

#[test]
fn a_file_reads() {
    let file = "\u{feff}{\"id\":\"a\",\"input\":{\"x\":1}}\r\n\n  \n{\"id\":\"b\",\"input\":{},\"expected\":{\"outcome\":\"bad\"},\
                \"must_not_pass\":true,\"confidence\":0.5,\"cluster\":\"c\",\"tags\":[\"t\"],\"output\":null}";
    let examples = parse_examples(file.as_bytes()).unwrap();
    assert_eq!(examples.iter().map(|e| e.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    assert!(examples[1].must_not_pass && examples[1].cluster.as_deref() == Some("c"));
}

#[test]
fn every_bad_line_is_named() {
    let file = "{\"id\":\"a\",\"input\":{}}\nnot json\n{\"id\":\"a\",\"input\":{}}\n{\"id\":\"b\",\"input\":{},\"expcted\":1}\n\
                {\"id\":\"c\",\"input\":{},\"confidence\":1.5}\n{\"id\":\"\",\"input\":{}}\n{\"id\":\"d\\u001b\",\"input\":{}}\n\
                {\"id\":\"e\",\"input\":{\"n\":12345678901234567890}}\n{\"id\":\"f\"}";
    let errors = parse_examples(file.as_bytes()).unwrap_err();
    assert_eq!(errors.iter().map(|e| e.line).collect::<Vec<_>>(), [2, 3, 4, 5, 6, 7, 8, 9]);
    assert!(errors[1].to_string().contains("line 3: the id `a` is that of line 1"), "{}", errors[1]);
    assert!(errors[2].message.contains("expcted"), "{}", errors[2]);
    assert!(errors.iter().all(|e| !e.message.contains('\u{1b}')), "nothing hides in a message");
}

#[test]
fn hostile_files_end() {
    let deep = format!("{{\"id\":\"a\",\"input\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(parse_examples(deep.as_bytes()).unwrap_err().len(), 1);
    let many = "x\n".repeat(1_000_000);
    assert_eq!(parse_examples(many.as_bytes()).unwrap_err().len(), ERRORS_MAX);
    let long = vec![b' '; LINE_BYTES_MAX + 1];
    assert!(parse_examples(&long).unwrap().is_empty(), "blank is blank");
    let long = vec![b'x'; LINE_BYTES_MAX + 1];
    assert!(parse_examples(&long).unwrap_err()[0].message.contains("bytes are more than"));
}

proptest! {
    #[test]
    fn any_bytes_are_examples_or_errors(bytes in proptest::collection::vec(any::<u8>(), 0..500)) {
        if let Err(errors) = parse_examples(&bytes) {
            prop_assert!(!errors.is_empty() && errors.iter().all(|e| e.line > 0));
        }
    }

    #[test]
    fn an_example_survives_its_own_line(id in "[a-z]{1,8}", x in -1e6..1e6_f64, confidence in 0.0..=1.0_f64) {
        let example = Example { id, input: serde_json::json!({"x": x}), expected: None, must_not_pass: false, output: None,
            confidence: Some(confidence), cluster: None, tags: vec![] };
        let line = serde_json::to_vec(&example).unwrap();
        prop_assert_eq!(parse_examples(&line).unwrap(), vec![example]);
    }
}
