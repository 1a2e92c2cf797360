use super::*;
use crate::Standing::{self, Contradicted, Evidenced, NoEvidence, Partly};
use expect_test::expect_file;
use proptest::prelude::*;
use seatrial_spec::diagnostic::{Subject, to_human_of, to_json, to_sarif};
use seatrial_spec::{Code, FileError};
use std::path::{Path, PathBuf};

/// Files of the examples.
struct Folder(PathBuf);

impl Artifacts for Folder {
    fn digest(&self, path: &str) -> Result<Digest, FileError> {
        std::fs::read(self.0.join(path)).map(|bytes| Digest::of(&bytes)).map_err(|_| FileError::NotFound)
    }
}

fn examples() -> Folder {
    Folder(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/questionnaire"))
}

fn example(name: &str) -> Read {
    let folder = examples();
    let text = std::fs::read_to_string(folder.0.join(name)).unwrap();
    read(name, &text, &folder)
}

const NAMES: [&str; 3] = ["northlight.yaml", "own-team.yaml", "orrery.yaml"];

fn side_by_side() -> Report {
    compare(NAMES.iter().map(|n| Column::new(n, &example(n).questionnaire.unwrap())).collect())
}

const ABOUT: &str = "about: { name: A, kind: vendor, date: 2026-11-16, answered_by: B }";

/// What `cto.requirements` comes to, with this answer.
fn standing(answer: &str) -> (Standing, Vec<&'static str>) {
    let text = format!("{FIRST_LINE}\n{ABOUT}\nanswers:\n  cto.requirements: {answer}\n");
    let read = read("q.yaml", &text, &examples());
    let codes =
        read.diagnostics.iter().map(|d| d.code).filter(|c| *c != Code::Unanswered).map(|c| c.as_str()).collect();
    let found = read.questionnaire.unwrap_or_else(|| panic!("{:?}", read.diagnostics));
    let q = question("cto.requirements").unwrap();
    (weigh(q, found.answers.get(q.id), found.about.date).standing, codes)
}

/// An answer, how it stands, and the codes of what is said about it.
type Case = (String, Standing, &'static [&'static str]);

const LINK: &str = "kind: link, where: 'https://a.example/x'";
const FILE: &str = "kind: file, where: evidence/own-spec-changes.csv";
const GOOD: &str = "date: 2026-11-01, by: C";
const NONE: &[&str] = &[];

/// Claims with one artifact at most.
fn single() -> Vec<Case> {
    vec![
        ("{ claim: unknown }".into(), NoEvidence, NONE),
        ("{ claim: yes }".into(), NoEvidence, &["ST0502"]),
        ("{ claim: yes, text: 'We are the best' }".into(), NoEvidence, &["ST0502"]),
        ("{ claim: partly, artifacts: [] }".into(), NoEvidence, &["ST0502"]),
        ("{ claim: no }".into(), Contradicted, NONE),
        (format!("{{ claim: yes, artifacts: [{{ {LINK}, {GOOD} }}] }}"), Evidenced, NONE),
        (format!("{{ claim: yes, artifacts: [{{ {FILE}, {GOOD} }}] }}"), Evidenced, NONE),
        (format!("{{ claim: yes, artifacts: [{{ kind: event, where: ticket 7, {GOOD} }}] }}"), Evidenced, NONE),
        (format!("{{ claim: partly, artifacts: [{{ {LINK}, {GOOD} }}] }}"), Partly, NONE),
        (format!("{{ claim: yes, artifacts: [{{ {LINK}, date: 2026-11-01 }}] }}"), Partly, &["ST0503"]),
        (format!("{{ claim: yes, artifacts: [{{ {LINK}, by: C }}] }}"), Partly, &["ST0503"]),
        (format!("{{ claim: yes, artifacts: [{{ {LINK} }}] }}"), Partly, &["ST0503", "ST0503"]),
        // A document counts for a year: 2026-11-16 less 366 days is 2025-11-15.
        (format!("{{ claim: yes, artifacts: [{{ {LINK}, date: 2025-11-15, by: C }}] }}"), Evidenced, NONE),
        (format!("{{ claim: yes, artifacts: [{{ {LINK}, date: 2025-11-14, by: C }}] }}"), Partly, &["ST0504"]),
        (
            format!("{{ claim: yes, artifacts: [{{ {LINK}, date: 2026-11-17, by: C }}] }}"),
            NoEvidence,
            &["ST0502", "ST0506"],
        ),
        (
            format!("{{ claim: yes, artifacts: [{{ kind: file, where: gone.pdf, {GOOD} }}] }}"),
            NoEvidence,
            &["ST0502", "ST0505"],
        ),
        (
            format!("{{ claim: yes, artifacts: [{{ kind: file, where: ../Cargo.toml, {GOOD} }}] }}"),
            NoEvidence,
            &["ST0502", "ST0505"],
        ),
        (
            format!("{{ claim: yes, artifacts: [{{ kind: file, where: /etc/passwd, {GOOD} }}] }}"),
            NoEvidence,
            &["ST0502", "ST0505"],
        ),
        (
            format!("{{ claim: yes, artifacts: [{{ {FILE}, {GOOD}, sha256: 'sha256:{}' }}] }}", "0".repeat(64)),
            NoEvidence,
            &["ST0502", "ST0505"],
        ),
    ]
}

