//! `seatrial check`.

use crate::support::{Yard, example, seatrial};
use expect_test::expect;

#[test]
fn the_example_is_clean_and_needs_no_store() {
    let output = seatrial(&example()).args(["check", "--strict"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!example().join(".seatrial").exists());
}

#[test]
fn a_misspelt_field_says_where_and_what_was_meant() {
    let yard = Yard::new();
    yard.edit(
        "rule: \"input.credit.amount > input.credit.price\"",
        "rule: \"input.credit.amout > input.credit.price\"",
    );
    let line = yard.text().lines().position(|l| l.contains("amout")).unwrap() + 1;
    let column = yard.text().lines().nth(line - 1).unwrap().find("amout").unwrap() + 1;
    let ran = yard.run(&["check"]).exits(1);
    assert!(ran.out.contains(&format!("workflow.yaml:{line}:")), "{}", ran.out);
    assert!(ran.out.contains("did you mean `amount`?"), "{}", ran.out);
    assert!(ran.out.contains("1 error; nothing was loaded"), "{}", ran.out);
    let found = yard.run(&["check", "--format", "json"]).exits(1).json();
    let first = &found["diagnostics"][0];
    assert_eq!(first["file"], "workflows/credit-preapproval/workflow.yaml");
    assert_eq!(first["line"], line);
    assert!(
        first["column"].as_u64().unwrap() <= column as u64 && column as u64 <= first["end_column"].as_u64().unwrap()
    );
}

#[test]
fn the_shape_for_programs() {
    let yard = Yard::new();
    yard.edit("tier: high ", "teir: high ");
    let found = yard.run(&["check", "--format", "json"]).exits(1).json();
    expect![[r#"
        {
          "code": "ST0101",
          "severity": "error",
          "file": "workflows/credit-preapproval/workflow.yaml",
          "line": 86,
          "column": 3,
          "end_line": 86,
          "end_column": 7,
          "message": "there is no key `teir` here",
          "help": "did you mean `tier`?",
          "element": "risks",
          "blocks": "draft"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&found["diagnostics"][0]).unwrap());
    let sarif = yard.run(&["check", "--sarif"]).exits(1).json();
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(sarif["runs"][0]["results"][0]["ruleId"], found["diagnostics"][0]["code"]);
}

#[test]
fn one_workflow_a_folder_or_nothing() {
    let yard = Yard::new();
    yard.run(&["check", "credit-preapproval"]).exits(0);
    yard.run(&["check", "workflows/credit-preapproval"]).exits(0);
    yard.run(&["check", "workflows/credit-preapproval/workflow.yaml"]).exits(0);
    yard.run(&["-C", "workflows/credit-preapproval/examples", "check"]).exits(0);
    let ran = yard.run(&["check", "no-such"]).exits(2);
    assert!(ran.err.contains("`no-such`") && ran.err.contains("nothing was checked"), "{}", ran.err);
    let empty = tempfile::tempdir().unwrap();
    let output = seatrial(empty.path()).arg("check").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn errors_of_the_factory_are_findings_too() {
    let yard = Yard::new();
    let file = yard.path().join("factory.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("profile: standard", "profil: standard")).unwrap();
    let found = yard.run(&["check", "--format", "json"]).exits(1).json();
    assert_eq!(found["diagnostics"][0]["file"], "factory.yaml");
    yard.run(&["status"]).exits(2);
}
