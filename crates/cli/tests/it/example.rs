//! Examples: imported from other tools' files, and added from recorded decisions.

use crate::support::{DEV, HANA, Ran, Yard};
use serde_json::Value;

const UNA: &str = "una@harbour.example";

const TABLE: &str = "\u{feff}id,age,records,expenses,amount,price,months,expected.verdict,why\r\n\
    csv-large,41,no,60,2500,4000,36,escalate,over the limit\r\n\
    csv-small,41,no,60,900,1500,36,escalate,no income\r\n";

const MAP: [&str; 12] = [
    "--map",
    "input.applicant.age=age",
    "--map",
    "input.applicant.records=records",
    "--map",
    "input.finances.expenses=expenses",
    "--map",
    "input.credit.amount=amount",
    "--map",
    "input.credit.price=price",
    "--map",
    "input.credit.months=months",
];

fn import(yard: &Yard, more: &[&str]) -> Ran {
    let mut args = vec!["example", "import", "table.csv", "--format", "json"];
    args.extend(MAP);
    args.extend(["--map", "input.applicant.seniority=age"]);
    args.extend(more);
    yard.run(&args)
}

fn set(yard: &Yard, name: &str) -> std::path::PathBuf {
    yard.path().join(format!("workflows/credit-preapproval/examples/{name}.jsonl"))
}

fn last_example(yard: &Yard, name: &str) -> Value {
    let text = std::fs::read_to_string(set(yard, name)).unwrap();
    serde_json::from_str(text.lines().last().unwrap()).unwrap()
}

#[test]
fn a_table_goes_into_a_set() {
    let yard = Yard::new();
    std::fs::write(yard.path().join("table.csv"), TABLE).unwrap();
    let before = std::fs::read(set(&yard, "boundary")).unwrap();
    let refused = import(&yard, &["--set", "boundary"]).exits(2);
    assert!(refused.err.contains("--append"), "{}", refused.err);
    assert_eq!(std::fs::read(set(&yard, "boundary")).unwrap(), before);

    let done = import(&yard, &["--set", "boundary", "--append"]).exits(0).json();
    assert_eq!(done["imported"], 2);
    assert_eq!(done["left"][0]["at"], "column why");
    assert_ne!(done["digest"]["before"], done["digest"]["now"]);
    let stale: Vec<&str> = done["stale"].as_array().unwrap().iter().map(|s| s.as_str().unwrap()).collect();
    assert!(stale.contains(&"eval.boundary"), "{stale:?}");
    assert!(!stale.contains(&"eval.hardship") && !stale.contains(&"spec.intent"), "and nothing else: {stale:?}");
    // Numbers are numbers, by the step's own types; what was there before stands as it stood.
    let last = last_example(&yard, "boundary");
    assert_eq!((&last["input"]["credit"]["amount"], &last["expected"]["verdict"]), (&900.into(), &"escalate".into()));
    assert!(std::fs::read(set(&yard, "boundary")).unwrap().starts_with(&before));
    yard.run(&["check"]).exits(0);
    // The same once more is nothing new.
    let again = import(&yard, &["--set", "boundary", "--append"]).exits(0).json();
    assert_eq!((again["imported"].as_u64(), again["same_id"].as_array().unwrap().len()), (Some(0), 2));
    // The examples are evaluated.
    let done = yard.run_as(DEV, &["eval", "boundary", "--each", "--format", "json"]).json();
    let each = done[0]["each"].as_array().unwrap();
    for id in ["csv-large", "csv-small"] {
        let found = each.iter().find(|e| e["id"] == id).unwrap();
        assert_eq!(found["outcome"], "passed", "{found}");
    }
}

#[test]
fn a_set_may_be_new() {
    let yard = Yard::new();
    std::fs::write(yard.path().join("table.csv"), TABLE).unwrap();
    let unknown = import(&yard, &["--set", "fresh"]).exits(2);
    assert!(unknown.err.contains("fresh: { file: examples/fresh.jsonl"), "{}", unknown.err);
    yard.edit("  boundary: {", "  fresh: { file: examples/fresh.jsonl, step: assess, drawn: curated }\n  boundary: {");
    let done = import(&yard, &["--set", "fresh"]).exits(0).json();
    assert_eq!((done["imported"].as_u64(), done["digest"]["before"].is_null()), (Some(2), true));
    yard.run(&["check"]).exits(0);
    yard.edit("examples/fresh.jsonl", "../outside.jsonl");
    import(&yard, &["--set", "fresh"]).exits(2);
    import(&yard, &["--out", "out.jsonl", "--set", "boundary"]).exits(0);
    assert!(yard.path().join("out.jsonl").is_file());
    yard.run(&["example", "import", "nowhere.csv", "--set", "boundary"]).exits(2);
    std::fs::write(yard.path().join("table.csv"), "id,amount\na,x,y\n").unwrap();
    let broken = import(&yard, &["--out", "out2.jsonl"]).exits(2);
    assert!(broken.err.contains("line") && !yard.path().join("out2.jsonl").exists(), "{}", broken.err);
}