/// Claims whose artifacts are weighed against each other, or show the opposite.
fn weighed() -> Vec<Case> {
    vec![
        // One sound artifact carries the weak ones beside it; one that shows the opposite outweighs them all.
        (
            format!("{{ claim: yes, artifacts: [{{ {LINK} }}, {{ {FILE}, {GOOD} }}] }}"),
            Evidenced,
            &["ST0503", "ST0503"],
        ),
        (
            format!("{{ claim: yes, artifacts: [{{ {FILE}, {GOOD} }}, {{ {LINK}, {GOOD}, contradicts: true }}] }}"),
            Contradicted,
            NONE,
        ),
        (
            format!("{{ claim: unknown, artifacts: [{{ {LINK}, contradicts: true }}] }}"),
            Contradicted,
            &["ST0503", "ST0503"],
        ),
        // What shows the opposite and cannot be opened shows nothing; it is no support either.
        (
            format!("{{ claim: yes, artifacts: [{{ kind: file, where: gone, {GOOD}, contradicts: true }}] }}"),
            NoEvidence,
            &["ST0502", "ST0505"],
        ),
        (
            format!(
                "{{ claim: yes, artifacts: [{{ {FILE}, {GOOD} }}, {{ kind: file, where: gone, {GOOD}, contradicts: true }}] }}"
            ),
            Evidenced,
            &["ST0505"],
        ),
    ]
}

#[test]
fn a_claim_stands_by_what_supports_it() {
    for (answer, wanted, codes) in single().into_iter().chain(weighed()) {
        let (found, said) = standing(&answer);
        assert_eq!(found, wanted, "{answer}");
        let mut said = said;
        said.sort_unstable();
        assert_eq!(said, codes, "{answer}");
    }
}

#[test]
fn every_question_is_whole() {
    let mut ids = std::collections::BTreeSet::new();
    for q in QUESTIONS {
        assert!(ids.insert(q.id), "{} stands twice", q.id);
        assert!(q.asks.ends_with('?') && q.statement.ends_with('.') && q.consequence.ends_with('.'), "{}", q.id);
        assert!(q.look_for.ends_with('.'), "{}", q.id);
    }
    for section in Section::ALL {
        assert!(QUESTIONS.iter().any(|q| q.section == section), "{section:?}");
    }
    for area in Area::ALL {
        assert!(QUESTIONS.iter().any(|q| q.area == area), "{area:?}");
    }
}

/// The log of a workflow that is run here answers under the same ids.
#[test]
fn the_assessment_asks_the_same() {
    let asked: Vec<&str> = crate::definitions().map(|d| d.id).collect();
    let alone: Vec<&str> = QUESTIONS.iter().map(|q| q.id).filter(|id| !asked.contains(id)).collect();
    // What leaving costs, no log knows.
    assert_eq!(alone, ["exit.record", "exit.change", "exit.model"]);
    let here: Vec<&str> = asked.into_iter().filter(|id| question(id).is_none()).collect();
    // Nobody claims to a customer that their approvers are simulated.
    assert_eq!(here, ["theatre.simulated"]);
}

