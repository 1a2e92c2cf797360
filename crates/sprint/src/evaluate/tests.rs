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
        repeats: 1,
        started: None,
    }
}

fn result(id: &str, verdict: Option<Verdict>, outcome: Outcome) -> ExampleResult {
    ExampleResult {
        id: id.into(),
        verdict,
        outcome,
        must_not_pass: false,
        wrong: None,
        rules: vec![],
        slices: vec![],
        tags: vec![],
        label: None,
        differs: vec![],
        unstable: false,
        usage: None,
        took_ms: 0,
    }
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
    assert_eq!(event.let_through, Share { k: 1, n: 3 }, "redacted is let through");
    assert_eq!(event.unjudged, 1, "not judged is not shown to be stopped");
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
    assert_eq!(
        lines[3],
        ResultLine { id: "4".into(), verdict: None, outcome: Outcome::Inconclusive, unstable: false, caught: vec![] }
    );
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
        prop_assert!(event.passed.k <= event.passed.n);
        prop_assert!(event.let_through.k + event.unjudged <= event.let_through.n);
        prop_assert!(event.lower.unwrap_or(0.0) <= event.passed.k as f64 / event.passed.n.max(1) as f64);
        prop_assert_eq!(event.verdicts.values().sum::<u64>(), results.len() as u64);
        let slice = event.slices.get("s").map_or(0, |s| s.passed.n);
        prop_assert_eq!(slice, results.len() as u64);
    }
}

fn asked(verdict: Option<Verdict>, outcome: Outcome) -> Asked {
    Asked {
        id: "1".into(),
        repeat: 0,
        verdict,
        outcome,
        wrong: None,
        rules: vec![(ElementPath::new("steps.a.forbid.x"), false)],
        label: None,
        differs: vec![],
        usage: Some(Usage { input: 10, output: 2 }),
        took_ms: 5,
    }
}

fn unasked() -> ExampleResult {
    ExampleResult::unasked("1", true, vec![], vec![])
}

#[test]
fn repeats_that_agree_are_one_result() {
    let answer = asked(Some(Verdict::Allow), Outcome::Passed);
    let result = together(unasked(), &vec![answer; 3]);
    assert_eq!((result.verdict, result.outcome, result.unstable), (Some(Verdict::Allow), Outcome::Passed, false));
    assert_eq!((result.usage, result.took_ms), (Some(Usage { input: 30, output: 6 }), 15));
    assert_eq!(result.rules, vec![(ElementPath::new("steps.a.forbid.x"), false)], "an example counts once");
}

#[test]
fn repeats_that_differ_are_inconclusive_and_taken_on_the_safe_side() {
    let caught = Asked {
        rules: vec![(ElementPath::new("steps.a.forbid.x"), true)],
        label: Some(("a".into(), "b".into())),
        differs: vec!["team".into()],
        ..asked(Some(Verdict::Deny), Outcome::Failed)
    };
    let let_by = Asked { wrong: Some(true), ..asked(Some(Verdict::Allow), Outcome::Passed) };
    let result = together(unasked(), &[caught.clone(), let_by.clone()]);
    assert!(result.unstable);
    assert_eq!((result.verdict, result.outcome), (Some(Verdict::Allow), Outcome::Inconclusive));
    assert_eq!(result.wrong, Some(true));
    assert_eq!(result.rules.len(), 2, "caught once and passed once: {:?}", result.rules);
    let event = evaluate(SetUnderTest { repeats: 2, ..set("curated") }, &[result]).unwrap().event;
    assert_eq!(event.let_through, Share { k: 1, n: 1 }, "let through once is let through");
    assert_eq!(event.repeats, Some(Repeats { times: 2, unstable: 1 }));
    assert_eq!((event.passed, event.inconclusive), (Share { k: 0, n: 1 }, 1));

    // Verdicts differ and the outcome does not: unstable, and still an outcome.
    let other = asked(Some(Verdict::Warn), Outcome::Passed);
    let result = together(unasked(), &[let_by, other]);
    assert_eq!((result.unstable, result.outcome), (true, Outcome::Passed));
    // One answer that was never judged was not shown to be stopped.
    let unanswered = asked(None, Outcome::Inconclusive);
    let result = together(unasked(), &[caught, unanswered.clone()]);
    assert_eq!(result.verdict, None);
    let event = evaluate(SetUnderTest { repeats: 2, ..set("curated") }, &[result]).unwrap().event;
    assert_eq!((event.let_through, event.unjudged), (Share { k: 0, n: 1 }, 1));
    // One that was let through was, whatever did not answer beside it.
    let result = together(unasked(), &[asked(Some(Verdict::Allow), Outcome::NotExpected), unanswered]);
    let event = evaluate(SetUnderTest { repeats: 2, ..set("curated") }, &[result]).unwrap().event;
    assert_eq!((event.let_through, event.unjudged), (Share { k: 1, n: 1 }, 0));
    assert_eq!(together(unasked(), &[]).outcome, Outcome::Inconclusive);
}

