//! `seatrial new`: what it writes is in order, and it writes over nothing.

use crate::support::{Ran, Yard, seatrial};
use std::path::Path;

fn run(dir: &Path, args: &[&str]) -> Ran {
    Ran::of(seatrial(dir).args(args).output().unwrap())
}

#[test]
fn an_empty_folder_becomes_a_factory_that_loads() {
    let dir = tempfile::tempdir().unwrap();
    let said = run(dir.path(), &["new", "my-desk", "--format", "json"]).exits(0).json();
    assert_eq!(said["simulation"], true, "nobody was named: {said}");
    assert_eq!(said["written"].as_array().unwrap().len(), 11, "{said}");
    let found = run(dir.path(), &["check", "--strict", "--stage", "pilot"]).exits(0);
    assert!(found.out.contains("no findings"), "{}", found.out);
    run(dir.path(), &["submit", "--as", "you@your.example"]).exits(0);
    // Another one joins it, from anywhere below.
    run(&dir.path().join("workflows"), &["new", "second-desk"]).exits(0);
    let found = run(dir.path(), &["check"]).exits(0);
    assert!(found.out.contains("workflows/second-desk"), "{}", found.out);
    assert!(dir.path().join("workflows/second-desk/workflow.yaml").is_file());
}

#[test]
fn two_named_people_make_a_real_factory_with_the_key_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let people = ["--person", "ada@x.example", "--colleague", "Kim Ito <kim@x.example>"];
    let provider = ["--provider", "https://models.example/v1", "--model", "m-2026-09-01", "--factory", "harbour"];
    let said = run(dir.path(), &[&["new", "my-desk", "--format", "json"], &people[..], &provider].concat());
    assert_eq!(said.exits(0).json()["simulation"], false);
    let text = std::fs::read_to_string(dir.path().join("factory.yaml")).unwrap();
    assert!(text.contains("factory: harbour\n") && text.contains("key: { env: MODEL_KEY }"), "{text}");
    assert!(text.contains("name: \"Kim Ito\"") && !text.contains("kind: simulation"), "{text}");
    run(dir.path(), &["check", "--strict", "--stage", "pilot"]).exits(0);
}

#[test]
fn nothing_is_written_where_it_cannot_be_right() {
    let dir = tempfile::tempdir().unwrap();
    for args in [
        &["new", "My Desk"][..],
        &["new", "../up"],
        &["new", "factory"],
        &["new", "my-desk", "--person", "ada@x.example"],
        &["new", "my-desk", "--person", "ada@x.example", "--colleague", "ada@x.example"],
        &["new", "my-desk", "--provider", "ftp://models.example"],
        &["new", "my-desk", "--provider", "https://me:secret@models.example/v1"],
        &["new", "my-desk", "--factory", "Not A Name"],
    ] {
        let refused = run(dir.path(), args).exits(2);
        assert!(refused.err.contains("nothing was written"), "{args:?}: {}", refused.err);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "{args:?}");
    }
}

#[test]
fn a_factory_that_is_there_keeps_its_people_and_what_it_has() {
    let yard = Yard::new();
    let before = std::fs::read_to_string(yard.path().join("factory.yaml")).unwrap();
    let refused = run(yard.path(), &["new", "credit-preapproval"]).exits(2);
    assert!(refused.err.contains("there already"), "{}", refused.err);
    // It has no provider that could be asked.
    let refused = run(yard.path(), &["new", "my-desk"]).exits(2);
    assert!(refused.err.contains("OpenAI-compatible"), "{}", refused.err);
    let refused = run(yard.path(), &["new", "my-desk", "--person", "ada@x.example"]).exits(2);
    assert!(refused.err.contains("`--person` is for a new factory"), "{}", refused.err);
    assert_eq!(std::fs::read_to_string(yard.path().join("factory.yaml")).unwrap(), before);
    assert!(!yard.path().join("workflows/my-desk").exists());
    let model = "  model: { kind: openai, base_url: \"http://127.0.0.1:1/v1\" }\nstore:";
    let with_model = before.replacen("store:", model, 1);
    std::fs::write(yard.path().join("factory.yaml"), &with_model).unwrap();
    run(yard.path(), &["new", "my-desk"]).exits(0);
    let after = std::fs::read_to_string(yard.path().join("factory.yaml")).unwrap();
    assert_eq!(after, with_model.replace("credit-preapproval]", "credit-preapproval, workflows/my-desk]"));
    let text = std::fs::read_to_string(yard.path().join("workflows/my-desk/workflow.yaml")).unwrap();
    assert!(text.contains("receiving: underwriters") && text.contains("delivery: engineering"), "{text}");
    run(yard.path(), &["check", "my-desk"]).exits(0);
}
