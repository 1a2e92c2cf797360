//! Digests of meaning: what changes them, and what does not.

use crate::fixture::{WORKFLOW, changed, files, load};
use proptest::prelude::*;
use seatrial_spec::{Which, check, diff, scope_digest, scope_value};

fn digest(text: &str) -> seatrial_model::Digest {
    load(text).digest
}

fn diff_of(from: &str, to: &str) -> (Vec<String>, Vec<String>, Vec<String>) {
    let change = diff(&load(WORKFLOW).elements, &load(&changed(from, to)).elements);
    let texts = |list: &[seatrial_model::ElementPath]| list.iter().map(ToString::to_string).collect();
    let changed = change.changed.iter().map(|c| format!("{}{}", c.path, if c.compiled { "" } else { " (prose)" }));
    (texts(&change.added), texts(&change.removed), changed.collect())
}

#[test]
fn spelling_changes_nothing() {
    let before = digest(WORKFLOW);
    for (from, to) in [
        ("title: \"Pre-approve", "# a comment\ntitle:    \"Pre-approve"),
        ("underwriters: \"Credit underwriters\"", "underwriters: Credit underwriters"),
        ("underwriters: \"Credit underwriters\"", "underwriters: 'Credit underwriters'"),
        ("drawn: random, from: \"all applications of 2025\"", "from: \"all applications of 2025\", drawn: random"),
        ("within: 5s", "within: 5000ms"),
        ("within: 5s", "within: 5s\n    attempts: 1"),
        ("[heads]", "[ heads ]"),
        ("[age, marital, home]", "[home, age, marital]"),
        ("at: 0.93", "at: 9.3e-1"),
    ] {
        assert_eq!(digest(&changed(from, to)), before, "{from} → {to}");
    }
}

#[test]
fn meaning_changes_exactly_what_it_is_about() {
    let none: Vec<String> = Vec::new();
    let one = |path: &str| (none.clone(), none.clone(), vec![path.to_owned()]);
    assert_eq!(diff_of("at: 0.93", "at: 0.9"), one("thresholds.approve.at"));
    assert_eq!(diff_of("influence: decide", "influence: suggest"), one("steps.assess.influence"));
    assert_eq!(diff_of("A machine declines nobody", "Never by machine"), one("steps.assess.never.declines (prose)"));
    assert_eq!(diff_of("input.amount > 5000", "input.amount   > 5000.0"), one("steps.assess.escalate.large (prose)"));
    assert_eq!(diff_of("input.amount > 5000", "input.amount > 6000"), one("steps.assess.escalate.large"));
    assert_eq!(diff_of("name: credit-logistic", "name: other"), one("steps.assess.model"));
    let (added, removed, changed) = diff_of("    never:\n      declines:", "    never:\n      refuses:");
    assert_eq!(
        (added, removed, changed),
        (vec!["steps.assess.never.refuses".to_owned()], vec!["steps.assess.never.declines".to_owned()], none)
    );
}

#[test]
fn files_count_by_content_not_by_name() {
    let before = load(WORKFLOW);
    let mut moved = files();
    let schema = moved.0.remove("schemas/assessment.json").unwrap();
    moved.0.insert("schemas/renamed.json".to_owned(), schema);
    let text = changed("schemas/assessment.json", "schemas/renamed.json");
    assert_eq!(check(&text, &moved, None).workflow.unwrap().digest, before.digest);

    let edited = |from: &str, to: &str| {
        let mut files = files();
        let schema = String::from_utf8(files.0["schemas/assessment.json"].clone()).unwrap();
        assert!(schema.contains(from));
        files.0.insert("schemas/assessment.json".to_owned(), schema.replace(from, to).into_bytes());
        diff(&before.elements, &check(WORKFLOW, &files, None).workflow.unwrap().elements)
    };
    assert!(edited("  ", "\n\t ").is_empty(), "layout of a schema");
    assert!(!edited("What to do", "What is done").changed[0].compiled, "a description");
    let tightened = edited("\"maxLength\": 500", "\"maxLength\": 400");
    assert_eq!((tightened.paths(), tightened.changed[0].compiled), (vec!["types.Assessment".into()], true));
}

