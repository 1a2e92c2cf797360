use super::fixture::{id, log, sprint};
use super::*;
use seatrial_model::Digest;
use seatrial_model::event::*;

fn states(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(id, state)| ((*id).to_owned(), (*state).to_owned())).collect()
}

fn opened(states: BTreeMap<String, String>) -> Body {
    Body::SprintOpened(SprintOpened {
        sprint: sprint(),
        number: 3,
        questions: vec!["questions.a".into(), "questions.b".into()],
        obligations: vec!["eval.golden".into(), "gone".into()],
        states,
        roles: Some(Share { k: 3, n: 5 }),
    })
}

fn settled(question: &str, withdrawn: bool) -> Body {
    let element = Digest::of(b"");
    Body::QuestionSettled(QuestionSettled { question: question.into(), element, withdrawn, cites: vec![] })
}

fn submitted(added: &[&str], removed: &[&str], changed: &[&str]) -> Body {
    let paths = |p: &[&str]| p.iter().map(|p| ElementPath::from(*p)).collect();
    Body::SpecSubmitted(SpecSubmitted {
        files: BTreeMap::new(),
        elements: Digest::of(b""),
        element_count: 1,
        previous: None,
        added: paths(added),
        removed: paths(removed),
        changed: paths(changed),
    })
}

fn drill(effective_ms: u64, allowed_ms: Option<u64>) -> Body {
    let control = "stop".to_owned();
    Body::DrillDone(DrillDone {
        control,
        effective_ms,
        allowed_ms,
        refused: 1,
        events: vec![],
        runbooks: vec![],
        finished: 0,
        restored: None,
    })
}

fn probes(enforced: &[bool]) -> Body {
    let probe = |(i, enforced): (usize, &bool)| Probe {
        rule: ElementPath::new(format!("steps.a.forbid.r{i}")),
        decision: id("dec_", i),
        enforced: *enforced,
    };
    Body::ProbeRun(ProbeRun { probes: enforced.iter().enumerate().map(probe).collect(), program: Digest::of(b"") })
}

fn input(states: &BTreeMap<String, String>) -> SprintInput<'_> {
    SprintInput { sprint: sprint(), states, moves: None, roles: None, before: None, during: None }
}

/// A report shown as of that day, with these texts.
fn shown<'a>(texts: &'a BTreeMap<EventId, String>, clarity: &'a [ClarityPoint]) -> Shown<'a> {
    Shown {
        workflow: "credit",
        simulation: true,
        goal: Some("Know where <it> can be trusted"),
        closed: None,
        texts,
        clarity,
        time: &|at| at.day().to_string(),
        day: &|at| at.day().to_string(),
    }
}

fn noted(finding: bool, cites: Vec<EventId>) -> Body {
    let element = Some("steps.a".into());
    Body::SprintNoted(SprintNoted { sprint: Some(sprint()), finding, element, cites })
}

fn report(
    bodies: Vec<Body>,
    end: &BTreeMap<String, String>,
    before: Option<&Tallies>,
    during: Option<&Tallies>,
) -> SprintReport {
    let events = log(bodies);
    let input = SprintInput { sprint: sprint(), states: end, moves: None, roles: None, before, during };
    SprintReport::of(&events, &input).unwrap()
}

fn readings(report: &SprintReport) -> [Reading; 4] {
    report.answers.iter().map(|a| a.reading).collect::<Vec<_>>().try_into().unwrap()
}

#[test]
fn an_empty_sprint_answers_nothing() {
    let report = report(vec![opened(BTreeMap::new())], &BTreeMap::new(), None, None);
    assert_eq!(readings(&report), [Reading::Unknown; 4], "unknown is never yes");
    assert!(report.aims.iter().all(|aim| !aim.reached));
    assert_eq!(report.aims[3].state, "removed");
}

