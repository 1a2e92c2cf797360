//! Whatever comes.

use super::*;
use proptest::prelude::*;

fn any_part() -> impl Strategy<Value = Part> {
    let body = prop_oneof![
        Just(answer().to_string()),
        Just(search("card", 1)),
        Just(search("ana@bank.example", 9)),
        Just(String::new()),
        ".{0,40}",
        Just("search".to_owned()),
        Just("hang_up".to_owned()),
    ];
    let name = prop_oneof![
        (0..2_u8, 0..2_u8, prop_oneof![Just("name"), Just("arguments")])
            .prop_map(|(c, n, l)| format!("choices.{c}.tool_calls.{n}.{l}")),
        (0..2_u8, prop_oneof![Just("text"), Just("reasoning"), Just("other")])
            .prop_map(|(c, l)| format!("choices.{c}.{l}")),
        "[a-z.]{0,8}",
    ];
    (name, body).prop_map(|(name, text)| Part { kind: PartKind::of_name(&name), name, text })
}

fn any_judged() -> impl Strategy<Value = Judged> {
    prop_oneof![
        Just(verdict(true, 0.9)),
        Just(verdict(false, 0.2)),
        ".{0,20}".prop_map(Judged::Failed),
        ".{0,20}".prop_map(|s| Judged::Said(Value::String(s))),
        Just(Judged::Said(Value::String(answer().to_string()))),
    ]
}

fn any_aside() -> impl Strategy<Value = Aside> {
    let answers = prop::collection::btree_map("check|check#1|x", any_judged(), 0..3);
    (answers, prop::collection::vec(any_judged(), 0..4)).prop_map(|(judged, samples)| Aside {
        judged,
        samples,
        modified: None,
    })
}

fn programs() -> &'static [Program; 4] {
    static ALL: std::sync::OnceLock<[Program; 4]> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        [program(&[]), untold(), with_judge(), program(&[("confidence: output.sure", "confidence: { agreement: 3 }")])]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn judging_any_parts_is_total(parts in prop::collection::vec(any_part(), 0..7), aside in any_aside(), which in 0..4_usize) {
        let program = &programs()[which];
        let step = program.step("answer").unwrap();
        let candidate = Candidate { parts: parts.clone(), aside, ..Candidate::default() };
        let judgement = step.judge(&input(), &candidate);
        prop_assert!(step.plan().checks.iter().map(|c| &c.path).eq(judgement.findings.iter().map(|f| &f.path)));
        prop_assert_eq!(judgement.inspected.len(), parts.len());
        let decision = decide(step.plan(), &facts(&judgement, vec![]));
        // A call of what the step may not call never passes.
        let may = |p: &Part| which != 1 && matches!(p.text.as_str(), "search" | "hang_up");
        let calls_other = parts.iter().any(|p| p.kind == PartKind::ToolName && !may(p));
        if calls_other {
            prop_assert!(decision.verdict >= Verdict::Escalate);
        }
        // Arguments that no name goes with were looked at as nobody's: they never pass either.
        let named = |p: &Part| parts.iter().any(|n| n.kind == PartKind::ToolName && n.name.strip_suffix("name") == p.name.strip_suffix("arguments"));
        if parts.iter().any(|p| p.kind == PartKind::ToolArguments && !named(p)) {
            prop_assert!(decision.verdict >= Verdict::Escalate);
        }
        // What is said in a finding is never a model's or a judge's words.
        for f in judgement.findings.iter().filter(|f| !f.code.is_empty()) {
            prop_assert!(f.code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-'), "{}", f.code);
        }
        let _ = step.judge_asks(&input(), &parts);
    }

    #[test]
    fn the_order_of_calls_is_irrelevant(parts in prop::collection::vec(any_part(), 0..5), turn in 0..5_usize, which in 0..4_usize) {
        // Every part once: two of one name are told apart by their order alone. Texts keep theirs: they are numbered.
        let mut seen = std::collections::BTreeSet::new();
        let parts: Vec<Part> = parts.into_iter().filter(|p| p.kind != PartKind::Text && seen.insert(p.name.clone())).collect();
        let mut turned = parts.clone();
        turned.rotate_left(turn.min(parts.len()));
        turned.reverse();
        let step = programs()[which].step("answer").unwrap();
        let results = |parts: Vec<Part>| -> Vec<FindingResult> {
            step.judge(&input(), &candidate(parts)).findings.iter().map(|f| f.result).collect()
        };
        prop_assert_eq!(results(parts), results(turned));
    }

    #[test]
    fn one_more_call_is_never_laxer(parts in prop::collection::vec(any_part(), 1..5), more in any_part(), which in 0..4_usize) {
        // A further call of a choice that has one already: no check that objected is content now.
        let step = programs()[which].step("answer").unwrap();
        let name = "choices.0.tool_calls.7.name";
        let mut base = parts;
        base.extend(call(0, 5, "hang_up", "{}"));
        let mut longer = base.clone();
        longer.push(Part { name: name.to_owned(), kind: PartKind::ToolName, text: more.text });
        let (before, after) = (step.judge(&input(), &candidate(base)), step.judge(&input(), &candidate(longer)));
        for (b, a) in before.findings.iter().zip(&after.findings) {
            prop_assert!(!b.objects() || a.objects(), "{} objected, and does not any more", b.path);
        }
    }

    #[test]
    fn silence_is_never_laxer_than_an_answer(answers in any_aside(), choices in 1..3_usize) {
        let program = &programs()[2];
        let step = program.step("answer").unwrap();
        let parts: Vec<Part> = (0..choices).map(|i| text(i, answer().to_string())).collect();
        let with = Candidate { parts: parts.clone(), aside: answers, ..Candidate::default() };
        let verdict = |c: &Candidate| decide(step.plan(), &facts(&step.judge(&input(), c), vec![])).verdict;
        prop_assert!(verdict(&candidate(parts)) >= verdict(&with));
    }
}