#[test]
fn a_scope_holds_what_it_refers_to() {
    let w = load(WORKFLOW);
    let paths = |patterns: &[&str], which| -> Vec<String> {
        let patterns: Vec<_> = patterns.iter().map(|p| (*p).into()).collect();
        scope_value(&w, &patterns, which).iter().map(|e| e.0.to_string()).collect()
    };
    let escalate = paths(&["steps.*.escalate.unsure"], Which::Written);
    for wanted in [
        "steps.assess.escalate.unsure",
        "thresholds.approve.at",
        "roles.underwriters",
        "types.Application",
        "examples.applications",
    ] {
        assert!(escalate.contains(&wanted.to_owned()), "{wanted} in {escalate:?}");
    }
    assert!(!escalate.iter().any(|p| p.starts_with("steps.assess.never") || p == "purpose"));
    assert_eq!(paths(&["purpose"], Which::Compiled), Vec::<String>::new());
    assert_eq!(paths(&["purpose"], Which::Written), ["purpose"]);

    // Inside the scope the digest moves, outside it does not.
    let value =
        |text: &str, pattern: &str, which| scope_digest(&scope_value(&load(text), &[pattern.into()], which)).unwrap();
    let at = changed("at: 0.93", "at: 0.9");
    let why = changed("A machine declines nobody", "Never by machine");
    assert_ne!(value(&at, "steps.*.escalate", Which::Compiled), value(WORKFLOW, "steps.*.escalate", Which::Compiled));
    assert_eq!(value(&at, "steps.*.never", Which::Compiled), value(WORKFLOW, "steps.*.never", Which::Compiled));
    assert_eq!(value(&why, "steps.*.never", Which::Compiled), value(WORKFLOW, "steps.*.never", Which::Compiled));
    assert_ne!(value(&why, "steps.*.never", Which::Written), value(WORKFLOW, "steps.*.never", Which::Written));
}

#[test]
fn the_digest_is_known() {
    // A change here makes every approval and evaluation of every user stale: it needs a reason and a note.
    expect_test::expect!["sha256:99485018d525a37a4919dec5081ae29d46f879fab01fd71504eeac1d4707175c"]
        .assert_eq(&digest(WORKFLOW).to_string());
}

/// A tree of YAML that means the same, written otherwise.
fn respell(node: &seatrial_spec::yaml::Node, seed: &mut u64, out: &mut String) {
    use seatrial_spec::yaml::{Core, Value};
    let mut draw = |n: u64| {
        *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (*seed >> 33) % n
    };
    match &node.value {
        Value::Scalar(s) if s.core == Core::Text => {
            let plain =
                s.text.bytes().all(|b| b.is_ascii_lowercase()) && !["null", "true", "false"].contains(&s.text.as_str());
            match draw(3) {
                0 if plain => out.push_str(&s.text),
                1 if !s.text.contains('\n') => out.push_str(&format!("'{}'", s.text.replace('\'', "''"))),
                _ => out.push_str(&serde_json::to_string(&s.text).unwrap()),
            }
        }
        Value::Scalar(s) => out.push_str(&s.text),
        Value::List(items) => {
            out.push('[');
            for item in items {
                respell(item, seed, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Map(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            for i in (1..entries.len()).rev() {
                entries.swap(i, usize::try_from(draw(u64::try_from(i + 1).unwrap())).unwrap());
            }
            let comments = draw(2) == 0;
            out.push_str("{ ");
            for entry in entries {
                if comments {
                    out.push_str("# why not\n  ");
                }
                out.push_str(&serde_json::to_string(&entry.key).unwrap());
                out.push_str(": ");
                respell(&entry.value, seed, out);
                out.push_str(",\n  ");
            }
            out.push('}');
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn key_order_comments_and_quoting_change_no_digest(seed in any::<u64>()) {
        let (root, _) = seatrial_spec::yaml::parse(WORKFLOW);
        let mut text = String::new();
        respell(&root.unwrap(), &mut seed.clone(), &mut text);
        let (before, after) = (load(WORKFLOW), load(&text));
        prop_assert_eq!(before.elements, after.elements);
        let names = |w: &seatrial_spec::Workflow| w.step("assess").unwrap().escalate.iter().map(|e| e.name.clone()).collect::<Vec<_>>();
        prop_assert_eq!(names(&load(WORKFLOW)), names(&load(&text)));
    }
}