fn add(yard: &Yard, decision: &str, more: &[&str]) -> Ran {
    yard.run_as(DEV, &[&["example", "add", decision, "--format", "json"], more].concat())
}

#[test]
fn decisions_become_examples() {
    let yard = Yard { dir: tempfile::tempdir().unwrap() };
    yard.run(&["demo", "--exit", "--quiet", "--dir", yard.path().to_str().unwrap()]).exits(0);
    let list = |who: &str| yard.run_as(who, &["review", "list", "--limit", "500", "--format", "json"]).exits(0).json();
    let open = list(UNA);
    let real = |own: bool| move |r: &&Value| r["rehearsal"] == false && r["own"] == own && r["audit"] == false;
    let answer = |review: &Value, rest: &[&str]| {
        let id = review["review"].as_str().unwrap();
        let seen = yard.run_as(UNA, &["review", "show", id, "--format", "json"]).exits(0).json();
        let seen = seen["output"]["commitment"].as_str().unwrap();
        let args = [&["review", "answer", id, "--reason", "r", "--seen", seen], rest].concat();
        yard.run_as(UNA, &args).exits(0);
        review["decision"].as_str().unwrap().to_owned()
    };
    let all = open.as_array().unwrap();
    let unanswered = all.iter().filter(real(false)).nth(1).unwrap()["decision"].as_str().unwrap().to_owned();
    let none = add(&yard, &unanswered, &["--from-review", "--set", "boundary"]).exits(2);
    assert!(none.err.contains("nobody reviewed"), "{}", none.err);

    // A person's own answer: the label is expected, the confidence is nobody else's.
    let own = answer(
        all.iter().find(real(true)).unwrap(),
        &["own", "--output", r#"{"decision":"decline","confidence":1.0}"#],
    );
    let added = add(&yard, &own, &["--from-review", "--set", "boundary", "--tag", "own"]).exits(0).json();
    assert_eq!(added["example"]["expected"], serde_json::json!({"decision": "decline"}));
    assert_eq!(added["not_expected"], serde_json::json!(["confidence"]));
    let withheld: Vec<&str> = added["withheld"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
    assert!(withheld.contains(&"applicant.age"), "{withheld:?}");
    let written = last_example(&yard, "boundary");
    assert_eq!((written["id"].as_str(), &written["tags"]), (Some(own.as_str()), &serde_json::json!(["own"])));
    let applicant = written["input"]["applicant"].as_object().unwrap();
    assert!(!applicant.contains_key("age") && !applicant.contains_key("marital"), "{written}");
    assert!(added["stale"].as_array().unwrap().contains(&"eval.boundary".into()), "{added}");
    yard.run(&["check"]).exits(0);

    // Once is enough; what was accepted expects what the AI said.
    add(&yard, &own, &["--from-review", "--set", "boundary"]).exits(3);
    let accepted = answer(all.iter().find(real(false)).unwrap(), &["accept"]);
    let added = add(&yard, &accepted, &["--from-review", "--set", "boundary"]).exits(0).json();
    assert!(added["example"]["expected"]["decision"].is_string(), "{added}");

    // What is right can be said; a random sample takes nothing that was picked; somebody has to say something.
    let expected = r#"{"verdict":"escalate"}"#;
    let said = add(&yard, &unanswered, &["--expected", expected, "--set", "applications"]).exits(2);
    assert!(said.err.contains("random sample"), "{}", said.err);
    add(&yard, &unanswered, &["--set", "boundary"]).exits(2);
    add(&yard, &unanswered, &["--expected", "{", "--set", "boundary"]).exits(2);
    let unnamed = add(&yard, &unanswered, &["--expected", expected]).exits(2);
    assert!(unnamed.err.contains("`hardship`"), "{}", unnamed.err);
    add(&yard, &unanswered, &["--expected", expected, "--set", "boundary"]).exits(0);
    // What is no example is not written.
    let before = std::fs::read(set(&yard, "hardship")).unwrap();
    add(&yard, &unanswered, &["--must-not-pass", "--set", "hardship", "--tag", "a\nb"]).exits(2);
    assert_eq!(before, std::fs::read(set(&yard, "hardship")).unwrap());
    agreement(&yard);
}

/// What people answered beside what the AI did, from the recorded answers alone.
fn agreement(yard: &Yard) {
    let found = yard.run(&["eval", "--agreement", "assess", "--format", "json"]).exits(0).json();
    assert_eq!(found["label"], "decision");
    for kind in ["blind", "seen"] {
        let (k, n) = (found[kind]["agreed"]["k"].as_u64().unwrap(), found[kind]["agreed"]["n"].as_u64().unwrap());
        let table = found[kind]["table"].as_object().unwrap();
        let cells: u64 =
            table.values().flat_map(|row| row.as_object().unwrap().values()).map(|c| c.as_u64().unwrap()).sum();
        assert!(k <= n && cells == n, "{found}");
    }
    assert!(found["seen"]["agreed"]["n"].as_u64().unwrap() >= 2, "{found}");
    assert!(yard.run_as(HANA, &["eval", "--agreement", "assess"]).exits(0).out.contains("κ"));
    yard.run(&["eval", "--agreement", "nothing"]).exits(2);
}