#[test]
fn what_happened_is_counted_with_its_events() {
    let start = states(&[("eval.golden", "open"), ("spec.intent", "discharged"), ("old", "open")]);
    let end =
        states(&[("eval.golden", "discharged"), ("spec.intent", "stale"), ("new", "open"), ("no", "not applicable")]);
    let bodies = vec![
        settled("questions.before", false),
        opened(start),
        settled("questions.a", false),
        settled("questions.b", true),
        submitted(
            &["questions.c", "questions.c.ask", "steps.a.never.x", "steps.a.forbid.came"],
            &[],
            &["steps.a.influence"],
        ),
        submitted(&[], &["steps.a.forbid.came", "steps.a.require.y"], &[]),
        drill(50, Some(60)),
        probes(&[true, true]),
        Body::SprintClosed(SprintClosed { sprint: sprint(), report: Digest::of(b""), states: BTreeMap::new() }),
        settled("questions.after", false),
    ];
    let report = report(bodies, &end, None, None);
    assert_eq!(readings(&report), [Reading::Mixed, Reading::Unknown, Reading::Yes, Reading::Yes]);
    let figure = |answer: usize, what: &str| {
        report.answers[answer].figures.iter().find(|f| f.what.contains(what)).unwrap_or_else(|| panic!("{what}"))
    };
    assert_eq!(figure(0, "answered").events, [id::<EventId>("evt_", 2)], "before and after do not count");
    assert_eq!(figure(0, "raised").value, "1 (questions.c)");
    assert_eq!(figure(0, "rules added").value, "1 (steps.a.never.x)", "what came and went is not there");
    assert_eq!(figure(0, "rules removed").value, "1 (steps.a.require.y)");
    assert_eq!(figure(2, "probes").value, "2 of 2");
    let aims: Vec<_> = report.aims.iter().map(|a| (a.aim.as_str(), a.reached, a.state.as_str())).collect();
    let expected = [
        ("questions.a", true, "answered"),
        ("questions.b", false, "withdrawn"),
        ("eval.golden", true, "discharged"),
        ("gone", false, "removed"),
    ];
    assert_eq!(aims, expected);
    let Clarity { start, end, gained, lost, added, removed } = &report.clarity;
    assert_eq!((*start, *end), (Share { k: 1, n: 3 }, Share { k: 1, n: 3 }), "what does not apply is not counted");
    assert_eq!([gained, lost, added, removed].map(|l| l.join(" ")), ["eval.golden", "spec.intent", "new no", "old"]);
    let read: SprintReport = serde_json::from_slice(&seatrial_model::canonical(&report).unwrap()).unwrap();
    assert_eq!(read, report);
}

#[test]
fn running_figures_are_compared_with_the_time_before() {
    let tallies = |ms, agreed, opened, late| Tallies {
        decisions: 100,
        reviews_opened: opened,
        reviews_late: late,
        review_ms_median: Some(ms),
        agreement: Share { k: agreed, n: 50 },
        overrides: [(ElementPath::new("steps.a.escalate.large"), 2)].into(),
        ..Tallies::default()
    };
    let (slow, fast) = (tallies(90_000, 40, 50, 10), tallies(30_000, 45, 30, 0));
    let reading = |before, during| readings(&report(vec![opened(BTreeMap::new())], &BTreeMap::new(), before, during));
    assert_eq!(reading(Some(&slow), Some(&fast)), [Reading::Unknown, Reading::Yes, Reading::Unknown, Reading::Yes]);
    assert_eq!(reading(Some(&fast), Some(&slow))[1], Reading::No);
    assert_eq!(reading(Some(&fast), Some(&fast))[1], Reading::Unchanged);
    assert_eq!(reading(None, Some(&fast))[1], Reading::Unchanged, "nothing to compare with");
    assert_eq!(reading(Some(&fast), None)[1], Reading::Unknown);
}

#[test]
fn a_probe_that_got_through_and_a_slow_drill_speak_against() {
    let bodies = vec![opened(BTreeMap::new()), probes(&[true, false]), drill(61, Some(60))];
    let report = report(bodies, &BTreeMap::new(), None, None);
    assert_eq!(readings(&report)[2..], [Reading::No, Reading::No]);
}

#[test]
fn a_sprint_that_nobody_opened_has_no_report() {
    let events = log(vec![settled("questions.a", false)]);
    let empty = BTreeMap::new();
    let input = input(&empty);
    assert_eq!(SprintReport::of(&events, &input), Err(ReportError::NotOpened(sprint())));
}