#[test]
fn a_broken_file_says_what_is_wrong() {
    let text = "seatrial-questionnaire: 2\nabout:\n  name: X\n  kind: vendr\n  date: yesterday\nanswers:\n  cto.requirement:\n    claim: yes\n  cto.stages:\n    claim: maybe\n  cto.controls:\n    claim: yes\n    artifact: []\n    artifacts:\n      - kind: link\n        where: intranet/page\n";
    let read = read("broken.yaml", text, &NoFiles);
    assert!(read.questionnaire.is_none());
    let shown = to_human_of(Subject::Questionnaire, &read.diagnostics, &read.sources, false);
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/src/questionnaire/tests/broken.txt")].assert_eq(&shown);
}

#[test]
fn the_examples_are_read_and_told_apart() {
    for name in NAMES {
        let read = example(name);
        let errors: Vec<_> = read.diagnostics.iter().filter(|d| d.severity == seatrial_spec::Severity::Error).collect();
        assert!(errors.is_empty(), "{name}: {errors:?}");
    }
    let report = side_by_side();
    let tallies: Vec<String> = report.columns.iter().map(|c| format!("{}: {}", c.name, c.tally.words())).collect();
    let wanted = [
        "Northlight Automation (invented): 0 evidenced, 3 partly, 22 no evidence, 7 contradicted",
        "Our own team (invented): 9 evidenced, 4 partly, 17 no evidence, 2 contradicted",
        "Orrery Flow, a platform (invented): 2 evidenced, 5 partly, 23 no evidence, 2 contradicted",
    ];
    assert_eq!(tallies, wanted);
    expect_file![concat!(env!("CARGO_MANIFEST_DIR"), "/src/questionnaire/tests/examples.md")]
        .assert_eq(&markdown(&report));
}

/// The examples are as the page would write them. `SEATRIAL_UPDATE=1` writes them so.
#[test]
fn the_examples_are_written_as_the_page_writes() {
    for name in NAMES {
        let (path, read) = (examples().0.join(name), example(name));
        let now = to_yaml(&read.questionnaire.unwrap());
        if std::env::var_os("SEATRIAL_UPDATE").is_some() {
            std::fs::write(&path, &now).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), now, "{name}");
    }
}

#[test]
fn the_reference_is_up_to_date() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/questionnaire.md");
    if std::env::var_os("SEATRIAL_UPDATE").is_some() {
        std::fs::write(&path, reference()).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), reference());
}

#[test]
fn what_is_not_differently_comes_after_what_is() {
    let report = side_by_side();
    for area in Area::ALL {
        for row in report.of(area, true) {
            let first = row.cells.first().unwrap().standing;
            assert!(row.cells.iter().any(|c| c.standing != first), "{}", row.question.id);
        }
    }
    let html = report_page(&report);
    assert!(html.find("Where they differ").unwrap() < html.find("Where they stand alike").unwrap());
    // It stands alone: nothing is fetched.
    for fetched in ["<script", "<link", "src=", "url(", "@import"] {
        assert!(!html.contains(fetched), "{fetched}");
    }
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["rows"].as_array().unwrap().len(), QUESTIONS.len());
    assert!(json["rows"][0]["question"]["consequence"].is_string());
}

#[test]
fn what_to_ask_next_is_short_and_settles_most_first() {
    for column in side_by_side().columns {
        assert!(!column.next.is_empty() && column.next.len() <= 5, "{}", column.name);
        let open: usize = column.tally.partly + column.tally.no_evidence + column.tally.contradicted;
        let settled: usize = column.next.iter().map(|n| n.settles.len()).sum();
        assert!(settled <= open && settled * 2 >= open, "{}: {settled} of {open}", column.name);
    }
    let all = QUESTIONS.iter().map(|q| {
        let artifact = Artifact {
            place: format!("https://a.example/{}", q.id),
            date: "2026-11-01".parse().ok(),
            by: Some("C".into()),
            ..Artifact::default()
        };
        (q.id.to_owned(), Answer { claim: Claim::Yes, text: None, artifacts: vec![artifact] })
    });
    let about =
        About { name: "A".into(), kind: Kind::Vendor, date: "2026-11-16".parse().unwrap(), answered_by: "B".into() };
    let column = Column::new("a.yaml", &Questionnaire { about, answers: all.collect() });
    assert_eq!(column.tally.evidenced, QUESTIONS.len());
    assert!(column.next.is_empty());
    // Everything is evidenced, and that alone is a sign.
    assert_eq!(column.signs, ["All 32 claims are `yes`. Ask which one they would not sign."]);
}

