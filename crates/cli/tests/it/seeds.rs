//! Known-bad items among the reviews, by commands alone.

use crate::support::{DEV, HUGO, UNA, Yard};
use serde_json::{Value, json};

/// Applications that turned out bad, with an answer that pre-approves them.
fn bad(yard: &Yard, count: usize) -> String {
    let file = yard.path().join("workflows/credit-preapproval/examples/applications.jsonl");
    let text = std::fs::read_to_string(file).unwrap();
    let read = |line: &str| serde_json::from_str::<Value>(line).unwrap();
    let found = text.lines().map(read).filter(|e| e["expected"]["outcome"] == "bad").take(count);
    found.fold(String::new(), |all, mut example| {
        example["output"] = json!({"decision": "pre-approve", "confidence": 0.97});
        all + &example.to_string() + "\n"
    })
}

fn oversight(yard: &Yard) -> (String, String) {
    let status = yard.run(&["status", "--stage", "production", "--format", "json"]).json();
    let found = status["obligations"].as_array().unwrap().iter().find(|o| o["id"] == "oversight.efficacy").cloned();
    let found = found.unwrap();
    let text = |name: &str| found[name].as_str().unwrap_or_default().to_owned();
    (text("state"), text("why"))
}

#[test]
fn reviewers_are_tested_with_what_is_known_to_be_bad() {
    let yard = Yard::new();
    yard.run_as(DEV, &["submit"]).exits(0);
    assert_eq!(oversight(&yard).0, "open");
    let none = yard.run_as(HUGO, &["seed", "boundary"]).exits(2);
    assert!(none.err.contains("nothing was seeded"), "{}", none.err);
    yard.run_as(HUGO, &["seed"]).exits(2);
    std::fs::write(yard.path().join("seeds.jsonl"), bad(&yard, 15)).unwrap();
    let seeded =
        yard.run_as(HUGO, &["seed", "--file", "seeds.jsonl", "--step", "assess", "--format", "json"]).exits(0).json();
    assert_eq!(seeded["seeded"], 15, "{seeded}");

    // One by a person, who is told afterwards; the others by simulated people, who know what is right.
    let open = yard.run_as(UNA, &["review", "list", "--format", "json"]).exits(0);
    assert!(!open.out.contains("seeded") && !open.out.contains("\"rehearsal\":true"), "{}", open.out);
    let review = open.json()[0]["review"].as_str().unwrap().to_owned();
    let shown = yard.run_as(UNA, &["review", "show", &review, "--format", "json"]).exits(0).json();
    let seen = shown["output"]["commitment"].as_str().unwrap().to_owned();
    let answer = ["review", "answer", &review, "reject", "--reason", "spends more than comes in", "--seen", &seen];
    let told = yard.run_as(UNA, &answer).exits(0);
    assert!(told.out.contains("you caught it"), "{}", told.out);
    yard.run_as(HUGO, &["simulate", "answers"]).exits(0);
    let (state, why) = oversight(&yard);
    assert_eq!(state, "discharged", "{why}");
    assert!(why.contains(" caught, at least 0.8"), "{why}");
    yard.run(&["log", "verify"]).exits(0);
}
