//! Realistic edits, and exactly what each of them stales: `corpus.md` says it, the code is held against it.

use crate::example::{Example, inputs};
use crate::history::{History, STAGES};
use seatrial_governance::State;
use seatrial_model::Stage;
use std::collections::BTreeSet;

const CORPUS: &str = include_str!("corpus.md");

/// One edit of the corpus.
struct Case {
    title: String,
    /// File, what stands there once, what stands there then.
    edits: Vec<(String, String, String)>,
    /// What goes stale, by stage; the release's own approval, which follows every change, is left out.
    stale: [BTreeSet<String>; 2],
}

fn quoted(line: &str) -> Vec<String> {
    line.split('`').skip(1).step_by(2).map(|s| s.replace("\\n", "\n")).collect()
}

fn cases() -> Vec<Case> {
    let mut out: Vec<Case> = Vec::new();
    for line in CORPUS.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            out.push(Case { title: title.to_owned(), edits: Vec::new(), stale: Default::default() });
        }
        let Some(case) = out.last_mut() else { continue };
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        if let Some(list) = line.strip_prefix("pilot:") {
            case.stale[0] = words(list);
        } else if let Some(list) = line.strip_prefix("production:") {
            case.stale[1] = words(list);
        } else if line.starts_with("- ") {
            let [file, was, is] = quoted(line).try_into().unwrap_or_else(|q| panic!("{}: {q:?}", case.title));
            case.edits.push((file, was, is));
        }
    }
    out
}

impl Case {
    fn apply(&self, example: &Example) -> Example {
        let mut edited = example.clone();
        for (file, was, is) in &self.edits {
            if file == "workflow.yaml" {
                edited.replace(was, is);
                continue;
            }
            let text = String::from_utf8(edited.files[file].clone()).unwrap();
            assert_eq!(text.matches(was).count(), 1, "{}: {was:?} stands once in {file}", self.title);
            edited.files.insert(file.clone(), text.replace(was, is).into_bytes());
        }
        edited
    }
}

fn stale(history: &History, edited: &Example, stage: Stage) -> BTreeSet<String> {
    let (workflow, _) = edited.checked_with_findings().unwrap_or_else(|e| panic!("{e}"));
    let states = history.states_of(&workflow, stage).into_iter();
    let stale = states.filter(|s| s.state == State::Stale && s.obligation.id != "release.approval");
    stale.map(|s| s.obligation.id).collect()
}

#[test]
fn realistic_edits_stale_exactly_what_they_touch() {
    let example = Example::calibrated();
    let history = History::complete(example.checked().unwrap(), example.factory.clone(), inputs());
    let cases = cases();
    let (mut needless, mut missed, mut asked, mut stales) = (Vec::new(), Vec::new(), 0, 0);
    for case in &cases {
        let edited = case.apply(&example);
        for (stage, expected) in STAGES.into_iter().zip(&case.stale) {
            let actual = stale(&history, &edited, stage);
            asked += history.states(stage).len() - 1;
            stales += actual.len();
            let name = |id: &String| format!("{}: {stage} {id}", case.title);
            needless.extend(actual.difference(expected).map(name));
            missed.extend(expected.difference(&actual).map(name));
            if std::env::var_os("SHOW_CORPUS").is_some() {
                println!("## {}\n{stage}: {}", case.title, actual.into_iter().collect::<Vec<_>>().join(" "));
            }
        }
    }
    println!(
        "{} edits, {asked} times an obligation was looked at, {stales} stalings: {} needless, {} missed",
        cases.len(),
        needless.len(),
        missed.len()
    );
    assert!(cases.len() >= 40);
    assert_eq!((needless, missed), (vec![], vec![]), "needless, missed");
}