#[test]
fn signs_in_the_answers_themselves() {
    let artifact = |place: &str, date: &str, by: &str| Artifact {
        place: place.into(),
        date: date.parse().ok(),
        by: Some(by.into()),
        ..Artifact::default()
    };
    let about =
        About { name: "A".into(), kind: Kind::Vendor, date: "2026-11-16".parse().unwrap(), answered_by: "B".into() };
    let with = |artifacts: Vec<Artifact>| {
        let answers = QUESTIONS
            .iter()
            .zip(artifacts)
            .map(|(q, a)| (q.id.to_owned(), Answer { claim: Claim::Partly, text: None, artifacts: vec![a] }));
        signs(&Questionnaire { about: about.clone(), answers: answers.collect() })
    };
    let many = |f: &dyn Fn(usize) -> Artifact, n: usize| with((0..n).map(f).collect());
    let day = |i: usize| format!("2026-{:02}-01", 6 + i % 5);
    let quiet =
        |i: usize| artifact(&format!("https://a.example/{i}"), &day(i), if i.is_multiple_of(2) { "B" } else { "C" });
    assert_eq!(many(&quiet, 12), Vec::<String>::new());
    let one = |found: Vec<String>, word: &str| assert!(found.len() == 1 && found[0].contains(word), "{found:?}");
    one(many(&|i| Artifact { date: "2026-11-12".parse().ok(), ..quiet(i) }, 6), "last 7 days");
    one(many(&|i| Artifact { place: "https://a.example/all".into(), ..quiet(i) }, 6), "One artifact stands behind 6");
    one(many(&|i| Artifact { by: Some("B".into()), ..quiet(i) }, 6), "Whoever answered");
    // Below the numbers nothing is read into it.
    assert_eq!(
        many(&|i| Artifact { by: Some("B".into()), date: "2026-11-12".parse().ok(), ..quiet(i) }, 4),
        Vec::<String>::new()
    );
}

const COMMENTED: &str = "\
# kept above
seatrial-questionnaire: 1
about: { name: A, kind: vendor, date: 2026-11-16, answered_by: B }
answers: # kept beside
  # kept over the first
  cto.requirements: { claim: unknown } # kept behind
  # kept between
  cto.governance:
    claim: yes
    text: >
      Folded
      text.

  # kept over the last
  cto.stages:
    claim: no
# kept below
";

#[test]
fn one_answer_changes_and_every_other_line_stays() {
    let new = Answer {
        claim: Claim::Partly,
        text: Some("Two\nlines: \"quoted\" \u{202e}#".into()),
        artifacts: vec![Artifact {
            place: "https://a.example/#1".into(),
            date: "2026-11-01".parse().ok(),
            ..Artifact::default()
        }],
    };
    for id in ["cto.requirements", "cto.governance", "cto.stages", "exit.model"] {
        let edited = with_answer(COMMENTED, id, &new).unwrap();
        assert_eq!(edited.matches("# kept").count(), COMMENTED.matches("# kept").count(), "{id}\n{edited}");
        let read = read("a", &edited, &NoFiles).questionnaire.unwrap();
        assert_eq!(read.answers[id], new, "{edited}");
        assert!(edited.contains("\\U0000202E"), "what changes the direction of text is written out");
    }
    let about = About {
        name: "Ä: \"b\"".into(),
        kind: Kind::Platform,
        date: "2026-12-01".parse().unwrap(),
        answered_by: "C".into(),
    };
    let edited = with_about(COMMENTED, &about).unwrap();
    assert_eq!(edited.matches("# kept").count(), COMMENTED.matches("# kept").count(), "{edited}");
    assert_eq!(read("a", &edited, &NoFiles).questionnaire.unwrap().about, about);
    // A layout that cannot be edited in place is written anew, with the same answers.
    let flow = "{ seatrial-questionnaire: 1, about: { name: A, kind: vendor, date: 2026-11-16, answered_by: B }, answers: { cto.stages: { claim: no } } }";
    let edited = with_answer(flow, "cto.requirements", &new).unwrap();
    let read = read("a", &edited, &NoFiles).questionnaire.unwrap();
    assert_eq!((&read.answers["cto.requirements"], read.answers["cto.stages"].claim), (&new, Claim::No));
    assert_eq!(with_answer("not: [a questionnaire", "cto.stages", &new), None);
}

