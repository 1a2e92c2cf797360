use super::*;

fn id(n: u64) -> EventId {
    format!("evt_019a0000-0000-7000-8000-{n:012x}").parse().unwrap()
}

fn case(n: u64, slice: &str, agreed: Option<bool>) -> PilotCase {
    PilotCase {
        event: id(n),
        step: "assess".to_owned(),
        verdict: Verdict::Escalate,
        because: vec![ElementPath::new("gates.pilot.review")],
        slices: vec![slice.to_owned()],
        agreed,
        reviewed: agreed.is_some(),
        late: n.is_multiple_of(10),
        overridden: (n == 1).then(|| "wrong-data".to_owned()),
        wrong: None,
        no_candidate: false,
    }
}

fn report(cases: &[PilotCase], continues: Option<bool>, repeats: &[PilotRepeats]) -> PilotFindings {
    let metrics = BTreeMap::from([("agreement".to_owned(), 0.9), ("reviewed".to_owned(), cases.len() as f64)]);
    let outcomes = [PilotOutcome {
        name: "waiting".to_owned(),
        today: Some(1.0),
        target: "<= 0.75".to_owned(),
        measured: Some((0.61, true, id(900))),
    }];
    PilotFindings::of(&PilotInput {
        number: 2,
        releases: &[(Digest::of(b"release"), id(901))],
        shadow: false,
        from: Time::from_millis(0),
        until: Time::from_millis(86_400_000),
        metrics: &metrics,
        continue_if: Some("metrics.agreement >= 0.85"),
        continues,
        cases,
        outcomes: &outcomes,
        repeats,
        stops: &[],
        refused_by_bounds: 3,
    })
}

#[test]
fn a_slice_that_differs_beyond_chance_is_named() {
    // 100 cases of `old` with 2 disagreements, 100 of `young` with 30.
    let old = (0..100).map(|n| case(n, "old", Some(n >= 2)));
    let young = (100..200).map(|n| case(n, "young", Some(n >= 130)));
    let cases: Vec<PilotCase> = old.chain(young).collect();
    let report = report(&cases, Some(true), &[]);
    let [worth, helps, variability, controls] = report.findings.as_slice() else { panic!("four findings") };
    assert_eq!(worth.answer, PilotAnswer::Yes);
    assert!(worth.figures.iter().any(|f| f.what == "outcomes.waiting" && f.events == [id(900)]), "{worth:#?}");
    assert!(worth.figures.iter().any(|f| f.what == "metrics.agreement" && f.value == "0.9"), "{worth:#?}");
    assert!(!worth.figures.iter().any(|f| f.what == "metrics.reviewed"), "the criterion does not name it");
    assert!(
        helps.says.contains("more often than in all with `slices.young`; less often with `slices.old`"),
        "{}",
        helps.says
    );
    let young = helps.figures.iter().find(|f| f.what == "slices.young").unwrap();
    assert!(young.value.contains("30 of 100 (30.0 %); more than in all"), "{young:?}");
    assert_eq!(young.events.len(), CITED_MAX, "thirty disagreed, the first are cited");
    assert!(young.events.contains(&id(100)));
    assert_eq!(variability.answer, PilotAnswer::Unknown, "nobody asked twice");
    assert!(controls.figures.iter().any(|f| f.what == "overridden: wrong-data" && f.events == [id(1)]));
    assert!(controls.figures.iter().any(|f| f.what == "late reviews" && f.value == "20"));
    assert!(controls.figures.iter().any(|f| f.what == "refused by the ceiling or the end" && f.value == "3"));
}

#[test]
fn a_small_difference_is_no_finding() {
    let cases: Vec<PilotCase> =
        (0..20).map(|n| case(n, if n < 10 { "old" } else { "young" }, Some(n != 3 && n < 18))).collect();
    let report = report(&cases, Some(false), &[]);
    assert_eq!(report.findings[0].answer, PilotAnswer::No);
    assert!(report.findings[1].says.contains("nowhere more than in all"), "{}", report.findings[1].says);
}

#[test]
fn what_was_not_judged_is_unknown() {
    let report = report(&[], None, &[]);
    assert!(report.findings.iter().all(|f| f.answer == PilotAnswer::Unknown), "{report:#?}");
    assert_eq!(report.decisions, 0);
    let markdown = report.markdown();
    assert!(markdown.contains("## Is it worth going on?") && markdown.contains("**unknown.**"), "{markdown}");
}

#[test]
fn repeats_say_how_many_were_unstable() {
    let run = |unstable| PilotRepeats {
        set: "boundary".to_owned(),
        examples: 40,
        repeats: Repeats { times: 3, unstable },
        event: id(5),
    };
    let cases = [case(1, "old", Some(true))];
    let stable = report(&cases, Some(true), &[run(0)]);
    assert_eq!(stable.findings[2].answer, PilotAnswer::Yes);
    let shaky = report(&cases, Some(true), &[run(0), run(4)]);
    assert_eq!(shaky.findings[2].answer, PilotAnswer::Listed);
    assert!(shaky.findings[2].says.starts_with("4 of 80 examples"), "{}", shaky.findings[2].says);
    assert!(shaky.findings[2].figures.iter().all(|f| f.events == [id(5)]));
}
