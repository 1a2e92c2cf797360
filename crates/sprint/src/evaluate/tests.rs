use super::*;
use proptest::prelude::*;

fn set(drawn: &str) -> SetUnderTest {
    SetUnderTest {
        set: "golden".into(),
        examples: Digest::of(b"examples"),
        drawn: drawn.into(),
        category: None,
        model: "m".into(),
        obtained: true,
    }
}

fn result(id: &str, verdict: Option<Verdict>, outcome: Outcome) -> ExampleResult {
    ExampleResult { id: id.into(), verdict, outcome, must_not_pass: false, wrong: None, rules: vec![], slices: vec![] }
}

#[test]
fn figures_are_counted() {
    let rule = |name: &str, caught| (ElementPath::new(name), caught);
    let results = [
        ExampleResult {
            rules: vec![rule("steps.a.forbid.x", false), rule("steps.a.never.y", true)],
            slices: vec!["young".into()],
            wrong: Some(true),
            ..result("1", Some(Verdict::Allow), Outcome::Passed)
        },
        ExampleResult {
            rules: vec![rule("steps.a.forbid.x", true)],
            slices: vec!["young".into()],
            wrong: Some(true),
            must_not_pass: true,
            ..result("2", Some(Verdict::Deny), Outcome::Passed)
        },
        ExampleResult { must_not_pass: true, ..result("3", Some(Verdict::Modify), Outcome::Failed) },
        ExampleResult { must_not_pass: true, ..result("4", None, Outcome::Inconclusive) },
        result("5", Some(Verdict::Escalate), Outcome::NotExpected),
    ];
    let evaluation = evaluate(set("random"), &results).unwrap();
    let event = &evaluation.event;
    assert_eq!((event.passed, event.inconclusive), (Share { k: 2, n: 4 }, 1));
    assert_eq!(
        event.let_through,
        Share { k: 2, n: 3 },
        "redacted is let through; not judged is not shown to be stopped"
    );
    assert_eq!(event.rules[&ElementPath::new("steps.a.forbid.x")], RuleExercise { caught: 1, passed: 1 });
    assert_eq!(event.rules[&ElementPath::new("steps.a.never.y")], RuleExercise { caught: 1, passed: 0 });
    assert_eq!(
        event.slices["young"],
        SliceResult { passed: Share { k: 1, n: 2 }, wrong: Share { k: 1, n: 1 } },
        "what was stopped is not wrong"
    );
    assert_eq!(event.verdicts.values().sum::<u64>(), 5);
    assert!((event.lower.unwrap() - stats::lower_bound(2, 4, DELTA)).abs() < 1e-15);
    assert_eq!(event.results, Digest::of(&evaluation.results));
    let lines: Vec<ResultLine> = serde_json::from_slice(&evaluation.results).unwrap();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[3], ResultLine { id: "4".into(), verdict: None, outcome: Outcome::Inconclusive });
}

#[test]
fn only_a_random_sample_has_an_interval() {
    let results = [result("1", Some(Verdict::Allow), Outcome::Passed)];
    for (drawn, has) in [("random", true), ("curated", false), ("generated", false)] {
        assert_eq!(evaluate(set(drawn), &results).unwrap().event.lower.is_some(), has, "{drawn}");
    }
    assert_eq!(evaluate(set("random"), &[]).unwrap().event.lower, None);
    let supplied = SetUnderTest { obtained: false, ..set("random") };
    assert_eq!(evaluate(supplied, &results).unwrap().event.outputs, "supplied");
}

proptest! {
    #[test]
    fn shares_never_exceed_their_wholes(drawn in proptest::collection::vec((0_usize..6, 0_usize..4, any::<bool>()), 0..200)) {
        let outcomes = [Outcome::Passed, Outcome::Failed, Outcome::Inconclusive, Outcome::NotExpected];
        let results: Vec<ExampleResult> = drawn.iter().enumerate().map(|(i, (v, o, must_not_pass))| ExampleResult {
            must_not_pass: *must_not_pass,
            slices: vec!["s".into()],
            wrong: Some(*must_not_pass),
            ..result(&i.to_string(), Verdict::ALL.get(*v).copied(), outcomes[*o])
        }).collect();
        let event = evaluate(set("random"), &results).unwrap().event;
        prop_assert!(event.passed.k <= event.passed.n && event.let_through.k <= event.let_through.n);
        prop_assert!(event.lower.unwrap_or(0.0) <= event.passed.k as f64 / event.passed.n.max(1) as f64);
        prop_assert_eq!(event.verdicts.values().sum::<u64>(), results.len() as u64);
        let slice = event.slices.get("s").map_or(0, |s| s.passed.n);
        prop_assert_eq!(slice, results.len() as u64);
    }
}