#[test]
fn tags_and_labels_are_bounded() {
    let mut results: Vec<ExampleResult> = (0..200)
        .map(|i| ExampleResult {
            tags: vec!["all".into(), "all".into(), format!("t{i:03}")],
            label: Some((format!("l{i}"), "x".repeat(LABEL_BYTES_MAX + 1))),
            ..result(&i.to_string(), Some(Verdict::Allow), Outcome::Passed)
        })
        .collect();
    results[7].label = Some(("often".into(), NO_OUTPUT.into()));
    results[8].label = Some(("often".into(), "often".into()));
    let event = evaluate(set("curated"), &results).unwrap().event;
    assert_eq!(event.tags.len(), TAGS_MAX);
    assert_eq!(event.tags["all"].passed, Share { k: 200, n: 200 }, "a tag twice on one example marks it once");
    let labels: std::collections::BTreeSet<&String> = event.confusion.values().flat_map(BTreeMap::keys).collect();
    assert!(event.confusion.len() <= LABELS_MAX + 1 && labels.contains(&OTHER.to_owned()), "{labels:?}");
    assert_eq!(event.confusion["often"]["often"], 1);
    assert_eq!(event.confusion.values().flat_map(BTreeMap::values).sum::<u64>(), 200);
}

#[test]
fn usage_is_summed_where_there_is_any() {
    let none = result("1", None, Outcome::Inconclusive);
    let some = ExampleResult { usage: Some(Usage { input: 3, output: 4 }), ..none.clone() };
    assert_eq!(evaluate(set("curated"), std::slice::from_ref(&none)).unwrap().event.usage, None);
    let event = evaluate(set("curated"), &[none, some.clone(), some]).unwrap().event;
    assert_eq!(event.usage, Some(Usage { input: 6, output: 8 }));
}

proptest! {
    #[test]
    fn a_part_reads_back(n in 0_usize..20, id in "[ -~]{1,20}", caught in any::<bool>(), took_ms in 0_u64..1_000_000) {
        let answers: Vec<Asked> = (0..n).map(|i| Asked {
            id: format!("{id}{i}"),
            repeat: (i % 3) as u64,
            verdict: Verdict::ALL.get(i % 6).copied(),
            wrong: (i % 2 == 0).then_some(caught),
            rules: vec![
                (ElementPath::new("steps.a.never.y"), true),
                (ElementPath::new(format!("steps.a.forbid.r{}", i % 4)), false),
            ],
            label: caught.then(|| (id.clone(), NO_OUTPUT.into())),
            differs: if caught { vec![id.clone()] } else { vec![] },
            took_ms,
            ..asked(None, Outcome::Failed)
        }).collect();
        prop_assert_eq!(read_part(&write_part(&answers).unwrap()).unwrap(), answers);
    }

    #[test]
    fn any_bytes_are_a_part_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), place in any::<usize>()) {
        let _ = read_part(&bytes);
        let text = format!(r#"{{"v":1,"rules":[],"answers":[{{"id":"a","outcome":"passed","caught":[{place}],"took_ms":1}}]}}"#);
        prop_assert!(read_part(text.as_bytes()).is_err());
        let other = read_part(br#"{"v":2,"rules":[],"answers":[]}"#);
        prop_assert!(other.is_err());
    }
}