fn arbitrary_line() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9 :#'\"\\\\{}|>&*!%@`-]{1,40}",
        "\\PC{1,20}",
        Just("\u{1b}[2J\u{85}\u{2028}\u{feff}x".to_owned())
    ]
    .prop_filter("not blank", |s| !s.trim().is_empty())
    // The reader trims.
    .prop_map(|s| s.trim().to_owned())
}

fn arbitrary_answer() -> impl Strategy<Value = Answer> {
    let artifact = (0..3_usize, arbitrary_line(), any::<bool>(), proptest::option::of(arbitrary_line()), any::<bool>());
    let artifact = artifact.prop_map(|(kind, place, dated, by, contradicts)| Artifact {
        kind: ArtifactKind::ALL[kind],
        place: if kind == 0 { "https://a.example/é?a=b&c".to_owned() } else { place },
        date: if dated { "2026-02-28".parse().ok() } else { None },
        shows: by.clone(),
        by,
        contradicts,
        ..Artifact::default()
    });
    (0..4_usize, proptest::option::of(arbitrary_line()), proptest::collection::vec(artifact, 0..4)).prop_map(
        |(claim, text, artifacts)| Answer {
            claim: Claim::ALL[claim],
            text: text.map(|t| format!("{t}\n\n {t}")),
            artifacts,
        },
    )
}

fn stripped(mut answer: Answer) -> Answer {
    for artifact in &mut answer.artifacts {
        artifact.found = Found::NotLooked;
    }
    answer
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_is_read(name in arbitrary_line(), i in 0..QUESTIONS.len(), answer in arbitrary_answer(), other in arbitrary_answer()) {
        let about = About { name, kind: Kind::Internal, date: "2026-11-16".parse().unwrap(), answered_by: "B".into() };
        let mut all = empty(about);
        all.answers.insert(QUESTIONS[i].id.to_owned(), answer);
        let text = to_yaml(&all);
        let back = read("a", &text, &NoFiles);
        let mut back = back.questionnaire.unwrap_or_else(|| panic!("{:?}\n{text}", back.diagnostics));
        for answer in back.answers.values_mut() { *answer = stripped(answer.clone()); }
        prop_assert_eq!(&back, &all);
        prop_assert_eq!(to_yaml(&back), text.clone());
        // And changed in place: the same as written anew.
        let id = QUESTIONS[(i + 1) % QUESTIONS.len()].id;
        let edited = with_answer(&text, id, &other).unwrap();
        all.answers.insert(id.to_owned(), other);
        prop_assert_eq!(edited, to_yaml(&all));
    }

    #[test]
    fn a_damaged_file_never_panics(which in 0..3_usize, from in 0_usize..20_000, length in 0_usize..200, piece in "[\\PC\n]{0,30}") {
        let text = std::fs::read_to_string(examples().0.join(NAMES[which])).unwrap();
        let boundary = |at: usize| { let mut at = at.min(text.len()); while !text.is_char_boundary(at) { at -= 1; } at };
        let (start, end) = (boundary(from), boundary(from + length));
        let damaged = format!("{}{piece}{}", &text[..start], &text[end..]);
        let read = read("a", &damaged, &NoFiles);
        let _ = to_human_of(Subject::Questionnaire, &read.diagnostics, &read.sources, true);
        let _ = (to_json(&read.diagnostics), to_sarif(&read.diagnostics, "0"));
        if let Some(q) = read.questionnaire {
            let report = compare(vec![Column::new("a", &q)]);
            let _ = (markdown(&report), report_page(&report));
            let _ = with_answer(&damaged, "cto.stages", &Answer::default());
        } else {
            prop_assert!(!read.diagnostics.is_empty(), "refused without a word");
        }
    }
}