#[test]
fn the_markdown_reads() {
    let end = states(&[("eval.golden", "discharged")]);
    let hostile = submitted(&["steps.a.never.<script>*"], &[], &[]);
    let bodies = vec![opened(BTreeMap::new()), settled("questions.a", false), hostile];
    let markdown = report(bodies, &end, None, None).markdown(&shown(&BTreeMap::new(), &[]));
    for line in [
        "# Sprint 3 of `credit`\n\n**SIMULATION.**",
        "Know where \\<it\\> can be trusted",
        "Opened 2026-11-23 (`evt_00000000-0000-7000-8000-000000000000`); it is open",
        "- [x] `questions.a`: answered (`evt_00000000-0000-7000-8000-000000000001`)",
        "- [ ] `questions.b`: open\n",
        "Obligations of production discharged: 0 of 0 at the start, 1 of 1 at the end.",
        "- Discharged: `eval.golden`",
        "## 1. Did the team clarify the workflow's boundary?\n\n**Yes.**",
        "steps.a.never.\\<script\\>\\*",
        "## 2. Did the system become easier to review?\n\n**Unknown: the log does not tell.**",
    ] {
        assert!(markdown.contains(line), "no `{line}` in:\n{markdown}");
    }
}

#[test]
fn widening_and_narrowing_come_from_the_specs() {
    let to = |path: &str| Move { path: path.into(), why: "0.8 → 0.7".to_owned() };
    let moves =
        Moves { widens: vec![to("thresholds.a.at")], narrows: vec![to("steps.a.review"); 9], ..Moves::default() };
    let empty = BTreeMap::new();
    let events = log(vec![opened(BTreeMap::new())]);
    let input = SprintInput { moves: Some(&moves), ..input(&empty) };
    let report = SprintReport::of(&events, &input).unwrap();
    assert_eq!(report.answers[0].reading, Reading::Yes, "a widening that was approved is no less clear");
    let values: Vec<&str> = report.answers[0].figures.iter().map(|f| f.value.as_str()).collect();
    assert!(values[0].starts_with("9 (steps.a.review: 0.8 → 0.7;") && values[0].ends_with("…)"), "{values:?}");
    assert_eq!(values[1], "1 (thresholds.a.at: 0.8 → 0.7)");
}

#[test]
fn roles_that_resolve_are_compared_with_the_start() {
    let empty = BTreeMap::new();
    let events = log(vec![opened(BTreeMap::new())]);
    let reading = |k, n| {
        let input = SprintInput { roles: Some(Share { k, n }), ..input(&empty) };
        SprintReport::of(&events, &input).unwrap().answers[3].clone()
    };
    assert_eq!(reading(5, 5).reading, Reading::Yes);
    assert_eq!(reading(5, 5).figures[0].value, "5 of 5, before 3 of 5");
    assert_eq!(reading(3, 6).reading, Reading::No);
    assert_eq!(reading(4, 6).reading, Reading::Unchanged);
}

#[test]
fn notes_are_kept_without_their_texts_and_shown_with_them() {
    let cited: EventId = id("evt_", 1);
    let bodies =
        vec![opened(BTreeMap::new()), settled("questions.a", false), noted(true, vec![cited]), noted(false, vec![])];
    let report = report(bodies, &BTreeMap::new(), None, None);
    let kept = serde_json::to_string(&report).unwrap();
    assert!(kept.contains("\"finding\":true") && !kept.contains("misread"));
    let texts = BTreeMap::from([(id("evt_", 2), "Names <b>misread</b>".to_owned())]);
    let markdown = report.markdown(&shown(&texts, &[]));
    assert!(markdown.contains("- **Finding.** Names \\<b\\>misread"), "{markdown}");
    assert!(markdown.contains("(its text was erased)"));
    let html = report.html(&shown(&texts, &[]));
    assert!(html.contains("Names &lt;b&gt;misread&lt;/b&gt;") && html.contains("its text was erased"));
}

#[test]
fn the_page_stands_alone() {
    let moments = [crate::clarity::Moment {
        time: Time::from_millis(1_795_427_751_120),
        what: "now".to_owned(),
        states: states(&[("spec.valid", "discharged")]),
    }];
    let points = crate::clarity::points(&moments, crate::clarity::layer_of);
    let hostile = submitted(&["steps.a.never.<script>alert(1)</script>"], &[], &[]);
    let html = report(vec![opened(BTreeMap::new()), hostile], &BTreeMap::new(), None, None)
        .html(&shown(&BTreeMap::new(), &points));
    for part in
        ["<!doctype html>", "<svg", "SIMULATION", "@media print", "Unknown: the log does not tell.", "&lt;script&gt;"]
    {
        assert!(html.contains(part), "no `{part}`");
    }
    for absent in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!html.contains(absent), "`{absent}` would need something from elsewhere");
    }
}
